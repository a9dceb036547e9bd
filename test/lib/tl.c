// Shared ground of the tests: EAL, packet buffers, frames, workers. Plain aborts on failure: a test
// that cannot set up its ground must not pass.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "pipeline/toeplitz.h"
#include "test/lib/tl.h"

struct rte_mempool *tl_pool;

#define TL_UDPLITE 136

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "test ground: %s\n", what);
	abort();
}

void
tl_init(void)
{
	static bool done;
	char prefix[64];
	char *argv[] = {
		"test", "--no-huge",	  "--no-shconf", "--no-pci",	  "-m",	 "128", "-l",
		"0",	"--no-telemetry", "--log-level", "lib.eal:error", prefix};

	if (done)
		return;
	snprintf(prefix, sizeof(prefix), "--file-prefix=rwtest%d", getpid());
	must(rte_eal_init(RTE_DIM(argv), argv) >= 0, "rte_eal_init");
	tl_pool = rte_pktmbuf_pool_create("tl", 4095, 0, sizeof(struct pl_meta),
					  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	must(tl_pool != NULL, "packet pool");
	pl_toeplitz_init();
	done = true;
}

static bool
is_v6(const char *addr)
{
	return strchr(addr, ':') != NULL;
}

static uint16_t
l4_csum(const void *l3, bool v6, const void *l4, uint8_t proto, uint16_t len)
{
	uint32_t sum = rte_raw_cksum(l4, len);

	if (v6) {
		const struct rte_ipv6_hdr *ip = l3;

		sum += rte_raw_cksum(ip->src_addr, 32);
	} else {
		const struct rte_ipv4_hdr *ip = l3;

		sum += rte_raw_cksum(&ip->src_addr, 8);
	}
	sum += htons(len) + htons(proto);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t
l4_header_len(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 20 : proto == IPPROTO_SCTP ? 12 : 8;
}

static void
fill_l4(uint8_t *l4, const struct tl_spec *s, uint8_t proto, uint16_t len)
{
	uint16_t sport = htons(s->sport), dport = htons(s->dport);

	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		l4[0] = s->icmp_type;
		l4[1] = s->icmp_code;
		memcpy(l4 + 4, &sport, 2);
		memcpy(l4 + 6, &dport, 2);
		return;
	}
	memcpy(l4, &sport, 2);
	memcpy(l4 + 2, &dport, 2);
	if (proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (void *)l4;

		tcp->sent_seq = htonl(s->seq);
		tcp->recv_ack = htonl(s->ack);
		tcp->data_off = 5 << 4;
		tcp->tcp_flags = s->tcp_flags != 0 ? s->tcp_flags : RTE_TCP_SYN_FLAG;
		tcp->rx_win = htons(s->window != 0 ? s->window : 65535);
	} else if (proto == IPPROTO_UDP || proto == TL_UDPLITE) {
		struct rte_udp_hdr *udp = (void *)l4;

		udp->dgram_len = htons(len);
	}
}

static void
seal_l4(const void *l3, bool v6, uint8_t *l4, uint8_t proto, uint16_t len)
{
	uint16_t csum;

	if (proto == IPPROTO_ICMP) {
		csum = (uint16_t)~rte_raw_cksum(l4, len);
		memcpy(l4 + 2, &csum, 2);
		return;
	}
	csum = l4_csum(l3, v6, l4, proto, len);
	if (proto == IPPROTO_TCP)
		memcpy(l4 + 16, &csum, 2);
	else if (proto == IPPROTO_ICMPV6)
		memcpy(l4 + 2, &csum, 2);
	else if (proto == IPPROTO_UDP || proto == TL_UDPLITE) {
		csum = csum == 0 ? 0xffff : csum;
		memcpy(l4 + 6, &csum, 2);
	}
}

static struct rte_mbuf *
frame(const struct tl_spec *s, uint8_t proto, const void *l4, uint16_t l4_len)
{
	static const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};
	bool v6 = is_v6(s->src);
	uint16_t l3_hdr = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	struct rte_mbuf *m = rte_pktmbuf_alloc(tl_pool);
	uint8_t *at;

	must(m != NULL, "an mbuf");
	memset(pl_meta(m), 0, sizeof(struct pl_meta));
	at = (uint8_t *)rte_pktmbuf_append(m, 14 + l3_hdr + l4_len);
	must(at != NULL, "room in an mbuf");
	memset(at, 0, 14 + l3_hdr);
	memcpy(at, s->dmac != NULL ? s->dmac : mac1, 6);
	memcpy(at + 6, s->smac != NULL ? s->smac : mac2, 6);
	memcpy(at + 14 + l3_hdr, l4, l4_len);
	if (v6) {
		struct rte_ipv6_hdr *ip = (void *)(at + 14);

		at[12] = 0x86;
		at[13] = 0xdd;
		ip->vtc_flow = htonl(6u << 28);
		ip->payload_len = htons(l4_len);
		ip->proto = proto;
		ip->hop_limits = s->ttl != 0 ? s->ttl : 64;
		must(inet_pton(AF_INET6, s->src, ip->src_addr) == 1, s->src);
		must(inet_pton(AF_INET6, s->dst, ip->dst_addr) == 1, s->dst);
	} else {
		struct rte_ipv4_hdr *ip = (void *)(at + 14);

		at[12] = 0x08;
		ip->version_ihl = 0x45;
		ip->total_length = htons(l3_hdr + l4_len);
		ip->packet_id = htons(s->id);
		ip->fragment_offset = htons(s->frag);
		ip->time_to_live = s->ttl != 0 ? s->ttl : 64;
		ip->next_proto_id = proto;
		must(inet_pton(AF_INET, s->src, &ip->src_addr) == 1, s->src);
		must(inet_pton(AF_INET, s->dst, &ip->dst_addr) == 1, s->dst);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	seal_l4(at + 14, v6, at + 14 + l3_hdr, proto, l4_len);
	return m;
}

struct rte_mbuf *
tl_frame(const struct tl_spec *s)
{
	uint8_t l4[2048] = {0};
	uint8_t proto = s->proto != 0 ? s->proto : IPPROTO_UDP;
	uint16_t header = s->bare ? 0 : l4_header_len(proto), len = header + s->payload_len;

	must(len <= sizeof(l4), "a payload that fits one mbuf"); // frame() asks for room
	if (!s->bare)
		fill_l4(l4, s, proto, len);
	if (s->payload != NULL)
		memcpy(l4 + header, s->payload, s->payload_len);
	return frame(s, proto, l4, len);
}

struct rte_mbuf *
tl_icmp_error(const char *src, const char *dst, uint8_t type, uint8_t code, uint32_t info,
	      const struct rte_mbuf *quoted)
{
	struct tl_spec s = {.src = src, .dst = dst};
	uint8_t l4[2048] = {type, code};
	uint16_t len = rte_pktmbuf_data_len(quoted) - 14;
	uint32_t be = htonl(info);

	must(len <= 1200, "a quote that fits");
	memcpy(l4 + 4, &be, 4);
	memcpy(l4 + 8, rte_pktmbuf_mtod_offset(quoted, const void *, 14), len);
	return frame(&s, is_v6(src) ? IPPROTO_ICMPV6 : IPPROTO_ICMP, l4, 8 + len);
}

static bool l3_csums_ok(const uint8_t *l3, uint32_t have, bool quote);

static bool
l4_csums_ok(const uint8_t *l3, bool v6, const uint8_t *l4, uint8_t proto, uint16_t len)
{
	uint16_t field;

	switch (proto) {
	case IPPROTO_ICMP:
		if (len < 8 || rte_raw_cksum(l4, len) != 0xffff)
			return false;
		if (l4[0] == 3 || l4[0] == 4 || l4[0] == 5 || l4[0] == 11 || l4[0] == 12)
			return l3_csums_ok(l4 + 8, len - 8, true);
		return true;
	case IPPROTO_ICMPV6:
		if (len < 8 || l4_csum(l3, v6, l4, proto, len) != 0)
			return false;
		return l4[0] >= 128 || l3_csums_ok(l4 + 8, len - 8, true);
	case IPPROTO_UDP:
		memcpy(&field, l4 + 6, 2);
		if (field == 0 && !v6)
			return true;
		return l4_csum(l3, v6, l4, proto, len) == 0;
	case IPPROTO_TCP:
	case TL_UDPLITE:
		return l4_csum(l3, v6, l4, proto, len) == 0;
	default:
		return true;
	}
}

static bool
l3_csums_ok(const uint8_t *l3, uint32_t have, bool quote)
{
	bool v6 = l3[0] >> 4 == 6;
	uint32_t hdr = v6 ? 40 : (l3[0] & 15u) * 4, total;

	if (have < hdr)
		return quote;
	total = v6 ? 40u + (l3[4] << 8 | l3[5]) : (uint32_t)(l3[2] << 8 | l3[3]);
	if (!v6 && rte_raw_cksum(l3, hdr) != 0xffff)
		return false;
	if (!v6 && ((l3[6] << 8 | l3[7]) & 0x3fff) != 0)
		return true; // a fragment: its L4 checksum covers more than is here
	if (have < total)
		return quote;
	return l4_csums_ok(l3, v6, l3 + hdr, v6 ? l3[6] : l3[9], total - hdr);
}

bool
tl_csums_ok(const struct rte_mbuf *m)
{
	must(rte_pktmbuf_is_contiguous(m), "one segment");
	return l3_csums_ok(rte_pktmbuf_mtod_offset(m, const uint8_t *, 14),
			   rte_pktmbuf_data_len(m) - 14, false);
}

struct pl_pkt *
tl_pkt(struct pl_worker *w, const struct tl_spec *s, uint8_t in_port)
{
	struct pl_burst *b = &w->burst;
	struct pl_pkt *p = &b->pkt[0];

	memset(p, 0, sizeof(*p));
	p->m = tl_frame(s);
	p->in_port = in_port;
	p->out_port = PL_PORT_NONE;
	must(pl_parse(p) == 0, "a frame that parses");
	b->live[0] = p;
	b->n = b->used = 1;
	b->ended = 0;
	return p;
}

void
tl_workers(struct pl_worker **w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		must(pl_worker_create(&w[i], i, n, SOCKET_ID_ANY, tl_pool) == 0, "a worker");
	must(pl_workers_join(w, n) == 0, "hand-over rings");
}
