/*
 * The etcd backend: the index in memory follows an etcd, which decides about every write.
 *
 * A write is one transaction of etcd's, and is answered when the index has it. A read "now" first asks etcd how far it
 * is, so that what another API server has written before is seen; readers that come together share one question. Past
 * and present are then read from the index, as in the other backends.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "etcd_client.h"
#include "etcd_compact.h"
#include "etcd_follow.h"
#include "etcd_lease.h"
#include "etcd_message.h"
#include "mvcc.h"
#include "store_internal.h"

/* Of one request: etcd's own limit is 1.5 MiB unless it was started with another. */
#define REQUEST_MAX ((size_t)64 << 20)

struct store_etcd {
  struct store store;
  struct log *log;
  const struct store_codec *codec;
  void *codec_payload;
  struct mvcc *mvcc;
  struct etcd_client *client;
  struct etcd_follow *follow;
  struct etcd_compactor *compactor;
  struct etcd_leases *leases;

  /* "How far is etcd?" is asked by one reader at a time, for all that came before it asked. */
  pthread_mutex_t lock;
  pthread_cond_t answered;
  uint64_t asked, heard; /* questions; equal: none is under way */
  int64_t now;           /* the last answer */
  struct kerr trouble;   /* or its error */
};

static struct store_etcd *
etcd_of(struct store *s)
{
  return container_of(s, struct store_etcd, store);
}

/* -- reading -- */

/* With the lock, which is let go meanwhile. */
static void
ask_for_all(struct store_etcd *s)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct etcd_header now = { 0 };
  int r;

  s->asked++;
  pthread_mutex_unlock(&s->lock);
  r = etcd_ask_header(s->client, &now, &err);
  pthread_mutex_lock(&s->lock);
  kerr_release(&s->trouble);
  s->now = now.revision;
  if (r < 0)
    kerr_move(&s->trouble, &err);
  s->heard = s->asked;
  pthread_cond_broadcast(&s->answered);
}

/* The index has everything that anybody had written when this was called. */
static int
catch_up(struct store_etcd *s, struct kerr *reterr)
{
  uint64_t mine;
  int64_t now;
  int r = 0;

  pthread_mutex_lock(&s->lock);
  mine = s->asked + 1; /* a question that is under way may have been answered before */
  while (s->heard < mine) {
    if (s->asked == s->heard)
      ask_for_all(s);
    else
      pthread_cond_wait(&s->answered, &s->lock);
  }
  now = s->now;
  if (s->trouble.code != KERR_OK)
    r = kerr_set(reterr, s->trouble.code, NULL, "%s", s->trouble.msg);
  pthread_mutex_unlock(&s->lock);
  if (r == 0 && !etcd_follow_wait(s->follow, now))
    r = kerr_set(reterr, KERR_IO, NULL, "etcd's events do not come");
  return r;
}

static int
etcd_get(struct store *store, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr)
{
  struct store_etcd *s = etcd_of(store);

  if (at_rev == 0 && catch_up(s, reterr) < 0)
    return -(int)reterr->code;
  return mvcc_get(s->mvcc, key, at_rev, ret, reterr);
}

static int
etcd_list(struct store *store, const struct store_range *range, struct store_list *ret, struct kerr *reterr)
{
  struct store_etcd *s = etcd_of(store);

  if (range->at_rev == 0 && catch_up(s, reterr) < 0)
    return -(int)reterr->code;
  return mvcc_list(s->mvcc, range, ret, reterr);
}

/* -- writing -- */

static int
write_key(struct store_etcd *s, const struct etcd_write *w, struct etcd_write_answer *ret, struct strbuf *answer,
          struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(REQUEST_MAX);

  etcd_put_write(&request, w);
  if (strbuf_overflowed(&request))
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "etcdserver: request is too large");
  if (etcd_call(s->client, &(struct etcd_ask){ .path = ETCD_TXN, .request = strbuf_view(&request) }, answer, reterr) <
      0)
    return -(int)reterr->code;
  return etcd_read_write(strbuf_view(answer), ret, reterr);
}

static int
etcd_cas(struct store *store, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev,
         struct kerr *reterr)
{
  struct store_etcd *s = etcd_of(store);
  _cleanup_strbuf_ struct strbuf value = STRBUF_INIT(REQUEST_MAX), bytes = STRBUF_INIT(ETCD_ANSWER_MAX);
  struct etcd_write w = { .key = key, .expect = old_rev, .remove = !want };
  struct etcd_write_answer answer;
  int64_t ttl = want && s->codec->ttl ? s->codec->ttl(s->codec_payload, key) : 0, revision;
  int r = 0;

