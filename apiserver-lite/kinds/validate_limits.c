/* LimitRanges, and the names that amounts may have (core/validation: ValidateLimitRange, validateResourceName). */
#include <string.h>

#include "validate_pod.h"

void
validate_resource_name(struct validation *v, const struct vpath *path, struct span name)
{
  static const char *const standard[] = { "cpu",
                                          "memory",
                                          "ephemeral-storage",
                                          "requests.cpu",
                                          "requests.memory",
                                          "requests.ephemeral-storage",
                                          "limits.cpu",
                                          "limits.memory",
                                          "limits.ephemeral-storage",
                                          "pods",
                                          "resourcequotas",
                                          "services",
                                          "replicationcontrollers",
                                          "secrets",
                                          "configmaps",
                                          "persistentvolumeclaims",
                                          "storage",
                                          "requests.storage",
                                          "services.nodeports",
                                          "services.loadbalancers" };
  size_t mark = v->n;
  bool known = span_starts(name, SPAN("hugepages-")) || span_starts(name, SPAN("requests.hugepages-"));

  (void)verr_format(v, path, name, TEXT_LABEL_KEY);
  for (size_t i = mark; i < v->n; i++)
    v->list[i].origin = NULL; /* no declarative rule says the same */
  for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
    known = known || span_is(name, standard[i]);
  if (v->n == mark && !known && !memchr(name.p, '/', name.n))
    verr_invalid(v, path, name, "must be a standard resource type or fully qualified");
}

/* One item of a LimitRange under examination. */
struct item {
  const struct json *o;
  const struct vpath *path;
  struct span type;
  bool pod;
};

static void
check_type(struct validation *v, const struct item *it, const struct json *list, size_t i)
{
  const struct vpath *path = VP(it->path, "type");
  size_t mark = v->n;

  (void)verr_format(v, path, it->type, TEXT_LABEL_KEY);
  if (v->n == mark && !memchr(it->type.p, '/', it->type.n) && !it->pod && !span_is(it->type, "Container") &&
      !span_is(it->type, "PersistentVolumeClaim"))
    verr_invalid(v, path, it->type, "must be a standard limit type or fully qualified");
  for (size_t j = 0; j < i; j++)
    if (span_eq(json_text_of(json_at(list, j), "type"), it->type)) {
      verr_duplicate(v, path, it->type);
      return;
    }
}

/* The names in one of the lists; collected in `names`. */
static void
check_names(struct validation *v, const struct item *it, const char *member, struct json *names)
{
  for (json_each_member (m, json_get(it->o, member))) {
    struct span name = span_make(m->name, m->name_len);
    const struct vpath *at = VP_KEY(VP(it->path, member), m->name);

    if (it->pod || span_is(it->type, "Container"))
      validate_container_resource_name(v, at, name);
    else
      validate_resource_name(v, at, name);
    json_set(v->a, names, m->name, json_new_null(v->a));
  }
}

static void
invalid_amount(struct validation *v, const struct item *it, const char *member, const char *name,
               const struct quantity *shown, const char *text)
{
  verr_add(v, FIELD_INVALID, VP_KEY(VP(it->path, member), name), vquote(v->a, span_of(quantity_text(v->a, shown))),
           "%s", text);
}

/* What stands in two lists of an item must not be in the wrong order. */
static void
check_order(struct validation *v, const struct item *it, const char *name)
{
  /* `low` may not be greater than `high`; the error is at `at` and shows the value of `shown` (0: low, 1: high) */
  static const struct {
    const char *low, *high, *low_text, *high_text, *at;
    int shown;
  } rows[] = {
    { "min", "max", "min value", "max value", "min", 0 },
    { "min", "defaultRequest", "min value", "default request value", "defaultRequest", 1 },
    { "defaultRequest", "max", "default request value", "max value", "defaultRequest", 0 },
    { "defaultRequest", "default", "default request value", "default limit value", "defaultRequest", 0 },
    { "min", "default", "min value", "default value", "default", 0 },
    { "default", "max", "default value", "max value", "default", 1 },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct quantity low, high;

    if (!json_quantity(json_get(json_get(it->o, rows[i].low), name), &low) ||
        !json_quantity(json_get(json_get(it->o, rows[i].high), name), &high) || quantity_cmp(&low, &high) <= 0)
      continue;
    invalid_amount(v, it, rows[i].at, name, rows[i].shown ? &high : &low,
                   arena_printf(v->a, "%s %s is greater than %s %s", rows[i].low_text, quantity_text(v->a, &low),
                                rows[i].high_text, quantity_text(v->a, &high)));
  }
}

