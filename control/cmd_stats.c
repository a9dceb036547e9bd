// The commands `stats` and `ports`: every drop by its name, every worker, every port. The workers'
// counters are read while they run, each with a relaxed load, so they are a moment's view of each.
// Also the watch over the workers' heartbeats, which says which of them stand still. Main thread.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_log.h>

#include "control/ctl_int.h"
#include "control/flow_log.h"

#ifndef RINGWALL_VERSION
#error "meson gives RINGWALL_VERSION"
#endif

RTE_LOG_REGISTER(ctl_pulse_log, ringwall.ctl.pulse, NOTICE);
#define LOG(level, ...) rte_log(RTE_LOG_##level, ctl_pulse_log, "ringwall: " __VA_ARGS__)

static uint64_t
load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

void
ctl_pulse_tick(struct ctl *c)
{
	uint64_t now = c->now_ms(), still;

	for (unsigned i = 0; i < c->env.n_worker; i++) {
		uint64_t beat =
			atomic_load_explicit(&c->env.worker[i]->heartbeat, memory_order_relaxed);

		if (beat != c->pulse[i].beat || c->pulse[i].since_ms == 0) {
			if (c->pulse[i].stalled)
				LOG(NOTICE, "worker %u goes on after %.1f s\n", i,
				    (double)(now - c->pulse[i].since_ms) / 1000);
			c->pulse[i].beat = beat;
			c->pulse[i].since_ms = now;
			c->pulse[i].stalled = false;
		}
		if (!c->pulse[i].stalled && ctl_pulse_stalled(c, i, &still)) {
			c->pulse[i].stalled = true;
			LOG(ERR,
			    "worker %u (thread %d) stands still: packets of its flows are lost, "
			    "the others go on\n",
			    i, atomic_load_explicit(&c->env.worker[i]->tid, memory_order_relaxed));
		}
	}
}

bool
ctl_pulse_stalled(const struct ctl *c, unsigned worker, uint64_t *still_ms)
{
	const struct ctl_pulse *p = &c->pulse[worker];
	uint64_t beat =
		atomic_load_explicit(&c->env.worker[worker]->heartbeat, memory_order_relaxed);

	*still_ms = c->now_ms() - p->since_ms;
	// This thread may have been busy itself since the last tick: a beat since then is life.
	return p->since_ms != 0 && *still_ms >= CTL_STALL_MS && beat == p->beat;
}

static json_t *
drops_view(const struct ctl *c)
{
	json_t *list = json_array();

	for (int d = 0; d < PL_DROP_COUNT; d++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < c->env.n_worker; i++)
			sum += load(&c->env.worker[i]->cnt.drop[d]);
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o}", "name", pl_drop_name(d), "text",
						pl_drop_text(d), "packets", number(sum)));
	}
	return list;
}

static json_t *
worker_view(const struct ctl *c, unsigned i)
{
	const struct pl_worker *w = c->env.worker[i];
	const struct ct_stats *ct = ct_table_stats(w->ct);
	const struct pl_counters *n = &w->cnt;
	uint64_t beat = atomic_load_explicit(&w->heartbeat, memory_order_relaxed), still;
	json_t *view = json_object();

	json_object_set_new(view, "worker", json_integer(w->id));
	json_object_set_new(view, "loops", number(load(&n->loops)));
	json_object_set_new(view, "busy_loops", number(load(&n->busy_loops)));
	json_object_set_new(view, "pauses",
			    number(atomic_load_explicit(&w->rest.pauses, memory_order_relaxed)));
	json_object_set_new(view, "sleeps",
			    number(atomic_load_explicit(&w->rest.sleeps, memory_order_relaxed)));
	json_object_set_new(view, "handed_over", number(load(&n->handed_over)));
	json_object_set_new(view, "taken_over", number(load(&n->taken_over)));
	json_object_set_new(view, "deferred", number(load(&n->deferred)));
	json_object_set_new(view, "parked", number(load(&n->parked)));
	json_object_set_new(view, "cached", number(load(&n->known)));
	json_object_set_new(view, "news_lost", number(load(&n->news_lost)));
	json_object_set_new(view, "flows", number(ct_table_count(w->ct)));
	json_object_set_new(view, "flows_max", number(ct_table_max(w->ct)));
	json_object_set_new(view, "flows_created", number(load(&ct->created)));
	json_object_set_new(view, "flows_expired", number(load(&ct->expired)));
	json_object_set_new(view, "flows_early_drop", number(load(&ct->early_drop)));
	json_object_set_new(view, "flows_clash", number(load(&ct->clash)));
	json_object_set_new(view, "invalid_unlogged", number(load(&ct->invalid_unlogged)));
	json_object_set_new(view, "flows_expected", number(load(&ct->expected)));
	json_object_set_new(view, "expectations", number(load(&ct->expect_made)));
	json_object_set_new(view, "heartbeat", number(beat));
	json_object_set_new(view, "stalled", json_boolean(ctl_pulse_stalled(c, i, &still)));
	return view;
}

