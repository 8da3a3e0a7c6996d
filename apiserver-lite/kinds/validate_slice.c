/* ResourceSlice, DeviceTaintRule, ResourcePoolStatusRequest: pkg/apis/resource/validation. Trees are v1's. */
#include "validate_claim.h"
#include "validate_device.h"

#define DEVICES_MAX          128
#define DEVICES_MAX_ADVANCED 64 /* with taints, counters or list attributes */
#define COUNTER_SETS_MAX     8
#define COUNTERS_MAX         32
#define CONSUMPTIONS_MAX     2
#define ATTRIBUTES_MAX       32 /* with capacities */
#define ATTRIBUTE_VALUES_MAX 48
#define TAINTS_MAX           16
#define RULE_CONDITIONS_MAX  8

/* -- counters -- */

static void
check_counters(struct validation *v, const struct vpath *path, const struct json *counters)
{
  size_t mark = v->n;
  if (!json_count(counters)) {
    verr_required(v, path, "");
    validation_cover(v, mark, NULL);
    return;
  }
  if (!validate_size(v, path, counters, COUNTERS_MAX, false))
    return;
  for (json_each_member (m, counters))
    verr_format(v, path, span_make(m->name, m->name_len), TEXT_DNS_LABEL);
  validation_cover(v, mark, NULL);
}

/* A list of counter sets or of consumptions: a name and counters. */
static void
check_counter_list(struct validation *v, const struct vpath *path, const struct json *list, const char *key, size_t max)
{
  if (!validate_size(v, path, list, max, true))
    return;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(json_at(list, i), key);
    size_t mark = v->n;
    if (!name.n)
      verr_required(v, VP(at, key), "");
    else
      verr_format(v, VP(at, key), name, TEXT_DNS_LABEL);
    validation_cover(v, mark, NULL);
    check_counters(v, VP(at, "counters"), json_get(json_at(list, i), "counters"));
  }
  for (size_t i = 1; i < json_count(list); i++)
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(list, i), key), json_text_of(json_at(list, j), key))) {
        verr_duplicate(v, VP_ITEM(path, i), json_text_of(json_at(list, i), key));
        v->list[v->n - 1].covered = true;
        break;
      }
}

/* -- node allocatable resources (KEP-5517) -- */

static void
check_sign(struct validation *v, const struct vpath *path, const struct json *obj, const char *name, bool zero_too)
{
  struct quantity q;
  if (json_quantity(json_get(obj, name), &q) && quantity_sign(&q) < (zero_too ? 1 : 0))
    verr_invalid(v, VP(path, name), span_of(quantity_text(v->a, &q)),
                 zero_too ? "must be positive" : "must be non-negative");
}

static void
check_mapping(struct validation *v, const struct vpath *path, const struct json *m, const struct json *capacity)
{
  const struct json *key = json_get(m, "capacityKey");
  bool has_key = json_type(key) != JSON_NULL, has_multiplier = json_has(m, "capacityMultiplier");
  if (has_key) {
    struct span s = json_text_of(m, "capacityKey");
    if (!s.n)
      verr_invalid(v, VP(path, "capacityKey"), s, "capacityKey must not be an empty string");
    else if (!json_get_n(capacity, s.p, s.n))
      verr_add(v, FIELD_NOT_FOUND, VP(path, "capacityKey"), vquote(v->a, s), "%s", "");
    if (has_multiplier)
      check_sign(v, path, m, "capacityMultiplier", true);
    else {
      verr_required(v, VP(path, "capacityMultiplier"), "capacityMultiplier is required when capacityKey is set");
      validation_cover(v, v->n - 1, "dependentRequired");
    }
  }
  check_sign(v, path, m, "deviceMultiplier", true);
  if (has_multiplier && !has_key) {
    verr_required(v, VP(path, "capacityKey"), "capacityKey is required when capacityMultiplier is set");
    validation_cover(v, v->n - 1, "dependentRequired");
  }
}

