// The toy gateway of nat's stage tests. One thread runs all workers by turns, on a virtual clock;
// frames are received by the worker that their hash calls for. The world is one static object, so
// one per process. A test that cannot set up its ground aborts.
#include <stdio.h>
#include <stdlib.h>

#include "pipeline/toeplitz.h"
#include "test/unit/nat/nat_world.h"

struct nat_world nw;

static struct pl_program prog;
static struct nat_conf nat_conf;

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "nat world: %s\n", what);
	abort();
}

static const char *const port_text[3][2] = {
	{"192.168.1.1", "fd00::1"},
	{"203.0.113.1", "2001:db8:ffff::1"},
	{"10.0.0.1", NULL},
};

static bool
port_addr(const struct pl_worker *w, uint8_t port, uint8_t family, const union pl_addr *dst,
	  union pl_addr *out)
{
	const char *text = port < 3 ? port_text[port][family == 6] : NULL;

	(void)w;
	(void)dst;
	if (text == NULL || (port == WAN && nw.wan_has_no_addr))
		return false;
	*out = nf_addr(text);
	return true;
}

static void
parse_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)conf;
	PL_FOREACH (p, b) {
		int ret = pl_parse(p);

		p->ct_rule = nw.ct_rule;
		if (ret != 0)
			pl_drop(w, b, p, ret - 1);
	}
}

static void
pick_rule(struct pl_pkt *p, enum nat_side side)
{
	for (unsigned i = 0; i < nw.n_rules; i++) {
		const struct nw_rule *r = &nw.rules[i];

		if (r->side != side || (r->in >= 0 && r->in != p->in_port) ||
		    (r->out >= 0 && r->out != p->out_port) ||
		    (r->proto != 0 && r->proto != p->proto) ||
		    (r->dport != 0 && htons(r->dport) != p->dport))
			continue;
		p->nat_rule = &r->rule;
		return;
	}
	p->nat_rule = NULL;
}

static void
rules_dst_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)w;
	(void)conf;
	PL_FOREACH (p, b) {
		if (p->flags & PL_F_NAT_PRE)
			pick_rule(p, NAT_DST);
	}
}

static void
rules_src_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)w;
	(void)conf;
	PL_FOREACH (p, b) {
		if (p->flags & PL_F_NAT_POST)
			pick_rule(p, NAT_SRC);
	}
}

static bool
is_own(const struct pl_pkt *p)
{
	for (unsigned i = 0; i < 3; i++) {
		const char *text = port_text[i][p->family == 6];
		union pl_addr a;

		if (text == NULL)
			continue;
		a = nf_addr(text);
		if (memcmp(&a, &p->dst, 16) == 0)
			return true;
	}
	return false;
}

static uint8_t
port_to(const struct pl_pkt *p)
{
	const uint8_t *a = p->dst.v6;

	if (nw.move_out != 0)
		return nw.move_out - 1;
	if (p->family == 6)
		return a[0] == 0xfd ? (a[1] == 0 ? LAN : DMZ) : WAN;
	return a[0] == 192 ? LAN : a[0] == 10 ? DMZ : WAN;
}

static void
reset(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	struct tl_spec s = {.src = "198.51.100.7",
			    .dst = "192.168.1.2",
			    .proto = IPPROTO_TCP,
			    .sport = ntohs(p->dport),
			    .dport = ntohs(p->sport),
			    .tcp_flags = 0x14};
	struct rte_mbuf *m = tl_frame(&s);

	*pl_meta(m) = (struct pl_meta){.ct = p->ct,
				       .origin = PL_FROM_SELF,
				       .in_port = PL_PORT_NONE,
				       .out_port = LAN,
				       .ct_state = PL_CT_RELATED,
				       .ct_dir = !p->ct_dir,
				       .flags = PL_F_CT_GIVEN};
	pl_self_send(w, m);
	pl_drop(w, b, p, PL_DROP_REJECT);
}

static void
route_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)conf;
	PL_FOREACH (p, b) {
		if (nw.reject && p->origin == PL_FROM_WIRE) {
			reset(w, b, p);
		} else if (p->origin != PL_FROM_WIRE) {
			p->path = PL_PATH_OUTPUT;
			p->out_port = port_to(p);
		} else if (is_own(p)) {
			p->path = PL_PATH_INPUT;
		} else {
			p->path = PL_PATH_FORWARD;
			p->out_port = port_to(p);
		}
	}
}

