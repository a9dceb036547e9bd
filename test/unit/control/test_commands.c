// What the listings hold: rules in iptables' words, drops, workers, ports.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/rule_view.h"
#include "test/unit/control/ground.h"

static const char policy[] =
	"version: 1\n"
	"tables:\n"
	"  filter:\n"
	"    INPUT:\n"
	"      policy: DROP\n"
	"      rules:\n"
	"        - { ctstate: [ESTABLISHED, RELATED], jump: ACCEPT, comment: return traffic }\n"
	"        - { family: ipv6, protocol: icmpv6, jump: ACCEPT }\n"
	"        - { protocol: tcp, dport: 80, jump: web }\n"
	"    web: { rules: [ { jump: ACCEPT } ] }\n";

static const json_t *
at(const json_t *list, const char *key, size_t i)
{
	return json_array_get(json_object_get(list, key), i);
}

static char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return (char *)(value != NULL ? value : "(none)");
}

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

Test(control_commands, list_by_family)
{
	const json_t *v4, *v6, *chain;
	struct ground g;
	json_t *answer;

	ground_open(&g, policy);
	answer = ground_ask(&g, "{\"command\": \"list\"}");
	cr_expect(eq(llong, number(answer, "generation"), 1));
	cr_assert(eq(sz, json_array_size(json_object_get(answer, "tables")), 2));
	v4 = at(answer, "tables", 0);
	v6 = at(answer, "tables", 1);
	cr_expect(eq(str, text(v4, "table"), "filter"));
	cr_expect(eq(str, text(v4, "family"), "ipv4"));
	cr_expect(eq(str, text(v6, "family"), "ipv6"));
	cr_expect(eq(sz, json_array_size(json_object_get(v4, "chains")), 4));
	chain = at(v4, "chains", 1);
	cr_expect(eq(str, text(chain, "chain"), "FORWARD"));
	cr_expect(eq(str, text(chain, "policy"), "ACCEPT"), "not in the policy, and open");
	cr_expect(eq(ptr, json_object_get(chain, "packets"), NULL), "nothing counts there");
	cr_expect(eq(str, text(at(v4, "chains", 3), "chain"), "web"), "user chains last");
	chain = at(v4, "chains", 0);
	cr_expect(eq(str, text(chain, "chain"), "INPUT"));
	cr_expect(eq(str, text(chain, "policy"), "DROP"));
	cr_expect(eq(sz, json_array_size(json_object_get(chain, "rules")), 2), "not IPv6's");
	cr_expect(eq(llong, number(at(chain, "rules", 1), "number"), 2),
		  "numbered as in its family");
	cr_expect(eq(sz, json_array_size(json_object_get(at(v6, "chains", 0), "rules")), 3));
	json_decref(answer);

	answer = ground_ask(&g, "{\"command\": \"list\", \"chain\": \"web\", \"family\": \"ipv6\", "
				"\"table\": \"filter\"}");
	cr_assert(eq(sz, json_array_size(json_object_get(answer, "tables")), 1));
	cr_assert(eq(sz, json_array_size(json_object_get(at(answer, "tables", 0), "chains")), 1));
	chain = at(at(answer, "tables", 0), "chains", 0);
	cr_expect(eq(str, text(chain, "chain"), "web"));
	cr_expect(eq(llong, number(chain, "references"), 1));
	cr_expect(eq(ptr, json_object_get(chain, "policy"), NULL));
	json_decref(answer);
	ground_close(&g);
}