static void
check_node_allocatable(struct validation *v, const struct vpath *path, const struct json *map,
                       const struct json *capacity)
{
  for (json_each_member (m, map)) {
    const struct vpath *at = VP_KEY(path, m->name), *over = VP(at, "overhead");
    struct span name = span_make(m->name, m->name_len);
    const struct json *mapping = json_get(m->value, "mapping"), *overhead = json_get(m->value, "overhead");
    if (!span_is(name, "cpu") && !span_is(name, "memory") && !span_starts(name, SPAN("hugepages-")))
      verr_invalid(v, at, name, "must be a node allocatable resource name");
    if (json_type(mapping) == JSON_NULL && json_type(overhead) == JSON_NULL)
      verr_required(v, at, "at least one of mapping or overhead must be set");
    if (json_type(mapping) != JSON_NULL)
      check_mapping(v, VP(at, "mapping"), mapping, capacity);
    if (json_type(overhead) == JSON_NULL)
      continue;
    if (!json_has(overhead, "perPod") && !json_has(overhead, "perContainer"))
      verr_invalid(v, over, SPAN(""), "at least one of perPod or perContainer must be set");
    check_sign(v, over, overhead, "perPod", false);
    check_sign(v, over, overhead, "perContainer", false);
  }
}

/* -- where a slice or a device is -- */

/* A nullable bool that may only be true; 1 when it is set so. */
static int
check_true(struct validation *v, const struct vpath *path, const struct json *obj, const char *name)
{
  if (!json_has(obj, name))
    return 0;
  if (json_get_bool(obj, name, false))
    return 1;
  verr_add(v, FIELD_INVALID, VP(path, name), "false", "must be either unset or set to true");
  return 0;
}

/* nodeName, nodeSelector and the flags: every one that is well set is added to `set`, a text "`a`, `b`". */
static size_t
check_location(struct validation *v, const struct vpath *path, const struct json *o, const char *empty_name,
               bool one_term, const char *const *flags, const char **set)
{
  size_t n = 0;
  *set = "";
  if (json_has(o, "nodeName")) {
    struct span name = json_text_of(o, "nodeName");
    if (name.n) {
      *set = "`nodeName`";
      n++;
      size_t mark = v->n;
      verr_format(v, VP(path, "nodeName"), name, TEXT_DNS_SUBDOMAIN);
      for (size_t i = mark; i < v->n; i++)
        v->list[i].origin = NULL;
    } else
      verr_invalid(v, VP(path, "nodeName"), name, empty_name);
  }
  if (json_has(o, "nodeSelector")) {
    const struct json *selector = json_get(o, "nodeSelector"), *terms = json_get(selector, "nodeSelectorTerms");
    *set = arena_printf(v->a, "%s%s`nodeSelector`", *set, n++ ? ", " : "");
    validate_node_selector(v, VP(path, "nodeSelector"), selector);
    if (one_term && json_count(terms) != 1)
      verr_add(v, FIELD_INVALID, VP(VP(path, "nodeSelector"), "nodeSelectorTerms"),
               vgo(v, terms, "io.k8s.api.core.v1.NodeSelectorTerm"), "must have exactly one node selector term");
  }
  for (; *flags; flags++)
    if (check_true(v, path, o, *flags))
      *set = arena_printf(v->a, "%s%s`%s`", *set, n++ ? ", " : "", *flags);
  return n;
}

static void
check_device_location(struct validation *v, const struct vpath *path, const struct json *d, bool per_device)
{
  static const char *const flags[] = { "allNodes", NULL };
  static const char rule[] = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
                             "`perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  if (!per_device) {
    if (json_has(d, "nodeName") || json_has(d, "nodeSelector") || json_has(d, "allNodes"))
      verr_add(
          v, FIELD_INVALID, path, "null",
          "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in "
          "the ResourceSlice spec");
    return;
  }
  const char *set;
  size_t n = check_location(v, path, d, "must not be empty", false, flags, &set);
  if (n == 0)
    verr_required(v, path, rule);
  else if (n > 1)
    verr_add(v, FIELD_INVALID, path, arena_printf(v->a, "\"{%s}\"", set), "%s", rule);
}

