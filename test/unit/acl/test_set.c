// The match set and the target SET: which of a packet's parts are asked, lists, counters, what
// packets add and delete, commands, and the other worker's copy. What is expected was seen of
// xt_set and ip_set.
#include "at.h"

#include "acl/acl_set_tab.h"
#include "acl/acl_sets.h"

#define SEC UINT64_C(1000000000)

static struct at t;

static void
open_rules(enum cfg_family family, const char *sets, const char *const *rule, unsigned n)
{
	char text[2048] = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n";

	for (unsigned i = 0; i < n; i++)
		sprintf(text + strlen(text), "-A FORWARD %s\n", rule[i]);
	strcat(text, "COMMIT\n");
	at_open_sets(&t, family, text, sets);
	t.w[0]->now_ns = t.w[1]->now_ns = SEC;
}
#define OPEN(family, sets, ...)                                                                    \
	open_rules(family, sets, (const char *const[]){__VA_ARGS__},                               \
		   RTE_DIM(((const char *const[]){__VA_ARGS__})))

// Sends it and says which rules count it, as bits from rule 1.
static unsigned
counted_by(const struct tl_spec *s, const struct at_way *way, unsigned worker)
{
	const struct cfg_chain *c = cfg_chain_find(t.model, CFG_FILTER, "FORWARD");
	uint64_t before[32];
	unsigned bits = 0;

	for (unsigned i = 0; i < c->n_rule; i++)
		before[i] = at_packets(&t, CFG_FILTER, "FORWARD", i + 1);
	at_judge(&t, ACL_FILTER, s, way, worker);
	for (unsigned i = 0; i < c->n_rule; i++)
		bits |= (at_packets(&t, CFG_FILTER, "FORWARD", i + 1) != before[i]) << i;
	return bits;
}

static unsigned
udp(const char *src, const char *dst)
{
	struct tl_spec s = {.src = src, .dst = dst, .sport = 1000, .dport = 53};

	return counted_by(&s, &(struct at_way){0}, 0);
}

static void
set(const char *line, const char *refused)
{
	char *said = at_set(&t, line);

	cr_expect(refused != NULL ? said != NULL && strstr(said, refused) != NULL : said == NULL,
		  "%s: %s", line, said != NULL ? said : "done");
	free(said);
}

Test(acl_set, parts_of_a_packet)
{
	OPEN(CFG_IPV4,
	     "create a hash:ip\nadd a 10.0.0.1\ncreate p hash:ip,port\nadd p 10.0.0.1,udp:53\n"
	     "create i hash:net,iface\nadd i 10.0.0.0/8,wan\ncreate m hash:ip,mark markmask 0xf\n"
	     "add m 10.0.0.1,7\ncreate b bitmap:port range 50-60\nadd b 53\n"
	     "create n6 hash:net family inet6\nadd n6 2001:db8::/32\n",
	     "-m set --match-set a src", "-m set --match-set a dst", "-m set ! --match-set a src",
	     "-m set --match-set p src,dst", "-m set --match-set p src,src",
	     "-m set --match-set p src", "-m set --match-set i src,dst",
	     "-m set --match-set i src,src", "-m set --match-set m src,src",
	     "-m set --match-set b dst", "-m set --match-set b src");
	cr_expect(udp("10.0.0.1", "10.0.0.2") == (1 | 8 | 64 | 512));
	cr_expect(udp("10.0.0.2", "10.0.0.1") == (2 | 4 | 64 | 512));
	{
		struct tl_spec s = {.src = "10.0.0.1",
				    .dst = "10.0.0.2",
				    .proto = IPPROTO_TCP,
				    .sport = 1000,
				    .dport = 53};

		cr_expect(counted_by(&s, &(struct at_way){.mark = 0x17}, 0) ==
			  (1 | 64 | 256 | 512));
	}
	at_close(&t);
}

