#pragma once
// One number of /proc/sys/net/FAMILY/conf/IFACE/. Control thread.

// family "ipv4" or "ipv6". 0 or -errno; -ENOENT: the kernel has no such key (no IPv6, say).
int net_sysctl_get(const char *family, const char *iface, const char *key, int *value);
int net_sysctl_set(const char *family, const char *iface, const char *key, int value);
