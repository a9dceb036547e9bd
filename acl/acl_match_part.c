// cpu, quota and statistic, as their xt modules judge. A rule's worker keeps what is left of the
// quota, the count of nth and the state of its own random numbers: with n workers each has 1/n of
// the quota, and counts the packets that it sees. Judged on the worker's thread.
#include "acl/acl_kind.h"
#include "pipeline/worker.h"

#include <sys/random.h>

static inline enum acl_hit
yes(bool is)
{
	return is ? ACL_HIT : ACL_MISS;
}

enum acl_hit
acl_cpu_judge(const struct cfg_match *m, const struct acl_view *v)
{
	uint32_t worker = v->w != NULL ? v->w->id : 0;

	return yes((m->cpu.number == worker) != m->cpu.invert);
}

// state: the bytes that are left.
int
acl_quota_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	const struct cfg_match *m = item;

	(void)worker;
	*(uint64_t *)state = m->quota.bytes / p->n_workers;
	return 0;
}

enum acl_hit
acl_quota_judge(const struct cfg_match *m, const struct acl_view *v)
{
	uint64_t *left = acl_state_of(v, m->slot);
	bool within;

	if (left == NULL) // hypothetical: nothing is used up
		return yes(!m->quota.invert);
	within = *left >= v->pkt->l3_len;
	// Once a packet did not fit, no smaller one does either.
	*left = within ? *left - v->pkt->l3_len : 0;
	return yes(within != m->quota.invert);
}

// state: nth counts the packets since the last one that matched; random is xorshift's word.
int
acl_statistic_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	const struct cfg_m_statistic *m = &((const struct cfg_match *)item)->statistic;
	uint64_t *word = state;

	(void)p;
	if (m->nth)
		*word = m->every - 1 - m->packet;
	else if (getrandom(word, sizeof(*word), GRND_NONBLOCK) != sizeof(*word) || *word == 0)
		*word = UINT64_C(0x9e3779b97f4a7c15) * (worker + 1u);
	return 0;
}

enum acl_hit
acl_statistic_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_statistic *m = &match->statistic;
	uint64_t *word = acl_state_of(v, match->slot);

	if (word == NULL) // hypothetical: the packet that matches
		return yes(!m->invert);
	if (m->nth) {
		*word = *word == m->every - 1 ? 0 : *word + 1;
		return yes((*word == 0) != m->invert);
	}
	*word ^= *word << 13;
	*word ^= *word >> 7;
	*word ^= *word << 17;
	return yes((*word >> 33 < m->probability) != m->invert);
}
