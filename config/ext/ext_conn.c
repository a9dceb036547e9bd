// connbytes, connlabel, connmark and helper: rows of the extension table with their parse and show
// functions.
//
// Called through the table by both readers and both writers. Names of labels are those of iptables'
// own file, /etc/xtables/connlabel.conf, which is read where a rule has a label; without it labels
// are numbers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_FILE "/etc/xtables/connlabel.conf"

static bool
bad(struct ext_in *in, const char *expected)
{
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" (expected %s)", in->name, in->value[0],
		    expected);
	return false;
}

// ---- connbytes ----------------------------------------------------------------------------------

// A number of 64 bits as strtoul() reads it with base 0.
static bool
read_u64(const char *s, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	unsigned base = 10;

	if (n > 2 && s[0] == '0' && (s[1] | 32) == 'x') {
		base = 16;
		s += 2;
		n -= 2;
	} else if (n > 1 && s[0] == '0') {
		base = 8;
	}
	for (size_t i = 0; i < n; i++) {
		int c = tolower((unsigned char)s[i]);
		unsigned digit = c >= '0' && c <= '9'	? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 99;

		if (digit >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit, &v))
			return false;
	}
	*out = v;
	return n > 0;
}

// FROM, FROM:TO, FROM: or :TO. Negated, the two change places, which tells nothing where they
// are equal: as iptables has it.
static bool
connbytes_parse(struct ext_in *in)
{
	struct cfg_m_connbytes *m = &in->match->connbytes;
	const char *text = in->value[0], *colon = strchr(text, ':');
	uint64_t from = 0, to = UINT64_MAX;
	size_t n = strcspn(text, ":");

	if (((n > 0 || colon == NULL) && !read_u64(text, n, &from)) ||
	    (colon != NULL && colon[1] != '\0' && !read_u64(colon + 1, strlen(colon + 1), &to)))
		return bad(in, "FROM or FROM:TO, each of 64 bits");
	if (from > to)
		return bad(in, "FROM:TO with FROM at most TO");
	m->from = in->invert ? to : from;
	m->to = in->invert ? from : to;
	return true;
}

static bool
connbytes_show(struct ext_out *out)
{
	const struct cfg_m_connbytes *m = &out->match->connbytes;

	out->invert = m->from > m->to;
	cfg_buf_addf(out->text, "%llu", (unsigned long long)(out->invert ? m->to : m->from));
	if ((out->invert ? m->from : m->to) != UINT64_MAX)
		cfg_buf_addf(out->text, ":%llu",
			     (unsigned long long)(out->invert ? m->from : m->to));
	return true;
}

static const char *const what_name[] = {
	[CFG_CB_PACKETS] = "packets", [CFG_CB_BYTES] = "bytes", [CFG_CB_AVGPKT] = "avgpkt"};
static const char *const dir_name[] = {
	[CFG_CB_ORIGINAL] = "original", [CFG_CB_REPLY] = "reply", [CFG_CB_BOTH] = "both"};

