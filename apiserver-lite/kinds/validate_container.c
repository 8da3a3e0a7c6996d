/* Containers of pods: core/validation's validateContainerCommon and its callers. */
#include <limits.h>

#include "pod.h"
#include "validate_pod.h"

bool
validate_is_one_of(struct span s, const char *const *names)
{
  for (size_t i = 0; names[i]; i++)
    if (span_is(s, names[i]))
      return true;
  return false;
}

void
validate_choice(struct validation *v, const struct vpath *up, const struct json *o, const char *name,
                const char *const *allowed)
{
  struct span s = json_text_of(o, name);
  if (!s.n) {
    verr_required(v, VP(up, name), "");
    return;
  }
  if (!validate_is_one_of(s, allowed))
    verr_unsupported(v, VP(up, name), vjson(v->a, json_get(o, name)), allowed);
}

void
validate_known(struct validation *v, const struct vpath *path, const struct json *value, const char *const *allowed)
{
  if (json_type(value) != JSON_NULL && !validate_is_one_of(json_span(value), allowed))
    verr_unsupported(v, path, vjson(v->a, value), allowed);
}

void
validate_listed(struct validation *v, const struct vpath *up, const struct json *o, const char *name,
                const char *const *allowed)
{
  const struct json *value = json_get(o, name);
  if (!validate_is_one_of(json_text_of(o, name), allowed))
    verr_unsupported(v, VP(up, name), json_is(value, JSON_STRING) ? vjson(v->a, value) : "\"\"", allowed);
}

void
validate_id(struct validation *v, const struct vpath *path, int64_t id)
{
  if (id < 0 || id > INT32_MAX)
    verr_invalid_int(v, path, id, "must be between 0 and 2147483647, inclusive");
}

void
validate_user_id(struct validation *v, const struct vpath *up, const struct json *o, const char *name)
{
  if (json_has(o, name))
    validate_id(v, VP(up, name), json_get_int(o, name, 0));
}

void
validate_not_negative(struct validation *v, const struct vpath *up, const struct json *o, const char *name)
{
  int64_t n = json_get_int(o, name, 0);
  if (n < 0)
    verr_add(v, FIELD_INVALID, VP(up, name), arena_printf(v->a, "%lld", (long long)n),
             "must be greater than or equal to 0")
        ->origin = "minimum";
}

bool
validate_needed(struct validation *v, const struct vpath *up, const struct json *o, const char *name)
{
  if (json_text_of(o, name).n)
    return true;
  verr_required(v, VP(up, name), "");
  return false;
}

void
validate_port(struct validation *v, const struct vpath *path, int64_t n)
{
  if (n < 1 || n > 65535)
    verr_invalid_int(v, path, n, "must be between 1 and 65535, inclusive");
}

void
validate_port_or_name(struct validation *v, const struct vpath *path, const struct json *port)
{
  if (json_is(port, JSON_STRING))
    (void)verr_format(v, path, json_span(port), TEXT_PORT_NAME);
  else
    validate_port(v, path, json_int_or(port, 0));
}

/* -- paths -- */

bool
validate_climbs(struct span s)
{
  for (struct span rest = s; rest.p && rest.n;)
    if (span_is(span_cut(rest, '/', &rest), ".."))
      return true;
  return false;
}

void
validate_no_backsteps(struct validation *v, const struct vpath *path, struct span s)
{
  if (validate_climbs(s))
    verr_invalid(v, path, s, "must not contain '..'");
}

void
check_path_below(struct validation *v, const struct vpath *path, struct span s)
{
  if (span_starts(s, SPAN("/")))
    verr_invalid(v, path, s, "must be a relative path");
  validate_no_backsteps(v, path, s);
}

/* -- one container -- */

static void
check_ports(struct validation *v, const struct vpath *path, const struct json *ports)
{
  static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };
  for (size_t i = 0; i < json_count(ports); i++) {
    const struct json *p = json_at(ports, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(p, "name");
    int64_t port = json_get_int(p, "containerPort", 0), host = json_get_int(p, "hostPort", 0);
    if (name.n && verr_format(v, VP(at, "name"), name, TEXT_PORT_NAME))
      for (size_t j = 0; j < i; j++)
        if (span_eq(json_text_of(json_at(ports, j), "name"), name)) {
          verr_duplicate(v, VP(at, "name"), name);
          break;
        }
    if (port)
      validate_port(v, VP(at, "containerPort"), port);
    else
      verr_required(v, VP(at, "containerPort"), "");
    if (host)
      validate_port(v, VP(at, "hostPort"), host);
    validate_choice(v, at, p, "protocol", protocols);
  }
}

