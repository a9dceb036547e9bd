// The network table: longest prefix against a naive list under random adds and deletes, what an
// address brings with it, gateways, neighbours and what is asked for, and source addresses.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "config/policy.h"
#include "net/core.h"
#include "test/unit/net/rig.h"

static struct net_table *
table(bool assume)
{
	const struct net_table_conf conf = {.routes4 = 4096,
					    .routes6 = 4096,
					    .neighbours = 32,
					    .n_workers = 2,
					    .socket = SOCKET_ID_ANY,
					    .small = true,
					    .assume_neighbours = assume};
	struct net_table *t;

	tl_init();
	cr_assert(net_table_create(&t, &conf) == 0);
	return t;
}

static union pl_addr
address(const char *text, uint8_t *family)
{
	struct cfg_prefix p = rig_prefix(text);
	union pl_addr a = {0};

	*family = p.family == CFG_IPV4 ? 4 : 6;
	memcpy(a.v6, p.addr, *family == 4 ? 4 : 16);
	return a;
}

static uint16_t
look(const struct net_table *t, const char *text)
{
	uint8_t family;
	union pl_addr a = address(text, &family);

	return net_fib_lookup(t, family, &a);
}

// ---- longest prefix
#define MODEL_MAX 600
struct model {
	struct cfg_prefix to;
	uint8_t port;
	bool used;
};

static bool
covers(const struct cfg_prefix *p, const uint8_t *addr)
{
	for (unsigned bit = 0; bit < p->len; bit++) {
		if (((p->addr[bit / 8] ^ addr[bit / 8]) >> (7 - bit % 8)) & 1)
			return false;
	}
	return true;
}

static int
naive(const struct model *m, uint8_t family, const uint8_t *addr)
{
	int best = -1;

	for (int i = 0; i < MODEL_MAX; i++) {
		if (m[i].used && m[i].to.family == family && covers(&m[i].to, addr) &&
		    (best < 0 || m[i].to.len > m[best].to.len))
			best = i;
	}
	return best < 0 ? -1 : m[best].port;
}

// Few distinct bits, so that prefixes nest.
static struct cfg_prefix
random_prefix(uint8_t family)
{
	unsigned max = family == CFG_IPV4 ? 32 : 128;
	struct cfg_prefix p = {.family = family, .len = rand() % (max + 1)};
	union pl_addr a = {0};

	a.v6[0] = family == CFG_IPV4 ? 20 : 0x20;
	for (unsigned i = 1; i < max / 8; i++)
		a.v6[i] = rand() % 3;
	if (rand() % 4 == 0)
		p.len = max;
	net_addr_mask(&a, family == CFG_IPV4 ? 4 : 6, p.len);
	memcpy(p.addr, a.v6, 16);
	return p;
}

static int
same_prefix(const struct model *m, const struct cfg_prefix *p)
{
	for (int i = 0; i < MODEL_MAX; i++) {
		if (m[i].used && m[i].to.family == p->family && m[i].to.len == p->len &&
		    memcmp(m[i].to.addr, p->addr, 16) == 0)
			return i;
	}
	return -1;
}

static void
one_change(struct net_table *t, struct model *m, uint8_t family)
{
	struct cfg_prefix p = random_prefix(family);
	int i = same_prefix(m, &p);
	uint8_t port = rand() % 60;

	if (rand() % 3 == 0) {
		cr_assert(net_table_del_route(t, &p) == (i >= 0 ? 0 : -ESRCH));
		if (i >= 0)
			m[i].used = false;
		return;
	}
	if (i < 0) {
		for (i = 0; i < MODEL_MAX && m[i].used; i++)
			;
		if (i == MODEL_MAX)
			return;
	}
	cr_assert(net_table_add_route(t, &p, NULL, port, false) == 0);
	m[i] = (struct model){p, port, true};
}