static void
check_slice_location(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const flags[] = { "allNodes", "perDeviceNodeSelection", NULL };
#define ONE_LOCATION "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
  const char *set;
  size_t n = check_location(v, path, spec, "must be either unset or set to a non-empty string", true, flags, &set);
  if (n == 0)
    verr_required(v, path, ONE_LOCATION);
  else if (n > 1)
    verr_add(v, FIELD_INVALID, path, arena_printf(v->a, "\"{%s}\"", set), ONE_LOCATION ", but multiple fields are set");
}

/* -- devices -- */

/* Single values count one, lists their items. */
static size_t
count_values(const struct json *attributes)
{
  static const char *const lists[] = { "bools", "ints", "strings", "versions" };
  size_t total = 0;
  for (json_each_member (m, attributes)) {
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
      n += json_count(json_get(m->value, lists[i]));
    total += n ? n : 1;
  }
  return total;
}

static void
check_taints(struct validation *v, const struct vpath *path, const struct json *taints)
{
  if (validate_size(v, path, taints, TAINTS_MAX, false))
    for (size_t i = 0; i < json_count(taints); i++)
      validate_device_taint(v, VP_ITEM(path, i), json_at(taints, i), NULL);
}

static void
check_device(struct validation *v, const struct vpath *path, const struct json *d, const struct json *old,
             bool per_device)
{
  const struct json *attributes = json_get(d, "attributes"), *capacity = json_get(d, "capacity"),
                    *taints = json_get(d, "taints");
  verr_format(v, VP(path, "name"), json_text_of(d, "name"), TEXT_DNS_LABEL);
  size_t n = json_count(attributes) + json_count(capacity), values = count_values(attributes);
  if (n > ATTRIBUTES_MAX)
    verr_invalid_int(v, path, (int64_t)n, "the total number of attributes and capacities must not exceed 32");
  if (values > ATTRIBUTE_VALUES_MAX)
    verr_invalid_int(v, path, (int64_t)values, "the total number of attribute values must not exceed 48");
  validate_attributes(v, VP(path, "attributes"), attributes);
  if (!old || !json_same(capacity, json_get(old, "capacity")))
    validate_capacities(v, VP(path, "capacity"), capacity, json_get_bool(d, "allowMultipleAllocations", false));
  if (!old || !json_same(taints, json_get(old, "taints")))
    check_taints(v, VP(path, "taints"), taints);
  check_counter_list(v, VP(path, "consumesCounters"), json_get(d, "consumesCounters"), "counterSet", CONSUMPTIONS_MAX);
  check_device_location(v, path, d, per_device);
  validate_binding_conditions(v, path, d);
  check_node_allocatable(v, VP(path, "nodeAllocatableResources"), json_get(d, "nodeAllocatableResources"), capacity);
}

static bool
has_list_attribute(const struct json *device)
{
  for (json_each_member (m, json_get(device, "attributes")))
    if (json_has(m->value, "bools") || json_has(m->value, "ints") || json_has(m->value, "strings") ||
        json_has(m->value, "versions"))
      return true;
  return false;
}

static bool
any_consumes(const struct json *devices)
{
  for (json_each_item (p, devices))
    if (json_count(json_get(*p, "consumesCounters")))
      return true;
  return false;
}

static size_t
devices_max(const struct json *devices)
{
  for (json_each_item (p, devices))
    if (json_count(json_get(*p, "taints")) || json_count(json_get(*p, "consumesCounters")) || has_list_attribute(*p))
      return DEVICES_MAX_ADVANCED;
  return DEVICES_MAX;
}

