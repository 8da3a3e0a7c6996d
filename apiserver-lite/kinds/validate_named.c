/*
 * v1alpha1 and v1alpha2: claims whose class names the driver, and the structured model of 1.30, "named resources"
 * (validation.go and structured/namedresources/validation of 1.26, 1.27 and 1.30).
 */
#include "cel_named.h"
#include "validate_classic.h"

/* Updates look at everything anew, metadata too. */
static const struct name_rule subdomain = { .format = TEXT_DNS_SUBDOMAIN };

#define TYPE(name) arena_printf(v->a, "io.k8s.api.resource.%s." name, v->kind->version)

/* -- references to parameters -- */

static void
check_parameters_ref(struct validation *v, const struct vpath *path, const struct json *ref)
{
  struct span ns = json_text_of(ref, "namespace");
  if (json_type(ref) == JSON_NULL)
    return;
  if (!json_text_of(ref, "kind").n)
    verr_required(v, VP(path, "kind"), "");
  if (!json_text_of(ref, "name").n)
    verr_required(v, VP(path, "name"), "");
  if (ns.n)
    verr_format(v, VP(path, "namespace"), ns, TEXT_DNS_LABEL);
}

/* -- one model must be given; there has only ever been this one -- */

static const struct json *
named_resources(struct validation *v, const struct vpath *path, const struct json *model)
{
  if (!json_has(model, "namedResources")) {
    verr_required(v, path, "exactly one structured model field must be set");
    return NULL;
  }
  return json_get(model, "namedResources");
}

static void
check_selector(struct validation *v, const struct vpath *path, const struct json *model, bool stored)
{
  const struct vpath *at = VP(VP(path, "namedResources"), "selector");
  const struct json *named = json_get(model, "namedResources");
  struct span expression = json_text_of(named, "selector");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_cel_selector_ struct cel_selector *compiled = NULL;
  if (named && !expression.n)
    verr_required(v, at, "");
  else if (named && !stored && cel_named_compile(expression, &compiled, &err) < 0)
    classic_expression_error(v, at, expression, &err);
  (void)named_resources(v, path, model);
}

/* -- claims -- */

static void
check_spec(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const modes[] = { "Immediate", "WaitForFirstConsumer", NULL };
  struct span mode = json_text_of(spec, "allocationMode");
  verr_format(v, VP(path, "resourceClassName"), json_text_of(spec, "resourceClassName"), TEXT_DNS_SUBDOMAIN);
  check_parameters_ref(v, VP(path, "parametersRef"), json_get(spec, "parametersRef"));
  if (!span_is(mode, modes[0]) && !span_is(mode, modes[1]))
    verr_not_supported(v, VP(path, "allocationMode"), mode, modes);
}

static void
check_structured_data(struct validation *v, const struct vpath *path, const struct json *data)
{
  const struct json *results = json_get(data, "results");
  struct span node = json_text_of(data, "nodeName");
  if (node.n)
    verr_format(v, VP(path, "nodeName"), node, TEXT_DNS_SUBDOMAIN);
  for (size_t i = 0; i < json_count(results); i++) {
    const struct vpath *at = VP_ITEM(VP(path, "results"), i);
    const struct json *named = json_get(json_at(results, i), "namedResources");
    if (named)
      verr_format(v, VP(VP(at, "namedResources"), "name"), json_text_of(named, "name"), TEXT_DNS_SUBDOMAIN);
    (void)named_resources(v, at, json_at(results, i));
  }
}

static void
check_handle(struct validation *v, const struct vpath *path, const struct json *handle, const void *payload)
{
  const struct json *structured = json_get(handle, "structuredData");
  struct span data = json_text_of(handle, "data");
  (void)payload;
  classic_driver_name(v, VP(path, "driverName"), json_text_of(handle, "driverName"));
  if (data.n > CLASSIC_HANDLE_DATA_MAX)
    verr_too_long_max(v, VP(path, "data"), CLASSIC_HANDLE_DATA_MAX);
  if (structured)
    check_structured_data(v, VP(path, "structuredData"), structured);
  if (data.n && structured)
    verr_add(v, FIELD_INVALID, path, "\"null\"", "data and structuredData are mutually exclusive");
}

