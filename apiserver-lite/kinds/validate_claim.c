/* ResourceClaim, ResourceClaimTemplate, DeviceClass: pkg/apis/resource/validation. Trees are v1's. */
#include "validate_claim.h"

#include "cel_dra.h"
#include "object.h"

#define CLAIM_ITEMS_MAX     32 /* requests, constraints, config, selectors: all of one size */
#define FIRST_AVAILABLE_MAX 8
#define EXPRESSION_MAX      10240
#define COST_MAX            1000000 /* of one derived attribute, and of all of a claim */
#define PARAMETERS_MAX      10240

/* What the parts of one claim need to know of the whole. */
struct claim_check {
  const struct json *devices; /* spec.devices */
  uint64_t *derived_cost;     /* of all derived attributes so far */
};

static const char bad_reference[] =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/* The request called `name`, whose names are unique in valid claims; the last one wins as in upstream's map. */
static const struct json *
find_named(const struct json *list, struct span name)
{
  const struct json *found = NULL;
  for (json_each_item (p, list))
    if (span_eq(json_text_of(*p, "name"), name))
      found = *p;
  return found;
}

static bool
request_exists(const struct json *requests, struct span first, struct span second)
{
  const struct json *request = find_named(requests, first);
  return request && (!second.p || find_named(json_get(request, "firstAvailable"), second));
}

void
validate_request_ref(struct validation *v, const struct vpath *path, struct span name, const struct json *requests)
{
  struct span rest, more = { 0 }, first = span_cut(name, '/', &rest), second = rest;
  if (rest.p)
    second = span_cut(rest, '/', &more);
  if (more.p) {
    verr_invalid(v, path, name, bad_reference);
    return;
  }
  verr_format(v, path, first, TEXT_DNS_LABEL);
  if (second.p)
    verr_format(v, path, second, TEXT_DNS_LABEL);
  if (!request_exists(requests, first, second))
    verr_invalid(v, path, name, bad_reference);
}

/* Duplicates by a member (NULL: the item itself); tags report them, too. */
static void
check_unique(struct validation *v, const struct vpath *path, const struct json *list, const char *member, bool covered)
{
  for (size_t i = 1; i < json_count(list); i++) {
    struct span s = member ? json_text_of(json_at(list, i), member) : json_span(json_at(list, i));
    for (size_t j = 0; j < i; j++)
      if (span_eq(s, member ? json_text_of(json_at(list, j), member) : json_span(json_at(list, j)))) {
        verr_duplicate(v, VP_ITEM(path, i), s);
        v->list[v->n - 1].covered = covered;
        break;
      }
  }
}

void
validate_request_refs(struct validation *v, const struct vpath *path, const struct json *list,
                      const struct json *requests)
{
  if (!validate_size(v, path, list, CLAIM_ITEMS_MAX, true))
    return;
  for (size_t i = 0; i < json_count(list); i++)
    validate_request_ref(v, VP_ITEM(path, i), json_span(json_at(list, i)), requests);
  check_unique(v, path, list, NULL, true);
}

/* -- selectors and configuration, of claims and classes -- */

static void
check_expression(struct validation *v, const struct vpath *path, struct span expression)
{
  if (expression.n > EXPRESSION_MAX) {
    verr_too_long(v, path, EXPRESSION_MAX);
    return;
  }
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_dra_features features = { .consumable_capacity = validation_gate(v, "DRAConsumableCapacity"),
                                       .list_type_attributes = validation_gate(v, "DRAListTypeAttributes") };
  if (cel_selector_validate(expression, &features, &err) == 0)
    return;
  if (err.code == KERR_FORBIDDEN)
    verr_forbidden(v, path, err.msg);
  else
    verr_invalid(v, path, expression, err.msg);
}

void
validate_device_selectors(struct validation *v, const struct vpath *path, const struct json *list, bool stored)
{
  if (!validate_size(v, path, list, CLAIM_ITEMS_MAX, true))
    return;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct vpath *cel = VP(VP_ITEM(path, i), "cel");
    if (!json_has(json_at(list, i), "cel"))
      verr_required(v, cel, "");
    else if (!stored) /* what is stored was valid when it was stored */
      check_expression(v, VP(cel, "expression"), json_text_of(json_get(json_at(list, i), "cel"), "expression"));
  }
}

void
validate_raw_object(struct validation *v, const struct vpath *path, const struct json *raw, bool stored, size_t max)
{
  if (json_type(raw) == JSON_NULL) {
    verr_required(v, path, "");
    return;
  }
  _cleanup_strbuf_ struct strbuf text;
  strbuf_init(&text, CEIL_ARENA_SMALL);
  json_write(&text, raw, JSON_COMPACT);
  if (!stored && text.n > max)
    verr_too_long(v, path, (int)max);
  else if (!json_is(raw, JSON_OBJECT))
    verr_invalid(v, path, SPAN("<value omitted>"), "must be a valid JSON object");
}

