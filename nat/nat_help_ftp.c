// FTP through a translator: the command in the control connection gets the address that the other
// side sees and a port that is free there. Called by conntrack's FTP helper through struct
// ct_help_nat on the worker's thread. As nf_nat_ftp; RFC 959, RFC 2428.
#include <netinet/in.h>
#include <stdio.h>

#include "nat/nat_help.h"

// An address as EPRT gets it, IPv6 in full (both as netfilter prints them).
static void
eprt_addr(char out[INET6_ADDRSTRLEN], uint8_t family, const uint8_t *a)
{
	int n = 0;

	if (family == 4)
		n = snprintf(out, INET6_ADDRSTRLEN, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	for (unsigned i = 0; family == 6 && i < 16; i += 2)
		n += snprintf(out + n, INET6_ADDRSTRLEN - (size_t)n, "%s%02x%02x",
			      i == 0 ? "" : ":", a[i], a[i + 1]);
}

// The command's argument for that address and port; the length.
static uint32_t
argument(char *out, size_t size, enum ct_ftp_command cmd, uint8_t family, const union pl_addr *addr,
	 uint16_t port)
{
	const uint8_t *a = addr->v6;
	char text[INET6_ADDRSTRLEN];
	int n;

	switch (cmd) {
	case CT_FTP_PORT:
	case CT_FTP_PASV:
		n = snprintf(out, size, "%u,%u,%u,%u,%u,%u", a[0], a[1], a[2], a[3], port >> 8,
			     port & 0xff);
		break;
	case CT_FTP_EPRT:
		eprt_addr(text, family, a);
		n = snprintf(out, size, "|%c|%s|%u|", family == 4 ? '1' : '2', text, port);
		break;
	case CT_FTP_EPSV:
		n = snprintf(out, size, "|||%u|", port);
		break;
	default:
		return 0;
	}
	return (uint32_t)n;
}

bool
nat_help_ftp(struct ct_help_pkt *h, enum ct_ftp_command cmd, struct ct_span where,
	     struct ct_expect *x)
{
	char text[CT_ADDR_TEXT + 16];
	uint16_t port;
	uint32_t n;

	x->saved_port = x->dport;
	x->dir = h->dir == CT_ORIGINAL ? CT_REPLY : CT_ORIGINAL;
	x->bind = nat_help_follow;
	port = nat_help_expect(h, x);
	if (port == 0)
		return false;
	n = argument(text, sizeof(text), cmd, x->family, &x->dst, port);
	if (n != 0 && ct_text_edit(&h->text, where.off, where.len, text, n))
		return true;
	ct_expect_remove(h, x);
	return false;
}