static void
compare(const struct net_table *t, const struct model *m, uint8_t family)
{
	struct cfg_prefix p = random_prefix(family);
	union pl_addr a = {0};
	const struct net_nh *nh;
	int want;

	for (unsigned i = 0; i < 16; i++) // also beside what was added
		p.addr[i] ^= rand() % 8 == 0 ? 1 : 0;
	memcpy(a.v6, p.addr, family == CFG_IPV4 ? 4 : 16);
	want = naive(m, family, a.v6);
	nh = &t->nh[net_fib_lookup(t, family == CFG_IPV4 ? 4 : 6, &a)];
	if (want < 0)
		cr_expect(nh->type == NET_T_NONE);
	else
		cr_expect(nh->type == NET_T_LINK && nh->port == want, "port %u, not %d", nh->port,
			  want);
}

Test(net_table, longest_prefix_as_a_list_says)
{
	static struct model m[MODEL_MAX];
	struct net_table *t = table(false);

	srand(1);
	for (unsigned i = 0; i < 3000; i++) {
		one_change(t, m, i % 2 ? CFG_IPV4 : CFG_IPV6);
		compare(t, m, CFG_IPV4);
		compare(t, m, CFG_IPV6);
	}
	net_table_free(t);
}

// ---- addresses
static void
addr_must(struct net_table *t, uint8_t port, const char *text, int ret)
{
	struct cfg_prefix p = rig_prefix(text);

	cr_expect(net_table_add_addr(t, port, &p) == ret, "add %s", text);
}

static void
addr_gone(struct net_table *t, uint8_t port, const char *text, int ret)
{
	struct cfg_prefix p = rig_prefix(text);

	cr_expect(net_table_del_addr(t, port, &p) == ret, "delete %s", text);
}

Test(net_table, an_address_brings_its_routes)
{
	struct net_table *t = table(false);

	addr_must(t, 0, "10.0.0.1/24", 0);
	addr_must(t, 0, "10.0.0.1/24", -EEXIST);
	addr_must(t, 0, "224.0.0.1/24", -EADDRNOTAVAIL);
	addr_must(t, 0, "0.0.0.0/0", -EADDRNOTAVAIL);
	addr_must(t, PL_PORT_NONE, "10.9.0.1/24", -EINVAL);
	addr_must(t, 1, "10.0.1.1/31", 0);
	addr_must(t, 1, "10.0.2.1/32", 0);
	addr_must(t, 1, "2001:db8::1/64", 0);
	addr_must(t, 1, "2001:db8:1::1/127", 0);
	cr_expect(look(t, "10.0.0.1") == NET_NH_LOCAL);
	cr_expect(look(t, "10.0.0.255") == NET_NH_BCAST);
	cr_expect(look(t, "10.0.0.0") == net_nh_link(0, 4, 24), "the lowest address is a host's");
	cr_expect(look(t, "10.0.0.7") == net_nh_link(0, 4, 24));
	cr_expect(look(t, "10.0.1.0") == net_nh_link(1, 4, 31), "a /31 has no broadcast");
	cr_expect(look(t, "10.0.2.1") == NET_NH_LOCAL && look(t, "10.0.2.2") == NET_NH_NONE);
	cr_expect(look(t, "2001:db8::1") == NET_NH_LOCAL && look(t, "2001:db8::") == NET_NH_LOCAL);
	cr_expect(look(t, "2001:db8::2") == net_nh_link(1, 6, 64));
	cr_expect(look(t, "2001:db8:1::") == net_nh_link(1, 6, 127), "no anycast in a /127");
	addr_gone(t, 0, "10.0.0.2/24", -EADDRNOTAVAIL);
	addr_gone(t, 0, "10.0.0.1/24", 0);
	cr_expect(look(t, "10.0.0.1") == NET_NH_NONE && look(t, "10.0.0.255") == NET_NH_NONE);
	net_table_free(t);
}

