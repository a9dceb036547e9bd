// REJECT: answers packets that a rule refused, as nf_reject_ipv4 and nf_reject_ipv6 do in Linux,
// and ends them. The rules' stage left what to answer in pkt->reject (enum cfg_reject + 1). Runs
// after the filter table on the worker's thread; the answer enters OUTPUT in the same turn.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "config/policy.h"
#include "net/made.h"
#include "pipeline/csum.h"

#define PROTO_UDPLITE 136
#define HOP_LIMIT     64

// ---- is the packet's own checksum right? A damaged packet is not answered: its addresses may be
// wrong too. DCCP is none of those without one: Linux 6.18 looks at it as at any protocol.
static bool
has_no_plain_csum(const struct pl_pkt *p)
{
	rte_be16_t field;

	switch (p->proto) {
	case IPPROTO_GRE:
	case IPPROTO_ESP:
	case IPPROTO_AH:
	case IPPROTO_SCTP:
	case PROTO_UDPLITE:
		return true;
	case IPPROTO_UDP: // 0: the sender made none
		if (!(p->flags & PL_F_L4))
			return false;
		memcpy(&field, pl_need(p, p->l4_off + 6, 2), 2);
		return field == 0;
	default:
		return false;
	}
}

static bool
csum_ok(const struct pl_pkt *p)
{
	uint32_t sum = 0;
	uint16_t raw;

	if (p->flags & PL_F_L4_CSUM_BAD)
		return false;
	if (has_no_plain_csum(p))
		return true;
	if (rte_raw_cksum_mbuf(p->m, p->l4_off, p->l4_len, &raw) != 0)
		return false;
	sum = raw;
	if (p->family == 6 || p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) {
		sum += rte_raw_cksum(&p->src, p->family == 4 ? 4 : 16);
		sum += rte_raw_cksum(&p->dst, p->family == 4 ? 4 : 16);
		sum += rte_cpu_to_be_16(p->proto);
		sum += rte_cpu_to_be_16(p->l4_len);
	}
	return pl_csum_fold(sum) == 0xffff;
}

// ---- TCP reset
static void
fill_tcp(struct rte_tcp_hdr *tcp, const struct rte_tcp_hdr *in, uint16_t in_len)
{
	tcp->src_port = in->dst_port;
	tcp->dst_port = in->src_port;
	tcp->data_off = 5 << 4;
	tcp->tcp_flags = RTE_TCP_RST_FLAG;
	if (in->tcp_flags & RTE_TCP_ACK_FLAG) {
		tcp->sent_seq = in->recv_ack;
	} else { // RFC 9293 3.10.7.1: acknowledge all that came
		uint32_t ack = rte_be_to_cpu_32(in->sent_seq) + in_len - (in->data_off >> 4) * 4u;

		ack += !!(in->tcp_flags & RTE_TCP_SYN_FLAG) + !!(in->tcp_flags & RTE_TCP_FIN_FLAG);
		tcp->recv_ack = rte_cpu_to_be_32(ack);
		tcp->tcp_flags |= RTE_TCP_ACK_FLAG;
	}
}

static void *
put_ip4(struct rte_mbuf *m, const struct pl_pkt *p)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, sizeof(struct rte_ether_hdr));

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + sizeof(struct rte_tcp_hdr));
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = HOP_LIMIT;
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = p->dst.v4;
	ip->dst_addr = p->src.v4;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return ip;
}

static void *
put_ip6(struct rte_mbuf *m, const struct pl_pkt *p)
{
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, sizeof(struct rte_ether_hdr));

	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = RTE_BE16(sizeof(struct rte_tcp_hdr));
	ip->proto = IPPROTO_TCP;
	ip->hop_limits = HOP_LIMIT;
	memcpy(ip->src_addr, p->dst.v6, 16);
	memcpy(ip->dst_addr, p->src.v6, 16);
	return ip;
}

static bool
may_reset(const struct pl_pkt *p)
{
	if (p->proto != IPPROTO_TCP || !(p->flags & PL_F_L4) ||
	    (p->flags & (PL_F_BCAST | PL_F_LATER_FRAG)))
		return false;
	return !(p->tcp_flags & RTE_TCP_RST_FLAG) && csum_ok(p);
}

static void
reset(struct pl_worker *w, const struct pl_pkt *p)
{
	uint16_t ip_len =
		p->family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	uint8_t scope = p->in_port < PL_PORT_MAX ? p->in_port : p->out_port;
	const struct rte_tcp_hdr *in;
	struct rte_tcp_hdr *tcp;
	struct net_path path;
	struct rte_mbuf *m;
	void *ip;

	if (!may_reset(p) || !net_path_to(w, p->family, &p->src, scope, &path))
		return;
	m = net_made_alloc(w, p->family, ip_len + sizeof(*tcp));
	if (m == NULL)
		return;
	in = pl_need(p, p->l4_off, sizeof(*in));
	ip = p->family == 4 ? put_ip4(m, p) : put_ip6(m, p);
	tcp = (void *)((uint8_t *)ip + ip_len);
	fill_tcp(tcp, in, p->l4_len);
	tcp->cksum = net_made_csum(ip, p->family, IPPROTO_TCP, tcp, sizeof(*tcp), true);
	net_made_send(w, m, p, path.port);
}

// ---- ICMP
static int
code4(enum cfg_reject how)
{
	switch (how) {
	case CFG_REJ_NET_UNREACH:
		return ICMP_NET_UNREACH;
	case CFG_REJ_HOST_UNREACH:
		return ICMP_HOST_UNREACH;
	case CFG_REJ_PROTO_UNREACH:
		return ICMP_PROT_UNREACH;
	case CFG_REJ_PORT_UNREACH:
	case CFG_REJ_DEFAULT:
		return ICMP_PORT_UNREACH;
	case CFG_REJ_NET_PROHIB:
		return ICMP_NET_ANO;
	case CFG_REJ_HOST_PROHIB:
		return ICMP_HOST_ANO;
	case CFG_REJ_ADMIN_PROHIB:
		return ICMP_PKT_FILTERED;
	default:
		return -1;
	}
}

static int
code6(enum cfg_reject how)
{
	switch (how) {
	case CFG_REJ6_NO_ROUTE:
		return 0;
	case CFG_REJ6_ADM_PROHIBITED:
		return 1;
	case CFG_REJ6_ADDR_UNREACH:
		return 3;
	case CFG_REJ6_PORT_UNREACH:
	case CFG_REJ_DEFAULT:
		return 4;
	case CFG_REJ6_POLICY_FAIL:
		return 5;
	case CFG_REJ6_REJECT_ROUTE:
		return 6;
	default:
		return -1;
	}
}

static void
unreachable(struct pl_worker *w, struct pl_pkt *p, enum cfg_reject how)
{
	int code = p->family == 4 ? code4(how) : code6(how);

	if (code < 0 || (p->flags & PL_F_LATER_FRAG) || !csum_ok(p))
		return;
	net_icmp_error(w, p, p->family == 4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH, code, 0);
}

void
net_reject_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		enum cfg_reject how;

		if (likely(p->reject == 0))
			continue;
		how = (enum cfg_reject)(p->reject - 1);
		if (how == CFG_REJ_TCP_RESET)
			reset(w, p);
		else
			unreachable(w, p, how);
		pl_drop(w, b, p, PL_DROP_REJECT);
	}
}

const struct pl_stage net_reject_stage = {"reject", net_reject_run, NULL};
