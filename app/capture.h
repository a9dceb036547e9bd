#pragma once
// Captures: frames out of pcap and pcapng files into mbufs, and mbufs into pcap files with
// nanoseconds.
#include <stdint.h>

#include "config/cfg_err.h"
#include "pipeline/worker.h"

struct app_capture;

// Opens a capture of Ethernet or raw IP. Errors go to err with the file's name.
int app_capture_open(struct app_capture **out, const char *path, struct cfg_err *err);
void app_capture_close(struct app_capture *c); // NULL is fine
// Looks at the next frame: its time in ns since the epoch. 1, 0 at the end, -EIO with a message in
// err.
int app_capture_peek(struct app_capture *c, uint64_t *time_ns, struct cfg_err *err);
// The frame that was looked at, as mbuf chain (raw IP gets an Ethernet header), and goes on to the
// next one. NULL: no packet buffer.
struct rte_mbuf *app_capture_take(struct app_capture *c, struct rte_mempool *pool);
void app_capture_skip(struct app_capture *c); // the frame that was looked at is not wanted
// The bytes of the frame that was looked at, for scanning; valid until the next peek.
const uint8_t *app_capture_bytes(const struct app_capture *c, uint32_t *len);

struct app_dump;
int app_dump_open(struct app_dump **out, const char *path, struct cfg_err *err);
int
app_dump_close(struct app_dump *d); // 0, or -EIO where something could not be written; NULL is fine
void app_dump_write(struct app_dump *d, uint64_t time_ns, const struct rte_mbuf *m);
