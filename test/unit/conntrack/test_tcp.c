// TCP against the kernel: tcp_kernel.tsv holds what Linux 6.18 said to each segment of each case
// (made by oracle/tcp_oracle.py, where the format stands); the same segments go through the real
// stages here. CT_TCP_KERNEL names another such file, for long runs.
#include <ctype.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "ctt.h"

#define A      "192.0.2.1"
#define B      "198.51.100.2"
#define KERNEL "test/unit/conntrack/tcp_kernel.tsv"

static uint8_t
flags_of(const char *s)
{
	static const char letter[] = "FSRPAU";
	uint8_t flags = 0;

	for (; *s != '\0' && *s != ','; s++)
		flags |= (uint8_t)(1u << (strchr(letter, *s) - letter));
	return flags;
}

static unsigned
options_of(const char *s, uint8_t *out)
{
	unsigned n = 0;

	while (*s != '\0' && *s != '=') {
		unsigned long v = strtoul(s + 1, NULL, 10);
		uint32_t edge[2] = {rte_cpu_to_be_32((uint32_t)v - 10),
				    rte_cpu_to_be_32((uint32_t)v)};

		switch (*s) {
		case 'w':
			memcpy(out + n, (uint8_t[]){3, 3, (uint8_t)v}, 3);
			n += 3;
			break;
		case 's':
			memcpy(out + n, (uint8_t[]){4, 2}, 2);
			n += 2;
			break;
		case 'e':
			memcpy(out + n, (uint8_t[]){5, 10}, 2);
			memcpy(out + n + 2, edge, 8);
			n += 10;
			break;
		default:
			break;
		}
		s += 1 + strcspn(s + 1, "+=wse");
		s += *s == '+';
	}
	while (n % 4 != 0)
		out[n++] = 1;
	return n;
}

// The frame of one segment as the file writes it: direction,flags,seq,ack,window,payload,options
static struct rte_mbuf *
segment(const char *text, uint16_t port)
{
	struct tl_spec s = {.proto = IPPROTO_TCP, .sport = port, .dport = 80, .src = A, .dst = B};
	unsigned payload, window, n_opt;
	char flags[16] = "";
	uint8_t body[1600] = {0};
	struct rte_mbuf *m;
	struct rte_tcp_hdr *tcp;
	struct rte_ipv4_hdr *ip;
	const char *at = strchr(text, ',') + 1;

	snprintf(flags, sizeof(flags), "%.*s", (int)strcspn(at, ","), at);
	at = strchr(at, ',') + 1;
	cr_assert(eq(int, sscanf(at, "%u,%u,%u,%u", &s.seq, &s.ack, &window, &payload), 4), "%s",
		  text);
	for (unsigned i = 0; i < 4; i++)
		at = strchr(at, ',') + 1;
	n_opt = options_of(at, body);
	if (text[0] == '<') {
		s.src = B;
		s.dst = A;
		s.sport = 80;
		s.dport = port;
	}
	s.payload = body;
	s.payload_len = (uint16_t)(n_opt + payload);
	m = tl_frame(&s);
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	tcp = (struct rte_tcp_hdr *)(ip + 1);
	tcp->data_off = (uint8_t)((5 + n_opt / 4) << 4);
	tcp->tcp_flags = flags_of(flags);
	tcp->rx_win = rte_cpu_to_be_16((uint16_t)window);
	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	return m;
}

// What we say, in the file's words; seconds apart.
static void
answer(struct rte_mbuf *m, char *out, size_t size, unsigned *seconds)
{
	const char *called;
	struct ct_flow f;
	uint8_t state = ctt_frame(m);

	called = state == PL_CT_NEW	      ? "NEW"
		 : state == PL_CT_ESTABLISHED ? "ESTABLISHED"
		 : state == PL_CT_INVALID     ? "INVALID"
					      : "LOST";
	*seconds = 0;
	if (ctt_dump(0, &f, 1) == 0) {
		snprintf(out, size, "%s/-", called);
		return;
	}
	*seconds = f.timeout_sec;
	snprintf(out, size, "%s/%s/%s", called, ct_tcp_state_name((enum ct_tcp_state)f.tcp_state),
		 f.status & CT_S_ASSURED      ? "A"
		 : f.status & CT_S_SEEN_REPLY ? "-"
					      : "U");
}

// called/state/seconds/mark -> called/state/mark and seconds
static unsigned
split_answer(const char *text, char *out, size_t size)
{
	char called[32], state[32], mark[4];
	unsigned seconds;

	if (sscanf(text, "%31[^/]/%31[^/]/%u/%3s", called, state, &seconds, mark) == 4) {
		snprintf(out, size, "%s/%s/%s", called, state, mark);
		return seconds;
	}
	snprintf(out, size, "%s", text);
	return 0;
}

// Returns how many segments agreed; reports the first that does not.
static unsigned
run_case(char *line, unsigned *bad)
{
	char *save, *name = strtok_r(line, "\t", &save), *seg;
	unsigned n = 0;

	ctt_start(1, 100);
	ctt.conf.tcp_be_liberal = strncmp(name, "liberal", 7) == 0;
	ctt.conf.tcp_loose = strncmp(name, "strict", 6) != 0;
	for (; (seg = strtok_r(NULL, " \n", &save)) != NULL; n++) {
		char want[80], got[80];
		unsigned want_sec, got_sec;

		want_sec = split_answer(strrchr(seg, '=') + 1, want, sizeof(want));
		answer(segment(seg, 10000), got, sizeof(got), &got_sec);
		if (strcmp(want, got) == 0 && abs((int)want_sec - (int)got_sec) <= 2)
			continue;
		(*bad)++;
		cr_expect(eq(str, got, want), "%s, segment %u: %s, seconds %u", name, n + 1, seg,
			  got_sec);
		cr_expect(le(int, abs((int)want_sec - (int)got_sec), 2),
			  "%s, segment %u: %s, seconds %u", name, n + 1, seg, got_sec);
		break;
	}
	return n;
}

Test(conntrack_tcp, as_the_kernel, .timeout = 300, .fini = ctt_stop)
{
	const char *path = getenv("CT_TCP_KERNEL") != NULL ? getenv("CT_TCP_KERNEL") : KERNEL;
	unsigned cases = 0, segments = 0, bad = 0;
	static char line[65536];
	FILE *f = fopen(path, "r");

	cr_assert(ne(ptr, f, NULL), "%s", path);
	while (fgets(line, sizeof(line), f) != NULL && bad < 30) {
		segments += run_case(line, &bad);
		cases++;
	}
	fclose(f);
	fprintf(stderr, "%u cases, %u segments as the kernel\n", cases, segments);
	cr_expect(ge(uint, cases, 100u));
}
