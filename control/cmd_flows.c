// The commands `flows`, `flows_delete` and `flows_flush`: the flow tables of all workers, one after
// the other, a slice of a table at a time. A worker copies a slice between two bursts
// (pl_worker_call), this thread filters it and turns it into lines, and the next slice is asked for
// when the client has read enough of them: a million flows need the memory of one slice. Where
// flows are to be ended, the worker judges a slice, ends what is wanted and copies that. The answer
// is a line {"ok": true, "stream": true}, a line {"flow": {...}} for each flow (not for a flush),
// and a last line {"end": true, ...}. Main thread, but for what workers are called to do.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl_int.h"
#include "control/flow_filter.h"
#include "control/flow_view.h"

#define SLICE 128 // copying so many takes a worker some 20 us

enum action { LIST, DELETE, FLUSH };

struct flow_stream {
	struct ctl_stream stream; // first: the client knows only this
	struct ctl_flow_filter filter;
	enum action action;
	unsigned worker;
	uint64_t cursor;
	uint64_t count; // flows listed or ended
	unsigned n;	// of flow
	struct ct_flow flow[SLICE];
};

static bool
copy_slice(struct pl_worker *w, void *arg)
{
	struct flow_stream *s = arg;

	s->n = ct_table_dump(w->ct, w->now_ns, &s->cursor, s->flow, SLICE);
	return true;
}

static bool
wanted(const struct ct_flow *flow, const void *filter)
{
	return ctl_flow_filter_wants(filter, flow);
}

static bool
end_slice(struct pl_worker *w, void *arg)
{
	struct flow_stream *s = arg;

	s->n = ct_table_end_some(w, &s->cursor, s->flow, SLICE, wanted, &s->filter);
	return true;
}

static void
send_slice(struct ctl_client *cl, struct flow_stream *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->action == LIST && !ctl_flow_filter_wants(&s->filter, &s->flow[i]))
			continue;
		if (s->action != FLUSH)
			ctl_client_send(cl, json_pack("{s:o}", "flow", ctl_flow_view(&s->flow[i])));
		s->count++;
	}
}

static bool
more(struct ctl_client *cl, struct ctl_stream *stream)
{
	struct flow_stream *s = (struct flow_stream *)stream;
	const struct ctl *c = cl->ctl;

	if (s->worker == c->env.n_worker) {
		ctl_client_send(cl,
				json_pack("{s:b, s:I}", "end", 1, "count", (json_int_t)s->count));
		return true;
	}
	if (pl_worker_call(c->env.worker[s->worker], s->action == LIST ? copy_slice : end_slice, s,
			   c->call_timeout_ms) < 0) {
		ctl_fail(cl, -ETIMEDOUT, "worker %u does not answer", s->worker);
		ctl_client_send(cl, json_pack("{s:b, s:s, s:I}", "end", 0, "error", cl->error,
					      "count", (json_int_t)s->count));
		return true;
	}
	send_slice(cl, s);
	if (s->cursor == UINT64_MAX) {
		s->worker++;
		s->cursor = 0;
	}
	return false;
}

static void
free_stream(struct ctl_stream *stream)
{
	free(stream);
}

static int
start(struct ctl_client *cl, const json_t *request, json_t *answer, enum action action)
{
	struct flow_stream *s = calloc(1, sizeof(*s));
	int ret = s != NULL ? ctl_flow_filter_parse(cl, request, &s->filter) : -ENOMEM;

	if (ret == 0 && action == DELETE && s->filter.any)
		ret = ctl_fail(
			cl, -EINVAL,
			"'flows_delete' needs to be told which flows; 'flows_flush' ends all");
	if (ret < 0) {
		free(s);
		return ret;
	}
	s->action = action;
	s->stream.more = more;
	s->stream.free = free_stream;
	cl->stream = &s->stream;
	json_object_set_new(answer, "stream", json_true());
	return 0;
}

int
ctl_cmd_flows(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	(void)err;
	return start(cl, request, answer, LIST);
}

int
ctl_cmd_flows_delete(struct ctl_client *cl, const json_t *request, json_t *answer,
		     struct cfg_err *err)
{
	(void)err;
	return start(cl, request, answer, DELETE);
}

int
ctl_cmd_flows_flush(struct ctl_client *cl, const json_t *request, json_t *answer,
		    struct cfg_err *err)
{
	(void)err;
	return start(cl, request, answer, FLUSH);
}
