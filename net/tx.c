// Frames on their way out: a buffer for each port and each twin, filled by net_output and emptied
// at the end of the turn or when it is full. Where this worker has no tx queue of a port, the frame
// goes through the hand-over ring of the worker that has one, marked PL_F_TX.
#include "net/core.h"

#define TX_TRIES 4

static void
count_sent(struct pl_worker *w, uint8_t port, bool host, uint64_t packets, uint64_t bytes)
{
	if (host) {
		pl_count(&w->cnt.port[port].host_tx_packets, packets);
		pl_count(&w->cnt.port[port].host_tx_bytes, bytes);
	} else {
		pl_count(&w->cnt.port[port].tx_packets, packets);
		pl_count(&w->cnt.port[port].tx_bytes, bytes);
	}
}

static void
flush_ring(struct pl_worker *w, uint8_t port, bool host, struct net_txq *q)
{
	struct rte_ring *r = w->to[q->tx.worker];

	for (uint16_t i = 0; i < q->n; i++) {
		struct pl_meta *meta = pl_meta(q->m[i]);

		*meta = (struct pl_meta){.in_port = PL_PORT_NONE};
		meta->origin = host ? PL_FROM_HOST : PL_FROM_WIRE; // which of the two queues
		meta->out_port = port;
		meta->flags = PL_F_TX;
		if (r == NULL || rte_ring_sp_enqueue(r, q->m[i]) != 0)
			pl_drop_mbuf(w, q->m[i], PL_DROP_HANDOFF_FULL);
		else
			pl_count(&w->cnt.handed_over, 1);
	}
	q->n = 0;
}

static void
flush_queue(struct pl_worker *w, uint8_t port, bool host, struct net_txq *q)
{
	uint64_t bytes =
		0; // counted first: the driver may have freed a frame by the time it is sent
	uint16_t sent = 0;

	for (uint16_t i = 0; i < q->n; i++)
		bytes += rte_pktmbuf_pkt_len(q->m[i]);
	for (unsigned try = 0; try < TX_TRIES && sent < q->n; try++)
		sent += q->tx.burst(q->tx.ctx, q->tx.queue, q->m + sent, q->n - sent);
	for (uint16_t i = sent; i < q->n; i++) {
		bytes -= rte_pktmbuf_pkt_len(q->m[i]);
		pl_drop_mbuf(w, q->m[i], host ? PL_DROP_HOST_QUEUE : PL_DROP_TX_QUEUE);
	}
	count_sent(w, port, host, sent, bytes);
	q->n = 0;
}

static void
flush(struct pl_worker *w, uint8_t port, bool host)
{
	struct net_txq *q = &w->net->q[host][port];

	if (q->tx.via_worker)
		flush_ring(w, port, host, q);
	else
		flush_queue(w, port, host, q);
}

void
net_tx_full(struct pl_worker *w, uint8_t port, bool host)
{
	flush(w, port, host);
}

void
net_tx_flush(struct pl_worker *w)
{
	struct net_core *n = w->net;

	for (unsigned host = 0; host < 2; host++) {
		while (n->dirty[host] != 0) {
			unsigned port = (unsigned)__builtin_ctzll(n->dirty[host]);

			n->dirty[host] &= n->dirty[host] - 1;
			flush(w, port, host);
		}
	}
}

void
net_tx_relay(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	bool host = p->origin == PL_FROM_HOST;
	const struct net_tx *tx = &w->net->q[host][p->out_port].tx;

	if (tx->burst == NULL || tx->via_worker) // not again to another worker: no circles
		pl_drop(w, b, p, host ? PL_DROP_HOST_QUEUE : PL_DROP_TX_QUEUE);
	else
		net_tx_put(w, p->out_port, host, pl_take(b, p));
}
