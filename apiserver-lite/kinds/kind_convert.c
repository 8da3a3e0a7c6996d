/*
 * Conversion between the versions of a kind.
 *
 * Members of the same name are carried over, structs member by member; the target's table decides how they are written.
 * What is unlike is listed: members with another name, and types with a function of their own.
 */
#include <string.h>

#include "crd_custom.h"
#include "kind.h"
#include "kind_build.h"
#include "kind_type.h"

static struct json *convert_struct(struct arena *a, const struct kind_type *from, const struct kind_type *to,
                                   struct json *in);

/* -- members with another name -- */

#define CORE_EVENT   "io.k8s.api.core.v1.Event"
#define EVENTS_EVENT "io.k8s.api.events.v1.Event"

static const struct {
  const char *type_a, *name_a, *type_b, *name_b;
} renamed[] = {
  { "io.k8s.api.flowcontrol.v1beta2.LimitedPriorityLevelConfiguration", "assuredConcurrencyShares",
    "io.k8s.api.flowcontrol.v1.LimitedPriorityLevelConfiguration", "nominalConcurrencyShares" },
  { CORE_EVENT, "involvedObject", EVENTS_EVENT, "regarding" },
  { CORE_EVENT, "message", EVENTS_EVENT, "note" },
  { CORE_EVENT, "source", EVENTS_EVENT, "deprecatedSource" },
  { CORE_EVENT, "firstTimestamp", EVENTS_EVENT, "deprecatedFirstTimestamp" },
  { CORE_EVENT, "lastTimestamp", EVENTS_EVENT, "deprecatedLastTimestamp" },
  { CORE_EVENT, "count", EVENTS_EVENT, "deprecatedCount" },
  { CORE_EVENT, "reportingComponent", EVENTS_EVENT, "reportingController" },
};

static bool
is_type(const struct kind_type *t, const char *name)
{
  return strcmp(kind_text(t->name), name) == 0;
}

static struct span
target_name(const struct kind_type *from, const struct kind_type *to, struct span name)
{
  for (size_t i = 0; i < ARRAY_SIZE(renamed); i++) {
    if (span_is(name, renamed[i].name_a) && is_type(from, renamed[i].type_a) && is_type(to, renamed[i].type_b))
      return span_of(renamed[i].name_b);
    if (span_is(name, renamed[i].name_b) && is_type(from, renamed[i].type_b) && is_type(to, renamed[i].type_a))
      return span_of(renamed[i].name_a);
  }
  return name;
}

/* -- members of the same name -- */

/* A capacity of v1alpha3 is the quantity alone. */
static struct json *
convert_capacity(struct arena *a, bool wrap, const struct json *in)
{
  struct json *out = json_new_object(a);
  for (json_each_member (m, in))
    if (wrap)
      json_set(a, json_set(a, out, m->name, json_new_object(a)), "value", m->value);
    else
      json_set(a, out, m->name, json_find(m->value, "value"));
  return out;
}

static struct json *
convert_value(struct arena *a, const struct kind_field *from, const struct kind_field *to, struct json *v)
{
  const struct kind_type *ft = kind_field_type(from), *tt = kind_field_type(to);
  if (v && from->shape == KIND_MAP && !ft != !tt)
    return convert_capacity(a, tt != NULL, v);
  if (!v || v->type == JSON_NULL || !ft || !tt || ft == tt)
    return v;
  if (from->shape == KIND_ONE)
    return convert_struct(a, ft, tt, v);
  struct json *out = json_shallow(a, v);
  for (uint32_t i = 0; i < json_count(v); i++) {
    if (v->type == JSON_ARRAY)
      out->u.items[i] = convert_struct(a, ft, tt, v->u.items[i]);
    else
      out->u.members[i].value = convert_struct(a, ft, tt, v->u.members[i].value);
  }
  return out;
}

