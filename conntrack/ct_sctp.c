// SCTP (RFC 9260): the chunks of a packet move an association from state to state, and the
// verification tag shows that the sender belongs to it. Called by ct_stage.c on the owner's thread;
// reads the packet, changes nothing but *s. Behaviour is that of Linux 6.x.
#include <rte_hash_crc.h>

#include "conntrack/ct_sctp.h"

enum chunk {
	DATA = 0,
	INIT = 1,
	INIT_ACK = 2,
	HEARTBEAT = 4,
	HEARTBEAT_ACK = 5,
	ABORT = 6,
	SHUTDOWN = 7,
	SHUTDOWN_ACK = 8,
	ERROR = 9,
	COOKIE_ECHO = 10,
	COOKIE_ACK = 11,
	SHUTDOWN_COMPLETE = 14,
	CHUNKS
};
#define BIT(chunk)  (1u << (chunk))
#define FLAG_T	    1 // of ABORT and SHUTDOWN COMPLETE: the tag is the peer's (RFC 9260 8.5.1)
#define HEADER_SIZE 12

// States as one letter each, in the order of enum ct_sctp_state:
//   N none, c CLOSED, w COOKIE_WAIT, e COOKIE_ECHOED, E ESTABLISHED, s SHUTDOWN_SENT, r
//   SHUTDOWN_RECD, a SHUTDOWN_ACK_SENT, h HEARTBEAT_SENT; as a result also '.': invalid
static const char letters[] = "NcweEsrah";

// next[direction][chunk][state]; chunks that are not there (DATA, SACK ...) change nothing
// clang-format off
static const char *const next[2][CHUNKS] = {
	[CT_ORIGINAL] = {
		//                     NcweEsrah
		[INIT]              = "ccweEccaw",
		[INIT_ACK]          = "ccweEsrac",
		[ABORT]             = "ccccccccc",
		[SHUTDOWN]          = "ccwessrac",
		[SHUTDOWN_ACK]      = "acweEaaaa",
		[ERROR]             = "ccweEsrac",
		[COOKIE_ECHO]       = "cceeEsrac",
		[COOKIE_ACK]        = "ccweEsrac",
		[SHUTDOWN_COMPLETE] = "ccweEsrcc",
		[HEARTBEAT]         = "hcweEsrah",
		[HEARTBEAT_ACK]     = "ccweEsrah",
	},
	[CT_REPLY] = {
		//                     NcweEsrah
		[INIT]              = ".cweEsra.",
		[INIT_ACK]          = ".wweEsra.",
		[ABORT]             = ".ccccccc.",
		[SHUTDOWN]          = ".cwersra.",
		[SHUTDOWN_ACK]      = ".cweEaaa.",
		[ERROR]             = ".cwcEsra.",
		[COOKIE_ECHO]       = ".cweEsra.",
		[COOKIE_ACK]        = ".cwEEsra.",
		[SHUTDOWN_COMPLETE] = ".cweEsrc.",
		[HEARTBEAT]         = ".cweEsrah",
		[HEARTBEAT_ACK]     = ".cweEsraE",
	},
};
// clang-format on

static int
next_state(enum ct_dir dir, unsigned state, uint8_t type)
{
	char c;

	if (type >= CHUNKS || next[dir][type] == NULL)
		return (int)state;
	c = next[dir][type][state];
	return c == '.' ? -1 : (int)(strchr(letters, c) - letters);
}

// ---- walking the chunks -------------------------------------------------------------------------

struct walk {
	const struct pl_pkt *p;
	uint32_t off; // of the chunk, from the L4 header
	uint32_t count;
	uint8_t type, flags;
	uint16_t len;
};

// The chunk at w->off, or false where there is none (whole) any more.
static bool
chunk_at(struct walk *w)
{
	uint8_t buf[4];
	const uint8_t *h = NULL;

	if (w->off < w->p->l4_len)
		h = rte_pktmbuf_read(w->p->m, w->p->l4_off + w->off, sizeof(buf), buf);
	if (h == NULL)
		return false;
	w->type = h[0];
	w->flags = h[1];
	w->len = (uint16_t)(h[2] << 8 | h[3]);
	return true;
}

