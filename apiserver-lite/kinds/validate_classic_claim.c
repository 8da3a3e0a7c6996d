/* Claims, templates and classes of v1alpha3 as 1.31 has it. */
#include "cel_dra.h"
#include "validate_classic.h"

/* -- selectors and configuration -- */

static void
check_selector(struct validation *v, const struct vpath *path, const struct json *selector, const void *payload)
{
  const bool *stored = payload;
  const struct vpath *cel = VP(path, "cel");
  struct span expression = json_text_of(json_get(selector, "cel"), "expression");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_selector *compiled = NULL;
  if (!json_has(selector, "cel"))
    verr_required(v, cel, "");
  else if (!*stored && cel_selector_compile(expression, &compiled, &err) < 0)
    classic_expression_error(v, VP(cel, "expression"), expression, &err);
  cel_selector_unref(compiled);
}

static void
check_parameters(struct validation *v, const struct vpath *path, const struct json *raw)
{
  if (json_type(raw) == JSON_NULL)
    verr_required(v, path, "");
  else if (!json_is(raw, JSON_OBJECT))
    verr_invalid(v, path, SPAN("<value omitted>"), "parameters must be a valid JSON object");
}

static void
check_config(struct validation *v, const struct vpath *path, const struct json *config, const void *payload)
{
  const struct json *opaque = json_get(config, "opaque");
  const struct vpath *at = VP(path, "opaque");
  (void)payload;
  if (json_type(opaque) == JSON_NULL) {
    verr_required(v, at, "");
    return;
  }
  classic_driver_name(v, VP(at, "driver"), json_text_of(opaque, "driver"));
  check_parameters(v, VP(at, "parameters"), json_get(opaque, "parameters"));
}

/* -- references to requests; the payload is spec.devices.requests -- */

static void
check_request_ref(struct validation *v, const struct vpath *path, const struct json *item, const void *payload)
{
  struct span name = json_span(item);
  verr_format(v, path, name, TEXT_DNS_LABEL);
  for (json_each_item (p, (const struct json *)payload))
    if (span_eq(json_text_of(*p, "name"), name))
      return;
  verr_invalid(v, path, name, "must be the name of a request in the claim");
}

static void
check_request_refs(struct validation *v, const struct vpath *path, const struct json *o, const struct json *requests)
{
  classic_set(v, VP(path, "requests"), json_get(o, "requests"), CLASSIC_LIST_MAX, NULL, check_request_ref, requests);
}

/* -- the spec of a claim -- */

static void
check_allocation_mode(struct validation *v, const struct vpath *path, const struct json *request)
{
  static const char *const modes[] = { "All", "ExactCount", NULL };
  struct span mode = json_text_of(request, "allocationMode");
  int64_t count = json_get_int(request, "count", 0);
  if (span_is(mode, "All") && count != 0)
    verr_invalid_int(v, VP(path, "count"), count, "must not be specified when allocationMode is 'All'");
  if (span_is(mode, "ExactCount") && count <= 0)
    verr_invalid_int(v, VP(path, "count"), count, "must be greater than zero");
  if (!span_is(mode, "All") && !span_is(mode, "ExactCount"))
    verr_not_supported(v, VP(path, "allocationMode"), mode, modes);
}

static void
check_request(struct validation *v, const struct vpath *path, const struct json *request, const void *payload)
{
  struct span class = json_text_of(request, "deviceClassName");
  verr_format(v, VP(path, "name"), json_text_of(request, "name"), TEXT_DNS_LABEL);
  if (!class.n)
    verr_required(v, VP(path, "deviceClassName"), "");
  else
    verr_format(v, VP(path, "deviceClassName"), class, TEXT_DNS_SUBDOMAIN);
  classic_list(v, VP(path, "selectors"), json_get(request, "selectors"), CLASSIC_LIST_MAX, check_selector, payload);
  check_allocation_mode(v, path, request);
}

static void
check_constraint(struct validation *v, const struct vpath *path, const struct json *constraint, const void *payload)
{
  const struct vpath *match = VP(path, "matchAttribute");
  check_request_refs(v, path, constraint, payload);
  if (!json_has(constraint, "matchAttribute"))
    verr_required(v, match, "");
  else
    classic_attribute_name(v, match, json_text_of(constraint, "matchAttribute"), true);
}

static void
check_claim_config(struct validation *v, const struct vpath *path, const struct json *config, const void *payload)
{
  check_request_refs(v, path, config, payload);
  check_config(v, path, config, NULL);
}

static void
check_spec(struct validation *v, const struct vpath *path, const struct json *spec, bool stored)
{
  const struct json *devices = json_get(spec, "devices"), *requests = json_get(devices, "requests");
  const struct vpath *at = VP(path, "devices");
  classic_set(v, VP(at, "requests"), requests, CLASSIC_LIST_MAX, "name", check_request, &stored);
  classic_list(v, VP(at, "constraints"), json_get(devices, "constraints"), CLASSIC_LIST_MAX, check_constraint,
               requests);
  classic_list(v, VP(at, "config"), json_get(devices, "config"), CLASSIC_LIST_MAX, check_claim_config, requests);
  if (json_text_of(spec, "controller").n)
    classic_driver_name(v, VP(path, "controller"), json_text_of(spec, "controller"));
}

