/* Volumes of pods: core/validation's ValidateVolumes. */
#include "validate_pod.h"

static const char one_type[] = "may not specify more than 1 volume type";

/* validateLocalNonReservedPath. */
static void
check_local_path(struct validation *v, const struct vpath *path, struct span s)
{
  size_t mark = v->n;
  check_path_below(v, path, s);
  if (v->n == mark && span_starts(s, SPAN("..")) && !span_starts(s, SPAN("../")))
    verr_invalid(v, path, s, "must not start with '..'");
}

#define MODE_RANGE "must be a number between 0 and 0777 (octal), both inclusive"

static void
check_mode(struct validation *v, const struct vpath *up, const struct json *o, const char *name)
{
  int64_t mode = json_get_int(o, name, 0);
  if (json_has(o, name) && (mode < 0 || mode > 0777))
    verr_invalid_int(v, VP(up, name), mode, MODE_RANGE);
}

static void
check_key_paths(struct validation *v, const struct vpath *path, const struct json *items)
{
  for (size_t i = 0; i < json_count(items); i++) {
    const struct vpath *at = VP_ITEM(path, i);
    const struct json *item = json_at(items, i);
    (void)validate_needed(v, at, item, "key");
    if (validate_needed(v, at, item, "path"))
      check_local_path(v, VP(at, "path"), json_text_of(item, "path"));
    check_mode(v, at, item, "mode");
  }
}

static void
check_secret(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)validate_needed(v, path, s, "secretName");
  check_mode(v, path, s, "defaultMode");
  check_key_paths(v, VP(path, "items"), json_get(s, "items"));
}

static void
check_config_map(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)validate_needed(v, path, s, "name");
  check_mode(v, path, s, "defaultMode");
  check_key_paths(v, VP(path, "items"), json_get(s, "items"));
}

static void
check_no_backsteps(struct validation *v, const struct vpath *path, struct span s)
{
  for (struct span rest = s; rest.p && rest.n;)
    if (span_is(span_cut(rest, '/', &rest), "..")) {
      verr_invalid(v, path, s, "must not contain '..'");
      return;
    }
}

void
validate_host_path(struct validation *v, const struct vpath *path, const struct json *s)
{
  static const char *const types[] = { "",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
                                       "File", "FileOrCreate", "Socket",     NULL };
  if (!validate_needed(v, path, s, "path"))
    return;
  check_no_backsteps(v, VP(path, "path"), json_text_of(s, "path"));
  if (json_text_of(s, "type").n)
    validate_choice(v, path, s, "type", types);
}

void
validate_local_volume(struct validation *v, const struct vpath *path, const struct json *s)
{
  if (validate_needed(v, path, s, "path"))
    check_no_backsteps(v, VP(path, "path"), json_text_of(s, "path"));
}

static void
check_claim(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)validate_needed(v, path, s, "claimName");
}

static void
check_downward_items(struct validation *v, const struct vpath *path, const struct json *items)
{
  for (size_t i = 0; i < json_count(items); i++) {
    const struct vpath *at = VP_ITEM(path, i);
    const struct json *item = json_at(items, i);
    if (validate_needed(v, at, item, "path"))
      check_local_path(v, VP(at, "path"), json_text_of(item, "path"));
    bool field = json_has(item, "fieldRef"), resource = json_has(item, "resourceFieldRef");
    if (field && resource)
      verr_invalid(v, at, SPAN("resource"), "fieldRef and resourceFieldRef can not be specified simultaneously");
    if (field && !json_text_of(json_get(item, "fieldRef"), "fieldPath").n)
      verr_required(v, VP(VP(at, "fieldRef"), "fieldPath"), "");
    if (!field && !resource)
      verr_required(v, at, "one of fieldRef and resourceFieldRef is required");
    check_mode(v, at, item, "mode");
  }
}

static void
check_downward(struct validation *v, const struct vpath *path, const struct json *s)
{
  check_mode(v, path, s, "defaultMode");
  check_downward_items(v, VP(path, "items"), json_get(s, "items"));
}

