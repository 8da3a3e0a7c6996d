/*
 * authz - may this user do that?
 *
 * A chain of authorizers in the order of --authorization-mode (AlwaysAllow,
 * AlwaysDeny, Node, RBAC); the first that has an opinion decides. Members of
 * system:masters may do everything, whatever the modes. Upstream:
 * plugin/pkg/auth/authorizer/{rbac,node}, apiserver/pkg/authorization/union.
 *
 * Nothing is cached: roles and bindings are read through auth_source for each
 * question, which for stored trees is a walk over pointers.
 *
 * Threads: constant after authz_bind; everything else from any thread.
 */
#ifndef APISERVER_AUTHZ_H
#define APISERVER_AUTHZ_H

#include "auth_source.h"
#include "exchange.h"
#include "gates.h"
#include "kerr.h"
#include "selector.h"

struct authz;

struct authz_request {
  const struct exchange_user *user;
  const char *verb;
  bool is_resource;
  /* is_resource; "" where there is none */
  const char *group, *version, *resource, *subresource, *ns, *name;
  struct field_selector fields; /* what of them is asked for: authz_select */
  const char *path;             /* otherwise */
};

enum authz_decision { AUTHZ_NO_OPINION, AUTHZ_ALLOW, AUTHZ_DENY };

/* `modes`: "Node,RBAC" (also the default for NULL). KERR_USAGE. The personality is referenced. */
_must_check_ int authz_new(const char *modes, struct personality *p, struct authz **ret, struct kerr *reterr);
void authz_free(struct authz *z);
/* Where objects are; borrowed. Before the first question, if a mode other than Always* is on. */
void authz_bind(struct authz *z, struct auth_source *source);

/*
 * What a question selects by is known to the modes since 1.32 (AuthorizeWithSelectors); only the node's looks at it,
 * and at fields alone. False: it is not, in this release.
 */
bool authz_knows_selectors(const struct authz *z);
/* Sets req->fields from a query's text. One that cannot be read counts as none: whoever lists with it is told later. */
void authz_select(const struct authz *z, struct arena *a, struct span text, struct authz_request *req);

/* *ret_reason (never NULL): upstream's words, for SubjectAccessReview and refusals. */
enum authz_decision authz_decide(struct authz *z, struct arena *a, const struct authz_request *req,
                                 const char **ret_reason);
/* 0, or KERR_FORBIDDEN with upstream's whole message. */
_must_check_ int authz_check(struct authz *z, struct arena *a, const struct authz_request *req, struct kerr *reterr);
/* Fills reterr with the refusal of `req`: `pods "x" is forbidden: User "u" cannot get resource "pods" ...: reason`. */
int authz_forbidden(struct arena *a, const struct authz_request *req, const char *reason, struct kerr *reterr);

/*
 * What a user may do in a namespace, for SelfSubjectRulesReview: lists of {verbs, apiGroups, resources, resourceNames}
 * and {verbs, nonResourceURLs}. *ret_incomplete: the reason why there may be more, or NULL.
 */
void authz_rules(struct authz *z, struct arena *a, const struct exchange_user *user, const char *ns,
                 struct json **ret_resource_rules, struct json **ret_path_rules, const char **ret_incomplete);

/*
 * Does `user` have every rule of `rules` (a list of PolicyRules) in `ns` ("": cluster-wide)? For RBAC's check against
 * escalation. *ret_missing: rules that are not covered, in the words of upstream's refusal, or NULL.
 */
bool authz_covers(struct authz *z, struct arena *a, const struct exchange_user *user, const char *ns,
                  const struct json *rules, const char **ret_missing);

#endif