static const struct json *
find_device(const struct json *devices, struct span name)
{
  for (json_each_item (p, devices))
    if (span_eq(json_text_of(*p, "name"), name))
      return *p;
  return NULL;
}

static void
check_devices(struct validation *v, const struct vpath *path, const struct json *spec, const struct json *old)
{
  const struct json *devices = json_get(spec, "devices"), *before = json_get(old, "devices");
  bool per_device = json_get_bool(spec, "perDeviceNodeSelection", false);
  if (!validate_size(v, path, devices, devices_max(devices), false))
    return;
  for (size_t i = 0; i < json_count(devices); i++) {
    const struct json *d = json_at(devices, i);
    check_device(v, VP_ITEM(path, i), d, find_device(before, json_text_of(d, "name")), per_device);
  }
  for (size_t i = 1; i < json_count(devices); i++)
    if (find_device(devices, json_text_of(json_at(devices, i), "name")) != json_at(devices, i))
      verr_duplicate(v, VP_ITEM(path, i), json_text_of(json_at(devices, i), "name"));
}

static void
check_partition_attribute(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span name = json_text_of(spec, "partitionTypeAttribute"), driver = json_text_of(spec, "driver");
  const struct json *devices = json_get(spec, "devices");
  const struct vpath *at = VP(path, "partitionTypeAttribute");
  if (!any_consumes(devices)) {
    verr_invalid(v, at, name, "may only be set on a slice which declares devices that consume counters");
    return;
  }
  size_t mark = v->n;
  validate_qualified_name(v, at, name, true);
  bool malformed = v->n > mark;
  v->n = mark; /* a tag reports it */
  if (malformed)
    return;
  struct span bare = name;
  if (span_starts(name, driver) && name.n > driver.n && name.p[driver.n] == '/')
    bare = span_make(name.p + driver.n + 1, name.n - driver.n - 1);
  for (size_t i = 0; i < json_count(devices); i++) {
    const struct json *d = json_at(devices, i), *attributes = json_get(d, "attributes"),
                      *a = json_get_n(attributes, name.p, name.n);
    const struct vpath *where = VP_KEY(VP(VP_ITEM(VP(path, "devices"), i), "attributes"), name.p);
    if (!json_count(json_get(d, "consumesCounters")))
      continue;
    if (!a)
      a = json_get_n(attributes, bare.p, bare.n);
    if (!a)
      verr_required(v, where,
                    "device consumes counters and `partitionTypeAttribute` names this attribute, so it must be "
                    "set");
    else if (!json_has(a, "string"))
      verr_add(v, FIELD_INVALID, where, vgo(v, a, "io.k8s.api.resource.v1.DeviceAttribute"),
               "must be a string value because `partitionTypeAttribute` names this attribute");
  }
}

static void
check_pool(struct validation *v, const struct vpath *path, const struct json *pool)
{
  int64_t count = json_get_int(pool, "resourceSliceCount", 0), generation = json_get_int(pool, "generation", 0);
  validate_pool_name(v, VP(path, "name"), json_text_of(pool, "name"));
  if (count <= 0)
    verr_invalid_int(v, VP(path, "resourceSliceCount"), count, "must be greater than zero");
  if (generation < 0)
    verr_invalid_int(v, VP(path, "generation"), generation, "must be greater than or equal to zero");
}

