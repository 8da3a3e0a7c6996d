/* Namespaces live and die in phases (pkg/registry/core/namespace). */
#include <string.h>

#include "apiserver_internal.h"
#include "object.h"
#include "admission_chain.h"
#include "rest_delete.h"
#include "rest_meta.h"
#include "rest_write.h"
#include "strategy.h"

static void
label_with_name(struct rest_call *c, struct json *o)
{
  struct json *meta = rest_meta_edit(c->a, o), *labels = json_find(meta, "labels");

  labels = json_set(c->a, meta, "labels", labels ? json_shallow(c->a, labels) : json_new_object(c->a));
  json_set_str(c->a, labels, "kubernetes.io/metadata.name", object_name(o));
  json_sort_members(labels);
}

static int
prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  struct json *spec = json_find(o, "spec"), *list;
  struct json *status = json_set(c->a, o, "status", json_new_object(c->a));

  (void)reterr;
  json_set_str(c->a, status, "phase", "Active");
  spec = json_set(c->a, o, "spec", spec ? json_shallow(c->a, spec) : json_new_object(c->a));
  list = json_find(spec, "finalizers");
  list = json_set(c->a, spec, "finalizers", list ? json_shallow(c->a, list) : json_new_array(c->a));
  bool has = false;

  for (json_each_item (f, list))
    has = has || strcmp(json_str(*f), "kubernetes") == 0;
  if (!has)
    json_append_str(c->a, list, "kubernetes");
  label_with_name(c, o);
  c->reshape = true;
  return 0;
}

/* PUT of the namespace keeps spec.finalizers and status; /finalize changes only the former; /status only the latter. */
static int
prepare_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *old_spec = json_get(old, "spec"), *old_status = json_get(old, "status");
  bool finalize = strcmp(c->info.subresource, "finalize") == 0, status = strcmp(c->info.subresource, "status") == 0;

  (void)reterr;
  if (!finalize && old_spec)
    json_set(c->a, o, "spec", json_copy(c->a, old_spec));
  if (!status && old_status)
    json_set(c->a, o, "status", json_copy(c->a, old_status));
  label_with_name(c, o);
  c->reshape = true;
  return 0;
}

bool
strategy_may_end_deletion(const struct json *o)
{
  return strcmp(object_kind(o), "Namespace") != 0 || strcmp(object_api_version(o), "v1") != 0 ||
         json_count(json_dig(o, "spec", "finalizers", NULL)) == 0;
}

static int
store_terminating(struct rest_call *c, struct record *before, struct record **ret, struct kerr *reterr)
{
  struct json *o = json_shallow(c->a, record_tree(before)), *meta = rest_meta_edit(c->a, o), *status;

  json_set_str(c->a, meta, "deletionTimestamp", rest_time(c->a, c->now));
  status = json_find(o, "status");
  status = json_set(c->a, o, "status", status ? json_shallow(c->a, status) : json_new_object(c->a));
  json_set_str(c->a, status, "phase", "Terminating");
  return rest_swap(c, before, o, ret, reterr);
}

static int
remove_namespace(struct rest_call *c, struct record *before, const struct delete_options *opts, struct record **ret,
                 bool *ret_gone, struct kerr *reterr)
{
  const struct json *o = record_tree(before);

  *ret_gone = false;
  if (delete_options_check(c, opts, o, "Precondition failed", reterr) < 0)
    return -(int)reterr->code;
  if (object_is_deleting(o)) {
    if (json_count(json_dig(o, "spec", "finalizers", NULL)) == 0)
      return STRATEGY_DEFAULT;
    *ret = record_ref(before);
    return 0;
  }
  if (admission_delete(c, o, reterr) < 0)
    return -(int)reterr->code;
  return store_terminating(c, before, ret, reterr);
}

const struct strategy strategy_namespace = {
  .group = "",
  .kind = "Namespace",
  .prepare_create = prepare_create,
  .prepare_update = prepare_update,
  .remove = remove_namespace,
};
