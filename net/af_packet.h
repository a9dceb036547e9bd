#pragma once
// What DPDK's net_af_packet needs besides its arguments. Control thread.
#include <stddef.h>

#define NET_AF_PACKET_QUEUES 64

// rte_dev_probe() for a net_af_packet device, so that the kernel does not reassemble fragments for
// it (see the head of af_packet.c). 0 or -errno.
int net_af_packet_probe(const char *devargs);
// Spreads what the interface receives over the n sockets of its device, by flow. Before that each
// of them gets everything. 0, or -errno with the reason in words in why.
int net_af_packet_spread(unsigned ifindex, unsigned n, char *why, size_t why_len);
// The device's sockets in the order of its queues, to wait for with epoll: descriptors of the
// driver's, not to be closed or read. How many there are.
unsigned net_af_packet_sockets(unsigned ifindex, int fd[NET_AF_PACKET_QUEUES]);
