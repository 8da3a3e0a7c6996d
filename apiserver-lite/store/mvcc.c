#include "mvcc_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RING_MIN 64
/* Events that one step of automatic compaction drops at most, so that a write never pays for a long pause before it. */
#define DUE_STEP 512
/* So many times its limits history may take for events that the watch thread has not carried yet. */
#define FEED_SLACK 4

/* What a record costs, without the tree that readers may have had built on it. */
static size_t
record_weight(const struct record *r)
{
  return record_key(r).n + record_bytes(r).n + 128;
}

struct mvcc *
mvcc_new(const struct store_config *config, mvcc_aged_fn *aged, void *payload)
{
  struct mvcc *m = mem_alloc(sizeof *m);

  m->clock = config->clock;
  m->max_age = config->history_age ? config->history_age : STORE_HISTORY_AGE;
  m->max_count = config->history_count ? config->history_count : STORE_HISTORY_COUNT;
  m->max_bytes = config->history_bytes ? config->history_bytes : STORE_HISTORY_BYTES;
  m->aged = aged;
  m->payload = payload;
  pthread_mutex_init(&m->lock, NULL);
  m->revision = m->compacted = 1; /* as an empty etcd */
  m->cap = RING_MIN;
  m->ring = mem_calloc(m->cap, sizeof *m->ring);
  mvcc_feed_init(m);
  return m;
}

static void
event_release(struct mvcc_event *e)
{
  keytree_unref(e->root);
  record_unref(e->record);
  record_unref(e->old);
}

void
mvcc_free(struct mvcc *m)
{
  if (!m)
    return;
  mvcc_feed_stop(m);
  keytree_unref(m->base);
  for (uint64_t seq = m->first; seq < m->end; seq++)
    event_release(mvcc_event_at(m, seq));
  keytree_unref(m->root);
  free(m->ring);
  pthread_mutex_destroy(&m->lock);
  free(m);
}

/* With the lock: `revision` is all there is. */
static void
load(struct mvcc *m, struct record **records, size_t n, int64_t revision)
{
  m->root = keytree_from_sorted(records, n);
  m->base = keytree_ref(m->root);
  m->revision = m->compacted = revision;
  m->live_bytes = 0;
  for (size_t i = 0; i < n; i++)
    m->live_bytes += record_weight(records[i]);
}

void
mvcc_load(struct mvcc *m, struct record **records, size_t n, int64_t compacted)
{
  pthread_mutex_lock(&m->lock);
  assert(m->revision == 1 && !m->root);
  load(m, records, n, compacted);
  pthread_mutex_unlock(&m->lock);
}

void
mvcc_reset(struct mvcc *m, struct record **records, size_t n, int64_t revision)
{
  struct keytree *root, *base;

  pthread_mutex_lock(&m->lock);
  root = m->root;
  base = m->base;
  for (; m->first < m->end; m->first++)
    event_release(mvcc_event_at(m, m->first));
  m->first = ++m->end; /* no watch has had the event that is missing */
  m->history_bytes = 0;
  load(m, records, n, revision);
  mvcc_feed_wake(m);
  pthread_mutex_unlock(&m->lock);
  keytree_unref(root);
  keytree_unref(base);
}

/* -- writing -- */

void
mvcc_batch_init(struct mvcc_batch *b, struct mvcc *m)
{
  *b = (struct mvcc_batch){ 0 };
  pthread_mutex_lock(&m->lock);
  b->root = keytree_ref(m->root);
  b->revision = m->revision;
  pthread_mutex_unlock(&m->lock);
}

void
mvcc_batch_release(struct mvcc_batch *b)
{
  for (size_t i = 0; i < b->n; i++)
    event_release(&b->events[i]);
  keytree_unref(b->root);
  free(b->events);
  *b = (struct mvcc_batch){ 0 };
}

int
mvcc_refuse(struct span key, int64_t has, int64_t old_rev, struct kerr *reterr)
{
  if (has == 0)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "key '%.*s' not found", SPAN_FMT(key));
  if (old_rev == 0)
    return kerr_set(reterr, KERR_ALREADY_EXISTS, NULL, "key '%.*s' exists", SPAN_FMT(key));
  return kerr_set(reterr, KERR_CONFLICT, NULL, "key '%.*s' is at revision %" PRId64 ", not %" PRId64, SPAN_FMT(key),
                  has, old_rev);
}

static struct mvcc_event *
batch_push(struct mvcc_batch *b, int64_t revision)
{
  if (b->n == b->cap) {
    b->cap = b->cap ? 2 * b->cap : 4;
    b->events = mem_realloc(b->events, b->cap * sizeof *b->events);
  }
  b->revision = revision;
  b->events[b->n] = (struct mvcc_event){ .revision = revision };
  return &b->events[b->n++];
}

static size_t
height(size_t n)
{
  size_t h = 1;

  while (n >>= 1)
    h++;
  return h;
}

