/* Pods: core/validation's ValidatePodSpec and ValidatePodCreate. */
#include "validate_pod.h"

#include <limits.h>

#include "number.h"
#include "object.h"
#include "validate_address.h"

#define MIRROR          "kubernetes.io/config.mirror"
#define DELETION_COST   "controller.kubernetes.io/pod-deletion-cost"
#define APPARMOR_PREFIX "container.apparmor.security.beta.kubernetes.io/"

#define SERVICE_ACCOUNT_SINCE 37 /* the release from which on its two names have to agree */

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
check_resource_claims(struct validation *v, const struct vpath *path, const struct json *claims,
                      const struct json *meta)
{
  for (size_t i = 0; i < json_count(claims); i++) {
    if (json_get(json_get(meta, "annotations"), MIRROR)) {
      verr_forbidden(v, VP(NULL, ""), "static pods do not support resource claims");
      continue;
    }
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

/* -- names and addresses -- */

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
      if ((pod->meta || host) && host != port)
        verr_invalid_int(v, VP(VP_ITEM(VP(VP_ITEM(VP(path, "containers"), i), "ports"), j), "hostPort"), host,
                         "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

#define NAMESERVERS_MAX  3
#define SEARCHES_MAX     32
#define SEARCHES_LEN_MAX 2048

static void
check_searches(struct validation *v, const struct vpath *path, const struct json *list)
{
  size_t length = json_count(list) ? json_count(list) - 1 : 0;
  for (json_each_item (p, list))
    length += json_span(*p).n;
  if (json_count(list) > SEARCHES_MAX)
    verr_add(v, FIELD_INVALID, path, vjson(v->a, list), "must not have more than %d search paths", SEARCHES_MAX);
  if (length > SEARCHES_LEN_MAX)
    verr_add(v, FIELD_INVALID, path, vjson(v->a, list),
             "must not have more than %d characters (including spaces) in the search list", SEARCHES_LEN_MAX);
  for (size_t i = 0; i < json_count(list); i++) {
    struct span search = json_span(json_at(list, i));
    if (span_is(search, "."))
      continue;
    if (span_ends(search, SPAN(".")))
      search.n--;
    (void)verr_format(v, VP_ITEM(path, i), search, TEXT_DNS_SUBDOMAIN_UNDERSCORE);
  }
}

static void
check_dns(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *config = json_get(spec, "dnsConfig"), *servers = json_get(config, "nameservers"),
                    *options = json_get(config, "options");
  bool own = span_is(json_text_of(spec, "dnsPolicy"), "None");
  if (own && json_type(config) == JSON_NULL) {
    verr_required(v, path, "must provide `dnsConfig` when `dnsPolicy` is None");
    return;
  }
  if (own && !json_count(servers)) {
    verr_required(v, VP(path, "nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None");
    return;
  }
  if (json_count(servers) > NAMESERVERS_MAX)
    verr_add(v, FIELD_INVALID, VP(path, "nameservers"), vjson(v->a, servers), "must not have more than %d nameservers",
             NAMESERVERS_MAX);
  for (size_t i = 0; i < json_count(servers); i++)
    (void)validate_address(v, VP_ITEM(VP(path, "nameservers"), i), json_span(json_at(servers, i)), NULL);
  check_searches(v, VP(path, "searches"), json_get(config, "searches"));
  for (size_t i = 0; i < json_count(options); i++)
    if (!json_text_of(json_at(options, i), "name").n)
      verr_required(v, VP_ITEM(VP(path, "options"), i), "must not be empty");
}

#define HOSTNAME_MAX 64

static void
check_hostname_override(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span name = json_text_of(spec, "hostnameOverride");
  const struct vpath *at = VP(path, "hostnameOverride");
  if (!json_has(spec, "hostnameOverride"))
    return;
  if (json_get_bool(spec, "setHostnameAsFQDN", false))
    verr_forbidden(v, at, "may not be specified when setHostnameAsFQDN is true");
  if (json_get_bool(spec, "hostNetwork", false))
    verr_forbidden(v, at, "may not be specified when hostNetwork is true");
  if (name.n > HOSTNAME_MAX)
    verr_too_long(v, at, HOSTNAME_MAX);
  (void)verr_format(v, at, name, TEXT_DNS_SUBDOMAIN);
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

/* -- what is shared with the host -- */

static void
refuse_devices(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  if (json_count(json_get(container, "volumeDevices")))
    verr_forbidden(visit->v, VP(path, "volumeDevices"), "when `hostUsers` is false");
}

/* Upstream spells two of these after its Go fields. */
static void
check_host_users(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char text[] = "when `hostUsers` is false";
  if (json_get_bool(spec, "hostUsers", true))
    return;
  if (json_get_bool(spec, "hostNetwork", false) && !validation_gate(v, "UserNamespacesHostNetworkSupport"))
    verr_forbidden(v, VP(path, "hostNetwork"), text);
  if (json_get_bool(spec, "hostPID", false))
    verr_forbidden(v, VP(path, "HostPID"), text);
  if (json_get_bool(spec, "hostIPC", false))
    verr_forbidden(v, VP(path, "HostIPC"), text);
  validate_visit(&(struct pod_visit){ .v = v, .spec = spec }, path, refuse_devices);
}

/* -- the spec -- */

static const char *const restart_policies[] = { "Always", "OnFailure", "Never", NULL };

/* Texts of the spec that have a format when they are there. */
static void
check_names(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span account = json_text_of(spec, "serviceAccountName"), old = json_text_of(spec, "serviceAccount");
  static const struct {
    const char *name;
    enum text_format format;
  } texts[] = {
    { "hostname", TEXT_DNS_LABEL },
    { "subdomain", TEXT_DNS_LABEL },
  };
  if (account.n)
    (void)verr_format(v, VP(path, "serviceAccountName"), account, TEXT_DNS_SUBDOMAIN);
  if (!span_eq(account, old) && validation_minor(v) >= SERVICE_ACCOUNT_SINCE)
    verr_invalid(v, VP(path, "deprecatedServiceAccount"), old,
                 arena_printf(v->a, "must be the same as serviceAccountName: %s", vquote(v->a, account)));
  if (json_text_of(spec, "nodeName").n)
    (void)verr_format(v, VP(path, "nodeName"), json_text_of(spec, "nodeName"), TEXT_DNS_SUBDOMAIN);
  if (json_has(spec, "activeDeadlineSeconds")) {
    int64_t seconds = json_get_int(spec, "activeDeadlineSeconds", 0);
    if (seconds < 1 || seconds > INT32_MAX)
      verr_invalid_int(v, VP(path, "activeDeadlineSeconds"), seconds, "must be between 1 and 2147483647, inclusive");
  }
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
    if (json_text_of(spec, texts[i].name).n)
      (void)verr_format(v, VP(path, texts[i].name), json_text_of(spec, texts[i].name), texts[i].format);
}

static void
check_scheduling_group(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *group = json_get(spec, "schedulingGroup");
  if (json_type(group) == JSON_NULL)
    return;
  if (json_has(group, "podGroupName"))
    (void)verr_format(v, VP(path, "podGroupName"), json_text_of(group, "podGroupName"), TEXT_DNS_SUBDOMAIN);
  else
    verr_add(v, FIELD_INVALID, VP(path, "podGroupName"), "null", "must specify one of: `podGroupName`");
  if (json_count(json_get(spec, "evictionResponders")))
    verr_forbidden(v, path, "may not be set when evictionResponders is set");
}

/* Which class and priority, in upstream's order of errors. */
static void
check_classes(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const preemption[] = { "PreemptLowerPriority", "Never", NULL };
  const struct json *overhead = json_get(spec, "overhead");
  if (json_text_of(spec, "priorityClassName").n)
    (void)verr_format(v, VP(path, "priorityClassName"), json_text_of(spec, "priorityClassName"), TEXT_DNS_SUBDOMAIN);
  if (json_has(spec, "runtimeClassName"))
    (void)verr_format(v, VP(path, "runtimeClassName"), json_text_of(spec, "runtimeClassName"), TEXT_DNS_SUBDOMAIN);
  if (json_has(spec, "preemptionPolicy"))
    validate_choice(v, path, spec, "preemptionPolicy", preemption);
  if (json_type(overhead) != JSON_NULL) {
    struct json *limits = json_new_object(v->a);
    json_set(v->a, limits, "limits", json_copy(v->a, overhead));
    validate_resource_lists(v, VP(path, "overhead"), limits, NULL);
  }
}

static void
check_sharing(struct validation *v, const struct vpath *path, const struct json *spec)
{
  if (json_get_bool(spec, "shareProcessNamespace", false) && json_get_bool(spec, "hostPID", false))
    verr_add(v, FIELD_INVALID, VP(path, "shareProcessNamespace"), "true",
             "ShareProcessNamespace and HostPID cannot both be enabled");
}

void
validate_pod_spec(struct validation *v, const struct vpath *path, const struct json *spec, const struct json *meta)
{
  static const char *const dns[] = { "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None", NULL };
  struct pod_check pod = { .spec = spec, .meta = meta };
  if (!json_has(spec, "terminationGracePeriodSeconds"))
    verr_required(v, VP(path, "terminationGracePeriodSeconds"), "");
  pod.volumes = validate_volumes(v, VP(path, "volumes"), json_get(spec, "volumes"),
                                 json_text_of(meta, "name").n ? json_get_str(meta, "name") : NULL);
  check_resource_claims(v, VP(path, "resourceClaims"), json_get(spec, "resourceClaims"), meta);
  validate_containers(v, VP(path, "containers"), &pod);
  validate_init_containers(v, VP(path, "initContainers"), &pod);
  validate_ephemeral_containers(v, VP(path, "ephemeralContainers"), &pod);
  validate_pod_resources(v, VP(path, "resources"), spec);
  check_host_network(v, path, &pod);
  validate_choice(v, path, spec, "restartPolicy", restart_policies);
  validate_choice(v, path, spec, "dnsPolicy", dns);
  validate_labels(v, VP(path, "nodeSelector"), json_get(spec, "nodeSelector"));
  validate_pod_security(v, VP(path, "securityContext"), json_get(spec, "securityContext"), spec);
  check_sharing(v, path, spec);
  validate_affinity(v, VP(path, "affinity"), json_get(spec, "affinity"));
  check_dns(v, VP(path, "dnsConfig"), spec);
  for (size_t i = 0; i < json_count(json_get(spec, "readinessGates")); i++)
    (void)verr_format(v, VP(VP_ITEM(VP(path, "readinessGates"), i), "conditionType"),
                      json_text_of(json_at(json_get(spec, "readinessGates"), i), "conditionType"), TEXT_LABEL_KEY);
  check_scheduling_gates(v, VP(path, "schedulingGates"), json_get(spec, "schedulingGates"));
  validate_spreading(v, VP(path, "topologySpreadConstraints"), json_get(spec, "topologySpreadConstraints"));
  validate_host_processes(v, path, spec);
  check_host_users(v, path, spec);
  check_hostname_override(v, path, spec);
  check_names(v, path, spec);
  (void)validate_tolerations(v, VP(path, "tolerations"), json_get(spec, "tolerations"));
  check_host_aliases(v, VP(path, "hostAliases"), json_get(spec, "hostAliases"));
  check_classes(v, path, spec);
  validate_os(v, path, spec);
  check_scheduling_group(v, VP(path, "schedulingGroup"), spec);
  validate_env_volumes(v, path, spec);
}

/* -- annotations that mean something (ValidatePodSpecificAnnotations) -- */

/* GetDeletionCostFromPodAnnotations: no plus sign or zero before the number. */
static bool
is_cost(struct span s)
{
  int64_t n;
  bool begins = s.n && (s.p[0] == '-' || (s.p[0] >= '1' && s.p[0] <= '9') || span_is(s, "0"));
  return begins && number_int64(s, &n) && n >= INT32_MIN && n <= INT32_MAX;
}

void
validate_pod_annotations(struct validation *v, const struct vpath *path, const struct json *annotations,
                         const struct json *spec)
{
  const struct json *mirror = json_get(annotations, MIRROR), *cost = json_get(annotations, DELETION_COST);
  if (mirror && !json_text_of(spec, "nodeName").n)
    verr_invalid(v, VP_KEY(path, MIRROR), json_span(mirror), "must set spec.nodeName if mirror pod annotation is set");
  if (cost && validation_gate(v, "PodDeletionCost") && !is_cost(json_span(cost)))
    verr_invalid(v, VP_KEY(path, DELETION_COST), json_span(cost), "must be a 32bit integer");
  validate_security_annotations(v, path, annotations, spec);
}

static bool
is_fixed_annotation(const char *name)
{
  return !strcmp(name, MIRROR) || span_starts(span_of(name), SPAN(APPARMOR_PREFIX));
}

static void
refuse_annotation(struct validation *v, const struct vpath *path, const char *name, const char *how)
{
  bool mirror = !strcmp(name, MIRROR);
  verr_forbidden(
      v, VP_KEY(path, name),
      arena_printf(v->a, "may not %s %s annotation%s", how, mirror ? "mirror pod" : "AppArmor", mirror ? "" : "s"));
}

void
validate_pod_annotations_update(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *now = object_annotations(o), *was = object_annotations(old);
  const struct vpath *path = VP(VP(NULL, "metadata"), "annotations");
  for (json_each_member (m, was))
    if (is_fixed_annotation(m->name) && !json_same(json_get(now, m->name), m->value))
      refuse_annotation(v, path, m->name, "remove or update");
  for (json_each_member (m, now))
    if (is_fixed_annotation(m->name) && !json_get(was, m->name))
      refuse_annotation(v, path, m->name, "add");
  validate_pod_annotations(v, path, now, json_get(o, "spec"));
}

/* -- pods and templates -- */

void
validate_pod_template(struct validation *v, const struct vpath *path, const struct json *template)
{
  const struct json *meta = json_get(template, "metadata"), *spec = json_get(template, "spec");
  validate_labels(v, VP(path, "labels"), json_get(meta, "labels"));
  validate_annotations(v, VP(path, "annotations"), json_get(meta, "annotations"));
  validate_pod_annotations(v, VP(path, "annotations"), json_get(meta, "annotations"), spec);
  validate_pod_spec(v, VP(path, "spec"), spec, NULL);
  validate_profiles_match(v, VP(path, "spec"), meta, spec);
  if (json_count(json_get(spec, "ephemeralContainers")))
    verr_forbidden(v, VP(VP(path, "spec"), "ephemeralContainers"), "ephemeral containers not allowed in pod template");
}

static void
check_images(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++)
    validate_image_spaces(v, VP_ITEM(path, i), json_at(list, i));
}

/* validatePodMetadataAndSpec without the metadata. */
void
validate_pod(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *volumes = json_get(spec, "volumes"), *meta = json_get(o, "metadata");
  const struct vpath *path = VP(NULL, "spec");
  validate_pod_annotations(v, VP(VP(NULL, "metadata"), "annotations"), object_annotations(o), spec);
  validate_pod_spec(v, path, spec, meta ? meta : json_new_object(v->a));
  for (size_t i = 0; i < json_count(volumes) && !json_text_of(spec, "serviceAccountName").n; i++) {
    const struct json *sources = json_dig(json_at(volumes, i), "projected", "sources", NULL);
    for (size_t j = 0; j < json_count(sources); j++)
      if (json_has(json_at(sources, j), "serviceAccountToken"))
        verr_forbidden(
            v, VP(VP_ITEM(VP(VP(VP_ITEM(VP(path, "volumes"), i), "projected"), "sources"), j), "serviceAccountToken"),
            "must not be specified when serviceAccountName is not set");
  }
  validate_not_negative(v, path, spec, "terminationGracePeriodSeconds");
  check_images(v, VP(path, "containers"), json_get(spec, "containers"));
  check_images(v, VP(path, "initContainers"), json_get(spec, "initContainers"));
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
  validate_profiles_match(v, path, json_get(o, "metadata"), spec);
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
