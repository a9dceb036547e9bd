#pragma once
// A question to the daemon over its control socket. What goes wrong is printed here, so a command
// only has to hand the exit code on. Protocol: docs/control-protocol.md.
#include <jansson.h>
#include <stdio.h>

// One request (the reference is taken), one answer that said "ok": true. NULL after the reason was
// printed: no daemon, a broken answer, or what the daemon said was wrong, messages with their
// places included. Warnings that come with a good answer are printed as well.
json_t *app_ask(const char *command, json_t *request);

// The same for an answer of many lines: the first one is checked, the others are read with
// app_ask_next().
struct app_answer;
struct app_answer *app_ask_many(const char *command, json_t *request);
// The next line, or NULL when there is none; *failed says whether that was an error, which was
// printed.
// {"end": ...} is returned as any other line.
json_t *app_ask_next(struct app_answer *a, int *failed);
// Lets the next lines take as long as they take.
void app_ask_patient(struct app_answer *a);
void app_ask_end(struct app_answer *a); // NULL is fine

// Text that is at most 64 MiB from a file, "-" for standard input. 0, or -1 after the reason was
// printed.
int app_read_text(const char *command, const char *path, char **text, size_t *len);
