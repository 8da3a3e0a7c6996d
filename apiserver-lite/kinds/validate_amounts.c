/* What containers, and pods as a whole, ask for: core/validation's validateResourceRequirements and what it calls. */
#include "amounts.h"
#include "validate_claim.h"
#include "validate_pod.h"

static bool
is_native(struct span name)
{
  return !name.n || !memchr(name.p, '/', name.n) || memmem(name.p, name.n, "kubernetes.io/", 14);
}

static bool
is_huge(struct span name)
{
  return span_starts(name, SPAN("hugepages-"));
}

bool
validate_may_overcommit(struct span name)
{
  return is_native(name) && !is_huge(name);
}

void
validate_container_resource_name(struct validation *v, const struct vpath *path, struct span name)
{
  validate_resource_name(v, path, name);
  if (!name.n || !memchr(name.p, '/', name.n)) {
    if (!span_is(name, "cpu") && !span_is(name, "memory") && !span_is(name, "ephemeral-storage") && !is_huge(name))
      verr_invalid(v, path, name, "must be a standard resource for containers");
  } else if (!is_native(name) && !validate_is_extended_resource(v->a, name)) {
    verr_invalid(v, path, name, "doesn't follow extended resource name standard");
  }
}

/* Of a pod as a whole. */
static void
check_pod_resource_name(struct validation *v, const struct vpath *path, struct span name)
{
  static const char *const known[] = { "cpu", "hugepages-", "memory", NULL };
  size_t mark = v->n;
  validate_resource_name(v, path, name);
  if (v->n == mark && !span_is(name, "cpu") && !span_is(name, "memory") && !is_huge(name))
    verr_not_supported(v, path, name, known);
}

static bool
is_counted(struct arena *a, struct span name)
{
  static const char *const objects[] = {
    "pods",       "resourcequotas",         "services",           "replicationcontrollers", "secrets",
    "configmaps", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers", NULL
  };
  return validate_is_one_of(name, objects) || validate_is_extended_resource(a, name);
}

static bool
is_whole(const struct quantity *q)
{
  return quantity_milli(q) % 1000 == 0;
}

/* Do pages of the size that the name tells of make up this amount? */
static bool
is_of_pages(struct span name, const struct quantity *q)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct quantity page;
  if (quantity_parse(span_make(name.p + 10, name.n - 10), &page, &ignored) < 0)
    return false;
  return quantity_sign(&page) > 0 && is_whole(&page) && quantity_value(q) % quantity_value(&page) == 0;
}

static void
check_amount(struct validation *v, const struct vpath *path, struct span name, const struct json *amount)
{
  struct quantity q;
  if (!json_quantity(amount, &q))
    return;
  struct span text = span_of(quantity_text(v->a, &q));
  if (quantity_sign(&q) < 0)
    verr_invalid(v, path, text, "must be greater than or equal to 0");
  if (is_counted(v->a, name) && !is_whole(&q))
    verr_invalid(v, path, text, "must be an integer");
  if (is_huge(name) && !is_of_pages(name, &q))
    verr_invalid(v, path, text,
                 arena_printf(v->a, "%.*s is not positive integer multiple of %.*s", SPAN_FMT(text), SPAN_FMT(name)));
}

static void
check_request(struct validation *v, const struct vpath *path, struct span name, const struct json *request,
              const struct json *limit)
{
  struct quantity q, max;
  bool overcommit = validate_may_overcommit(name);
  const struct vpath *at = VP(path, "requests");
  if (!limit) {
    if (!overcommit)
      verr_required(v, VP(path, "limits"), "Limit must be set for non overcommitable resources");
    return;
  }
  if (!json_quantity(request, &q) || !json_quantity(limit, &max))
    return;
  int order = quantity_cmp(&q, &max);
  if (order > 0 || (order && !overcommit))
    verr_invalid(v, at, span_of(quantity_text(v->a, &q)),
                 arena_printf(v->a, "must be %s %.*s limit of %s", overcommit ? "less than or equal to" : "equal to",
                              SPAN_FMT(name), quantity_text(v->a, &max)));
}

/* -- claims of devices -- */

