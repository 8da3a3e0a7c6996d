#include "watch_hub.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RING_MIN 16
/* Notify functions called between two looks at the lock. */
#define TELL_BATCH 64

/* -- events and their frames -- */

struct frame {
  struct frame *next;
  uint64_t form;
  struct span bytes;
};

struct hub_event_full {
  struct hub_event e; /* first: what readers see */
  atomic_uint refs;
  _Atomic(struct frame *) frames; /* only ever grows, at the head */
  atomic_uint n_frames;
};

static struct hub_event_full *
full(struct hub_event *e)
{
  return container_of(e, struct hub_event_full, e);
}

static struct hub_event *
hub_event_new(const struct store_event *se)
{
  struct hub_event_full *f = mem_alloc(sizeof *f);

  f->e.type = se->type;
  f->e.revision = se->revision;
  f->e.record = record_ref(se->record);
  f->e.old = se->old ? record_ref(se->old) : NULL;
  atomic_init(&f->refs, 1);
  atomic_init(&f->frames, NULL);
  atomic_init(&f->n_frames, 0);
  return &f->e;
}

struct hub_event *
hub_event_ref(struct hub_event *e)
{
  unsigned before = atomic_fetch_add_explicit(&full(e)->refs, 1, memory_order_relaxed);

  assert(before > 0);
  return e;
}

void
hub_event_unref(struct hub_event *e)
{
  unsigned before;
  struct frame *next;

  if (!e)
    return;
  before = atomic_fetch_sub_explicit(&full(e)->refs, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1)
    return;
  for (struct frame *f = atomic_load(&full(e)->frames); f; f = next) {
    next = f->next;
    free((void *)(uintptr_t)f->bytes.p);
    free(f);
  }
  record_unref(e->record);
  record_unref(e->old);
  free(full(e));
}

/* Two readers may encode the same frame at once; the second then finds it made, or keeps one too many: both are right.
 */
struct span
hub_event_frame(struct hub_event *e, uint64_t form, hub_encode_fn *encode, void *payload, struct strbuf *spare)
{
  struct hub_event_full *whole = full(e);
  struct strbuf b;
  struct frame *f;

  for (f = atomic_load_explicit(&whole->frames, memory_order_acquire); f; f = f->next)
    if (f->form == form)
      return f->bytes;
  if (atomic_fetch_add_explicit(&whole->n_frames, 1, memory_order_relaxed) >= HUB_FRAMES_MAX) {
    atomic_fetch_sub_explicit(&whole->n_frames, 1, memory_order_relaxed);
    encode(payload, e, spare);
    return strbuf_view(spare);
  }
  strbuf_init(&b, HUB_FRAME_LIMIT);
  encode(payload, e, &b);
  f = mem_alloc(sizeof *f);
  f->form = form;
  f->bytes.p = strbuf_take(&b, &f->bytes.n);
  f->next = atomic_load_explicit(&whole->frames, memory_order_relaxed);
  while (
      !atomic_compare_exchange_weak_explicit(&whole->frames, &f->next, f, memory_order_release, memory_order_relaxed))
    ;
  return f->bytes;
}

/* -- rings -- */

/* The last events of one prefix. Event number `seq` (counted from 0 as they came) is slot seq & (cap - 1). */
struct ring {
  struct ring *next;
  char *prefix;
  size_t prefix_len;
  struct hub_event **slots;
  size_t cap;          /* a power of two */
  uint64_t first, end; /* numbers of the oldest event kept, and of the one to come */
  size_t bytes;        /* of the documents of the events kept */
  int64_t dropped;     /* the revision of the last event let go: whoever has seen it has missed nothing */
  size_t n_readers;
  int64_t ends_at;            /* nothing after this revision is for its readers; 0: it goes on */
  struct hub_reader *waiting; /* readers that have been told there is nothing */
};

struct hub_reader {
  struct watch_hub *hub;
  struct ring *ring;
  char *within;
  size_t within_len;
  uint64_t cursor;                          /* number of the next event to look at */
  int64_t from;                             /* events up to this revision are not for it */
  int64_t progress;                         /* everything for this reader up to this revision has been handed out */
  uint64_t epoch;                           /* of the hub, when it began */
  bool told;                                /* its notify function is being called, or about to be, without the lock */
  enum { READING, WAITING, TELLING } state; /* TELLING: in the hub's list of readers to be notified */
  struct hub_reader *prev, *next;           /* in `ring->waiting` or `hub->telling` */
  void (*notify)(void *arg);
  void *arg;
};

