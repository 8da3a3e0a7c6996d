/*
 * rbac_policy - the roles and bindings every cluster starts with.
 *
 * They are data (the files *.rbac in policy/), for all releases and feature gates; this makes
 * the objects of one personality. Upstream:
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
 *
 * Threads: no state; any thread.
 */
#ifndef APISERVER_RBAC_POLICY_H
#define APISERVER_RBAC_POLICY_H

#include "gates.h"
#include "json.h"

/* One object of resource "clusterroles", "clusterrolebindings", "roles" or "rolebindings"; it lives for the call. */
struct rbac_policy_object {
  const char *resource, *ns; /* ns "": cluster-wide */
  struct json *object;
  struct arena *arena; /* of the object */
};

/* 0; 1 ends the visit, and so does a failure. */
typedef int rbac_policy_fn(void *payload, const struct rbac_policy_object *o, struct kerr *reterr);
/* A role comes before its bindings. Returns what the last call returned. */
_must_check_ int rbac_policy_visit(const struct personality *p, rbac_policy_fn *visit, void *payload,
                                   struct kerr *reterr);
/* The rules of one cluster role, in `a`; NULL when there is no such role. */
const struct json *rbac_policy_rules(const struct personality *p, struct arena *a, const char *role);

#endif
