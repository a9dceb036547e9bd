#pragma once
// What a rule can ask of a packet beyond addresses, interfaces and protocol: -m. Part of the policy
// model: see config/policy.h. Multi-byte integers are in host order, addresses are bytes in network
// order.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg_err.h"

struct cfg_range16 {
	uint16_t lo, hi; // both inclusive
};

#define CFG_IFNAMSIZ 16
struct cfg_iface {
	char name[CFG_IFNAMSIZ]; // without the '+'; "" and not wildcard: option not given
	bool wildcard;		 // name is a prefix ("eth+"); the bare "+" is "" and wildcard
	bool invert;
};

struct cfg_range32 {
	uint32_t lo, hi; // both inclusive
};

// In the alphabet's order.
enum cfg_match_id {
	CFG_M_ADDRTYPE,	 // -m addrtype
	CFG_M_AH,	 // -m ah
	CFG_M_BPF,	 // -m bpf
	CFG_M_CGROUP,	 // -m cgroup
	CFG_M_CLUSTER,	 // -m cluster
	CFG_M_COMMENT,	 // -m comment
	CFG_M_CONNBYTES, // -m connbytes
	CFG_M_CONNLABEL, // -m connlabel
	CFG_M_CONNLIMIT, // -m connlimit
	CFG_M_CONNMARK,	 // -m connmark
	CFG_M_CONNTRACK, // -m conntrack
	CFG_M_CPU,	 // -m cpu
	CFG_M_DCCP,	 // -m dccp
	CFG_M_DEVGROUP,	 // -m devgroup
	CFG_M_DSCP,	 // -m dscp
	CFG_M_DST,	 // -m dst, IPv6 only
	CFG_M_ECN,	 // -m ecn
	CFG_M_ESP,	 // -m esp
	CFG_M_EUI64,	 // -m eui64, IPv6 only
	CFG_M_FRAG,	 // -m frag, IPv6 only
	CFG_M_HASHLIMIT, // -m hashlimit
	CFG_M_HBH,	 // -m hbh, IPv6 only
	CFG_M_HELPER,	 // -m helper
	CFG_M_HL,	 // -m hl, IPv6 only
	CFG_M_ICMP,	 // -m icmp
	CFG_M_ICMP6,	 // -m icmp6
	CFG_M_IP6HEADER, // -m ipv6header, IPv6 only
	CFG_M_IPCOMP,	 // -m ipcomp
	CFG_M_IPRANGE,	 // -m iprange
	CFG_M_LENGTH,	 // -m length
	CFG_M_LIMIT,	 // -m limit
	CFG_M_MAC,	 // -m mac
	CFG_M_MARK,	 // -m mark
	CFG_M_MH,	 // -m mh, IPv6 only
	CFG_M_MULTIPORT, // -m multiport
	CFG_M_NFACCT,	 // -m nfacct
	CFG_M_OSF,	 // -m osf, IPv4 only
	CFG_M_OWNER,	 // -m owner
	CFG_M_PHYSDEV,	 // -m physdev
	CFG_M_PKTTYPE,	 // -m pkttype
	CFG_M_POLICY,	 // -m policy
	CFG_M_QUOTA,	 // -m quota
	CFG_M_REALM,	 // -m realm, IPv4 only
	CFG_M_RECENT,	 // -m recent
	CFG_M_RPFILTER,	 // -m rpfilter
	CFG_M_RT,	 // -m rt, IPv6 only
	CFG_M_SCTP,	 // -m sctp
	CFG_M_SET,	 // -m set
	CFG_M_SOCKET,	 // -m socket
	CFG_M_STATE,	 // -m state --state
	CFG_M_STATISTIC, // -m statistic
	CFG_M_STRING,	 // -m string
	CFG_M_TCP,	 // -m tcp
	CFG_M_TCPMSS,	 // -m tcpmss
	CFG_M_TIME,	 // -m time
	CFG_M_TOS,	 // -m tos
	CFG_M_TTL,	 // -m ttl, IPv4 only
	CFG_M_U32,	 // -m u32
	CFG_M_UDP,	 // -m udp
	CFG_MATCHES,
};

