#include "store_trace.h"

#include <inttypes.h>
#include <stdlib.h>

struct store_trace {
  struct store store;
  struct store *inner;
  struct log *log;
};

static struct store_trace *
trace_of(struct store *s)
{
  return container_of(s, struct store_trace, store);
}

static const char *
outcome(int r, const struct kerr *err)
{
  return r < 0 ? err->msg : "ok";
}

static int
trace_get(struct store *s, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr)
{
  struct store_trace *t = trace_of(s);
  int r = store_get(t->inner, key, at_rev, ret, reterr);

  log_debug(t->log, "store", "get '%.*s' at %" PRId64 ": %s", SPAN_FMT(key), at_rev, outcome(r, reterr));
  return r;
}

static int
trace_list(struct store *s, const struct store_range *range, struct store_list *ret, struct kerr *reterr)
{
  struct store_trace *t = trace_of(s);
  int r = store_list(t->inner, range, ret, reterr);

  log_debug(t->log, "store", "list '%.*s' after '%.*s' at %" PRId64 ": %s, %zu items", SPAN_FMT(range->prefix),
            SPAN_FMT(range->after), range->at_rev, outcome(r, reterr), r < 0 ? 0 : ret->n);
  return r;
}

static int
trace_cas(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev, struct kerr *reterr)
{
  struct store_trace *t = trace_of(s);
  int64_t rev = 0;
  int r = store_cas(t->inner, key, want, old_rev, &rev, reterr);

  log_debug(t->log, "store", "%s '%.*s' at %" PRId64 ": %s, now %" PRId64, want ? "put" : "delete", SPAN_FMT(key),
            old_rev, outcome(r, reterr), rev);
  if (ret_rev)
    *ret_rev = rev;
  return r;
}

static int
trace_watch(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
            struct store_watch **ret, struct kerr *reterr)
{
  struct store_trace *t = trace_of(s);
  int r = store_watch(t->inner, prefix, from_rev, fn, payload, ret, reterr);

  log_debug(t->log, "store", "watch '%.*s' from %" PRId64 ": %s", SPAN_FMT(prefix), from_rev, outcome(r, reterr));
  return r;
}

static void
trace_watch_free(struct store *s, struct store_watch *w)
{
  store_watch_free(trace_of(s)->inner, w);
}

static int
trace_compact(struct store *s, int64_t rev, struct kerr *reterr)
{
  struct store_trace *t = trace_of(s);
  int r = store_compact(t->inner, rev, reterr);

  log_debug(t->log, "store", "compact to %" PRId64 ": %s", rev, outcome(r, reterr));
  return r;
}

static int
trace_shrink(struct store *s, struct kerr *reterr)
{
  return store_shrink(trace_of(s)->inner, reterr);
}

static int
trace_relax(struct store *s, bool relaxed, struct kerr *reterr)
{
  return store_relax(trace_of(s)->inner, relaxed, reterr);
}

static int64_t
trace_revision(struct store *s)
{
  return store_revision(trace_of(s)->inner);
}

static int64_t
trace_compacted(struct store *s)
{
  return store_compacted(trace_of(s)->inner);
}

static int64_t
trace_floor(struct store *s)
{
  return store_floor(trace_of(s)->inner);
}

static size_t
trace_memory(struct store *s)
{
  return store_memory(trace_of(s)->inner);
}

static void
trace_free(struct store *s)
{
  store_free(trace_of(s)->inner);
  free(trace_of(s));
}

struct store *
store_trace_new(struct store *inner, struct log *log)
{
  static const struct store_ops ops = {
    .name = "trace",
    .get = trace_get,
    .list = trace_list,
    .cas = trace_cas,
    .watch = trace_watch,
    .watch_free = trace_watch_free,
    .compact = trace_compact,
    .shrink = trace_shrink,
    .relax = trace_relax,
    .revision = trace_revision,
    .compacted = trace_compacted,
    .floor = trace_floor,
    .memory = trace_memory,
    .free = trace_free,
  };
  struct store_trace *t = mem_alloc(sizeof *t);

  t->store.ops = &ops;
  t->inner = inner;
  t->log = log;
  return &t->store;
}
