// The model itself: names, order of chains, the index, growth, messages.
#include "cfg_test.h"

Test(config_policy, names)
{
	cr_expect(eq(str, (char *)cfg_table_name(CFG_RAW), "raw"));
	cr_expect(eq(str, (char *)cfg_table_name(CFG_FILTER), "filter"));
	cr_expect(cfg_table_name(CFG_TABLES) == NULL);
	cr_expect(eq(str, (char *)cfg_hook_name(CFG_POSTROUTING), "POSTROUTING"));
	cr_expect(cfg_hook_name(CFG_HOOK_NONE) == NULL);
	cr_expect(cfg_table_has_hook(CFG_NAT, CFG_INPUT));
	cr_expect(cfg_table_has_hook(CFG_NAT, CFG_FORWARD) == false);
	cr_expect(cfg_table_has_hook(CFG_RAW, CFG_INPUT) == false);
	cr_expect(cfg_table_has_hook(CFG_FILTER, CFG_PREROUTING) == false);
	cr_expect(cfg_table_has_hook(CFG_MANGLE, CFG_HOOK_NONE) == false);
}

Test(config_policy, chains)
{
	static const char *const added[] = {"b", "OUTPUT", "a", "INPUT", "PREROUTING", "FORWARD"};
	static const char *const order[] = {"INPUT", "FORWARD", "OUTPUT", "b", "a", "PREROUTING"};
	struct cfg_policy *p = cfg_policy_new();

	cr_expect(cfg_chain_find(p, CFG_FILTER, "INPUT") == NULL);
	for (size_t i = 0; i < 6; i++)
		cr_assert(cfg_chain_add(p, CFG_FILTER, added[i]) != NULL);
	for (size_t i = 0; i < 6; i++) {
		cr_expect(eq(str, p->table[CFG_FILTER].chain[i]->name, (char *)order[i]));
		cr_expect(cfg_chain_find(p, CFG_FILTER, order[i]) == p->table[CFG_FILTER].chain[i]);
	}
	// filter has no PREROUTING: a chain of that name is a user chain.
	cr_expect(eq(int, cfg_chain_find(p, CFG_FILTER, "PREROUTING")->hook, CFG_HOOK_NONE));
	cr_expect(p->table[CFG_FILTER].present && p->table[CFG_RAW].present == false);
	cr_expect(cfg_chain_find(p, CFG_NAT, "INPUT") == NULL);
	cr_expect(cfg_chain_add(p, CFG_NAT, "twenty-nine-characters-long-x") == NULL);
	cfg_policy_free(p);
	cfg_policy_free(NULL);
}

Test(config_policy, grows, .timeout = 30)
{
	struct cfg_policy *p = cfg_policy_new();
	struct cfg_chain *c = cfg_chain_add(p, CFG_RAW, "OUTPUT");
	char name[16];

	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		cr_assert(cfg_chain_add(p, CFG_RAW, name) != NULL);
		cr_assert(cfg_rule_add(c) != NULL);
		c->rule[i].packets = i;
	}
	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		cr_assert(cfg_chain_find(p, CFG_RAW, name) == p->table[CFG_RAW].chain[i + 1]);
		cr_assert(c->rule[i].packets == (uint64_t)i && c->rule[i].n_match == 0);
	}
	for (int i = 0; i < 100; i++)
		cr_assert(cfg_match_add(&c->rule[7], CFG_M_TCP) != NULL);
	cr_expect(eq(u16, c->rule[7].match[99].ports.dport.hi, 65535));
	cfg_policy_free(p);
}

Test(config_policy, messages)
{
	static const struct {
		struct cfg_msg msg;
		const char *text;
	} rows[] = {
		{{CFG_ERROR, NULL, "f", {3, 4}, "bad"}, "f:3:4: error: bad"},
		{{CFG_ERROR, NULL, "f", {3, 0}, "bad"}, "f:3: error: bad"},
		{{CFG_ERROR, NULL, "f", {0, 0}, "bad"}, "f: error: bad"},
		{{CFG_ERROR, NULL, NULL, {3, 4}, "bad"}, "3:4: error: bad"},
		{{CFG_ERROR, NULL, NULL, {0, 0}, "bad"}, "error: bad"},
		{{CFG_WARNING, "an-id", "f", {1, 1}, "hm"}, "f:1:1: warning: hm [an-id]"},
	};
	struct cfg_err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = cfg_msg_format(&rows[i].msg);

		cr_expect(eq(str, text, (char *)rows[i].text));
		free(text);
	}
	cfg_err_init(&err, "f");
	cfg_warn_add(&err, (struct cfg_pos){1, 1}, "x", "w %d", 1);
	cfg_err_add(&err, (struct cfg_pos){1, 2}, "e");
	cfg_err_add(&err, (struct cfg_pos){1, 2}, "e"); // told twice, kept once
	cr_expect(err.n == 2 && err.n_errors == 2 && err.truncated == false);
	for (unsigned i = 0; i < CFG_ERR_MAX; i++)
		cfg_err_add(&err, (struct cfg_pos){i, 7}, "more");
	cr_expect(err.n == CFG_ERR_MAX && err.n_errors == CFG_ERR_MAX + 2 && err.truncated);
	cfg_err_free(&err);
	cr_expect(err.n == 0 && err.n_errors == 0);
}

// A table is there whole, as in netfilter: the chains that the file did not name accept, and count.
// A quoted word that was cut inside a character.
Test(config_policy, messages_are_utf8)
{
	struct cfg_err err;

	cfg_err_init(&err, "f");
	cfg_err_add(&err, (struct cfg_pos){1, 2}, "bad \"%.4s\"", "ab\xc3\xa4\xc3\xa4");
	cfg_err_add(&err, (struct cfg_pos){1, 2}, "bad \"%.5s\"", "ab\xc3\xa4\xc3\xa4");
	cfg_err_add(&err, (struct cfg_pos){1, 2}, "bad \"%s\"", "\xff\xfe");
	cr_assert(eq(str, err.msgs[0].text, "bad \"ab\xc3\xa4\""));
	cr_assert(eq(str, err.msgs[1].text, "bad \"ab\xc3\xa4?\""));
	cr_assert(eq(str, err.msgs[2].text, "bad \"??\""));
	cfg_err_free(&err);
}

Test(config_policy, complete)
{
	struct cfg_policy *p = cfg_policy_new();
	struct cfg_chain *input = cfg_chain_add(p, CFG_FILTER, "INPUT");

	input->family = CFG_IPV4;
	input->policy4 = CFG_POLICY_DROP;
	input->policy6 = CFG_POLICY_DROP; // says nothing: the chain is not in IPv6 yet
	cfg_chain_add(p, CFG_FILTER, "user");
	cr_assert(eq(int, cfg_policy_complete(p), 0));
	cr_expect(eq(sz, p->table[CFG_FILTER].n_chain, 4));
	cr_expect(eq(str, p->table[CFG_FILTER].chain[1]->name, "FORWARD"));
	cr_expect(eq(int, p->table[CFG_FILTER].chain[1]->policy4, CFG_POLICY_ACCEPT));
	cr_expect(eq(int, input->policy4, CFG_POLICY_DROP), "what the file said stays");
	cr_expect(eq(int, input->policy6, CFG_POLICY_ACCEPT));
	cr_expect(eq(int, input->family, CFG_BOTH));
	cr_expect(not(p->table[CFG_NAT].present), "no table appears");
	cfg_policy_free(p);
}
