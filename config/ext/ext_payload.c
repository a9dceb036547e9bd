// string and u32: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. A pattern is bytes, which may be
// anything; it is printed as --hex-string where iptables-save does that. u32 tests are written
// in one word: LOCATION=VALUES, joined with &&.
#include "config/ext/ext.h"
#include "config/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// ---- string
static bool
pattern_put(struct ext_in *in, const uint8_t *bytes, size_t n)
{
	void *data;

	if (n == 0 || n > CFG_STRING_MAX) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not 1 to %d bytes", in->name,
			    in->value[0], CFG_STRING_MAX);
		return false;
	}
	in->match->string.invert = in->invert;
	data = ext_data(in, n);
	if (data != NULL)
		memcpy(data, bytes, n);
	return data != NULL;
}

static bool
string_parse(struct ext_in *in)
{
	return pattern_put(in, (const uint8_t *)in->value[0], strlen(in->value[0]));
}

static uint8_t
hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

// Bytes between | and | are pairs of hexadecimal digits, with a blank between pairs or not; a
// backslash outside takes the next character as it is. The character behind a closing | is always
// taken as it is: that is how 1.8.9 reads. Returns the number of bytes, or -1.
static int
hex_bytes(const char *s, uint8_t *out, size_t cap)
{
	bool hex = false;
	size_t n = 0;

	while (*s != '\0' && n < cap) {
		bool closed = false;

		if (*s == '|') {
			closed = hex;
			hex = !hex;
			while (hex && s[1] == ' ')
				s++;
			if (*++s == '\0')
				return (int)n;
		}
		if (hex) {
			if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]) ||
			    s[2] == '\0')
				return -1;
			out[n++] = hex_digit(s[0]) << 4 | hex_digit(s[1]);
			s += s[2] == ' ' ? 3 : 2;
			continue;
		}
		if (*s == '\\' && !closed && *++s == '\0')
			return -1;
		out[n++] = *s++;
	}
	return hex ? -1 : (int)n;
}

static bool
hex_string_parse(struct ext_in *in)
{
	uint8_t bytes[CFG_STRING_MAX + 1];
	int n = hex_bytes(in->value[0], bytes, sizeof(bytes));

	if (n >= 0)
		return pattern_put(in, bytes, n);
	cfg_err_add(in->err, in->pos,
		    "'%s': \"%s\" is not text with pairs of hexadecimal digits between | and |",
		    in->name, in->value[0]);
	return false;
}

// In YAML a leading ! would negate.
static bool
shown_as_hex(const struct ext_out *out)
{
	const unsigned char *p = out->match->data;
	size_t n = out->match->data_size;

	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] > '~')
			return true;
	return p[n - 1] == '\\' || (out->yaml && (p[0] == '!' || p[0] == ' '));
}

static bool
string_show(struct ext_out *out)
{
	const char *p = out->match->data;

	if (p == NULL || shown_as_hex(out))
		return false;
	out->invert = out->match->string.invert;
	if (out->yaml) {
		cfg_buf_addn(out->text, p, out->match->data_size);
		return true;
	}
	cfg_buf_addc(out->text, '"');
	for (size_t i = 0; i < out->match->data_size; i++) {
		if (p[i] == '"' || p[i] == '\\')
			cfg_buf_addc(out->text, '\\');
		cfg_buf_addc(out->text, p[i]);
	}
	cfg_buf_addc(out->text, '"');
	return true;
}

static bool
hex_string_show(struct ext_out *out)
{
	const unsigned char *p = out->match->data;

	if (p == NULL || !shown_as_hex(out))
		return false;
	out->invert = out->match->string.invert;
	cfg_buf_add(out->text, out->yaml ? "|" : "\"|");
	for (size_t i = 0; i < out->match->data_size; i++)
		cfg_buf_addf(out->text, "%02x", p[i]);
	cfg_buf_add(out->text, out->yaml ? "|" : "|\"");
	return true;
}