static void
check_allocation(struct validation *v, const struct vpath *path, const struct json *allocation)
{
  if (json_text_of(allocation, "resourceHandle").n > CLASSIC_HANDLE_DATA_MAX) /* v1alpha1 has one, and only text */
    verr_too_long_max(v, VP(path, "resourceHandle"), CLASSIC_HANDLE_DATA_MAX);
  classic_list(v, VP(path, "resourceHandles"), json_get(allocation, "resourceHandles"), CLASSIC_LIST_MAX, check_handle,
               NULL);
  if (json_has(allocation, "availableOnNodes"))
    validate_node_selector(v, VP(path, "availableOnNodes"), json_get(allocation, "availableOnNodes"));
}

static void
create_claim(struct validation *v, const struct json *o)
{
  check_spec(v, VP(NULL, "spec"), json_get(o, "spec"));
}

static void
update_claim(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec");
  validate_immutable(v, VP(NULL, "spec"), spec, json_get(old, "spec"), vgo(v, spec, TYPE("ResourceClaimSpec")));
  validate_object_meta(v, o, true, &subdomain);
  create_claim(v, o);
}

static void
status_claim(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *status = json_get(o, "status");
  const struct vpath *path = VP(NULL, "status");
  struct span driver = json_text_of(status, "driverName");
  if (driver.n)
    classic_driver_name(v, VP(path, "driverName"), driver);
  else if (json_has(status, "allocation"))
    verr_required(v, VP(path, "driverName"), "must be specified when `allocation` is set");
  check_allocation(v, VP(path, "allocation"), json_get(status, "allocation"));
  classic_check_consumers(v, path, status);
  classic_check_status(v, path, o, old);
}

static void
create_template(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_template_meta(v, VP(path, "metadata"), json_get(spec, "metadata"));
  check_spec(v, VP(path, "spec"), json_get(spec, "spec"));
}

static void
update_template(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec");
  validate_immutable(v, VP(NULL, "spec"), spec, json_get(old, "spec"), vgo(v, spec, TYPE("ResourceClaimTemplateSpec")));
  validate_object_meta(v, o, true, &subdomain);
  create_template(v, o);
}

static void
create_class(struct validation *v, const struct json *o)
{
  classic_driver_name(v, VP(NULL, "driverName"), json_text_of(o, "driverName"));
  check_parameters_ref(v, VP(NULL, "parametersRef"), json_get(o, "parametersRef"));
  if (json_has(o, "suitableNodes"))
    validate_node_selector(v, VP(NULL, "suitableNodes"), json_get(o, "suitableNodes"));
}

static void
update_class(struct validation *v, const struct json *o, const struct json *old)
{
  (void)old;
  validate_object_meta(v, o, false, &subdomain);
  create_class(v, o);
}

/* -- slices of 1.30 -- */

/* The names of all members that are set, as Go prints a list of strings; NULL when there are not several. */
static const char *
several_values(struct validation *v, const struct json *attribute, size_t *ret_n)
{
  static const char *const members[] = { "bool", "int", "intSlice", "quantity", "string", "stringSlice", "version" };
  const char *text = "[]string{";
  *ret_n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(members); i++)
    if (json_has(attribute, members[i]))
      text = arena_printf(v->a, "%s%s\"%s\"", text, (*ret_n)++ ? ", " : "", members[i]);
  return arena_printf(v->a, "%s}", text);
}

static void
check_name(struct validation *v, const struct vpath *path, const struct json *list, size_t i)
{
  struct span name = json_text_of(json_at(list, i), "name");
  verr_format(v, VP(path, "name"), name, TEXT_DNS_SUBDOMAIN);
  for (size_t j = 0; j < i; j++)
    if (span_eq(json_text_of(json_at(list, j), "name"), name)) {
      verr_duplicate(v, VP(path, "name"), name);
      return;
    }
}

static void
check_attributes(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *attribute = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    size_t n;
    const char *set = several_values(v, attribute, &n);
    check_name(v, at, list, i);
    if (json_has(attribute, "version") && !text_is_semver(json_text_of(attribute, "version")))
      verr_invalid(v, VP(at, "version"), json_text_of(attribute, "version"),
                   "must be a string compatible with semver.org spec 2.0.0");
    if (n == 0)
      verr_required(v, at, "exactly one value must be set");
    else if (n > 1)
      verr_add(v, FIELD_INVALID, at, set, "exactly one field must be set, not several");
  }
}

