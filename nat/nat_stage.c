// The two stages: nat_dst at PREROUTING and OUTPUT, nat_src at POSTROUTING and INPUT. Run on the
// worker's thread by the table of stages; they own nothing. As netfilter's nf_nat_inet_fn: a flow's
// first packet is bound (nat_pick.c) by the rule that the nat table chose, or to what it is; every
// packet of a flow with work at this point is rewritten. What a side becomes is read off the flow's
// other direction:
//
//   stage     direction   status     writes
//   nat_dst   original    DST_NAT    destination := reply's source
//   nat_dst   reply       SRC_NAT    destination := original's source
//   nat_src   original    SRC_NAT    source := reply's destination
//   nat_src   reply       DST_NAT    source := original's destination
//
// Packets without a flow (untracked, invalid) pass as they are.
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "nat/nat_core.h"

#define NAT_STATUS (CT_S_SRC_NAT | CT_S_DST_NAT)
#define NAT_DONE   (CT_S_SRC_NAT_DONE | CT_S_DST_NAT_DONE)

static bool
is_icmp(const struct pl_pkt *p)
{
	return p->proto == (p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool
is_redirect(const struct pl_pkt *p)
{
	return p->icmp_type == (p->family == 4 ? ICMP_REDIRECT : ND_REDIRECT);
}

// Rewrites one side where the flow's status asks for it. False: cannot be done, the packet must not
// go on.
static bool
translate(struct pl_pkt *p, enum nat_side side)
{
	uint32_t status = ct_entry_status(p->ct);
	uint32_t bit = side == NAT_SRC ? CT_S_SRC_NAT : CT_S_DST_NAT;
	enum ct_dir other = p->ct_dir == CT_REPLY ? CT_ORIGINAL : CT_REPLY;
	union pl_addr addr;
	rte_be16_t port;
	bool error = p->ct_state == PL_CT_RELATED && is_icmp(p);

	// A redirect tells the sender of another router on its own network: nothing that can be
	// translated.
	if (error && is_redirect(p) && ((status & NAT_DONE) != NAT_DONE || (status & NAT_STATUS)))
		return false;
	if (p->ct_dir == CT_REPLY)
		bit ^= NAT_STATUS;
	if (!(status & bit))
		return true;
	if (error) {
		struct ct_tuple t = nat_tuple(p->ct, other);

		return nat_rewrite_error(p, side, &t);
	}
	ct_entry_side(p->ct, other, side == NAT_DST, &addr, &port);
	return nat_rewrite(p, side, &addr, port);
}

void
nat_dst_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	nat_ahead_dst(w, b);
	PL_FOREACH (p, b) {
		union pl_addr dst;

		if (p->ct == NULL)
			continue;
		if (p->flags & PL_F_NAT_PRE) {
			int ret = nat_bind(w, conf, p, NAT_DST);

			p->nat_rule = NULL; // the source's stage must not take it for its own
			if (ret != 0) {
				pl_drop(w, b, p, ret - 1);
				continue;
			}
		}
		if ((p->flags & PL_F_CT_GIVEN) && !is_icmp(p) &&
		    !(ct_entry_status(p->ct) & CT_S_SRC_NAT_DONE))
			p->flags |= PL_F_NAT_POST; // a reset for a first packet: binds the source
						   // as it would have
		dst = p->dst;
		if (!translate(p, NAT_DST)) {
			pl_drop(w, b, p, PL_DROP_NAT_FAILED);
			continue;
		}
		if (p->origin != PL_FROM_WIRE &&
		    (dst.u64[0] != p->dst.u64[0] || dst.u64[1] != p->dst.u64[1]))
			p->flags |= PL_F_MANGLED; // the host's route was for the old destination
	}
}

// A masqueraded flow that now leaves by another port has the wrong address there: it ends.
static bool
exit_moved(const struct pl_worker *w, const struct pl_pkt *p)
{
	const struct nat_area *area;

	if (p->ct_dir != CT_ORIGINAL || p->path == PL_PATH_INPUT ||
	    !(ct_entry_status(p->ct) & CT_S_SRC_NAT))
		return false;
	area = nat_area(w->ct, p->ct);
	return area->masq_port != 0 && area->masq_port != p->out_port + 1;
}

void
nat_src_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	nat_ahead_src(w, b);
	PL_FOREACH (p, b) {
		if (p->ct == NULL)
			continue;
		if (p->flags & PL_F_NAT_POST) {
			int ret = nat_bind(w, conf, p, NAT_SRC);

			if (unlikely(ret == NAT_ASK)) {
				ct_ask_home(w, b, p);
				continue;
			}
			if (ret != 0) {
				pl_drop(w, b, p, ret - 1);
				continue;
			}
		} else if (exit_moved(w, p) && !(p->ct_state == PL_CT_RELATED && is_icmp(p))) {
			ct_entry_end(w, p->ct);
			pl_drop(w, b, p, PL_DROP_NAT_FAILED);
			continue;
		}
		if (!translate(p, NAT_SRC))
			pl_drop(w, b, p, PL_DROP_NAT_FAILED);
	}
}

const struct pl_stage nat_dst_stage = {"nat-dst", nat_dst_run, NULL};

static void
turn_end(struct pl_worker *w)
{
	nat_maps_turn(&w->nat->maps);
	nat_blocks_turn(w);
}

const struct pl_stage nat_src_stage = {"nat-src", nat_src_run, turn_end};
