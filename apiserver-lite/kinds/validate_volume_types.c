/* Kinds of volumes that pods and persistent volumes share: core/validation's validate…VolumeSource, by name. */
#include <assert.h>
#include <ctype.h>

#include "validate_pod.h"

/* A number of a partition or a unit; upstream's text about partitions leaves out the 0 that it takes. */
static void
check_byte(struct validation *v, const struct vpath *up, const struct json *s, const char *name, const char *text)
{
  int64_t n = json_get_int(s, name, 0);
  if (n < 0 || n > 255)
    verr_invalid_int(v, VP(up, name), n, text);
}

static void
check_partition(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  (void)persistent;
  check_byte(v, path, s, "partition", "must be between 1 and 255, inclusive");
}

static void
check_git(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  (void)persistent;
  check_path_below(v, VP(path, "directory"), json_text_of(s, "directory"));
}

static void
check_nfs(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  struct span at = json_text_of(s, "path");
  (void)persistent;
  if (!span_starts(at, SPAN("/")))
    verr_invalid(v, VP(path, "path"), at, "must be an absolute path");
}

/* -- iSCSI -- */

static bool
all_alnum(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if (!isalnum((unsigned char)s.p[i]))
      return false;
  return true;
}

/* "iqn.2001-04.com.example:storage" at the end of `s`. */
static bool
ends_in_iqn(struct span s)
{
  static const char form[] = "iqn.dddd-dd.";
  for (size_t at = 0; at + sizeof form <= s.n; at++) {
    size_t i = 0;
    while (i < sizeof form - 1 && (form[i] == 'd' ? isdigit((unsigned char)s.p[at + i]) != 0 : form[i] == s.p[at + i]))
      i++;
    if (i < sizeof form - 1)
      continue;
    struct span rest = span_make(s.p + at + i, s.n - at - i), tail, name = span_cut(rest, ':', &tail);
    bool good = name.n && tail.n;
    for (size_t k = 0; k < name.n; k++)
      good &= isalnum((unsigned char)name.p[k]) || name.p[k] == '-' || name.p[k] == '.';
    for (size_t k = 0; k < tail.n; k++)
      good &= !memchr(",;*&$| \t\n\f\r", tail.p[k], 11);
    if (good)
      return true;
  }
  return false;
}

/* `odd`: what is said of a name that is of none of the three kinds. */
static void
check_iscsi_name(struct validation *v, const struct vpath *path, struct span s, const char *odd)
{
  bool iqn = span_starts(s, SPAN("iqn")), eui = span_starts(s, SPAN("eui")), naa = span_starts(s, SPAN("naa"));
  size_t digits = eui ? 16 : 32;
  if (!iqn && !eui && !naa)
    verr_invalid(v, path, s, odd);
  else if (iqn ? !ends_in_iqn(s) : s.n != digits + 4 || !all_alnum(span_make(s.p + 4, digits)))
    verr_invalid(v, path, s, "must be valid format");
}

static void
check_iscsi(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  const char *odd = persistent ? "must be valid format" : "must be valid format starting with iqn, eui, or naa";
  const struct json *secret = json_get(s, "secretRef");
  if (validate_needed(v, path, s, "iqn"))
    check_iscsi_name(v, VP(path, "iqn"), json_text_of(s, "iqn"), odd);
  check_byte(v, path, s, "lun", "must be between 0 and 255, inclusive");
  if ((json_get_bool(s, "chapAuthDiscovery", false) || json_get_bool(s, "chapAuthSession", false)) &&
      json_type(secret) == JSON_NULL)
    verr_required(v, VP(path, "secretRef"), "");
  if (persistent && json_type(secret) != JSON_NULL)
    (void)validate_needed(v, VP(path, "secretRef"), secret, "name");
  if (json_has(s, "initiatorName"))
    check_iscsi_name(v, VP(path, "initiatorname"), json_text_of(s, "initiatorName"), odd);
}

/* -- others -- */

static void
check_fc(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  const struct json *names = json_get(s, "targetWWNs"), *ids = json_get(s, "wwids");
  (void)persistent;
  if (!json_count(names) && !json_count(ids))
    verr_required(v, VP(path, "targetWWNs"), "must specify either targetWWNs or wwids, but not both");
  if (json_count(names) && json_count(ids))
    verr_add(v, FIELD_INVALID, VP(path, "targetWWNs"), vjson(v->a, names),
             "targetWWNs and wwids can not be specified simultaneously");
  if (json_count(names) && !json_has(s, "lun"))
    verr_required(v, VP(path, "lun"), "lun is required if targetWWNs is specified");
  else if (json_count(names))
    check_byte(v, path, s, "lun", "must be between 0 and 255, inclusive");
}