// Bits of --ctstate; the values are those of struct pl_pkt's ct_state (pipeline/pkt.h asserts
// that).
enum cfg_ctstate {
	CFG_CT_INVALID = 1 << 0,
	CFG_CT_ESTABLISHED = 1 << 1,
	CFG_CT_RELATED = 1 << 2,
	CFG_CT_NEW = 1 << 3,
	CFG_CT_SNAT = 1 << 4,
	CFG_CT_DNAT = 1 << 5,
	CFG_CT_UNTRACKED = 1 << 6,
};

struct cfg_m_ports {			 // tcp, udp
	struct cfg_range16 sport, dport; // 0..65535 where not given
	bool sport_set, dport_set;	 // given, even if 0:65535
	bool sport_inv, dport_inv;
	bool flags_set, flags_inv; // tcp only: --tcp-flags mask comp, --syn
	uint8_t flags_mask, flags_comp;
	uint8_t option; // tcp only: --tcp-option kind, 0 where not given
	bool option_inv;
};

struct cfg_m_icmp { // icmp, icmp6
	bool set;
	bool invert;
	uint8_t type; // 255 with codes 0..255 in IPv4: any
	uint8_t code_lo, code_hi;
};

#define CFG_MULTIPORT_MAX 15
enum cfg_multiport_side { CFG_MP_SOURCE, CFG_MP_DESTINATION, CFG_MP_EITHER };
struct cfg_m_multiport {
	enum cfg_multiport_side side;
	bool invert;
	uint8_t n;
	struct cfg_range16 range[CFG_MULTIPORT_MAX];
};

struct cfg_m_state {  // conntrack --ctstate, state --state
	uint8_t mask; // of enum cfg_ctstate; 0: not given (conntrack)
	bool invert;
};

// What else -m conntrack can ask: the match's data, NULL where nothing of it was given.
enum cfg_conn_field { // bits; addresses and ports in this order in their arrays too
	CFG_CONN_ORIGSRC = 1 << 0,
	CFG_CONN_ORIGDST = 1 << 1,
	CFG_CONN_REPLSRC = 1 << 2,
	CFG_CONN_REPLDST = 1 << 3,
	CFG_CONN_ORIGSRCPORT = 1 << 4,
	CFG_CONN_ORIGDSTPORT = 1 << 5,
	CFG_CONN_REPLSRCPORT = 1 << 6,
	CFG_CONN_REPLDSTPORT = 1 << 7,
	CFG_CONN_PROTO = 1 << 8,
	CFG_CONN_STATUS = 1 << 9,
	CFG_CONN_EXPIRE = 1 << 10,
	CFG_CONN_DIR = 1 << 11,
};
enum cfg_conn_status { // bits of --ctstatus; none: NONE
	CFG_CONN_EXPECTED = 1 << 0,
	CFG_CONN_SEEN_REPLY = 1 << 1,
	CFG_CONN_ASSURED = 1 << 2,
	CFG_CONN_CONFIRMED = 1 << 3,
};
struct cfg_conn {
	uint16_t set, inv; // of enum cfg_conn_field
	uint8_t proto;
	uint8_t status; // of enum cfg_conn_status
	bool reply;	// --ctdir REPLY
	uint8_t family; // of the addresses
	struct {	// bits outside of the mask count nothing, and are printed
		uint8_t addr[16], mask[16];
	} addr[4];
	struct cfg_range16 port[4];    // may run backwards: then no port is in it
	uint32_t expire_lo, expire_hi; // seconds, both inclusive; may run backwards
};

#define CFG_CLUSTER_NODES 32
struct cfg_m_cluster {
	uint32_t total, seed;
	uint32_t mask; // bit per node that is meant
	bool invert;
};

