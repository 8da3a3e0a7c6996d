/* What the user sees of an attempt: the PodScheduled condition, the event, and the sums in them. */
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "sched_internal.h"

/* -- tallies -- */

struct sched_tally {
  struct arena *a;
  struct hmap *counts; /* reason → size_t * in the arena */
};

static void
free_map(void *m)
{
  hmap_free(m);
}

struct sched_tally *
sched_tally_new(struct arena *a)
{
  struct sched_tally *t = arena_new_of(a, struct sched_tally);

  t->a = a;
  t->counts = hmap_new(NULL);
  arena_defer(a, free_map, t->counts);
  return t;
}

void
sched_tally_add(struct sched_tally *t, const char *reason)
{
  size_t *count = hmap_get(t->counts, span_of(reason));

  if (!count) {
    count = arena_new_of(t->a, size_t);
    hmap_put(t->counts, span_of(reason), count);
  }
  ++*count;
}

const char *
sched_tally_text(struct sched_tally *t, size_t nodes)
{
  const char **lines = arena_array_of(t->a, const char *, hmap_count(t->counts));
  _cleanup_strbuf_ struct strbuf b;
  size_t cursor = 0, n = 0;
  struct span key;
  void *value;

  while (hmap_next(t->counts, &cursor, &key, &value))
    lines[n++] = arena_printf(t->a, "%zu %.*s", *(size_t *)value, SPAN_FMT(key));
  if (n > 1)
    qsort(lines, n, sizeof *lines, text_order);
  strbuf_init(&b, CEIL_SMALL_FILE);
  strbuf_printf(&b, "0/%zu nodes are available:", nodes);
  for (size_t i = 0; i < n; i++)
    strbuf_printf(&b, "%s%s", i ? ", " : " ", lines[i]);
  strbuf_putc(&b, '.');
  return arena_strndup(t->a, b.p, b.n);
}

/* -- condition and event -- */

void
sched_event(struct scheduler *s, const struct json *pod, const char *type, const char *reason, const char *action,
            const char *message)
{
  kclient_event_about(
      s->config.client,
      &(struct kclient_event_source){ .component = s->config.name ? s->config.name : "default-scheduler" }, pod, type,
      reason, action, "%s", message);
}

static void
write_condition(struct scheduler *s, struct sched_pod *p, const char *reason, const char *message)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *pod = record_tree(p->pod), *now = object_condition(pod, "PodScheduled");
  struct json *patch = json_new_object(a), *c;
  char stamp[CLOCK_TEXT_MAX];
  int r;

  json_set_str(a, json_ensure_object(a, patch, "metadata"), "uid", p->uid);
  c = json_append(a, json_ensure_array(a, json_ensure_object(a, patch, "status"), "conditions"), json_new_object(a));
  json_set_str(a, c, "type", "PodScheduled");
  json_set_str(a, c, "status", "False");
  json_set_str(a, c, "reason", reason);
  json_set_str(a, c, "message", message);
  if (object_generation(pod) > 0)
    json_set_int(a, c, "observedGeneration", object_generation(pod));
  json_set(a, c, "lastProbeTime", json_new_null(a));
  if (!now || strcmp(json_get_str_or(now, "status", ""), "False") != 0)
    json_set_str(a, c, "lastTransitionTime", clock_rfc3339(clock_wall(s->config.clock), false, stamp));
  r = kclient_patch(s->config.client, &KC_PODS, "status", object_namespace(pod), object_name(pod),
                    KCLIENT_STRATEGIC_PATCH, NULL, patch, NULL, &err);
  if (r < 0 && err.code != KERR_NOT_FOUND)
    log_warn(s->config.log, "scheduler", "pod %s: status: %s", p->key, err.msg);
}

/* The same words again would only be another write that wakes everybody. */
static bool
is_news(struct sched_pod *p, const char *reason, const char *message)
{
  char *said = mem_printf("%s: %s", reason, message);

  if (p->last_message && strcmp(p->last_message, said) == 0) {
    free(said);
    return false;
  }
  free(p->last_message);
  p->last_message = said;
  return true;
}

void
sched_report_refusal(struct scheduler *s, struct sched_pod *p, const struct sched_refusal *why)
{
  const char *reason = why->error ? "SchedulerError" : "Unschedulable";

  if (why->silent)
    return;
  sched_event(s, record_tree(p->pod), "Warning", "FailedScheduling", "Scheduling", why->message);
  if (is_news(p, reason, why->message))
    write_condition(s, p, reason, why->message);
}

void
sched_report_gated(struct scheduler *s, struct sched_pod *p)
{
  /* The API server has set the condition when the pod was made; only a pod that lost it is told again. */
  if (!object_condition(record_tree(p->pod), "PodScheduled"))
    write_condition(s, p, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
}
