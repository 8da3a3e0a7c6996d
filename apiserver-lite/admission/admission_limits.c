/* LimitRanger (plugin/pkg/admission/limitranger): what a namespace's LimitRanges say of pods, containers and volumes.
 */
#include <string.h>

#include "admission.h"
#include "amounts.h"
#include "object.h"

#define ANNOTATION "kubernetes.io/limit-ranger"

/* -- defaults -- */

/* Set in `o`, a ResourceList, what `defaults` has and it has not; the names of what was set, sorted, as one text. */
static const char *
fill(struct arena *a, struct json *o, const struct json *defaults)
{
  const char *set = "";
  struct json *sorted;

  if (!json_count(defaults))
    return set;
  sorted = json_shallow(a, defaults);
  json_sort_members(sorted);
  for (json_each_member (m, sorted)) {
    if (json_get(o, m->name))
      continue;
    json_set(a, o, m->name, m->value);
    set = arena_printf(a, "%s%s%s", set, *set ? ", " : "", m->name);
  }
  return set;
}

/* The defaults of one LimitRange: later items win. */
static struct json *
defaults_of(struct arena *a, const struct json *range, const char *member)
{
  struct json *ret = json_new_object(a);

  for (json_each_item (limit, json_dig(range, "spec", "limits", NULL)))
    if (strcmp(json_get_str_or(*limit, "type", ""), "Container") == 0)
      for (json_each_member (m, json_get(*limit, member)))
        json_set(a, ret, m->name, m->value);
  return ret;
}

static const char *
fill_containers(struct arena *a, struct json *spec, const char *list, const char *kind, const struct json *range,
                const char *said)
{
  static const struct {
    const char *member, *from, *what;
  } rows[] = { { "requests", "defaultRequest", "request" }, { "limits", "default", "limit" } };
  struct json *containers = json_find(spec, list);

  for (size_t i = 0; i < json_count(containers); i++) {
    struct json *resources = json_ensure_object(a, json_item(containers, i), "resources");

    for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
      const struct json *defaults = defaults_of(a, range, rows[j].from);
      const char *set = json_count(defaults) ? fill(a, json_ensure_object(a, resources, rows[j].member), defaults) : "";

      if (*set)
        said = arena_printf(a, "%s%s%s %s for %s %s", said, *said ? "; " : "", set, rows[j].what, kind,
                            json_get_str_or(json_at(containers, i), "name", ""));
    }
  }
  return said;
}

static void
fill_pod(struct rest_call *c, struct json *o, const struct json *range)
{
  struct json *spec = json_find(o, "spec"), *meta;
  const char *said = fill_containers(c->a, spec, "containers", "container", range, "");

  said = fill_containers(c->a, spec, "initContainers", "init container", range, said);
  if (!*said)
    return;
  meta = json_ensure_object(c->a, o, "metadata");
  json_set_str(c->a, json_ensure_object(c->a, meta, "annotations"), ANNOTATION,
               arena_printf(c->a, "LimitRanger plugin set: %s", said));
}

/* -- limits -- */

/* What is wrong with an object, each complaint once. */
struct complaints {
  struct arena *a;
  struct json *list;
};

static void
complain(struct complaints *k, const char *text)
{
  for (json_each_item (t, k->list))
    if (strcmp(json_str(*t), text) == 0)
      return;
  json_append_str(k->a, k->list, text);
}

/* One resource of one thing against one line of a limit. */
struct bound {
  const char *type, *name; /* "Container", "cpu" */
  struct quantity enforced, request, limit;
  bool has_request, has_limit, only_requests; /* only_requests: volumes have no limits */
};

static const char *
below_or_above(struct arena *a, const struct bound *b, const char *extreme, const char *rest)
{
  return arena_printf(a, "%s %s usage per %s is %s%s", extreme, b->name, b->type, quantity_text(a, &b->enforced), rest);
}

static const char *
check_min(struct arena *a, const struct bound *b)
{
  if (!b->has_request)
    return below_or_above(a, b, "minimum", ".  No request is specified");
  if (quantity_cmp(&b->request, &b->enforced) < 0)
    return below_or_above(a, b, "minimum", arena_printf(a, ", but request is %s", quantity_text(a, &b->request)));
  if (b->has_limit && !b->only_requests && quantity_cmp(&b->limit, &b->enforced) < 0)
    return below_or_above(a, b, "minimum", arena_printf(a, ", but limit is %s", quantity_text(a, &b->limit)));
  return NULL;
}

static const char *
check_max(struct arena *a, const struct bound *b)
{
  if (b->only_requests && !b->has_request)
    return below_or_above(a, b, "maximum", ".  No request is specified");
  if (!b->only_requests && !b->has_limit)
    return below_or_above(a, b, "maximum", ".  No limit is specified");
  if (!b->only_requests && quantity_cmp(&b->limit, &b->enforced) > 0)
    return below_or_above(a, b, "maximum", arena_printf(a, ", but limit is %s", quantity_text(a, &b->limit)));
  if (b->has_request && quantity_cmp(&b->request, &b->enforced) > 0)
    return below_or_above(a, b, "maximum", arena_printf(a, ", but request is %s", quantity_text(a, &b->request)));
  return NULL;
}

