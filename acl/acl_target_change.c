// Targets that change a packet's IP header: TTL, HL, TOS, DSCP, ECN (and its two flags in TCP),
// each as its xt module does it. Called by both walks on the worker's thread when their rule
// matched, through their rows in acl_kind.c. The header is written where it lies; IPv4's and TCP's
// checksums are kept by difference, so that a wrong one stays as wrong as it was.
#include "acl/acl_kind.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "pipeline/csum.h"

static void *
ip_of(const struct pl_pkt *p)
{
	return rte_pktmbuf_mtod_offset(p->m, void *, p->l3_off); // the parser saw that it is whole
}

// The hop limit that the target makes of an old one.
static uint8_t
new_ttl(const struct cfg_t_ttl *t, uint8_t old)
{
	int ttl = t->mode == CFG_TTL_SET   ? t->value
		  : t->mode == CFG_TTL_INC ? old + t->value
					   : old - t->value;

	return (uint8_t)RTE_MAX(0, RTE_MIN(UINT8_MAX, ttl));
}

enum acl_next
acl_ttl_apply(const struct acl_rule *r, struct acl_view *v)
{
	struct rte_ipv4_hdr *ip = ip_of(v->pkt);
	uint8_t old = ip->time_to_live, ttl = new_ttl(&r->data->ttl, old);

	ip->hdr_checksum = pl_csum_update16(ip->hdr_checksum, rte_cpu_to_be_16(old << 8),
					    rte_cpu_to_be_16(ttl << 8));
	ip->time_to_live = ttl;
	v->pkt->ttl = ttl;
	return ACL_GO_ON;
}

enum acl_next
acl_hl_apply(const struct acl_rule *r, struct acl_view *v)
{
	struct rte_ipv6_hdr *ip = ip_of(v->pkt);

	ip->hop_limits = new_ttl(&r->data->ttl, ip->hop_limits);
	v->pkt->ttl = ip->hop_limits;
	return ACL_GO_ON;
}

// TOS byte or traffic class: (old & keep) ^ value.
static void
set_tos(struct pl_pkt *p, uint8_t keep, uint8_t value)
{
	struct rte_ipv4_hdr *ip4 = ip_of(p);
	struct rte_ipv6_hdr *ip6 = ip_of(p);
	uint32_t word;
	uint8_t tos;

	if (p->family == 4) {
		tos = (ip4->type_of_service & keep) ^ value;
		ip4->hdr_checksum =
			pl_csum_update16(ip4->hdr_checksum, rte_cpu_to_be_16(ip4->type_of_service),
					 rte_cpu_to_be_16(tos));
		ip4->type_of_service = tos;
		return;
	}
	word = rte_be_to_cpu_32(ip6->vtc_flow);
	tos = ((uint8_t)(word >> 20) & keep) ^ value;
	ip6->vtc_flow = rte_cpu_to_be_32((word & ~UINT32_C(0x0ff00000)) | (uint32_t)tos << 20);
}

enum acl_next
acl_tos_apply(const struct acl_rule *r, struct acl_view *v)
{
	set_tos(v->pkt, (uint8_t)~r->data->tos.mask, r->data->tos.value);
	return ACL_GO_ON;
}

enum acl_next
acl_dscp_apply(const struct acl_rule *r, struct acl_view *v)
{
	set_tos(v->pkt, 3, (uint8_t)(r->data->tos.value << 2));
	return ACL_GO_ON;
}

// xt_ECN asks for no first fragment: what it takes for the flags of a later one is its payload.
static enum acl_next
set_ecn_flags(const struct cfg_t_ecn *e, const struct pl_pkt *p)
{
	uint8_t clear = (e->ece_set ? RTE_TCP_ECE_FLAG : 0) | (e->cwr_set ? RTE_TCP_CWR_FLAG : 0);
	uint8_t set = (e->ece ? RTE_TCP_ECE_FLAG : 0) | (e->cwr ? RTE_TCP_CWR_FLAG : 0);
	struct rte_tcp_hdr *th = NULL;
	uint8_t flags;

	if (p->l4_len >= sizeof(*th))
		th = pl_need(p, p->l4_off, sizeof(*th));
	if (th == NULL)
		return ACL_STOP_DROP;
	flags = (th->tcp_flags & (uint8_t)~clear) | set;
	if (flags == th->tcp_flags)
		return ACL_GO_ON;
	th->cksum = pl_csum_update16(th->cksum, rte_cpu_to_be_16(th->tcp_flags),
				     rte_cpu_to_be_16(flags));
	th->tcp_flags = flags;
	return ACL_GO_ON;
}

enum acl_next
acl_ecn_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_ecn *e = &r->data->ecn;

	if (e->ect_set)
		set_tos(v->pkt, (uint8_t)~3, e->ect);
	if ((e->ece_set || e->cwr_set) && v->pkt->proto == IPPROTO_TCP)
		return set_ecn_flags(e, v->pkt);
	return ACL_GO_ON;
}
