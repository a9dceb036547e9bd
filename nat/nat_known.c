// The short way's translation: both sides of a plain packet at once, to what its flow's other
// direction says. The same bytes as nat_dst and nat_src give one after the other on the whole way.
// Worker's thread; owns nothing. Whole TCP segments and UDP datagrams only (PL_F_PLAIN).
#include <string.h>

#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "nat/nat_core.h"
#include "pipeline/csum.h"
#include "pipeline/load.h"
#include "pipeline/way.h"

// What is added to a checksum for words that were taken away and put in (RFC 1624: ~m + m').
static __rte_always_inline uint16_t
difference(uint64_t from, uint64_t to)
{
	return pl_csum_fold64(pl_csum_add(~from, to));
}

// Adds to the checksum at `at`.
static __rte_always_inline void
adjust(uint8_t *at, uint32_t difference)
{
	uint16_t csum = (uint16_t)~pl_csum_fold((uint16_t)~pl_load16(at) + difference);

	memcpy(at, &csum, sizeof(csum));
}

// Ports and L4 checksum. moved: what changed before the ports, as difference() has it.
static __rte_always_inline void
rewrite_l4(struct pl_pkt *p, uint8_t *l4, const struct ct_pair *to, uint32_t moved)
{
	uint32_t from = pl_load32(l4), ports = pl_load32(&to->sport);
	const bool udp = p->proto == IPPROTO_UDP;
	uint8_t *at = l4 + (udp ? 6 : 16);

	ports = ports << 16 | ports >> 16; // the other direction's source is this one's destination
	memcpy(l4, &ports, sizeof(ports));
	memcpy(&p->sport, &ports, sizeof(ports));
	if (unlikely(udp && pl_load16(at) == 0))
		return; // none was sent
	adjust(at, moved + (~from & 0xffff) + (~from >> 16) + (ports & 0xffff) + (ports >> 16));
	if (unlikely(udp && pl_load16(at) == 0))
		memset(at, 0xff, 2);
}

static __rte_always_inline void
rewrite4(struct pl_pkt *p, uint8_t *l3, const struct ct_pair *to)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
	uint64_t from = pl_load64(&ip->src_addr), addrs = pl_load64(&to->src);
	uint16_t moved;

	addrs = addrs << 32 | addrs >> 32;
	moved = difference(from, addrs);
	adjust((uint8_t *)&ip->hdr_checksum, moved);
	memcpy(&ip->src_addr, &addrs, sizeof(addrs));
	p->src.v4 = ip->src_addr;
	p->dst.v4 = ip->dst_addr;
	rewrite_l4(p, l3 + sizeof(*ip), to, moved);
}

static void
rewrite6(struct pl_pkt *p, uint8_t *l3, enum ct_dir other)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)l3;
	const struct ct_pair *to = ct_entry_pair(p->ct, other);
	uint32_t moved = 0;
	union pl_addr addr[2];
	rte_be16_t port;

	ct_entry_side(p->ct, other, false, &addr[0], &port);
	ct_entry_side(p->ct, other, true, &addr[1], &port);
	for (unsigned i = 0; i < 4; i++)
		moved += difference(pl_load64(ip->src_addr + 8 * i), addr[i / 2].u64[i % 2]);
	memcpy(ip->src_addr, addr, sizeof(addr));
	p->src = addr[0];
	p->dst = addr[1];
	rewrite_l4(p, l3 + sizeof(*ip), to, moved);
}

void
nat_known_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	(void)w;
	(void)conf;
	for (uint16_t i = 0; i < b->n_known; i++) {
		struct pl_pkt *p = b->known[i];
		enum ct_dir other = p->ct_dir == CT_REPLY ? CT_ORIGINAL : CT_REPLY;
		uint8_t *l3 =
			rte_pktmbuf_mtod_offset(p->m, uint8_t *, sizeof(struct rte_ether_hdr));

		if (p->ct_status == 0)
			continue;
		if (likely(p->family == 4))
			rewrite4(p, l3, ct_entry_pair(p->ct, other));
		else
			rewrite6(p, l3, other);
	}
}

const struct pl_stage nat_known_stage = {"nat-known", nat_known_run, NULL};
