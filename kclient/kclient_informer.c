/*
 * Informers: list, then watch, for as long as somebody wants to know.
 *
 * One thread per client, the pump, drives all its informers. A stream's notify
 * and a mailbox with room again mark an informer ready and wake the pump; only
 * the pump lists, opens streams and reads them, so an informer's own state needs
 * no lock. `pump->lock` is over the list of informers and their marks, is a leaf
 * (nothing is called under it), and is never held during a step.
 */
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "kclient_internal.h"

#define RETRY_MIN (50 * CLOCK_MS)
#define RETRY_MAX (10 * CLOCK_SEC)
#define SHORT_WATCH \
  CLOCK_SEC       /* a stream that ends sooner, without a word, is as good as an error (upstream's reflector too) */
#define BATCH 256 /* events in one step, so that no informer starves the others */

enum stage { LISTING, OPENING, READING };

struct kclient_informer {
  struct kclient *client;
  struct kclient_informer *next;
  struct kclient_resource res;
  char *path, *query;
  struct mailbox *to;
  void *tag;
  struct mailbox_waiter room;

  /* the pump's own */
  enum stage stage;
  struct exchange_stream *stream;
  int64_t revision;
  struct hmap *known;             /* "ns/name" → record as it was last told of */
  struct kclient_change **outbox; /* made, but not yet taken by a mailbox that was full */
  size_t n_out, cap_out, first_out;
  bool synced;
  int64_t opened_at; /* the stream; CLOCK_NEVER when it has told something since */
  int64_t delay;

  /* under pump->lock */
  bool ready, running, dead;
  int64_t retry_at; /* CLOCK_NEVER: only when marked ready */
};

struct kclient_pump {
  struct kclient *client;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t work; /* something is ready, or the end has come */
  pthread_cond_t idle; /* a step has ended */
  struct kclient_informer *list;
  bool stop;
};

void
kclient_change_free(void *p)
{
  struct kclient_change *change = p;

  record_unref(change->record);
  record_unref(change->old);
  free(change);
}

static void
unref(void *r)
{
  record_unref(r);
}

/* Any thread. */
static void
mark_ready(void *arg)
{
  struct kclient_informer *i = arg;
  struct kclient_pump *p = i->client->pump;

  pthread_mutex_lock(&p->lock);
  i->ready = true;
  pthread_cond_signal(&p->work);
  pthread_mutex_unlock(&p->lock);
}

/* -- telling -- */

/* As many as the mailbox takes. False: it is full, and will call when it is not. */
static bool
flush(struct kclient_informer *i)
{
  while (i->first_out < i->n_out) {
    if (!mailbox_send_or_wait(i->to, i->outbox[i->first_out], &i->room))
      return false;
    i->first_out++;
  }
  i->first_out = i->n_out = 0;
  return true;
}

/* Takes over both references. */
static void
tell(struct kclient_informer *i, enum kclient_change_type type, struct record *record, struct record *old)
{
  struct kclient_change *change = mem_alloc(sizeof *change);

  *change = (struct kclient_change){ .type = type, .informer = i, .tag = i->tag, .record = record, .old = old };
  if (i->n_out == i->cap_out) {
    i->cap_out = i->cap_out ? i->cap_out * 2 : 16;
    i->outbox = mem_realloc(i->outbox, i->cap_out * sizeof(struct kclient_change *));
  }
  i->outbox[i->n_out++] = change;
}

struct span
kclient_record_key(const struct kclient_resource *res, const struct record *r)
{
  struct span key = record_key(r);
  size_t at = key.n, slashes = res->namespaced ? 2 : 1;

  while (at > 0 && slashes)
    slashes -= key.p[--at] == '/';
  at += res->namespaced && !slashes; /* behind the slash, or with it: see kclient_cache.c */
  return span_make(key.p + at, key.n - at);
}

const struct kclient_resource *
kclient_informer_resource(const struct kclient_informer *i)
{
  return &i->res;
}

/* An object as it is now: new, changed, or nothing that was not known. */
static void
see(struct kclient_informer *i, struct record *r)
{
  struct span key = kclient_record_key(&i->res, r);
  struct record *old = hmap_get(i->known, key);

  if (old && record_revision(old) >= record_revision(r))
    return;
  if (old && strcmp(object_uid(record_tree(old)), object_uid(record_tree(r))) !=
                 0) { /* gone and made again between two looks */
    tell(i, KCLIENT_DELETED, record_ref(old), NULL);
    old = NULL;
  }
  tell(i, old ? KCLIENT_MODIFIED : KCLIENT_ADDED, record_ref(r), old ? record_ref(old) : NULL);
  hmap_put(i->known, key, record_ref(r));
}

