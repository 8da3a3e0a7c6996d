#include "etcd_client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "etcd_endpoint.h"
#include "fs.h"
#include "grpc_link.h"
#include "thread.h"

#define TIMEOUT_DEFAULT (10 * CLOCK_SEC)
/* A connection has so long to come up; an idle one is asked whether it lives, and has so long to answer. */
#define CONNECT_TIMEOUT (5 * CLOCK_SEC)
#define IDLE            (10 * CLOCK_SEC)
#define PONG_TIMEOUT    (5 * CLOCK_SEC)
/* Between attempts to connect, and to ask again. */
#define PAUSE_MIN   (50 * CLOCK_MS)
#define PAUSE_MAX   (2 * CLOCK_SEC)
#define PAUSE_AGAIN (100 * CLOCK_MS)
/* Bytes of messages that a stream's owner has not taken yet. */
#define BACKLOG_MAX ((size_t)256 << 20)

/* -- what waits for the thread -- */

/* A call, on the stack of the thread that waits for it. */
struct request {
  struct request *next;
  const struct etcd_ask *ask;
  int64_t deadline;
  struct strbuf *answer;
  bool answered; /* the message has come; it counts when the status is OK */
  int result;
  struct kerr err;
  sem_t done;
};

struct message {
  struct message *next;
  size_t n;
  char bytes[];
};

struct etcd_stream {
  struct etcd_stream *next; /* among those to be opened */
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

struct etcd_client {
  struct etcd_endpoint *endpoints;
  size_t n_endpoints, at; /* at: the one to try next */
  struct grpc_tls *tls;
  struct log *log;
  struct clock *clock; /* the machine's: a peer's time is not a test's to own */
  pthread_t thread;
  int wake; /* an eventfd: there is something to do */

  pthread_mutex_t lock; /* the queues, `stopping`, and what is waiting in streams */
  struct request *calls, **last_call;
  struct etcd_stream *opening, *closing;
  bool stopping;

  /* The thread's own. */
  struct grpc_link *link;
  int64_t since;  /* when the link was made, or has last heard something */
  uint64_t pongs; /* it had when it was asked */
  bool asked;
  bool rotate; /* this member is of no use: try the next */
  int64_t next_try, pause;
  char *trouble; /* why there is no connection */
};

/* -- errors -- */

static bool
says(const struct grpc_status *s, const char *text)
{
  return strstr(s->message, text) != NULL;
}

static int
error_of(const struct grpc_status *s, struct kerr *reterr)
{
  if (s->code == GRPC_OUT_OF_RANGE && says(s, "compacted"))
    return kerr_set(reterr, KERR_EXPIRED, NULL, "%s", s->message);
  if (s->code == GRPC_OUT_OF_RANGE && says(s, "future"))
    return kerr_set(reterr, KERR_TIMEOUT, NULL, "%s", s->message);
  if (s->code == GRPC_INVALID_ARGUMENT && says(s, "too large"))
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "%s", s->message);
  if (s->code == GRPC_DEADLINE_EXCEEDED)
    return kerr_set(reterr, KERR_IO, NULL, "etcdserver: request timed out");
  if (s->from_peer && strncmp(s->message, "etcdserver: ", 12) == 0)
    return kerr_set(reterr, KERR_IO, NULL, "%s", s->message);
  return kerr_set(reterr, KERR_IO, NULL, "rpc error: code = %s desc = %s", grpc_code_name(s->code), s->message);
}

/* May be asked again at once, perhaps of somebody else: a lost connection, no leader just now. */
static bool
is_passing(const struct kerr *err)
{
  static const char *const texts[] = { "code = Unavailable", "leader", "etcdserver: server stopped" };

  for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
    if (err->code == KERR_IO && strstr(err->msg, texts[i]))
      return true;
  return false;
}

/* -- unary calls: in the thread -- */

static void
finish(struct request *q)
{
  sem_post(&q->done); /* the request is gone now */
}

static void
on_answer(void *payload, struct grpc_call *call, struct span message)
{
  struct request *q = payload;

  (void)call;
  strbuf_clear(q->answer);
  strbuf_span(q->answer, message);
  q->answered = true;
}

/* This member has lost the others: another may know more. */
static void
look_at_status(struct etcd_client *c, const struct grpc_status *s)
{
  if (c->n_endpoints > 1 && s->code == GRPC_UNAVAILABLE && (says(s, "no leader") || says(s, "timed out")))
    c->rotate = true;
}

