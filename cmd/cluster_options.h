/*
 * cluster_options - the flags that say what a cluster is to be, shared by
 * `create cluster` and `serve`, and how they become a configuration.
 */
#ifndef CMD_CLUSTER_OPTIONS_H
#define CMD_CLUSTER_OPTIONS_H

#include "cli.h"
#include "cluster_config.h"

struct cluster_options {
  const char *name, *config, *kubernetes_version, *devices, *store, *store_sync, *kubeconfig, *data_dir, *gates,
      *runtime_config, *address, *authorization_mode, *enable_admission, *disable_admission, *dra;
  const char *etcd_ca, *etcd_cert, *etcd_key;
  struct cli_list etcd_servers;
  const char *nodes; /* text, so that "not given" differs from 0 */
  int64_t port, wait;
  struct cli_list disable;
  bool retain;
  int64_t ready_fd; /* serve: where to say that the API answers; 0: nowhere */
};

/* Rows without the end, for a command's own table. */
extern const struct cli_option cluster_option_rows[];
extern const char *const cluster_option_stores[]; /* "memory", ...; ends with NULL */

/* Defaults, then --config, then flags. KERR_USAGE, KERR_INVALID, KERR_PARSE. */
_must_check_ int cluster_options_config(struct cli *cli, const struct cluster_options *o, struct cluster_config *ret,
                                        struct kerr *reterr);

#endif
