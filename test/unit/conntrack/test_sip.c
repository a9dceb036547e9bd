// The SIP helper without translation: which calls and media are then RELATED, and texts that lie.
#include <netinet/in.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "conntrack/ct_expect.h"
#include "conntrack/ct_sip.h"
#include "ctt.h"

TestSuite(conntrack_sip, .fini = ctt_stop);

#define PHONE  "192.0.2.1"
#define SERVER "198.51.100.2"

static const struct cfg_t_ct sip = {.helper = CFG_HELPER_SIP};

static const char invite[] = "INVITE sip:al@198.51.100.2 SIP/2.0\r\n"
			     "Via: SIP/2.0/UDP 192.0.2.1:5060\r\n"
			     "CSeq: 7 INVITE\r\n"
			     "Content-Length: 96\r\n\r\n"
			     "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
			     "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"
			     "m=audio 40000 RTP/AVP 0\r\nm=image 0 x\r\n";

static uint8_t
say(const char *src, uint16_t sport, const char *dst, uint16_t dport, const char *text)
{
	struct tl_spec s = {.src = src,
			    .dst = dst,
			    .sport = sport,
			    .dport = dport,
			    .payload = text,
			    .payload_len = (uint16_t)strlen(text)};

	return ctt_one(&s);
}

static uint8_t
phone(const char *text)
{
	return say(PHONE, 5060, SERVER, 5060, text);
}

static uint8_t
server(const char *text)
{
	return say(SERVER, 5060, PHONE, 5060, text);
}

static void
start(void)
{
	ctt_start(1, 1000);
	ctt.ct_rule = &sip;
}

static uint32_t
expected(void)
{
	return ctt.w[0]->ct->n_expect;
}

Test(conntrack_sip, media)
{
	start();
	phone(invite);
	cr_expect(eq(u32, expected(), 2));
	cr_expect(eq(u8, say("198.51.100.3", 4000, PHONE, 40000, "x"), PL_CT_NEW),
		  "not the server");
	cr_expect(eq(u8, say(SERVER, 4000, PHONE, 40000, "x"), PL_CT_RELATED));
	cr_expect(eq(u8, say(SERVER, 4001, PHONE, 40001, "x"), PL_CT_RELATED), "RTCP");
	cr_expect(eq(u32, expected(), 0));
	phone(invite);
	server("SIP/2.0 486 busy\r\nCSeq: 7 INVITE\r\n\r\n");
	cr_expect(eq(u32, expected(), 0), "refused");
	phone(invite);
	phone("BYE sip:al@198.51.100.2 SIP/2.0\r\nCSeq: 8 BYE\r\n\r\n");
	cr_expect(eq(u32, expected(), 0), "hung up");
}

Test(conntrack_sip, registration)
{
	static const char ask[] = "REGISTER sip:198.51.100.2 SIP/2.0\r\nCSeq: 1 REGISTER\r\n"
				  "Contact: <sip:bob@192.0.2.1:5070>;expires=300\r\n\r\n";

	start();
	phone(ask);
	cr_expect(eq(u8, say(SERVER, 4000, PHONE, 5070, "x"), PL_CT_NEW), "not agreed to");
	server("SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n"
	       "m: <sip:bob@192.0.2.1:5070>;expires=300\r\n\r\n");
	for (uint16_t i = 0; i < 3; i++)
		cr_expect(
			eq(u8, say(SERVER, (uint16_t)(4001 + i), PHONE, 5070, "x"), PL_CT_RELATED));
	ctt_advance_ms(301000);
	cr_expect(eq(u8, say(SERVER, 4010, PHONE, 5070, "x"), PL_CT_NEW), "over");
}