static void
chunk_skip(struct walk *w)
{
	w->off += (w->len + 3u) & ~3u; // not 0: check_chunks() saw to that
	w->count++;
}

// The initiate tag of an INIT or INIT ACK.
static bool
init_tag(const struct walk *w, rte_be32_t *tag)
{
	uint8_t buf[16];
	const uint8_t *h = rte_pktmbuf_read(w->p->m, w->p->l4_off + w->off + 4, sizeof(buf), buf);

	if (h == NULL)
		return false;
	memcpy(tag, h, sizeof(*tag));
	return true;
}

// Which chunks stand together, and where (RFC 9260 section 6.10). Fills *seen; false: no packet of
// SCTP's.
static bool
check_chunks(const struct pl_pkt *p, uint32_t *seen)
{
	struct walk w = {.p = p, .off = HEADER_SIZE};
	bool alone = false;

	for (*seen = 0; chunk_at(&w); chunk_skip(&w)) {
		if (w.type == INIT || w.type == INIT_ACK || w.type == SHUTDOWN_COMPLETE)
			alone = true;
		if (((w.type == COOKIE_ACK || w.type == COOKIE_ECHO || alone) && w.count != 0) ||
		    w.len == 0)
			return false;
		if (w.type < CHUNKS)
			*seen |= BIT(w.type);
	}
	return w.count != 0;
}

// ---- the state machine --------------------------------------------------------------------------

static bool
start(struct ct_sctp *s, const struct pl_pkt *p, rte_be32_t vtag, uint32_t seen)
{
	struct walk w = {.p = p, .off = HEADER_SIZE};

	if (seen & (BIT(ABORT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ACK)))
		return false; // out of the blue (RFC 9260 section 8.4)
	memset(s, 0, sizeof(*s));
	for (; chunk_at(&w); chunk_skip(&w)) {
		if (next_state(CT_ORIGINAL, CT_SCTP_NONE, w.type) <= CT_SCTP_NONE)
			return false;
		if (w.type == INIT) {
			if (vtag != 0 || !init_tag(&w, &s->vtag[CT_REPLY]))
				return false;
		} else if (w.type == HEARTBEAT) {
			s->vtag[CT_ORIGINAL] =
				vtag; // another path of an association that is elsewhere
		} else {
			s->vtag[CT_REPLY] = vtag;
		}
	}
	return true;
}

enum tag { TAG_OK, TAG_BAD, TAG_NEW }; // NEW: let through, counts for nothing yet

// A heartbeat or its answer with another tag: the peer may have restarted on another path. The tag
// is believed when the answer comes with it.
static enum tag
heartbeat_tag(struct ct_sctp *s, uint8_t type, rte_be32_t vtag, enum ct_dir dir, uint32_t seen,
	      bool ignore)
{
	if (s->vtag[dir] == 0) {
		s->vtag[dir] = vtag;
		return TAG_OK;
	}
	if (vtag == s->vtag[dir]) {
		s->tag_failed = 0;
		return TAG_OK;
	}
	if ((seen & BIT(DATA)) || ignore)
		return TAG_BAD;
	if (type == HEARTBEAT) {
		s->tag_failed = 1;
		s->last_dir = (uint8_t)dir;
		return TAG_NEW;
	}
	if (!s->tag_failed || s->last_dir == dir)
		return TAG_BAD;
	s->tag_failed = 0;
	s->vtag[dir] = vtag;
	s->vtag[!dir] = 0;
	return TAG_OK;
}

static enum tag
check_tag(struct ct_sctp *s, const struct walk *w, rte_be32_t vtag, enum ct_dir dir, uint32_t seen,
	  bool ignore)
{
	switch (w->type) {
	case INIT:
		return vtag == 0 ? TAG_OK : TAG_BAD;
	case ABORT:
	case SHUTDOWN_COMPLETE:
		return vtag == s->vtag[w->flags & FLAG_T ? !dir : dir] ? TAG_OK : TAG_BAD;
	case COOKIE_ECHO:
		return vtag == s->vtag[dir] ? TAG_OK : TAG_BAD;
	case HEARTBEAT:
	case HEARTBEAT_ACK:
		return heartbeat_tag(s, w->type, vtag, dir, seen, ignore);
	default:
		return TAG_OK;
	}
}

