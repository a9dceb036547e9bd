// pcapng blocks; see pcapng.h. Everything is in this machine's byte order, which the section header
// tells. Called by control/nflog.c on the main thread. DPDK's rte_pcapng is experimental in 22.11,
// and libpcap does not write the format.
#include <string.h>

#include "control/pcapng.h"

#ifndef RINGWALL_VERSION
#error "meson gives RINGWALL_VERSION"
#endif

#define BLOCK_SECTION	  0x0a0d0d0au
#define BLOCK_INTERFACE	  1u
#define BLOCK_PACKET	  6u
#define BYTE_ORDER_MARK	  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1 // libpcap 1.10 refuses several interfaces of raw IP
#define LINK_BYTES	  14

#define OPT_END		 0
#define OPT_COMMENT	 1
#define OPT_USERAPPL	 4
#define OPT_IF_NAME	 2
#define OPT_IF_TSRESOL	 9
#define OPT_PACKET_FLAGS 2

struct writer {
	uint8_t *out;
	size_t size, len, block; // block: where the one being written starts
	bool full;
};

static void
put(struct writer *w, const void *p, size_t n)
{
	static const uint8_t zero[4];
	size_t pad = -n & 3;

	if (w->full || w->size - w->len < n + pad) {
		w->full = true;
		return;
	}
	memcpy(w->out + w->len, p, n);
	memcpy(w->out + w->len + n, zero, pad);
	w->len += n + pad;
}

// Link header and packet, one behind the other.
static void
put_frame(struct writer *w, const struct ctl_pcapng_packet *p)
{
	static const uint8_t zero[4];
	size_t n = LINK_BYTES + (size_t)p->have, pad = -n & 3;

	if (w->full || w->size - w->len < n + pad) {
		w->full = true;
		return;
	}
	memcpy(w->out + w->len, p->link, LINK_BYTES);
	memcpy(w->out + w->len + LINK_BYTES, p->bytes, p->have);
	memcpy(w->out + w->len + n, zero, pad);
	w->len += n + pad;
}

static void
put32(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static void
put16x2(struct writer *w, uint16_t a, uint16_t b)
{
	const uint16_t v[2] = {a, b};

	put(w, v, sizeof(v));
}

static void
option(struct writer *w, uint16_t code, const void *p, size_t n)
{
	put16x2(w, code, (uint16_t)n);
	put(w, p, n);
}

static void
begin(struct writer *w, uint32_t type)
{
	w->block = w->len;
	put32(w, type);
	put32(w, 0); // its length, when it is known
}

static void
end(struct writer *w)
{
	uint32_t len;

	put16x2(w, OPT_END, 0);
	len = (uint32_t)(w->len - w->block) + 4;
	put32(w, len);
	if (!w->full)
		memcpy(w->out + w->block + 4, &len, sizeof(len));
}

size_t
ctl_pcapng_head(uint8_t *out, size_t size, const char *const *name, unsigned n)
{
	static const char self[] = "ringwalld " RINGWALL_VERSION;
	const uint64_t unknown = UINT64_MAX; // length of the section
	const uint8_t nanoseconds = 9;
	struct writer w = {.out = out, .size = size};

	begin(&w, BLOCK_SECTION);
	put32(&w, BYTE_ORDER_MARK);
	put16x2(&w, 1, 0);
	put(&w, &unknown, sizeof(unknown));
	option(&w, OPT_USERAPPL, self, sizeof(self) - 1);
	end(&w);
	for (unsigned i = 0; i < n; i++) {
		begin(&w, BLOCK_INTERFACE);
		put16x2(&w, LINKTYPE_ETHERNET, 0);
		put32(&w, 0); // no limit of a packet's length
		option(&w, OPT_IF_NAME, name[i], strlen(name[i]));
		option(&w, OPT_IF_TSRESOL, &nanoseconds, 1);
		end(&w);
	}
	return w.full ? 0 : w.len;
}

size_t
ctl_pcapng_packet(uint8_t *out, size_t size, const struct ctl_pcapng_packet *p)
{
	const uint32_t flags = p->outbound ? 2 : 1;
	struct writer w = {.out = out, .size = size};

	begin(&w, BLOCK_PACKET);
	put32(&w, p->interface);
	put32(&w, (uint32_t)(p->wall_ns >> 32));
	put32(&w, (uint32_t)p->wall_ns);
	put32(&w, LINK_BYTES + p->have);
	put32(&w, LINK_BYTES + p->length);
	put_frame(&w, p);
	if (p->comment[0] != '\0')
		option(&w, OPT_COMMENT, p->comment, strlen(p->comment));
	option(&w, OPT_PACKET_FLAGS, &flags, sizeof(flags));
	end(&w);
	return w.full ? 0 : w.len;
}