static void
check_glusterfs(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  struct span space = json_text_of(s, "endpointsNamespace");
  const struct vpath *at = VP(path, "endpointsNamespace");
  if (!persistent || !json_has(s, "endpointsNamespace"))
    return;
  if (space.n)
    (void)verr_format(v, at, space, TEXT_DNS_LABEL);
  else
    verr_invalid(v, at, space, "if the endpointnamespace is set, it must be a valid namespace name");
}

static void
check_flocker(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  struct span name = json_text_of(s, "datasetName"), uuid = json_text_of(s, "datasetUUID");
  (void)persistent;
  if (!name.n && !uuid.n)
    verr_required(v, path, "one of datasetName and datasetUUID is required");
  if (name.n && uuid.n)
    verr_invalid(v, path, SPAN("resource"), "datasetName and datasetUUID can not be specified simultaneously");
  if (name.n && memchr(name.p, '/', name.n))
    verr_invalid(v, VP(path, "datasetName"), name, "must not contain '/'");
}

static void
check_monitors(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  (void)persistent;
  if (!json_count(json_get(s, "monitors")))
    verr_required(v, VP(path, "monitors"), "");
}

static void
check_rbd(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  check_monitors(v, path, s, persistent);
  (void)validate_needed(v, path, s, "image");
}

static void
check_secret_ref(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  const struct json *ref = json_get(s, "secretRef");
  if (json_type(ref) == JSON_NULL)
    return;
  (void)validate_needed(v, VP(path, "secretRef"), ref, "name");
  if (persistent)
    (void)validate_needed(v, VP(path, "secretRef"), ref, "namespace");
}

/* As Go's net.SplitHostPort sees it. */
static bool
is_host_port(struct span s)
{
  const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
  if (!colon)
    return false;
  struct span host = span_make(s.p, (size_t)(colon - s.p)), port = span_make(colon + 1, s.n - host.n - 1);
  if (span_starts(host, SPAN("["))) {
    const char *close = memchr(host.p, ']', host.n);
    if (!close || close + 1 != colon)
      return false;
    host = span_make(host.p + 1, (size_t)(close - host.p) - 1);
  } else if (host.n && memchr(host.p, ':', host.n))
    return false;
  return !(host.n && (memchr(host.p, '[', host.n) || memchr(host.p, ']', host.n))) &&
         !(port.n && (memchr(port.p, '[', port.n) || memchr(port.p, ']', port.n)));
}

static void
check_quobyte(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  static const char pairs[] = "must be a host:port pair or multiple pairs separated by commas";
  struct span registry = json_text_of(s, "registry"), tenant = json_text_of(s, "tenant");
  (void)persistent;
  if (!registry.n)
    verr_required(v, VP(path, "registry"), pairs);
  else if (tenant.n >= 65)
    verr_required(v, VP(path, "tenant"), "must be a UUID and may not exceed a length of 64 characters");
  else
    for (struct span rest = registry; rest.p;)
      if (!is_host_port(span_cut(rest, ',', &rest)))
        verr_invalid(v, VP(path, "registry"), registry, pairs);
  (void)validate_needed(v, path, s, "volume");
}