static void
lose(struct kclient_informer *i, struct record *r)
{
  struct span key = kclient_record_key(&i->res, r);

  if (!hmap_get(i->known, key))
    return;
  tell(i, KCLIENT_DELETED, record_ref(r), NULL);
  hmap_remove(i->known, key);
}

/* -- the three stages -- */

/* What a list does not hold any more has been deleted. */
static void
lose_absent(struct kclient_informer *i, const struct kclient_list *list)
{
  struct hmap *there = hmap_new(NULL);
  struct span key;
  void *value;
  size_t cursor = 0;

  for (size_t k = 0; k < list->n; k++)
    hmap_put(there, kclient_record_key(&i->res, list->items[k]), i);
  while (hmap_next(i->known, &cursor, &key, &value))
    if (!hmap_get(there, key)) {
      tell(i, KCLIENT_DELETED, record_ref(value), NULL);
      hmap_remove(i->known, key);
    }
  hmap_free(there);
}

static int
step_list(struct kclient_informer *i, struct kerr *reterr)
{
  struct kclient_list list;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct kclient_got got = { .status = 0 };
  int r;

  r = kclient_do(i->client, a,
                 &(struct kclient_call){ .method = "GET", .path = i->path, .query = i->query, .objects = &i->res },
                 &got, reterr);
  if (r < 0)
    return r;
  list = (struct kclient_list){ .items = got.records, .n = got.n };
  if (hmap_count(i->known) > 0)
    lose_absent(i, &list);
  for (size_t k = 0; k < list.n; k++) {
    see(i, list.items[k]);
    record_unref(list.items[k]);
  }
  if (!i->synced)
    tell(i, KCLIENT_SYNCED, NULL, NULL);
  i->synced = true;
  i->revision = got.revision;
  i->stage = OPENING;
  return 0;
}

static int
step_open(struct kclient_informer *i, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  char *query = arena_printf(a, "%s%swatch=1&allowWatchBookmarks=true&resourceVersion=%lld", i->query ? i->query : "",
                             i->query ? "&" : "", (long long)i->revision);
  int r = i->client->transport->watch(
      i->client, &(struct kclient_call){ .method = "GET", .path = i->path, .query = query, .objects = &i->res },
      &i->stream, reterr);

  if (r < 0 && (reterr->code == KERR_EXPIRED || reterr->code == KERR_GONE)) {
    kerr_release(reterr);
    i->stage = LISTING;
    return 0;
  }
  if (r < 0)
    return r;
  i->stream->ops->set_notify(i->stream, mark_ready, i);
  i->stage = READING;
  i->opened_at = clock_mono(i->client->clock);
  return 0;
}

static void
close_stream(struct kclient_informer *i)
{
  if (i->stream)
    i->stream->ops->free(i->stream);
  i->stream = NULL;
}

/* One event into changes. False: the stream is of no use any more. */
static bool
read_event(struct kclient_informer *i, struct exchange_event *e)
{
  switch (e->type) {
  case EXCHANGE_ADDED:
  case EXCHANGE_MODIFIED:
    see(i, e->record);
    break;
  case EXCHANGE_DELETED:
    lose(i, e->record);
    break;
  case EXCHANGE_BOOKMARK:
    break;
  case EXCHANGE_ERROR: /* 410 or not: a list puts everything right */
    close_stream(i);
    i->stage = LISTING;
    return false;
  }
  i->opened_at = CLOCK_NEVER;
  record_unref(e->record);
  if (e->revision > i->revision)
    i->revision = e->revision;
  return true;
}

/* Whether the stream that has just ended was one; if not, the next waits like one after an error. */
static int
judge_stream(const struct kclient_informer *i, struct kerr *reterr)
{
  if (i->opened_at == CLOCK_NEVER || clock_mono(i->client->clock) - i->opened_at >= SHORT_WATCH)
    return 0;
  return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "a watch ended at once");
}

/* *ret_more: come back at once. */
static int
step_read(struct kclient_informer *i, bool *ret_more, struct kerr *reterr)
{
  *ret_more = true;
  for (int n = 0; n < BATCH; n++) {
    struct exchange_event e = { .record = NULL };
    int more = i->stream->ops->next(i->stream, &e);

    if (more == 0) {
      *ret_more = false;
      return 0;
    }
    if (more < 0) { /* a timeout, or a server that lets go: on from where we were */
      close_stream(i);
      i->stage = OPENING;
      return judge_stream(i, reterr);
    }
    if (!read_event(i, &e))
      return judge_stream(i, reterr);
    i->delay = RETRY_MIN;
  }
  return 0;
}