static void
out_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)conf;
	PL_FOREACH (p, b) {
		struct nw_out *o = &nw.out[nw.n_out++];

		must(nw.n_out < RTE_DIM(nw.out), "too many packets out");
		o->p = *p;
		o->worker = w->id;
		o->m = pl_take(b, p);
		o->p.m = NULL;
	}
}

static const struct pl_stage parse = {"parse", parse_run, NULL},
			     rules_dst = {"rules-dst", rules_dst_run, NULL},
			     rules_src = {"rules-src", rules_src_run, NULL},
			     route = {"route", route_run, NULL}, out = {"out", out_run, NULL};

static void
program(void)
{
	static void (*idle[])(struct pl_worker * w) = {ct_turn_end, NULL, NULL};
	const struct pl_stage *stages[] = {
		&parse, &ct_steer_stage, &ct_lookup_stage, &rules_dst,	      &nat_dst_stage,
		&route, &rules_src,	 &nat_src_stage,   &ct_confirm_stage, &out};

	idle[1] = nat_src_stage.idle;
	prog.n_stage = RTE_DIM(stages);
	for (unsigned i = 0; i < prog.n_stage; i++) {
		prog.step[i].stage = stages[i];
		prog.step[i].conf = stages[i] == &nat_dst_stage || stages[i] == &nat_src_stage
					    ? &nat_conf
					    : NULL;
	}
	for (unsigned i = 0; i < nw.n; i++) {
		nw.w[i]->prog = &prog;
		nw.w[i]->idle = idle;
	}
}

void
nw_up(unsigned workers, enum cfg_port_selection sel, const struct nw_rule *rules, unsigned n_rules)
{
	struct nat_env env = {.port_addr = port_addr};

	memset(&nw, 0, sizeof(nw));
	tl_init();
	tl_workers(nw.w, workers);
	nw.n = workers;
	nw.rules = rules;
	nw.n_rules = n_rules;
	nw.now_ns = 1000000000;
	nat_conf.port_selection = sel;
	for (unsigned i = 0; i < workers; i++) {
		must(ct_table_create(&nw.w[i]->ct, 4096, i, SOCKET_ID_ANY) == 0, "a table");
		must(nat_core_create(&nw.w[i]->nat, &env, i, SOCKET_ID_ANY) == 0, "a core");
		nat_core_seed(nw.w[i]->nat, 42);
	}
	if (workers > 1)
		must(ct_join(nw.w, workers) == 0 && nat_join(nw.w, workers) == 0, "joined");
	program();
}

static bool
everything(const struct ct_entry *e, void *arg)
{
	(void)e;
	(void)arg;
	return true;
}

void
nw_end_flows(unsigned worker)
{
	ct_table_flush(nw.w[worker], everything, NULL);
}

void
nw_end_all(void)
{
	for (unsigned i = 0; i < nw.n; i++)
		nw_end_flows(i);
}

void
nw_down(void)
{
	for (unsigned i = 0; i < nw.n_out; i++)
		rte_pktmbuf_free(nw.out[i].m);
	for (unsigned i = 0; i < nw.n; i++) {
		ct_table_free(nw.w[i]->ct);
		nat_core_free(nw.w[i]->nat);
		pl_worker_free(nw.w[i]);
	}
	must(rte_mempool_in_use_count(tl_pool) == 0, "an mbuf was lost");
}

static uint64_t
drops(unsigned *which)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nw.n; i++) {
		for (unsigned k = 0; k < PL_DROP_COUNT; k++) {
			sum += nw.w[i]->cnt.drop[k];
			if (nw.w[i]->cnt.drop[k] != 0)
				*which = k;
		}
	}
	return sum;
}

