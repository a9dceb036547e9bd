// Helpers without translation: what they read, which flows are then RELATED, how long and how many
// of them are expected, and that an expected flow finds its master with several workers.
#include <netinet/in.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "conntrack/ct_expect.h"
#include "conntrack/ct_redirect.h"
#include "ctt.h"

TestSuite(conntrack_help, .fini = ctt_stop);

#define CLIENT "192.0.2.1"
#define SERVER "198.51.100.2"

static const struct cfg_t_ct ftp = {.helper = CFG_HELPER_FTP}, tftp = {.helper = CFG_HELPER_TFTP};

// A control connection: its two ends, client first, and what they have sent.
struct talk {
	const char *host[2];
	uint16_t port[2];
	uint32_t seq[2];
};

static struct rte_mbuf *
segment(struct talk *k, unsigned dir, uint8_t flags, const char *text)
{
	struct tl_spec s = {.src = k->host[dir],
			    .dst = k->host[!dir],
			    .proto = IPPROTO_TCP,
			    .sport = k->port[dir],
			    .dport = k->port[!dir],
			    .tcp_flags = flags,
			    .seq = k->seq[dir],
			    .ack = flags == 0x02 ? 0 : k->seq[!dir],
			    .payload = text,
			    .payload_len = (uint16_t)strlen(text)};

	k->seq[dir] += s.payload_len + (flags & 0x03 ? 1 : 0);
	return tl_frame(&s);
}

static uint8_t
say(struct talk *k, unsigned dir, const char *text)
{
	return ctt_frame(segment(k, dir, 0x18, text));
}

// Connected, and each side has said a line.
static struct talk
control(const char *client, const char *server, uint16_t port)
{
	struct talk k = {{client, server}, {port, 21}, {1000, 5000}};

	ctt_frame(segment(&k, 0, 0x02, ""));
	ctt_frame(segment(&k, 1, 0x12, ""));
	ctt_frame(segment(&k, 0, 0x10, ""));
	say(&k, 1, "220 hello\r\n");
	say(&k, 0, "USER me\r\n");
	return k;
}

static struct rte_mbuf *
syn(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct tl_spec s = {.src = src,
			    .dst = dst,
			    .proto = IPPROTO_TCP,
			    .sport = sport,
			    .dport = dport,
			    .seq = 77};

	return tl_frame(&s);
}

static uint64_t
drops(enum pl_drop reason)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < ctt.n; i++)
		n += ctt.w[i]->cnt.drop[reason];
	return n;
}

static uint32_t
expected(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < ctt.n; i++)
		n += ctt.w[i]->ct->n_expect;
	return n;
}

static void
start(const struct cfg_t_ct *rule)
{
	ctt_start(1, 1000);
	ctt.ct_rule = rule;
}

Test(conntrack_help, commands)
{
	static const struct {
		unsigned dir;
		const char *text;
		uint16_t port; // where a data connection is then RELATED; 0: nowhere
	} row[] = {
		{0, "PORT 192,0,2,1,156,64\r\n", 40000},
		{0, "port 192,0,2,1,156,64\r\n", 40000},
		{0, "PORT  192,0,2,1,156,64\r\n", 0}, // a second blank is no number
		{0, "PORT 192,0,2,9,156,64\r\n", 0},  // somebody else's address
		{0, "PORT 192,0,2,1,156,64\n", 0},
		{0, "XPORT 192,0,2,1,156,64\r\n", 0},
		{0, "EPRT |1|192.0.2.1|40000|\r\n", 40000},
		{0, "EPRT !1!192.0.2.1!40000!\r\n", 40000},
		{0, "EPRT |2|2001:db8::1|40000|\r\n", 0},
		{0, "EPRT |1|192.0.2.1|0|\r\n", 0},
		{0, "NOOP\r\nPORT 192,0,2,1,156,64\r\n", 0}, // not at the start
		{1, "227 Entering Passive Mode (198,51,100,2,156,64).\r\n", 40000},
		{1, "227 =198,51,100,2,156,64\r\n", 40000},
		{1, "227 Entering Passive Mode (198,51,100,3,156,64).\r\n", 0},
		{1, "229 Extended (|||40000|)\r\n", 40000},
		{1, "229 Extended |||40000|\r\n", 0},
		{1, "PORT 198,51,100,2,156,64\r\n", 0}, // not the server's to say
		{0, "227 Entering Passive Mode (192,0,2,1,156,64).\r\n", 0},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct talk k;

		start(&ftp);
		k = control(CLIENT, SERVER, 50000);
		say(&k, row[i].dir, row[i].text);
		cr_expect(eq(u32, expected(), row[i].port != 0), "%s", row[i].text);
		if (row[i].port == 0)
			continue;
		cr_expect(eq(u8, ctt_frame(syn(k.host[!row[i].dir], 20, k.host[row[i].dir], 40000)),
			     PL_CT_RELATED),
			  "%s", row[i].text);
	}
}

