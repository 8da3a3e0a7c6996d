/* Containers of pods: core/validation's validateContainerCommon and its callers. */
#include "validate_claim.h"
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
    verr_not_supported(v, VP(up, name), s, allowed);
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

/* -- ports, environment, mounts -- */

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

static void
check_key_selector(struct validation *v, const struct vpath *path, const struct json *s)
{
  (void)verr_format(v, VP(path, "name"), json_text_of(s, "name"), TEXT_DNS_SUBDOMAIN);
  if (validate_needed(v, path, s, "key"))
    (void)verr_format(v, VP(path, "key"), json_text_of(s, "key"), TEXT_CONFIG_KEY);
}

static void
check_field_selector(struct validation *v, const struct vpath *path, const struct json *s)
{
  static const char *const paths[] = {
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs",     "status.podIP", "status.podIPs", NULL
  };
  struct span at = json_text_of(s, "fieldPath");
  (void)validate_needed(v, path, s, "apiVersion");
  if (!validate_needed(v, path, s, "fieldPath"))
    return;
  if (span_starts(at, SPAN("metadata.labels['")) || span_starts(at, SPAN("metadata.annotations['")))
    return;
  validate_choice(v, path, s, "fieldPath", paths);
}

static void
check_value_from(struct validation *v, const struct vpath *path, const struct json *env)
{
  const struct json *from = json_get(env, "valueFrom");
  size_t n = 0;
  if (json_type(from) == JSON_NULL)
    return;
  if (json_has(from, "fieldRef") && ++n)
    check_field_selector(v, VP(path, "fieldRef"), json_get(from, "fieldRef"));
  if (json_has(from, "resourceFieldRef") && ++n)
    (void)validate_needed(v, VP(path, "resourceFieldRef"), json_get(from, "resourceFieldRef"), "resource");
  if (json_has(from, "configMapKeyRef") && ++n)
    check_key_selector(v, VP(path, "configMapKeyRef"), json_get(from, "configMapKeyRef"));
  if (json_has(from, "secretKeyRef") && ++n)
    check_key_selector(v, VP(path, "secretKeyRef"), json_get(from, "secretKeyRef"));
  n += json_has(from, "fileKeyRef");
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

static void
check_env(struct validation *v, const struct vpath *path, const struct json *vars)
{
  for (size_t i = 0; i < json_count(vars); i++) {
    const struct json *e = json_at(vars, i);
    const struct vpath *at = VP_ITEM(path, i);
    if (validate_needed(v, at, e, "name"))
      (void)verr_format(v, VP(at, "name"), json_text_of(e, "name"), TEXT_ENV_NAME);
    check_value_from(v, VP(at, "valueFrom"), e);
  }
}

static void
check_env_from(struct validation *v, const struct vpath *path, const struct json *list)
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
        (void)verr_format(v, VP(VP(at, refs[k]), "name"), json_text_of(json_get(e, refs[k]), "name"),
                          TEXT_DNS_SUBDOMAIN);
    if (!n)
      verr_invalid(v, path, SPAN(""), "must specify one of: `configMapRef` or `secretRef`");
    else if (n > 1)
      verr_invalid(v, path, SPAN(""), "may not have more than one field specified at a time");
  }
}

static bool
has_named(const struct json *list, struct span name)
{
  for (json_each_item (p, list))
    if (span_eq(json_text_of(*p, "name"), name))
      return true;
  return false;
}

void
check_path_below(struct validation *v, const struct vpath *path, struct span s)
{
  if (s.n && s.p[0] == '/')
    verr_invalid(v, path, s, "must be a relative path");
  for (struct span rest = s; rest.p && rest.n;)
    if (span_is(span_cut(rest, '/', &rest), "..")) {
      verr_invalid(v, path, s, "must not contain '..'");
      return;
    }
}