static void
check_ratio(struct validation *v, const struct item *it, const char *name)
{
  struct quantity ratio, min, max, one = quantity_from_int(1, QUANTITY_DECIMAL_SI);

  if (!json_quantity(json_get(json_get(it->o, "maxLimitRequestRatio"), name), &ratio))
    return;
  if (quantity_cmp(&ratio, &one) < 0)
    invalid_amount(v, it, "maxLimitRequestRatio", name, &ratio,
                   arena_printf(v->a, "ratio %s is less than 1", quantity_text(v->a, &ratio)));
  if (!json_quantity(json_get(json_get(it->o, "min"), name), &min) ||
      !json_quantity(json_get(json_get(it->o, "max"), name), &max))
    return;
  double most = quantity_approx(&max) / quantity_approx(&min);

  if (quantity_approx(&ratio) > most)
    invalid_amount(v, it, "maxLimitRequestRatio", name, &ratio,
                   arena_printf(v->a, "ratio %s is greater than max/min = %f", quantity_text(v->a, &ratio), most));
}

/* What cannot be overcommitted is requested as it is limited. */
static void
check_equal(struct validation *v, const struct item *it, const char *name)
{
  struct quantity limit, request;

  if (validate_may_overcommit(span_of(name)) || it->pod ||
      !json_quantity(json_get(json_get(it->o, "default"), name), &limit) ||
      !json_quantity(json_get(json_get(it->o, "defaultRequest"), name), &request) ||
      quantity_cmp(&limit, &request) == 0)
    return;
  invalid_amount(v, it, "defaultRequest", name, &request,
                 arena_printf(v->a, "default value %s must equal to defaultRequest value %s in %s",
                              quantity_text(v->a, &limit), quantity_text(v->a, &request), name));
}

static void
check_item(struct validation *v, const struct json *list, size_t i)
{
  static const char *const defaults[] = { "default", "defaultRequest" };
  struct item it = { .o = json_at(list, i), .path = VP_ITEM(VP(VP(NULL, "spec"), "limits"), i) };
  struct json *names = json_new_object(v->a);

  it.type = json_text_of(it.o, "type");
  it.pod = span_is(it.type, "Pod");
  check_type(v, &it, list, i);
  check_names(v, &it, "max", names);
  check_names(v, &it, "min", names);
  for (size_t j = 0; j < ARRAY_SIZE(defaults); j++)
    if (!it.pod)
      check_names(v, &it, defaults[j], names);
    else if (json_count(json_get(it.o, defaults[j])))
      verr_forbidden(v, VP(it.path, defaults[j]), "may not be specified when `type` is 'Pod'");
  if (span_is(it.type, "PersistentVolumeClaim") && !json_has(json_get(it.o, "min"), "storage") &&
      !json_has(json_get(it.o, "max"), "storage"))
    verr_required(v, VP(it.path, "limits"),
                  "either minimum or maximum storage value is required, but neither was provided");
  check_names(v, &it, "maxLimitRequestRatio", names);
  json_sort_members(names);
  for (json_each_member (name, names)) {
    check_order(v, &it, name->name);
    check_ratio(v, &it, name->name);
    check_equal(v, &it, name->name);
  }
}

static void
check_limits(struct validation *v, const struct json *o)
{
  const struct json *list = json_dig(o, "spec", "limits", NULL);

  for (size_t i = 0; i < json_count(list); i++)
    check_item(v, list, i);
}

const struct validator validator_limits = { "", "LimitRange", .name = { .format = TEXT_DNS_SUBDOMAIN },
                                            .create = check_limits, .flags = VALIDATOR_META_AGAIN };
