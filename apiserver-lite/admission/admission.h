/* admission - the plugins as admission_chain.c's table sees them; each in a file of its own: admission_*.c. */
#ifndef APISERVER_ADMISSION_H
#define APISERVER_ADMISSION_H

#include "rest.h"

struct admission_target {
  const char *group, *resource; /* resource "*": everything; NULL ends the list */
};

struct admission_plugin {
  const char *name;
  bool optional; /* off unless --enable-admission-plugins names it */
  const struct admission_target *targets;
  /* `old` NULL: a new object. Any of them may be NULL. */
  int (*mutate)(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr);
  /* After all that mutates and before validation: what upstream's registries ask on their own account. */
  int (*guard)(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr);
  int (*validate)(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr);
  int (*remove)(struct rest_call *c, const struct json *o, struct kerr *reterr);
};

extern const struct admission_plugin admission_default_storage, admission_default_ingress, admission_resize,
    admission_runtime_class, admission_topology, admission_certificate_approval, admission_certificate_signing,
    admission_certificate_subject, admission_bundle_attest, admission_pod_security, admission_limits,
    admission_namespace_lifecycle, admission_node_restriction, admission_taint_nodes, admission_service_account,
    admission_storage_in_use, admission_pod_group_in_use, admission_priority, admission_owners, admission_always_pull,
    admission_extended_toleration, admission_anti_affinity, admission_external_ips, admission_resize_pod,
    admission_tolerations, admission_resource_quota, admission_node_features, admission_rbac_roles,
    admission_rbac_bindings, admission_mutating_webhooks, admission_validating_webhooks, admission_mutating_policies,
    admission_validating_policies;

extern const struct admission_target admission_pods[];       /* pods alone */
extern const struct admission_target admission_everything[]; /* whatever is written */

/* The name a refusal shows: from the path, the object or its generateName. */
const char *admission_name(const struct rest_call *c, const struct json *o);
/* Does an update change nothing but what a garbage collector writes (rbac.IsOnlyMutatingGCFields)? */
bool admission_only_collects(struct rest_call *c, const struct json *o, const struct json *old);
/* 403 `pods "x" is forbidden: why` */
int admission_forbid(struct rest_call *c, const struct json *o, const char *why, struct kerr *reterr);
/* 404 `namespaces "x" not found` */
int admission_no_namespace(struct rest_call *c, const char *ns, struct kerr *reterr);
/* 500 `Internal error occurred: what`, for what upstream calls an internal error though a webhook or policy made it */
int admission_internal(struct kerr *reterr, const char *what);
/*
 * Other stored objects, in their storage version, borrowed until the request ends: as this server knows them
 * (STORE_CACHED), so that a write does not ask etcd once for each thing a plugin looks at.
 */
/* NULL when there is none: then others have been asked for it, too. */
const struct json *admission_lookup(struct rest_call *c, const char *group, const char *version, const char *resource,
                                    const char *ns, const char *name);
/* All of a namespace ("": of all), in order of names. */
_must_check_ int admission_list(struct rest_call *c, const char *group, const char *version, const char *resource,
                                const char *ns, struct store_list *ret, struct kerr *reterr);
_must_check_ int admission_list_of(struct rest_call *c, const struct kind_resource *res, const char *ns,
                                   struct store_list *ret, struct kerr *reterr);

#endif
