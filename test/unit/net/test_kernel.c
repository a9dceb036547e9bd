// Frame by frame against the kernel: what Linux sent for the frames of kernel_frames.h (forwarding,
// ICMP errors, REJECT, reassembly and fragments), net's stages must send as well, byte for byte but
// for the IPv4 identification of packets made on the way and the IPv6 fragment's.
#include <criterion/criterion.h>
#include <stdio.h>

#include "test/unit/net/kernel_frames.h"
#include "test/unit/net/rig.h"

static uint8_t reject;

static void
set_reject(struct pl_worker *w __rte_unused, struct pl_pkt *p)
{
	if (p->path == PL_PATH_FORWARD)
		p->reject = reject;
}

// The frame of q that equals hex, or why none does.
static const char *
take_equal(struct rig_queue *q, const char *hex)
{
	const char *why = "nothing was sent";

	for (unsigned i = 0; i < q->n; i++) {
		why = rig_differs(q->m[i], hex);
		if (why != NULL)
			continue;
		rte_pktmbuf_free(q->m[i]);
		memmove(&q->m[i], &q->m[i + 1], (--q->n - i) * sizeof(q->m[0]));
		return NULL;
	}
	return why;
}

static void
run_row(struct rig *r, const struct kernel_row *row)
{
	rig_clear(r);
	reject = row->reject;
	rig_hook = set_reject;
	rig_mtu(r, RIG_WAN, row->wan_mtu);
	rig_idle(r, 100000000000ull); // whatever was limited or waiting before is over
	rig_clear(r);
	for (unsigned i = 0; i < RTE_DIM(row->in) && row->in[i] != NULL; i++)
		rig_feed(r, rig_hex(row->in[i]), RIG_LAN, PL_FROM_WIRE);
	// A little more than the kernel had, in steps as the clock goes.
	for (uint32_t ms = 0; ms < row->wait_ms; ms += 500)
		rig_idle(r, 500000000);
	for (unsigned i = 0; i < RTE_DIM(row->out) && row->out[i] != NULL; i++) {
		struct rig_queue *q = &r->wire[row->out[i][0] == 'C' ? RIG_LAN : RIG_WAN];
		const char *why = take_equal(q, row->out[i] + 1);

		cr_expect(why == NULL, "%s: answer %u: %s", row->name, i, why);
	}
	for (unsigned port = 0; port < 3; port++)
		cr_expect(r->wire[port].n == 0, "%s: %u frames too many on port %u", row->name,
			  r->wire[port].n, port);
}

Test(net_kernel, every_row)
{
	struct rig r;

	rig_up(&r);
	for (size_t i = 0; i < RTE_DIM(kernel_row); i++)
		run_row(&r, &kernel_row[i]);
	rig_down(&r);
}
