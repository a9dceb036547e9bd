// Device strings: what the operator wrote in ringwall.conf taken apart, and the few arguments that
// a driver needs and nobody likes to work out by hand. Called by net/port.c on the control thread
// before anything is probed, so that a wrong string is refused with words of ours and not with a
// driver's log line. Pure text: no EAL, no system call, nothing to free.
#include "net/port_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_packet.h>

#define AF_PACKET_FRAMES 2048

// Ethernet header, two VLAN tags, and what TPACKET_V2 puts before a frame: its header, the
// link-layer address, the alignment of the IP header and the virtio-net header that the kernel may
// reserve.
#define AF_PACKET_OVERHEAD (14 + 8 + TPACKET2_HDRLEN + 16 + 16)

uint32_t
net_af_packet_frame(uint32_t mtu)
{
	uint32_t need = mtu + AF_PACKET_OVERHEAD;

	return need <= 2048 ? 2048 : (need + 4095) / 4096 * 4096;
}

static enum net_dev_kind
kind_of(const char *name)
{
	static const struct {
		const char *prefix;
		enum net_dev_kind kind;
	} row[] = {
		{"net_af_packet", NET_DEV_AF_PACKET}, {"eth_af_packet", NET_DEV_AF_PACKET},
		{"net_af_xdp", NET_DEV_AF_XDP},	      {"net_pcap", NET_DEV_PCAP},
		{"eth_pcap", NET_DEV_PCAP},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (strncmp(name, row[i].prefix, strlen(row[i].prefix)) == 0)
			return row[i].kind;
	}
	return NET_DEV_OTHER;
}

// The keys by which a driver of this kind names a kernel interface.
static bool
is_iface_key(enum net_dev_kind kind, const char *key, size_t len)
{
	static const char *const pcap[] = {"iface", "rx_iface", "rx_iface_in", "tx_iface"};

	if (kind == NET_DEV_AF_PACKET || kind == NET_DEV_AF_XDP)
		return len == 5 && memcmp(key, "iface", 5) == 0;
	if (kind != NET_DEV_PCAP)
		return false;
	for (size_t i = 0; i < sizeof(pcap) / sizeof(pcap[0]); i++) {
		if (len == strlen(pcap[i]) && memcmp(key, pcap[i], len) == 0)
			return true;
	}
	return false;
}

static int
add_iface(struct net_dev_args *a, const char *value, size_t len, char *why, size_t why_len)
{
	if (len == 0 || len >= sizeof(a->iface[0])) {
		snprintf(why, why_len, "'%.*s' is not the name of an interface (1 to 15 bytes)",
			 (int)len, value);
		return -EINVAL;
	}
	for (unsigned i = 0; i < a->n_iface; i++) {
		if (strlen(a->iface[i]) == len && memcmp(a->iface[i], value, len) == 0)
			return 0;
	}
	if (a->n_iface == NET_DEV_IFACE_MAX) {
		snprintf(why, why_len, "more than %d interfaces in one device", NET_DEV_IFACE_MAX);
		return -EINVAL;
	}
	memcpy(a->iface[a->n_iface], value, len);
	a->iface[a->n_iface++][len] = '\0';
	return 0;
}

// "key=value" pairs after the first comma. *has: which of our defaults the operator gave.
struct given {
	bool qpairs, framesz, blocksz, framecnt;
};

static int
read_pairs(struct net_dev_args *a, const char *text, struct given *has, char *why, size_t why_len)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		const char *eq = memchr(text, '=', len);
		size_t key_len = eq != NULL ? (size_t)(eq - text) : len;

		if (key_len == 0) {
			snprintf(why, why_len, "empty argument; expected \"name,key=value,...\"");
			return -EINVAL;
		}
		if (is_iface_key(a->kind, text, key_len)) {
			const char *value = eq != NULL ? eq + 1 : text + len;
			int ret = add_iface(a, value, (size_t)(text + len - value), why, why_len);

			if (ret < 0)
				return ret;
		}
		has->qpairs |= key_len == 6 && memcmp(text, "qpairs", 6) == 0;
		has->framesz |= key_len == 7 && memcmp(text, "framesz", 7) == 0;
		has->framecnt |= key_len == 8 && memcmp(text, "framecnt", 8) == 0;
		has->blocksz |= key_len == 7 && memcmp(text, "blocksz", 7) == 0;
		text += len + (text[len] == ',');
	}
	return 0;
}

static void
add_defaults(struct net_dev_args *a, const struct given *has, const struct cfg_port *p,
	     unsigned n_queues)
{
	uint32_t frame = net_af_packet_frame(p->mtu);
	uint32_t frames = p->rx_descriptors != 0 ? p->rx_descriptors : AF_PACKET_FRAMES;
	size_t len = strlen(a->probe);

	// 16 is the most that the driver takes.
	if (!has->qpairs && n_queues > 1)
		len += (size_t)snprintf(a->probe + len, sizeof(a->probe) - len, ",qpairs=%u",
					n_queues > 16 ? 16 : n_queues);
	// The driver's own 512 are full within a scheduler's time slice. Blocks hold one frame or
	// two.
	if (!has->framecnt)
		len += (size_t)snprintf(a->probe + len, sizeof(a->probe) - len, ",framecnt=%u",
					(frames + 1) & ~1u);
	// A block holds whole frames; who sets one of the two knows what the other must be.
	if (!has->framesz && !has->blocksz && frame > 2048)
		snprintf(a->probe + len, sizeof(a->probe) - len, ",framesz=%u,blocksz=%u", frame,
			 frame);
}

int
net_dev_args_parse(struct net_dev_args *out, const struct cfg_port *p, unsigned n_queues, char *why,
		   size_t why_len)
{
	const char *dev = p->device;
	size_t name_len = strcspn(dev, ",");
	struct net_dev_args a = {0};
	struct given has = {0};
	int ret;

	if (name_len == 0 || name_len >= sizeof(a.name)) {
		snprintf(why, why_len, "no device name before the first comma (1 to %d bytes)",
			 NET_DEV_NAME_MAX - 1);
		return -EINVAL;
	}
	if (strpbrk(dev, " \t\n") != NULL) {
		snprintf(why, why_len, "a device string has no blanks");
		return -EINVAL;
	}
	// Room for what add_defaults() may append.
	if (strlen(dev) + 64 > sizeof(a.probe)) {
		snprintf(why, why_len, "longer than %zu bytes", sizeof(a.probe) - 64);
		return -EINVAL;
	}
	memcpy(a.name, dev, name_len);
	strcpy(a.probe, dev);
	a.has_args = dev[name_len] == ',';
	a.kind = kind_of(a.name);
	if (a.has_args) {
		ret = read_pairs(&a, dev + name_len + 1, &has, why, why_len);
		if (ret < 0)
			return ret;
	}
	if (a.kind == NET_DEV_AF_PACKET && a.has_args)
		add_defaults(&a, &has, p, n_queues);
	*out = a;
	return 0;
}
