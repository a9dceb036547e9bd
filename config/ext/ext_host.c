// owner, socket, cgroup, nfacct, osf and realm: rows of the extension table with their parse and
// show functions. All of them ask what only the kernel of a host knows: a rule with one is read,
// checked and printed like any other, but cannot be run here, and `unable` says what to do instead.
//
// Called through the table by both readers and both writers. Names of users and groups are those of
// the machine that reads; iptables-save prints numbers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

// ---- owner
static bool
user_id(const char *name, uint32_t *id)
{
	struct passwd pw, *found = NULL;
	char names[2048];

	if (getpwnam_r(name, &pw, names, sizeof(names), &found) != 0 || found == NULL)
		return false;
	*id = pw.pw_uid;
	return true;
}

static bool
group_id(const char *name, uint32_t *id)
{
	struct group gr, *found = NULL;
	char names[2048];

	if (getgrnam_r(name, &gr, names, sizeof(names), &found) != 0 || found == NULL)
		return false;
	*id = gr.gr_gid;
	return true;
}

// ID, LOW-HIGH or LOW:HIGH.
static bool
id_range(const char *text, struct cfg_range32 *r)
{
	const char *sep = strpbrk(text, "-:");
	char low[16];

	if (sep == NULL) {
		if (!cfg_value_u32(text, UINT32_MAX - 1, &r->lo))
			return false;
		r->hi = r->lo;
		return true;
	}
	if ((size_t)(sep - text) >= sizeof(low))
		return false;
	memcpy(low, text, sep - text);
	low[sep - text] = '\0';
	return cfg_value_u32(low, UINT32_MAX - 1, &r->lo) &&
	       cfg_value_u32(sep + 1, UINT32_MAX - 1, &r->hi) && r->lo <= r->hi;
}

static bool
bad_id(struct ext_in *in, const char *who)
{
	cfg_err_add(in->err, in->pos,
		    "'%s': \"%s\" is not a %s of this machine, a number or a range LOW-HIGH",
		    in->name, in->value[0], who);
	return false;
}

static bool
uid_parse(struct ext_in *in)
{
	struct cfg_m_owner *m = &in->match->owner;

	m->uid_set = true;
	m->uid_inv = in->invert;
	if (user_id(in->value[0], &m->uid.lo))
		m->uid.hi = m->uid.lo;
	else if (!id_range(in->value[0], &m->uid))
		return bad_id(in, "user");
	return true;
}

static bool
gid_parse(struct ext_in *in)
{
	struct cfg_m_owner *m = &in->match->owner;

	m->gid_set = true;
	m->gid_inv = in->invert;
	if (group_id(in->value[0], &m->gid.lo))
		m->gid.hi = m->gid.lo;
	else if (!id_range(in->value[0], &m->gid))
		return bad_id(in, "group");
	return true;
}

static void
id_show(struct ext_out *out, const struct cfg_range32 *r)
{
	cfg_buf_addf(out->text, "%u", r->lo);
	if (r->hi != r->lo)
		cfg_buf_addf(out->text, "-%u", r->hi);
}

static bool
uid_show(struct ext_out *out)
{
	const struct cfg_m_owner *m = &out->match->owner;

	out->invert = m->uid_inv;
	id_show(out, &m->uid);
	return m->uid_set;
}

static bool
gid_show(struct ext_out *out)
{
	const struct cfg_m_owner *m = &out->match->owner;

	out->invert = m->gid_inv;
	id_show(out, &m->gid);
	return m->gid_set;
}

static bool
socket_exists_parse(struct ext_in *in)
{
	in->match->owner.socket = true;
	in->match->owner.socket_inv = in->invert;
	return true;
}

static bool
socket_exists_show(struct ext_out *out)
{
	out->invert = out->match->owner.socket_inv;
	return out->match->owner.socket;
}

static bool
suppl_groups_parse(struct ext_in *in)
{
	in->match->owner.suppl_groups = true;
	if (in->match->owner.gid_set)
		return true;
	cfg_err_add(in->err, in->pos, "'%s' needs 'gid-owner' before it", in->name);
	return false;
}

static bool
suppl_groups_show(struct ext_out *out)
{
	return out->match->owner.suppl_groups;
}

