/* Slices of v1alpha3 as 1.31 has it. */
#include "validate_classic.h"

#define ATTRIBUTE_VALUE_MAX 64
#define ATTRIBUTES_MAX      32 /* attributes and capacities of a device together */

static void
check_text(struct validation *v, const struct vpath *path, const struct json *attribute, const char *member)
{
  struct span text = json_text_of(attribute, member);
  if (strcmp(member, "version") == 0 && !text_is_semver(text))
    verr_invalid(v, VP(path, member), text, "must be a string compatible with semver.org spec 2.0.0");
  if (text.n > ATTRIBUTE_VALUE_MAX)
    verr_too_long_max(v, VP(path, member), ATTRIBUTE_VALUE_MAX);
}

static void
check_attribute(struct validation *v, const struct vpath *path, const struct json *attribute)
{
  static const char *const members[] = { "bool", "int", "string", "version" };
  size_t n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
    if (!json_has(attribute, members[i]))
      continue;
    n++;
    if (i >= 2)
      check_text(v, path, attribute, members[i]);
  }
  if (n == 0)
    verr_required(v, path, "exactly one value must be specified");
  else if (n > 1)
    verr_add(v, FIELD_INVALID, path, vgo(v, attribute, "io.k8s.api.resource.v1alpha3.DeviceAttribute"),
             "exactly one field must be specified");
}

static void
check_basic(struct validation *v, const struct vpath *path, const struct json *basic)
{
  const struct json *attributes = json_get(basic, "attributes"), *capacity = json_get(basic, "capacity");
  const struct vpath *at = VP(path, "attributes");
  size_t n = json_count(attributes) + json_count(capacity);
  for (json_each_member (m, attributes)) {
    classic_attribute_name(v, at, span_make(m->name, m->name_len), false);
    check_attribute(v, VP_KEY(at, m->name), m->value);
  }
  for (json_each_member (m, capacity))
    classic_attribute_name(v, VP(path, "capacity"), span_make(m->name, m->name_len), false);
  if (n > ATTRIBUTES_MAX)
    verr_invalid_int(v, path, (int64_t)n, "the total number of attributes and capacities must not exceed 32");
}

static void
check_device(struct validation *v, const struct vpath *path, const struct json *device, const void *payload)
{
  (void)payload;
  verr_format(v, VP(path, "name"), json_text_of(device, "name"), TEXT_DNS_LABEL);
  if (!json_has(device, "basic"))
    verr_required(v, VP(path, "basic"), "");
  else
    check_basic(v, VP(path, "basic"), json_get(device, "basic"));
}

static void
check_pool(struct validation *v, const struct vpath *path, const struct json *pool)
{
  int64_t count = json_get_int(pool, "resourceSliceCount", 0), generation = json_get_int(pool, "generation", 0);
  classic_pool_name(v, VP(path, "name"), json_text_of(pool, "name"));
  if (count <= 0)
    verr_invalid_int(v, VP(path, "resourceSliceCount"), count, "must be greater than zero");
  if (generation < 0)
    verr_invalid_int(v, VP(path, "generation"), generation, "must be greater than or equal to zero");
}

static void
check_node_selector(struct validation *v, const struct vpath *path, const struct json *selector)
{
  const struct json *terms = json_get(selector, "nodeSelectorTerms");
  validate_node_selector(v, path, selector);
  if (json_count(terms) != 1)
    verr_add(v, FIELD_INVALID, VP(path, "nodeSelectorTerms"), vgo(v, terms, "io.k8s.api.core.v1.NodeSelectorTerm"),
             "must have exactly one selector term");
}

static void
check_nodes(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char one_of[] = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required";
  struct span node = json_text_of(spec, "nodeName");
  bool selects = json_has(spec, "nodeSelector");
  int n = (node.n > 0) + selects + json_get_bool(spec, "allNodes", false);
  if (node.n)
    verr_format(v, VP(path, "nodeName"), node, TEXT_DNS_SUBDOMAIN);
  if (selects)
    check_node_selector(v, VP(path, "nodeSelector"), json_get(spec, "nodeSelector"));
  if (n == 0)
    verr_required(v, path, one_of);
  else if (n > 1)
    verr_add(v, FIELD_INVALID, path, vgo(v, spec, "io.k8s.api.resource.v1alpha3.ResourceSliceSpec"), "%s", one_of);
}

static void
check_slice(struct validation *v, const struct json *spec, const struct json *old)
{
  const struct vpath *path = VP(NULL, "spec");
  const struct json *pool = json_get(spec, "pool");
  classic_driver_name(v, VP(path, "driver"), json_text_of(spec, "driver"));
  check_pool(v, VP(path, "pool"), pool);
  if (old) {
    validate_immutable(v, VP(VP(path, "pool"), "name"), json_get(pool, "name"), json_dig(old, "pool", "name", NULL),
                       NULL);
    validate_immutable(v, VP(path, "driver"), json_get(spec, "driver"), json_get(old, "driver"), NULL);
    validate_immutable(v, VP(path, "nodeName"), json_get(spec, "nodeName"), json_get(old, "nodeName"),
                       json_has(spec, "nodeName") ? NULL : "\"\"");
  }
  check_nodes(v, path, spec);
  classic_set(v, VP(path, "devices"), json_get(spec, "devices"), CLASSIC_SLICE_DEVICES, "name", check_device, NULL);
}

static void
create_slice(struct validation *v, const struct json *o)
{
  check_slice(v, json_get(o, "spec"), NULL);
}

static void
update_slice(struct validation *v, const struct json *o, const struct json *old)
{
  check_slice(v, json_get(o, "spec"), json_get(old, "spec"));
}

const struct validator validator_slice_1_31 = {
  "resource.k8s.io",      "ResourceSlice",        .cluster = true,        .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_slice, .update = update_slice, .versions = "v1alpha3",
};