static void
check_mounts(struct validation *v, const struct vpath *path, const struct json *mounts, const struct json *volumes)
{
  for (size_t i = 0; i < json_count(mounts); i++) {
    const struct json *m = json_at(mounts, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(m, "name"), where = json_text_of(m, "mountPath"), sub = json_text_of(m, "subPath");
    (void)validate_needed(v, at, m, "name");
    if (!has_named(volumes, name))
      verr_add(v, FIELD_NOT_FOUND, VP(at, "name"), vquote(v->a, name), "%s", "");
    (void)validate_needed(v, at, m, "mountPath");
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(mounts, j), "mountPath"), where)) {
        verr_invalid(v, VP(at, "mountPath"), where, "must be unique");
        break;
      }
    if (sub.n) /* upstream leaves the index out of these paths */
      check_path_below(v, VP(path, "subPath"), sub);
    if (json_text_of(m, "subPathExpr").n) {
      if (sub.n)
        verr_invalid(v, VP(at, "subPathExpr"), json_text_of(m, "subPathExpr"),
                     "subPathExpr and subPath are mutually exclusive");
      check_path_below(v, VP(path, "subPathExpr"), json_text_of(m, "subPathExpr"));
    }
  }
}

/* -- probes and hooks -- */

static void
check_http_get(struct validation *v, const struct vpath *path, const struct json *h)
{
  static const char *const schemes[] = { "HTTP", "HTTPS", NULL };
  (void)validate_needed(v, path, h, "path");
  validate_port_or_name(v, VP(path, "port"), json_get(h, "port"));
  struct span scheme = json_text_of(h, "scheme");
  if (!span_is(scheme, "HTTP") && !span_is(scheme, "HTTPS"))
    verr_not_supported(v, VP(path, "scheme"), scheme, schemes);
  for (json_each_item (p, json_get(h, "httpHeaders")))
    (void)verr_format(v, VP(path, "httpHeaders"), json_text_of(*p, "name"), TEXT_HTTP_HEADER);
}

static void
check_handler(struct validation *v, const struct vpath *path, const struct json *h)
{
  static const char *const types[] = { "exec", "httpGet", "tcpSocket", "grpc", "sleep" };
  size_t n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
    const struct json *t = json_get(h, types[i]);
    const struct vpath *at = VP(path, types[i]);
    if (json_type(t) == JSON_NULL)
      continue;
    if (n++)
      verr_forbidden(v, at, "may not specify more than 1 handler type");
    else if (i == 0 && !json_count(json_get(t, "command")))
      verr_required(v, VP(at, "command"), "");
    else if (i == 1)
      check_http_get(v, at, t);
    else if (i == 2)
      validate_port_or_name(v, VP(at, "port"), json_get(t, "port"));
    else if (i == 3)
      validate_port(v, VP(at, "port"), json_get_int(t, "port", 0));
  }
  if (!n)
    verr_required(v, path, "must specify a handler type");
}

static void
check_probe(struct validation *v, const struct vpath *up, const struct json *c, const char *name)
{
  static const char *const numbers[] = { "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
                                         "failureThreshold" };
  const struct json *p = json_get(c, name);
  const struct vpath *path = VP(up, name);
  if (json_type(p) == JSON_NULL)
    return;
  check_handler(v, path, p);
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
    validate_not_negative(v, path, p, numbers[i]);
  int64_t grace = json_get_int(p, "terminationGracePeriodSeconds", 1),
          successes = json_get_int(p, "successThreshold", 0);
  if (grace <= 0)
    verr_invalid_int(v, VP(path, "terminationGracePeriodSeconds"), grace, "must be greater than 0");
  if (strcmp(name, "readinessProbe") && successes != 1)
    verr_invalid_int(v, VP(path, "successThreshold"), successes, "must be 1");
  if (!strcmp(name, "readinessProbe") && json_has(p, "terminationGracePeriodSeconds"))
    verr_invalid_int(v, VP(path, "terminationGracePeriodSeconds"), grace, "must not be set for readinessProbes");
}

static void
check_probes(struct validation *v, const struct vpath *path, const struct json *c)
{
  static const char *const hooks[] = { "postStart", "preStop" };
  const struct json *lifecycle = json_get(c, "lifecycle");
  for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
    if (json_has(lifecycle, hooks[i]))
      check_handler(v, VP(VP(path, "lifecycle"), hooks[i]), json_get(lifecycle, hooks[i]));
  check_probe(v, path, c, "livenessProbe");
  check_probe(v, path, c, "readinessProbe");
  check_probe(v, path, c, "startupProbe");
}

/* -- resources -- */

static bool
is_native(struct span name)
{
  for (size_t i = 0; i + 14 <= name.n; i++)
    if (!memcmp(name.p + i, "kubernetes.io/", 14))
      return true;
  return !name.n || !memchr(name.p, '/', name.n);
}

