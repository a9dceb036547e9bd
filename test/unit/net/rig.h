#pragma once
// A gateway of three ports in one process for the tests of net's stages: a worker that runs parse,
// defrag, route, a hook of the test, reject and output, and tx functions that keep what they are
// given.
#include "net/net.h"
#include "test/lib/tl.h"

#define RIG_LAN 0 // 10.1.0.1/24, 2001:db8:1::1/64, MAC 02:00:00:00:00:01
#define RIG_WAN 1 // 10.2.0.1/24, 2001:db8:2::1/64, MAC 02:00:00:00:00:02
#define RIG_DMZ 2 // 10.3.0.1/24, 2001:db8:3::1/64, MAC 02:00:00:00:00:03, nobody resolved there
// .2 and ::2 of lan and wan are known: 02:00:00:00:01:02 and 02:00:00:00:02:02.

#define RIG_KEPT 512
struct rig_queue {
	struct rte_mbuf **m; // RIG_KEPT
	unsigned n;
	unsigned refuse; // frames that the driver will not take
};

struct rig {
	struct pl_worker *w;
	struct net_table *t;
	struct rig_queue wire[3], host[3];
	unsigned free_before; // buffers in the pool
};

// Called for every packet after the routing decision; may set p->reject, p->mark ... NULL: nothing.
extern void (*rig_hook)(struct pl_worker *w, struct pl_pkt *p);

void rig_up(struct rig *r);
void rig_down(struct rig *r); // checks that every buffer came back to the pool
// Feeds one frame and flushes. origin PL_FROM_WIRE or PL_FROM_HOST.
void rig_feed(struct rig *r, struct rte_mbuf *m, uint8_t port, uint8_t origin);
void rig_clear(struct rig *r);		   // forgets the frames kept and the drop counters
void rig_idle(struct rig *r, uint64_t ns); // lets time pass: one turn without packets
void rig_mtu(struct rig *r, uint8_t port, uint16_t mtu);

struct cfg_prefix rig_prefix(const char *text); // "10.0.0.0/8", "2001:db8::1"
struct rte_mbuf *rig_frame(const uint8_t *bytes, unsigned len);
struct rte_mbuf *rig_hex(const char *hex); // a whole frame
uint64_t rig_drops(const struct rig *r);   // of all reasons
// One line about what differs between the frame and the hex text, NULL: equal. The IPv4
// identification and the header checksum that covers it, and the IPv6 flow label are not compared
// (checksums are verified instead).
const char *rig_differs(const struct rte_mbuf *m, const char *hex);