static const char *
owner_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "a gateway does not see which program of its host sends; give the rule to the "
	       "host's own iptables, where the host's packets pass before they get here";
}

// ---- cgroup
static bool
classid_parse(struct ext_in *in)
{
	in->match->cgroup.classid_set = true;
	in->match->cgroup.invert = in->invert;
	return ext_number(in, 0, UINT32_MAX, &in->match->cgroup.classid);
}

static bool
classid_show(struct ext_out *out)
{
	out->invert = out->match->cgroup.invert;
	cfg_buf_addf(out->text, "%u", out->match->cgroup.classid);
	return out->match->cgroup.classid_set;
}

static bool
path_parse(struct ext_in *in)
{
	in->match->cgroup.path_set = true;
	in->match->cgroup.invert = in->invert;
	return ext_text(in, 511);
}

static bool
path_show(struct ext_out *out)
{
	if (!out->match->cgroup.path_set)
		return false;
	out->invert = out->match->cgroup.invert;
	cfg_buf_add(out->text, out->match->data);
	return true;
}

// ---- socket
#define SOCKET_FLAG(field)                                                                         \
	static bool field##_parse(struct ext_in *in)                                               \
	{                                                                                          \
		in->match->socket.field = true;                                                    \
		return true;                                                                       \
	}                                                                                          \
	static bool field##_show(struct ext_out *out)                                              \
	{                                                                                          \
		return out->match->socket.field;                                                   \
	}
SOCKET_FLAG(transparent)
SOCKET_FLAG(nowildcard)
SOCKET_FLAG(restore_skmark)

static const char *
socket_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "a gateway does not see the sockets of its host; match by address and port (tcp, "
	       "udp, addrtype) instead, or give the rule to the host's own iptables";
}

// ---- nfacct
static bool
nfacct_parse(struct ext_in *in)
{
	return ext_text(in, 31);
}

static bool
text_show(struct ext_out *out)
{
	if (out->match->data == NULL)
		return false;
	cfg_buf_add(out->text, out->match->data);
	return true;
}

// iptables-save prints two blanks in front of the name.
static bool
nfacct_show(struct ext_out *out)
{
	if (!out->yaml && out->match->data != NULL)
		cfg_buf_addc(out->text, ' ');
	return text_show(out);
}

static const char *
nfacct_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "there are no accounting objects here; every rule counts by itself (ringwall list), "
	       "so a rule without target does instead";
}

// ---- osf
static bool
genre_parse(struct ext_in *in)
{
	in->match->osf.invert = in->invert;
	return ext_text(in, 31);
}

static bool
genre_show(struct ext_out *out)
{
	out->invert = out->match->osf.invert;
	return text_show(out);
}

static bool
ttl_level_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, 2, &v))
		return false;
	in->match->osf.ttl_set = true;
	in->match->osf.ttl = v;
	return true;
}

static bool
ttl_level_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->match->osf.ttl);
	return out->match->osf.ttl_set;
}

static bool
log_level_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, 2, &v))
		return false;
	in->match->osf.log_set = true;
	in->match->osf.log = v;
	return true;
}

static bool
log_level_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->match->osf.log);
	return out->match->osf.log_set;
}

static const char *
osf_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "there is no collection of fingerprints here, and no program to load one; match "
	       "what a SYN shows (ttl, length, tcpmss, tcp-option) instead";
}

// ---- realm
static bool
realm_parse(struct ext_in *in)
{
	struct cfg_m_realm *m = &in->match->realm;
	const char *text = in->value[0], *slash = strchr(text, '/');
	char word[16] = "";

	m->invert = in->invert;
	m->mask = UINT32_MAX;
	if (strcmp(text, "cosmos") == 0) // the one name in Debian's rt_realms
		return true;
	if (strcspn(text, "/") < sizeof(word))
		strncat(word, text, strcspn(text, "/"));
	if (cfg_value_u32(word, UINT32_MAX, &m->id) &&
	    (slash == NULL || cfg_value_u32(slash + 1, UINT32_MAX, &m->mask)))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not REALM or REALM/MASK", in->name, text);
	return false;
}

