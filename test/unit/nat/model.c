// What can happen between workers, all of it: every order in which three workers' turns, arriving
// packets, a reload, the end of flows and the clock can follow one another, with every choice of
// which other workers' messages a turn sees already. The code is the real one (parser, steering,
// conntrack, nat, parking, the worker's turn); only threads are replaced by choices. In each state
// that is reached: no two live flows share a tuple, no packet of a live flow was called new, no
// message and no packet was lost. In each state in which nothing more can happen: nothing is left
// over. A plain program, run by meson as nat_model; RINGWALL_LONG=1 adds the large cases.
//
// A worker is deterministic, so a state is known by what each worker has seen, in its order: paths
// that lead to the same state are followed once. Each path is run from the beginning, and after it
// all flows end and nothing must be left.
#include <stdio.h>
#include <stdlib.h>

#include "conntrack/ct_claim.h"
#include "conntrack/ct_redirect.h"
#include "nat/nat_core.h"
#include "pipeline/park.h"
#include "pipeline/toeplitz.h"
#include "test/unit/nat/nat_world.h"

#define WORKERS 3
#define CLIENTS 2
#define DEPTH	80
#define CHOICES 64
#define SERVER	"198.51.100.7"

enum op { TURN, PACKET, REPLY, RELOAD, FLUSH, TICK };

struct choice {
	uint8_t op;    // enum op
	uint8_t who;   // worker of TURN and FLUSH, client of PACKET and REPLY
	uint8_t sees;  // bit for each worker whose messages the turn sees
	uint8_t enter; // PACKET, REPLY: the worker that receives it
};

static const struct scenario {
	const char *name;
	uint8_t packets[CLIENTS]; // of each client
	bool away[CLIENTS];	  // those behind the first come in at a wrong worker
	bool replies;
	bool home_is_owner; // of client 1's flow; else it is the third worker
	bool reload, flush, tick;
	bool large; // only with RINGWALL_LONG
} scenarios[] = {
	// Small enough to be followed to the end each time.
	{"two flows want one reply tuple", {1, 1}},
	{"one of them is at home there", {2, 1}, .home_is_owner = true},
	{"replies", {1, 1}, .replies = true, .home_is_owner = true},
	{"a packet comes in elsewhere", {2, 0}, {true}, .replies = true},
	{"a reload meanwhile", {2, 0}, .reload = true},
	{"a flow ends and begins again", {2, 0}, .replies = true, .flush = true},
	{"the home is late", {1, 1}, .tick = true, .home_is_owner = true},
	// The same with more of it.
	{"two flows and their replies", {2, 2}, .replies = true, .large = true},
	{"three packets, elsewhere", {3, 1}, {true, true}, .replies = true, .large = true},
	{"a reload and replies", {2, 1}, .replies = true, .reload = true, .large = true},
	{"an end, another flow", {2, 1}, .replies = true, .flush = true, .large = true},
	{"late, and two packets", {2, 1}, .tick = true, .large = true},
	{"all at once",
	 {2, 1},
	 .replies = true,
	 .reload = true,
	 .flush = true,
	 .tick = true,
	 .large = true},
};

static struct model {
	const struct scenario *s;
	uint16_t port[CLIENTS]; // of the client and of its translated packets where it is kept
	uint8_t sent[CLIENTS], left[CLIENTS], answered[CLIENTS];
	rte_be16_t as[CLIENTS]; // the port that the last packet left with
	uint64_t seen[WORKERS]; // all that it has seen, as a hash
	bool work[WORKERS];	// its next turn may do something without others
	bool reloaded, flushed, ticked;
	unsigned out; // of nw.out, looked at
	unsigned in;  // packets
	struct rte_mbuf *arriving;
	struct pl_program live, program[2], dead;
} m;

static struct choice path[DEPTH];
static unsigned n_path;

static const struct nw_rule masq = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_MASQUERADE}};
static const char *const client[CLIENTS] = {"192.168.1.2", "192.168.1.3"};

static void
fail(const char *what)
{
	static const char *const names[] = {"turn", "packet", "reply", "reload", "flush", "tick"};

	printf("model: %s: %s, after:", m.s->name, what);
	for (unsigned i = 0; i < n_path; i++)
		printf(" %s %u sees %x at %u;", names[path[i].op], path[i].who, path[i].sees,
		       path[i].enter);
	printf("\n");
	exit(1);
}

static void
must_hold(bool ok, const char *what)
{
	if (!ok)
		fail(what);
}

// ---- the world ----------------------------------------------------------------------------------

