/* Names, attributes and capacities of devices: pkg/apis/resource/validation. */
#include "validate_device.h"

#include <ctype.h>
#include <limits.h>

#define DRIVER_NAME_MAX     63
#define POOL_NAME_MAX       253
#define IDENTIFIER_MAX      32
#define ATTRIBUTE_VALUE_MAX 64
#define BINDING_MAX         4
#define OPTIONS_MAX         10 /* CapacityRequestPolicyDiscreteMaxOptions */

void
validate_driver_name(struct validation *v, const struct vpath *path, struct span s, bool covered)
{
  size_t mark = v->n;
  if (!s.n) {
    verr_required(v, path, "");
    if (covered)
      validation_cover(v, mark, NULL);
    return;
  }
  if (s.n > DRIVER_NAME_MAX)
    verr_too_long(v, path, DRIVER_NAME_MAX);
  if (covered)
    validation_cover(v, mark, "maxLength");
  mark = v->n;
  char *low = arena_strndup(v->a, s.p, s.n);
  for (size_t i = 0; i < s.n; i++)
    low[i] = (char)tolower((unsigned char)low[i]);
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n = text_check(v->a, TEXT_DNS_SUBDOMAIN, span_make(low, s.n), problems);
  for (size_t i = 0; i < n; i++)
    verr_invalid(v, path, s, problems[i]);
  if (covered)
    validation_cover(v, mark, "format=k8s-long-name-caseless");
}

void
validate_pool_name(struct validation *v, const struct vpath *path, struct span s)
{
  if (!s.n) {
    verr_required(v, path, "");
    return;
  }
  size_t mark = v->n;
  if (s.n > POOL_NAME_MAX)
    verr_too_long(v, path, POOL_NAME_MAX);
  for (struct span rest = s; rest.p;) {
    struct span part = span_cut(rest, '/', &rest);
    verr_format(v, path, part, TEXT_DNS_SUBDOMAIN);
  }
  for (size_t i = mark; i < v->n; i++)
    v->list[i].origin = "format=k8s-resource-pool-name";
}

static void
check_identifier(struct validation *v, const struct vpath *path, struct span s)
{
  if (s.n > IDENTIFIER_MAX)
    verr_too_long(v, path, IDENTIFIER_MAX);
  verr_format(v, path, s, TEXT_C_IDENTIFIER);
}

void
validate_qualified_name(struct validation *v, const struct vpath *path, struct span s, bool full)
{
  size_t mark = v->n;
  struct span rest, more = { 0 }, domain = span_cut(s, '/', &rest), name = rest;
  if (rest.p)
    name = span_cut(rest, '/', &more);
  if (!rest.p)
    check_identifier(v, path, s);
  else if (!more.p) { /* upstream does not look at names with more slashes */
    if (!domain.n)
      verr_invalid(v, path, SPAN(""), "the domain must not be empty");
    else
      validate_driver_name(v, path, domain, false);
    if (!name.n)
      verr_invalid(v, path, SPAN(""), "the name must not be empty");
    else
      check_identifier(v, path, name);
  }
  if (!full)
    return;
  if (!rest.p)
    verr_invalid(v, path, s, "a fully qualified name must be a domain and a name separated by a slash");
  validation_cover(v, mark, "format=k8s-resource-fully-qualified-name");
}

bool
validate_size(struct validation *v, const struct vpath *path, const struct json *list, size_t max, bool covered)
{
  if (json_count(list) <= max)
    return true;
  verr_too_many(v, path, json_count(list), max);
  v->list[v->n - 1].covered = covered;
  return false;
}

/* -- binding conditions, node operations: of devices and of allocation results -- */

static bool
list_has(const struct json *list, size_t n, struct span s)
{
  for (size_t i = 0; i < n; i++)
    if (span_eq(json_span(json_at(list, i)), s))
      return true;
  return false;
}