void
mvcc_batch_apply(struct mvcc_batch *b, struct span key, struct record *want, int64_t revision)
{
  struct record *old = keytree_find(b->root, key);
  struct mvcc_event *e;
  struct keytree *next;

  assert(revision >= b->revision && (!want || span_eq(record_key(want), key)));
  if (!want && !old) {
    b->revision = revision;
    return;
  }
  e = batch_push(b, revision);
  e->type = !want ? STORE_DELETED : old ? STORE_MODIFIED : STORE_CREATED;
  e->old = old ? record_ref(old) : NULL;
  if (want) {
    e->record = record_ref(want);
    next = keytree_insert(b->root, want);
  } else {
    e->record = record_new(key, revision, record_bytes(old), record_stamp_at(old));
    next = keytree_remove(b->root, key);
  }
  keytree_unref(b->root);
  b->root = next;
  e->root = keytree_ref(next);
  e->weight = sizeof *e + height(keytree_size(next)) * KEYTREE_NODE_BYTES + (old ? record_weight(old) : 0) +
              (want ? 0 : record_weight(e->record));
}

int
mvcc_batch_cas(struct mvcc_batch *b, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev,
               struct kerr *reterr)
{
  const struct record *old = keytree_find(b->root, key);
  int64_t has = old ? record_revision(old) : 0;

  if (has != old_rev || (!old && !want)) {
    if (ret_rev)
      *ret_rev = has;
    return mvcc_refuse(key, has, old_rev, reterr);
  }
  if (want)
    record_set_revision(want, b->revision + 1);
  mvcc_batch_apply(b, key, want, b->revision + 1);
  if (ret_rev)
    *ret_rev = b->revision;
  return 0;
}

/* Room for `n` more events. The place of an event depends on the size of the ring, so growing moves all of them. */
static void
ring_reserve(struct mvcc *m, size_t n)
{
  struct mvcc_event *old = m->ring;
  size_t cap = m->cap;

  while (m->cap < mvcc_history(m) + n)
    m->cap *= 2;
  if (m->cap == cap)
    return;
  m->ring = mem_calloc(m->cap, sizeof *m->ring);
  for (uint64_t seq = m->first; seq < m->end; seq++)
    *mvcc_event_at(m, seq) = old[(size_t)seq & (cap - 1)];
  free(old);
}

void
mvcc_batch_publish(struct mvcc_batch *b, struct mvcc *m)
{
  struct keytree *before;
  int64_t now = clock_mono(m->clock);

  pthread_mutex_lock(&m->lock);
  assert(b->revision >= m->revision);
  ring_reserve(m, b->n);
  for (size_t i = 0; i < b->n; i++) {
    struct mvcc_event *e = &b->events[i];

    e->at = now;
    m->history_bytes += e->weight;
    m->live_bytes += e->type == STORE_DELETED ? 0 : record_weight(e->record);
    m->live_bytes -= e->old ? record_weight(e->old) : 0;
    *mvcc_event_at(m, m->end++) = *e;
  }
  before = m->root;
  m->root = steal_pointer(&b->root);
  m->revision = b->revision;
  b->n = 0; /* the ring has them */
  mvcc_feed_wake(m);
  pthread_mutex_unlock(&m->lock);
  keytree_unref(before);
  mvcc_batch_release(b);
}

/* -- reading -- */

