#include "etcd_compact.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "etcd_message.h"
#include "number.h"
#include "thread.h"

#define KEY SPAN("compact_rev_key")

struct etcd_compactor {
  struct etcd_client *client;
  struct log *log;
  struct clock *clock;
  int64_t interval;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t stop;
  bool stopping;
  int64_t floor;
  /* The thread's: the version the key had, and the revision of etcd then. */
  int64_t version, revision;
};

static void
raise_floor(struct etcd_compactor *c, int64_t revision)
{
  pthread_mutex_lock(&c->lock);
  if (revision > c->floor)
    c->floor = revision;
  pthread_mutex_unlock(&c->lock);
}

int64_t
etcd_compactor_floor(struct etcd_compactor *c)
{
  int64_t floor;

  pthread_mutex_lock(&c->lock);
  floor = c->floor;
  pthread_mutex_unlock(&c->lock);
  return floor;
}

int
etcd_compactor_to(struct etcd_compactor *c, int64_t revision, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(64), answer = STRBUF_INIT(4096);
  int r;

  if (revision == etcd_compactor_floor(c))
    return 0;
  etcd_put_compact(&request, revision);
  r = etcd_call(c->client, &(struct etcd_ask){ .path = ETCD_COMPACT, .request = strbuf_view(&request) }, &answer,
                reterr);
  if (r == 0 || r == -KERR_EXPIRED) /* it is there, or further: by another's hand */
    raise_floor(c, revision);
  return r;
}

/* Our turn, or somebody else's. */
static int
take_turn(struct etcd_compactor *c, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(256), answer = STRBUF_INIT(4096), text = STRBUF_INIT(32);
  struct etcd_write_answer got;
  int64_t before = c->revision, theirs;

  strbuf_int(&text, before);
  etcd_put_write(&request, &(struct etcd_write){
                               .key = KEY, .by_version = true, .expect = c->version, .value = strbuf_view(&text) });
  if (etcd_call(c->client, &(struct etcd_ask){ .path = ETCD_TXN, .request = strbuf_view(&request) }, &answer, reterr) <
          0 ||
      etcd_read_write(strbuf_view(&answer), &got, reterr) < 0)
    return -(int)reterr->code;
  c->revision = got.header.revision;
  c->version = got.done ? c->version + 1 : got.there.version;
  if (got.done)
    return before > 0 ? etcd_compactor_to(c, before, reterr) : 0;
  if (number_int64(got.there.value, &theirs))
    raise_floor(c, theirs);
  return 0;
}

static void *
compactor_main(void *arg)
{
  struct etcd_compactor *c = arg;

  for (;;) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    int64_t next = clock_mono(c->clock) + c->interval;
    bool stopping;

    pthread_mutex_lock(&c->lock);
    while (!c->stopping && clock_cond_wait(c->clock, &c->stop, &c->lock, next))
      ;
    stopping = c->stopping;
    pthread_mutex_unlock(&c->lock);
    if (stopping)
      return NULL;
    if (take_turn(c, &err) < 0 && err.code != KERR_EXPIRED) /* it is compacted further: somebody else did it */
      log_warn(c->log, "etcd", "cannot compact: %s, ignoring until the next time", err.msg);
  }
}

struct etcd_compactor *
etcd_compactor_new(struct etcd_client *client, int64_t interval, int64_t floor, struct log *log)
{
  struct etcd_compactor *c = mem_alloc(sizeof *c);

  c->client = client;
  c->log = log;
  c->clock = clock_new_real();
  c->interval = interval;
  c->floor = floor;
  pthread_mutex_init(&c->lock, NULL);
  clock_cond_init(&c->stop);
  thread_start(&c->thread, "etcd-compact", compactor_main, c);
  return c;
}

void
etcd_compactor_free(struct etcd_compactor *c)
{
  if (!c)
    return;
  pthread_mutex_lock(&c->lock);
  c->stopping = true;
  pthread_cond_signal(&c->stop);
  pthread_mutex_unlock(&c->lock);
  pthread_join(c->thread, NULL);
  pthread_cond_destroy(&c->stop);
  pthread_mutex_destroy(&c->lock);
  clock_free(c->clock);
  free(c);
}
