/* storage.k8s.io: classes, drivers and what they say about nodes (storage/validation). */
#include "validate_pod.h"

#define NODE_ID_MAX         256
#define PARAMETERS_MAX      512
#define PARAMETERS_SIZE_MAX (256 * 1024)
#define METADATA_MAX        (256 * 1024)
#define ERROR_MESSAGE_MAX   1024
#define TOKEN_SECONDS_MIN   600
#define UPDATE_SECONDS_MIN  10
#define DRIVER_NAME_MAX     63

static struct span
lower(struct arena *a, struct span s)
{
  char *t = arena_strndup(a, s.p, s.n);
  for (size_t i = 0; i < s.n; i++)
    if (t[i] >= 'A' && t[i] <= 'Z')
      t[i] += 'a' - 'A';
  return span_make(t, s.n);
}

/* validateProvisioner: upper case is no fault, and not shown either. */
static void
check_provisioner(struct validation *v, const struct json *o, const char *name)
{
  size_t mark = v->n;
  if (validate_needed(v, NULL, o, name))
    (void)verr_format(v, VP(NULL, name), lower(v->a, json_text_of(o, name)), TEXT_LABEL_KEY);
  else
    validation_cover(v, mark, NULL);
}

static void
check_parameters(struct validation *v, const struct json *params, bool needed)
{
  const struct vpath *path = VP(NULL, "parameters");
  size_t size = 0;
  if (json_count(params) > PARAMETERS_MAX) {
    verr_too_long(v, path, PARAMETERS_MAX);
    return;
  }
  for (json_each_member (m, params)) {
    if (!m->name_len)
      verr_invalid(v, path, SPAN(""), "field can not be empty.");
    size += m->name_len + json_span(m->value).n;
  }
  if (size > PARAMETERS_SIZE_MAX)
    verr_too_long(v, path, PARAMETERS_SIZE_MAX);
  if (needed && !json_count(params))
    verr_required(v, path, "must contain at least one key/value pair");
}

/* -- storage classes -- */

static void
check_topology(struct validation *v, const struct vpath *path, const struct json *term)
{
  const struct json *list = json_get(term, "matchLabelExpressions");
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *values = json_get(json_at(list, i), "values");
    const struct vpath *at = VP_ITEM(VP(path, "matchLabelExpressions"), i);
    struct span key = json_text_of(json_at(list, i), "key");
    if (!json_count(values))
      verr_required(v, VP(at, "values"), "");
    for (size_t j = 0; j < json_count(values); j++)
      for (size_t k = 0; k < j; k++)
        if (json_equal(json_at(values, j), json_at(values, k))) {
          verr_duplicate(v, VP_ITEM(VP(at, "values"), j), json_span(json_at(values, j)));
          break;
        }
    (void)verr_format(v, VP(at, "key"), key, TEXT_LABEL_KEY);
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(list, j), "key"), key)) {
        verr_duplicate(v, VP(at, "key"), key);
        break;
      }
  }
}

static bool
has_text(const struct json *list, struct span s)
{
  for (json_each_item (p, list))
    if (span_eq(json_span(*p), s))
      return true;
  return false;
}

/* The values that a key has in a term, those of its last expression; NULL: none. */
static const struct json *
topology_values(const struct json *term, struct span key)
{
  const struct json *found = NULL;
  for (json_each_item (p, json_get(term, "matchLabelExpressions")))
    if (span_eq(json_text_of(*p, "key"), key))
      found = json_get(*p, "values") ? json_get(*p, "values") : *p;
  return found;
}

/* Every key of x is in y with values that are the same as a set. */
static bool
topology_within(const struct json *x, const struct json *y)
{
  for (json_each_item (p, json_get(x, "matchLabelExpressions"))) {
    struct span key = json_text_of(*p, "key");
    const struct json *mine = topology_values(x, key), *theirs = topology_values(y, key);
    if (!theirs)
      return false;
    for (json_each_item (value, mine))
      if (!has_text(theirs, json_span(*value)))
        return false;
  }
  return true;
}

static void
check_topologies(struct validation *v, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *path = VP_ITEM(VP(NULL, "allowedTopologies"), i);
    const struct json *term = json_at(list, i);
    check_topology(v, path, term);
    /* Upstream compares with as many empty terms as there are terms, and then with those before this one. */
    for (size_t j = 0; j < json_count(list) && !json_count(json_get(term, "matchLabelExpressions")); j++)
      verr_duplicate(v, VP(path, "matchLabelExpressions"), SPAN(""));
    for (size_t j = 0; j < i; j++)
      if (topology_within(term, json_at(list, j)) && topology_within(json_at(list, j), term))
        verr_duplicate(v, VP(path, "matchLabelExpressions"), SPAN(""));
  }
}

