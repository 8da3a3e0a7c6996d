/* The status of pods: core/validation's ValidatePodStatusUpdate. */
#include "validate_pod.h"

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

void
validate_pod_status(struct validation *v, const struct json *o, const struct json *old)
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
