// See drawn_match.h and drawn_target.h. A sample is iptables-save text in which {A|B|C} stands for
// one of its parts and {5..90} for a number of that range. It is read as a rule of its own, whose
// last match, or whose target, moves.
#include "drawn_match.h"
#include "drawn_target.h"

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
	{CFG_BOTH, 0, NULL,
	 "bpf --bytecode \"5,{48|40|32} 0 0 {0..60},{84|4} 0 0 {1..255},{21|37|53|69} {0..1} "
	 "{0..1} "
	 "{0..80},6 0 0 {0..1},6 0 0 {0..1}\""},
	{CFG_BOTH, IPPROTO_TCP, NULL, "tcpmss {|! }--mss {0..5}{|0:1460}"},
	{CFG_BOTH, IPPROTO_SCTP, NULL,
	 "sctp {|! }--sport {1..9}{|:80} {|! }--chunk-types {any|all|only} "
	 "{DATA|DATA:bE|ALL|NONE|INIT,ABORT:T}"},
	{CFG_BOTH, IPPROTO_ESP, NULL, "esp {|! }--espspi {0..9}{|:700}"},
	{CFG_BOTH, IPPROTO_AH, NULL, "ah {|! }--ahspi {0..9}{|:700}"},
	{CFG_IPV6, 0, NULL, "ah --ahspi {0..9}:{9..99} {|! }--ahlen {1..30}{| --ahres}"},
	{CFG_BOTH, 0, NULL, "physdev {|! }--physdev-in {a|b+|+}{| --physdev-is-bridged}"},
	{CFG_BOTH, 0, "filter FORWARD",
	 "policy --dir {in|out} --pol ipsec --strict {|! }--reqid {0..9}{| --mode tunnel}{| "
	 "--proto ah}"},
	{CFG_BOTH, 0, "filter FORWARD", "policy --dir {in|out} --pol none"},
	{CFG_BOTH, 0, "filter FORWARD",
	 "policy --dir in --pol ipsec --strict --reqid 1 --next {|! }--reqid {2..9} --proto esp"},
	{CFG_BOTH, 0, "filter FORWARD",
	 "policy --dir in --pol ipsec --strict --spi {1..9} --next --reqid 2 --mode tunnel --next "
	 "{|! "
	 "}--mode transport"},
	{CFG_IPV6, 0, "filter FORWARD",
	 "policy --dir in --pol ipsec --strict --proto ah --next {|! }--reqid 2 --mode tunnel "
	 "--tunnel-src 2001:db8::{1..9}{|/64}"},
	{CFG_BOTH, 0, NULL,
	 "cluster {|! }--cluster-local-nodemask {1..7} --cluster-total-nodes {3..32} "
	 "--cluster-hash-seed {0..9}"},
	{CFG_BOTH, 0, "filter OUTPUT", "owner {|! }--uid-owner {0..9}{|-20} --gid-owner {0..9}"},
	{CFG_BOTH, 0, "filter INPUT", "cgroup {--cgroup 7|--path \"/a\"}"},
	{CFG_BOTH, 0, NULL, "nfacct --nfacct-name name{0..99}"},
	{CFG_IPV4, IPPROTO_TCP, "filter INPUT", "osf {|! }--genre Linux{| --ttl 2}{| --log 1}"},
	{CFG_IPV6, 0, NULL,
	 "frag {|! }--fragid {0..3}:{2..9} {|! }--fraglen 8{| --fragres}{| --fragfirst| "
	 "--fragmore| --fraglast}"},
	{CFG_IPV6, 0, NULL, "hbh {|! }--hbh-len {8|16}"},
	{CFG_IPV6, 0, NULL, "hbh --hbh-opts {0..2}{|,0}"},
	{CFG_IPV6, 0, NULL, "dst {|! }--dst-len {8|16} --dst-opts {1..2}{|:4}{|,5}"},
	{CFG_IPV6, 0, NULL,
	 "rt {|! }--rt-type {0..4} {|! }--rt-segsleft {0..1}:{0..9}{| --rt-len 24}"},
	{CFG_IPV6, 0, NULL,
	 "rt --rt-type 0{| --rt-0-res} --rt-0-addrs ::{1..2}{| --rt-0-not-strict}"},
	{CFG_IPV6, IPPROTO_MH, NULL, "mh {|! }--mh-type {0..9}{|:200}"},
	{CFG_IPV6, 0, NULL,
	 "ipv6header {|! }--header {dst|protocol|hop|frag},{prot|esp}{| --soft}"},
	{CFG_IPV6, 0, "filter INPUT", "eui64"},
	{CFG_BOTH, IPPROTO_DCCP, NULL,
	 "dccp {|! }--sport {0..9}{|:80} {|! }--dccp-types {DATA|ACK},RESET{| ! --dccp-option 5}"},
	{CFG_BOTH, IPPROTO_COMP, NULL, "ipcomp{| --ipcompspi 0:{0..300}}{| --compres}"},
	{CFG_BOTH, 0, "filter FORWARD",
	 "devgroup {|! }--src-group {0..2}{|/0x3} --dst-group {0..9}"},
	{CFG_BOTH, 0, NULL, "cpu {|! }--cpu {0..2}"},
	{CFG_BOTH, 0, NULL, "quota {|! }--quota {0..3000}"},
	{CFG_BOTH, 0, NULL, "statistic --mode nth {|! }--every {3..5} --packet {0..2}"},
	{CFG_BOTH, 0, NULL, "statistic --mode random {|! }--probability {0|1}"},
	{CFG_BOTH, 0, NULL, "recent {|! }--{set|rcheck|update|remove} --name {a|b}{| --rdest}"},
	{CFG_BOTH, 0, NULL,
	 "recent --{rcheck|update} --seconds {1..3}{| --reap} --hitcount {0..5}{| --rttl} --name "
	 "b"},
	{CFG_BOTH, 0, NULL,
	 "time --timestart {10..20}:{10..50} --timestop {10..20}:00 {|! }--weekdays {Mon|Tue,Sun}"},
	{CFG_BOTH, 0, NULL,
	 "time {|! }--monthdays {1..31},{1..31} --datestart 20{10..37}-0{1..9}-2{0..8}{| "
	 "--kerneltz}"},
	{CFG_BOTH, 0, NULL,
	 "connlimit --connlimit-{upto|above} {0..3} --connlimit-mask {0..32}{| "
	 "--connlimit-daddr}"},
	{CFG_BOTH, 0, NULL,
	 "hashlimit --hashlimit-{upto|above} {1..9}/{sec|min|hour} --hashlimit-burst {1..9} "
	 "--hashlimit-name {a|b}{| --hashlimit-mode srcip| --hashlimit-mode dstip,srcport}"},
	{CFG_BOTH, 0, NULL,
	 "hashlimit --hashlimit-{upto|above} {16..900}{b|kb}/s --hashlimit-name c --hashlimit-mode "
	 "{srcip|srcip,dstip,srcport,dstport}{| --hashlimit-srcmask 24}{| --hashlimit-rate-match}"},
	{CFG_BOTH, 0, NULL,
	 "hashlimit --hashlimit-upto {1..9}/sec --hashlimit-name d --hashlimit-htable-size {1..4} "
	 "--hashlimit-htable-max {1..4} --hashlimit-mode {srcip|dstport}"},
	{CFG_IPV4, 0, NULL, "recent --{set|rcheck} --name c --mask 255.255.{0|255}.0"},
	{CFG_BOTH, 0, NULL, "set {|! }--match-set s{0..9} {src|dst|src,dst}{| --return-nomatch}"},
	{CFG_BOTH, 0, NULL,
	 "set --match-set a src {|! --update-counters} {|! }--packets-eq {0..9} --bytes-{lt|gt} "
	 "{0..99}"},
	{CFG_BOTH, 0, "raw PREROUTING", "rpfilter{| --loose}{| --accept-local}{| --invert}"},
};

