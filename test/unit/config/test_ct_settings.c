// The conntrack settings beside this machine's kernel: every nf_conntrack sysctl is a setting, or
// is refused by name with what to do instead; and defaults are the kernel's, but for those named
// here. In a network namespace of its own where that may be made; skipped where the kernel has no
// such sysctls to show.
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "config/ct_settings.h"

#define DIR_NETFILTER "/proc/sys/net/netfilter"
#define PREFIX	      "nf_conntrack_"

// Not the kernel's: acct counts (nothing is saved by not counting); what reassembly holds is
// bounded by ringwall.conf unless said; the size of the tables is the machine's.
static const char *const own_default[] = {"acct", "frag6_high_thresh", "ipfrag_high_thresh", "max"};

static bool
is_own(const char *name)
{
	for (size_t i = 0; i < sizeof(own_default) / sizeof(own_default[0]); i++)
		if (strcmp(own_default[i], name) == 0)
			return true;
	return false;
}

// A setting or refused by name: one of the two.
static bool
is_known(const char *name)
{
	return (cfg_ct_find(name) != NULL) != (cfg_ct_elsewhere(name) != NULL);
}

static long
value_of(const char *path)
{
	FILE *f = fopen(path, "r");
	long value = -1;

	if (f != NULL && fscanf(f, "%ld", &value) != 1)
		value = -1;
	if (f != NULL)
		fclose(f);
	return value;
}

static void
expect_default(const struct cfg_ct_row *row, const char *path)
{
	long is = value_of(path);

	if (is >= 0 && !is_own(row->name))
		cr_expect(is == (long)row->value, "%s: the kernel's default is %ld, not %u",
			  row->name, is, row->value);
}

Test(config_ct_settings, every_sysctl_of_this_kernel)
{
	bool own = unshare(CLONE_NEWNET) == 0;
	DIR *dir = opendir(DIR_NETFILTER);
	const struct dirent *e;
	char path[512];
	unsigned n = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		const char *name = e->d_name + strlen(PREFIX);
		const struct cfg_ct_row *row;

		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		n++;
		row = cfg_ct_find(name);
		cr_expect(is_known(name), "%s: neither a setting nor refused by name, or both",
			  name);
		snprintf(path, sizeof(path), DIR_NETFILTER "/%s", e->d_name);
		if (row != NULL && own)
			expect_default(row, path);
	}
	if (dir != NULL)
		closedir(dir);
	if (n == 0)
		cr_skip("this kernel shows no " DIR_NETFILTER "/" PREFIX "*");
}

Test(config_ct_settings, reassembly_of_this_kernel)
{
	static const char *const name[] = {"ipfrag_time", "ipfrag_max_dist", "ipfrag_high_thresh",
					   "ipfrag_low_thresh", "ipfrag_secret_interval"};
	bool own = unshare(CLONE_NEWNET) == 0;
	char path[128];

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		const struct cfg_ct_row *row = cfg_ct_find(name[i]);

		cr_expect(is_known(name[i]), "%s", name[i]);
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name[i]);
		if (row != NULL && own)
			expect_default(row, path);
	}
}

// What can be said is kept apart from what is not said, 0 included.
Test(config_ct_settings, said_and_not)
{
	for (size_t i = 0; i < cfg_ct_rows; i++) {
		const struct cfg_ct_row *row = &cfg_ct_row[i];
		struct cfg_conntrack c = {0};

		cr_expect(not(cfg_ct_said(&c, row)), "%s", row->name);
		cr_expect(eq(u32, cfg_ct_get(&c, row), row->value), "%s", row->name);
		cfg_ct_set(&c, row, row->flag ? !row->value : row->max);
		cr_expect(cfg_ct_said(&c, row), "%s", row->name);
		cr_expect(eq(u32, cfg_ct_get(&c, row), row->flag ? !row->value : row->max), "%s",
			  row->name);
		if (!row->zero)
			continue;
		cfg_ct_set(&c, row, 0);
		cr_expect(cfg_ct_said(&c, row) && cfg_ct_get(&c, row) == 0, "%s: 0", row->name);
	}
}
