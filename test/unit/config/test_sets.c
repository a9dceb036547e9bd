// Sets: the text of ipset save, read and printed as ipset 7.17 prints it, what it refuses; the
// policy file's `sets`.
#include "cfg_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy.h"

// The text read, and printed again; what was said, where it was refused.
static char *
through(const char *text)
{
	struct cfg_sets sets = {0};
	struct cfg_err err;
	char *out;

	cfg_err_init(&err, NULL);
	if (cfg_sets_read(&sets, text, strlen(text), &err) == 0)
		out = cfg_sets_save(&sets);
	else
		out = t_messages(&err);
	cfg_sets_free(&sets);
	cfg_err_free(&err);
	return out;
}

#define IP   "create a hash:ip family inet hashsize 1024 maxelem 65536"
#define TAIL " bucketsize 12\n"

Test(config_sets, text)
{
	static const struct {
		const char *in, *out; // NULL: the same
	} row[] = {
		{"create a hash:ip\nadd a 10.0.0.1\n", IP TAIL "add a 10.0.0.1\n"},
		{"-N a hash:ip -exist\n-A a 10.0.0.1\n", IP TAIL "add a 10.0.0.1\n"},
		{"create a hash:ip family inet hashsize 64 maxelem 9 netmask 24 timeout 7 counters "
		 "comment bucketsize 4 initval 0x0000000a\n"
		 "add a 10.1.2.0 timeout 5 packets 1 bytes 2 comment \"x y\"\n",
		 NULL},
		{"create a hash:ip\nadd a 10.0.0.0/30\n",
		 IP TAIL "add a 10.0.0.0\nadd a 10.0.0.1\nadd a 10.0.0.2\nadd a 10.0.0.3\n"},
		{"create a hash:ip netmask 24\nadd a 10.0.0.9-10.0.1.4\n",
		 IP " netmask 24" TAIL "add a 10.0.0.0\nadd a 10.0.1.0\n"},
		{"create n hash:net\nadd n 10.0.0.0-10.0.0.6\nadd n 1.2.3.4/8 nomatch\n",
		 "create n hash:net family inet hashsize 1024 maxelem 65536" TAIL
		 "add n 10.0.0.0/30\nadd n 10.0.0.4/31\nadd n 10.0.0.6\nadd n 1.0.0.0/8 nomatch\n"},
		{"create n hash:net family inet6\nadd n 2001:db8::1/32\nadd n ::1\n",
		 "create n hash:net family inet6 hashsize 1024 maxelem 65536" TAIL
		 "add n 2001:db8::/32\nadd n ::1\n"},
		{"create p hash:ip,port\nadd p 1.2.3.4,80\nadd p 1.2.3.4,udp:20-21\n"
		 "add p 1.2.3.4,icmp:8/0\nadd p 1.2.3.4,icmp:3/99\nadd p 1.2.3.4,47:0\n"
		 "add p 1.2.3.4,99:0\nadd p 1.2.3.4,http\n",
		 "create p hash:ip,port family inet hashsize 1024 maxelem 65536" TAIL
		 "add p 1.2.3.4,tcp:80\nadd p 1.2.3.4,udp:20\nadd p 1.2.3.4,udp:21\n"
		 "add p 1.2.3.4,icmp:echo-request\nadd p 1.2.3.4,icmp:3/99\n"
		 "add p 1.2.3.4,gre:0\nadd p 1.2.3.4,99:0\nadd p 1.2.3.4,tcp:80\n"},
		{"create i hash:net,iface\nadd i 0.0.0.0/0,eth0\nadd i 10.0.0.0/8,eth wildcard "
		 "nomatch\n",
		 "create i hash:net,iface family inet hashsize 1024 maxelem 65536" TAIL
		 "add i 0.0.0.0/0,eth0\nadd i 10.0.0.0/8,eth nomatch wildcard\n"},
		{"create t hash:ip,port,net\nadd t 1.1.1.1,tcp:80,2.2.2.0/24\n",
		 "create t hash:ip,port,net family inet hashsize 1024 maxelem 65536" TAIL
		 "add t 1.1.1.1,tcp:80,2.2.2.0/24\n"},
		{"create m hash:ip,mark markmask 0xff\nadd m 1.2.3.4,0x1234\n",
		 "create m hash:ip,mark family inet markmask 0x000000ff hashsize 1024 maxelem "
		 "65536" TAIL "add m 1.2.3.4,0x00000034\n"},
		{"create h hash:mac\nadd h 1:2:3:4:5:a\n",
		 "create h hash:mac hashsize 1024 maxelem 65536" TAIL "add h 01:02:03:04:05:0A\n"},
		{"create b bitmap:ip range 10.0.0.0/24\nadd b 10.0.0.5-10.0.0.6\n",
		 "create b bitmap:ip range 10.0.0.0-10.0.0.255\nadd b 10.0.0.5\nadd b 10.0.0.6\n"},
		{"create b bitmap:port range 0-1000 timeout 7\nadd b udp:53\n",
		 "create b bitmap:port range 0-1000 timeout 7\nadd b 53 timeout 7\n"},
		{IP TAIL "create l list:set size 8\nadd l a\n", NULL},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *want = row[i].out != NULL ? row[i].out : row[i].in;
		char *got = through(row[i].in);

		cr_expect(eq(str, got, (char *)want), "%s", row[i].in);
		free(got);
	}
}