static const struct sample targets[] = {
	{CFG_BOTH, 0, NULL, "AUDIT --type {accept|drop|reject}"},
	{CFG_BOTH, 0, NULL, "LOG --log-prefix {x|\"a b\"} --log-level {0..7}{| --log-uid}"},
	{CFG_BOTH, 0, NULL, "LOG{| --log-tcp-sequence}{| --log-tcp-options}{| --log-ip-options}"},
	{CFG_BOTH, 0, NULL, "NFLOG{| --nflog-prefix p} --nflog-group {0..65535}"},
	{CFG_BOTH, 0, NULL, "NFLOG --nflog-size {0..999} --nflog-threshold {0..99}"},
	{CFG_BOTH, 0, NULL, "SET --add-set s{0..9} {src|dst,src}{| --exist}{| --timeout 7}"},
	{CFG_BOTH, 0, NULL, "SET{| --add-set a dst} --del-set b {src|dst,src}"},
	{CFG_BOTH, 0, "raw PREROUTING", "TRACE"},
	{CFG_IPV4, 0, NULL, "TEE --gateway 10.0.0.{5..9}{| --oif lan}"},
	{CFG_IPV6, 0, NULL, "TEE --gateway 2001:db8::{5..9}"},
	{CFG_BOTH, 0, NULL,
	 "HMARK --hmark-tuple {src|dst,sport|src,dst,proto|spi,src|ct,src,dst} --hmark-rnd {0..9} "
	 "--hmark-mod {1|4|4294967295}{| --hmark-offset 9}"},
	{CFG_BOTH, 0, NULL, "IDLETIMER --timeout {1..99} --label l{0..9}{| --alarm}"},
	{CFG_BOTH, 0, NULL,
	 "RATEEST --rateest-name {0..9} --rateest-interval {1..8}s --rateest-ewmalog {16..900}s"},
	{CFG_BOTH, 0, "mangle FORWARD", "CONNSECMARK --{save|restore}"},
	{CFG_BOTH, 0, "mangle FORWARD", "CHECKSUM --checksum-fill"},
	{CFG_BOTH, 0, "mangle FORWARD", "DSCP --set-dscp {0..63}"},
	{CFG_BOTH, 0, "mangle FORWARD", "TOS --{set|and|or|xor}-tos {0..255}"},
	{CFG_IPV4, 0, "mangle FORWARD", "ECN --ecn-ip-ect {0..3}"},
	{CFG_IPV4, IPPROTO_TCP, "mangle FORWARD", "ECN --ecn-tcp-{remove|cwr 1|ece 0}"},
	{CFG_IPV4, 0, "mangle FORWARD", "TTL --ttl-{set|inc|dec} {1..255}"},
	{CFG_IPV6, 0, "mangle FORWARD", "HL --hl-{set|inc|dec} {1..255}"},
	{CFG_BOTH, IPPROTO_TCP, "mangle FORWARD", "TCPOPTSTRIP --strip-options {2..5},{6..9}"},
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
expand(const struct sample *s, const char *option, drawn_rnd rnd, void *ctx)
{
	char table[16], hook[16], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	sscanf(s->place != NULL ? s->place : "filter FORWARD", "%15s %15s", table, hook);
	fprintf(out, "*%s\n-A %s ", table, hook);
	if (s->proto != 0)
		fprintf(out, "-p %u ", s->proto);
	fprintf(out, "%s ", option);
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

// The sample as a policy of one rule; runs: NULL where it cannot be run.
static struct cfg_policy *
read_sample(const struct sample *s, const char *option, bool runs, drawn_rnd rnd, void *ctx)
{
	enum cfg_family family = s->families == CFG_IPV6 ? CFG_IPV6 : CFG_IPV4;
	char *text = expand(s, option, rnd, ctx);
	struct cfg_policy *p = NULL;
	struct cfg_err err;

	cfg_err_init(&err, NULL);
	if (cfg_policy_from_save(&p, family, text, strlen(text), &err) < 0) {
		fprintf(stderr, "%s%s\n", text, err.n > 0 ? err.msgs[0].text : "");
		abort();
	}
	if (runs && cfg_policy_able(p, CFG_ERROR, &err) < 0) {
		cfg_policy_free(p);
		p = NULL;
	}
	cfg_err_free(&err);
	free(text);
	return p;
}

static const struct cfg_rule *
only_rule(const struct cfg_policy *p)
{
	for (int t = 0; t < CFG_TABLES; t++)
		for (size_t c = 0; c < p->table[t].n_chain; c++)
			if (p->table[t].chain[c]->n_rule > 0)
				return p->table[t].chain[c]->rule;
	abort();
}

static bool
fits(const struct sample *s, const struct cfg_rule *rule)
{
	return (rule->family & ~s->families) == 0 &&
	       (s->proto == 0 || (rule->proto_set && !rule->proto_inv && rule->proto == s->proto));
}

bool
drawn_match(struct cfg_rule *rule, bool runs, drawn_rnd rnd, void *ctx)
{
	const struct sample *s = &samples[rnd(ctx, sizeof(samples) / sizeof(samples[0]))];
	const struct cfg_match *from;
	struct cfg_policy *p;
	struct cfg_match *m;

	if (!fits(s, rule) || (!runs && s->place != NULL))
		return false;
	p = read_sample(s, "-m", runs, rnd, ctx);
	if (p == NULL)
		return false;
	from = &only_rule(p)->match[only_rule(p)->n_match - 1];
	m = cfg_match_add(rule, from->id);
	if (m == NULL || !cfg_match_copy(m, from))
		abort();
	m->pos = (struct cfg_pos){0};
	cfg_policy_free(p);
	return true;
}

bool
drawn_target(struct cfg_rule *rule, enum cfg_table_id table, bool runs, drawn_rnd rnd, void *ctx)
{
	const struct sample *s = &targets[rnd(ctx, sizeof(targets) / sizeof(targets[0]))];
	size_t n = strlen(cfg_table_name(table));
	struct cfg_policy *p;

	if (!fits(s, rule) ||
	    (s->place != NULL && strncmp(s->place, cfg_table_name(table), n) != 0))
		return false;
	p = read_sample(s, "-j", runs, rnd, ctx);
	if (p == NULL)
		return false;
	if (!cfg_target_copy(&rule->target, &only_rule(p)->target))
		abort();
	rule->target.pos = (struct cfg_pos){0};
	cfg_policy_free(p);
	return true;
}
