// Property: the compiled walk does what the linear interpreter does, on random policies and
// packets: which packets end and why, the note, the NAT rule, the REJECT kind, the frame, every
// counter. A plain program. ACL_SEED starts the sequence elsewhere, ACL_POLICIES sets how many
// (default 150), ACL_BURSTS how many bursts each sees.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl_step.h"
#include "fake_net.h"
#include "flows.h"
#include "rnd.h"
#include "test/lib/tl.h"

static struct pl_worker *w;
static struct rte_mbuf *buf[PL_BURST];
static struct pl_pkt start[PL_BURST];
static struct ct_entry start_flow[PL_BURST], flow[PL_BURST]; // one of its own for each packet

#define FRAME 256 // what rnd_packet() makes is shorter
struct frame {
	uint8_t byte[FRAME];
	uint16_t len;
};
static struct frame frame[PL_BURST]; // as made; targets write to the buffers

struct outcome {
	struct pl_pkt pkt[PL_BURST];
	struct ct_entry flow[PL_BURST];
	struct pl_note note[PL_BURST];
	struct frame frame[PL_BURST];
	uint64_t drop[PL_DROP_COUNT];
};

static void
keep(struct frame *f, const struct rte_mbuf *m)
{
	memcpy(f->byte, rte_pktmbuf_mtod(m, const void *), FRAME);
	f->len = rte_pktmbuf_data_len(m);
}

