/* The status of pods: core/validation's ValidatePodStatusUpdate. */
#include "validate_address.h"
#include "validate_pod.h"

#define HEALTH_MESSAGE_MAX 1024
#define IMAGE_REF_MAX      256

static const char *const status_lists[] = { "containerStatuses", "initContainerStatuses",
                                            "ephemeralContainerStatuses" },
                         *const spec_lists[] = { "containers", "initContainers", "ephemeralContainers" };

static void
check_claim_statuses(struct validation *v, const struct vpath *path, const struct json *list, const struct json *spec)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *at = VP_ITEM(path, i);
    const struct json *s = json_at(list, i);
    struct span name = json_text_of(s, "name");
    if (!validate_find_named(json_get(spec, "resourceClaims"), name))
      verr_invalid(v, VP(at, "name"), name, "must match the name of an entry in `spec.resourceClaims`");
    if (validate_find_named(list, name) != s)
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
  const struct json *c = validate_find_named(json_get(spec, "containers"), name);
  if (!c)
    c = validate_find_named(json_get(spec, "initContainers"), name);
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
    else if (json_text_of(r, "message").n > HEALTH_MESSAGE_MAX)
      verr_too_long(v, VP(at, "message"), HEALTH_MESSAGE_MAX);
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
                      *c = validate_find_named(containers, json_text_of(json_at(statuses, i), "name"));
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

/* -- conditions -- */

static void
check_conditions(struct validation *v, const struct vpath *path, const struct json *list)
{
  static const char *const systems[] = { "PodScheduled", "Ready", "Initialized", NULL };
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *at = VP_ITEM(path, i);
    struct span type = json_text_of(json_at(list, i), "type");
    int64_t observed = json_get_int(json_at(list, i), "observedGeneration", 0);
    if (observed < 0)
      verr_invalid_int(v, VP(at, "observedGeneration"), observed, "must be a non-negative integer");
    if (!validate_is_one_of(type, systems))
      (void)verr_format(v, VP(at, "Type"), type, TEXT_LABEL_KEY);
  }
}

static void
check_nomination(struct validation *v, const struct vpath *path, const struct json *status, const struct json *old)
{
  struct span now = json_text_of(status, "nominatedNodeName"),
              was = json_text_of(json_get(old, "status"), "nominatedNodeName");
  if (!now.n || span_eq(now, was))
    return;
  (void)verr_format(v, VP(path, "nominatedNodeName"), now, TEXT_DNS_SUBDOMAIN);
  if (validation_gate(v, "ClearingNominatedNodeNameAfterBinding") && json_text_of(json_get(old, "spec"), "nodeName").n)
    verr_forbidden(v, VP(path, "nominatedNodeName"), "may not be set on pods that are already bound to a node");
}

/* -- containers that have ended and run again -- */

static bool
has_code(const struct json *codes, int64_t code)
{
  for (json_each_item (p, json_get(codes, "values")))
    if (json_int_or(*p, 0) == code)
      return true;
  return false;
}

/* May it leave the state in which it ended with that code (ContainerShouldRestart)? */
static bool
may_restart(const struct json *container, const struct json *spec, int64_t code)
{
  struct span own = json_text_of(container, "restartPolicy"), policy = json_text_of(spec, "restartPolicy");
  for (json_each_item (rule, json_get(container, "restartPolicyRules"))) {
    const struct json *codes = json_get(*rule, "exitCodes");
    bool in = span_is(json_text_of(codes, "operator"), "In");
    if (own.n && json_type(codes) != JSON_NULL && has_code(codes, code) == in)
      return true;
  }
  if (span_is(own, "Always") || span_is(own, "OnFailure") || span_is(own, "Never"))
    policy = own;
  return span_is(policy, "OnFailure") ? code != 0 : !span_is(policy, "Never");
}

