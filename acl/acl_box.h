#pragma once
// A box: one conjunction of prefixes, ranges and masked bits, which is what an rte_acl rule can
// say. A rule is a union of boxes; where it would take too many, or says what boxes cannot, its
// boxes cover more than the rule and the walk asks acl_rule_match() before it believes them.
#include "acl/acl_int.h"
#include "acl/acl_key.h"

struct acl_box {
	union pl_addr src, dst;	  // host bits are 0
	uint8_t src_len, dst_len; // prefix bits; IPv4: at most 32
	uint8_t proto_lo, proto_hi;
	uint8_t in_lo, in_hi, out_lo, out_hi; // interface classes
	uint8_t ct_value, ct_mask;
	uint8_t flags_value, flags_mask;
	uint16_t sport_lo, sport_hi, dport_lo, dport_hi; // host order
};

// Most boxes of one rule. A port list of 15, or a negated IPv4 address, must fit; their product
// need not.
#define ACL_BOX_MAX 48

struct acl_factor {
	struct acl_box box[128]; // the complement of one IPv6 address
	unsigned n;
};

struct acl_boxes {
	struct acl_box box[ACL_BOX_MAX];
	unsigned n;		  // 0: the rule matches no packet whose headers are whole
	bool exact;		  // their union is the rule; else it contains the rule
	struct acl_factor factor; // room to work in
	struct acl_box product[ACL_BOX_MAX];
};

// Which ports each rule of the policy can tell apart. Control thread, before any rule becomes
// boxes.
void acl_classes_init(struct acl_classes *cl, const struct acl_policy *p);

void acl_rule_boxes(struct acl_boxes *out, const struct acl_rule *r, enum acl_family family,
		    const struct acl_classes *cl);
// Smallest box around all of them; n > 0.
struct acl_box acl_box_hull(const struct acl_box *box, unsigned n);
// Has no packet in common with the other?
bool acl_box_disjoint(const struct acl_box *a, const struct acl_box *b);
