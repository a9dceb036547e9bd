#pragma once
// What one packet met on its way, for replay, explain and trace. A packet carries a note only where
// somebody asked: stages write through pkt->note when it is not NULL, never otherwise.
#include <stdint.h>

#include "pipeline/drop.h"
#include "pipeline/pkt.h"

enum pl_note_verdict { PL_NOTE_NONE, PL_NOTE_ACCEPT, PL_NOTE_DROP, PL_NOTE_REJECT };

struct pl_note {
	uint32_t index;
	uint8_t verdict;  // enum pl_note_verdict
	uint8_t drop;	  // enum pl_drop, where the verdict is DROP or REJECT
	uint8_t ct_state; // enum pl_ct_state
	uint8_t family, proto;
	uint8_t egress;	   // port index; PL_PORT_NONE: none
	uint8_t to_host;   // went up a twin
	const char *table; // of the last rule or policy that ended a walk; NULL: no walk (a
			   // datapath drop)
	const char *chain; // both live as long as the policy
	uint32_t rule; // 1-based in its chain, as iptables -L --line-numbers; 0: the chain's policy
	union pl_addr src, dst; // tuple as sent (translated); echo: sport = dport = identifier
	rte_be16_t sport, dport;
};