/* What `to` has too of the members of `in`. */
static void
carry_over(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in,
           struct kind_slots *out)
{
  for (json_each_member (m, in)) {
    struct span name = span_make(m->name, m->name_len);
    uint16_t slot;
    const struct kind_field *ff = kind_field_find(from, name, NULL);
    const struct kind_field *tf = kind_field_find(to, target_name(from, to, name), &slot);
    if (ff && tf && !json_is(m->value, JSON_NULL))
      out->at[slot] = convert_value(a, ff, tf, m->value);
  }
}

static struct json *
convert_members(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in)
{
  struct kind_slots out;
  kind_slots_clear(&out, to);
  carry_over(a, from, to, in, &out);
  return kind_build(a, to, out.at);
}

static const struct kind_type *
type_of_member(const struct kind_type *t, const char *name, uint16_t *slot)
{
  const struct kind_field *f = kind_field_find(t, span_of(name), slot);
  return f ? kind_field_type(f) : NULL;
}

/* -- types with a function: called with what has been carried over -- */

typedef void (*convert_fn)(struct arena *a, const struct kind_type *from, const struct kind_type *to,
                           const struct json *in, struct kind_slots *out);

/* v1beta1's request is flat; `exactly` is made when any of its members is set. */
static void
request_from_flat(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in,
                  struct kind_slots *out)
{
  uint16_t slot = 0;
  const struct kind_type *exactly = type_of_member(to, "exactly", &slot);
  bool any = false;
  for (json_each_member (m, in))
    any |= kind_field_find(exactly, span_make(m->name, m->name_len), NULL) &&
           (m->value->type != JSON_STRING || m->value->count > 0); /* deviceClassName is written though empty */
  if (any)
    out->at[slot] = convert_members(a, from, exactly, in);
}

static void
request_to_flat(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in,
                struct kind_slots *out)
{
  carry_over(a, type_of_member(from, "exactly", NULL), to, json_get(in, "exactly"), out);
}

/* v1beta1's device has everything but its name in `basic`, which is always there. */
static void
device_from_basic(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in,
                  struct kind_slots *out)
{
  carry_over(a, type_of_member(from, "basic", NULL), to, json_get(in, "basic"), out);
}

static void
device_to_basic(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in,
                struct kind_slots *out)
{
  uint16_t slot = 0;
  const struct kind_type *basic = type_of_member(to, "basic", &slot);
  out->at[slot] = convert_members(a, from, basic, in);
}

/* The CPU target of autoscaling/v1 is one of v2's metrics. */
static bool
is_cpu(const struct json *metric)
{
  const char *name = json_str(json_dig(metric, "resource", "name", NULL));
  return name && strcmp(name, "cpu") == 0;
}

static void
hpa_spec_to_metrics(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in,
                    struct kind_slots *out)
{
  (void)from;
  uint16_t slot = 0;
  const struct json *percent = json_get(in, "targetCPUUtilizationPercentage");
  if (!percent || !kind_field_find(to, SPAN("metrics"), &slot))
    return;
  struct json *metrics = json_new_array(a), *metric = json_new_object(a);
  json_set_str(a, metric, "type", "Resource");
  struct json *resource = json_ensure_object(a, metric, "resource");
  json_set_str(a, resource, "name", "cpu");
  struct json *target = json_ensure_object(a, resource, "target");
  json_set_str(a, target, "type", "Utilization");
  json_set_int(a, target, "averageUtilization", json_int_or(percent, 0));
  json_append(a, metrics, metric);
  out->at[slot] = metrics;
}

static void
hpa_spec_from_metrics(struct arena *a, const struct kind_type *from, const struct kind_type *to, const struct json *in,
                      struct kind_slots *out)
{
  (void)from;
  uint16_t slot = 0;
  if (!kind_field_find(to, SPAN("targetCPUUtilizationPercentage"), &slot))
    return;
  for (json_each_item (p, json_get(in, "metrics"))) {
    const struct json *percent = json_dig(*p, "resource", "target", "averageUtilization", NULL);
    if (is_cpu(*p) && percent)
      out->at[slot] = json_new_int(a, json_int_or(percent, 0));
  }
}

