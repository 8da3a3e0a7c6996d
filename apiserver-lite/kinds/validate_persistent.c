/* Persistent volumes and claims of them (core/validation). */
#include "object.h"
#include "validate_pod.h"

static const char *const access_modes[] = { "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod",
                                            NULL },
                         *const volume_modes[] = { "Block", "Filesystem", NULL };

static void
check_access_modes(struct validation *v, const struct vpath *path, const struct json *modes)
{
  bool alone = false, shared = false;
  for (json_each_item (p, modes)) {
    struct span mode = json_span(*p);
    bool known = validate_is_one_of(mode, access_modes), single = span_is(mode, "ReadWriteOncePod");
    if (!known)
      verr_not_supported(v, path, mode, access_modes);
    alone |= single;
    shared |= known && !single;
  }
  if (alone && shared)
    verr_forbidden(v, path, "may not use ReadWriteOncePod with other access modes");
}

static void
check_volume_mode(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span mode = json_text_of(spec, "volumeMode");
  if (json_has(spec, "volumeMode") && !validate_is_one_of(mode, volume_modes))
    verr_not_supported(v, VP(path, "volumeMode"), mode, volume_modes);
}

/* -- volumes -- */

static void
check_csi(struct validation *v, const struct vpath *path, const struct json *csi)
{
  static const char *const secrets[] = { "controllerPublishSecretRef", "controllerExpandSecretRef",
                                         "nodePublishSecretRef", "nodeExpandSecretRef" };
  validate_csi_name(v, VP(path, "driver"), json_text_of(csi, "driver"), false);
  (void)validate_needed(v, path, csi, "volumeHandle");
  for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
    const struct json *ref = json_get(csi, secrets[i]);
    const struct vpath *at = VP(path, secrets[i]);
    if (json_type(ref) == JSON_NULL)
      continue;
    if (validate_needed(v, at, ref, "name"))
      (void)verr_format(v, VP(at, "name"), json_text_of(ref, "name"), TEXT_DNS_SUBDOMAIN);
    if (validate_needed(v, at, ref, "namespace"))
      (void)verr_format(v, VP(at, "namespace"), json_text_of(ref, "namespace"), TEXT_DNS_LABEL);
  }
}

/* In upstream's order. Those without a function are in validate_volume_types.c. */
static const struct {
  const char *name;
  void (*check)(struct validation *v, const struct vpath *path, const struct json *source);
} sources[] = {
  { "hostPath", validate_host_path },
  { "gcePersistentDisk", NULL },
  { "awsElasticBlockStore", NULL },
  { "glusterfs", NULL },
  { "flocker", NULL },
  { "nfs", NULL },
  { "rbd", NULL },
  { "quobyte", NULL },
  { "cephfs", NULL },
  { "iscsi", NULL },
  { "cinder", NULL },
  { "fc", NULL },
  { "flexVolume", NULL },
  { "azureFile", NULL },
  { "vsphereVolume", NULL },
  { "photonPersistentDisk", NULL },
  { "portworxVolume", NULL },
  { "azureDisk", NULL },
  { "scaleIO", NULL },
  { "local", validate_local_volume },
  { "storageos", NULL },
  { "csi", check_csi },
};

static void
check_source(struct validation *v, const struct vpath *path, const struct json *spec)
{
  size_t n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
    const struct json *source = json_get(spec, sources[i].name);
    if (json_type(source) == JSON_NULL)
      continue;
    if (n++)
      validate_second_volume(v, path, sources[i].name);
    else if (sources[i].check)
      sources[i].check(v, VP(path, sources[i].name), source);
    else
      validate_volume_type(v, path, sources[i].name, source, true);
    if (n == 1 && !strcmp(sources[i].name, "local") && !json_has(spec, "nodeAffinity"))
      verr_required(v, VP(path, "nodeAffinity"), "Local volume requires node affinity");
  }
  if (!n)
    verr_required(v, path, "must specify a volume type");
}

