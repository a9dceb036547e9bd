// The TCP state machine: which segment leads from which state to which, what is let through
// although it fits no state, and how long a flow then lives. The window check is in
// ct_tcp_window.c. Pure; called by ct_stage.c on the owner's thread. Behaviour is that of
// Linux 6.x; RFC 9293 names the states, RFC 5961 the challenge ACKs, RFC 1122 4.2.2.13 the
// reopening in TIME_WAIT.
#include <netinet/tcp.h>
#include <string.h>

#include <rte_common.h>

#include "conntrack/ct_tcp.h"
#include "conntrack/ct_tcp_window.h"

// States as one letter each, in the order of enum ct_tcp_state:
//   N none, s SYN_SENT, r SYN_RECV, E ESTABLISHED, F FIN_WAIT, C CLOSE_WAIT, L LAST_ACK, T
//   TIME_WAIT, X CLOSE, 2 SYN_SENT2; and as a result also: '.' invalid, '-' let through, state kept
static const char letters[] = "NsrEFCLTX2";

// next[direction][kind of segment][state]
static const char next[2][6][CT_TCP_STATES + 1] = {
	[CT_ORIGINAL] =
		{
			//                NsrEFCLTX2
			[CT_TCP_SYN] = "ss-----ss2",
			[CT_TCP_SYNACK] = "..r......r",
			[CT_TCP_FIN] = "..FFLLLTX.",
			[CT_TCP_ACK] = "E.EECCTTX.",
			[CT_TCP_RST] = ".XXXXXXXXX",
			[CT_TCP_BARE] = "..........",
		},
	[CT_REPLY] =
		{
			//                NsrEFCLTX2
			[CT_TCP_SYN] = ".2.....s.2",
			[CT_TCP_SYNACK] = ".r-------r",
			[CT_TCP_FIN] = "..FFLLLTX.",
			[CT_TCP_ACK] = ".-rECCTTX-",
			[CT_TCP_RST] = ".XXXXXXXXX",
			[CT_TCP_BARE] = "..........",
		},
};

#define NEXT_INVALID (-1)
#define NEXT_IGNORE  (-2)

static int
next_state(enum ct_dir dir, enum ct_tcp_kind kind, unsigned state)
{
	char c = next[dir][kind][state];

	if (c == '.')
		return NEXT_INVALID;
	if (c == '-')
		return NEXT_IGNORE;
	return (int)(strchr(letters, c) - letters);
}