static json_t *
events_view(const struct ctl *c)
{
	struct ctl_flow_logs_stats logs;
	struct ctl_events_stats s;
	json_t *view = json_object();

	ctl_events_stats(c->events, &s);
	ctl_flow_logs_stats(c->flow_logs, &logs);
	json_object_set_new(view, "log_lines", number(s.lines));
	json_object_set_new(view, "log_over_rate", number(s.over_rate));
	json_object_set_new(view, "log_not_written", number(s.not_written));
	json_object_set_new(view, "flow_log_records", number(logs.records));
	json_object_set_new(view, "flow_log_lost", number(logs.lost));
	json_object_set_new(view, "flow_lost", number(ctl_feed_lost(c->feed)));
	json_object_set_new(view, "ring_full", number(s.ring_full));
	json_object_set_new(view, "nflog_packets", number(s.nflog_packets));
	json_object_set_new(view, "nflog_no_group", number(s.nflog_no_group));
	json_object_set_new(view, "nflog_not_written", number(s.nflog_not_written));
	return view;
}

int
ctl_cmd_stats(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;
	const struct cfg_policy *policy = c->env.policy(c->env.app);
	json_t *workers = json_array();
	uint64_t flows = 0, max = 0;

	(void)request;
	(void)err;
	for (unsigned i = 0; i < c->env.n_worker; i++) {
		flows += ct_table_count(c->env.worker[i]->ct);
		max += ct_table_max(c->env.worker[i]->ct);
		json_array_append_new(workers, worker_view(c, i));
	}
	json_object_set_new(answer, "version", json_string(RINGWALL_VERSION));
	json_object_set_new(answer, "uptime_sec", number((c->now_ms() - c->start_ms) / 1000));
	json_object_set_new(answer, "generation", number(c->env.generation(c->env.app)));
	json_object_set_new(answer, "policy",
			    policy != NULL && policy->file != NULL ? ctl_json_text(policy->file)
								   : json_null());
	json_object_set_new(answer, "confirm_sec_left", ctl_pending_view(c));
	json_object_set_new(answer, "flows",
			    json_pack("{s:o, s:o}", "count", number(flows), "max", number(max)));
	json_object_set_new(answer, "workers", workers);
	json_object_set_new(answer, "drops", drops_view(c));
	json_object_set_new(answer, "nat", ctl_nat_view(c));
	json_object_set_new(answer, "events", events_view(c));
	return 0;
}

// What the workers counted at one port.
static void
add_worker_counters(const struct ctl *c, unsigned port, json_t *view)
{
	uint64_t sum[8] = {0};
	static const char *const key[8] = {"rx_packets",      "rx_bytes",	 "tx_packets",
					   "tx_bytes",	      "host_rx_packets", "host_rx_bytes",
					   "host_tx_packets", "host_tx_bytes"};

	for (unsigned i = 0; i < c->env.n_worker; i++) {
		const struct pl_counters *n = &c->env.worker[i]->cnt;

		sum[0] += load(&n->port[port].rx_packets);
		sum[1] += load(&n->port[port].rx_bytes);
		sum[2] += load(&n->port[port].tx_packets);
		sum[3] += load(&n->port[port].tx_bytes);
		sum[4] += load(&n->port[port].host_rx_packets);
		sum[5] += load(&n->port[port].host_rx_bytes);
		sum[6] += load(&n->port[port].host_tx_packets);
		sum[7] += load(&n->port[port].host_tx_bytes);
	}
	for (int i = 0; i < 8; i++)
		json_object_set_new(view, key[i], number(sum[i]));
}

static json_t *
port_view(const struct ctl *c, unsigned port, const struct net_port_state *s)
{
	char mac[18];
	json_t *view, *device;

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", s->mac[0], s->mac[1], s->mac[2],
		 s->mac[3], s->mac[4], s->mac[5]);
	view = json_pack("{s:i, s:o, s:o, s:o, s:o, s:s, s:i, s:b, s:o, s:i, s:i, s:b}", "port",
			 (int)port, "name", ctl_json_text(s->name), "device",
			 ctl_json_text(s->device), "driver", ctl_json_text(s->driver), "twin",
			 s->twin[0] != '\0' ? ctl_json_text(s->twin) : json_null(), "mac", mac,
			 "mtu", (int)s->mtu, "link_up", s->link_up, "speed_mbps",
			 number(s->speed_mbps), "rx_queues", (int)s->rx_queues, "tx_queues",
			 (int)s->tx_queues, "rss", s->rss);
	device = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rx_packets",
			   number(s->rx_packets), "rx_bytes", number(s->rx_bytes), "tx_packets",
			   number(s->tx_packets), "tx_bytes", number(s->tx_bytes), "rx_missed",
			   number(s->rx_missed), "rx_errors", number(s->rx_errors), "tx_errors",
			   number(s->tx_errors));
	add_worker_counters(c, port, view);
	json_object_set_new(view, "device_counters", device);
	return view;
}

int
ctl_cmd_ports(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;
	unsigned n = net_ports_count(c->env.ports);
	json_t *list = json_array();

	(void)request;
	(void)err;
	for (unsigned i = 0; i < n && i <= PL_PORT_MAX; i++) {
		struct net_port_state state = {0};
		int ret = net_ports_state(c->env.ports, i, &state);

		if (ret < 0) {
			json_decref(list);
			return ctl_fail(cl, ret, "port %u does not say how it is: %s", i,
					strerror(-ret));
		}
		json_array_append_new(list, port_view(c, i, &state));
	}
	json_object_set_new(answer, "ports", list);
	return 0;
}
