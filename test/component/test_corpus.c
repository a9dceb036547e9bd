// The captures that need reassembly before tracking, against the kernel's count of each state; see
// test/unit/conntrack/test_corpus.c for the others. Real stages of net and conntrack in one
// process.
#include <criterion/criterion.h>

#include "net/net.h"
#include "test/unit/conntrack/corpus.h"

#define EVASION "icmp-errors/suricata-verify__tests_ipv6-evasion_ipv6-malformed-fragments-"

static const struct corpus_known known[] = {
	{EVASION "12_frag-12.pcap",
	 "170 extension headers: the parser stops at 16 and drops by name, Linux has no limit"},
};

static struct net_table *table;

static void
on_start(struct pl_worker *w)
{
	struct net_core_conf conf = {.table = table, .fragments = 4096};

	if (net_core_create(&w->net, &conf, w->id, w->socket) != 0)
		abort();
}

static void
on_stop(struct pl_worker *w)
{
	net_core_free(w->net);
	w->net = NULL;
}

Test(component_corpus, fragments_as_the_kernel_counts_them, .timeout = 300)
{
	struct net_table_conf conf = {.routes4 = 16,
				      .routes6 = 16,
				      .neighbours = 16,
				      .n_workers = 1,
				      .small = true,
				      .socket = SOCKET_ID_ANY};

	tl_init();
	if (net_table_create(&table, &conf) != 0)
		abort();
	ctt_defrag = &net_defrag_stage;
	ctt_on_start = on_start;
	ctt_on_stop = on_stop;
	corpus_compare(known, RTE_DIM(known), true);
}
