#include "etcd_follow.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "thread.h"

#define KEY_MAX ((size_t)64 << 10)
/* Keys in one answer while loading. */
#define PAGE 500
/* How long a write or read waits for the index. */
#define WAIT (10 * CLOCK_SEC)
/* Between attempts to go on after an error that says nothing about the place. */
#define PAUSE (200 * CLOCK_MS)

struct etcd_follow {
  struct etcd_follow_config config;
  struct clock *clock; /* the machine's */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t moved; /* the index has another revision */
  uint64_t cluster;     /* the thread's: whose revisions these are */
  struct mvcc_batch batch;
  bool staging; /* the batch is in use: fragments are coming */
};

/* -- values -- */

/* A record for a pair, or NULL: not an object of ours, or one that cannot be read, which is worth a line in the log. */
static struct record *
record_of(struct etcd_follow *f, const struct etcd_kv *kv)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct record *r;

  if (f->config.codec->decode(f->config.codec_payload, kv->key, kv->revision, kv->value, &r, &err) == 0)
    return r;
  if (err.code != KERR_NOT_FOUND)
    log_error(f->config.log, "etcd", "'%.*s' at revision %" PRId64 " cannot be read and is left out: %s",
              SPAN_FMT(kv->key), kv->revision, err.msg);
  return NULL;
}

static void
tell(struct etcd_follow *f)
{
  pthread_mutex_lock(&f->lock);
  pthread_cond_broadcast(&f->moved);
  pthread_mutex_unlock(&f->lock);
}

/* -- loading -- */

struct pages {
  struct record **records;
  size_t n, cap;
};

static void
pages_release(struct pages *p)
{
  for (size_t i = 0; i < p->n; i++)
    record_unref(p->records[i]);
  free(p->records);
}

static int
take_page(struct etcd_follow *f, struct span bytes, struct pages *p, struct strbuf *last, struct kerr *reterr)
{
  struct etcd_kv kv;
  int r;

  while ((r = etcd_next_kv(&bytes, &kv, reterr)) > 0) {
    struct record *record = record_of(f, &kv);

    strbuf_clear(last);
    strbuf_span(last, kv.key);
    if (!record)
      continue;
    if (p->n == p->cap) {
      p->cap = p->cap ? 2 * p->cap : 256;
      p->records = mem_realloc(p->records, p->cap * sizeof p->records[0]);
    }
    p->records[p->n++] = record;
  }
  return r;
}

/* Every key as it was at `revision`. */
static int
read_pages(struct etcd_follow *f, int64_t revision, struct pages *p, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf from = STRBUF_INIT(KEY_MAX), request = STRBUF_INIT(2 * KEY_MAX),
                                 answer = STRBUF_INIT(ETCD_ANSWER_MAX);
  struct etcd_range_answer head;

  strbuf_putc(&from, '\0');
  do {
    const struct etcd_range range = {
      .key = strbuf_view(&from), .end = ETCD_TO_THE_END, .limit = PAGE, .revision = revision
    };

    strbuf_clear(&request);
    etcd_put_range(&request, &range);
    if (etcd_call(f->config.client,
                  &(struct etcd_ask){ .path = ETCD_RANGE, .request = strbuf_view(&request), .again = true }, &answer,
                  reterr) < 0 ||
        etcd_read_range(strbuf_view(&answer), &head, reterr) < 0 ||
        take_page(f, strbuf_view(&answer), p, &from, reterr) < 0)
      return -(int)reterr->code;
    strbuf_putc(&from, '\0'); /* the next key after the last one */
  } while (head.more);
  return 0;
}

int
etcd_ask_header(struct etcd_client *client, struct etcd_header *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(64), answer = STRBUF_INIT(ETCD_ANSWER_MAX);
  struct etcd_range_answer head;

  etcd_put_range(&request, &(struct etcd_range){ .key = SPAN("/registry"), .count_only = true });
  if (etcd_call(client, &(struct etcd_ask){ .path = ETCD_RANGE, .request = strbuf_view(&request), .again = true },
                &answer, reterr) < 0 ||
      etcd_read_range(strbuf_view(&answer), &head, reterr) < 0)
    return -(int)reterr->code;
  *ret = head.header;
  return 0;
}

static int
watch_from(struct etcd_follow *f, int64_t revision, struct etcd_stream **ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(64);

  etcd_put_watch(&request, revision);
  return etcd_stream_new(f->config.client, &(struct etcd_ask){ .path = ETCD_WATCH, .request = strbuf_view(&request) },
                         ret, reterr);
}

/* To which revision is etcd compacted? A watch from before it is told, and nothing else tells. */
static int
ask_compacted(struct etcd_follow *f, int64_t before, int64_t *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf bytes = STRBUF_INIT(ETCD_ANSWER_MAX);
  struct etcd_stream *s;
  int r = watch_from(f, before, &s, reterr);

  if (r < 0)
    return r;
  for (;;) {
    struct etcd_watch_answer answer;

    r = etcd_stream_next(s, &bytes, reterr);
    if (r == 0)
      r = etcd_read_watch(strbuf_view(&bytes), &answer, reterr);
    if (r == 0 && answer.created && !answer.cancelled)
      continue;
    if (r == 0 && answer.compacted == 0)
      r = kerr_set(reterr, KERR_IO, NULL, "etcd has compacted what it says it has not: %.*s", SPAN_FMT(answer.reason));
    if (r == 0)
      *ret = answer.compacted;
    etcd_stream_free(s);
    return r;
  }
}

