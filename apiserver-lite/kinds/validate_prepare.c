/*
 * What registry strategies do before validation: PrepareForCreate and PrepareForUpdate of pkg/registry, from tables:
 * the gates of fields are in the kind tables, the rest is in rows here.
 */
#include "crd_custom.h"
#include "number.h"
#include "object.h"
#include "validate_internal.h"

/* -- status, spec and metadata -- */

enum {
  KEEP_STATUS = 1,       /* a create keeps the status it brings */
  STATUS_META = 2,       /* a status update leaves all metadata as it was */
  STATUS_LABELS = 4,     /* ... or the labels */
  ANNOTATIONS_COUNT = 8, /* a change of annotations is a new generation */
  LABELS_COUNT = 32,     /* ... of labels */
  GENERATION_LATE = 64,  /* counted from the first change on, not from the creation */
  GENERATION_FIRST = 16, /* compared before fields are dropped */
};

static const struct {
  const char *group, *kind;
  unsigned flags;
} strategies[] = {
  { "", "Node", KEEP_STATUS },
  { "admissionregistration.k8s.io", "ValidatingAdmissionPolicy", STATUS_META },
  { "apiregistration.k8s.io", "APIService", STATUS_META },
  { "apps", "Deployment", STATUS_LABELS | ANNOTATIONS_COUNT },
  { "certificates.k8s.io", "PodCertificateRequest", STATUS_META },
  { "flowcontrol.apiserver.k8s.io", "FlowSchema", STATUS_META },
  { "flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", STATUS_META },
  { "internal.apiserver.k8s.io", "StorageVersion", STATUS_META },
  { "lifecycle.k8s.io", "Eviction", STATUS_META },
  { "lifecycle.k8s.io", "EvictionRequest", STATUS_META },
  { "networking.k8s.io", "ServiceCIDR", STATUS_META },
  { "resource.k8s.io", "DeviceTaintRule", STATUS_META },
  { "resource.k8s.io", "PodScheduling", STATUS_META },
  { "resource.k8s.io", "PodSchedulingContext", STATUS_META },
  { "resource.k8s.io", "ResourceClaim", STATUS_META },
  { "resource.k8s.io", "ResourcePoolStatusRequest", STATUS_META },
  { "resource.k8s.io", "ResourceSlice", GENERATION_FIRST },
  { "scheduling.k8s.io", "CompositePodGroup", STATUS_META },
  { "scheduling.k8s.io", "PodGroup", STATUS_META },
  { "storage.k8s.io", "CSINode", STATUS_META },
  { "storage.k8s.io", "VolumeAttachment", STATUS_META },
  { "storagemigration.k8s.io", "StorageVersionMigration", STATUS_META },
  { "storage.k8s.io", "CSIDriver", GENERATION_LATE },
  { "discovery.k8s.io", "EndpointSlice", LABELS_COUNT },
};

static unsigned
strategy_of(const struct kind *k)
{
  for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
    if (!strcmp(strategies[i].kind, k->kind) && !strcmp(strategies[i].group, k->group))
      return strategies[i].flags;
  return 0;
}

const char *
validate_status_keeps(const struct kind *k)
{
  unsigned strategy = strategy_of(k);

  return k->custom || (strategy & STATUS_META) ? "" : strategy & STATUS_LABELS ? "labels" : NULL;
}

static uint32_t
resource_flags(const struct kind *k)
{
  const struct kind_resource *r = kind_resource_of(k);
  return r ? r->flags : 0;
}

/* The member as the old object has it. */
/* Fresh objects have the status that Go's zero value would be written as. */
static void
clear_status(struct arena *a, const struct kind *k, struct json *o)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *blank = json_new_object(a), *zero = NULL;
  json_set_str(a, blank, "apiVersion", object_api_version(o));
  json_set_str(a, blank, "kind", object_kind(o));
  if (kind_decode(a, k, blank, NULL, &zero, &err) < 0)
    json_remove(o, "status");
  else
    json_restore(a, o, zero, "status");
}