void
validate_binding_conditions(struct validation *v, const struct vpath *path, const struct json *device)
{
  const struct json *lists[2] = { json_get(device, "bindingConditions"), json_get(device, "bindingFailureConditions") };
  const struct vpath *at[2] = { VP(path, "bindingConditions"), VP(path, "bindingFailureConditions") };
  for (int k = 0; k < 2; k++)
    if (validate_size(v, at[k], lists[k], BINDING_MAX, true))
      for (size_t i = 0; i < json_count(lists[k]); i++)
        verr_format(v, VP_ITEM(at[k], i), json_span(json_at(lists[k], i)), TEXT_LABEL_KEY);
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; i < json_count(lists[k]); i++) {
      struct span s = json_span(json_at(lists[k], i));
      if (list_has(lists[k], i, s))
        verr_duplicate(v, VP_ITEM(at[k], i), s);
      if (k == 1 && list_has(lists[0], json_count(lists[0]), s))
        verr_invalid(v, VP_ITEM(at[k], i), s, "bindingFailureConditions must not overlap with bindingConditions");
    }
  if (!json_count(lists[0]) && json_count(lists[1]))
    verr_add(v, FIELD_INVALID, at[0], vjson(v->a, lists[0]),
             "bindingConditions are required to use bindingFailureConditions");
  if (!json_count(lists[1]) && json_count(lists[0]))
    verr_add(v, FIELD_INVALID, at[1], vjson(v->a, lists[1]),
             "bindingFailureConditions are required to use bindingConditions");
}

void
validate_skip_operations(struct validation *v, const struct vpath *path, const struct json *list)
{
  size_t n = json_count(list);
  if (list_has(list, n, SPAN("NodePrepareResources")) && !list_has(list, n, SPAN("NodeUnprepareResources")) &&
      !list_has(list, n, SPAN("*")))
    verr_add(v, FIELD_INVALID, path, vjson(v->a, list),
             "NodePrepareResources cannot be skipped unless NodeUnprepareResources is also skipped");
}

/* -- attributes -- */

static void
check_string_value(struct validation *v, const struct vpath *path, struct span s, bool version)
{
  if (version && !text_is_semver(s))
    verr_invalid(v, path, s, "must be a string compatible with semver.org spec 2.0.0");
  if (s.n > ATTRIBUTE_VALUE_MAX)
    verr_too_long(v, path, ATTRIBUTE_VALUE_MAX);
}

static void
check_attribute(struct validation *v, const struct vpath *path, const struct json *a)
{
  static const char *const scalars[] = { "bool", "int", "string", "version" }, *const lists[] = { "bools", "ints",
                                                                                                  "strings",
                                                                                                  "versions" };
  size_t set = 0;
  for (size_t k = 0; k < 4; k++) {
    if (!json_has(a, scalars[k]))
      continue;
    set++;
    if (k >= 2)
      check_string_value(v, VP(path, scalars[k]), json_text_of(a, scalars[k]), k == 3);
  }
  for (size_t k = 0; k < 4; k++) {
    const struct json *list = json_get(a, lists[k]);
    if (json_type(list) == JSON_NULL)
      continue;
    set++;
    if (!json_count(list))
      verr_add(v, FIELD_INVALID, VP(path, lists[k]), "[]", "must not be empty if specified");
    size_t mark = v->n;
    for (size_t i = 0; k >= 2 && i < json_count(list); i++)
      check_string_value(v, VP_ITEM(VP(path, lists[k]), i), json_span(json_at(list, i)), k == 3);
    if (k == 2)
      validation_cover(v, mark, "maxBytes");
  }
  if (set == 1)
    return;
  size_t mark = v->n;
  verr_add(v, FIELD_INVALID, path, set ? vjson(v->a, a) : "\"\"", "exactly one value must be specified");
  validation_cover(v, mark, "union");
}

/* -- capacity -- */

/* One bound of a policy: where it is named, what it is. */
struct bound {
  const char *name;
  struct quantity q;
  bool set;
};

static void
verr_quantity(struct validation *v, const struct vpath *path, const struct quantity *q, const char *detail)
{
  verr_invalid(v, path, span_of(quantity_text(v->a, q)), detail);
}

/* As a set's key: upstream compares rounded-up integers, or exact decimals with DRAFractionalCapacityRange. */
static const char *
quantity_key(struct validation *v, const struct quantity *q)
{
  if (!validation_gate(v, "DRAFractionalCapacityRange"))
    return arena_printf(v->a, "%lld", (long long)quantity_value(q));
  struct quantity plain = *q;
  plain.format = QUANTITY_DECIMAL_SI;
  return quantity_text(v->a, &plain);
}