const char *
ct_tcp_state_name(enum ct_tcp_state s)
{
	static const char *const name[] = {
		[CT_TCP_NONE] = "NONE",		[CT_TCP_SYN_SENT] = "SYN_SENT",
		[CT_TCP_SYN_RECV] = "SYN_RECV", [CT_TCP_ESTABLISHED] = "ESTABLISHED",
		[CT_TCP_FIN_WAIT] = "FIN_WAIT", [CT_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[CT_TCP_LAST_ACK] = "LAST_ACK", [CT_TCP_TIME_WAIT] = "TIME_WAIT",
		[CT_TCP_CLOSE] = "CLOSE",	[CT_TCP_SYN_SENT2] = "SYN_SENT2",
	};

	return (unsigned)s < RTE_DIM(name) ? name[s] : "NONE";
}

static enum ct_tcp_kind
kind_of(uint8_t flags)
{
	if (flags & TH_RST)
		return CT_TCP_RST;
	if (flags & TH_SYN)
		return flags & TH_ACK ? CT_TCP_SYNACK : CT_TCP_SYN;
	if (flags & TH_FIN)
		return CT_TCP_FIN;
	return flags & TH_ACK ? CT_TCP_ACK : CT_TCP_BARE;
}

// PSH, ECE and CWR may stand anywhere.
static bool
flags_make_sense(uint8_t flags)
{
	switch (flags & (TH_FIN | TH_SYN | TH_RST | TH_ACK | TH_URG)) {
	case TH_SYN:
	case TH_SYN | TH_URG:
	case TH_SYN | TH_ACK:
	case TH_RST:
	case TH_RST | TH_ACK:
	case TH_FIN | TH_ACK:
	case TH_FIN | TH_ACK | TH_URG:
	case TH_ACK:
	case TH_ACK | TH_URG:
		return true;
	default:
		return false;
	}
}

static uint32_t
be32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool
ct_tcp_read(struct ct_tcp_seg *seg, const uint8_t *l4, uint32_t n_head, uint32_t l4_len)
{
	uint32_t hlen;

	if (l4 == NULL || n_head < 20 || l4_len < 20)
		return false;
	hlen = (l4[12] >> 4) * 4u;
	if (hlen < 20 || hlen > l4_len || hlen > n_head)
		return false;
	seg->flags = l4[13];
	if (!flags_make_sense(seg->flags))
		return false;
	seg->seq = be32(l4 + 4);
	seg->ack = be32(l4 + 8);
	seg->ack_shift = 0;
	seg->win = (uint16_t)(l4[14] << 8 | l4[15]);
	seg->end = seg->seq + (l4_len - hlen) + !!(seg->flags & TH_SYN) + !!(seg->flags & TH_FIN);
	seg->opt = l4 + 20;
	seg->n_opt = (uint8_t)(hlen - 20);
	return true;
}

bool
ct_tcp_start(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, const struct ct_conf *conf)
{
	int to = next_state(CT_ORIGINAL, kind_of(seg->flags), CT_TCP_NONE);
	struct ct_tcp_side *s = &tcp->side[CT_ORIGINAL];

	if (to < 0 || (to != CT_TCP_SYN_SENT && !conf->tcp_loose))
		return false;
	memset(tcp, 0, sizeof(*tcp));
	tcp->last_kind = CT_TCP_BARE;
	s->end = seg->end;
	s->maxwin = seg->win != 0 ? seg->win : 1;
	s->maxend = s->end;
	if (to == CT_TCP_SYN_SENT) {
		ct_tcp_options(seg, &tcp->scale[CT_ORIGINAL], &tcp->flags[CT_ORIGINAL]);
	} else {
		// Picked up in the middle: neither scale nor SACK were seen, so assume the most.
		s->maxend += s->maxwin;
		tcp->flags[0] = tcp->flags[1] = CT_TCP_F_SACK | CT_TCP_F_LIBERAL;
	}
	return true;
}

// A segment that fits no state but that the other side may know better about: it is let through and
// remembered, for the answer tells who was right.
static void
let_through(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_tcp_kind kind,
	    enum ct_dir dir)
{
	tcp->last_kind = kind;
	tcp->last_dir = dir;
	tcp->last_seq = seg->seq;
	tcp->last_end = seg->end;
	tcp->last_win = seg->win;
	if (kind == CT_TCP_SYN && dir == CT_ORIGINAL) {
		uint8_t scale = 0, flags = 0;

		ct_tcp_options(seg, &scale, &flags);
		tcp->last_scale = flags & CT_TCP_F_WSCALE ? scale : 0;
		tcp->last_flags = flags & (CT_TCP_F_WSCALE | CT_TCP_F_SACK);
		if (tcp->state == CT_TCP_LAST_ACK)
			tcp->last_flags |= CT_TCP_F_CHALLENGE;
	}
	if (tcp->state == CT_TCP_SYN_SENT && kind == CT_TCP_ACK && dir == CT_REPLY)
		tcp->last_ack =
			seg->ack; // perhaps a challenge; the RST for it will have this number
}

// A SYN-ACK for a SYN that was let through: the ends agree on a new connection, so start from that
// SYN.
static void
resync(struct ct_tcp *tcp, enum ct_dir dir)
{
	enum ct_dir syn = (enum ct_dir)tcp->last_dir;
	struct ct_tcp_side *s = &tcp->side[syn];

	s->end = s->maxend = tcp->last_end;
	s->maxwin = tcp->last_win != 0 ? tcp->last_win : 1;
	tcp->scale[syn] = tcp->last_scale;
	tcp->last_flags &= (uint8_t)~CT_TCP_F_CHALLENGE;
	tcp->flags[syn] = tcp->last_flags;
	memset(&tcp->side[dir], 0, sizeof(tcp->side[dir]));
	tcp->scale[dir] = 0;
	tcp->flags[dir] &= CT_TCP_F_LIBERAL;
}

enum rst { RST_CHECK, RST_TAKE, RST_INVALID };

// A reset (RFC 5961 section 3): takes the flow down where its number is exact; where it is merely
// in the window, the state stays, and the challenge decides.
static enum rst
judge_rst(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_dir dir, uint32_t status,
	  const struct ct_conf *conf, int *to)
{
	bool up = tcp->state == CT_TCP_ESTABLISHED && (status & CT_S_ASSURED);
	uint32_t maxack = tcp->side[!dir].maxack;

	if (ct_tcp_closing(tcp))
		return RST_TAKE; // the tuple may be in use again already: what is remembered is
				 // stale
	if ((tcp->flags[!dir] & CT_TCP_F_MAXACK) && tcp->last_kind != CT_TCP_SYN) {
		if (seg->seq == 0 && !up)
			return RST_CHECK; // answers a SYN that was let through
		if (ct_seq_before(seg->seq, maxack) && !conf->tcp_ignore_invalid_rst)
			return RST_INVALID;
		if (!up || seg->seq == maxack)
			return RST_CHECK;
		if (tcp->last_kind == CT_TCP_ACK && tcp->last_dir == dir &&
		    seg->seq == tcp->last_end)
			return RST_CHECK; // follows its own last data
		*to = tcp->state;
	}
	if ((((status & CT_S_SEEN_REPLY) && tcp->last_kind == CT_TCP_SYN && tcp->last_dir != dir) ||
	     (!(status & CT_S_ASSURED) && tcp->last_kind == CT_TCP_ACK)) &&
	    seg->ack == tcp->last_end)
		return RST_TAKE; // answers what was let through
	if (tcp->state == CT_TCP_SYN_SENT && tcp->last_kind == CT_TCP_ACK &&
	    tcp->last_dir == CT_REPLY && seg->seq == tcp->last_ack)
		return RST_TAKE; // answers a challenge
	return RST_CHECK;
}

static uint32_t
timeout_of(const struct ct_tcp *tcp, enum ct_tcp_kind kind, const struct ct_conf *conf)
{
	uint32_t ms = conf->tcp_ms[tcp->state];

	if (tcp->retrans >= conf->tcp_max_retrans && ms > conf->tcp_retrans_ms)
		return conf->tcp_retrans_ms;
	if (kind == CT_TCP_RST)
		return conf->tcp_ms[CT_TCP_CLOSE];
	if (((tcp->flags[0] | tcp->flags[1]) & CT_TCP_F_UNACKED) && ms > conf->tcp_unack_ms)
		return conf->tcp_unack_ms;
	if (tcp->last_win == 0 && ms > conf->tcp_retrans_ms)
		return conf->tcp_retrans_ms;
	return ms;
}

// A FIN or RST outside the window: the ends may be gone without our knowing. After one from each
// side the flow no longer gets the long time of an established one.
static void
note_bad_end(struct ct_tcp *tcp, enum ct_tcp_kind kind, enum ct_dir dir, uint32_t status,
	     uint32_t left_ms, const struct ct_conf *conf, struct ct_tcp_out *out)
{
	if (!(status & CT_S_ASSURED) || (kind != CT_TCP_RST && kind != CT_TCP_FIN))
		return;
	if (tcp->last_dir == dir ||
	    (tcp->last_kind != CT_TCP_FIN && tcp->last_kind != CT_TCP_RST)) {
		tcp->last_kind = kind;
		tcp->last_dir = dir;
	} else if (left_ms >= 120 * 1000 && left_ms > conf->tcp_unack_ms) {
		out->timeout_ms = conf->tcp_unack_ms;
	}
}

// The segment is taken: state, time to live, assurance.
static enum ct_verdict
take(struct ct_tcp *tcp, enum ct_tcp_kind kind, enum ct_dir dir, unsigned from, unsigned to,
     uint32_t status, const struct ct_conf *conf, struct ct_tcp_out *out)
{
	tcp->last_kind = kind;
	tcp->last_dir = dir;
	tcp->state = (uint8_t)to;
	if (from != to && to == CT_TCP_FIN_WAIT)
		tcp->flags[dir] |= CT_TCP_F_CLOSE_INIT;
	out->timeout_ms = timeout_of(tcp, kind, conf);
	if (!(status & CT_S_SEEN_REPLY)) {
		if (kind == CT_TCP_RST)
			return CT_KILL; // refused: there never was a connection
		if (kind == CT_TCP_SYN && from == CT_TCP_SYN_SENT)
			return CT_PASS; // a repeated SYN does not keep the entry alive
		if (to == CT_TCP_ESTABLISHED && out->timeout_ms > conf->tcp_unack_ms)
			out->timeout_ms = conf->tcp_unack_ms;
	} else if (!(status & CT_S_ASSURED) && to == CT_TCP_ESTABLISHED &&
		   (from == CT_TCP_SYN_RECV || from == CT_TCP_ESTABLISHED)) {
		out->assured = true;
	}
	return CT_REFRESH;
}

enum ct_verdict
ct_tcp_segment(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_dir dir, uint32_t status,
	       uint32_t left_ms, const struct ct_conf *conf, struct ct_tcp_out *out)
{
	enum ct_tcp_kind kind = kind_of(seg->flags);
	unsigned from = tcp->state;
	int to = next_state(dir, kind, from);

	out->timeout_ms = 0;
	out->assured = false;
	if (to == NEXT_INVALID)
		return ct_is_invalid(out, CT_WHY_STATE);
	if (to == CT_TCP_SYN_SENT && from >= CT_TCP_TIME_WAIT) {
		if (((tcp->flags[0] | tcp->flags[1]) & CT_TCP_F_CLOSE_INIT) ||
		    (tcp->last_dir == dir && tcp->last_kind == CT_TCP_RST))
			return CT_AGAIN;
		to = NEXT_IGNORE;
	}
	if (to == NEXT_IGNORE) {
		if (kind != CT_TCP_SYNACK || tcp->last_kind != CT_TCP_SYN || tcp->last_dir == dir ||
		    seg->ack != tcp->last_end) {
			let_through(tcp, seg, kind, dir);
			return CT_PASS;
		}
		resync(tcp, dir);
		from = CT_TCP_SYN_SENT;
		to = CT_TCP_SYN_RECV;
	} else if (to == CT_TCP_TIME_WAIT) {
		if (from == CT_TCP_LAST_ACK && kind == CT_TCP_ACK && tcp->last_dir != dir &&
		    tcp->last_kind == CT_TCP_SYN && (tcp->last_flags & CT_TCP_F_CHALLENGE)) {
			tcp->last_flags &= (uint8_t)~CT_TCP_F_CHALLENGE;
			return CT_PASS; // a challenge for that SYN, not the last ACK
		}
	} else if (to == CT_TCP_SYN_SENT2) {
		tcp->last_flags |= CT_TCP_F_SIMOPEN;
	} else if (to == CT_TCP_SYN_RECV) {
		if (dir == CT_REPLY && kind == CT_TCP_ACK && (tcp->last_flags & CT_TCP_F_SIMOPEN))
			to = CT_TCP_ESTABLISHED;
	} else if (to == CT_TCP_CLOSE && kind == CT_TCP_RST) {
		switch (judge_rst(tcp, seg, dir, status, conf, &to)) {
		case RST_INVALID:
			return ct_is_invalid(out, CT_WHY_RST);
		case RST_TAKE:
			return take(tcp, kind, dir, from, (unsigned)to, status, conf, out);
		case RST_CHECK:
			break;
		}
	}
	switch (ct_tcp_window(tcp, seg, kind, dir, conf->tcp_be_liberal)) {
	case CT_WIN_OUT:
		note_bad_end(tcp, kind, dir, status, left_ms, conf, out);
		return ct_is_invalid(out, CT_WHY_WINDOW);
	case CT_WIN_IGNORE:
		return CT_PASS;
	case CT_WIN_IN:
		break;
	}
	return take(tcp, kind, dir, from, (unsigned)to, status, conf, out);
}