/* Does some container's end restart them all (AllContainersCouldRestart)? */
static bool
all_may_restart(const struct validation *v, const struct json *spec)
{
  for (size_t k = 0; k < 2; k++)
    for (json_each_item (c, json_get(spec, spec_lists[k])))
      for (json_each_item (rule, json_get(*c, "restartPolicyRules")))
        if (span_is(json_text_of(*rule, "action"), "RestartAllContainers"))
          return validation_gate(v, "RestartAllContainersOnContainerExits");
  return false;
}

/* Ephemeral containers, which are the last of the lists, never run again. */
static void
check_transitions(struct validation *v, const struct vpath *path, const struct json *now, const struct json *was,
                  const struct json *spec, size_t k)
{
  if (k < 2 && all_may_restart(v, spec))
    return;
  for (size_t i = 0; i < json_count(was); i++) {
    const struct json *end = json_dig(json_at(was, i), "state", "terminated", NULL),
                      *after = validate_find_named(now, json_text_of(json_at(was, i), "name")),
                      *container =
                          validate_find_named(json_get(spec, spec_lists[k]), json_text_of(json_at(was, i), "name"));
    if (json_type(end) == JSON_NULL || !after || json_has(json_get(after, "state"), "terminated"))
      continue;
    if (k == 2 || !container || !may_restart(container, spec, json_get_int(end, "exitCode", 0)))
      verr_forbidden(v, VP(VP_ITEM(path, i), "state"), "may not be transitioned to non-terminated state");
  }
}

/* -- what a node can allocate -- */

static void
check_not_negative(struct validation *v, const struct vpath *path, const struct json *amount)
{
  struct quantity q;
  if (json_quantity(amount, &q) && quantity_sign(&q) < 0)
    verr_invalid(v, path, span_of(quantity_text(v->a, &q)), "must be non-negative");
}

static void
check_allocatable_items(struct validation *v, const struct vpath *path, const struct json *list, bool overhead)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *item = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span name = json_text_of(item, "name");
    if (!span_is(name, "cpu") && !span_is(name, "memory") && !span_starts(name, SPAN("hugepages-")))
      verr_invalid(v, VP(at, "name"), name, "must be a node allocatable resource name");
    if (overhead && !json_has(item, "perPod") && !json_has(item, "perContainer"))
      verr_invalid(v, at, SPAN(""), "at least one of perPod or perContainer must be set");
    check_not_negative(v, VP(at, "quantity"), json_get(item, "quantity"));
    check_not_negative(v, VP(at, "perPod"), json_get(item, "perPod"));
    check_not_negative(v, VP(at, "perContainer"), json_get(item, "perContainer"));
  }
}

static bool
refers_to(const struct json *list, struct span claim)
{
  for (json_each_item (p, list))
    if (json_has(*p, "resourceClaimName") && span_eq(json_text_of(*p, "resourceClaimName"), claim))
      return true;
  return false;
}

static void
check_allocatable(struct validation *v, const struct vpath *path, const struct json *status, const struct json *spec)
{
  const struct json *list = json_get(status, "nodeAllocatableResourceClaimStatuses");
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *s = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span claim = json_text_of(s, "resourceClaimName");
    if (!claim.n)
      continue;
    if (!refers_to(json_get(spec, "resourceClaims"), claim) &&
        !refers_to(json_get(status, "resourceClaimStatuses"), claim))
      verr_invalid(v, VP(at, "resourceClaimName"), claim, "no mapping found in pod reference");
    check_allocatable_items(v, VP(at, "mapping"), json_get(s, "mapping"), false);
    check_allocatable_items(v, VP(at, "overhead"), json_get(s, "overhead"), true);
  }
}

static void
check_volume_health(struct validation *v, const struct vpath *path, const struct json *list, const struct json *spec)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *h = json_at(list, i), *conditions = json_get(h, "healthConditions");
    struct span name = json_text_of(h, "name");
    if (name.n && !validate_find_named(json_get(spec, "volumes"), name))
      verr_add(v, FIELD_NOT_FOUND, VP(VP_ITEM(path, i), "name"), vquote(v->a, name), "%s", "");
    for (size_t k = 0; k < json_count(conditions); k++) {
      struct span reason = json_text_of(json_at(conditions, k), "reason");
      if (reason.n)
        (void)verr_format(v, VP(VP_ITEM(VP(VP_ITEM(path, i), "healthConditions"), k), "reason"), reason,
                          TEXT_CONDITION_REASON);
    }
  }
}