static void
check_valid_values(struct validation *v, const struct vpath *path, const struct json *list, const struct quantity *dflt,
                   const struct quantity *max)
{
  size_t n = json_count(list);
  struct quantity *q = arena_array_of(v->a, struct quantity, n);
  bool found = false;
  for (size_t i = 0; i < n; i++)
    if (!json_quantity(json_at(list, i), &q[i]))
      q[i] = quantity_from_int(0, QUANTITY_DECIMAL_SI);
  for (size_t i = 1; i < n; i++)
    if (quantity_cmp(&q[i - 1], &q[i]) > 0)
      verr_quantity(v, VP_ITEM(path, i), &q[i], "values must be sorted in ascending order");
  if (validate_size(v, path, list, OPTIONS_MAX, false)) {
    for (size_t i = 0; i < n; i++) {
      if (quantity_cmp(&q[i], max) > 0)
        verr_quantity(v, VP_ITEM(path, i), &q[i],
                      arena_printf(v->a, "option is larger than capacity value: %s", quantity_text(v->a, max)));
      found |= quantity_cmp(&q[i], dflt) == 0;
    }
    for (size_t i = 1; i < n; i++)
      for (size_t j = 0; j < i; j++)
        if (!strcmp(quantity_key(v, &q[i]), quantity_key(v, &q[j]))) {
          verr_duplicate(v, VP_ITEM(path, i), span_of(quantity_key(v, &q[i])));
          break;
        }
  }
  if (!found)
    verr_quantity(v, path, dflt, "default value is not valid according to the requestPolicy");
}

static bool
is_fraction(const struct quantity *q)
{
  int64_t whole;
  struct quantity up;
  if (quantity_as_int64(q, &whole))
    return false;
  up = quantity_from_int(quantity_value(q), QUANTITY_DECIMAL_SI);
  return quantity_cmp(q, &up) != 0 && q->scale < 0;
}

static bool
is_milli(const struct quantity *q)
{
  struct quantity m = quantity_from_int(quantity_milli(q), QUANTITY_DECIMAL_SI);
  m.scale -= 3;
  return quantity_cmp(&m, q) == 0;
}

/* Every bound must be a number that the arithmetic of steps can hold. */
static bool
check_bounds(struct validation *v, const struct vpath *path, const struct bound b[4], bool milli)
{
  size_t mark = v->n;
  struct quantity top = quantity_from_int(INT64_MAX, QUANTITY_DECIMAL_SI);
  for (int i = 0; i < 4; i++) {
    if (!b[i].set)
      continue;
    if (milli && !is_milli(&b[i].q))
      verr_quantity(v, VP(path, b[i].name), &b[i].q, "value cannot be represented as a milli value");
    else if (!milli && quantity_sign(&b[i].q) < 0)
      verr_quantity(v, VP(path, b[i].name), &b[i].q, "must be greater than or equal to 0");
    else if (!milli && quantity_cmp(&b[i].q, &top) > 0)
      verr_quantity(v, VP(path, b[i].name), &b[i].q, "must not be larger than 9223372036854775807");
  }
  return v->n == mark;
}

static void
check_multiple(struct validation *v, const struct vpath *path, const struct bound *value, const struct bound *min,
               const struct bound *step, bool milli)
{
  int64_t (*number)(const struct quantity *) = milli ? quantity_milli : quantity_value;
  __int128 distance = (__int128)number(&value->q) - number(&min->q);
  if (distance % number(&step->q))
    verr_quantity(v, path, &value->q,
                  arena_printf(v->a, "value is not a multiple of a given step (%s) from (%s)",
                               quantity_text(v->a, &step->q), quantity_text(v->a, &min->q)));
}

enum { DEFAULT, MIN, MAX, STEP };

static void
check_step(struct validation *v, const struct vpath *path, const struct bound b[4], const struct quantity *capacity,
           bool milli)
{
  const struct vpath *at = VP(path, "step");
  if (quantity_sign(&b[STEP].q) <= 0) {
    verr_quantity(v, at, &b[STEP].q, "must be greater than zero");
    return;
  }
  struct quantity sum = quantity_add(&b[MIN].q, &b[STEP].q);
  if (quantity_cmp(&sum, capacity) > 0)
    verr_quantity(v, at, &b[STEP].q,
                  arena_printf(v->a, "one step %s is larger than capacity value: %s", quantity_text(v->a, &sum),
                               quantity_text(v->a, capacity)));
  if (!milli && !check_bounds(v, path, b, false))
    return;
  check_multiple(v, at, &b[DEFAULT], &b[MIN], &b[STEP], milli);
  if (b[MAX].set)
    check_multiple(v, at, &b[MAX], &b[MIN], &b[STEP], milli);
}