/* Every key, at a revision as far back as may be; what has happened since comes through the watch. */
static int
load(struct etcd_follow *f, bool again, struct kerr *reterr)
{
  struct pages pages = { 0 };
  struct etcd_header now;
  int64_t from;
  int r = etcd_ask_header(f->config.client, &now, reterr);

  if (r < 0)
    return r;
  f->cluster = now.cluster;
  from = again                               ? now.revision /* nobody can go on from before anyhow */
         : now.revision <= f->config.history ? 1
                                             : now.revision - f->config.history;
  for (;;) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    r = read_pages(f, from, &pages, &err);
    if (r == 0)
      break;
    pages_release(&pages);
    pages = (struct pages){ 0 };
    if (err.code != KERR_EXPIRED)
      return kerr_move(reterr, &err);
    r = ask_compacted(f, from, &from, reterr);
    if (r < 0)
      return r;
  }
  if (again)
    mvcc_reset(f->config.mvcc, pages.records, pages.n, from);
  else
    mvcc_load(f->config.mvcc, pages.records, pages.n, from);
  pages_release(&pages);
  tell(f);
  return 0;
}

/* -- following -- */

static int
apply(struct etcd_follow *f, struct span bytes, struct kerr *reterr)
{
  struct etcd_kv kv;
  bool deleted;
  int r;

  while ((r = etcd_next_event(&bytes, &deleted, &kv, reterr)) > 0) {
    struct record *record = deleted ? NULL : record_of(f, &kv);

    if (kv.revision < f->batch.revision)
      return kerr_set(reterr, KERR_IO, NULL, "etcd's events are out of order");
    mvcc_batch_apply(&f->batch, kv.key, record, kv.revision);
    record_unref(record);
  }
  return r;
}

static void
drop_batch(struct etcd_follow *f)
{
  if (f->staging)
    mvcc_batch_release(&f->batch);
  f->staging = false;
}

/* One message of the watch; *ret_lost: the place is lost. */
static int
take_message(struct etcd_follow *f, struct span bytes, bool *ret_lost, struct kerr *reterr)
{
  struct etcd_watch_answer answer;
  int r = etcd_read_watch(bytes, &answer, reterr);

  if (r < 0)
    return r;
  /* Another cluster, or this one as it was before: its revisions mean something else. */
  *ret_lost = answer.compacted > 0 || answer.header.cluster != f->cluster ||
              (answer.created && answer.header.revision < mvcc_revision(f->config.mvcc));
  if (*ret_lost)
    return 0;
  if (answer.cancelled)
    return kerr_set(reterr, KERR_IO, NULL, "etcd ended the watch: %.*s", SPAN_FMT(answer.reason));
  if (!f->staging) {
    mvcc_batch_init(&f->batch, f->config.mvcc);
    f->staging = true;
  }
  r = apply(f, bytes, reterr);
  if (r < 0 || answer.fragment)
    return r;
  mvcc_batch_publish(&f->batch, f->config.mvcc);
  f->staging = false;
  tell(f);
  while (mvcc_trim(f->config.mvcc, NULL, NULL))
    ;
  return 0;
}

/* Watches until something goes wrong. True: the place is lost. */
static bool
watch(struct etcd_follow *f, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf bytes = STRBUF_INIT(ETCD_ANSWER_MAX);
  struct etcd_stream *s;
  bool lost = false;

  if (watch_from(f, mvcc_revision(f->config.mvcc) + 1, &s, reterr) < 0)
    return false;
  while (!lost)
    if (etcd_stream_next(s, &bytes, reterr) < 0 || take_message(f, strbuf_view(&bytes), &lost, reterr) < 0)
      break;
  drop_batch(f);
  etcd_stream_free(s);
  return lost;
}

static void *
follow_main(void *arg)
{
  struct etcd_follow *f = arg;
  bool lost = false;

  for (;;) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (lost) {
      log_warn(f->config.log, "etcd", "lost the place at revision %" PRId64 ", loading everything anew",
               mvcc_revision(f->config.mvcc));
      lost = load(f, true, &err) < 0;
    } else {
      lost = watch(f, &err);
    }
    if (err.code == KERR_CANCELLED)
      return NULL;
    if (err.code != KERR_OK) {
      log_warn(f->config.log, "etcd", "%s, trying again", err.msg);
      clock_sleep(f->clock, PAUSE);
    }
  }
}

bool
etcd_follow_wait(struct etcd_follow *f, int64_t revision)
{
  int64_t deadline = clock_mono(f->clock) + WAIT;
  bool there;

  pthread_mutex_lock(&f->lock);
  while (!(there = mvcc_revision(f->config.mvcc) >= revision))
    if (!clock_cond_wait(f->clock, &f->moved, &f->lock, deadline))
      break;
  pthread_mutex_unlock(&f->lock);
  return there;
}

int
etcd_follow_new(const struct etcd_follow_config *config, struct etcd_follow **ret, struct kerr *reterr)
{
  struct etcd_follow *f = mem_alloc(sizeof *f);
  struct etcd_header now;
  int r;

  f->config = *config;
  f->clock = clock_new_real();
  pthread_mutex_init(&f->lock, NULL);
  clock_cond_init(&f->moved);
  r = load(f, false, reterr);
  if (r == 0)
    r = etcd_ask_header(f->config.client, &now, reterr);
  if (r < 0) {
    etcd_follow_free(f);
    return r;
  }
  thread_start(&f->thread, "etcd-follow", follow_main, f);
  if (!etcd_follow_wait(f, now.revision)) {
    etcd_client_stop(config->client);
    etcd_follow_free(f);
    return kerr_set(reterr, KERR_IO, NULL, "etcd's events do not come");
  }
  *ret = f;
  return 0;
}

void
etcd_follow_free(struct etcd_follow *f)
{
  if (!f)
    return;
  if (f->thread)
    pthread_join(f->thread, NULL);
  pthread_cond_destroy(&f->moved);
  pthread_mutex_destroy(&f->lock);
  clock_free(f->clock);
  free(f);
}