void
validate_device_config(struct validation *v, const struct vpath *path, const struct json *config, bool stored)
{
  const struct json *opaque = json_get(config, "opaque");
  const struct vpath *at = VP(path, "opaque");
  if (json_type(opaque) == JSON_NULL) {
    verr_required(v, at, "");
    return;
  }
  validate_driver_name(v, VP(at, "driver"), json_text_of(opaque, "driver"), true);
  validate_raw_object(v, VP(at, "parameters"), json_get(opaque, "parameters"), stored, PARAMETERS_MAX);
}

/* -- requests -- */

static void
check_allocation_mode(struct validation *v, const struct vpath *path, const struct json *request)
{
  static const char *const modes[] = { "All", "ExactCount", NULL };
  struct span mode = json_text_of(request, "allocationMode");
  int64_t count = json_get_int(request, "count", 0);
  if (span_is(mode, "All")) {
    if (count != 0)
      verr_invalid_int(v, VP(path, "count"), count, "must not be specified when allocationMode is 'All'");
  } else if (span_is(mode, "ExactCount")) {
    if (count <= 0)
      verr_invalid_int(v, VP(path, "count"), count, "must be greater than zero");
  } else {
    verr_not_supported(v, VP(path, "allocationMode"), mode, modes);
    v->list[v->n - 1].covered = true;
  }
}

static const char *const effects[] = { "NoExecute", "NoSchedule", "None", NULL };

static bool
is_one_of(struct span s, const char *const *names)
{
  for (; *names; names++)
    if (span_is(s, *names))
      return true;
  return false;
}

void
validate_device_toleration(struct validation *v, const struct vpath *path, const struct json *toleration)
{
  static const char *const operators[] = { "Equal", "Exists", NULL };
  struct span key = json_text_of(toleration, "key"), op = json_text_of(toleration, "operator"),
              value = json_text_of(toleration, "value"), effect = json_text_of(toleration, "effect");
  size_t mark = v->n;
  if (key.n)
    verr_format(v, VP(path, "key"), key, TEXT_LABEL_KEY);
  validation_cover(v, mark, NULL);
  if (span_is(op, "Exists")) {
    if (value.n)
      verr_invalid(v, VP(path, "value"), value, "must be empty for operator `Exists`");
  } else if (span_is(op, "Equal"))
    verr_format(v, VP(path, "value"), value, TEXT_LABEL_VALUE);
  else {
    mark = v->n;
    if (!op.n)
      verr_required(v, VP(path, "operator"), "");
    else
      verr_not_supported(v, VP(path, "operator"), op, operators);
    validation_cover(v, mark, NULL);
  }
  if (effect.n && !is_one_of(effect, effects)) {
    verr_not_supported(v, VP(path, "effect"), effect, effects);
    v->list[v->n - 1].covered = true;
  }
}

void
validate_device_taint(struct validation *v, const struct vpath *path, const struct json *taint, const struct json *old)
{
  struct span value = json_text_of(taint, "value"), effect = json_text_of(taint, "effect");
  verr_format(v, VP(path, "key"), json_text_of(taint, "key"), TEXT_LABEL_KEY);
  if (value.n)
    verr_format(v, VP(path, "value"), value, TEXT_LABEL_VALUE);
  if (old && span_eq(effect, json_text_of(old, "effect")))
    return;
  size_t mark = v->n;
  if (!effect.n)
    verr_required(v, VP(path, "effect"), "");
  else if (!is_one_of(effect, effects))
    verr_not_supported(v, VP(path, "effect"), effect, effects);
  validation_cover(v, mark, NULL);
}

/* Does a constraint that targets the request, its parent or everything name the attribute? */
static bool
constraint_names(const struct json *claim, struct span attribute, struct span request)
{
  struct span rest, parent = span_cut(request, '/', &rest);
  for (json_each_item (p, json_get(claim, "constraints"))) {
    const struct json *name = json_get(*p, json_has(*p, "matchAttribute") ? "matchAttribute" : "distinctAttribute");
    if (!json_is(name, JSON_STRING) || !span_eq(json_span(name), attribute))
      continue;
    const struct json *requests = json_get(*p, "requests");
    if (!json_count(requests))
      return true;
    for (json_each_item (r, requests))
      if (span_eq(json_span(*r), request) || (rest.p && span_eq(json_span(*r), parent)))
        return true;
  }
  return false;
}

