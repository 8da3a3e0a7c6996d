/*
 * kubeconfig - the file in which kubectl looks for its clusters (client-go
 * tools/clientcmd): reading access out of it, adding a cluster, taking one out.
 *
 * `path` NULL means: the files of $KUBECONFIG (separated by colons), else
 * ~/.kube/config. Reading merges them, first one wins; writing goes where kind
 * writes: the first file of the list that exists (and, for removal, holds the
 * entry), else the last. Files are changed under FILE.lock, in one step, and
 * whatever else stands in them stays.
 */
#ifndef KCLIENT_KUBECONFIG_H
#define KCLIENT_KUBECONFIG_H

#include "kclient.h"

struct kubeconfig_access {
  struct kclient_remote remote; /* texts in the arena; user_agent is left alone */
  const char *context;
  const char *ns; /* the context's namespace, or "default" */
};

/*
 * `context` NULL: the current one. KERR_NOT_FOUND when there is no such context (`context "x" does not exist`) or none
 * at all ("no configuration"), KERR_PARSE with the file's name, KERR_IO.
 */
_must_check_ int kubeconfig_load(struct arena *a, const char *path, const char *context, struct kubeconfig_access *ret,
                                 struct kerr *reterr);
/* Merge the clusters, users and contexts of `conf` (a kubeconfig document) and take over its current-context. */
_must_check_ int kubeconfig_merge(const char *path, const struct json *conf, struct clock *clock, struct kerr *reterr);
/* Remove cluster, user and context `name`; current-context too when it is that. Nothing there is fine. */
_must_check_ int kubeconfig_remove(const char *path, const char *name, struct clock *clock, struct kerr *reterr);
/* A document with one cluster, user and context of the same `name`: PEM texts become *-data. */
struct json *kubeconfig_new(struct arena *a, const char *name, const struct kclient_remote *remote);

#endif
