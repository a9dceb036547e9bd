#pragma once
// A network to ask for the acl tests, which have none: by the last byte of an address. 1 and 2 are
// our own on ports 0 and 1, 3 is anycast, 255 a broadcast address (both of port 0), 9 and 200 up
// to 250 have no route; the others are behind port 0 where they are even, port 1 where odd. Groups
// as they are. Routes take 1500 bytes, to 7 just 600 and to 8 just 40.
#include "pipeline/net_ops.h"

extern const struct pl_net_ops fake_net;
extern unsigned fake_net_copies; // that rules asked for