Test(conntrack_help, cut_off_commands_are_dropped)
{
	static const char *const text[] = {"P",
					   "PORT",
					   "PORT 192,0,2,1,156",
					   "PORT 192,0,2,1,156,64",
					   "EPRT |1|192.0.2.1|400",
					   "EPRT",
					   "PORT\r\n"};

	for (size_t i = 0; i < RTE_DIM(text); i++) {
		struct talk k;

		start(&ftp);
		k = control(CLIENT, SERVER, 50000);
		cr_expect(eq(u8, say(&k, 0, text[i]), PL_CT_ESTABLISHED)); // seen before it goes
		cr_expect(eq(u64, drops(PL_DROP_CT_HELPER), 1), "%s", text[i]);
		cr_expect(eq(u32, expected(), 0));
	}
}

Test(conntrack_help, only_where_asked_for)
{
	struct talk k;

	start(NULL);
	k = control(CLIENT, SERVER, 50000);
	say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
	cr_expect(eq(u32, expected(), 0));
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 20, CLIENT, 40000)), PL_CT_NEW));
}

Test(conntrack_help, a_line_must_be_known_to_begin)
{
	struct talk k = {{CLIENT, SERVER}, {50000, 21}, {1000, 5000}};

	start(&ftp);
	ctt_frame(segment(&k, 0, 0x02, ""));
	ctt_frame(segment(&k, 1, 0x12, ""));
	say(&k, 0, "PORT 192,0,2,1,156,64\r\n"); // the first that it says
	cr_expect(eq(u32, expected(), 0));
	say(&k, 0, "TYPE "); // no end of line
	say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
	cr_expect(eq(u32, expected(), 0));
	say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
	cr_expect(eq(u32, expected(), 1));
}

Test(conntrack_help, v6)
{
	struct talk k;

	start(&ftp);
	k = control("2001:db8::1", "2001:db8:f::2", 50000);
	say(&k, 0, "EPRT |2|2001:DB8:0:0::1|40000|\r\n");
	cr_expect(eq(u8, ctt_frame(syn("2001:db8:f::2", 20, "2001:db8::1", 40000)), PL_CT_RELATED));
	say(&k, 1, "229 (|||40001|)\r\n");
	cr_expect(eq(u8, ctt_frame(syn("2001:db8::1", 9, "2001:db8:f::2", 40001)), PL_CT_RELATED));
}

Test(conntrack_help, the_flow_that_comes)
{
	struct ct_flow flow[4];
	struct talk k, d = {{SERVER, CLIENT}, {20, 40000}, {77, 99}};
	unsigned n;

	start(&ftp);
	k = control(CLIENT, SERVER, 50000);
	say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
	ct_entry_set_mark(NULL, ctt.seen[0].ct, 0x1234);
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 21, CLIENT, 40001)), PL_CT_NEW), "another port");
	cr_expect(eq(u8, ctt_frame(syn(CLIENT, 20, SERVER, 40000)), PL_CT_NEW), "wrong way");
	cr_expect(eq(u8, ctt_frame(segment(&d, 0, 0x02, "")), PL_CT_RELATED));
	cr_expect(eq(u32, expected(), 0));
	d.seq[0] = 77;
	cr_expect(eq(u8, ctt_frame(segment(&d, 0, 0x02, "")), PL_CT_RELATED), "no answer yet");
	cr_expect(eq(u8, ctt_frame(segment(&d, 1, 0x12, "")), PL_CT_ESTABLISHED));
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 19, CLIENT, 40000)), PL_CT_NEW), "used up");
	n = ctt_dump(0, flow, 4);
	cr_assert(eq(uint, n, 4));
	for (unsigned i = 0; i < n; i++) {
		bool is = flow[i].status & CT_S_EXPECTED;

		cr_expect(eq(int, is,
			     flow[i].packets[1] == 1 && flow[i].tuple[0].sport == htons(20)));
		cr_expect(eq(u32, flow[i].mark,
			     is || flow[i].tuple[0].dport == htons(21) ? 0x1234u : 0));
	}
}

