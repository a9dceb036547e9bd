// cluster: row of the extension table with its parse, show and check functions, called through the
// table by both readers and both writers. A node's number is a bit of the mask, and iptables-save
// prints the mask.
#include "config/ext/ext.h"
#include "config/value.h"

static bool
total_parse(struct ext_in *in)
{
	return ext_number(in, 1, CFG_CLUSTER_NODES, &in->match->cluster.total);
}

static bool
total_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->match->cluster.total);
	return true;
}

static bool
node_parse(struct ext_in *in)
{
	uint32_t node;

	if (!ext_number(in, 1, CFG_CLUSTER_NODES, &node))
		return false;
	in->match->cluster.mask = UINT32_C(1) << (node - 1);
	in->match->cluster.invert = in->invert;
	return true;
}

// 1.8.9 takes no mask above 32, though it prints one for a node from the seventh on.
static bool
mask_parse(struct ext_in *in)
{
	in->match->cluster.invert = in->invert;
	return ext_number(in, 1, UINT32_MAX, &in->match->cluster.mask);
}

static bool
mask_show(struct ext_out *out)
{
	out->invert = out->match->cluster.invert;
	cfg_buf_addf(out->text, "0x%08x", out->match->cluster.mask);
	return true;
}

static bool
seed_parse(struct ext_in *in)
{
	return ext_number(in, 0, UINT32_MAX, &in->match->cluster.seed);
}

static bool
seed_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "0x%08x", out->match->cluster.seed);
	return true;
}

static bool
cluster_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
	      struct cfg_err *err)
{
	const struct cfg_m_cluster *m = &((const struct cfg_match *)item)->cluster;

	(void)rule;
	if (m->total == CFG_CLUSTER_NODES || m->mask >> m->total == 0)
		return true;
	cfg_err_add(err, pos, "match 'cluster': there is no such node of %u", m->total);
	return false;
}

// In the order in which iptables-save prints them.
static const struct ext_opt cluster_opt[] = {
	{.name = "cluster-local-nodemask",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .pattern = EXT_P_NUMBER,
	 .parse = mask_parse,
	 .show = mask_show},
	{.name = "cluster-local-node",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .pattern = EXT_P_NUMBER,
	 .parse = node_parse},
	{.name = "cluster-total-nodes",
	 .slot = 1,
	 .value = EXT_WORD,
	 .required = true,
	 .pattern = EXT_P_NUMBER,
	 .parse = total_parse,
	 .show = total_show},
	{.name = "cluster-hash-seed",
	 .slot = 2,
	 .value = EXT_WORD,
	 .required = true,
	 .pattern = EXT_P_NUMBER,
	 .parse = seed_parse,
	 .show = seed_show},
};

const struct ext ext_cluster = {
	.name = "cluster",
	.id = CFG_M_CLUSTER,
	.families = CFG_BOTH,
	.opt = cluster_opt,
	.n_opt = EXT_N(cluster_opt),
	.check = cluster_check,
};
