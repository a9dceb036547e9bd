// Endpoint-independent mapping and filtering, hairpins: through the real stages and the real
// conntrack, with 1 to 8 workers.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "config/target.h"
#include "test/unit/nat/nat_world.h"

TestSuite(nat_eim);

static const char *const client[] = {"192.168.1.2", "fd00::2"};
static const char *const client2[] = {"192.168.1.3", "fd00::3"};
static const char *const far[2][3] = {{"198.51.100.7", "198.51.100.8", "198.51.100.9"},
				      {"2001:db8:1::7", "2001:db8:1::8", "2001:db8:1::9"}};
static const char *const wan[] = {"203.0.113.1", "2001:db8:ffff::1"};

static struct nw_rule
eim(enum cfg_nat_filtering filter)
{
	struct nw_rule r = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_MASQUERADE}};

	r.rule.flags = PL_NAT_EIM;
	r.rule.filter = filter;
	return r;
}

static struct nw_out *
pass(const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto, uint8_t port)
{
	struct tl_spec s = {.src = src, .dst = dst, .proto = proto, .sport = sport, .dport = dport};

	return nw_packet(&s, port);
}

static uint16_t
outside(const struct nw_out *o)
{
	return ntohs(o->p.sport);
}

static uint32_t
links(void)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < nw.n; i++)
		sum += nat_maps_count(nw.w[i]);
	return sum;
}

static void
idle(void)
{
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < nw.n; i++)
			pl_worker_turn(nw.w[i]);
	}
}

// One inside end is one outside end towards everybody, two are two; ports stay where the operator
// keeps them, UDP's parity and the class always.
Test(nat_eim, one_end_one_port)
{
	static const enum cfg_port_selection selection[] = {CFG_PORTS_PRESERVE, CFG_PORTS_STEERED,
							    CFG_PORTS_RANDOM};

	for (unsigned i = 0; i < 2 * 4 * 3 * 2; i++) {
		unsigned v6 = i & 1, workers = 1u << (i / 2 % 4), tcp = i / 24;
		enum cfg_port_selection sel = selection[i / 8 % 3];
		struct nw_rule rule = eim(CFG_FILTER_ADDRESS_PORT);
		uint8_t proto = tcp ? IPPROTO_TCP : IPPROTO_UDP;
		uint16_t first[2] = {0};

		nw_up(workers, sel, &rule, 1);
		for (unsigned n = 0; n < 60; n++) {
			const char *src = n & 1 ? client2[v6] : client[v6];
			struct nw_out *o = pass(src, 5001, far[v6][n % 3], 1000 + n, proto, LAN);
			uint16_t *want = &first[n & 1];

			if (*want == 0)
				*want = outside(o);
			cr_assert(eq(u16, outside(o), *want), "case %u packet %u", i, n);
			cr_expect(ge(u16, *want, 1024));
			cr_expect(tcp || (*want & 1));
		}
		cr_expect(ne(u16, first[0], first[1]));
		if (sel == CFG_PORTS_PRESERVE)
			cr_expect(first[0] == 5001);
		cr_expect(eq(u32, links(), 2 * workers), "every worker knows both");
		for (unsigned k = 0; k < workers; k++)
			nw_end_flows(k);
		idle();
		cr_expect(eq(u32, links(), 0), "case %u: they go with their flows", i);
		nw_down();
	}
}

// Whom a mapping lets in, by its filtering.
Test(nat_eim, filtering)
{
	static const struct {
		enum cfg_nat_filtering filter;
		bool same_address, other_address;
	} row[] = {{CFG_FILTER_ENDPOINT, true, true},
		   {CFG_FILTER_ADDRESS, true, false},
		   {CFG_FILTER_ADDRESS_PORT, false, false}};

	for (unsigned i = 0; i < RTE_DIM(row) * 8; i++) {
		unsigned v6 = i & 1, workers = 1u << (i / 2 % 4);
		struct nw_rule rule = eim(row[i / 8].filter);
		char inside[96];
		uint16_t port;
		struct nw_out *o;

		nw_up(workers, CFG_PORTS_DEFAULT, &rule, 1);
		port = outside(pass(client[v6], 5001, far[v6][0], 53, IPPROTO_UDP, LAN));
		for (unsigned k = 0; k < 40; k++) {
			bool same = k & 1, in;
			uint16_t from = 2000 + k;
			const char *src = far[v6][same ? 0 : 1];

			o = pass(src, from, wan[v6], port, IPPROTO_UDP, WAN);
			in = same ? row[i / 8].same_address : row[i / 8].other_address;
			snprintf(inside, sizeof(inside), "%s:%u>%s:%u", src, from,
				 in ? client[v6] : wan[v6], in ? 5001 : port);
			cr_assert(eq(str, (char *)nw_text(o), inside), "case %u packet %u", i, k);
			if (!in)
				continue;
			cr_expect(eq(int, o->p.ct_state, PL_CT_NEW));
			cr_expect(ne(int, o->p.ct_status &PL_CT_DNAT, 0), "ctstate DNAT");
			o = pass(client[v6], 5001, src, from, IPPROTO_UDP, LAN);
			snprintf(inside, sizeof(inside), "%s:%u>%s:%u", wan[v6], port, src, from);
			cr_assert(eq(str, (char *)nw_text(o), inside), "case %u answer %u", i, k);
		}
		nw_down();
	}
}

