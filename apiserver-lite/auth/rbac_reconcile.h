/*
 * rbac_reconcile - a role or binding of the bootstrap policy that is there already, brought up to what is expected.
 *
 * What somebody added stays; what is missing comes back, unless the object says
 * that it is not to be updated (rbac.authorization.kubernetes.io/autoupdate:
 * "false"). Upstream: component-helpers/auth/rbac/reconciliation.
 *
 * Threads: no state; any thread.
 */
#ifndef APISERVER_RBAC_RECONCILE_H
#define APISERVER_RBAC_RECONCILE_H

#include "json.h"

enum rbac_reconcile { RBAC_KEEP, RBAC_UPDATE, RBAC_RECREATE /* a binding's role cannot be changed */ };

/* Both of one kind. *ret: the object to store; with RBAC_KEEP it is not touched. */
enum rbac_reconcile rbac_reconcile(struct arena *a, const struct json *existing, const struct json *expected,
                                   struct json **ret);

#endif
