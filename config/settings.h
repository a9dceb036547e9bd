#pragma once
// ringwall.conf: the machine. Read once at start with libconfig. No DPDK here.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg_err.h"

#define CFG_PORTS_MAX	63 // pipeline/pkt.h has one more value, which means "no port"
#define CFG_WORKERS_MAX 64 // pipeline/worker.h

struct cfg_prefix {
	uint8_t family;	  // CFG_IPV4 or CFG_IPV6 (config/policy.h)
	uint8_t addr[16]; // network order; an interface address keeps its host bits
	uint8_t len;	  // prefix length in bits
	struct cfg_pos pos;
};

struct cfg_port {
	char *name;   // what -i and -o mean; at most 15 bytes
	char *device; // DPDK device string: PCI address or vdev with arguments
	char *twin;   // name of the twin TAP in the host's stack; NULL: `name`; "none": no twin
	struct cfg_prefix *address;
	size_t n_address;
	uint32_t mtu; // bytes of IP; 1500 where not given
	uint8_t mac[6];
	bool mac_set; // `lladdr` given: the port's address, else the device's own
	bool promiscuous;
	uint32_t rx_queues;	 // 0: as many as workers, at most what the device has
	uint32_t rx_descriptors; // 0: the driver's default
	uint32_t tx_descriptors;
	struct cfg_pos pos;
};

struct cfg_route {
	struct cfg_prefix to;
	struct cfg_prefix via; // family 0: on link through `port`
	char *port;	       // NULL: found from `via`
	bool blackhole;
	struct cfg_pos pos;
};

struct cfg_neighbour {
	char *port;
	struct cfg_prefix address;
	uint8_t lladdr[6];
	struct cfg_pos pos;
};

enum cfg_poll { CFG_POLL_BUSY, CFG_POLL_ADAPTIVE };

enum cfg_sink_kind {
	CFG_SINK_NONE,
	CFG_SINK_SYSLOG,
	CFG_SINK_STDERR,
	CFG_SINK_FILE,
	CFG_SINK_SOCKET,
	CFG_SINK_UDP
};
struct cfg_sink {
	enum cfg_sink_kind kind;
	char *path;	  // FILE and SOCKET, absolute
	uint8_t family;	  // UDP: CFG_IPV4 or CFG_IPV6 (config/policy.h)
	uint8_t addr[16]; // UDP: network order
	uint16_t port;	  // UDP: host order
};

struct cfg_log {	    // where the lines of LOG, TRACE and AUDIT go
	struct cfg_sink to; // kind NONE: not given, the daemon takes syslog
	uint32_t rate;	    // lines per second; 0: as many as come
	uint32_t burst;	    // lines at once
};

struct cfg_nflog { // where the packets of an NFLOG group go
	uint32_t group;
	struct cfg_sink to;
	uint32_t max_mib; // of a file, before it is put aside; 0: it grows for ever
	struct cfg_pos pos;
};

enum cfg_flow_format { CFG_FLOW_JSON, CFG_FLOW_IPFIX };
enum cfg_flow_event { // bits
	CFG_FLOW_NEW = 1 << 0,
	CFG_FLOW_UPDATE = 1 << 1,
	CFG_FLOW_DESTROY = 1 << 2,
	CFG_FLOW_ASSIGN = 1 << 3, // blocks of ports
	CFG_FLOW_RELEASE = 1 << 4,
};
#define CFG_NOT_GIVEN UINT32_MAX
struct cfg_flow_log {	    // a log of flows and translations
	struct cfg_sink to; // FILE or UDP
	enum cfg_flow_format format;
	bool translated;       // only flows that NAT changes
	uint8_t events;	       // of enum cfg_flow_event; 0: not given, NEW and DESTROY
	uint32_t domain;       // IPFIX: observation domain; CFG_NOT_GIVEN: 1
	uint32_t template_sec; // IPFIX over UDP: templates go out again; CFG_NOT_GIVEN: 600
	struct cfg_pos pos;
};

struct cfg_settings {
	char *file;
	char **eal; // EAL arguments without argv[0]
	size_t n_eal;
	unsigned *worker; // lcore ids; empty: every lcore but the main one
	size_t n_worker;
	// Path, made absolute relative to the file; NULL: not given (ringwalld refuses that).
	char *policy;
	char *control; // socket path; default /run/ringwall/control.sock
	enum cfg_poll poll;
	bool verdict_cache; // default true
	struct cfg_port *port;
	size_t n_port;
	struct cfg_route *route;
	size_t n_route;
	struct cfg_neighbour *neighbour;
	size_t n_neighbour;
	struct cfg_log log;
	struct cfg_nflog *nflog;
	size_t n_nflog;
	struct cfg_flow_log *flow_log;
	size_t n_flow_log;
	// Table sizes (the table in config/settings.c names every key with its limits and default).
	uint32_t flows;	     // conntrack entries, whole system
	uint32_t mbufs;	     // packet buffers, whole system; 0: not given, see cfg_settings_mbufs()
	uint32_t neighbours; // neighbour entries
	uint32_t routes4, routes6;
	uint32_t fragments;    // datagrams in reassembly, per worker
	uint32_t rules_memory; // MiB that one compiled policy may take; 0: no bound but EAL's
	uint32_t events;       // pieces of 64 bytes of what a worker tells control, per worker
	uint32_t flow_events;  // events of flows that wait, per worker, once somebody listens
};

// The file at path. Every error goes to err with its place. 0, or -EINVAL after at least one error,
// or -errno of reading it, or -ENOMEM; *out only on 0. Relative paths in the file start at its own
// folder. Any thread.
int cfg_settings_load(struct cfg_settings **out, const char *path, struct cfg_err *err);
// The same for NUL-terminated text; dir: absolute path where relative ones start. err->file names
// it in messages.
int cfg_settings_from_text(struct cfg_settings **out, const char *text, const char *dir,
			   struct cfg_err *err);
void cfg_settings_free(struct cfg_settings *s); // NULL is fine

// Packet buffers to make: `mbufs` where it was given, else enough to fill every descriptor of every
// port and twin while each worker holds its bursts, cache, hand-over ring and reassembly.
uint32_t cfg_settings_mbufs(const struct cfg_settings *s, unsigned n_workers);
