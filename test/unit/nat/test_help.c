// Helpers through a translation: the announcement as the other side sees it, the flow that comes of
// it, and the TCP numbers that are shifted from then on, with one worker and with several.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "test/unit/nat/nat_world.h"

TestSuite(nat_help);

#define CLIENT	"192.168.1.2"
#define SERVER	"198.51.100.7"
#define OUTSIDE "203.0.113.1"

static const struct nw_rule masq = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_MASQUERADE}};
static const struct cfg_t_ct ftp = {.helper = CFG_HELPER_FTP}, tftp = {.helper = CFG_HELPER_TFTP};

// A control connection as its two ends see it, client first.
struct talk {
	const char *host[2], *to[2];
	uint16_t port[2], to_port[2];
	uint8_t in[2]; // gateway's port behind which they are
	uint32_t seq[2], got[2];
};

// What came out last, and its payload.
struct heard {
	char *text; // good for three more
	uint32_t seq, ack;
	struct pl_pkt p;
	unsigned segments;
};

static uint32_t
be32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint16_t
sum_of_l4(const struct rte_ipv4_hdr *ip)
{
	uint32_t n = rte_be_to_cpu_16(ip->total_length) - 20u;
	uint32_t sum = rte_raw_cksum(ip + 1, n) + rte_raw_cksum(&ip->src_addr, 8) + htons(n) +
		       htons(ip->next_proto_id);

	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// Sum over a packet that may be in several segments.
static bool
csum_ok(const struct nw_out *o)
{
	static uint8_t flat[8192];
	const void *l3 = rte_pktmbuf_read(o->m, 14, o->m->pkt_len - 14, flat);
	const struct rte_ipv4_hdr *ip = l3;

	return rte_raw_cksum(l3, 20) == 0xffff && sum_of_l4(ip) == 0xffff &&
	       rte_be_to_cpu_16(ip->total_length) + 14u == o->m->pkt_len;
}

static struct heard
hear(struct nw_out *o)
{
	static char texts[4][4096];
	static uint8_t flat[8192];
	static unsigned turn;
	struct heard h = {.text = texts[turn++ % 4], .p = o->p, .segments = o->m->nb_segs};
	const uint8_t *l4;
	uint32_t at, n;

	cr_expect(csum_ok(o), "checksums");
	l4 = rte_pktmbuf_read(o->m, o->p.l4_off, o->p.l4_len, flat);
	at = o->p.proto == IPPROTO_TCP ? (l4[12] >> 4) * 4u : 8;
	n = o->p.l4_len - at;
	cr_assert(lt(uint, n, sizeof(texts[0])));
	memcpy(h.text, l4 + at, n);
	h.text[n] = '\0';
	if (o->p.proto == IPPROTO_TCP) {
		h.seq = be32(l4 + 4);
		h.ack = be32(l4 + 8);
	}
	return h;
}

static struct heard
say_len(struct talk *k, unsigned dir, uint8_t flags, const char *text, uint16_t n)
{
	struct tl_spec s = {.src = k->host[dir],
			    .dst = k->to[dir],
			    .proto = IPPROTO_TCP,
			    .sport = k->port[dir],
			    .dport = k->to_port[dir],
			    .tcp_flags = flags,
			    .seq = k->seq[dir],
			    .ack = k->got[dir],
			    .payload = text,
			    .payload_len = n};
	struct nw_out *o = nw_send(nf_frame(&s), k->in[dir], PL_FROM_WIRE, NULL);
	struct heard h;

	cr_assert(o != NULL);
	h = hear(o);
	k->seq[dir] += n + (flags & 0x03 ? 1 : 0);
	k->got[!dir] = h.seq + (uint32_t)strlen(h.text) + (flags & 0x03 ? 1 : 0);
	rte_pktmbuf_free(o->m);
	nw.n_out--;
	return h;
}

static struct heard
say(struct talk *k, unsigned dir, uint8_t flags, const char *text)
{
	return say_len(k, dir, flags, text, (uint16_t)strlen(text));
}

static void
connect_and_greet(struct talk *k)
{
	k->to_port[1] = ntohs(say(k, 0, 0x02, "").p.sport);
	say(k, 1, 0x12, "");
	say(k, 0, 0x10, "");
	say(k, 1, 0x18, "220 hello\r\n");
	say(k, 0, 0x18, "USER me\r\n");
}

// A client behind the translation.
static struct talk
control(const char *client, uint16_t port)
{
	struct talk k = {.host = {client, SERVER},
			 .to = {SERVER, OUTSIDE},
			 .port = {port, 21},
			 .to_port = {21, 0},
			 .in = {client[0] == '1' && client[1] == '0' ? DMZ : LAN, WAN},
			 .seq = {1000, 5000}};

	connect_and_greet(&k);
	return k;
}

static struct nw_out *
syn_to(uint16_t sport, uint16_t dport)
{
	struct tl_spec s = {.src = SERVER,
			    .dst = OUTSIDE,
			    .proto = IPPROTO_TCP,
			    .sport = sport,
			    .dport = dport,
			    .seq = 77};

	return nw_packet(&s, WAN);
}

static uint16_t
port_of(const char *text)
{
	unsigned a, b;

	return sscanf(text, "PORT 203,0,113,1,%u,%u\r\n", &a, &b) == 2 ? (uint16_t)(a << 8 | b) : 0;
}

// What the client counts and what the server counts.
static void
numbers_agree(struct talk *k, int32_t shift)
{
	uint32_t seq = k->seq[0];
	struct heard h = say(k, 0, 0x18, "LIST\r\n");

	cr_expect(eq(u32, h.seq, seq + (uint32_t)shift));
	h = say(k, 1, 0x18, "150 here\r\n");
	cr_expect(eq(u32, h.ack, k->seq[0]));
	cr_expect(eq(int, h.p.ct_state, PL_CT_ESTABLISHED), "windows know of the shift");
}

Test(nat_help, active)
{
	static const unsigned workers[] = {1, 2, 4, 8};

	for (unsigned i = 0; i < RTE_DIM(workers); i++) {
		struct talk k, other;
		struct tl_spec back;
		struct nw_out *o;
		struct heard h;

		nw_up(workers[i], CFG_PORTS_DEFAULT, &masq, 1);
		nw.ct_rule = &ftp;
		k = control(CLIENT, 50000);
		h = say(&k, 0, 0x18, "PORT 192,168,1,2,156,64\r\n");
		cr_expect(eq(str, h.text, "PORT 203,0,113,1,156,64\r\n"));
		numbers_agree(&k, 0);
		h = say(&k, 0, 0x18, "PORT 192,168,1,2,3,233\r\n");
		cr_expect(eq(str, h.text, "PORT 203,0,113,1,3,233\r\n"));
		h = say(&k, 0, 0x18, "EPRT |1|192.168.1.2|1001|\r\n");
		cr_expect(eq(str, h.text, "EPRT |1|203.0.113.1|1001|\r\n"));
		h = say(&k, 0, 0x18, "PORT 192,168,1,2,0156,064\r\n");
		cr_expect(eq(str, h.text, "PORT 203,0,113,1,156,64\r\n"));
		numbers_agree(&k, -2);

		other = control("192.168.1.3", 50001); // the same port, already expected
		h = say(&other, 0, 0x18, "PORT 192,168,1,3,156,64\r\n");
		cr_expect(gt(u16, port_of(h.text), 40000));
		numbers_agree(&other, (int32_t)strlen(h.text) - 25);

		o = syn_to(20, 40000);
		cr_expect(eq(int, o->p.ct_state, PL_CT_RELATED));
		cr_expect(eq(str, (char *)nw_text(o), SERVER ":20>" CLIENT ":40000"));
		back = nw_answer(o);
		back.tcp_flags = 0x12;
		back.seq = 99;
		back.ack = 78;
		o = nw_packet(&back, LAN);
		cr_expect(eq(str, (char *)nw_text(o), OUTSIDE ":40000>" SERVER ":20"));
		cr_expect(eq(int, o->p.ct_state, PL_CT_ESTABLISHED));
		o = syn_to(20, port_of(h.text));
		cr_expect(eq(str, (char *)nw_text(o), SERVER ":20>192.168.1.3:40000"));
		cr_expect(eq(int, o->p.ct_state, PL_CT_RELATED));
		nw_down();
	}
}

// A server behind the translation.
Test(nat_help, passive)
{
	static const unsigned workers[] = {1, 2, 4};
	struct nw_rule rule = {NAT_DST, WAN, -1, IPPROTO_TCP, 21, {.kind = PL_NAT_DNAT}};

	rule.rule.flags = PL_NAT_HAS_ADDR;
	rule.rule.addr_min = rule.rule.addr_max = nf_addr("192.168.1.9");
	for (unsigned i = 0; i < RTE_DIM(workers); i++) {
		struct talk k = {.host = {SERVER, "192.168.1.9"},
				 .to = {OUTSIDE, SERVER},
				 .port = {50000, 21},
				 .to_port = {21, 50000},
				 .in = {WAN, LAN},
				 .seq = {1000, 5000}};
		struct tl_spec s = {.src = SERVER,
				    .dst = OUTSIDE,
				    .proto = IPPROTO_TCP,
				    .sport = 50001,
				    .dport = 40000};
		struct nw_out *o;
		struct heard h;

		nw_up(workers[i], CFG_PORTS_DEFAULT, &rule, 1);
		nw.ct_rule = &ftp;
		connect_and_greet(&k);
		say(&k, 0, 0x18, "PASV\r\n");
		h = say(&k, 1, 0x18, "227 Entering Passive Mode (192,168,1,9,156,64).\r\n");
		cr_expect(eq(str, h.text, "227 Entering Passive Mode (203,0,113,1,156,64).\r\n"));
		o = nw_packet(&s, WAN);
		cr_expect(eq(int, o->p.ct_state, PL_CT_RELATED));
		cr_expect(eq(str, (char *)nw_text(o), SERVER ":50001>192.168.1.9:40000"));
		h = say(&k, 1, 0x18, "229 Extended (|||40001|)\r\n");
		cr_expect(eq(str, h.text, "229 Extended (|||40001|)\r\n"));
		s.dport = 40001;
		o = nw_packet(&s, WAN);
		cr_expect(eq(str, (char *)nw_text(o), SERVER ":50001>192.168.1.9:40001"));
		nw_down();
	}
}

// The packet's buffer is full: what does not fit goes into another one.
Test(nat_help, payload_grows_out_of_its_buffer)
{
	static const char command[] = "PORT 10,0,0,7,4,1\r\n";
	static char text[4096];
	uint16_t n;
	struct heard h;
	struct talk k;

	nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
	nw.ct_rule = &ftp;
	k = control("10.0.0.7", 50000);
	n = (uint16_t)(rte_pktmbuf_data_room_size(tl_pool) - RTE_PKTMBUF_HEADROOM - 54);
	memset(text, 'x', sizeof(text));
	memcpy(text, command, strlen(command));
	h = say_len(&k, 0, 0x18, text, n);
	cr_expect(eq(uint, h.segments, 2));
	cr_expect(eq(uint, strlen(h.text), n + 3u));
	cr_expect(eq(int, strncmp(h.text, "PORT 203,0,113,1,4,1\r\nxxxx", 26), 0));
	cr_expect(eq(uint, strspn(h.text + 22, "x"), n - 19u));
	nw_down();
}

static const struct cfg_t_ct sip = {.helper = CFG_HELPER_SIP};

static struct nw_out *
message(struct tl_spec *s, const char *text, uint8_t port)
{
	s->payload = text;
	s->payload_len = (uint16_t)strlen(text);
	return nw_send(nf_frame(s), port, PL_FROM_WIRE, NULL);
}

// A phone calls, and media comes; two phones that name the same port get one each.
Test(nat_help, sip)
{
	static const unsigned workers[] = {1, 2, 4};
	static const char *const phone[] = {CLIENT, "192.168.1.3"};

	for (unsigned i = 0; i < RTE_DIM(workers); i++) {
		nw_up(workers[i], CFG_PORTS_DEFAULT, &masq, 1);
		nw.ct_rule = &sip;
		for (unsigned k = 0; k < 2; k++) {
			struct tl_spec s = {
				.src = phone[k], .dst = SERVER, .sport = 5060, .dport = 5060};
			char text[512], want[64];
			unsigned port = 0;
			struct heard h;
			struct nw_out *o;

			snprintf(text, sizeof(text),
				 "INVITE sip:al@" SERVER " SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060\r\n"
				 "CSeq: 1 INVITE\r\nCall-ID: 1@%s\r\nContact: <sip:bob@%s:5060>\r\n"
				 "Content-Length: 87\r\n\r\nv=0\r\no=- 1 1 IN IP4 %s\r\n"
				 "c=IN IP4 %s\r\nm=audio 40000 RTP/AVP 0\r\n",
				 phone[k], phone[k], phone[k], phone[k], phone[k]);
			o = message(&s, text, LAN);
			cr_assert(o != NULL);
			h = hear(o);
			cr_expect(ne(ptr, strstr(h.text, "c=IN IP4 " OUTSIDE "\r\n"), NULL));
			cr_expect(ne(ptr, strstr(h.text, "o=- 1 1 IN IP4 " OUTSIDE "\r\n"), NULL));
			snprintf(want, sizeof(want), "Contact: <sip:bob@" OUTSIDE ":%u>",
				 ntohs(h.p.sport));
			cr_expect(ne(ptr, strstr(h.text, want), NULL), "%s", h.text);
			snprintf(want, sizeof(want), "Call-ID: 1@%s\r\n", phone[k]);
			cr_expect(ne(ptr, strstr(h.text, want), NULL));
			cr_assert(
				eq(int, sscanf(strstr(h.text, "m=audio"), "m=audio %u", &port), 1));
			cr_expect(eq(uint, port, 40000 + 2 * k));
		}
		for (unsigned k = 0; k < 4; k++) { // RTP and RTCP of each
			struct tl_spec media = {.src = SERVER,
						.dst = OUTSIDE,
						.sport = (uint16_t)(9000 + k),
						.dport = (uint16_t)(40000 + k)};
			struct nw_out *o = nw_packet(&media, WAN);
			char want[64];

			snprintf(want, sizeof(want), SERVER ":%u>%s:%u", 9000 + k, phone[k / 2],
				 40000 + k % 2);
			cr_expect(eq(str, (char *)nw_text(o), want));
			cr_expect(eq(int, o->p.ct_state, PL_CT_RELATED));
		}
		nw_down();
	}
}

Test(nat_help, tftp)
{
	static const unsigned workers[] = {1, 2, 4};

	for (unsigned i = 0; i < RTE_DIM(workers); i++) {
		struct tl_spec ask = {.src = CLIENT,
				      .dst = SERVER,
				      .sport = 50000,
				      .dport = 69,
				      .payload = "\0\1f\0octet\0",
				      .payload_len = 10};
		struct nw_out *o;
		struct tl_spec s;

		nw_up(workers[i], CFG_PORTS_DEFAULT, &masq, 1);
		nw.ct_rule = &tftp;
		o = nw_packet(&ask, LAN);
		s = nw_answer(o);
		s.sport = 1234;
		o = nw_packet(&s, WAN);
		cr_expect(eq(int, o->p.ct_state, PL_CT_RELATED));
		cr_expect(eq(str, (char *)nw_text(o), SERVER ":1234>" CLIENT ":50000"));
		s = nw_answer(o);
		o = nw_packet(&s, LAN);
		cr_expect(eq(int, o->p.ct_state, PL_CT_ESTABLISHED));
		nw_down();
	}
}
