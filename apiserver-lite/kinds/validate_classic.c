/* What the classic kinds of all releases have, and the context in which scheduler and drivers negotiate. */
#include "validate_classic.h"

#include <ctype.h>

#include "object.h"

#define DRIVER_NAME_MAX 63
#define POOL_NAME_MAX   253
#define IDENTIFIER_MAX  32

const struct validator *const validators_classic[] = {
  &validator_scheduling,  &validator_scheduling_1_26, &validator_claim_1_31,       &validator_template_1_31,
  &validator_class_1_31,  &validator_slice_1_31,      &validator_claim_named,      &validator_template_named,
  &validator_class_named, &validator_slice_named,     &validator_claim_parameters, &validator_class_parameters,
};
const size_t validator_classic_count = ARRAY_SIZE(validators_classic);

/* -- lists -- */

void
classic_list(struct validation *v, const struct vpath *path, const struct json *list, size_t max, classic_item_fn *fn,
             const void *payload)
{
  for (size_t i = 0; i < json_count(list); i++)
    fn(v, VP_ITEM(path, i), json_at(list, i), payload);
  if (json_count(list) > max)
    verr_too_long_max(v, path, (int)max);
}

static struct span
key_of(const struct json *item, const char *key)
{
  return key ? json_text_of(item, key) : json_span(item);
}

static bool
is_duplicate(const struct json *list, size_t i, const char *key)
{
  for (size_t j = 0; j < i; j++)
    if (span_eq(key_of(json_at(list, i), key), key_of(json_at(list, j), key)))
      return true;
  return false;
}

static void
report_duplicate(struct validation *v, const struct vpath *item, const struct json *o, const char *key)
{
  verr_duplicate(v, key ? VP(item, key) : item, key_of(o, key));
}

void
classic_set(struct validation *v, const struct vpath *path, const struct json *list, size_t max, const char *key,
            classic_item_fn *fn, const void *payload)
{
  bool all_first = validation_minor(v) >= 31;
  for (size_t i = 0; !all_first && i < json_count(list); i++)
    if (is_duplicate(list, i, key))
      report_duplicate(v, VP_ITEM(path, i), json_at(list, i), key);
    else
      fn(v, VP_ITEM(path, i), json_at(list, i), payload);
  if (!all_first && json_count(list) > max)
    verr_too_long_max(v, path, (int)max);
  if (!all_first)
    return;
  classic_list(v, path, list, max, fn, payload);
  for (size_t i = 0; i < json_count(list); i++)
    if (is_duplicate(list, i, key))
      report_duplicate(v, VP_ITEM(path, i), json_at(list, i), key);
}

/* -- names and expressions -- */

void
classic_driver_name(struct validation *v, const struct vpath *path, struct span name)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  char *low = arena_strndup(v->a, name.p ? name.p : "", name.n);
  if (!name.n)
    verr_required(v, path, "");
  if (name.n > DRIVER_NAME_MAX)
    verr_too_long(v, path, DRIVER_NAME_MAX);
  for (size_t i = 0; i < name.n; i++)
    low[i] = (char)tolower((unsigned char)low[i]);
  size_t n = text_check(v->a, TEXT_DNS_SUBDOMAIN, span_make(low, name.n), problems);
  for (size_t i = 0; i < n; i++)
    verr_invalid(v, path, name, problems[i]);
}

void
classic_pool_name(struct validation *v, const struct vpath *path, struct span name)
{
  if (!name.n) {
    verr_required(v, path, "");
    return;
  }
  if (name.n > POOL_NAME_MAX)
    verr_too_long_max(v, path, POOL_NAME_MAX);
  for (struct span rest = name; rest.p;) {
    struct span part = span_cut(rest, '/', &rest);
    verr_format(v, path, part, TEXT_DNS_SUBDOMAIN);
  }
}

static void
check_identifier(struct validation *v, const struct vpath *path, struct span name)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n = text_check(v->a, TEXT_C_IDENTIFIER, name, problems);
  if (name.n > IDENTIFIER_MAX)
    verr_too_long_max(v, path, IDENTIFIER_MAX);
  for (size_t i = 0; i < n; i++)
    verr_add(v, FIELD_TYPE_INVALID, path, vquote(v->a, name), "%s", problems[i]);
}

/* A name with more than one slash is not looked at. */
static void
check_attribute_parts(struct validation *v, const struct vpath *path, struct span name)
{
  struct span rest, more, domain = span_cut(name, '/', &rest), id = span_cut(rest, '/', &more);
  if (!rest.p) {
    check_identifier(v, path, name);
    return;
  }
  if (more.p)
    return;
  if (!domain.n)
    verr_required(v, path, "the prefix must not be empty");
  else
    classic_driver_name(v, path, domain);
  if (!id.n)
    verr_required(v, path, "the name must not be empty");
  else
    check_identifier(v, path, id);
}

void
classic_attribute_name(struct validation *v, const struct vpath *path, struct span name, bool full)
{
  if (!name.n)
    verr_required(v, path, "name required");
  else
    check_attribute_parts(v, path, name);
  if (full && !memchr(name.p ? name.p : "", '/', name.n))
    verr_required(v, VP(path, "domain"), "must include a prefix");
}

void
classic_node_name(struct validation *v, const struct vpath *path, const struct json *item, const void *payload)
{
  (void)payload;
  verr_format(v, path, json_span(item), TEXT_DNS_SUBDOMAIN);
}

