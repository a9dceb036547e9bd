// Bytes on the socket: lines in pieces, nonsense, too much, too many, and readers that do not read.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/control/ground.h"

static const char policy[] = "version: 1\ntables: { filter: { INPUT: { policy: DROP } } }\n";
static const char stats[] = "{\"command\": \"stats\"}\n";

static bool
is_good(const char *line)
{
	return line != NULL && strncmp(line, "{\"ok\":true", 10) == 0;
}

static bool
says(const char *line, const char *words)
{
	return line != NULL && strncmp(line, "{\"ok\":false", 11) == 0 &&
	       strstr(line, words) != NULL;
}

Test(control_protocol, refused_by_name)
{
	static const struct {
		const char *request, *words;
	} row[] = {
		{"", "not a JSON object"},
		{"hello", "not a JSON object"},
		{"{\"command\": \"stats\"", "not a JSON object"},
		{"{\"command\": \"stats\"} x", "not a JSON object"},
		{"{\"command\": \"stats\", \"command\": \"stats\"}", "not a JSON object"},
		{"[1]", "expected an object"},
		{"\"stats\"", "not a JSON object"},
		{"{}", "expected an object with \"command\""},
		{"{\"command\": 3}", "expected an object with \"command\""},
		{"{\"command\": \"top\"}", "unknown command 'top'"},
		{"{\"command\": \"\"}", "unknown command ''"},
		{"{\"command\": \"stats\", \"x\": 1}", "command 'stats' does not know 'x'"},
		{"{\"command\": \"list\", \"table\": 1}",
		 "'table' is a whole number: expected a string"},
		{"{\"command\": \"list\", \"table\": null}", "'table' is null: expected a string"},
		{"{\"command\": \"list\", \"table\": \"magnle\"}",
		 "expected raw, mangle, nat, filter or security"},
		{"{\"command\": \"list\", \"chain\": \"nowhere\"}", "there is no chain 'nowhere'"},
		{"{\"command\": \"list\", \"family\": \"ipx\"}", "expected \"ipv4\" or \"ipv6\""},
		{"{\"command\": \"save\", \"counters\": 1}", "expected true or false"},
		{"{\"command\": \"apply\", \"text\": \"\"}", "command 'apply' needs 'name'"},
		{"{\"command\": \"apply\", \"name\": \"a\", \"text\": \"\", \"confirm\": 1.5}",
		 "a number with a fraction"},
		{"{\"command\": \"apply\", \"name\": \"a\", \"text\": \"\", \"confirm\": 0}",
		 "expected 1 to 86400 seconds"},
		{"{\"command\": \"flows\", \"protocol\": \"tpc\"}", "expected a name such as tcp"},
		{"{\"command\": \"flows\", \"protocol\": \"256\"}", "expected a name such as tcp"},
		{"{\"command\": \"flows\", \"src\": \"10.0.0\"}", "expected an address"},
		{"{\"command\": \"flows\", \"dst\": \"10.0.0.0/33\"}", "expected an address"},
		{"{\"command\": \"flows\", \"sport\": 65536}", "expected 0 to 65535"},
		{"{\"command\": \"flows\", \"sport\": \"80\"}",
		 "'sport' is a string: expected a whole number"},
		{"{\"command\": \"flows\", \"state\": \"NEW\"}", "expected a TCP state"},
		{"{\"command\": \"flows\", \"status\": \"ASSURED,\"}",
		 "expected a list of ASSURED"},
		{"{\"command\": \"flows\", \"mark\": \"1/\"}", "expected VALUE or VALUE/MASK"},
		{"{\"command\": \"flows\", \"mark\": \"4294967296\"}",
		 "expected VALUE or VALUE/MASK"},
		{"{\"command\": \"flows\", \"icmp_type\": 256}", "expected 0 to 255"},
		{"{\"command\": \"flows\", \"snat\": \"yes\"}", "expected \"any\", or the address"},
		{"{\"command\": \"flows\", \"zone\": -1}", "expected 0 to 65535"},
		{"{\"command\": \"flows\", \"port\": 1}", "does not know 'port'"},
		{"{\"command\": \"confirm\"}", "no change waits"},
		{"{\"command\": \"rollback\"}", "nothing to roll back"},
	};
	struct ground g;

	ground_open(&g, policy);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *error = ground_error(&g, row[i].request);

		cr_expect(error != NULL && strstr(error, row[i].words) != NULL, "%s: %s",
			  row[i].request, error != NULL ? error : "(taken)");
		free(error);
	}
	ground_close(&g);
}

Test(control_protocol, lines_in_pieces)
{
	struct ground g;
	char *line;
	int fd;

	ground_open(&g, policy);
	fd = ground_connect(&g);
	for (size_t i = 0; i < sizeof(stats) - 1; i++)
		ground_send(&g, fd, &stats[i], 1);
	line = ground_line(&g, fd);
	cr_expect(is_good(line), "byte by byte");
	free(line);

	ground_text(&g, fd, "{\"command\": \"stats\"}\n{\"command\": \"nope\"}\n{\"comm");
	line = ground_line(&g, fd);
	cr_expect(is_good(line), "the first of two");
	free(line);
	line = ground_line(&g, fd);
	cr_expect(says(line, "nope"), "the second, in order");
	free(line);
	ground_text(&g, fd, "and\": \"ports\"}\n");
	line = ground_line(&g, fd);
	cr_expect(is_good(line), "the third, whose start came with them");
	free(line);
	close(fd);
	ground_close(&g);
}

