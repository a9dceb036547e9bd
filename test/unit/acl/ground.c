// See ground.h.
#include "ground.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_malloc.h>

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "acl test ground: %s\n", what);
	abort();
}

void
ground_init(struct ground *g, const char *mem_mb)
{
	char prefix[64], mem[16];
	char *argv[] = {"test",		  "--no-huge", "--no-shconf", "--no-pci",
			"--no-telemetry", "-l",	       "0",	      "--log-level",
			"lib.eal:error",  "-m",	       mem,	      prefix};

	snprintf(prefix, sizeof(prefix), "--file-prefix=rwacl%d", getpid());
	snprintf(mem, sizeof(mem), "%s", mem_mb);
	must(rte_eal_init(RTE_DIM(argv), argv) >= 0, "rte_eal_init");
	g->pool = rte_pktmbuf_pool_create("acl", 255, 0, sizeof(struct pl_meta),
					  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	must(g->pool != NULL, "packet pool");
	must(pl_worker_create(&g->w, 0, 1, SOCKET_ID_ANY, g->pool) == 0, "worker");
	for (unsigned i = 0; i < PL_BURST; i++) {
		g->buf[i] = rte_pktmbuf_alloc(g->pool);
		must(g->buf[i] != NULL, "packet buffer");
	}
}

size_t
ground_heap(void)
{
	struct rte_malloc_socket_stats s;

	return rte_malloc_get_socket_stats(0, &s) == 0 ? s.heap_allocsz_bytes : 0;
}

double
ground_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

uint64_t
ground_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

void
ground_packet(struct ground *g, unsigned i, const struct ground_tuple *t, struct pl_pkt *out)
{
	struct rte_mbuf *m = g->buf[i];
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + 14, *l4;
	unsigned hdr = t->family == 4 ? 20 : 40;
	rte_be16_t sport = rte_cpu_to_be_16(t->sport), dport = rte_cpu_to_be_16(t->dport), sum;

	rte_pktmbuf_reset(m);
	memset(frame, 0, 14 + hdr + 20);
	l4 = ip + hdr;
	if (t->family == 4) {
		frame[12] = 0x08;
		ip[0] = 0x45;
		ip[3] = hdr + 20;
		ip[8] = 64;
		ip[9] = t->proto;
		memcpy(ip + 12, &t->src, 4);
		memcpy(ip + 16, &t->dst, 4);
		sum = ~rte_raw_cksum(ip, hdr);
		memcpy(ip + 10, &sum, 2);
	} else {
		frame[12] = 0x86;
		frame[13] = 0xdd;
		ip[0] = 0x60;
		ip[5] = 20;
		ip[6] = t->proto;
		ip[7] = 64;
		memcpy(ip + 8, &t->src, 16);
		memcpy(ip + 24, &t->dst, 16);
	}
	if (t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP) {
		memcpy(l4, &sport, 2);
		memcpy(l4 + 2, &dport, 2);
	}
	l4[12] = 0x50;
	l4[13] = 0x02;
	m->data_len = m->pkt_len = 14 + hdr + 20;
	memset(out, 0, sizeof(*out));
	out->m = m;
	must(pl_parse(out) == 0, "a frame that parses");
	out->in_port = 0;
	out->out_port = 1;
	out->path = PL_PATH_FORWARD;
	out->ct_state = PL_CT_NEW;
}

uint64_t
ground_run(struct ground *g, const struct acl_policy *p, enum acl_point point,
	   const struct pl_pkt *in, struct pl_note *note, struct pl_pkt *out)
{
	struct pl_burst *b = &g->w->burst;
	uint64_t t;

	b->n = b->used = PL_BURST;
	b->ended = 0;
	for (unsigned i = 0; i < PL_BURST; i++) {
		b->pkt[i] = in[i];
		b->pkt[i].note = note != NULL ? &note[i] : NULL;
		b->live[i] = &b->pkt[i];
	}
	t = rte_rdtsc_precise();
	acl_stage[point].run(g->w, acl_policy_point(p, point), b);
	t = rte_rdtsc_precise() - t;
	g->w->n_dead = 0; // the buffers stay ours
	if (out != NULL)
		memcpy(out, b->pkt, sizeof(b->pkt));
	return t;
}

static int
double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct ground_ticks
ground_measure(struct ground *g, const struct acl_policy *p, enum acl_point point,
	       const struct ground_tuple *t, unsigned n, unsigned rounds)
{
	static struct pl_pkt in[PL_BURST];
	struct ground_ticks out;
	double *round = calloc(rounds, sizeof(*round));

	must(round != NULL, "memory");
	for (unsigned r = 0; r < rounds; r++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i + PL_BURST <= n; i += PL_BURST) {
			for (unsigned k = 0; k < PL_BURST; k++)
				ground_packet(g, k, &t[i + k], &in[k]);
			sum += ground_run(g, p, point, in, NULL, NULL);
		}
		round[r] = (double)sum / (n / PL_BURST * PL_BURST);
	}
	qsort(round, rounds, sizeof(*round), double_cmp);
	out.min = round[0];
	out.median = round[rounds / 2];
	free(round);
	return out;
}