void
classic_expression_error(struct validation *v, const struct vpath *path, struct span expression, const struct kerr *err)
{
  if (err->code == KERR_INTERNAL)
    verr_add(v, FIELD_INTERNAL, path, NULL, "%s", err->msg);
  else
    verr_invalid(v, path, expression, err->msg);
}

/* -- a claim's consumers -- */

static void
check_consumer(struct validation *v, const struct vpath *path, const struct json *ref, const void *payload)
{
  static const char *const needed[] = { "resource", "name", "uid" };
  (void)payload;
  for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
    if (!json_text_of(ref, needed[i]).n)
      verr_required(v, VP(path, needed[i]), "");
}

void
classic_check_consumers(struct validation *v, const struct vpath *path, const struct json *status)
{
  classic_set(v, VP(path, "reservedFor"), json_get(status, "reservedFor"), CLASSIC_LIST_MAX, "uid", check_consumer,
              NULL);
}

/* Consumers are compared as a whole: one whose name changed is new. */
static bool
has_new_consumer(const struct json *now, const struct json *before)
{
  for (json_each_item (p, now)) {
    bool known = false;
    for (json_each_item (q, before))
      known |= json_same(*p, *q);
    if (!known)
      return true;
  }
  return false;
}

static void
check_reservations(struct validation *v, const struct vpath *path, const struct json *o, const struct json *old)
{
  const struct json *status = json_get(o, "status"), *list = json_get(status, "reservedFor");
  const struct json *allocation = json_get(status, "allocation");
  bool ending = object_is_deleting(o) || json_get_bool(status, "deallocationRequested", false);
  bool always_shared = validation_minor(v) >= 31;
  if (!json_count(list))
    return;
  if (json_type(allocation) == JSON_NULL) {
    verr_forbidden(v, path, "may not be specified when `allocated` is not set");
    return;
  }
  if (!always_shared && !json_get_bool(allocation, "shareable", false) && json_count(list) > 1)
    verr_forbidden(v, path, "may not be reserved more than once");
  if (ending && has_new_consumer(list, json_dig(old, "status", "reservedFor", NULL)))
    verr_forbidden(v, path,
                   "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set");
}

void
classic_check_status(struct validation *v, const struct vpath *path, const struct json *o, const struct json *old)
{
  const struct json *now = json_get(o, "status"), *before = json_get(old, "status");
  const struct json *allocation = json_get(now, "allocation"), *was = json_get(before, "allocation");
  bool asked = json_get_bool(now, "deallocationRequested", false);
  bool asked_before = json_get_bool(before, "deallocationRequested", false);
  bool allocated = json_type(allocation) != JSON_NULL;
  const struct vpath *flag = VP(path, "deallocationRequested");

  check_reservations(v, VP(path, "reservedFor"), o, old);
  if (allocated && json_type(was) != JSON_NULL && validation_minor(v) >= 27 && !json_same(allocation, was))
    validate_immutable(
        v, VP(path, "allocation"), allocation, was,
        vgo(v, allocation, arena_printf(v->a, "io.k8s.api.resource.%s.AllocationResult", v->kind->version)));
  if (asked && !asked_before && json_count(json_get(now, "reservedFor")))
    verr_forbidden(v, flag, "deallocation cannot be requested while `reservedFor` is set");
  if (asked && !allocated)
    verr_forbidden(v, path, "`allocation` must be set when `deallocationRequested` is set");
  if (asked_before && !asked && allocated)
    verr_forbidden(v, flag, "may not be cleared when `allocation` is set");
}

/* -- PodSchedulingContext, which 1.26 calls PodScheduling -- */

static void
create_scheduling(struct validation *v, const struct json *o)
{
  classic_set(v, VP(VP(NULL, "spec"), "potentialNodes"), json_dig(o, "spec", "potentialNodes", NULL),
              CLASSIC_SCHEDULING_MAX, NULL, classic_node_name, NULL);
}

static void
update_scheduling(struct validation *v, const struct json *o, const struct json *old)
{
  (void)old;
  validate_object_meta(v, o, true, &validator_scheduling.name);
  create_scheduling(v, o);
}

/* The paths say `claims`; the field is called resourceClaims. */
static void
status_scheduling(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *list = json_dig(o, "status", "resourceClaims", NULL);
  const struct vpath *path = VP(VP(NULL, "status"), "claims");
  (void)old;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *claim = json_at(list, i);
    classic_set(v, VP(VP_ITEM(path, i), "unsuitableNodes"), json_get(claim, "unsuitableNodes"), CLASSIC_SCHEDULING_MAX,
                NULL, classic_node_name, NULL);
    if (is_duplicate(list, i, "name"))
      verr_duplicate(v, VP_ITEM(path, i), json_text_of(claim, "name"));
  }
}

const struct validator validator_scheduling = {
  "resource.k8s.io",           "PodSchedulingContext",      .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_scheduling, .status = status_scheduling, .flags = VALIDATOR_META_AGAIN,
};
const struct validator validator_scheduling_1_26 = {
  "resource.k8s.io",
  "PodScheduling",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_scheduling,
  .update = update_scheduling,
  .status = status_scheduling,
  .flags = VALIDATOR_CREATE_AGAIN,
};