enum cfg_connbytes { CFG_CB_PACKETS, CFG_CB_BYTES, CFG_CB_AVGPKT };
enum cfg_connbytes_dir { CFG_CB_ORIGINAL, CFG_CB_REPLY, CFG_CB_BOTH };
struct cfg_m_connbytes {
	uint64_t from, to; // both inclusive; from > to: what is below `to` or above `from`
	uint8_t what;	   // enum cfg_connbytes
	uint8_t dir;	   // enum cfg_connbytes_dir
};

#define CFG_CONNLABELS 128 // a flow has
struct cfg_m_connlabel {
	uint8_t bit;
	bool set; // the flow has it from now on
	bool invert;
};

struct cfg_m_connlimit {
	uint32_t limit;
	uint8_t mask; // prefix length; it may be longer than an address
	bool set, mask_set;
	bool above; // matches more than the limit, not what is within it
	bool daddr; // by the packet's destination
};
// How many bits of an address count. family: CFG_IPV4 or CFG_IPV6.
unsigned cfg_connlimit_bits(const struct cfg_m_connlimit *m, unsigned family);

#define CFG_HELPER_NAME 30 // with the NUL
struct cfg_m_helper {
	char name[CFG_HELPER_NAME]; // "": any
	bool invert;
};

struct cfg_m_mark { // the packet's, or connmark: the flow's mark & mask is value: bits outside the
		    // mask never match
	uint32_t value, mask;
	bool invert;
};

struct cfg_m_length {		  // of the IP packet, headers included
	struct cfg_range16 range; // may run backwards: then no length is in it
	bool invert;
};

struct cfg_m_iprange {
	uint8_t family; // of the addresses
	bool src_set, src_inv, dst_set, dst_inv;
	uint8_t src_lo[16], src_hi[16], dst_lo[16], dst_hi[16]; // both inclusive
};

enum cfg_ttl_op { CFG_TTL_EQ, CFG_TTL_LT, CFG_TTL_GT };
struct cfg_m_ttl { // ttl, hl
	uint8_t op, value;
	bool invert; // EQ only
};

// What the frame that brought the packet was addressed to. Nothing for another host gets as far as
// a rule.
enum cfg_pkttype { CFG_PKT_UNICAST, CFG_PKT_BROADCAST, CFG_PKT_MULTICAST, CFG_PKT_OTHERHOST };
struct cfg_m_pkttype {
	uint8_t type; // enum cfg_pkttype
	bool invert;
};

struct cfg_m_mac { // source address of the frame
	uint8_t addr[6];
	bool invert;
};

struct cfg_m_tos { // tos; dscp: value is the upper six bits, no mask
	uint8_t value, mask;
	bool invert;
};

struct cfg_m_ecn {
	bool ece, ece_inv, cwr, cwr_inv; // TCP flags that must be set, or clear
	bool ect_set, ect_inv;
	uint8_t ect; // lower two bits of the TOS byte
};

// Credits as netfilter counts them: xt_limit with 250 ticks a second.
#define CFG_LIMIT_TICKS	  250 // per second
#define CFG_LIMIT_CREDITS 128 // gained per tick
struct cfg_m_limit {
	uint32_t avg;	// 1/10000 seconds per packet; 0: 3 an hour
	uint32_t burst; // packets; 0: 5
};
// What a packet costs and how much can be saved up, in credits. False: netfilter's 32 bits cannot
// hold so much, and it refuses the rule.
bool cfg_limit_credits(const struct cfg_m_limit *limit, uint32_t *cost, uint32_t *cap);
// The rate as iptables prints it: how many per "sec", "min", "hour" or "day".
uint32_t cfg_limit_rate(const struct cfg_m_limit *limit, const char **unit);