static bool
algo_parse(struct ext_in *in)
{
	in->match->string.kmp = strcmp(in->value[0], "kmp") == 0;
	if (in->match->string.kmp || strcmp(in->value[0], "bm") == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': unknown algorithm \"%s\" (expected bm or kmp)",
		    in->name, in->value[0]);
	return false;
}

static bool
algo_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->match->string.kmp ? "kmp" : "bm");
	return true;
}

static bool
from_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, UINT16_MAX, &v))
		return false;
	in->match->string.from = v;
	return true;
}

static bool
from_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->match->string.from);
	return out->match->string.from != 0;
}

static bool
to_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, UINT16_MAX, &v))
		return false;
	in->match->string.not_after = UINT16_MAX - v;
	return true;
}

static bool
to_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", UINT16_MAX - out->match->string.not_after);
	return out->match->string.not_after != 0;
}

static bool
icase_parse(struct ext_in *in)
{
	in->match->string.icase = true;
	return true;
}

static bool
icase_show(struct ext_out *out)
{
	return out->match->string.icase;
}

static bool
string_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_match *m = item;

	(void)rule;
	if (m->data == NULL)
		cfg_err_add(err, pos, "match 'string' needs 'string' or 'hex-string'");
	else if (m->string.from > UINT16_MAX - m->string.not_after)
		cfg_err_add(err, pos, "match 'string': 'from' is behind 'to'");
	else
		return true;
	return false;
}

// ---- u32
struct u32_in {
	const char *text, *at;
	struct cfg_u32_test test[CFG_U32_MAX];
	unsigned n;
	const char *expected; // where it is wrong
};

static void
skip_blanks(struct u32_in *u)
{
	while (isspace((unsigned char)*u->at))
		u->at++;
}

static bool
u32_number(struct u32_in *u, uint32_t *out)
{
	char word[16] = "";
	size_t n;

	skip_blanks(u);
	for (n = 0; isalnum((unsigned char)u->at[n]) && n < sizeof(word) - 1; n++)
		word[n] = u->at[n];
	if (!cfg_value_u32(word, UINT32_MAX, out)) {
		u->expected = "a number";
		return false;
	}
	u->at += n;
	skip_blanks(u);
	return true;
}

// NUMBER, then & NUMBER, << NUMBER, >> NUMBER or @ NUMBER, then =.
static bool
u32_location(struct u32_in *u, struct cfg_u32_test *t)
{
	static const char *const op[] = {"&", "<<", ">>", "@"};
	unsigned i;

	for (;;) {
		if (t->n_loc == CFG_U32_MAX) {
			u->expected = "fewer operators";
			return false;
		}
		if (!u32_number(u, &t->loc[t->n_loc].number))
			return false;
		i = t->n_loc > 0 ? t->loc[t->n_loc].op : CFG_U32_AND;
		if ((i == CFG_U32_LEFT || i == CFG_U32_RIGHT) && t->loc[t->n_loc].number > 31) {
			u->expected = "a shift of at most 31 bits";
			return false;
		}
		t->n_loc++;
		if (*u->at == '=') {
			u->at++;
			return true;
		}
		for (i = 0; i < EXT_N(op) && strncmp(u->at, op[i], strlen(op[i])) != 0; i++)
			;
		if (i == EXT_N(op)) {
			u->expected = "&, <<, >>, @ or =";
			return false;
		}
		u->at += strlen(op[i]);
		if (t->n_loc < CFG_U32_MAX)
			t->loc[t->n_loc].op = i;
	}
}

