// bpf: a classic BPF program over the packet from its IP header, as xt_bpf runs it: what is not 0
// at the end matches. Called by acl_rule_match() for both walks. config/ext/ext_bpf.c has checked
// the program: every jump goes forward, so a run is at most its 64 instructions. A packet may lie
// in several segments. A load outside of the packet, and a division by X where X is 0, end the
// program with 0.
//
// librte_bpf would do this only where DPDK was built with libpcap, with its own ideas of what a
// packet is (docs/decisions/0220-classic-bpf.md).
#include "acl/acl_kind.h"
#include "pipeline/worker.h"

#include <linux/filter.h>
#include <linux/if_ether.h>

struct machine {
	const struct acl_view *v;
	uint32_t a, x, word[BPF_MEMWORDS];
};

// size bytes (1, 2 or 4, in network order) at an offset from the IP header, or at a negative one
// that says from what it counts.
static bool
load(struct machine *m, uint32_t k, unsigned size)
{
	const struct pl_pkt *p = m->v->pkt;
	uint64_t at = k, end = (uint64_t)p->l3_off + p->l3_len;
	uint8_t room[4];
	const uint8_t *b;

	if (k <= INT32_MAX)
		at = (uint64_t)p->l3_off + k;
	else if (k >= (uint32_t)SKF_NET_OFF)
		at = (uint64_t)p->l3_off + (k - (uint32_t)SKF_NET_OFF);
	else if (k >= (uint32_t)SKF_LL_OFF && p->origin == PL_FROM_WIRE)
		at = k - (uint32_t)SKF_LL_OFF;
	if (at + size > end || (b = rte_pktmbuf_read(p->m, (uint32_t)at, size, room)) == NULL)
		return false;
	m->a = 0;
	for (unsigned i = 0; i < size; i++)
		m->a = m->a << 8 | b[i];
	return true;
}

// What the packet knows about itself; ext_bpf.c refuses the others.
static void
ancillary(struct machine *m, uint32_t what)
{
	const struct pl_pkt *p = m->v->pkt;

	switch (what) {
	case SKF_AD_PROTOCOL:
		m->a = p->family == 4 ? ETH_P_IP : ETH_P_IPV6;
		break;
	case SKF_AD_PKTTYPE:
		m->a = acl_pkttype(p);
		break;
	case SKF_AD_MARK:
		m->a = p->mark;
		break;
	case SKF_AD_CPU:
		m->a = m->v->w != NULL ? m->v->w->id : 0;
		break;
	case SKF_AD_ALU_XOR_X:
		m->a ^= m->x;
		break;
	default:
		break;
	}
}

static bool
run_load(struct machine *m, const struct sock_filter *f)
{
	unsigned size = BPF_SIZE(f->code) == BPF_W ? 4 : BPF_SIZE(f->code) == BPF_H ? 2 : 1;

	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		m->a = f->k;
		return true;
	case BPF_MEM:
		m->a = m->word[f->k];
		return true;
	case BPF_LEN:
		m->a = m->v->pkt->l3_len;
		return true;
	case BPF_IND:
		return load(m, m->x + f->k, size);
	default:
		if (f->k < (uint32_t)SKF_AD_OFF)
			return load(m, f->k, size);
		ancillary(m, f->k - (uint32_t)SKF_AD_OFF);
		return true;
	}
}

static bool
run_load_x(struct machine *m, const struct sock_filter *f)
{
	uint32_t a = m->a;

	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		m->x = f->k;
		return true;
	case BPF_MEM:
		m->x = m->word[f->k];
		return true;
	case BPF_LEN:
		m->x = m->v->pkt->l3_len;
		return true;
	default: // the length of an IPv4 header
		if (!load(m, f->k, 1))
			return false;
		m->x = (m->a & 0xf) * 4;
		m->a = a;
		return true;
	}
}

// False: division by zero. The division is what the rule asks for.
static bool
run_alu(struct machine *m, const struct sock_filter *f)
{
	uint32_t with = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		m->a += with;
		return true;
	case BPF_SUB:
		m->a -= with;
		return true;
	case BPF_MUL:
		m->a *= with;
		return true;
	case BPF_OR:
		m->a |= with;
		return true;
	case BPF_AND:
		m->a &= with;
		return true;
	case BPF_XOR:
		m->a ^= with;
		return true;
	case BPF_LSH:
		m->a <<= with & 31;
		return true;
	case BPF_RSH:
		m->a >>= with & 31;
		return true;
	case BPF_NEG:
		m->a = -m->a;
		return true;
	default:
		if (with == 0)
			return false;
		m->a = BPF_OP(f->code) == BPF_DIV ? m->a / with : m->a % with;
		return true;
	}
}

// How many instructions are left out.
static uint32_t
jump(const struct machine *m, const struct sock_filter *f)
{
	uint32_t with = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
	bool yes;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		yes = m->a == with;
		break;
	case BPF_JGT:
		yes = m->a > with;
		break;
	case BPF_JGE:
		yes = m->a >= with;
		break;
	default:
		yes = (m->a & with) != 0;
	}
	return yes ? f->jt : f->jf;
}

static uint32_t
run(const struct sock_filter *f, size_t n, const struct acl_view *v)
{
	struct machine m = {.v = v};

	for (const struct sock_filter *end = f + n; f < end; f++) {
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (!run_load(&m, f))
				return 0;
			break;
		case BPF_LDX:
			if (!run_load_x(&m, f))
				return 0;
			break;
		case BPF_ST:
			m.word[f->k] = m.a;
			break;
		case BPF_STX:
			m.word[f->k] = m.x;
			break;
		case BPF_ALU:
			if (!run_alu(&m, f))
				return 0;
			break;
		case BPF_JMP:
			f += jump(&m, f);
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		default:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
	return 0;
}

enum acl_hit
acl_bpf_judge(const struct cfg_match *m, const struct acl_view *v)
{
	const struct sock_filter *f = m->data;

	return run(f, m->data_size / sizeof(*f), v) != 0 ? ACL_HIT : ACL_MISS;
}