// Bits are those of Linux's route types (RTN_*), in the order in which iptables names them.
enum cfg_addrtype {
	CFG_AT_UNSPEC = 1 << 0,
	CFG_AT_UNICAST = 1 << 1,
	CFG_AT_LOCAL = 1 << 2,
	CFG_AT_BROADCAST = 1 << 3,
	CFG_AT_ANYCAST = 1 << 4,
	CFG_AT_MULTICAST = 1 << 5,
	CFG_AT_BLACKHOLE = 1 << 6,
	CFG_AT_UNREACHABLE = 1 << 7,
	CFG_AT_PROHIBIT = 1 << 8,
	CFG_AT_THROW = 1 << 9,
	CFG_AT_NAT = 1 << 10,
	CFG_AT_XRESOLVE = 1 << 11,
	// What can be asked about an IPv6 address.
	CFG_AT_IPV6 = CFG_AT_UNSPEC | CFG_AT_UNICAST | CFG_AT_LOCAL | CFG_AT_ANYCAST |
		      CFG_AT_MULTICAST | CFG_AT_UNREACHABLE,
};
struct cfg_m_addrtype {
	uint16_t src, dst; // of enum cfg_addrtype; 0: not asked
	bool src_inv, dst_inv;
	bool limit_in, limit_out; // only addresses of the interface count
};

struct cfg_m_rpfilter { // is the way back to the source the way that the packet came?
	bool loose, validmark, accept_local, invert;
};
struct cfg_match;
enum cfg_hashlimit_mode { // what makes a bucket
	CFG_HL_SRCIP = 1 << 0,
	CFG_HL_SRCPORT = 1 << 1,
	CFG_HL_DSTIP = 1 << 2,
	CFG_HL_DSTPORT = 1 << 3,
};
// As written; cfg_hashlimit_resolve() makes of it what counts. The table's name is the data.
struct cfg_m_hashlimit {
	uint64_t avg;	// millionths of a second per packet; bytes: cfg_hashlimit_cost(); 0: none
	uint64_t burst; // packets or bytes
	uint32_t unit;	// of the rate, in seconds; bytes: 15
	uint32_t size, max, gcinterval, expire, interval; // 0: not given; ms, ms, seconds
	uint8_t mode;					  // of enum cfg_hashlimit_mode
	uint8_t srcmask, dstmask;			  // prefix lengths
	bool srcmask_set, dstmask_set, burst_set;
	bool above; // matches what exceeds the rate, not what keeps within it
	bool bytes, rate_match;
};
#define CFG_HL_SCALE		 UINT64_C(1000000) // of a second
#define CFG_HL_SIZE_MAX		 1048576	   // of both sizes of a table
#define CFG_HL_BURST_MAX	 1000000	   // packets
#define CFG_HL_GCINTERVAL	 1000		   // ms, where not given
#define CFG_HL_BYTE_EXPIRE	 15000		   // ms: of byte rates without a burst
#define CFG_HL_BYTE_EXPIRE_BURST 60000
// Credits gained per tick (CFG_LIMIT_TICKS), for packets and for bytes.
#define CFG_HL_CREDITS	    (UINT64_C(1) << 39)
#define CFG_HL_BYTE_CREDITS (UINT64_C(1) << 24)
struct cfg_hashlimit {
	uint64_t avg;	// as above; with rate_match and packets per second, whatever was written
	uint64_t burst; // packets; bytes: multiples of the rate
	uint32_t size, max; // 0: netfilter's defaults
	uint32_t gcinterval, expire, interval;
	uint8_t mode, srcmask, dstmask;
	uint8_t bits; // of an address
	bool bytes, rate_match;
};
const char *cfg_hashlimit_name(const struct cfg_match *m);
// What the words amount to, padding zero. family: CFG_IPV4 or CFG_IPV6.
void cfg_hashlimit_resolve(const struct cfg_m_hashlimit *m, unsigned family,
			   struct cfg_hashlimit *out);
// Why netfilter refuses it in the family; NULL: it does not.
const char *cfg_hashlimit_bad(const struct cfg_m_hashlimit *m, unsigned family);
uint64_t cfg_hashlimit_factor(char letter);	    // m: 1024 * 1024, k: 1024, else 1
uint64_t cfg_hashlimit_cost(uint64_t bytes);	    // what a rate in bytes a second is kept as
uint64_t cfg_hashlimit_bytes(uint64_t cost);	    // the other way, rounded to sixteens
uint64_t cfg_hashlimit_credits(uint64_t time);	    // of so many millionths of a second
uint32_t cfg_hashlimit_byte_credits(uint64_t cost); // of sixteen bytes at that rate

