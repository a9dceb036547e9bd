// In what parts bursts must be run, by what the rules share (acl_order.c).
#include "at.h"

#define LIMIT "-m limit --limit 1/min "

static enum pl_order
order_of(const char *rules)
{
	enum pl_order order;
	struct at t;

	at_open(&t, CFG_IPV4, rules);
	order = acl_policy_order(t.compiled);
	cr_expect(acl_policy_order(t.linear) == order);
	at_close(&t);
	return order;
}

Test(acl_order, what_one_rule_keeps)
{
	static const struct {
		const char *name, *rules;
		enum pl_order order;
	} row[] = {
		{"nothing is kept", "*filter\n-A FORWARD -m mark --mark 1 -j DROP\nCOMMIT\n",
		 PL_ORDER_BURST},
		{"a rule at one point", "*filter\n-A FORWARD " LIMIT "-j DROP\nCOMMIT\n",
		 PL_ORDER_BURST},
		{"several hooks of one point",
		 "*filter\n:a - [0:0]\n-A FORWARD -j a\n-A INPUT -j a\n-A OUTPUT -j a\n"
		 "-A a " LIMIT "-j DROP\nCOMMIT\n",
		 PL_ORDER_BURST},
		{"two points",
		 "*mangle\n:a - [0:0]\n-A PREROUTING -j a\n-A POSTROUTING -g a\n-A a " LIMIT
		 "-j DROP\nCOMMIT\n",
		 PL_ORDER_PACKETS},
		{"two points, through other chains",
		 "*mangle\n:a - [0:0]\n:b - [0:0]\n:c - [0:0]\n-A a " LIMIT "-j DROP\n-A b -j a\n"
		 "-A c -j b\n-A OUTPUT -j c\n-A FORWARD -j b\nCOMMIT\n",
		 PL_ORDER_PACKETS},
		{"two points, but not of the chain that keeps something",
		 "*mangle\n:a - [0:0]\n-A PREROUTING -j a\n-A POSTROUTING -j a\n-A a -j MARK "
		 "--set-mark 1\n-A PREROUTING " LIMIT "-j DROP\n-A POSTROUTING " LIMIT
		 "-j DROP\nCOMMIT\n",
		 PL_ORDER_BURST},
		{"a chain that nobody jumps to", "*mangle\n:a - [0:0]\n-A a " LIMIT "\nCOMMIT\n",
		 PL_ORDER_BURST},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++)
		cr_expect(order_of(row[i].rules) == row[i].order, "%s", row[i].name);
}
