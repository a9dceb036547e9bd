// When an address leaves a port, or the port goes down, netfilter ends the flows that MASQUERADE
// put behind it: their replies would never come back. Netlink says when, nat knows which flows, and
// each worker ends its own, between two bursts. Main thread.
#include "control/flush.h"

#include <string.h>

#include <rte_log.h>

#include "config/policy.h"
#include "control/ctl_int.h"
#include "nat/nat.h"

RTE_LOG_REGISTER(ctl_flush_log, ringwall.ctl.flush, NOTICE);

struct flush {
	uint8_t port;
	uint8_t family; // 4 or 6; 0: the whole port
	union pl_addr addr;
	unsigned ended;
};

static bool
flush_worker(struct pl_worker *w, void *arg)
{
	struct flush *f = arg;

	if (f->family == 0)
		f->ended += nat_flush_port(w, f->port);
	else
		f->ended += nat_flush_addr(w, f->port, f->family, &f->addr);
	return true;
}

static void
flush_all(struct ctl *c, struct flush *f)
{
	for (unsigned i = 0; i < c->env.n_worker; i++)
		if (pl_worker_call(c->env.worker[i], flush_worker, f, c->call_timeout_ms) < 0)
			rte_log(RTE_LOG_WARNING, ctl_flush_log,
				"control: worker %u does not answer; flows behind a lost address "
				"stay until they time "
				"out\n",
				i);
	if (f->ended > 0)
		rte_log(RTE_LOG_NOTICE, ctl_flush_log,
			"control: %u masqueraded flows ended with their address\n", f->ended);
}

void
ctl_flush_addr(void *arg, uint8_t port, const struct cfg_prefix *addr)
{
	struct flush f = {.port = port, .family = addr->family == CFG_IPV6 ? 6 : 4};

	memcpy(f.addr.v6, addr->addr, addr->family == CFG_IPV6 ? 16 : 4);
	flush_all(arg, &f);
}

void
ctl_flush_port(void *arg, uint8_t port)
{
	struct flush f = {.port = port};

	flush_all(arg, &f);
}
