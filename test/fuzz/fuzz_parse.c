// libFuzzer target: the header parser (pl_parse, pl_parse_l3) and the reading of packets quoted in
// ICMP errors, with everything that nat writes into what they accepted. The first byte of the input
// says into how many bytes the first segment is cut; the rest is the frame. No EAL: the mbufs are
// made by hand around exactly sized heap buffers, so that the address sanitizer sees every byte
// read too many.
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "nat/nat_rewrite.h"
#include "pipeline/drop.h"
#include "pipeline/pkt.h"

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
make_seg(struct rte_mbuf *m, const uint8_t *data, uint16_t len)
{
	memset(m, 0, sizeof(*m));
	m->buf_addr = malloc(len != 0 ? len : 1);
	MUST(m->buf_addr != NULL);
	if (len != 0)
		memcpy(m->buf_addr, data, len);
	m->buf_len = len;
	m->data_len = len;
	m->pkt_len = len;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, 1);
}

// What later stages rely on.
static void
check(const struct pl_pkt *p)
{
	uint32_t end = (uint32_t)p->l3_off + p->l3_len;

	MUST(p->family == 4 || p->family == 6);
	MUST(end <= p->m->pkt_len);
	MUST(p->l4_off >= p->l3_off + (p->family == 4 ? 20 : 40));
	MUST((uint32_t)p->l4_off + p->l4_len == end);
	if (p->flags & PL_F_LATER_FRAG)
		MUST((p->flags & PL_F_FRAG) && !(p->flags & (PL_F_L4 | PL_F_ICMP_ERR)));
	if (p->flags & PL_F_L4)
		MUST(pl_need(p, p->l4_off, 8) != NULL && p->l4_len >= 8);
	else
		MUST(p->sport == 0 && p->dport == 0);
	if (p->family == 4)
		MUST(p->src.u64[1] == 0 && p->dst.u64[1] == 0 && p->src.u32[1] == 0);
}

// What was written parses, and parses as what was asked for.
static void
check_written(const struct pl_pkt *p, uint8_t family)
{
	struct pl_pkt again = {.m = p->m};

	MUST(pl_parse_l3(&again, p->l3_off, family) == 0);
	check(&again);
	MUST(memcmp(&again.src, &p->src, 16) == 0 && memcmp(&again.dst, &p->dst, 16) == 0);
	MUST(again.sport == p->sport && again.dport == p->dport);
	MUST(again.proto == p->proto && again.l4_off == p->l4_off && again.l3_len == p->l3_len);
}

static void
rewrite(struct pl_pkt *p)
{
	struct ct_tuple t = {
		.sport = 0x1234, .dport = 0x5678, .family = p->family, .proto = p->proto};
	unsigned n = p->family == 4 ? 4 : 16;

	memset(&t.src, 0x2a, n);
	memset(&t.dst, 0x3b, n);
	for (unsigned side = NAT_SRC; side <= NAT_DST; side++) {
		bool done =
			(p->flags & PL_F_ICMP_ERR)
				? nat_rewrite_error(p, side, &t)
				: nat_rewrite(p, side, side == NAT_SRC ? &t.src : &t.dst, t.sport);

		if (done)
			check_written(p, p->family);
	}
}

static void
mend(uint8_t *frame, size_t len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + 14);
	size_t hlen;

	if (len < 34 || frame[12] != 0x08 || frame[13] != 0)
		return;
	hlen = (ip->version_ihl & 15u) * 4;
	if (hlen < 20 || 14 + hlen > len)
		return;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, hlen);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rte_mbuf first, second;
	struct pl_pkt p = {.m = &first};
	uint8_t frame[4096];
	size_t len = size - 1;
	uint16_t cut;
	int ret;

	if (size < 1 || size > sizeof(frame))
		return 0;
	memcpy(frame, data + 1, len);
	if (data[0] & 0x80)
		mend(frame, len);
	cut = (data[0] & 0x7f) == 0 || (data[0] & 0x7f) > len ? len : data[0] & 0x7f;
	make_seg(&first, frame, cut);
	make_seg(&second, frame + cut, len - cut);
	if (second.data_len != 0) {
		first.next = &second;
		first.nb_segs = 2;
		first.pkt_len += second.data_len;
	}
	ret = pl_parse(&p);
	MUST(ret == PL_PARSE_ARP || (ret >= 0 && ret <= PL_DROP_COUNT));
	if (ret == 0) {
		check(&p);
		rewrite(&p);
	}
	free(first.buf_addr);
	free(second.buf_addr);
	return 0;
}
