// set and SET: a packet asks a set, or changes one, as xt_set and ip_set do it. Called by both
// walks on the worker's thread, which owns its copies; what SET changes is told to the others.
//
// A set that has more parts than the rule gives src and dst, or is of the other family, has no
// packet in it, as in the kernel.
#include "acl/acl_kind.h"
#include "acl/acl_set_tab.h"
#include "acl/acl_sets.h"
#include "pipeline/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

// A reference as the walks use it: data of the policy's copy of a match (one) or target
// (CFG_SET_WHATS of them).
struct use {
	const struct acl_sets *sets;
	uint16_t slot;
	uint8_t n, src; // of struct cfg_set_ref; n 0: not asked
};

enum news { ADDED, DELETED };
struct told { // in pl_news.data
	struct cfg_set_key key;
	uint32_t stays; // ticks; 0: for good
};
static_assert(sizeof(struct told) <= sizeof(((struct pl_news *)0)->data), "fits into a note");

const char acl_set_thing;

// Lists have other sets in them: for the order of packets all sets are one thing.
const char *
acl_set_name(const struct cfg_match *m)
{
	(void)m;
	return "";
}

const char *
acl_set_target_name(const struct cfg_target *t)
{
	(void)t;
	return "";
}

static int
use_set(struct use *use, const struct cfg_set_ref *ref, const struct acl_policy *p,
	enum cfg_family family, struct cfg_pos pos, struct cfg_err *err)
{
	int slot = p->sets != NULL ? acl_sets_slot(p->sets, ref->name) : -1;
	const struct cfg_set *set;

	if (slot < 0) {
		cfg_err_add(err, pos, "Set %s doesn't exist.", ref->name);
		return -EINVAL;
	}
	set = cfg_set_find(acl_sets_list(p->sets), ref->name);
	if (!(set->family & family)) {
		cfg_err_add(err, pos,
			    "The protocol family of set %s is %s, which is not applicable.",
			    ref->name, set->family == CFG_IPV4 ? "IPv4" : "IPv6");
		return -EINVAL;
	}
	*use = (struct use){p->sets, (uint16_t)slot, ref->n, ref->src};
	return 0;
}

int
acl_set_prepare(struct cfg_match *m, const struct acl_policy *p, enum cfg_family family,
		struct cfg_err *err)
{
	struct use *use = calloc(1, sizeof(*use));
	int ret = use != NULL ? use_set(use, m->data, p, family, m->pos, err) : -ENOMEM;

	if (ret < 0) {
		free(use);
		return ret;
	}
	free(m->data);
	m->data = use;
	m->data_size = sizeof(*use);
	return 0;
}

int
acl_set_target_prepare(struct cfg_target *t, const struct acl_policy *p, enum cfg_family family,
		       struct cfg_err *err)
{
	struct use *use = calloc(CFG_SET_WHATS, sizeof(*use));
	const struct cfg_set_ref *ref = t->data;
	int ret = use != NULL ? 0 : -ENOMEM;

	for (int i = 0; ret == 0 && i < CFG_SET_WHATS; i++)
		if (ref[i].n > 0)
			ret = use_set(&use[i], &ref[i], p, family, t->pos, err);
	if (ret < 0) {
		free(use);
		return ret;
	}
	free(t->data);
	t->data = use;
	t->data_size = CFG_SET_WHATS * sizeof(*use);
	return 0;
}

int
acl_set_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	(void)item;
	*(void **)state = acl_sets_of(p->sets, worker);
	return 0;
}

// ---- the key that a packet is

// Protocol and port, or of ICMP type and code. False: it has none.
static bool
ports(struct cfg_set_key *key, const struct pl_pkt *p, bool src)
{
	bool icmp = p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6;

	key->proto = p->proto;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if ((p->flags & PL_F_LATER_FRAG) || !(p->flags & PL_F_L4))
			return false;
		break;
	default: // no ports: 0, in fragments as well (of IPv6 not in later ones)
		return p->family == 4 || !(p->flags & PL_F_LATER_FRAG);
	}
	key->port = icmp ? (uint16_t)(p->icmp_type << 8 | p->icmp_code)
			 : rte_be_to_cpu_16(src ? p->sport : p->dport);
	return true;
}

static bool
mac(struct cfg_set_key *key, const struct pl_pkt *p, bool src)
{
	static const uint8_t zero[6];
	const struct rte_ether_hdr *eth;

	if (p->origin != PL_FROM_WIRE)
		return false;
	eth = pl_need(p, 0, sizeof(*eth));
	if (eth == NULL)
		return false;
	memcpy(key->mac, src ? eth->src_addr.addr_bytes : eth->dst_addr.addr_bytes, 6);
	return memcmp(key->mac, zero, 6) != 0;
}

