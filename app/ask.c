// The client's end of the control socket: connect, one request line out, answer lines in. Used by
// the commands in app/cmd_control.c; prints every failure itself as "ringwall COMMAND: reason". The
// process is single threaded and ends soon after.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/ask.h"
#include "app/cmd.h"
#include "config/cfg_err.h"
#include "control/control.h"

// A policy of a hundred thousand rules compiles in seconds; a daemon that is silent for so long is
// not well.
#define ANSWER_TIMEOUT_SEC 120

struct app_answer {
	const char *command;
	FILE *from;
	char *line;
	size_t cap;
};

static int
connect_daemon(const char *command)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_SEC};
	int fd;

	if (strlen(app_control_path) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "ringwall %s: control socket %s: path is longer than %zu bytes\n",
			command, app_control_path, sizeof(addr.sun_path) - 1);
		return -1;
	}
	strcpy(addr.sun_path, app_control_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		return fd;
	}
	fprintf(stderr, "ringwall %s: no daemon answers at %s: %s\n", command, app_control_path,
		strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

// The request and its newline. A daemon that closes early may have said why: that is for the reader
// to find.
static void
send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

static struct app_answer *
open_answer(const char *command, json_t *request)
{
	char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	struct app_answer *a = calloc(1, sizeof(*a));
	int fd = -1;

	json_decref(request);
	if (text == NULL || a == NULL)
		fprintf(stderr, "ringwall %s: out of memory, or an argument that is not UTF-8\n",
			command);
	else
		fd = connect_daemon(command);
	if (fd >= 0) {
		send_all(fd, text, strlen(text));
		send_all(fd, "\n", 1);
		a->command = command;
		a->from = fdopen(fd, "r");
		if (a->from == NULL)
			close(fd);
	}
	free(text);
	if (a != NULL && a->from != NULL)
		return a;
	free(a);
	return NULL;
}

void
app_ask_end(struct app_answer *a)
{
	if (a == NULL)
		return;
	fclose(a->from);
	free(a->line);
	free(a);
}

void
app_ask_patient(struct app_answer *a)
{
	const struct timeval never = {0};

	setsockopt(fileno(a->from), SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
}

json_t *
app_ask_next(struct app_answer *a, int *failed)
{
	json_error_t bad;
	json_t *line;
	ssize_t n;

	*failed = 0;
	errno = 0;
	n = getline(&a->line, &a->cap, a->from);
	if (n > 0 && a->line[n - 1] == '\n') {
		line = json_loadb(a->line, (size_t)n, 0, &bad);
		if (json_is_object(line))
			return line;
		json_decref(line);
		fprintf(stderr, "ringwall %s: the daemon's answer is not understood\n", a->command);
	} else if (errno == EAGAIN) {
		fprintf(stderr, "ringwall %s: the daemon at %s did not answer within %d s\n",
			a->command, app_control_path, ANSWER_TIMEOUT_SEC);
	} else {
		fprintf(stderr, "ringwall %s: the daemon at %s closed the connection\n", a->command,
			app_control_path);
	}
	*failed = 1;
	return NULL;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

// Errors and warnings with their places, as `ringwall check` prints them.
static size_t
print_messages(const json_t *answer)
{
	size_t i, n_errors = 0;
	const json_t *m;

	json_array_foreach(json_object_get(answer, "messages"), i, m)
	{
		bool error = strcmp(text_of(m, "severity"), "error") == 0;
		struct cfg_msg msg = {
			.severity = error ? CFG_ERROR : CFG_WARNING,
			.id = json_string_value(json_object_get(m, "id")),
			.file = (char *)json_string_value(json_object_get(m, "file")),
			.pos = {(unsigned)json_integer_value(json_object_get(m, "line")),
				(unsigned)json_integer_value(json_object_get(m, "column"))},
			.text = (char *)text_of(m, "text"),
		};
		char *line = cfg_msg_format(&msg);

		fprintf(stderr, "%s\n", line != NULL ? line : msg.text);
		free(line);
		n_errors += error;
	}
	return n_errors;
}

struct app_answer *
app_ask_many(const char *command, json_t *request)
{
	struct app_answer *a = open_answer(command, request);
	json_t *first;
	int failed;

	if (a == NULL)
		return NULL;
	first = app_ask_next(a, &failed);
	if (first != NULL && json_is_true(json_object_get(first, "ok"))) {
		json_decref(first);
		return a;
	}
	if (first != NULL)
		fprintf(stderr, "ringwall %s: %s\n", command, text_of(first, "error"));
	json_decref(first);
	app_ask_end(a);
	return NULL;
}

json_t *
app_ask(const char *command, json_t *request)
{
	struct app_answer *a = open_answer(command, request);
	json_t *answer;
	int failed;

	if (a == NULL)
		return NULL;
	answer = app_ask_next(a, &failed);
	app_ask_end(a);
	if (answer == NULL)
		return NULL;
	// The messages say it all with their places; without any, the daemon's sentence does.
	if (print_messages(answer) == 0 && !json_is_true(json_object_get(answer, "ok")))
		fprintf(stderr, "ringwall %s: %s\n", command, text_of(answer, "error"));
	if (json_is_true(json_object_get(answer, "ok")))
		return answer;
	json_decref(answer);
	return NULL;
}

int
app_read_text(const char *command, const char *path, char **text, size_t *len)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t cap = 65536, n = 0;
	char *buf = malloc(cap);
	ssize_t got = 1;

	if (fd < 0 || buf == NULL)
		err = errno;
	while (err == 0 && got > 0 && n <= CTL_REQUEST_MAX) {
		if (n == cap) {
			char *grown = realloc(buf, cap * 2);

			if (grown == NULL) {
				err = ENOMEM;
				break;
			}
			buf = grown;
			cap *= 2;
		}
		got = read(fd, buf + n, cap - n);
		if (got < 0)
			err = errno;
		n += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0 && !from_stdin)
		close(fd);
	if (err == 0 && n > CTL_REQUEST_MAX)
		err = EFBIG;
	if (err != 0) {
		fprintf(stderr, "ringwall %s: %s: %s\n", command, path, strerror(err));
		free(buf);
		return -1;
	}
	*text = buf;
	*len = n;
	return 0;
}
