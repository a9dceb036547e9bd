// The set reasoning of `ringwall check` against trying every packet of a small world.
#include "cfg_test.h"
#include "config/space/space_eval.h"
#include "config/space/space_step.h"
#include "small_world.h"

static struct cfg_policy *
read_small(const char *text)
{
	char *said;
	struct cfg_policy *p = t_save_in(CFG_IPV4, text, &said);

	cr_assert(p != NULL, "%s\n%s", text, said);
	free(said);
	return p;
}

// What one try of all packets works on.
struct trial {
	uint64_t seed;
	const char *text;
	struct space_prog *p;
	size_t n;
	uint8_t *reached; // by copy and position: some packet got there
};

// The program and the plain walk through the policy end alike.
static bool
same_end(void *ctx, const struct space_point *pt)
{
	struct trial *t = ctx;
	const struct space_pos *end = &t->p->pos[space_walk(t->p, pt)];
	struct space_fate fate;

	t->n++;
	cr_assert(space_eval(t->p, SPACE_FOR_DIFF, 0, pt, &fate));
	cr_expect(eq(int, end->effect, fate.effect), "seed %lu: %s", t->seed, t->text);
	if (fate.effect != SPACE_ACCEPTS)
		cr_expect(end->rule == fate.rule && end->chain == fate.chain, "seed %lu: %s",
			  t->seed, t->text);
	return end->effect == fate.effect;
}

Test(config_space, walk_is_the_policy)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		char *text = small_policy(seed);
		struct cfg_policy *policy = read_small(text);

		for (enum space_path path = 0; path < SPACE_PATHS; path++) {
			static struct space_world w;
			static struct space_prog p;
			struct trial t = {.seed = seed, .text = text, .p = &p};

			cr_assert(space_world_init(&w, CFG_IPV4, policy, NULL));
			cr_assert(space_prog_init(&p, &w, policy, path, SPACE_FOR_DIFF, 0));
			small_packets(&w, path, same_end, &t);
			cr_expect(gt(sz, t.n, 100));
			space_prog_free(&p);
			space_world_free(&w);
		}
		cfg_policy_free(policy);
		free(text);
	}
}

static bool
note_reached(void *ctx, const struct space_point *pt)
{
	struct trial *t = ctx;
	struct space_cause why;

	for (uint32_t c = 0; c < t->p->n_copy; c++) {
		for (uint32_t pos = t->p->copy[c].start; pos < t->p->n_pos; pos++) {
			const struct space_target target = {t->p, c, pos};
			uint8_t *reached = &t->reached[c * t->p->n_pos + pos];

			if (!*reached)
				*reached = space_gets_to(&target, pt, &why);
		}
	}
	return true;
}

// Some packet gets to a position, by search or by trying all of them.
Test(config_space, search_is_brute_force)
{
	size_t none = 0, found = 0, unknown = 0, alone = 0;

	for (uint64_t nth = 1; nth <= 81; nth++) {
		const uint64_t seed = nth == 81 ? 1208 : nth; // DNAT to where it goes anyway
		char *text = small_policy(seed);
		struct cfg_policy *policy = read_small(text);
		enum space_path path = seed % SPACE_PATHS;
		static struct space_world w;
		static struct space_prog p;
		struct trial t = {.seed = seed, .text = text, .p = &p};

		cr_assert(space_world_init(&w, CFG_IPV4, policy, NULL));
		cr_assert(space_prog_init(&p, &w, policy, path, SPACE_FOR_LINT, 0));
		t.reached = calloc(p.n_pos * p.n_copy, 1);
		for (uint32_t i = 0; i < p.n_pos; i++) { // makes every atom
			uint32_t first, n;

			for (uint32_t c = 0; c < p.n_copy; c++)
				cr_assert(space_prog_boxes(&p, c, i, &first, &n));
		}
		small_packets(&w, path, note_reached, &t);
		for (uint32_t i = 0; i < p.n_pos * p.n_copy; i++) {
			const struct space_target target = {&p, i / p.n_pos, i % p.n_pos};
			enum space_found got;

			if (target.pos < p.copy[target.copy].start)
				continue;
			got = space_find(&target, 1, NULL, NULL, NULL);
			none += got == SPACE_NONE;
			found += got == SPACE_FOUND;
			unknown += got == SPACE_UNKNOWN;
			cr_expect(got != SPACE_NONE || !t.reached[i],
				  "seed %lu %s: position %u of copy %u is reached\n%s", seed,
				  space_path_name(path), target.pos, target.copy, text);
			alone += got == SPACE_FOUND && !t.reached[i];
		}
		free(t.reached);
		space_prog_free(&p);
		space_world_free(&w);
		cfg_policy_free(policy);
		free(text);
	}
	cr_expect(gt(sz, none, 50));
	cr_expect(gt(sz, found, 500));
	cr_expect(lt(sz, unknown, found / 50), "%zu unknown", unknown);
	// The small world has nearly all kinds of packets that there are.
	cr_expect(lt(sz, alone, found / 20), "%zu of %zu by search alone", alone, found);
}

// A few packets' cells: all packets of the small world that lie in one end where its packet does.
struct cells {
	struct trial t;
	struct space_box box[8];
	uint32_t end[8];
	unsigned n, skip;
	size_t inside;
};

static bool
make_cell(void *ctx, const struct space_point *pt)
{
	struct cells *c = ctx;

	if (c->skip-- != 0)
		return true;
	c->skip = 997;
	space_all(&c->box[c->n]);
	if (space_cell(c->t.p, pt, &c->box[c->n])) {
		cr_expect(space_holds(&c->box[c->n], pt));
		c->end[c->n++] = space_walk(c->t.p, pt);
	}
	return c->n < 8;
}

static bool
look_into_cells(void *ctx, const struct space_point *pt)
{
	struct cells *c = ctx;

	for (unsigned i = 0; i < c->n; i++) {
		if (!space_holds(&c->box[i], pt))
			continue;
		c->inside++;
		cr_expect(eq(u32, space_walk(c->t.p, pt), c->end[i]), "seed %lu: %s", c->t.seed,
			  c->t.text);
	}
	return true;
}

Test(config_space, cells_are_alike)
{
	size_t inside = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		char *text = small_policy(seed);
		struct cfg_policy *policy = read_small(text);
		enum space_path path = seed % SPACE_PATHS;
		static struct space_world w;
		static struct space_prog p;
		static struct cells c;

		c = (struct cells){.t = {.seed = seed, .text = text, .p = &p}};

		cr_assert(space_world_init(&w, CFG_IPV4, policy, NULL));
		cr_assert(space_prog_init(&p, &w, policy, path, SPACE_FOR_DIFF, 0));
		small_packets(&w, path, make_cell, &c);
		small_packets(&w, path, look_into_cells, &c);
		inside += c.inside;
		space_prog_free(&p);
		space_world_free(&w);
		cfg_policy_free(policy);
		free(text);
	}
	cr_expect(gt(sz, inside, 10000));
}
