// HMARK: the packet's mark is a hash of its addresses, ports and protocol that is the same for both
// directions, as xt_HMARK computes it (Bob Jenkins' lookup3 over three words). Called by both walks
// on the worker's thread when their rule matched, through its row in acl_kind.c. What does not
// give a tuple (no flow where the flow was asked for, a quoted packet that is cut off) keeps its
// mark. An ICMP error hashes as the packet that it quotes.
#include "acl/acl_kind.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <rte_ip.h>
#include <rte_jhash.h>

#include "pipeline/flow_ops.h"

#define EXT_HEADERS_MAX 16 // that are looked behind
#define ICMP_HEADER	8

struct tuple {
	uint32_t src, dst; // what is left of the addresses, host order
	uint32_t ports;	   // the larger one first; 0: none
	uint8_t proto;
};

// len bytes at off from the IP header's start, copied; false: the packet has not so many.
static bool
peek(const struct pl_pkt *p, uint32_t off, void *to, uint32_t len)
{
	const void *at;

	if (off + len > p->l3_len) // both far below 2^31
		return false;
	at = rte_pktmbuf_read(p->m, p->l3_off + off, len, to);
	if (at != NULL && at != to)
		memcpy(to, at, len);
	return at != NULL;
}

static uint32_t
addr4_of(rte_be32_t addr, uint8_t len)
{
	return len == 0 ? 0 : rte_be_to_cpu_32(addr) & UINT32_MAX << (32 - RTE_MIN(len, 32));
}

static uint32_t
addr6_of(const uint8_t addr[16], uint8_t len)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 4; i++) {
		rte_be32_t word;

		memcpy(&word, addr + 4 * i, sizeof(word));
		sum ^= addr4_of(word, len > 32 * i ? (uint8_t)(len - 32 * i) : 0);
	}
	return sum;
}

// The word of both ports, or of a security parameters index, as the options leave it.
static uint32_t
ports_of(const struct cfg_t_hmark *h, uint32_t word)
{
	uint32_t mask = h->spi_mask | (uint32_t)h->sport_mask << 16 | h->dport_mask;
	uint32_t set = h->spi | (uint32_t)h->sport << 16 | h->dport;
	uint16_t a, b;

	word = (word & mask) | set;
	a = (uint16_t)(word >> 16);
	b = (uint16_t)word;
	return (uint32_t)RTE_MAX(a, b) << 16 | RTE_MIN(a, b);
}

static void
read_ports(const struct cfg_t_hmark *h, const struct pl_pkt *p, uint32_t off, struct tuple *t)
{
	rte_be32_t word;

	switch (t->proto) {
	case IPPROTO_AH:
		off += 4;
		break;
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_ESP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		break;
	default:
		return;
	}
	if (peek(p, off, &word, sizeof(word)))
		t->ports = ports_of(h, rte_be_to_cpu_32(word));
}

static bool
quotes4(uint8_t type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static bool
tuple4(const struct cfg_t_hmark *h, const struct pl_pkt *p, struct tuple *t)
{
	struct rte_ipv4_hdr ip;
	uint32_t off = 0;
	uint8_t type;

	if (!peek(p, 0, &ip, sizeof(ip)))
		return false;
	if (ip.next_proto_id == IPPROTO_ICMP && peek(p, rte_ipv4_hdr_len(&ip), &type, 1) &&
	    quotes4(type)) {
		off = rte_ipv4_hdr_len(&ip) + ICMP_HEADER;
		if (!peek(p, off, &ip, sizeof(ip)))
			return false;
	}
	t->src = addr4_of(ip.src_addr, h->src_len);
	t->dst = addr4_of(ip.dst_addr, h->dst_len);
	t->proto = ip.next_proto_id;
	if (!(ip.fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)))
		read_ports(h, p, off + rte_ipv4_hdr_len(&ip), t);
	return true;
}