/* -- the allocation -- */

static void
check_result(struct validation *v, const struct vpath *path, const struct json *result, const void *payload)
{
  check_request_ref(v, VP(path, "request"), json_get(result, "request"), payload);
  classic_driver_name(v, VP(path, "driver"), json_text_of(result, "driver"));
  classic_pool_name(v, VP(path, "pool"), json_text_of(result, "pool"));
  verr_format(v, VP(path, "device"), json_text_of(result, "device"), TEXT_DNS_LABEL);
}

static void
check_allocation_config(struct validation *v, const struct vpath *path, const struct json *config, const void *payload)
{
  static const char *const sources[] = { "FromClaim", "FromClass", NULL };
  struct span source = json_text_of(config, "source");
  if (!source.n)
    verr_required(v, VP(path, "source"), "");
  else if (!span_is(source, sources[0]) && !span_is(source, sources[1]))
    verr_not_supported(v, VP(path, "source"), source, sources);
  check_claim_config(v, path, config, payload);
}

static void
check_allocation(struct validation *v, const struct vpath *path, const struct json *allocation,
                 const struct json *requests)
{
  const struct json *devices = json_get(allocation, "devices"), *nodes = json_get(allocation, "nodeSelector");
  const struct vpath *at = VP(path, "devices");
  struct span controller = json_text_of(allocation, "controller");
  if (json_type(allocation) == JSON_NULL)
    return;
  classic_list(v, VP(at, "results"), json_get(devices, "results"), CLASSIC_LIST_MAX, check_result, requests);
  classic_list(v, VP(at, "config"), json_get(devices, "config"), 2 * CLASSIC_LIST_MAX, check_allocation_config,
               requests);
  if (json_type(nodes) != JSON_NULL)
    validate_node_selector(v, VP(path, "nodeSelector"), nodes);
  if (controller.n)
    classic_driver_name(v, VP(path, "controller"), controller);
}

/* -- kinds -- */

static void
create_claim(struct validation *v, const struct json *o)
{
  check_spec(v, VP(NULL, "spec"), json_get(o, "spec"), false);
}

/* Expressions of a spec that may not change were valid when they were stored. */
static void
update_claim(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_immutable(v, path, spec, json_get(old, "spec"),
                     vgo(v, spec, "io.k8s.api.resource.v1alpha3.ResourceClaimSpec"));
  check_spec(v, path, spec, true);
}

static void
status_claim(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *status = json_get(o, "status");
  const struct vpath *path = VP(NULL, "status");
  check_allocation(v, VP(path, "allocation"), json_get(status, "allocation"),
                   json_dig(o, "spec", "devices", "requests", NULL));
  classic_check_consumers(v, path, status);
  classic_check_status(v, path, o, old);
}

static void
check_template(struct validation *v, const struct json *spec, bool stored)
{
  const struct vpath *path = VP(NULL, "spec");
  validate_template_meta(v, VP(path, "metadata"), json_get(spec, "metadata"));
  check_spec(v, VP(path, "spec"), json_get(spec, "spec"), stored);
}

static void
create_template(struct validation *v, const struct json *o)
{
  check_template(v, json_get(o, "spec"), false);
}

static void
update_template(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec");
  validate_immutable(v, VP(NULL, "spec"), spec, json_get(old, "spec"),
                     vgo(v, spec, "io.k8s.api.resource.v1alpha3.ResourceClaimTemplateSpec"));
  check_template(v, spec, true);
}

/* The path of suitableNodes has no `spec`. */
static void
check_class(struct validation *v, const struct json *spec, bool stored)
{
  const struct vpath *path = VP(NULL, "spec");
  classic_list(v, VP(path, "selectors"), json_get(spec, "selectors"), CLASSIC_LIST_MAX, check_selector, &stored);
  classic_list(v, VP(path, "config"), json_get(spec, "config"), CLASSIC_LIST_MAX, check_config, NULL);
  if (json_has(spec, "suitableNodes"))
    validate_node_selector(v, VP(NULL, "suitableNodes"), json_get(spec, "suitableNodes"));
}

static void
create_class(struct validation *v, const struct json *o)
{
  check_class(v, json_get(o, "spec"), false);
}

static void
update_class(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec");
  check_class(v, spec, json_same(json_get(spec, "selectors"), json_dig(old, "spec", "selectors", NULL)));
}

const struct validator validator_claim_1_31 = {
  "resource.k8s.io",      "ResourceClaim",        .name = { .format = TEXT_DNS_SUBDOMAIN }, .create = create_claim,
  .update = update_claim, .status = status_claim, .flags = VALIDATOR_CREATE_AGAIN,          .versions = "v1alpha3",
};
const struct validator validator_template_1_31 = {
  "resource.k8s.io",         "ResourceClaimTemplate",   .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_template, .update = update_template, .flags = VALIDATOR_CREATE_AGAIN,
  .versions = "v1alpha3",
};
const struct validator validator_class_1_31 = {
  "resource.k8s.io",
  "DeviceClass",
  .cluster = true,
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_class,
  .update = update_class,
  .flags = VALIDATOR_CREATE_AGAIN,
  .versions = "v1alpha3",
};