static int
by_text(const void *x, const void *y)
{
  return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char *
names_of(struct arena *a, const struct json *claims, size_t *ret_n)
{
  const char **names = arena_array_of(a, const char *, json_count(claims) + 1), *text = "";
  size_t n = 0, shown = 0;
  for (json_each_item (c, claims)) {
    struct span name = json_text_of(*c, "name");
    if (name.n)
      names[n++] = arena_strndup(a, name.p, name.n);
  }
  qsort(names, n, sizeof names[0], by_text);
  for (size_t i = 0; i < n; i++)
    if (!i || strcmp(names[i], names[i - 1]) != 0)
      text = arena_printf(a, "%s%s%s", text, shown++ ? ", " : "", names[i]);
  *ret_n = n;
  return text;
}

/* Requests of a claim that are referred to one by one, or the claim as a whole. `seen` has members for both. */
static void
check_claim_twice(struct validation *v, const struct vpath *at, const struct json *refs, size_t i, struct json *seen)
{
  struct span name = json_text_of(json_at(refs, i), "name"), request = json_text_of(json_at(refs, i), "request");
  if (json_get_n(seen, name.p, name.n)) {
    verr_duplicate(v, at, name);
    return;
  }
  if (request.n)
    (void)verr_format(v, VP(at, "request"), request, TEXT_DNS_LABEL);
  struct span key = request.n ? span_of(arena_printf(v->a, "%.*s/%.*s", SPAN_FMT(name), SPAN_FMT(request))) : name;
  if (json_get_n(seen, key.p, key.n))
    verr_duplicate(v, at, key);
  for (json_each_member (m, seen)) {
    struct span rest, whole = span_cut(span_make(m->name, m->name_len), '/', &rest);
    if (!request.n && rest.p && span_eq(whole, name))
      verr_duplicate(v, at, name);
  }
  json_set_n(v->a, seen, key.p, key.n, json_new_null(v->a));
}

static void
check_claim_refs(struct validation *v, const struct vpath *path, const struct json *refs, const struct json *claims)
{
  struct json *seen = json_new_object(v->a);
  for (size_t i = 0; i < json_count(refs); i++) {
    struct span name = json_text_of(json_at(refs, i), "name");
    const struct vpath *at = VP_ITEM(path, i);
    size_t n;
    if (!name.n) {
      verr_required(v, at, "");
      continue;
    }
    check_claim_twice(v, at, refs, i, seen);
    if (validate_find_named(claims, name))
      continue;
    const char *names = names_of(v->a, claims, &n);
    verr_add(v, FIELD_NOT_FOUND, at, vquote(v->a, name), "must be one of the names in pod.spec.resourceClaims%s%s",
             n ? ": " : " which is empty", names);
  }
}

/* -- lists -- */

typedef void check_name_fn(struct validation *v, const struct vpath *path, struct span name);

static void
check_lists(struct validation *v, const struct vpath *path, const struct json *r, const struct json *claims,
            check_name_fn *check_name)
{
  static const char *const lists[] = { "limits", "requests" };
  const struct json *limits = json_get(r, "limits");
  bool compute = false, huge = false;
  for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
    for (json_each_member (m, json_get(r, lists[k]))) {
      struct span name = span_make(m->name, m->name_len);
      const struct vpath *at = VP_KEY(VP(path, lists[k]), m->name);
      check_name(v, at, name);
      check_amount(v, at, name, m->value);
      if (k)
        check_request(v, path, name, m->value, json_get_n(limits, m->name, m->name_len));
      compute |= span_is(name, "cpu") || span_is(name, "memory");
      huge |= is_huge(name);
    }
  if (huge && !compute)
    verr_forbidden(v, path, "HugePages require cpu or memory");
  check_claim_refs(v, VP(path, "claims"), json_get(r, "claims"), claims);
}

void
validate_resource_lists(struct validation *v, const struct vpath *path, const struct json *r, const struct json *claims)
{
  check_lists(v, path, r, claims, validate_container_resource_name);
}

/* -- pods as a whole -- */

/* What the containers have together must fit into what the pod has (validatePodResourceConsistency). */
static void
check_sum(struct validation *v, const struct vpath *path, const struct json *spec, const char *list, bool huge_only)
{
  struct amounts sum;
  struct json *alone = json_shallow(v->a, spec);
  (void)json_remove(alone, "resources");
  sum.n = 0;
  amounts_of_pod(alone, list, false, &sum);
  for (json_each_member (m, json_dig(spec, "resources", list, NULL))) {
    struct span name = span_make(m->name, m->name_len);
    const struct amount *used = amounts_find(&sum, m->name);
    struct quantity whole;
    if ((huge_only && !is_huge(name)) || !used || !json_quantity(m->value, &whole) ||
        quantity_cmp(&used->amount, &whole) <= 0)
      continue;
    verr_invalid(v, VP_KEY(VP(path, list), m->name), span_of(quantity_text(v->a, &whole)),
                 arena_printf(v->a, "must be greater than or equal to aggregate container %s of %s", list,
                              quantity_text(v->a, &used->amount)));
  }
}

static void
check_container_limits(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *list = json_get(spec, "containers"), *whole = json_dig(spec, "resources", "limits", NULL);
  for (size_t i = 0; i < json_count(list); i++)
    for (json_each_member (m, json_dig(json_at(list, i), "resources", "limits", NULL))) {
      struct quantity q, max;
      if (!json_quantity(m->value, &q) || !json_quantity(json_get_n(whole, m->name, m->name_len), &max) ||
          quantity_cmp(&q, &max) <= 0)
        continue;
      verr_invalid(v, VP(VP_KEY(VP_ITEM(VP(path, "containers"), i), m->name), "limits"),
                   span_of(quantity_text(v->a, &q)),
                   arena_printf(v->a, "must be less than or equal to pod limits of %s", quantity_text(v->a, &max)));
    }
}

void
validate_pod_resources(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *r = json_get(spec, "resources");
  if (json_type(r) == JSON_NULL || !validation_gate(v, "PodLevelResources"))
    return;
  if (span_is(json_text_of(json_get(spec, "os"), "name"), "windows")) {
    verr_forbidden(v, path, "may not be set for a windows pod");
    return;
  }
  if (json_has(r, "claims"))
    verr_forbidden(v, VP(path, "claims"), "claims may not be set for Resources at pod-level");
  check_lists(v, path, r, json_get(spec, "resourceClaims"), check_pod_resource_name);
  check_sum(v, path, spec, "requests", false);
  check_sum(v, path, spec, "limits", true);
  check_container_limits(v, path, spec);
}
