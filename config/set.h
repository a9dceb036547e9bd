#pragma once
// Sets, as ipset has them: addresses, networks, ports and more under one name, which rules ask for
// by the match set and change by the target SET. Part of the policy model: see config/policy.h.
// Multi-byte integers are in host order, addresses are bytes in network order.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg_err.h"

#define CFG_SET_NAME	    32 // with the NUL
#define CFG_SET_TIMEOUT_MAX 2147483
#define CFG_SET_MAXELEM	    65536      // where a set does not say
#define CFG_SET_ELEMS_MAX   (16 << 20) // more entries than any set may have room for
#define CFG_SET_COMMENT	    256	       // with the NUL
#define CFG_SETS_MAX	    1024       // sets

// In the alphabet's order.
enum cfg_set_type_id {
	CFG_SET_BITMAP_IP,
	CFG_SET_BITMAP_PORT,
	CFG_SET_HASH_IP,
	CFG_SET_HASH_IP_MAC,
	CFG_SET_HASH_IP_MARK,
	CFG_SET_HASH_IP_PORT,
	CFG_SET_HASH_IP_PORT_IP,
	CFG_SET_HASH_IP_PORT_NET,
	CFG_SET_HASH_MAC,
	CFG_SET_HASH_NET,
	CFG_SET_HASH_NET_IFACE,
	CFG_SET_HASH_NET_NET,
	CFG_SET_HASH_NET_PORT,
	CFG_SET_HASH_NET_PORT_NET,
	CFG_SET_LIST_SET,
	CFG_SET_TYPES,
};

// What an entry is made of, in this order; each takes one of the rule's src and dst.
enum cfg_set_dim {
	CFG_SD_NONE,
	CFG_SD_IP,
	CFG_SD_NET,
	CFG_SD_PORT, // with its protocol
	CFG_SD_MARK,
	CFG_SD_MAC,
	CFG_SD_IFACE,
	CFG_SD_SET, // another set's name
};

struct cfg_set_type {
	const char *name; // "hash:ip"
	uint8_t n_dim, dim[3];
	uint8_t n_addr;	 // of them, that are addresses or networks
	bool one_family; // ipset has it for IPv4 only
	bool range;	 // it has bounds instead of a largest number of entries (bitmap)
	bool netmask;	 // addresses may be cut to a prefix
	bool zero;	 // networks may be of length 0
	bool nomatch;	 // entries may be exceptions
};
extern const struct cfg_set_type cfg_set_type[CFG_SET_TYPES];

// What an entry stands for, with zeros where its type has nothing: compared byte by byte.
struct cfg_set_key {
	union {
		struct {
			uint8_t addr[16]; // IPv4 in the first four bytes
			union {
				uint8_t addr2[16];
				char iface[16];
				uint8_t mac[6];
				uint32_t mark;
			};
		};
		char set[CFG_SET_NAME];
	};
	uint8_t len[2]; // prefix lengths of addr and addr2
	uint8_t proto;
	uint8_t wildcard; // iface is a prefix of names
	uint16_t port;	  // ICMP: type << 8 | code
	uint16_t zero;
};

struct cfg_set_entry {
	struct cfg_set_key key;
	bool nomatch;	   // an exception: what only it has is not in the set
	bool timeout_set;  // timeout was given; else it is the set's
	bool counters_set; // packets and bytes were given
	uint32_t timeout;  // seconds; 0: stays
	uint64_t packets, bytes;
	char *comment; // owned; NULL: none
};

struct cfg_set {
	char name[CFG_SET_NAME];
	struct cfg_pos pos;
	uint8_t type;	// enum cfg_set_type_id
	uint8_t family; // enum cfg_family; CFG_BOTH: its entries have no addresses
	bool timeout_set, counters, comment, initval_set;
	uint8_t netmask;    // prefix length; 0: none
	uint8_t bucketsize; // like hashsize and initval: kept for the text, has no other meaning
	uint32_t timeout;   // seconds that an entry stays which does not say; 0: for good
	uint32_t hashsize, initval;
	uint32_t maxelem;  // list:set: its size
	uint32_t markmask; // hash:ip,mark
	uint32_t lo, hi;   // bounds of a bitmap
	struct cfg_set_entry *entry;
	size_t n_entry;
};

struct cfg_sets {
	struct cfg_set *set;
	size_t n;
};

// The set of that name, or NULL.
struct cfg_set *cfg_set_find(const struct cfg_sets *sets, const char *name);
// A copy of `set` without its entries at the end; NULL when out of memory. Moves the others.
struct cfg_set *cfg_set_add(struct cfg_sets *sets, const struct cfg_set *set);
// A copy of the entry at the set's end. False: no memory.
bool cfg_set_entry_add(struct cfg_set *set, const struct cfg_set_entry *entry);
void cfg_set_clear(struct cfg_set *set); // its entries
void cfg_sets_free(struct cfg_sets *sets);
// Do both describe the same kind of set: all but name, place and entries?
bool cfg_set_same_kind(const struct cfg_set *a, const struct cfg_set *b);

int cfg_set_type_find(const char *name); // enum cfg_set_type_id or -1

// ---- The text of `ipset save` and `ipset restore`.
enum cfg_set_cmd_id {
	CFG_SC_ADD,
	CFG_SC_CREATE,
	CFG_SC_DEL,
	CFG_SC_DESTROY,
	CFG_SC_FLUSH,
	CFG_SC_RENAME,
	CFG_SC_SWAP,
	CFG_SC_TEST,
	CFG_SC_CMDS,
};
const char *cfg_set_cmd_name(enum cfg_set_cmd_id id); // "add"

struct cfg_set_cmd {
	enum cfg_set_cmd_id id;
	bool exist;	   // -exist: what is there already, or not there any more, is no error
	const char *name;  // of the set; NULL: all (destroy, flush)
	const char *other; // RENAME, SWAP
	const struct cfg_set *set;	   // CREATE: what it shall be
	const struct cfg_set_entry *entry; // ADD, DEL, TEST: one of those that the line stands for
	struct cfg_pos pos;
};

struct cfg_set_do {
	void *arg;
	// The set, as far as its type and options go; NULL: there is none.
	const struct cfg_set *(*find)(void *arg, const char *name);
	// Carries one command out. NULL, or why not: a sentence, as ipset would say it.
	const char *(*run)(void *arg, const struct cfg_set_cmd *cmd);
};

// Reads commands, a line each, and has them carried out; a line whose addresses or ports are
// ranges is many. Ends at the first error, which is then in err with its line. 0 or -EINVAL.
int cfg_set_text(const char *text, size_t len, const struct cfg_set_do *how, struct cfg_err *err);
// The same for a single command in one line, which may begin with a dash or two ("--add").
int cfg_set_line(const char *line, struct cfg_pos pos, const struct cfg_set_do *how,
		 struct cfg_err *err);
// Text with only create and add to sets, behind those that are there. 0, -EINVAL or -ENOMEM.
int cfg_sets_read(struct cfg_sets *sets, const char *text, size_t len, struct cfg_err *err);
// What `ipset save` would print: newly allocated, NULL when out of memory.
char *cfg_sets_save(const struct cfg_sets *sets);
// One line of it, without its end: "create NAME TYPE ...", or one entry as it stands behind "add
// NAME " (element: without timeout, counters and comment). Newly allocated, NULL when out of
// memory.
char *cfg_set_create_text(const struct cfg_set *set);
char *cfg_set_entry_text(const struct cfg_set *set, const struct cfg_set_entry *entry,
			 bool element);