/* Compiled, and its cost added to that of the claim. */
static void
check_derived_expression(struct validation *v, const struct vpath *path, struct span text, uint64_t *total)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_dra_features features = { .consumable_capacity = validation_gate(v, "DRAConsumableCapacity"),
                                       .list_type_attributes = validation_gate(v, "DRAListTypeAttributes") };
  uint64_t cost = 0;
  if (text.n > EXPRESSION_MAX) {
    verr_too_long(v, path, EXPRESSION_MAX);
    return;
  }
  if (cel_derived_validate(text, &features, &cost, &err) < 0) {
    verr_invalid(v, path, text, err.msg);
    return;
  }
  if (cost > COST_MAX)
    verr_forbidden(v, path, "too complex, exceeds cost limit");
  *total = *total > UINT64_MAX - cost ? UINT64_MAX : *total + cost;
}

static void
check_derived_attributes(struct validation *v, const struct vpath *path, const struct json *list,
                         const struct claim_check *claim, const char *request)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span name = json_text_of(json_at(list, i), "name"), text = json_text_of(json_at(list, i), "expression");
    const struct vpath *at = VP_ITEM(path, i);
    if (name.n && !constraint_names(claim->devices, name, span_of(request)))
      verr_invalid(v, VP(at, "name"), name,
                   "must be referenced by at least one matchAttribute or distinctAttribute constraint targeting this "
                   "request");
    if (text.n)
      check_derived_expression(v, VP(at, "expression"), text, claim->derived_cost);
  }
  check_unique(v, path, list, "name", false);
}

/* What an exact request and a subrequest have in common. `covered`: tags check the class, too (of subrequests). */
static void
check_request_body(struct validation *v, const struct vpath *path, const struct json *r,
                   const struct claim_check *claim, const char *name, bool covered)
{
  struct span class = json_text_of(r, "deviceClassName");
  size_t mark = v->n;
  if (!class.n)
    verr_required(v, VP(path, "deviceClassName"), "");
  else
    verr_format(v, VP(path, "deviceClassName"), class, TEXT_DNS_SUBDOMAIN);
  if (covered)
    validation_cover(v, mark, NULL);
  validate_device_selectors(v, VP(path, "selectors"), json_get(r, "selectors"), false);
  check_derived_attributes(v, VP(path, "derivedAttributes"), json_get(r, "derivedAttributes"), claim, name);
  check_allocation_mode(v, path, r);
  const struct json *tolerations = json_get(r, "tolerations");
  for (size_t i = 0; i < json_count(tolerations); i++)
    validate_device_toleration(v, VP_ITEM(VP(path, "tolerations"), i), json_at(tolerations, i));
}

static void
check_subrequests(struct validation *v, const struct vpath *path, const struct json *list,
                  const struct claim_check *claim, struct span parent)
{
  if (!validate_size(v, path, list, FIRST_AVAILABLE_MAX, true))
    return;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *sub = json_at(list, i);
    struct span name = json_text_of(sub, "name");
    verr_format(v, VP(VP_ITEM(path, i), "name"), name, TEXT_DNS_LABEL);
    check_request_body(v, VP_ITEM(path, i), sub, claim,
                       arena_printf(v->a, "%.*s/%.*s", SPAN_FMT(parent), SPAN_FMT(name)), true);
  }
  check_unique(v, path, list, "name", true);
}

static void
check_request(struct validation *v, const struct vpath *path, const struct json *request,
              const struct claim_check *claim)
{
  const struct json *first = json_get(request, "firstAvailable"), *exactly = json_get(request, "exactly");
  struct span name = json_text_of(request, "name");
  verr_format(v, VP(path, "name"), name, TEXT_DNS_LABEL);
  bool has_first = json_count(first) > 0, has_exactly = json_type(exactly) != JSON_NULL;
  if (has_first && has_exactly)
    verr_add(v, FIELD_INVALID, path, "null",
             "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set");
  else if (has_first)
    check_subrequests(v, VP(path, "firstAvailable"), first, claim, name);
  else if (has_exactly)
    check_request_body(v, VP(path, "exactly"), exactly, claim, arena_strndup(v->a, name.p, name.n), false);
  else
    verr_required(v, path, "exactly one of `exactly` or `firstAvailable` is required");
}

static void
check_constraint(struct validation *v, const struct vpath *path, const struct json *c, const struct json *requests)
{
  validate_request_refs(v, VP(path, "requests"), json_get(c, "requests"), requests);
  if (json_has(c, "matchAttribute"))
    validate_qualified_name(v, VP(path, "matchAttribute"), json_text_of(c, "matchAttribute"), true);
  else if (json_has(c, "distinctAttribute"))
    validate_qualified_name(v, VP(path, "distinctAttribute"), json_text_of(c, "distinctAttribute"), true);
  else if (validation_gate(v, "DRAConsumableCapacity"))
    verr_required(v, path,
                  "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple "
                  "fields are set");
  else
    verr_required(v, VP(path, "matchAttribute"), "");
}

