#pragma once
// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), made in memory: a section of Ethernet frames
// with one interface for each port. Pure; any thread.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The section header and n interfaces of the given names; an interface's number is its index.
// Returns the bytes written, or 0 where size does not do.
size_t ctl_pcapng_head(uint8_t *out, size_t size, const char *const *name, unsigned n);

struct ctl_pcapng_packet {
	unsigned interface;
	bool outbound;	       // else inbound
	uint64_t wall_ns;      // since 1970
	const uint8_t *link;   // 14 bytes in front
	const uint8_t *bytes;  // IP header onwards
	uint32_t have, length; // bytes that are there, and that the packet had
	const char *comment;   // NUL-terminated, "" for none
};
// One packet block. Returns the bytes written, or 0 where size does not do.
size_t ctl_pcapng_packet(uint8_t *out, size_t size, const struct ctl_pcapng_packet *p);
