#pragma once
// The commands of `ringwall`, one function each. argv[0] is the command's name. Result: the exit
// code (0 done, 1 failed or unsound, 2 usage).
struct app_cmd {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; // after the name
	const char *does;
};

int app_cmd_check(int argc, char **argv); // app/cmd_check.c

int app_cmd_import(int argc, char **argv); // app/cmd_policy.c
int app_cmd_export(int argc, char **argv);

int app_cmd_list(int argc, char **argv); // app/cmd_control.c: these ask the daemon
int app_cmd_stats(int argc, char **argv);
int app_cmd_ports(int argc, char **argv);
int app_cmd_save(int argc, char **argv);
int app_cmd_restore(int argc, char **argv);
int app_cmd_apply(int argc, char **argv);
int app_cmd_confirm(int argc, char **argv);
int app_cmd_rollback(int argc, char **argv);

int app_cmd_doctor(int argc, char **argv); // app/cmd_doctor.c

int app_cmd_flows(int argc, char **argv); // app/cmd_flows.c
int app_cmd_set(int argc, char **argv);	  // app/cmd_set.c

int app_cmd_replay(int argc, char **argv); // app/replay.c
int app_cmd_bench(int argc, char **argv);  // app/bench.c

// --control PATH, RINGWALL_CONTROL, or the default; set by main before a command runs.
extern const char *app_control_path;
