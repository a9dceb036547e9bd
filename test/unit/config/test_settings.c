// ringwall.conf: each kind of error with its line, column and words; then sound files and what
// comes of them.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/policy.h"
#include "config/settings.h"

// A sound port for files that are about something else; starts at line 1 and takes one line.
#define PORT_A                                                                                     \
	"ports = ( { name = \"lan\"; device = \"d0\"; addresses = [ \"10.0.0.1/24\" ]; } );\n"

static int
read_text(struct cfg_settings **s, struct cfg_err *err, const char *text)
{
	cfg_err_init(err, "t.conf");
	*s = NULL;
	return cfg_settings_from_text(s, text, "/etc/ringwall", err);
}

static bool
has_error(const struct cfg_err *err, unsigned line, unsigned column, const char *words)
{
	for (size_t i = 0; i < err->n; i++)
		if (err->msgs[i].pos.line == line && err->msgs[i].pos.column == column &&
		    strstr(err->msgs[i].text, words) != NULL)
			return true;
	return false;
}

static void
show(const struct cfg_err *err)
{
	for (size_t i = 0; i < err->n; i++) {
		char *line = cfg_msg_format(&err->msgs[i]);

		cr_log_warn("  got: %s", line);
		free(line);
	}
}

struct bad {
	const char *name, *text;
	unsigned line, column;
	const char *words;
};

