// bpf: row of the extension table with its parse, show and check functions, called through the
// table by both readers and both writers.
//
// A program is classic BPF (linux/filter.h), at most 64 instructions in one word: their number,
// then "CODE JT JF K" of each behind a comma, as nfbpf_compile prints it. Numbers are read as 1.8.9
// reads them: decimal, cut to their field's width. What passes the check here is what passes the
// kernel's: jumps forward and inside, no constant division by zero or shift by more than 31, no
// word of the scratch memory that is read before it was written, a RET at the end. So a program
// runs at most as many steps as it has instructions (acl/acl_match_bpf.c).
#include "config/ext/ext.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

#include <linux/filter.h>

// A decimal number as scanf's %u takes it, cut to 32 bits. False: there is none.
static bool
number(const char **s, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(*s, &end, 10);

	if (end == *s)
		return false;
	*s = end;
	*out = (uint32_t)v;
	return true;
}

static bool
insn_parse(const char *s, struct sock_filter *f)
{
	uint32_t v[4];

	for (int i = 0; i < 4; i++)
		if (!number(&s, &v[i]))
			return false;
	*f = (struct sock_filter){v[0], v[1], v[2], v[3]};
	return true;
}

// Reads a program. Returns why not; *at is the instruction then.
static const char *
program_parse(const char *s, struct sock_filter *f, uint32_t *n, uint32_t *at)
{
	*at = 0;
	if (!number(&s, n) || *s != ',')
		return "does not begin with the number of instructions and a comma";
	*n = (uint16_t)*n;
	if (*n == 0 || *n > CFG_BPF_MAX)
		return "has not 1 to 64 instructions";
	for (; (s = strchr(s, ',')) != NULL && *++s != '\0'; ++*at) {
		if (*at == *n)
			return "has more instructions than it says";
		if (!insn_parse(s, &f[*at]))
			return "has an instruction that is not CODE JT JF K";
	}
	return *at < *n ? "has fewer instructions than it says" : NULL;
}

static bool
bytecode_parse(struct ext_in *in)
{
	struct sock_filter f[CFG_BPF_MAX];
	uint32_t n, at;
	const char *why = program_parse(in->value[0], f, &n, &at);
	void *data;

	if (why != NULL) {
		cfg_err_add(in->err, in->pos, "'%s': the program %s (instruction %u)", in->name,
			    why, at);
		return false;
	}
	data = ext_data(in, n * sizeof(f[0]));
	if (data != NULL)
		memcpy(data, f, n * sizeof(f[0]));
	return data != NULL;
}

static bool
bytecode_show(struct ext_out *out)
{
	const struct sock_filter *f = out->match->data;
	size_t n = out->match->data_size / sizeof(*f);

	cfg_buf_addf(out->text, out->yaml ? "%zu" : "\"%zu", n);
	for (size_t i = 0; i < n; i++)
		cfg_buf_addf(out->text, ",%u %u %u %u", f[i].code, f[i].jt, f[i].jf, f[i].k);
	cfg_buf_add(out->text, out->yaml ? "" : "\"");
	return n > 0;
}

static bool
is_code(uint16_t code)
{
	static const uint16_t load[] = {
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_H | BPF_ABS,
		BPF_LD | BPF_B | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND,
		BPF_LD | BPF_H | BPF_IND,
		BPF_LD | BPF_B | BPF_IND,
		BPF_LD | BPF_W | BPF_LEN,
		BPF_LD | BPF_IMM,
		BPF_LD | BPF_MEM,
		BPF_LDX | BPF_W | BPF_LEN,
		BPF_LDX | BPF_B | BPF_MSH,
		BPF_LDX | BPF_IMM,
		BPF_LDX | BPF_MEM,
		BPF_ST,
		BPF_STX,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
		BPF_RET | BPF_K,
		BPF_RET | BPF_A,
		BPF_ALU | BPF_NEG,
		BPF_JMP | BPF_JA,
	};

	for (size_t i = 0; i < EXT_N(load); i++)
		if (load[i] == code)
			return true;
	if ((code & ~(0xf0 | BPF_X)) == BPF_ALU)
		return BPF_OP(code) <= BPF_XOR && BPF_OP(code) != BPF_NEG;
	return (code & ~(0xf0 | BPF_X)) == BPF_JMP && BPF_OP(code) <= BPF_JSET &&
	       BPF_OP(code) != BPF_JA;
}

static bool
is_load_abs(const struct sock_filter *f)
{
	return BPF_CLASS(f->code) == BPF_LD && BPF_MODE(f->code) == BPF_ABS;
}

static bool
is_ancillary(const struct sock_filter *f)
{
	return is_load_abs(f) && f->k >= (uint32_t)SKF_AD_OFF;
}

static bool
uses_word(const struct sock_filter *f)
{
	return f->code == (BPF_LD | BPF_MEM) || f->code == (BPF_LDX | BPF_MEM) ||
	       f->code == BPF_ST || f->code == BPF_STX;
}

