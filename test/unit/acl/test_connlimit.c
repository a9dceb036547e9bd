// The match connlimit: what counts as a connection of an address, and when it counts no more. What
// is expected was seen of xt_connlimit.
#include "at.h"

#include <arpa/inet.h>

static struct at t;

#define RULE(options)                                                                              \
	"*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"                                \
	"-A FORWARD -m connlimit --connlimit-" options "\nCOMMIT\n"

// A packet of the flow from src:sport to dst, confirmed or not; did the rule count it?
static bool
counted(struct ct_entry *flow, const char *src, const char *dst, uint16_t sport)
{
	struct tl_spec s = {.src = src, .dst = dst, .sport = sport, .dport = 80};
	uint64_t before = at_packets(&t, CFG_FILTER, "FORWARD", 1);

	flow->side[0] = (struct pl_flow_side){.sport = sport, .dport = 80, .proto = IPPROTO_UDP};
	inet_pton(AF_INET, src, &flow->side[0].src);
	inet_pton(AF_INET, dst, &flow->side[0].dst);
	at_judge(&t, ACL_FILTER, &s, &(struct at_way){.ct = flow}, 0);
	return at_packets(&t, CFG_FILTER, "FORWARD", 1) != before;
}

Test(acl_connlimit, more_than_two_of_a_source)
{
	struct ct_entry flow[4] = {{0}};

	flows_init();
	at_open(&t, CFG_IPV4, RULE("above 4")); // two workers: two of each
	flows_open_all(true);
	cr_expect(!counted(&flow[0], "10.0.0.1", "192.0.2.9", 1));
	cr_expect(!counted(&flow[1], "10.0.0.1", "192.0.2.9", 2));
	cr_expect(!counted(&flow[0], "10.0.0.1", "192.0.2.9", 1), "no new connection");
	cr_expect(!counted(&flow[3], "10.0.0.2", "192.0.2.9", 1), "another source");
	cr_expect(counted(&flow[2], "10.0.0.1", "192.0.2.9", 3));
	cr_expect(counted(&flow[0], "10.0.0.1", "192.0.2.9", 1), "there are three now");
	flows_open_all(false);
	cr_expect(!counted(&flow[0], "10.0.0.1", "192.0.2.9", 1), "the others have ended");
	at_close(&t);
}

Test(acl_connlimit, masks_and_destinations)
{
	struct ct_entry flow[3] = {{0}};

	flows_init();
	at_open(&t, CFG_IPV4, RULE("upto 2 --connlimit-mask 24 --connlimit-daddr"));
	flows_open_all(true);
	cr_expect(counted(&flow[0], "10.0.0.1", "192.0.2.9", 1));
	cr_expect(!counted(&flow[1], "10.0.0.2", "192.0.2.7", 2), "one a worker for the net");
	cr_expect(counted(&flow[2], "10.0.0.1", "192.0.3.9", 3));
	at_close(&t);
}

Test(acl_connlimit, many_end_a_few_at_a_time)
{
	struct ct_entry flow = {0};
	unsigned n = 0;

	flows_init();
	at_open(&t, CFG_IPV4, RULE("above 100"));
	flows_open_all(true);
	for (unsigned i = 1; i <= 150; i++)
		n += counted(&flow, "10.0.0.1", "192.0.2.9", i);
	cr_expect(n == 100, "the 51st to the 150th: %u", n);
	flows_open_all(false);
	for (n = 0; counted(&flow, "10.0.0.1", "192.0.2.9", 7); n++)
		;
	cr_expect(n > 0 && n <= 12, "%u", n);
	at_close(&t);
}