// One error each, and only that one.
static const struct bad bad_values[] = {
	{"empty file", "", 0, 0, "needs the key 'ports'"},
	{"no port", "ports = ();", 1, 1, "at least one element"},
	{"no port, as array", "ports = [];", 1, 1, "at least one element"},
	{"unknown key", PORT_A "speed = 3;", 2, 1,
	 "unknown key 'speed': expected one of eal, workers"},
	{"size on the wrong level", PORT_A "flows = 3000;", 2, 1, "belongs into sizes"},
	{"unknown size", PORT_A "sizes = { flow = 3000; };", 2, 11, "unknown key 'flow'"},
	{"unknown port key", "ports = ( { name = \"a\"; device = \"d\"; ip = 1; } );", 1, 39,
	 "unknown key 'ip'"},
	{"ports no list", "ports = { name = \"a\"; };", 1, 1,
	 "'ports' is a group { }: expected a list"},
	{"port no group", PORT_A "routes = ( \"x\" );", 2, 12,
	 "'routes' holds a string: expected a route"},
	{"poll of another kind", PORT_A "poll = \"lazy\";", 2, 1,
	 "'poll' is \"lazy\": expected \"busy\" or \"adaptive\""},
	{"sizes no group", PORT_A "sizes = 5;", 2, 1,
	 "'sizes' is a whole number: expected a group"},
	{"flows too small", PORT_A "sizes = { flows = 1; };", 2, 11,
	 "expected a whole number from 64 to"},
	{"flows negative", PORT_A "sizes = { flows = -1; };", 2, 11, "'flows' is -1"},
	{"flows a string", PORT_A "sizes = { flows = \"many\"; };", 2, 11,
	 "'flows' is a string: expected a whole"},
	{"flows with a fraction", PORT_A "sizes = { flows = 1000.5; };", 2, 11,
	 "a number with a fraction"},
	{"flows in hex", PORT_A "sizes = { flows = 0x1000; };", 2, 11, "hexadecimal"},
	{"flows of 33 bits", PORT_A "sizes = { flows = 4294968296; };", 2, 19,
	 "4294968296 is out of range"},
	{"log no group", PORT_A "log = \"syslog\";", 2, 1, "'log' is a string: expected a group"},
	{"log to nowhere", PORT_A "log = { to = \"kern\"; };", 2, 9,
	 "'to' is \"kern\": expected \"syslog\" or \"stderr\" or \"file:PATH\""},
	{"log to a file without a path", PORT_A "log = { to = \"file:\"; };", 2, 9,
	 "expected \"syslog\""},
	{"log to a socket", PORT_A "log = { to = \"socket:/x\"; };", 2, 9, "expected \"syslog\""},
	{"log of no burst", PORT_A "log = { burst = 0; };", 2, 9, "from 1 to 1000000"},
	{"nflog to syslog", PORT_A "nflog = ( { group = 1; to = \"syslog\"; } );", 2, 24,
	 "expected \"file:PATH\" or \"socket:PATH\""},
	{"nflog without a group", PORT_A "nflog = ( { to = \"file:/x\"; } );", 2, 11,
	 "an nflog group needs the key 'group'"},
	{"nflog group twice",
	 PORT_A "nflog = ( { group = 1; to = \"file:/x\"; },\n{ group = 1; to = \"file:/y\"; } );",
	 3, 1, "nflog group 1 stands twice: it is also in line 2"},
	{"nflog file twice",
	 PORT_A "nflog = ( { group = 1; to = \"file:/x\"; },\n{ group = 2; to = \"file:/x\"; } );",
	 3, 1, "nflog groups 1 and 2 have the same file"},
	{"flow log to nowhere", PORT_A "flow-log = ( { to = \"syslog\"; } );", 2, 16,
	 "expected \"file:PATH\" or \"udp:ADDRESS:PORT\""},
	{"flow log to half an address", PORT_A "flow-log = ( { to = \"udp:192.0.2.1\"; } );", 2, 16,
	 "expected an address and a port"},
	{"flow log to IPv6 without brackets",
	 PORT_A "flow-log = ( { to = \"udp:2001:db8::1:4739\"; } );", 2, 16,
	 "\"udp:[2001:db8::1]:4739\""},
	{"flow log to port 0", PORT_A "flow-log = ( { to = \"udp:192.0.2.1:0\"; } );", 2, 16,
	 "expected an address and a port"},
	{"flow log of another format",
	 PORT_A "flow-log = ( { to = \"file:/x\"; format = \"netflow\"; } );", 2, 32,
	 "expected \"json\" or \"ipfix\""},
	{"flow log of other flows", PORT_A "flow-log = ( { to = \"file:/x\"; flows = \"nat\"; } );",
	 2, 32, "expected \"all\" or \"translated\""},
	{"flow log of no events", PORT_A "flow-log = ( { to = \"file:/x\"; events = []; } );", 2,
	 32, "'events' is empty: expected an array of"},
	{"flow log of other events",
	 PORT_A "flow-log = ( { to = \"file:/x\"; events = [ \"born\" ]; } );", 2, 43,
	 "'events' holds \"born\""},
	{"flow log of JSON with a domain",
	 PORT_A "flow-log = ( { to = \"file:/x\"; domain = 3; } );", 2, 14, "'domain' is IPFIX's"},
	{"flow log in a file that sends templates",
	 PORT_A "flow-log = ( { to = \"file:/x\"; format = \"ipfix\"; templates = 3; } );", 2, 14,
	 "'templates' says how often"},
	{"flow logs in one file",
	 PORT_A "flow-log = ( { to = \"file:/x\"; },\n{ to = \"file:/x\"; } );", 3, 1,
	 "flow logs in lines 2 and 3 have the same file"},
	{"flow log and log in one file",
	 PORT_A "log = { to = \"file:/x\"; };\nflow-log = ( { to = \"file:/x\"; } );", 3, 14,
	 "a flow log has the file of 'log'"},
	{"eal a string", PORT_A "eal = \"-m 512\";", 2, 1,
	 "'eal' is a string: expected an array of strings"},
	{"eal with a number", PORT_A "eal = ( \"-m\", 512 );", 2, 15,
	 "'eal' is a whole number: expected a string"},
	{"eal with nothing in it", PORT_A "eal = [ \"\" ];", 2, 9, "'eal' is empty"},
	{"workers a number", PORT_A "workers = 1;", 2, 1,
	 "'workers' is a whole number: expected an array"},
	{"worker twice", PORT_A "workers = [ 1, 2, 1 ];", 2, 19, "lcore 1 stands twice"},
	{"worker too large", PORT_A "workers = [ 1024 ];", 2, 13,
	 "expected a whole number from 0 to 1023"},
	{"policy a number", PORT_A "policy = 3;", 2, 1, "expected the path of a file"},
	{"policy empty", PORT_A "policy = \"\";", 2, 1, "'policy' is empty"},
	{"control character", PORT_A "policy = \"a\\nb\";", 2, 1, "control character"},
	{"control too long",
	 PORT_A
	 "control = \"/0123456789012345678901234567890123456789012345678901234567890123456789"
	 "01234567890123456789012345678901234567\";",
	 2, 1, "expected at most 107"},
	{"name missing", "ports = ( { device = \"d\"; } );", 1, 11, "a port needs the key 'name'"},
	{"device missing", "ports = ( { name = \"a\"; } );", 1, 11,
	 "a port needs the key 'device'"},
	{"name of 16 bytes", "ports = ( { name = \"a23456789abcdefg\"; device = \"d\"; } );", 1, 13,
	 "16 bytes"},
	{"name with a blank", "ports = ( { name = \"a b\"; device = \"d\"; } );", 1, 13,
	 "expected letters"},
	{"name like a wildcard", "ports = ( { name = \"a+\"; device = \"d\"; } );", 1, 13,
	 "expected letters"},
	{"name with a slash", "ports = ( { name = \"a/b\"; device = \"d\"; } );", 1, 13,
	 "expected letters"},
	{"name like an option", "ports = ( { name = \"-a\"; device = \"d\"; } );", 1, 13,
	 "expected letters"},
	{"name of Linux", "ports = ( { name = \"lo\"; device = \"d\"; } );", 1, 13,
	 "Linux keeps for itself"},
	{"name none", "ports = ( { name = \"none\"; device = \"d\"; } );", 1, 11,
	 "keeps for itself"},
	{"mtu too small", "ports = ( { name = \"a\"; device = \"d\"; mtu = 60; } );", 1, 39,
	 "from 68 to 9216"},
	{"mtu too small for IPv6",
	 "ports = ( { name = \"a\"; device = \"d\"; mtu = 1200; addresses = [ \"2001:db8::1/64\" "
	 "]; } );",
	 1, 65, "IPv6 needs at least 1280"},
	{"promiscuous a number", "ports = ( { name = \"a\"; device = \"d\"; promiscuous = 1; } );",
	 1, 39, "expected true or false"},
	{"lladdr too short",
	 "ports = ( { name = \"a\"; device = \"d\"; lladdr = \"02:00:00:00:01\"; } );", 1, 39,
	 "expected a MAC address"},
	{"lladdr with spaces",
	 "ports = ( { name = \"a\"; device = \"d\"; lladdr = \"02: 0:00:00:00:01\"; } );", 1, 39,
	 "expected a MAC address"},
	{"lladdr of a group",
	 "ports = ( { name = \"a\"; device = \"d\"; lladdr = \"01:00:00:00:00:01\"; } );", 1, 39,
	 "one station"},
	{"lladdr zero",
	 "ports = ( { name = \"a\"; device = \"d\"; lladdr = \"00:00:00:00:00:00\"; } );", 1, 39,
	 "one station"},
	{"addresses a string",
	 "ports = ( { name = \"a\"; device = \"d\"; addresses = \"10.0.0.1/24\"; } );", 1, 39,
	 "expected an array of addresses"},
	{"route without to", PORT_A "routes = ( { via = \"10.0.0.2\"; } );", 2, 12,
	 "a route needs the key 'to'"},
	{"route to nowhere", PORT_A "routes = ( { to = \"0.0.0.0/0\"; } );", 2, 12,
	 "route leads nowhere"},
	{"route with host bits", PORT_A "routes = ( { to = \"10.1.0.1/8\"; port = \"lan\"; } );", 2,
	 14, "bits set past"},
	{"route to multicast", PORT_A "routes = ( { to = \"224.0.0.0/4\"; port = \"lan\"; } );", 2,
	 14, "not routed"},
	{"route without length", PORT_A "routes = ( { to = \"10.1.0.0\"; port = \"lan\"; } );", 2,
	 14, "a network such as"},
	{"via with a length", PORT_A "routes = ( { to = \"0.0.0.0/0\"; via = \"10.0.0.2/24\"; } );",
	 2, 32, "an address such as"},
	{"via of the other family",
	 PORT_A "routes = ( { to = \"0.0.0.0/0\"; via = \"fe80::1\"; port = \"lan\"; } );", 2, 32,
	 "other family"},
	{"via off link", PORT_A "routes = ( { to = \"0.0.0.0/0\"; via = \"10.0.1.2\"; } );", 2, 32,
	 "no port has an address in a network"},
	{"via link-local", PORT_A "routes = ( { to = \"::/0\"; via = \"fe80::1\"; } );", 2, 27,
	 "link-local"},
	{"via ourselves", PORT_A "routes = ( { to = \"0.0.0.0/0\"; via = \"10.0.0.1\"; } );", 2, 32,
	 "of this gateway"},
	{"blackhole via",
	 PORT_A "routes = ( { to = \"0.0.0.0/0\"; via = \"10.0.0.2\"; blackhole = true; } );", 2,
	 12, "expected it alone"},
	{"route's port", PORT_A "routes = ( { to = \"0.0.0.0/0\"; port = \"wan\"; } );", 2, 12,
	 "no port of that name"},
	{"neighbour's port",
	 PORT_A "neighbours = ( { port = \"wan\"; address = \"10.0.0.2\"; lladdr = "
		"\"02:00:00:00:00:02\"; } );",
	 2, 16, "no port of that name"},
	{"neighbour ourselves",
	 PORT_A "neighbours = ( { port = \"lan\"; address = \"10.0.0.1\"; lladdr = "
		"\"02:00:00:00:00:02\"; } );",
	 2, 16, "address of this gateway"},
	{"neighbour without lladdr",
	 PORT_A "neighbours = ( { port = \"lan\"; address = \"10.0.0.2\"; } );", 2, 16,
	 "needs the key 'lladdr'"},
	{"include", PORT_A "@include \"other.conf\"", 2, 1,
	 "expected all settings in this one file"},
	{"values run together", PORT_A "sizes = { flows = 1000mbufs = 2000; };", 2, 29,
	 "run into each other"},
	{"syntax", PORT_A "sizes = { flows = ;\n};", 2, 0, "syntax error"},
	{"key twice", PORT_A "policy = \"a\";\npolicy = \"b\";", 3, 0, "duplicate"},
};

