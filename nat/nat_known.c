// The short way's translation: both sides of a plain packet at once, to what its flow's other
// direction says. The same bytes as nat_dst and nat_src give one after the other on the whole way.
// Worker's thread; owns nothing. Whole TCP segments and UDP datagrams only (PL_F_PLAIN).
#include <string.h>

#include <netinet/in.h>

#include <rte_ip.h>

#include "nat/nat_core.h"
#include "pipeline/csum.h"
#include "pipeline/way.h"

static void
rewrite4(struct pl_pkt *p, const struct ct_pair *to)
{
	uint8_t *l3 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l3_off);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
	uint8_t *l4 = l3 + sizeof(*ip); // plain packets have no options
	uint8_t *at = l4 + (p->proto == IPPROTO_TCP ? 16 : 6);
	uint64_t from = p->src.v4 | (uint64_t)p->dst.v4 << 32;
	uint64_t addrs = to->dst | (uint64_t)to->src << 32;
	uint32_t from_ports = p->sport | (uint32_t)p->dport << 16;
	uint32_t ports = to->dport | (uint32_t)to->sport << 16;
	uint16_t csum, moved = pl_csum_fold64(pl_csum_add(~from, addrs)); // RFC 1624: ~m + m'
	uint32_t sum;

	memcpy(&csum, at, sizeof(csum));
	ip->hdr_checksum = (uint16_t)~pl_csum_fold((uint16_t)~ip->hdr_checksum + (uint32_t)moved);
	memcpy(l3 + offsetof(struct rte_ipv4_hdr, src_addr), &addrs, sizeof(addrs));
	memcpy(l4, &ports, sizeof(ports));
	p->src.v4 = (uint32_t)addrs;
	p->dst.v4 = (uint32_t)(addrs >> 32);
	memcpy(&p->sport, &ports, sizeof(ports));
	if (unlikely(p->proto == IPPROTO_UDP && csum == 0))
		return; // none was sent
	sum = (uint16_t)~csum + (uint32_t)moved + (~from_ports & 0xffff) + (~from_ports >> 16) +
	      (ports & 0xffff) + (ports >> 16);
	csum = (uint16_t)~pl_csum_fold(sum);
	if (unlikely(csum == 0 && p->proto == IPPROTO_UDP))
		csum = 0xffff;
	memcpy(at, &csum, sizeof(csum));
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
