// Random flows, and the rules that ask about them. See rnd.h.
#include "flows.h"
#include "rnd.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static uint16_t
port(struct rnd *r)
{
	return (uint16_t)(52 + rnd_below(r, 4));
}

void
rnd_flow(struct rnd *r, struct ct_entry *e)
{
	memset(e, 0, sizeof(*e));
	e->status = (uint8_t)rnd_below(r, 16);
	for (unsigned d = 0; d < 2; d++) {
		e->side[d].src.v6[0] = 10;
		e->side[d].src.v6[3] = (uint8_t)rnd_below(r, 3);
		e->side[d].dst = e->side[d].src;
		e->side[d].sport = port(r);
		e->side[d].dport = port(r);
		e->side[d].proto = rnd_one_in(r, 2) ? IPPROTO_TCP : IPPROTO_UDP;
		e->packets[d] = rnd_below(r, 4);
		e->bytes[d] = e->packets[d] * (28 + rnd_below(r, 3));
		e->label[d] = rnd_below(r, 4);
	}
	e->mark = rnd_below(r, 4);
	e->expires = rnd_below(r, 4);
	e->helper = (uint8_t)rnd_below(r, CFG_HELPER_SIP + 1);
}

static void
rnd_conn(struct rnd *r, struct cfg_match *m, uint8_t family)
{
	struct cfg_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		abort();
	m->data = c;
	m->data_size = sizeof(*c);
	c->set = (uint16_t)(1u << rnd_below(r, 12) | 1u << rnd_below(r, 12));
	c->inv = (uint16_t)(c->set & rnd_next(r) & ~CFG_CONN_DIR);
	c->family = family == CFG_BOTH ? CFG_IPV4 : family;
	if (family == CFG_BOTH)
		c->set = (uint16_t)(c->set & ~0xf) | CFG_CONN_PROTO;
	for (unsigned i = 0; i < 4; i++) {
		c->addr[i].addr[0] = 10;
		c->addr[i].addr[3] = (uint8_t)rnd_below(r, 3);
		memset(c->addr[i].mask, 0xff, rnd_one_in(r, 2) ? 2 : 4);
		c->port[i] = (struct cfg_range16){port(r), port(r)};
	}
	c->proto = rnd_one_in(r, 2) ? IPPROTO_TCP : IPPROTO_UDP;
	c->status = (uint8_t)rnd_below(r, 16);
	c->reply = rnd_one_in(r, 2);
	c->expire_lo = rnd_below(r, 3);
	c->expire_hi = rnd_below(r, 4);
	if (rnd_one_in(r, 2))
		m->state = (struct cfg_m_state){(uint8_t)(1 + rnd_below(r, 127)), rnd_one_in(r, 3)};
}

void
rnd_conn_match(struct rnd *r, struct cfg_rule *rule)
{
	static const enum cfg_match_id any[] = {CFG_M_CONNBYTES, CFG_M_CONNLABEL, CFG_M_CONNMARK,
						CFG_M_CONNTRACK, CFG_M_CONNTRACK, CFG_M_HELPER};
	struct cfg_match *m = cfg_match_add(rule, any[rnd_below(r, RTE_DIM(any))]);
	bool invert = rnd_one_in(r, 3);

	if (m == NULL)
		abort();
	switch (m->id) {
	case CFG_M_CONNBYTES:
		m->connbytes = (struct cfg_m_connbytes){rnd_below(r, 4), rnd_below(r, 4),
							(uint8_t)rnd_below(r, 3),
							(uint8_t)rnd_below(r, 3)};
		if (m->connbytes.what != CFG_CB_PACKETS) {
			m->connbytes.from *= 28;
			m->connbytes.to *= 30;
		}
		break;
	case CFG_M_CONNLABEL:
		m->connlabel =
			(struct cfg_m_connlabel){(uint8_t)(rnd_below(r, 2) * 64 + rnd_below(r, 3)),
						 rnd_one_in(r, 2), invert};
		break;
	case CFG_M_CONNMARK:
		m->mark = (struct cfg_m_mark){rnd_below(r, 3), 3, invert};
		break;
	case CFG_M_CONNTRACK:
		rnd_conn(r, m, rule->family);
		break;
	default:
		m->helper.invert = invert;
		strcpy(m->helper.name, rnd_one_in(r, 2) ? "ftp" : rnd_one_in(r, 2) ? "sip" : "");
		break;
	}
}

void
rnd_connmark(struct rnd *r, struct cfg_target *t)
{
	t->id = CFG_T_CONNMARK;
	t->connmark = (struct cfg_t_connmark){
		.value = rnd_below(r, 4),
		.ctmask_off = rnd_one_in(r, 2) ? 0 : rnd_below(r, 4),
		.nfmask_off = rnd_one_in(r, 2) ? 0 : rnd_below(r, 4),
		.op = (uint8_t)(CFG_CM_SET + rnd_below(r, 3)),
		.shift = rnd_one_in(r, 4) ? 1 : 0,
		.right = rnd_one_in(r, 2),
	};
}