static void
create_storage_class(struct validation *v, const struct json *o)
{
  static const char *const reclaim[] = { "Delete", "Retain", NULL }, *const binding[] = { "Immediate",
                                                                                          "WaitForFirstConsumer",
                                                                                          NULL };
  check_provisioner(v, o, "provisioner");
  check_parameters(v, json_get(o, "parameters"), false);
  if (json_text_of(o, "reclaimPolicy").n)
    validate_choice(v, NULL, o, "reclaimPolicy", reclaim);
  if (json_has(o, "volumeBindingMode") && !json_text_of(o, "volumeBindingMode").n)
    verr_not_supported(v, VP(NULL, "volumeBindingMode"), SPAN(""), binding);
  else
    validate_choice(v, NULL, o, "volumeBindingMode", binding);
  check_topologies(v, json_get(o, "allowedTopologies"));
}

static void
update_storage_class(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const fixed[] = { "parameters", "provisioner", "reclaimPolicy", "volumeBindingMode" };
  size_t mark = v->n;
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
    validate_immutable(v, VP(NULL, fixed[i]), json_get(o, fixed[i]), json_get(old, fixed[i]), NULL);
  validation_cover(v, mark, "immutable");
}

/* -- drivers -- */

static void
check_tokens(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *t = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span audience = json_text_of(t, "audience");
    int64_t seconds = json_get_int(t, "expirationSeconds", TOKEN_SECONDS_MIN);
    bool again = false;
    for (size_t j = 0; j < i && !again; j++)
      again = span_eq(json_text_of(json_at(list, j), "audience"), audience);
    if (again)
      verr_duplicate(v, VP(at, "audience"), audience);
    else if (seconds < TOKEN_SECONDS_MIN)
      verr_invalid_int(v, VP(at, "expirationSeconds"), seconds, "may not specify a duration less than 10 minutes");
    else if (seconds > INT64_C(1) << 32)
      verr_invalid_int(v, VP(at, "expirationSeconds"), seconds, "may not specify a duration larger than 2^32 seconds");
  }
}

static void
check_driver(struct validation *v, const struct json *o)
{
  static const char *const needed[][2] = { { "attachRequired", "attachedRequired" }, /* (sic) */
                                           { "podInfoOnMount", "podInfoOnMount" },
                                           { "storageCapacity", "storageCapacity" } };
  static const char *const policies[] = { "File", "None", "ReadWriteOnceWithFSType", NULL }, *const modes[] = {
    "Persistent", "Ephemeral", NULL
  };
  const struct json *spec = json_get(o, "spec"), *tokens = json_get(spec, "tokenRequests");
  const struct vpath *path = VP(NULL, "spec");
  int64_t seconds = json_get_int(spec, "nodeAllocatableUpdatePeriodSeconds", UPDATE_SECONDS_MIN);
  for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
    if (!json_has(spec, needed[i][0]))
      verr_required(v, VP(path, needed[i][1]), "");
  struct span policy = json_text_of(spec, "fsGroupPolicy");
  if (json_has(spec, "fsGroupPolicy") && !validate_is_one_of(policy, policies))
    verr_not_supported(v, VP(path, "fsGroupPolicy"), policy, policies);
  check_tokens(v, VP(path, "tokenRequests"), tokens);
  for (json_each_item (p, json_get(spec, "volumeLifecycleModes")))
    if (!validate_is_one_of(json_span(*p), modes))
      verr_not_supported(v, VP(path, "volumeLifecycleModes"), json_span(*p), modes);
  if (!json_has(spec, "seLinuxMount") && validation_gate(v, "SELinuxMountReadWriteOncePod"))
    verr_required(v, VP(path, "seLinuxMount"), "");
  if (seconds < UPDATE_SECONDS_MIN)
    verr_invalid_int(v, VP(path, "nodeAllocatableUpdatePeriodSeconds"), seconds,
                     "must be greater than or equal to 10 seconds");
  if (json_has(spec, "serviceAccountTokenInSecrets") && !json_count(tokens))
    verr_add(v, FIELD_INVALID, VP(path, "serviceAccountTokenInSecrets"),
             vjson(v->a, json_get(spec, "serviceAccountTokenInSecrets")),
             "serviceAccountTokenInSecrets is set but no tokenRequests are specified");
  if (!json_has(spec, "preventPodSchedulingIfMissing") && validation_gate(v, "VolumeLimitScaling"))
    verr_required(v, VP(path, "preventPodSchedulingIfMissing"), "");
}

