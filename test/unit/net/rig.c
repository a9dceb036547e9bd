// The rig of net's stage tests (rig.h).
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/policy.h"
#include "test/unit/net/rig.h"

void (*rig_hook)(struct pl_worker *w, struct pl_pkt *p);

static void
hook_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		if (rig_hook != NULL)
			rig_hook(w, p);
	}
}

static const struct pl_stage hook_stage = {"hook", hook_run, NULL};
static struct pl_program program;
static void (*const idle[])(struct pl_worker *w) = {net_flush, NULL};

static uint16_t
keep(void *ctx, uint16_t queue __rte_unused, struct rte_mbuf **m, uint16_t n)
{
	struct rig_queue *q = ctx;
	uint16_t taken = 0;

	while (taken < n && q->refuse == 0 && q->n < RIG_KEPT)
		q->m[q->n++] = m[taken++];
	if (taken < n && q->refuse != 0)
		q->refuse--;
	return taken;
}

struct cfg_prefix
rig_prefix(const char *text)
{
	struct cfg_prefix p = {0};
	char addr[64];
	const char *slash = strchr(text, '/');

	snprintf(addr, sizeof(addr), "%.*s", slash != NULL ? (int)(slash - text) : 63,
		 text != NULL ? text : "");
	p.family = strchr(text, ':') != NULL ? CFG_IPV6 : CFG_IPV4;
	p.len = slash != NULL ? atoi(slash + 1) : p.family == CFG_IPV4 ? 32 : 128;
	cr_assert(inet_pton(p.family == CFG_IPV4 ? AF_INET : AF_INET6, addr, p.addr) == 1);
	return p;
}

static void
must_addr(struct net_table *t, uint8_t port, const char *text)
{
	struct cfg_prefix a = rig_prefix(text);

	cr_assert(net_table_add_addr(t, port, &a) == 0, "%s", text);
}

static void
must_neigh(struct net_table *t, uint8_t port, const char *text, uint8_t fifth)
{
	struct cfg_prefix a = rig_prefix(text);
	uint8_t mac[6] = {2, 0, 0, 0, fifth, 2};

	cr_assert(net_table_set_neigh(t, port, &a, mac, true) == 0, "%s", text);
}

static void
set_port(struct rig *r, uint8_t port, uint16_t mtu)
{
	struct net_port_info info = {.mtu = mtu, .up = true, .has_twin = true};

	snprintf(info.name, sizeof(info.name), "p%u", port);
	info.mac[0] = 2;
	info.mac[5] = port + 1;
	cr_assert(net_table_set_port(r->t, port, &info) == 0);
}

void
rig_mtu(struct rig *r, uint8_t port, uint16_t mtu)
{
	set_port(r, port, mtu);
}

static void
fill_table(struct rig *r)
{
	static const char *const addr[3][2] = {{"10.1.0.1/24", "2001:db8:1::1/64"},
					       {"10.2.0.1/24", "2001:db8:2::1/64"},
					       {"10.3.0.1/24", "2001:db8:3::1/64"}};
	const struct net_table_conf conf = {.routes4 = 1024,
					    .routes6 = 1024,
					    .neighbours = 64,
					    .n_workers = 2,
					    .socket = SOCKET_ID_ANY,
					    .small = true};
	struct cfg_prefix p;

	cr_assert(net_table_create(&r->t, &conf) == 0);
	for (uint8_t port = 0; port < 3; port++) {
		set_port(r, port, 1500);
		must_addr(r->t, port, addr[port][0]);
		must_addr(r->t, port, addr[port][1]);
	}
	must_neigh(r->t, RIG_LAN, "10.1.0.2", 1);
	must_neigh(r->t, RIG_LAN, "2001:db8:1::2", 1);
	must_neigh(r->t, RIG_WAN, "10.2.0.2", 2);
	must_neigh(r->t, RIG_WAN, "2001:db8:2::2", 2);
	p = rig_prefix("10.66.0.0/16");
	cr_assert(net_table_add_route(r->t, &p, NULL, PL_PORT_NONE, true) == 0);
	p = rig_prefix("2001:db8:66::/48");
	cr_assert(net_table_add_route(r->t, &p, NULL, PL_PORT_NONE, true) == 0);
}

