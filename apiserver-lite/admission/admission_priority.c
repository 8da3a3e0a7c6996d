/*
 * Priority (plugin/pkg/admission/priority): pods and groups of pods get the number and the preemption policy of the
 * PriorityClass that they name, or of the default one; and there is one default class.
 */
#include <inttypes.h>
#include <string.h>

#include "admission.h"
#include "object.h"

static const struct prioritized {
  const char *resource;
  const char *what;        /* in refusals */
  const char *gate;        /* NULL: always, as pods alone are */
  const char *policy_gate; /* of spec.preemptionPolicy; NULL: always */
} prioritized[] = {
  { "pods", "pod", NULL, NULL },
  { "podgroups", "pod group", "GenericWorkload", "PodGroupPreemptionPolicy" },
  { "compositepodgroups", "composite pod group", "CompositePodGroup", "PodGroupPreemptionPolicy" },
};

/* Several by a race: the least of them. *ret NULL: there is none. */
static int
default_class(struct rest_call *c, const struct json **ret, struct kerr *reterr)
{
  struct store_list list;

  *ret = NULL;
  if (admission_list(c, "scheduling.k8s.io", "v1", "priorityclasses", "", &list, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < list.n; i++) {
    const struct json *class = record_tree(list.items[i]);

    if (json_get_bool(class, "globalDefault", false) &&
        (!*ret || json_get_int(class, "value", 0) < json_get_int(*ret, "value", 0)))
      *ret = class;
  }
  return 0;
}

/* The class that `o` names, or the default one; *ret NULL: there is none to be taken. */
static int
class_of(struct rest_call *c, const struct json *o, const struct json **ret, struct kerr *reterr)
{
  const char *name = json_get_str_or(json_get(o, "spec"), "priorityClassName", "");

  if (!*name)
    return default_class(c, ret, reterr);
  *ret = admission_lookup(c, "scheduling.k8s.io", "v1", "priorityclasses", "", name);
  return *ret ? 0 : admission_forbid(c, o, arena_printf(c->a, "no PriorityClass with name %s was found", name), reterr);
}

static const char *
other_priority(struct arena *a, const struct prioritized *p, int64_t given, int64_t computed)
{
  if (p->gate)
    return arena_printf(a,
                        "priority set in the %s (%" PRId64 ") must match the priority computed (%" PRId64
                        ") based on the priority class set in the spec",
                        p->what, given, computed);
  return arena_printf(a,
                      "the integer value of priority (%" PRId64
                      ") must not be provided in %s spec; priority admission controller computed %" PRId64
                      " from the given PriorityClass name",
                      given, p->what, computed);
}

/* What a new object says itself has to be what its class says. */
static int
check_given(struct rest_call *c, const struct prioritized *p, const struct json *o, int64_t priority,
            const char *policy, struct kerr *reterr)
{
  const struct json *spec = json_get(o, "spec"), *number = json_get(spec, "priority");
  const char *given = json_get_str(spec, "preemptionPolicy");

  if (json_is(number, JSON_INT) && number->u.integer != priority)
    return admission_forbid(c, o, other_priority(c->a, p, number->u.integer, priority), reterr);
  if (policy && given && strcmp(given, policy) != 0)
    return admission_forbid(
        c, o,
        arena_printf(c->a,
                     "the string value of PreemptionPolicy (%s) must not be provided in %s spec; priority admission "
                     "controller computed %s from the given PriorityClass name",
                     given, p->what, policy),
        reterr);
  return 0;
}

static int
give_priority(struct rest_call *c, const struct prioritized *p, struct json *o, struct kerr *reterr)
{
  bool policies = !p->policy_gate || personality_gate(c->personality, p->policy_gate);
  struct json *spec = json_ensure_object(c->a, o, "spec");
  const char *policy;
  const struct json *class;
  int64_t priority;

  if (class_of(c, o, &class, reterr) < 0)
    return -(int)reterr->code;
  priority = json_get_int(class, "value", 0);
  policy = policies ? json_get_str_or(class, "preemptionPolicy", "PreemptLowerPriority") : NULL;
  if (check_given(c, p, o, priority, policy, reterr) < 0)
    return -(int)reterr->code;
  if (class)
    json_set_str(c->a, spec, "priorityClassName", object_name(class));
  json_set_int(c->a, spec, "priority", priority);
  if (policy)
    json_set_str(c->a, spec, "preemptionPolicy", policy);
  c->reshape = true;
  return 0;
}

/* An update of a pod may leave out what the server has set. */
static void
keep_priority(struct rest_call *c, struct json *o, const struct json *old)
{
  static const char *const kept[] = { "priority", "preemptionPolicy" };
  struct json *spec = json_ensure_object(c->a, o, "spec");

  for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
    const struct json *was = json_dig(old, "spec", kept[i], NULL);

    if (was && !json_get(spec, kept[i]))
      json_set(c->a, spec, kept[i], json_copy(c->a, was));
  }
  c->reshape = true;
}

static int
priority_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct prioritized *p = prioritized;

  while (p < prioritized + ARRAY_SIZE(prioritized) && strcmp(p->resource, c->info.resource) != 0)
    p++;
  if (p == prioritized + ARRAY_SIZE(prioritized) || *c->info.subresource)
    return 0;
  if (old) {
    if (p == prioritized)
      keep_priority(c, o, old);
    return 0;
  }
  return p->gate && !personality_gate(c->personality, p->gate) ? 0 : give_priority(c, p, o, reterr);
}

static int
priority_validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *class;

  if (strcmp(c->info.resource, "priorityclasses") != 0 || *c->info.subresource ||
      !json_get_bool(o, "globalDefault", false))
    return 0;
  if (default_class(c, &class, reterr) < 0)
    return -(int)reterr->code;
  if (!class || (old && strcmp(object_name(class), object_name(o)) == 0))
    return 0;
  return admission_forbid(c, o,
                          arena_printf(c->a,
                                       "PriorityClass %s is already marked as default. Only one default can exist",
                                       object_name(class)),
                          reterr);
}

static const struct admission_target targets[] = { { "", "pods" },
                                                   { "scheduling.k8s.io", "podgroups" },
                                                   { "scheduling.k8s.io", "compositepodgroups" },
                                                   { "scheduling.k8s.io", "priorityclasses" },
                                                   { NULL, NULL } };

const struct admission_plugin admission_priority = {
  .name = "Priority",
  .targets = targets,
  .mutate = priority_mutate,
  .validate = priority_validate,
};