void
validate_pull_policy(struct validation *v, const struct vpath *up, const struct json *o, const char *name)
{
  static const char *const pulls[] = { "Always", "IfNotPresent", "Never", NULL };
  validate_choice(v, up, o, name, pulls);
}

/* What happens to a container whose resources change. Upstream's paths name the list. */
static void
check_resize_policy(struct validation *v, const struct vpath *path, const struct json *list, const struct json *spec)
{
  static const char *const names[] = { "cpu", "memory", NULL }, *const policies[] = { "NotRequired", "RestartContainer",
                                                                                      NULL };
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *p = json_at(list, i), *policy = json_get(p, "restartPolicy");
    struct span name = json_text_of(p, "resourceName"), text = json_text_of(p, "restartPolicy");
    bool twice = false;
    for (size_t j = 0; j < i; j++)
      twice |= span_eq(json_text_of(json_at(list, j), "resourceName"), name);
    if (twice)
      verr_duplicate(v, VP_ITEM(path, i), name);
    if (!name.n)
      verr_required(v, path, "");
    else
      validate_known(v, path, json_get(p, "resourceName"), names);
    if (!text.n)
      verr_required(v, path, "");
    else
      validate_known(v, path, policy, policies);
    if (span_is(json_text_of(spec, "restartPolicy"), "Never") && !span_is(text, "NotRequired"))
      verr_invalid(v, path, text, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
  }
}

static void
check_common(struct validation *v, const struct vpath *path, const struct json *c, const struct pod_check *pod)
{
  static const char *const messages[] = { "File", "FallbackToLogsOnError", NULL };
  if (validate_needed(v, path, c, "name"))
    (void)verr_format(v, VP(path, "name"), json_text_of(c, "name"), TEXT_DNS_LABEL);
  (void)validate_needed(v, path, c, "image");
  validate_choice(v, path, c, "terminationMessagePolicy", messages);
  check_ports(v, VP(path, "ports"), json_get(c, "ports"));
  validate_env(v, VP(path, "env"), json_get(c, "env"));
  validate_env_from(v, VP(path, "envFrom"), json_get(c, "envFrom"));
  validate_mounts(v, VP(path, "volumeMounts"), c, pod->volumes);
  validate_devices(v, VP(path, "volumeDevices"), c, pod->volumes);
  validate_pull_policy(v, path, c, "imagePullPolicy");
  validate_resource_lists(v, VP(path, "resources"), json_get(c, "resources"), json_get(pod->spec, "resourceClaims"));
  check_resize_policy(v, VP(path, "resizePolicy"), json_get(c, "resizePolicy"), pod->spec);
  validate_container_security(v, VP(path, "securityContext"), json_get(c, "securityContext"), pod->spec);
}

/* Two containers that run at once and want one port of the host. */
static void
check_host_ports(struct validation *v, const struct vpath *path, const struct json *containers)
{
  for (size_t i = 0; i < json_count(containers); i++) {
    const struct json *ports = json_get(json_at(containers, i), "ports");
    for (size_t j = 0; j < json_count(ports); j++) {
      const struct json *p = json_at(ports, j);
      int64_t port = json_get_int(p, "hostPort", 0);
      bool taken = false;
      for (size_t k = 0; port && k <= i; k++) {
        const struct json *others = json_get(json_at(containers, k), "ports");
        for (size_t m = 0; m < (k == i ? j : json_count(others)); m++)
          taken |= json_get_int(json_at(others, m), "hostPort", 0) == port &&
                   span_eq(json_text_of(json_at(others, m), "protocol"), json_text_of(p, "protocol")) &&
                   span_eq(json_text_of(json_at(others, m), "hostIP"), json_text_of(p, "hostIP"));
      }
      if (taken) {
        struct span ip = json_text_of(p, "hostIP"), protocol = json_text_of(p, "protocol");
        verr_duplicate(
            v, VP(VP_ITEM(VP(VP_ITEM(path, i), "ports"), j), "hostPort"),
            span_of(arena_printf(v->a, "%.*s/%.*s/%lld", SPAN_FMT(protocol), SPAN_FMT(ip), (long long)port)));
      }
    }
  }
}

