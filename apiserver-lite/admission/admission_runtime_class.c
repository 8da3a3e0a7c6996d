/* RuntimeClass (plugin/pkg/admission/runtimeclass): a pod costs what its class costs, and runs where its class does. */
#include <string.h>

#include "admission.h"
#include "object.h"
#include "validate.h"

/* The class that the pod names; *ret NULL: it names none. KERR_FORBIDDEN: there is no such class. */
static int
class_of(struct rest_call *c, const struct json *pod, const struct json **ret, struct kerr *reterr)
{
  const char *name = json_get_str(json_get(pod, "spec"), "runtimeClassName");

  *ret = name ? admission_lookup(c, "node.k8s.io", "v1", "runtimeclasses", "", name) : NULL;
  if (!name || *ret)
    return 0;
  return admission_forbid(c, pod, arena_printf(c->a, "pod rejected: RuntimeClass \"%s\" not found", name), reterr);
}

static bool
same_overhead(const struct json *class, const struct json *spec)
{
  const struct json *wanted = json_dig(class, "overhead", "podFixed", NULL), *has = json_get(spec, "overhead");

  return json_count(wanted) == 0 ? json_count(has) == 0 : has && json_equal(wanted, has);
}

static int
set_overhead(struct rest_call *c, struct json *spec, const struct json *pod, const struct json *class,
             struct kerr *reterr)
{
  const struct json *fixed = json_dig(class, "overhead", "podFixed", NULL);

  if (!json_get(class, "overhead"))
    return 0;
  if (json_count(json_get(spec, "overhead")) && !same_overhead(class, spec))
    return admission_forbid(c, pod, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
                            reterr);
  if (json_count(fixed))
    json_set(c->a, spec, "overhead", json_copy(c->a, fixed));
  return 0;
}

static int
set_node_selector(struct rest_call *c, struct json *spec, const struct json *pod, const struct json *wanted,
                  struct kerr *reterr)
{
  for (json_each_member (m, wanted)) {
    const char *has = json_get_str(json_get(spec, "nodeSelector"), m->name), *wants = json_str(m->value);

    if (has && strcmp(has, wants) != 0)
      return admission_forbid(
          c, pod,
          arena_printf(c->a, "conflict: runtimeClass.scheduling.nodeSelector[%s] = %s; pod.spec.nodeSelector[%s] = %s",
                       m->name, wants, m->name, has),
          reterr);
    json_set_str(c->a, json_ensure_object(c->a, spec, "nodeSelector"), m->name, wants);
  }
  return 0;
}

/* Does `wide` tolerate all that `narrow` does? (pkg/util/tolerations, isSuperset) */
static bool
covers(const struct json *wide, const struct json *narrow)
{
  const char *key = json_get_str_or(wide, "key", ""), *op = json_get_str_or(wide, "operator", "");
  const char *effect = json_get_str_or(wide, "effect", "");
  const struct json *seconds = json_get(wide, "tolerationSeconds"), *theirs = json_get(narrow, "tolerationSeconds");
  bool exists = strcmp(op, "Exists") == 0;

  if (json_equal(wide, narrow))
    return true;
  if (strcmp(key, json_get_str_or(narrow, "key", "")) != 0 && (*key || !exists))
    return false;
  if (*effect && strcmp(effect, json_get_str_or(narrow, "effect", "")) != 0)
    return false;
  if (strcmp(effect, "NoExecute") == 0 && seconds && (!theirs || json_int_or(theirs, 0) > json_int_or(seconds, 0)))
    return false;
  if (exists)
    return true;
  return (!*op || strcmp(op, "Equal") == 0) &&
         strcmp(json_get_str_or(wide, "value", ""), json_get_str_or(narrow, "value", "")) == 0 &&
         strcmp(json_get_str_or(narrow, "operator", ""), "Exists") != 0;
}

/* Both lists, without what another one covers. */
static void
merge_tolerations(struct rest_call *c, struct json *spec, const struct json *more)
{
  struct json *all = json_new_array(c->a), *merged = json_new_array(c->a);

  for (json_each_item (t, json_get(spec, "tolerations")))
    json_append(c->a, all, *t);
  for (json_each_item (t, more))
    json_append(c->a, all, *t);
  for (size_t i = 0; i < json_count(all); i++) {
    struct json *t = json_item(all, i);
    bool needless = false;

    for (json_each_item (other, merged))
      needless = needless || covers(*other, t);
    for (size_t j = i + 1; j < json_count(all); j++)
      needless = needless || (!json_equal(json_at(all, j), t) && covers(json_at(all, j), t));
    if (!needless)
      json_append(c->a, merged, t);
  }
  if (json_count(merged))
    json_set(c->a, spec, "tolerations", json_copy(c->a, merged));
}

static int
mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *class, *scheduling;
  struct json *spec;

  if (old || *c->info.subresource)
    return 0;
  if (class_of(c, o, &class, reterr) < 0)
    return -(int)reterr->code;
  if (!class)
    return 0;
  spec = json_set(c->a, o, "spec", json_copy(c->a, json_get(o, "spec")));
  if (set_overhead(c, spec, o, class, reterr) < 0)
    return -(int)reterr->code;
  c->reshape = true;
  scheduling = json_get(class, "scheduling");
  if (!scheduling)
    return 0;
  if (set_node_selector(c, spec, o, json_get(scheduling, "nodeSelector"), reterr) < 0)
    return -(int)reterr->code;
  merge_tolerations(c, spec, json_get(scheduling, "tolerations"));
  return 0;
}

static int
validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *class, *spec = json_get(o, "spec");

  if (old || *c->info.subresource)
    return 0;
  if (class_of(c, o, &class, reterr) < 0)
    return -(int)reterr->code;
  if (json_get(class, "overhead"))
    return same_overhead(class, spec)
               ? 0
               : admission_forbid(c, o, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
                                  reterr);
  if (json_get(spec, "overhead"))
    return admission_forbid(c, o, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
                            reterr);
  return 0;
}

const struct admission_plugin admission_runtime_class = {
  .name = "RuntimeClass",
  .targets = admission_pods,
  .mutate = mutate,
  .validate = validate,
};
