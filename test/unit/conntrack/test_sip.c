// The SIP helper without translation: which calls and media are then RELATED, and texts that lie.
#include <netinet/in.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "conntrack/ct_expect.h"
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