static void
run(const struct acl_policy *p, enum acl_point point, struct outcome *out, bool noted)
{
	struct pl_burst *b = &w->burst;
	const void *conf = acl_policy_point(p, point);

	memset(out, 0, sizeof(*out));
	memset(w->cnt.drop, 0, sizeof(w->cnt.drop));
	b->n = b->used = PL_BURST;
	b->ended = 0;
	memcpy(flow, start_flow, sizeof(flow));
	for (unsigned i = 0; i < PL_BURST; i++) {
		memcpy(rte_pktmbuf_mtod(buf[i], void *), frame[i].byte, FRAME);
		buf[i]->data_len = buf[i]->pkt_len = frame[i].len;
		b->pkt[i] = start[i];
		b->pkt[i].note = noted ? &out->note[i] : NULL;
		b->live[i] = &b->pkt[i];
	}
	if (conf != NULL)
		acl_stage[point].run(w, conf, b);
	w->n_dead = 0; // the buffers stay ours
	for (unsigned i = 0; i < PL_BURST; i++)
		keep(&out->frame[i], buf[i]);
	memcpy(out->pkt, b->pkt, sizeof(out->pkt));
	memcpy(out->flow, flow, sizeof(out->flow));
	memcpy(out->drop, w->cnt.drop, sizeof(out->drop));
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_packet(const struct outcome *a, const struct outcome *b, unsigned i)
{
	const struct pl_pkt *x = &a->pkt[i], *y = &b->pkt[i];
	const struct pl_note *n = &a->note[i], *m = &b->note[i];

	if ((x->m == NULL) != (y->m == NULL) || x->reject != y->reject || x->mark != y->mark ||
	    x->flags != y->flags || memcmp(&a->flow[i], &b->flow[i], sizeof(a->flow[i])) != 0)
		return false;
	if ((x->nat_rule == NULL) != (y->nat_rule == NULL) ||
	    (x->nat_rule != NULL && memcmp(x->nat_rule, y->nat_rule, sizeof(*x->nat_rule)) != 0))
		return false;
	if (a->frame[i].len != b->frame[i].len ||
	    memcmp(a->frame[i].byte, b->frame[i].byte, a->frame[i].len) != 0)
		return false;
	return n->verdict == m->verdict && n->drop == m->drop && n->rule == m->rule &&
	       same_text(n->table, m->table) && same_text(n->chain, m->chain);
}

static void
show(const char *who, const struct outcome *o, unsigned i)
{
	const struct pl_note *n = &o->note[i];

	fprintf(stderr, "  %s: %s %s %u verdict %u drop %s nat %d reject %u\n", who,
		n->table ? n->table : "-", n->chain ? n->chain : "-", n->rule, n->verdict,
		pl_drop_name(n->drop), o->pkt[i].nat_rule != NULL, o->pkt[i].reject);
}

static bool
same_counters(const struct acl_policy *a, const struct acl_policy *b)
{
	return memcmp(a->counter[0], b->counter[0], a->n_counter * sizeof(struct pl_counter)) == 0;
}

static int
one_policy(uint64_t seed, unsigned bursts, unsigned *stat)
{
	static const unsigned segment_min[] = {1, 2, 8, 24};
	static struct outcome fast, slow;
	struct rnd r = {seed};
	struct acl_build build = {.port_name = rnd_port_name,
				  .net = &fake_net,
				  .n_port = RND_PORTS,
				  .n_workers = 1,
				  .socket = SOCKET_ID_ANY};
	struct cfg_err err;
	struct acl_policy *compiled, *linear;
	struct acl_sets *sets[2]; // each changes its own
	struct cfg_policy *policy;
	int bad = 0;

	cfg_err_init(&err, "random");
	acl_tuning.segment_min = segment_min[rnd_below(&r, RTE_DIM(segment_min))];
	acl_tuning.context_max = rnd_one_in(&r, 3) ? 1 + rnd_below(&r, 20) : UINT32_MAX;
	acl_tuning.merge_boxes = rnd_one_in(&r, 2) ? 0 : 1200;
	policy = rnd_policy(&r, rnd_one_in(&r, 3));
	sets[0] = rnd_sets(&w);
	sets[1] = rnd_sets(&w);
	build.sets = sets[0];
	if (acl_policy_create(&compiled, policy, &build, &err) < 0) {
		fprintf(stderr, "seed %" PRIu64 ": build fails: %s\n", seed,
			err.n > 0 ? err.msgs[0].text : "?");
		return 1;
	}
	build.linear = true;
	build.sets = sets[1];
	if (acl_policy_create(&linear, policy, &build, &err) < 0)
		abort();
	for (unsigned k = 0; k < bursts && !bad; k++) {
		bool noted = !rnd_one_in(&r, 4);

		w->now_ns += rnd_below(&r, 50) * UINT64_C(1000000);
		for (unsigned i = 0; i < PL_BURST; i++) {
			rnd_packet(&r, &start[i], buf[i], &start_flow[i], &flow[i]);
			keep(&frame[i], buf[i]);
		}
		for (int point = 0; point < ACL_POINTS; point++) {
			run(compiled, point, &fast, noted);
			run(linear, point, &slow, noted);
			for (unsigned i = 0; i < PL_BURST; i++) {
				stat[slow.note[i].verdict + (slow.note[i].rule != 0) * 4]++;
				stat[8] += slow.note[i].drop == PL_DROP_HOTDROP;
				if (same_packet(&fast, &slow, i))
					continue;
				fprintf(stderr, "seed %" PRIu64 " point %d packet %u differs\n",
					seed, point, i);
				show("compiled", &fast, i);
				show("linear  ", &slow, i);
				bad = 1;
			}
			if (memcmp(fast.drop, slow.drop, sizeof(fast.drop)) != 0 ||
			    !same_counters(compiled, linear)) {
				fprintf(stderr, "seed %" PRIu64 " point %d: counters differ\n",
					seed, point);
				bad = 1;
			}
		}
	}
	for (int f = 0; f < ACL_FAMILIES; f++)
		for (int id = 0; id < CFG_TABLES; id++)
			for (uint32_t i = 0; i < compiled->table[f][id].n_step; i++)
				stat[9 + compiled->table[f][id].step[i].kind]++;
	acl_policy_free(compiled);
	acl_policy_free(linear);
	acl_sets_free(sets[0]);
	acl_sets_free(sets[1]);
	cfg_policy_free(policy);
	cfg_err_free(&err);
	return bad;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

int
main(void)
{
	uint64_t seed = number("ACL_SEED", 20261123);
	unsigned n = number("ACL_POLICIES", 150), bursts = number("ACL_BURSTS", 8), stat[12] = {0};
	int bad = 0;

	tl_init();
	tl_workers(&w, 1);
	flows_init();
	for (unsigned i = 0; i < PL_BURST; i++)
		buf[i] = rte_pktmbuf_alloc(tl_pool);
	for (unsigned i = 0; i < n && bad < 3; i++)
		bad += one_policy(seed + i, bursts, stat);
	printf("acl property: seed %" PRIu64 ", %u policies, %u packets each: %s\n", seed, n,
	       bursts * PL_BURST, bad ? "DIFFERENT" : "the same");
	printf("  by rule: %u accepted, %u dropped, %u rejected; by policy: %u, %u; hot-dropped "
	       "%u\n",
	       stat[5], stat[6], stat[7], stat[1], stat[2], stat[8]);
	printf("  steps: %u in line, %u contexts, %u ends\n", stat[9], stat[10], stat[11]);
	rte_pktmbuf_free_bulk(buf, PL_BURST);
	pl_worker_free(w);
	// A test that never meets what it is about proves nothing.
	return bad || stat[5] == 0 || stat[6] == 0 || stat[7] == 0 || stat[8] == 0 || stat[10] == 0;
}
