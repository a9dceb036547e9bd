// A policy too large for EAL's heap is refused with a message that names table and chain, leaves
// nothing behind in the heap, and leaves room for the policy that follows. A plain program: it
// wants an EAL with little memory.
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground.h"
#include "fake_net.h"
#include "rnd.h"

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("acl memory: not so: %s\n", #what);                                 \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

// Rules that make large tries: any prefix lengths, any ranges of ports.
static struct cfg_policy *
policy_make(unsigned n)
{
	struct cfg_policy *p = cfg_policy_new();
	struct cfg_chain *c = cfg_chain_add(p, CFG_FILTER, "FORWARD");
	struct rnd r = {n};

	c->policy4 = CFG_POLICY_DROP;
	for (unsigned i = 0; i < n; i++) {
		struct cfg_rule *rule = cfg_rule_add(c);
		struct cfg_match *m;

		rule->family = CFG_IPV4;
		rule->src.family = rule->dst.family = CFG_IPV4;
		for (unsigned len = rnd_below(&r, 33), k = 0; k < len; k++)
			rule->src.mask[k / 8] |= 0x80 >> k % 8;
		for (unsigned len = rnd_below(&r, 33), k = 0; k < len; k++)
			rule->dst.mask[k / 8] |= 0x80 >> k % 8;
		for (unsigned k = 0; k < 4; k++) {
			rule->src.addr[k] = rnd_next(&r) & rule->src.mask[k];
			rule->dst.addr[k] = rnd_next(&r) & rule->dst.mask[k];
		}
		rule->proto_set = true;
		rule->proto = IPPROTO_TCP;
		rule->target.id = CFG_T_ACCEPT;
		m = cfg_match_add(rule, CFG_M_TCP);
		m->ports.sport = (struct cfg_range16){rnd_below(&r, 32768), 65535};
		m->ports.dport = (struct cfg_range16){rnd_below(&r, 32768), 40000};
	}
	return p;
}

int
main(void)
{
	struct acl_build build = {.port_name = rnd_port_name,
				  .net = &fake_net,
				  .n_port = RND_PORTS,
				  .n_workers = 1,
				  .socket = SOCKET_ID_ANY};
	struct cfg_policy *large = policy_make(4000), *small = policy_make(100);
	struct acl_policy *p = NULL;
	struct ground g;
	struct cfg_err err;
	size_t heap;

	ground_init(&g, "16");
	heap = ground_heap();
	cfg_err_init(&err, "large");
	CHECK(acl_policy_create(&p, large, &build, &err) < 0);
	CHECK(p == NULL && err.n_errors == 1);
	printf("acl memory: refused: %s\n", err.msgs[0].text);
	CHECK(strstr(err.msgs[0].text, "table filter chain FORWARD") != NULL);
	CHECK(ground_heap() == heap);
	// Bounds below what there is: on the rules, on the contexts too; a small policy fits.
	build.memory = 1 << 20;
	CHECK(acl_policy_create(&p, large, &build, &err) == -EDQUOT);
	CHECK(p == NULL && err.n_errors == 2);
	CHECK(strstr(err.msgs[1].text, "the rules alone") != NULL);
	build.memory = 4 << 20;
	CHECK(acl_policy_create(&p, large, &build, &err) == -EDQUOT);
	CHECK(p == NULL && err.n_errors == 3);
	printf("acl memory: refused: %s\n", err.msgs[2].text);
	CHECK(strstr(err.msgs[2].text, "table filter chain FORWARD") != NULL);
	CHECK(strstr(err.msgs[2].text, "sizes.rules-memory") != NULL);
	CHECK(ground_heap() == heap);
	CHECK(acl_policy_create(&p, small, &build, &err) == 0);
	acl_policy_free(p);
	CHECK(ground_heap() == heap);
	cfg_err_free(&err);
	cfg_policy_free(large);
	cfg_policy_free(small);
	return 0;
}
