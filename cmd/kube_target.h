/*
 * kube_target - what the commands that act like kubectl share: their common
 * options, a client with its discovery, the namespace to work in, and the way
 * they report errors (`Error from server (NotFound): ...`, exit code 1).
 */
#ifndef CMD_KUBE_TARGET_H
#define CMD_KUBE_TARGET_H

#include "cli.h"
#include "cluster_access.h"
#include "gates.h"
#include "resource_map.h"

struct kube_options {
  struct cluster_target target;
  const char *ns;
  bool all_namespaces;
};
#define KUBE_ROWS(type, member)                                                                            \
  CLUSTER_TARGET_ROWS(type, member.target),                                                                \
  {                                                                                                        \
    "namespace", 'n', CLI_STRING, offsetof(type, member.ns), "NAMESPACE", "the namespace to work in", NULL \
  }
#define KUBE_ALL_ROW(type, member)                                                                       \
  {                                                                                                      \
    "all-namespaces", 'A', CLI_BOOL, offsetof(type, member.all_namespaces), NULL, "all namespaces", NULL \
  }

struct kube {
  struct kclient *client;
  struct resource_map map;
  const char *ns; /* NULL: all of them */
};

_must_check_ int kube_open(struct cli *cli, const struct kube_options *o, struct kube *ret, struct kerr *reterr);
void kube_close(struct kube *k);
/* The release that the server says it is, with that release's default gates; today's when it is not a known one. */
_must_check_ int kube_release(struct kube *k, struct arena *a, struct personality **ret, struct kerr *reterr);
/* Prints what went wrong as kubectl does, and empties the error. Returns exit code 1. */
int kube_fail(struct kerr *err);

/* What a command line names: TYPE NAME..., TYPE/NAME..., TYPE,TYPE. */
struct kube_item {
  const struct resource_info *info;
  const char *name; /* NULL: the whole collection */
};
_must_check_ int kube_items(struct cli *cli, struct kube *k, struct kube_item **ret, size_t *ret_n,
                            struct kerr *reterr);
/* The namespace for one item: that of the command, or none for a cluster-scoped kind. */
const char *kube_ns_of(const struct kube *k, const struct resource_info *info);
/* "labelSelector=..&fieldSelector=..", escaped, or NULL. */
char *kube_selectors(struct arena *a, const char *labels, const char *fields);

#define _cleanup_kube_ __attribute__((cleanup(kube_close)))

#endif