Test(control_protocol, end_of_requests)
{
	struct ground g;
	char *line;
	int fd;

	ground_open(&g, policy);
	fd = ground_connect(&g);
	ground_send(&g, fd, stats, sizeof(stats) - 1);
	shutdown(fd, SHUT_WR); // as socat does
	line = ground_line(&g, fd);
	cr_expect(is_good(line), "answered all the same");
	free(line);
	cr_expect(ground_closed(&g, fd));
	close(fd);

	fd = ground_connect(&g);
	ground_send(&g, fd, stats, sizeof(stats) - 2);
	shutdown(fd, SHUT_WR);
	line = ground_line(&g, fd);
	cr_expect(says(line, "does not end with a newline"));
	free(line);
	cr_expect(ground_closed(&g, fd));
	close(fd);

	fd = ground_connect(&g);
	shutdown(fd, SHUT_WR);
	cr_expect(ground_closed(&g, fd), "nothing said, nothing answered");
	close(fd);
	ground_close(&g);
}

Test(control_protocol, a_request_has_a_limit)
{
	static char block[1 << 20];
	struct ground g;
	char *line;
	int fd;

	ground_open(&g, policy);
	memset(block, 'x', sizeof(block));
	fd = ground_connect(&g);
	for (int i = 0; i < 65; i++)
		ground_send(&g, fd, block, sizeof(block));
	line = ground_line(&g, fd);
	cr_expect(says(line, "larger than 64 MiB"));
	free(line);
	cr_expect(ground_closed(&g, fd));
	close(fd);
	cr_expect(eq(uint, g.ctl->n_client, 0));
	ground_close(&g);
}

Test(control_protocol, many_clients)
{
	int fd[CTL_CLIENTS_MAX], extra;
	struct ground g;
	char *line;

	ground_open(&g, policy);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		fd[i] = ground_connect(&g);
	extra = ground_connect(&g);
	line = ground_line(&g, extra);
	cr_expect(line != NULL && strstr(line, "too many clients") != NULL);
	free(line);
	cr_expect(ground_closed(&g, extra));
	close(extra);
	for (int i = CTL_CLIENTS_MAX - 1; i >= 0; i--)
		ground_send(&g, fd[i], stats, sizeof(stats) - 1);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		line = ground_line(&g, fd[i]);
		cr_expect(is_good(line), "client %d", i);
		free(line);
		close(fd[i]);
	}
	cr_expect(eq(ptr, ground_error(&g, "{\"command\": \"stats\"}"), NULL), "room again");
	ground_close(&g);
}

static struct ct_flow
any_flow(unsigned worker, unsigned i)
{
	struct ct_flow f = {.worker = (uint16_t)worker, .timeout_sec = 30};

	for (int d = 0; d < 2; d++) {
		f.tuple[d].family = 4;
		f.tuple[d].proto = 17;
		f.tuple[d].src.v4 = i;
	}
	return f;
}

Test(control_protocol, who_does_not_read_keeps_nobody_waiting)
{
	struct ground g;
	int slow;

	ground_open(&g, policy);
	ground_flow = any_flow;
	ground_flows = 1000000;
	slow = ground_connect(&g);
	ground_text(&g, slow, "{\"command\": \"flows\"}\n");
	for (int i = 0; i < 300; i++)
		cr_assert(eq(ptr, ground_error(&g, "{\"command\": \"stats\"}"), NULL),
			  "client %d beside it", i);
	cr_assert(eq(uint, g.ctl->n_client, 1));
	cr_expect(lt(sz, g.ctl->client[0]->out_cap, 4 * CTL_OUT_HIGH),
		  "two million flows, and no more memory");
	close(slow);
	cr_expect(eq(ptr, ground_error(&g, "{\"command\": \"stats\"}"), NULL));
	cr_expect(eq(uint, g.ctl->n_client, 0), "gone in the middle of its answer");
	ground_close(&g);
}

// The stream is whole when the reader does read, and other requests wait for their turn on the same
// connection.
Test(control_protocol, a_stream_and_what_follows_it)
{
	unsigned n = 0;
	struct ground g;
	char *line;
	int fd;

	ground_open(&g, policy);
	ground_flow = any_flow;
	ground_flows = 3000;
	fd = ground_connect(&g);
	ground_text(&g, fd, "{\"command\": \"flows\"}\n{\"command\": \"stats\"}\n");
	line = ground_line(&g, fd);
	cr_expect(is_good(line) && strstr(line, "\"stream\":true") != NULL);
	free(line);
	while ((line = ground_line(&g, fd)) != NULL && strncmp(line, "{\"flow\":", 8) == 0) {
		free(line);
		n++;
	}
	cr_expect(eq(uint, n, 6000));
	cr_assert(line != NULL);
	cr_expect(eq(str, line, "{\"end\":true,\"count\":6000}"));
	free(line);
	line = ground_line(&g, fd);
	cr_expect(is_good(line) && strstr(line, "\"workers\"") != NULL,
		  "the next request's answer");
	free(line);
	close(fd);
	ground_close(&g);
}

Test(control_protocol, bytes_that_are_no_text)
{
	static const char bytes[] = "{\"command\": \"\xff\xfe\"}";
	char *error;
	json_t *text;
	struct ground g;

	ground_open(&g, policy);
	error = ground_error(&g, bytes);
	cr_expect(error != NULL && strstr(error, "not a JSON object") != NULL);
	free(error);
	text = ctl_json_text("a\xff\xc3\xa4\xed\xa0\x80z\xe2\x82");
	cr_expect(eq(str, (char *)json_string_value(text),
		     "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef"
		     "\xbf\xbd"));
	json_decref(text);
	ground_close(&g);
}
