// See at.h. Failures of the ground itself abort the test that stands on it.
#include "at.h"
#include "acl/acl_sets.h"
#include "fake_net.h"

#include <rte_ip.h>

const char *const at_port[3] = {"lan", "wan", "eth1"};

static struct acl_policy *
build(struct at *t, bool linear)
{
	struct acl_build b = {.port_name = at_port,
			      .n_port = RTE_DIM(at_port),
			      .n_workers = 2,
			      .socket = SOCKET_ID_ANY,
			      .net = &fake_net,
			      .sets = t->sets[linear],
			      .linear = linear};
	struct acl_policy *p = NULL;
	struct cfg_err err;

	cfg_err_init(&err, "test");
	if (acl_policy_create(&p, t->model, &b, &err) < 0)
		cr_assert(false, "policy does not compile: %s", err.n > 0 ? err.msgs[0].text : "?");
	cfg_err_free(&err);
	return p;
}

// Commands of ipset, whole or not at all.
static char *
run_sets(struct acl_sets *sets, const char *text)
{
	struct acl_sets_batch *b = acl_sets_begin(sets, NULL, NULL);
	const struct cfg_set_do how = acl_sets_do(b);
	struct cfg_err err;
	char *said = NULL;

	cfg_err_init(&err, NULL);
	if (cfg_set_text(text, strlen(text), &how, &err) < 0)
		acl_sets_abort(b);
	else
		acl_sets_commit(b, &err);
	if (err.n > 0)
		said = cfg_msg_format(&err.msgs[0]);
	cfg_err_free(&err);
	return said;
}

char *
at_set(struct at *t, const char *line)
{
	char *a = run_sets(t->sets[0], line), *b = run_sets(t->sets[1], line);

	cr_assert((a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0));
	free(b);
	return a;
}

void
at_open_sets(struct at *t, enum cfg_family family, const char *text, const char *sets)
{
	struct cfg_err err;
	char *said;

	tl_init();
	cfg_err_init(&err, "test");
	t->model = NULL;
	if (cfg_policy_from_save(&t->model, family, text, strlen(text), &err) < 0)
		cr_assert(false, "rules do not load: %s", err.n > 0 ? err.msgs[0].text : "?");
	cfg_err_free(&err);
	tl_workers(t->w, 2);
	for (int i = 0; i < 2; i++)
		cr_assert(acl_sets_create(&t->sets[i], t->w, 2, at_port, RTE_DIM(at_port)) == 0);
	said = at_set(t, sets);
	cr_assert(said == NULL, "%s", said);
	t->compiled = build(t, false);
	t->linear = build(t, true);
}

void
at_open(struct at *t, enum cfg_family family, const char *text)
{
	at_open_sets(t, family, text, "");
}

void
at_close(struct at *t)
{
	acl_policy_free(t->compiled);
	acl_policy_free(t->linear);
	cfg_policy_free(t->model);
	acl_sets_free(t->sets[0]);
	acl_sets_free(t->sets[1]);
	pl_worker_free(t->w[0]);
	pl_worker_free(t->w[1]);
}

// Makes the IPv4 or IPv6 packet end after `len` bytes of its L4 header.
static void
cut(struct pl_pkt *p, uint16_t len)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l3_off);
	uint16_t total = p->l4_off - p->l3_off + len, field, sum;

	field = rte_cpu_to_be_16(p->family == 4 ? total : total - 40);
	memcpy(ip + (p->family == 4 ? 2 : 4), &field, 2);
	if (p->family == 4) {
		memset(ip + 10, 0, 2);
		sum = rte_ipv4_cksum((struct rte_ipv4_hdr *)ip);
		memcpy(ip + 10, &sum, 2);
	}
	cr_assert(pl_parse(p) == 0);
}

