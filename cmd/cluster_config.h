/*
 * cluster_config - what a cluster is to be: from a file, from flags, from disk.
 *
 * The file is kind's, as far as kind's members make sense here (`name`,
 * `nodes`, `featureGates`, `runtimeConfig`, `networking.apiServer*`), with
 * members of our own beside them (`kubernetesVersion`, `devices`, `store`, ...).
 * Members of kind's that mean nothing here are accepted and named in
 * `ignored`; anything else is refused by its path. What is kept in a cluster's
 * folder (cluster.yaml) is such a file too, so it can be edited, and given to
 * another `create cluster --config`.
 */
#ifndef CMD_CLUSTER_CONFIG_H
#define CMD_CLUSTER_CONFIG_H

#include "json.h"

#define CLUSTER_NODES_MAX 1000

struct cluster_node {
  const char *name;          /* NULL: made from the cluster's name */
  const char *devices;       /* "PROFILE[:COUNT]"; NULL: the cluster's */
  const struct json *labels; /* or NULL */
};

struct cluster_config {
  const char *name;
  const char *kubernetes_version; /* "1.37"; NULL: the default */
  const char *feature_gates;      /* "A=true,B=false", or NULL */
  const char *runtime_config;     /* the same form, or NULL */
  const char *devices;            /* "gpu:4", or a file */
  const char *store;              /* "memory", "sqlite", "etcd" */
  const char *store_sync;         /* "full", "normal" */
  struct cluster_etcd {
    const char *endpoints; /* of an etcd that is there; NULL: with store "etcd", one of the cluster's own */
    const char *ca_file, *cert_file, *key_file;
  } etcd;
  const char *address;                              /* what the API server listens on */
  int64_t port;                                     /* 0: one that is free */
  const char *authorization_mode;                   /* "Node,RBAC", "AlwaysAllow" */
  const char *enable_admission, *disable_admission; /* admission plugins, or NULL */
  bool no_scheduler, no_controllers, no_node_agent, no_driver;
  struct cluster_node *nodes;
  size_t n_nodes;
  const char **ignored; /* "nodes[0].image: why" */
  size_t n_ignored;
};

/* One node of the default devices on SQLite. */
void cluster_config_default(struct arena *a, struct cluster_config *c);
/* Over what is there. KERR_INVALID with the path of what is wrong. */
_must_check_ int cluster_config_from_json(struct arena *a, const struct json *doc, struct cluster_config *c,
                                          struct kerr *reterr);
/* "-" is standard input. KERR_PARSE and KERR_INVALID begin with the file's name. */
_must_check_ int cluster_config_read(struct arena *a, const char *path, struct cluster_config *c, struct kerr *reterr);
struct json *cluster_config_to_json(struct arena *a, const struct cluster_config *c);
/* "scheduler,controllers,node-agent,driver" */
_must_check_ int cluster_config_disable(struct cluster_config *c, const char *const *what, size_t n,
                                        struct kerr *reterr);
/* As many nodes alike; `count` is what --nodes was given. */
_must_check_ int cluster_config_set_nodes(struct arena *a, struct cluster_config *c, const char *count,
                                          struct kerr *reterr);
/* Names for nodes without one, and the last checks (a name that is a DNS label, no two alike). */
_must_check_ int cluster_config_finish(struct arena *a, struct cluster_config *c, struct kerr *reterr);

#endif
