#pragma once
// The daemon's answers for people: tables on standard output. Private to app/.
#include <jansson.h>
#include <stdbool.h>

// `list`: every table and chain of the answer as `iptables -L -v -n --line-numbers` shows one.
// exact: counters in full, not rounded to K, M, G, T.
void app_show_policy(const json_t *answer, bool exact);
// `flows`: one flow as one line of `conntrack -L`.
void app_show_flow(const json_t *flow);
// `flows --follow`: one event as one line of `conntrack -E`; time: with its time, as -o timestamp.
void app_show_event(const json_t *event, bool time);
// `stats`; all: also the drop reasons that never happened.
void app_show_stats(const json_t *answer, bool all);
void app_show_ports(const json_t *answer);