/*
 * DRAControlPlaneController of 1.31 (resourceclaim/strategy.go). Not a matter of marked fields: templates keep the
 * controller, and a claim that has one may be allocated and deallocated by it though the gate is off.
 */
static void
drop_controller(const struct kind *k, struct json *o, const struct json *old, const struct personality *p)
{
  struct json *spec = json_find(o, "spec"), *status = json_find(o, "status");
  struct json *allocation = status ? json_find(status, "allocation") : NULL;
  const struct json *was = json_get(old, "status");
  bool had = json_text_of(json_get(old, "spec"), "controller").n > 0;
  if (strcmp(k->kind, "ResourceClaim") || strcmp(k->group, "resource.k8s.io") || strcmp(k->version, "v1alpha3") ||
      personality_gate(p, "DRAControlPlaneController"))
    return;
  if (!had && spec)
    (void)json_remove(spec, "controller");
  if (!old)
    return;
  if (!had && json_is(allocation, JSON_OBJECT) && !json_has(was, "allocation"))
    (void)json_remove(allocation, "controller");
  if (status && !json_get_bool(was, "deallocationRequested", false) && !json_text_of(allocation, "controller").n)
    (void)json_remove(status, "deallocationRequested");
}

static void
drop_disabled(struct arena *a, const struct kind *k, struct json *o, const struct json *old,
              const struct personality *p)
{
  kind_drop_disabled(a, k, o, old, p);
  drop_controller(k, o, old, p);
}

void
validate_prepare_create(struct arena *a, const struct kind *k, struct json *o, const struct personality *p)
{
  if (k->custom) {
    custom_prepare_create(a, k->custom, o);
    return;
  }
  uint32_t flags = resource_flags(k);
  if ((flags & KIND_RES_STATUS) && !(strategy_of(k) & KEEP_STATUS) && json_get(o, "status"))
    clear_status(a, k, o);
  if (flags & KIND_RES_GENERATION)
    json_set_int(a, json_ensure_object(a, o, "metadata"), "generation", 1);
  else if (json_get(o, "metadata"))
    json_remove(json_find(o, "metadata"), "generation");
  drop_disabled(a, k, o, NULL, p);
}

void
validate_keep_metadata(struct arena *a, struct json *o, const struct json *old)
{
  static const char *const kept[] = { "deletionTimestamp", "generation", "selfLink",       "labels",
                                      "annotations",       "finalizers", "ownerReferences" };
  for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
    json_restore(a, json_ensure_object(a, o, "metadata"), json_get(old, "metadata"), kept[i]);
}

/* Is there an allocation result for the device of this status entry? */
static bool
is_result(const struct json *claim, const struct json *entry)
{
  static const char *const keys[] = { "driver", "pool", "device", "shareID" };
  for (json_each_item (p, json_dig(claim, "status", "allocation", "devices", "results", NULL))) {
    bool same = true;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
      same &= span_eq(json_text_of(*p, keys[i]), json_text_of(entry, keys[i]));
    if (same)
      return true;
  }
  return false;
}

/* What drivers said about devices goes with their allocation (dropDeallocatedStatusDevices). */
static void
drop_deallocated(struct json *o, const struct json *old)
{
  struct json *status = json_find(o, "status"), *devices = status ? json_find(status, "devices") : NULL;
  for (size_t i = json_count(devices); i-- > 0;)
    if (is_result(old, json_at(devices, i)) && !is_result(o, json_at(devices, i)))
      json_remove_at(devices, i);
  if (devices && !json_count(devices))
    json_remove(status, "devices");
}

/* A new effect starts its time anew, unless the client says when (devicetaintrule/strategy.go). */
static void
restart_taint(struct arena *a, struct json *o, const struct json *old, int64_t now)
{
  const struct json *was = json_dig(old, "spec", "taint", NULL);
  struct json *taint = json_find(json_ensure_object(a, o, "spec"), "taint");
  if (!taint || json_same(json_get(taint, "effect"), json_get(was, "effect")) ||
      !json_same(json_get(taint, "timeAdded"), json_get(was, "timeAdded")))
    return;
  char text[CLOCK_TEXT_MAX];
  json_set_str(a, taint, "timeAdded", clock_rfc3339(now * CLOCK_SEC, false, text));
}