struct nw_out *
nw_send_at(unsigned at, struct rte_mbuf *m, uint8_t port, uint8_t origin, enum pl_drop *reason)
{
	unsigned before = nw.n_out, which = PL_DROP_COUNT;

	nw.now_ns += 1000000;
	for (unsigned i = 0; i < nw.n; i++) {
		memset(nw.w[i]->cnt.drop, 0, sizeof(nw.w[i]->cnt.drop));
		nw.w[i]->now_ns = nw.now_ns;
	}
	pl_worker_feed(nw.w[at], &m, 1, port, origin);
	for (unsigned quiet = 0; quiet < nw.n + 1; quiet++) {
		for (unsigned i = 0; i < nw.n; i++) {
			if (pl_worker_turn(nw.w[i]) != 0)
				quiet = 0;
		}
	}
	must(nw.n_out + drops(&which) == before + 1 + nw.reject, "one packet in, one out");
	if (reason != NULL)
		*reason = which;
	return nw.n_out == before ? NULL : &nw.out[before];
}

struct nw_out *
nw_send(struct rte_mbuf *m, uint8_t port, uint8_t origin, enum pl_drop *reason)
{
	struct pl_pkt p = nf_parsed(m);
	uint32_t hash = pl_toeplitz(p.family, &p.src, &p.dst, p.sport, p.dport);

	return nw_send_at(pl_reta_worker(nw.w[0]->reta, hash), m, port, origin, reason);
}

struct nw_out *
nw_packet(const struct tl_spec *s, uint8_t port)
{
	enum pl_drop reason;
	struct nw_out *o = nw_send(nf_frame(s), port, PL_FROM_WIRE, &reason);

	if (o == NULL)
		fprintf(stderr, "nat world: dropped: %s\n", pl_drop_name(reason));
	must(o != NULL, "the packet should have come out");
	must(tl_csums_ok(o->m), "checksums");
	return o;
}

enum pl_drop
nw_lost(const struct tl_spec *s, uint8_t port)
{
	enum pl_drop reason;

	must(nw_send(nf_frame(s), port, PL_FROM_WIRE, &reason) == NULL,
	     "the packet should not have come out");
	return reason;
}

struct nw_out *
nw_own(struct rte_mbuf *m, const struct nw_out *o, uint8_t ct_dir)
{
	unsigned before = nw.n_out;
	struct pl_meta *meta = pl_meta(m);

	*meta = (struct pl_meta){.ct = o->p.ct,
				 .origin = PL_FROM_SELF,
				 .in_port = PL_PORT_NONE,
				 .out_port = PL_PORT_NONE,
				 .ct_state = PL_CT_RELATED,
				 .ct_dir = ct_dir,
				 .flags = PL_F_CT_GIVEN};
	pl_self_send(nw.w[o->worker], m);
	m = tl_frame(&(struct tl_spec){.src = "192.168.1.77",
				       .dst = "192.168.1.1"}); // something to run for
	pl_worker_feed(nw.w[o->worker], &m, 1, LAN, PL_FROM_WIRE);
	must(nw.n_out == before + 2, "own packet came out");
	return &nw.out[before + 1];
}

static const char *
addr_text(uint8_t family, const union pl_addr *a)
{
	static char text[4][INET6_ADDRSTRLEN];
	static unsigned i;

	i = (i + 1) % 4;
	return inet_ntop(family == 6 ? AF_INET6 : AF_INET, a, text[i], sizeof(text[i]));
}

struct tl_spec
nw_answer(const struct nw_out *o)
{
	static char text[8][INET6_ADDRSTRLEN];
	static unsigned i;
	struct tl_spec s = {.proto = o->p.proto};

	i = (i + 2) % 8;
	strcpy(text[i], addr_text(o->p.family, &o->p.src));
	strcpy(text[i + 1], addr_text(o->p.family, &o->p.dst));
	s.src = text[i + 1];
	s.dst = text[i];
	s.sport = ntohs(o->p.dport);
	s.dport = ntohs(o->p.sport);
	if (o->p.proto == IPPROTO_ICMPV6)
		s.icmp_type = 129;
	return s;
}

const char *
nw_text(const struct nw_out *o)
{
	static char text[4][128];
	static unsigned i;

	if (o == NULL)
		return "nothing";
	i = (i + 1) % 4;
	snprintf(text[i], sizeof(text[i]), "%s:%u>%s:%u", addr_text(o->p.family, &o->p.src),
		 ntohs(o->p.sport), addr_text(o->p.family, &o->p.dst), ntohs(o->p.dport));
	return text[i];
}