void
validate_claim_spec(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *claim = json_get(spec, "devices"), *requests = json_get(claim, "requests"),
                    *constraints = json_get(claim, "constraints"), *config = json_get(claim, "config");
  const struct vpath *at = VP(path, "devices"), *list = VP(at, "requests");
  uint64_t cost = 0;
  const struct claim_check check = { .devices = claim, .derived_cost = &cost };
  if (validate_size(v, list, requests, CLAIM_ITEMS_MAX, true)) {
    for (size_t i = 0; i < json_count(requests); i++)
      check_request(v, VP_ITEM(list, i), json_at(requests, i), &check);
    check_unique(v, list, requests, "name", true);
  }
  list = VP(at, "constraints");
  if (validate_size(v, list, constraints, CLAIM_ITEMS_MAX, true))
    for (size_t i = 0; i < json_count(constraints); i++)
      check_constraint(v, VP_ITEM(list, i), json_at(constraints, i), requests);
  list = VP(at, "config");
  if (validate_size(v, list, config, CLAIM_ITEMS_MAX, true))
    for (size_t i = 0; i < json_count(config); i++) {
      const struct json *c = json_at(config, i);
      validate_request_refs(v, VP(VP_ITEM(list, i), "requests"), json_get(c, "requests"), requests);
      validate_device_config(v, VP_ITEM(list, i), c, false);
    }
  if (cost > COST_MAX)
    verr_forbidden(v, at,
                   "too complex, total cost of derived attribute CEL expressions in the claim exceeds cost limit");
}

/* -- kinds -- */

static void
create_claim(struct validation *v, const struct json *o)
{
  validate_claim_spec(v, VP(NULL, "spec"), json_get(o, "spec"));
}

static void
update_claim(struct validation *v, const struct json *o, const struct json *old)
{
  size_t mark = v->n;
  validate_immutable(v, VP(NULL, "spec"), json_get(o, "spec"), json_get(old, "spec"), NULL);
  validation_cover(v, mark, "immutable");
}

static void
create_template(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_template_meta(v, VP(path, "metadata"), json_get(spec, "metadata"));
  validate_claim_spec(v, VP(path, "spec"), json_get(spec, "spec"));
}

static void
update_template(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec");
  validate_immutable(v, VP(NULL, "spec"), spec, json_get(old, "spec"),
                     vgo(v, spec, "io.k8s.api.resource.v1.ResourceClaimTemplateSpec"));
}

/* v1helper.IsExtendedResourceName: has a domain that is not Kubernetes', and fits into a quota's name. */
bool
validate_is_extended_resource(struct arena *a, struct span name)
{
  const char *problems[TEXT_PROBLEMS_MAX], *text = arena_strndup(a, name.p, name.n);
  return strchr(text, '/') && !strstr(text, "kubernetes.io/") && !span_starts(name, SPAN("requests.")) &&
         !text_check(a, TEXT_LABEL_KEY, span_of(arena_printf(a, "requests.%s", text)), problems);
}

static void
check_class(struct validation *v, const struct json *spec, const struct json *old)
{
  const struct vpath *path = VP(NULL, "spec"), *list = VP(path, "config");
  const struct json *selectors = json_get(spec, "selectors"), *config = json_get(spec, "config"),
                    *extended = json_get(spec, "extendedResourceName");
  validate_device_selectors(v, VP(path, "selectors"), selectors,
                            old && json_same(selectors, json_get(old, "selectors")));
  bool stored = old && json_same(config, json_get(old, "config"));
  if (validate_size(v, list, config, CLAIM_ITEMS_MAX, true))
    for (size_t i = 0; i < json_count(config); i++)
      validate_device_config(v, VP_ITEM(list, i), json_at(config, i), stored);
  if (json_is(extended, JSON_STRING) && !validate_is_extended_resource(v->a, json_span(extended))) {
    size_t mark = v->n;
    verr_invalid(v, VP(path, "extendedResourceName"), json_span(extended), "must be a valid extended resource name");
    validation_cover(v, mark, "format=k8s-extended-resource-name");
  }
}

static void
create_class(struct validation *v, const struct json *o)
{
  check_class(v, json_get(o, "spec"), NULL);
}

static void
update_class(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(old, "spec");
  check_class(v, json_get(o, "spec"), spec ? spec : json_new_object(v->a));
}

const struct validator validator_claim = {
  "resource.k8s.io",
  "ResourceClaim",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_claim,
  .update = update_claim,
  .status = validate_claim_status,
  .flags = VALIDATOR_META_AGAIN,
};
const struct validator validator_template = {
  "resource.k8s.io",         "ResourceClaimTemplate",   .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_template, .update = update_template, .flags = VALIDATOR_CREATE_AGAIN,
};
const struct validator validator_class = {
  "resource.k8s.io",
  "DeviceClass",
  .cluster = true,
  .name = { .format = TEXT_LONG_NAME, .tag = true },
  .create = create_class,
  .update = update_class,
  .flags = VALIDATOR_META_AGAIN,
};
