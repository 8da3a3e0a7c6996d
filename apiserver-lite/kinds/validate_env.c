/* The environment of containers, and what of a pod can be put into it: core/validation's ValidateEnv, ValidateEnvFrom.
 */
#include <ctype.h>

#include "validate_pod.h"

static void
check_key_selector(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)verr_format(v, VP(path, "name"), json_text_of(s, "name"), TEXT_DNS_SUBDOMAIN);
  if (validate_needed(v, path, s, "key"))
    (void)verr_format(v, VP(path, "key"), json_text_of(s, "key"), TEXT_CONFIG_KEY);
}

static void
check_file_selector(struct validation *v, const struct vpath *path, const struct json *s)
{
  if (validate_needed(v, path, s, "key"))
    (void)verr_format(v, VP(path, "key"), json_text_of(s, "key"), TEXT_ENV_NAME);
  if (validate_needed(v, path, s, "volumeName"))
    (void)verr_format(v, VP(path, "volumeName"), json_text_of(s, "volumeName"), TEXT_DNS_LABEL);
  if (validate_needed(v, path, s, "path"))
    validate_no_backsteps(v, VP(path, "path"), json_text_of(s, "path"));
}

/* "metadata.labels['key']" in two parts; false: it has no subscript. */
static bool
split_subscript(struct span s, struct span *ret_path, struct span *ret_key)
{
  const char *open = s.n ? memmem(s.p, s.n, "['", 2) : NULL;
  if (!span_ends(s, SPAN("']")) || !open || open == s.p || open + 4 > s.p + s.n)
    return false;
  *ret_path = span_make(s.p, (size_t)(open - s.p));
  *ret_key = span_make(open + 2, s.n - ret_path->n - 4);
  return true;
}

/* What the pods of v1 call it (ConvertDownwardAPIFieldLabel); NULL: why there is no such field. */
static const char *
field_problem(struct validation *v, struct span version, struct span field, bool subscript, struct span path)
{
  static const char *const known[] = {
    "metadata.annotations", "metadata.labels", "metadata.name",           "metadata.namespace",
    "metadata.uid",         "spec.nodeName",   "spec.restartPolicy",      "spec.host",
    "spec.schedulerName",   "status.phase",    "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs",       "status.podIP",    "status.podIPs",           NULL
  };
  if (!span_is(version, "v1"))
    return arena_printf(v->a, "unsupported pod version: %.*s", SPAN_FMT(version));
  if (subscript && !span_is(path, "metadata.annotations") && !span_is(path, "metadata.labels"))
    return arena_printf(v->a, "field label does not support subscript: %.*s", SPAN_FMT(field));
  if (!subscript && !validate_is_one_of(field, known))
    return arena_printf(v->a, "field label not supported: %.*s", SPAN_FMT(field));
  return NULL;
}

void
validate_field_selector(struct validation *v, const struct vpath *path, const struct json *s,
                        const char *const *allowed)
{
  struct span field = json_text_of(s, "fieldPath"), base = { .n = 0 }, key = { .n = 0 };
  const struct vpath *at = VP(path, "fieldPath");
  if (!validate_needed(v, path, s, "apiVersion") || !validate_needed(v, path, s, "fieldPath"))
    return;
  bool subscript = split_subscript(field, &base, &key);
  const char *problem = field_problem(v, json_text_of(s, "apiVersion"), field, subscript, base);
  if (problem) {
    verr_invalid(v, at, field, arena_printf(v->a, "error converting fieldPath: %s", problem));
    return;
  }
  if (span_is(field, "spec.host"))
    field = SPAN("spec.nodeName");
  if (subscript) {
    char *low = arena_strndup(v->a, key.p, key.n);
    for (char *c = low; *c && span_is(base, "metadata.annotations"); c++)
      *c = (char)tolower((unsigned char)*c);
    (void)verr_format(v, path, span_make(low, key.n), TEXT_LABEL_KEY);
  } else if (!validate_is_one_of(field, allowed))
    verr_not_supported(v, at, field, allowed);
}

static bool
is_huge(struct span resource)
{
  return span_starts(resource, SPAN("limits.hugepages-")) || span_starts(resource, SPAN("requests.hugepages-"));
}

/* validateContainerResourceDivisor: what is not known here is complained of elsewhere. */
static void
check_divisor(struct validation *v, const struct vpath *path, struct span resource, const struct json *divisor)
{
  static const char *const cores[] = { "1m", "1", NULL };
  static const char *const bytes[] = { "1",   "1k",  "1M",  "1G",  "1T",  "1P",  "1E",
                                       "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei", NULL };
  struct span what = span_starts(resource, SPAN("limits."))     ? span_make(resource.p + 7, resource.n - 7)
                     : span_starts(resource, SPAN("requests.")) ? span_make(resource.p + 9, resource.n - 9)
                                                                : SPAN("");
  const char *shown = span_is(what, "memory")              ? "memory"
                      : span_is(what, "ephemeral-storage") ? "local ephemeral storage"
                      : is_huge(resource)                  ? "hugepages"
                                                           : NULL;
  struct quantity q;
  if (!json_quantity(divisor, &q) || !quantity_sign(&q))
    return;
  struct span text = span_of(quantity_text(v->a, &q));
  if (span_is(what, "cpu") && !validate_is_one_of(text, cores))
    verr_invalid(v, VP(path, "divisor"), resource,
                 "only divisor's values 1m and 1 are supported with the cpu resource");
  else if (shown && !validate_is_one_of(text, bytes))
    verr_invalid(v, VP(path, "divisor"), resource,
                 arena_printf(v->a,
                              "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are "
                              "supported with the %s resource",
                              shown));
}

