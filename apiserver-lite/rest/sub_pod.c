/* pods/binding and pods/eviction (pkg/registry/core/pod/storage). */
#include <string.h>

#include "admission_chain.h"
#include "apiserver_internal.h"
#include "object.h"
#include "rest_delete.h"
#include "rest_meta.h"
#include "rest_subresource.h"
#include "rest_write.h"
#include "strategy.h"
#include "validate_format.h"

static int
answer_success(struct rest_call *c)
{
  struct json *status = json_new_object(c->a);

  json_set_str(c->a, status, "kind", "Status");
  json_set_str(c->a, status, "apiVersion", "v1");
  json_set(c->a, status, "metadata", json_new_object(c->a));
  json_set_str(c->a, status, "status", "Success");
  json_set_int(c->a, status, "code", 201);
  rest_answer_status(c, 201, status);
  return 0;
}

/* -- binding -- */

/* Merge `more` into the map `name` of the pod's metadata. */
static void
merge_map(struct arena *a, struct json *meta, const char *name, const struct json *more)
{
  struct json *map = json_find(meta, name);

  if (!json_count(more))
    return;
  map = json_set(a, meta, name, map ? json_shallow(a, map) : json_new_object(a));
  for (json_each_member (m, more))
    json_set_n(a, map, m->name, m->name_len, json_copy(a, m->value));
  json_sort_members(map);
}

static const char *
bind_problem(struct rest_call *c, const struct json *pod)
{
  const char *node = json_get_str_or(json_get(pod, "spec"), "nodeName", "");

  if (object_is_deleting(pod))
    return arena_printf(c->a, "pod %s is being deleted, cannot be assigned to a host", object_name(pod));
  if (*node)
    return arena_printf(c->a, "pod %s is already assigned to node \"%s\"", object_name(pod), node);
  if (json_count(json_dig(pod, "spec", "schedulingGates", NULL)))
    return arena_printf(c->a, "pod %s has non-empty .spec.schedulingGates", object_name(pod));
  return NULL;
}

static void
mark_scheduled(struct rest_call *c, struct json *o)
{
  struct json *status = json_find(o, "status"), *condition;

  status = json_set(c->a, o, "status", status ? json_copy(c->a, status) : json_new_object(c->a));
  json_remove(status, "nominatedNodeName");
  (void)object_set_condition(c->a, o, "PodScheduled", "True", "", "", c->now);
  for (size_t i = 0; i < json_count(json_get(status, "conditions")); i++) {
    condition = json_item(json_find(status, "conditions"), i);
    if (strcmp(json_get_str_or(condition, "type", ""), "PodScheduled") != 0)
      continue;
    json_remove(condition, "reason");
    json_remove(condition, "message");
    json_set(c->a, condition, "lastProbeTime", json_new_null(c->a));
  }
}

static int
bind(struct rest_call *c, void *payload, const struct json *old, struct json **ret, struct kerr *reterr)
{
  const struct json *binding = payload;
  const char *problem = bind_problem(c, old), *uid = object_uid(binding), *rv = object_resource_version(binding);
  struct json *o = json_shallow(c->a, old), *meta = rest_meta_edit(c->a, o), *spec;

  if (*uid && strcmp(uid, object_uid(old)) != 0)
    return rest_conflict_stored(c, object_name(old), "UID", uid, object_uid(old), reterr);
  if (*rv && strcmp(rv, object_resource_version(old)) != 0)
    return rest_conflict_stored(c, object_name(old), "ResourceVersion", rv, object_resource_version(old), reterr);
  if (problem)
    return rest_conflict_of(c, "", "pods/binding", object_name(old), problem, reterr);
  spec = json_set(c->a, o, "spec", json_shallow(c->a, json_get(old, "spec")));
  json_set_str(c->a, spec, "nodeName", json_get_str_or(json_get(binding, "target"), "name", ""));
  merge_map(c->a, meta, "annotations", object_annotations(binding));
  merge_map(c->a, meta, "labels", object_labels(binding));
  strategy_pod_drop_annotations(c->a, meta);
  mark_scheduled(c, o);
  c->reshape = true;
  *ret = o;
  return 0;
}

static int
check_binding(struct rest_call *c, const struct json *binding, struct kerr *reterr)
{
  const struct json *target = json_get(binding, "target");
  const char *kind = json_get_str_or(target, "kind", ""), *name = json_get_str_or(target, "name", "");
  const char *problems[TEXT_PROBLEMS_MAX];
  struct field_errors errs = { .a = c->a };
  size_t n = 0;

  if (*kind && strcmp(kind, "Node") != 0)
    field_errors_add(&errs, FIELD_NOT_SUPPORTED, "target.kind", arena_printf(c->a, "\"%s\"", kind),
                     "supported values: \"Node\", \"<empty>\"");
  if (!*name)
    field_errors_add(&errs, FIELD_REQUIRED, "target.name", NULL, "%s", "");
  else if (!*kind || strcmp(kind, "Node") == 0)
    n = text_check(c->a, TEXT_DNS_SUBDOMAIN, span_of(name), problems);
  for (size_t i = 0; i < n; i++)
    field_errors_add(&errs, FIELD_INVALID, "target.name", arena_printf(c->a, "\"%s\"", name), "%s", problems[i]);
  return errs.n ? kerr_set(reterr, KERR_INTERNAL, NULL, "%s", field_errors_text(c->a, &errs)) : 0;
}

