// Which port: netfilter's search (nf_nat_l4proto_unique_tuple) with one more condition, that the
// reply must hash to the worker that owns the flow. Called by nat_pick.c on the worker's thread;
// pure, owns nothing. Toeplitz is linear, so a candidate's home costs two table look-ups and an
// xor; asking the flow table whether it is taken costs a look-up there. Both are bounded: a round
// asks the table at most 128 times and looks at most at 128 candidates for each worker; rounds
// halve from 128 to 8, each from a new random place. A full range is thus given up after 248
// questions, however large it is. Where nobody counts on the order (scatter), a round's candidates
// are drawn one by one: counted up from a random place, used ports grow together to blocks, and at
// 99 % of use three searches in four ended inside of one; drawn, one in ten ends without a port.
#include "nat/nat_ports.h"

void
nat_port_class(uint16_t port, uint16_t *min, uint32_t *size)
{
	if (port < 512) {
		*min = 1;
		*size = 511;
	} else if (port < 1024) {
		*min = 600;
		*size = 1023 - 600 + 1;
	} else {
		*min = 1024;
		*size = 65535 - 1024 + 1;
	}
}

bool
nat_port_search(const struct nat_search *s, uint16_t *out)
{
	uint32_t at = s->start, asks = s->size < NAT_ROUND_FIRST ? s->size : NAT_ROUND_FIRST;
	uint64_t draw = s->scatter ? s->random(s->ctx) : 0;

	if (s->brief && asks > NAT_ROUND_LAST)
		asks = NAT_ROUND_LAST;

	for (;;) {
		uint32_t looks = asks * s->spread < s->size ? asks * s->spread : s->size;
		bool all = looks == s->size;

		for (; looks != 0; looks--) {
			uint16_t port = nat_port_at(s, at);

			*out = port;
			if (nat_port_home(&s->home, port) &&
			    !s->taken(s->ctx, port, looks <= NAT_LAST_TRIES * (uint32_t)s->spread))
				return true;
			if (s->scatter && !all) {
				draw = draw * 6364136223846793005 + 1442695040888963407; // Knuth
				at = (uint32_t)(((draw >> 32) * s->size) >> 32);
			} else if (++at == s->size) {
				at = 0;
			}
		}
		if (all || asks < NAT_ROUND_LAST)
			return false;
		asks /= 2;
		at = (uint32_t)(((s->random(s->ctx) & UINT32_MAX) * s->size) >> 32);
	}
}