void
validate_resource_selector(struct validation *v, const struct vpath *path, const struct json *s, bool in_volume)
{
  static const char *const known[] = { "limits.cpu",
                                       "limits.ephemeral-storage",
                                       "limits.memory",
                                       "requests.cpu",
                                       "requests.ephemeral-storage",
                                       "requests.memory",
                                       NULL };
  struct span resource = json_text_of(s, "resource");
  if (in_volume && !json_text_of(s, "containerName").n)
    verr_required(v, VP(path, "containerName"), "");
  else if (validate_needed(v, path, s, "resource") && !validate_is_one_of(resource, known) && !is_huge(resource))
    verr_not_supported(v, VP(path, "resource"), resource, known);
  check_divisor(v, path, resource, json_get(s, "divisor"));
}

static void
check_value_from(struct validation *v, const struct vpath *path, const struct json *env)
{
  static const char *const fields[] = {
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs",     "status.podIP", "status.podIPs", NULL
  };
  const struct json *from = json_get(env, "valueFrom");
  size_t n = 0;
  if (json_type(from) == JSON_NULL)
    return;
  if (json_has(from, "fieldRef") && ++n)
    validate_field_selector(v, VP(path, "fieldRef"), json_get(from, "fieldRef"), fields);
  if (json_has(from, "resourceFieldRef") && ++n)
    validate_resource_selector(v, VP(path, "resourceFieldRef"), json_get(from, "resourceFieldRef"), false);
  if (json_has(from, "configMapKeyRef") && ++n)
    check_key_selector(v, VP(path, "configMapKeyRef"), json_get(from, "configMapKeyRef"));
  if (json_has(from, "secretKeyRef") && ++n)
    check_key_selector(v, VP(path, "secretKeyRef"), json_get(from, "secretKeyRef"));
  if (json_has(from, "fileKeyRef") && ++n)
    check_file_selector(v, VP(path, "fileKeyRef"), json_get(from, "fileKeyRef"));
  if (!n)
    verr_invalid(
        v, path, SPAN(""),
        validation_gate(v, "EnvFiles")
            ? "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            : "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
  else if (json_text_of(env, "value").n)
    verr_invalid(v, path, SPAN(""), "may not be specified when `value` is not empty");
  else if (n > 1)
    verr_invalid(v, path, SPAN(""), "may not have more than one field specified at a time");
}

void
validate_env(struct validation *v, const struct vpath *path, const struct json *vars)
{
  for (size_t i = 0; i < json_count(vars); i++) {
    const struct json *e = json_at(vars, i);
    const struct vpath *at = VP_ITEM(path, i);
    if (validate_needed(v, at, e, "name"))
      (void)verr_format(v, VP(at, "name"), json_text_of(e, "name"), TEXT_ENV_NAME);
    check_value_from(v, VP(at, "valueFrom"), e);
  }
}

void
validate_env_from(struct validation *v, const struct vpath *path, const struct json *list)
{
  static const char *const refs[] = { "configMapRef", "secretRef" };
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *e = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    size_t n = 0;
    if (json_text_of(e, "prefix").n)
      (void)verr_format(v, VP(at, "prefix"), json_text_of(e, "prefix"), TEXT_ENV_NAME);
    for (size_t k = 0; k < ARRAY_SIZE(refs); k++)
      if (json_has(e, refs[k]) && ++n && validate_needed(v, VP(at, refs[k]), json_get(e, refs[k]), "name"))
        (void)verr_format(v, VP(VP(at, refs[k]), "name"),
                          text_name_prefix(v->a, json_text_of(json_get(e, refs[k]), "name")), TEXT_DNS_SUBDOMAIN);
    if (!n)
      verr_invalid(v, path, SPAN(""), "must specify one of: `configMapRef` or `secretRef`");
    else if (n > 1)
      verr_invalid(v, path, SPAN(""), "may not have more than one field specified at a time");
  }
}

/* Files with variables are in volumes that start empty (validateFileKeyRefVolumes). */
static void
check_env_volumes(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  struct validation *v = visit->v;
  const struct json *vars = json_get(container, "env");
  for (size_t i = 0; i < json_count(vars); i++) {
    const struct json *ref = json_dig(json_at(vars, i), "valueFrom", "fileKeyRef", NULL), *volume;
    const struct vpath *at = VP(VP(VP(VP_ITEM(VP(path, "env"), i), "valueFrom"), "fileKeyRef"), "volumeName");
    struct span name = json_text_of(ref, "volumeName");
    if (json_type(ref) == JSON_NULL)
      continue;
    volume = validate_find_named(json_get(visit->spec, "volumes"), name);
    if (!volume)
      verr_add(v, FIELD_NOT_FOUND, at, vquote(v->a, name), "%s", "");
    else if (!json_has(volume, "emptyDir"))
      verr_invalid(v, at, name, "referenced volume must be of type emptyDir");
  }
}

void
validate_env_volumes(struct validation *v, const struct vpath *path, const struct json *spec)
{
  validate_visit(&(struct pod_visit){ .v = v, .spec = spec }, path, check_env_volumes);
}
