// The table behind a set: entries in and out, prefix lengths, exceptions, interfaces, time, room.
// What is expected was seen of ipset 7.17 and the kernel's ip_set.
#include "at.h"

#include <errno.h>

#include "acl/acl_set_tab.h"

struct held { // one set of a text
	struct cfg_sets sets;
	struct set_tab *tab;
};

static struct held
set_of(const char *text)
{
	struct held h = {0};
	struct cfg_err err;

	cfg_err_init(&err, NULL);
	cr_assert(cfg_sets_read(&h.sets, text, strlen(text), &err) == 0, "%s",
		  err.n > 0 ? err.msgs[0].text : "");
	h.tab = set_tab_create(&h.sets.set[0]);
	for (size_t i = 0; i < h.sets.set[0].n_entry; i++) {
		const struct cfg_set_entry *e = &h.sets.set[0].entry[i];
		const struct set_ext ext = {.nomatch = e->nomatch,
					    .stays = (uint64_t)e->timeout * SET_TICKS};

		cr_assert(set_tab_add(h.tab, &e->key, &ext, false, 0) == 0);
	}
	cfg_err_free(&err);
	return h;
}

static void
done(struct held *h)
{
	set_tab_free(h->tab);
	cfg_sets_free(&h->sets);
}

// What a packet of that element would be told at a time.
static int
ask(struct held *h, const char *element, uint64_t now)
{
	struct cfg_sets probe = {0};
	struct set_ask a = {.now = now};
	struct cfg_set conf = h->sets.set[0];
	struct cfg_err err;
	char line[200];
	int ret;

	snprintf(line, sizeof(line), "add %s %s\n", conf.name, element);
	cfg_err_init(&err, NULL);
	conf.maxelem = 10;
	cfg_set_add(&probe, &conf);
	cr_assert(cfg_sets_read(&probe, line, strlen(line), &err) == 0, "%s",
		  err.n > 0 ? err.msgs[0].text : "");
	ret = set_tab_test(h->tab, &probe.set[0].entry[0].key, &a);
	cfg_sets_free(&probe);
	cfg_err_free(&err);
	return ret;
}

Test(acl_set_tab, longest_prefix_decides)
{
	struct held h = set_of("create n hash:net\nadd n 10.0.0.0/8\nadd n 10.1.0.0/16 nomatch\n"
			       "add n 10.1.2.0/24\nadd n 192.0.2.7\n");

	cr_expect(ask(&h, "10.9.9.9", 0) == 1);
	cr_expect(ask(&h, "10.1.9.9", 0) == -1);
	cr_expect(ask(&h, "10.1.2.9", 0) == 1);
	cr_expect(ask(&h, "192.0.2.7", 0) == 1);
	cr_expect(ask(&h, "192.0.2.8", 0) == 0);
	cr_expect(h.tab->n_shape == 4);
	done(&h);
}

Test(acl_set_tab, six)
{
	struct held h = set_of("create n hash:net family inet6\nadd n 2001:db8::/32\n"
			       "add n 2001:db8:1::/48 nomatch\nadd n ::1\n");

	cr_expect(ask(&h, "2001:db8:2::1", 0) == 1);
	cr_expect(ask(&h, "2001:db8:1::1", 0) == -1);
	cr_expect(ask(&h, "::1", 0) == 1);
	cr_expect(ask(&h, "::2", 0) == 0);
	done(&h);
}

Test(acl_set_tab, two_networks)
{
	struct held h =
		set_of("create n hash:net,net\nadd n 10.0.0.0/8,192.0.2.0/24\n"
		       "add n 10.0.0.0/8,192.0.2.1 nomatch\nadd n 0.0.0.0/0,198.51.100.0/24\n");

	cr_expect(ask(&h, "10.1.1.1,192.0.2.9", 0) == 1);
	cr_expect(ask(&h, "10.1.1.1,192.0.2.1", 0) == -1);
	cr_expect(ask(&h, "11.1.1.1,192.0.2.9", 0) == 0);
	cr_expect(ask(&h, "11.1.1.1,198.51.100.9", 0) == 1);
	done(&h);
}

