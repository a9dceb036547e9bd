// The command `flows_follow`: births, changes and ends of flows as they happen, for as long as the
// client stays. The answer is a line {"ok": true, "stream": true}, then one for each event; it ends
// with {"end": true, ...} when the client sends anything. A client that does not read loses events
// instead of holding them up, and a line {"lost": N} stands where they would have been. Main
// thread; called by command.c, by client.c when the client can take more, and by the feed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/flow_feed.h"
#include "control/flow_filter.h"

struct follow {
	struct ctl_stream stream; // first: the client knows only this
	struct ctl_feed_user user;
	struct ctl_client *cl;
	struct ctl_flow_filter filter;
	uint64_t count;
	uint64_t lost; // that the client was not told of yet
};

// False: the client has too much to read already.
static bool
tell_lost(struct follow *f)
{
	if (f->cl->out_len >= CTL_OUT_HIGH)
		return false;
	if (f->lost > 0)
		ctl_client_send(f->cl, json_pack("{s:I}", "lost", (json_int_t)f->lost));
	f->lost = 0;
	return true;
}

static void
on_event(void *arg, struct ctl_feed *feed, const struct ct_event *ev)
{
	struct follow *f = arg;
	const char *line;
	size_t len;

	if (!ctl_flow_filter_wants(&f->filter, &ev->flow))
		return;
	if (!tell_lost(f)) {
		f->lost++;
		return;
	}
	line = ctl_feed_json(feed, &len);
	ctl_client_line(f->cl, line, len);
	f->count++;
}

static void
on_lost(void *arg, uint64_t n)
{
	struct follow *f = arg;

	f->lost += n;
	tell_lost(f);
}

static bool
more(struct ctl_client *cl, struct ctl_stream *stream)
{
	struct follow *f = (struct follow *)stream;

	tell_lost(f);
	if (cl->in_len == 0 && !cl->eof)
		return false;
	ctl_client_send(cl, json_pack("{s:b, s:I}", "end", 1, "count", (json_int_t)f->count));
	return true;
}

static void
free_stream(struct ctl_stream *stream)
{
	struct follow *f = (struct follow *)stream;

	ctl_feed_leave(f->cl->ctl->feed, &f->user);
	free(f);
}

static const struct {
	const char *word;
	uint8_t kinds;
} kind_word[] = {
	{"ALL", CT_EVENT_FLOWS},
	{"DESTROY", 1 << CT_EVENT_DESTROY},
	{"NEW", 1 << CT_EVENT_NEW},
	{"UPDATES", 1 << CT_EVENT_UPDATE},
};

static int
parse_kinds(struct ctl_client *cl, const json_t *request, uint8_t *kinds)
{
	const char *text = ctl_arg_text(request, "events");

	*kinds = text == NULL ? CT_EVENT_FLOWS : 0;
	for (const char *at = text; at != NULL; at = strchr(at, ',')) {
		uint8_t kind = 0;
		size_t len;

		at += at != text; // behind the comma
		len = strcspn(at, ",");
		for (size_t i = 0; i < sizeof(kind_word) / sizeof(kind_word[0]); i++)
			if (strlen(kind_word[i].word) == len &&
			    strncmp(kind_word[i].word, at, len) == 0)
				kind = kind_word[i].kinds;
		if (kind == 0)
			return ctl_fail(cl, -EINVAL,
					"'events' is \"%.64s\": expected a list of NEW, UPDATES, "
					"DESTROY, or ALL",
					text);
		*kinds |= kind;
	}
	return 0;
}

int
ctl_cmd_flows_follow(struct ctl_client *cl, const json_t *request, json_t *answer,
		     struct cfg_err *err)
{
	struct follow *f = calloc(1, sizeof(*f));
	int ret = f != NULL ? ctl_flow_filter_parse(cl, request, &f->filter) : -ENOMEM;

	(void)err;
	if (ret == 0)
		ret = parse_kinds(cl, request, &f->user.kinds);
	if (ret == 0) {
		f->cl = cl;
		f->stream = (struct ctl_stream){more, free_stream, true};
		f->user.event = on_event;
		f->user.lost = on_lost;
		f->user.arg = f;
		ret = ctl_feed_join(cl->ctl->feed, &f->user);
		if (ret < 0)
			ctl_fail(cl, ret, "events of flows: %s",
				 ret == -ETIMEDOUT ? "a worker does not answer" : strerror(-ret));
	}
	if (ret < 0) {
		free(f);
		return ret;
	}
	cl->stream = &f->stream;
	json_object_set_new(answer, "stream", json_true());
	return 0;
}
