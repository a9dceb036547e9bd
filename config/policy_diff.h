#pragma once
// What traffic fares differently under two policies: `ringwall check --diff`. Pure; any thread.
#include "config/policy.h"

// One kind of packets whose verdict changes. Strings are owned.
struct cfg_change {
	uint8_t family;	     // CFG_IPV4 or CFG_IPV6
	const char *way;     // "INPUT", "FORWARD" or "OUTPUT"
	char *was, *becomes; // "ACCEPT", "DROP", "REJECT --reject-with tcp-reset"
	char *what;	     // the packets around the witness of which all change so, in words
	char *packet;	     // the witness: one of them, as it comes to the first hook
	char *old_rule, *new_rule; // who decides, in words
	struct cfg_pos old_pos, new_pos;
};

struct cfg_diff {
	struct cfg_change *change;
	size_t n;
	bool complete; // nothing else changes; false: the bounds of the work were reached
};
#define CFG_DIFF_MAX 200 // changes that are told; one for each pair of rules that decide

// The connection by which the machine is controlled. Ports of 0 and an address family of 0: any.
struct cfg_control {
	uint8_t family; // of the addresses; 0: none given
	uint8_t client[16], server[16];
	uint16_t client_port, server_port;
};

// Compares two policies that cfg_policy_check() passed, in one family or both. control: only the
// packets of that TCP connection, both ways, are compared; NULL: all. 0 or -ENOMEM. Translations
// are followed, but no change by themselves.
int cfg_policy_diff(struct cfg_diff *out, const struct cfg_policy *old,
		    const struct cfg_policy *new, uint8_t families,
		    const struct cfg_control *control);
void cfg_diff_free(struct cfg_diff *d);
