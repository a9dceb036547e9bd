#pragma once
// Every reason for which a packet can end in this program without being sent. `ringwall stats`
// shows the name and the text; both are a contract. A new reason is one row here.
#define PL_DROP_LIST(X)                                                                            \
	X(NOT_IP, "neither IP nor ARP")                                                            \
	X(NOT_FOR_US, "frame's destination MAC is another station's")                              \
	X(SHORT_L2, "frame ends inside its link header")                                           \
	X(SHORT_L3, "packet ends inside its IP header")                                            \
	X(BAD_VERSION, "IP version does not fit the frame type")                                   \
	X(BAD_HDRLEN, "IPv4 header length below 20 or past the packet")                            \
	X(BAD_LENGTH, "IP length is larger than the frame or smaller than the header")             \
	X(BAD_CSUM, "wrong IPv4 header checksum")                                                  \
	X(BAD_EXTHDR, "IPv6 extension headers do not parse")                                       \
	X(BAD_OPTIONS, "IPv4 options do not parse")                                                \
	X(BAD_SOURCE, "source address cannot be a source (martian)")                               \
	X(BAD_DESTINATION, "destination address cannot be forwarded to")                           \
	X(FRAG_OVERLAP, "fragments overlap")                                                       \
	X(FRAG_DISTANCE, "too many fragments of the same source between two of a datagram")        \
	X(FRAG_LIMIT, "too many fragments or datagrams in reassembly")                             \
	X(FRAG_TIMEOUT, "datagram was not complete in time")                                       \
	X(FRAG_BAD, "fragment with an impossible offset or length")                                \
	X(NO_POLICY, "the policy has nothing for this address family")                             \
	X(RULE, "dropped by a rule")                                                               \
	X(CHAIN_POLICY, "dropped by a chain's policy")                                             \
	X(REJECT, "rejected by a rule")                                                            \
	X(HOTDROP, "a match could not read the header that it needs")                              \
	X(CT_TABLE_FULL, "no room for another flow")                                               \
	X(CT_SOURCE_FULL, "its source has as many flows as one may have")                          \
	X(CT_CLASH, "another flow took the same tuple first")                                      \
	X(CT_DROP, "connection tracking refused the packet")                                       \
	X(CT_HELPER, "a helper could not follow what the packet announces")                        \
	X(NAT_NO_PORT, "no free translation port")                                                 \
	X(NAT_LIMIT, "its inside address has all the ports that it may have")                      \
	X(NAT_NO_ADDRESS, "exit port has no address to masquerade with")                           \
	X(NAT_FAILED, "packet could not be translated")                                            \
	X(TTL_EXPIRED, "time to live reached zero")                                                \
	X(NO_ROUTE, "no route to the destination")                                                 \
	X(BLACKHOLE, "route says to drop")                                                         \
	X(TOO_BIG, "larger than the MTU and may not be fragmented")                                \
	X(FRAG_NO_MEM, "no buffer for a fragment")                                                 \
	X(NEIGH_FAILED, "next hop does not answer")                                                \
	X(NEIGH_QUEUE, "too many packets wait for the next hop's address")                         \
	X(NEIGH_TABLE, "neighbour table full")                                                     \
	X(NO_TWIN, "port has no twin in the host's stack")                                         \
	X(HOST_QUEUE, "host twin did not take the packet")                                         \
	X(TX_QUEUE, "port did not take the packet")                                                \
	X(PORT_DOWN, "egress port is down")                                                        \
	X(HANDOFF_FULL, "ring to the owning worker is full")                                       \
	X(PARK_FULL, "too many packets wait for another worker's answer")                          \
	X(PARK_LATE, "another worker did not answer in time")                                      \
	X(SELF_FULL, "too many packets made by the gateway itself in one pass")                    \
	X(NO_MBUF, "no packet buffer")                                                             \
	X(LOCAL_ICMP_RATE, "ICMP error not sent: rate limit")

enum pl_drop {
#define X(id, text) PL_DROP_##id,
	PL_DROP_LIST(X)
#undef X
		PL_DROP_COUNT
};

const char *pl_drop_name(enum pl_drop reason); // "CT_TABLE_FULL"
const char *pl_drop_text(enum pl_drop reason);
