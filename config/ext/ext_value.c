// Words that the options of several extensions take, with the message where one is wrong: numbers
// and ranges of them as iptables' option parser reads them, and the room for what is large.
//
// Called by parse and show functions of config/ext/ext_*.c.
#include "config/ext/ext.h"
#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
ext_is_name(const struct ext_in *in, const char *word, const char *name)
{
	if (in->iptables && word[0] != '\0')
		return strncasecmp(word, name, strlen(word)) == 0;
	return strcasecmp(word, name) == 0;
}

bool
ext_table_name(struct ext_in *in, size_t max)
{
	const char *name = in->value[0];

	if (strlen(name) <= max && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	    strcmp(name, "..") != 0 && cfg_value_is_word(name))
		return true;
	cfg_err_add(in->err, in->pos,
		    "'%s': bad name \"%.40s\" (expected a word of at most %zu bytes, as a file "
		    "could be "
		    "called)",
		    in->name, name, max);
	return false;
}

bool
ext_table_name_keep(struct ext_in *in)
{
	in->match->data = strdup(in->value[0]);
	in->match->data_size = strlen(in->value[0]) + 1;
	if (in->match->data == NULL)
		cfg_err_add(in->err, in->pos, "out of memory");
	return in->match->data != NULL;
}

bool
ext_number(struct ext_in *in, uint32_t min, uint32_t max, uint32_t *out)
{
	uint32_t v;

	if (!cfg_value_u32(in->value[0], max, &v) || v < min) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a number from %u to %u",
			    in->name, in->value[0], min, max);
		return false;
	}
	*out = v;
	return true;
}

bool
ext_number64(struct ext_in *in, uint64_t *out)
{
	const char *text = in->value[0];
	char *end = NULL;

	errno = 0;
	*out = strtoull(text, &end, 0);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a number from 0 to %" PRIu64, in->name,
		    text, UINT64_MAX);
	return false;
}

bool
ext_range(struct ext_in *in, uint32_t max, struct cfg_range32 *out)
{
	const char *text = in->value[0], *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);
	struct cfg_range32 r = {0, max};
	char low[16];
	bool good = n < sizeof(low);

	memcpy(low, text, good ? n : 0);
	low[good ? n : 0] = '\0';
	if (good && (n > 0 || colon == NULL))
		good = cfg_value_u32(low, max, &r.lo);
	if (good && colon == NULL)
		r.hi = r.lo;
	else if (good && colon[1] != '\0')
		good = cfg_value_u32(colon + 1, max, &r.hi);
	if (!good) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a number or LOW:HIGH, each 0 to %u", in->name,
			    text, max);
		return false;
	}
	*out = r;
	return true;
}

void
ext_range_show(struct ext_out *out, const struct cfg_range32 *r)
{
	cfg_buf_addf(out->text, "%u", r->lo);
	if (r->hi != r->lo)
		cfg_buf_addf(out->text, ":%u", r->hi);
}

void *
ext_data(struct ext_in *in, size_t size)
{
	void *data = calloc(1, size);

	if (data == NULL) {
		cfg_err_add(in->err, in->pos, "out of memory");
		return NULL;
	}
	free(in->match->data);
	in->match->data = data;
	in->match->data_size = size;
	return data;
}

bool
ext_text(struct ext_in *in, size_t max)
{
	const char *text = in->value[0];
	size_t n = strlen(text);
	void *data;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '"')
			n = 0;
	if (n == 0 || n > max) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a word of at most %zu characters", in->name, text,
			    max);
		return false;
	}
	data = ext_data(in, n + 1);
	if (data != NULL)
		memcpy(data, text, n);
	return data != NULL;
}
