// See drawn_match.h. A sample is iptables-save text in which {A|B|C} stands for one of its parts
// and {5..90} for a number of that range. It is read as a rule of its own, whose last match moves.
#include "drawn_match.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sample {
	uint8_t families;
	uint8_t proto;	   // that the rule must have; 0: any
	const char *place; // the only table and hook that take it; NULL: any
	const char *text;  // behind "-m "
} samples[] = {
	{CFG_IPV4, 0, NULL, "addrtype {|! }--dst-type {LOCAL|UNICAST|BROADCAST|LOCAL,MULTICAST}"},
	{CFG_BOTH, 0, NULL, "addrtype --src-type {LOCAL|UNICAST} {|! }--dst-type {LOCAL|ANYCAST}"},
	{CFG_BOTH, 0, NULL,
	 "string {|! }--{string a|string \"A b\"|string \"\\\"\"|hex-string ^00^} --algo {bm|kmp}"},
	{CFG_BOTH, 0, NULL,
	 "string --string {a|!b} --algo bm{| --from 7| --from 60}{| --to 61| --to 90}{| --icase}"},
	{CFG_BOTH, 0, NULL,
	 "u32 {|! }--u32 "
	 "\"{0..44}&0x{0..9}f>>{0..9}={0..9}:{9..300},7&&{0..9}<<2@{0..9}=0:{0..9}\""},
	{CFG_BOTH, 0, "filter OUTPUT", "owner {|! }--uid-owner {0..9}{|-20} --gid-owner {0..9}"},
	{CFG_BOTH, 0, "filter INPUT", "cgroup {--cgroup 7|--path \"/a\"}"},
	{CFG_BOTH, 0, NULL, "nfacct --nfacct-name name{0..99}"},
	{CFG_IPV4, IPPROTO_TCP, "filter INPUT", "osf {|! }--genre Linux{| --ttl 2}{| --log 1}"},
	{CFG_BOTH, 0, "raw PREROUTING", "rpfilter{| --loose}{| --accept-local}{| --invert}"},
};

// One alternative of the text between { and }.
static void
choose(FILE *out, const char *at, size_t n, drawn_rnd rnd, void *ctx)
{
	unsigned long long lo, hi;
	size_t parts = 1, pick;

	if (sscanf(at, "%llu..%llu}", &lo, &hi) == 2) {
		fprintf(out, "%llu",
			lo + rnd(ctx, hi - lo + 1 > UINT32_MAX ? UINT32_MAX : hi - lo + 1));
		return;
	}
	for (size_t i = 0; i < n; i++)
		parts += at[i] == '|';
	for (pick = rnd(ctx, parts); pick > 0; pick--)
		at = strchr(at, '|') + 1;
	fprintf(out, "%.*s", (int)strcspn(at, "|}"), at);
}

static char *
expand(const struct sample *s, drawn_rnd rnd, void *ctx)
{
	char table[16], hook[16], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	sscanf(s->place != NULL ? s->place : "filter FORWARD", "%15s %15s", table, hook);
	fprintf(out, "*%s\n-A %s ", table, hook);
	if (s->proto != 0)
		fprintf(out, "-p %u ", s->proto);
	fputs("-m ", out);
	for (const char *c = s->text; *c != '\0'; c++) {
		if (*c == '{') {
			choose(out, c + 1, strchr(c, '}') - c - 1, rnd, ctx);
			c = strchr(c, '}');
		} else {
			fputc(*c, out);
		}
	}
	fputs("\nCOMMIT\n", out);
	fclose(out);
	return text;
}

bool
drawn_match(struct cfg_rule *rule, bool runs, drawn_rnd rnd, void *ctx)
{
	const struct sample *s = &samples[rnd(ctx, sizeof(samples) / sizeof(samples[0]))];
	enum cfg_family family = s->families == CFG_IPV6 ? CFG_IPV6 : CFG_IPV4;
	struct cfg_policy *p = NULL;
	struct cfg_match *m;
	struct cfg_err err;
	bool drawn = false;
	char *text;

	if ((rule->family & ~s->families) != 0 || (!runs && s->place != NULL) ||
	    (s->proto != 0 && (rule->proto_inv || rule->proto != s->proto)))
		return false;
	text = expand(s, rnd, ctx);
	cfg_err_init(&err, NULL);
	if (cfg_policy_from_save(&p, family, text, strlen(text), &err) < 0) {
		fprintf(stderr, "%s%s\n", text, err.n > 0 ? err.msgs[0].text : "");
		abort();
	}
	if (runs && cfg_policy_able(p, CFG_ERROR, &err) < 0)
		goto out;
	for (int t = 0; t < CFG_TABLES; t++) {
		for (size_t c = 0; c < p->table[t].n_chain; c++) {
			struct cfg_rule *from = p->table[t].chain[c]->rule;

			if (p->table[t].chain[c]->n_rule == 0)
				continue;
			m = cfg_match_add(rule, from->match[from->n_match - 1].id);
			if (m == NULL || !cfg_match_copy(m, &from->match[from->n_match - 1]))
				abort();
			m->pos = (struct cfg_pos){0};
		}
	}
	drawn = true;
out:
	cfg_policy_free(p);
	cfg_err_free(&err);
	free(text);
	return drawn;
}
