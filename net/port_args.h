#pragma once
// Device strings of ringwall.conf: "net_af_packet0,iface=veth-lan,qpairs=2" or "0000:03:00.0". Pure
// text.
#include "config/settings.h"

#define NET_DEV_NAME_MAX  64 // RTE_DEV_NAME_MAX_LEN
#define NET_DEV_ARGS_MAX  512
#define NET_DEV_IFACE_MAX 4

enum net_dev_kind {
	NET_DEV_OTHER,	   // its frames do not pass the host's stack
	NET_DEV_AF_PACKET, // shares a kernel interface; both get every frame
	NET_DEV_AF_XDP,	   // shares a kernel interface; the host gets what the XDP program passes
	NET_DEV_PCAP,	   // files, or kernel interfaces shared as with af_packet
};

struct net_dev_args {
	enum net_dev_kind kind;
	char name[NET_DEV_NAME_MAX];  // device name: before the first comma
	char probe[NET_DEV_ARGS_MAX]; // what rte_dev_probe() gets: the string with our defaults
				      // added
	bool has_args;		      // the operator gave arguments
	char iface[NET_DEV_IFACE_MAX][16]; // kernel interfaces that the device shares
	unsigned n_iface;
};

// Takes the string of p apart and adds what net_af_packet needs for p's MTU and n_queues queue
// pairs where the operator said nothing. 0, or -EINVAL with the reason in words in why.
int net_dev_args_parse(struct net_dev_args *out, const struct cfg_port *p, unsigned n_queues,
		       char *why, size_t why_len);

// Bytes that a frame of net_af_packet's ring takes for IP packets of mtu bytes: half a block, or a
// block, so that frames fill blocks without a gap (the driver counts on that). Blocks are whole
// pages.
uint32_t net_af_packet_frame(uint32_t mtu);