static void
on_call_end(void *payload, struct grpc_call *call, const struct grpc_status *s)
{
  struct request *q = payload;

  (void)call;
  if (s->code != GRPC_OK)
    q->result = error_of(s, &q->err);
  else if (!q->answered)
    q->result = kerr_set(&q->err, KERR_IO, NULL, "etcd gave no answer");
  else if (strbuf_overflowed(q->answer))
    q->result = kerr_set(&q->err, KERR_TOO_LARGE, NULL, "etcd's answer is too large");
  finish(q);
}

static struct grpc_call *
begin_call(struct etcd_client *c, const char *path, int64_t deadline, struct span request, bool closes,
           const struct grpc_call_ops *ops, void *payload, struct kerr *reterr)
{
  static const struct grpc_metadata leader = { "hasleader", "true" };
  struct grpc_request q = { .path = path,
                            .authority = c->endpoints[c->at].host,
                            .metadata = &leader,
                            .n_metadata = closes ? 0 : 1, /* a stream ends when the member is cut off from the others */
                            .now = clock_mono(c->clock),
                            .deadline = deadline };
  struct grpc_call *call;

  if (grpc_call_new(grpc_link_grpc(c->link), &q, ops, payload, &call, reterr) < 0)
    return NULL;
  if (grpc_call_send(call, request, reterr) < 0) {
    grpc_call_cancel(call);
    return NULL;
  }
  if (closes)
    grpc_call_close_send(call);
  return call;
}

static const struct grpc_call_ops call_ops = { .message = on_answer, .end = on_call_end };

/* -- streams: in the thread -- */

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
  look_at_status(s->client, status);
  if (status->code == GRPC_OK)
    kerr_set(&err, KERR_IO, NULL, "etcd ended the stream");
  else
    (void)error_of(status, &err);
  stream_over(s, &err);
}

static const struct grpc_call_ops stream_ops = { .message = on_stream_message, .end = on_stream_end };

static void
stream_open(struct etcd_client *c, struct etcd_stream *s)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  s->call = begin_call(c, s->path, 0, span_make(s->request, s->request_n), false, &stream_ops, s, &err);
  if (!s->call)
    stream_over(s, &err);
}

/* -- the connection -- */

static void
link_down(struct etcd_client *c, const char *why)
{
  char *trouble = mem_printf("%s: %s", c->endpoints[c->at].text, why);

  if (!c->trouble || strcmp(c->trouble, trouble) != 0) /* said once, not with every attempt */
    log_warn(c->log, "etcd", "%s", trouble);
  free(c->trouble);
  c->trouble = trouble;
  grpc_link_free(steal_pointer(&c->link), why);
  c->at = (c->at + 1) % c->n_endpoints;
  c->next_try = clock_mono(c->clock) + c->pause;
  c->pause = 2 * c->pause < PAUSE_MAX ? 2 * c->pause : PAUSE_MAX;
  c->asked = c->rotate = false;
}

static void
link_up(struct etcd_client *c)
{
  const struct grpc_config config = { .message_max = ETCD_ANSWER_MAX, .queue_max = (size_t)64 << 20 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int fd = etcd_endpoint_connect(&c->endpoints[c->at], &err);

  c->since = clock_mono(c->clock);
  if (fd < 0) {
    link_down(c, err.msg);
    return;
  }
  c->link = grpc_link_new(fd, grpc_new_client(&config), c->tls, c->endpoints[c->at].host);
}

/* What has gone on for too long; the moment to look again. */
static int64_t
check_link(struct etcd_client *c, int64_t now)
{
  struct grpc *g = grpc_link_grpc(c->link);
  int64_t limit = c->since + (!grpc_link_is_up(c->link) ? CONNECT_TIMEOUT : c->asked ? PONG_TIMEOUT : IDLE);

  if (c->asked && grpc_pongs(g) != c->pongs) {
    c->asked = false;
    c->since = now;
    return now + IDLE;
  }
  if (now < limit)
    return limit;
  if (!grpc_link_is_up(c->link) || c->asked) {
    link_down(c, grpc_link_is_up(c->link) ? "does not answer" : "cannot be reached in time");
    return now;
  }
  c->asked = true;
  c->pongs = grpc_pongs(g);
  c->since = now;
  grpc_ping(g);
  return now;
}

static void
pump(struct etcd_client *c)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool was_up = grpc_link_is_up(c->link);

  if (grpc_link_pump(c->link, &err) < 0) {
    link_down(c, err.msg);
    return;
  }
  if (!was_up && grpc_link_is_up(c->link)) {
    c->since = clock_mono(c->clock);
    c->pause = PAUSE_MIN;
    if (c->trouble)
      log_info(c->log, "etcd", "connected to %s", c->endpoints[c->at].text);
    free(steal_pointer(&c->trouble));
  }
  if (c->rotate || grpc_is_draining(grpc_link_grpc(c->link)))
    link_down(c, c->rotate ? "has no leader" : "is shutting down");
}

