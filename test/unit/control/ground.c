// What test/unit/control/ground.h promises. The functions of conntrack, net, nat and netlink that
// control/ calls are defined here, so that the linker takes none of the real ones.
#include "test/unit/control/ground.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/netlink.h"
#include "nat/nat.h"
#include "test/lib/tl.h"

uint64_t ground_ms;
unsigned ground_flows;
struct ct_flow (*ground_flow)(unsigned worker, unsigned i);

struct ct_event ground_event[GROUND_EVENTS];
unsigned ground_events;
uint8_t ground_told[2];
int ground_no_events;
uint64_t ground_missed = 5;
struct ct_stats ground_stats = {.created = 7};

// ---- stand-ins
// -----------------------------------------------------------------------------------------

// The "table" of a worker is its index + 1.
unsigned
ct_table_dump(struct ct_table *t, uint64_t now_ns, uint64_t *cursor, struct ct_flow *out,
	      unsigned max)
{
	unsigned n = 0;

	(void)now_ns;
	while (n < max && *cursor < ground_flows) {
		out[n] = ground_flow((unsigned)(uintptr_t)t - 1, (unsigned)*cursor);
		n++;
		++*cursor;
	}
	if (*cursor >= ground_flows)
		*cursor = UINT64_MAX;
	return n;
}

// Nothing is really ended: which flows are wanted is what a test looks at.
unsigned
ct_table_end_some(struct pl_worker *w, uint64_t *cursor, struct ct_flow *out, unsigned max,
		  bool (*want)(const struct ct_flow *flow, const void *arg), const void *arg)
{
	unsigned looked = ct_table_dump(w->ct, w->now_ns, cursor, out, max), n = 0;

	for (unsigned i = 0; i < looked; i++)
		if (want(&out[i], arg))
			out[n++] = out[i];
	return n;
}

uint32_t
ct_table_count(const struct ct_table *t)
{
	(void)t;
	return ground_flows;
}

uint32_t
ct_table_max(const struct ct_table *t)
{
	(void)t;
	return 1000;
}

struct nat_use_view ground_use[4];

bool
nat_use_read(const struct pl_worker *w, unsigned row, struct nat_use_view *out)
{
	if (w->id != 0 || row >= 4 || ground_use[row].family == 0)
		return false;
	*out = ground_use[row];
	return true;
}

uint64_t
nat_use_other(const struct pl_worker *w)
{
	return w->id == 0 ? 5 : 0;
}

const struct ct_stats *
ct_table_stats(const struct ct_table *t)
{
	(void)t;
	return &ground_stats;
}

int
ct_events_create(struct ct_table *t, uint32_t room, int socket)
{
	(void)t;
	(void)room;
	(void)socket;
	return ground_no_events;
}

void
ct_events_want(struct ct_table *t, uint8_t kinds)
{
	ground_told[(uintptr_t)t - 1] = kinds;
}

// All of them are the first worker's.
unsigned
ct_events_take(struct ct_table *t, struct ct_event *out, unsigned max)
{
	unsigned n = (uintptr_t)t == 1 ? RTE_MIN(ground_events, max) : 0;

	memcpy(out, ground_event, n * sizeof(*out));
	ground_events -= n;
	memmove(ground_event, ground_event + n, ground_events * sizeof(*out));
	return n;
}

const char *
ct_tcp_state_name(enum ct_tcp_state s)
{
	static const char *const name[CT_TCP_STATES] = {
		"NONE",	      "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
		"CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",	      "SYN_SENT2"};

	return name[s];
}

unsigned
nat_flush_port(struct pl_worker *w, uint8_t port)
{
	(void)w;
	(void)port;
	return 0;
}

unsigned
nat_flush_addr(struct pl_worker *w, uint8_t port, uint8_t family, const union pl_addr *addr)
{
	(void)w;
	(void)port;
	(void)family;
	(void)addr;
	return 0;
}

unsigned
net_ports_count(const struct net_ports *ps)
{
	(void)ps;
	return 2;
}