static void
check_slice(struct validation *v, const struct json *spec, const struct json *old)
{
  const struct vpath *path = VP(NULL, "spec");
  validate_driver_name(v, VP(path, "driver"), json_text_of(spec, "driver"), false);
  check_pool(v, VP(path, "pool"), json_get(spec, "pool"));
  if (old) {
    validate_immutable(v, VP(VP(path, "pool"), "name"), json_dig(spec, "pool", "name", NULL),
                       json_dig(old, "pool", "name", NULL), NULL);
    validate_immutable(v, VP(path, "driver"), json_get(spec, "driver"), json_get(old, "driver"), NULL);
    validate_immutable(v, VP(path, "nodeName"), json_get(spec, "nodeName"), json_get(old, "nodeName"), NULL);
  }
  check_slice_location(v, path, spec);
  if (json_has(spec, "sharedCounters") && json_has(spec, "devices"))
    verr_invalid(v, path, SPAN(""), "only one of `sharedCounters` or `devices` is allowed");
  check_devices(v, VP(path, "devices"), spec, old);
  check_counter_list(v, VP(path, "sharedCounters"), json_get(spec, "sharedCounters"), "name", COUNTER_SETS_MAX);
  if (json_has(spec, "partitionTypeAttribute"))
    check_partition_attribute(v, path, spec);
  validate_skip_operations(v, VP(path, "skipNodeOperations"), json_get(spec, "skipNodeOperations"));
}

static void
create_slice(struct validation *v, const struct json *o)
{
  check_slice(v, json_get(o, "spec"), NULL);
}

static void
update_slice(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(old, "spec");
  check_slice(v, json_get(o, "spec"), spec ? spec : json_new_object(v->a));
}

/* -- taint rules and pool status requests -- */

static void
check_rule(struct validation *v, const struct json *spec, const struct json *old)
{
  const struct vpath *path = VP(NULL, "spec"), *at = VP(path, "deviceSelector");
  const struct json *selector = json_get(spec, "deviceSelector");
  if (json_has(selector, "driver"))
    validate_driver_name(v, VP(at, "driver"), json_text_of(selector, "driver"), false);
  if (json_has(selector, "pool"))
    validate_pool_name(v, VP(at, "pool"), json_text_of(selector, "pool"));
  if (json_has(selector, "device"))
    verr_format(v, VP(at, "device"), json_text_of(selector, "device"), TEXT_DNS_LABEL);
  validate_device_taint(v, VP(path, "taint"), json_get(spec, "taint"), old ? json_get(old, "taint") : NULL);
}

static void
create_rule(struct validation *v, const struct json *o)
{
  check_rule(v, json_get(o, "spec"), NULL);
}

static void
update_rule(struct validation *v, const struct json *o, const struct json *old)
{
  check_rule(v, json_get(o, "spec"), json_get(old, "spec"));
}

static void
update_rule_status(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *conditions = json_dig(o, "status", "conditions", NULL);
  const struct vpath *path = VP(VP(NULL, "status"), "conditions");
  (void)old;
  validate_conditions(v, path, conditions);
  (void)validate_size(v, path, conditions, RULE_CONDITIONS_MAX, false);
}

/* Its rules are all declarative, but for the life of the status: written once. */
static void
update_pool_status(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *now = json_get(o, "status"), *before = json_get(old, "status");
  const struct vpath *path = VP(NULL, "status");
  if (json_type(before) != JSON_NULL) {
    validate_immutable(v, path, now, before,
                       vgo(v, now, "io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequestStatus"));
    return;
  }
  validate_conditions(v, VP(path, "conditions"), json_get(now, "conditions"));
}

static void
keep_pool_request(struct validation *v, const struct json *o, const struct json *old)
{
  (void)v, (void)o, (void)old; /* a tag says that the spec is immutable */
}

const struct validator validator_slice = {
  "resource.k8s.io",      "ResourceSlice",        .cluster = true, .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_slice, .update = update_slice,
};
const struct validator validator_rule = {
  "resource.k8s.io",
  "DeviceTaintRule",
  .cluster = true,
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_rule,
  .update = update_rule,
  .status = update_rule_status,
};
const struct validator validator_pool_request = {
  "resource.k8s.io",           "ResourcePoolStatusRequest",  .cluster = true, .name = { .format = TEXT_DNS_SUBDOMAIN },
  .update = keep_pool_request, .status = update_pool_status,
};
