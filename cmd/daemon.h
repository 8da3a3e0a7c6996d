/*
 * daemon - start and stop the process that is a cluster.
 *
 * `create cluster` and `start cluster` run `dralab serve` in the background: a
 * session of its own, standard error into the cluster's dralab.log, and a pipe
 * on which it says one line: "ready URL", or "error MESSAGE". The process is
 * made by posix_spawn, so nothing of the caller leaks into it.
 */
#ifndef CMD_DAEMON_H
#define CMD_DAEMON_H

#include "cluster_dir.h"

/*
 * Returns when the API answers (ret_server: its URL), or with what the daemon said, or after a minute. KERR_UNAVAILABLE
 * names the log file.
 */
_must_check_ int daemon_start(struct arena *a, const struct cluster_dir *d, struct clock *clock,
                              const char **ret_server, struct kerr *reterr);
/* SIGTERM, wait, SIGKILL when it takes longer than twenty seconds. A daemon that is not there is fine. */
_must_check_ int daemon_stop(const struct cluster_dir *d, struct clock *clock, struct kerr *reterr);

#endif
