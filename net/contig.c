// Headers in one piece: the stages read headers through one pointer, while a received frame may
// come in several buffers (scattered receive, fragments put together). Called by the first and the
// last stage on the worker's thread; buffers that become empty are freed.
#include <string.h>

#include "net/core.h"

bool
net_pull(struct rte_mbuf *m, uint32_t want)
{
	if (want > m->pkt_len)
		want = m->pkt_len;
	while (m->data_len < want) {
		struct rte_mbuf *next = m->next;
		uint16_t take = RTE_MIN((uint32_t)next->data_len, want - m->data_len);

		if (rte_pktmbuf_tailroom(m) < take)
			return false;
		rte_memcpy(rte_pktmbuf_mtod_offset(m, char *, m->data_len),
			   rte_pktmbuf_mtod(next, char *), take);
		m->data_len += take;
		next->data_off += take;
		next->data_len -= take;
		if (next->data_len == 0) {
			m->next = next->next;
			m->nb_segs--;
			next->next = NULL;
			next->nb_segs = 1;
			rte_pktmbuf_free_seg(next);
		}
	}
	return true;
}
