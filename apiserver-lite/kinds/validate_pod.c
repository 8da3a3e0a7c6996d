/* Pods: core/validation's ValidatePodCreate, ValidatePodUpdate, ValidatePodStatusUpdate. */
#include "validate_pod.h"

#include <limits.h>

#include "object.h"

static void
check_resource_claims(struct validation *v, const struct vpath *path, const struct json *claims)
{
  static const char type[] = "io.k8s.api.core.v1.PodResourceClaim";
  for (size_t i = 0; i < json_count(claims); i++) {
    const struct json *c = json_at(claims, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(c, "name");
    bool claim = json_has(c, "resourceClaimName"), template = json_has(c, "resourceClaimTemplateName"), twice = false;
    for (size_t j = 0; j < i; j++)
      twice |= name.n && span_eq(json_text_of(json_at(claims, j), "name"), name);
    if (!name.n)
      verr_required(v, VP(at, "name"), "");
    else if (twice)
      verr_duplicate(v, VP(at, "name"), name);
    else
      (void)verr_format(v, VP(at, "name"), name, TEXT_DNS_LABEL);
    if (claim && template)
      verr_add(v, FIELD_INVALID, at, vgo(v->a, c, type),
               "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
    if (!claim && !template)
      verr_add(v, FIELD_INVALID, at, vgo(v->a, c, type),
               "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    if (claim)
      (void)verr_format(v, VP(at, "resourceClaimName"), json_text_of(c, "resourceClaimName"), TEXT_DNS_SUBDOMAIN);
    if (template)
      (void)verr_format(v, VP(at, "resourceClaimTemplateName"), json_text_of(c, "resourceClaimTemplateName"),
                        TEXT_DNS_SUBDOMAIN);
  }
}

static void
check_scheduling_gates(struct validation *v, const struct vpath *path, const struct json *gates)
{
  for (size_t i = 0; i < json_count(gates); i++) {
    struct span name = json_text_of(json_at(gates, i), "name");
    (void)verr_format(v, VP_ITEM(path, i), name, TEXT_LABEL_KEY);
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(gates, j), "name"), name)) {
        verr_duplicate(v, VP_ITEM(path, i), name);
        break;
      }
  }
}

