// What `doctor` says of each port: link, who steers its packets, how many had to be handed over,
// checksums, MTU, twin, and whether the host's own stack is kept out. Device and host are read
// anew. Called by control/cmd_doctor.c, main thread.
#include <stdio.h>
#include <string.h>

#include "control/doctor.h"

struct port {
	unsigned index;
	char subject[32];
	struct net_port_state state;
	struct net_port_health health;
	uint64_t received, handed;
};

static uint64_t
load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void
say_link(struct ctl_doctor *d, const struct port *p)
{
	const struct net_port_state *s = &p->state;
	uint64_t missed = s->rx_missed - ctl_doctor_since(d->ctl)->missed[p->index];

	if (!s->link_up)
		ctl_doctor_say(d, "port-link", p->subject, CTL_HEALTH_WARN,
			       "%s, %s: no link: its packets are dropped (PORT_DOWN)", s->device,
			       s->driver);
	else
		ctl_doctor_say(d, "port-link", p->subject, CTL_HEALTH_OK, "%s, %s: link is up",
			       s->device, s->driver);
	if (missed != 0)
		ctl_doctor_say(d, "port-missed", p->subject, CTL_HEALTH_WARN,
			       "the device dropped %llu packets in the last %u s because nobody "
			       "fetched them in time: more workers, or more rx-descriptors",
			       (unsigned long long)missed, ctl_doctor_window_sec(d->ctl));
}

static const struct steering {
	enum ctl_health health;
	const char *who, *text;
} steerings[] = {
	[NET_STEER_ALONE] = {CTL_HEALTH_OK, "none", "one worker, nothing to steer"},
	[NET_STEER_HARDWARE] = {CTL_HEALTH_OK, "hardware",
				"the hardware steers: RSS key and indirection table read back as "
				"they were set"},
	[NET_STEER_UNABLE] = {CTL_HEALTH_NOTE, "software",
			      "software steering: the device has no RSS with a table of its own"},
	[NET_STEER_QUEUES] = {CTL_HEALTH_NOTE, "software",
			      "software steering: the device does not have one queue for each "
			      "worker"},
	[NET_STEER_TABLE] = {CTL_HEALTH_NOTE, "software",
			     "software steering: the size of the device's key or indirection "
			     "table does not fit the number of workers (a power of two fits)"},
	[NET_STEER_KEY_DIFFERS] = {CTL_HEALTH_WARN, "software",
				   "software steering: the RSS key that the device reads back is "
				   "not the one that was set"},
	[NET_STEER_TABLE_DIFFERS] = {CTL_HEALTH_WARN, "software",
				     "software steering: the indirection table that the device "
				     "reads back is not the one that was set"},
};

static void
say_steering(struct ctl_doctor *d, const struct port *p)
{
	const struct steering *s = &steerings[p->health.steering];

	ctl_doctor_say(d, "port-steering", p->subject, s->health, "%s", s->text);
	if (p->health.steering == NET_STEER_ALONE)
		return;
	ctl_doctor_say(d, "port-handover", p->subject, CTL_HEALTH_OK,
		       "%llu of %llu packets received (%.1f %%) were handed over to another worker",
		       (unsigned long long)p->handed, (unsigned long long)p->received,
		       p->received != 0 ? 100.0 * (double)p->handed / (double)p->received : 0.0);
}

static void
say_checksums(struct ctl_doctor *d, const struct port *p)
{
	const struct net_port_health *h = &p->health;
	char by_port[32];

	snprintf(by_port, sizeof(by_port), "%s%s%s", h->ip_csum ? " IPv4" : "",
		 h->tcp_csum ? " TCP" : "", h->udp_csum ? " UDP" : "");
	if (by_port[0] != '\0')
		ctl_doctor_say(d, "port-checksums", p->subject, CTL_HEALTH_OK,
			       "the device checks what it receives:%s; checksums of what is sent "
			       "are updated in software",
			       by_port);
	else
		ctl_doctor_say(d, "port-checksums", p->subject, CTL_HEALTH_OK,
			       "checked and updated in software (the driver has no offload that "
			       "would be cheaper)");
}