struct watch_hub {
  struct store *store;
  char *prefix;
  size_t prefix_len;
  struct store_watch *watch;
  pthread_mutex_t setup; /* subscribing, and restarting the watch; taken before `lock` */
  pthread_mutex_t lock;  /* everything below, and all rings and readers */
  pthread_cond_t told;   /* a notify function has returned */
  struct ring all;       /* every event: what a new ring begins with */
  struct ring *rings;
  size_t n_rings, n_readers;
  struct hub_reader *telling; /* to be notified */
  bool teller;                /* somebody is at it */
  int64_t revision;           /* every event up to here is in the rings */
  uint64_t epoch;             /* counts how often the store's watch lost its place */
  bool lost, stopped;
};

static void
ring_init(struct ring *r, struct span prefix, int64_t dropped)
{
  *r = (struct ring){ .prefix = mem_strndup(prefix.p, prefix.n), .prefix_len = prefix.n, .cap = RING_MIN };
  r->slots = mem_calloc(r->cap, sizeof(struct hub_event *));
  r->dropped = dropped;
}

static struct hub_event **
slot(struct ring *r, uint64_t seq)
{
  return &r->slots[(size_t)seq & (r->cap - 1)];
}

static size_t
event_bytes(const struct hub_event *e)
{
  return sizeof(struct hub_event_full) + record_bytes(e->record).n + (e->old ? record_bytes(e->old).n : 0);
}

static void
ring_drop(struct ring *r)
{
  struct hub_event *e = *slot(r, r->first++);

  r->dropped = e->revision;
  r->bytes -= event_bytes(e);
  hub_event_unref(e);
}

static void
ring_push(struct ring *r, struct hub_event *e)
{
  if (r->end - r->first == r->cap && r->cap < HUB_RING_MAX) {
    struct ring old = *r;

    r->cap *= 2;
    r->slots = mem_calloc(r->cap, sizeof(struct hub_event *));
    for (uint64_t seq = r->first; seq < r->end; seq++)
      *slot(r, seq) = *slot(&old, seq);
    free(old.slots);
  }
  r->bytes += event_bytes(e);
  while (r->end > r->first && (r->end - r->first == r->cap || r->bytes > HUB_RING_BYTES))
    ring_drop(r);
  *slot(r, r->end++) = hub_event_ref(e);
}

static void
ring_release(struct ring *r)
{
  while (r->first < r->end)
    ring_drop(r);
  free(r->slots);
  free(r->prefix);
}

/* -- telling readers -- */

static void
reader_unlink(struct hub_reader *r)
{
  struct hub_reader **head = r->state == WAITING ? &r->ring->waiting : &r->hub->telling;

  if (r->state == READING)
    return;
  *(r->prev ? &r->prev->next : head) = r->next;
  if (r->next)
    r->next->prev = r->prev;
  r->prev = r->next = NULL;
  r->state = READING;
}

static void
reader_link(struct hub_reader *r, int state)
{
  struct hub_reader **head = state == WAITING ? &r->ring->waiting : &r->hub->telling;

  assert(r->state == READING);
  r->next = *head;
  if (r->next)
    r->next->prev = r;
  *head = r;
  r->state = state == WAITING ? WAITING : TELLING;
}

static void
reader_wake(struct hub_reader *r)
{
  reader_unlink(r);
  if (r->notify)
    reader_link(r, TELLING);
}

/*
 * Calls the notify functions that are due, some at a time and without the lock, which the readers that wake up want.
 * Whoever is at it already does them all.
 */
static void
tell(struct watch_hub *h)
{
  if (h->teller)
    return;
  h->teller = true;
  while (h->telling) {
    struct {
      struct hub_reader *reader; /* cannot go away while it is being told */
      void (*fn)(void *);
      void *arg;
    } batch[TELL_BATCH];
    size_t n = 0;

    for (struct hub_reader *r; n < TELL_BATCH && (r = h->telling); n++) {
      reader_unlink(r);
      r->told = true;
      batch[n].reader = r;
      batch[n].fn = r->notify;
      batch[n].arg = r->arg;
    }
    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < n; i++)
      batch[i].fn(batch[i].arg);
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < n; i++)
      batch[i].reader->told = false;
    pthread_cond_broadcast(&h->told);
  }
  h->teller = false;
}

