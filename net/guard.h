#pragma once
// Keeps the host's own stack off a kernel interface that is a port of the gateway (net_af_packet,
// net_af_xdp, net_pcap on an interface): the kernel still gets every frame there and must neither
// answer it nor carry it around the firewall. Control thread.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_guard;

// Remembers and sets the interface's sysctls, turns receive offloads off that would merge packets,
// and brings it up. Refuses an interface that still has addresses. 0, or -errno with the reason in
// words in why; then the interface is as it was.
int net_guard_start(struct net_guard **out, const char *iface, char *why, size_t why_len);
// Sets the interface's MTU, for drivers that cannot. As net_guard_start().
int net_guard_mtu(struct net_guard *g, uint32_t mtu, char *why, size_t why_len);
// Is everything still as net_guard_start() set it? If not, why says what the host's stack would do.
bool net_guard_holds(const struct net_guard *g, char *why, size_t why_len);
// Does the interface have a link? Several drivers say yes whatever the interface does.
bool net_guard_running(const struct net_guard *g);
// Puts back what was changed (MAC and MTU too, which drivers may have changed meanwhile) where the
// interface still exists. NULL is fine.
void net_guard_stop(struct net_guard *g);
