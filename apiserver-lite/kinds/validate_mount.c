/* Volumes and devices in containers: core/validation's ValidateVolumeMounts, ValidateVolumeDevices. */
#include "validate_pod.h"

/* Is there an item with this text? GetVolumeMountMap and its like know the last item of a name only. */
static bool
has_text(const struct json *list, const char *member, struct span text)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *item = json_at(list, i);
    bool last = true;
    for (size_t j = i + 1; j < json_count(list); j++)
      last &= !span_eq(json_text_of(json_at(list, j), "name"), json_text_of(item, "name"));
    if (last && span_eq(json_text_of(item, member), text))
      return true;
  }
  return false;
}

static bool
stands_before(const struct json *list, size_t i, const char *member)
{
  for (size_t j = 0; j < i; j++)
    if (span_eq(json_text_of(json_at(list, j), member), json_text_of(json_at(list, i), member)))
      return true;
  return false;
}

static void
check_propagation(struct validation *v, const struct vpath *path, const struct json *mount,
                  const struct json *container)
{
  static const char *const modes[] = { "Bidirectional", "HostToContainer", "None", NULL };
  bool privileged = json_get_bool(json_get(container, "securityContext"), "privileged", false);
  validate_known(v, path, json_get(mount, "mountPropagation"), modes);
  if (span_is(json_text_of(mount, "mountPropagation"), "Bidirectional") && !privileged)
    verr_forbidden(v, path, "Bidirectional mount propagation is available only to privileged containers");
}

static void
check_recursive(struct validation *v, const struct vpath *path, const struct json *mount)
{
  static const char *const modes[] = { "Disabled", "Enabled", "IfPossible", NULL };
  struct span mode = json_text_of(mount, "recursiveReadOnly");
  validate_known(v, path, json_get(mount, "recursiveReadOnly"), modes);
  if (!span_is(mode, "Enabled") && !span_is(mode, "IfPossible"))
    return;
  if (!json_get_bool(mount, "readOnly", false))
    verr_forbidden(v, path, "may only be specified when readOnly is true");
  if (json_has(mount, "mountPropagation") && !span_is(json_text_of(mount, "mountPropagation"), "None"))
    verr_forbidden(v, path, "may only be specified when mountPropagation is None or not specified");
}

static void
check_options(struct validation *v, const struct vpath *path, const struct json *options, const struct json *volume)
{
  static const char *const known[] = { "nodev", "noexec", "nosuid", NULL };
  for (size_t i = 0; i < json_count(options); i++) {
    struct span option = json_span(json_at(options, i));
    bool twice = false;
    for (size_t j = 0; j < i; j++)
      twice |= span_eq(json_span(json_at(options, j)), option);
    if (!validate_is_one_of(option, known))
      verr_not_supported(v, VP_ITEM(path, i), option, known);
    if (twice)
      verr_duplicate(v, VP_ITEM(path, i), option);
  }
  if (json_count(options) && json_has(volume, "image"))
    verr_add(v, FIELD_INVALID, path, vjson(v->a, options), "bindMountOptions may not be used with image volumes");
}

/* Upstream leaves the index out of some of these paths. */
void
validate_mounts(struct validation *v, const struct vpath *path, const struct json *container,
                const struct json *volumes)
{
  const struct json *mounts = json_get(container, "volumeMounts"), *devices = json_get(container, "volumeDevices");
  for (size_t i = 0; i < json_count(mounts); i++) {
    const struct json *m = json_at(mounts, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(m, "name"), where = json_text_of(m, "mountPath"), sub = json_text_of(m, "subPath"),
                expr = json_text_of(m, "subPathExpr");
    const struct json *volume = validate_find_named(volumes, name);
    (void)validate_needed(v, at, m, "name");
    if (!volume)
      verr_add(v, FIELD_NOT_FOUND, VP(at, "name"), vquote(v->a, name), "%s", "");
    (void)validate_needed(v, at, m, "mountPath");
    if (stands_before(mounts, i, "mountPath"))
      verr_invalid(v, VP(at, "mountPath"), where, "must be unique");
    if (validate_find_named(devices, name))
      verr_invalid(v, VP(at, "name"), name, "must not already exist in volumeDevices");
    if (has_text(devices, "devicePath", where))
      verr_invalid(v, VP(at, "mountPath"), where, "must not already exist as a path in volumeDevices");
    if (sub.n)
      check_path_below(v, VP(path, "subPath"), sub);
    if (expr.n && sub.n)
      verr_invalid(v, VP(at, "subPathExpr"), expr, "subPathExpr and subPath are mutually exclusive");
    if (expr.n)
      check_path_below(v, VP(path, "subPathExpr"), expr);
    check_propagation(v, VP(path, "mountPropagation"), m, container);
    check_recursive(v, VP(path, "recursiveReadOnly"), m);
    check_options(v, VP(at, "bindMountOptions"), json_get(m, "bindMountOptions"), volume);
  }
}

void
validate_devices(struct validation *v, const struct vpath *path, const struct json *container,
                 const struct json *volumes)
{
  const struct json *mounts = json_get(container, "volumeMounts"), *devices = json_get(container, "volumeDevices");
  struct json *paths = json_new_object(v->a);
  for (size_t i = 0; i < json_count(devices); i++) {
    const struct json *d = json_at(devices, i), *volume = validate_find_named(volumes, json_text_of(d, "name"));
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(d, "name"), where = json_text_of(d, "devicePath");
    (void)validate_needed(v, at, d, "name");
    if (name.n && stands_before(devices, i, "name"))
      verr_invalid(v, VP(at, "name"), name, "must be unique");
    if (!volume)
      verr_add(v, FIELD_NOT_FOUND, VP(at, "name"), vquote(v->a, name), "%s", "");
    else if (!json_has(volume, "persistentVolumeClaim") && !json_has(volume, "ephemeral"))
      verr_invalid(v, VP(at, "name"), name,
                   "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
    (void)validate_needed(v, at, d, "devicePath");
    if (json_get_n(paths, where.p, where.n))
      verr_invalid(v, VP(at, "devicePath"), where, "must be unique");
    if (validate_climbs(where))
      verr_invalid(v, VP(at, "devicePath"), where, "can not contain backsteps ('..')");
    else
      json_set_n(v->a, paths, where.p, where.n, json_new_null(v->a));
    if (validate_find_named(mounts, name))
      verr_invalid(v, VP(at, "name"), name, "must not already exist in volumeMounts");
    if (has_text(mounts, "mountPath", where))
      verr_invalid(v, VP(at, "devicePath"), where, "must not already exist as a path in volumeMounts");
  }
}