Test(net_table, a_subnet_on_two_ports_is_the_first_ones)
{
	struct net_table *t = table(false);

	addr_must(t, 3, "10.0.0.1/24", 0);
	addr_must(t, 2, "10.0.0.2/24", 0);
	cr_expect(look(t, "10.0.0.7") == net_nh_link(3, 4, 24));
	addr_gone(t, 3, "10.0.0.1/24", 0);
	cr_expect(look(t, "10.0.0.7") == net_nh_link(2, 4, 24));
	cr_expect(look(t, "10.0.0.255") == NET_NH_BCAST, "still the other's");
	addr_gone(t, 2, "10.0.0.2/24", 0);
	cr_expect(look(t, "10.0.0.7") == NET_NH_NONE);
	net_table_free(t);
}

// ---- routes
static int
route(struct net_table *t, const char *to, const char *via, uint8_t port)
{
	struct cfg_prefix p = rig_prefix(to), v = via != NULL ? rig_prefix(via) : p;

	return net_table_add_route(t, &p, via != NULL ? &v : NULL, port, false);
}

Test(net_table, gateways)
{
	struct net_table *t = table(false);
	struct cfg_prefix p = rig_prefix("10.8.0.0/16");
	uint16_t nh;

	addr_must(t, 0, "10.0.0.1/8", 0);
	addr_must(t, 1, "10.1.0.1/16", 0);
	cr_expect(route(t, "0.0.0.0/0", "192.0.2.1", PL_PORT_NONE) == -ENETUNREACH);
	cr_expect(route(t, "0.0.0.0/0", NULL, PL_PORT_NONE) == -EINVAL);
	cr_expect(route(t, "0.0.0.0/0", "2001:db8::1", 0) == -EINVAL, "families differ");
	cr_expect(look(t, "8.8.8.8") == NET_NH_NONE);
	cr_expect(route(t, "0.0.0.0/0", "10.1.0.9", PL_PORT_NONE) == 0);
	nh = look(t, "8.8.8.8");
	cr_expect(t->nh[nh].type == NET_T_GATEWAY && t->nh[nh].port == 1,
		  "the longest subnet's port");
	cr_expect(route(t, "10.8.0.0/16", "10.1.0.9", PL_PORT_NONE) == 0);
	cr_expect(look(t, "10.8.0.1") == nh, "shared");
	cr_expect(route(t, "10.8.0.0/16", "10.0.0.9", PL_PORT_NONE) == 0, "replaced");
	cr_expect(t->nh[look(t, "10.8.0.1")].port == 0);
	cr_expect(net_table_del_route(t, &p) == 0 && net_table_del_route(t, &p) == -ESRCH);
	cr_expect(look(t, "10.8.0.1") == net_nh_link(0, 4, 8));
	cr_expect(route(t, "10.1.0.0/16", "10.0.0.9", 0) == 0, "kept, but connected comes first");
	cr_expect(look(t, "10.1.0.7") == net_nh_link(1, 4, 16));
	addr_gone(t, 1, "10.1.0.1/16", 0);
	cr_expect(t->nh[look(t, "10.1.0.7")].type == NET_T_GATEWAY);
	net_table_free(t);
}

// Next hops and neighbour entries are given back: far more changes than there is room for.
Test(net_table, next_hops_and_neighbours_are_reused)
{
	struct net_table *t = table(false);
	char via[32];

	for (unsigned i = 0; i < 40000; i++) {
		snprintf(via, sizeof(via), "10.1.%u.%u", i / 250 % 250, 1 + i % 250);
		cr_assert(route(t, "192.0.2.0/24", via, 1) == 0, "change %u", i);
	}
	net_table_free(t);
}