// Once a network was found with another interface, no wider one is asked.
Test(acl_set_tab, interfaces)
{
	struct held h =
		set_of("create n hash:net,iface\nadd n 0.0.0.0/0,lan\nadd n 10.0.0.0/8,wan\n"
		       "add n 10.0.0.0/8,ppp wildcard\nadd n 11.0.0.0/8,lan nomatch\n");

	cr_expect(ask(&h, "10.1.1.1,wan", 0) == 1);
	cr_expect(ask(&h, "10.1.1.1,ppp7", 0) == 1);
	cr_expect(ask(&h, "10.1.1.1,lan", 0) == 0, "10/8 stands in the way");
	cr_expect(ask(&h, "11.1.1.1,lan", 0) == -1);
	cr_expect(ask(&h, "12.1.1.1,lan", 0) == 1);
	cr_expect(ask(&h, "12.1.1.1,wan", 0) == 0);
	done(&h);
}

Test(acl_set_tab, time_and_room)
{
	struct held h = set_of("create t hash:ip timeout 9 maxelem 2\nadd t 10.0.0.1 timeout 2\n"
			       "add t 10.0.0.2 timeout 0\n");
	const struct set_ext ext = {.stays = 5 * SET_TICKS};
	struct cfg_set_key key = {.addr = {10, 0, 0, 3}, .len = {32}};

	cr_expect(ask(&h, "10.0.0.1", 1000) == 1, "time begins with the first look");
	cr_expect(set_tab_add(h.tab, &key, &ext, false, 1000) == -ENOSPC);
	cr_expect(ask(&h, "10.0.0.1", 1000 + 2 * SET_TICKS) == 1);
	cr_expect(ask(&h, "10.0.0.1", 1001 + 2 * SET_TICKS) == 0);
	cr_expect(ask(&h, "10.0.0.2", 1000000) == 1, "for good");
	cr_expect(set_tab_add(h.tab, &key, &ext, false, 2000000) == 0, "room again");
	cr_expect(set_tab_add(h.tab, &key, &ext, false, 2000000) == -EEXIST);
	cr_expect(set_tab_add(h.tab, &key, &ext, true, 2000000) == 0);
	cr_expect(set_tab_left(h.tab, set_tab_get(h.tab, &key, 2000000), 2000000 + 250) == 4);
	cr_expect(set_tab_del(h.tab, &key, 2000000) == 0);
	cr_expect(set_tab_del(h.tab, &key, 2000000) == -ENOENT);
	set_tab_flush(h.tab);
	cr_expect(ask(&h, "10.0.0.2", 2000000) == 0);
	cr_expect(h.tab->n == 0);
	done(&h);
}

static unsigned
longest_chain(const struct set_tab *t)
{
	unsigned longest = 0;

	for (uint32_t b = 0; b < t->buckets; b++) {
		unsigned n = 0;

		for (uint32_t at = t->bucket[b]; at != 0; at = t->elem[at - 1].next)
			n++;
		longest = RTE_MAX(longest, n);
	}
	return longest;
}

// A hundred thousand addresses, as many as they may be, cost one look-up: a bucket, and the few
// elements in it.
Test(acl_set_tab, a_hundred_thousand)
{
	struct held h = set_of("create t hash:ip maxelem 100000\n");
	const struct set_ext ext = {0};
	struct cfg_set_key key = {.len = {32}};
	const struct set_ask a = {0};
	unsigned found = 0;

	for (uint32_t i = 1; i <= 100000; i++) {
		uint32_t v = rte_cpu_to_be_32(0x0a000000 + i);

		memcpy(key.addr, &v, 4);
		cr_assert(set_tab_add(h.tab, &key, &ext, false, 0) == 0);
	}
	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t v = rte_cpu_to_be_32(0x0a000000 + i);

		memcpy(key.addr, &v, 4);
		found += set_tab_test(h.tab, &key, &a) > 0;
	}
	cr_expect(found == 100000);
	cr_expect(longest_chain(h.tab) < 16, "longest bucket %u", longest_chain(h.tab));
	done(&h);
}