static void
update_driver(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  const struct vpath *path = VP(NULL, "spec");
  check_driver(v, o);
  validate_immutable(v, VP(path, "attachedRequired"), json_get(spec, "attachRequired"), json_get(was, "attachRequired"),
                     NULL);
  size_t mark = v->n;
  validate_immutable(v, VP(path, "volumeLifecycleModes"), json_get(spec, "volumeLifecycleModes"),
                     json_get(was, "volumeLifecycleModes"), NULL);
  validation_cover(v, mark, "immutable");
}

void
validate_csi_name(struct validation *v, const struct vpath *path, struct span s, bool covered)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t mark = v->n;
  if (!s.n) {
    verr_required(v, path, "");
  } else {
    if (s.n > DRIVER_NAME_MAX) {
      verr_too_long(v, path, DRIVER_NAME_MAX);
      v->list[v->n - 1].origin = "maxLength";
    }
    size_t n = text_check(v->a, TEXT_DNS_SUBDOMAIN, lower(v->a, s), problems);
    for (size_t i = 0; i < n; i++)
      verr_add(v, FIELD_INVALID, path, vquote(v->a, s), "%s", problems[i])->origin =
          text_origin(TEXT_LONG_NAME_CASELESS);
  }
  if (covered)
    validation_cover(v, mark, NULL);
}

/* -- nodes -- */

static void
check_node_driver(struct validation *v, const struct vpath *path, const struct json *list, size_t at)
{
  const struct json *driver = json_at(list, at), *keys = json_get(driver, "topologyKeys");
  struct span name = json_text_of(driver, "name"), id = json_text_of(driver, "nodeID");
  int64_t count = json_get_int(json_get(driver, "allocatable"), "count", 0);
  validate_csi_name(v, VP(path, "name"), name, false);
  if (!id.n)
    verr_required(v, VP(path, "nodeID"), "");
  if (id.n > NODE_ID_MAX)
    verr_invalid(v, VP(path, "nodeID"), id, "must be 256 characters or less");
  if (count < 0)
    verr_invalid_int(v, VP(VP(path, "allocatable"), "count"), count, "must be greater than or equal to 0");
  for (size_t i = 0; i < at; i++)
    if (span_eq(json_text_of(json_at(list, i), "name"), name)) {
      verr_duplicate(v, VP(path, "name"), name);
      break;
    }
  for (size_t i = 0; i < json_count(keys); i++) {
    struct span key = json_span(json_at(keys, i));
    if (!key.n)
      verr_required(v, path, "");
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_span(json_at(keys, j)), key)) {
        verr_duplicate(v, path, key);
        break;
      }
    (void)verr_format(v, path, key, TEXT_LABEL_KEY);
  }
}

static void
check_node(struct validation *v, const struct json *o)
{
  const struct json *list = json_dig(o, "spec", "drivers", NULL);
  for (size_t i = 0; i < json_count(list); i++)
    check_node_driver(v, VP_ITEM(VP(VP(NULL, "spec"), "drivers"), i), list, i);
}

/* Drivers come and go; one that stays is as it was, but for its count where that may change. */
static void
update_node(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *list = json_dig(o, "spec", "drivers", NULL), *was = json_dig(old, "spec", "drivers", NULL);
  bool counts = validation_gate(v, "MutableCSINodeAllocatableCount");
  check_node(v, o);
  for (json_each_item (p, was))
    for (json_each_item (q, list)) {
      if (!span_eq(json_text_of(*p, "name"), json_text_of(*q, "name")))
        continue;
      struct json *now = json_shallow(v->a, *q), *before = json_shallow(v->a, *p);
      if (counts) {
        (void)json_remove(now, "allocatable");
        (void)json_remove(before, "allocatable");
      }
      if (!json_same(now, before))
        verr_add(v, FIELD_INVALID, VP(VP(NULL, "spec"), "drivers"), vgo(v, now, "io.k8s.api.storage.v1.CSINodeDriver"),
                 "field is immutable");
    }
}

/* -- attachments, capacities, attribute classes -- */

static void
check_volume_error(struct validation *v, const struct vpath *path, const struct json *e)
{
  if (json_text_of(e, "message").n > ERROR_MESSAGE_MAX)
    verr_too_long(v, VP(path, "message"), ERROR_MESSAGE_MAX);
  if (json_get_int(e, "errorCode", 0) < 0)
    verr_invalid_int(v, VP(path, "errorCode"), json_get_int(e, "errorCode", 0),
                     "must be between 0 and 2147483647, inclusive");
}

static void
check_attachment_source(struct validation *v, const struct vpath *path, const struct json *source)
{
  static const char one[] = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  bool named = json_has(source, "persistentVolumeName"), inlined = json_has(source, "inlineVolumeSpec");
  if (!named && !inlined)
    verr_required(v, path, one);
  else if (named && inlined)
    verr_forbidden(v, path, one);
  else if (named && !json_text_of(source, "persistentVolumeName").n)
    verr_required(v, VP(path, "persistentVolumeName"), "must specify non empty persistentVolumeName");
  else if (inlined)
    validate_volume_spec(v, VP(path, "inlineVolumeSpec"), json_get(source, "inlineVolumeSpec"), true);
}

