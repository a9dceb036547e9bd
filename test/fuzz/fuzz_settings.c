// libFuzzer target of ringwall.conf: whatever the bytes, reading ends with a sound configuration or
// with at least one error, never with both, and gives everything back. The bounds that the rest of
// the program trusts are checked on what was accepted.
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy.h"
#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

// libconfig 1.5 forgets strings after which it finds a syntax error. The program ends after such a
// file.
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static void
check_sound(const struct cfg_settings *s)
{
	assert(s->n_port >= 1 && s->n_port <= CFG_PORTS_MAX && s->n_worker <= CFG_WORKERS_MAX);
	assert(s->control != NULL && s->control[0] == '/' && strlen(s->control) < 108);
	assert(s->policy == NULL || s->policy[0] == '/');
	for (size_t i = 0; i < s->n_port; i++) {
		const struct cfg_port *p = &s->port[i];

		assert(p->name != NULL && strlen(p->name) < CFG_IFNAMSIZ && p->device != NULL);
		assert(p->mtu >= 68 && p->mtu <= 9216);
		for (size_t k = 0; k < p->n_address; k++)
			assert(p->address[k].family == CFG_IPV4 ? p->address[k].len <= 32
								: p->address[k].len <= 128);
	}
	for (size_t i = 0; i < s->n_route; i++)
		assert(s->route[i].to.family != 0 &&
		       (s->route[i].blackhole || s->route[i].via.family != 0 ||
			s->route[i].port != NULL));
	for (size_t i = 0; i < s->n_neighbour; i++)
		assert(s->neighbour[i].port != NULL && s->neighbour[i].address.family != 0);
	assert(s->flows >= 64 && cfg_settings_mbufs(s, CFG_WORKERS_MAX) >= 1023);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct cfg_settings *s = NULL;
	struct cfg_err err;
	int ret;

	memcpy(text, data, size);
	text[size] = '\0';
	cfg_err_init(&err, "fuzz.conf");
	ret = cfg_settings_from_text(&s, text, "/etc/ringwall", &err);
	if (ret == 0) {
		assert(err.n_errors == 0);
		check_sound(s);
		cfg_settings_free(s);
	} else {
		assert(ret == -EINVAL && err.n_errors > 0 && s == NULL);
	}
	cfg_err_free(&err);
	free(text);
	return 0;
}