/* NamespaceKeyFunc, of a name that no path has held */
static int
check_bound_name(struct rest_call *c, const char *name, struct kerr *reterr)
{
  const char *problems[TEXT_PROBLEMS_MAX], *text = "";
  size_t n = text_check(c->a, TEXT_PATH_SEGMENT, span_of(name), problems);

  if (!*name)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "Name parameter required.");
  for (size_t i = 0; i < n; i++)
    text = arena_printf(c->a, "%s%s%s", text, *text ? ";" : "", problems[i]);
  return n ? kerr_set(reterr, KERR_BAD_REQUEST, NULL, "Name parameter invalid: \"%s\": %s", name, text) : 0;
}

int
sub_binding(struct rest_call *c, struct kerr *reterr)
{
  const struct kind *binding_kind = rest_kind(c, "", "v1", "Binding");
  const struct kind_resource *pods = kind_resource_find(c->personality, "", "v1", "pods");
  _cleanup_record_ struct record *r = NULL;
  struct json *binding = NULL;
  bool created;

  if (rest_write_options(c, "CreateOptions", false, reterr) < 0 || rest_body_of(c, binding_kind, &binding, reterr) < 0)
    return -(int)reterr->code;
  if (!binding)
    binding = json_new_object(c->a);
  if (!*c->info.name)
    c->info.name = object_name(binding);
  if (strcmp(c->info.name, object_name(binding)) != 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "name in URL does not match name in Binding object");
  if (check_binding(c, binding, reterr) < 0 || admission_of_kind(c, binding_kind, binding, NULL, reterr) < 0 ||
      check_bound_name(c, c->info.name, reterr) < 0)
    return -(int)reterr->code;
  c->res = pods;
  c->kind = c->stored = pods->of;
  c->info.resource = "pods";
  c->info.subresource = "binding";
  if (rest_store_update(c, c->info.name, REST_UNCONDITIONAL | REST_UNCHECKED, bind, binding, &r, &created, reterr) < 0)
    return -(int)reterr->code;
  return answer_success(c);
}

/* -- eviction: a deletion that disruption budgets may refuse -- */

static int
check_budgets(struct rest_call *c, const struct json *pod, struct kerr *reterr)
{
  const struct kind_resource *budgets = kind_resource_find(c->personality, "policy", "v1", "poddisruptionbudgets");
  struct store_list list = { .items = NULL };
  struct store_range range = { .limit = 0 };
  int r = 0;

  if (!budgets)
    return 0;
  range.prefix = rest_prefix(c->a, budgets, c->info.namespace_);
  if (store_list(c->s->store, &range, &list, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < list.n && r == 0; i++) {
    const struct json *b = record_tree(list.items[i]);
    struct label_selector *sel;

    if (label_selector_from_json(c->a, json_dig(b, "spec", "selector", NULL), &sel, reterr) < 0) {
      r = -(int)reterr->code;
    } else if (label_selector_matches(sel, object_labels(pod)) &&
               json_int_or(json_dig(b, "status", "disruptionsAllowed", NULL), 0) <= 0) {
      _cleanup_kerr_ struct kerr err = KERR_INIT;
      static const struct status_subject nobody;
      struct json *cause = json_new_object(c->a), *details;

      (void)kerr_set(&err, KERR_TOO_MANY_REQUESTS, NULL,
                     "Cannot evict pod as it would violate the pod's disruption budget.");
      c->refusal = status_from_kerr(c->a, &err, &nobody, 0);
      json_set_str(c->a, cause, "reason", "DisruptionBudget");
      json_set_str(
          c->a, cause, "message",
          arena_printf(c->a, "The disruption budget %s needs more healthy pods than there are", object_name(b)));
      details = json_ensure_object(c->a, c->refusal, "details");
      json_append(c->a, json_ensure_array(c->a, details, "causes"), cause);
      r = kerr_move(reterr, &err);
    }
  }
  store_list_release(&list);
  return r;
}

int
sub_eviction(struct rest_call *c, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "policy", "v1", "Eviction");
  struct delete_options opts = { .grace = -1, .orphan = -1 };
  _cleanup_record_ struct record *pod = NULL, *gone = NULL;
  struct json *eviction = NULL;
  const struct json *asked;
  bool deleted;

  if (rest_write_options(c, "CreateOptions", false, reterr) < 0 || rest_body_of(c, k, &eviction, reterr) < 0 ||
      rest_load(c, c->info.name, &pod, reterr) < 0)
    return -(int)reterr->code;
  if (!eviction)
    eviction = json_new_object(c->a);
  else if (strcmp(object_name(eviction), c->info.name) != 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "name in URL does not match name in Eviction object");
  if (admission_of_kind(c, k, eviction, NULL, reterr) < 0)
    return -(int)reterr->code;
  asked = json_get(eviction, "deleteOptions");
  opts.grace = json_get_int(asked, "gracePeriodSeconds", -1);
  opts.uid = json_str(json_dig(asked, "preconditions", "uid", NULL));
  opts.resource_version = json_str(json_dig(asked, "preconditions", "resourceVersion", NULL));
  if (json_count(json_get(asked, "dryRun")))
    c->dry_run = true;
  if (check_budgets(c, record_tree(pod), reterr) < 0)
    return -(int)reterr->code;
  c->info.subresource = "";
  if (rest_delete_one(c, c->info.name, &opts, &gone, &deleted, reterr) < 0)
    return -(int)reterr->code;
  return answer_success(c);
}
