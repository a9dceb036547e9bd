// net_af_packet of DPDK 22.11 puts its sockets, even a single one, into a fanout group with
// PACKET_FANOUT_FLAG_DEFRAG: the kernel then reassembles IPv4 fragments before we see them, and the
// whole datagram is cut off at the size of a ring frame. A firewall must see the fragments, and a
// group cannot be left or changed once it was joined. There is no argument against it, so the one
// system call by which the driver asks for it is answered with success and not carried out: the
// device is probed on a thread of its own, under a seccomp filter that ends with the thread. A
// device with several queues is then given a group without that flag. net/port_dev.c calls this on
// the control thread.
#include "net/af_packet.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>

#include <rte_dev.h>
#include <rte_errno.h>

// setsockopt(*, SOL_PACKET, PACKET_FANOUT, ...) returns 0 at once; everything else is as ever. Low
// halves of the arguments; both are ints.
static int
decline_fanout(void)
{
	const unsigned low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + low),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOL_PACKET, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + low),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_FANOUT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), // error number 0
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	// Without the right to filter as it is, a thread may filter itself once it cannot gain
	// rights any more.
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	return -errno;
}

struct probe {
	const char *devargs;
	int ret;
};

static void *
probe_thread(void *arg)
{
	struct probe *p = arg;

	p->ret = decline_fanout();
	if (p->ret < 0)
		return NULL;
	p->ret = rte_dev_probe(p->devargs);
	// rte_errno is the thread's own; many drivers say no more than -1.
	if (p->ret == -1 && rte_errno > 0)
		p->ret = -rte_errno;
	return NULL;
}

int
net_af_packet_probe(const char *devargs)
{
	struct probe p = {.devargs = devargs};
	pthread_t thread;
	int ret = pthread_create(&thread, NULL, probe_thread, &p);

	if (ret != 0)
		return -ret;
	pthread_join(thread, NULL);
	return p.ret;
}

// Our packet sockets on the interface. The driver does not show them; the process's own descriptors
// do.
static unsigned
find_sockets(unsigned ifindex, int *fd, unsigned max)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned n = 0;

	while (dir != NULL && n < max && (e = readdir(dir)) != NULL) {
		struct sockaddr_ll addr = {0};
		socklen_t len = sizeof(addr);
		char *end;
		long k = strtol(e->d_name, &end, 10);

		if (end == e->d_name || getsockname((int)k, (struct sockaddr *)&addr, &len) < 0)
			continue;
		if (addr.sll_family == AF_PACKET && addr.sll_ifindex == (int)ifindex)
			fd[n++] = (int)k;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

// The group's word: id, type, flags. 0: in no group.
static uint32_t
fanout_of(int fd)
{
	uint32_t word = 0;
	socklen_t len = sizeof(word);

	return getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &word, &len) == 0 ? word : 0;
}

static int
join(const int *fd, unsigned n)
{
	uint32_t word = (uint32_t)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;

	for (unsigned i = 0; i < n; i++) {
		if (setsockopt(fd[i], SOL_PACKET, PACKET_FANOUT, &word, sizeof(word)) < 0)
			return -errno;
		// The kernel chose the id; the others join by it.
		word = (fanout_of(fd[0]) & 0xffff) | (uint32_t)PACKET_FANOUT_HASH << 16;
	}
	return 0;
}

unsigned
net_af_packet_sockets(unsigned ifindex, int fd[NET_AF_PACKET_QUEUES])
{
	// The driver opens them queue by queue, and the folder is in the order of the numbers.
	return find_sockets(ifindex, fd, NET_AF_PACKET_QUEUES);
}

int
net_af_packet_spread(unsigned ifindex, unsigned n, char *why, size_t why_len)
{
	int fd[NET_AF_PACKET_QUEUES], ret;
	unsigned found = find_sockets(ifindex, fd, NET_AF_PACKET_QUEUES);

	for (unsigned i = 0; i < found; i++) {
		if ((fanout_of(fd[i]) >> 16 & PACKET_FANOUT_FLAG_DEFRAG) != 0) {
			snprintf(why, why_len,
				 "EAL's own arguments brought the device up, and the kernel would "
				 "reassemble "
				 "fragments before the firewall sees them: give the whole device "
				 "string here");
			return -EBUSY;
		}
	}
	if (n < 2)
		return 0;
	ret = found == n ? join(fd, n) : -ENOENT;
	if (ret < 0)
		snprintf(why, why_len,
			 "the %u queues cannot share what the interface receives (%u sockets): %s",
			 n, found, strerror(-ret));
	return ret;
}