// ---- neighbours
Test(net_table, neighbours)
{
	struct net_table *t = table(false);
	struct cfg_prefix a = rig_prefix("10.0.0.7"), b = rig_prefix("2001:db8::7");
	const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};
	uint8_t family;
	union pl_addr addr = address("10.0.0.7", &family);
	uint32_t i;
	int ret = 0;

	cr_expect(net_neigh_find(t, 0, 4, &addr) == 0);
	cr_expect(net_table_set_neigh(t, 0, &a, mac1, false) == 0);
	i = net_neigh_find(t, 0, 4, &addr);
	cr_assert(i != 0);
	cr_expect(net_neigh_mac(&t->neigh[i]) == net_mac_word(mac1));
	cr_expect(net_neigh_find(t, 1, 4, &addr) == 0, "another port's");
	cr_expect(net_table_set_neigh(t, 0, &a, mac2, true) == 0);
	cr_expect(net_table_set_neigh(t, 0, &a, mac1, false) == 0);
	cr_expect(net_neigh_mac(&t->neigh[i]) == net_mac_word(mac2), "the configuration stands");
	cr_expect(net_table_del_neigh(t, 0, &a) == -ESRCH, "and is not deleted by netlink");
	cr_expect(net_table_set_neigh(t, 0, &b, mac1, false) == 0 &&
		  net_table_del_neigh(t, 0, &b) == 0);
	cr_expect(net_table_del_neigh(t, 0, &b) == -ESRCH);
	for (unsigned n = 0; n < 100 && ret == 0; n++) {
		b.addr[15] = n;
		ret = net_table_set_neigh(t, 0, &b, mac1, false);
	}
	cr_expect(ret == -ENOSPC, "the table is bounded");
	b.addr[15] = 3;
	cr_expect(net_table_del_neigh(t, 0, &b) == 0);
	b.addr[15] = 200;
	cr_expect(net_table_set_neigh(t, 0, &b, mac1, false) == 0, "and room comes back");
	net_table_free(t);
}

Test(net_table, wanted_once_a_second)
{
	struct net_table *t = table(false);
	struct cfg_prefix out[8];
	uint8_t port[8], family;
	union pl_addr a = address("10.0.0.7", &family);

	cr_expect(net_table_wanted(t, out, port, 8) == 0);
	net_neigh_want(t, 0, 2, 4, &a);
	net_neigh_want(t, 1, 2, 4, &a);
	cr_assert(net_table_wanted(t, out, port, 8) == 1);
	cr_expect(port[0] == 2 && out[0].family == CFG_IPV4 && out[0].len == 32);
	cr_expect(memcmp(out[0].addr, "\x0a\x00\x00\x07", 4) == 0);
	net_neigh_want(t, 0, 2, 4, &a);
	cr_expect(net_table_wanted(t, out, port, 8) == 0);
	for (unsigned i = 0; i < 200; i++) {
		a.v6[3] = i;
		net_neigh_want(t, 0, 1, 4, &a);
	}
	cr_expect(net_table_wanted(t, out, port, 8) == 8, "as many as asked for");
	cr_expect(net_table_wanted(t, out, port, 8) == 8, "the rest later");
	net_table_free(t);
}

// ---- source addresses
Test(net_table, source_addresses)
{
	static const struct {
		const char *name, *dst, *want;
		uint8_t port;
	} row[] = {
		{"first", NULL, "10.0.0.1", 0},
		{"same subnet", "10.5.0.9", "10.5.0.1", 0},
		{"beyond a gateway in the second subnet", "192.0.2.1", "10.5.0.1", 0},
		{"neither", "203.0.113.1", "10.0.0.1", 0},
		{"none", "10.0.0.9", NULL, 1},
		{"6 longest prefix", "2001:db8:4::9", "2001:db8:4::1", 0},
		{"6 within the prefix length the first", "2001:db8:5::6", "2001:db8:5::1", 0},
		{"6 first of all", "2001:db8:f::1", "2001:db8:4::1", 0},
		{"6 link-local", "fe80::9", "fe80::99", 0},
		{"6 link-local by MAC", "fe80::9", "fe80::ff:fe00:7", 1},
	};
	struct net_port_info info = {.mac = {2, 0, 0, 0, 0, 7}};
	struct pl_worker *w;
	struct net_core *n;
	struct net_core_conf conf = {.table = table(false), .fragments = 16};

	for (uint8_t port = 0; port < 2; port++)
		cr_assert(net_table_set_port(conf.table, port, &info) == 0);
	addr_must(conf.table, 0, "10.0.0.1/24", 0);
	addr_must(conf.table, 0, "10.5.0.1/24", 0);
	addr_must(conf.table, 0, "fe80::99/64", 0);
	addr_must(conf.table, 0, "2001:db8:4::1/64", 0);
	addr_must(conf.table, 0, "2001:db8:5::1/64", 0);
	addr_must(conf.table, 0, "2001:db8:5::7/64", 0);
	cr_assert(route(conf.table, "192.0.2.0/24", "10.5.0.254", PL_PORT_NONE) == 0);
	tl_workers(&w, 1);
	cr_assert(net_core_create(&n, &conf, 0, SOCKET_ID_ANY) == 0);
	w->net = n;
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		uint8_t family = 4, f2;
		union pl_addr dst = {0}, out, want;
		bool ok;

		if (row[i].dst != NULL)
			dst = address(row[i].dst, &family);
		ok = net_port_addr(w, row[i].port, family, row[i].dst != NULL ? &dst : NULL, &out);
		cr_expect(ok == (row[i].want != NULL), "%s", row[i].name);
		if (!ok || row[i].want == NULL)
			continue;
		want = address(row[i].want, &f2);
		cr_expect(pl_addr_eq(&out, &want), "%s", row[i].name);
	}
	net_core_free(n);
	pl_worker_free(w);
	net_table_free(conf.table);
}