static void
check_attachment(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *status = json_get(o, "status"), *source = json_get(spec, "source");
  const struct vpath *path = VP(NULL, "spec"), *below = VP(NULL, "status");
  size_t size = 0;
  validate_csi_name(v, VP(path, "attacher"), json_text_of(spec, "attacher"), true);
  check_attachment_source(v, VP(path, "source"), source);
  (void)verr_format(v, VP(path, "nodeName"), json_text_of(spec, "nodeName"), TEXT_DNS_SUBDOMAIN);
  for (json_each_member (m, json_get(status, "attachmentMetadata")))
    size += m->name_len + json_span(m->value).n;
  if (size > METADATA_MAX)
    verr_too_long(v, VP(below, "attachmentMetadata"), METADATA_MAX);
  check_volume_error(v, VP(below, "attachError"), json_get(status, "attachError"));
  check_volume_error(v, VP(below, "detachError"), json_get(status, "detachError"));
  if (json_has(source, "persistentVolumeName"))
    (void)verr_format(v, VP(NULL, "spec.source.persistentVolumeName"), json_text_of(source, "persistentVolumeName"),
                      TEXT_DNS_SUBDOMAIN);
}

static void
update_attachment(struct validation *v, const struct json *o, const struct json *old)
{
  check_attachment(v, o);
  size_t mark = v->n;
  if (!json_same(json_get(o, "spec"), json_get(old, "spec")))
    verr_add(v, FIELD_INVALID, VP(NULL, "spec"),
             vgo(v, json_get(o, "spec"), "io.k8s.api.storage.v1.VolumeAttachmentSpec"), "field is immutable");
  validation_cover(v, mark, "immutable");
}

static void
check_capacity(struct validation *v, const struct json *o)
{
  struct quantity q;
  validate_label_selector(v, VP(NULL, "nodeTopology"), json_get(o, "nodeTopology"));
  (void)verr_format(v, VP(NULL, "storageClassName"), json_text_of(o, "storageClassName"), TEXT_DNS_SUBDOMAIN);
  if (json_quantity(json_get(o, "capacity"), &q) && quantity_sign(&q) < 0)
    verr_invalid(v, VP(NULL, "capacity"), span_of(quantity_text(v->a, &q)), "must be greater than or equal to 0");
}

static void
update_capacity(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const fixed[] = { "nodeTopology", "storageClassName" };
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
    const struct json *now = json_get(o, fixed[i]);
    validate_immutable(v, VP(NULL, fixed[i]), now, json_get(old, fixed[i]), i && !now ? "\"\"" : NULL);
  }
}

static void
check_attributes(struct validation *v, const struct json *o)
{
  check_provisioner(v, o, "driverName");
  check_parameters(v, json_get(o, "parameters"), true);
}

static void
update_attributes(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct name_rule subdomain = { .format = TEXT_DNS_SUBDOMAIN };
  static const char *const fixed[] = { "driverName", "parameters" };
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
    if (!json_same(json_get(o, fixed[i]), json_get(old, fixed[i])))
      verr_forbidden(v, VP(NULL, fixed[i]), arena_printf(v->a, "updates to %s are forbidden.", fixed[i]));
  validate_object_meta(v, o, false, &subdomain);
  check_attributes(v, o);
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_storage[] = {
  { "storage.k8s.io", "StorageClass", .cluster = true, .name = SUBDOMAIN, .create = create_storage_class,
    .update = update_storage_class, .flags = VALIDATOR_CREATE_AGAIN },
  { "storage.k8s.io", "CSIDriver", .cluster = true, .name = SUBDOMAIN, .create = check_driver,
    .update = update_driver },
  { "storage.k8s.io", "CSINode", .cluster = true, .name = SUBDOMAIN, .create = check_node, .update = update_node,
    .flags = VALIDATOR_META_AGAIN },
  { "storage.k8s.io", "VolumeAttachment", .cluster = true, .name = SUBDOMAIN, .create = check_attachment,
    .update = update_attachment, .flags = VALIDATOR_META_AGAIN },
  { "storage.k8s.io", "CSIStorageCapacity", .name = SUBDOMAIN, .create = check_capacity, .update = update_capacity,
    .flags = VALIDATOR_CREATE_AGAIN },
  { "storage.k8s.io", "VolumeAttributesClass", .cluster = true, .name = SUBDOMAIN, .create = check_attributes,
    .update = update_attributes },
};
const size_t validator_storage_count = ARRAY_SIZE(validators_storage);
