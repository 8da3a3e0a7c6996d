/* Pods (pkg/registry/core/pod/strategy.go). */
#include <string.h>

#include "object.h"
#include "pod.h"
#include "rest_delete.h"
#include "rest_meta.h"
#include "strategy.h"

/* -- creating, updating -- */

static void
hold_for_gates(struct rest_call *c, const struct json *spec, struct json *status)
{
  struct json *list, *condition;

  if (!json_count(json_get(spec, "schedulingGates")))
    return;
  list = json_ensure_array(c->a, status, "conditions");
  condition = json_append(c->a, list, json_new_object(c->a));
  json_set_str(c->a, condition, "type", "PodScheduled");
  json_set_str(c->a, condition, "status", "False");
  json_set(c->a, condition, "lastProbeTime", json_new_null(c->a));
  json_set_str(c->a, condition, "lastTransitionTime", rest_time(c->a, c->now));
  json_set_str(c->a, condition, "reason", "SchedulingGated");
  json_set_str(c->a, condition, "message", "Scheduling is blocked due to non-empty scheduling gates");
}

static int
prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  const struct json *spec = json_get(o, "spec");
  struct json *status = json_set(c->a, o, "status", json_new_object(c->a));

  (void)reterr;
  json_set_str(c->a, status, "phase", "Pending");
  json_set_str(c->a, status, "qosClass", pod_qos_class(spec));
  hold_for_gates(c, spec, status);
  json_set_int(c->a, rest_meta_edit(c->a, o), "generation", 1);
  c->reshape = true;
  return 0;
}

/* What an old kubelet, or another client that knows less, leaves out of a status stays as it was. */
static void
keep_member(struct arena *a, struct json *o, const struct json *old, const char *name)
{
  const struct json *now = json_get(o, name), *was = json_get(old, name);

  if (was && (!now || json_is(now, JSON_NULL) || (json_is(now, JSON_STRING) && !*json_str(now))))
    json_set(a, o, name, json_copy(a, was));
}

static void
keep_generation(struct arena *a, struct json *o, const struct json *old)
{
  int64_t was = json_get_int(old, "observedGeneration", 0);

  if (was && !json_get_int(o, "observedGeneration", 0))
    json_set_int(a, o, "observedGeneration", was);
}

/* Of the old conditions of a type each is for one of the new, in their order: a type may be there twice. */
static void
keep_generations(struct arena *a, struct json *status, const struct json *old)
{
  const struct json *before = json_get(old, "conditions");
  struct json *now = json_find(status, "conditions");
  bool *taken = arena_array_of(a, bool, json_count(before) + 1);

  keep_generation(a, status, old);
  for (size_t i = 0; i < json_count(now); i++) {
    const char *type = json_get_str_or(json_at(now, i), "type", "");
    size_t k = 0;

    while (k < json_count(before) && (taken[k] || strcmp(json_get_str_or(json_at(before, k), "type", ""), type) != 0))
      k++;
    if (k == json_count(before))
      continue;
    taken[k] = true;
    keep_generation(a, json_item(now, i), json_at(before, k));
  }
}

/* podStatusStrategy.PrepareForUpdate */
static void
prepare_status(struct rest_call *c, struct json *o, const struct json *old)
{
  static const struct {
    const char *member;
    int since;
  } rows[] = {
    { "qosClass", 32 },
    { "resourceClaimStatuses", 37 },
    { "extendedResourceClaimStatus", 37 },
    { "nodeAllocatableResourceClaimStatuses", 37 },
  };
  const struct json *was = json_get(old, "status"), *owners = json_dig(old, "metadata", "ownerReferences", NULL);
  struct json *status = json_ensure_object(c->a, o, "status"), *meta = rest_meta_edit(c->a, o);
  int minor = personality_minor(c->personality);

  if (owners) /* old kubelets spoil them */
    json_set(c->a, meta, "ownerReferences", json_copy(c->a, owners));
  else
    json_remove(meta, "ownerReferences");
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (minor >= rows[i].since)
      keep_member(c->a, status, was, rows[i].member);
  if (minor >= 33)
    keep_generations(c->a, status, was);
}

static int
prepare_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  (void)reterr;
  if (strcmp(c->info.subresource, "status") == 0)
    prepare_status(c, o, old);
  return 0;
}

/* -- deleting: a pod that runs somewhere has time to end -- */

bool
strategy_graceful(const struct rest_call *c, const struct json *o, int64_t asked, int64_t *ret_grace)
{
  int64_t grace = asked;

  (void)c;
  if (grace < 0) {
    grace = json_int_or(json_dig(o, "spec", "terminationGracePeriodSeconds", NULL), 0);
    if (grace < 0)
      grace = 1;
  }
  if (!*json_get_str_or(json_get(o, "spec"), "nodeName", "") || pod_has_ended(o))
    grace = 0;
  *ret_grace = grace;
  return true;
}

const struct strategy strategy_pod = {
  .group = "",
  .kind = "Pod",
  .prepare_create = prepare_create,
  .prepare_update = prepare_update,
};