/* -- restarts -- */

#define RESTART_RULES_MAX 20
#define EXIT_CODES_MAX    255
#define RESIZE_INIT_SINCE 36

static void
check_restart_rule(struct validation *v, const struct vpath *path, const struct json *rule)
{
  static const char *const one[] = { "Restart", NULL }, *const all[] = { "Restart", "RestartAllContainers", NULL },
                           *const operators[] = { "In", "NotIn", NULL };
  const char *const *actions = validation_gate(v, "RestartAllContainersOnContainerExits") ? all : one;
  const struct json *codes = json_get(rule, "exitCodes");
  const struct vpath *at = VP(path, "exitCodes");
  validate_listed(v, path, rule, "action", actions);
  if (json_type(codes) == JSON_NULL) {
    verr_required(v, at, "must be specified");
    return;
  }
  validate_listed(v, at, codes, "operator", operators);
  if (json_count(json_get(codes, "values")) > EXIT_CODES_MAX)
    verr_too_many(v, VP(at, "values"), json_count(json_get(codes, "values")), EXIT_CODES_MAX);
}

static void
check_restarts(struct validation *v, const struct vpath *path, const struct json *c)
{
  static const char *const policies[] = { "Always", "Never", "OnFailure", NULL };
  const struct json *rules = json_get(c, "restartPolicyRules");
  if (json_count(rules) && !json_has(c, "restartPolicy"))
    verr_required(v, VP(path, "restartPolicy"), "must specify restartPolicy when restart rules are used");
  validate_known(v, VP(path, "restartPolicy"), json_get(c, "restartPolicy"), policies);
  if (json_count(rules) > RESTART_RULES_MAX)
    verr_too_many(v, VP(path, "restartPolicyRules"), json_count(rules), RESTART_RULES_MAX);
  for (size_t i = 0; i < json_count(rules); i++)
    check_restart_rule(v, VP_ITEM(VP(path, "restartPolicyRules"), i), json_at(rules, i));
}

static bool
is_sidecar(const struct json *c)
{
  return span_is(json_text_of(c, "restartPolicy"), "Always");
}

static void
check_init_restarts(struct validation *v, const struct vpath *path, const struct json *c)
{
  static const char *const sidecar[] = { "Always", NULL };
  bool rules = json_count(json_get(c, "restartPolicyRules")) > 0;
  if (!json_has(c, "restartPolicy")) {
    if (rules)
      verr_required(v, VP(path, "restartPolicy"), "must specify restartPolicy when restart rules are used");
  } else if (!validation_gate(v, "ContainerRestartRules")) {
    validate_known(v, VP(path, "restartPolicy"), json_get(c, "restartPolicy"), sidecar);
  } else if (!is_sidecar(c) || validation_gate(v, "RestartAllContainersOnContainerExits")) {
    check_restarts(v, path, c);
  } else if (rules)
    verr_forbidden(v, VP(path, "restartPolicyRules"),
                   "restartPolicyRules are not allowed for init containers with restart policy Always");
}

/* -- lists of containers -- */

void
validate_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod)
{
  const struct json *list = json_get(pod->spec, "containers");
  if (!json_count(list)) {
    verr_required(v, path, "");
    return;
  }
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *c = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    check_common(v, at, c, pod);
    if (validate_find_named(list, json_text_of(c, "name")) != c)
      verr_duplicate(v, VP(at, "name"), json_text_of(c, "name"));
    validate_probes(v, at, c, pod->spec);
    if (validation_gate(v, "ContainerRestartRules"))
      check_restarts(v, at, c);
    else if (json_has(c, "restartPolicy"))
      verr_forbidden(v, VP(at, "restartPolicy"), "may not be set for non-init containers");
  }
  check_host_ports(v, path, list);
}

/* They run one after the other: ports of one are compared among themselves, and upstream takes each for the first. */
static void
check_own_ports(struct validation *v, const struct vpath *path, const struct json *c)
{
  struct json *alone = json_new_array(v->a);
  json_append(v->a, alone, json_copy(v->a, c));
  check_host_ports(v, path, alone);
}

