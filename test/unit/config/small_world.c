// Random rules over few values. Every field that a rule may ask for has two or three values beside
// those that rules name, so that trying all packets is trying all kinds of packets.
#include "small_world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gen {
	uint64_t state;
	FILE *f;
};

static uint32_t
rnd(struct gen *g, uint32_t n)
{
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return (g->state >> 20) % n;
}

static const char *
one_of(struct gen *g, const char *const *list, size_t n)
{
	return list[rnd(g, n)];
}
#define ONE_OF(g, ...)                                                                             \
	one_of(g, (const char *const[]){__VA_ARGS__},                                              \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const char *
maybe_not(struct gen *g)
{
	return rnd(g, 4) == 0 ? "! " : "";
}

static void
ports(struct gen *g, const char *proto)
{
	static const char *const flags[] = {"--syn", "! --syn", "--tcp-flags ACK ACK"};

	if (rnd(g, 3) == 0)
		fprintf(g->f, " -m multiport %s--%s %s", maybe_not(g), ONE_OF(g, "dports", "ports"),
			ONE_OF(g, "10", "10,20", "10:20", "11:65535"));
	else
		fprintf(g->f, " -m %s %s--dport %s", proto, maybe_not(g),
			ONE_OF(g, "10", "10:11", "20", "12:65535"));
	if (strcmp(proto, "tcp") == 0 && rnd(g, 4) == 0)
		fprintf(g->f, " -m tcp %s", flags[rnd(g, 3)]);
	if (strcmp(proto, "tcp") == 0 && rnd(g, 12) == 0)
		fprintf(g->f, " -m tcp %s--tcp-option 8", maybe_not(g));
}

static void
protocol(struct gen *g)
{
	switch (rnd(g, 8)) {
	case 0:
	case 1:
		fprintf(g->f, " -p tcp");
		if (rnd(g, 3) != 0)
			ports(g, "tcp");
		break;
	case 2:
		fprintf(g->f, " -p udp");
		if (rnd(g, 3) != 0)
			ports(g, "udp");
		break;
	case 3:
		fprintf(g->f, " -p icmp");
		if (rnd(g, 2) == 0)
			fprintf(g->f, " -m icmp %s--icmp-type %s", maybe_not(g),
				ONE_OF(g, "8", "3/1", "3", "any"));
		break;
	case 4:
		fprintf(g->f, " ! -p tcp");
		break;
	default:
		break;
	}
}

static void
states(struct gen *g)
{
	if (rnd(g, 4) == 0)
		fprintf(g->f, " -m conntrack %s--ctstate %s", maybe_not(g),
			ONE_OF(g, "NEW", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED", "DNAT"));
	if (rnd(g, 12) == 0)
		fprintf(g->f, " -m state %s--state %s", maybe_not(g),
			ONE_OF(g, "NEW,ESTABLISHED", "INVALID,UNTRACKED"));
	if (rnd(g, 6) == 0)
		fprintf(g->f, " -m mark %s--mark %s", maybe_not(g),
			ONE_OF(g, "0x1", "0x0", "0x2/0x2"));
	if (rnd(g, 20) == 0)
		fprintf(g->f, " -m limit --limit %s", ONE_OF(g, "1/sec", "2/sec"));
	if (rnd(g, 20) == 0)
		fprintf(g->f, " -m ttl --ttl-%s %s", ONE_OF(g, "eq", "lt", "gt"),
			ONE_OF(g, "5", "6"));
}

static void
conditions(struct gen *g, bool in, bool out)
{
	static const char *const addrs[] = {"10.0.0.0/31", "10.0.0.1/32", "10.0.0.0/30",
					    "10.0.0.2/31", "10.0.0.0/255.0.0.3"};

	if (rnd(g, 3) == 0)
		fprintf(g->f, " %s-s %s", maybe_not(g), addrs[rnd(g, 20) == 0 ? 4 : rnd(g, 4)]);
	if (rnd(g, 4) == 0)
		fprintf(g->f, " %s-d %s", maybe_not(g), addrs[rnd(g, 2)]);
	if (in && rnd(g, 4) == 0)
		fprintf(g->f, " %s-i %s", maybe_not(g), ONE_OF(g, "a0", "a+", "b0"));
	if (out && rnd(g, 4) == 0)
		fprintf(g->f, " %s-o %s", maybe_not(g), ONE_OF(g, "a0", "a+"));
	protocol(g);
	if (rnd(g, 12) == 0)
		fprintf(g->f, " -m iprange %s--src-range 10.0.0.1-10.0.0.2", maybe_not(g));
	states(g);
}

static void
rule(struct gen *g, const char *table, const char *chain)
{
	bool user = strlen(chain) == 1;
	bool filter = strcmp(table, "filter") == 0, nat = strcmp(table, "nat") == 0;
	unsigned kind = rnd(g, 12);

	fprintf(g->f, "-A %s", chain);
	conditions(g, strcmp(chain, "OUTPUT") != 0 && strcmp(chain, "POSTROUTING") != 0,
		   strcmp(chain, "PREROUTING") != 0 && strcmp(chain, "INPUT") != 0);
	if (nat) {
		fprintf(g->f, "%s",
			kind < 5    ? " -j DNAT --to-destination 10.0.0.1"
			: kind == 5 ? " -j DNAT --to-destination 10.0.0.0-10.0.0.1"
			: kind == 6 ? " -j RETURN"
			: kind == 7 ? " -j ACCEPT"
			: kind == 8 ? " -j REDIRECT"
				    : "");
	} else if (kind < 3) {
		fprintf(g->f, " -j DROP");
	} else if (kind < 6) {
		fprintf(g->f, " -j ACCEPT");
	} else if (kind == 6 && user) {
		fprintf(g->f, " -j RETURN");
	} else if (kind > 6 && strcmp(table, "mangle") == 0) {
		fprintf(g->f, " -j MARK --set-xmark %s", ONE_OF(g, "0x1/0xffffffff", "0x2/0x0"));
	} else if (kind == 7 && filter) {
		fprintf(g->f, " -j REJECT");
	} else if (kind == 8 && strcmp(table, "raw") == 0) {
		fprintf(g->f, " -j NOTRACK");
	} else if (kind > 8 && filter && chain[0] != 'c') {
		fprintf(g->f, " -%s %s", rnd(g, 4) == 0 ? "g" : "j",
			chain[0] == 'b'	  ? "c"
			: chain[0] == 'a' ? ONE_OF(g, "b", "c")
					  : ONE_OF(g, "a", "b", "c"));
	}
	fprintf(g->f, "\n");
}

static void
table(struct gen *g, const char *name, const char *const *chain, size_t n, unsigned most)
{
	fprintf(g->f, "*%s\n", name);
	for (size_t i = 0; i < n; i++)
		fprintf(g->f, ":%s %s [0:0]\n", chain[i],
			strlen(chain[i]) == 1				? "-"
			: strcmp(name, "filter") == 0 && rnd(g, 2) == 0 ? "DROP"
									: "ACCEPT");
	for (size_t i = 0; i < n; i++)
		for (unsigned k = rnd(g, most + 1); k > 0; k--)
			rule(g, name, chain[i]);
	fprintf(g->f, "COMMIT\n");
}

char *
small_policy(uint64_t seed)
{
	static const char *const filter[] = {"INPUT", "FORWARD", "OUTPUT", "a", "b", "c"};
	static const char *const mangle[] = {"PREROUTING", "FORWARD", "POSTROUTING"};
	static const char *const other[] = {"PREROUTING", "OUTPUT"};
	struct gen g = {.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
	char *text = NULL;
	size_t len;

	g.f = open_memstream(&text, &len);
	for (int i = 0; i < 8; i++)
		rnd(&g, 2);
	table(&g, "filter", filter, 6, 6);
	if (rnd(&g, 2) == 0)
		table(&g, "mangle", mangle, 3, 3);
	if (rnd(&g, 3) == 0)
		table(&g, "nat", other, 2, 2);
	if (rnd(&g, 3) == 0)
		table(&g, "raw", other, 2, 2);
	fclose(g.f);
	return text;
}

// Lines of the text, rules only, in some other order or number.
char *
small_change(const char *text, uint64_t seed)
{
	struct gen g = {.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 7};
	char *out = NULL, chain[32] = "INPUT", name[16] = "filter";
	size_t len;

	g.f = open_memstream(&out, &len);
	for (int i = 0; i < 8; i++)
		rnd(&g, 2);
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		int n = (int)(strchr(line, '\n') - line) + 1;

		if (line[0] == '*')
			sscanf(line, "*%15s", name);
		if (strncmp(line, "-A ", 3) == 0)
			sscanf(line, "-A %31s", chain);
		if (line[0] == ':' && rnd(&g, 12) == 0 && strstr(line, " ACCEPT ") != NULL &&
		    strstr(line, " ACCEPT ") < line + n && strcmp(name, "nat") != 0) {
			fprintf(g.f, "%.*s DROP [0:0]\n", (int)(strchr(line, ' ') - line), line);
			continue;
		}
		if (strncmp(line, "-A ", 3) == 0 && rnd(&g, 8) == 0)
			continue;
		if (strncmp(line, "-A ", 3) == 0 && rnd(&g, 10) == 0)
			rule(&g, name, chain);
		fprintf(g.f, "%.*s", n, line);
	}
	fclose(g.f);
	return out;
}

struct each {
	const struct space_world *w;
	enum space_path path;
	struct space_box universe[SPACE_UNIVERSE];
	unsigned n_universe;
	bool (*each)(void *ctx, const struct space_point *pt);
	void *ctx;
	bool stop;
};

static bool
is_in(const struct each *e, const struct space_point *pt)
{
	for (unsigned i = 0; i < e->n_universe; i++)
		if (space_holds(&e->universe[i], pt))
			return true;
	return false;
}

// Verdicts are atoms as well; a packet answers to the others only.
static bool
is_question(const char *text)
{
	return text[0] == '-' || strcmp(text, SPACE_FIRST_PACKET) == 0;
}

static void
answers(struct each *e, struct space_point *pt)
{
	uint32_t atom[6];
	unsigned n = 0;

	if (!is_in(e, pt))
		return;
	for (uint32_t i = 0; i < e->w->n_atom && n < 6; i++)
		if (is_question(e->w->atom[i]))
			atom[n++] = i;
	pt->n_lit = n;
	for (unsigned bits = 0; bits < 1u << n && !e->stop; bits++) {
		if (n > 3 && __builtin_popcount(bits) > 1)
			continue;
		for (unsigned i = 0; i < n; i++)
			pt->lit[i] = atom[i] << 1 | !(bits >> i & 1);
		e->stop = !e->each(e->ctx, pt);
	}
}

static void
upper_layers(struct each *e, struct space_point *pt)
{
	static const uint16_t port[] = {9, 10, 11, 15, 20, 30}, icmp[] = {0x800, 0x301, 0x302, 0};
	static const uint8_t flags[] = {0x02, 0x10};

	for (unsigned d = 0; d < 6; d++) {
		for (unsigned f = 0; f < 2; f++) {
			pt->b[SPACE_PROTO] = IPPROTO_TCP;
			pt->b[SPACE_FLAGS] = flags[f];
			pt->s[SPACE_DPORT] = port[d];
			pt->s[SPACE_SPORT] = d == 0 ? 10 : 9;
			answers(e, pt);
		}
		pt->b[SPACE_PROTO] = IPPROTO_UDP;
		answers(e, pt);
	}
	pt->b[SPACE_PROTO] = IPPROTO_ICMP;
	for (unsigned d = 0; d < 4; d++) {
		pt->s[SPACE_DPORT] = icmp[d];
		answers(e, pt);
	}
}

static void
addresses(struct each *e, struct space_point *pt)
{
	static const uint32_t addr[] = {0x0a000000, 0x0a000001, 0x0a000002, 0x0a000003, 0xc0000201};
	static const uint8_t ttl[] = {4, 5, 6, 7};

	for (unsigned s = 0; s < 5; s++) {
		for (unsigned d = 0; d < 3; d++) {
			pt->w[SPACE_SRC] = addr[s];
			pt->w[SPACE_DST] = addr[d * 2 % 5];
			if (d == 2)
				pt->w[SPACE_DST] = addr[1];
			pt->s[SPACE_TTL] = ttl[(s + d) % 4];
			upper_layers(e, pt);
		}
	}
}

void
small_packets(const struct space_world *w, enum space_path path,
	      bool (*each)(void *ctx, const struct space_point *pt), void *ctx)
{
	static const uint8_t state[] = {SPACE_ST_NEW, SPACE_ST_ESTABLISHED, SPACE_ST_INVALID,
					SPACE_ST_RELATED};
	static struct each e;
	struct space_point pt = {0};

	e = (struct each){.w = w, .path = path, .each = each, .ctx = ctx};

	e.n_universe = space_universe(w, path, e.universe);
	pt.s[SPACE_LENGTH] = 100;
	pt.w[SPACE_MAC] = path == SPACE_OUTPUT ? SPACE_NO_MAC : 1;
	for (unsigned in = 0; in < w->n_class; in++) {
		for (unsigned out = 0; out < w->n_class; out++) {
			for (unsigned s = 0; s < 4 && !e.stop; s++) {
				pt.b[SPACE_IN] = in;
				pt.b[SPACE_OUT] = out;
				pt.b[SPACE_CT] = space_ct(state[s], false, false);
				addresses(&e, &pt);
			}
		}
	}
}