Test(conntrack_help, how_long_and_how_many)
{
	struct talk k, other;

	start(&ftp);
	k = control(CLIENT, SERVER, 50000);
	say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
	ctt_advance_ms(299000);
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 20, CLIENT, 40000)), PL_CT_RELATED));
	say(&k, 0, "PORT 192,0,2,1,156,65\r\n");
	say(&k, 1, "200 yes\r\n"); // else the connection itself ends after 300 s
	ctt_frame(segment(&k, 0, 0x10, ""));
	ctt_advance_ms(301000);
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 20, CLIENT, 40001)), PL_CT_NEW));
	cr_expect(eq(u32, expected(), 0));

	say(&k, 0, "PORT 192,0,2,1,156,66\r\n");
	say(&k, 0, "PORT 192,0,2,1,156,67\r\n"); // one at a time
	say(&k, 0, "PORT 192,0,2,1,156,67\r\n");
	cr_expect(eq(u32, expected(), 1));
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 20, CLIENT, 40002)), PL_CT_NEW));
	other = control(CLIENT, SERVER, 50001);
	say(&other, 0, "PORT 192,0,2,1,156,67\r\n"); // expected by another already
	cr_expect(eq(u64, drops(PL_DROP_CT_HELPER), 1));
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 20, CLIENT, 40003)), PL_CT_RELATED));

	ctt.conf.expect_max = 1;
	say(&k, 0, "PORT 192,0,2,1,156,68\r\n");
	say(&other, 0, "PORT 192,0,2,1,156,69\r\n"); // the table is full
	cr_expect(eq(u64, drops(PL_DROP_CT_HELPER), 2));
}

Test(conntrack_help, goes_with_its_master)
{
	struct talk k;

	start(&ftp);
	k = control(CLIENT, SERVER, 50000);
	say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
	cr_expect(eq(u32, expected(), 1));
	ct_table_flush(ctt.w[0], NULL, NULL);
	cr_expect(eq(u32, expected(), 0));
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 20, CLIENT, 40000)), PL_CT_NEW));
}

// No helper, but the same connection: a reset older than what was acknowledged.
Test(conntrack_help, invalid_rst)
{
	for (unsigned ignore = 0; ignore < 2; ignore++) {
		struct talk k;

		start(NULL);
		ctt.conf.tcp_ignore_invalid_rst = ignore;
		k = control(CLIENT, SERVER, 50000);
		say(&k, 1, "331 go on\r\n");
		k.seq[0] -= 5;
		cr_expect(eq(u8, ctt_frame(segment(&k, 0, 0x04, "")),
			     ignore ? PL_CT_ESTABLISHED : PL_CT_INVALID));
	}
}

// The payload in two pieces, as reassembly leaves it.
Test(conntrack_help, two_segments)
{
	struct rte_mbuf *m, *tail;
	struct talk k;
	char *bytes;

	start(&ftp);
	k = control(CLIENT, SERVER, 50000);
	m = segment(&k, 0, 0x18, "PORT 192,0,2,1,156,64\r\n");
	tail = rte_pktmbuf_alloc(tl_pool);
	bytes = rte_pktmbuf_append(tail, 15);
	memcpy(bytes, rte_pktmbuf_mtod_offset(m, char *, m->data_len - 15), 15);
	rte_pktmbuf_trim(m, 15);
	rte_pktmbuf_chain(m, tail);
	ctt_frame(m);
	cr_expect(eq(u8, ctt_frame(syn(SERVER, 20, CLIENT, 40000)), PL_CT_RELATED));
}

static struct tl_spec
datagram(const char *src, uint16_t sport, const char *dst, uint16_t dport, const char *payload,
	 uint16_t len)
{
	return (struct tl_spec){.src = src,
				.dst = dst,
				.sport = sport,
				.dport = dport,
				.payload = payload,
				.payload_len = len};
}

static bool
drop_all(struct pl_worker *w, const struct pl_pkt *p)
{
	(void)w;
	(void)p;
	return true;
}

Test(conntrack_help, tftp)
{
	struct tl_spec ask = datagram(CLIENT, 5000, SERVER, 69, "\0\1f\0octet\0", 10);
	struct tl_spec ack = datagram(CLIENT, 5000, SERVER, 69, "\0\4\0\1", 4);
	struct tl_spec data = datagram(SERVER, 1234, CLIENT, 5000, "\0\3\0\1hello", 9);

	start(&tftp);
	ctt_one(&ack);
	cr_expect(eq(u32, expected(), 0));
	ctt_one(&ask);
	ctt_one(&ask);
	cr_expect(eq(u32, expected(), 1));
	cr_expect(eq(u8, ctt_one(&data), PL_CT_RELATED));
	cr_expect(eq(u8, ctt_one(&data), PL_CT_RELATED));
	data.sport = 1235;
	cr_expect(eq(u8, ctt_one(&data), PL_CT_NEW));

	start(&tftp); // a request that a rule drops announces nothing
	ctt.drop = drop_all;
	ctt_one(&ask);
	ctt.drop = NULL;
	cr_expect(eq(u32, expected(), 0));
	cr_expect(eq(u8, ctt_one(&data), PL_CT_NEW));
}

