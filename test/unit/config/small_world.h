#pragma once
// A world small enough to try every packet of it: random rules over a handful of values per field,
// and all packets that can tell such rules apart.
#include "config/policy.h"
#include "config/space/space_prog.h"

// IPv4 rules as iptables-save text; the same for the same seed. The caller's.
char *small_policy(uint64_t seed);
// The same with a few rules taken out, put in or moved, for comparisons.
char *small_change(const char *text, uint64_t seed);

// Every packet of a way, with every answer to the atoms that the world has by now (of more than
// three: with one yes at most, to one of the first six). Goes on while each() says true.
void small_packets(const struct space_world *w, enum space_path path,
		   bool (*each)(void *ctx, const struct space_point *pt), void *ctx);
