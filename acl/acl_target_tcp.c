// Targets that change a TCP header's options: TCPMSS and TCPOPTSTRIP, as their xt modules do it.
// Called by both walks on the worker's thread when their rule matched, through their rows in
// acl_kind.c. A header that is cut off ends the packet. The checksum is kept by difference.
#include "acl/acl_kind.h"

#include <rte_ip.h>
#include <rte_tcp.h>

#include "pipeline/csum.h"
#include "pipeline/net_ops.h"

#define OPT_NOP	      1
#define OPT_MSS	      2
#define MSS_LEN	      4
#define HEADER_MAX    60
#define MSS_DEFAULT_4 536 // RFC 9293, 3.7.1
#define MSS_DEFAULT_6 1220

// Length of the option at p[i]; options without one, and lengths of nothing, are one byte.
static unsigned
opt_len(const uint8_t *p, unsigned i)
{
	return p[i] <= OPT_NOP || p[i + 1] == 0 ? 1 : p[i + 1];
}

// The TCP header and its length; NULL: it is cut off or says nonsense.
static uint8_t *
header(const struct pl_pkt *p, unsigned *len)
{
	struct rte_tcp_hdr *th =
		p->l4_len >= sizeof(*th) ? pl_need(p, p->l4_off, sizeof(*th)) : NULL;

	if (th == NULL)
		return NULL;
	*len = (th->data_off >> 4) * 4;
	if (p->l4_len < *len || pl_need(p, p->l4_off, *len) == NULL)
		return NULL;
	return (uint8_t *)th;
}

// What the paths to both ends take, less headers without options; false: nothing.
static bool
path_mss(const struct acl_view *v, uint16_t *mss)
{
	const struct pl_net_ops *net = v->net;
	uint8_t family = v->pkt->family;
	uint16_t headers =
		(family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr)) +
		sizeof(struct rte_tcp_hdr);
	uint16_t there = net->mtu(net->net, family, &v->pkt->dst);
	uint16_t back = net->mtu(net->net, family, &v->pkt->src);

	*mss = RTE_MIN(there, back) - headers;
	return RTE_MIN(there, back) > headers;
}

// n more bytes at the packet's end; padding of the frame is room as well.
static bool
grow(struct pl_pkt *p, uint16_t n)
{
	uint32_t spare = rte_pktmbuf_pkt_len(p->m) - p->l3_off - p->l3_len;

	if (p->m->nb_segs != 1 ||
	    (spare < n && rte_pktmbuf_append(p->m, (uint16_t)(n - spare)) == NULL))
		return false;
	p->l3_len += n;
	p->l4_len += n;
	return true;
}

static void
ip_length(struct pl_pkt *p, uint16_t more)
{
	void *l3 = rte_pktmbuf_mtod_offset(p->m, void *, p->l3_off);
	struct rte_ipv4_hdr *ip4 = l3;
	struct rte_ipv6_hdr *ip6 = l3;
	rte_be16_t old;

	if (p->family == 6) {
		ip6->payload_len = rte_cpu_to_be_16(rte_be_to_cpu_16(ip6->payload_len) + more);
		return;
	}
	old = ip4->total_length;
	ip4->total_length = rte_cpu_to_be_16(rte_be_to_cpu_16(old) + more);
	ip4->hdr_checksum = pl_csum_update16(ip4->hdr_checksum, old, ip4->total_length);
}

// A SYN without the option gets it, as the first one.
static enum acl_next
add_mss(struct pl_pkt *p, uint8_t *th, unsigned len, uint16_t mss)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)th;
	uint8_t *opt = th + sizeof(*tcp);
	uint32_t word;
	uint16_t before, after;

	mss = RTE_MIN(mss, p->family == 4 ? MSS_DEFAULT_4 : MSS_DEFAULT_6);
	if (!grow(p, MSS_LEN))
		return ACL_STOP_DROP;
	memmove(opt + MSS_LEN, opt, len - sizeof(*tcp));
	word = rte_cpu_to_be_32(OPT_MSS << 24 | MSS_LEN << 16 | mss);
	memcpy(opt, &word, sizeof(word));
	tcp->cksum = pl_csum_update16(tcp->cksum, rte_cpu_to_be_16(len),
				      rte_cpu_to_be_16(len + MSS_LEN));
	tcp->cksum = pl_csum_update32(tcp->cksum, 0, word);
	memcpy(&before, &tcp->data_off, 2);
	tcp->data_off += MSS_LEN / 4 << 4;
	memcpy(&after, &tcp->data_off, 2);
	tcp->cksum = pl_csum_update16(tcp->cksum, before, after);
	ip_length(p, MSS_LEN);
	return ACL_GO_ON;
}

enum acl_next
acl_tcpmss_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_tcpmss *t = &r->data->tcpmss;
	struct rte_tcp_hdr *tcp;
	uint16_t mss = t->mss;
	unsigned len = 0;
	uint8_t *th;

	if (v->pkt->flags & PL_F_LATER_FRAG)
		return ACL_GO_ON;
	th = header(v->pkt, &len);
	tcp = (struct rte_tcp_hdr *)th;
	if (th == NULL || len < sizeof(*tcp) || (t->clamp && !path_mss(v, &mss)))
		return ACL_STOP_DROP;
	for (unsigned i = sizeof(*tcp); i + MSS_LEN <= len; i += opt_len(th, i)) {
		rte_be16_t old, new = rte_cpu_to_be_16(mss);

		if (th[i] != OPT_MSS || th[i + 1] != MSS_LEN)
			continue;
		memcpy(&old, th + i + 2, 2);
		if (rte_be_to_cpu_16(old) <= mss) // never more, even where a number is set
			return ACL_GO_ON;
		memcpy(th + i + 2, &new, 2);
		tcp->cksum = pl_csum_update16(tcp->cksum, old, new);
		return ACL_GO_ON;
	}
	// Not before data, and not where the header cannot get longer.
	if (v->pkt->l4_len > len || len >= HEADER_MAX)
		return ACL_GO_ON;
	return add_mss(v->pkt, th, len, mss);
}

enum acl_next
acl_tcpoptstrip_apply(const struct acl_rule *r, struct acl_view *v)
{
	const uint32_t *strip = r->data->tcpoptstrip.kind;
	struct rte_tcp_hdr *tcp;
	unsigned len = 0, n;
	uint8_t *th;

	if (v->pkt->flags & PL_F_LATER_FRAG)
		return ACL_GO_ON;
	th = header(v->pkt, &len);
	tcp = (struct rte_tcp_hdr *)th;
	if (th == NULL)
		return ACL_STOP_DROP;
	for (unsigned i = sizeof(*tcp); i + 1 < len; i += n) {
		n = opt_len(th, i);
		if (i + n > len)
			break;
		if (!(strip[th[i] / 32] >> th[i] % 32 & 1))
			continue;
		for (unsigned k = i; k < i + n; k++) {
			unsigned shift = k % 2 == 0 ? 8 : 0;

			tcp->cksum = pl_csum_update16(tcp->cksum,
						      rte_cpu_to_be_16((uint16_t)(th[k] << shift)),
						      rte_cpu_to_be_16(OPT_NOP << shift));
			th[k] = OPT_NOP;
		}
	}
	return ACL_GO_ON;
}
