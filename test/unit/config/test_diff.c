// `check --diff`: what is told is true, and nothing that changes goes untold.
#include "cfg_test.h"
#include "config/policy_diff.h"
#include "config/space/space_eval.h"
#include "small_world.h"

static const char *const head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"
				":OUTPUT ACCEPT [0:0]\n";

static struct cfg_policy *
rules(const char *text)
{
	struct cfg_policy *p;
	char *all, *said;

	cr_assert(ge(int, asprintf(&all, "%s%sCOMMIT\n", head, text), 0));
	p = t_save_in(CFG_IPV4, all, &said);
	cr_assert(p != NULL, "%s\n%s", all, said);
	free(all);
	free(said);
	return p;
}

// "WAY WAS>BECOMES OLDLINE>NEWLINE; ..." and the packets.
static char *
diff(const char *a, const char *b, const struct cfg_control *control, char **words)
{
	struct cfg_policy *old = rules(a), *new = rules(b);
	struct cfg_diff d;
	char *all = NULL;
	size_t len, len2;
	FILE *f = open_memstream(&all, &len), *g = open_memstream(words, &len2);

	cr_assert(eq(int, cfg_policy_diff(&d, old, new, CFG_BOTH, control), 0));
	cr_expect(d.complete);
	for (size_t i = 0; i < d.n; i++) {
		const struct cfg_change *c = &d.change[i];

		fprintf(f, "%s%s %s>%s %u>%u", i > 0 ? "; " : "", c->way, c->was, c->becomes,
			c->old_pos.line, c->new_pos.line);
		fprintf(g, "%s | %s\n", c->what, c->packet);
	}
	fclose(f);
	fclose(g);
	cfg_diff_free(&d);
	cfg_policy_free(old);
	cfg_policy_free(new);
	return all;
}

