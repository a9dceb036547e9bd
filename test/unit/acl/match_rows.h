#pragma once
// What the tests of single matches share: one rule that drops in FORWARD (or another chain), whose
// policy accepts, and one packet. Each row goes through the compiled walk and the interpreter (at.c
// compares them).
#include "at.h"

enum expect {
	MISS,
	MATCH,
	HOT, // dropped without a verdict
};

struct row {
	const char *rule;
	struct tl_spec
		spec; // src and dst 10.0.0.5 > 192.0.2.9 (or 2001:db8::5 > ::9) where not given
	struct at_way way;
	enum expect expect;
};

static inline void
expect_rows(enum cfg_family family, const struct row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tl_spec s = row[i].spec;
		struct at_result r;
		enum expect got;
		char text[1024];
		struct at t;

		snprintf(text, sizeof(text),
			 "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
			 ":OUTPUT ACCEPT [0:0]\n-A FORWARD %s -j DROP\nCOMMIT\n",
			 row[i].rule);
		if (s.src == NULL)
			s.src = family == CFG_IPV4 ? "10.0.0.5" : "2001:db8::5";
		if (s.dst == NULL)
			s.dst = family == CFG_IPV4 ? "192.0.2.9" : "2001:db8::9";
		at_open(&t, family, text);
		r = at_judge(&t, ACL_FILTER, &s, &row[i].way, 0);
		got = !r.gone ? MISS : r.drop == PL_DROP_HOTDROP ? HOT : MATCH;
		cr_expect(got == row[i].expect, "row %zu '%s': %d, want %d", i, row[i].rule, got,
			  row[i].expect);
		if (got == MATCH)
			cr_expect(r.drop == PL_DROP_RULE && r.note.rule == 1);
		cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 1) == (got == MATCH), "row %zu", i);
		cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 0) == (got == MISS), "row %zu", i);
		at_close(&t);
	}
}

#define TCP(dp, ...)                                                                               \
	{                                                                                          \
		.proto = IPPROTO_TCP, .sport = 1000, .dport = (dp), ##__VA_ARGS__                  \
	}
#define UDP(dp, ...)                                                                               \
	{                                                                                          \
		.proto = IPPROTO_UDP, .sport = 1000, .dport = (dp), ##__VA_ARGS__                  \
	}
#define FRAG(p, off)                                                                               \
	{                                                                                          \
		.proto = (p), .sport = 1000, .dport = 80, .frag = (off)                            \
	}