static const char *
check_ratio(struct arena *a, const struct bound *b)
{
  double request = quantity_approx(&b->request), limit = quantity_approx(&b->limit);
  const char *about =
      arena_printf(a, "%s max limit to request ratio per %s is %s", b->name, b->type, quantity_text(a, &b->enforced));

  if (b->only_requests)
    return NULL;
  if (!b->has_request || quantity_sign(&b->request) == 0)
    return arena_printf(a, "%s, but no request is specified or request is 0", about);
  if (!b->has_limit || quantity_sign(&b->limit) == 0)
    return arena_printf(a, "%s, but no limit is specified or limit is 0", about);
  if (limit / request > quantity_approx(&b->enforced))
    return arena_printf(a, "%s, but provided ratio is %f", about, limit / request);
  return NULL;
}

/* Everything that `limit` says of a thing that asks for these amounts. */
static void
check_amounts(struct complaints *k, const struct json *limit, struct amounts *requests, struct amounts *limits)
{
  static const struct {
    const char *member;
    const char *(*check)(struct arena *a, const struct bound *b);
  } rows[] = { { "min", check_min }, { "max", check_max }, { "maxLimitRequestRatio", check_ratio } };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    for (json_each_member (m, json_get(limit, rows[i].member))) {
      struct bound b = { .type = json_get_str_or(limit, "type", ""), .name = m->name, .only_requests = !limits };
      struct amount *request = amounts_find(requests, m->name), *most = limits ? amounts_find(limits, m->name) : NULL;
      const char *text;

      if (!amounts_read(json_get(limit, rows[i].member), m->name, &b.enforced))
        continue;
      b.has_request = request != NULL;
      b.has_limit = most != NULL;
      if (request)
        b.request = request->amount;
      if (most)
        b.limit = most->amount;
      text = rows[i].check(k->a, &b);
      if (text)
        complain(k, text);
    }
}

static void
check_containers(struct complaints *k, const struct json *limit, const struct json *list)
{
  for (json_each_item (container, list)) {
    struct amounts requests = { .n = 0 }, limits = { .n = 0 };

    amounts_add_all(&requests, json_dig(*container, "resources", "requests", NULL));
    amounts_add_all(&limits, json_dig(*container, "resources", "limits", NULL));
    check_amounts(k, limit, &requests, &limits);
  }
}

static void
check_pod(struct complaints *k, const struct json *limit, const struct json *spec)
{
  const char *type = json_get_str_or(limit, "type", "");
  struct amounts requests = { .n = 0 }, limits = { .n = 0 };

  if (strcmp(type, "Container") == 0) {
    check_containers(k, limit, json_get(spec, "containers"));
    check_containers(k, limit, json_get(spec, "initContainers"));
  } else if (strcmp(type, "Pod") == 0) {
    amounts_of_pod(spec, "requests", false, &requests);
    amounts_of_pod(spec, "limits", false, &limits);
    check_amounts(k, limit, &requests, &limits);
  }
}

static void
check_volume(struct complaints *k, const struct json *limit, const struct json *spec)
{
  struct amounts requests = { .n = 0 };

  if (strcmp(json_get_str_or(limit, "type", ""), "PersistentVolumeClaim") != 0)
    return;
  amounts_add_all(&requests, json_dig(spec, "resources", "requests", NULL));
  check_amounts(k, limit, &requests, NULL);
}

/* As utilerrors.Aggregate prints them. */
static const char *
aggregate(struct complaints *k)
{
  const char *text = json_str(json_at(k->list, 0));

  for (size_t i = 1; i < json_count(k->list); i++)
    text = arena_printf(k->a, "%s, %s", text, json_str(json_at(k->list, i)));
  return json_count(k->list) > 1 ? arena_printf(k->a, "[%s]", text) : text;
}

/* -- the plugin -- */

static bool
is_about_pods(const struct rest_call *c)
{
  return strcmp(c->info.resource, "pods") == 0;
}

/* New pods and volume claims, changed claims, and pods that get other resources while they run. */
static bool
is_concerned(const struct rest_call *c, const struct json *old)
{
  bool resize = is_about_pods(c) && old && strcmp(c->info.subresource, "resize") == 0;

  if (old && object_is_deleting(old))
    return false;
  return resize || (!*c->info.subresource && (!old || !is_about_pods(c)));
}

static int
mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct store_list ranges;

  if (!is_about_pods(c) || !is_concerned(c, old))
    return 0;
  if (admission_list(c, "", "v1", "limitranges", c->info.namespace_, &ranges, reterr) < 0)
    return -(int)reterr->code;
  if (ranges.n == 0 || !json_get(o, "spec"))
    return 0;
  json_set(c->a, o, "spec", json_copy(c->a, json_get(o, "spec")));
  for (size_t i = 0; i < ranges.n; i++)
    fill_pod(c, o, record_tree(ranges.items[i]));
  c->reshape = true;
  return 0;
}

static int
validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  struct store_list ranges;

  if (!is_concerned(c, old))
    return 0;
  if (admission_list(c, "", "v1", "limitranges", c->info.namespace_, &ranges, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < ranges.n; i++) {
    struct complaints k = { .a = c->a, .list = json_new_array(c->a) };

    for (json_each_item (limit, json_dig(record_tree(ranges.items[i]), "spec", "limits", NULL)))
      if (is_about_pods(c))
        check_pod(&k, *limit, json_get(o, "spec"));
      else
        check_volume(&k, *limit, json_get(o, "spec"));
    if (json_count(k.list))
      return admission_forbid(c, o, aggregate(&k), reterr);
  }
  return 0;
}

static const struct admission_target targets[] = { { "", "pods" }, { "", "persistentvolumeclaims" }, { NULL, NULL } };

const struct admission_plugin admission_limits = {
  .name = "LimitRanger",
  .targets = targets,
  .mutate = mutate,
  .validate = validate,
};
