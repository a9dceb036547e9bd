// Helped flows: what is kept beside the entry of a flow that has a helper or that was expected, and
// the way of such a flow's packet through its helper, just before it leaves. Called by ct_stage.c
// and ct_table.c on the owner's thread; memory is mapped when the table is created and taken as it
// is touched. Flows without a helper have nothing here but a status bit that is not set.
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "conntrack/ct_expect.h"
#include "pipeline/mem.h"

int
ct_helps_create(struct ct_helps **out, uint32_t max_entries)
{
	struct ct_helps *hs = calloc(1, sizeof(*hs));

	if (hs == NULL)
		return -ENOMEM;
	hs->used = hs->help_used = 1; // place 0 stands for none
	hs->help_room = max_entries;
	hs->slot = pl_mem_map(CT_EXPECT_SLOTS * sizeof(hs->slot[0]));
	hs->help = pl_mem_map((size_t)hs->help_room * sizeof(hs->help[0]));
	hs->text = pl_mem_map(CT_TEXT_MAX);
	if (hs->slot == NULL || hs->help == NULL || hs->text == NULL ||
	    ct_index_init(&hs->ix, CT_EXPECT_MAX) < 0) {
		ct_helps_free(hs);
		return -ENOMEM;
	}
	*out = hs;
	return 0;
}

void
ct_helps_free(struct ct_helps *hs)
{
	if (hs == NULL)
		return;
	ct_index_fini(&hs->ix);
	pl_mem_unmap(hs->slot, CT_EXPECT_SLOTS * sizeof(hs->slot[0]));
	pl_mem_unmap(hs->help, (size_t)hs->help_room * sizeof(hs->help[0]));
	pl_mem_unmap(hs->text, CT_TEXT_MAX);
	free(hs);
}

void
ct_help_set_nat(struct ct_table *t, const struct ct_help_nat *nat)
{
	t->helps->nat = nat;
}

const struct ct_helper *
ct_helper_of(uint8_t id)
{
	static const struct ct_helper *const helper[] = {
		[CFG_HELPER_FTP] = &ct_helper_ftp,
		[CFG_HELPER_SIP] = &ct_helper_sip,
		[CFG_HELPER_TFTP] = &ct_helper_tftp,
	};

	return id < RTE_DIM(helper) ? helper[id] : NULL;
}

struct ct_sip_state *
ct_help_sip(const struct ct_help_pkt *h)
{
	return &ct_help_of(h->w->ct, h->e)->sip;
}

// ---- a flow's place -----------------------------------------------------------------------------

struct ct_help *
ct_help_new(struct ct_table *t, struct ct_entry *e)
{
	struct ct_helps *hs = t->helps;
	uint32_t at = hs->help_free;
	struct ct_help *help;
	uint32_t serial;

	if (at != 0)
		hs->help_free = hs->help[at].next;
	else if (hs->help_used < hs->help_room)
		at = hs->help_used++;
	else
		return NULL;
	help = &hs->help[at];
	serial = help->serial + 1;
	memset(help, 0, sizeof(*help));
	help->serial = serial;
	help->flow = ct_id_of(t, e);
	t->has_extra = true;
	ct_extra_at(t, help->flow)->help = at;
	e->status |= CT_I_HELP;
	return help;
}

void
ct_help_end(struct ct_table *t, struct ct_entry *e)
{
	struct ct_help *help = ct_help_of(t, e);

	ct_expect_forget(t, help);
	help->serial++; // it is nobody's master any more
}

void
ct_help_free(struct ct_table *t, struct ct_entry *e)
{
	struct ct_helps *hs = t->helps;
	struct ct_help *help = ct_help_of(t, e);

	help->flow = 0;
	help->next = hs->help_free;
	hs->help_free = (uint32_t)(help - hs->help);
	e->status &= (uint16_t)~CT_I_HELP;
}

// An expected flow: what it has of its master. The mark is the master's of this moment.
static bool
begin_expected(struct ct_table *t, struct ct_entry *e, const struct pl_pkt *p,
	       const struct ct_expect_slot *s)
{
	const struct ct_entry *master = ct_entry_at(t, s->master);
	const struct ct_help *masters = ct_help_of(t, master);
	struct ct_help *help = ct_help_new(t, e);
	struct ct_key k;

	if (help == NULL)
		return false;
	ct_entry_key(master, 0, &k);
	help->master_src = k.src;
	help->master = (uint32_t)(masters - t->helps->help);
	help->master_serial = masters->serial;
	help->master_helper = masters->helper;
	help->helper = s->x.helper;
	help->timeout = p->ct_rule != NULL ? p->ct_rule->timeout : 0;
	e->mark = master->mark;
	e->status |= CT_S_EXPECTED;
	pl_count(&t->stats.expected, 1);
	return true;
}