static void
check_volume_capacity(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const storage[] = { "storage", NULL };
  const struct json *capacity = json_get(spec, "capacity");
  const struct vpath *at = VP(path, "capacity");
  struct quantity q;
  if (!json_count(capacity))
    verr_required(v, at, "");
  if (json_count(capacity) != 1 || !json_has(capacity, storage[0]))
    verr_add(v, FIELD_NOT_SUPPORTED, at, vjson(v->a, capacity), "supported values: \"storage\"");
  for (json_each_member (m, capacity)) {
    if (!json_quantity(m->value, &q))
      continue;
    const struct vpath *key = VP_KEY(at, m->name);
    if (quantity_sign(&q) < 0)
      verr_add(v, FIELD_INVALID, key, arena_printf(v->a, "%lld", (long long)quantity_value(&q)),
               "must be a valid resource quantity");
    if (quantity_sign(&q) <= 0)
      verr_invalid(v, key, span_of(quantity_text(v->a, &q)), "must be greater than zero");
  }
}

/* What a volume may have that is not inlined. */
static void
check_inlined(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char text[] = "may not be specified in the context of inline volumes";
  if (json_has(spec, "claimRef"))
    verr_forbidden(v, VP(path, "claimRef"), text);
  if (json_count(json_get(spec, "capacity")))
    verr_forbidden(v, VP(path, "capacity"), text);
  if (!json_has(spec, "csi"))
    verr_required(v, VP(path, "csi"), "has to be specified in the context of inline volumes");
}

static void
check_inlined_rest(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span mode = json_text_of(spec, "volumeMode");
  if (json_text_of(spec, "storageClassName").n)
    verr_forbidden(v, VP(path, "storageClassName"), "may not be specified in the context of inline volumes");
  if (json_has(spec, "volumeMode") && !span_is(mode, "Filesystem"))
    verr_forbidden(v, VP(path, "volumeMode"),
                   "may not specify volumeMode other than Filesystem in the context of inline volumes");
}

static void
check_reclaim(struct validation *v, const struct vpath *path, const struct json *spec, bool inlined)
{
  static const char *const policies[] = { "Delete", "Recycle", "Retain", NULL };
  struct span policy = json_text_of(spec, "persistentVolumeReclaimPolicy");
  if (inlined && policy.n && !span_is(policy, "Retain"))
    verr_forbidden(v, VP(path, "persistentVolumeReclaimPolicy"), "may only be Retain in the context of inline volumes");
  else if (!inlined && policy.n && !validate_is_one_of(policy, policies))
    verr_not_supported(v, VP(path, "persistentVolumeReclaimPolicy"), policy, policies);
}

static void
check_volume_affinity(struct validation *v, const struct vpath *path, const struct json *affinity, bool inlined)
{
  if (json_type(affinity) == JSON_NULL)
    return;
  if (inlined)
    verr_forbidden(v, path, "may not be specified in the context of inline volumes");
  else if (json_has(affinity, "required"))
    validate_node_selector(v, VP(path, "required"), json_get(affinity, "required"));
  else
    verr_required(v, VP(path, "required"), "must specify required node constraints");
}

static void
check_attributes_class(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span name = json_text_of(spec, "volumeAttributesClassName");
  if (!json_has(spec, "volumeAttributesClassName") || !validation_gate(v, "VolumeAttributesClass"))
    return;
  if (name.n)
    (void)verr_format(v, VP(path, "volumeAttributesClassName"), name, TEXT_DNS_SUBDOMAIN);
  else
    verr_required(v, VP(path, "volumeAttributesClassName"), "an empty string is disallowed");
  if (!json_has(spec, "csi"))
    verr_required(v, VP(path, "csi"), "has to be specified when using volumeAttributesClassName");
}

/* Is the path "/", however it is written? */
static bool
is_root(struct span s)
{
  if (!span_starts(s, SPAN("/")))
    return false;
  while (s.n) {
    struct span step = span_cut(s, '/', &s);
    if (step.n && !span_is(step, ".") && !span_is(step, ".."))
      return false;
  }
  return true;
}