Test(acl_set, exceptions)
{
	OPEN(CFG_IPV6,
	     "create n hash:net family inet6\nadd n 2001:db8::/32\nadd n 2001:db8:1::/48 nomatch\n",
	     "-m set --match-set n src", "-m set ! --match-set n src",
	     "-m set --match-set n src --return-nomatch");
	cr_expect(udp("2001:db8::1", "::2") == 1);
	cr_expect(udp("2001:db8:1::1", "::2") == (2 | 4));
	cr_expect(udp("2001:db9::1", "::2") == 2);
	at_close(&t);
}

Test(acl_set, lists)
{
	OPEN(CFG_IPV4,
	     "create a hash:ip\nadd a 10.0.0.1\ncreate n hash:net counters\nadd n 10.1.0.0/16\n"
	     "create l list:set counters\nadd l a\nadd l n\n",
	     "-m set --match-set l src",
	     "-m set --match-set n src --packets-gt 1 ! --update-counters",
	     "-m set --match-set l src --packets-gt 3 ! --update-subcounters");
	cr_expect(udp("10.0.0.1", "10.0.0.2") == 1);
	cr_expect(udp("10.1.0.1", "10.0.0.2") == 1, "counted once");
	cr_expect(udp("10.1.0.1", "10.0.0.2") == (1 | 2 | 4));
	cr_expect(udp("10.2.0.1", "10.0.0.2") == 0);
	set("destroy n", "in use");
	set("del l n", NULL);
	cr_expect(udp("10.1.0.1", "10.0.0.2") == 2);
	at_close(&t);
}

Test(acl_set, counters)
{
	OPEN(CFG_IPV4, "create a hash:ip counters\nadd a 10.0.0.1 packets 5 bytes 1000\n",
	     "-m set --match-set a src --packets-eq 6", "-m set --match-set a src --packets-lt 8",
	     "-m set --match-set a src ! --update-counters --bytes-gt 1083");
	cr_expect(udp("10.0.0.1", "10.0.0.2") == (1 | 2), "1056: 28 a look");
	cr_expect(udp("10.0.0.1", "10.0.0.2") == 4);
	at_close(&t);
}

Test(acl_set, packets_add_and_delete)
{
	OPEN(CFG_IPV4,
	     "create a hash:ip timeout 10 counters\ncreate n hash:net\nadd n 192.0.2.0/24\n"
	     "create one hash:ip maxelem 1\n",
	     "-m set --match-set a src", "-s 10.0.0.1 -j SET --add-set a src",
	     "-m set --match-set a src", "-s 10.0.0.2 -j SET --add-set a src --exist --timeout 2",
	     "-s 10.0.0.3 -j SET --del-set a dst", "-s 10.0.1.0/24 -j SET --add-set n src",
	     "-m set --match-set n src", "-s 10.0.2.0/24 -j SET --add-set one src",
	     "-m set --match-set one src");
	cr_expect(udp("10.0.0.1", "10.0.0.9") == (2 | 4));
	cr_expect(udp("10.0.0.1", "10.0.0.9") == (1 | 2 | 4));
	cr_expect(udp("10.0.0.2", "10.0.0.9") == 8);
	cr_expect(udp("10.0.0.3", "10.0.0.1") == 16);
	cr_expect(udp("10.0.0.1", "10.0.0.9") == (2 | 4), "was deleted");
	t.w[0]->now_ns += 2 * SEC + SEC / 250;
	cr_expect(udp("10.0.0.2", "10.0.0.9") == 8, "its two seconds are over");
	t.w[0]->now_ns += 7 * SEC;
	cr_expect(udp("10.0.0.1", "10.0.0.9") == (1 | 2 | 4), "ten");
	t.w[0]->now_ns += 2 * SEC;
	cr_expect(udp("10.0.0.1", "10.0.0.9") == (2 | 4), "over: without exist none is renewed");
	cr_expect(udp("10.0.1.7", "10.0.0.9") == (32 | 64), "as a /24");
	cr_expect(udp("10.0.1.8", "10.0.0.9") == (32 | 64));
	cr_expect(udp("10.0.2.1", "10.0.0.9") == (128 | 256));
	cr_expect(udp("10.0.2.2", "10.0.0.9") == 128, "full");
	at_close(&t);
}

