// Public captures against the kernel's count of each state (pcaps/KERNEL-CTSTATE.tsv of the shared
// corpus, made by a Linux 6.18 router). Skipped with a notice where the corpus is absent. Captures
// with fragments are left to the component tests: they need reassembly, which is net's. Every other
// difference is listed here with its reason; one that is gone must be taken off the list.
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "corpus.h"

#define CORPUS "../shared/corpus/pcaps"

static const struct {
	const char *file, *why;
} known[] = {
#define SCTP "SCTP has no state machine yet: tracked by its ports alone"
	{"icmp-ip-misc/suricata-verify__tests_decode-sctp-01_input.pcap", SCTP},
	{"sctp/arkime__tests_pcap_m3ua_synthetic.pcap", SCTP},
	{"sctp/nDPI__tests_cfgs_default_pcap_sctp.cap", SCTP},
	{"sctp/suricata-verify__tests_sctp-keywords-prefilter_input.pcap", SCTP},
	{"stateful/arkime__tests_pcap_arkime_synthetic.pcap", SCTP},
	{"ipv6-ext/tcpdump__tests_ipv6_missing_jumbo_payload_option.pcap",
	 "17 extension headers: the parser stops at 16 and drops by name, Linux has no limit"},
	{"ipv6-ext/zeek__testing_btest_Traces_ipv6-mobility-dst-opts.pcap",
	 "a destination option runs past the packet: dropped by name here, INVALID there"},
	{"malformed-l7/tcpdump__tests_mptcp-dss-oobr.pcap",
	 "the file claims a snap length below its packets': libpcap cuts them"},
	{"malformed-l7/tcpdump__tests_ospf6_print_lshdr-oobr.pcap",
	 "the file claims a snap length below its packets': libpcap cuts them"},
};

struct row {
	char file[256];
	unsigned send_failed;
	unsigned v4[5], v6[5];
};
static const unsigned state_of[5] = {3, 1, 2, 0,
				     6}; // NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED: bits

static bool
read_row(FILE *f, struct row *r)
{
	char line[1024];

	if (fgets(line, sizeof(line), f) == NULL)
		return false;
	return sscanf(line,
		      "%255[^\t]\t%*u\t%*u\t%u\t%u\t%u\t%u\t%u\t%u\t%*u\t%*u\t%u\t%u\t%u\t%u\t%u",
		      r->file, &r->send_failed, &r->v4[0], &r->v4[1], &r->v4[2], &r->v4[3],
		      &r->v4[4], &r->v6[0], &r->v6[1], &r->v6[2], &r->v6[3], &r->v6[4]) == 12;
}

static const char *
reason_of(const char *file)
{
	for (unsigned i = 0; i < RTE_DIM(known); i++) {
		if (strcmp(known[i].file, file) == 0)
			return known[i].why;
	}
	return NULL;
}

static bool
agree(const struct row *r, const struct corpus_counts *c)
{
	for (unsigned i = 0; i < 5; i++) {
		if (c->v4[state_of[i]] != r->v4[i] || c->v6[state_of[i]] != r->v6[i])
			return false;
	}
	return true;
}

static void
tell(const struct row *r, const struct corpus_counts *c)
{
	fprintf(stderr, "%s: NEW ESTABLISHED RELATED INVALID UNTRACKED\n", r->file);
	for (unsigned i = 0; i < 5; i++)
		fprintf(stderr, "  kernel %u/%u, here %u/%u\n", r->v4[i], r->v6[i],
			c->v4[state_of[i]], c->v6[state_of[i]]);
}

Test(conntrack_corpus, states_as_the_kernel_counts_them, .timeout = 300)
{
	unsigned same = 0, fragments = 0, listed = 0;
	char path[512], head[1024];
	FILE *f = fopen(CORPUS "/KERNEL-CTSTATE.tsv", "r");
	struct row r;

	if (f == NULL)
		cr_skip("no corpus at " CORPUS);
	tl_init();
	cr_assert(fgets(head, sizeof(head), f) != NULL);
	while (read_row(f, &r)) {
		struct corpus_counts c;
		const char *why = reason_of(r.file);

		if (r.send_failed != 0)
			continue; // the kernel did not see all of it
		snprintf(path, sizeof(path), CORPUS "/%s", r.file);
		cr_assert(eq(int, corpus_replay(path, &c), 0), "%s", r.file);
		if (c.fragments != 0) {
			fragments++;
			continue;
		}
		if (agree(&r, &c))
			same++;
		else
			tell(&r, &c);
		listed += why != NULL;
		cr_expect(eq(int, agree(&r, &c), why == NULL), "%s: %s", r.file,
			  why != NULL ? "agrees by now: take it off the list" : "differs");
	}
	fclose(f);
	fprintf(stderr, "%u captures agree, %u listed differences, %u with fragments left out\n",
		same, listed, fragments);
	cr_expect(ge(uint, same, 250u), "the list was read");
	cr_expect(eq(uint, listed, RTE_DIM(known)));
}
