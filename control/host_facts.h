#pragma once
// What the machine says of itself, for `ringwall doctor`: hugepages and CPUs. Read from /sys, by
// the daemon and, where there is none, by the command itself. Any thread.
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_hugepages {
	uint64_t total_kib, free_kib; // of all sizes together
};
// False: this kernel has none.
bool ctl_hugepages(struct ctl_hugepages *out);

// CPUs that the kernel schedules nothing on of its own accord (isolcpus). False: it does not say.
bool ctl_cpus_isolated(cpu_set_t *out);

// "0-2,5", as the kernel writes sets of CPUs, both ways. Reading: false where it is no such text.
bool ctl_cpus_read(const char *text, cpu_set_t *out);
void ctl_cpus_write(const cpu_set_t *cpus, char *text, size_t len);