static void
way_set(struct pl_pkt *p, const struct at_way *way)
{
	p->origin = way->origin;
	p->path = way->path != 0 ? way->path : PL_PATH_FORWARD;
	p->in_port = way->in == AT_NONE ? PL_PORT_NONE : way->in != 0 ? way->in - 1 : 0;
	p->out_port = way->out == AT_NONE ? PL_PORT_NONE : way->out != 0 ? way->out - 1 : 1;
	p->ct_state = way->ct_state == AT_NONE ? 0 : way->ct_state != 0 ? way->ct_state : PL_CT_NEW;
	p->ct_status = way->ct_status;
	p->ct = way->ct;
	p->ct_dir = way->ct_dir;
	p->ct_rule = way->ct_rule;
	p->mark = way->mark;
	if (way->data_off != 0)
		*rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off + 12) = way->data_off << 4;
	if (way->cut != 0)
		cut(p, way->cut - 1);
	p->flags |= way->flags;
}

static struct at_result
judge(const struct acl_policy *pol, struct pl_worker *w, enum acl_point point,
      const struct tl_spec *s, const struct at_way *way)
{
	struct pl_pkt *p = tl_pkt(w, s, 0);
	struct rte_mbuf *m = p->m;
	struct at_result r = {0};
	const void *conf = acl_policy_point(pol, point);

	way_set(p, way);
	p->note = &r.note;
	memset(w->cnt.drop, 0, sizeof(w->cnt.drop));
	if (conf != NULL)
		acl_stage[point].run(w, conf, &w->burst);
	r.gone = p->m == NULL;
	for (unsigned i = 0; i < PL_DROP_COUNT; i++)
		if (w->cnt.drop[i] != 0)
			r.drop = i;
	r.reject = p->reject;
	r.has_nat = p->nat_rule != NULL;
	if (r.has_nat)
		r.nat = *p->nat_rule;
	w->n_dead = 0;
	rte_pktmbuf_free(m);
	return r;
}

static const char *
or_none(const char *text)
{
	return text != NULL ? text : "-";
}

struct at_result
at_judge(struct at *t, enum acl_point point, const struct tl_spec *s, const struct at_way *way,
	 unsigned worker)
{
	struct ct_entry before = {0}, after = {0};
	struct at_result a, b;

	if (way->ct != NULL)
		before = *way->ct;
	a = judge(t->compiled, t->w[worker], point, s, way);
	if (way->ct != NULL) { // both are to find the flow as it was
		after = *way->ct;
		*way->ct = before;
	}
	b = judge(t->linear, t->w[worker], point, s, way);
	cr_expect(way->ct == NULL || memcmp(way->ct, &after, sizeof(after)) == 0,
		  "both leave the same flow");
	cr_expect(a.gone == b.gone && a.drop == b.drop && a.reject == b.reject &&
			  a.has_nat == b.has_nat && a.note.rule == b.note.rule &&
			  a.note.verdict == b.note.verdict && a.note.drop == b.note.drop &&
			  strcmp(or_none(a.note.chain), or_none(b.note.chain)) == 0,
		  "compiled: gone %d %s rule %u; linear: gone %d %s rule %u", a.gone,
		  or_none(a.note.chain), a.note.rule, b.gone, or_none(b.note.chain), b.note.rule);
	a.note.table = a.note.table != NULL ? a.note.table : "-";
	a.note.chain = or_none(a.note.chain);
	return a;
}

static struct pl_counter
counter(struct at *t, const struct acl_policy *p, enum cfg_table_id table, const char *name,
	unsigned rule)
{
	struct cfg_chain *c = cfg_chain_find(t->model, table, name);

	acl_policy_counters(p, t->model);
	if (rule == 0) // of both families: a test uses one
		return (struct pl_counter){c->packets4 + c->packets6, c->bytes4 + c->bytes6};
	return (struct pl_counter){c->rule[rule - 1].packets, c->rule[rule - 1].bytes};
}

uint64_t
at_packets(struct at *t, enum cfg_table_id table, const char *chain, unsigned rule)
{
	struct pl_counter a = counter(t, t->compiled, table, chain, rule);
	struct pl_counter b = counter(t, t->linear, table, chain, rule);

	cr_expect(a.packets == b.packets && a.bytes == b.bytes, "counters of %s %u", chain, rule);
	return a.packets;
}

uint64_t
at_bytes(struct at *t, enum cfg_table_id table, const char *chain, unsigned rule)
{
	return counter(t, t->compiled, table, chain, rule).bytes;
}
