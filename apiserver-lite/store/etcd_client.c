/* The connection and its thread, and calls with one answer. */
#include <assert.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "etcd_client_internal.h"
#include "etcd_endpoint.h"
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

/* A call, on the stack of the thread that waits for it. */
struct etcd_request {
  struct etcd_request *next;
  const struct etcd_ask *ask;
  int64_t deadline;
  struct strbuf *answer;
  bool answered; /* the message has come; it counts when the status is OK */
  int result;
  struct kerr err;
  sem_t done;
};

/* -- errors -- */

static bool
says(const struct grpc_status *s, const char *text)
{
  return strstr(s->message, text) != NULL;
}

int
etcd_status_error(const struct grpc_status *s, struct kerr *reterr)
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

void
etcd_client_look_at(struct etcd_client *c, const struct grpc_status *s)
{
  if (c->n_endpoints > 1 && s->code == GRPC_UNAVAILABLE && (says(s, "no leader") || says(s, "timed out")))
    c->rotate = true;
}

/* -- unary calls: in the thread -- */

static void
finish(struct etcd_request *q)
{
  sem_post(&q->done); /* the request is gone now */
}

static void
on_answer(void *payload, struct grpc_call *call, struct span message)
{
  struct etcd_request *q = payload;

  (void)call;
  strbuf_clear(q->answer);
  strbuf_span(q->answer, message);
  q->answered = true;
}

static void
on_call_end(void *payload, struct grpc_call *call, const struct grpc_status *s)
{
  struct etcd_request *q = payload;

  (void)call;
  if (s->code != GRPC_OK)
    q->result = etcd_status_error(s, &q->err);
  else if (!q->answered)
    q->result = kerr_set(&q->err, KERR_IO, NULL, "etcd gave no answer");
  else if (strbuf_overflowed(q->answer))
    q->result = kerr_set(&q->err, KERR_TOO_LARGE, NULL, "etcd's answer is too large");
  finish(q);
}

struct grpc_call *
etcd_client_begin(struct etcd_client *c, const char *path, int64_t deadline, struct span request, bool closes,
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
give_up(struct etcd_client *c, struct etcd_request *q, bool stopping)
{
  q->result = stopping ? kerr_set(&q->err, KERR_CANCELLED, NULL, ETCD_CLOSED)
                       : kerr_set(&q->err, KERR_UNAVAILABLE, NULL, "etcd cannot be reached: %s",
                                  c->trouble ? c->trouble : "not connected yet");
  finish(q);
}

/* Calls that have waited for a connection for too long. The moment when the next one has. */
static int64_t
expire_calls(struct etcd_client *c, int64_t now, bool all)
{
  struct etcd_request *late = NULL, **at, *next;
  int64_t first = CLOCK_NEVER;

  pthread_mutex_lock(&c->lock);
  for (at = &c->calls; *at;) {
    struct etcd_request *q = *at;

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

/* Everything that waits is begun, on a connection that is up. */
static void
begin_waiting(struct etcd_client *c)
{
  struct etcd_request *calls, *next;

  pthread_mutex_lock(&c->lock);
  calls = steal_pointer(&c->calls);
  c->last_call = &c->calls;
  pthread_mutex_unlock(&c->lock);
  for (struct etcd_request *q = calls; q; q = next) {
    next = q->next;
    if (!etcd_client_begin(c, q->ask->path, q->deadline, q->ask->request, true, &call_ops, q, &q->err)) {
      q->result = -(int)q->err.code;
      finish(q);
    }
  }
  etcd_streams_open(c);
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
  etcd_streams_close(c);
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

static void *
client_main(void *arg)
{
  struct etcd_client *c = arg;

  while (!is_stopping(c))
    wait_for_work(c, work(c));
  grpc_link_free(steal_pointer(&c->link), ETCD_CLOSED);
  expire_calls(c, 0, true);
  etcd_streams_end(c);
  etcd_streams_close(c);
  return NULL;
}

void
etcd_client_wake(struct etcd_client *c)
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
  etcd_client_wake(c);
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
  struct etcd_request q = { .ask = ask, .deadline = deadline, .answer = answer };
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
    return kerr_set(reterr, KERR_CANCELLED, NULL, ETCD_CLOSED);
  }
  etcd_client_wake(c);
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
