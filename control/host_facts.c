// Hugepages and CPUs, from the files under /sys/kernel/mm/hugepages and /sys/devices/system/cpu.
// A file that is not there, or not readable, counts as one that says nothing. Called by
// control/cmd_doctor.c on the control thread and by app/cmd_doctor.c.
#include "control/host_facts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_DIR "/sys/kernel/mm/hugepages"

static uint64_t
number_in(const char *page, const char *file)
{
	unsigned long long n = 0;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", HUGE_DIR, page, file);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

bool
ctl_hugepages(struct ctl_hugepages *out)
{
	DIR *dir = opendir(HUGE_DIR);
	struct dirent *e;

	memset(out, 0, sizeof(*out));
	if (dir == NULL)
		return false;
	while ((e = readdir(dir)) != NULL) {
		unsigned long long kib;

		if (sscanf(e->d_name, "hugepages-%llukB", &kib) != 1)
			continue;
		out->total_kib += kib * number_in(e->d_name, "nr_hugepages");
		out->free_kib += kib * number_in(e->d_name, "free_hugepages");
	}
	closedir(dir);
	return true;
}

bool
ctl_cpus_read(const char *text, cpu_set_t *out)
{
	CPU_ZERO(out);
	while (*text != '\0' && *text != '\n') {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (last >= CPU_SETSIZE || first > last)
			return false;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, out);
		if (*end != ',' && *end != '\n' && *end != '\0')
			return false;
		text = *end == ',' ? end + 1 : end;
	}
	return true;
}

void
ctl_cpus_write(const cpu_set_t *cpus, char *text, size_t len)
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && at < len; cpu++) {
		unsigned last = cpu;

		if (!CPU_ISSET(cpu, cpus))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
			last++;
		at += (size_t)snprintf(text + at, len - at, "%s%u", at > 0 ? "," : "", cpu);
		if (last > cpu && at < len)
			at += (size_t)snprintf(text + at, len - at, "-%u", last);
		cpu = last;
	}
}

bool
ctl_cpus_isolated(cpu_set_t *out)
{
	FILE *f = fopen("/sys/devices/system/cpu/isolated", "r");
	char text[2048] = "";
	bool known;

	CPU_ZERO(out);
	if (f == NULL)
		return false;
	known = fgets(text, sizeof(text), f) != NULL || !ferror(f);
	fclose(f);
	return known && ctl_cpus_read(text, out);
}