int
net_ports_state(const struct net_ports *ps, unsigned port, struct net_port_state *out)
{
	(void)ps;
	*out = (struct net_port_state){.name = "lan",
				       .device = "net_null0",
				       .driver = "net_null",
				       .mac = {2, 0, 0, 0, 0, 1},
				       .mtu = 1500,
				       .link_up = true,
				       .rx_queues = 2,
				       .rx_missed = ground_missed};
	if (port == 1) {
		strcpy(out->name, "wan");
		strcpy(out->twin, "wan0");
		out->link_up = false;
	}
	return 0;
}

struct net_port_health ground_health[2];

int
net_ports_health(const struct net_ports *ps, unsigned port, struct net_port_health *out)
{
	(void)ps;
	*out = ground_health[port];
	return 0;
}

static int netlink_fd[2];

int
ctl_netlink_create(struct ctl_netlink **out, const struct ctl_netlink_conf *conf,
		   struct cfg_err *err)
{
	(void)conf;
	(void)err;
	*out = NULL;
	return pipe(netlink_fd);
}

void
ctl_netlink_free(struct ctl_netlink *nl)
{
	(void)nl;
	close(netlink_fd[0]);
	close(netlink_fd[1]);
}

int
ctl_netlink_fd(const struct ctl_netlink *nl)
{
	(void)nl;
	return netlink_fd[0];
}

void
ctl_netlink_on_readable(struct ctl_netlink *nl)
{
	(void)nl;
}

void
ctl_netlink_on_tick(struct ctl_netlink *nl, uint64_t now_ms)
{
	(void)nl;
	(void)now_ms;
}

// ---- the gateway
// ---------------------------------------------------------------------------------------

static int
compile(struct ground *g, struct cfg_policy *policy, struct acl_policy **out, struct cfg_err *err)
{
	static const char *const port[] = {"lan", "wan"};
	const struct acl_build build = {
		.port_name = port, .n_port = 2, .n_workers = 2, .socket = SOCKET_ID_ANY};

	(void)g;
	return acl_policy_create(out, policy, &build, err);
}

static int
env_apply(void *app, struct cfg_policy *next, struct cfg_err *err)
{
	struct acl_policy *acl = NULL;
	struct ground *g = app;
	int ret = g->apply_fails;

	g->apply_fails = 0;
	if (ret < 0) {
		cfg_err_add(err, (struct cfg_pos){0, 0}, "the test says no");
		return ret;
	}
	ret = compile(g, next, &acl, err);
	if (ret < 0)
		return ret;
	acl_policy_inherit(acl, g->acl);
	acl_policy_free(g->acl);
	cfg_policy_free(g->policy);
	g->acl = acl;
	g->policy = next;
	g->generation++;
	return 0;
}

static struct cfg_policy *
env_policy(void *app)
{
	return ((struct ground *)app)->policy;
}

static struct acl_policy *
env_acl(void *app)
{
	return ((struct ground *)app)->acl;
}

static uint64_t
env_generation(void *app)
{
	return ((struct ground *)app)->generation;
}

static uint64_t
clock_ms(void)
{
	return ground_ms;
}

