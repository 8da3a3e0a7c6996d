/*
 * cluster_access - how the command line reaches a cluster, and how it lets
 * others in: the administrator's kubeconfig, merged into the user's own, and a
 * client for the commands that talk to the API.
 */
#ifndef CMD_CLUSTER_ACCESS_H
#define CMD_CLUSTER_ACCESS_H

#include "cli.h"
#include "cluster_dir.h"
#include "kclient.h"

/* DIR/admin.conf as a tree in the arena of `cli`. KERR_NOT_FOUND, KERR_IO, KERR_PARSE. */
_must_check_ int cluster_access_conf(struct cli *cli, const struct cluster_dir *d, struct json **ret,
                                     struct kerr *reterr);
/* Merge DIR/admin.conf into `kubeconfig` (NULL: $KUBECONFIG, else ~/.kube/config) and make it current. */
_must_check_ int cluster_access_export(struct cli *cli, const struct cluster_dir *d, const char *kubeconfig,
                                       struct kerr *reterr);
/* Take cluster, user and context dralab-NAME out of it again; nothing there is fine. */
_must_check_ int cluster_access_forget(struct cli *cli, const char *name, const char *kubeconfig, struct kerr *reterr);
/* Until every node of the configuration is Ready. KERR_TIMEOUT says which are not. */
_must_check_ int cluster_access_wait_nodes(struct cli *cli, const struct cluster_dir *d, int64_t timeout,
                                           struct kerr *reterr);

/* Which cluster a command talks to: the options that all of them have. */
struct cluster_target {
  const char *name;       /* --name: the cluster of that name, by its own admin.conf */
  const char *kubeconfig; /* --kubeconfig */
  const char *context;    /* --context */
};
#define CLUSTER_TARGET_ROWS(type, member)                                                                              \
  { "name",     0,                                                                                                     \
    CLI_STRING, offsetof(type, member.name),                                                                           \
    "NAME",     "the cluster (default: $DRALAB_CLUSTER_NAME, or where kubectl would go)",                              \
    NULL },                                                                                                            \
      { "kubeconfig", 0, CLI_STRING, offsetof(type, member.kubeconfig), "FILE", "a kubeconfig to use instead", NULL }, \
  {                                                                                                                    \
    "context", 0, CLI_STRING, offsetof(type, member.context), "NAME", "a context of the kubeconfig", NULL              \
  }

/*
 * A client for it: --name, else --kubeconfig/--context, else $DRALAB_CLUSTER_NAME, else the current context of the
 * user's kubeconfig, else the cluster "dralab" when it exists. ret_namespace (may be NULL): the context's, or
 * "default".
 */
_must_check_ int cluster_access_client(struct cli *cli, const struct cluster_target *t, struct kclient **ret,
                                       const char **ret_namespace, struct kerr *reterr);

#endif
