/* Pods: core/validation's ValidatePodSpec and ValidatePodCreate. */
#include "validate_pod.h"

#include <limits.h>

#include "object.h"
#include "validate_address.h"

const struct json *
validate_find_named(const struct json *list, struct span name)
{
  for (json_each_item (p, list))
    if (span_eq(json_text_of(*p, "name"), name))
      return *p;
  return NULL;
}

/* What an entry names: the entry itself, or its `source` until 1.30. */
static void
check_claim_choice(struct validation *v, const struct vpath *at, const struct json *c, const char *type)
{
  bool claim = json_has(c, "resourceClaimName"), template = json_has(c, "resourceClaimTemplateName");
  if (claim && template)
    verr_add(v, FIELD_INVALID, at, vgo(v, c, type),
             "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
  if (!claim && !template)
    verr_add(v, FIELD_INVALID, at, vgo(v, c, type),
             "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
  if (claim)
    (void)verr_format(v, VP(at, "resourceClaimName"), json_text_of(c, "resourceClaimName"), TEXT_DNS_SUBDOMAIN);
  if (template)
    (void)verr_format(v, VP(at, "resourceClaimTemplateName"), json_text_of(c, "resourceClaimTemplateName"),
                      TEXT_DNS_SUBDOMAIN);
}

#define CLAIM_SOURCE_UNTIL 30 /* ClaimSource; then inlined */

static void
check_resource_claims(struct validation *v, const struct vpath *path, const struct json *claims)
{
  for (size_t i = 0; i < json_count(claims); i++) {
    const struct json *c = json_at(claims, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(c, "name");
    bool twice = false;
    for (size_t j = 0; j < i; j++)
      twice |= name.n && span_eq(json_text_of(json_at(claims, j), "name"), name);
    if (!name.n)
      verr_required(v, VP(at, "name"), "");
    else if (twice)
      verr_duplicate(v, VP(at, "name"), name);
    else
      (void)verr_format(v, VP(at, "name"), name, TEXT_DNS_LABEL);
    if (validation_minor(v) <= CLAIM_SOURCE_UNTIL)
      check_claim_choice(v, VP(at, "source"), json_get(c, "source"), "io.k8s.api.core.v1.ClaimSource");
    else
      check_claim_choice(v, at, c, "io.k8s.api.core.v1.PodResourceClaim");
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
    (void)validate_address(v, VP(VP_ITEM(path, i), "ip"), ip, NULL);
    for (size_t j = 0; j < json_count(names); j++)
      (void)verr_format(v, VP_ITEM(VP(VP_ITEM(path, i), "hostnames"), j), json_span(json_at(names, j)),
                        TEXT_DNS_SUBDOMAIN);
  }
}

static void
check_scheduling_group(struct validation *v, const struct vpath *path, const struct json *group)
{
  if (json_has(group, "podGroupName"))
    (void)verr_format(v, VP(path, "podGroupName"), json_text_of(group, "podGroupName"), TEXT_DNS_SUBDOMAIN);
  else
    verr_add(v, FIELD_INVALID, VP(path, "podGroupName"), "null", "must specify one of: `podGroupName`");
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
  if (json_has(spec, "schedulingGroup"))
    check_scheduling_group(v, VP(path, "schedulingGroup"), json_get(spec, "schedulingGroup"));
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

void
validate_image_spaces(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span image = json_text_of(json_at(list, i), "image");
    if (span_trim(image).n != image.n)
      verr_invalid(v, VP(VP_ITEM(path, i), "image"), image, "must not have leading or trailing whitespace");
  }
}

/* validatePodMetadataAndSpec without the metadata. */
void
validate_pod(struct validation *v, const struct json *o)
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
  validate_image_spaces(v, VP(path, "containers"), json_get(spec, "containers"));
  validate_image_spaces(v, VP(path, "initContainers"), json_get(spec, "initContainers"));
}

static void
create_pod(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_pod(v, o);
  if (json_count(json_get(spec, "ephemeralContainers")))
    verr_forbidden(v, VP(path, "ephemeralContainers"), "cannot be set on create");
  if (json_text_of(spec, "nodeName").n && json_count(json_get(spec, "schedulingGates")))
    verr_forbidden(v, VP(path, "nodeName"), "cannot be set until all schedulingGates have been cleared");
}

const struct validator validator_pod = {
  "",
  "Pod",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_pod,
  .update = validate_pod_update,
  .status = validate_pod_status,
  .other = validate_pod_subresource,
};

static void
create_pod_template(struct validation *v, const struct json *o)
{
  validate_pod_template(v, VP(NULL, "template"), json_get(o, "template"));
}

const struct validator validator_pod_template = {
  "",
  "PodTemplate",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_pod_template,
};