Test(config_settings, each_error_is_named)
{
	for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
		const struct bad *b = &bad_values[i];
		struct cfg_settings *s;
		struct cfg_err err;

		cr_expect(eq(int, read_text(&s, &err, b->text), -EINVAL), "%s", b->name);
		cr_expect(eq(ptr, s, NULL), "%s", b->name);
		cr_expect(has_error(&err, b->line, b->column, b->words), "%s: want %u:%u %s",
			  b->name, b->line, b->column, b->words);
		cr_expect(eq(sz, err.n_errors, 1), "%s: one error, got %zu", b->name, err.n_errors);
		if (!has_error(&err, b->line, b->column, b->words) || err.n_errors != 1)
			show(&err);
		cfg_err_free(&err);
	}
}

// Addresses that no port can have.
Test(config_settings, bad_addresses)
{
	static const struct {
		const char *addr, *words;
	} row[] = {
		{"10.0.0.1", "prefix length"},
		{"10.0.0.1/33", "prefix length"},
		{"10.0.0.1/", "prefix length"},
		{"10.0.0.1/ 8", "prefix length"},
		{"10.0.0.1/+8", "prefix length"},
		{"10.0.0.1/8x", "prefix length"},
		{"10.0.0.1/0", "prefix length"},
		{"10.0.0/8", "prefix length"},
		{"10.0.0.0/24", "network itself"},
		{"10.0.0.255/24", "broadcast"},
		{"127.0.0.1/8", "loopback"},
		{"224.0.0.5/24", "multicast"},
		{"0.1.2.3/8", "0.0.0.0/8"},
		{"255.255.255.255/32", "240.0.0.0/4"},
		{"::/64", "unspecified"},
		{"::1/128", "loopback"},
		{"ff02::1/64", "multicast"},
		{"::ffff:10.0.0.1/120", "IPv4 address inside"},
		{"2001:db8::1/129", "prefix length"},
		{"2001:db8::g/64", "prefix length"},
		{"host/24", "prefix length"},
		{"10.0.0.1/00000024", "prefix length"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct cfg_settings *s;
		struct cfg_err err;
		char text[256];

		snprintf(text, sizeof(text),
			 "ports = ( { name = \"a\"; device = \"d\";\n addresses = [ \"%s\" ]; } );",
			 row[i].addr);
		cr_expect(eq(int, read_text(&s, &err, text), -EINVAL), "%s", row[i].addr);
		cr_expect(has_error(&err, 2, 16, row[i].words), "%s: want %s", row[i].addr,
			  row[i].words);
		cr_expect(eq(sz, err.n_errors, 1), "%s", row[i].addr);
		cfg_err_free(&err);
	}
}

Test(config_settings, twice_is_an_error)
{
	static const struct bad row[] = {
		{"name",
		 "ports = ( { name = \"a\"; device = \"d\"; },\n { name = \"a\"; device = \"e\"; } "
		 ");",
		 2, 2, "port name \"a\" stands twice: it is also in line 1"},
		{"device",
		 "ports = ( { name = \"a\"; device = \"d\"; },\n { name = \"b\"; device = \"d\"; } "
		 ");",
		 2, 2, "device \"d\" stands twice"},
		{"twin",
		 "ports = ( { name = \"a\"; device = \"d\"; },\n { name = \"b\"; device = \"e\"; "
		 "twin = \"a\"; } );",
		 2, 2, "twin \"a\" stands twice"},
		{"address",
		 "ports = ( { name = \"a\"; device = \"d\"; addresses = [ \"10.0.0.1/24\" ]; },\n"
		 "{ name = \"b\"; device = \"e\"; addresses = [ \"10.0.0.1/8\" ]; } );",
		 2, 43, "address 10.0.0.1 stands twice"},
		{"route",
		 PORT_A "routes = ( { to = \"10.9.0.0/16\"; blackhole = true; },\n"
			"{ to = \"10.9.0.0/16\"; port = \"lan\"; } );",
		 3, 1, "route to 10.9.0.0/16 stands twice: it is also in line 2"},
		{"neighbour",
		 PORT_A
		 "neighbours = ( { port = \"lan\"; address = \"10.0.0.2\"; lladdr = "
		 "\"02:00:00:00:00:02\"; },\n"
		 "{ port = \"lan\"; address = \"10.0.0.2\"; lladdr = \"02:00:00:00:00:03\"; } );",
		 3, 1, "neighbour 10.0.0.2 of port \"lan\" stands twice"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct cfg_settings *s;
		struct cfg_err err;

		cr_expect(eq(int, read_text(&s, &err, row[i].text), -EINVAL), "%s", row[i].name);
		cr_expect(has_error(&err, row[i].line, row[i].column, row[i].words), "%s",
			  row[i].name);
		cr_expect(eq(sz, err.n_errors, 1), "%s", row[i].name);
		if (err.n_errors != 1)
			show(&err);
		cfg_err_free(&err);
	}
}

Test(config_settings, all_errors_at_once)
{
	struct cfg_settings *s;
	struct cfg_err err;

	cr_assert(eq(int,
		     read_text(&s, &err,
			       "eal = 1; workers = \"x\";\n"
			       "ports = (\n"
			       "  { name = \"a\"; device = 3; mtu = 1; },\n"
			       "  { name = \"b\"; device = \"e\"; addresses = [ \"x\", "
			       "\"10.0.0.1/24\", \"y\" ]; } );\n"
			       "routes = ( { to = 1; via = 2; }, { to = \"0.0.0.0/0\"; } );\n"
			       "nonsense = true;\n"),
		     -EINVAL));
	cr_expect(has_error(&err, 1, 1, "'eal'"));
	cr_expect(has_error(&err, 1, 10, "'workers'"));
	cr_expect(has_error(&err, 3, 17, "'device'"));
	cr_expect(has_error(&err, 3, 29, "'mtu'"));
	cr_expect(has_error(&err, 4, 45, "\"x\""));
	cr_expect(has_error(&err, 4, 65, "\"y\""));
	cr_expect(has_error(&err, 5, 14, "'to'"));
	cr_expect(has_error(&err, 5, 22, "'via'"));
	cr_expect(has_error(&err, 5, 34, "leads nowhere"));
	cr_expect(has_error(&err, 6, 1, "unknown key 'nonsense'"));
	cr_expect(eq(sz, err.n_errors, 10));
	cfg_err_free(&err);
}

// Comments, strings in pieces and other spellings do not move the places of what follows.
Test(config_settings, places_after_odd_text)
{
	struct cfg_settings *s;
	struct cfg_err err;

	cr_assert(
		eq(int,
		   read_text(&s, &err,
			     "/* a \"string\n in */ policy : \"a\" // x = 1\n   \"b\\\"c\";  # y\n"
			     "ports = ( { name = \"lan\", device = \"\xc3\xa4\"; mtu = 1 } ),\n"
			     "\t/**/ sizes : { flows = \"\" }"),
		   -EINVAL));
	cr_expect(has_error(&err, 4, 41, "'mtu' is 1"), "characters are counted, not bytes");
	cr_expect(has_error(&err, 5, 17, "'flows' is a string"));
	cr_expect(eq(sz, err.n_errors, 2));
	cfg_err_free(&err);
}

Test(config_settings, every_field)
{
	struct cfg_settings *s;
	struct cfg_err err;
	const struct cfg_port *p;

	cr_assert(eq(
		int,
		read_text(
			&s, &err,
			"eal = [ \"--no-huge\", \"-m\", \"512\" ];\n"
			"workers = [ 3, 1 ];\n"
			"policy = \"policy.yaml\"; control = \"run/c.sock\";\n"
			"ports = ( { name = \"lan\"; device = \"net_af_packet0,iface=veth-lan\";\n"
			"  twin = \"lan0\"; addresses = [ \"192.168.1.1/24\", \"2001:db8::1/64\" "
			"]; mtu = 9000;\n"
			"  lladdr = \"02:00:00:00:00:Fe\"; promiscuous = true; rx-queues = 2;\n"
			"  rx-descriptors = 256; tx-descriptors = 512; },\n"
			"  { name = \"wan\"; device = \"0000:03:00.0\"; twin = \"none\";\n"
			"    addresses = ( \"198.51.100.2/31\" ); } );\n"
			"routes = ( { to = \"0.0.0.0/0\"; via = \"198.51.100.3\"; },\n"
			"  { to = \"::/0\"; via = \"fe80::1\"; port = \"wan\"; },\n"
			"  { to = \"10.0.0.0/8\"; blackhole = true; }, { to = \"10.1.0.0/16\"; "
			"port = \"lan\"; } );\n"
			"neighbours = ( { port = \"wan\"; address = \"198.51.100.3\"; lladdr = "
			"\"02:00:00:00:00:03\"; } );\n"
			"sizes = { flows = 1000; mbufs = 2047; neighbours = 100; routes4 = 200; "
			"routes6 = 300;\n"
			"  fragments = 400; };\n"),
		0));
	cr_expect(eq(sz, err.n, 0));
	cr_expect(eq(str, s->file, "t.conf"));
	cr_assert(eq(sz, s->n_eal, 3));
	cr_expect(eq(str, s->eal[2], "512"));
	cr_assert(eq(sz, s->n_worker, 2));
	cr_expect(eq(uint, s->worker[0], 3));
	cr_expect(eq(str, s->policy, "/etc/ringwall/policy.yaml"));
	cr_expect(eq(str, s->control, "/etc/ringwall/run/c.sock"));
	cr_assert(eq(sz, s->n_port, 2));
	p = &s->port[0];
	cr_expect(eq(str, p->name, "lan"));
	cr_expect(eq(str, p->device, "net_af_packet0,iface=veth-lan"));
	cr_expect(eq(str, p->twin, "lan0"));
	cr_assert(eq(sz, p->n_address, 2));
	cr_expect(eq(u8, p->address[0].family, CFG_IPV4));
	cr_expect(eq(u8, p->address[0].addr[3], 1), "host bits are kept");
	cr_expect(eq(u8, p->address[0].len, 24));
	cr_expect(eq(u8, p->address[1].family, CFG_IPV6));
	cr_expect(eq(u8, p->address[1].len, 64));
	cr_expect(eq(u32, p->mtu, 9000));
	cr_expect(p->mac_set && p->mac[5] == 0xfe);
	cr_expect(p->promiscuous);
	cr_expect(eq(u32, p->rx_queues, 2));
	cr_expect(eq(u32, p->rx_descriptors, 256));
	cr_expect(eq(u32, p->tx_descriptors, 512));
	cr_expect(eq(uint, p->pos.line, 4));
	p = &s->port[1];
	cr_expect(eq(str, p->twin, "none"));
	cr_expect(eq(u32, p->mtu, 1500));
	cr_expect(not(p->mac_set || p->promiscuous));
	cr_assert(eq(sz, s->n_route, 4));
	cr_expect(eq(u8, s->route[0].via.addr[3], 3));
	cr_expect(eq(ptr, s->route[0].port, NULL));
	cr_expect(eq(str, s->route[1].port, "wan"));
	cr_expect(s->route[2].blackhole);
	cr_expect(eq(u8, s->route[3].via.family, 0));
	cr_assert(eq(sz, s->n_neighbour, 1));
	cr_expect(eq(u8, s->neighbour[0].lladdr[5], 3));
	cr_expect(eq(u32, s->flows, 1000));
	cr_expect(eq(u32, s->mbufs, 2047));
	cr_expect(eq(u32, cfg_settings_mbufs(s, 4), 2047));
	cr_expect(eq(u32, s->neighbours, 100));
	cr_expect(eq(u32, s->routes4, 200));
	cr_expect(eq(u32, s->routes6, 300));
	cr_expect(eq(u32, s->fragments, 400));
	cfg_settings_free(s);
	cfg_err_free(&err);
}

Test(config_settings, defaults)
{
	struct cfg_settings *s;
	struct cfg_err err;

	cr_assert(eq(int, read_text(&s, &err, PORT_A), 0));
	cr_expect(eq(ptr, s->policy, NULL));
	cr_expect(eq(str, s->control, "/run/ringwall/control.sock"));
	cr_expect(eq(sz, s->n_eal, 0));
	cr_expect(eq(sz, s->n_worker, 0));
	cr_expect(eq(u32, s->flows, 262144));
	cr_expect(eq(u32, s->mbufs, 0));
	cr_expect(eq(u32, s->neighbours, 4096));
	cr_expect(eq(u32, s->routes4, 65536));
	cr_expect(eq(u32, s->routes6, 16384));
	cr_expect(eq(u32, s->fragments, 1024));
	cr_expect(eq(u32, s->events, 16384));
	cr_expect(eq(int, s->log.to.kind, CFG_SINK_NONE));
	cr_expect(eq(u32, s->log.rate, 1000));
	cr_expect(eq(u32, s->log.burst, 2000));
	cr_expect(eq(sz, s->n_nflog, 0));
	cr_expect(eq(sz, s->n_flow_log, 0));
	cr_expect(eq(u32, s->flow_events, 16384));
	cr_expect(eq(ptr, s->port[0].twin, NULL));
	// One port, one worker: both its rings, the twin's, and what a worker holds fit; more
	// workers need more.
	cr_expect(cfg_settings_mbufs(s, 1) >= 1024 + 1024 + 512 + 2 * 1024);
	cr_expect(cfg_settings_mbufs(s, 4) > cfg_settings_mbufs(s, 1));
	cfg_settings_free(s);
	cfg_err_free(&err);
}

static void
write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL && fwrite(text, 1, len, f) == len && fclose(f) == 0);
}