Test(config_sets, refused)
{
	static const struct {
		const char *in, *says;
	} row[] = {
		{"create a hash:foo", "1:1: error: set 'a': type \"hash:foo\" is unknown"},
		{"create a bitmap:ip,mac range 10.0.0.0/24", "hash:ip,mac"},
		{"create a hash:ip skbinfo", "cannot be run here: nothing is mapped"},
		{"create a hash:ip forceadd", "cannot be run here: a full set stays full"},
		{"create a hash:net netmask 24", "unknown argument 'netmask'"},
		{"create a hash:ip family foo", "unknown family"},
		{"create a hash:ip timeout 2147484", "out of range 0-2147483"},
		{"create a hash:ip maxelem 0", "out of range"},
		{"create a hash:ip maxelem", "needs an argument"},
		{"create a bitmap:ip", "'range' is missing"},
		{"create a bitmap:ip range 10.0.0.0/15", "exceeds 65536"},
		{"create a2345678901234567890123456789012 hash:ip", "1 to 31"},
		{"create a hash:ip\ncreate a hash:net", "2:1: error: set 'a': cannot be created"},
		{"add a 1.2.3.4", "does not exist"},
		{"create a hash:ip\nadd a 0.0.0.0", "zero cannot be stored"},
		{"create a hash:ip\nadd a ::1", "not an IPv4 address"},
		{"create a hash:ip\nadd a host.example", "not an IPv4 address"},
		{"create a hash:ip\nadd a 1.2.3.4,80", "more parts"},
		{"create a hash:ip\nadd a 1.2.3.4 nomatch", "unknown argument"},
		{"create a hash:ip\nadd a 1.2.3.4 timeout 5", "the set has none"},
		{"create a hash:ip\nadd a 1.2.3.4 comment x", "the set has none"},
		{"create a hash:ip maxelem 3\nadd a 10.0.0.0/30", "room"},
		{"create a hash:ip family inet6\nadd a 2001:db8::/120", "plain address"},
		{"create n hash:net\nadd n 0.0.0.0/0", "length 0"},
		{"create n hash:net\nadd n 10.0.0.0/33", "bad prefix length"},
		{"create p hash:ip,port\nadd p 1.2.3.4", "a part of the entry is missing"},
		{"create p hash:ip,port\nadd p 1.2.3.4,gre:7", "no ports but 0"},
		{"create p hash:ip,port\nadd p 1.2.3.4,icmpv6:1", "other family"},
		{"create p hash:ip,port,ip\nadd p 1.2.3.4,80,1.2.3.0/24", "plain address"},
		{"create i hash:net,iface\nadd i 10.0.0.0/8,physdev:eth2",
		 "no packet comes over a bridge"},
		{"create b bitmap:port range 1-10\nadd b 11", "out of the range"},
		{"create a hash:ip\ndel a 1.2.3.4", "only create and add"},
		{"frobnicate a", "unknown command"},
		{"create a hash:ip comment\nadd a 1.2.3.4 comment \"x", "does not end"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *got = through(row[i].in);

		cr_expect(strstr(got, row[i].says) != NULL, "%s: %s", row[i].in, got);
		free(got);
	}
}

static char *
yaml(const char *text, struct cfg_policy **p)
{
	struct cfg_err err;
	char *said;

	*p = NULL;
	cfg_err_init(&err, NULL);
	cfg_policy_from_yaml(p, text, strlen(text), &err);
	said = t_messages(&err);
	cfg_err_free(&err);
	return said;
}

Test(config_sets, policy_file)
{
	static const char text[] =
		"version: 1\n"
		"sets:\n"
		"  bad: { type: 'hash:net', timeout: 60, comment: true, entries: [10.0.0.0/8, "
		"'10.1.0.0/16 nomatch comment \"it''s\"'] }\n"
		"  six: { type: 'hash:ip', family: ipv6, entries: \"::1\\n::2\\n\" }\n"
		"  all: { type: 'list:set', entries: [bad, six] }\n"
		"tables:\n"
		"  filter:\n"
		"    INPUT: { rules: [ { match-set: bad src, jump: DROP }, { match-set: '!other "
		"dst', "
		"jump: DROP } ] }\n";
	struct cfg_policy *p, *q;
	char *said = yaml(text, &p), *once, *twice;

	cr_assert(p != NULL, "%s", said);
	free(said);
	cr_expect(eq(sz, p->sets.n, 3));
	cr_expect(eq(sz, p->sets.set[0].n_entry, 2));
	cr_expect(eq(u8, cfg_chain_find(p, CFG_FILTER, "INPUT")->rule[0].family, CFG_IPV4),
		  "in the set's family alone");
	cr_expect(eq(u8, cfg_chain_find(p, CFG_FILTER, "INPUT")->rule[1].family, CFG_BOTH));
	cr_expect(cfg_policy_names_set(p, "bad") && cfg_policy_names_set(p, "other"));
	cr_expect(not(cfg_policy_names_set(p, "six")));
	once = cfg_policy_to_yaml(p);
	said = yaml(once, &q);
	cr_assert(q != NULL, "%s\n%s", said, once);
	twice = cfg_policy_to_yaml(q);
	cr_expect(eq(str, once, twice));
	free(said);
	free(once);
	free(twice);
	cfg_policy_free(p);
	cfg_policy_free(q);
}

Test(config_sets, policy_file_refused)
{
	static const struct {
		const char *sets, *says;
	} row[] = {
		{"a: {}", "3:3: error: set 'a' has no type"},
		{"a: { type: 'hash:foo' }", "unknown"},
		{"a: { type: 'hash:ip', colour: red }", "unknown key 'colour'"},
		{"a: { type: 'hash:ip', skbinfo: true }", "nothing is mapped"},
		{"a: { type: 'hash:ip', entries: [10.0.0.1, x] }", "3:45: error: "},
		{"a: { type: 'hash:ip', entries: { x: y } }", "is a map"},
		{"a: { type: 'hash:ip', file: x }", "works in a file only"},
		{"l: { type: 'list:set', entries: [a] }", "set 'a' does not exist"},
		{"l: { type: 'list:set' }\n  m: { type: 'list:set', entries: [l] }",
		 "no list can be"},
		{"a: { type: 'hash:ip', maxelem: 1, entries: [10.0.0.1, 10.0.0.2] }",
		 "more entries"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[500], *said;
		struct cfg_policy *p;

		snprintf(text, sizeof(text), "version: 1\nsets:\n  %s\n", row[i].sets);
		said = yaml(text, &p);
		cr_expect(p == NULL, "%s", row[i].sets);
		cr_expect(strstr(said, row[i].says) != NULL, "%s: %s", row[i].sets, said);
		free(said);
		cfg_policy_free(p);
	}
}

// Rules for a set of the other family are refused at their place.
Test(config_sets, other_family)
{
	struct cfg_policy *p;
	char *said = yaml("version: 1\nsets: { six: { type: 'hash:ip', family: ipv6 } }\ntables:\n"
			  "  filter:\n    INPUT:\n      family: ipv4\n      rules:\n"
			  "        - { match-set: six src, jump: DROP }\n",
			  &p);

	cr_expect(p == NULL);
	cr_expect(strstr(said, "protocol family of set six is IPv6, which is not applicable") !=
			  NULL,
		  "%s", said);
	free(said);
	cfg_policy_free(p);
}