/* -- addresses -- */

static struct json *
addresses_of(struct arena *a, const struct json *list)
{
  struct json *texts = json_new_array(a);
  for (json_each_item (p, list))
    json_append(a, texts, json_new_strn(a, json_text_of(*p, "ip").p, json_text_of(*p, "ip").n));
  return texts;
}

/* Of several addresses there may be one of each family. */
static void
check_families(struct validation *v, const struct vpath *path, const struct json *list, const char *type)
{
  bool has[2] = { false, false };
  if (json_count(list) < 2)
    return;
  for (size_t i = 0; i < json_count(list); i++) {
    struct address ip;
    struct span text = json_text_of(json_at(list, i), "ip");
    if (!address_read(text, &ip)) {
      verr_add(v, FIELD_INTERNAL, path, NULL, "failed to check for dual stack with error:invalid IP[%zu]: %.*s", i,
               SPAN_FMT(text));
      has[0] = has[1] = false;
      break;
    }
    has[ip.family == 6] = true;
  }
  if (!has[0] || !has[1] || json_count(list) > 2)
    verr_add(v, FIELD_INVALID, path, vgo(v, list, type), "may specify no more than one IP for each IP family");
}

static void
check_addresses(struct validation *v, const struct vpath *path, const struct json *list, const struct json *old)
{
  const struct json *known = addresses_of(v->a, old);
  for (size_t i = 0; i < json_count(list); i++)
    (void)validate_address(v, VP_ITEM(path, i), json_text_of(json_at(list, i), "ip"), known);
}

static void
check_pod_ips(struct validation *v, const struct vpath *path, const struct json *status, const struct json *was)
{
  static const char type[] = "io.k8s.api.core.v1.PodIP";
  const struct json *list = json_get(status, "podIPs");
  struct span one = json_text_of(status, "podIP"), first = json_text_of(json_at(list, 0), "ip");
  check_addresses(v, path, list, json_get(was, "podIPs"));
  check_families(v, path, list, type);
  if ((one.n > 0) != (json_count(list) > 0))
    verr_add(v, FIELD_INVALID, path, vgo(v, list, type), "podIP and podIPs must either both be set or both be unset");
  else if (one.n && !span_eq(one, first))
    verr_invalid(v, VP(VP_ITEM(path, 0), "ip"), first, "must be equal to `podIP`");
}

static void
check_host_ips(struct validation *v, const struct vpath *path, const struct json *status, const struct json *was)
{
  const struct json *list = json_get(status, "hostIPs");
  struct span first = json_text_of(json_at(list, 0), "ip");
  if (!json_count(list))
    return;
  if (!span_eq(json_text_of(status, "hostIP"), first))
    verr_invalid(v, VP(VP_ITEM(path, 0), "ip"), first, "must be equal to `hostIP`");
  check_addresses(v, path, list, json_get(was, "hostIPs"));
  check_families(v, path, list, "io.k8s.api.core.v1.HostIP");
}

/* -- users and volumes of containers -- */

static void
check_users(struct validation *v, const struct vpath *path, const struct json *statuses, struct span os)
{
  for (size_t i = 0; i < json_count(statuses); i++) {
    const struct json *user = json_dig(json_at(statuses, i), "user", "linux", NULL),
                      *more = json_get(user, "supplementalGroups");
    const struct vpath *at = VP(VP(VP_ITEM(path, i), "user"), "linux");
    int64_t uid = json_get_int(user, "uid", 0);
    if (json_type(user) == JSON_NULL)
      continue;
    if (span_is(os, "windows"))
      verr_forbidden(v, at, "cannot be set for a windows pod");
    if (!span_is(os, "linux"))
      continue;
    if (uid < 0 || uid > UINT32_MAX)
      verr_invalid_int(v, VP(at, "uid"), uid, "must be between 0 and 4294967295, inclusive");
    validate_id(v, VP(at, "gid"), json_get_int(user, "gid", 0));
    for (size_t g = 0; g < json_count(more); g++)
      validate_id(v, VP_ITEM(VP(at, "supplementalGroups"), g), json_int_or(json_at(more, g), 0));
  }
}

