#include "rest_metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "apiserver_internal.h"
#include "hmap.h"
#include "watch_hub.h"

#define SERIES_MAX 2048 /* verb, resource, code: what a client makes up is not a label, so this is never reached */

/* Upper bounds in nanoseconds; a subset of upstream's buckets. */
static const struct {
  int64_t le;
  const char *text;
} buckets[] = {
  { 1000000, "0.001" }, { 5000000, "0.005" }, { 25000000, "0.025" }, { 100000000, "0.1" },
  { 500000000, "0.5" }, { 1000000000, "1" },  { 5000000000, "5" },   { 60000000000, "60" },
};

struct series {
  char *labels;
  uint64_t count, sum_ns;
  uint64_t bucket[ARRAY_SIZE(buckets)];
};

struct metrics {
  pthread_mutex_t lock;
  struct hmap *series; /* labels → struct series */
};

static void
series_free(void *p)
{
  struct series *s = p;

  free(s->labels);
  free(s);
}

struct metrics *
rest_metrics_new(void)
{
  struct metrics *m = mem_alloc(sizeof *m);

  pthread_mutex_init(&m->lock, NULL);
  m->series = hmap_new(series_free);
  return m;
}

void
rest_metrics_free(struct metrics *m)
{
  if (!m)
    return;
  hmap_free(m->series);
  pthread_mutex_destroy(&m->lock);
  free(m);
}

void
rest_metrics_count(struct metrics *m, const struct rest_call *c, int64_t took_ns)
{
  const struct rest_info *i = &c->info;
  char labels[256];
  bool known = c->res != NULL;
  struct series *s;

  (void)snprintf(labels, sizeof labels,
                 "code=\"%d\",group=\"%s\",resource=\"%s\",subresource=\"%s\",verb=\"%s\",version=\"%s\"",
                 c->ans->status, known ? i->group : "", known ? i->resource : "",
                 known && kind_subresource_find(c->res, i->subresource) ? i->subresource : "",
                 known ? i->verb : "other", known ? i->version : "");
  pthread_mutex_lock(&m->lock);
  s = hmap_get(m->series, span_of(labels));
  if (!s && hmap_count(m->series) < SERIES_MAX) {
    s = mem_alloc(sizeof *s);
    s->labels = mem_strdup(labels);
    hmap_put(m->series, span_of(labels), s);
  }
  if (s) {
    s->count++;
    s->sum_ns += (uint64_t)took_ns;
    for (size_t b = 0; b < ARRAY_SIZE(buckets); b++)
      s->bucket[b] += took_ns <= buckets[b].le;
  }
  pthread_mutex_unlock(&m->lock);
}

static void
write_series(struct strbuf *b, struct metrics *m)
{
  size_t cursor = 0;
  struct span key;
  void *v;

  strbuf_puts(b, "# HELP apiserver_request_total Requests by code, resource and verb.\n"
                 "# TYPE apiserver_request_total counter\n");
  while (hmap_next(m->series, &cursor, &key, &v))
    strbuf_printf(b, "apiserver_request_total{%s} %" PRIu64 "\n", ((struct series *)v)->labels,
                  ((struct series *)v)->count);
  strbuf_puts(b, "# HELP apiserver_request_duration_seconds Time from request to answer, without the life of watches.\n"
                 "# TYPE apiserver_request_duration_seconds histogram\n");
  cursor = 0;
  while (hmap_next(m->series, &cursor, &key, &v)) {
    const struct series *s = v;

    for (size_t i = 0; i < ARRAY_SIZE(buckets); i++)
      strbuf_printf(b, "apiserver_request_duration_seconds_bucket{%s,le=\"%s\"} %" PRIu64 "\n", s->labels,
                    buckets[i].text, s->bucket[i]);
    strbuf_printf(b, "apiserver_request_duration_seconds_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", s->labels, s->count);
    strbuf_printf(b, "apiserver_request_duration_seconds_sum{%s} %.9f\n", s->labels, (double)s->sum_ns / 1e9);
    strbuf_printf(b, "apiserver_request_duration_seconds_count{%s} %" PRIu64 "\n", s->labels, s->count);
  }
}

static void
gauge(struct strbuf *b, const char *name, const char *help, uint64_t v)
{
  strbuf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help, name, name, v);
}

void
rest_metrics_write(const struct apiserver *s, struct strbuf *b)
{
  pthread_mutex_lock(&s->metrics->lock);
  write_series(b, s->metrics);
  pthread_mutex_unlock(&s->metrics->lock);
  gauge(b, "apiserver_longrunning_requests", "Watches that are open.", watch_hub_readers(s->hub));
  gauge(b, "apiserver_watch_cache_resources", "Resources whose events are kept for watches.", watch_hub_rings(s->hub));
  gauge(b, "apiserver_storage_revision", "The store's last revision.", (uint64_t)store_revision(s->store));
  gauge(b, "apiserver_storage_memory_bytes", "Memory held by the store.", store_memory(s->store));
}