static uint16_t
home(const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	union pl_addr a = nf_addr(src), b = nf_addr(dst);

	return pl_reta_worker(nw.w[0]->reta, pl_toeplitz(4, &a, &b, htons(sport), htons(dport)));
}

// A port with which both clients want the same reply tuple, owned where the scenario wants it.
static uint16_t
find_port(bool home_is_owner)
{
	for (uint16_t port = 30000; port != 0; port++) {
		uint16_t a = home(client[0], SERVER, port, 53);
		uint16_t b = home(client[1], SERVER, port, 53);
		uint16_t h = home(SERVER, "203.0.113.1", 53, port);

		if (a != b && a != h && (home_is_owner ? h == b : h != b))
			return port;
	}
	abort();
}

static void
use_after_reload(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	(void)w;
	(void)conf;
	(void)b;
	fail("a program runs that is freed");
}

static uint16_t
receive(void *ctx, uint16_t queue, struct rte_mbuf **to, uint16_t n)
{
	(void)queue;
	(void)n;
	if (ctx != &m || m.arriving == NULL)
		return 0;
	to[0] = m.arriving;
	m.arriving = NULL;
	return 1;
}

// Everything as at first: nothing that came before is left.
static void
begin(const struct scenario *s)
{
	static const struct pl_stage freed = {"freed", use_after_reload, NULL};

	const struct pl_program live = m.live;

	memset(&m, 0, sizeof(m));
	m.s = s;
	m.port[0] = m.port[1] = find_port(s->home_is_owner);
	m.live = m.program[0] = m.program[1] = m.dead = live;
	for (unsigned i = 0; i < m.dead.n_stage; i++)
		m.dead.step[i].stage = &freed;
	for (unsigned i = 0; i < WORKERS; i++) {
		struct pl_worker *w = nw.w[i];

		w->prog = &m.program[0];
		memset(w->nat->refused, 0, sizeof(w->nat->refused));
		nat_core_seed(w->nat, 42);
		memset(w->cnt.drop, 0, sizeof(w->cnt.drop));
	}
	for (unsigned i = 0; i < nw.n_out; i++)
		rte_pktmbuf_free(nw.out[i].m);
	nw.n_out = 0;
	must_hold(rte_mempool_in_use_count(tl_pool) == 0, "a packet's memory is lost");
	n_path = 0;
}

// ---- what a turn sees ---------------------------------------------------------------------------

static void
mix(uint64_t *h, const void *data, size_t n)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < n; i++)
		*h = (*h ^ b[i]) * 0x100000001b3;
	*h ^= *h >> 29;
}

static bool
is_empty(struct ct_ring *r)
{
	return ct_ring_room(r) == CT_LINK_SIZE;
}

static struct ct_ring *
ring(unsigned from, unsigned to, bool answer)
{
	struct ct_links *l = nw.w[0]->ct->links;

	return answer ? &l->pair[from * l->n + to].answer : &l->pair[from * l->n + to].ask;
}

static bool
has_sent(unsigned from, unsigned to)
{
	return from != to && (!is_empty(ring(from, to, false)) || !is_empty(ring(from, to, true)) ||
			      rte_ring_count(nw.w[to]->from[from]) != 0);
}

static void
mix_messages(uint64_t *h, struct ct_ring *r)
{
	uint32_t head = atomic_load(&r->head);

	for (uint32_t at = atomic_load(&r->tail); at != head; at++) {
		const struct ct_msg *msg = &r->msg[at % CT_LINK_SIZE];

		mix(h, &msg->key, sizeof(msg->key));
		mix(h, &msg->op, 1);
		mix(h, &msg->dir, 1);
	}
	mix(h, "r", 1);
}

static void
mix_packet(uint64_t *h, struct rte_mbuf *pkt)
{
	mix(h, rte_pktmbuf_mtod_offset(pkt, const void *, 26), 12); // addresses and ports
}

static void
mix_handed(uint64_t *h, struct rte_ring *r)
{
	struct rte_mbuf *pkt[64];
	unsigned n = rte_ring_sc_dequeue_burst(r, (void **)pkt, 64, NULL);

	for (unsigned i = 0; i < n; i++) {
		mix_packet(h, pkt[i]);
		rte_ring_sp_enqueue(r, pkt[i]);
	}
	mix(h, "h", 1);
}

// What the worker is about to see becomes part of what it has seen.
static void
note_seen(const struct choice *c, unsigned at)
{
	uint64_t *h = &m.seen[at];

	mix(h, &c->op, 1);
	mix(h, &m.reloaded, 1);
	mix(h, &m.ticked, 1);
	if (m.arriving != NULL)
		mix_packet(h, m.arriving);
	for (unsigned from = 0; from < WORKERS; from++) {
		if (from == at || !(c->sees >> from & 1))
			continue;
		mix_messages(h, ring(from, at, false));
		mix_messages(h, ring(from, at, true));
		mix_handed(h, nw.w[at]->from[from]);
	}
}