static void
check_valid_range(struct validation *v, const struct vpath *path, const struct json *range, const struct quantity *dflt,
                  const struct quantity *capacity)
{
  struct bound b[4] = { { "default", *dflt, true }, { .name = "min" }, { .name = "max" }, { .name = "step" } };
  for (int i = MIN; i <= STEP; i++)
    b[i].set = json_quantity(json_get(range, b[i].name), &b[i].q);
  if (!b[MIN].set) {
    verr_required(v, VP(path, "min"), "required when validRange is defined");
    return;
  }
  const char *top = quantity_text(v->a, capacity), *low = quantity_text(v->a, &b[MIN].q);
  if (quantity_cmp(&b[MIN].q, capacity) > 0)
    verr_quantity(v, VP(path, "min"), &b[MIN].q, arena_printf(v->a, "min is larger than capacity value: %s", top));
  if (quantity_cmp(dflt, &b[MIN].q) < 0)
    verr_quantity(v, VP(path, "default"), dflt, arena_printf(v->a, "default is less than min: %s", low));
  if (b[MAX].set) {
    const char *high = quantity_text(v->a, &b[MAX].q);
    if (quantity_cmp(&b[MIN].q, &b[MAX].q) > 0)
      verr_quantity(v, VP(path, "max"), &b[MIN].q, arena_printf(v->a, "min is larger than max: %s", high));
    if (quantity_cmp(&b[MAX].q, capacity) > 0)
      verr_quantity(v, VP(path, "max"), &b[MAX].q, arena_printf(v->a, "max is larger than capacity value: %s", top));
    if (quantity_cmp(dflt, &b[MAX].q) > 0)
      verr_quantity(v, VP(path, "default"), dflt, arena_printf(v->a, "default is more than max: %s", high));
  }
  bool milli = false;
  for (int i = 0; i < 4 && validation_gate(v, "DRAFractionalCapacityRange"); i++)
    milli |= b[i].set && is_fraction(&b[i].q);
  if (milli && !check_bounds(v, path, b, true))
    return;
  if (b[STEP].set)
    check_step(v, path, b, capacity, milli);
}

static void
check_request_policy(struct validation *v, const struct vpath *path, const struct json *policy,
                     const struct quantity *capacity)
{
  const struct json *values = json_get(policy, "validValues"), *range = json_get(policy, "validRange");
  bool has_range = json_type(range) != JSON_NULL;
  struct quantity dflt;
  if (json_count(values) && has_range)
    verr_forbidden(v, path,
                   "exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at "
                   "the same time");
  else if (!json_count(values) && !has_range)
    return;
  else if (!json_quantity(json_get(policy, "default"), &dflt))
    verr_required(v, VP(path, "default"),
                  has_range ? "required when validRange is defined" : "required when validValues is defined");
  else if (has_range)
    check_valid_range(v, VP(path, "validRange"), range, &dflt, capacity);
  else
    check_valid_values(v, VP(path, "validValues"), values, &dflt, capacity);
}

static void
check_capacity(struct validation *v, const struct vpath *path, const struct json *c, bool shared)
{
  struct quantity value = quantity_from_int(0, QUANTITY_DECIMAL_SI);
  if (!json_has(c, "requestPolicy"))
    return;
  (void)json_quantity(json_get(c, "value"), &value); /* absent is zero */
  if (shared)
    check_request_policy(v, VP(path, "requestPolicy"), json_get(c, "requestPolicy"), &value);
  else
    verr_forbidden(v, VP(path, "requestPolicy"), "allowMultipleAllocations must be true");
}

/* -- what validate_slice.c calls -- */

const char *
validate_short_key(struct arena *a, const char *key, size_t max)
{
  size_t n = strlen(key), keep = (max < 16 ? 16 : max) - 3;
  if (n <= keep + 3)
    return key;
  return arena_printf(a, "%.*s...%s", (int)((keep + 1) / 2), key, key + n - keep / 2);
}

#define KEY_MAX (63 + 1 + IDENTIFIER_MAX)

void
validate_attributes(struct validation *v, const struct vpath *path, const struct json *attributes)
{
  for (json_each_member (m, attributes)) {
    validate_qualified_name(v, path, span_make(m->name, m->name_len), false);
    check_attribute(v, VP_KEY(path, validate_short_key(v->a, m->name, KEY_MAX)), m->value);
  }
}

void
validate_capacities(struct validation *v, const struct vpath *path, const struct json *capacity, bool shared)
{
  for (json_each_member (m, capacity)) {
    validate_qualified_name(v, path, span_make(m->name, m->name_len), false);
    check_capacity(v, VP_KEY(path, validate_short_key(v->a, m->name, KEY_MAX)), m->value, shared);
  }
}
