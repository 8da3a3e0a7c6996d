/*
 * cluster_run - a cluster in this process: the pieces, put together.
 *
 * Parts are started in the order of one table (store, API server, HTTP front,
 * access files, scheduler, controllers, nodes) and stopped in the reverse; a
 * part that fails stops what stood before it. This is the only file that knows
 * them all.
 */
#ifndef CMD_CLUSTER_RUN_H
#define CMD_CLUSTER_RUN_H

#include "cluster_dir.h"
#include "log.h"

struct cluster_run;

struct cluster_run_config {
  const struct cluster_dir *dir;  /* locked by the caller */
  struct cluster_config *cluster; /* a port that was chosen is written into it, and to disk */
  struct clock *clock;
  struct log *log;
};

/* Everything is borrowed and outlives the run. */
_must_check_ int cluster_run_start(const struct cluster_run_config *config, struct cluster_run **ret,
                                   struct kerr *reterr);
const char *cluster_run_server(const struct cluster_run *r); /* "https://127.0.0.1:6443" */
/* Nothing of the cluster runs when it returns. NULL is fine. */
void cluster_run_stop(struct cluster_run *r);

#endif
