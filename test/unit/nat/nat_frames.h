#pragma once
// Frames for nat's tests: as tl_frame(), with the checksums that it leaves out (DCCP, SCTP),
// computed naively.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "test/lib/tl.h"

// CRC32c bit by bit (RFC 9260 appendix A): reflected polynomial 0x82f63b78.
static inline uint32_t
nf_crc32c(const uint8_t *at, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static inline void
nf_seal(uint8_t *l3, uint8_t *l4, uint8_t proto, uint16_t len)
{
	bool v6 = l3[0] >> 4 == 6;
	uint32_t sum;
	uint16_t csum;

	if (proto == IPPROTO_SCTP) {
		uint32_t crc;

		memset(l4 + 8, 0, 4);
		crc = rte_cpu_to_le_32(nf_crc32c(l4, len));
		memcpy(l4 + 8, &crc, 4);
	} else if (proto == IPPROTO_DCCP) {
		l4[4] = 3; // data offset
		memset(l4 + 6, 0, 2);
		sum = rte_raw_cksum(l4, len) + rte_raw_cksum(l3 + (v6 ? 8 : 12), v6 ? 32 : 8) +
		      htons(len) + htons(proto);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		csum = (uint16_t)~sum;
		memcpy(l4 + 6, &csum, 2);
	}
}

static inline struct rte_mbuf *
nf_frame(const struct tl_spec *s)
{
	struct rte_mbuf *m = tl_frame(s);
	uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
	unsigned hdr = l3[0] >> 4 == 6 ? 40 : 20;

	if (s->proto == IPPROTO_SCTP) { // verification tag
		uint32_t tag = htonl(s->seq);

		memcpy(l3 + hdr + 4, &tag, 4);
	}
	nf_seal(l3, l3 + hdr, s->proto, rte_pktmbuf_data_len(m) - 14 - hdr);
	return m;
}

// A packet that was parsed, outside of any burst.
static inline struct pl_pkt
nf_parsed(struct rte_mbuf *m)
{
	struct pl_pkt p = {.m = m};

	if (pl_parse(&p) != 0)
		abort();
	return p;
}

static inline union pl_addr
nf_addr(const char *text)
{
	union pl_addr a = {0};

	if (inet_pton(strchr(text, ':') != NULL ? AF_INET6 : AF_INET, text, &a) != 1)
		abort();
	return a;
}

static inline bool
nf_same(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	return a->data_len == b->data_len &&
	       memcmp(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *), a->data_len) == 0;
}
