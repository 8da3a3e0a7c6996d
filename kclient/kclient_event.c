/*
 * Events (core/v1 Event), written by a thread of their own: whoever reports
 * something does not wait for the report to be stored.
 *
 * Repeats are counted in the event that is there, as client-go's recorders do:
 * `count` for the old form, `series` for the one with an action.
 */
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "kclient_internal.h"

#define WAITING_MAX 2000
#define KNOWN_MAX   4096 /* upstream: maxLruCacheEntries */

struct known {
  char *name; /* of the event object */
  int64_t count;
};

/* One event, ready to be created or counted. */
struct report {
  struct arena *a;
  char *key; /* what makes two reports the same event */
  const char *ns;
  struct json *event;
};

struct kclient_events {
  struct kclient *client;
  struct mailbox *waiting;
  pthread_t thread;
  struct hmap *known; /* key → known; the thread's own */
};

static void
known_free(void *p)
{
  struct known *k = p;

  free(k->name);
  free(k);
}

static void
report_free(void *p)
{
  struct report *r = p;

  arena_free(r->a);
}

static struct json *
involved(struct arena *a, const struct json *about)
{
  static const char *const from_meta[] = { "namespace", "name", "uid", "resourceVersion" };
  struct json *ref = json_new_object(a);

  json_set_str(a, ref, "kind", object_kind(about));
  for (size_t i = 0; i < ARRAY_SIZE(from_meta); i++) {
    const char *s = json_get_str(json_get(about, "metadata"), from_meta[i]);

    if (s)
      json_set_str(a, ref, from_meta[i], s);
  }
  json_set_str(a, ref, "apiVersion", object_api_version(about));
  if (json_get_str(about, "fieldPath")) /* which part of it: "spec.containers{name}" */
    json_set_str(a, ref, "fieldPath", json_get_str(about, "fieldPath"));
  return ref;
}

static void
set_times(struct report *r, const struct kclient_event_source *source, const char *action, int64_t now)
{
  char stamp[CLOCK_TEXT_MAX];

  if (action) { /* the form of events.k8s.io */
    json_set_str(r->a, r->event, "eventTime", clock_rfc3339(now, true, stamp));
    json_set_str(r->a, r->event, "action", action);
  } else {
    struct json *from = json_ensure_object(r->a, r->event, "source");

    json_set_str(r->a, from, "component", source->component);
    if (source->host && *source->host)
      json_set_str(r->a, from, "host", source->host);
    json_set_str(r->a, r->event, "firstTimestamp", clock_rfc3339(now, false, stamp));
    json_set_str(r->a, r->event, "lastTimestamp", stamp);
    json_set_int(r->a, r->event, "count", 1);
  }
  json_set_str(r->a, r->event, "reportingComponent", source->component);
  json_set_str(r->a, r->event, "reportingInstance",
               source->host && *source->host ? source->host
               : action                      ? source->component
                                             : "");
}

static struct report *
report_new(struct kclient *c, const struct kclient_event_source *source, const struct json *about, const char *type,
           const char *reason, const char *action, const char *message)
{
  struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct report *r = arena_new_of(a, struct report);
  int64_t now = clock_wall(c->clock);
  struct json *meta;

  r->a = a;
  r->ns = *object_namespace(about) ? arena_strdup(a, object_namespace(about)) : "default";
  r->key = arena_printf(a, "%s/%s/%s/%s/%s/%s", object_uid(about), json_get_str_or(about, "fieldPath", ""),
                        source->component, type, reason, message);
  r->event = json_new_object(a);
  json_set_str(a, r->event, "apiVersion", "v1");
  json_set_str(a, r->event, "kind", "Event");
  meta = json_ensure_object(a, r->event, "metadata");
  json_set(a, meta, "name", json_new_strf(a, "%s.%llx", object_name(about), (unsigned long long)now));
  json_set_str(a, meta, "namespace", r->ns);
  json_set(a, r->event, "involvedObject", involved(a, about));
  json_set_str(a, r->event, "reason", reason);
  json_set_str(a, r->event, "message", message);
  json_set_str(a, r->event, "type", type);
  set_times(r, source, action, now);
  return r;
}

/* -- the writer's thread -- */