static struct span
within_of(const struct hub_reader *r)
{
  return span_make(r->within, r->within_len);
}

/* A new event for one ring: readers that wait for it are told, the other waiting ones have seen all there is. */
static void
ring_deliver(struct ring *ring, struct hub_event *e)
{
  struct hub_reader *next;

  ring_push(ring, e);
  for (struct hub_reader *r = ring->waiting; r; r = next) {
    next = r->next;
    if (span_starts(record_key(e->record), within_of(r)))
      reader_wake(r);
    else
      r->cursor = ring->end;
  }
}

static void
ring_wake(struct ring *ring)
{
  struct hub_reader *next;

  for (struct hub_reader *r = ring->waiting; r; r = next) {
    next = r->next;
    reader_wake(r);
  }
}

static void
wake_all(struct watch_hub *h)
{
  for (struct ring *ring = h->rings; ring; ring = ring->next)
    ring_wake(ring);
}

/* Everything for its readers is in it. */
static bool
ring_is_over(const struct watch_hub *h, const struct ring *ring)
{
  return ring->ends_at && h->revision >= ring->ends_at;
}

static bool
ring_wants(const struct ring *ring, const struct hub_event *e)
{
  return (!ring->ends_at || e->revision <= ring->ends_at) &&
         span_starts(record_key(e->record), span_make(ring->prefix, ring->prefix_len));
}

static void
on_events(void *payload, const struct store_event *events, size_t n)
{
  struct watch_hub *h = payload;

  pthread_mutex_lock(&h->lock);
  if (n == 0) {
    h->lost = true;
    h->epoch++;
    wake_all(h);
  }
  for (size_t i = 0; i < n; i++) {
    struct hub_event *e = hub_event_new(&events[i]);

    ring_push(&h->all, e);
    h->revision = e->revision;
    for (struct ring *ring = h->rings; ring; ring = ring->next)
      if (ring_wants(ring, e))
        ring_deliver(ring, e);
    hub_event_unref(e);
  }
  for (struct ring *ring = h->rings; ring; ring = ring->next)
    if (ring_is_over(h, ring))
      ring_wake(ring);
  tell(h);
  pthread_mutex_unlock(&h->lock);
}

/* -- the store's watch -- */

/* Starts the watch as far back as the store can tell. With `setup`, without `lock`. */
static int
hub_start(struct watch_hub *h, struct kerr *reterr)
{
  for (;;) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct store_watch *w;
    int64_t from;

    pthread_mutex_lock(&h->lock);
    from = store_compacted(h->store);
    h->all.dropped = h->revision = from;
    for (struct ring *ring = h->rings; ring; ring = ring->next)
      ring->dropped = from;
    h->lost = false;
    pthread_mutex_unlock(&h->lock);
    if (store_watch(h->store, span_make(h->prefix, h->prefix_len), from, on_events, h, &w, &err) == 0) {
      h->watch = w;
      return 0;
    }
    if (err.code != KERR_EXPIRED) /* else: compacted between the two calls */
      return kerr_move(reterr, &err);
  }
}

/* After the watch has lost its place: nobody can continue from the rings. With `setup`, without `lock`. */
static int
hub_restart(struct watch_hub *h, struct kerr *reterr)
{
  store_watch_free(h->store, steal_pointer(&h->watch));
  pthread_mutex_lock(&h->lock);
  while (h->all.first < h->all.end)
    ring_drop(&h->all);
  for (struct ring *ring = h->rings; ring; ring = ring->next)
    while (ring->first < ring->end)
      ring_drop(ring);
  pthread_mutex_unlock(&h->lock);
  return hub_start(h, reterr);
}