  if (want)
    r = s->codec->encode(s->codec_payload, want, &value, reterr);
  if (r == 0 && ttl > 0)
    r = etcd_leases_get(s->leases, ttl, &w.lease, reterr);
  if (r < 0)
    return r;
  w.value = strbuf_view(&value);
  r = write_key(s, &w, &answer, &bytes, reterr);
  if (r < 0)
    return r;
  revision = answer.done ? answer.header.revision : answer.found ? answer.there.revision : 0;
  /* Removing what is not there, on condition that it is not there, is done and has changed nothing. */
  if (!want && old_rev == 0 && answer.done)
    answer.done = false, revision = 0;
  if (ret_rev)
    *ret_rev = revision;
  if (!etcd_follow_wait(s->follow, revision)) /* it is written all the same */
    log_warn(s->log, "etcd", "revision %" PRId64 " is written, but does not come as an event", revision);
  if (!answer.done)
    return mvcc_refuse(key, revision, old_rev, reterr);
  if (want)
    record_set_revision(want, revision);
  return 0;
}

/* -- the rest -- */

static int
etcd_watch(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
           struct store_watch **ret, struct kerr *reterr)
{
  return mvcc_watch(etcd_of(s)->mvcc, prefix, from_rev, fn, payload, ret, reterr);
}

static void
etcd_watch_free(struct store *s, struct store_watch *w)
{
  mvcc_watch_free(etcd_of(s)->mvcc, w);
}

static int
etcd_compact(struct store *store, int64_t rev, struct kerr *reterr)
{
  struct store_etcd *s = etcd_of(store);
  int r = mvcc_check_compact(s->mvcc, rev, etcd_compactor_floor(s->compactor), reterr);

  return r < 0 ? r : etcd_compactor_to(s->compactor, rev, reterr);
}

static int64_t
etcd_revision(struct store *s)
{
  return mvcc_revision(etcd_of(s)->mvcc);
}

static int64_t
etcd_compacted(struct store *s)
{
  return mvcc_compacted(etcd_of(s)->mvcc);
}

static int64_t
etcd_floor(struct store *s)
{
  return etcd_compactor_floor(etcd_of(s)->compactor);
}

static size_t
etcd_memory(struct store *s)
{
  return mvcc_memory(etcd_of(s)->mvcc);
}

/* Also for a store that is half made. */
static void
etcd_free(struct store *store)
{
  struct store_etcd *s = etcd_of(store);

  if (s->client)
    etcd_client_stop(s->client);
  etcd_compactor_free(s->compactor);
  etcd_follow_free(s->follow);
  etcd_leases_free(s->leases);
  etcd_client_free(s->client);
  mvcc_free(s->mvcc);
  kerr_release(&s->trouble);
  pthread_cond_destroy(&s->answered);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static const struct store_ops etcd_ops = {
  .name = "etcd",
  .get = etcd_get,
  .list = etcd_list,
  .cas = etcd_cas,
  .watch = etcd_watch,
  .watch_free = etcd_watch_free,
  .compact = etcd_compact,
  .revision = etcd_revision,
  .compacted = etcd_compacted,
  .floor = etcd_floor,
  .memory = etcd_memory,
  .free = etcd_free,
};

static void
trim_aged(void *payload)
{
  struct store_etcd *s = payload;

  (void)mvcc_trim(s->mvcc, NULL, NULL);
}

static int
connect_to(struct store_etcd *s, const struct store_config *config, struct kerr *reterr)
{
  struct etcd_follow_config follow = {
    .mvcc = s->mvcc,
    .codec = s->codec,
    .codec_payload = s->codec_payload,
    .log = s->log,
    .history = (int64_t)(config->history_count ? config->history_count : STORE_HISTORY_COUNT),
  };
  int r = etcd_client_new(&(struct etcd_client_config){ .endpoints = config->etcd.endpoints,
                                                        .ca = config->etcd.ca,
                                                        .cert = config->etcd.cert,
                                                        .key = config->etcd.key,
                                                        .log = s->log },
                          &s->client, reterr);

  if (r < 0)
    return r;
  follow.client = s->client;
  r = etcd_follow_new(&follow, &s->follow, reterr);
  if (r < 0)
    return r;
  s->leases = etcd_leases_new(s->client);
  s->compactor = etcd_compactor_new(s->client, config->history_age ? config->history_age : STORE_HISTORY_AGE,
                                    mvcc_compacted(s->mvcc), s->log);
  return 0;
}

int
store_etcd_open(const struct store_config *config, struct store **ret, struct kerr *reterr)
{
  struct store_etcd *s;
  int r;

  if (!config->etcd.endpoints || !config->etcd.codec)
    return kerr_set(reterr, KERR_USAGE, NULL, "the etcd store needs endpoints and a codec");
  s = mem_alloc(sizeof *s);
  s->store.ops = &etcd_ops;
  s->log = config->log;
  s->codec = config->etcd.codec;
  s->codec_payload = config->etcd.codec_payload;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->answered, NULL);
  s->mvcc = mvcc_new(config, trim_aged, s);
  r = connect_to(s, config, reterr);
  if (r < 0) {
    etcd_free(&s->store);
    return r;
  }
  *ret = &s->store;
  return 0;
}
