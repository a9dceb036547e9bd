// TFTP (RFC 1350): the server answers a request from a port of its own, to the port that the
// request came from. Called by ct_help.c for each packet of a helped flow that has payload, on the
// owner's thread; keeps nothing. As nf_conntrack_tftp.
#include <netinet/in.h>

#include "conntrack/ct_expect.h"

#define OP_READ	 1
#define OP_WRITE 2

static bool
tftp_packet(struct ct_help_pkt *h)
{
	const uint8_t *b = (const uint8_t *)h->text.at;
	struct ct_tuple reply;
	struct ct_expect x;

	if (h->text.len < 2 || b[0] != 0 || (b[1] != OP_READ && b[1] != OP_WRITE))
		return true;
	reply = ct_entry_tuple(h->e, CT_REPLY);
	ct_expect_init(h, &x, 0, &reply.src, &reply.dst, IPPROTO_UDP, reply.dport);
	if (h->nat != NULL)
		return h->nat->tftp(h, &x);
	return ct_expect_add(h, &x, false) == 0;
}

const struct ct_helper ct_helper_tftp = {
	.packet = tftp_packet,
	.class[0] = {.max = 1, .ms = 300000},
};
