/*
 * cluster_dir - where a cluster lives on disk, and whether it runs.
 *
 *   $DRALAB_HOME, else $XDG_STATE_HOME/dralab, else ~/.local/state/dralab
 *     clusters/NAME/            (or a link to --data-dir)
 *       cluster.yaml            its configuration, as `create cluster --config` takes it
 *       dralab.lock             locked by the daemon as long as it lives; holds its pid
 *       dralab.log              what the daemon says
 *       admin.conf              kubeconfig of the administrator
 *       pki/ store.db nodes/    the daemon's
 *
 * "Running" means that the lock is held; a pid alone proves nothing.
 */
#ifndef CMD_CLUSTER_DIR_H
#define CMD_CLUSTER_DIR_H

#include "cluster_config.h"
#include "fs.h"

/* Where the objects are: of SQLite, and of an etcd of the cluster's own. */
#define CLUSTER_STORE_FILE "store.db"
#define CLUSTER_STORE_ETCD "etcd"

struct cluster_dir {
  const char *name;
  const char *path; /* clusters/NAME: may be a link */
};

/* The state folder itself, not made. KERR_IO when there is no home. */
_must_check_ int cluster_home(struct arena *a, const char **ret, struct kerr *reterr);
_must_check_ int cluster_dir_of(struct arena *a, const char *name, struct cluster_dir *ret, struct kerr *reterr);
/* As cluster_dir_of, of a cluster that is there: else KERR_NOT_FOUND. */
_must_check_ int cluster_dir_find(struct arena *a, const char *name, struct cluster_dir *ret, struct kerr *reterr);
/* Names of all clusters, sorted. */
_must_check_ int cluster_dir_list(struct arena *a, const char ***ret, size_t *ret_n, struct kerr *reterr);
bool cluster_dir_exists(const struct cluster_dir *d);
char *cluster_dir_file(struct arena *a, const struct cluster_dir *d, const char *file);

/* Make it; `data_dir` NULL: under the state folder. KERR_ALREADY_EXISTS, KERR_IO. */
_must_check_ int cluster_dir_make(struct arena *a, const struct cluster_dir *d, const char *data_dir,
                                  struct kerr *reterr);
/* Remove it with all it holds (and the folder that a --data-dir named). */
_must_check_ int cluster_dir_remove(struct arena *a, const struct cluster_dir *d, struct kerr *reterr);
_must_check_ int cluster_dir_load(struct arena *a, const struct cluster_dir *d, struct cluster_config *ret,
                                  struct kerr *reterr);
_must_check_ int cluster_dir_save(struct arena *a, const struct cluster_dir *d, const struct cluster_config *c,
                                  struct kerr *reterr);

/* The daemon's pid, or 0 when nobody holds the lock. */
pid_t cluster_dir_pid(const struct cluster_dir *d);
/* The daemon takes it and keeps the descriptor. KERR_CONFLICT when another runs. */
_must_check_ int cluster_dir_lock(struct arena *a, const struct cluster_dir *d, int *ret_fd, struct kerr *reterr);

#endif
