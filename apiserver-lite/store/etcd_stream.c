/* Streams: what the thread hears waits, with the client's lock, for the owner to take it. */
#include <stdlib.h>
#include <string.h>

#include "etcd_client_internal.h"

/* Bytes of messages that a stream's owner has not taken yet. */
#define BACKLOG_MAX ((size_t)256 << 20)

struct message {
  struct message *next;
  size_t n;
  char bytes[];
};

struct etcd_stream {
  struct etcd_stream *next; /* among those to be opened, or closed */
  struct etcd_client *client;
  char *path, *request;
  size_t request_n;
  struct grpc_call *call; /* the thread's; NULL: not open */
  /* With the client's lock. */
  pthread_cond_t changed;
  struct message *first, **last;
  size_t backlog;
  bool over, dropped; /* dropped: the owner wants it closed */
  struct kerr err;
};

/* -- in the thread -- */

static void
stream_over(struct etcd_stream *s, struct kerr *err)
{
  pthread_mutex_lock(&s->client->lock);
  if (!s->over) {
    s->over = true;
    kerr_move(&s->err, err);
  }
  pthread_cond_signal(&s->changed);
  pthread_mutex_unlock(&s->client->lock);
}

static void
on_stream_message(void *payload, struct grpc_call *call, struct span bytes)
{
  struct etcd_stream *s = payload;
  struct message *m = mem_alloc(sizeof *m + bytes.n);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool full;

  m->n = bytes.n;
  if (bytes.n)
    memcpy(m->bytes, bytes.p, bytes.n);
  pthread_mutex_lock(&s->client->lock);
  *s->last = m;
  s->last = &m->next;
  s->backlog += m->n;
  full = s->backlog > BACKLOG_MAX;
  pthread_cond_signal(&s->changed);
  pthread_mutex_unlock(&s->client->lock);
  if (!full)
    return;
  grpc_call_cancel(call);
  s->call = NULL;
  kerr_set(&err, KERR_IO, NULL, "fell behind with etcd's events");
  stream_over(s, &err);
}

static void
on_stream_end(void *payload, struct grpc_call *call, const struct grpc_status *status)
{
  struct etcd_stream *s = payload;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)call;
  s->call = NULL;
  etcd_client_look_at(s->client, status);
  if (status->code == GRPC_OK)
    kerr_set(&err, KERR_IO, NULL, "etcd ended the stream");
  else
    (void)etcd_status_error(status, &err);
  stream_over(s, &err);
}

static const struct grpc_call_ops stream_ops = { .message = on_stream_message, .end = on_stream_end };

static void
stream_open(struct etcd_client *c, struct etcd_stream *s)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  s->call = etcd_client_begin(c, s->path, 0, span_make(s->request, s->request_n), false, &stream_ops, s, &err);
  if (!s->call)
    stream_over(s, &err);
}

void
etcd_streams_open(struct etcd_client *c)
{
  struct etcd_stream *s;

  do { /* one at a time: an owner that goes meanwhile puts its stream into another list */
    pthread_mutex_lock(&c->lock);
    s = c->opening;
    if (s)
      c->opening = s->next;
    pthread_mutex_unlock(&c->lock);
    if (s)
      stream_open(c, s);
  } while (s);
}

void
etcd_streams_close(struct etcd_client *c)
{
  struct etcd_stream *list, *next;

  pthread_mutex_lock(&c->lock);
  list = steal_pointer(&c->closing);
  pthread_mutex_unlock(&c->lock);
  for (struct etcd_stream *s = list; s; s = next) {
    next = s->next;
    if (s->call)
      grpc_call_cancel(steal_pointer(&s->call));
    pthread_mutex_lock(&c->lock);
    s->dropped = false; /* its owner may go */
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&c->lock);
  }
}

void
etcd_streams_end(struct etcd_client *c)
{
  pthread_mutex_lock(&c->lock);
  for (struct etcd_stream *s = steal_pointer(&c->opening); s; s = s->next) {
    s->over = true;
    kerr_set(&s->err, KERR_CANCELLED, NULL, ETCD_CLOSED);
    pthread_cond_signal(&s->changed);
  }
  pthread_mutex_unlock(&c->lock);
}

/* -- for the owner -- */

int
etcd_stream_new(struct etcd_client *c, const struct etcd_ask *ask, struct etcd_stream **ret, struct kerr *reterr)
{
  struct etcd_stream *s = mem_alloc(sizeof *s);
  bool stopping;

  s->client = c;
  s->path = mem_strdup(ask->path);
  s->request = mem_strndup(ask->request.p, ask->request.n);
  s->request_n = ask->request.n;
  s->last = &s->first;
  pthread_cond_init(&s->changed, NULL);
  pthread_mutex_lock(&c->lock);
  stopping = c->stopping;
  if (!stopping) {
    s->next = c->opening;
    c->opening = s;
  }
  pthread_mutex_unlock(&c->lock);
  if (stopping) {
    s->over = true;
    etcd_stream_free(s);
    return kerr_set(reterr, KERR_CANCELLED, NULL, ETCD_CLOSED);
  }
  etcd_client_wake(c);
  *ret = s;
  return 0;
}

int
etcd_stream_next(struct etcd_stream *s, struct strbuf *ret, struct kerr *reterr)
{
  struct message *m;
  int r = 0;

  pthread_mutex_lock(&s->client->lock);
  while (!s->first && !s->over)
    pthread_cond_wait(&s->changed, &s->client->lock);
  m = s->first;
  if (m) {
    s->first = m->next;
    if (!s->first)
      s->last = &s->first;
    s->backlog -= m->n;
  } else {
    r = kerr_set(reterr, s->err.code, NULL, "%s", s->err.msg);
  }
  pthread_mutex_unlock(&s->client->lock);
  if (m) {
    strbuf_clear(ret);
    strbuf_add(ret, m->bytes, m->n);
    free(m);
  }
  return r;
}

/* Whether the stream has not been begun yet; then it never will be. With the lock. */
static bool
take_back(struct etcd_stream *s)
{
  struct etcd_stream **at = &s->client->opening;

  while (*at && *at != s)
    at = &(*at)->next;
  if (!*at)
    return false;
  *at = s->next;
  return true;
}

void
etcd_stream_free(struct etcd_stream *s)
{
  struct etcd_client *c;
  struct message *next;

  if (!s)
    return;
  c = s->client;
  pthread_mutex_lock(&c->lock);
  if (!s->over && !take_back(s)) {
    s->dropped = true;
    s->next = c->closing;
    c->closing = s;
    etcd_client_wake(c);
    while (s->dropped)
      pthread_cond_wait(&s->changed, &c->lock);
  }
  pthread_mutex_unlock(&c->lock);
  for (struct message *m = s->first; m; m = next) {
    next = m->next;
    free(m);
  }
  kerr_release(&s->err);
  pthread_cond_destroy(&s->changed);
  free(s->path);
  free(s->request);
  free(s);
}
