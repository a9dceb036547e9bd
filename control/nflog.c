// NFLOG's groups; see nflog.h. A group gathers blocks in memory and writes them when its threshold
// is reached, once a second at the latest. A file that is full is put aside as PATH.1, so that no
// group fills the disk; a reader that does not keep up loses packets, never the others'. Called by
// control/event.c on the main thread.
#include "control/nflog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/listen.h"
#include "control/pcapng.h"

#define READERS_MAX 8
#define BUFFER_SIZE (1u << 20) // bytes that wait to be written
#define HEAD_SIZE   8192       // section and interface blocks: 64 ports' names
#define BLOCK_SIZE  (PL_EVENT_BYTES + 256)

struct buffer { // on its way to a descriptor
	int fd; // -1: none
	uint8_t *bytes;
	size_t at, len; // len bytes from at on wait
};

struct group {
	uint16_t number;
	enum cfg_sink_kind kind;
	char *path;
	uint64_t max_bytes; // of the file; 0: no end
	uint64_t size;	    // of the file
	uint32_t waiting, threshold;
	struct buffer out[READERS_MAX]; // a file has the first
	struct ctl_listener listener;
};

struct ctl_nflog {
	struct group *group;
	size_t n_group;
	char *dir;
	const char **name; // of the interfaces; the last one stands for none
	unsigned n_name;
	struct ctl_nflog_stats stats;
	uint8_t head[HEAD_SIZE];
	size_t n_head;
	uint8_t block[BLOCK_SIZE];
};

static void
buffer_close(struct buffer *b)
{
	if (b->fd >= 0)
		close(b->fd);
	free(b->bytes);
	*b = (struct buffer){.fd = -1};
}

// Takes fd over; the section header goes first. False: no memory, fd is closed.
static bool
buffer_open(struct ctl_nflog *n, struct buffer *b, int fd)
{
	*b = (struct buffer){.fd = fd, .bytes = malloc(BUFFER_SIZE)};
	if (b->bytes == NULL) {
		buffer_close(b);
		return false;
	}
	memcpy(b->bytes, n->head, n->n_head);
	b->len = n->n_head;
	return true;
}

// Writes what it can; false: it is broken, and closed.
static bool
buffer_write(struct buffer *b, bool socket)
{
	while (b->len > 0) {
		ssize_t w =
			socket ? send(b->fd, b->bytes + b->at, b->len, MSG_NOSIGNAL | MSG_DONTWAIT)
			       : write(b->fd, b->bytes + b->at, b->len);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && socket && errno == EAGAIN)
			break;
		if (w <= 0) {
			buffer_close(b);
			return false;
		}
		b->at += (size_t)w;
		b->len -= (size_t)w;
	}
	if (b->len == 0)
		b->at = 0;
	return true;
}

// Adds to what waits. False: it finds no room.
static bool
buffer_add(struct buffer *b, const void *bytes, size_t len)
{
	if (BUFFER_SIZE - b->len < len)
		return false;
	if (BUFFER_SIZE - b->at - b->len < len) {
		memmove(b->bytes, b->bytes + b->at, b->len);
		b->at = 0;
	}
	memcpy(b->bytes + b->at + b->len, bytes, len);
	b->len += len;
	return true;
}

static int
file_open(struct ctl_nflog *n, struct group *g)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (n->dir != NULL ? O_TRUNC : O_APPEND);
	int fd = open(g->path, flags, 0640);
	struct stat st;

	if (fd < 0)
		return -errno;
	g->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return buffer_open(n, &g->out[0], fd) ? 0 : -ENOMEM;
}

static void
file_put_aside(struct ctl_nflog *n, struct group *g)
{
	char aside[1024];

	if (snprintf(aside, sizeof(aside), "%s.1", g->path) >= (int)sizeof(aside) ||
	    rename(g->path, aside) < 0)
		return; // it goes on growing, and the next tick tries again
	buffer_close(&g->out[0]);
	file_open(n, g); // where this fails the next tick tries again, and packets are counted
}