int
watch_hub_new(struct store *s, struct span prefix, struct watch_hub **ret, struct kerr *reterr)
{
  struct watch_hub *h = mem_alloc(sizeof *h);
  int r;

  h->store = s;
  h->prefix = mem_strndup(prefix.p, prefix.n);
  h->prefix_len = prefix.n;
  pthread_mutex_init(&h->setup, NULL);
  pthread_mutex_init(&h->lock, NULL);
  pthread_cond_init(&h->told, NULL);
  ring_init(&h->all, SPAN(""), 0);
  r = hub_start(h, reterr);
  if (r < 0) {
    watch_hub_free(h);
    return r;
  }
  *ret = h;
  return 0;
}

void
watch_hub_free(struct watch_hub *h)
{
  struct ring *next;

  if (!h)
    return;
  store_watch_free(h->store, h->watch);
  assert(h->n_readers == 0);
  for (struct ring *ring = h->rings; ring; ring = next) {
    next = ring->next;
    ring_release(ring);
    free(ring);
  }
  ring_release(&h->all);
  pthread_cond_destroy(&h->told);
  pthread_mutex_destroy(&h->lock);
  pthread_mutex_destroy(&h->setup);
  free(h->prefix);
  free(h);
}

void
watch_hub_stop(struct watch_hub *h)
{
  pthread_mutex_lock(&h->lock);
  h->stopped = true;
  wake_all(h);
  tell(h);
  pthread_mutex_unlock(&h->lock);
}

/* -- readers -- */

static struct ring *
ring_find(struct watch_hub *h, struct span prefix)
{
  struct ring *ring = h->rings;

  while (ring && (ring->ends_at || !span_eq(span_make(ring->prefix, ring->prefix_len), prefix)))
    ring = ring->next;
  return ring;
}

static struct ring *
ring_get(struct watch_hub *h, struct span prefix)
{
  struct ring *ring = ring_find(h, prefix);

  if (ring)
    return ring;
  ring = mem_alloc(sizeof *ring);
  ring_init(ring, prefix, h->all.dropped);
  for (uint64_t seq = h->all.first; seq < h->all.end; seq++)
    if (span_starts(record_key((*slot(&h->all, seq))->record), prefix))
      ring_push(ring, *slot(&h->all, seq));
  ring->next = h->rings;
  h->rings = ring;
  h->n_rings++;
  return ring;
}

/* Frees a ring that nobody reads, when there are too many of them or nobody will. */
static void
ring_retire(struct watch_hub *h, struct ring *ring)
{
  struct ring **at = &h->rings;

  if (ring->n_readers > 0 || (h->n_rings <= HUB_IDLE_RINGS_MAX && !ring->ends_at))
    return;
  while (*at != ring)
    at = &(*at)->next;
  *at = ring->next;
  h->n_rings--;
  ring_release(ring);
  free(ring);
}

