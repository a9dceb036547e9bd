// One client of the control socket: bytes in to request lines, answers out, neither ever blocking.
// A client is served one step at a time (one request, or one piece of a long answer), so that none
// keeps the others waiting; one that does not read gets nothing more made for it until it does.
// Called by ctl.c from the main thread; ctl.c frees clients that are marked dead.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/ctl_int.h"

#define READ_STEP 65536

// Tells epoll what this client waits for. EPOLLOUT also stands for "there is more to do": a socket
// that takes data makes the next step come at once, and in turn with the other clients.
static void
arm(struct ctl_client *cl)
{
	bool line = memchr(cl->in, '\n', cl->in_len) != NULL;
	uint32_t events = 0;

	if (cl->out_len > 0 || (cl->stream != NULL && !cl->stream->waits) || line || cl->closing ||
	    cl->eof)
		events |= EPOLLOUT;
	else
		events |= EPOLLIN;
	if (ctl_watch(cl->ctl, EPOLL_CTL_MOD, cl->fd, events, cl) < 0)
		cl->dead = true;
}

int
ctl_client_add(struct ctl *c, int fd)
{
	static const char full[] =
		"{\"ok\": false, \"error\": \"too many clients\", \"messages\": []}\n";
	struct ctl_client *cl;

	if (c->n_client == CTL_CLIENTS_MAX) {
		send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		return -EMFILE;
	}
	cl = calloc(1, sizeof(*cl));
	if (cl == NULL || (cl->in = malloc(READ_STEP)) == NULL) {
		free(cl);
		return -ENOMEM;
	}
	cl->in_cap = READ_STEP;
	cl->ctl = c;
	cl->fd = fd;
	if (ctl_watch(c, EPOLL_CTL_ADD, fd, EPOLLIN, cl) < 0) {
		free(cl->in);
		free(cl);
		return -ENOSPC;
	}
	c->client[c->n_client++] = cl;
	return 0;
}

void
ctl_client_free(struct ctl_client *cl)
{
	if (cl->stream != NULL)
		cl->stream->free(cl->stream);
	close(cl->fd); // takes it out of epoll
	free(cl->in);
	free(cl->out);
	free(cl);
}

// Room for `more` further bytes behind what is in the output.
static bool
out_reserve(struct ctl_client *cl, size_t more)
{
	size_t need = cl->out_len + more, cap = cl->out_cap != 0 ? cl->out_cap : 4096;
	char *grown;

	if (cl->out_at > 0) {
		memmove(cl->out, cl->out + cl->out_at, cl->out_len);
		cl->out_at = 0;
	}
	while (cap < need)
		cap *= 2;
	if (cap == cl->out_cap)
		return true;
	grown = realloc(cl->out, cap);
	if (grown == NULL)
		return false;
	cl->out = grown;
	cl->out_cap = cap;
	return true;
}

static int
out_append(const char *bytes, size_t n, void *client)
{
	struct ctl_client *cl = client;

	if (cl->out_at + cl->out_len + n > cl->out_cap && !out_reserve(cl, n))
		return -1;
	memcpy(cl->out + cl->out_at + cl->out_len, bytes, n);
	cl->out_len += n;
	return 0;
}

void
ctl_client_send(struct ctl_client *cl, json_t *line)
{
	// A line cut in the middle would be worse than none: out of memory ends the connection.
	if (line == NULL || json_dump_callback(line, out_append, cl, JSON_COMPACT) < 0 ||
	    out_append("\n", 1, cl) < 0)
		cl->dead = true;
	json_decref(line);
}

void
ctl_client_line(struct ctl_client *cl, const char *line, size_t len)
{
	if (out_append(line, len, cl) < 0 || out_append("\n", 1, cl) < 0)
		cl->dead = true;
}

static void
refuse_and_close(struct ctl_client *cl, const char *why)
{
	ctl_client_send(cl, json_pack("{s:b, s:s, s:[]}", "ok", 0, "error", why, "messages"));
	cl->in_len = cl->in_seen = 0;
	cl->closing = true;
}

static void
receive(struct ctl_client *cl)
{
	ssize_t n;

	if (cl->in_len == cl->in_cap) {
		char *grown = realloc(cl->in, cl->in_cap * 2);

		if (grown == NULL) {
			refuse_and_close(cl, "out of memory for the request");
			return;
		}
		cl->in = grown;
		cl->in_cap *= 2;
	}
	n = recv(cl->fd, cl->in + cl->in_len, cl->in_cap - cl->in_len, MSG_DONTWAIT);
	if (n > 0)
		cl->in_len += (size_t)n;
	else if (n == 0)
		cl->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		cl->dead = true;
}

static void
transmit(struct ctl_client *cl)
{
	while (cl->out_len > 0) {
		ssize_t n = send(cl->fd, cl->out + cl->out_at, cl->out_len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0) {
			cl->dead = errno != EAGAIN && errno != EINTR;
			return;
		}
		cl->out_at += (size_t)n;
		cl->out_len -= (size_t)n;
	}
	cl->out_at = 0;
	if (cl->out_cap > 2 * CTL_OUT_HIGH) { // a large answer is through: give its memory back
		free(cl->out);
		cl->out = NULL;
		cl->out_cap = 0;
	}
}

// Serves the first request line there is; false: there is none.
static bool
serve_line(struct ctl_client *cl)
{
	char *end = memchr(cl->in + cl->in_seen, '\n', cl->in_len - cl->in_seen);
	size_t len;

	if (end == NULL) {
		cl->in_seen = cl->in_len;
		if (cl->in_len > CTL_REQUEST_MAX)
			refuse_and_close(cl, "request is larger than 64 MiB");
		return false;
	}
	len = (size_t)(end - cl->in);
	ctl_command(cl, cl->in, len);
	cl->in_len -= len + 1;
	memmove(cl->in, end + 1, cl->in_len);
	cl->in_seen = 0;
	if (cl->in_cap > CTL_OUT_HIGH && cl->in_len <= READ_STEP) { // the same for a large request
		char *shrunk = realloc(cl->in, READ_STEP);

		if (shrunk != NULL) {
			cl->in = shrunk;
			cl->in_cap = READ_STEP;
		}
	}
	return true;
}

// One step of work, where the output has room for what comes of it.
static void
work(struct ctl_client *cl)
{
	if (cl->out_len >= CTL_OUT_HIGH || cl->closing)
		return;
	if (cl->stream != NULL) {
		if (!cl->stream->more(cl, cl->stream))
			return;
		cl->stream->free(cl->stream);
		cl->stream = NULL;
	} else if (!serve_line(cl) && cl->eof && !cl->closing) {
		if (cl->in_len > 0)
			refuse_and_close(cl, "request does not end with a newline");
		cl->closing = true;
	}
}

void
ctl_client_poke(struct ctl_client *cl)
{
	if (cl->dead || cl->stream == NULL || !cl->stream->waits || cl->out_len == 0)
		return;
	transmit(cl);
	if (!cl->dead)
		arm(cl);
}

void
ctl_client_ready(struct ctl_client *cl, uint32_t events)
{
	if (cl->dead)
		return;
	if ((events & EPOLLERR) != 0 ||
	    ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0 && cl->eof)) {
		cl->dead = true; // the peer is gone altogether: nobody reads the answers
		return;
	}
	if ((events & EPOLLIN) != 0)
		receive(cl);
	else if ((events & EPOLLHUP) != 0)
		cl->eof = true;
	work(cl);
	if (!cl->dead)
		transmit(cl);
	if (cl->closing && cl->out_len == 0)
		cl->dead = true;
	if (!cl->dead)
		arm(cl);
}