// ---- what rules ask (net/kin.c)
#define ON(t) (1u << PL_ADDR_##t)
Test(net_table, kinds_of_addresses)
{
	static const struct {
		const char *addr;
		uint16_t any, on0, on1; // without a limit, of port 0, of port 1
		enum pl_way_to way0, way1;
	} row[] = {
		{"10.0.0.1", ON(LOCAL), ON(LOCAL), ON(UNICAST), PL_WAY_LOCAL, PL_WAY_LOCAL_OTHER},
		{"10.1.0.1", ON(LOCAL), ON(UNICAST), ON(LOCAL), PL_WAY_LOCAL_OTHER, PL_WAY_LOCAL},
		{"10.0.0.255", ON(BROADCAST), ON(BROADCAST), ON(UNICAST), PL_WAY_NONE, PL_WAY_NONE},
		{"10.0.0.7", ON(UNICAST), ON(UNICAST), ON(UNICAST), PL_WAY_PORT, PL_WAY_OTHER},
		{"8.8.8.8", ON(UNICAST), ON(UNICAST), ON(UNICAST), PL_WAY_OTHER, PL_WAY_PORT},
		{"10.9.1.1", ON(UNICAST), ON(UNICAST), ON(UNICAST), PL_WAY_NONE, PL_WAY_NONE},
		{"127.0.0.9", ON(LOCAL), ON(UNICAST), ON(UNICAST), PL_WAY_LOCAL_OTHER,
		 PL_WAY_LOCAL_OTHER},
		{"0.1.2.3", ON(BROADCAST), ON(BROADCAST), ON(BROADCAST), PL_WAY_OTHER, PL_WAY_PORT},
		{"255.255.255.255", ON(BROADCAST), ON(BROADCAST), ON(BROADCAST), PL_WAY_OTHER,
		 PL_WAY_PORT},
		{"224.0.0.1", ON(MULTICAST), ON(MULTICAST), ON(MULTICAST), PL_WAY_OTHER,
		 PL_WAY_PORT},
		{"2001:db8:4::1", ON(LOCAL), ON(LOCAL), 0, PL_WAY_LOCAL, PL_WAY_LOCAL_OTHER},
		{"2001:db8:4::", ON(ANYCAST), ON(ANYCAST), 0, PL_WAY_NONE, PL_WAY_NONE},
		{"2001:db8:4::7", 0, 0, 0, PL_WAY_PORT, PL_WAY_OTHER},
		{"2001:db8:9::7", 0, 0, 0, PL_WAY_OTHER, PL_WAY_PORT},
		{"2001:db9::1", ON(UNREACHABLE), 0, 0, PL_WAY_NONE, PL_WAY_NONE},
		{"::1", ON(LOCAL), 0, 0, PL_WAY_LOCAL_OTHER, PL_WAY_LOCAL_OTHER},
		{"fe80::99", ON(LOCAL), 0, ON(LOCAL), PL_WAY_LOCAL_OTHER, PL_WAY_LOCAL},
		{"fe80::ff:fe00:1", ON(LOCAL), ON(LOCAL), ON(LOCAL), PL_WAY_LOCAL,
		 PL_WAY_LOCAL_OTHER}, // of both MACs
		{"fe80::5", 0, 0, 0, PL_WAY_PORT, PL_WAY_PORT},
		{"ff02::1", 0, 0, 0, PL_WAY_NONE, PL_WAY_NONE},
	};
	const struct net_port_info info = {.name = "p", .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500};
	const struct cfg_prefix hole = rig_prefix("10.9.0.0/16");
	struct net_table *t = table(false);
	const struct pl_net_ops *ops = net_table_ops(t);

	for (uint8_t port = 0; port < 2; port++)
		cr_assert(net_table_set_port(t, port, &info) == 0);
	addr_must(t, 0, "10.0.0.1/24", 0);
	addr_must(t, 1, "10.1.0.1/24", 0);
	addr_must(t, 0, "2001:db8:4::1/64", 0);
	addr_must(t, 1, "2001:db8:9::1/64", 0);
	addr_must(t, 1, "fe80::99/64", 0);
	cr_assert(route(t, "0.0.0.0/0", "10.1.0.254", PL_PORT_NONE) == 0);
	cr_assert(net_table_add_route(t, &hole, NULL, PL_PORT_NONE, true) == 0);
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		uint8_t f;
		union pl_addr a = address(row[i].addr, &f);

		cr_expect(ops->addr_types(ops->net, f, &a, PL_PORT_NONE) == row[i].any, "%s",
			  row[i].addr);
		cr_expect(ops->addr_types(ops->net, f, &a, 0) == row[i].on0, "%s on 0",
			  row[i].addr);
		cr_expect(ops->addr_types(ops->net, f, &a, 1) == row[i].on1, "%s on 1",
			  row[i].addr);
		cr_expect(ops->way(ops->net, f, &a, 0) == row[i].way0, "way to %s from 0",
			  row[i].addr);
		cr_expect(ops->way(ops->net, f, &a, 1) == row[i].way1, "way to %s from 1",
			  row[i].addr);
	}
	net_table_free(t);
}

