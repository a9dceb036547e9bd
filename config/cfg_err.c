// The list of errors and warnings that reading a configuration file gives.
//
// Called by every reader and checker of this room, by control/ and by app/, always on the thread
// that reads the file. A list owns its messages' strings (cfg_err_free gives them back); the file
// name that new messages get is only borrowed. Adding never fails for the caller: what cannot be
// stored is counted and sets `truncated`, so that n_errors alone decides whether a file is sound.
#include "config/cfg_err.h"
#include "config/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
cfg_err_init(struct cfg_err *err, const char *file)
{
	*err = (struct cfg_err){.file = file};
}

void
cfg_err_free(struct cfg_err *err)
{
	for (size_t i = 0; i < err->n; i++) {
		free(err->msgs[i].file);
		free(err->msgs[i].text);
	}
	free(err->msgs);
	cfg_err_init(err, err->file);
}

enum cfg_judge
cfg_err_judge(struct cfg_err *err, enum cfg_judge judge)
{
	enum cfg_judge before = err->judge;

	err->judge = judge;
	return before;
}

// Room for one more message: the array doubles whenever its length is a power of two.
static struct cfg_msg *
msg_slot(struct cfg_err *err)
{
	struct cfg_msg *grown;

	if (err->n >= CFG_ERR_MAX)
		return NULL;
	if ((err->n & (err->n - 1)) == 0) {
		grown = reallocarray(err->msgs, err->n == 0 ? 1 : err->n * 2, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		err->msgs = grown;
	}
	return &err->msgs[err->n];
}

// The same thing told again (one line of a file may become several rules): counted, not kept.
static bool
is_last(const struct cfg_err *err, const struct cfg_msg *msg)
{
	const struct cfg_msg *last = err->n > 0 ? &err->msgs[err->n - 1] : NULL;
	const char *file = msg->pos.file != NULL ? msg->pos.file : err->file;

	return last != NULL && last->severity == msg->severity && last->pos.line == msg->pos.line &&
	       last->pos.column == msg->pos.column && strcmp(last->text, msg->text) == 0 &&
	       (last->file == NULL ? file == NULL : file != NULL && strcmp(last->file, file) == 0);
}

// Messages quote what they speak of, and may cut it inside a character or hold what no character
// is: that becomes '?', for whoever prints or sends the message wants UTF-8.
static void
whole_characters(char *text)
{
	for (size_t n; *text != '\0'; text += n) {
		n = cfg_utf8_len(text);
		if (n == 0) {
			*text = '?';
			n = 1;
		}
	}
}

static void
msg_add(struct cfg_err *err, struct cfg_msg msg, const char *fmt, va_list ap)
{
	const char *file = msg.pos.file != NULL ? msg.pos.file : err->file;
	struct cfg_msg *slot;

	if (vasprintf(&msg.text, fmt, ap) < 0)
		msg.text = NULL;
	else
		whole_characters(msg.text);
	if (msg.severity == CFG_ERROR)
		err->n_errors++;
	if (msg.text != NULL && is_last(err, &msg)) {
		free(msg.text);
		return;
	}
	slot = msg_slot(err);
	if (slot == NULL || msg.text == NULL)
		goto fail;
	if (file != NULL && (msg.file = strdup(file)) == NULL)
		goto fail;
	*slot = msg;
	err->n++;
	return;
fail:
	free(msg.text);
	err->truncated = true;
}

void
cfg_err_add(struct cfg_err *err, struct cfg_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	msg_add(err, (struct cfg_msg){.severity = CFG_ERROR, .judge = err->judge, .pos = pos}, fmt,
		ap);
	va_end(ap);
}

void
cfg_err_add_of(struct cfg_err *err, enum cfg_judge judge, struct cfg_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	msg_add(err, (struct cfg_msg){.severity = CFG_ERROR, .judge = judge, .pos = pos}, fmt, ap);
	va_end(ap);
}

void
cfg_warn_add(struct cfg_err *err, struct cfg_pos pos, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	msg_add(err, (struct cfg_msg){.severity = CFG_WARNING, .id = id, .pos = pos}, fmt, ap);
	va_end(ap);
}

void
cfg_note_add(struct cfg_err *err, struct cfg_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	msg_add(err, (struct cfg_msg){.severity = CFG_NOTE, .pos = pos}, fmt, ap);
	va_end(ap);
}

const char *
cfg_severity_name(enum cfg_severity severity)
{
	return severity == CFG_ERROR ? "error" : severity == CFG_WARNING ? "warning" : "note";
}

char *
cfg_msg_format(const struct cfg_msg *msg)
{
	const char *word = cfg_severity_name(msg->severity);
	const char *id = msg->id != NULL ? msg->id : "";
	char place[32] = "", *out = NULL;
	int ret;

	if (msg->pos.line != 0 && msg->pos.column != 0)
		snprintf(place, sizeof(place), "%u:%u:", msg->pos.line, msg->pos.column);
	else if (msg->pos.line != 0)
		snprintf(place, sizeof(place), "%u:", msg->pos.line);
	ret = asprintf(&out, "%s%s%s%s%s: %s%s%s%s", msg->file != NULL ? msg->file : "",
		       msg->file != NULL ? ":" : "", place,
		       msg->file != NULL || place[0] != '\0' ? " " : "", word, msg->text,
		       *id != '\0' ? " [" : "", id, *id != '\0' ? "]" : "");
	return ret < 0 ? NULL : out;
}