static bool
iface(struct cfg_set_key *key, const struct use *use, const struct acl_view *v, bool src)
{
	uint8_t port = src ? v->in : v->out;

	if (port == PL_PORT_NONE)
		return false;
	memcpy(key->iface, acl_sets_port(use->sets, port), sizeof(key->iface));
	return key->iface[0] != '\0';
}

static void
net_mask(uint8_t addr[16], uint8_t len)
{
	for (unsigned i = 0; i < 16; i++)
		addr[i] &= len >= 8 * (i + 1) ? 255
			   : len <= 8 * i     ? 0
					      : (uint8_t)(255 << (8 * (i + 1) - len));
}

static bool
address(struct cfg_set_key *key, unsigned nth, const struct set_tab *t, const struct pl_pkt *p,
	enum cfg_set_dim dim, bool src)
{
	const union pl_addr *a = src ? &p->src : &p->dst;
	uint8_t *to = nth == 0 ? key->addr : key->addr2;

	memcpy(to, a, 16);
	key->len[nth] = p->family == 4 ? 32 : 128;
	if (dim == CFG_SD_IP && t->netmask != 0)
		net_mask(to, t->netmask);
	// Zero is in no hash of addresses.
	return dim != CFG_SD_IP || nth != 0 || cfg_set_type[t->type].range ||
	       (a->u64[0] | a->u64[1]) != 0;
}

// False: there is no such key, nothing in the set is what the packet has.
static bool
key_of(struct cfg_set_key *key, const struct set_tab *t, const struct use *use,
       const struct acl_view *v)
{
	const struct cfg_set_type *type = &cfg_set_type[t->type];
	const struct pl_pkt *p = v->pkt;
	unsigned n_addr = 0;
	bool good = true;

	if (use->n < type->n_dim || !(t->family & (p->family == 4 ? CFG_IPV4 : CFG_IPV6)))
		return false;
	memset(key, 0, sizeof(*key));
	for (unsigned i = 0; good && i < type->n_dim; i++) {
		bool src = use->src >> i & 1;

		switch (type->dim[i]) {
		case CFG_SD_IP:
		case CFG_SD_NET:
			good = address(key, n_addr++, t, p, type->dim[i], src);
			break;
		case CFG_SD_PORT:
			good = ports(key, p, src);
			break;
		case CFG_SD_MARK:
			key->mark = p->mark & t->markmask;
			break;
		case CFG_SD_MAC:
			good = mac(key, p, src);
			break;
		default:
			good = iface(key, use, v, src);
			break;
		}
	}
	if (t->type == CFG_SET_BITMAP_PORT) { // the number alone, of those that have one
		good &= key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP;
		key->proto = 0;
	}
	return good;
}

// ---- the match
static bool
is_in(struct set_tab *t, const struct use *use, const struct acl_view *v, struct set_ask *ask,
      bool return_nomatch)
{
	struct cfg_set_key key;
	int ret;

	if (!key_of(&key, t, use, v))
		return false;
	ret = set_tab_test(t, &key, ask);
	// --return-nomatch asks for the exceptions instead.
	if (return_nomatch && cfg_set_type[t->type].nomatch)
		ret = -ret;
	return ret > 0;
}

// The first member that has it, whose own counters count it; of the rest only the list's are asked.
static bool
is_in_list(struct set_tab **of, struct set_tab *list, const struct use *use,
	   const struct acl_view *v, const struct cfg_m_set *m, struct set_ask *ask)
{
	struct set_ask member = *ask;

	if (use->n < 1)
		return false;
	member.m = NULL;
	member.update = ask->update && !m->keep_subcounters;
	for (uint32_t i = 0; i < list->n; i++) {
		struct cfg_set_key key = {.port = list->order[i]};
		struct set_elem *e = set_tab_member(list, key.port);

		if (e == NULL || set_expired(list, e, ask->now) || of[key.port] == NULL)
			continue;
		if (is_in(of[key.port], use, v, &member, m->return_nomatch) &&
		    set_tab_judge(list, e, ask) > 0)
			return true;
	}
	return false;
}

enum acl_hit
acl_set_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_set *m = &match->set;
	const struct use *use = match->data;
	struct set_tab ***state = acl_state_of(v, match->slot);
	struct set_tab **of = state != NULL ? *state : acl_sets_of(use->sets, 0), *t;
	struct set_ask ask = {
		.m = m,
		.update = state != NULL && !m->keep_counters, // hypothetical: looks only
		.bytes = v->pkt->l3_len,
		.now = SET_NOW(v->now_ns),
	};
	bool in = false;

	t = of[use->slot];
	if (t != NULL && t->type == CFG_SET_LIST_SET)
		in = is_in_list(of, t, use, v, m, &ask);
	else if (t != NULL)
		in = is_in(t, use, v, &ask, m->return_nomatch);
	return in != m->invert ? ACL_HIT : ACL_MISS;
}

