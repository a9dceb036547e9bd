// Header rewriting: the only code (with nat_quote.c, which feeds it quoted packets) that changes
// addresses, L4 ports and checksums. Called by nat_stage.c on the worker's thread for every
// translated packet; owns nothing. Checksums are adjusted by the difference (RFC 1624), so a packet
// that came in with a wrong one goes out with a wrong one, as in netfilter. Ports are written where
// the protocol has any: TCP, UDP, UDP-Lite (RFC 3828), SCTP (RFC 9260), DCCP (RFC 4340); ICMP's
// identifier likewise; of anything else (GRE, ESP, later fragments) only the addresses. A device's
// checksum offload is not relied on: every packet has complete checksums in its bytes.
#include <string.h>

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <rte_hash_crc.h>
#include <rte_ip.h>

#include "nat/nat_rewrite.h"
#include "pipeline/csum.h"
#include "pipeline/load.h"

enum l4_kind {
	L4_NONE, // no ports: addresses only
	L4_PORTS,
	L4_UDP,	    // a checksum of 0 means "none", one that comes to 0 is sent as 0xffff
	L4_UDPLITE, // the latter only
	L4_SCTP,    // CRC32c: covers no address
	L4_ICMP4,
	L4_ICMP6,
};

struct l4_form {
	uint8_t kind;	  // enum l4_kind
	uint8_t csum_off; // of the 16-bit checksum
	uint8_t hold;	  // bytes that must be there for the checksum to be touched
};

static struct l4_form
l4_form(uint8_t family, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return (struct l4_form){L4_PORTS, 16, 20};
	case IPPROTO_UDP:
		return (struct l4_form){L4_UDP, 6, 8};
	case IPPROTO_UDPLITE:
		return (struct l4_form){L4_UDPLITE, 6, 8};
	case IPPROTO_DCCP:
		return (struct l4_form){L4_PORTS, 6, 12};
	case IPPROTO_SCTP:
		return (struct l4_form){L4_SCTP, 8, 12};
	case IPPROTO_ICMP:
		return (struct l4_form){family == 4 ? L4_ICMP4 : L4_NONE, 2, 8};
	case IPPROTO_ICMPV6:
		return (struct l4_form){family == 6 ? L4_ICMP6 : L4_NONE, 2, 8};
	default:
		return (struct l4_form){L4_NONE, 0, 0};
	}
}

static void
store16(uint8_t *at, uint16_t v)
{
	memcpy(at, &v, sizeof(v));
}

// Where the two bytes of port or identifier of a side stand in the L4 header; -1: none.
static int
port_offset(const struct nat_view *v, const struct l4_form *f, enum nat_side side)
{
	switch (f->kind) {
	case L4_NONE:
		return -1;
	case L4_ICMP4:
	case L4_ICMP6:
		return pl_icmp_has_id(v->family, v->l4[0]) ? 4 : -1;
	default:
		return side == NAT_SRC ? 0 : 2;
	}
}

// Does the L4 checksum cover the addresses?
static bool
has_pseudo_header(enum l4_kind kind)
{
	return kind == L4_PORTS || kind == L4_UDP || kind == L4_UDPLITE || kind == L4_ICMP6;
}

// conntrack knows DCCP by its addresses alone, as Linux does: such a tuple has no port to write.
static bool
portless(uint8_t proto, rte_be16_t port)
{
	return proto == IPPROTO_DCCP && port == 0;
}

static void
write_l4(const struct nat_view *v, const struct l4_form *f, enum nat_side side,
	 const uint8_t *old_addr, const union pl_addr *addr, rte_be16_t port, bool *crc)
{
	unsigned n = v->family == 4 ? 4 : 16;
	int off = portless(v->proto, port) ? -1 : port_offset(v, f, side);
	uint16_t old_port = off < 0 ? 0 : pl_load16(v->l4 + off);
	uint16_t csum;

	if (off >= 0)
		store16(v->l4 + off, port);
	if (v->l4_room < f->hold)
		return; // a quote that ends before the checksum
	if (f->kind == L4_SCTP) {
		*crc = old_port != port;
		return;
	}
	csum = pl_load16(v->l4 + f->csum_off);
	if (f->kind == L4_UDP && csum == 0)
		return;
	if (has_pseudo_header(f->kind))
		csum = pl_csum_update(csum, old_addr, addr, n);
	if (off >= 0)
		csum = pl_csum_update16(csum, old_port, port);
	if ((f->kind == L4_UDP || f->kind == L4_UDPLITE) && csum == 0)
		csum = 0xffff;
	store16(v->l4 + f->csum_off, csum);
}