static int
count_again(struct kclient_events *e, const struct report *r, struct known *k, struct kerr *reterr)
{
  struct json *patch = json_new_object(r->a);
  const char *event_time = json_get_str(r->event, "eventTime");

  k->count++;
  if (event_time) {
    struct json *series = json_ensure_object(r->a, patch, "series");

    json_set_int(r->a, series, "count", k->count);
    json_set_str(r->a, series, "lastObservedTime", event_time);
  } else {
    json_set_int(r->a, patch, "count", k->count);
    json_set_str(r->a, patch, "lastTimestamp", json_get_str_or(r->event, "lastTimestamp", ""));
  }
  return kclient_patch(e->client, &KC_EVENTS, NULL, r->ns, k->name, KCLIENT_MERGE_PATCH, NULL, patch, NULL, reterr);
}

static void
write_report(struct kclient_events *e, struct report *r)
{
  struct known *k = hmap_get(e->known, span_of(r->key));
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int code;

  if (k && count_again(e, r, k, &err) == 0)
    return;
  if (err.code != KERR_OK && err.code != KERR_NOT_FOUND) {
    log_debug(e->client->log, e->client->user_agent, "event: %s", err.msg);
    return;
  }
  kerr_release(&err); /* the event has expired: it begins anew */
  code = kclient_create(e->client, &KC_EVENTS, r->ns, r->event, NULL, &err);
  if (code < 0) {
    log_debug(e->client->log, e->client->user_agent, "event: %s",
              err.msg); /* a namespace that goes, a server that stops */
    return;
  }
  if (hmap_count(e->known) >= KNOWN_MAX)
    hmap_clear(e->known); /* counting starts again: no event is lost by it */
  k = mem_alloc(sizeof *k);
  k->name = mem_strdup(object_name(r->event));
  k->count = 1;
  hmap_put(e->known, span_of(r->key), k);
}

static void *
events_run(void *arg)
{
  struct kclient_events *e = arg;
  struct report *r;

  while ((r = mailbox_receive(e->waiting, CLOCK_NEVER)) != NULL) {
    write_report(e, r);
    report_free(r);
  }
  return NULL;
}

static struct kclient_events *
events_of(struct kclient *c)
{
  pthread_mutex_lock(&c->lock);
  if (!c->events) {
    struct kclient_events *e = mem_alloc(sizeof *e);

    e->client = c;
    e->waiting = mailbox_new(c->clock, WAITING_MAX, report_free);
    e->known = hmap_new(known_free);
    thread_start(&e->thread, "events", events_run, e);
    c->events = e;
  }
  pthread_mutex_unlock(&c->lock);
  return c->events;
}

void
kclient_events_free(struct kclient_events *e)
{
  if (!e)
    return;
  mailbox_close(e->waiting); /* what waits is still received */
  pthread_join(e->thread, NULL);
  mailbox_free(e->waiting);
  hmap_free(e->known);
  free(e);
}

/* -- reporting: any thread -- */

static void
report(struct kclient *c, const struct kclient_event_source *source, const struct json *about, const char *type,
       const char *reason, const char *action, const char *message)
{
  struct report *r = report_new(c, source, about, type, reason, action, message);

  if (!mailbox_send(events_of(c)->waiting, r)) {
    log_warn(c->log, c->user_agent, "too many events wait, dropped: %s %s", reason, message);
    report_free(r);
  }
}

void
kclient_event_about(struct kclient *c, const struct kclient_event_source *source, const struct json *about,
                    const char *type, const char *reason, const char *action, const char *fmt, ...)
{
  _cleanup_free_ char *message = NULL;
  va_list ap;

  va_start(ap, fmt);
  message = mem_vprintf(fmt, ap);
  va_end(ap);
  report(c, source, about, type, reason, action, message);
}

void
kclient_event(struct kclient *c, const char *component, const char *host, const struct json *about, const char *type,
              const char *reason, const char *fmt, ...)
{
  _cleanup_free_ char *message = NULL;
  va_list ap;

  va_start(ap, fmt);
  message = mem_vprintf(fmt, ap);
  va_end(ap);
  report(c, &(struct kclient_event_source){ .component = component, .host = host }, about, type, reason, NULL, message);
}
