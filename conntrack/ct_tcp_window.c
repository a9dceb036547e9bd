// Is a segment inside the windows that both sides announced? Kept per side: the highest number
// sent, the highest allowed by the receiver, the largest window. A segment fits where it overlaps
// what the receiver allows and acknowledges nothing that was not sent (after van Rooij, "Real
// stateful TCP packet filtering in IP Filter", with the exceptions of Linux 6.x). Pure; called by
// ct_tcp.c.
#include <netinet/tcp.h>

#include "conntrack/ct_tcp_window.h"

#define SCALE_MAX  14	 // RFC 7323 section 2.3
#define ACK_WINDOW 66000 // an ACK may be this far behind, or the largest window where that is more

#define OPT_SACK_ALLOWED 4
#define OPT_SACK	 5

static bool
after(uint32_t a, uint32_t b)
{
	return ct_seq_before(b, a);
}

// The next option from *at on: its kind, and length and place of its body; false at the end of the
// list or where the list makes no sense.
static bool
next_option(const struct ct_tcp_seg *seg, unsigned *at, uint8_t *kind, const uint8_t **body,
	    unsigned *len)
{
	while (*at < seg->n_opt && seg->opt[*at] == TCPOPT_NOP)
		(*at)++;
	if (*at + 2 > seg->n_opt || seg->opt[*at] == TCPOPT_EOL)
		return false;
	*kind = seg->opt[*at];
	*len = seg->opt[*at + 1];
	if (*len < 2 || *at + *len > seg->n_opt)
		return false;
	*body = &seg->opt[*at + 2];
	*at += *len;
	*len -= 2;
	return true;
}

void
ct_tcp_options(const struct ct_tcp_seg *seg, uint8_t *scale, uint8_t *flags)
{
	const uint8_t *body;
	unsigned at = 0, len;
	uint8_t kind;

	if (seg->n_opt == 0)
		return;
	*scale = 0;
	*flags &= CT_TCP_F_LIBERAL;
	while (next_option(seg, &at, &kind, &body, &len)) {
		if (kind == OPT_SACK_ALLOWED && len == 0)
			*flags |= CT_TCP_F_SACK;
		if (kind == TCPOPT_WINDOW && len == 1) {
			*scale = body[0] < SCALE_MAX ? body[0] : SCALE_MAX;
			*flags |= CT_TCP_F_WSCALE;
		}
	}
}

// The highest right edge in the first SACK option, if that is beyond ack (RFC 2018).
static uint32_t
highest_sack(const struct ct_tcp_seg *seg, uint32_t ack)
{
	const uint8_t *body;
	unsigned at = 0, len;
	uint8_t kind;

	while (next_option(seg, &at, &kind, &body, &len)) {
		if (kind != OPT_SACK || len < 8 || len % 8 != 0)
			continue;
		for (unsigned i = 4; i < len; i += 8) {
			uint32_t edge = (uint32_t)body[i] << 24 | (uint32_t)body[i + 1] << 16 |
					(uint32_t)body[i + 2] << 8 | body[i + 3];

			if (after(edge, ack))
				ack = edge;
		}
		break;
	}
	return ack;
}

// First SYN of a side, or a SYN with newer numbers than the one before.
static void
side_from_syn(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_dir dir)
{
	struct ct_tcp_side *s = &tcp->side[dir];

	s->end = s->maxend = seg->end;
	s->maxwin = seg->win != 0 ? seg->win : 1;
	ct_tcp_options(seg, &tcp->scale[dir], &tcp->flags[dir]);
	// Both sides must offer scaling, or none scales (RFC 7323 section 1.3).
	if (dir == CT_REPLY && !(tcp->flags[0] & tcp->flags[1] & CT_TCP_F_WSCALE))
		tcp->scale[0] = tcp->scale[1] = 0;
}

// First segment of a side without a SYN: its history is lost, so believe what it says.
static void
side_from_middle(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, uint32_t sack, enum ct_dir dir)
{
	struct ct_tcp_side *s = &tcp->side[dir], *r = &tcp->side[!dir];
	uint32_t win = (uint32_t)seg->win << tcp->scale[dir];

	s->end = seg->end;
	s->maxwin = win != 0 ? win : 1;
	s->maxend = seg->end + s->maxwin;
	if (r->maxwin == 0)
		r->end = r->maxend = sack;
	else if (sack == r->end + 1)
		r->end++; // probably the answer to a keep-alive
}

// The segment fits: move both sides' numbers on.
static void
advance(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, uint32_t end, uint32_t ack, uint32_t sack,
	enum ct_dir dir)
{
	struct ct_tcp_side *s = &tcp->side[dir], *r = &tcp->side[!dir];
	uint32_t win = seg->win;

	if (!(seg->flags & TH_SYN))
		win <<= tcp->scale[dir];
	if (s->maxwin < win + (sack - ack))
		s->maxwin = win + (sack - ack);
	if (after(end, s->end)) {
		s->end = end;
		tcp->flags[dir] |= CT_TCP_F_UNACKED;
	}
	if (seg->flags & TH_ACK) {
		if (!(tcp->flags[dir] & CT_TCP_F_MAXACK) || after(ack, s->maxack))
			s->maxack = ack;
		tcp->flags[dir] |= CT_TCP_F_MAXACK;
	}
	if (r->maxwin != 0 && after(end, s->maxend))
		r->maxwin += end - s->maxend;
	if (after(sack + win, r->maxend - 1))
		r->maxend = sack + win + (win == 0);
	if (ack == r->end)
		tcp->flags[!dir] &= (uint8_t)~CT_TCP_F_UNACKED;
}

