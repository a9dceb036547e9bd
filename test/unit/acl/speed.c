// Ticks per packet of the filter stage against the number of rules: compared in line, as rte_acl
// contexts, and by the linear interpreter. Not a test (times are not repeatable on a busy machine):
// what acl_tuning was chosen by. Rules name a source /24, a port and drop; packets miss all of
// them or hit one at random. Arguments: numbers of rules.
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl_step.h"
#include "ground.h"
#include "fake_net.h"
#include "rnd.h"

#define PACKETS 4096

static struct ground ground;

static struct cfg_policy *
policy_make(uint8_t family, unsigned n)
{
	struct cfg_policy *p = cfg_policy_new();
	struct cfg_chain *c = cfg_chain_add(p, CFG_FILTER, "FORWARD");
	bool v6 = family == 6;

	for (unsigned i = 0; i < n; i++) {
		struct cfg_rule *r = cfg_rule_add(c);
		struct cfg_match *m;

		r->family = v6 ? CFG_IPV6 : CFG_IPV4;
		r->src.family = r->family;
		r->src.addr[0] = v6 ? 0x20 : 10;
		r->src.addr[1] = i >> 8;
		r->src.addr[2] = i;
		memset(r->src.mask, 0xff, v6 ? 8 : 3);
		r->proto_set = true;
		r->proto = IPPROTO_TCP;
		r->target.id = CFG_T_DROP;
		m = cfg_match_add(r, CFG_M_TCP);
		m->ports.sport = (struct cfg_range16){0, 65535};
		m->ports.dport = (struct cfg_range16){i % 50, i % 50};
		m->ports.dport_set = true;
	}
	return p;
}

static void
tuples_make(struct ground_tuple *t, uint8_t family, unsigned n, bool hit)
{
	struct rnd r = {n};

	for (unsigned k = 0; k < PACKETS; k++) {
		unsigned i = rnd_below(&r, n);

		memset(&t[k], 0, sizeof(t[k]));
		t[k].family = family;
		t[k].proto = IPPROTO_TCP;
		t[k].sport = 1024 + k;
		t[k].dport = hit ? i % 50 : 443;
		t[k].src.v6[0] = family == 6 ? 0x20 : 10;
		t[k].src.v6[1] = i >> 8;
		t[k].src.v6[2] = i;
		t[k].dst.v6[0] = 192;
		t[k].dst.v6[3] = rnd_next(&r);
	}
}

static void
one(uint8_t family, unsigned n)
{
	static const struct {
		const char *name;
		unsigned min;
		bool linear;
	} kind[] = {{"in line", UINT32_MAX, false}, {"rte_acl", 1, false}, {"linear", 1, true}};
	static struct ground_tuple t[PACKETS];
	struct cfg_policy *model = policy_make(family, n);

	for (unsigned k = 0; k < RTE_DIM(kind); k++) {
		struct acl_build b = {.port_name = rnd_port_name,
				      .net = &fake_net,
				      .n_port = RND_PORTS,
				      .n_workers = 1,
				      .socket = SOCKET_ID_ANY,
				      .linear = kind[k].linear};
		double sec = ground_seconds();
		struct acl_policy *p;
		struct cfg_err err;

		if (n > 2000 && kind[k].min != 1)
			continue;
		cfg_err_init(&err, "speed");
		acl_tuning.segment_min = kind[k].min;
		if (acl_policy_create(&p, model, &b, &err) < 0)
			abort();
		sec = ground_seconds() - sec;
		printf("IPv%u %6u rules %-8s built in %.3f s", family, n, kind[k].name, sec);
		for (int hit = 0; hit < 2; hit++) {
			struct ground_ticks ticks;

			tuples_make(t, family, n, hit);
			ticks = ground_measure(&ground, p, ACL_FILTER, t, n > 5000 ? PACKETS : 1024,
					       n > 200 ? 15 : 41);
			printf("  %s %5.0f (median %5.0f)", hit ? "hit" : "miss", ticks.min,
			       ticks.median);
		}
		printf("\n");
		acl_policy_free(p);
		cfg_err_free(&err);
	}
	cfg_policy_free(model);
}

int
main(int argc, char **argv)
{
	ground_init(&ground, "512");
	for (int i = 1; i < argc; i++) {
		one(4, atoi(argv[i]));
		one(6, atoi(argv[i]));
	}
	return 0;
}