struct cfg_m_cpu { // the worker's number
	uint32_t number;
	bool invert;
};

struct cfg_m_quota {
	uint64_t bytes;
	bool invert;
};

struct cfg_m_statistic {
	bool nth; // else random
	bool invert, probability_set, packet_set;
	uint32_t probability;	// of 0x80000000
	uint32_t every, packet; // nth: every so many, the first one at packet
};

struct cfg_m_time {
	uint32_t date_start, date_stop; // seconds since 1970, both inclusive
	uint32_t day_start;		// second of the day
	uint32_t day_rest;		// seconds after its end: 0 where it lasts until 23:59:59
	uint32_t not_monthdays;		// bit per day, 1 to 31
	uint32_t not_weekdays;		// the same, Monday is 1
	bool date_stop_set;		// else the end of 32-bit time
	bool contiguous, kerneltz;
};
// now: seconds since 1970, in the time that the match is about. Pure.
bool cfg_time_matches(const struct cfg_m_time *m, int64_t now);

enum cfg_recent_op {
	CFG_RECENT_NONE,
	CFG_RECENT_SET,
	CFG_RECENT_RCHECK,
	CFG_RECENT_UPDATE,
	CFG_RECENT_REMOVE
};
// The table's name is the match's data; see cfg_recent_name().
struct cfg_m_recent {
	uint8_t op; // enum cfg_recent_op
	bool invert, reap, rttl, dest;
	uint8_t mask_family; // of the mask; 0: none given, every bit counts
	uint8_t mask[16];
	uint32_t seconds, hitcount; // 0: not given
};
#define CFG_RECENT_HITS_MAX 65535
const char *cfg_recent_name(const struct cfg_match *m);

#define CFG_STRING_MAX 128
struct cfg_m_string { // the pattern's bytes are in data
	uint16_t from;
	uint16_t not_after; // 65535 - to
	bool kmp, icase, invert;
};

#define CFG_U32_MAX 10
enum cfg_u32_op { CFG_U32_AND, CFG_U32_LEFT, CFG_U32_RIGHT, CFG_U32_AT };
struct cfg_u32_test { // data is an array of these
	uint8_t n_loc, n_val;
	struct {
		uint32_t op; // enum cfg_u32_op before the number; the first has none
		uint32_t number;
	} loc[CFG_U32_MAX];
	struct cfg_range32 val[CFG_U32_MAX]; // may run backwards: then nothing is in it
};
struct cfg_m_u32 {
	bool invert;
};

#define CFG_BPF_MAX 64 // instructions (linux/filter.h's struct sock_filter) in a bpf match's data

enum cfg_sctp_chunks { CFG_SCTP_NO_CHUNKS, CFG_SCTP_ANY, CFG_SCTP_ALL, CFG_SCTP_ONLY };
struct cfg_sctp_flag {
	uint8_t type, mask, value;
};
struct cfg_m_sctp {
	struct cfg_range16 sport, dport;
	bool sport_set, dport_set, sport_inv, dport_inv, chunk_inv;
	uint8_t chunk_how; // enum cfg_sctp_chunks
	uint8_t n_flag;
	struct cfg_sctp_flag flag[3]; // of DATA, ABORT and SHUTDOWN_COMPLETE
	uint8_t chunk[32];	      // bit per type
};

struct cfg_m_dccp {
	struct cfg_range16 sport, dport; // may run backwards: then nothing is in it
	bool sport_set, dport_set, sport_inv, dport_inv, types_inv, option_inv;
	uint8_t option; // 0: not asked
	uint16_t types; // bit per packet type; 0: not asked
};