// Columns and words as `iptables-legacy -L -v -n` 1.8.9 shows them (protocols by name).
static const struct {
	enum cfg_family family;
	const char *rule, *target, *protocol, *opt, *in, *out, *source, *destination, *details;
} words[] = {
	{CFG_IPV4,
	 "-m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment \"return "
	 "traffic\" -j ACCEPT",
	 "ACCEPT", "all", "", "*", "*", "0.0.0.0/0", "0.0.0.0/0",
	 "ctstate RELATED,ESTABLISHED /* return traffic */"},
	{CFG_IPV4, "-m conntrack ! --ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT -j ACCEPT", "ACCEPT",
	 "all", "", "*", "*", "0.0.0.0/0", "0.0.0.0/0",
	 "! ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT"},
	{CFG_IPV4, "-m state --state NEW -j ACCEPT", "ACCEPT", "all", "", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", "state NEW"},
	{CFG_IPV4, "-p tcp -m tcp --tcp-flags SYN,ACK SYN --tcp-option 4 -j foo", "foo", "tcp", "",
	 "*", "*", "0.0.0.0/0", "0.0.0.0/0", "tcp option=4 flags:0x12/0x02"},
	{CFG_IPV4, "-p tcp -m tcp ! --tcp-flags SYN,ACK SYN ! --tcp-option 4 -j foo", "foo", "tcp",
	 "", "*", "*", "0.0.0.0/0", "0.0.0.0/0", "tcp option=!4 flags:!0x12/0x02"},
	{CFG_IPV4, "-p tcp -m tcp ! --dport 80:90", "", "tcp", "", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", "tcp dpts:!80:90"},
	{CFG_IPV4, "-p udp -m multiport --dports 1,2,3:5 -j DROP", "DROP", "udp", "", "*", "*",
	 "0.0.0.0/0", "0.0.0.0/0", "multiport dports 1,2,3:5"},
	{CFG_IPV4, "-p udp -m multiport ! --ports 1,2,3:5 -j DROP", "DROP", "udp", "", "*", "*",
	 "0.0.0.0/0", "0.0.0.0/0", "multiport ports  !1,2,3:5"},
	{CFG_IPV4, "-p udp -m multiport --sports 1 -m udp --dport 5", "", "udp", "", "*", "*",
	 "0.0.0.0/0", "0.0.0.0/0", "multiport sports 1 udp dpt:5"},
	{CFG_IPV4, "-p icmp -m icmp --icmp-type 8 -j REJECT --reject-with icmp-host-prohibited",
	 "REJECT", "icmp", "", "*", "*", "0.0.0.0/0", "0.0.0.0/0",
	 "icmptype 8 reject-with icmp-host-prohibited"},
	{CFG_IPV4, "-p icmp -m icmp ! --icmp-type 3/1 -j REJECT", "REJECT", "icmp", "", "*", "*",
	 "0.0.0.0/0", "0.0.0.0/0", "icmp !type 3 code 1 reject-with icmp-port-unreachable"},
	{CFG_IPV4, "-p icmp -m icmp --icmp-type any -j REJECT", "REJECT", "icmp", "", "*", "*",
	 "0.0.0.0/0", "0.0.0.0/0", "icmptype 255 reject-with icmp-port-unreachable"},
	{CFG_IPV4, "-p tcp -j REJECT --reject-with tcp-reset", "REJECT", "tcp", "", "*", "*",
	 "0.0.0.0/0", "0.0.0.0/0", "reject-with tcp-reset"},
	{CFG_IPV4, "-j MARK --set-xmark 0x1/0xffffffff", "MARK", "all", "", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", "MARK set 0x1"},
	{CFG_IPV4, "-j MARK --set-xmark 0x0/0xfffffffe", "MARK", "all", "", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", "MARK and 0x1"},
	{CFG_IPV4, "-j MARK --set-xmark 0x1/0x1", "MARK", "all", "", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", "MARK or 0x1"},
	{CFG_IPV4, "-j MARK --set-xmark 0x1/0x0", "MARK", "all", "", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", "MARK xor 0x1"},
	{CFG_IPV4, "-j MARK --set-xmark 0x3/0x1", "MARK", "all", "", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", "MARK xset 0x3/0x1"},
	{CFG_IPV4, "-m limit --limit 5/min -m limit --limit 7/sec --limit-burst 9", "", "all", "",
	 "*", "*", "0.0.0.0/0", "0.0.0.0/0", "limit: avg 5/min burst 5 limit: avg 7/sec burst 9"},
	{CFG_IPV4, "! -p 99 -f -j RETURN", "RETURN", "!99", "-f", "*", "*", "0.0.0.0/0",
	 "0.0.0.0/0", ""},
	{CFG_IPV4, "-s 10.0.0.1/32 -d 1.2.0.3/255.255.0.255 ! -f", "", "all", "!f", "*", "*",
	 "10.0.0.1", "1.2.0.3/255.255.0.255", ""},
	{CFG_IPV4, "-i + -d 1.2.0.3/32 -p sctp", "", "sctp", "", "+", "*", "0.0.0.0/0", "1.2.0.3",
	 ""},
	{CFG_IPV4, "! -s 10.0.0.0/8 -i eth+ ! -o lo -p tcp -m tcp ! --sport 1:5 --dport 80 -g foo",
	 "foo", "tcp", "", "eth+", "!lo", "!10.0.0.0/8", "0.0.0.0/0", "tcp spts:!1:5 dpt:80"},
	{CFG_IPV6, "-s fe80::/10 -i eth0 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT",
	 "ACCEPT", "icmpv6", "", "eth0", "*", "fe80::/10", "::/0", "ipv6-icmptype 128"},
	{CFG_IPV6, "-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/3 -j REJECT", "REJECT", "icmpv6", "",
	 "*", "*", "::/0", "::/0", "ipv6-icmp !type 1 code 3 reject-with icmp6-port-unreachable"},
	{CFG_IPV6, "! -s ::1/128 ! -d fe80::1/128 -j REJECT --reject-with icmp6-addr-unreachable",
	 "REJECT", "all", "", "*", "*", "!::1", "!fe80::1", "reject-with icmp6-addr-unreachable"},
};

Test(control_commands, rules_in_iptables_words)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct cfg_policy *p = NULL;
		struct cfg_err err;
		char save[512];
		json_t *view;

		snprintf(save, sizeof(save), "*filter\n:foo - [0:0]\n-A FORWARD %s\nCOMMIT\n",
			 words[i].rule);
		cfg_err_init(&err, "t");
		cr_assert(cfg_policy_from_save(&p, words[i].family, save, strlen(save), &err) == 0,
			  "%s: %s", words[i].rule, err.n > 0 ? err.msgs[0].text : "");
		view = ctl_rule_view(&cfg_chain_find(p, CFG_FILTER, "FORWARD")->rule[0],
				     words[i].family, 7);
		cr_expect(eq(str, text(view, "target"), (char *)words[i].target), "%s",
			  words[i].rule);
		cr_expect(eq(str, text(view, "protocol"), (char *)words[i].protocol), "%s",
			  words[i].rule);
		cr_expect(eq(str, text(view, "fragments"), (char *)words[i].opt), "%s",
			  words[i].rule);
		cr_expect(eq(str, text(view, "in"), (char *)words[i].in), "%s", words[i].rule);
		cr_expect(eq(str, text(view, "out"), (char *)words[i].out), "%s", words[i].rule);
		cr_expect(eq(str, text(view, "source"), (char *)words[i].source), "%s",
			  words[i].rule);
		cr_expect(eq(str, text(view, "destination"), (char *)words[i].destination), "%s",
			  words[i].rule);
		cr_expect(eq(str, text(view, "details"), (char *)words[i].details), "%s",
			  words[i].rule);
		cr_expect(eq(llong, number(view, "number"), 7));
		cr_expect(eq(int, ground_true(view, "goto"),
			     strstr(words[i].rule, "-g foo") != NULL));
		json_decref(view);
		cfg_policy_free(p);
		cfg_err_free(&err);
	}
}

Test(control_commands, nat_targets_in_iptables_words)
{
	static const struct {
		enum cfg_family family;
		const char *chain, *rule, *details;
	} row[] = {
		{CFG_IPV4, "POSTROUTING", "-o wan -j MASQUERADE", ""},
		{CFG_IPV4, "POSTROUTING", "-p tcp -j MASQUERADE --to-ports 1000-2000 --random",
		 "masq ports: 1000-2000 random"},
		{CFG_IPV4, "POSTROUTING", "-j MASQUERADE --mapping endpoint-independent",
		 "--mapping endpoint-independent"},
		{CFG_IPV4, "POSTROUTING", "-p tcp -j MASQUERADE --to-ports 1000 --random-fully",
		 "masq ports: 1000 random-fully"},
		{CFG_IPV4, "POSTROUTING", "-j SNAT --to-source 1.2.3.4", "to:1.2.3.4"},
		{CFG_IPV4, "POSTROUTING",
		 "-p tcp -j SNAT --to-source 1.2.3.4-1.2.3.9:1000-2000 --random --persistent",
		 "to:1.2.3.4-1.2.3.9:1000-2000 random persistent"},
		{CFG_IPV4, "POSTROUTING", "-p tcp -j SNAT --to-source :1000-2000 --random-fully",
		 "to::1000-2000 random-fully"},
		{CFG_IPV4, "PREROUTING", "-p tcp -j DNAT --to-destination 1.2.3.4:80-90/10",
		 "to:1.2.3.4:80-90/10"},
		{CFG_IPV4, "PREROUTING", "-p tcp -j REDIRECT --to-ports 80-90 --random",
		 "redir ports 80-90 random"},
		{CFG_IPV4, "PREROUTING", "-j REDIRECT", ""},
		{CFG_IPV6, "POSTROUTING", "-p tcp -j SNAT --to-source [fe80::1]:1000-2000",
		 "to:[fe80::1]:1000-2000"},
		{CFG_IPV6, "PREROUTING", "-p tcp -j DNAT --to-destination fe80::1-fe80::3",
		 "to:fe80::1-fe80::3"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct cfg_policy *p = NULL;
		struct cfg_err err;
		char save[256];
		json_t *view;

		snprintf(save, sizeof(save), "*nat\n-A %s %s\nCOMMIT\n", row[i].chain, row[i].rule);
		cfg_err_init(&err, "t");
		cr_assert(cfg_policy_from_save(&p, row[i].family, save, strlen(save), &err) == 0,
			  "%s: %s", row[i].rule, err.n > 0 ? err.msgs[0].text : "");
		view = ctl_rule_view(&cfg_chain_find(p, CFG_NAT, row[i].chain)->rule[0],
				     row[i].family, 1);
		cr_expect(eq(str, text(view, "details"), (char *)row[i].details), "%s",
			  row[i].rule);
		json_decref(view);
		cfg_policy_free(p);
		cfg_err_free(&err);
	}
}

// A rule of both families counts in each of them alone.
Test(control_commands, counters_by_family)
{
	struct cfg_rule rule = {
		.family = CFG_BOTH, .packets = 10, .bytes = 1000, .packets6 = 3, .bytes6 = 300};
	json_t *v4 = ctl_rule_view(&rule, CFG_IPV4, 1), *v6 = ctl_rule_view(&rule, CFG_IPV6, 1);

	cr_expect(eq(llong, number(v4, "packets"), 7));
	cr_expect(eq(llong, number(v4, "bytes"), 700));
	cr_expect(eq(llong, number(v6, "packets"), 3));
	cr_expect(eq(llong, number(v6, "bytes"), 300));
	json_decref(v4);
	json_decref(v6);
}

Test(control_commands, stats_name_every_drop)
{
	struct ground g;
	json_t *answer;
	const json_t *drop;

	ground_open(&g, policy);
	g.worker[0]->cnt.drop[PL_DROP_RULE] = 3;
	g.worker[1]->cnt.drop[PL_DROP_RULE] = 4;
	g.worker[1]->cnt.handed_over = 9;
	ground_flows = 11;
	ground_ms += 5000;
	answer = ground_ask(&g, "{\"command\": \"stats\"}");
	cr_assert(eq(sz, json_array_size(json_object_get(answer, "drops")), PL_DROP_COUNT));
	drop = at(answer, "drops", PL_DROP_RULE);
	cr_expect(eq(str, text(drop, "name"), "RULE"));
	cr_expect(eq(str, text(drop, "text"), (char *)pl_drop_text(PL_DROP_RULE)));
	cr_expect(eq(llong, number(drop, "packets"), 7));
	cr_expect(eq(llong, number(json_object_get(answer, "flows"), "count"), 22));
	cr_expect(eq(llong, number(json_object_get(answer, "flows"), "max"), 2000));
	cr_expect(eq(llong, number(answer, "uptime_sec"), 5));
	cr_expect(eq(ptr, (void *)(json_object_get(answer, "confirm_sec_left")), json_null()));
	cr_expect(eq(llong, number(at(answer, "workers", 1), "handed_over"), 9));
	cr_expect(eq(llong, number(at(answer, "workers", 1), "flows_created"), 7));
	json_decref(answer);
	ground_close(&g);
}

// An address's use by stats, and its state as it goes up and down.
Test(control_commands, stats_tell_of_public_addresses)
{
	static const struct {
		uint32_t ports;
		uint64_t exhausted;
		const char *state;
	} row[] = {{3, 0, "ok"},       {7, 0, "ok"},	   {8, 0, "warning"},	 {7, 0, "warning"},
		   {6, 0, "ok"},       {10, 0, "warning"}, {10, 2, "exhausted"}, {10, 2, "warning"},
		   {10, 2, "warning"}, {0, 2, "ok"}};
	struct ground g;
	bool signalled;

	ground_open(&g, policy);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		json_t *answer;
		const json_t *a;

		ground_use[1] = (struct nat_use_view){.addr.v6 = {203, 0, 113, 1},
						      .family = 4,
						      .proto = 17,
						      .ports = row[i].ports,
						      .room = 10,
						      .flows = 12,
						      .exhausted = row[i].exhausted};
		ground_ms += 1000;
		ctl_step(g.ctl, 0, &signalled);
		answer = ground_ask(&g, "{\"command\": \"stats\"}");
		a = json_array_get(json_object_get(json_object_get(answer, "nat"), "addresses"), 0);
		cr_expect(eq(str, text(a, "address"), "203.0.113.1"));
		cr_expect(eq(str, text(a, "protocol"), "udp"));
		cr_expect(eq(llong, number(a, "ports_used"), row[i].ports));
		cr_expect(eq(llong, number(a, "used_percent"), row[i].ports * 10));
		cr_expect(eq(llong, number(a, "exhausted"), (long long)row[i].exhausted));
		cr_expect(eq(str, text(a, "state"), (char *)row[i].state), "row %zu", i);
		cr_expect(eq(llong, number(json_object_get(answer, "nat"), "untracked_exhausted"),
			     5));
		json_decref(answer);
	}
	ground_use[1].family = 0;
	ground_close(&g);
}

static bool
stalled(struct ground *g, size_t worker)
{
	json_t *answer = ground_ask(g, "{\"command\": \"stats\"}");
	bool is = json_is_true(json_object_get(at(answer, "workers", worker), "stalled"));

	json_decref(answer);
	return is;
}

Test(control_commands, a_worker_that_stands_still_is_seen)
{
	struct ground g;
	bool signalled;

	ground_open(&g, policy);
	for (int i = 0; i < 30; i++) {
		ground_ms += 100;
		atomic_fetch_add(&g.worker[0]->heartbeat, 1);
		if (i < 15)
			atomic_fetch_add(&g.worker[1]->heartbeat, 1);
		cr_assert(eq(int, ctl_step(g.ctl, 0, &signalled), 0));
		if (i == 15)
			cr_expect(not(stalled(&g, 1)), "not for a tenth of a second");
	}
	cr_expect(not(stalled(&g, 0)));
	cr_expect(stalled(&g, 1));
	// A control thread that was busy for long has not seen the beats meanwhile.
	ground_ms += 5000;
	atomic_fetch_add(&g.worker[0]->heartbeat, 1);
	cr_expect(not(stalled(&g, 0)));
	ground_close(&g);
}

Test(control_commands, ports)
{
	struct ground g;
	json_t *answer;
	const json_t *port;

	ground_open(&g, policy);
	g.worker[0]->cnt.port[1].rx_packets = 2;
	g.worker[1]->cnt.port[1].rx_packets = 5;
	g.worker[1]->cnt.port[1].host_tx_bytes = 60;
	answer = ground_ask(&g, "{\"command\": \"ports\"}");
	cr_assert(eq(sz, json_array_size(json_object_get(answer, "ports")), 2));
	port = at(answer, "ports", 0);
	cr_expect(eq(str, text(port, "mac"), "02:00:00:00:00:01"));
	cr_expect(eq(ptr, (void *)(json_object_get(port, "twin")), json_null()));
	cr_expect(eq(llong, number(json_object_get(port, "device_counters"), "rx_missed"), 5));
	port = at(answer, "ports", 1);
	cr_expect(eq(str, text(port, "twin"), "wan0"));
	cr_expect(ground_false(port, "link_up"));
	cr_expect(eq(llong, number(port, "rx_packets"), 7));
	cr_expect(eq(llong, number(port, "host_tx_bytes"), 60));
	json_decref(answer);
	ground_close(&g);
}