static void
create_slice(struct validation *v, const struct json *o)
{
  const struct json *instances = json_dig(o, "namedResources", "instances", NULL);
  struct span node = json_text_of(o, "nodeName");
  const struct vpath *path = VP(VP(NULL, "namedResources"), "instances");
  if (node.n)
    verr_format(v, VP(NULL, "nodeName"), node, TEXT_DNS_SUBDOMAIN);
  classic_driver_name(v, VP(NULL, "driverName"), json_text_of(o, "driverName"));
  for (size_t i = 0; i < json_count(instances); i++) {
    check_name(v, VP_ITEM(path, i), instances, i);
    check_attributes(v, VP(VP_ITEM(path, i), "attributes"), json_get(json_at(instances, i), "attributes"));
  }
  (void)named_resources(v, VP(NULL, "<nil>"), o); /* upstream has no path here */
}

static void
update_slice(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const fixed[] = { "nodeName", "driverName" };
  create_slice(v, o);
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
    validate_immutable(v, VP(NULL, fixed[i]), json_get(o, fixed[i]), json_get(old, fixed[i]),
                       json_has(o, fixed[i]) ? NULL : "\"\"");
}

/* -- parameters of 1.30 -- */

static void
check_driver(struct validation *v, const struct vpath *path, const struct json *list, size_t i)
{
  struct span name = json_text_of(json_at(list, i), "driverName");
  classic_driver_name(v, VP(path, "driverName"), name);
  for (size_t j = 0; j < i; j++)
    if (span_eq(json_text_of(json_at(list, j), "driverName"), name)) {
      verr_duplicate(v, VP(path, "driverName"), name);
      return;
    }
}

static void
check_claim_parameters(struct validation *v, const struct json *o, bool stored)
{
  const struct json *list = json_get(o, "driverRequests");
  const struct vpath *path = VP(NULL, "driverRequests");
  check_parameters_ref(v, VP(NULL, "generatedFrom"), json_get(o, "generatedFrom"));
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *requests = json_get(json_at(list, i), "requests");
    const struct vpath *at = VP(VP_ITEM(path, i), "requests");
    check_driver(v, VP_ITEM(path, i), list, i);
    for (size_t k = 0; k < json_count(requests); k++)
      check_selector(v, VP_ITEM(at, k), json_at(requests, k), stored);
    if (!json_count(requests))
      verr_required(v, at, "empty entries with no requests are not allowed");
  }
}

static void
create_claim_parameters(struct validation *v, const struct json *o)
{
  check_claim_parameters(v, o, false);
}

static void
update_claim_parameters(struct validation *v, const struct json *o, const struct json *old)
{
  check_claim_parameters(v, o, json_same(json_get(o, "driverRequests"), json_get(old, "driverRequests")));
}

static void
create_class_parameters(struct validation *v, const struct json *o)
{
  const struct json *filters = json_get(o, "filters"), *vendor = json_get(o, "vendorParameters");
  check_parameters_ref(v, VP(NULL, "generatedFrom"), json_get(o, "generatedFrom"));
  for (size_t i = 0; i < json_count(filters); i++) {
    const struct vpath *at = VP_ITEM(VP(NULL, "filters"), i);
    check_driver(v, at, filters, i);
    check_selector(v, at, json_at(filters, i), false);
  }
  for (size_t i = 0; i < json_count(vendor); i++)
    check_driver(v, VP_ITEM(VP(NULL, "vendorParameters"), i), vendor, i);
}

#define OLD "v1alpha1 v1alpha2"

const struct validator validator_claim_named = {
  "resource.k8s.io",      "ResourceClaim",        .name = { .format = TEXT_DNS_SUBDOMAIN }, .create = create_claim,
  .update = update_claim, .status = status_claim, .flags = VALIDATOR_CREATE_AGAIN,          .versions = OLD,
};
const struct validator validator_template_named = {
  "resource.k8s.io",         "ResourceClaimTemplate",   .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_template, .update = update_template, .flags = VALIDATOR_CREATE_AGAIN,
  .versions = OLD,
};
const struct validator validator_class_named = {
  "resource.k8s.io",
  "ResourceClass",
  .cluster = true,
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_class,
  .update = update_class,
  .flags = VALIDATOR_CREATE_AGAIN,
};
const struct validator validator_slice_named = {
  "resource.k8s.io",
  "ResourceSlice",
  .cluster = true,
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_slice,
  .update = update_slice,
  .flags = VALIDATOR_META_AGAIN,
  .versions = OLD,
};
const struct validator validator_claim_parameters = {
  "resource.k8s.io",
  "ResourceClaimParameters",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_claim_parameters,
  .update = update_claim_parameters,
  .flags = VALIDATOR_META_AGAIN,
};
const struct validator validator_class_parameters = {
  "resource.k8s.io",
  "ResourceClassParameters",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_class_parameters,
  .flags = VALIDATOR_META_AGAIN,
};