struct cfg_m_spi { // esp, ah, ipcomp; the length is of ah in IPv6
	struct cfg_range32 range;
	uint32_t len; // of the header in bytes; 0: not asked
	bool set, invert, len_set, len_inv, res;
};

// ---- IPv6's extension headers (RFC 8200); lengths in bytes
struct cfg_m_frag {	       // frag
	struct cfg_range32 id; // may run backwards: then nothing is in it
	uint32_t len;	       // asked, and changes nothing: the header has no length
	bool id_set, id_inv, len_set, len_inv;
	bool res; // reserved bits are 0
	bool first, more, last;
};

#define CFG_OPTS_MAX	16
#define CFG_OPT_ANY_LEN 255
struct cfg_m_opts { // hbh, dst: the header's length, and the options that it begins with
	uint32_t len;
	bool len_set, len_inv;
	uint8_t n;
	struct {
		uint8_t type, len; // CFG_OPT_ANY_LEN: any
	} opt[CFG_OPTS_MAX];
};

#define CFG_RT_ADDRS_MAX 16
struct cfg_m_rt { // rt; the addresses that it must have, 16 bytes each, are in data
	uint32_t type, len;
	struct cfg_range32 left; // segments left; may run backwards
	bool type_set, type_inv, left_set, left_inv, len_set, len_inv;
	bool res;	 // reserved bits are 0
	bool not_strict; // the addresses may have others between them
};

struct cfg_m_mh { // mh
	uint8_t lo, hi;
	bool set, invert;
};

enum cfg_ip6header {
	CFG_H6_PROTO = 1 << 0, // anything that is no extension header
	CFG_H6_DST = 1 << 1,
	CFG_H6_NONE = 1 << 2,
	CFG_H6_ESP = 1 << 3,
	CFG_H6_AH = 1 << 4,
	CFG_H6_FRAG = 1 << 5,
	CFG_H6_ROUTE = 1 << 6,
	CFG_H6_HOP = 1 << 7,
};
struct cfg_m_ip6header {   // ipv6header
	uint8_t headers;   // of enum cfg_ip6header: just these, or soft: these at least
	bool soft, invert; // both: none of these
};

enum cfg_physdev {
	CFG_PD_IN = 1 << 0,
	CFG_PD_OUT = 1 << 1,
	CFG_PD_IS_BRIDGED = 1 << 2,
	CFG_PD_IS_IN = 1 << 3,
	CFG_PD_IS_OUT = 1 << 4,
};
struct cfg_m_physdev {
	uint8_t asked, inverted; // of enum cfg_physdev
	struct cfg_iface in, out;
};

enum cfg_policy_bit {
	CFG_POL_REQID = 1 << 0,
	CFG_POL_SPI = 1 << 1,
	CFG_POL_PROTO = 1 << 2,
	CFG_POL_MODE = 1 << 3,
	CFG_POL_DST = 1 << 4,
	CFG_POL_SRC = 1 << 5,
};
#define CFG_POLICY_MAX 4
struct cfg_policy_element {
	uint8_t asked, inverted; // of enum cfg_policy_bit
	uint8_t proto;
	bool tunnel;
	uint32_t reqid, spi;
	uint8_t family;		// of the addresses
	uint8_t len[2];		// their prefix lengths; 255: printed without one
	uint8_t address[2][16]; // destination, source; host bits as written
};
struct cfg_m_policy { // data: CFG_POLICY_MAX of struct cfg_policy_element; NULL: nothing is asked
	bool dir_set, out, none, strict;
	uint8_t last; // element that counts
	uint8_t now;  // the readers': element that options are about
};

// ---- What only a host knows of its own packets: part of the language, never run here.
struct cfg_m_owner {
	bool uid_set, uid_inv, gid_set, gid_inv, suppl_groups, socket, socket_inv;
	struct cfg_range32 uid, gid;
};
struct cfg_m_cgroup {
	bool classid_set, path_set, invert; // the path is in data
	uint32_t classid;
};
struct cfg_m_socket {
	bool transparent, nowildcard, restore_skmark;
};
struct cfg_m_osf { // the genre is in data
	bool invert, ttl_set, log_set;
	uint8_t ttl, log;
};
struct cfg_devgroup {
	bool set, invert;
	uint32_t value, mask;
};
struct cfg_m_devgroup {
	struct cfg_devgroup src, dst;
};
struct cfg_m_realm {
	uint32_t id, mask;
	bool invert;
};

