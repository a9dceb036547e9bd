// Public captures against the kernel's count of each state (pcaps/KERNEL-CTSTATE.tsv of the shared
// corpus, made by a Linux 6.18 router). Skipped with a notice where the corpus is absent. Captures
// with fragments are left to test/component/test_corpus.c, which has net's reassembly. Every
// difference is listed here with its reason.
#include <netinet/in.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

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

// Helpers by port, as the rules of the kernel's run had them.
static const struct cfg_t_ct *
helper_of(const struct pl_pkt *p)
{
	static const struct cfg_t_ct ftp = {.helper = CFG_HELPER_FTP},
				     sip = {.helper = CFG_HELPER_SIP},
				     tftp = {.helper = CFG_HELPER_TFTP};

	if (p->proto == IPPROTO_TCP)
		return p->dport == htons(21) ? &ftp : NULL;
	if (p->proto != IPPROTO_UDP)
		return NULL;
	return p->dport == htons(69) ? &tftp : p->dport == htons(5060) ? &sip : NULL;
}

// With CT --helper in raw the same Linux 6.18 router counts so.
Test(conntrack_corpus, helpers_as_the_kernel_counts_them, .timeout = 60)
{
	static const struct {
		const char *file;
		unsigned is_new, established, related, invalid;
	} row[] = {
		{"alg-ftp/suricata-verify__tests_ftp-quit_input.pcap", 1, 6, 0, 0},
		{"alg-ftp/suricata-verify__tests_ftp-retr-bypass-baseline_input.pcap", 1, 31, 0, 0},
		{"alg-ftp/suricata-verify__tests_ftp_ftp-upload-active_input.pcap", 1, 59, 3, 0},
		{"alg-ftp/suricata-verify__tests_ftp_ftp-upload-passive_input.pcap", 1, 59, 3, 0},
		{"alg-ftp/zeek__testing_btest_Traces_ftp_bigtransfer.pcap", 1, 66, 2, 14},
		{"alg-ftp/zeek__testing_btest_Traces_ftp_ftp-many-port-expected.pcap", 1, 1007, 0,
		 0},
		{"alg-ftp/zeek__testing_btest_Traces_ftp_retr.pcap", 1, 65, 1, 0},
		{"alg-sip-h323-rtsp/"
		 "nDPI__tests_cfgs_default_pcap_FAX-Call-t38-CA-TDM-SIP-FB-1.pcap",
		 115, 1437, 0, 0},
		{"alg-sip-h323-rtsp/suricata-verify__tests_sip-sdp_sdp.pcap", 1, 1, 0, 0},
		{"alg-tftp/tcpdump__tests_tftp.pcap", 1, 5, 1, 0},
	};

	if (access("../shared/corpus/pcaps", R_OK) != 0)
		cr_skip("no corpus");
	tl_init();
	corpus_raw = helper_of;
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct corpus_counts c;
		char path[512];

		snprintf(path, sizeof(path), "../shared/corpus/pcaps/%s", row[i].file);
		cr_assert(eq(int, corpus_replay(path, &c), 0), "%s", path);
		cr_expect(eq(uint, c.v4[3], row[i].is_new), "%s", path);
		cr_expect(eq(uint, c.v4[1], row[i].established), "%s", path);
		cr_expect(eq(uint, c.v4[2], row[i].related), "%s", path);
		cr_expect(eq(uint, c.v4[0], row[i].invalid), "%s", path);
	}
	corpus_raw = NULL;
}