/*
 * How often the template of a daemon set has changed: a field of upstream's internal type, an annotation in v1, which
 * is the server's alone to write once the set exists (apps/daemonset/strategy.go).
 */
static void
count_templates(struct arena *a, struct json *o, const struct json *old)
{
  static const char name[] = "deprecated.daemonset.template.generation";
  const struct json *now = json_dig(o, "spec", "template", NULL), *was = json_dig(old, "spec", "template", NULL);
  struct span text = json_text_of(object_annotations(old), name);
  struct json *annotations = json_ensure_object(a, json_ensure_object(a, o, "metadata"), "annotations");
  int64_t n;
  if (!number_int64(text, &n))
    n = 0;
  json_set(a, annotations, name, json_new_strf(a, "%lld", (long long)(n + !json_same(now, was))));
  json_sort_members(annotations);
}

static bool
generation_moves(const struct json *o, const struct json *old, unsigned strategy)
{
  for (json_each_member (m, o))
    if (strcmp(m->name, "metadata") && strcmp(m->name, "status") && strcmp(m->name, "apiVersion") &&
        strcmp(m->name, "kind") && !json_same(m->value, json_get(old, m->name)))
      return true;
  for (json_each_member (m, old))
    if (strcmp(m->name, "metadata") && strcmp(m->name, "status") && !json_get(o, m->name) && !json_same(m->value, NULL))
      return true;
  if ((strategy & LABELS_COUNT) && !json_same(object_labels(o), object_labels(old)))
    return true;
  return (strategy & ANNOTATIONS_COUNT) && !json_same(object_annotations(o), object_annotations(old));
}

static void
update_main(struct arena *a, const struct kind *k, struct json *o, const struct json *old, const struct personality *p,
            int64_t now)
{
  unsigned strategy = strategy_of(k);
  uint32_t flags = resource_flags(k);
  if (flags & KIND_RES_STATUS)
    json_restore(a, o, old, "status");
  bool moves = (strategy & GENERATION_FIRST) && generation_moves(o, old, strategy);
  drop_disabled(a, k, o, old, p);
  if (!strcmp(k->kind, "DeviceTaintRule"))
    restart_taint(a, o, old, now);
  if (!strcmp(k->kind, "DaemonSet") && !strcmp(k->group, "apps"))
    count_templates(a, o, old);
  if (!(strategy & GENERATION_FIRST))
    moves = generation_moves(o, old, strategy);
  if (((flags & KIND_RES_GENERATION) || (strategy & GENERATION_LATE)) && moves)
    json_set_int(a, json_ensure_object(a, o, "metadata"), "generation", object_generation(old) + 1);
}

static void
update_status(struct arena *a, const struct kind *k, struct json *o, const struct json *old,
              const struct personality *p)
{
  unsigned strategy = strategy_of(k);
  json_restore(a, o, old, "spec");
  if (strategy & STATUS_META)
    validate_keep_metadata(a, o, old);
  if (strategy & STATUS_LABELS)
    json_restore(a, json_ensure_object(a, o, "metadata"), json_get(old, "metadata"), "labels");
  drop_disabled(a, k, o, old, p);
  if (!strcmp(k->kind, "DaemonSet") && !strcmp(k->group, "apps"))
    count_templates(a, o, old);
  if (!strcmp(k->kind, "ResourceClaim") && !strcmp(k->group, "resource.k8s.io"))
    drop_deallocated(o, old);
}

void
validate_prepare_update(struct arena *a, const struct kind *k, struct json *o, const struct json *old,
                        const char *subresource, const struct personality *p, int64_t now)
{
  if (k->custom) {
    custom_prepare_update(a, k->custom, o, old, subresource);
    return;
  }
  if (!*subresource)
    update_main(a, k, o, old, p, now);
  else if (!strcmp(subresource, "status"))
    update_status(a, k, o, old, p);
  else
    drop_disabled(a, k, o, old, p);
}
