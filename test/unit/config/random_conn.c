// Random matches and targets that are about connections. See random_policy.h.
#include "random_policy.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
rnd(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 16) % n;
}

static uint16_t
port(uint64_t *s)
{
	return (uint16_t)(rnd(s, 3) == 0 ? rnd(s, 2) * 65535 : rnd(s, 65536));
}

static void
random_conn(uint64_t *s, struct cfg_match *m, uint8_t family)
{
	struct cfg_conn *c = calloc(1, sizeof(*c));
	unsigned bytes = family == CFG_IPV4 ? 4 : 16, len;

	m->state = (struct cfg_m_state){(uint8_t)rnd(s, 128), false};
	m->state.invert = m->state.mask != 0 && rnd(s, 3) == 0;
	m->data = c;
	m->data_size = sizeof(*c);
	c->set = (uint16_t)(1u << rnd(s, 12) | 1u << rnd(s, 12));
	if (family == CFG_BOTH)
		c->set = (uint16_t)((c->set & ~0xfu) | CFG_CONN_PROTO);
	c->inv = (uint16_t)(c->set & rnd(s, 4096) & ~(unsigned)CFG_CONN_DIR);
	for (unsigned i = 0; i < 4; i++) {
		if (c->set & CFG_CONN_ORIGSRC << i) {
			c->family = family;
			for (unsigned k = 0; k < bytes; k++)
				c->addr[i].addr[k] = (uint8_t)rnd(s, 256);
			len = rnd(s, bytes * 8 + 1);
			for (unsigned k = 0; k < len; k++)
				c->addr[i].mask[k / 8] |= (uint8_t)(0x80 >> k % 8);
		}
		if (c->set & CFG_CONN_ORIGSRCPORT << i)
			c->port[i] = (struct cfg_range16){port(s), port(s)};
	}
	if (c->set & CFG_CONN_PROTO)
		c->proto = (uint8_t)rnd(s, 256);
	if (c->set & CFG_CONN_STATUS)
		c->status = (uint8_t)rnd(s, 16);
	if (c->set & CFG_CONN_DIR)
		c->reply = rnd(s, 2);
	if (c->set & CFG_CONN_EXPIRE) {
		c->expire_lo = rnd(s, 100);
		c->expire_hi = rnd(s, 3) == 0 ? UINT32_MAX : rnd(s, 100);
	}
}

void
random_conn_match(uint64_t seed, struct cfg_rule *rule)
{
	static const enum cfg_match_id any[] = {CFG_M_CONNBYTES, CFG_M_CONNLABEL, CFG_M_CONNMARK,
						CFG_M_CONNTRACK, CFG_M_HELPER};
	static const char *const helper[] = {"ftp", "sip", "", "a b", "ftp-2121"};
	uint64_t s = seed | 1;
	struct cfg_match *m = cfg_match_add(rule, any[rnd(&s, 5)]);
	bool invert = rnd(&s, 3) == 0;

	switch (m->id) {
	case CFG_M_CONNBYTES:
		m->connbytes.from =
			rnd(&s, 2) == 0 ? 0 : (uint64_t)rnd(&s, 1u << 31) * rnd(&s, 9999);
		m->connbytes.to = rnd(&s, 2) == 0 ? UINT64_MAX : rnd(&s, 1000);
		m->connbytes.what = (uint8_t)rnd(&s, 3);
		m->connbytes.dir = (uint8_t)rnd(&s, 3);
		break;
	case CFG_M_CONNLABEL:
		m->connlabel = (struct cfg_m_connlabel){(uint8_t)rnd(&s, 128), rnd(&s, 2), invert};
		break;
	case CFG_M_CONNMARK:
		m->mark.value = rnd(&s, 1u << 31);
		m->mark.mask = rnd(&s, 2) == 0 ? UINT32_MAX : rnd(&s, 1u << 31);
		m->mark.invert = invert;
		break;
	case CFG_M_CONNTRACK:
		random_conn(&s, m, rule->family);
		break;
	default:
		strcpy(m->helper.name, helper[rnd(&s, 5)]);
		m->helper.invert = invert;
		break;
	}
}

void
random_connmark(uint64_t seed, struct cfg_target *t)
{
	struct cfg_t_connmark *c = &t->connmark;
	uint64_t s = seed | 1;

	t->id = CFG_T_CONNMARK;
	c->op = (uint8_t)(CFG_CM_SET + rnd(&s, 3));
	c->ctmask_off = rnd(&s, 2) == 0 ? 0 : rnd(&s, 1u << 31);
	if (c->op == CFG_CM_SET)
		c->value = rnd(&s, 1u << 31);
	else
		c->nfmask_off = rnd(&s, 2) == 0 ? 0 : rnd(&s, 1u << 31);
	c->shift = (uint8_t)(rnd(&s, 3) == 0 ? rnd(&s, 32) : 0);
	c->right = c->shift != 0 && rnd(&s, 2);
}