// One turn as pl_worker_loop() makes it, but blind for those whose messages are still on the way.
static void
turn(unsigned at, uint8_t sees)
{
	struct pl_worker *w = nw.w[at];
	struct rte_ring *from[WORKERS] = {NULL};
	uint32_t head[WORKERS][2];

	for (unsigned i = 0; i < WORKERS; i++) {
		if (i == at || (sees >> i & 1))
			continue;
		from[i] = w->from[i];
		w->from[i] = NULL;
		for (unsigned k = 0; k < 2; k++) {
			struct ct_ring *r = ring(i, at, k);

			head[i][k] = atomic_load(&r->head);
			atomic_store(&r->head, atomic_load(&r->tail));
		}
	}
	w->rx[0] = (struct pl_rx){.burst = receive, .ctx = &m, .port = LAN};
	w->n_rx = 1;
	w->now_ns = nw.now_ns;
	if (w->n_parked == 0)
		w->prog = &m.program[m.reloaded];
	w->hold = w->n_parked != 0 && w->prog != &m.program[m.reloaded];
	pl_worker_turn(w);
	for (unsigned i = 0; i < WORKERS; i++) {
		if (from[i] == NULL)
			continue;
		w->from[i] = from[i];
		for (unsigned k = 0; k < 2; k++)
			atomic_store(&ring(i, at, k)->head, head[i][k]);
	}
}

// ---- choices ------------------------------------------------------------------------------------

static void
add(struct choice *c, unsigned *n, struct choice one)
{
	if (*n == CHOICES)
		abort();
	c[(*n)++] = one;
}

static uint8_t
senders_to(unsigned at)
{
	uint8_t set = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		set |= (uint8_t)(has_sent(i, at) << i);
	return set;
}

// All ways in which a turn of this worker can see a part of what there is.
static void
add_views(struct choice *c, unsigned *n, struct choice one, unsigned at, bool none)
{
	uint8_t set = senders_to(at);

	for (uint8_t sees = set; sees != 0; sees = (uint8_t)((sees - 1) & set)) {
		one.sees = sees;
		add(c, n, one);
	}
	one.sees = 0;
	if (none)
		add(c, n, one);
}

static bool
takes_packets(unsigned at)
{
	return nw.w[at]->n_parked == 0 || nw.w[at]->prog == &m.program[m.reloaded];
}

static unsigned
choices(struct choice *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		bool adopts = nw.w[i]->prog != &m.program[m.reloaded] && nw.w[i]->n_parked == 0;

		add_views(c, &n, (struct choice){TURN, (uint8_t)i, 0, (uint8_t)i}, i,
			  m.work[i] || adopts);
	}
	for (unsigned k = 0; k < CLIENTS; k++) {
		uint16_t at = home(client[k], SERVER, m.port[k], 53);

		if (m.s->away[k] && m.sent[k] != 0)
			at = (uint16_t)((at + m.sent[k]) % WORKERS);
		if (m.sent[k] < m.s->packets[k] && takes_packets(at))
			add_views(c, &n, (struct choice){PACKET, (uint8_t)k, 0, (uint8_t)at}, at,
				  true);
		if (!m.s->replies || m.left[k] == 0 || m.answered[k] != 0)
			continue;
		at = home(SERVER, "203.0.113.1", 53, ntohs(m.as[k]));
		if (takes_packets(at))
			add_views(c, &n, (struct choice){REPLY, (uint8_t)k, 0, (uint8_t)at}, at,
				  true);
	}
	if (m.s->reload && !m.reloaded)
		add(c, &n, (struct choice){.op = RELOAD});
	if (m.s->flush && !m.flushed)
		add(c, &n,
		    (struct choice){.op = FLUSH,
				    .who = (uint8_t)home(client[0], SERVER, m.port[0], 53)});
	if (m.s->tick && !m.ticked)
		add(c, &n, (struct choice){.op = TICK});
	return n;
}

static void
arrive(const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	struct tl_spec s = {.src = src, .dst = dst, .sport = sport, .dport = dport};

	m.arriving = tl_frame(&s);
	m.in++;
}

static unsigned
effects_of(unsigned at)
{
	const struct pl_worker *w = nw.w[at];

	return w->n_parked + 100 * nw.n_out + (unsigned)w->cnt.parked +
	       (w->ct->list[CT_LIST_FRESH] | w->ct->list[CT_LIST_DEAD]);
}

