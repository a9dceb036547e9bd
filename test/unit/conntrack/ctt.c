// See ctt.h. One thread; aborts where the ground cannot be laid.
#include <stdio.h>
#include <stdlib.h>

#include "ctt.h"

struct ctt ctt;
const struct pl_stage *ctt_defrag;
void (*ctt_on_start)(struct pl_worker *w), (*ctt_on_stop)(struct pl_worker *w);
static struct pl_program program;

// What ipv6_rcv refuses (RFC 4291 section 2.5.3, 2.7); in the gateway, net's parse stage does.
static bool
never_received(const struct pl_pkt *p)
{
	static const uint8_t lo[16] = {[15] = 1};

	return p->family == 6 && p->origin == PL_FROM_WIRE &&
	       (memcmp(p->src.v6, lo, 16) == 0 || memcmp(p->dst.v6, lo, 16) == 0 ||
		p->src.v6[0] == 0xff);
}

static void
run_parse(struct pl_worker *w, const void *c, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)c;
	PL_FOREACH (p, b) {
		int ret = pl_parse(p);

		if (!p->past_raw)
			p->ct_rule = ctt.raw != NULL && ret == 0 ? ctt.raw(p) : ctt.ct_rule;
		if (ret != 0)
			pl_drop(w, b, p, ret > 0 ? (enum pl_drop)(ret - 1) : PL_DROP_NOT_IP);
		else if (never_received(p))
			pl_drop(w, b, p, PL_DROP_BAD_SOURCE);
	}
}

static void
run_filter(struct pl_worker *w, const void *c, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)c;
	PL_FOREACH (p, b) {
		if (ctt.between != NULL)
			ctt.between(w, p);
		if (ctt.n_seen < CTT_SEEN)
			ctt.seen[ctt.n_seen++] = (struct ctt_seen){
				p->ct_state, p->ct_dir, p->ct_status, (uint8_t)w->id,
				p->flags,    p->hash,	p->ct};
		if (ctt.drop != NULL && ctt.drop(w, p))
			pl_drop(w, b, p, PL_DROP_RULE);
	}
}

static void
run_sink(struct pl_worker *w, const void *c, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)w;
	(void)c;
	PL_FOREACH (p, b)
		rte_pktmbuf_free(pl_take(b, p));
}

static const struct pl_stage parse = {"parse", run_parse, NULL},
			     filter = {"filter", run_filter, NULL}, sink = {"sink", run_sink, NULL};

void
ctt_stop(void)
{
	for (unsigned i = 0; i < ctt.n; i++) {
		if (ctt_on_stop != NULL)
			ctt_on_stop(ctt.w[i]);
		ct_table_free(ctt.w[i]->ct);
		pl_worker_free(ctt.w[i]);
	}
	memset(&ctt, 0, sizeof(ctt));
}

static void
add_stage(const struct pl_stage *stage, const void *conf)
{
	program.step[program.n_stage++] = (typeof(program.step[0])){stage, conf};
}

static void
make_program(bool zones)
{
	const void *steer = zones ? &ct_steer_by_hash : NULL;

	program.n_stage = 0;
	add_stage(&parse, NULL);
	add_stage(&ct_steer_stage, steer);
	if (ctt_defrag != NULL) {
		add_stage(ctt_defrag, NULL);
		add_stage(&ct_steer_stage, steer);
	}
	if (zones)
		add_stage(&ct_steer_zones_stage, NULL);
	add_stage(&ct_lookup_stage, &ctt.conf);
	add_stage(&filter, NULL);
	add_stage(&ct_confirm_stage, &ctt.conf);
	add_stage(&sink, NULL);
}

void
ctt_zones(void)
{
	make_program(true);
}

void
ctt_start(unsigned n, uint32_t max)
{
	static void (*idle[])(struct pl_worker *) = {ct_turn_end, NULL, NULL};

	tl_init();
	ctt_stop();
	ct_conf_init(&ctt.conf, NULL, 1);
	make_program(false);
	idle[1] = ctt_defrag != NULL ? ctt_defrag->idle : NULL;
	tl_workers(ctt.w, n);
	ctt.n = n;
	for (unsigned i = 0; i < n; i++) {
		if (ct_table_create(&ctt.w[i]->ct, max, (uint16_t)i, SOCKET_ID_ANY) != 0)
			abort();
		ctt.w[i]->prog = &program;
		ctt.w[i]->idle = idle;
		ctt.w[i]->now_ns = 1000000000;
		if (ctt_on_start != NULL)
			ctt_on_start(ctt.w[i]);
	}
	if (ct_join(ctt.w, n) != 0)
		abort();
}

void
ctt_turns(void)
{
	unsigned moved;

	do {
		moved = 0;
		for (unsigned i = 0; i < ctt.n; i++)
			moved += pl_worker_turn(ctt.w[i]);
	} while (moved != 0);
}

void
ctt_feed(unsigned i, struct rte_mbuf **m, unsigned n)
{
	pl_worker_feed(ctt.w[i], m, (uint16_t)n, 0, PL_FROM_WIRE);
	ctt_turns();
}

uint8_t
ctt_frame(struct rte_mbuf *m)
{
	ctt.n_seen = 0;
	ctt_feed(0, &m, 1);
	return ctt.n_seen == 1 ? ctt.seen[0].state : 0;
}

uint8_t
ctt_one(const struct tl_spec *s)
{
	return ctt_frame(tl_frame(s));
}

void
ctt_advance_ms(uint64_t ms)
{
	for (unsigned i = 0; i < ctt.n; i++)
		ctt.w[i]->now_ns += ms * 1000000;
}

unsigned
ctt_dump(unsigned i, struct ct_flow *out, unsigned max)
{
	uint64_t cursor = 0;
	unsigned n = 0;

	while (cursor != UINT64_MAX && n < max)
		n += ct_table_dump(ctt.w[i]->ct, ctt.w[i]->now_ns, &cursor, out + n, max - n);
	return n;
}
