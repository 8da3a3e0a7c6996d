/*
 * etcd_process - an etcd of the cluster's own: found on PATH, started, started again when it dies.
 *
 * It has the folder `etcd/` in the cluster's: its data, its log (etcd.log) and
 * its socket, so that no port is taken and nobody else can connect. What an
 * earlier run has left behind after a crash is ended first: two processes on
 * one folder would not work, and an orphan would go on for ever.
 *
 * Threads: one of its own, which waits for the process to end.
 */
#ifndef CMD_ETCD_PROCESS_H
#define CMD_ETCD_PROCESS_H

#include "clock.h"
#include "kerr.h"
#include "log.h"

struct etcd_process;

/*
 * `dir` is made when it is not there. KERR_NOT_FOUND: etcd is not installed, and how to get it; KERR_IO.
 * The process may need a moment until it answers.
 */
_must_check_ int etcd_process_start(const char *dir, struct clock *clock, struct log *log, struct etcd_process **ret,
                                    struct kerr *reterr);
const char *etcd_process_endpoint(const struct etcd_process *p); /* for store_config.etcd.endpoints */
/* SIGTERM, and SIGKILL when that takes too long. NULL is fine. */
void etcd_process_stop(struct etcd_process *p);

#endif