static bool
one_of(const char *word, const char *const *name, uint8_t *out)
{
	for (uint8_t i = 0; i < 3; i++) {
		if (strcmp(word, name[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool
connbytes_mode_parse(struct ext_in *in)
{
	return one_of(in->value[0], what_name, &in->match->connbytes.what) ||
	       bad(in, "packets, bytes or avgpkt");
}

static bool
connbytes_mode_show(struct ext_out *out)
{
	cfg_buf_add(out->text, what_name[out->match->connbytes.what]);
	return true;
}

static bool
connbytes_dir_parse(struct ext_in *in)
{
	return one_of(in->value[0], dir_name, &in->match->connbytes.dir) ||
	       bad(in, "original, reply or both");
}

static bool
connbytes_dir_show(struct ext_out *out)
{
	cfg_buf_add(out->text, dir_name[out->match->connbytes.dir]);
	return true;
}

static const struct ext_opt connbytes_opt[] = {
	{.name = "connbytes",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = connbytes_parse,
	 .show = connbytes_show},
	{.name = "connbytes-mode",
	 .slot = 1,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = connbytes_mode_parse,
	 .show = connbytes_mode_show},
	{.name = "connbytes-dir",
	 .slot = 2,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = connbytes_dir_parse,
	 .show = connbytes_dir_show},
};

const struct ext ext_connbytes = {
	.name = "connbytes",
	.id = CFG_M_CONNBYTES,
	.families = CFG_BOTH,
	.opt = connbytes_opt,
	.n_opt = EXT_N(connbytes_opt),
};

// ---- connlabel ----------------------------------------------------------------------------------

// The next label of the file: lines "NUMBER NAME", the name up to the line's end.
static bool
label_next(FILE *f, unsigned *number, char *name, size_t size)
{
	char line[256], *end, *at;

	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long n = strtoul(line, &end, 0);

		if (end == line || (*end != ' ' && *end != '\t') || n >= CFG_CONNLABELS)
			continue;
		at = end + strspn(end, " \t");
		at[strcspn(at, "\n")] = '\0';
		if (*at == '\0' || strlen(at) >= size)
			continue;
		strcpy(name, at);
		*number = (unsigned)n;
		return true;
	}
	return false;
}

// By name or by number: sets the other one. False: the file has no such label.
static bool
label_find(char *name, size_t size, unsigned *number, bool by_name)
{
	FILE *f = fopen(LABEL_FILE, "re");
	char its[128];
	unsigned n;
	bool found = false;

	while (f != NULL && !found && label_next(f, &n, its, sizeof(its))) {
		found = by_name ? strcmp(its, name) == 0 : n == *number && strlen(its) < size;
		if (found && by_name)
			*number = n;
		else if (found)
			strcpy(name, its);
	}
	if (f != NULL)
		fclose(f);
	return found;
}

static bool
label_parse(struct ext_in *in)
{
	struct cfg_m_connlabel *m = &in->match->connlabel;
	const char *text = in->value[0] + strspn(in->value[0], " ");
	unsigned number;
	char name[128];
	uint32_t v;

	if (cfg_value_u32(text, CFG_CONNLABELS - 1, &v)) {
		number = v;
	} else {
		snprintf(name, sizeof(name), "%s", in->value[0]);
		if (!label_find(name, sizeof(name), &number, true))
			return bad(in, "0 to 127, or a name in " LABEL_FILE);
	}
	m->bit = (uint8_t)number;
	m->invert = in->invert;
	return true;
}

static bool
label_show(struct ext_out *out)
{
	const struct cfg_m_connlabel *m = &out->match->connlabel;
	const char *quote = out->yaml ? "" : "\"";
	unsigned number = m->bit;
	char name[128];

	out->invert = m->invert;
	if (!label_find(name, sizeof(name), &number, false))
		snprintf(name, sizeof(name), "%u", number);
	cfg_buf_addf(out->text, "%s%s%s", quote, name, quote);
	return true;
}

static bool
label_set_parse(struct ext_in *in)
{
	in->match->connlabel.set = true;
	return true;
}

static bool
label_set_show(struct ext_out *out)
{
	return out->match->connlabel.set;
}

static const struct ext_opt connlabel_opt[] = {
	{.name = "label",
	 .key = "connlabel",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = label_parse,
	 .show = label_show},
	{.name = "set",
	 .key = "connlabel-set",
	 .slot = 1,
	 .value = EXT_FLAG,
	 .parse = label_set_parse,
	 .show = label_set_show},
};

const struct ext ext_connlabel = {
	.name = "connlabel",
	.id = CFG_M_CONNLABEL,
	.families = CFG_BOTH,
	.opt = connlabel_opt,
	.n_opt = EXT_N(connlabel_opt),
};

// ---- connmark, helper ---------------------------------------------------------------------------

static const struct ext_opt connmark_opt[] = {
	{.name = "mark",
	 .key = "connmark", // the short key `mark` is the packet's
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = ext_mark_parse,
	 .show = ext_mark_show},
};

const struct ext ext_connmark = {
	.name = "connmark",
	.id = CFG_M_CONNMARK,
	.families = CFG_BOTH,
	.opt = connmark_opt,
	.n_opt = EXT_N(connmark_opt),
};

// Longer names are cut off, as iptables does.
static bool
helper_parse(struct ext_in *in)
{
	struct cfg_m_helper *m = &in->match->helper;
	size_t n = strnlen(in->value[0], sizeof(m->name) - 1);

	memcpy(m->name, in->value[0], n);
	m->name[n] = '\0';
	m->invert = in->invert;
	return true;
}

static bool
helper_show(struct ext_out *out)
{
	out->invert = out->match->helper.invert;
	cfg_buf_add(out->text, out->match->helper.name);
	return true;
}

static const struct ext_opt helper_opt[] = {
	{.name = "helper",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .quoted = true,
	 .parse = helper_parse,
	 .show = helper_show},
};

const struct ext ext_helper = {
	.name = "helper",
	.id = CFG_M_HELPER,
	.families = CFG_BOTH,
	.opt = helper_opt,
	.n_opt = EXT_N(helper_opt),
};