static enum ct_verdict
run_chunks(struct ct_sctp *s, const struct pl_pkt *p, rte_be32_t vtag, enum ct_dir dir,
	   uint32_t seen, uint32_t status, struct ct_tcp_out *out)
{
	struct walk w = {.p = p, .off = HEADER_SIZE};
	bool ignore = false;

	for (; chunk_at(&w); chunk_skip(&w)) {
		unsigned from = s->state;
		enum tag tag = check_tag(s, &w, vtag, dir, seen, ignore);
		int to;

		if (tag == TAG_BAD)
			return ct_is_invalid(out, CT_WHY_TAG);
		if (tag == TAG_NEW) {
			ignore = true;
			continue;
		}
		to = next_state(dir, from, w.type);
		if (to < 0)
			return ct_is_invalid(out, CT_WHY_STATE);
		if (w.type == INIT || w.type == INIT_ACK) {
			if (!init_tag(&w, &s->vtag[!dir]))
				return ct_is_invalid(out, CT_WHY_CHUNKS);
			// A repeated INIT does not keep the entry alive.
			if (to == CT_SCTP_CLOSED && from == CT_SCTP_CLOSED &&
			    (status & CT_S_CONFIRMED))
				ignore = true;
		}
		s->state = (uint8_t)to;
		if (from != (unsigned)to && to == CT_SCTP_ESTABLISHED)
			out->assured = true;
	}
	return ignore ? CT_PASS : CT_REFRESH;
}

enum ct_verdict
ct_sctp_packet(struct ct_sctp *s, const struct pl_pkt *p, enum ct_dir dir, uint32_t status,
	       const struct ct_conf *conf, struct ct_tcp_out *out)
{
	// Chunks that have a rule of their own for the tag.
	const uint32_t own_rule = BIT(INIT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ECHO) |
				  BIT(ABORT) | BIT(SHUTDOWN_ACK) | BIT(HEARTBEAT) |
				  BIT(HEARTBEAT_ACK);
	uint8_t buf[HEADER_SIZE];
	const uint8_t *h = rte_pktmbuf_read(p->m, p->l4_off, sizeof(buf), buf);
	enum ct_verdict v;
	rte_be32_t vtag;
	uint32_t seen;

	out->assured = false;
	if (h == NULL || !check_chunks(p, &seen))
		return ct_is_invalid(out, CT_WHY_CHUNKS);
	memcpy(&vtag, h + 4, sizeof(vtag));
	if (!(status & CT_S_CONFIRMED) && !start(s, p, vtag, seen))
		return ct_is_invalid(out, CT_WHY_NO_START);
	if (!(seen & own_rule) && vtag != s->vtag[dir])
		return ct_is_invalid(out, CT_WHY_TAG);
	v = run_chunks(s, p, vtag, dir, seen, status, out);
	out->timeout_ms = v == CT_REFRESH ? conf->sctp_ms[s->state] : 0;
	return v;
}

// rte_hash_crc() reads words where they lie; headers lie at odd places.
static uint32_t
crc_add(uint32_t crc, const uint8_t *data, uint32_t n)
{
	uint64_t word;

	for (; n >= sizeof(word); n -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		crc = rte_hash_crc_8byte(word, crc);
	}
	while (n-- != 0)
		crc = rte_hash_crc_1byte(*data++, crc);
	return crc;
}

bool
ct_sctp_crc_ok(const struct pl_pkt *p)
{
	static const uint8_t zero[4];
	uint32_t off = p->l4_off + HEADER_SIZE, left = p->l4_len - HEADER_SIZE, crc, is;
	const struct rte_mbuf *m = p->m;
	uint8_t buf[HEADER_SIZE];
	const uint8_t *h = rte_pktmbuf_read(m, p->l4_off, sizeof(buf), buf);

	if (h == NULL)
		return false;
	memcpy(&is, h + 8, sizeof(is));
	crc = crc_add(UINT32_MAX, h, 8);
	crc = crc_add(crc, zero, sizeof(zero));
	for (; m != NULL && off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; m != NULL && left != 0; m = m->next, off = 0) {
		uint32_t part = RTE_MIN(m->data_len - off, left);

		crc = crc_add(crc, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), part);
		left -= part;
	}
	return rte_le_to_cpu_32(is) == ~crc;
}