uint64_t
mvcc_seek(const struct mvcc *m, int64_t rev)
{
  uint64_t lo = m->first, hi = m->end;

  while (lo < hi) {
    uint64_t mid = lo + (hi - lo) / 2;

    if (mvcc_event_at(m, mid)->revision <= rev)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

/* The tree of a revision, one reference; *ret_rev is `at_rev`, or the present. */
static int
root_at(struct mvcc *m, int64_t at_rev, struct keytree **ret, int64_t *ret_rev, struct kerr *reterr)
{
  struct keytree *root = NULL;
  int64_t compacted, revision;

  pthread_mutex_lock(&m->lock);
  compacted = m->compacted;
  revision = m->revision;
  if (at_rev == 0 || at_rev == STORE_CACHED)
    at_rev = revision;
  if (at_rev == revision) {
    root = m->root;
  } else if (at_rev >= compacted && at_rev < revision) {
    uint64_t seq = mvcc_seek(m, at_rev);

    root = seq == m->first ? m->base : mvcc_event_at(m, seq - 1)->root;
  }
  *ret = keytree_ref(root);
  pthread_mutex_unlock(&m->lock);
  if (at_rev < compacted)
    return kerr_set(reterr, KERR_EXPIRED, NULL, "revision %" PRId64 " has been compacted (%" PRId64 ")", at_rev,
                    compacted);
  if (at_rev > revision)
    return kerr_set(reterr, KERR_TIMEOUT, NULL, "Too large resource version: %" PRId64 ", current: %" PRId64, at_rev,
                    revision);
  *ret_rev = at_rev;
  return 0;
}

int
mvcc_get(struct mvcc *m, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr)
{
  struct keytree *root;
  struct record *found;
  int64_t rev;
  int r = root_at(m, at_rev, &root, &rev, reterr);

  if (r < 0)
    return r;
  found = keytree_find(root, key);
  if (found)
    *ret = record_ref(found);
  else
    r = kerr_set(reterr, KERR_NOT_FOUND, NULL, "key '%.*s' not found", SPAN_FMT(key));
  keytree_unref(root);
  return r;
}

int
mvcc_list(struct mvcc *m, const struct store_range *range, struct store_list *ret, struct kerr *reterr)
{
  struct store_list l = { 0 };
  struct keytree *root;
  size_t start, end;
  int r = root_at(m, range->at_rev, &root, &l.revision, reterr);

  if (r < 0)
    return r;
  start = keytree_rank(root, range->prefix, false);
  if (range->after.n) {
    size_t after = keytree_rank(root, range->after, true);

    start = after > start ? after : start;
  }
  end = keytree_rank_end(root, range->prefix);
  l.n = end > start ? end - start : 0;
  if (range->limit && l.n > range->limit) {
    l.remaining = (int64_t)(l.n - range->limit);
    l.more = true;
    l.n = range->limit;
  }
  l.items = mem_calloc(l.n ? l.n : 1, sizeof *l.items);
  keytree_slice(root, start, l.n, l.items);
  for (size_t i = 0; i < l.n; i++)
    record_ref(l.items[i]);
  keytree_unref(root);
  *ret = l;
  return 0;
}

int64_t
mvcc_revision(struct mvcc *m)
{
  int64_t r;

  pthread_mutex_lock(&m->lock);
  r = m->revision;
  pthread_mutex_unlock(&m->lock);
  return r;
}

int64_t
mvcc_compacted(struct mvcc *m)
{
  int64_t r;

  pthread_mutex_lock(&m->lock);
  r = m->compacted;
  pthread_mutex_unlock(&m->lock);
  return r;
}

size_t
mvcc_memory(struct mvcc *m)
{
  size_t n;

  pthread_mutex_lock(&m->lock);
  n = sizeof *m + m->cap * sizeof *m->ring + m->live_bytes + keytree_size(m->root) * KEYTREE_NODE_BYTES +
      m->history_bytes;
  pthread_mutex_unlock(&m->lock);
  return n;
}

/* -- history -- */

/* With the lock: the revision to trim to so that history is within its limits, in a bounded step; or 0. */
static int64_t
due(const struct mvcc *m, int64_t now)
{
  size_t bytes = m->history_bytes, count = mvcc_history(m);
  uint64_t delivered = mvcc_feed_delivered(m);
  int64_t rev = 0;

  for (uint64_t seq = m->first; seq < m->end && seq - m->first < DUE_STEP; seq++) {
    const struct mvcc_event *e = mvcc_event_at(m, seq);

    if (bytes <= m->max_bytes && count <= m->max_count && now - e->at < m->max_age)
      break;
    /* The watch thread is behind; it does not wait for anybody, so it will catch up. */
    if (seq >= delivered && bytes <= FEED_SLACK * m->max_bytes && count <= FEED_SLACK * m->max_count)
      break;
    bytes -= e->weight;
    count--;
    if (seq + 1 == m->end || mvcc_event_at(m, seq + 1)->revision > e->revision) /* all of a revision, or nothing */
      rev = e->revision;
  }
  return rev;
}

bool
mvcc_trim(struct mvcc *m, mvcc_seen_fn *dropped, void *payload)
{
  _cleanup_free_ struct mvcc_event *events = NULL;
  int64_t now = clock_mono(m->clock), rev;
  struct keytree *base;
  size_t n;

  pthread_mutex_lock(&m->lock);
  rev = due(m, now);
  if (rev == 0) {
    pthread_mutex_unlock(&m->lock);
    return false;
  }
  n = (size_t)(mvcc_seek(m, rev) - m->first);
  events = mem_calloc(n, sizeof *events);
  for (size_t i = 0; i < n; i++) {
    events[i] = *mvcc_event_at(m, m->first++);
    m->history_bytes -= events[i].weight;
  }
  base = m->base;
  m->base = keytree_ref(events[n - 1].root);
  m->compacted = rev;
  mvcc_feed_wake(m);
  pthread_mutex_unlock(&m->lock);
  keytree_unref(base);
  for (size_t i = 0; i < n; i++) {
    if (dropped)
      dropped(payload, &events[i]);
    event_release(&events[i]);
  }
  return true;
}

void
mvcc_walk(struct mvcc *m, int64_t after, int64_t rev, mvcc_seen_fn *seen, void *payload)
{
  pthread_mutex_lock(&m->lock);
  for (uint64_t seq = mvcc_seek(m, after); seq < m->end && mvcc_event_at(m, seq)->revision <= rev; seq++)
    seen(payload, mvcc_event_at(m, seq));
  pthread_mutex_unlock(&m->lock);
}

int
mvcc_check_compact(struct mvcc *m, int64_t rev, int64_t floor, struct kerr *reterr)
{
  int64_t revision = mvcc_revision(m);

  if (rev < floor)
    return kerr_set(reterr, KERR_EXPIRED, NULL, "revision %" PRId64 " has been compacted (%" PRId64 ")", rev, floor);
  if (rev > revision)
    return kerr_set(reterr, KERR_TIMEOUT, NULL, "Too large resource version: %" PRId64 ", current: %" PRId64, rev,
                    revision);
  return 0;
}