static void
check_token(struct validation *v, const struct vpath *path, const struct json *t)
{
  int64_t seconds = json_get_int(t, "expirationSeconds", 3600);
  if (seconds < 600)
    verr_invalid_int(v, VP(path, "expirationSeconds"), seconds, "may not specify a duration less than 10 minutes");
  if (seconds > INT64_C(1) << 32)
    verr_invalid_int(v, VP(path, "expirationSeconds"), seconds, "may not specify a duration larger than 2^32 seconds");
  (void)validate_needed(v, path, t, "path");
}

static void
check_projected(struct validation *v, const struct vpath *path, const struct json *s)
{
  const struct json *sources = json_get(s, "sources");
  check_mode(v, path, s, "defaultMode");
  for (size_t i = 0; i < json_count(sources); i++) {
    const struct json *source = json_at(sources, i);
    const struct vpath *at = VP_ITEM(VP(path, "sources"), i);
    size_t n = 0;
    for (json_each_member (m, source)) {
      if (json_type(m->value) == JSON_NULL)
        continue;
      if (n++)
        verr_forbidden(v, VP(at, m->name), one_type);
      else if (!strcmp(m->name, "secret") || !strcmp(m->name, "configMap")) {
        (void)validate_needed(v, VP(at, m->name), m->value, "name");
        check_key_paths(v, VP(VP(at, m->name), "items"), json_get(m->value, "items"));
      } else if (!strcmp(m->name, "downwardAPI"))
        check_downward_items(v, VP(at, m->name), json_get(m->value, "items"));
      else if (!strcmp(m->name, "serviceAccountToken"))
        check_token(v, VP(at, m->name), m->value);
    }
    if (!n)
      verr_required(v, at, "must specify exactly one projected volume source");
  }
}

static void
check_empty_dir(struct validation *v, const struct vpath *path, const struct json *s)
{
  struct quantity q;
  if (json_quantity(json_get(s, "sizeLimit"), &q) && quantity_sign(&q) < 0)
    verr_forbidden(v, VP(path, "sizeLimit"), "SizeLimit field must be a valid resource quantity");
}

static void
check_csi(struct validation *v, const struct vpath *path, const struct json *s)
{
  validate_csi_name(v, VP(path, "driver"), json_text_of(s, "driver"), false);
  if (json_has(s, "nodePublishSecretRef"))
    (void)validate_needed(v, VP(path, "nodePublishSecretRef"), json_get(s, "nodePublishSecretRef"), "name");
}

void
validate_nfs(struct validation *v, const struct vpath *path, const struct json *s)
{
  struct span at = json_text_of(s, "path");
  (void)validate_needed(v, path, s, "server");
  (void)validate_needed(v, path, s, "path");
  if (!span_starts(at, SPAN("/")))
    verr_invalid(v, VP(path, "path"), at, "must be an absolute path");
}

/* In upstream's order; a type without a function is only counted. */
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
  { "nfs", validate_nfs },
  { "iscsi", NULL },
  { "glusterfs", NULL },
  { "flocker", NULL },
  { "persistentVolumeClaim", check_claim },
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
  { "ephemeral", NULL },
  { "image", NULL },
};

static void
check_source(struct validation *v, const struct vpath *path, const struct json *volume)
{
  size_t n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
    const struct json *s = json_get(volume, sources[i].name);
    if (json_type(s) == JSON_NULL)
      continue;
    if (n++)
      verr_forbidden(v, VP(path, sources[i].name), one_type);
    else if (sources[i].check)
      sources[i].check(v, VP(path, sources[i].name), s);
  }
  if (!n)
    verr_required(v, path, "must specify a volume type");
}

void
validate_volumes(struct validation *v, const struct vpath *path, const struct json *volumes)
{
  for (size_t i = 0; i < json_count(volumes); i++) {
    const struct json *volume = json_at(volumes, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(volume, "name");
    check_source(v, at, volume);
    if (validate_needed(v, at, volume, "name"))
      (void)verr_format(v, VP(at, "name"), name, TEXT_DNS_LABEL);
    for (size_t j = 0; j < i && name.n; j++)
      if (span_eq(json_text_of(json_at(volumes, j), "name"), name)) {
        verr_duplicate(v, VP(at, "name"), name);
        break;
      }
  }
}
