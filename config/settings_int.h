#pragma once
// Private to config/settings*.c: a key of ringwall.conf as one table row, and what reads its value.
#include <libconfig.h>

#include "config/settings.h"

struct cfg_keys;

// Where a reader stands. One per file that is being read.
struct cfg_reader {
	struct cfg_err *err;
	const char *dir; // absolute; relative paths start here
	bool no_mem;	 // an allocation failed: the result is -ENOMEM
};

// One key: its name, what its value may be, and where the value goes.
struct cfg_key {
	const char *name;
	// Reads the setting into `field` (base + offset). Reports its own errors; base is the whole
	// struct.
	void (*read)(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		     void *base);
	size_t offset;
	size_t n_offset;   // arrays: of their size_t count; lladdr: of its "given" bool
	uint32_t min, max; // numbers: limits, both allowed
	uint32_t deflt;	   // numbers and truth values: where the key is not given
	bool required;
	const struct cfg_keys *group; // groups and lists of groups: the keys inside
};

// The keys of one kind of group, and the struct that they fill.
struct cfg_keys {
	const char *what; // in messages: "a port"
	const struct cfg_key *key;
	size_t n;
	size_t size;	   // of the struct, for lists
	size_t pos_offset; // of its struct cfg_pos, for lists
	size_t max;	   // elements of a list
};

// Place of a setting: libconfig's line, and the column that cfg_settings_columns() found (0: none).
struct cfg_pos cfg_setting_pos(const config_setting_t *s);
// What stands there, in words: "a string", "a list" ...
const char *cfg_setting_kind(const config_setting_t *s);

// config/settings_column.c: libconfig knows only lines and cuts numbers. Reads `text`, which
// libconfig has accepted as `root`, a second time, leaves each setting's column in its hook, and
// reports cut numbers.
void cfg_settings_columns(config_setting_t *root, const char *text, struct cfg_err *err);
// libconfig would read other files for @include, with limits and places that are not ours: refused
// by name.
bool cfg_settings_has_include(const char *text, struct cfg_err *err);

// config/settings_value.c: the string value, or NULL after an error; and a path made absolute, NULL
// when out of memory.
const char *cfg_setting_text(struct cfg_reader *r, const config_setting_t *s,
			     const struct cfg_key *key, const char *expected);
char *cfg_setting_path(struct cfg_reader *r, const char *text);

// config/settings_value.c: the readers of values that are no groups.
void cfg_read_string(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		     void *base);
void cfg_read_poll(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		   void *base);
void cfg_read_path(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		   void *base);
void cfg_read_socket(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		     void *base);
void cfg_read_name(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		   void *base);
void cfg_read_bool(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		   void *base);
void cfg_read_u32(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		  void *base);
void cfg_read_mac(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		  void *base);
// config/settings_sink.c; the row's max: bit per enum cfg_sink_kind that it may be
void cfg_read_sink(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		   void *base);
// config/settings_flow.c: words of a flow log
void cfg_read_flow_format(struct cfg_reader *r, const config_setting_t *s,
			  const struct cfg_key *key, void *base);
void cfg_read_flow_which(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
			 void *base);
void cfg_read_flow_events(struct cfg_reader *r, const config_setting_t *s,
			  const struct cfg_key *key, void *base);
void cfg_flow_logs_check(const struct cfg_settings *s, struct cfg_err *err);
void cfg_read_strings(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		      void *base);
void cfg_read_lcores(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		     void *base);
void cfg_read_ifaddrs(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		      void *base);
void cfg_read_net(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		  void *base);
void cfg_read_addr(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		   void *base);

// config/settings_check.c: what no single value can show: names given twice, ports that do not
// exist ... values_sound: no reader found an error (else an address that seems missing may just
// have been wrong). Adds to err; -ENOMEM or 0.
int cfg_settings_check(const struct cfg_settings *s, bool values_sound, struct cfg_err *err);

// Is addr inside the network of net? Both of one family.
bool cfg_prefix_holds(const struct cfg_prefix *net, const struct cfg_prefix *addr);
// "192.0.2.1/24", or without the length; buf of CFG_PREFIX_TEXT bytes.
#define CFG_PREFIX_TEXT 64
const char *cfg_prefix_text(const struct cfg_prefix *p, bool with_len, char *buf);