// What is wrong with instruction pc of n; NULL: nothing.
static const char *
insn_bad(const struct sock_filter *f, uint32_t pc, uint32_t n)
{
	uint32_t after = n - pc - 1;

	if (!is_code(f->code))
		return "is none of classic BPF's";
	switch (f->code) {
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_MOD | BPF_K:
		return f->k == 0 ? "divides by zero" : NULL;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return f->k > 31 ? "shifts by more than 31 bits" : NULL;
	case BPF_JMP | BPF_JA:
		return f->k >= after ? "jumps past the end" : NULL;
	default:
		break;
	}
	if (BPF_CLASS(f->code) == BPF_JMP && (f->jt >= after || f->jf >= after))
		return "jumps past the end";
	if (uses_word(f) && f->k >= BPF_MEMWORDS)
		return "names a word of memory that there is not (0 to 15)";
	if (is_ancillary(f) && (f->k >= (uint32_t)(SKF_AD_OFF + SKF_AD_MAX) || (f->k & 3) != 0))
		return "loads something about the packet that there is not";
	return NULL;
}

// The first instruction that reads a word of the scratch memory that some way to it has not
// written; n: none. Jumps go forward, so one pass tells.
static uint32_t
first_unwritten(const struct sock_filter *f, uint32_t n)
{
	uint16_t way[CFG_BPF_MAX], written = 0;

	memset(way, 0xff, sizeof(way));
	for (uint32_t pc = 0; pc < n; pc++) {
		written &= way[pc];
		if (f[pc].code == BPF_ST || f[pc].code == BPF_STX) {
			written |= 1 << f[pc].k;
		} else if (uses_word(&f[pc]) && !(written & 1 << f[pc].k)) {
			return pc;
		} else if (f[pc].code == (BPF_JMP | BPF_JA)) {
			way[pc + 1 + f[pc].k] &= written;
			written = UINT16_MAX;
		} else if (BPF_CLASS(f[pc].code) == BPF_JMP) {
			way[pc + 1 + f[pc].jt] &= written;
			way[pc + 1 + f[pc].jf] &= written;
			written = UINT16_MAX;
		}
	}
	return n;
}

static bool
bpf_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_match *m = item;
	const struct sock_filter *f = m->data;
	uint32_t n = m->data_size / sizeof(*f), at;
	const char *why = NULL;

	(void)rule;
	if (n == 0) // its option was wrong, or not given
		return true;
	for (at = 0; at < n && why == NULL; at++)
		why = insn_bad(&f[at], at, n);
	if (why == NULL && BPF_CLASS(f[n - 1].code) != BPF_RET)
		why = "is the last one and no RET";
	if (why == NULL && (at = first_unwritten(f, n) + 1) <= n)
		why = "reads a word of memory that was not written before";
	if (why != NULL)
		cfg_err_add(err, pos, "match 'bpf': instruction %u %s", at - 1, why);
	return why == NULL;
}

static const char *
bpf_unable(const struct cfg_rule *rule, const void *item)
{
	// Of what a Linux packet knows about itself.
	static const char *const reason[] = {
		[SKF_AD_IFINDEX] = "a port has no interface number here: match -i or -o",
		[SKF_AD_NLATTR] = "packets hold no netlink attributes",
		[SKF_AD_NLATTR_NEST] = "packets hold no netlink attributes",
		[SKF_AD_QUEUE] = "rules do not see a packet's queue",
		[SKF_AD_HATYPE] = "every port is Ethernet: match -i or -o",
		[SKF_AD_RXHASH] = "rules do not see a packet's hash: use HMARK",
		[SKF_AD_VLAN_TAG] = "rules see no VLAN tags: match -i or -o",
		[SKF_AD_VLAN_TAG_PRESENT] = "rules see no VLAN tags: match -i or -o",
		[SKF_AD_PAY_OFFSET] = "a payload's offset is not looked for: read the headers' "
				      "lengths",
		[SKF_AD_RANDOM] = "it draws no numbers: match statistic",
		[SKF_AD_VLAN_TPID] = "rules see no VLAN tags: match -i or -o",
	};
	const struct cfg_match *m = item;
	const struct sock_filter *f = m->data, *end = f + m->data_size / sizeof(*f);

	(void)rule;
	for (; f < end; f++) {
		uint32_t what = f->k - (uint32_t)SKF_AD_OFF;

		if (is_ancillary(f) && what < EXT_N(reason) && reason[what] != NULL)
			return reason[what];
	}
	return NULL;
}

static const struct ext_opt bpf_opt[] = {
	{.name = "bytecode",
	 .value = EXT_WORD,
	 .required = true,
	 .pattern = "[^,]*[0-9],.*",
	 .parse = bytecode_parse,
	 .show = bytecode_show},
	{.name = "object-pinned",
	 .value = EXT_WORD,
	 .instead = "programs that are pinned in a kernel are not here; give the same in classic "
		    "BPF as 'bytecode'"},
};

const struct ext ext_bpf = {
	.name = "bpf",
	.id = CFG_M_BPF,
	.families = CFG_BOTH,
	.opt = bpf_opt,
	.n_opt = EXT_N(bpf_opt),
	.check = bpf_check,
	.unable = bpf_unable,
};