bool
validate_may_overcommit(struct span name)
{
  return is_native(name) && !span_starts(name, SPAN("hugepages-"));
}

void
validate_container_resource_name(struct validation *v, const struct vpath *path, struct span name)
{
  validate_resource_name(v, path, name);
  if (!name.n || !memchr(name.p, '/', name.n)) {
    if (!span_is(name, "cpu") && !span_is(name, "memory") && !span_is(name, "ephemeral-storage") &&
        !span_starts(name, SPAN("hugepages-")))
      verr_invalid(v, path, name, "must be a standard resource for containers");
  } else if (!is_native(name) && !validate_is_extended_resource(v->a, name)) {
    verr_invalid(v, path, name, "doesn't follow extended resource name standard");
  }
}

static void
check_amount(struct validation *v, const struct vpath *path, struct span name, const struct json *amount)
{
  struct quantity q;
  if (!json_quantity(amount, &q))
    return;
  const char *text = quantity_text(v->a, &q);
  if (quantity_sign(&q) < 0)
    verr_add(v, FIELD_INVALID, path, vquote(v->a, span_of(text)), "must be greater than or equal to 0");
  if (!is_native(name) && quantity_milli(&q) % 1000)
    verr_add(v, FIELD_INVALID, path, vquote(v->a, span_of(text)), "must be an integer");
}

static void
check_request(struct validation *v, const struct vpath *path, struct span name, const struct json *request,
              const struct json *limit)
{
  struct quantity q, max;
  bool overcommit = validate_may_overcommit(name);
  const struct vpath *at = VP(path, "requests");
  if (!limit) {
    if (!overcommit)
      verr_required(v, VP(path, "limits"), "Limit must be set for non overcommitable resources");
    return;
  }
  if (!json_quantity(request, &q) || !json_quantity(limit, &max))
    return;
  int order = quantity_cmp(&q, &max);
  if (order > 0 || (order && !overcommit))
    verr_invalid(v, at, span_of(quantity_text(v->a, &q)),
                 arena_printf(v->a, "must be %s %.*s limit of %s", overcommit ? "less than or equal to" : "equal to",
                              SPAN_FMT(name), quantity_text(v->a, &max)));
}

static void
check_claim_refs(struct validation *v, const struct vpath *path, const struct json *refs, const struct json *claims)
{
  for (size_t i = 0; i < json_count(refs); i++) {
    const struct json *r = json_at(refs, i);
    struct span name = json_text_of(r, "name"), request = json_text_of(r, "request");
    const struct vpath *at = VP_ITEM(path, i);
    if (!name.n) {
      verr_required(v, at, "");
      continue;
    }
    if (request.n)
      (void)verr_format(v, VP(at, "request"), request, TEXT_DNS_LABEL);
    for (size_t j = 0; j < i; j++) {
      struct span other = json_text_of(json_at(refs, j), "request");
      if (!span_eq(json_text_of(json_at(refs, j), "name"), name) || (other.n && request.n && !span_eq(other, request)))
        continue;
      verr_duplicate(v, at,
                     other.n && request.n ? span_of(arena_printf(v->a, "%.*s/%.*s", SPAN_FMT(name), SPAN_FMT(request)))
                                          : name);
      break;
    }
    if (has_named(claims, name))
      continue;
    const char *names = "";
    for (size_t k = 0; k < json_count(claims); k++)
      names = arena_printf(v->a, "%s%s%.*s", names, k ? ", " : "", SPAN_FMT(json_text_of(json_at(claims, k), "name")));
    verr_add(v, FIELD_NOT_FOUND, at, vquote(v->a, name), "must be one of the names in pod.spec.resourceClaims%s%s",
             json_count(claims) ? ": " : " which is empty", names);
  }
}

