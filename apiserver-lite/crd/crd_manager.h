/*
 * crd_manager - the life of CustomResourceDefinitions: who is served, under which names, until when.
 *
 * What upstream does in half a dozen controllers happens here within the write
 * that asks for it, before its client hears back: names are accepted or refused,
 * the definition is established and served, and when it is deleted its objects
 * go first. So a client that has created a definition can use it at once.
 *
 * The manager's own writes go through the API like anybody's (status of
 * definitions, deletions of objects), as user system:apiserver.
 *
 * Definitions that another server writes into a shared store are seen through
 * the watch hub; their status is that server's business.
 *
 * Threads: any. `changed` runs one at a time; a request takes the present set
 * with crd_manager_set, which does not wait for it.
 *
 * Upstream: apiextensions-apiserver pkg/controller/{status,establish,finalizer,
 * apiapproval}, pkg/apiserver/customresource_handler.go.
 */
#ifndef APISERVER_CRD_MANAGER_H
#define APISERVER_CRD_MANAGER_H

#include "crd_set.h"

struct apiserver;
struct crd_manager;
struct exchange_request;

#define CRD_PREFIX    "/registry/apiextensions.k8s.io/customresourcedefinitions/"
#define CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

struct crd_manager *crd_manager_new(struct apiserver *s);
void crd_manager_free(struct crd_manager *m); /* NULL is fine; no request is running */
/* Read what is in the store and finish what was begun. The server can serve already. */
_must_check_ int crd_manager_start(struct crd_manager *m, struct kerr *reterr);
/* What is served at this moment; one reference. */
struct custom_set *crd_manager_set(struct crd_manager *m);
/* Is this definition, which somebody has found in a set, still served as it was? */
bool crd_manager_is_current(struct crd_manager *m, const struct custom_definition *d);
/* Does any definition convert by webhook, as far as is known? Cheap. */
bool crd_manager_has_webhooks(const struct crd_manager *m);
/* A definition was written, or an object of one that is being deleted is gone: do what follows from it. */
void crd_manager_changed(struct crd_manager *m);
/* Is this a request of the manager itself? */
bool crd_manager_is_own(const struct crd_manager *m, const struct exchange_request *req);

/* -- crd_names.c: decisions, without side effects -- */

/* What other definitions of a group have taken. */
struct crd_taken {
  const struct json **accepted; /* status.acceptedNames of each */
  size_t n;
};
/*
 * The status that the definition should have: accepted names, and the conditions NamesAccepted, Established and, for
 * protected groups, KubernetesAPIApprovalPolicyConformant. False when it has it already. `o` is edited.
 */
bool crd_settle_status(struct arena *a, struct json *o, const struct crd_taken *taken, int64_t now);
/* Groups of Kubernetes' own community need an approval (annotation api-approved.kubernetes.io). */
bool crd_is_protected(const char *group);
enum crd_approval { CRD_APPROVAL_MISSING, CRD_APPROVED, CRD_APPROVAL_BYPASSED, CRD_APPROVAL_INVALID };
enum crd_approval crd_approval_of(struct arena *a, const struct json *o, const char **ret_reason);

#endif
