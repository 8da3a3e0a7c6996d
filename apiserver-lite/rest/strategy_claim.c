/*
 * ResourceClaim status: who may write which part of it (KEP-4817, DRAResourceClaimGranularStatusAuthorization).
 *
 * Beside update of resourceclaims/status, allocation and reservedFor need the
 * virtual resource resourceclaims/binding, cluster-wide, and the devices of a
 * driver need resourceclaims/driver named like it, with a verb that says
 * whether the writer sits on the node of the claim.
 */
#include <stdlib.h>
#include <string.h>

#include "apiserver_internal.h"
#include "object.h"
#include "rest_access.h"
#include "strategy.h"

static const struct json *
status_of(const struct json *o, const char *name)
{
  return json_dig(o, "status", name, NULL);
}

static bool
differs(const struct json *x, const struct json *y)
{
  if (!json_count(x) && !json_count(y) && !json_is(x, JSON_OBJECT) && !json_is(y, JSON_OBJECT))
    return false;
  return !x || !y || !json_equal(x, y);
}

static void
check_binding(struct rest_call *c, struct field_errors *errs)
{
  struct access_question q = { .verb = c->info.verb,
                               .group = "resource.k8s.io",
                               .resource = "resourceclaims",
                               .subresource = "binding",
                               .name = "",
                               .ns = "" };
  const char *why;

  if (rest_may(c, &q, &why))
    return;
  field_errors_add(errs, FIELD_FORBIDDEN, "status.allocation", NULL,
                   "changing status.allocation or status.reservedFor requires resource=\"resourceclaims/binding\", "
                   "verb=\"%s\" permission: %s",
                   c->info.verb, why);
}

/* The node of a service account's token, when the claim is bound to that node alone. */
static bool
on_same_node(const struct rest_call *c, const struct json *o)
{
  const struct json *extra = c->user ? json_get(c->user->extra, "authentication.kubernetes.io/node-name") : NULL;
  const char *node = json_str(json_at(extra, 0));
  const struct json *terms = json_dig(o, "status", "allocation", "nodeSelector", "nodeSelectorTerms", NULL);
  const struct json *fields = json_get(json_at(terms, 0), "matchFields"), *one = json_at(fields, 0);

  if (!node || !c->user || strncmp(c->user->name, "system:serviceaccount:", 22) != 0)
    return false;
  return json_count(terms) == 1 && json_count(fields) == 1 &&
         !json_count(json_get(json_at(terms, 0), "matchExpressions")) &&
         strcmp(json_get_str_or(one, "key", ""), "metadata.name") == 0 &&
         strcmp(json_get_str_or(one, "operator", ""), "In") == 0 && json_count(json_get(one, "values")) == 1 &&
         strcmp(json_str(json_at(json_get(one, "values"), 0)), node) == 0;
}

static void
check_driver(struct rest_call *c, const struct json *o, const char *driver, struct field_errors *errs)
{
  const char *verbs[2], *first_why = NULL, *why, *tried = "";
  size_t n = 0;

  if (on_same_node(c, o))
    verbs[n++] = arena_printf(c->a, "associated-node:%s", c->info.verb);
  verbs[n++] = arena_printf(c->a, "arbitrary-node:%s", c->info.verb);
  for (size_t i = 0; i < n; i++) {
    struct access_question q = { .verb = verbs[i],
                                 .group = "resource.k8s.io",
                                 .resource = "resourceclaims",
                                 .subresource = "driver",
                                 .name = driver,
                                 .ns = c->info.namespace_ };

    if (rest_may(c, &q, &why))
      return;
    if (!first_why)
      first_why = why;
    tried = arena_printf(c->a, "%s%s%s", tried, i ? " " : "", verbs[i]);
  }
  field_errors_add(errs, FIELD_FORBIDDEN, "status.devices", NULL,
                   "changing status.devices requires resource=\"resourceclaims/driver\", verb=\"[%s]\" permission: %s",
                   tried, first_why);
}

static bool
same_device(const struct json *x, const struct json *y)
{
  static const char *const keys[] = { "driver", "pool", "device", "shareID" };

  for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
    if (strcmp(json_get_str_or(x, keys[i], ""), json_get_str_or(y, keys[i], "")) != 0)
      return false;
  return true;
}

static void
collect_changed(const struct json *list, const struct json *other, const char **drivers, size_t *n, size_t max)
{
  for (json_each_item (d, list)) {
    bool same = false;

    for (json_each_item (e, other))
      same = same || (same_device(*d, *e) && json_equal(*d, *e));
    if (!same && *n < max)
      drivers[(*n)++] = json_get_str_or(*d, "driver", "");
  }
}

static void
check_devices(struct rest_call *c, const struct json *o, const struct json *now, const struct json *before,
              struct field_errors *errs)
{
  size_t max = json_count(now) + json_count(before), n = 0;
  const char **drivers = arena_array_of(c->a, const char *, max + 1);

  collect_changed(now, before, drivers, &n, max);
  collect_changed(before, now, drivers, &n, max);
  qsort(drivers, n, sizeof drivers[0], text_order);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || strcmp(drivers[i], drivers[i - 1]) != 0)
      check_driver(c, o, drivers[i], errs);
}

static int
check_update(struct rest_call *c, const struct json *o, const struct json *old, struct field_errors *errs,
             struct kerr *reterr)
{
  (void)reterr;
  if (strcmp(c->info.subresource, "status") != 0 ||
      !personality_gate(c->personality, "DRAResourceClaimGranularStatusAuthorization"))
    return 0;
  if (differs(status_of(o, "allocation"), status_of(old, "allocation")) ||
      differs(status_of(o, "reservedFor"), status_of(old, "reservedFor")))
    check_binding(c, errs);
  check_devices(c, o, status_of(o, "devices"), status_of(old, "devices"), errs);
  return 0;
}

const struct strategy strategy_claim = {
  .group = "resource.k8s.io",
  .kind = "ResourceClaim",
  .check_update = check_update,
};