// ---- a settings file
Test(net_table, load_reports_every_error)
{
	static const char text[] = "ports = ( { name = \"a\"; device = \"net_null0\"; addresses = "
				   "[ \"10.0.0.1/24\" ]; } );\n"
				   "routes = ( { to = \"0.0.0.0/0\"; via = \"10.0.0.254\"; },\n"
				   "  { to = \"10.9.0.0/16\"; blackhole = true; } );\n"
				   "neighbours = ( { port = \"a\"; address = \"10.0.0.254\"; "
				   "lladdr = \"02:00:00:00:00:fe\"; } );\n";
	struct net_table *t = table(false);
	struct cfg_settings *s;
	struct cfg_err err;

	cfg_err_init(&err, "t");
	cr_assert(cfg_settings_from_text(&s, text, "/", &err) == 0, "%s",
		  err.n != 0 ? err.msgs[0].text : "");
	cr_assert(net_table_load(t, s, &err) == 0 && err.n == 0);
	cr_expect(t->nh[look(t, "8.8.8.8")].type == NET_T_GATEWAY);
	cr_expect(look(t, "10.9.1.1") == NET_NH_BLACKHOLE);
	cr_expect(net_neigh_mac(&t->neigh[t->nh[look(t, "8.8.8.8")].neigh]) != 0);
	cr_expect(net_table_load(t, s, &err) == -EINVAL && err.n_errors == 1,
		  "the address is there twice");
	cr_expect(err.msgs[0].pos.line == 1);
	cfg_settings_free(s);
	cfg_err_free(&err);
	net_table_free(t);
}
