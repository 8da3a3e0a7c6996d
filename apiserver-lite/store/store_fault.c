#include "store_fault.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct store_faulty {
  struct store store;
  struct store *inner;
  struct clock *clock;
  pthread_mutex_t lock; /* the faults */
  pthread_cond_t never; /* to be late on the clock */
  struct store_fault faults[STORE_FAULTS_MAX];
  size_t n;
};

static struct store_faulty *
faulty_of(struct store *s)
{
  return container_of(s, struct store_faulty, store);
}

/* What is to happen to this call; code KERR_OK and no delay: nothing. */
static struct store_fault
next_fault(struct store_faulty *f, enum store_fault_op op)
{
  struct store_fault hit = { .op = op };

  pthread_mutex_lock(&f->lock);
  for (size_t i = 0; i < f->n; i++) {
    struct store_fault *fault = &f->faults[i];

    if (fault->op != op || --fault->nth > 0)
      continue;
    if (hit.code == KERR_OK && hit.delay == 0)
      hit = *fault;
    if (fault->times > 0 && --fault->times == 0)
      *fault = f->faults[--f->n], i--;
  }
  if (hit.delay > 0) {
    int64_t until = clock_mono(f->clock) + hit.delay;

    while (clock_cond_wait(f->clock, &f->never, &f->lock, until))
      ;
  }
  pthread_mutex_unlock(&f->lock);
  return hit;
}

static int
fail_with(const struct store_fault *fault, struct kerr *reterr)
{
  return kerr_set(reterr, fault->code, NULL, "fault put in by a test");
}

static int
fault_get(struct store *s, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr)
{
  struct store_fault fault = next_fault(faulty_of(s), STORE_FAULT_GET);

  return fault.code ? fail_with(&fault, reterr) : store_get(faulty_of(s)->inner, key, at_rev, ret, reterr);
}

static int
fault_list(struct store *s, const struct store_range *range, struct store_list *ret, struct kerr *reterr)
{
  struct store_fault fault = next_fault(faulty_of(s), STORE_FAULT_LIST);

  return fault.code ? fail_with(&fault, reterr) : store_list(faulty_of(s)->inner, range, ret, reterr);
}

static int
fault_cas(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev, struct kerr *reterr)
{
  struct store_fault fault = next_fault(faulty_of(s), STORE_FAULT_CAS);
  int r;

  if (fault.code && !fault.after)
    return fail_with(&fault, reterr);
  r = store_cas(faulty_of(s)->inner, key, want, old_rev, ret_rev, reterr);
  return r == 0 && fault.code ? fail_with(&fault, reterr) : r;
}

static int
fault_watch(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
            struct store_watch **ret, struct kerr *reterr)
{
  struct store_fault fault = next_fault(faulty_of(s), STORE_FAULT_WATCH);

  return fault.code ? fail_with(&fault, reterr)
                    : store_watch(faulty_of(s)->inner, prefix, from_rev, fn, payload, ret, reterr);
}

static void
fault_watch_free(struct store *s, struct store_watch *w)
{
  store_watch_free(faulty_of(s)->inner, w);
}

static int
fault_compact(struct store *s, int64_t rev, struct kerr *reterr)
{
  struct store_fault fault = next_fault(faulty_of(s), STORE_FAULT_COMPACT);
  int r;

  if (fault.code && !fault.after)
    return fail_with(&fault, reterr);
  r = store_compact(faulty_of(s)->inner, rev, reterr);
  return r == 0 && fault.code ? fail_with(&fault, reterr) : r;
}

static int
fault_shrink(struct store *s, struct kerr *reterr)
{
  return store_shrink(faulty_of(s)->inner, reterr);
}

static int
fault_relax(struct store *s, bool relaxed, struct kerr *reterr)
{
  return store_relax(faulty_of(s)->inner, relaxed, reterr);
}

static int64_t
fault_revision(struct store *s)
{
  return store_revision(faulty_of(s)->inner);
}

static int64_t
fault_compacted(struct store *s)
{
  return store_compacted(faulty_of(s)->inner);
}

static int64_t
fault_floor(struct store *s)
{
  return store_floor(faulty_of(s)->inner);
}

static size_t
fault_memory(struct store *s)
{
  return store_memory(faulty_of(s)->inner);
}

static void
fault_free(struct store *s)
{
  struct store_faulty *f = faulty_of(s);

  store_free(f->inner);
  pthread_cond_destroy(&f->never);
  pthread_mutex_destroy(&f->lock);
  free(f);
}

struct store *
store_fault_new(struct store *inner, struct clock *clock)
{
  static const struct store_ops ops = {
    .name = "fault",
    .get = fault_get,
    .list = fault_list,
    .cas = fault_cas,
    .watch = fault_watch,
    .watch_free = fault_watch_free,
    .compact = fault_compact,
    .shrink = fault_shrink,
    .relax = fault_relax,
    .revision = fault_revision,
    .compacted = fault_compacted,
    .floor = fault_floor,
    .memory = fault_memory,
    .free = fault_free,
  };
  struct store_faulty *f = mem_alloc(sizeof *f);

  f->store.ops = &ops;
  f->inner = inner;
  f->clock = clock;
  pthread_mutex_init(&f->lock, NULL);
  clock_cond_init(&f->never);
  return &f->store;
}

void
store_fault_add(struct store *s, const struct store_fault *fault)
{
  struct store_faulty *f = faulty_of(s);

  pthread_mutex_lock(&f->lock);
  assert(f->n < STORE_FAULTS_MAX && fault->nth >= 1);
  f->faults[f->n++] = *fault;
  pthread_mutex_unlock(&f->lock);
}

void
store_fault_clear(struct store *s)
{
  struct store_faulty *f = faulty_of(s);

  pthread_mutex_lock(&f->lock);
  f->n = 0;
  pthread_mutex_unlock(&f->lock);
}