Test(config_settings, from_a_file)
{
	char dir[] = "/tmp/rw-settings-XXXXXX", path[64], expected[64];
	static const char text[] = PORT_A "policy = \"p.yaml\";";
	struct cfg_settings *s;
	struct cfg_err err;

	cr_assert(mkdtemp(dir) != NULL && chdir(dir) == 0);
	snprintf(path, sizeof(path), "%s/ringwall.conf", dir);
	cfg_err_init(&err, NULL);
	cr_expect(eq(int, cfg_settings_load(&s, path, &err), -ENOENT));
	cr_expect(eq(sz, err.n_errors, 1));
	cr_expect(eq(str, err.msgs[0].file, path));
	cr_expect(eq(int, cfg_settings_load(&s, dir, &err), -EISDIR));
	write_file(path, "ports = (\0);", 12);
	cr_expect(eq(int, cfg_settings_load(&s, path, &err), -EINVAL));
	cr_expect(has_error(&err, 1, 0, "NUL byte"));

	write_file(path, text, sizeof(text) - 1);
	cr_assert(eq(int, cfg_settings_load(&s, "ringwall.conf", &err), 0),
		  "a path without a folder");
	snprintf(expected, sizeof(expected), "%s/p.yaml", dir);
	cr_expect(eq(str, s->policy, expected));
	cr_expect(eq(str, s->file, "ringwall.conf"));
	cfg_settings_free(s);
	cfg_err_free(&err);
	unlink(path);
	rmdir(dir);
}