Test(config_diff, rows)
{
	static const struct {
		const char *old, *new, *says, *words;
	} rows[] = {
		{"", "", "", ""},
		// Order without overlap, a comment, a log: nothing changes.
		{"-A INPUT -p tcp -m tcp --dport 1 -j ACCEPT\n-A INPUT -p udp -j ACCEPT\n",
		 "-A INPUT -p udp -m comment --comment x -j ACCEPT\n"
		 "-A INPUT -p tcp -m tcp --dport 1 -j ACCEPT\n",
		 "", ""},
		{"-A INPUT -p tcp -j ACCEPT\n",
		 "-A INPUT -p tcp -m tcp --dport 0:99 -j ACCEPT\n"
		 "-A INPUT -p tcp -m tcp --dport 100:65535 -j ACCEPT\n",
		 "", ""},
		{"-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n", "", "INPUT ACCEPT>DROP 5>2",
		 "tcp, port 22 | tcp from 192.0.2.10 port 40000 to 198.51.100.20 port 22 flags "
		 "SYN, "
		 "in by other0, state NEW"},
		{"", "-A FORWARD -i lan -s 10.0.0.0/8 -j ACCEPT\n", "FORWARD DROP>ACCEPT 3>5",
		 "any protocol, from 10.0.0.0/8, in by lan | tcp from 10.0.0.1"},
		{"-A INPUT -p tcp -j DROP\n", "-A INPUT -p tcp -j REJECT\n",
		 "INPUT DROP>REJECT --reject-with icmp-port-unreachable 5>5", "tcp |"},
		// Two rules change places: what both match fares otherwise.
		{"-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -p tcp -j DROP\n-A INPUT -j ACCEPT\n",
		 "-A INPUT -p tcp -j DROP\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -j ACCEPT\n",
		 "INPUT ACCEPT>DROP 5>5", "tcp, from 10.0.0.0/8 |"},
		// Through a chain that comes back sooner.
		{":a - [0:0]\n-A INPUT -j a\n-A a -p udp -j ACCEPT\n",
		 ":a - [0:0]\n-A INPUT -j a\n-A a -s 10.0.0.1 -j RETURN\n-A a -p udp -j ACCEPT\n",
		 "INPUT ACCEPT>DROP 7>2", "udp, from 10.0.0.1 |"},
		// A limit that both have is no change; what is not modelled is said.
		{"-A INPUT -p udp -m limit --limit 1/sec -j ACCEPT\n",
		 "-A INPUT -p udp -m limit --limit 1/sec -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n",
		 "INPUT DROP>ACCEPT 2>6", "icmp |"},
		{"-A INPUT -p udp -m limit --limit 1/sec -j ACCEPT\n", "", "INPUT ACCEPT>DROP 5>2",
		 "udp, where: -m limit --limit 1/sec |"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *words, *says = diff(rows[i].old, rows[i].new, NULL, &words);

		cr_expect(eq(str, says, (char *)rows[i].says), "%zu: %s", i, words);
		cr_expect(strncmp(words, rows[i].words, strlen(rows[i].words)) == 0, "%zu: %s", i,
			  words);
		free(says);
		free(words);
	}
}

Test(config_diff, control)
{
	static const char old[] = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
				  "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n";
	const struct cfg_control ssh = {.server_port = 22};
	const struct cfg_control session = {.family = CFG_IPV4,
					    .client = {192, 0, 2, 7},
					    .server = {10, 0, 0, 1},
					    .client_port = 50000,
					    .server_port = 22};
	char *words, *says;

	says = diff(old, "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n", &ssh, &words);
	cr_expect(eq(str, says, ""), "%s", words);
	free(says);
	free(words);
	says = diff(old, "-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n", &session,
		    &words);
	cr_expect(eq(str, says, ""), "%s", words);
	free(says);
	free(words);
	says = diff(old, "-A INPUT -s 192.0.2.8/29 -p tcp -m tcp --dport 22 -j ACCEPT\n", &session,
		    &words);
	cr_expect(eq(str, says, "INPUT ACCEPT>DROP 5>2"), "%s", words);
	free(says);
	free(words);
	// The answers do not get out.
	says = diff(old, "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A OUTPUT -p tcp -j DROP\n",
		    &session, &words);
	cr_expect(eq(str, says, "OUTPUT ACCEPT>DROP 4>6"), "%s", words);
	free(says);
	free(words);
}

struct trial {
	struct space_prog *p[2];
	const struct cfg_diff *d;
	uint64_t seed;
	size_t differ, untold;
};

static unsigned
line_of(const struct space_fate *f)
{
	return f->chain == NULL ? 0 : f->rule != NULL ? f->rule->pos.line : f->chain->pos.line;
}

static bool
look(void *ctx, const struct space_point *pt)
{
	struct trial *t = ctx;
	struct space_fate f[2];

	for (unsigned s = 0; s < 2; s++)
		cr_assert(space_eval(t->p[s], SPACE_FOR_DIFF, 0, pt, &f[s]));
	if (f[0].effect == f[1].effect)
		return true;
	t->differ++;
	for (size_t i = 0; i < t->d->n; i++) {
		const struct cfg_change *c = &t->d->change[i];

		if (strcmp(c->way, space_path_name(t->p[0]->path)) == 0 &&
		    (f[0].effect == SPACE_ACCEPTS || c->old_pos.line == line_of(&f[0])) &&
		    (f[1].effect == SPACE_ACCEPTS || c->new_pos.line == line_of(&f[1])))
			return true;
	}
	t->untold++;
	return true;
}

// Random policies and changes of them: every packet of the small world whose verdict changes is of
// a kind that is told. (That what is told is true, cfg_policy_diff sees to by itself.)
Test(config_diff, brute_force, .timeout = 300)
{
	size_t differ = 0, told = 0, incomplete = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		char *text[2], *said;
		static struct space_world w;
		static struct space_prog p[2];
		struct cfg_policy *policy[2];
		struct cfg_diff d;
		struct trial t = {.p = {&p[0], &p[1]}, .d = &d, .seed = seed};

		text[0] = small_policy(seed);
		text[1] = small_change(text[0], seed);
		for (unsigned s = 0; s < 2; s++) {
			policy[s] = t_save_in(CFG_IPV4, text[s], &said);
			cr_assert(policy[s] != NULL, "%s\n%s", text[s], said);
			free(said);
		}
		cr_assert(eq(int, cfg_policy_diff(&d, policy[0], policy[1], CFG_IPV4, NULL), 0));
		told += d.n;
		incomplete += !d.complete;
		for (enum space_path path = 0; path < SPACE_PATHS && d.complete; path++) {
			cr_assert(space_world_init(&w, CFG_IPV4, policy[0], policy[1]));
			for (unsigned s = 0; s < 2; s++)
				cr_assert(space_prog_init(&p[s], &w, policy[s], path,
							  SPACE_FOR_DIFF, 0));
			small_packets(&w, path, look, &t);
			space_prog_free(&p[0]);
			space_prog_free(&p[1]);
			space_world_free(&w);
		}
		differ += t.differ;
		cr_expect(eq(sz, t.untold, 0), "seed %lu: %zu of %zu\n%s---\n%s", seed, t.untold,
			  t.differ, text[0], text[1]);
		cfg_diff_free(&d);
		for (unsigned s = 0; s < 2; s++) {
			cfg_policy_free(policy[s]);
			free(text[s]);
		}
	}
	cr_expect(gt(sz, differ, 1000));
	cr_expect(gt(sz, told, 40));
	cr_expect(lt(sz, incomplete, 8), "%zu", incomplete);
}
