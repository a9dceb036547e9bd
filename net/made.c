// Frames that the gateway makes itself: buffer, checksum, and the way out. They carry the flow of
// the packet that they answer and start at OUTPUT in the same turn (pl_self_send). Called by the
// stages of this room on the worker's thread; the worker owns the frame from then on.
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "net/made.h"
#include "pipeline/csum.h"

struct rte_mbuf *
net_made_alloc(struct pl_worker *w, uint8_t family, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);
	struct rte_ether_hdr *eth;

	if (m == NULL) {
		pl_count(&w->cnt.drop[PL_DROP_NO_MBUF], 1);
		return NULL;
	}
	eth = (void *)rte_pktmbuf_append(m, sizeof(*eth) + len);
	if (eth == NULL) {
		pl_drop_mbuf(w, m, PL_DROP_NO_MBUF);
		return NULL;
	}
	memset(eth, 0, sizeof(*eth) + len);
	eth->ether_type =
		family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	return m;
}

uint16_t
net_made_csum(const void *l3, uint8_t family, uint8_t proto, const void *l4, uint16_t len,
	      bool with_pseudo)
{
	uint32_t sum = rte_raw_cksum(l4, len);

	if (with_pseudo) {
		if (family == 4)
			sum += rte_raw_cksum(&((const struct rte_ipv4_hdr *)l3)->src_addr, 8);
		else
			sum += rte_raw_cksum(((const struct rte_ipv6_hdr *)l3)->src_addr, 32);
		sum += rte_cpu_to_be_16(proto);
		sum += rte_cpu_to_be_16(len);
	}
	return (uint16_t)~pl_csum_fold(sum);
}

void
net_made_send(struct pl_worker *w, struct rte_mbuf *m, const struct pl_pkt *cause, uint8_t out_port)
{
	struct pl_meta *meta = pl_meta(m);

	memset(meta, 0, sizeof(*meta));
	meta->origin = PL_FROM_SELF;
	meta->in_port = PL_PORT_NONE;
	meta->out_port = out_port;
	// An untracked or invalid packet gives its answer no flow: conntrack looks that up as any
	// other.
	if (cause->ct != NULL) {
		meta->ct = cause->ct;
		meta->ct_state = PL_CT_RELATED;
		meta->ct_dir = !cause->ct_dir;
		meta->ct_status = cause->ct_status;
		meta->flags = PL_F_CT_GIVEN;
	} else if (cause->ct_state == PL_CT_UNTRACKED) {
		meta->flags = PL_F_CT_ATTACHED;
	}
	pl_self_send(w, m);
}