static void
check_volume_statuses(struct validation *v, const struct vpath *path, const struct json *statuses)
{
  for (size_t i = 0; i < json_count(statuses); i++) {
    const struct json *mounts = json_get(json_at(statuses, i), "volumeMounts");
    for (size_t j = 0; j < json_count(mounts); j++) {
      const struct json *image = json_dig(json_at(mounts, j), "volumeStatus", "image", NULL);
      const struct vpath *at =
          VP(VP(VP(VP_ITEM(VP(VP_ITEM(path, i), "volumeMounts"), j), "volumeStatus"), "imageVolumeStatus"), "imageRef");
      struct span ref = json_text_of(image, "imageRef");
      if (json_type(image) != JSON_NULL && !ref.n)
        verr_required(v, at, "imageRef must not be empty");
      if (ref.n > IMAGE_REF_MAX)
        verr_too_long(v, at, IMAGE_REF_MAX);
    }
  }
}

void
validate_pod_status(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *status = json_get(o, "status"), *spec = json_get(o, "spec"), *was = json_get(old, "status"),
                    *extended = json_get(status, "extendedResourceClaimStatus");
  const struct vpath *path = VP(NULL, "status");
  struct span os = json_has(spec, "os") ? json_text_of(json_get(spec, "os"), "name") : SPAN("linux");
  int64_t observed = json_get_int(status, "observedGeneration", 0);
  validate_pod_annotations_update(v, o, old);
  check_conditions(v, VP(path, "conditions"), json_get(status, "conditions"));
  check_nomination(v, path, status, old);
  if (observed < 0)
    verr_invalid_int(v, VP(path, "observedGeneration"), observed, "must be a non-negative integer");
  validate_immutable(v, VP(path, "qosClass"), json_get(status, "qosClass"), json_get(was, "qosClass"),
                     json_has(status, "qosClass") ? NULL : "\"\"");
  for (size_t k = 0; k < ARRAY_SIZE(status_lists); k++)
    check_transitions(v, VP(path, status_lists[k]), json_get(status, status_lists[k]), json_get(was, status_lists[k]),
                      json_get(old, "spec"), k);
  check_claim_statuses(v, VP(path, "resourceClaimStatuses"), json_get(status, "resourceClaimStatuses"), spec);
  check_extended_status(v, VP(path, "extendedResourceClaimStatus"), extended, spec);
  check_allocatable(v, VP(path, "nodeAllocatableResourceClaimStatuses"), status, spec);
  check_volume_health(v, VP(path, "volumeHealth"), json_get(status, "volumeHealth"), spec);
  check_pod_ips(v, VP(path, "podIPs"), status, was);
  check_host_ips(v, VP(path, "hostIPs"), status, was);
  for (size_t k = 0; k < ARRAY_SIZE(status_lists); k++)
    check_users(v, VP(path, status_lists[k]), json_get(status, status_lists[k]), os);
  for (size_t k = 0; k < 2; k++)
    check_allocated_resources(v, VP(path, status_lists[k]), json_get(status, status_lists[k]),
                              json_get(spec, spec_lists[k]), extended);
  for (size_t i = 0; i < json_count(json_get(status, status_lists[2])); i++)
    if (json_count(json_get(json_at(json_get(status, status_lists[2]), i), "allocatedResourcesStatus")))
      verr_forbidden(v, VP(VP_ITEM(VP(path, status_lists[2]), i), "allocatedResourcesStatus"),
                     "must not be specified in container status");
  for (size_t k = 0; k < ARRAY_SIZE(status_lists) && validation_gate(v, "ImageVolumeWithDigest"); k++)
    check_volume_statuses(v, VP(path, status_lists[k]), json_get(status, status_lists[k]));
}