static void
count_repeats(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, uint32_t seq, uint32_t end,
	      uint32_t ack, enum ct_dir dir)
{
	if (tcp->last_dir == dir && tcp->last_seq == seq && tcp->last_ack == ack &&
	    tcp->last_end == end && tcp->last_win == seg->win) {
		tcp->retrans++;
		return;
	}
	tcp->last_dir = dir;
	tcp->last_seq = seq;
	tcp->last_ack = ack;
	tcp->last_end = end;
	tcp->last_win = seg->win;
	tcp->retrans = 0;
}

// How a segment lies to both windows. sack: the highest acknowledgement, selective ones included.
struct fit {
	bool allowed;	    // starts before the end of the receiver's window
	bool not_too_old;   // ends after its beginning
	bool acks_sent;	    // acknowledges nothing that was not sent
	bool acks_recently; // and not what was acknowledged long ago
};

static struct fit
fit_of(const struct ct_tcp_side *s, const struct ct_tcp_side *r, uint32_t seq, uint32_t end,
       uint32_t sack)
{
	uint32_t ack_low = r->end - (s->maxwin > ACK_WINDOW ? s->maxwin : ACK_WINDOW) - 1;

	return (struct fit){
		.allowed = ct_seq_before(seq, s->maxend + 1),
		.not_too_old = after(end, s->end - r->maxwin - 1),
		.acks_sent = ct_seq_before(sack, r->end + 1),
		.acks_recently = after(sack, ack_low),
	};
}

bool
ct_tcp_fits(const struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_dir dir)
{
	const struct ct_tcp_side *s = &tcp->side[dir], *r = &tcp->side[!dir];
	uint32_t sack = seg->ack;
	struct fit fit;

	if (s->maxwin == 0)
		return false; // this side's first segment
	if (tcp->flags[!dir] & CT_TCP_F_SACK)
		sack = highest_sack(seg, seg->ack);
	fit = fit_of(s, r, seg->seq, seg->end, sack);
	return fit.allowed && fit.acks_sent && fit.acks_recently &&
	       (r->maxwin == 0 || fit.not_too_old);
}

enum ct_win
ct_tcp_window(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_tcp_kind kind,
	      enum ct_dir dir, bool liberal)
{
	struct ct_tcp_side *s = &tcp->side[dir], *r = &tcp->side[!dir];
	const bool forgive = liberal || (tcp->flags[dir] & CT_TCP_F_LIBERAL);
	uint32_t seq = seg->seq, end = seg->end, ack = seg->ack, sack = ack;
	struct fit fit;

	if (tcp->flags[!dir] & CT_TCP_F_SACK)
		sack = highest_sack(seg, ack);
	ack -= (uint32_t)seg->ack_shift;
	sack -= (uint32_t)seg->ack_shift;
	if (s->maxwin == 0) {
		if (!(seg->flags & TH_SYN)) {
			side_from_middle(tcp, seg, sack, dir);
		} else {
			side_from_syn(tcp, seg, dir);
			if (!(seg->flags & TH_ACK))
				return CT_WIN_IN; // both opened at once
		}
	} else if ((seg->flags & TH_SYN) && after(end, s->end) &&
		   (tcp->state == CT_TCP_SYN_SENT || tcp->state == CT_TCP_SYN_RECV)) {
		side_from_syn(tcp, seg, dir);
		if (dir == CT_REPLY && !(seg->flags & TH_ACK))
			return CT_WIN_IN;
	}

	if (!(seg->flags & TH_ACK) || ((seg->flags & TH_RST) && ack == 0))
		ack = sack = r->end; // says nothing, or a zero by mistake
	if ((seg->flags & TH_RST) && seq == 0 && tcp->state == CT_TCP_SYN_SENT)
		seq = end = s->end; // refuses the SYN

	fit = fit_of(s, r, seq, end, sack);
	if (!fit.allowed) {
		uint32_t over = end - s->maxend + 1;

		// More than the receiver allowed, all else right: the receiver may take it all the
		// same, and its ACK must then not count as one for data never sent.
		if (r->maxwin != 0 && fit.not_too_old && fit.acks_recently && over <= r->maxwin &&
		    fit.acks_sent) {
			s->end = end;
			tcp->flags[dir] |= CT_TCP_F_UNACKED;
			return forgive ? CT_WIN_IN : CT_WIN_IGNORE;
		}
		return forgive ? CT_WIN_IN : CT_WIN_OUT;
	}
	if (!fit.acks_sent)
		return forgive ? CT_WIN_IN : CT_WIN_OUT;
	if ((r->maxwin != 0 && !fit.not_too_old) || !fit.acks_recently)
		return forgive ? CT_WIN_IN : CT_WIN_IGNORE;

	advance(tcp, seg, end, ack, sack, dir);
	if (kind == CT_TCP_ACK)
		count_repeats(tcp, seg, seq, end, ack, dir);
	return CT_WIN_IN;
}