// NUMBER or LOW:HIGH, with commas between.
static bool
u32_values(struct u32_in *u, struct cfg_u32_test *t)
{
	for (;;) {
		struct cfg_range32 *r = &t->val[t->n_val];

		if (t->n_val == CFG_U32_MAX) {
			u->expected = "fewer values";
			return false;
		}
		if (!u32_number(u, &r->lo))
			return false;
		r->hi = r->lo;
		if (*u->at == ':') {
			u->at++;
			if (!u32_number(u, &r->hi))
				return false;
		}
		t->n_val++;
		if (*u->at != ',')
			return true;
		u->at++;
	}
}

static bool
u32_tests(struct u32_in *u)
{
	for (;;) {
		if (u->n == CFG_U32_MAX) {
			u->expected = "fewer tests";
			return false;
		}
		if (!u32_location(u, &u->test[u->n]) || !u32_values(u, &u->test[u->n]))
			return false;
		u->n++;
		if (*u->at == '\0')
			return true;
		if (strncmp(u->at, "&&", 2) != 0) {
			u->expected = "\",\" or \"&&\"";
			return false;
		}
		u->at += 2;
	}
}

static bool
u32_parse(struct ext_in *in)
{
	struct u32_in u = {.text = in->value[0], .at = in->value[0]};
	void *data;

	in->match->u32.invert = in->invert;
	if (!u32_tests(&u)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\": expected %s at character %zu",
			    in->name, in->value[0], u.expected, (size_t)(u.at - u.text) + 1);
		return false;
	}
	data = ext_data(in, u.n * sizeof(u.test[0]));
	if (data != NULL)
		memcpy(data, u.test, u.n * sizeof(u.test[0]));
	return data != NULL;
}

static void
u32_test_show(struct cfg_buf *b, const struct cfg_u32_test *t)
{
	static const char *const op[] = {"&", "<<", ">>", "@"};

	cfg_buf_addf(b, "0x%x", t->loc[0].number);
	for (unsigned i = 1; i < t->n_loc; i++)
		cfg_buf_addf(b, "%s0x%x", op[t->loc[i].op], t->loc[i].number);
	for (unsigned i = 0; i < t->n_val; i++) {
		cfg_buf_addf(b, "%c0x%x", i == 0 ? '=' : ',', t->val[i].lo);
		if (t->val[i].hi != t->val[i].lo)
			cfg_buf_addf(b, ":0x%x", t->val[i].hi);
	}
}

static bool
u32_show(struct ext_out *out)
{
	const struct cfg_u32_test *t = out->match->data;
	size_t n = out->match->data_size / sizeof(*t);

	out->invert = out->match->u32.invert;
	cfg_buf_add(out->text, out->yaml ? "" : "\"");
	for (size_t i = 0; i < n; i++) {
		cfg_buf_add(out->text, i > 0 ? "&&" : "");
		u32_test_show(out->text, &t[i]);
	}
	cfg_buf_add(out->text, out->yaml ? "" : "\"");
	return n > 0;
}

static const struct ext_opt string_opt[] = {
	{.name = "string",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = string_parse,
	 .show = string_show},
	{.name = "hex-string",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = hex_string_parse,
	 .show = hex_string_show},
	{.name = "algo",
	 .slot = 1,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = algo_parse,
	 .show = algo_show},
	{.name = "from", .slot = 2, .value = EXT_WORD, .parse = from_parse, .show = from_show},
	{.name = "to", .slot = 3, .value = EXT_WORD, .parse = to_parse, .show = to_show},
	{.name = "icase", .slot = 4, .parse = icase_parse, .show = icase_show},
};
static const struct ext_opt u32_opt[] = {
	{.name = "u32",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = u32_parse,
	 .show = u32_show},
};

const struct ext ext_string = {
	.name = "string",
	.id = CFG_M_STRING,
	.families = CFG_BOTH,
	.opt = string_opt,
	.n_opt = EXT_N(string_opt),
	.check = string_check,
};
const struct ext ext_u32 = {
	.name = "u32",
	.id = CFG_M_U32,
	.families = CFG_BOTH,
	.opt = u32_opt,
	.n_opt = EXT_N(u32_opt),
};