static bool
is_reserved_option(struct arena *a, const char *name, size_t n)
{
  struct span rest, space = span_cut(span_make(name, n), '/', &rest);
  char *low = arena_printf(a, ".%.*s", SPAN_FMT(space));
  for (char *p = low; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  return span_ends(span_of(low), SPAN(".kubernetes.io")) || span_ends(span_of(low), SPAN(".k8s.io"));
}

static void
check_flex(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  (void)persistent;
  for (json_each_member (m, json_get(s, "options")))
    if (is_reserved_option(v->a, m->name, m->name_len))
      verr_invalid(v, VP_KEY(VP(path, "options"), m->name), span_make(m->name, m->name_len),
                   "kubernetes.io and k8s.io namespaces are reserved");
}

static void
check_azure_file(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  if (persistent && json_has(s, "secretNamespace"))
    (void)validate_needed(v, path, s, "secretNamespace");
}

static void
check_azure_disk(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  static const char *const modes[] = { "None", "ReadOnly", "ReadWrite", NULL };
  static const char *const disks[] = { "Dedicated", "Managed", "Shared", NULL };
  static const char *const managed[] = { "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/"
                                         "microsoft.compute/disks/{disk-id}",
                                         NULL };
  static const char *const blob[] = { "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
                                      NULL };
  struct span uri = json_text_of(s, "diskURI");
  bool is_managed = span_is(json_text_of(s, "kind"), "Managed");
  (void)persistent;
  validate_known(v, VP(path, "cachingMode"), json_get(s, "cachingMode"), modes);
  validate_known(v, VP(path, "kind"), json_get(s, "kind"), disks);
  if (json_has(s, "kind") && !span_starts(uri, is_managed ? SPAN("/subscriptions/") : SPAN("https://")))
    verr_not_supported(v, VP(path, "diskURI"), uri, is_managed ? managed : blob);
}

static void
check_storageos(struct validation *v, const struct vpath *path, const struct json *s, bool persistent)
{
  if (validate_needed(v, path, s, "volumeName"))
    (void)verr_format(v, VP(path, "volumeName"), json_text_of(s, "volumeName"), TEXT_DNS_LABEL);
  if (json_text_of(s, "volumeNamespace").n)
    (void)verr_format(v, VP(path, "volumeNamespace"), json_text_of(s, "volumeNamespace"), TEXT_DNS_LABEL);
  check_secret_ref(v, path, s, persistent);
}

/* Texts that must be there, and what else there is to look at. */
static const struct volume_type {
  const char *name;
  const char *needed[3];
  void (*check)(struct validation *v, const struct vpath *path, const struct json *s, bool persistent);
} types[] = {
  { "gitRepo", { "repository" }, check_git },
  { "gcePersistentDisk", { "pdName" }, check_partition },
  { "awsElasticBlockStore", { "volumeID" }, check_partition },
  { "nfs", { "server", "path" }, check_nfs },
  { "iscsi", { "targetPortal" }, check_iscsi },
  { "glusterfs", { "endpoints", "path" }, check_glusterfs },
  { "flocker", { NULL }, check_flocker },
  { "persistentVolumeClaim", { "claimName" }, NULL },
  { "rbd", { NULL }, check_rbd },
  { "cinder", { "volumeID" }, check_secret_ref },
  { "cephfs", { NULL }, check_monitors },
  { "quobyte", { NULL }, check_quobyte },
  { "fc", { NULL }, check_fc },
  { "flexVolume", { "driver" }, check_flex },
  { "azureFile", { "secretName", "shareName" }, check_azure_file },
  { "vsphereVolume", { "volumePath" }, NULL },
  { "photonPersistentDisk", { "pdID" }, NULL },
  { "portworxVolume", { "volumeID" }, NULL },
  { "azureDisk", { "diskName", "diskURI" }, check_azure_disk },
  { "storageos", { NULL }, check_storageos },
  { "scaleIO", { "gateway", "system", "volumeName" }, NULL },
};

/* Names that upstream spells otherwise: in paths below a volume, and when it is the second. */
static const struct {
  const char *name, *below, *second;
} spellings[] = {
  { "gcePersistentDisk", "persistentDisk", "gcePersistentDisk" },
  { "cephfs", "cephfs", "cephFS" },
  { "downwardAPI", "downwardAPI", "downwarAPI" },
};

void
validate_second_volume(struct validation *v, const struct vpath *up, const char *name)
{
  for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
    if (!strcmp(spellings[i].name, name))
      name = spellings[i].second;
  verr_forbidden(v, VP(up, name), "may not specify more than 1 volume type");
}

void
validate_volume_type(struct validation *v, const struct vpath *up, const char *name, const struct json *source,
                     bool persistent)
{
  const struct volume_type *t = types;
  while (strcmp(t->name, name) != 0) {
    t++;
    assert(t < types + ARRAY_SIZE(types));
  }
  for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
    if (!strcmp(spellings[i].name, name))
      name = spellings[i].below;
  const struct vpath *path = VP(up, name);
  for (size_t i = 0; i < ARRAY_SIZE(t->needed) && t->needed[i]; i++)
    (void)validate_needed(v, path, source, t->needed[i]);
  if (t->check)
    t->check(v, path, source, persistent);
}