static void
check_toleration(struct validation *v, const struct vpath *path, const struct json *t)
{
  static const char *const operators[] = { "Equal", "Exists", NULL }, *const effects[] = { "NoSchedule",
                                                                                           "PreferNoSchedule",
                                                                                           "NoExecute", NULL };
  struct span key = json_text_of(t, "key"), op = json_text_of(t, "operator"), value = json_text_of(t, "value"),
              effect = json_text_of(t, "effect");
  if (key.n) {
    size_t mark = v->n;
    (void)verr_format(v, VP(path, "key"), key, TEXT_LABEL_KEY);
    validation_cover(v, mark, NULL);
  } else if (!span_is(op, "Exists"))
    verr_invalid(v, VP(path, "operator"), op,
                 "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
  if (json_has(t, "tolerationSeconds") && !span_is(effect, "NoExecute"))
    verr_invalid(v, VP(path, "effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  if (!op.n || span_is(op, "Equal")) {
    const char *problems[TEXT_PROBLEMS_MAX], *all = "";
    size_t n = text_check(v->a, TEXT_LABEL_VALUE, value, problems);
    for (size_t i = 0; i < n; i++)
      all = arena_printf(v->a, "%s%s%s", all, i ? ";" : "", problems[i]);
    if (n)
      verr_invalid(v, VP(path, "operator"), value, all);
  } else if (span_is(op, "Exists")) {
    if (value.n)
      verr_invalid(v, VP(path, "operator"), value, "value must be empty when `operator` is 'Exists'");
  } else if (!((span_is(op, "Lt") || span_is(op, "Gt")) && validation_gate(v, "TaintTolerationComparisonOperators")))
    verr_not_supported(v, VP(path, "operator"), op, operators);
  if (effect.n)
    validate_choice(v, path, t, "effect", effects);
}

bool
validate_tolerations(struct validation *v, const struct vpath *path, const struct json *list)
{
  size_t mark = v->n;
  for (size_t i = 0; i < json_count(list); i++)
    check_toleration(v, VP_ITEM(path, i), json_at(list, i));
  return v->n == mark;
}

/* -- affinity and spreading -- */

static void
check_pod_terms(struct validation *v, const struct vpath *up, const struct json *affinity)
{
  static const char *const lists[] = { "requiredDuringSchedulingIgnoredDuringExecution",
                                       "preferredDuringSchedulingIgnoredDuringExecution" };
  for (size_t k = 0; k < 2; k++) {
    const struct json *list = json_get(affinity, lists[k]);
    for (size_t i = 0; i < json_count(list); i++) {
      const struct json *item = json_at(list, i), *term = k ? json_get(item, "podAffinityTerm") : item;
      const struct vpath *entry = VP_ITEM(VP(up, lists[k]), i), *at = k ? VP(entry, "podAffinityTerm") : entry;
      int64_t weight = json_get_int(item, "weight", 0);
      if (k && (weight <= 0 || weight > 100))
        verr_invalid_int(v, VP(entry, "weight"), weight, "must be in the range 1-100");
      validate_label_selector(v, VP(at, "labelSelector"), json_get(term, "labelSelector"));
      validate_label_selector(v, VP(at, "namespaceSelector"), json_get(term, "namespaceSelector"));
      for (json_each_item (ns, json_get(term, "namespaces")))
        (void)verr_format(v, VP(at, "namespace"), json_span(*ns), TEXT_DNS_LABEL);
      struct span key = json_text_of(term, "topologyKey");
      if (!key.n)
        verr_required(v, VP(at, "topologyKey"), "can not be empty");
      (void)verr_format(v, VP(at, "topologyKey"), key, TEXT_LABEL_KEY);
    }
  }
}

static void
check_affinity(struct validation *v, const struct vpath *path, const struct json *affinity)
{
  const struct json *node = json_get(affinity, "nodeAffinity"),
                    *required = json_get(node, "requiredDuringSchedulingIgnoredDuringExecution"),
                    *preferred = json_get(node, "preferredDuringSchedulingIgnoredDuringExecution");
  const struct vpath *at = VP(path, "nodeAffinity");
  if (json_type(required) != JSON_NULL)
    validate_node_selector(v, VP(at, "requiredDuringSchedulingIgnoredDuringExecution"), required);
  for (size_t i = 0; i < json_count(preferred); i++) {
    const struct vpath *entry = VP_ITEM(VP(at, "preferredDuringSchedulingIgnoredDuringExecution"), i);
    int64_t weight = json_get_int(json_at(preferred, i), "weight", 0);
    if (weight <= 0 || weight > 100)
      verr_invalid_int(v, VP(entry, "weight"), weight, "must be in the range 1-100");
    validate_node_selector_term(v, VP(entry, "preference"), json_get(json_at(preferred, i), "preference"));
  }
  check_pod_terms(v, VP(path, "podAffinity"), json_get(affinity, "podAffinity"));
  check_pod_terms(v, VP(path, "podAntiAffinity"), json_get(affinity, "podAntiAffinity"));
}

static void
check_spreading(struct validation *v, const struct vpath *path, const struct json *list)
{
  static const char *const actions[] = { "DoNotSchedule", "ScheduleAnyway", NULL };
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *c = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span key = json_text_of(c, "topologyKey"), action = json_text_of(c, "whenUnsatisfiable");
    int64_t skew = json_get_int(c, "maxSkew", 0);
    if (skew <= 0)
      verr_invalid_int(v, VP(at, "maxSkew"), skew, "must be greater than zero");
    if (!key.n)
      verr_required(v, VP(at, "topologyKey"), "can not be empty");
    if (!span_is(action, actions[0]) && !span_is(action, actions[1]))
      verr_not_supported(v, VP(at, "whenUnsatisfiable"), action, actions);
    for (size_t j = i + 1; j < json_count(list); j++)
      if (span_eq(json_text_of(json_at(list, j), "topologyKey"), key) &&
          span_eq(json_text_of(json_at(list, j), "whenUnsatisfiable"), action)) {
        verr_duplicate(v, VP(at, "{topologyKey, whenUnsatisfiable}"),
                       span_of(arena_printf(v->a, "{%.*s, %.*s}", SPAN_FMT(key), SPAN_FMT(action))));
        break;
      }
    validate_label_selector(v, VP(at, "labelSelector"), json_get(c, "labelSelector"));
  }
}

/* -- the spec -- */

static void
check_host_network(struct validation *v, const struct vpath *path, const struct pod_check *pod)
{
  const struct json *list = json_get(pod->spec, "containers");
  if (!json_get_bool(pod->spec, "hostNetwork", false))
    return;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *ports = json_get(json_at(list, i), "ports");
    for (size_t j = 0; j < json_count(ports); j++) {
      int64_t host = json_get_int(json_at(ports, j), "hostPort", 0),
              port = json_get_int(json_at(ports, j), "containerPort", 0);
      if ((!pod->template || host) && host != port)
        verr_invalid_int(v, VP(VP_ITEM(VP(VP_ITEM(VP(path, "containers"), i), "ports"), j), "hostPort"), host,
                         "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

static const char *const restart_policies[] = { "Always", "OnFailure", "Never", NULL };

/* Texts of the spec that have a format when they are there. */
static void
check_names(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const struct {
    const char *name;
    enum text_format format;
  } texts[] = {
    { "serviceAccountName", TEXT_DNS_SUBDOMAIN },
    { "nodeName", TEXT_DNS_SUBDOMAIN },
  };
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
    if (json_text_of(spec, texts[i].name).n)
      (void)verr_format(v, VP(path, texts[i].name), json_text_of(spec, texts[i].name), texts[i].format);
  if (json_has(spec, "activeDeadlineSeconds")) {
    int64_t seconds = json_get_int(spec, "activeDeadlineSeconds", 0);
    if (seconds < 1 || seconds > INT32_MAX)
      verr_invalid_int(v, VP(path, "activeDeadlineSeconds"), seconds, "must be between 1 and 2147483647, inclusive");
  }
  if (json_text_of(spec, "hostname").n)
    (void)verr_format(v, VP(path, "hostname"), json_text_of(spec, "hostname"), TEXT_DNS_LABEL);
  if (json_text_of(spec, "subdomain").n)
    (void)verr_format(v, VP(path, "subdomain"), json_text_of(spec, "subdomain"), TEXT_DNS_LABEL);
}

static void
check_host_aliases(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span ip = json_text_of(json_at(list, i), "ip");
    const struct json *names = json_get(json_at(list, i), "hostnames");
    if (!text_is_ip(ip))
      verr_invalid(v, VP(VP_ITEM(path, i), "ip"), ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    for (size_t j = 0; j < json_count(names); j++)
      (void)verr_format(v, VP_ITEM(VP(VP_ITEM(path, i), "hostnames"), j), json_span(json_at(names, j)),
                        TEXT_DNS_SUBDOMAIN);
  }
}

void
validate_pod_spec(struct validation *v, const struct vpath *path, const struct json *spec, bool template)
{
  static const char *const dns[] = { "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None", NULL },
                           *const preemption[] = { "PreemptLowerPriority", "Never", NULL },
                           *const systems[] = { "linux", "windows", NULL };
  const struct pod_check pod = { .spec = spec, .template = template };
  if (!json_has(spec, "terminationGracePeriodSeconds"))
    verr_required(v, VP(path, "terminationGracePeriodSeconds"), "");
  validate_volumes(v, VP(path, "volumes"), json_get(spec, "volumes"));
  check_resource_claims(v, VP(path, "resourceClaims"), json_get(spec, "resourceClaims"));
  validate_containers(v, VP(path, "containers"), &pod);
  validate_init_containers(v, VP(path, "initContainers"), &pod);
  validate_ephemeral_containers(v, VP(path, "ephemeralContainers"), &pod);
  if (json_has(spec, "resources"))
    validate_resource_lists(v, VP(path, "resources"), json_get(spec, "resources"), json_get(spec, "resourceClaims"));
  check_host_network(v, path, &pod);
  validate_choice(v, path, spec, "restartPolicy", restart_policies);
  validate_choice(v, path, spec, "dnsPolicy", dns);
  validate_labels(v, VP(path, "nodeSelector"), json_get(spec, "nodeSelector"));
  check_affinity(v, VP(path, "affinity"), json_get(spec, "affinity"));
  for (size_t i = 0; i < json_count(json_get(spec, "readinessGates")); i++)
    (void)verr_format(v, VP(VP_ITEM(VP(path, "readinessGates"), i), "conditionType"),
                      json_text_of(json_at(json_get(spec, "readinessGates"), i), "conditionType"), TEXT_LABEL_KEY);
  check_scheduling_gates(v, VP(path, "schedulingGates"), json_get(spec, "schedulingGates"));
  check_spreading(v, VP(path, "topologySpreadConstraints"), json_get(spec, "topologySpreadConstraints"));
  check_names(v, path, spec);
  (void)validate_tolerations(v, VP(path, "tolerations"), json_get(spec, "tolerations"));
  check_host_aliases(v, VP(path, "hostAliases"), json_get(spec, "hostAliases"));
  if (json_text_of(spec, "priorityClassName").n)
    (void)verr_format(v, VP(path, "priorityClassName"), json_text_of(spec, "priorityClassName"), TEXT_DNS_SUBDOMAIN);
  if (json_has(spec, "runtimeClassName"))
    (void)verr_format(v, VP(path, "runtimeClassName"), json_text_of(spec, "runtimeClassName"), TEXT_DNS_SUBDOMAIN);
  if (json_has(spec, "preemptionPolicy"))
    validate_choice(v, path, spec, "preemptionPolicy", preemption);
  if (json_has(spec, "os"))
    validate_choice(v, VP(path, "os"), json_get(spec, "os"), "name", systems);
}

void
validate_pod_template(struct validation *v, const struct vpath *path, const struct json *template)
{
  const struct json *meta = json_get(template, "metadata"), *spec = json_get(template, "spec");
  validate_labels(v, VP(path, "labels"), json_get(meta, "labels"));
  validate_annotations(v, VP(path, "annotations"), json_get(meta, "annotations"));
  validate_pod_spec(v, VP(path, "spec"), spec, true);
  if (json_count(json_get(spec, "ephemeralContainers")))
    verr_forbidden(v, VP(VP(path, "spec"), "ephemeralContainers"), "ephemeral containers not allowed in pod template");
}

static void
check_image_spaces(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span image = json_text_of(json_at(list, i), "image");
    if (span_trim(image).n != image.n)
      verr_invalid(v, VP(VP_ITEM(path, i), "image"), image, "must not have leading or trailing whitespace");
  }
}

/* validatePodMetadataAndSpec without the metadata. */
static void
check_pod(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *volumes = json_get(spec, "volumes");
  const struct vpath *path = VP(NULL, "spec");
  validate_pod_spec(v, path, spec, false);
  for (size_t i = 0; i < json_count(volumes) && !json_text_of(spec, "serviceAccountName").n; i++) {
    const struct json *sources = json_dig(json_at(volumes, i), "projected", "sources", NULL);
    for (size_t j = 0; j < json_count(sources); j++)
      if (json_has(json_at(sources, j), "serviceAccountToken"))
        verr_forbidden(
            v, VP(VP_ITEM(VP(VP(VP_ITEM(VP(path, "volumes"), i), "projected"), "sources"), j), "serviceAccountToken"),
            "must not be specified when serviceAccountName is not set");
  }
  validate_not_negative(v, path, spec, "terminationGracePeriodSeconds");
  check_image_spaces(v, VP(path, "containers"), json_get(spec, "containers"));
  check_image_spaces(v, VP(path, "initContainers"), json_get(spec, "initContainers"));
}

static void
create_pod(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  check_pod(v, o);
  if (json_count(json_get(spec, "ephemeralContainers")))
    verr_forbidden(v, VP(path, "ephemeralContainers"), "cannot be set on create");
  if (json_text_of(spec, "nodeName").n && json_count(json_get(spec, "schedulingGates")))
    verr_forbidden(v, VP(path, "nodeName"), "cannot be set until all schedulingGates have been cleared");
}

/* -- updates -- */

/* False: the lists differ in length, and nothing else is worth saying. */
static bool
check_same_containers(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  if (json_count(now) != json_count(old)) {
    verr_forbidden(v, path, "pod updates may not add or remove containers");
    return false;
  }
  for (size_t i = 0; i < json_count(now); i++)
    if (!json_text_of(json_at(now, i), "image").n)
      verr_required(v, VP(VP_ITEM(path, i), "image"), "");
  check_image_spaces(v, path, now);
  return true;
}

/* False: it is wrong, and nothing else is worth saying. */
static bool
check_deadline(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  int64_t seconds = json_int_or(now, 0);
  bool was = json_type(old) != JSON_NULL;
  if (json_type(now) == JSON_NULL) {
    if (was)
      verr_add(v, FIELD_INVALID, path, "null", "must not update from a positive integer to nil value");
    return true;
  }
  if (seconds < 0 || seconds > INT32_MAX)
    verr_invalid_int(v, path, seconds, "must be between 0 and 2147483647, inclusive");
  else if (was && json_int_or(old, 0) < seconds)
    verr_invalid_int(v, path, seconds, "must be less than or equal to previous value");
  else
    return true;
  return false;
}

static bool
same_toleration(struct arena *a, const struct json *x, const struct json *y)
{
  struct json *p = json_shallow(a, x), *q = json_shallow(a, y);
  json_remove(p, "tolerationSeconds");
  json_remove(q, "tolerationSeconds");
  return json_same(p, q);
}

static void
check_added_tolerations(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  for (json_each_item (p, old)) {
    bool found = false;
    for (json_each_item (q, now))
      found |= same_toleration(v->a, *p, *q);
    if (!found) {
      verr_forbidden(v, path, "existing toleration can not be modified except its tolerationSeconds");
      return;
    }
  }
  (void)validate_tolerations(v, path, now);
}

static void
check_removed_gates(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  for (size_t i = 0; i < json_count(now); i++) {
    struct span name = json_text_of(json_at(now, i), "name");
    bool known = false;
    for (json_each_item (p, old))
      known |= span_eq(json_text_of(*p, "name"), name);
    if (!known)
      verr_add(v, FIELD_FORBIDDEN, VP(VP_ITEM(path, i), "name"), NULL,
               "only deletion is allowed, but found new scheduling gate '%.*s'", SPAN_FMT(name));
  }
}

static void
keep_images(struct arena *a, struct json *spec, const struct json *old, const char *list)
{
  const struct json *now = json_get(spec, list), *was = json_get(old, list);
  if (!json_count(now))
    return;
  struct json *copy = json_set(a, spec, list, json_copy(a, now));
  for (size_t i = 0; i < json_count(now); i++)
    json_set(a, json_item(copy, i), "image", json_copy(a, json_get(json_at(was, i), "image")));
}

static void
keep_member(struct arena *a, struct json *spec, const struct json *old, const char *name)
{
  const struct json *was = json_get(old, name);
  if (was)
    json_set(a, spec, name, json_copy(a, was));
  else
    json_remove(spec, name);
}

/* A pod that is held back may be narrowed down to fewer nodes. */
static void
check_gated(struct validation *v, const struct vpath *path, struct json *spec, const struct json *old)
{
  const struct json *now = json_get(spec, "nodeSelector");
  for (json_each_member (m, json_get(old, "nodeSelector")))
    if (!json_same(json_get_n(now, m->name, m->name_len), m->value)) {
      verr_add(v, FIELD_INVALID, VP(path, "nodeSelector"), vjson(v->a, now),
               "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
      break;
    }
  keep_member(v->a, spec, old, "nodeSelector");
  const struct json *affinity = json_get(spec, "affinity"), *was = json_get(old, "affinity");
  if (json_same(json_get(affinity, "nodeAffinity"), json_get(was, "nodeAffinity")))
    return;
  const struct json *required = json_dig(was, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", NULL),
                    *wanted =
                        json_dig(affinity, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", NULL);
  if (json_count(json_get(required, "nodeSelectorTerms")) &&
      json_count(json_get(required, "nodeSelectorTerms")) != json_count(json_get(wanted, "nodeSelectorTerms")))
    verr_add(v, FIELD_INVALID,
             VP(VP(VP(VP(path, "affinity"), "nodeAffinity"), "requiredDuringSchedulingIgnoredDuringExecution"),
                "nodeSelectorTerms"),
             vgo(v->a, json_get(wanted, "nodeSelectorTerms"), "io.k8s.api.core.v1.NodeSelectorTerm"),
             "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
  struct json *edit = json_set(v->a, spec, "affinity", affinity ? json_shallow(v->a, affinity) : json_new_object(v->a));
  keep_member(v->a, edit, was, "nodeAffinity");
  if (!json_count(edit) && !was)
    json_remove(spec, "affinity");
}

static void
update_pod(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct name_rule rule = { .format = TEXT_DNS_SUBDOMAIN };
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_object_meta(v, o, true, &rule);
  check_pod(v, o);
  if (!check_same_containers(v, VP(path, "containers"), json_get(spec, "containers"), json_get(was, "containers")) ||
      !check_same_containers(v, VP(path, "initContainers"), json_get(spec, "initContainers"),
                             json_get(was, "initContainers")) ||
      !check_deadline(v, VP(path, "activeDeadlineSeconds"), json_get(spec, "activeDeadlineSeconds"),
                      json_get(was, "activeDeadlineSeconds")))
    return;
  check_added_tolerations(v, VP(path, "tolerations"), json_get(spec, "tolerations"), json_get(was, "tolerations"));
  check_removed_gates(v, VP(path, "schedulingGates"), json_get(spec, "schedulingGates"),
                      json_get(was, "schedulingGates"));
  if (json_same(spec, was))
    return;
  struct json *munged = json_shallow(v->a, spec);
  static const char *const free_members[] = { "activeDeadlineSeconds", "schedulingGates", "tolerations" };
  keep_images(v->a, munged, was, "containers");
  keep_images(v->a, munged, was, "initContainers");
  for (size_t i = 0; i < ARRAY_SIZE(free_members); i++)
    keep_member(v->a, munged, was, free_members[i]);
  if (json_get_int(was, "terminationGracePeriodSeconds", 0) < 0 &&
      json_get_int(munged, "terminationGracePeriodSeconds", 0) == 1)
    keep_member(v->a, munged, was, "terminationGracePeriodSeconds");
  if (json_count(json_get(was, "schedulingGates")))
    check_gated(v, path, munged, was);
  if (json_same(munged, was))
    return;
  static const char type[] = "io.k8s.api.core.v1.PodSpec";
  verr_add(v, FIELD_FORBIDDEN, path, NULL,
           "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
           "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
           "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n%s",
           validate_diff(v->a, vgo(v->a, was, type), vgo(v->a, munged, type)));
}

/* -- status -- */

static const struct json *
find_named(const struct json *list, struct span name)
{
  for (json_each_item (p, list))
    if (span_eq(json_text_of(*p, "name"), name))
      return *p;
  return NULL;
}

static void
check_claim_statuses(struct validation *v, const struct vpath *path, const struct json *list, const struct json *spec)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *at = VP_ITEM(path, i);
    const struct json *s = json_at(list, i);
    struct span name = json_text_of(s, "name");
    if (!find_named(json_get(spec, "resourceClaims"), name))
      verr_invalid(v, VP(at, "name"), name, "must match the name of an entry in `spec.resourceClaims`");
    if (find_named(list, name) != s)
      verr_duplicate(v, VP(at, "name"), name);
    if (json_has(s, "resourceClaimName"))
      (void)verr_format(v, VP(at, "resourceClaimName"), json_text_of(s, "resourceClaimName"), TEXT_DNS_SUBDOMAIN);
  }
}

static void
check_mapping(struct validation *v, const struct vpath *up, size_t i, const struct json *list, const struct json *spec)
{
  const struct json *m = json_at(list, i);
  struct span name = json_text_of(m, "containerName"), resource = json_text_of(m, "resourceName");
  const struct vpath *at = VP_ITEM(VP(up, "requestMappings"), i);
  const struct json *c = find_named(json_get(spec, "containers"), name);
  if (!c)
    c = find_named(json_get(spec, "initContainers"), name);
  if (!c)
    verr_invalid(v, VP(at, "containerName"), name,
                 "must match the name of an entry in spec.initContainers.name or spec.containers.name");
  else if (!json_get_n(json_dig(c, "resources", "requests", NULL), resource.p, resource.n))
    verr_invalid(v, VP(at, "resourceName"), resource,
                 "must match the extended resource name of an entry in spec.initContainers.resources.requests or "
                 "spec.containers.resources.requests");
  (void)verr_format(v, VP(up, "requestName"), json_text_of(m, "requestName"), TEXT_DNS_LABEL);
  for (size_t j = 0; j < i; j++)
    if (json_same(json_at(list, j), m)) {
      verr_duplicate(v, VP(at, "containerName"), name);
      verr_duplicate(v, VP(at, "resourceName"), resource);
      verr_duplicate(v, VP(at, "requestName"), json_text_of(m, "requestName"));
      return;
    }
}

static void
check_extended_status(struct validation *v, const struct vpath *path, const struct json *s, const struct json *spec)
{
  const struct json *list = json_get(s, "requestMappings");
  if (json_type(s) == JSON_NULL)
    return;
  if (!json_count(list))
    verr_required(v, VP(path, "requestMappings"), "at least one request mapping is required");
  for (size_t i = 0; i < json_count(list); i++)
    check_mapping(v, path, i, list, spec);
  if (validate_needed(v, path, s, "resourceClaimName"))
    (void)verr_format(v, VP(path, "resourceClaimName"), json_text_of(s, "resourceClaimName"), TEXT_DNS_SUBDOMAIN);
}

/* May a device's health be reported under this name for the container? */
static bool
is_health_name(struct arena *a, struct span name, const struct json *container, const struct json *extended)
{
  if (!span_starts(name, SPAN("claim:")))
    return json_get_n(json_dig(container, "resources", "requests", NULL), name.p, name.n) != NULL;
  for (json_each_item (p, json_dig(container, "resources", "claims", NULL))) {
    struct span claim = json_text_of(*p, "name"), request = json_text_of(*p, "request");
    if (span_is(name, request.n ? arena_printf(a, "claim:%.*s/%.*s", SPAN_FMT(claim), SPAN_FMT(request))
                                : arena_printf(a, "claim:%.*s", SPAN_FMT(claim))))
      return true;
  }
  struct span made = json_text_of(extended, "resourceClaimName");
  for (json_each_item (p, json_get(extended, "requestMappings")))
    if (span_eq(json_text_of(*p, "containerName"), json_text_of(container, "name")) &&
        span_is(name, arena_printf(a, "claim:%.*s/%.*s", SPAN_FMT(made), SPAN_FMT(json_text_of(*p, "requestName")))))
      return true;
  return false;
}

static void
check_device_health(struct validation *v, const struct vpath *path, const struct json *resources)
{
  static const char *const healths[] = { "Healthy", "Unhealthy", "Unknown", NULL };
  for (size_t k = 0; k < json_count(resources); k++) {
    const struct json *r = json_at(resources, k);
    const struct vpath *at = VP_ITEM(path, k);
    struct span health = json_text_of(r, "health");
    if (!span_is(health, healths[0]) && !span_is(health, healths[1]) && !span_is(health, healths[2]))
      verr_not_supported(v, VP(at, "health"), health, healths);
    if (json_has(r, "message") && !json_text_of(r, "message").n)
      verr_required(v, VP(at, "message"), "must be non-empty if specified");
    for (size_t j = 0; j < k; j++)
      if (span_eq(json_text_of(json_at(resources, j), "resourceID"), json_text_of(r, "resourceID"))) {
        verr_duplicate(v, VP(at, "resourceID"), json_text_of(r, "resourceID"));
        break;
      }
  }
}

static void
check_allocated_resources(struct validation *v, const struct vpath *path, const struct json *statuses,
                          const struct json *containers, const struct json *extended)
{
  for (size_t i = 0; i < json_count(statuses); i++) {
    const struct json *list = json_get(json_at(statuses, i), "allocatedResourcesStatus"),
                      *c = find_named(containers, json_text_of(json_at(statuses, i), "name"));
    for (size_t j = 0; j < json_count(list); j++) {
      const struct vpath *at = VP_ITEM(VP(VP_ITEM(path, i), "allocatedResourcesStatus"), j);
      struct span name = json_text_of(json_at(list, j), "name");
      if (c && !is_health_name(v->a, name, c, extended))
        verr_invalid(
            v, VP(at, "name"), name,
            span_starts(name, SPAN("claim:"))
                ? "must match one of the container's resource claims as 'claim:<claimName>/<requestName>' when "
                  "container.resources.claims[*].request is set or 'claim:<claimName>' when it is empty"
                : "must match one of the container's resource requests");
      check_device_health(v, VP(at, "resources"), json_get(json_at(list, j), "resources"));
    }
  }
}

static void
update_pod_status(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *status = json_get(o, "status"), *spec = json_get(o, "spec"), *was = json_get(old, "status"),
                    *conditions = json_get(status, "conditions"),
                    *extended = json_get(status, "extendedResourceClaimStatus");
  const struct vpath *path = VP(NULL, "status");
  for (size_t i = 0; i < json_count(conditions); i++)
    (void)verr_format(v, VP(VP_ITEM(VP(path, "conditions"), i), "type"), json_text_of(json_at(conditions, i), "type"),
                      TEXT_LABEL_KEY);
  struct span nominated = json_text_of(status, "nominatedNodeName");
  if (nominated.n && !span_eq(nominated, json_text_of(was, "nominatedNodeName")))
    (void)verr_format(v, VP(path, "nominatedNodeName"), nominated, TEXT_DNS_SUBDOMAIN);
  int64_t observed = json_get_int(status, "observedGeneration", 0);
  if (observed < 0)
    verr_invalid_int(v, VP(path, "observedGeneration"), observed, "must be a non-negative integer");
  validate_immutable(v, VP(path, "qosClass"), json_get(status, "qosClass"), json_get(was, "qosClass"),
                     json_has(status, "qosClass") ? NULL : "\"\"");
  check_claim_statuses(v, VP(path, "resourceClaimStatuses"), json_get(status, "resourceClaimStatuses"), spec);
  check_extended_status(v, VP(path, "extendedResourceClaimStatus"), extended, spec);
  check_allocated_resources(v, VP(path, "containerStatuses"), json_get(status, "containerStatuses"),
                            json_get(spec, "containers"), extended);
  check_allocated_resources(v, VP(path, "initContainerStatuses"), json_get(status, "initContainerStatuses"),
                            json_get(spec, "initContainers"), extended);
}

/* Ephemeral containers are added, never changed or removed. */
static void
update_ephemeral(struct validation *v, const struct json *o, const struct json *old, const char *subresource)
{
  const struct json *now = json_dig(o, "spec", "ephemeralContainers", NULL),
                    *was = json_dig(old, "spec", "ephemeralContainers", NULL);
  const struct vpath *path = VP(VP(NULL, "spec"), "ephemeralContainers");
  check_pod(v, o);
  if (strcmp(subresource, "ephemeralcontainers"))
    return;
  for (json_each_item (p, was)) {
    struct span name = json_text_of(*p, "name");
    const struct json *kept = find_named(now, name);
    if (!kept)
      verr_add(v, FIELD_FORBIDDEN, path, NULL, "existing ephemeral containers %.*s may not be removed\n",
               SPAN_FMT(name));
    else if (!json_same(kept, *p))
      verr_add(v, FIELD_FORBIDDEN, path, NULL, "existing ephemeral containers %.*s may not be changed\n%s",
               SPAN_FMT(name),
               validate_diff(v->a, vgo(v->a, *p, "io.k8s.api.core.v1.EphemeralContainer"),
                             vgo(v->a, kept, "io.k8s.api.core.v1.EphemeralContainer")));
  }
}

const struct validator validator_pod = {
  "",
  "Pod",
  .name = { TEXT_DNS_SUBDOMAIN },
  .create = create_pod,
  .update = update_pod,
  .status = update_pod_status,
  .other = update_ephemeral,
};

static void
create_pod_template(struct validation *v, const struct json *o)
{
  validate_pod_template(v, VP(NULL, "template"), json_get(o, "template"));
}

const struct validator validator_pod_template = {
  "",
  "PodTemplate",
  .name = { TEXT_DNS_SUBDOMAIN },
  .create = create_pod_template,
};
