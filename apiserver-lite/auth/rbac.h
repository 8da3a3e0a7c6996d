/*
 * rbac - what roles and bindings allow.
 *
 * Works on the stored objects as they are; nothing is cached. Upstream:
 * plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation.
 *
 * Threads: no state; any thread.
 */
#ifndef APISERVER_RBAC_H
#define APISERVER_RBAC_H

#include "authz.h"

/*
 * One rule that applies to the user, with the binding and the subject that give it; or (rule NULL) why the role of a
 * binding cannot be read. False ends the visit.
 */
struct rbac_grant {
  const struct json *rule, *binding, *subject;
  const char *error;
};
typedef bool rbac_visit_fn(void *payload, const struct rbac_grant *grant);
/* Cluster role bindings first, then those of `ns` when it is not "". */
void rbac_visit(struct auth_source *s, struct arena *a, const struct exchange_user *user, const char *ns,
                rbac_visit_fn *visit, void *payload);

enum authz_decision rbac_decide(struct auth_source *s, struct arena *a, const struct authz_request *req,
                                const char **ret_reason);
/* As authz_covers, for a user who is not a member of system:masters. */
bool rbac_covers(struct auth_source *s, struct arena *a, const struct exchange_user *user, const char *ns,
                 const struct json *rules, const char **ret_missing);
/* What of `wanted` the rules `owned` do not give: a list of rules of one verb on one thing each. */
struct json *rbac_uncovered(struct arena *a, const struct json *owned, const struct json *wanted);

#endif