void
validate_volume_spec(struct validation *v, const struct vpath *path, const struct json *spec, bool inlined)
{
  const struct json *modes = json_get(spec, "accessModes");
  struct span class = json_text_of(spec, "storageClassName");
  if (inlined)
    check_inlined(v, path, spec);
  if (!json_count(modes))
    verr_required(v, VP(path, "accessModes"), "");
  check_access_modes(v, VP(path, "accessModes"), modes);
  if (!inlined)
    check_volume_capacity(v, path, spec);
  check_reclaim(v, path, spec, inlined);
  check_volume_affinity(v, VP(path, "nodeAffinity"), json_get(spec, "nodeAffinity"), inlined);
  check_source(v, path, spec);
  if (is_root(json_text_of(json_get(spec, "hostPath"), "path")) &&
      span_is(json_text_of(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
    verr_forbidden(v, VP(path, "persistentVolumeReclaimPolicy"), "may not be 'recycle' for a hostPath mount of '/'");
  if (inlined)
    check_inlined_rest(v, path, spec);
  else if (class.n)
    (void)verr_format(v, VP(path, "storageClassName"), class, TEXT_DNS_SUBDOMAIN);
  if (!inlined) {
    check_volume_mode(v, path, spec);
    check_attributes_class(v, path, spec);
  }
}

static void
check_volume(struct validation *v, const struct json *o)
{
  validate_volume_spec(v, VP(NULL, "spec"), json_get(o, "spec"), false);
}

/* Of a spec, what says where the data are; `other`: a driver's secret for growing may be added to it. */
static struct json *
source_of(struct validation *v, const struct json *spec, const struct json *other)
{
  struct json *source = json_new_object(v->a);
  for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
    if (json_has(spec, sources[i].name))
      json_set(v->a, source, sources[i].name, json_copy(v->a, json_get(spec, sources[i].name)));
  struct json *csi = json_find(source, "csi");
  if (other && csi && json_has(other, "csi") && !json_has(json_get(other, "csi"), "controllerExpandSecretRef"))
    (void)json_remove(csi, "controllerExpandSecretRef");
  return source;
}

static void
update_volume(struct validation *v, const struct json *o, const struct json *old)
{
  static const char type[] = "io.k8s.api.core.v1.PersistentVolumeSource";
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  const struct json *now = source_of(v, spec, was), *before = source_of(v, was, NULL);
  const struct vpath *path = VP(NULL, "spec");
  check_volume(v, o);
  if (!json_same(now, before))
    verr_add(v, FIELD_FORBIDDEN, VP(path, "persistentvolumesource"), NULL,
             "spec.persistentvolumesource is immutable after creation\n%s",
             validate_diff(v->a, vgo_json(v->a, before, type), vgo_json(v->a, now, type)));
  validate_immutable(v, VP(NULL, "volumeMode"), json_get(spec, "volumeMode"), json_get(was, "volumeMode"), NULL);
  if (json_has(was, "nodeAffinity") && !validation_gate(v, "MutablePVNodeAffinity") &&
      !json_same(json_get(spec, "nodeAffinity"), json_get(was, "nodeAffinity")))
    verr_add(v, FIELD_INVALID, VP(NULL, "nodeAffinity"),
             vgo(v, json_get(spec, "nodeAffinity"), "io.k8s.api.core.v1.VolumeNodeAffinity"),
             "field is immutable, except for updating from beta label to GA");
  if (json_has(was, "volumeAttributesClassName") && !json_has(spec, "volumeAttributesClassName"))
    verr_forbidden(v, VP(path, "volumeAttributesClassName"), "update from non-nil value to nil is forbidden");
}

/* -- claims -- */

/* What a claim is filled from; both members may name it. */
static void
check_data_source(struct validation *v, const struct vpath *path, const struct json *source)
{
  struct span group = json_text_of(source, "apiGroup"), space = json_text_of(source, "namespace"),
              kind = json_text_of(source, "kind");
  if (json_type(source) == JSON_NULL)
    return;
  (void)validate_needed(v, path, source, "name");
  (void)validate_needed(v, path, source, "kind");
  if (group.n)
    (void)verr_format(v, VP(path, "apiGroup"), group, TEXT_DNS_SUBDOMAIN);
  else if (!span_is(kind, "PersistentVolumeClaim"))
    verr_invalid(v, path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  if (space.n)
    (void)verr_format(v, VP(path, "namespace"), space, TEXT_DNS_LABEL);
}

static void
check_data_sources(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const members[] = { "apiGroup", "kind", "name" };
  const struct json *source = json_get(spec, "dataSource"), *ref = json_get(spec, "dataSourceRef");
  bool same = true;
  check_data_source(v, VP(path, "dataSource"), source);
  check_data_source(v, VP(path, "dataSourceRef"), ref);
  if (json_type(source) == JSON_NULL || json_type(ref) == JSON_NULL)
    return;
  for (size_t i = 0; i < ARRAY_SIZE(members); i++)
    same &= json_same(json_get(source, members[i]), json_get(ref, members[i]));
  if (json_text_of(ref, "namespace").n) /* upstream shows the path, an empty struct in JSON, for a value */
    verr_add(v, FIELD_INVALID, path, "{}", "may not be specified when dataSourceRef.namespace is specified");
  else if (!same)
    verr_add(v, FIELD_INVALID, path, "{}", "must match dataSourceRef");
}

void
validate_volume_claim_spec(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *modes = json_get(spec, "accessModes"),
                    *storage = json_dig(spec, "resources", "requests", "storage", NULL);
  const struct vpath *at = VP_KEY(VP(path, "resources"), "storage");
  struct span class = json_text_of(spec, "storageClassName"),
              attributes = json_text_of(spec, "volumeAttributesClassName");
  struct quantity q;
  if (!json_count(modes))
    verr_required(v, VP(path, "accessModes"), "at least 1 access mode is required");
  validate_label_selector(v, VP(path, "selector"), json_get(spec, "selector"));
  check_access_modes(v, VP(path, "accessModes"), modes);
  if (!json_quantity(storage, &q))
    verr_required(v, at, "");
  else if (quantity_sign(&q) <= 0)
    verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be greater than zero");
  if (class.n)
    (void)verr_format(v, VP(path, "storageClassName"), class, TEXT_DNS_SUBDOMAIN);
  check_volume_mode(v, path, spec);
  check_data_sources(v, path, spec);
  if (attributes.n && validation_gate(v, "VolumeAttributesClass"))
    (void)verr_format(v, VP(path, "volumeAttributesClassName"), attributes, TEXT_DNS_SUBDOMAIN);
}

static void
check_claim(struct validation *v, const struct json *o)
{
  validate_volume_claim_spec(v, VP(NULL, "spec"), json_get(o, "spec"));
}

static void
put_or_remove(struct arena *a, struct json *o, const char *name, const struct json *value)
{
  if (value)
    json_set(a, o, name, json_copy(a, value));
  else
    (void)json_remove(o, name);
}

/* May the class be named now that none was? Then it is no change. */
static bool
class_may_come(const struct json *old, const struct json *spec)
{
  static const char annotation[] = "volume.beta.kubernetes.io/storage-class";
  const struct json *was = json_get(old, "spec"), *noted = json_get(object_annotations(old), annotation);
  return !json_has(was, "storageClassName") && json_has(spec, "storageClassName") &&
         (!noted || json_same(noted, json_get(spec, "storageClassName")));
}

/* The specs as they are compared, without what may change. */
static void
compare_claims(struct validation *v, const struct json *o, const struct json *old)
{
  static const char type[] = "io.k8s.api.core.v1.PersistentVolumeClaimSpec";
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  struct json *now = spec ? json_copy(v->a, spec) : json_new_object(v->a),
              *before = was ? json_copy(v->a, was) : json_new_object(v->a), *resources = json_find(now, "resources"),
              *requests = resources ? json_find(resources, "requests") : NULL;
  if (!json_text_of(was, "volumeName").n)
    put_or_remove(v->a, before, "volumeName", json_get(spec, "volumeName"));
  if (class_may_come(old, spec))
    put_or_remove(v->a, now, "storageClassName", json_get(was, "storageClassName"));
  if (span_is(json_text_of(json_get(o, "status"), "phase"), "Bound")) {
    if (requests)
      put_or_remove(v->a, requests, "storage", json_dig(was, "resources", "requests", "storage", NULL));
    put_or_remove(v->a, now, "volumeAttributesClassName", json_get(was, "volumeAttributesClassName"));
  }
  if (!json_same(now, before))
    verr_add(v, FIELD_FORBIDDEN, VP(NULL, "spec"), NULL,
             personality_minor(v->p) >= 31
                 ? "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
                   "claims\n%s"
                 : "spec is immutable after creation except resources.requests for bound claims\n%s",
             validate_diff(v->a, vgo_json(v->a, before, type), vgo_json(v->a, now, type)));
}

static struct quantity
storage_of(const struct json *list)
{
  struct quantity q = quantity_from_int(0, QUANTITY_BINARY_SI);
  (void)json_quantity(json_get(list, "storage"), &q);
  return q;
}

/* A claim may only shrink to get away from a growth that failed. */
static void
check_shrinking(struct validation *v, const struct json *o, const struct json *old)
{
  struct quantity now = storage_of(json_dig(o, "spec", "resources", "requests", NULL)),
                  was = storage_of(json_dig(old, "spec", "resources", "requests", NULL)),
                  has = storage_of(json_dig(old, "status", "capacity", NULL));
  const struct vpath *path = VP(VP(VP(VP(NULL, "spec"), "resources"), "requests"), "storage");
  if (quantity_cmp(&now, &was) >= 0)
    return;
  if (!validation_gate(v, "RecoverVolumeExpansionFailure"))
    verr_forbidden(v, path, "field can not be less than previous value");
  else if (quantity_cmp(&now, &has) <= 0)
    verr_forbidden(v, path, "field can not be less than status.capacity");
}

static void
update_claim(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct name_rule subdomain = { .format = TEXT_DNS_SUBDOMAIN };
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  validate_object_meta(v, o, true, &subdomain);
  check_claim(v, o);
  compare_claims(v, o, old);
  check_shrinking(v, o, old);
  validate_immutable(v, VP(NULL, "volumeMode"), json_get(spec, "volumeMode"), json_get(was, "volumeMode"), NULL);
  if (json_has(json_get(old, "status"), "currentVolumeAttributesClassName") &&
      !json_text_of(spec, "volumeAttributesClassName").n)
    verr_forbidden(v, VP(VP(NULL, "spec"), "volumeAttributesClassName"),
                   arena_printf(v->a,
                                "update to %s is forbidden when status.currentVolumeAttributesClassName is not nil",
                                json_has(spec, "volumeAttributesClassName") ? "empty string" : "nil"));
}

/* validateBasicResource. */
static void
update_claim_status(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const lists[] = { "capacity", "allocatedResources" };
  struct quantity q;
  (void)old;
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_member (m, json_dig(o, "status", lists[i], NULL)))
      if (json_quantity(m->value, &q) && quantity_value(&q) < 0)
        verr_invalid_int(v, VP_KEY(VP(VP(NULL, "status"), lists[i]), m->name), quantity_value(&q),
                         "must be a valid resource quantity");
}

static void
keep_volume(struct validation *v, const struct json *o, const struct json *old)
{
  (void)v, (void)o, (void)old; /* whatever a controller says of a volume is taken */
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_persistent[] = {
  { "", "PersistentVolume", .cluster = true, .name = SUBDOMAIN, .create = check_volume, .update = update_volume,
    .status = keep_volume, .flags = VALIDATOR_META_AGAIN },
  { "", "PersistentVolumeClaim", .name = SUBDOMAIN, .create = check_claim, .update = update_claim,
    .status = update_claim_status },
};
const size_t validator_persistent_count = ARRAY_SIZE(validators_persistent);