bool
nat_view_write(const struct nat_view *v, enum nat_side side, const union pl_addr *addr,
	       rte_be16_t port, bool *crc)
{
	struct l4_form form = l4_form(v->family, v->proto);
	uint8_t old[16] __rte_aligned(8);
	uint8_t *at;

	*crc = false;
	if (v->no_l4)
		form.kind = L4_NONE;
	if (form.kind != L4_NONE && v->l4_room < 8)
		return false;
	if (v->family == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)v->l3;

		at = v->l3 + (side == NAT_SRC ? offsetof(struct rte_ipv4_hdr, src_addr)
					      : offsetof(struct rte_ipv4_hdr, dst_addr));
		memcpy(old, at, 4);
		memcpy(at, &addr->v4, 4);
		ip->hdr_checksum = pl_csum_update(ip->hdr_checksum, old, &addr->v4, 4);
	} else {
		at = v->l3 + (side == NAT_SRC ? offsetof(struct rte_ipv6_hdr, src_addr)
					      : offsetof(struct rte_ipv6_hdr, dst_addr));
		memcpy(old, at, 16);
		memcpy(at, addr->v6, 16);
	}
	if (form.kind != L4_NONE)
		write_l4(v, &form, side, old, addr, port, crc);
	return true;
}

// CRC32c over n more bytes, of any alignment.
static uint32_t
crc32c(const uint8_t *at, uint32_t n, uint32_t crc)
{
	uint64_t word;

	for (; n >= sizeof(word); n -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		crc = rte_hash_crc_8byte(word, crc);
	}
	while (n-- != 0)
		crc = rte_hash_crc_1byte(*at++, crc);
	return crc;
}

bool
nat_sctp_finish(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t crc = UINT32_MAX, csum_at = off + 8;
	uint8_t *csum;

	if (len < 12 || csum_at + 4 > m->data_len || off + len > m->pkt_len)
		return false;
	csum = rte_pktmbuf_mtod_offset(m, uint8_t *, csum_at);
	memset(csum, 0, 4);
	for (; m != NULL && len != 0; m = m->next) {
		uint32_t n;

		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		n = RTE_MIN(len, m->data_len - off);
		crc = crc32c(rte_pktmbuf_mtod_offset(m, uint8_t *, off), n, crc);
		len -= n;
		off = 0;
	}
	crc = rte_cpu_to_le_32(~crc); // on the wire least significant byte first
	memcpy(csum, &crc, 4);
	return true;
}

// What the parser found is brought in step with what was written.
static void
follow(struct pl_pkt *p, enum nat_side side, const union pl_addr *addr, rte_be16_t port)
{
	union pl_addr *mine = side == NAT_SRC ? &p->src : &p->dst;

	if (p->family == 4)
		mine->v4 = addr->v4;
	else
		*mine = *addr;
	if (!(p->flags & PL_F_L4) || portless(p->proto, port))
		return;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		if (pl_icmp_has_id(p->family, p->icmp_type))
			p->sport = p->dport = port;
	} else if (side == NAT_SRC) {
		p->sport = port;
	} else {
		p->dport = port;
	}
}

// The common case: IPv4 with a whole TCP or UDP header, in few steps. PL_F_L4 says that the header
// is there.
static void
rewrite_plain4(struct pl_pkt *p, enum nat_side side, uint32_t addr, rte_be16_t port)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(p->m, struct rte_ipv4_hdr *, p->l3_off);
	uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off);
	uint8_t *csum_at = l4 + (p->proto == IPPROTO_TCP ? 16 : 6);
	uint16_t csum = pl_load16(csum_at);
	uint32_t old, sum;

	if (side == NAT_SRC) {
		old = ip->src_addr;
		ip->src_addr = p->src.v4 = addr;
		sum = (uint16_t)~p->sport;
		p->sport = port;
		store16(l4, port);
	} else {
		old = ip->dst_addr;
		ip->dst_addr = p->dst.v4 = addr;
		sum = (uint16_t)~p->dport;
		p->dport = port;
		store16(l4 + 2, port);
	}
	sum += port;
	ip->hdr_checksum = pl_csum_update32(ip->hdr_checksum, old, addr);
	if (p->proto == IPPROTO_UDP && csum == 0)
		return;
	sum += (uint16_t)~csum + (~old & 0xffff) + (~old >> 16) + (addr & 0xffff) + (addr >> 16);
	csum = (uint16_t)~pl_csum_fold(sum);
	if (p->proto == IPPROTO_UDP && csum == 0)
		csum = 0xffff;
	store16(csum_at, csum);
}

bool
nat_rewrite(struct pl_pkt *p, enum nat_side side, const union pl_addr *addr, rte_be16_t port)
{
	uint32_t have = rte_pktmbuf_data_len(p->m);
	struct nat_view v;
	bool crc;

	if (likely(p->family == 4 && (p->flags & PL_F_L4) &&
		   (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP))) {
		rewrite_plain4(p, side, addr->v4, port);
		return true;
	}
	v = (struct nat_view){
		.l3 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l3_off),
		.l4 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off),
		.l4_room = p->l4_off < have ? RTE_MIN((uint32_t)p->l4_len, have - p->l4_off) : 0,
		.family = p->family,
		.proto = p->proto,
		.no_l4 = p->flags & PL_F_LATER_FRAG,
	};
	if (!nat_view_write(&v, side, addr, port, &crc))
		return false;
	follow(p, side, addr, port);
	if (!crc)
		return true;
	// A fragment does not hold the bytes that its checksum is over; tracked packets are whole.
	return !(p->flags & PL_F_FRAG) && nat_sctp_finish(p->m, p->l4_off, p->l4_len);
}
