/* amounts - named quantities: what a pod or another object asks for, for limits and quotas. */
#ifndef API_AMOUNTS_H
#define API_AMOUNTS_H

#include "json.h"
#include "quantity.h"

#define AMOUNTS_MAX 256 /* names; further ones are left out */

struct amount {
  const char *name;
  struct quantity amount;
};

struct amounts {
  struct amount list[AMOUNTS_MAX];
  size_t n;
};

struct amount *amounts_find(struct amounts *u, const char *name); /* NULL: there is none */
void amounts_add(struct amounts *u, const char *name, const struct quantity *amount);
void amounts_add_int(struct amounts *u, const char *name, int64_t v);
/* A ResourceList. Names are borrowed from it. */
void amounts_add_all(struct amounts *u, const struct json *list);
/* One of a ResourceList; false when it is not there. */
bool amounts_read(const struct json *list, const char *name, struct quantity *ret);

/*
 * What a pod's spec asks for (component-helpers resource.PodRequests and PodLimits). `which`: "requests" or "limits".
 * Containers together, but at least what the largest of the init containers needs beside the sidecars that run by then;
 * what is said for the pod as a whole counts instead. `overhead`: with that of its runtime class.
 */
void amounts_of_pod(const struct json *spec, const char *which, bool overhead, struct amounts *ret);

#endif