static void
take(const struct choice *c)
{
	unsigned at = c->op == TURN ? c->who : c->enter, before;

	switch ((enum op)c->op) {
	case RELOAD:
		m.reloaded = true;
		return;
	case TICK:
		m.ticked = true;
		nw.now_ns += PL_PARK_NS + 1;
		memset(m.work, 1, sizeof(m.work));
		return;
	case FLUSH:
		m.flushed = true;
		m.work[c->who] = true;
		mix(&m.seen[c->who], "f", 1);
		ct_table_flush(nw.w[c->who], NULL, NULL);
		return;
	case PACKET:
		arrive(client[c->who], SERVER, m.port[c->who], 53);
		m.sent[c->who]++;
		break;
	case REPLY:
		arrive(SERVER, "203.0.113.1", 53, ntohs(m.as[c->who]));
		m.answered[c->who]++;
		break;
	case TURN:
		break;
	}
	note_seen(c, at);
	before = effects_of(at);
	turn(at, c->sees);
	must_hold(m.arriving == NULL, "a packet was not taken in");
	m.work[at] = c->op != TURN || c->sees != 0 || before != effects_of(at);
}

// ---- what must hold -----------------------------------------------------------------------------

#define FLOWS 8

static unsigned
live_flows(struct ct_flow *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		uint64_t cursor = 0;

		while (cursor != UINT64_MAX)
			n += ct_table_dump(nw.w[i]->ct, nw.now_ns, &cursor, f + n, FLOWS - n);
	}
	return n;
}

static bool
same(const struct ct_tuple *a, const struct ct_tuple *b)
{
	return a->src.v4 == b->src.v4 && a->dst.v4 == b->dst.v4 && a->sport == b->sport &&
	       a->dport == b->dport;
}

static void
check_flows(const struct ct_flow *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < i; k++) {
			must_hold(!same(&f[i].tuple[1], &f[k].tuple[1]),
				  "two live flows share a reply tuple");
			must_hold(!same(&f[i].tuple[0], &f[k].tuple[0]),
				  "two live flows share an original tuple");
			must_hold(!same(&f[i].tuple[0], &f[k].tuple[1]) &&
					  !same(&f[i].tuple[1], &f[k].tuple[0]),
				  "one flow's packets are another's replies");
		}
	}
}

// Flows of before this step, of which each packet that came out in it was one, or else new.
static void
check_out(const struct ct_flow *f, unsigned n)
{
	for (; m.out < nw.n_out; m.out++) {
		const struct nw_out *o = &nw.out[m.out];
		struct ct_tuple orig = ct_entry_tuple(o->p.ct, CT_ORIGINAL);

		for (unsigned i = 0; i < n && o->p.ct_state == PL_CT_NEW; i++) {
			bool mine = same(&orig, &f[i].tuple[0]) && o->worker == f[i].worker;

			must_hold(mine || (!same(&orig, &f[i].tuple[0]) &&
					   !same(&orig, &f[i].tuple[1])),
				  "a packet of a known flow was called new");
		}
		for (unsigned k = 0; k < CLIENTS && o->p.out_port == WAN; k++) {
			if (orig.src.v4 != nf_addr(client[k]).v4)
				continue;
			m.left[k]++;
			m.as[k] = o->p.sport;
		}
	}
}

static uint64_t
drops(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		const struct pl_counters *cnt = &nw.w[i]->cnt;

		must_hold(nw.w[i]->ct->stats.unsent == 0, "a message had no room");
		for (unsigned r = 0; r < PL_DROP_COUNT; r++) {
			bool fine = (r == PL_DROP_CT_CLASH && m.s->flush) ||
				    (r == PL_DROP_PARK_LATE && m.s->tick);

			must_hold(cnt->drop[r] == 0 || fine, pl_drop_name(r));
			sum += cnt->drop[r];
		}
	}
	return sum;
}

static void
check_end(void)
{
	struct ct_flow f[FLOWS];
	unsigned n = live_flows(f), redirects = 0, away = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		const struct pl_worker *w = nw.w[i];
		const struct ct_table *t = w->ct;

		must_hold(w->n_parked == 0, "a packet waits for ever");
		must_hold(t->n_asked == 0, "a question has no answer");
		must_hold((t->list[CT_LIST_FRESH] | t->list[CT_LIST_PARKED] |
			   t->list[CT_LIST_DEAD]) == 0,
			  "a flow is left over");
		must_hold(w->prog == &m.program[m.reloaded], "the reload is not through");
		redirects += ct_redirect_count(t, false);
	}
	for (unsigned i = 0; i < 2 * n; i++)
		away += ct_tuple_home(nw.w[0], &f[i / 2].tuple[i % 2]) != f[i / 2].worker;
	must_hold(redirects == away, "redirects are not those of the flows");
	must_hold(nw.n_out + drops() == m.in, "a packet was lost");
}

