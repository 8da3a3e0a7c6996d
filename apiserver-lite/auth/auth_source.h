/*
 * auth_source - the stored objects that authentication and authorization look at.
 *
 * The REST layer implements it over the store. Objects are in their storage
 * version and read-only.
 */
#ifndef APISERVER_AUTH_SOURCE_H
#define APISERVER_AUTH_SOURCE_H

#include "json.h"

struct auth_source;
struct auth_source_ops {
  /*
   * The object, or NULL when there is none or it cannot be read. Valid as long as `a`. `resource`: "serviceaccounts",
   * "secrets", "pods", "nodes", "persistentvolumeclaims", "persistentvolumes", "volumeattachments", "resourceclaims",
   * "resourceslices", "podcertificaterequests", "services", "endpointslices", "roles", "rolebindings", "clusterroles"
   * or "clusterrolebindings". `ns` is "" for what has no namespace.
   */
  const struct json *(*get)(struct auth_source *s, struct arena *a, const char *resource, const char *ns,
                            const char *name);
  /* All objects of a namespace, or of all ("") in order of keys; returns how many. The list is in the arena. */
  size_t (*list)(struct auth_source *s, struct arena *a, const char *resource, const char *ns,
                 const struct json *const **ret);
};

struct auth_source {
  const struct auth_source_ops *ops;
};

#endif