static void
hpa_status_from_metrics(struct arena *a, const struct kind_type *from, const struct kind_type *to,
                        const struct json *in, struct kind_slots *out)
{
  (void)from;
  uint16_t slot = 0;
  if (!kind_field_find(to, SPAN("currentCPUUtilizationPercentage"), &slot))
    return;
  for (json_each_item (p, json_get(in, "currentMetrics"))) {
    const struct json *percent = json_dig(*p, "resource", "current", "averageUtilization", NULL);
    if (is_cpu(*p) && percent)
      out->at[slot] = json_new_int(a, json_int_or(percent, 0));
  }
}

#define RESOURCE(version, type) "io.k8s.api.resource." version "." type
#define HPA(version, part)      "io.k8s.api.autoscaling." version ".HorizontalPodAutoscaler" part

static const struct {
  const char *from, *to;
  convert_fn fn;
} functions[] = {
  { RESOURCE("v1beta1", "DeviceRequest"), RESOURCE("v1", "DeviceRequest"), request_from_flat },
  { RESOURCE("v1beta1", "DeviceRequest"), RESOURCE("v1beta2", "DeviceRequest"), request_from_flat },
  { RESOURCE("v1", "DeviceRequest"), RESOURCE("v1beta1", "DeviceRequest"), request_to_flat },
  { RESOURCE("v1beta2", "DeviceRequest"), RESOURCE("v1beta1", "DeviceRequest"), request_to_flat },
  { RESOURCE("v1beta1", "Device"), RESOURCE("v1", "Device"), device_from_basic },
  { RESOURCE("v1beta1", "Device"), RESOURCE("v1beta2", "Device"), device_from_basic },
  { RESOURCE("v1", "Device"), RESOURCE("v1beta1", "Device"), device_to_basic },
  { RESOURCE("v1beta2", "Device"), RESOURCE("v1beta1", "Device"), device_to_basic },
  { RESOURCE("v1alpha3", "DeviceRequest"), RESOURCE("v1", "DeviceRequest"), request_from_flat },
  { RESOURCE("v1", "DeviceRequest"), RESOURCE("v1alpha3", "DeviceRequest"), request_to_flat },
  { RESOURCE("v1alpha3", "Device"), RESOURCE("v1", "Device"), device_from_basic },
  { RESOURCE("v1", "Device"), RESOURCE("v1alpha3", "Device"), device_to_basic },
  { HPA("v1", "Spec"), HPA("v2", "Spec"), hpa_spec_to_metrics },
  { HPA("v2", "Spec"), HPA("v1", "Spec"), hpa_spec_from_metrics },
  { HPA("v2", "Status"), HPA("v1", "Status"), hpa_status_from_metrics },
};

static struct json *
convert_struct(struct arena *a, const struct kind_type *from, const struct kind_type *to, struct json *in)
{
  struct kind_slots out;
  kind_slots_clear(&out, to);
  carry_over(a, from, to, in, &out);
  for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
    if (is_type(from, functions[i].from) && is_type(to, functions[i].to))
      functions[i].fn(a, from, to, in, &out);
  return kind_build(a, to, out.at);
}

int
kind_convert(struct arena *a, const struct kind *from, const struct kind *to, const struct json *in, struct json **ret,
             struct kerr *reterr)
{
  if (strcmp(from->kind, to->kind) != 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "a %s cannot become a %s", from->kind, to->kind);
  if (from->custom)
    return custom_convert(a, to, in, ret, reterr);
  struct json *own = json_shallow(a, in);
  *ret = from->type == to->type ? own : convert_struct(a, from->type, to->type, own);
  if (json_get(*ret, "apiVersion"))
    json_set_str(a, *ret, "apiVersion", kind_api_version(a, to));
  return 0;
}