static void
step(const struct choice *c)
{
	struct ct_flow before[FLOWS], after[FLOWS];
	unsigned n_before = live_flows(before), n_after;
	bool all = true;

	path[n_path++] = *c;
	take(c);
	n_after = live_flows(after);
	check_flows(after, n_after);
	check_out(before, n_before);
	drops();
	for (unsigned i = 0; i < WORKERS; i++)
		all &= nw.w[i]->prog == &m.program[1];
	if (all)
		m.program[0] = m.dead; // nobody holds it: freed
}

// Until nothing moves; then all flows end, and nothing must be left.
static void
settle(void)
{
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned quiet = 0; quiet < 3; quiet++) {
			for (unsigned i = 0; i < WORKERS; i++) {
				unsigned before = effects_of(i);

				turn(i, (1u << WORKERS) - 1);
				if (before != effects_of(i) || senders_to(i) != 0)
					quiet = 0;
			}
		}
		for (unsigned i = 0; i < WORKERS; i++)
			ct_table_flush(nw.w[i], NULL, NULL);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		const struct ct_table *t = nw.w[i]->ct;

		must_hold(nw.w[i]->n_parked == 0 && t->n_asked == 0, "a packet waits for ever");
		must_hold(ct_table_count(t) == 0, "a flow is left over");
		must_hold(ct_redirect_count(t, false) == 0, "a redirect is left over");
	}
}

// ---- all of it ----------------------------------------------------------------------------------

#define STATES (1u << 22)
#define SMALL  400000 // states at most
#define LARGE  2000000
static uint64_t *states;

// Has the state been there? It has from now on.
static bool
is_known(unsigned *n_states)
{
	uint64_t h = 0xcbf29ce484222325;
	uint32_t at;

	mix(&h, m.seen, sizeof(m.seen));
	mix(&h, m.sent, sizeof(m.sent));
	mix(&h, m.answered, sizeof(m.answered));
	mix(&h, m.work, sizeof(m.work));
	mix(&h, &m.reloaded, 1);
	mix(&h, &m.flushed, 1);
	mix(&h, &m.ticked, 1);
	h |= 1;
	for (at = (uint32_t)(h >> 40) % STATES; states[at] != 0; at = (at + 1) % STATES) {
		if (states[at] == h)
			return true;
	}
	states[at] = h;
	++*n_states;
	return false;
}

// True: all states were reached, not only as many as were allowed.
static bool
explore(const struct scenario *s, unsigned max_states)
{
	static unsigned at[DEPTH], of[DEPTH];
	unsigned len = 0, n_states = 0, paths = 0, ends = 0, deepest = 0;

	memset(states, 0, STATES * sizeof(*states));
	do {
		struct choice c[CHOICES];

		begin(s);
		paths++;
		for (unsigned d = 0;; d++) {
			unsigned n;

			if (d >= len && is_known(&n_states))
				break;
			n = choices(c);
			if (n == 0) {
				check_end();
				ends++;
				break;
			}
			must_hold(d < DEPTH, "it goes on and on");
			if (d >= len) {
				at[d] = 0;
				len = d + 1;
			}
			of[d] = n;
			step(&c[at[d]]);
			deepest = RTE_MAX(deepest, n_path);
		}
		settle();
		while (len != 0 && ++at[len - 1] >= of[len - 1])
			len--;
	} while (len != 0 && n_states < max_states);
	printf("%-34s %7u states, %7u paths, %6u ends, %2u steps at most%s\n", s->name, n_states,
	       paths, ends, deepest, len == 0 ? "" : " (not all)");
	fflush(stdout);
	return len == 0;
}

int
main(void)
{
	const char *text = getenv("RINGWALL_LONG");
	const bool is_long = text != NULL && atoi(text) != 0;
	bool all = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	states = calloc(STATES, sizeof(*states));
	if (states == NULL)
		return 1;
	nw_up(WORKERS, CFG_PORTS_PRESERVE, &masq, 1);
	m.live = *nw.w[0]->prog;
	for (unsigned i = 0; i < RTE_DIM(scenarios); i++) {
		if (!scenarios[i].large)
			all &= explore(&scenarios[i], SMALL);
		else if (is_long)
			explore(&scenarios[i], LARGE);
	}
	nw_down();
	free(states);
	if (!all)
		printf("model: the small ones are not small any more\n");
	return all ? 0 : 1;
}
