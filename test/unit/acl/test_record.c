// Which walks a verdict cache may keep: what rules ask of a packet that its flow's next one may
// answer in another way, and when that does no harm. Both walks must say the same.
#include "test/unit/acl/at.h"

#include <criterion/new/assert.h>

#include "pipeline/worker.h"

static struct pl_record rec;

// One packet of an established flow through FORWARD; may its walk be kept? *n: how many counters.
static bool
kept(const struct acl_policy *pol, struct pl_worker *w, uint8_t proto, uint32_t *n)
{
	struct tl_spec s = {.src = "10.0.0.1",
			    .dst = "10.9.0.1",
			    .proto = proto,
			    .sport = 1000,
			    .dport = 80,
			    .tcp_flags = 0x10};
	struct pl_pkt *p = tl_pkt(w, &s, 0);
	struct rte_mbuf *m = p->m;

	p->path = PL_PATH_FORWARD;
	p->in_port = 0;
	p->out_port = 1;
	p->ct_state = PL_CT_ESTABLISHED;
	memset(&rec, 0, sizeof(rec));
	p->rec = &rec;
	acl_stage[ACL_FILTER].run(w, acl_policy_point(pol, ACL_FILTER), &w->burst);
	w->n_dead = 0;
	rte_pktmbuf_free(m);
	*n = rec.n;
	return !rec.broken;
}

static const struct {
	const char *rules;
	uint8_t proto;
	bool kept;
	uint32_t credits;
} row[] = {
	// What asks for nothing but the flow.
	{"-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT\n", IPPROTO_TCP, true, 1},
	{"-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n", IPPROTO_UDP, true, 1},
	{"-A FORWARD -s 10.0.0.0/8\n-A FORWARD -i lan\n", IPPROTO_UDP, true, 3},
	{"", IPPROTO_UDP, true, 1},
	// What asks for more, matched or not.
	{"-A FORWARD -m length --length 0:100 -j ACCEPT\n", IPPROTO_UDP, false, 1},
	{"-A FORWARD -m length --length 1000 -j DROP\n", IPPROTO_UDP, false, 1},
	{"-A FORWARD -m limit --limit 1/min -j ACCEPT\n", IPPROTO_UDP, false, 1},
	{"-A FORWARD -m ttl --ttl-eq 3 -j DROP\n-A FORWARD -p udp -j ACCEPT\n", IPPROTO_UDP, false,
	 1},
	// The same behind the rule that ended the walk: never met.
	{"-A FORWARD -p udp -j ACCEPT\n-A FORWARD -m length --length 1000 -j DROP\n", IPPROTO_UDP,
	 true, 1},
	// Out of question for this flow.
	{"-A FORWARD -p icmp -m limit --limit 1/sec -j ACCEPT\n", IPPROTO_UDP, true, 1},
	{"-A FORWARD -s 10.5.0.0/16 -m length --length 1000 -j DROP\n", IPPROTO_UDP, true, 1},
	{"-A FORWARD -o lan -m length --length 1000 -j DROP\n", IPPROTO_UDP, true, 1},
	{"-A FORWARD -m conntrack --ctstate NEW -m limit --limit 1/sec -j ACCEPT\n", IPPROTO_UDP,
	 true, 1},
	// Flags: a plain segment has ACK and perhaps PSH.
	{"-A FORWARD -p tcp -m tcp --syn -j DROP\n", IPPROTO_TCP, true, 1},
	{"-A FORWARD -p tcp -m tcp ! --syn -j ACCEPT\n", IPPROTO_TCP, true, 1},
	{"-A FORWARD -p tcp -m tcp --tcp-flags ALL NONE -j DROP\n", IPPROTO_TCP, true, 1},
	{"-A FORWARD -p tcp -m tcp --tcp-flags ALL ACK -j ACCEPT\n", IPPROTO_TCP, false, 1},
	{"-A FORWARD -p tcp -m tcp --tcp-flags PSH PSH -j ACCEPT\n", IPPROTO_TCP, false, 1},
	{"-A FORWARD -p tcp -m tcp --tcp-option 8 -j ACCEPT\n", IPPROTO_TCP, false, 1},
	{"-A FORWARD -p tcp -m tcp --dport 81 --tcp-option 8 -j ACCEPT\n", IPPROTO_TCP, true, 1},
	// In other chains.
	{":C - [0:0]\n-A FORWARD -j C\n-A C -m length --length 1000 -j DROP\n", IPPROTO_UDP, false,
	 2},
	{":C - [0:0]\n-A FORWARD -j C\n-A C -p udp -j RETURN\n"
	 "-A C -m length --length 1000 -j DROP\n",
	 IPPROTO_UDP, true, 3},
	{":C - [0:0]\n-A FORWARD -g C\n-A C -m ttl --ttl-gt 200 -j DROP\n", IPPROTO_UDP, false, 2},
};

Test(acl_record, what_may_be_kept)
{
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		char text[512];
		struct at t;
		uint32_t n, m;
		bool compiled, linear;

		snprintf(text, sizeof(text), "*filter\n:FORWARD ACCEPT [0:0]\n%sCOMMIT\n",
			 row[i].rules);
		at_open(&t, CFG_IPV4, text);
		compiled = kept(t.compiled, t.w[0], row[i].proto, &n);
		linear = kept(t.linear, t.w[0], row[i].proto, &m);
		cr_expect(compiled == row[i].kept && linear == row[i].kept,
			  "%s: compiled %d, linear %d", row[i].rules, compiled, linear);
		cr_expect(n == row[i].credits && m == n, "%s: %u and %u counters", row[i].rules, n,
			  m);
		at_close(&t);
	}
}