void
rig_up(struct rig *r)
{
	static const struct pl_stage *const stage[] = {&net_parse_stage,  &net_defrag_stage,
						       &net_route_stage,  &hook_stage,
						       &net_reject_stage, &net_output_stage};
	struct net_core_conf conf = {.fragments = 64};

	memset(r, 0, sizeof(*r));
	rig_hook = NULL;
	tl_init();
	r->free_before = rte_mempool_avail_count(tl_pool);
	fill_table(r);
	tl_workers(&r->w, 1);
	conf.table = r->t;
	cr_assert(net_core_create(&r->w->net, &conf, 0, SOCKET_ID_ANY) == 0);
	for (uint8_t port = 0; port < 3; port++) {
		struct net_tx tx = {.burst = keep, .ctx = &r->wire[port]};

		r->wire[port].m = calloc(RIG_KEPT, sizeof(r->wire[port].m[0]));
		r->host[port].m = calloc(RIG_KEPT, sizeof(r->host[port].m[0]));

		net_core_set_tx(r->w->net, port, false, &tx);
		tx.ctx = &r->host[port];
		net_core_set_tx(r->w->net, port, true, &tx);
	}
	program.n_stage = RTE_DIM(stage);
	for (unsigned i = 0; i < RTE_DIM(stage); i++)
		program.step[i].stage = stage[i];
	r->w->prog = &program;
	r->w->idle = idle;
	r->w->now_ns = 1000000000000ull;
}

void
rig_clear(struct rig *r)
{
	for (unsigned i = 0; i < 3; i++) {
		rte_pktmbuf_free_bulk(r->wire[i].m, r->wire[i].n);
		rte_pktmbuf_free_bulk(r->host[i].m, r->host[i].n);
		r->wire[i].n = r->host[i].n = 0;
	}
	memset(r->w->cnt.drop, 0, sizeof(r->w->cnt.drop));
}

void
rig_down(struct rig *r)
{
	rig_clear(r);
	for (unsigned i = 0; i < 3; i++) {
		free(r->wire[i].m);
		free(r->host[i].m);
	}
	net_core_free(r->w->net);
	pl_worker_free(r->w);
	net_table_free(r->t);
	cr_assert(rte_mempool_avail_count(tl_pool) == r->free_before, "buffers lost: %d",
		  (int)(r->free_before - rte_mempool_avail_count(tl_pool)));
}

void
rig_feed(struct rig *r, struct rte_mbuf *m, uint8_t port, uint8_t origin)
{
	m->port = port;
	pl_worker_feed(r->w, &m, 1, port, origin);
	pl_worker_turn(r->w);
}

void
rig_idle(struct rig *r, uint64_t ns)
{
	r->w->now_ns += ns;
	for (unsigned i = 0; i < 64; i++) // the waiting room is walked a part at a time
		pl_worker_turn(r->w);
}

struct rte_mbuf *
rig_frame(const uint8_t *bytes, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(tl_pool);
	char *at;

	cr_assert(m != NULL);
	memset(pl_meta(m), 0, sizeof(struct pl_meta));
	at = rte_pktmbuf_append(m, len);
	cr_assert(at != NULL);
	memcpy(at, bytes, len);
	return m;
}

// Hex digits; <78*100> is a hundred times 78.
static unsigned
unhex(uint8_t *out, unsigned max, const char *hex)
{
	unsigned n = 0, times;

	while (hex[0] != '\0') {
		uint8_t byte;

		if (sscanf(hex, "<%2hhx*%u>", &byte, &times) == 2) {
			hex = strchr(hex, '>') + 1;
		} else {
			cr_assert(sscanf(hex, "%2hhx", &byte) == 1);
			times = 1;
			hex += 2;
		}
		cr_assert(n + times <= max);
		memset(out + n, byte, times);
		n += times;
	}
	return n;
}

struct rte_mbuf *
rig_hex(const char *hex)
{
	uint8_t bytes[2048];

	return rig_frame(bytes, unhex(bytes, sizeof(bytes), hex));
}

uint64_t
rig_drops(const struct rig *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PL_DROP_COUNT; i++)
		sum += r->w->cnt.drop[i];
	return sum;
}

// Of frames that are forwarded the identification is the sender's and is compared.
static bool
not_compared(const uint8_t *want, unsigned at)
{
	if (want[12] == 0x86 && want[20] == 0) // hop-by-hop options of eight bytes in front
		return want[54] == 44 && at >= 66 && at <= 69;
	if (want[12] == 0x86)
		return want[20] == 44 && at >= 58 && at <= 61;
	return want[23] == 1 && want[34] != 8 && (at == 18 || at == 19 || at == 24 || at == 25);
}

const char *
rig_differs(const struct rte_mbuf *m, const char *hex)
{
	static char text[128];
	uint8_t want[2048];
	const uint8_t *have = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned len = unhex(want, sizeof(want), hex);

	if (!tl_csums_ok(m))
		return "a checksum is wrong";
	if (rte_pktmbuf_pkt_len(m) != len) {
		snprintf(text, sizeof(text), "length %u, not %u", rte_pktmbuf_pkt_len(m), len);
		return text;
	}
	for (unsigned i = 0; i < len; i++) {
		if (have[i] != want[i] && !not_compared(want, i)) {
			snprintf(text, sizeof(text), "byte %u is %02x, not %02x", i, have[i],
				 want[i]);
			return text;
		}
	}
	return NULL;
}
