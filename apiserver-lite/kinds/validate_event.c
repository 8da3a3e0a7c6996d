/*
 * Events, of both groups: core/validation/events.go. The internal form is the core one; events.k8s.io calls some
 * members by other names, and is held to more.
 */
#include "object.h"
#include "validate_internal.h"

static bool
is_new_api(const struct validation *v)
{
  return !strcmp(v->kind->group, "events.k8s.io");
}

/* A member by its core name. */
static const struct json *
member(const struct validation *v, const struct json *o, const char *core)
{
  static const char *const names[][2] = { { "involvedObject", "regarding" },
                                          { "message", "note" },
                                          { "reportingComponent", "reportingController" },
                                          { "source", "deprecatedSource" },
                                          { "firstTimestamp", "deprecatedFirstTimestamp" },
                                          { "lastTimestamp", "deprecatedLastTimestamp" },
                                          { "count", "deprecatedCount" } };
  for (size_t i = 0; is_new_api(v) && i < ARRAY_SIZE(names); i++)
    if (!strcmp(names[i][0], core))
      return json_get(o, names[i][1]);
  return json_get(o, core);
}

static struct span
text(const struct validation *v, const struct json *o, const char *core)
{
  const struct json *m = member(v, o, core);
  return json_is(m, JSON_STRING) ? json_span(m) : SPAN("");
}

static void
check_long(struct validation *v, const char *path, struct span s, size_t max)
{
  if (s.n > max)
    verr_invalid(v, VP(NULL, path), SPAN(""), arena_printf(v->a, "can have at most %zu characters", max));
}

/* With an eventTime the event is of the new kind, whichever group it came through. */
static void
check_new_event(struct validation *v, const struct json *o)
{
  const char *reporter = is_new_api(v) ? "reportingController" : "reportingComponent";
  struct span controller = text(v, o, "reportingComponent"), instance = text(v, o, "reportingInstance"),
              action = text(v, o, "action"), reason = text(v, o, "reason");
  if (!controller.n)
    verr_required(v, VP(NULL, reporter), "");
  (void)verr_format(v, VP(NULL, reporter), controller, TEXT_LABEL_KEY);
  if (!instance.n)
    verr_required(v, VP(NULL, "reportingInstance"), "");
  check_long(v, "reportingInstance", instance, 128);
  if (!action.n)
    verr_required(v, VP(NULL, "action"), "");
  check_long(v, "action", action, 128);
  if (!reason.n)
    verr_required(v, VP(NULL, "reason"), "");
  check_long(v, "reason", reason, 128);
  check_long(v, "message", text(v, o, "message"), 1024);
}

static void
check_legacy(struct validation *v, const struct json *o)
{
  const struct json *about = member(v, o, "involvedObject");
  struct span there = json_text_of(about, "namespace"), here = json_text_of(json_get(o, "metadata"), "namespace");
  bool timed = json_text_of(o, "eventTime").n > 0, fits = span_eq(there, here);
  if (!there.n)
    fits = timed ? span_is(here, "default") || span_is(here, "kube-system") : !here.n || span_is(here, "default");
  else if (timed)
    fits = true;
  if (!fits)
    verr_invalid(v, VP(VP(NULL, "involvedObject"), "namespace"), there, "does not match event.namespace");
  if (timed)
    check_new_event(v, o);
}

static void
check_series(struct validation *v, const struct json *o)
{
  const struct json *series = json_get(o, "series");
  if (json_type(series) == JSON_NULL)
    return;
  if (json_get_int(series, "count", 0) < 2)
    verr_invalid(v, VP(NULL, "series.count"), SPAN(""), "should be at least 2");
  if (!json_text_of(series, "lastObservedTime").n)
    verr_required(v, VP(NULL, "series.lastObservedTime"), "");
}

static void
create_event(struct validation *v, const struct json *o)
{
  static const struct name_rule rule = { .format = TEXT_DNS_SUBDOMAIN };
  static const char *const unset[] = { "firstTimestamp", "lastTimestamp", "count", "source" };
  check_legacy(v, o);
  if (!is_new_api(v))
    return;
  struct span type = json_text_of(o, "type");
  validate_object_meta(v, o, true, &rule);
  check_series(v, o);
  if (!json_text_of(o, "eventTime").n)
    verr_required(v, VP(NULL, "eventTime"), "");
  if (!span_is(type, "Normal") && !span_is(type, "Warning"))
    verr_invalid(v, VP(NULL, "type"), SPAN(""), arena_printf(v->a, "has invalid value: %.*s", SPAN_FMT(type)));
  for (size_t i = 0; i < ARRAY_SIZE(unset); i++) {
    const struct json *m = member(v, o, unset[i]);
    if (i == 2 ? json_int_or(m, 0) != 0 : !json_same(m, NULL))
      verr_invalid(v, VP(NULL, unset[i]), SPAN(""), "needs to be unset");
  }
}

/* The value of a member as upstream shows it, for which an absent one is Go's zero. */
static const char *
shown(const struct validation *v, const struct json *m, const char *zero, const char *type)
{
  static const struct json nothing = { .type = JSON_OBJECT };
  if (type)
    return vgo(v, m || *zero == 'n' ? m : &nothing, type);
  return json_type(m) == JSON_NULL ? zero : NULL;
}

static void
update_event(struct validation *v, const struct json *o, const struct json *old)
{
  static const char reference[] = "io.k8s.api.core.v1.ObjectReference", source[] = "io.k8s.api.core.v1.EventSource";
  static const struct {
    const char *name, *shown; /* in core/v1 and in paths */
    const char *zero;         /* what an absent one is: n(ull), a struct, or the text itself */
    const char *type;         /* of a struct */
  } fixed[] = {
    { "involvedObject", "involvedObject", "{}", reference },
    { "reason", "reason", "\"\"", NULL },
    { "message", "message", "\"\"", NULL },
    { "source", "source", "{}", source },
    { "firstTimestamp", "firstTimestamp", "null", NULL },
    { "lastTimestamp", "lastTimestamp", "null", NULL },
    { "count", "count", "0", NULL },
    { "type", "type", "\"\"", NULL },
    { "eventTime", "eventTime", "null", NULL },
    { "action", "action", "\"\"", NULL },
    { "related", "related", "null", reference },
    { "reportingComponent", "reportingController", "\"\"", NULL },
    { "reportingInstance", "reportingInstance", "\"\"", NULL },
  };
  check_legacy(v, o);
  if (!is_new_api(v))
    return;
  validate_object_meta_update(v, o, old);
  if (!json_same(json_get(o, "series"), json_get(old, "series")))
    check_series(v, o);
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
    const struct json *now = member(v, o, fixed[i].name), *was = member(v, old, fixed[i].name);
    if (!json_same(now, was))
      validate_immutable(v, VP(NULL, fixed[i].shown), now, was, shown(v, now, fixed[i].zero, fixed[i].type));
  }
}

const struct validator validator_event = {
  "",
  "Event",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_event,
  .update = update_event,
  .flags = VALIDATOR_META_LAST,
};
const struct validator validator_event_new = {
  "events.k8s.io",
  "Event",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_event,
  .update = update_event,
  .flags = VALIDATOR_META_LAST,
};
