// Captures in and out, on libpcap: Ethernet and raw IP in (pcap and pcapng), nanosecond pcap out.
// Frames longer than a packet buffer become chains.
// Used by replay, one thread. A frame is copied once on each way.
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "app/capture.h"

#define SNAPLEN 262144
#define NS	1000000000ull

struct app_capture {
	pcap_t *pcap;
	char *path;
	bool raw_ip; // frames start with the IP header
	bool have;   // hdr and data are the frame that was looked at
	struct pcap_pkthdr *hdr;
	const uint8_t *data;
};

struct app_dump {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	uint8_t frame[SNAPLEN];
};

static const struct cfg_pos whole_file = {0, 0};

int
app_capture_open(struct app_capture **out, const char *path, struct cfg_err *err)
{
	char why[PCAP_ERRBUF_SIZE];
	struct app_capture *c = calloc(1, sizeof(*c));
	int link;

	if (c == NULL)
		return -ENOMEM;
	err->file = path;
	c->path = strdup(path);
	c->pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (c->pcap == NULL) {
		cfg_err_add(err, whole_file, "%s", why);
		app_capture_close(c);
		return -EIO;
	}
	link = pcap_datalink(c->pcap);
	c->raw_ip = link == DLT_RAW || link == DLT_IPV4 || link == DLT_IPV6;
	if (link != DLT_EN10MB && !c->raw_ip) {
		const char *name = pcap_datalink_val_to_name(link);

		cfg_err_add(err, whole_file,
			    "link type %s: only Ethernet and raw IP can be replayed",
			    name != NULL ? name : "unknown");
		app_capture_close(c);
		return -EINVAL;
	}
	*out = c;
	return 0;
}

void
app_capture_close(struct app_capture *c)
{
	if (c == NULL)
		return;
	if (c->pcap != NULL)
		pcap_close(c->pcap);
	free(c->path);
	free(c);
}

int
app_capture_peek(struct app_capture *c, uint64_t *time_ns, struct cfg_err *err)
{
	int ret;

	if (!c->have) {
		ret = pcap_next_ex(c->pcap, &c->hdr, &c->data);
		if (ret == PCAP_ERROR_BREAK)
			return 0;
		if (ret != 1) {
			err->file = c->path;
			cfg_err_add(err, whole_file, "%s", pcap_geterr(c->pcap));
			return -EIO;
		}
		c->have = true;
	}
	*time_ns = (uint64_t)c->hdr->ts.tv_sec * NS + (uint64_t)c->hdr->ts.tv_usec;
	return 1;
}

void
app_capture_skip(struct app_capture *c)
{
	c->have = false;
}

const uint8_t *
app_capture_bytes(const struct app_capture *c, uint32_t *len)
{
	*len = c->hdr->caplen;
	return c->data;
}

// Appends bytes at the end of the chain, with new segments where the last one is full.
static int
append(struct rte_mbuf *head, const uint8_t *from, uint32_t len, struct rte_mempool *pool)
{
	while (len > 0) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(head);
		uint16_t room = rte_pktmbuf_tailroom(last);
		uint16_t n = len < room ? len : room;

		if (n == 0) {
			struct rte_mbuf *seg = rte_pktmbuf_alloc(pool);

			if (seg == NULL)
				return -ENOMEM;
			if (rte_pktmbuf_chain(head, seg) != 0) {
				rte_pktmbuf_free(seg);
				return -E2BIG;
			}
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(last, void *, last->data_len), from, n);
		last->data_len += n;
		head->pkt_len += n;
		from += n;
		len -= n;
	}
	return 0;
}

struct rte_mbuf *
app_capture_take(struct app_capture *c, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	int ret = 0;

	c->have = false;
	if (m == NULL)
		return NULL;
	if (c->raw_ip) {
		struct rte_ether_hdr eth = {0};
		bool v6 = c->hdr->caplen > 0 && c->data[0] >> 4 == 6;

		eth.ether_type = rte_cpu_to_be_16(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
		ret = append(m, (const uint8_t *)&eth, sizeof(eth), pool);
	}
	if (ret == 0)
		ret = append(m, c->data, c->hdr->caplen, pool);
	if (ret < 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

int
app_dump_open(struct app_dump **out, const char *path, struct cfg_err *err)
{
	struct app_dump *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	d->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAPLEN,
						       PCAP_TSTAMP_PRECISION_NANO);
	d->dumper = d->pcap != NULL ? pcap_dump_open(d->pcap, path) : NULL;
	if (d->dumper == NULL) {
		err->file = path;
		cfg_err_add(err, whole_file, "%s",
			    d->pcap != NULL ? pcap_geterr(d->pcap) : "out of memory");
		app_dump_close(d);
		return -EIO;
	}
	*out = d;
	return 0;
}

int
app_dump_close(struct app_dump *d)
{
	int ret = 0;

	if (d == NULL)
		return 0;
	if (d->dumper != NULL) {
		if (pcap_dump_flush(d->dumper) != 0)
			ret = -EIO;
		pcap_dump_close(d->dumper);
	}
	if (d->pcap != NULL)
		pcap_close(d->pcap);
	free(d);
	return ret;
}

void
app_dump_write(struct app_dump *d, uint64_t time_ns, const struct rte_mbuf *m)
{
	struct pcap_pkthdr hdr = {0};
	uint32_t len = rte_pktmbuf_pkt_len(m);
	const void *bytes;

	if (len > SNAPLEN)
		len = SNAPLEN;
	bytes = rte_pktmbuf_read(m, 0, len, d->frame);
	hdr.ts.tv_sec = (time_t)(time_ns / NS);
	hdr.ts.tv_usec = (suseconds_t)(time_ns % NS);
	hdr.caplen = hdr.len = len;
	pcap_dump((u_char *)d->dumper, &hdr, bytes);
}