/* Number of the first event after `rev`: events are in the order of their revisions. */
static uint64_t
ring_seek(struct ring *ring, int64_t rev)
{
  uint64_t lo = ring->first, hi = ring->end;

  while (lo < hi) {
    uint64_t mid = lo + (hi - lo) / 2;

    if ((*slot(ring, mid))->revision <= rev)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

static int
subscribe_locked(struct watch_hub *h, struct span resource, struct span within, int64_t from_rev,
                 struct hub_reader **ret, struct kerr *reterr)
{
  struct hub_reader *r;
  struct ring *ring;

  if (h->stopped)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "the server is shutting down");
  ring = ring_get(h, resource);
  if (from_rev < ring->dropped) {
    kerr_set(reterr, KERR_EXPIRED, NULL, "too old resource version: %" PRId64 " (%" PRId64 ")", from_rev,
             ring->dropped);
    ring_retire(h, ring);
    return -KERR_EXPIRED;
  }
  r = mem_alloc(sizeof *r);
  r->hub = h;
  r->ring = ring;
  r->epoch = h->epoch;
  r->within = mem_strndup(within.p, within.n);
  r->within_len = within.n;
  r->from = r->progress = from_rev;
  r->cursor = ring_seek(ring, from_rev);
  ring->n_readers++;
  h->n_readers++;
  *ret = r;
  return 0;
}

void
watch_hub_end(struct watch_hub *h, struct span resource, int64_t revision)
{
  struct ring *ring;

  pthread_mutex_lock(&h->lock);
  ring = ring_find(h, resource);
  if (ring && ring->n_readers) {
    ring->ends_at = revision;
    if (ring_is_over(h, ring))
      ring_wake(ring);
    tell(h);
  }
  pthread_mutex_unlock(&h->lock);
}

int
watch_hub_subscribe(struct watch_hub *h, struct span resource, struct span within, int64_t from_rev,
                    struct hub_reader **ret, struct kerr *reterr)
{
  bool lost;
  int r = 0;

  assert(span_starts(within, resource) && span_starts(resource, span_make(h->prefix, h->prefix_len)));
  if (from_rev == 0)
    from_rev = store_revision(h->store);
  pthread_mutex_lock(&h->setup);
  pthread_mutex_lock(&h->lock);
  lost = h->lost;
  pthread_mutex_unlock(&h->lock);
  if (lost)
    r = hub_restart(h, reterr);
  if (r == 0) {
    pthread_mutex_lock(&h->lock);
    r = subscribe_locked(h, resource, within, from_rev, ret, reterr);
    pthread_mutex_unlock(&h->lock);
  }
  pthread_mutex_unlock(&h->setup);
  return r;
}

void
hub_reader_free(struct hub_reader *r)
{
  struct watch_hub *h;

  if (!r)
    return;
  h = r->hub;
  pthread_mutex_lock(&h->lock);
  reader_unlink(r);
  while (r->told)
    pthread_cond_wait(&h->told, &h->lock);
  reader_unlink(r);
  r->ring->n_readers--;
  h->n_readers--;
  ring_retire(h, r->ring);
  pthread_mutex_unlock(&h->lock);
  free(r->within);
  free(r);
}

enum hub_next
hub_reader_next(struct hub_reader *r, struct hub_event **ret)
{
  struct watch_hub *h = r->hub;
  struct ring *ring = r->ring;
  enum hub_next result = HUB_EMPTY;

  pthread_mutex_lock(&h->lock);
  reader_unlink(r);
  if (h->stopped)
    result = HUB_STOPPED;
  else if (r->epoch != h->epoch || r->cursor < ring->first)
    result = HUB_ENDED;
  while (result == HUB_EMPTY && r->cursor < ring->end) {
    struct hub_event *e = *slot(ring, r->cursor++);

    if (e->revision <= r->from || !span_starts(record_key(e->record), within_of(r)))
      continue;
    /* A revision may have several events; the hub gets all of them at once. */
    r->progress =
        r->cursor < ring->end && (*slot(ring, r->cursor))->revision == e->revision ? e->revision - 1 : e->revision;
    *ret = hub_event_ref(e);
    result = HUB_EVENT;
  }
  if (result == HUB_EMPTY && ring_is_over(h, ring))
    result = HUB_STOPPED;
  if (result == HUB_EMPTY) {
    if (r->progress < h->revision)
      r->progress = h->revision;
    reader_link(r, WAITING);
  }
  pthread_mutex_unlock(&h->lock);
  return result;
}

int64_t
hub_reader_progress(struct hub_reader *r)
{
  struct watch_hub *h = r->hub;
  int64_t progress;

  pthread_mutex_lock(&h->lock);
  /* Waiting means: has seen everything there is. */
  if (r->state == WAITING && r->progress < h->revision)
    r->progress = h->revision;
  progress = r->progress;
  pthread_mutex_unlock(&h->lock);
  return progress;
}

void
hub_reader_set_notify(struct hub_reader *r, void (*fn)(void *arg), void *arg)
{
  struct watch_hub *h = r->hub;
  bool now;

  pthread_mutex_lock(&h->lock);
  while (r->told) /* the one before may still be running */
    pthread_cond_wait(&h->told, &h->lock);
  r->notify = fn;
  r->arg = arg;
  now = fn && r->state != WAITING;
  if (r->state == TELLING)
    reader_unlink(r);
  pthread_mutex_unlock(&h->lock);
  if (now)
    fn(arg);
}

/* -- metrics -- */

size_t
watch_hub_readers(struct watch_hub *h)
{
  size_t n;

  pthread_mutex_lock(&h->lock);
  n = h->n_readers;
  pthread_mutex_unlock(&h->lock);
  return n;
}

size_t
watch_hub_rings(struct watch_hub *h)
{
  size_t n;

  pthread_mutex_lock(&h->lock);
  n = h->n_rings;
  pthread_mutex_unlock(&h->lock);
  return n;
}
