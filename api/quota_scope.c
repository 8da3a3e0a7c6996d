#include "quota_scope.h"

#include <string.h>

/* -- scopes -- */

static bool
is_terminating(const struct json *spec)
{
  return json_get_int(spec, "activeDeadlineSeconds", -1) >= 0;
}

/* A term about pods of other namespaces, in one of the lists of an affinity; preferred ones are wrapped. */
static bool
looks_across(const struct json *affinity)
{
  static const char *const lists[] = { "requiredDuringSchedulingIgnoredDuringExecution",
                                       "preferredDuringSchedulingIgnoredDuringExecution" };

  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_item (t, json_get(affinity, lists[i]))) {
      const struct json *term = json_get(*t, "podAffinityTerm") ? json_get(*t, "podAffinityTerm") : *t;

      if (json_count(json_get(term, "namespaces")) || json_get(term, "namespaceSelector"))
        return true;
    }
  return false;
}

/* A selector of priority classes: {operator, values}. */
static bool
class_selected(const struct json *selector, const char *class)
{
  const char *op = json_get_str_or(selector, "operator", "Exists");
  bool listed = false;

  for (json_each_item (v, json_get(selector, "values")))
    listed = listed || strcmp(json_str(*v), class) == 0;
  if (strcmp(op, "In") == 0)
    return *class && listed;
  if (strcmp(op, "NotIn") == 0)
    return !*class || !listed;
  return strcmp(op, "DoesNotExist") == 0 ? !*class : *class != '\0';
}

/* One scope, by itself or with a selector (NULL: none). */
static bool
scope_matches(const char *scope, const struct json *selector, const struct json *pod)
{
  const struct json *spec = json_get(pod, "spec"), *affinity = json_get(spec, "affinity");
  bool best_effort = strcmp(json_get_str_or(json_get(pod, "status"), "qosClass", ""), "BestEffort") == 0;

  if (strcmp(scope, "Terminating") == 0)
    return is_terminating(spec);
  if (strcmp(scope, "NotTerminating") == 0)
    return !is_terminating(spec);
  if (strcmp(scope, "BestEffort") == 0)
    return best_effort;
  if (strcmp(scope, "NotBestEffort") == 0)
    return !best_effort;
  if (strcmp(scope, "PriorityClass") == 0)
    return class_selected(selector, json_get_str_or(spec, "priorityClassName", ""));
  if (strcmp(scope, "CrossNamespacePodAffinity") == 0)
    return looks_across(json_get(affinity, "podAffinity")) || looks_across(json_get(affinity, "podAntiAffinity"));
  return false;
}

bool
quota_in_scope(const struct json *quota, const struct json *o, bool pod)
{
  const struct json *scopes = json_dig(quota, "spec", "scopes", NULL);
  const struct json *selectors = json_dig(quota, "spec", "scopeSelector", "matchExpressions", NULL);

  if (!pod)
    return !json_count(scopes) && !json_count(selectors);
  for (json_each_item (s, scopes))
    if (!scope_matches(json_str(*s), NULL, o))
      return false;
  for (json_each_item (s, selectors))
    if (!scope_matches(json_get_str_or(*s, "scopeName", ""), *s, o))
      return false;
  return true;
}

/* -- what has to be said -- */

static bool
container_says(const struct json *container, const char *list, const char *name)
{
  return json_get(json_dig(container, "resources", list, NULL), name) != NULL;
}

/* The containers that do not say it, sorted by name. */
static const char *
silent_containers(struct arena *a, const struct json *spec, const char *list, const char *name)
{
  static const char *const kinds[] = { "containers", "initContainers" };
  struct json *silent = json_new_object(a);
  const char *ret = "";

  for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
    for (json_each_item (c, json_get(spec, kinds[i])))
      if (!container_says(*c, list, name))
        json_set(a, silent, json_get_str_or(*c, "name", ""), json_new_null(a));
  json_sort_members(silent);
  for (json_each_member (m, silent))
    ret = arena_printf(a, "%s%s%s", ret, *ret ? "," : "", m->name);
  return ret;
}

const char *
quota_left_open(struct arena *a, const struct json *quota, const struct json *pod)
{
  static const struct {
    const char *limited, *list, *name; /* what a quota limits, and what a container says to it */
  } rows[] = { { "cpu", "requests", "cpu" },
               { "limits.cpu", "limits", "cpu" },
               { "limits.memory", "limits", "memory" },
               { "memory", "requests", "memory" },
               { "requests.cpu", "requests", "cpu" },
               { "requests.memory", "requests", "memory" } };
  const struct json *hard = json_dig(quota, "status", "hard", NULL), *spec = json_get(pod, "spec");
  const char *ret = "";

  if (json_get(spec, "resources"))
    return ret; /* said for the pod as a whole */
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const char *who = json_get(hard, rows[i].limited) ? silent_containers(a, spec, rows[i].list, rows[i].name) : "";

    if (*who)
      ret = arena_printf(a, "%s%s%s for: %s", ret, *ret ? "; " : "", rows[i].limited, who);
  }
  return ret;
}