// ---- the target
static void
tell(struct pl_worker *w, const struct set_tab *t, enum news kind, const struct told *told)
{
	struct pl_news news = {.time_ns = w->now_ns, .object = t->id, .kind = kind};

	if (w->n_workers == 1)
		return;
	memcpy(news.data, told, sizeof(*told));
	pl_news_tell(w, &news);
}

// The network that a packet's address stands for is as long as the longest in the set.
static bool
as_entry(struct cfg_set_key *key, const struct set_tab *t)
{
	const struct cfg_set_type *type = &cfg_set_type[t->type];
	unsigned n_addr = 0;

	for (unsigned i = 0; i < type->n_dim; i++) {
		uint8_t *addr = n_addr == 0 ? key->addr : key->addr2, len = 0;

		if (type->dim[i] == CFG_SD_IP)
			n_addr++;
		if (type->dim[i] != CFG_SD_NET)
			continue;
		for (uint32_t s = 0; s < t->n_shape; s++)
			len = RTE_MAX(len, t->shape[s].len[n_addr]);
		if (t->n_shape > 0)
			key->len[n_addr] = len;
		if (key->len[n_addr] == 0 && !type->zero)
			return false;
		net_mask(addr, key->len[n_addr]);
		n_addr++;
	}
	return true;
}

static bool
in_range(const struct set_tab *t, const struct cfg_set_key *key)
{
	uint32_t v = t->type == CFG_SET_BITMAP_PORT
			     ? key->port
			     : (uint32_t)key->addr[0] << 24 | (uint32_t)key->addr[1] << 16 |
				       (uint32_t)key->addr[2] << 8 | key->addr[3];

	return !cfg_set_type[t->type].range || (v >= t->lo && v <= t->hi);
}

// False: nothing was done.
static bool
change(struct set_tab *t, const struct use *use, struct acl_view *v, const struct cfg_t_set *target,
       enum cfg_set_what what)
{
	struct told told = {.stays = 0};
	uint64_t now = SET_NOW(v->now_ns);
	struct set_ext ext;

	if (!key_of(&told.key, t, use, v) || !as_entry(&told.key, t) || !in_range(t, &told.key))
		return false;
	if (what == CFG_SET_DEL) {
		if (set_tab_del(t, &told.key, now) < 0)
			return false;
		tell(v->w, t, DELETED, &told);
		return true;
	}
	told.stays = t->timeout;
	if (target->timeout_set)
		told.stays = RTE_MIN(target->timeout, CFG_SET_TIMEOUT_MAX) * SET_TICKS;
	ext = (struct set_ext){.stays = told.stays, .packets = 1, .bytes = v->pkt->l3_len};
	if (set_tab_add(t, &told.key, &ext, target->exist, now) < 0)
		return false;
	tell(v->w, t, ADDED, &told);
	return true;
}

static void
change_all(struct set_tab **of, const struct use *use, struct acl_view *v,
	   const struct cfg_t_set *target, enum cfg_set_what what)
{
	struct set_tab *t = of[use->slot];

	if (t == NULL)
		return;
	if (t->type != CFG_SET_LIST_SET) {
		change(t, use, v, target, what);
		return;
	}
	// Of a list the first member that takes it.
	for (uint32_t i = 0; i < t->n; i++) {
		struct set_tab *m = of[t->order[i]];
		struct set_elem *e = set_tab_member(t, t->order[i]);

		if (m == NULL || e == NULL || set_expired(t, e, SET_NOW(v->now_ns)))
			continue;
		if (change(m, use, v, target, what))
			return;
	}
}

enum acl_next
acl_set_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_target *t = r->data;
	const struct use *use = t->data;
	struct set_tab ***state = acl_state_of(v, t->slot);

	if (state == NULL) // hypothetical: nothing changes
		return ACL_GO_ON;
	if (use[CFG_SET_ADD].n > 0)
		change_all(*state, &use[CFG_SET_ADD], v, &t->set, CFG_SET_ADD);
	if (use[CFG_SET_DEL].n > 0)
		change_all(*state, &use[CFG_SET_DEL], v, &t->set, CFG_SET_DEL);
	return ACL_GO_ON;
}

void
acl_sets_hear(struct acl_sets *sets, uint16_t worker, const struct pl_news *news)
{
	struct set_tab *t = acl_sets_of(sets, worker)[news->object % CFG_SETS_MAX];
	uint64_t now = SET_NOW(news->time_ns);
	struct set_ext ext = {0};
	struct told told;

	memcpy(&told, news->data, sizeof(told));
	for (uint16_t s = 0; t == NULL || t->id != news->object; s++) { // it was swapped
		if (s == CFG_SETS_MAX)
			return; // there is no such set any more
		t = acl_sets_of(sets, worker)[s];
	}
	ext.stays = told.stays;
	if (news->kind == ADDED)
		set_tab_add(t, &told.key, &ext, true, now);
	else
		set_tab_del(t, &told.key, now);
}