// The header behind the extension headers of the one at *off; AH counts as what is looked for.
// -1: cut off.
static int
last_header(const struct pl_pkt *p, uint32_t *off, bool *frag)
{
	struct rte_ipv6_hdr ip;
	uint8_t h[8], next;

	if (!peek(p, *off, &ip, sizeof(ip)) ||
	    (ip.vtc_flow & RTE_BE32(0xf0000000u)) != RTE_BE32(6u << 28))
		return -1;
	next = ip.proto;
	*off += sizeof(ip);
	*frag = false;
	for (unsigned i = 0; i < EXT_HEADERS_MAX; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_DSTOPTS)
			return next;
		if (!peek(p, *off, h, sizeof(h)))
			return -1;
		if (next == IPPROTO_FRAGMENT) {
			bool ends = h[0] != IPPROTO_HOPOPTS && h[0] != IPPROTO_ROUTING &&
				    h[0] != IPPROTO_FRAGMENT && h[0] != IPPROTO_AH &&
				    h[0] != IPPROTO_DSTOPTS;

			*frag = true;
			if ((h[2] | (h[3] & 0xf8)) != 0)
				return ends ? h[0] : -1;
		}
		*off += next == IPPROTO_FRAGMENT ? 8 : (h[1] + 1u) * 8;
		next = h[0];
	}
	return -1;
}

static bool
tuple6(const struct cfg_t_hmark *h, const struct pl_pkt *p, struct tuple *t)
{
	uint32_t off = 0, at = 0;
	struct rte_ipv6_hdr ip;
	uint8_t type;
	bool frag;
	int next = last_header(p, &off, &frag);

	if (next < 0) // hashes as nothing at all
		return true;
	if (!frag && next == IPPROTO_ICMPV6 && peek(p, off, &type, 1) && peek(p, off, &ip, 8) &&
	    type != 0 && !(type & ICMP6_INFOMSG_MASK)) {
		at = off = off + ICMP_HEADER;
		next = last_header(p, &off, &frag);
		if (next < 0)
			return false;
	}
	if (!peek(p, at, &ip, sizeof(ip)))
		return false;
	t->src = addr6_of(ip.src_addr, h->src_len);
	t->dst = addr6_of(ip.dst_addr, h->dst_len);
	t->proto = (uint8_t)next;
	if (!frag)
		read_ports(h, p, off, t);
	return true;
}

// Of the flow: who began it, and who answers.
static bool
tuple_ct(const struct cfg_t_hmark *h, const struct pl_pkt *p, struct tuple *t)
{
	struct pl_flow_side there, back;

	if (p->ct == NULL)
		return false;
	pl_flow_ops->side(p->ct, 0, &there);
	pl_flow_ops->side(p->ct, 1, &back);
	t->src = p->family == 4 ? addr4_of(there.src.v4, h->src_len)
				: addr6_of(there.src.v6, h->src_len);
	t->dst = p->family == 4 ? addr4_of(back.src.v4, h->dst_len)
				: addr6_of(back.src.v6, h->dst_len);
	t->proto = there.proto;
	if (t->proto != IPPROTO_ICMP)
		t->ports = ports_of(h, (uint32_t)there.sport << 16 | back.sport);
	return true;
}

enum acl_next
acl_hmark_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_hmark *h = &r->data->hmark;
	const struct pl_pkt *p = v->pkt;
	struct tuple t = {0};
	uint32_t hash;

	if (h->set & CFG_HMARK_CT ? !tuple_ct(h, p, &t)
				  : !(p->family == 4 ? tuple4(h, p, &t) : tuple6(h, p, &t)))
		return ACL_GO_ON;
	hash = rte_jhash_3words(RTE_MIN(t.src, t.dst), RTE_MAX(t.src, t.dst), t.ports, h->rnd);
	hash ^= t.proto & h->proto_mask;
	v->pkt->mark = (uint32_t)((uint64_t)hash * h->mod >> 32) + h->offset;
	return ACL_GO_ON;
}

// The flow's own addresses may still be those of before its translation.
bool
acl_hmark_fixed(const struct cfg_target *t)
{
	return !(t->hmark.set & CFG_HMARK_CT);
}