bool
ct_help_begin(struct ct_table *t, struct ct_entry *e, const struct ct_key *k,
	      const struct pl_pkt *p, const struct ct_expect_slot **slot)
{
	struct ct_key want = *k;
	struct ct_help *help;

	want.zone = e->zone; // whichever directions it is of
	*slot = t->n_expect != 0 ? ct_expect_find(t, &want) : NULL;
	if (*slot != NULL)
		return begin_expected(t, e, p, *slot);
	if (p->ct_rule == NULL ||
	    (ct_helper_of(p->ct_rule->helper) == NULL && p->ct_rule->timeout == 0))
		return true;
	help = ct_help_new(t, e);
	if (help == NULL)
		return false;
	help->helper = p->ct_rule->helper;
	help->timeout = p->ct_rule->timeout;
	return true;
}

int
ct_help_come(struct ct_table *t, struct pl_pkt *p, const struct ct_expect_slot *slot)
{
	const struct ct_entry *master = ct_entry_at(t, slot->master);
	int ret = 0;

	if (slot->x.bind != NULL)
		ret = slot->x.bind(t->w, p, &slot->x, master);
	ct_expect_used(t, slot);
	return ret;
}

int32_t
ct_help_ack_shift(const struct ct_table *t, const struct ct_entry *e, unsigned dir, uint32_t ack)
{
	const struct ct_help *help = ct_help_of(t, e);

	return help->shifted ? ct_seqadj_of(&help->seq[!dir], ack - 1) : 0;
}

// ---- a packet -----------------------------------------------------------------------------------

// Where the payload begins, from the start of the frame; 0: it has none.
static uint32_t
payload_off(const struct pl_pkt *p, uint32_t *seq)
{
	const uint8_t *h = pl_need(p, p->l4_off, p->proto == IPPROTO_TCP ? 20 : 8);
	uint32_t len = 8;

	if (h == NULL)
		return 0;
	if (p->proto == IPPROTO_TCP) {
		len = (h[12] >> 4) * 4u;
		*seq = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	}
	return len < p->l4_len ? p->l4_off + len : 0;
}

// The payload as text in the worker's scratch. False: it is not all there.
static bool
read_text(const struct ct_helps *hs, const struct pl_pkt *p, uint32_t off, struct ct_text *text)
{
	uint32_t n = p->l4_off + p->l4_len - off;
	const void *from = rte_pktmbuf_read(p->m, off, n, hs->text);

	if (from == NULL)
		return false;
	if (from != hs->text)
		memcpy(hs->text, from, n);
	// Behind the headers there is room up to the longest IP packet.
	*text = (struct ct_text){.at = hs->text, .len = n, .n = n};
	text->room = CT_TEXT_MAX - (off - p->l3_off);
	return true;
}

// The packet's payload through the helper. A drop reason + 1, or 0.
static int
run_helper(struct pl_worker *w, struct pl_pkt *p, struct ct_help *help)
{
	struct ct_helps *hs = w->ct->helps;
	struct ct_help_pkt h = {.w = w, .p = p, .e = p->ct, .dir = (enum ct_dir)p->ct_dir};
	uint32_t off = payload_off(p, &h.seq), before;

	if (off == 0)
		return 0;
	if (!read_text(hs, p, off, &h.text))
		return PL_DROP_CT_HELPER + 1;
	if (p->ct->status & (CT_S_SRC_NAT | CT_S_DST_NAT))
		h.nat = hs->nat;
	before = h.text.len;
	if (!ct_helper_of(help->helper)->packet(&h))
		return PL_DROP_CT_HELPER + 1;
	if (!h.text.changed)
		return 0;
	if (!h.nat->payload(w, p, off, &h.text))
		return PL_DROP_NAT_FAILED + 1;
	if (p->proto == IPPROTO_TCP && h.text.len != before) {
		ct_seqadj_note(&help->seq[p->ct_dir], h.seq, (int32_t)(h.text.len - before));
		help->shifted = true;
	}
	return 0;
}

bool
ct_help_packet(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	struct ct_table *t = w->ct;
	struct ct_help *help = ct_help_of(t, p->ct);
	bool shifted = help->shifted; // before this packet
	int ret = 0;

	// Answers that the gateway made, and ICMP errors, are no part of the conversation.
	if ((p->flags & PL_F_CT_GIVEN) || p->proto != p->ct->proto)
		return true;
	if (help->helper != CFG_HELPER_NONE && !(p->ct->status & CT_S_DYING))
		ret = run_helper(w, p, help);
	if (ret == 0 && shifted && !t->helps->nat->shift(p, (enum ct_dir)p->ct_dir, help->seq))
		ret = PL_DROP_NAT_FAILED + 1;
	if (ret != 0)
		pl_drop(w, b, p, ret - 1);
	return ret == 0;
}
