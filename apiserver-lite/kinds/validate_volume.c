/* Volumes of pods: core/validation's ValidateVolumes. */
#include "validate_pod.h"

/* ValidateLocalNonReservedPath. */
void
validate_path_in_volume(struct validation *v, const struct vpath *path, struct span s)
{
  check_path_below(v, path, s);
  if (span_starts(s, SPAN("..")) && !span_starts(s, SPAN("../")))
    verr_invalid(v, path, s, "must not start with '..'");
}

#define MODE_RANGE "must be a number between 0 and 0777 (octal), both inclusive"

void
validate_file_mode(struct validation *v, const struct vpath *up, const struct json *o, const char *name)
{
  int64_t mode = json_get_int(o, name, 0);
  if (json_has(o, name) && (mode < 0 || mode > 0777))
    verr_invalid_int(v, VP(up, name), mode, MODE_RANGE);
}

void
validate_key_path(struct validation *v, const struct vpath *path, const struct json *item)
{
  (void)validate_needed(v, path, item, "key");
  if (validate_needed(v, path, item, "path"))
    validate_path_in_volume(v, VP(path, "path"), json_text_of(item, "path"));
  validate_file_mode(v, path, item, "mode");
  validate_user_id(v, path, item, "user");
}

static void
check_key_paths(struct validation *v, const struct vpath *path, const struct json *items)
{
  for (size_t i = 0; i < json_count(items); i++)
    validate_key_path(v, VP_ITEM(path, i), json_at(items, i));
}

/* What all volumes made of files say of these. */
static void
check_defaults(struct validation *v, const struct vpath *path, const struct json *s)
{
  validate_file_mode(v, path, s, "defaultMode");
  validate_user_id(v, path, s, "defaultUser");
}

static void
check_secret(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)validate_needed(v, path, s, "secretName");
  check_defaults(v, path, s);
  check_key_paths(v, VP(path, "items"), json_get(s, "items"));
}

static void
check_config_map(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)validate_needed(v, path, s, "name");
  check_defaults(v, path, s);
  check_key_paths(v, VP(path, "items"), json_get(s, "items"));
}

void
validate_host_path(struct validation *v, const struct vpath *path, const struct json *s)
{
  static const char *const types[] = { "",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
                                       "File", "FileOrCreate", "Socket",     NULL };
  if (!validate_needed(v, path, s, "path"))
    return;
  validate_no_backsteps(v, VP(path, "path"), json_text_of(s, "path"));
  validate_known(v, VP(path, "type"), json_get(s, "type"), types);
}

void
validate_local_volume(struct validation *v, const struct vpath *path, const struct json *s)
{
  if (validate_needed(v, path, s, "path"))
    validate_no_backsteps(v, VP(path, "path"), json_text_of(s, "path"));
}

/* Upstream's paths name the list, not the item of it. */
void
validate_downward_file(struct validation *v, const struct vpath *path, const struct json *file)
{
  static const char *const fields[] = { "metadata.annotations", "metadata.labels", "metadata.name",
                                        "metadata.namespace",   "metadata.uid",    NULL };
  const struct json *field = json_get(file, "fieldRef"), *resource = json_get(file, "resourceFieldRef");
  bool both = json_type(field) != JSON_NULL && json_type(resource) != JSON_NULL;
  if (validate_needed(v, path, file, "path"))
    validate_path_in_volume(v, VP(path, "path"), json_text_of(file, "path"));
  if (json_type(field) != JSON_NULL)
    validate_field_selector(v, VP(path, "fieldRef"), field, fields);
  else if (json_type(resource) != JSON_NULL)
    validate_resource_selector(v, VP(path, "resourceFieldRef"), resource, true);
  else
    verr_required(v, path, "one of fieldRef and resourceFieldRef is required");
  if (both)
    verr_invalid(v, path, SPAN("resource"), "fieldRef and resourceFieldRef can not be specified simultaneously");
  validate_file_mode(v, path, file, "mode");
  validate_user_id(v, path, file, "user");
}

static void
check_downward(struct validation *v, const struct vpath *path, const struct json *s)
{
  check_defaults(v, path, s);
  for (json_each_item (file, json_get(s, "items")))
    validate_downward_file(v, path, *file);
}

static void
check_projected(struct validation *v, const struct vpath *path, const struct json *s)
{
  check_defaults(v, path, s);
  validate_projections(v, path, json_get(s, "sources"));
}

static void
check_empty_dir(struct validation *v, const struct vpath *path, const struct json *s)
{
  struct quantity q;
  int64_t mode = json_get_int(s, "mode", 0);
  if (json_quantity(json_get(s, "sizeLimit"), &q) && quantity_sign(&q) < 0)
    verr_forbidden(v, VP(path, "sizeLimit"), "SizeLimit field must be a valid resource quantity");
  if (mode < 0 || mode > 01777)
    verr_invalid_int(v, VP(path, "mode"), mode, "must be a number between 0 and 01777 (octal), both inclusive");
}

static void
check_csi(struct validation *v, const struct vpath *path, const struct json *s)
{
  const struct json *secret = json_get(s, "nodePublishSecretRef");
  validate_csi_name(v, VP(path, "driver"), json_text_of(s, "driver"), false);
  if (json_type(secret) != JSON_NULL && validate_needed(v, VP(path, "nodePublishSecretRef"), secret, "name"))
    (void)verr_format(v, VP(path, "name"), json_text_of(secret, "name"), TEXT_DNS_SUBDOMAIN);
}