// ---- several workers ----------------------------------------------------------------------------

static struct ctt_seen
send_at(unsigned at, struct rte_mbuf *m)
{
	ctt.n_seen = 0;
	ctt_feed(at, &m, 1);
	cr_assert(eq(uint, ctt.n_seen, 1u));
	return ctt.seen[0];
}

static unsigned
redirects(bool expect)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ctt.n; i++)
		n += ct_redirect_count(ctt.w[i]->ct, expect);
	return n;
}

Test(conntrack_help, workers)
{
	static const unsigned workers[] = {2, 4, 8};

	for (unsigned n = 0; n < RTE_DIM(workers); n++) {
		ctt_start(workers[n], 1000);
		ctt.ct_rule = &ftp;
		for (unsigned i = 0; i < 40; i++) {
			struct talk k = control(CLIENT, SERVER, (uint16_t)(50000 + i));
			struct talk d = {{SERVER, CLIENT}, {(uint16_t)(20 + i), 40000}, {77, 99}};
			unsigned owner = ctt.seen[0].worker;
			struct ctt_seen s;

			say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
			cr_expect(eq(uint, redirects(true), workers[n] - 1));
			s = send_at(i % workers[n], segment(&d, 0, 0x02, ""));
			cr_expect(eq(u8, s.state, PL_CT_RELATED));
			cr_expect(eq(u8, s.worker, owner), "where its master is");
			ctt_turns();
			cr_expect(eq(uint, redirects(true), 0u), "used up everywhere");
			s = send_at((i + 1) % workers[n], segment(&d, 1, 0x12, ""));
			cr_expect(eq(u8, s.state, PL_CT_ESTABLISHED));
			for (unsigned at = 0; at < workers[n]; at++) {
				s = send_at(at, segment(&d, at % 2, 0x10, "x"));
				cr_expect(eq(u8, s.state, PL_CT_ESTABLISHED));
				cr_expect(eq(u8, s.worker, owner));
			}
		}
		for (unsigned i = 0; i < workers[n]; i++)
			ct_table_flush(ctt.w[i], NULL, NULL);
		ctt_turns();
		ctt_turns();
		cr_expect(eq(uint, redirects(false), 0u), "nothing is left");
	}
}

// Two masters of different workers announce one tuple: who comes second is refused, as with one
// worker.
Test(conntrack_help, one_tuple_one_master)
{
	unsigned first = 0;

	ctt_start(4, 1000);
	ctt.ct_rule = &ftp;
	for (unsigned i = 0; i < 20; i++) {
		struct talk k = control(CLIENT, SERVER, (uint16_t)(50000 + i));

		say(&k, 0, "PORT 192,0,2,1,156,64\r\n");
		if (i == 0)
			first = ctt.seen[0].worker;
	}
	cr_expect(eq(u32, expected(), 1));
	cr_expect(eq(u64, drops(PL_DROP_CT_HELPER), 19));
	cr_expect(eq(u8, send_at(0, syn(SERVER, 20, CLIENT, 40000)).worker, first));
}

// Both at once, before either hears of the other: the one with the smaller number keeps it, no
// redirect is left over, and one flow is RELATED.
Test(conntrack_help, both_at_once)
{
	struct ct_help_pkt h[2] = {0};
	struct ct_expect x;
	unsigned at = 0;

	ctt_start(4, 1000);
	ctt.ct_rule = &ftp;
	for (unsigned i = 0; i < 2;) {
		control(CLIENT, SERVER, (uint16_t)(50000 + at++));
		if (i == 1 && ctt.seen[0].worker == h[0].w->id)
			continue;
		h[i].w = ctt.w[ctt.seen[0].worker];
		h[i++].e = ctt.seen[0].ct;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct ct_tuple reply = ct_entry_tuple(h[i].e, CT_REPLY);

		ct_expect_init(&h[i], &x, 0, &reply.src, &reply.dst, IPPROTO_TCP, htons(40000));
		cr_expect(eq(int, ct_expect_add(&h[i], &x, false), 0));
	}
	cr_expect(eq(u32, expected(), 2));
	ctt_turns();
	ctt_turns();
	ctt_turns();
	cr_expect(eq(u32, expected(), 1));
	cr_expect(eq(uint, redirects(true), 3u));
	cr_expect(eq(u8, send_at(0, syn(SERVER, 20, CLIENT, 40000)).state, PL_CT_RELATED));
	cr_expect(eq(u8, ctt.seen[0].worker, RTE_MIN(h[0].w->id, h[1].w->id)));
	cr_expect(eq(u8, send_at(1, syn(SERVER, 19, CLIENT, 40000)).state, PL_CT_NEW));
	cr_expect(eq(uint, redirects(true), 0u));
}