// Both workers know what one of them adds or deletes, when they have heard of it.
Test(acl_set, two_workers)
{
	struct tl_spec s = {.src = "10.0.0.1", .dst = "10.0.0.9", .sport = 1, .dport = 2};
	struct tl_spec back = {.src = "10.0.0.9", .dst = "10.0.0.1", .sport = 1, .dport = 2};
	struct pl_program prog = {0};
	struct set_tab **of[2];
	int a;

	OPEN(CFG_IPV4, "create a hash:ip timeout 5\n", "-s 10.0.0.1 -j SET --add-set a src",
	     "-d 10.0.0.1 -j SET --del-set a dst");
	a = acl_sets_slot(t.sets[0], "a");
	of[0] = acl_sets_of(t.sets[0], 0);
	of[1] = acl_sets_of(t.sets[0], 1);
	prog.acl = t.compiled; // hears what both policies tell
	t.w[0]->prog = t.w[1]->prog = &prog;
	counted_by(&s, &(struct at_way){0}, 0);
	cr_expect(of[0][a]->n == 1 && of[1][a]->n == 0);
	acl_hear(t.w[1]);
	cr_expect(of[1][a]->n == 1);
	counted_by(&back, &(struct at_way){0}, 1);
	cr_expect(of[0][a]->n == 1 && of[1][a]->n == 0);
	acl_hear(t.w[0]);
	cr_expect(of[0][a]->n == 0);
	t.w[0]->prog = t.w[1]->prog = NULL;
	at_close(&t);
}

Test(acl_set, commands)
{
	struct cfg_set read;

	OPEN(CFG_IPV4,
	     "create a hash:ip comment\nadd a 10.0.0.1 comment \"a b\"\n"
	     "create b hash:ip\nadd b 10.0.0.2\ncreate n hash:net\n",
	     "-m set --match-set a src");
	set("add a 10.0.0.1", "already added");
	set("add a 10.0.0.1 -exist", NULL);
	set("del a 10.0.0.3", "not added");
	set("add a 10.0.0.5\nadd a 10.0.0.6\nadd a 10.0.0.5", "already added");
	cr_expect(udp("10.0.0.6", "10.0.0.9") == 0, "whole or not at all");
	set("add c 10.0.0.1", "does not exist");
	set("create a hash:ip", "already exists");
	set("create a hash:ip comment -exist", NULL);
	set("swap a n", "type does not match");
	set("swap a b", NULL);
	cr_expect(udp("10.0.0.2", "10.0.0.9") == 1);
	cr_expect(udp("10.0.0.1", "10.0.0.9") == 0);
	set("test a 10.0.0.2", NULL);
	set("test a 10.0.0.1", "10.0.0.1 is NOT in set a");
	set("add n 10.0.0.0/8\nadd n 10.1.0.0/16 nomatch", NULL);
	set("test n 10.2.2.2", NULL);
	set("test n 10.1.2.2", "is NOT");
	set("test n 10.0.0.0/8", NULL);
	set("test n 10.0.0.0/9", "is NOT");
	set("flush a", NULL);
	cr_expect(udp("10.0.0.2", "10.0.0.9") == 0);
	set("rename n m", NULL);
	set("destroy m", NULL);
	set("test m 10.2.2.2", "does not exist");
	set("create d hash:ip maxelem 2\nadd d 10.0.0.0/30", "room");
	set("create d hash:ip maxelem 4\nadd d 10.0.0.0/30\nflush d\nadd d 10.0.0.0/30", NULL);
	cr_assert(acl_sets_read(t.sets[0], "d", &read) == 0);
	cr_expect(read.n_entry == 4);
	cfg_set_clear(&read);
	cr_assert(acl_sets_read(t.sets[0], "b", &read) == 0); // a before the swap
	cr_expect(read.n_entry == 1);
	cfg_set_clear(&read);
	at_close(&t);
}
