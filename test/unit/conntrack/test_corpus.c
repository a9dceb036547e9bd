// Public captures against the kernel's count of each state (pcaps/KERNEL-CTSTATE.tsv of the shared
// corpus, made by a Linux 6.18 router). Skipped with a notice where the corpus is absent. Captures
// with fragments are left to test/component/test_corpus.c, which has net's reassembly. Every
// difference is listed here with its reason.
#include <criterion/criterion.h>

#include "corpus.h"

static const struct corpus_known known[] = {
	{"ipv6-ext/tcpdump__tests_ipv6_missing_jumbo_payload_option.pcap",
	 "17 extension headers: the parser stops at 16 and drops by name, Linux has no limit"},
	{"ipv6-ext/zeek__testing_btest_Traces_ipv6-mobility-dst-opts.pcap",
	 "a destination option runs past the packet: dropped by name here, INVALID there"},
};

Test(conntrack_corpus, states_as_the_kernel_counts_them, .timeout = 300)
{
	corpus_compare(known, RTE_DIM(known), false);
}
