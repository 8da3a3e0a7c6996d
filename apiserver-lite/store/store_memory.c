/* The memory backend: the index, and nothing behind it. For tests and clusters that may be forgotten. */
#include <pthread.h>
#include <stdlib.h>

#include "mvcc.h"
#include "store_internal.h"

struct store_memory {
  struct store store;
  struct mvcc *mvcc;
  pthread_mutex_t writer; /* one write at a time */
  int64_t floor;          /* to which somebody has compacted; with `writer` */
};

static struct mvcc *
mvcc_of(struct store *s)
{
  return container_of(s, struct store_memory, store)->mvcc;
}

static void
memory_trim(void *payload)
{
  struct store_memory *s = payload;

  (void)mvcc_trim(s->mvcc, NULL, NULL);
}

static int
memory_get(struct store *s, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr)
{
  return mvcc_get(mvcc_of(s), key, at_rev, ret, reterr);
}

static int
memory_list(struct store *s, const struct store_range *range, struct store_list *ret, struct kerr *reterr)
{
  return mvcc_list(mvcc_of(s), range, ret, reterr);
}

static int
memory_cas(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev,
           struct kerr *reterr)
{
  struct store_memory *mem = container_of(s, struct store_memory, store);
  struct mvcc_batch batch;
  int r;

  pthread_mutex_lock(&mem->writer);
  mvcc_batch_init(&batch, mem->mvcc);
  r = mvcc_batch_cas(&batch, key, want, old_rev, ret_rev, reterr);
  if (r == 0)
    mvcc_batch_publish(&batch, mem->mvcc);
  mvcc_batch_release(&batch);
  pthread_mutex_unlock(&mem->writer);
  memory_trim(mem);
  return r;
}

static int
memory_watch(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
             struct store_watch **ret, struct kerr *reterr)
{
  return mvcc_watch(mvcc_of(s), prefix, from_rev, fn, payload, ret, reterr);
}

static void
memory_watch_free(struct store *s, struct store_watch *w)
{
  mvcc_watch_free(mvcc_of(s), w);
}

/* With `writer`. */
static int64_t
floor_of(const struct store_memory *mem)
{
  int64_t compacted = mvcc_compacted(mem->mvcc);

  return mem->floor > compacted ? mem->floor : compacted;
}

/* There is nothing behind the history in memory, which has its own limits: what is said is only kept. */
static int
memory_compact(struct store *s, int64_t rev, struct kerr *reterr)
{
  struct store_memory *mem = container_of(s, struct store_memory, store);
  int r;

  pthread_mutex_lock(&mem->writer);
  r = mvcc_check_compact(mem->mvcc, rev, floor_of(mem), reterr);
  if (r == 0)
    mem->floor = rev;
  pthread_mutex_unlock(&mem->writer);
  return r;
}

static int64_t
memory_floor(struct store *s)
{
  struct store_memory *mem = container_of(s, struct store_memory, store);
  int64_t floor;

  pthread_mutex_lock(&mem->writer);
  floor = floor_of(mem);
  pthread_mutex_unlock(&mem->writer);
  return floor;
}

static int64_t
memory_revision(struct store *s)
{
  return mvcc_revision(mvcc_of(s));
}

static int64_t
memory_compacted(struct store *s)
{
  return mvcc_compacted(mvcc_of(s));
}

static size_t
memory_memory(struct store *s)
{
  return mvcc_memory(mvcc_of(s));
}

static void
memory_free(struct store *s)
{
  struct store_memory *mem = container_of(s, struct store_memory, store);

  mvcc_free(mem->mvcc);
  pthread_mutex_destroy(&mem->writer);
  free(mem);
}

static const struct store_ops memory_ops = {
  .name = "memory",
  .get = memory_get,
  .list = memory_list,
  .cas = memory_cas,
  .watch = memory_watch,
  .watch_free = memory_watch_free,
  .compact = memory_compact,
  .revision = memory_revision,
  .compacted = memory_compacted,
  .floor = memory_floor,
  .memory = memory_memory,
  .free = memory_free,
};

int
store_memory_open(const struct store_config *config, struct store **ret, struct kerr *reterr)
{
  struct store_memory *mem = mem_alloc(sizeof *mem);

  (void)reterr; /* memory is always there */
  mem->store.ops = &memory_ops;
  pthread_mutex_init(&mem->writer, NULL);
  mem->mvcc = mvcc_new(config, memory_trim, mem);
  *ret = &mem->store;
  return 0;
}