void
ground_open(struct ground *g, const char *yaml)
{
	struct ctl_env env = {.settings = &g->settings,
			      .worker = g->worker,
			      .n_worker = 2,
			      .app = g,
			      .policy = env_policy,
			      .acl = env_acl,
			      .generation = env_generation,
			      .apply = env_apply};
	struct cfg_err err;

	tl_init();
	memset(g, 0, sizeof(*g));
	strcpy(g->dir, "/tmp/rw-ctl-XXXXXX");
	cr_assert(mkdtemp(g->dir) != NULL);
	snprintf(g->path, sizeof(g->path), "%s/run/control.sock", g->dir);
	g->settings.control = g->path;
	cr_assert(asprintf(&g->settings.policy, "%s/policy.yaml", g->dir) > 0);
	cfg_err_init(&err, "start.yaml");
	cr_assert(cfg_policy_from_yaml(&g->policy, yaml, strlen(yaml), &err) == 0,
		  "the test's policy");
	cr_assert(compile(g, g->policy, &g->acl, &err) == 0, "the test's policy compiles");
	g->generation = 1;
	tl_workers(g->worker, 2);
	for (unsigned i = 0; i < 2; i++)
		g->worker[i]->ct = (struct ct_table *)(uintptr_t)(i + 1);
	ground_ms = 1000000;
	ground_flows = ground_events = 0;
	ground_missed = 5;
	for (unsigned i = 0; i < 2; i++)
		ground_health[i] = (struct net_port_health){
			.mtu = 1500, .twin = true, .twin_there = true, .twin_up = true};
	memset(ground_told, 0, sizeof(ground_told));
	cr_assert(ctl_create(&g->ctl, &env, &err) == 0, "%s", err.n > 0 ? err.msgs[0].text : "");
	g->ctl->now_ms = clock_ms;
	g->ctl->start_ms = g->ctl->tick_ms = ground_ms;
	cfg_err_free(&err);
}

void
ground_close(struct ground *g)
{
	char run[80];

	ctl_free(g->ctl);
	acl_policy_free(g->acl);
	cfg_policy_free(g->policy);
	for (unsigned i = 0; i < 2; i++) {
		g->worker[i]->ct = NULL;
		pl_worker_free(g->worker[i]);
	}
	unlink(g->settings.policy);
	free(g->settings.policy);
	snprintf(run, sizeof(run), "%s/run", g->dir);
	cr_expect(rmdir(run) == 0, "the socket is gone");
	rmdir(g->dir);
}

void
ground_policy_file(struct ground *g, const char *text)
{
	FILE *f = fopen(g->settings.policy, "w");

	cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

// ---- clients
// -------------------------------------------------------------------------------------------

static void
step(struct ground *g)
{
	bool signalled = false;

	cr_assert(ctl_step(g->ctl, 0, &signalled) == 0);
}

int
ground_connect(struct ground *g)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, g->path);
	cr_assert(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	step(g);
	return fd;
}

void
ground_send(struct ground *g, int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return; // the control has closed
		step(g);
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

void
ground_text(struct ground *g, int fd, const char *text)
{
	ground_send(g, fd, text, strlen(text));
}

char *
ground_line(struct ground *g, int fd)
{
	size_t len = 0, cap = 4096;
	char *line = malloc(cap);

	for (int idle = 0; idle < 200; idle++) {
		ssize_t n = recv(fd, line + len, 1, 0);

		if (n == 0)
			break;
		if (n < 0) {
			step(g);
			continue;
		}
		idle = 0;
		if (line[len] == '\n') {
			line[len] = '\0';
			return line;
		}
		if (++len == cap)
			line = realloc(line, cap *= 2);
	}
	free(line);
	return NULL;
}

bool
ground_closed(struct ground *g, int fd)
{
	char byte;

	for (int i = 0; i < 200; i++) {
		step(g);
		if (recv(fd, &byte, 1, 0) == 0)
			return true;
	}
	return false;
}

json_t *
ground_ask(struct ground *g, const char *request)
{
	int fd = ground_connect(g);
	json_t *answer;
	char *line;

	ground_send(g, fd, request, strlen(request));
	ground_send(g, fd, "\n", 1);
	line = ground_line(g, fd);
	close(fd);
	step(g);
	cr_assert(line != NULL, "an answer to %s", request);
	answer = json_loads(line, 0, NULL);
	cr_assert(json_is_object(answer), "%s", line);
	free(line);
	return answer;
}

char *
ground_error(struct ground *g, const char *request)
{
	json_t *answer = ground_ask(g, request);
	const char *text = json_string_value(json_object_get(answer, "error"));
	char *copy = text != NULL ? strdup(text) : NULL;

	cr_expect(json_is_true(json_object_get(answer, "ok")) == (text == NULL));
	json_decref(answer);
	return copy;
}

bool
ground_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

bool
ground_false(const json_t *object, const char *key)
{
	return json_is_false(json_object_get(object, key));
}