static void
check_init_resizing(struct validation *v, const struct vpath *path, const struct json *c)
{
  const struct json *list = json_get(c, "resizePolicy");
  if (json_count(list) && !validation_gate(v, "InPlacePodVerticalScaling"))
    verr_add(v, FIELD_INVALID, VP(path, "resizePolicy"), vgo(v, list, "io.k8s.api.core.v1.ContainerResizePolicy"),
             "must not be set for init containers");
  for (size_t i = 0; i < json_count(list) && !is_sidecar(c) && validation_minor(v) >= RESIZE_INIT_SINCE; i++)
    if (span_is(json_text_of(json_at(list, i), "restartPolicy"), "RestartContainer"))
      verr_invalid(v, VP(VP_ITEM(VP(path, "resizePolicy"), i), "restartPolicy"), SPAN("RestartContainer"),
                   "must not be set to 'RestartContainer' for non-sidecar initContainers");
}

void
validate_init_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod)
{
  static const char *const serving[] = { "lifecycle", "livenessProbe", "readinessProbe", "startupProbe" };
  const struct json *list = json_get(pod->spec, "initContainers");
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *c = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(c, "name");
    check_common(v, at, c, pod);
    check_init_restarts(v, at, c);
    if (validate_find_named(json_get(pod->spec, "containers"), name) ||
        (name.n && validate_find_named(list, name) != c))
      verr_duplicate(v, VP(at, "name"), name);
    check_own_ports(v, path, c);
    if (is_sidecar(c))
      validate_probes(v, at, c, pod->spec);
    for (size_t k = 0; k < ARRAY_SIZE(serving) && !is_sidecar(c); k++)
      if (json_has(c, serving[k]))
        verr_forbidden(v, VP(at, serving[k]), "may not be set for init containers without restartPolicy=Always");
    check_init_resizing(v, at, c);
  }
}

static void
check_ephemeral(struct validation *v, const struct vpath *path, const struct json *c)
{
  static const char *const refused[] = { "ports",          "resources",          "resizePolicy",
                                         "restartPolicy",  "restartPolicyRules", "livenessProbe",
                                         "readinessProbe", "startupProbe",       "lifecycle" };
  static const char *const parts[] = { "subPath", "subPathExpr" };
  static const char text[] = "cannot be set for an Ephemeral Container";
  const struct json *mounts = json_get(c, "volumeMounts");
  for (size_t k = 0; k < ARRAY_SIZE(refused); k++)
    if (k == 1 ? json_count(json_get(c, refused[k])) > 0 : json_has(c, refused[k])) /* resources are always there */
      verr_forbidden(v, VP(path, refused[k]), text);
  for (size_t i = 0; i < json_count(mounts); i++)
    for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
      if (json_text_of(json_at(mounts, i), parts[k]).n)
        verr_forbidden(v, VP(VP_ITEM(VP(path, "volumeMounts"), i), parts[k]), text);
}

void
validate_ephemeral_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod)
{
  const struct json *list = json_get(pod->spec, "ephemeralContainers"), *main = json_get(pod->spec, "containers"),
                    *init = json_get(pod->spec, "initContainers");
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *c = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(c, "name"), target = json_text_of(c, "targetContainerName");
    check_common(v, at, c, pod);
    validate_image_spaces(v, at, c);
    if (validate_find_named(main, name) || validate_find_named(init, name) || validate_find_named(list, name) != c)
      verr_duplicate(v, VP(at, "name"), name);
    if (target.n && !validate_find_named(main, target) && !validate_find_named(init, target))
      verr_add(v, FIELD_NOT_FOUND, VP(at, "targetContainerName"), vquote(v->a, target), "%s", "");
    check_ephemeral(v, at, c);
  }
}

void
validate_image_spaces(struct validation *v, const struct vpath *path, const struct json *container)
{
  struct span image = json_text_of(container, "image");
  if (span_trim(image).n != image.n)
    verr_invalid(v, VP(path, "image"), image, "must not have leading or trailing whitespace");
}

void
validate_visit(struct pod_visit *visit, const struct vpath *path,
               void (*each)(struct pod_visit *visit, const struct vpath *path, const struct json *container))
{
  for (size_t k = 0; k < POD_CONTAINER_LISTS; k++) {
    const struct json *list = json_get(visit->spec, pod_container_lists[k]);
    for (size_t i = 0; i < json_count(list); i++)
      each(visit, VP_ITEM(VP(path, pod_container_lists[k]), i), json_at(list, i));
  }
}