// None of these may be read past its end; what cannot be followed is dropped.
Test(conntrack_sip, texts_that_lie)
{
	static const char *const text[] = {
		"INVITE sip:",
		"INVITE sip:a@1 SIP/2.0",
		"SIP/2.0 200",
		"SIP/2.0 2000000000000000000000 x\r\nCSeq:",
		"REGISTER sip:a SIP/2.0\r\nCSeq: 1\r\nContact: <sip:@192.0.2.1:5>\r\n",
		"REGISTER sip:a SIP/2.0\r\nCSeq: 1\r\nContact:\r\n ,,sip:,sip:[\r\n",
		"ACK sip:a SIP/2.0\r\nCSeq: 1 ACK\r\n\r\nv=0\r\nm=audio 99999 x\r\n",
		"ACK sip:a SIP/2.0\r\nCSeq: 1 ACK\r\n\r\nv=0\r\nm=audio 4000 x\r\nc=IN IP4 ",
		"ACK sip:a SIP/2.0\r\nCSeq: 1 ACK\r\n\r\nv=0\r\nm=\r\nm=audio\r\nm=audio ",
		"\r\n\r\n\r\n\r\n\r\n\r\n\r",
	};

	for (size_t i = 0; i < RTE_DIM(text); i++) {
		for (size_t n = 1; n <= strlen(text[i]); n++) {
			char cut[128];

			start();
			snprintf(cut, sizeof(cut), "%.*s", (int)n, text[i]);
			phone(cut);
			cr_expect(eq(u32, expected(), 0));
		}
	}
	for (size_t n = 1; n < strlen(invite); n++) {
		char cut[512];

		start();
		snprintf(cut, sizeof(cut), "%.*s", (int)n, invite);
		phone(cut);
		cr_expect(le(u32, expected(), 2));
	}
}

static uint32_t
rnd(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*state >> 33) % below;
}

// Everything that reads a message, over n bytes that end where their buffer ends, so that the
// address sanitizer sees each byte read too many. What is found must lie inside.
static void
read_all(struct ct_help_pkt *h)
{
	union pl_addr addr;
	struct ct_span at;
	rte_be16_t port;
	uint32_t v;

	for (enum ct_sip_header what = CT_SIP_CSEQ; what <= CT_SIP_LENGTH; what++) {
		bool inside = false;
		uint32_t off = 0, last;

		if (ct_sip_header(h, 0, what, &at) > 0)
			cr_assert(le(u32, at.off + at.len, h->text.n));
		if (what < CT_SIP_FROM || what > CT_SIP_VIA)
			continue;
		do {
			last = off;
			if (ct_sip_uri(h, &off, what, &inside, &at, &addr, &port) <= 0)
				break;
			cr_assert(le(u32, at.off + at.len, h->text.n));
			cr_assert(gt(u32, off, last), "it gets on");
			ct_sip_addr_param(h, off, "maddr=", true, &at, &addr);
			ct_sip_number_param(h, off, "expires=", &at, &v);
			ct_sip_transport_ok(h, off);
		} while (true);
	}
	if (ct_sip_request_uri(h, &at, &addr, &port) > 0)
		cr_assert(le(u32, at.off + at.len, h->text.n));
	for (enum ct_sdp_line what = CT_SDP_VERSION; what < CT_SDP_NONE; what++) {
		if (ct_sdp_find(h, 0, what, CT_SDP_NONE, &at) > 0)
			cr_assert(le(u32, at.off + at.len, h->text.n));
		ct_sdp_find(h, 0, what, CT_SDP_MEDIA, &at);
	}
	ct_sdp_addr(h, 0, &addr);
}

Test(conntrack_sip, odd_bytes, .timeout = 60)
{
	static const char base[] =
		"REGISTER sip:a@[2001:db8::1]:5060 SIP/2.0\r\nv: SIP/2.0/UDP "
		"192.0.2.1:5060;rport=1\r\n"
		"CSeq: 7 REGISTER\r\nf: <sip:b@192.0.2.1>\r\n t: \r\nContact: "
		"<sip:c@192.0.2.1:5060>"
		";expires=3,<sip:d@192.0.2.2:1024>;maddr=192.0.2.3\r\n\tsip:e@10.0.0.1\r\nl: "
		"9\r\n\r\n"
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP6 2001:db8::1\r\nm=audio 4000 x\r\n";
	static const char odd[] = "\r\n \t:,;=@[].0959azm";
	uint64_t state = 1;

	tl_init();
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t n = 1 + rnd(&state, sizeof(base) - 1);
		char *text = malloc(n);
		struct pl_pkt p = {.family = i % 3 == 0 ? 6 : 4, .proto = IPPROTO_UDP};
		struct ct_help_pkt h = {.p = &p, .text = {.at = text, .len = n, .n = n}};

		memcpy(text, base + (i % 2 == 0 ? 0 : rnd(&state, sizeof(base) - n)), n);
		for (unsigned k = rnd(&state, 12); k != 0; k--)
			text[rnd(&state, n)] = odd[rnd(&state, sizeof(odd) - 1)];
		read_all(&h);
		free(text);
	}
}
