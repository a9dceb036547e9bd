// The match time: asks the wall clock, as xt_time does, but only once a second: what a worker keeps
// for a rule is the answer for the second that it last saw, so that no packet pays for a division.
// Called through the table of kinds (acl_kind.c), on the worker's thread.
#include "acl/acl_kind.h"
#include "pipeline/worker.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

struct answer {
	int64_t second; // since 1970, UTC
	int32_t west;	// seconds that the kernel's time zone is behind UTC
	bool known, hit;
};
static_assert(sizeof(struct answer) == ACL_TIME_SIZE, "acl_kind.h knows it");

// The kernel's time zone, which glibc does not tell.
static int32_t
kernel_west(void)
{
	struct timeval tv;
	struct timezone tz = {0};

	if (syscall(SYS_gettimeofday, &tv, &tz) != 0)
		return 0;
	return tz.tz_minuteswest * 60;
}

int
acl_time_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	struct answer *a = state;

	(void)item;
	(void)p;
	(void)worker;
	a->west = kernel_west();
	return 0;
}

static bool
matches(const struct cfg_m_time *m, int64_t second, int32_t west)
{
	return cfg_time_matches(m, m->kerneltz ? second - west : second);
}

enum acl_hit
acl_time_judge(const struct cfg_match *m, const struct acl_view *v)
{
	struct answer *a = acl_state_of(v, m->slot);
	int64_t second;

	if (a == NULL || v->w == NULL) // hypothetical, on the control thread: now
		return matches(&m->time, time(NULL), kernel_west()) ? ACL_HIT : ACL_MISS;
	second = (int64_t)(v->w->wall_ns / SECOND_NS);
	if (!a->known || a->second != second) {
		a->known = true;
		a->second = second;
		a->hit = matches(&m->time, second, a->west);
	}
	return a->hit ? ACL_HIT : ACL_MISS;
}
