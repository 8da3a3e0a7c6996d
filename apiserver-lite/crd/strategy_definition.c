/*
 * CustomResourceDefinitions when they are written: stored versions are kept, a deletion waits for the objects
 * (registry/customresourcedefinition: strategy.go, etcd.go).
 */
#include <string.h>

#include "admission_chain.h"
#include "apiserver_internal.h"
#include "crd_manager.h"
#include "object.h"
#include "rest_delete.h"
#include "rest_write.h"
#include "strategy.h"

/* The storage version is one of those in which objects may be stored. */
static void
note_stored_version(struct rest_call *c, struct json *o)
{
  struct json *status, *stored;
  const char *name = NULL;

  for (json_each_item (v, json_dig(o, "spec", "versions", NULL)))
    if (json_get_bool(*v, "storage", false) && !name)
      name = json_get_str_or(*v, "name", "");
  if (!name)
    return;
  status = json_find(o, "status");
  status = json_set(c->a, o, "status", status ? json_shallow(c->a, status) : json_new_object(c->a));
  stored = json_find(status, "storedVersions");
  stored = json_set(c->a, status, "storedVersions",
                    json_is(stored, JSON_ARRAY) ? json_shallow(c->a, stored) : json_new_array(c->a));
  for (json_each_item (p, stored))
    if (strcmp(json_str(*p), name) == 0)
      return;
  json_append_str(c->a, stored, name);
}

static int
prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  (void)reterr;
  note_stored_version(c, o);
  return 0;
}

static int
prepare_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  (void)old;
  (void)reterr;
  if (!*c->info.subresource)
    note_stored_version(c, o);
  return 0;
}

/* The first deletion only marks the definition; its manager goes on from there. */
static int
mark(struct rest_call *c, struct record *before, struct record **ret, struct kerr *reterr)
{
  struct json *o = json_copy(c->a, record_tree(before)), *meta = json_find(o, "metadata");

  json_set_str(c->a, meta, "deletionTimestamp", rest_time(c->a, c->now));
  if (!object_has_finalizer(o, CRD_FINALIZER))
    json_append_str(c->a, json_ensure_array(c->a, meta, "finalizers"), CRD_FINALIZER);
  (void)object_set_condition(c->a, o, "Terminating", "True", "InstanceDeletionPending",
                             "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
                             c->now);
  return rest_swap(c, before, o, ret, reterr);
}

static int
remove_definition(struct rest_call *c, struct record *before, const struct delete_options *opts, struct record **ret,
                  bool *ret_gone, struct kerr *reterr)
{
  const struct json *o = record_tree(before);

  *ret_gone = false;
  if (delete_options_check(c, opts, o, "precondition failed", reterr) < 0)
    return -(int)reterr->code;
  if (object_is_deleting(o))
    return STRATEGY_DEFAULT;
  if (admission_delete(c, o, reterr) < 0)
    return -(int)reterr->code;
  return mark(c, before, ret, reterr);
}

static void
written(struct rest_call *c)
{
  if (!crd_manager_is_own(c->s->crds, c->req))
    crd_manager_changed(c->s->crds);
}

const struct strategy strategy_definition = {
  .group = "apiextensions.k8s.io",
  .kind = "CustomResourceDefinition",
  .prepare_create = prepare_create,
  .prepare_update = prepare_update,
  .remove = remove_definition,
  .written = written,
};
