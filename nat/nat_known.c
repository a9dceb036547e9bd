// The short way's translation: both sides of a plain packet at once, to what its flow's other
// direction says. The same bytes as nat_dst and nat_src give one after the other on the whole way.
// Worker's thread; owns nothing. Whole TCP segments and UDP datagrams only (PL_F_PLAIN).
#include <string.h>

#include <netinet/in.h>

#include <rte_ip.h>

#include "nat/nat_core.h"
#include "pipeline/csum.h"
#include "pipeline/way.h"

// Sum of the words of a pair, and of their complements: what leaves and what enters a checksum.
static uint32_t
sum32(uint32_t v)
{
	return (v & 0xffff) + (v >> 16);
}

static uint16_t
csum_move(uint16_t csum, uint32_t delta)
{
	return (uint16_t)~pl_csum_fold((uint16_t)~csum + delta);
}

static void
rewrite4(struct pl_pkt *p, const struct ct_pair *to)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(p->m, struct rte_ipv4_hdr *, p->l3_off);
	uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off);
	uint8_t *at = l4 + (p->proto == IPPROTO_TCP ? 16 : 6);
	uint32_t addrs, ports;
	uint16_t csum;

	addrs = sum32(~p->src.v4) + sum32(~p->dst.v4) + sum32(to->dst) + sum32(to->src);
	ports = (uint16_t)~p->sport + (uint16_t)~p->dport + (uint32_t)to->dport + to->sport;
	ip->src_addr = p->src.v4 = to->dst;
	ip->dst_addr = p->dst.v4 = to->src;
	p->sport = to->dport;
	p->dport = to->sport;
	memcpy(l4, &p->sport, 2);
	memcpy(l4 + 2, &p->dport, 2);
	ip->hdr_checksum = csum_move(ip->hdr_checksum, addrs);
	memcpy(&csum, at, 2);
	if (p->proto == IPPROTO_UDP && csum == 0)
		return; // none was sent
	csum = csum_move(csum, addrs + ports);
	if (p->proto == IPPROTO_UDP && csum == 0)
		csum = 0xffff;
	memcpy(at, &csum, 2);
}

static void
rewrite6(struct pl_pkt *p, enum ct_dir other)
{
	union pl_addr addr;
	rte_be16_t port;

	ct_entry_side(p->ct, other, true, &addr, &port);
	nat_rewrite(p, NAT_DST, &addr, port);
	ct_entry_side(p->ct, other, false, &addr, &port);
	nat_rewrite(p, NAT_SRC, &addr, port);
}

void
nat_known_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	(void)w;
	(void)conf;
	for (uint16_t i = 0; i < b->n_known; i++) {
		struct pl_pkt *p = b->known[i];
		enum ct_dir other = p->ct_dir == CT_REPLY ? CT_ORIGINAL : CT_REPLY;

		if (p->ct_status == 0)
			continue;
		if (likely(p->family == 4))
			rewrite4(p, ct_entry_pair(p->ct, other));
		else
			rewrite6(p, other);
	}
}

const struct pl_stage nat_known_stage = {"nat-known", nat_known_run, NULL};
