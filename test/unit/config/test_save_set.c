// The match set and the target SET: iptables-save text in and out, and that neither is run. What is
// expected here was printed (or refused) by iptables-legacy 1.8.9 and its kernel for the same line.
#include "save_rows.h"

#define FWD  "mangle FORWARD"
#define N31  "aaaaaaaaaabbbbbbbbbbccccccccccd"
#define DIRS "src,dst,src,dst,src,dst"

Test(config_save_set, match)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m set --match-set foo src", NULL},
		{CFG_IPV6, IN, "-m set ! --match-set foo src,dst", NULL},
		{CFG_IPV4, IN, "-m set --match-set " N31 " " DIRS, NULL},
		{CFG_IPV4, IN, "-m set --match-set foo src --update-counters",
		 "-m set --match-set foo src"},
		{CFG_IPV4, IN, "-m set --match-set foo src ! --update-subcounters", NULL},
		{CFG_IPV4, IN, "-m set --match-set foo src ! --packets-eq 5 ! --bytes-eq 0x7",
		 "-m set --match-set foo src ! --packets-eq 5 ! --bytes-eq 7"},
		{CFG_IPV4, IN,
		 "-m set --match-set foo src --packets-lt 5 --bytes-lt 18446744073709551615", NULL},
		{CFG_IPV4, IN,
		 "-m set ! --match-set foo src ! --update-counters ! --update-subcounters "
		 "--return-nomatch --packets-gt 1 --bytes-eq 2",
		 "-m set ! --match-set foo src --return-nomatch ! --update-counters ! "
		 "--update-subcounters --packets-gt 1 --bytes-eq 2"},
		{CFG_IPV4, IN, "-m set --match-set foo src -m set ! --match-set bar dst,dst", NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m set", 10, "needs option 'match-set'"},
		{CFG_IPV4, IN, "-m set --packets-eq 5", 10, "needs option 'match-set'"},
		{CFG_IPV4, IN, "-m set --match-set foo " DIRS ",src", 17, "at most 6"},
		{CFG_IPV4, IN, "-m set --match-set foo xx", 17, "src and dst"},
		{CFG_IPV4, IN, "-m set --match-set foo src,", 17, "src and dst"},
		{CFG_IPV4, IN, "-m set --match-set foo SRC", 17, "src and dst"},
		{CFG_IPV4, IN, "-m set --match-set " N31 "e src", 17, "at most 31"},
		{CFG_IPV4, IN, "-m set --match-set a src --match-set b src", 35, "only once"},
		{CFG_IPV4, IN, "-m set --match-set a src ! --return-nomatch", 37,
		 "cannot be negated"},
		{CFG_IPV4, IN, "-m set --match-set a src ! --packets-lt 5", 37,
		 "cannot be negated"},
		{CFG_IPV4, IN, "-m set --match-set a src --packets-gt 5 --packets-lt 5", 50,
		 "together with"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_set, target)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-j SET --add-set foo src", NULL},
		{CFG_IPV6, IN, "-j SET --add-set bar src,dst --timeout 0x10 --exist",
		 "-j SET --add-set bar src,dst --exist --timeout 16"},
		{CFG_IPV4, IN, "-j SET --add-set bar src --timeout 0", NULL},
		{CFG_IPV4, IN, "-j SET --del-set foo dst", NULL},
		{CFG_IPV4, IN, "-j SET --del-set bar src,dst --exist --add-set foo src",
		 "-j SET --add-set foo src --exist --del-set bar src,dst"},
		{CFG_IPV4, "mangle PREROUTING", "-j SET --map-set foo src --map-mark", NULL},
		{CFG_IPV4, "mangle POSTROUTING",
		 "-j SET --map-set foo src --map-mark --map-prio --map-queue", NULL},
		{CFG_IPV4, FWD,
		 "-j SET --map-set foo src --map-queue --add-set bar src,dst --timeout 7 --exist",
		 "-j SET --add-set bar src,dst --exist --timeout 7 --map-set foo src --map-queue"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-j SET", 10, "needs 'add-set'"},
		{CFG_IPV4, IN, "-j SET --exist", 10, "needs 'add-set'"},
		{CFG_IPV4, IN, "-j SET --del-set foo dst --exist", 10, "'add-set' only"},
		{CFG_IPV4, IN, "-j SET --del-set foo dst --timeout 3", 10, "'add-set' only"},
		{CFG_IPV4, IN, "-j SET --add-set a src --add-set b src", 33, "only once"},
		{CFG_IPV4, IN, "-j SET --add-set a src --timeout 4294967295", 33, "not a number"},
		{CFG_IPV4, FWD, "-j SET --map-set foo src", 12, "'map-set' goes with"},
		{CFG_IPV4, FWD, "-j SET --add-set foo src --map-mark", 12, "'map-set' goes with"},
		{CFG_IPV4, IN, "-j SET --map-set foo src --map-mark", 10, "expected table mangle"},
		{CFG_IPV4, "mangle INPUT", "-j SET --map-set foo src --map-prio", 10,
		 "cannot stand at INPUT"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_set, not_run_here)
{
	static const char text[] = "*filter\n-A INPUT -m set --match-set a src -j ACCEPT\n"
				   "COMMIT\n*mangle\n-A INPUT -j SET --add-set a src\n"
				   "-A INPUT -j SET --map-set a src --map-mark\nCOMMIT\n";
	char *said, *why;
	struct cfg_policy *p = t_save_in(CFG_IPV4, text, &said);
	struct cfg_err err;

	cr_assert(p != NULL, "%s", said);
	cfg_err_init(&err, NULL);
	cr_expect(cfg_policy_able(p, CFG_ERROR, &err) < 0);
	why = t_messages(&err);
	cr_expect(strstr(why, "match 'set'") == NULL, "%s", why);
	cr_expect(strncmp(why, "6:10: error: target 'SET' cannot be run here: sets keep no marks",
			  64) == 0,
		  "%s", why);
	free(why);
	free(said);
	cfg_err_free(&err);
	cfg_policy_free(p);
}

// With a list of the sets that there are, others are refused as iptables refuses them.
Test(config_save_set, of_those_there_are)
{
	static struct cfg_set there[] = {{.name = "a", .family = CFG_IPV4},
					 {.name = "a6", .family = CFG_IPV6},
					 {.name = "ports", .family = CFG_BOTH}};
	static const struct cfg_sets sets = {there, 3}, none;
	static const struct {
		const struct cfg_sets *sets;
		const char *rule, *says;
	} row[] = {
		{&none, "-m set --match-set a src -j DROP", "Set a doesn't exist."},
		{&sets, "-m set --match-set b src -j DROP", "Set b doesn't exist."},
		{&sets, "-j SET --add-set b src", "Set b doesn't exist."},
		{&sets, "-m set --match-set a6 src -j DROP",
		 "The protocol family of set a6 is IPv6, which is not applicable."},
		{&sets,
		 "-m set --match-set a src -m set --match-set ports dst -j SET --del-set a src",
		 NULL},
		{NULL, "-m set --match-set b src -j DROP", NULL},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct cfg_restore how = {.sets = row[i].sets};
		struct cfg_policy *p = NULL;
		char text[200], *said;
		struct cfg_err err;

		snprintf(text, sizeof(text), "*filter\n-A INPUT %s\nCOMMIT\n", row[i].rule);
		cfg_err_init(&err, NULL);
		cfg_policy_restore(&p, CFG_IPV4, &how, text, strlen(text), &err);
		said = t_messages(&err);
		cr_expect(eq(int, p != NULL, row[i].says == NULL), "%s: %s", row[i].rule, said);
		cr_expect(row[i].says == NULL || strstr(said, row[i].says) != NULL, "%s: %s",
			  row[i].rule, said);
		free(said);
		cfg_err_free(&err);
		cfg_policy_free(p);
	}
}