static bool
realm_show(struct ext_out *out)
{
	const struct cfg_m_realm *m = &out->match->realm;

	out->invert = m->invert;
	if (m->mask != UINT32_MAX)
		cfg_buf_addf(out->text, "0x%x/0x%x", m->id, m->mask);
	else if (m->id == 0)
		cfg_buf_add(out->text, "cosmos");
	else
		cfg_buf_addf(out->text, "0x%x", m->id);
	return true;
}

static const char *
realm_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "routes here have no realms; match the addresses that the route is for instead";
}

static const struct ext_opt owner_opt[] = {
	{.name = "socket-exists",
	 .slot = 0,
	 .invertible = true,
	 .parse = socket_exists_parse,
	 .show = socket_exists_show},
	{.name = "uid-owner",
	 .slot = 1,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = uid_parse,
	 .show = uid_show},
	{.name = "gid-owner",
	 .slot = 2,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = gid_parse,
	 .show = gid_show},
	{.name = "suppl-groups", .slot = 3, .parse = suppl_groups_parse, .show = suppl_groups_show},
};
static const struct ext_opt cgroup_opt[] = {
	{.name = "path",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .quoted = true,
	 .parse = path_parse,
	 .show = path_show},
	{.name = "cgroup",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = classid_parse,
	 .show = classid_show},
};
static const struct ext_opt socket_opt[] = {
	{.name = "transparent", .slot = 0, .parse = transparent_parse, .show = transparent_show},
	{.name = "nowildcard", .slot = 1, .parse = nowildcard_parse, .show = nowildcard_show},
	{.name = "restore-skmark",
	 .slot = 2,
	 .parse = restore_skmark_parse,
	 .show = restore_skmark_show},
};
static const struct ext_opt nfacct_opt[] = {
	{.name = "nfacct-name",
	 .value = EXT_WORD,
	 .required = true,
	 .parse = nfacct_parse,
	 .show = nfacct_show},
};
static const struct ext_opt osf_opt[] = {
	{.name = "genre",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = genre_parse,
	 .show = genre_show},
	{.name = "ttl",
	 .slot = 1,
	 .value = EXT_WORD,
	 .parse = ttl_level_parse,
	 .show = ttl_level_show},
	{.name = "log",
	 .slot = 2,
	 .value = EXT_WORD,
	 .parse = log_level_parse,
	 .show = log_level_show},
};
static const struct ext_opt realm_opt[] = {
	{.name = "realm",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = realm_parse,
	 .show = realm_show},
};

static const uint8_t proto_tcp[] = {IPPROTO_TCP, 0};

const struct ext ext_owner = {
	.name = "owner",
	.id = CFG_M_OWNER,
	.families = CFG_BOTH,
	.hooks = 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING,
	.some_option = true,
	.opt = owner_opt,
	.n_opt = EXT_N(owner_opt),
	.unable = owner_unable,
};
const struct ext ext_cgroup = {
	.name = "cgroup",
	.id = CFG_M_CGROUP,
	.families = CFG_BOTH,
	.hooks = 1 << CFG_INPUT | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING,
	.some_option = true,
	.opt = cgroup_opt,
	.n_opt = EXT_N(cgroup_opt),
	.unable = owner_unable,
};
const struct ext ext_socket = {
	.name = "socket",
	.id = CFG_M_SOCKET,
	.families = CFG_BOTH,
	.hooks = 1 << CFG_PREROUTING | 1 << CFG_INPUT,
	.opt = socket_opt,
	.n_opt = EXT_N(socket_opt),
	.unable = socket_unable,
};
const struct ext ext_nfacct = {
	.name = "nfacct",
	.id = CFG_M_NFACCT,
	.families = CFG_BOTH,
	.opt = nfacct_opt,
	.n_opt = EXT_N(nfacct_opt),
	.unable = nfacct_unable,
};
const struct ext ext_osf = {
	.name = "osf",
	.id = CFG_M_OSF,
	.families = CFG_IPV4,
	.hooks = 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD,
	.proto = proto_tcp,
	.opt = osf_opt,
	.n_opt = EXT_N(osf_opt),
	.unable = osf_unable,
};
const struct ext ext_realm = {
	.name = "realm",
	.id = CFG_M_REALM,
	.families = CFG_IPV4,
	.hooks = 1 << CFG_INPUT | 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING,
	.opt = realm_opt,
	.n_opt = EXT_N(realm_opt),
	.unable = realm_unable,
};
