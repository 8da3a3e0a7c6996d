/*
 * cel_authz - the authorizer of admission policies.
 *
 * authorizer.group("apps").resource("deployments").namespace("x").check("get")
 * builds a request step by step; check() asks whoever made the authorizer.
 */
#ifndef CEL_CEL_AUTHZ_H
#define CEL_CEL_AUTHZ_H

#include "cel_value.h"

/* A request as far as it has been built, or (CEL_DECISION) its answer. */
struct cel_authz {
  const struct cel_authorizer *authorizer;
  struct span user; /* of serviceAccount(): "system:serviceaccount:NS:NAME"; p NULL: the request's user */
  struct span path, group, resource, subresource, namespace, name, field_selector, label_selector;
  bool allowed;
  struct span reason, error;
};

struct cel_authorizer {
  /* Fills allowed, reason and error of *ret; the texts live as long as the arena. */
  void (*check)(const struct cel_authorizer *self, struct arena *a, const struct cel_authz *request, struct span verb,
                struct cel_authz *ret);
  const void *arg;
};

struct cel_value cel_of_authorizer(struct arena *a, const struct cel_authorizer *authorizer);
/* authorizer.requestResource */
struct cel_value cel_of_resource_check(struct arena *a, const struct cel_authorizer *authorizer, struct span group,
                                       struct span resource, struct span subresource, struct span namespace,
                                       struct span name);

#endif