static void
say_mtu(struct ctl_doctor *d, const struct port *p)
{
	if (p->health.mtu == p->state.mtu)
		ctl_doctor_say(d, "port-mtu", p->subject, CTL_HEALTH_OK, "MTU %u", p->state.mtu);
	else
		ctl_doctor_say(d, "port-mtu", p->subject, CTL_HEALTH_NOTE,
			       "MTU %u, though the device has %u: its twin was made narrower",
			       p->health.mtu, p->state.mtu);
}

static void
say_twin(struct ctl_doctor *d, const struct port *p)
{
	const struct net_port_health *h = &p->health;
	const char *name = p->state.twin;

	if (!h->twin)
		ctl_doctor_say(d, "port-twin", p->subject, CTL_HEALTH_OK,
			       "no twin, as ringwall.conf asks");
	else if (!h->twin_there)
		ctl_doctor_say(d, "port-twin", p->subject, CTL_HEALTH_FAIL,
			       "its twin %s is gone from the host: only a restart of ringwalld "
			       "brings it back",
			       name);
	else if (!h->twin_up)
		ctl_doctor_say(d, "port-twin", p->subject, CTL_HEALTH_WARN,
			       "its twin %s is down, and so the port sends nothing (ip link set "
			       "%s up)",
			       name, name);
	else
		ctl_doctor_say(d, "port-twin", p->subject, CTL_HEALTH_OK, "twin %s is up", name);
	if (h->leak[0] != '\0')
		ctl_doctor_say(d, "host-stack", p->subject, CTL_HEALTH_FAIL,
			       "the kernel may carry packets past the firewall: %s", h->leak);
	else
		ctl_doctor_say(d, "host-stack", p->subject, CTL_HEALTH_OK,
			       "the kernel forwards nothing here");
}

static json_t *
view(const struct port *p)
{
	const struct net_port_state *s = &p->state;
	const struct net_port_health *h = &p->health;
	double share = p->received != 0 ? (double)p->handed / (double)p->received : 0.0;
	json_t *v = json_object();

	json_object_set_new(v, "port", json_integer(p->index));
	json_object_set_new(v, "name", ctl_json_text(s->name));
	json_object_set_new(v, "device", ctl_json_text(s->device));
	json_object_set_new(v, "driver", ctl_json_text(s->driver));
	json_object_set_new(v, "link_up", json_boolean(s->link_up));
	json_object_set_new(v, "steering", json_string(steerings[h->steering].who));
	json_object_set_new(v, "steering_text", json_string(steerings[h->steering].text));
	json_object_set_new(v, "rx_queues", json_integer(s->rx_queues));
	json_object_set_new(v, "reta_size", json_integer(h->reta_size));
	json_object_set_new(v, "received", json_integer((json_int_t)p->received));
	json_object_set_new(v, "handed_over", json_integer((json_int_t)p->handed));
	json_object_set_new(v, "handed_over_share", json_real(share));
	json_object_set_new(v, "checksums",
			    json_pack("{s:b, s:b, s:b}", "ipv4", h->ip_csum, "tcp", h->tcp_csum,
				      "udp", h->udp_csum));
	json_object_set_new(v, "mtu", json_integer(h->mtu));
	json_object_set_new(v, "device_mtu", json_integer(s->mtu));
	json_object_set_new(v, "twin", h->twin ? ctl_json_text(s->twin) : json_null());
	json_object_set_new(v, "twin_up", json_boolean(h->twin_there && h->twin_up));
	return v;
}

void
ctl_doctor_ports(struct ctl_doctor *d)
{
	const struct ctl_env *env = &d->ctl->env;
	unsigned n = net_ports_count(env->ports);

	for (unsigned i = 0; i < n && i < PL_PORT_MAX; i++) {
		struct port p = {.index = i};

		if (net_ports_state(env->ports, i, &p.state) < 0 ||
		    net_ports_health(env->ports, i, &p.health) < 0)
			continue;
		snprintf(p.subject, sizeof(p.subject), "port %s", p.state.name);
		for (unsigned w = 0; w < env->n_worker; w++) {
			p.received += load(&env->worker[w]->cnt.port[i].rx_packets);
			p.handed += load(&env->worker[w]->cnt.port_handed[i]);
		}
		say_link(d, &p);
		say_steering(d, &p);
		say_checksums(d, &p);
		say_mtu(d, &p);
		say_twin(d, &p);
		json_array_append_new(d->ports, view(&p));
	}
}