/* -- the thread -- */

static void
give_up(struct etcd_client *c, struct request *q, bool stopping)
{
  q->result = stopping ? kerr_set(&q->err, KERR_CANCELLED, NULL, "the store is being closed")
                       : kerr_set(&q->err, KERR_UNAVAILABLE, NULL, "etcd cannot be reached: %s",
                                  c->trouble ? c->trouble : "not connected yet");
  finish(q);
}

/* Calls that have waited for a connection for too long. The moment when the next one has. */
static int64_t
expire_calls(struct etcd_client *c, int64_t now, bool all)
{
  struct request *late = NULL, **at, *next;
  int64_t first = CLOCK_NEVER;

  pthread_mutex_lock(&c->lock);
  for (at = &c->calls; *at;) {
    struct request *q = *at;

    if (!all && q->deadline > now) {
      first = q->deadline < first ? q->deadline : first;
      at = &q->next;
      continue;
    }
    *at = q->next;
    q->next = late;
    late = q;
  }
  c->last_call = at;
  pthread_mutex_unlock(&c->lock);
  for (; late; late = next) {
    next = late->next;
    give_up(c, late, all);
  }
  return first;
}

/* Streams whose owners have gone are closed, with or without a connection. */
static void
close_streams(struct etcd_client *c)
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

/* Everything that waits is begun, on a connection that is up. */
static void
begin_waiting(struct etcd_client *c)
{
  struct request *calls, *next_call;
  struct etcd_stream *streams, *next_stream;

  pthread_mutex_lock(&c->lock);
  calls = steal_pointer(&c->calls);
  c->last_call = &c->calls;
  streams = steal_pointer(&c->opening);
  pthread_mutex_unlock(&c->lock);
  for (struct request *q = calls; q; q = next_call) {
    next_call = q->next;
    if (!begin_call(c, q->ask->path, q->deadline, q->ask->request, true, &call_ops, q, &q->err)) {
      q->result = -(int)q->err.code;
      finish(q);
    }
  }
  for (struct etcd_stream *s = streams; s; s = next_stream) {
    next_stream = s->next;
    stream_open(c, s);
  }
}

static void
wait_for_work(struct etcd_client *c, int64_t until)
{
  struct pollfd fds[2] = { { .fd = c->wake, .events = POLLIN }, { .fd = -1 } };
  int64_t left = until == CLOCK_NEVER ? -1 : until - clock_mono(c->clock);
  uint64_t n;

  if (c->link)
    fds[1] = (struct pollfd){ .fd = grpc_link_fd(c->link), .events = grpc_link_events(c->link) };
  (void)poll(fds, 2, until == CLOCK_NEVER ? -1 : left <= 0 ? 0 : (int)(left / CLOCK_MS + 1));
  (void)!read(c->wake, &n, sizeof n);
}

/* One round; the moment of the next when nothing happens before. */
static int64_t
work(struct etcd_client *c)
{
  int64_t now = clock_mono(c->clock), next, due;

  next = expire_calls(c, now, false);
  close_streams(c);
  if (!c->link && now >= c->next_try)
    link_up(c);
  if (!c->link)
    return c->next_try < next ? c->next_try : next;
  if (grpc_link_is_up(c->link) && !grpc_is_draining(grpc_link_grpc(c->link)))
    begin_waiting(c);
  grpc_tick(grpc_link_grpc(c->link), now);
  pump(c);
  due = c->link ? check_link(c, now) : now;
  next = due < next ? due : next;
  if (!c->link)
    return next;
  due = grpc_deadline(grpc_link_grpc(c->link));
  return due < next ? due : next;
}

static bool
is_stopping(struct etcd_client *c)
{
  bool stopping;

  pthread_mutex_lock(&c->lock);
  stopping = c->stopping;
  pthread_mutex_unlock(&c->lock);
  return stopping;
}