// Inside to inside by the outside ends: both see outside ends (REQ-9), and can answer.
Test(nat_eim, hairpin)
{
	static const enum cfg_nat_filtering filter[] = {CFG_FILTER_ENDPOINT, CFG_FILTER_ADDRESS};

	for (unsigned i = 0; i < 16; i++) {
		unsigned v6 = i & 1, workers = 1u << (i / 2 % 4);
		struct nw_rule rule = eim(filter[i / 8]);
		uint16_t a, b;
		char want[96];
		struct nw_out *o;

		nw_up(workers, CFG_PORTS_DEFAULT, &rule, 1);
		a = outside(pass(client[v6], 5001, far[v6][0], 53, IPPROTO_UDP, LAN));
		b = outside(pass(client2[v6], 6001, far[v6][0], 53, IPPROTO_UDP, LAN));
		if (filter[i / 8] == CFG_FILTER_ADDRESS) { // b has to have talked there as well
			o = pass(client2[v6], 6001, wan[v6], a, IPPROTO_UDP, LAN);
			cr_expect(eq(int, o->p.path, PL_PATH_INPUT), "a has not yet");
			o = pass(client[v6], 5001, far[v6][1], 53, IPPROTO_UDP, LAN);
			nw_down();
			continue;
		}
		o = pass(client[v6], 5001, wan[v6], b, IPPROTO_UDP, LAN);
		snprintf(want, sizeof(want), "%s:%u>%s:6001", wan[v6], a, client2[v6]);
		cr_assert(eq(str, (char *)nw_text(o), want), "case %u", i);
		o = pass(client2[v6], 6001, wan[v6], a, IPPROTO_UDP, LAN);
		snprintf(want, sizeof(want), "%s:%u>%s:5001", wan[v6], b, client[v6]);
		cr_assert(eq(str, (char *)nw_text(o), want), "case %u, the answer", i);
		cr_expect(eq(int, o->p.ct_state, PL_CT_ESTABLISHED));
		nw_down();
	}
}

// A query's identifier is mapped as ports are (RFC 5508 REQ-1).
Test(nat_eim, icmp)
{
	struct nw_rule rule = eim(CFG_FILTER_ENDPOINT);

	for (unsigned workers = 1; workers <= 8; workers *= 2) {
		uint16_t first = 0;

		nw_up(workers, CFG_PORTS_DEFAULT, &rule, 1);
		for (unsigned n = 0; n < 9; n++) {
			struct tl_spec s = {.src = n < 6 ? client[0] : client2[0],
					    .dst = far[0][n % 3],
					    .proto = IPPROTO_ICMP,
					    .icmp_type = 8,
					    .sport = 77,
					    .dport = n};
			uint16_t id = ntohs(nw_packet(&s, LAN)->p.sport);

			first = n == 0 ? id : first;
			cr_expect(n < 6 ? id == first : id != first, "packet %u", n);
		}
		nw_down();
	}
}

// The range of ports is full: dropped under its own reason, and other ends are not disturbed.
Test(nat_eim, full)
{
	struct nw_rule rule = eim(CFG_FILTER_ENDPOINT);
	struct tl_spec s = {.src = client[0], .dst = far[0][0], .sport = 5009, .dport = 53};

	rule.rule.flags |= PL_NAT_HAS_PORTS;
	rule.rule.port_min = 6000;
	rule.rule.port_max = 6007;
	nw_up(2, CFG_PORTS_DEFAULT, &rule, 1);
	for (uint16_t n = 0; n < 8; n++)
		pass(client2[0], 5000 + n, far[0][n % 3], 53, IPPROTO_UDP, LAN);
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_PORT));
	pass(client2[0], 5003, far[0][1], 99, IPPROTO_UDP, LAN);
	cr_expect(eq(u32, links(), 16));
	nw_down();
}