static void
check_ephemeral(struct validation *v, const struct vpath *path, const struct json *s)
{
  const struct json *template = json_get(s, "volumeClaimTemplate");
  const struct vpath *at = VP(path, "volumeClaimTemplate");
  if (json_type(template) == JSON_NULL) {
    verr_required(v, at, "");
    return;
  }
  validate_template_meta(v, VP(at, "metadata"), json_get(template, "metadata"));
  validate_volume_claim_spec(v, VP(at, "spec"), json_get(template, "spec"));
}

static void
check_image(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)validate_needed(v, path, s, "reference");
  validate_pull_policy(v, path, s, "pullPolicy");
}

/* In upstream's order. Those without a function are in validate_volume_types.c. */
static const struct {
  const char *name;
  void (*check)(struct validation *v, const struct vpath *path, const struct json *s);
} sources[] = {
  { "emptyDir", check_empty_dir },
  { "hostPath", validate_host_path },
  { "gitRepo", NULL },
  { "gcePersistentDisk", NULL },
  { "awsElasticBlockStore", NULL },
  { "secret", check_secret },
  { "nfs", NULL },
  { "iscsi", NULL },
  { "glusterfs", NULL },
  { "flocker", NULL },
  { "persistentVolumeClaim", NULL },
  { "rbd", NULL },
  { "cinder", NULL },
  { "cephfs", NULL },
  { "quobyte", NULL },
  { "downwardAPI", check_downward },
  { "fc", NULL },
  { "flexVolume", NULL },
  { "configMap", check_config_map },
  { "azureFile", NULL },
  { "vsphereVolume", NULL },
  { "photonPersistentDisk", NULL },
  { "portworxVolume", NULL },
  { "azureDisk", NULL },
  { "storageos", NULL },
  { "projected", check_projected },
  { "scaleIO", NULL },
  { "csi", check_csi },
  { "ephemeral", check_ephemeral },
  { "image", check_image },
};

/* A claim is made for it, under the pod's name and the volume's. */
static void
check_claim_name(struct validation *v, const struct vpath *path, struct span volume, const char *pod)
{
  const char *problems[TEXT_PROBLEMS_MAX], *name = arena_printf(v->a, "%s-%.*s", pod, SPAN_FMT(volume));
  size_t n = volume.n ? text_check(v->a, TEXT_DNS_SUBDOMAIN, span_of(name), problems) : 0;
  for (size_t i = 0; i < n; i++)
    verr_invalid(v, VP(path, "name"), volume,
                 arena_printf(v->a, "PVC name %s: %s", vquote(v->a, span_of(name)), problems[i]));
}

static void
check_source(struct validation *v, const struct vpath *path, const struct json *volume, const char *pod)
{
  struct span name = json_text_of(volume, "name");
  size_t n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
    const struct json *s = json_get(volume, sources[i].name);
    const char *type = sources[i].name;
    if (json_type(s) == JSON_NULL)
      continue;
    if (n++)
      validate_second_volume(v, path, type);
    else if (sources[i].check)
      sources[i].check(v, VP(path, type), s);
    else
      validate_volume_type(v, path, type, s, false);
    if (!strcmp(type, "iscsi") && json_has(s, "initiatorName") && name.n + 1 + json_text_of(s, "targetPortal").n > 64)
      verr_invalid(v, VP(path, "name"), name,
                   "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                   "iscsi.initiatorName is specified.");
    if (n == 1 && pod && !strcmp(type, "ephemeral"))
      check_claim_name(v, path, name, pod);
  }
  if (!n)
    verr_required(v, path, "must specify a volume type");
}

/* Does the pod make a claim of that name, for one of its volumes? */
static bool
makes_claim(struct arena *a, const struct json *volumes, const char *pod, struct span claim)
{
  for (json_each_item (p, volumes))
    if (json_has(*p, "ephemeral") &&
        span_is(claim, arena_printf(a, "%s-%.*s", pod, SPAN_FMT(json_text_of(*p, "name")))))
      return true;
  return false;
}

struct json *
validate_volumes(struct validation *v, const struct vpath *path, const struct json *volumes, const char *pod)
{
  struct json *good = json_new_array(v->a);
  for (size_t i = 0; i < json_count(volumes); i++) {
    const struct json *volume = json_at(volumes, i), *claim = json_get(volume, "persistentVolumeClaim");
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(volume, "name"), wanted = json_text_of(claim, "claimName");
    size_t mark = v->n;
    check_source(v, at, volume, pod);
    if (validate_needed(v, at, volume, "name"))
      (void)verr_format(v, VP(at, "name"), name, TEXT_DNS_LABEL);
    if (validate_find_named(good, name))
      verr_duplicate(v, VP(at, "name"), name);
    if (v->n == mark)
      json_append(v->a, good, json_copy(v->a, volume));
    if (pod && json_type(claim) != JSON_NULL && makes_claim(v->a, volumes, pod, wanted))
      verr_invalid(v, VP(VP(at, "persistentVolumeClaim"), "claimName"), wanted,
                   "must not reference a PVC that gets created for an ephemeral volume");
  }
  return good;
}