static void
end_unopened(struct etcd_client *c)
{
  struct etcd_stream *list, *next;

  pthread_mutex_lock(&c->lock);
  list = steal_pointer(&c->opening);
  for (struct etcd_stream *s = list; s; s = next) {
    next = s->next;
    s->over = true;
    kerr_set(&s->err, KERR_CANCELLED, NULL, "the store is being closed");
    pthread_cond_signal(&s->changed);
  }
  pthread_mutex_unlock(&c->lock);
}

static void *
client_main(void *arg)
{
  struct etcd_client *c = arg;

  while (!is_stopping(c))
    wait_for_work(c, work(c));
  grpc_link_free(steal_pointer(&c->link), "the store is being closed");
  expire_calls(c, 0, true);
  end_unopened(c);
  close_streams(c);
  return NULL;
}

static void
wake(struct etcd_client *c)
{
  const uint64_t one = 1;

  (void)!write(c->wake, &one, sizeof one);
}

/* -- making one -- */

int
etcd_client_new(const struct etcd_client_config *config, struct etcd_client **ret, struct kerr *reterr)
{
  struct etcd_client *c = mem_alloc(sizeof *c);
  int r = etcd_endpoints_parse(config->endpoints, &c->endpoints, &c->n_endpoints, reterr);

  if (r == 0 && c->endpoints[0].tls)
    r = grpc_tls_new(config->ca, config->cert, config->key, &c->tls, reterr);
  if (r < 0) {
    etcd_endpoints_free(c->endpoints, c->n_endpoints);
    free(c);
    return r;
  }
  c->log = config->log;
  c->clock = clock_new_real();
  c->last_call = &c->calls;
  c->pause = PAUSE_MIN;
  c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  assert(c->wake >= 0);
  pthread_mutex_init(&c->lock, NULL);
  thread_start(&c->thread, "etcd-client", client_main, c);
  *ret = c;
  return 0;
}

void
etcd_client_stop(struct etcd_client *c)
{
  pthread_mutex_lock(&c->lock);
  c->stopping = true;
  pthread_mutex_unlock(&c->lock);
  wake(c);
}

void
etcd_client_free(struct etcd_client *c)
{
  if (!c)
    return;
  etcd_client_stop(c);
  pthread_join(c->thread, NULL);
  assert(!c->calls && !c->opening && !c->closing);
  pthread_mutex_destroy(&c->lock);
  (void)close(c->wake);
  clock_free(c->clock);
  grpc_tls_unref(c->tls);
  etcd_endpoints_free(c->endpoints, c->n_endpoints);
  free(c->trouble);
  free(c);
}

/* -- calls -- */

static int
ask_once(struct etcd_client *c, const struct etcd_ask *ask, int64_t deadline, struct strbuf *answer,
         struct kerr *reterr)
{
  struct request q = { .ask = ask, .deadline = deadline, .answer = answer };
  bool stopping;

  sem_init(&q.done, 0, 0);
  pthread_mutex_lock(&c->lock);
  stopping = c->stopping;
  if (!stopping) {
    *c->last_call = &q;
    c->last_call = &q.next;
  }
  pthread_mutex_unlock(&c->lock);
  if (stopping) {
    sem_destroy(&q.done);
    return kerr_set(reterr, KERR_CANCELLED, NULL, "the store is being closed");
  }
  wake(c);
  while (sem_wait(&q.done) < 0)
    ; /* EINTR: the answer comes */
  sem_destroy(&q.done);
  return q.result < 0 ? kerr_move(reterr, &q.err) : 0;
}

int
etcd_call(struct etcd_client *c, const struct etcd_ask *ask, struct strbuf *ret_answer, struct kerr *reterr)
{
  int64_t deadline = clock_mono(c->clock) + (ask->timeout ? ask->timeout : TIMEOUT_DEFAULT);

  for (;;) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (ask_once(c, ask, deadline, ret_answer, &err) == 0)
      return 0;
    if (!ask->again || !is_passing(&err) || clock_mono(c->clock) + PAUSE_AGAIN >= deadline)
      return kerr_move(reterr, &err);
    clock_sleep(c->clock, PAUSE_AGAIN);
  }
}

/* -- streams -- */

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
    return kerr_set(reterr, KERR_CANCELLED, NULL, "the store is being closed");
  }
  wake(c);
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
    wake(c);
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