#define CFG_SET_DIRS 6
struct cfg_set_ref { // data of a match set: one; of a target SET: three (enum cfg_set_what)
	char name[32];
	uint8_t n;   // of src and dst
	uint8_t src; // bit i: the i-th is src
};
enum cfg_set_op { CFG_SET_NONE, CFG_SET_EQ, CFG_SET_LT, CFG_SET_GT };
struct cfg_m_set {
	bool invert, return_nomatch, keep_counters, keep_subcounters;
	bool packets_inv, bytes_inv;  // EQ only
	uint8_t packets_op, bytes_op; // enum cfg_set_op
	uint64_t packets, bytes;
};

struct cfg_match {
	enum cfg_match_id id;
	uint32_t slot;	  // acl's own, in its copy: where a worker keeps what the match remembers
	size_t data_size; // bytes of data
	void *data;	  // owned, one flat piece: what is too large for most rules, such as a
			  // comment's text (NUL-terminated, at most 255 bytes); NULL: nothing
	struct cfg_pos pos;
	union {
		struct cfg_m_ports ports; // CFG_M_TCP, CFG_M_UDP
		struct cfg_m_icmp icmp;
		struct cfg_m_multiport multiport;
		struct cfg_m_state state; // CFG_M_CONNTRACK, CFG_M_STATE
		struct cfg_m_mark mark;	  // CFG_M_MARK, CFG_M_CONNMARK
		struct cfg_m_cluster cluster;
		struct cfg_m_connbytes connbytes;
		struct cfg_m_connlabel connlabel;
		struct cfg_m_connlimit connlimit;
		struct cfg_m_helper helper;
		struct cfg_m_length length; // CFG_M_LENGTH, CFG_M_TCPMSS
		struct cfg_m_iprange iprange;
		struct cfg_m_ttl ttl; // CFG_M_TTL, CFG_M_HL
		struct cfg_m_pkttype pkttype;
		struct cfg_m_mac mac;
		struct cfg_m_time time;
		struct cfg_m_tos tos; // CFG_M_TOS, CFG_M_DSCP
		struct cfg_m_ecn ecn;
		struct cfg_m_limit limit;
		struct cfg_m_addrtype addrtype;
		struct cfg_m_rpfilter rpfilter;
		struct cfg_m_sctp sctp;
		struct cfg_m_spi spi; // CFG_M_AH, CFG_M_ESP, CFG_M_IPCOMP
		struct cfg_m_dccp dccp;
		struct cfg_m_frag frag;
		struct cfg_m_opts opts; // CFG_M_DST, CFG_M_HBH
		struct cfg_m_rt rt;
		struct cfg_m_mh mh;
		struct cfg_m_ip6header ip6header;
		struct cfg_m_physdev physdev;
		struct cfg_m_policy policy;
		struct cfg_m_string string;
		struct cfg_m_u32 u32;
		struct cfg_m_owner owner;
		struct cfg_m_cgroup cgroup;
		struct cfg_m_socket socket;
		struct cfg_m_osf osf;
		struct cfg_m_realm realm;
		struct cfg_m_devgroup devgroup;
		struct cfg_m_hashlimit hashlimit;
		struct cfg_m_recent recent;
		struct cfg_m_cpu cpu;
		struct cfg_m_quota quota;
		struct cfg_m_statistic statistic;
		struct cfg_m_set set;
	};
};

// A second match that owns a copy of the data. False: no memory, *to is left alone.
bool cfg_match_copy(struct cfg_match *to, const struct cfg_match *from);
const char *cfg_match_name(enum cfg_match_id id); // "multiport"
