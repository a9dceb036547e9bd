// Log lines: for every frame of kernel_log.h the line that Linux printed, character for character;
// then what its LOG cannot show: TRACE's and AUDIT's lines, packets without a link header or port.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "config/policy.h"
#include "control/log_line.h"
#include "test/unit/control/kernel_log.h"

static const char *const ports[PL_PORT_MAX + 1] = {"lan", "wan"};

static size_t
bytes_of(uint8_t *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		sscanf(hex + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return n;
}

// An event about the frame, as LOG in raw PREROUTING makes it.
static struct pl_event
event_of(const uint8_t *frame, size_t n)
{
	const uint8_t *ip = frame + 14;
	struct pl_event e = {
		.kind = PL_EVENT_LOG,
		.family = frame[12] == 0x08 ? 4 : 6,
		.out = PL_PORT_NONE,
		.l2_len = 14,
		.n_byte = (uint32_t)n,
	};

	e.length = e.family == 4 ? ip[2] << 8 | ip[3] : (ip[4] << 8 | ip[5]) + 40;
	return e;
}

Test(ctl_log_line, as_the_kernel)
{
	for (size_t i = 0; i < sizeof(kernel_log_row) / sizeof(kernel_log_row[0]); i++) {
		const struct kernel_log_row *row = &kernel_log_row[i];
		static char line[CTL_LOG_LINE], marked[CTL_LOG_LINE + 16];
		uint8_t frame[512];
		size_t n = bytes_of(frame, row->frame);
		struct pl_event e = event_of(frame, n);

		snprintf(marked, sizeof(marked), "%sMARK=0x2a ", row->line[0]);
		ctl_log_line(line, sizeof(line), &e, frame, ports);
		cr_expect(eq(str, line, (char *)row->line[0]), "%s", row->name);
		e.what = CFG_LOG_TCP_SEQUENCE | CFG_LOG_TCP_OPTIONS | CFG_LOG_IP_OPTIONS |
			 CFG_LOG_UID | CFG_LOG_MACDECODE;
		ctl_log_line(line, sizeof(line), &e, frame, ports);
		cr_expect(eq(str, line, (char *)row->line[1]), "%s, all flags", row->name);
		e.what = 0;
		e.mark = 0x2a;
		ctl_log_line(line, sizeof(line), &e, frame, ports);
		cr_expect(eq(str, line, row->line[2][0] == '+' ? marked : (char *)row->line[2]),
			  "%s, mark", row->name);
	}
}

// However little of a packet there is, and whatever it says of itself: no byte behind it is read.
Test(ctl_log_line, cut_anywhere)
{
	for (size_t i = 0; i < sizeof(kernel_log_row) / sizeof(kernel_log_row[0]); i++) {
		uint8_t frame[512];
		size_t n = bytes_of(frame, kernel_log_row[i].frame);

		for (size_t have = 14; have <= n; have++) {
			struct pl_event e = event_of(frame, n);
			uint8_t *copy = malloc(have);
			char line[CTL_LOG_LINE];

			memcpy(copy, frame, have);
			e.n_byte = (uint32_t)have;
			e.what = 0xff;
			cr_expect(gt(sz, ctl_log_line(line, sizeof(line), &e, copy, ports), 50));
			e.length = (uint32_t)have - 14;
			ctl_log_line(line, sizeof(line), &e, copy, ports);
			free(copy);
		}
	}
}

#define UDP4 "4500001c00010000401166ca0a0100020a02000203e807d00008e01f"

Test(ctl_log_line, prefix_and_ports)
{
	struct pl_event e = {
		.kind = PL_EVENT_LOG, .family = 4, .in = PL_PORT_NONE, .out = 1, .length = 28};
	char line[CTL_LOG_LINE];
	uint8_t ip[64];

	e.n_byte = (uint32_t)bytes_of(ip, UDP4);
	strcpy(e.text, "out: ");
	ctl_log_line(line, sizeof(line), &e, ip, ports);
	cr_expect(eq(str, line,
		     "out: IN= OUT=wan SRC=10.1.0.2 DST=10.2.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 "
		     "ID=1 PROTO=UDP SPT=1000 DPT=2000 LEN=8 "));
	e.in = 0; // forwarded, but made here: no link header came with it
	ctl_log_line(line, sizeof(line), &e, ip, ports);
	cr_expect(eq(str, line,
		     "out: IN=lan OUT=wan MAC= SRC=10.1.0.2 DST=10.2.0.2 LEN=28 TOS=0x00 PREC=0x00 "
		     "TTL=64 ID=1 PROTO=UDP SPT=1000 DPT=2000 LEN=8 "));
	cr_expect(eq(sz, ctl_log_line(line, 10, &e, ip, ports), 9));
	cr_expect(eq(str, line, "out: IN=l"));
}

Test(ctl_log_line, trace_and_audit)
{
	struct pl_event e = {.kind = PL_EVENT_TRACE,
			     .family = 4,
			     .table = CFG_FILTER,
			     .in = 0,
			     .out = PL_PORT_NONE,
			     .what = PL_TRACE_RULE,
			     .rule = 12,
			     .proto = 17,
			     .length = 28};
	char line[CTL_LOG_LINE];
	uint8_t ip[64];

	e.n_byte = (uint32_t)bytes_of(ip, UDP4);
	strcpy(e.text, "mine");
	ctl_log_line(line, sizeof(line), &e, ip, ports);
	cr_expect(strncmp(line, "TRACE: filter:mine:rule:12 IN=lan OUT= MAC= SRC=10.1.0.2 ", 56) ==
			  0,
		  "%s", line);
	e.what = PL_TRACE_RETURN;
	ctl_log_line(line, sizeof(line), &e, ip, ports);
	cr_expect(strncmp(line, "TRACE: filter:mine:return:12 ", 29) == 0, "%s", line);
	e.what = PL_TRACE_POLICY;
	ctl_log_line(line, sizeof(line), &e, ip, ports);
	cr_expect(strncmp(line, "TRACE: filter:mine:policy:12 ", 29) == 0, "%s", line);
	e.kind = PL_EVENT_AUDIT;
	e.mark = 0x10;
	ctl_log_line(line, sizeof(line), &e, ip, ports);
	cr_expect(eq(str, line,
		     "type=NETFILTER_PKT mark=0x10 saddr=10.1.0.2 daddr=10.2.0.2 proto=17"));
}
