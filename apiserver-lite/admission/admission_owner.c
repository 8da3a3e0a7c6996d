/*
 * OwnerReferencesPermissionEnforcement (plugin/pkg/admission/gc), off unless it is asked for: who changes the owners of
 * an object must be allowed to delete it, and who lets it hold up an owner's deletion must be allowed to set the
 * owner's finalizers.
 */
#include <string.h>

#include "admission.h"
#include "object.h"
#include "rest_access.h"

/* Upstream prints the authorizer's reason, which RBAC does not give, and an error that there is none of. */
#define NO_REASON ": , <nil>"

static const struct json *
owners_of(const struct json *o)
{
  return json_dig(o, "metadata", "ownerReferences", NULL);
}

static bool
blocks(const struct json *ref)
{
  return json_get_bool(ref, "blockOwnerDeletion", false);
}

/* Did the object hold up this owner before? */
static bool
blocked_before(const struct json *old, const struct json *ref)
{
  const char *uid = json_get_str_or(ref, "uid", "");
  const struct json *found = NULL;

  for (json_each_item (p, owners_of(old)))
    if (strcmp(json_get_str_or(*p, "uid", ""), uid) == 0)
      found = *p;
  return found && blocks(found);
}

static int
check_delete(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  const char *why;
  const struct access_question q = { .verb = "delete",
                                     .group = c->info.group,
                                     .resource = c->info.resource,
                                     .subresource = c->info.subresource,
                                     .name = c->info.name,
                                     .ns = c->info.namespace_ };

  if (rest_may(c, &q, &why))
    return 0;
  return admission_forbid(c, o, "cannot set an ownerRef on a resource you can't delete" NO_REASON, reterr);
}

/* Whoever may set the finalizers of anything need not be asked about each owner. */
static bool
may_finalize_anything(struct rest_call *c)
{
  static const struct access_question q = { "update", "*", "*", "finalizers", "*", "" };
  const char *why;

  return rest_may(c, &q, &why);
}

/* One collection that owners of this kind may be in. */
static int
check_finalize(struct rest_call *c, const struct json *o, const struct kind_resource *res, const char *owner,
               struct kerr *reterr)
{
  const char *why;
  const struct access_question q = { .verb = "update",
                                     .group = res->group,
                                     .resource = res->resource,
                                     .subresource = "finalizers",
                                     .name = owner,
                                     .ns = res->namespaced ? c->info.namespace_ : "" };

  if (rest_may(c, &q, &why))
    return 0;
  return admission_forbid(
      c, o,
      "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on" NO_REASON,
      reterr);
}

static int
check_owner(struct rest_call *c, const struct json *o, const struct json *ref, struct kerr *reterr)
{
  const char *api_version = json_get_str_or(ref, "apiVersion", ""), *kind = json_get_str_or(ref, "kind", "");
  const char *group = "", *version = "";
  const struct kind_resource *res;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  size_t cursor = 0, found = 0;

  if (gv_parse(c->a, api_version, &group, &version, &err) == 0)
    while ((res = served_next(&c->served, &cursor)))
      if (strcmp(res->kind, kind) == 0 && strcmp(res->group, group) == 0 && strcmp(res->version, version) == 0) {
        found++;
        if (check_finalize(c, o, res, json_get_str_or(ref, "name", ""), reterr) < 0)
          return -(int)reterr->code;
      }
  if (found)
    return 0;
  return admission_forbid(
      c, o,
      arena_printf(c->a,
                   "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for "
                   "APIVersion %s Kind %s: %s",
                   api_version, kind,
                   err.code ? err.msg
                            : arena_printf(c->a, "no matches for kind \"%s\" in version \"%s\"", kind, api_version)),
      reterr);
}

static int
owners_validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *now = owners_of(o), *before = old ? owners_of(old) : NULL;
  int asked = 0;

  /* The status of a pod cannot change its owners; old kubelets send them wrongly. */
  if ((strcmp(c->info.resource, "pods") == 0 && strcmp(c->info.subresource, "status") == 0) ||
      (json_count(now) == 0 && json_count(before) == 0) || json_equal(now, before))
    return 0;
  if (old && check_delete(c, o, reterr) < 0)
    return -(int)reterr->code;
  for (json_each_item (ref, now)) {
    if (!blocks(*ref) || blocked_before(old, *ref))
      continue;
    if (!asked++ && may_finalize_anything(c))
      return 0;
    if (check_owner(c, o, *ref, reterr) < 0)
      return -(int)reterr->code;
  }
  return 0;
}

const struct admission_plugin admission_owners = {
  .name = "OwnerReferencesPermissionEnforcement",
  .optional = true,
  .targets = admission_everything,
  .validate = owners_validate,
};