void
validate_resource_lists(struct validation *v, const struct vpath *path, const struct json *r, const struct json *claims)
{
  const struct json *limits = json_get(r, "limits"), *requests = json_get(r, "requests");
  bool compute = false, huge = false;
  for (json_each_member (m, limits)) {
    struct span name = span_make(m->name, m->name_len);
    validate_container_resource_name(v, VP_KEY(VP(path, "limits"), m->name), name);
    check_amount(v, VP_KEY(VP(path, "limits"), m->name), name, m->value);
    compute |= span_is(name, "cpu") || span_is(name, "memory");
    huge |= span_starts(name, SPAN("hugepages-"));
  }
  for (json_each_member (m, requests)) {
    struct span name = span_make(m->name, m->name_len);
    validate_container_resource_name(v, VP_KEY(VP(path, "requests"), m->name), name);
    check_amount(v, VP_KEY(VP(path, "requests"), m->name), name, m->value);
    check_request(v, path, name, m->value, json_get_n(limits, m->name, m->name_len));
    compute |= span_is(name, "cpu") || span_is(name, "memory");
    huge |= span_starts(name, SPAN("hugepages-"));
  }
  if (huge && !compute)
    verr_forbidden(v, path, "HugePages require cpu or memory");
  check_claim_refs(v, VP(path, "claims"), json_get(r, "claims"), claims);
}

/* -- containers -- */

static void
check_common(struct validation *v, const struct vpath *path, const struct json *c, const struct pod_check *pod)
{
  static const char *const messages[] = { "File", "FallbackToLogsOnError", NULL }, *const pulls[] = { "Always",
                                                                                                      "IfNotPresent",
                                                                                                      "Never", NULL };
  if (validate_needed(v, path, c, "name"))
    (void)verr_format(v, VP(path, "name"), json_text_of(c, "name"), TEXT_DNS_LABEL);
  (void)validate_needed(v, path, c, "image");
  validate_choice(v, path, c, "terminationMessagePolicy", messages);
  check_ports(v, VP(path, "ports"), json_get(c, "ports"));
  check_env(v, VP(path, "env"), json_get(c, "env"));
  check_env_from(v, VP(path, "envFrom"), json_get(c, "envFrom"));
  check_mounts(v, VP(path, "volumeMounts"), json_get(c, "volumeMounts"), json_get(pod->spec, "volumes"));
  validate_choice(v, path, c, "imagePullPolicy", pulls);
  validate_resource_lists(v, VP(path, "resources"), json_get(c, "resources"), json_get(pod->spec, "resourceClaims"));
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
    struct span name = json_text_of(c, "name");
    check_common(v, at, c, pod);
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(list, j), "name"), name)) {
        verr_duplicate(v, VP(at, "name"), name);
        break;
      }
    check_probes(v, at, c);
    if (json_has(c, "restartPolicy") && !validation_gate(v, "ContainerRestartRules"))
      verr_forbidden(v, VP(at, "restartPolicy"), "may not be set for non-init containers");
  }
  check_host_ports(v, path, list);
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
    bool duplicate = has_named(json_get(pod->spec, "containers"), name);
    check_common(v, at, c, pod);
    for (size_t j = 0; j < i && name.n; j++)
      duplicate |= span_eq(json_text_of(json_at(list, j), "name"), name);
    if (duplicate)
      verr_duplicate(v, VP(at, "name"), name);
    if (span_is(json_text_of(c, "restartPolicy"), "Always")) {
      check_probes(v, at, c);
      continue;
    }
    for (size_t k = 0; k < ARRAY_SIZE(serving); k++)
      if (json_has(c, serving[k]))
        verr_forbidden(v, VP(at, serving[k]), "may not be set for init containers without restartPolicy=Always");
  }
}

void
validate_ephemeral_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod)
{
  static const char *const refused[] = { "ports",        "resources", "livenessProbe", "readinessProbe",
                                         "startupProbe", "lifecycle", "resizePolicy",  "restartPolicy" };
  const struct json *list = json_get(pod->spec, "ephemeralContainers"), *main = json_get(pod->spec, "containers"),
                    *init = json_get(pod->spec, "initContainers");
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *c = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(c, "name"), target = json_text_of(c, "targetContainerName");
    bool duplicate = has_named(main, name) || has_named(init, name);
    check_common(v, at, c, pod);
    for (size_t j = 0; j < i; j++)
      duplicate |= span_eq(json_text_of(json_at(list, j), "name"), name);
    if (duplicate)
      verr_duplicate(v, VP(at, "name"), name);
    if (target.n && !has_named(main, target) && !has_named(init, target))
      verr_add(v, FIELD_NOT_FOUND, VP(at, "targetContainerName"), vquote(v->a, target), "%s", "");
    for (size_t k = 0; k < ARRAY_SIZE(refused); k++)
      if (!json_same(json_get(c, refused[k]), NULL))
        verr_forbidden(v, VP(at, refused[k]), "cannot be set for an Ephemeral Container");
  }
}