/* Returns whether to come back at once. */
static bool
step(struct kclient_informer *i, int64_t *ret_retry_at)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool more = true;
  int r;

  *ret_retry_at = CLOCK_NEVER;
  if (!flush(i))
    return false;
  if (i->stage == LISTING)
    r = step_list(i, &err);
  else if (i->stage == OPENING)
    r = step_open(i, &err);
  else
    r = step_read(i, &more, &err);
  if (r < 0) {
    log_warn(i->client->log, i->client->user_agent, "%s: %s, again", i->path, err.msg);
    *ret_retry_at = clock_mono(i->client->clock) + i->delay;
    i->delay = i->delay * 2 < RETRY_MAX ? i->delay * 2 : RETRY_MAX;
    (void)flush(i);
    return false;
  }
  return flush(i) && more;
}

/* -- the pump -- */

static struct kclient_informer *
next_ready(struct kclient_pump *p, int64_t *ret_deadline)
{
  int64_t now = clock_mono(p->client->clock);

  *ret_deadline = CLOCK_NEVER;
  for (struct kclient_informer *i = p->list; i; i = i->next) {
    if (!i->dead && (i->ready || i->retry_at <= now))
      return i;
    if (!i->dead && i->retry_at < *ret_deadline)
      *ret_deadline = i->retry_at;
  }
  return NULL;
}

/* To the end of the list, so that a busy one waits its turn. */
static void
requeue(struct kclient_pump *p, struct kclient_informer *i)
{
  struct kclient_informer **at = &p->list;

  while (*at != i)
    at = &(*at)->next;
  *at = i->next;
  while (*at)
    at = &(*at)->next;
  *at = i;
  i->next = NULL;
}

static void *
pump_run(void *arg)
{
  struct kclient_pump *p = arg;

  pthread_mutex_lock(&p->lock);
  while (!p->stop) {
    int64_t deadline, retry_at;
    struct kclient_informer *i = next_ready(p, &deadline);
    bool again;

    if (!i) {
      (void)clock_cond_wait(p->client->clock, &p->work, &p->lock, deadline);
      continue;
    }
    i->ready = false;
    i->running = true;
    i->retry_at = CLOCK_NEVER;
    requeue(p, i);
    pthread_mutex_unlock(&p->lock);
    again = step(i, &retry_at);
    pthread_mutex_lock(&p->lock);
    i->ready |= again;
    i->retry_at = retry_at;
    i->running = false;
    pthread_cond_broadcast(&p->idle);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

static struct kclient_pump *
pump_of(struct kclient *c)
{
  pthread_mutex_lock(&c->lock);
  if (!c->pump) {
    c->pump = mem_alloc(sizeof *c->pump);
    c->pump->client = c;
    pthread_mutex_init(&c->pump->lock, NULL);
    clock_cond_init(&c->pump->work);
    clock_cond_init(&c->pump->idle);
    thread_start(&c->pump->thread, "informers", pump_run, c->pump);
  }
  pthread_mutex_unlock(&c->lock);
  return c->pump;
}

void
kclient_pump_free(struct kclient_pump *p)
{
  if (!p)
    return;
  pthread_mutex_lock(&p->lock);
  p->stop = true;
  pthread_cond_signal(&p->work);
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  pthread_cond_destroy(&p->work);
  pthread_cond_destroy(&p->idle);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

struct kclient_informer *
kclient_watch(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *query,
              struct mailbox *to, void *tag)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct kclient_informer *i = mem_alloc(sizeof *i);
  struct kclient_pump *p = pump_of(c);

  i->client = c;
  i->res = *res;
  i->path = mem_strdup(kclient_path(a, res, ns, NULL, NULL));
  i->query = mem_strdup(query);
  i->to = to;
  i->tag = tag;
  i->room = (struct mailbox_waiter){ .fn = mark_ready, .arg = i };
  i->known = hmap_new(unref);
  i->delay = RETRY_MIN;
  i->ready = true;
  i->retry_at = CLOCK_NEVER;
  pthread_mutex_lock(&p->lock);
  i->next = p->list;
  p->list = i;
  pthread_cond_signal(&p->work);
  pthread_mutex_unlock(&p->lock);
  return i;
}

void
kclient_informer_free(struct kclient_informer *i)
{
  struct kclient_pump *p;
  struct kclient_informer **at;

  if (!i)
    return;
  p = i->client->pump;
  pthread_mutex_lock(&p->lock);
  i->dead = true; /* no step begins from here on */
  while (i->running)
    pthread_cond_wait(&p->idle, &p->lock);
  for (at = &p->list; *at != i; at = &(*at)->next)
    ;
  *at = i->next;
  pthread_mutex_unlock(&p->lock);
  mailbox_cancel(i->to, &i->room);
  close_stream(i); /* no notify runs when this returns, so nobody knows of us any more */
  for (size_t k = i->first_out; k < i->n_out; k++)
    kclient_change_free(i->outbox[k]);
  free(i->outbox);
  hmap_free(i->known);
  free(i->path);
  free(i->query);
  free(i);
}
