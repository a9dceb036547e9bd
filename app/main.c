// `ringwalld`: arguments, EAL, ports, workers, signals; the order of start and stop. Reads both
// files before anything is started: a bad file means that no port ever comes up. The main thread
// becomes the control thread; each worker runs on the lcore that the settings name.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "app/gateway.h"
#include "control/control.h"
#include "net/port.h"

#define STOP_MS 5000

struct daemon {
	struct cfg_settings *settings;
	struct app_gateway gateway;
	struct net_ports *ports;
	struct ctl *ctl;
	int signal_fd;
	bool eal; // up: to be cleaned up
	unsigned lcore[PL_WORKERS_MAX];
	int socket[PL_WORKERS_MAX];
	uint16_t n_worker;
};

static void
tell_systemd(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

// The signals are read from a descriptor; blocked before EAL makes its threads, which inherit the
// mask.
static int
signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -EINVAL;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

// The policy file again. What is wrong with it is logged, and the running policy stays.
static void
reload(struct daemon *d)
{
	struct cfg_err err;

	tell_systemd("RELOADING=1");
	cfg_err_init(&err, d->settings->policy);
	if (ctl_reload(d->ctl, &err) < 0)
		fprintf(stderr, "ringwalld: policy not changed:\n");
	else
		fprintf(stderr, "ringwalld: policy applied, generation %llu\n",
			(unsigned long long)d->gateway.generation);
	app_err_print(&err);
	tell_systemd("READY=1");
}

// Says whether the daemon shall end.
static bool
on_signal(void *arg)
{
	struct daemon *d = arg;
	struct signalfd_siginfo si;

	while (read(d->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo != SIGHUP)
			return true;
		reload(d);
	}
	return false;
}

// The lcores that poll: those of the settings, or all but the main one.
static int
choose_lcores(struct daemon *d, struct cfg_err *err)
{
	const struct cfg_settings *s = d->settings;
	const struct cfg_pos at = {0, 0};
	unsigned lcore;

	if (s->n_worker == 0) {
		RTE_LCORE_FOREACH_WORKER(lcore)
		{
			if (d->n_worker < PL_WORKERS_MAX)
				d->lcore[d->n_worker++] = lcore;
		}
	}
	for (size_t i = 0; i < s->n_worker; i++) {
		lcore = s->worker[i];
		if (lcore >= RTE_MAX_LCORE || !rte_lcore_is_enabled(lcore))
			cfg_err_add(err, at,
				    "workers: lcore %u is not among EAL's (-l or --lcores)", lcore);
		else if (lcore == rte_get_main_lcore())
			cfg_err_add(err, at,
				    "workers: lcore %u is the main one, which runs control", lcore);
		else if (d->n_worker == PL_WORKERS_MAX)
			cfg_err_add(err, at, "workers: more than %d", PL_WORKERS_MAX);
		else
			d->lcore[d->n_worker++] = lcore;
	}
	if (err->n_errors == 0 && d->n_worker == 0)
		cfg_err_add(err, at,
			    "workers: EAL has no lcore besides the main one; give it two (-l 0,1)");
	for (uint16_t i = 0; i < d->n_worker; i++)
		d->socket[i] = (int)rte_lcore_to_socket_id(d->lcore[i]);
	return err->n_errors == 0 ? 0 : -EINVAL;
}

static struct cfg_policy *
ctl_policy(void *app)
{
	return app_policy(app);
}

static struct acl_policy *
ctl_acl(void *app)
{
	return app_acl(app);
}

static uint64_t
ctl_generation(void *app)
{
	return ((struct app_gateway *)app)->generation;
}

static int
ctl_apply(void *app, struct cfg_policy *next, struct cfg_err *err)
{
	return app_apply(app, next, err);
}

static int
start(struct daemon *d, struct cfg_policy **policy, struct cfg_err *err)
{
	struct ctl_env env = {
		.settings = d->settings,
		.worker = d->gateway.worker,
		.app = &d->gateway,
		.policy = ctl_policy,
		.acl = ctl_acl,
		.generation = ctl_generation,
		.apply = ctl_apply,
	};
	int ret;

	ret = app_eal_start(d->settings, err);
	if (ret < 0)
		return ret;
	d->eal = true;
	ret = choose_lcores(d, err);
	if (ret < 0)
		return ret;
	ret = pl_rcu_create(d->n_worker, SOCKET_ID_ANY);
	if (ret < 0)
		return ret;
	ret = app_gateway_create(&d->gateway, d->settings, d->n_worker, d->socket, false, err);
	if (ret < 0)
		return ret;
	ret = app_apply(&d->gateway, *policy, err);
	if (ret < 0)
		return ret;
	*policy = NULL; // the gateway's now
	ret = net_ports_start(&d->ports, d->settings, d->gateway.table, d->gateway.pool,
			      d->n_worker, err);
	if (ret < 0)
		return ret;
	ret = net_table_load(d->gateway.table, d->settings, err);
	if (ret < 0)
		return ret;
	env.n_worker = d->n_worker;
	env.ports = d->ports;
	env.table = d->gateway.table;
	env.sets = d->gateway.sets;
	ret = ctl_create(&d->ctl, &env, err);
	if (ret < 0)
		return ret;
	for (uint16_t i = 0; i < d->n_worker; i++) {
		net_ports_attach(d->ports, d->gateway.worker[i]);
		ret = pl_rest_set(d->gateway.worker[i], d->settings->poll == CFG_POLL_ADAPTIVE
								? PL_POLL_ADAPTIVE
								: PL_POLL_BUSY);
		if (ret < 0)
			return ret;
		ret = rte_eal_remote_launch(pl_worker_loop, d->gateway.worker[i], d->lcore[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

// They are given some seconds. Where one stands still nothing that it may touch can be taken down:
// then the process ends as it is, and the kernel takes the twins away.
static void
stop_workers(struct daemon *d)
{
	uint64_t start = pl_clock_us();
	uint16_t i, n = 0;

	while (n < d->n_worker && d->gateway.worker[n] != NULL)
		n++;
	for (i = 0; i < n; i++)
		atomic_store_explicit(&d->gateway.worker[i]->stop, true, memory_order_relaxed);
	i = 0;
	while (i < n) {
		while (i < n &&
		       !atomic_load_explicit(&d->gateway.worker[i]->running, memory_order_acquire))
			i++;
		if (i < n && pl_clock_us() - start > STOP_MS * 1000) {
			fprintf(stderr, "ringwalld: worker %u does not end: ending without it\n",
				i);
			ctl_free(d->ctl);
			_exit(1);
		}
		usleep(1000);
	}
	rte_eal_mp_wait_lcore();
}

// Workers finish what is in their rings and buffers, then everything goes in the opposite order of
// start.
static void
stop(struct daemon *d)
{
	if (!d->eal)
		return;
	stop_workers(d);
	ctl_free(d->ctl);
	pl_rcu_free(); // no reader is left: publishing no longer waits
	if (d->gateway.pool != NULL) {
		// Queues hold packets of the pool: ports end first.
		net_ports_stop(d->ports);
		app_gateway_destroy(&d->gateway);
	}
	rte_eal_cleanup();
}

static int
usage(void)
{
	fprintf(stderr, "usage: ringwalld -c ringwall.conf\n"
			"       ringwalld --version\n");
	return 2;
}

static const char *
parse_args(int argc, char **argv, int *code)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'V':
			printf("ringwalld %s\n", RINGWALL_VERSION);
			*code = 0;
			return NULL;
		case 'h':
			usage();
			*code = 0;
			return NULL;
		default:
			*code = usage();
			return NULL;
		}
	}
	if (path == NULL || optind != argc)
		*code = usage();
	return optind == argc ? path : NULL;
}

// Both files, every error of either.
static int
read_files(struct daemon *d, const char *path, struct cfg_policy **policy, struct cfg_err *err)
{
	int ret = cfg_settings_load(&d->settings, path, err);

	if (ret < 0)
		return ret;
	if (d->settings->policy == NULL) {
		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "no policy: without one no packet may pass (policy = \"FILE\")");
		return -EINVAL;
	}
	err->file = d->settings->policy;
	ret = cfg_policy_load(policy, d->settings->policy, err);
	err->file = path;
	return ret;
}

int
main(int argc, char **argv)
{
	struct daemon d = {.signal_fd = -1};
	struct cfg_policy *policy = NULL;
	struct cfg_err err;
	int code = 1, ret;
	const char *path = parse_args(argc, argv, &code);

	if (path == NULL)
		return code;
	cfg_err_init(&err, path);
	if (read_files(&d, path, &policy, &err) < 0) {
		app_err_print(&err);
		cfg_settings_free(d.settings);
		return 1;
	}
	d.signal_fd = signals_open();
	ret = d.signal_fd < 0 ? d.signal_fd : start(&d, &policy, &err);
	if (ret < 0 && err.n_errors == 0)
		cfg_err_add(&err, (struct cfg_pos){0, 0}, "does not start: %s", strerror(-ret));
	app_err_print(&err);
	if (ret == 0) {
		fprintf(stderr, "ringwalld: ready, %u worker(s), %zu port(s)\n", d.n_worker,
			d.settings->n_port);
		tell_systemd("READY=1");
		code = ctl_run(d.ctl, d.signal_fd, on_signal, &d) < 0 ? 1 : 0;
		tell_systemd("STOPPING=1");
	}
	stop(&d);
	cfg_policy_free(policy);
	cfg_settings_free(d.settings);
	return code;
}