static void
accept_readers(struct ctl_nflog *n, struct group *g)
{
	int fd;

	while ((fd = accept4(g->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		unsigned i = 0;

		while (i < READERS_MAX && g->out[i].fd >= 0)
			i++;
		if (i < READERS_MAX)
			buffer_open(n, &g->out[i], fd);
		else
			close(fd);
	}
}

static void
group_write(struct ctl_nflog *n, struct group *g)
{
	bool socket = g->kind == CFG_SINK_SOCKET;

	g->waiting = 0;
	for (unsigned i = 0; i < READERS_MAX; i++) {
		struct buffer *b = &g->out[i];
		size_t len = b->len;

		if (b->fd < 0 || len == 0)
			continue;
		if (buffer_write(b, socket))
			g->size += len;
		else if (!socket)
			n->stats.not_written++; // at least one of what was waiting
	}
}

static struct group *
group_find(const struct ctl_nflog *n, uint16_t number)
{
	for (size_t i = 0; i < n->n_group; i++)
		if (n->group[i].number == number)
			return &n->group[i];
	return NULL;
}

static struct group *
group_add(struct ctl_nflog *n, uint16_t number, enum cfg_sink_kind kind, const char *path)
{
	struct group *grown = reallocarray(n->group, n->n_group + 1, sizeof(*grown)), *g;

	if (grown == NULL)
		return NULL;
	n->group = grown;
	g = &grown[n->n_group];
	*g = (struct group){.number = number, .kind = kind, .path = strdup(path)};
	g->listener.fd = -1;
	for (unsigned i = 0; i < READERS_MAX; i++)
		g->out[i].fd = -1;
	if (g->path == NULL)
		return NULL;
	n->n_group++;
	return g;
}

// Replay: a group gets its file when its first packet comes.
static struct group *
group_for_replay(struct ctl_nflog *n, uint16_t number)
{
	char path[1024];
	struct group *g;

	if (snprintf(path, sizeof(path), "%s/nflog-%u.pcapng", n->dir, number) >= (int)sizeof(path))
		return NULL;
	g = group_add(n, number, CFG_SINK_FILE, path);
	if (g != NULL)
		file_open(n, g);
	return g;
}

static int
group_open(struct ctl_nflog *n, const struct cfg_nflog *conf, struct cfg_err *err)
{
	struct group *g = group_add(n, (uint16_t)conf->group, conf->to.kind, conf->to.path);
	int ret = -ENOMEM;

	if (g == NULL)
		return ret;
	if (g->kind == CFG_SINK_SOCKET)
		return ctl_listen_open(&g->listener, g->path, "nflog socket", err);
	g->max_bytes = (uint64_t)conf->max_mib << 20;
	ret = file_open(n, g);
	if (ret < 0)
		cfg_err_add(err, (struct cfg_pos){0, 0}, "nflog file %s: %s", g->path,
			    strerror(-ret));
	return ret;
}

int
ctl_nflog_create(struct ctl_nflog **out, const struct ctl_nflog_conf *conf, struct cfg_err *err)
{
	struct ctl_nflog *n = calloc(1, sizeof(*n));
	int ret = -ENOMEM;

	if (n == NULL)
		return ret;
	n->name = calloc(conf->n_port + 1, sizeof(*n->name));
	if (n->name == NULL)
		goto fail;
	for (unsigned i = 0; i < conf->n_port; i++)
		n->name[n->n_name++] = conf->port_name[i];
	n->name[n->n_name++] = "none";
	n->n_head = ctl_pcapng_head(n->head, sizeof(n->head), n->name, n->n_name);
	if (conf->dir != NULL && (n->dir = strdup(conf->dir)) == NULL)
		goto fail;
	ret = 0;
	for (size_t i = 0; ret == 0 && conf->dir == NULL && i < conf->n_group; i++)
		ret = group_open(n, &conf->group[i], err);
	if (ret < 0)
		goto fail;
	*out = n;
	return 0;
fail:
	ctl_nflog_free(n);
	return ret;
}

void
ctl_nflog_free(struct ctl_nflog *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->n_group; i++) {
		struct group *g = &n->group[i];

		group_write(n, g);
		for (unsigned k = 0; k < READERS_MAX; k++)
			buffer_close(&g->out[k]);
		if (g->kind == CFG_SINK_SOCKET)
			ctl_listen_close(&g->listener);
		free(g->path);
	}
	free(n->group);
	free(n->name);
	free(n->dir);
	free(n);
}

static size_t
make_block(struct ctl_nflog *n, const struct pl_event *e, const uint8_t *bytes, uint64_t wall_ns)
{
	// Where the packet came without a header or has none yet, the addresses are zero.
	static const uint8_t link[2][14] = {{[12] = 0x08}, {[12] = 0x86, [13] = 0xdd}};
	uint8_t port = e->in != PL_PORT_NONE ? e->in : e->out;
	const struct ctl_pcapng_packet p = {
		.interface = port != PL_PORT_NONE ? port : n->n_name - 1,
		.outbound = e->in == PL_PORT_NONE,
		.wall_ns = wall_ns,
		.link = e->l2_len == 14 ? bytes : link[e->family == 6],
		.bytes = bytes + e->l2_len,
		.have = e->n_byte - e->l2_len,
		.length = e->length,
		.comment = e->text,
	};

	return ctl_pcapng_packet(n->block, sizeof(n->block), &p);
}

void
ctl_nflog_put(struct ctl_nflog *n, const struct pl_event *e, const uint8_t *bytes, uint64_t wall_ns)
{
	struct group *g = group_find(n, e->group);
	size_t len = make_block(n, e, bytes, wall_ns);
	unsigned taken = 0, missed = 0;

	if (g == NULL && n->dir != NULL)
		g = group_for_replay(n, e->group);
	if (g == NULL) {
		n->stats.no_group++;
		return;
	}
	for (unsigned i = 0; i < READERS_MAX; i++) {
		struct buffer *b = &g->out[i];

		if (b->fd >= 0 && BUFFER_SIZE - b->len < len)
			group_write(n, g);
		if (b->fd < 0)
			continue;
		if (buffer_add(b, n->block, len))
			taken++;
		else
			missed++;
	}
	n->stats.packets += taken > 0;
	n->stats.not_written += missed > 0 || (taken == 0 && g->kind == CFG_SINK_FILE);
	n->stats.no_group += taken + missed == 0 && g->kind == CFG_SINK_SOCKET;
	g->waiting++;
	g->threshold = e->threshold;
}

void
ctl_nflog_flush(struct ctl_nflog *n, bool tick)
{
	for (size_t i = 0; i < n->n_group; i++) {
		struct group *g = &n->group[i];

		if (tick || (g->waiting > 0 && g->waiting >= g->threshold))
			group_write(n, g);
		if (!tick)
			continue;
		if (g->kind == CFG_SINK_SOCKET)
			accept_readers(n, g);
		else if (g->out[0].fd < 0)
			file_open(n, g);
		else if (g->max_bytes != 0 && g->size >= g->max_bytes)
			file_put_aside(n, g);
	}
}

const struct ctl_nflog_stats *
ctl_nflog_stats(const struct ctl_nflog *n)
{
	return &n->stats;
}
