// nat's part of the helpers: what is expected of a translated flow's partners arrives at the
// translated address, so the announcement in the payload is rewritten and the flow that comes is
// bound as its master was, without asking the nat table. Called by conntrack through struct
// ct_help_nat on the worker's thread; owns nothing. Follows nf_nat_helper.
#include "nat/nat_help.h"
#include "nat/nat_core.h"

#include <errno.h>

#define PORT_TRIES 128

uint16_t
nat_help_expect(struct ct_help_pkt *h, struct ct_expect *x)
{
	uint16_t first = rte_be_to_cpu_16(x->dport), port = first;
	uint32_t above = UINT16_MAX - (uint32_t)first;
	unsigned tries = RTE_MIN(above, (uint32_t)PORT_TRIES);

	for (;;) {
		int ret;

		x->dport = rte_cpu_to_be_16(port);
		ret = ct_expect_add(h, x, false);
		if (ret == 0)
			return port;
		if (ret != -EBUSY || tries-- == 0)
			return 0;
		port = (uint16_t)(first + ((nat_random(h->w->nat) & UINT32_MAX) * above >> 32));
	}
}

static enum ct_dir
other(enum ct_dir dir)
{
	return dir == CT_ORIGINAL ? CT_REPLY : CT_ORIGINAL;
}

int
nat_help_follow(struct pl_worker *w, struct pl_pkt *p, const struct ct_expect *x,
		const struct ct_entry *master)
{
	struct ct_tuple t = ct_entry_tuple(master, other((enum ct_dir)x->dir));
	struct pl_nat_rule src = {.flags = PL_NAT_HAS_ADDR, .addr_min = t.dst, .addr_max = t.dst};
	struct pl_nat_rule dst = {.flags = PL_NAT_HAS_ADDR | PL_NAT_HAS_PORTS,
				  .port_min = rte_be_to_cpu_16(x->saved_port),
				  .port_max = rte_be_to_cpu_16(x->saved_port),
				  .addr_min = t.src,
				  .addr_max = t.src};
	int ret = nat_bind_to(w, p, NAT_SRC, &src, false);

	return ret != 0 ? ret : nat_bind_to(w, p, NAT_DST, &dst, true);
}

static bool
tftp(struct ct_help_pkt *h, struct ct_expect *x)
{
	x->saved_port = ct_entry_tuple(h->e, CT_ORIGINAL).sport;
	x->dir = CT_REPLY;
	x->bind = nat_help_follow;
	return ct_expect_add(h, x, false) == 0;
}

const struct ct_help_nat nat_help = {
	.payload = nat_payload_put,
	.shift = nat_payload_shift,
	.ftp = nat_help_ftp,
	.tftp = tftp,
	.sip_message = nat_help_sip_message,
	.sip_contact = nat_help_sip_contact,
	.sip_media = nat_help_sip_media,
	.sip_port = nat_help_sip_port,
	.sip_media_addr = nat_help_sip_media_addr,
	.sip_session = nat_help_sip_session,
};
