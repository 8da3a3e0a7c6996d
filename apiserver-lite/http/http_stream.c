#include "http_stream.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_server.h"
#include "http_wire.h"
#include "thread.h"

/* The library allocates this per response although the body is written here. */
#define BLOCK_SIZE 512
#define BELL_ID    UINT64_MAX
/* One chunk is one TLS record: its size in hex before, two line ends. */
#define CHUNK_HEAD  6
#define CHUNK_TAIL  2
#define CHUNK_BYTES (16384 - CHUNK_HEAD - CHUNK_TAIL)
/* Chunks of one stream before it is another's turn. */
#define CHUNKS_AT_ONCE 16
/* Streams taken from the list under one hold of the lock. */
#define BATCH 64
/* How often those who do not read are looked for, while there are any. */
#define PATIENCE_MS 1000

struct http_stream {
  struct http_streams *set;
  struct MHD_Connection *conn;
  struct exchange_stream *stream;
  uint64_t id;
  bool chunked;

  bool queued; /* set->ready_lock */

  /* set->lock. The library frees a stream, but not one that is lent; only the thread here gives it back. */
  bool lent, gone;
  ssize_t outcome; /* what the library is told after it has it back; 0: it has not lent it yet */

  /* The thread's, while it is lent. */
  struct http_wire wire;
  struct span rest; /* of the frame being sent; valid until the next call of next() */
  bool over;        /* next() says that there will be nothing more */
  int64_t blocked;  /* since when the client does not read; 0: it does */
};

/* Streams are found by id, so that a hang-up that is told late cannot reach another stream: slot and how often it was
 * used. */
struct slot {
  struct http_stream *stream; /* NULL: free */
  uint32_t uses, next_free;
};

struct http_streams {
  struct clock *clock;
  void (*changed)(void *arg);
  void *arg;
  int epoll, bell; /* an eventfd: something for the thread to do beside sockets */
  pthread_t thread;

  /* the thread's */
  size_t n_blocked;
  int64_t looked; /* when those who do not read were last looked for */
  char chunk[CHUNK_HEAD + CHUNK_BYTES + CHUNK_TAIL];

  pthread_mutex_t ready_lock; /* the next four; taken last */
  uint64_t *ready;            /* ids of streams that have been notified, each once */
  size_t n_ready, cap_ready;
  bool quit;

  pthread_mutex_t lock; /* the rest */
  struct slot *slots;
  uint32_t n_slots, cap, free_slot; /* free_slot: head of the list of free ones, or n_slots */
  size_t count, n_lent;
  bool stopping;
  pthread_cond_t none_lent;
};

/* -- what is to be done -- */

static void
ring_bell(struct http_streams *set)
{
  uint64_t one = 1;

  while (write(set->bell, &one, sizeof one) < 0)
    assert(errno == EINTR);
}

/* Whoever notifies has a thousand others to notify: it only leaves the id. */
static void
enqueue(struct http_stream *s)
{
  struct http_streams *set = s->set;
  bool first = false;

  pthread_mutex_lock(&set->ready_lock);
  if (!s->queued) {
    if (set->n_ready == set->cap_ready) {
      set->cap_ready = set->cap_ready ? 2 * set->cap_ready : 64;
      set->ready = mem_realloc(set->ready, set->cap_ready * sizeof *set->ready);
    }
    first = set->n_ready == 0;
    set->ready[set->n_ready++] = s->id;
    s->queued = true;
  }
  pthread_mutex_unlock(&set->ready_lock);
  if (first)
    ring_bell(set);
}

static void
on_notify(void *arg)
{
  enqueue(arg);
}

/* -- the thread: sending -- */

static void
expect(struct http_streams *set, const struct http_stream *s, uint32_t more)
{
  struct epoll_event ev = { .events = EPOLLRDHUP | EPOLLONESHOT | more, .data.u64 = s->id };

  (void)epoll_ctl(set->epoll, EPOLL_CTL_MOD, s->wire.fd, &ev);
}

static void
unblock(struct http_streams *set, struct http_stream *s)
{
  set->n_blocked -= s->blocked != 0;
  s->blocked = 0;
}

/* The library's again. `s` may be freed from here on. */
static void
give_back(struct http_streams *set, struct http_stream *s, ssize_t outcome)
{
  struct MHD_Connection *conn = s->conn;

  unblock(set, s);
  pthread_mutex_lock(&set->lock);
  s->lent = false;
  s->outcome = outcome;
  MHD_resume_connection(conn);
  if (--set->n_lent == 0)
    pthread_cond_broadcast(&set->none_lent);
  pthread_mutex_unlock(&set->lock);
}

/* The next frame into s->rest: 1, 0 nothing now, -1 the end. */
static int
next_frame(struct http_stream *s)
{
  struct exchange_event e = { 0 };
  int r = s->over ? -1 : s->stream->ops->next(s->stream, &e);

  if (r <= 0) {
    s->over = r < 0;
    return r;
  }
  record_unref(e.record); /* the frame says it all */
  s->rest = e.bytes;
  return 1;
}

/* What there is, as far as it fits in one chunk. `last`: no other frame is begun. */
static size_t
fill_chunk(struct http_stream *s, char *to, bool last)
{
  size_t n = 0;

  while (n < CHUNK_BYTES && (s->rest.n || (!last && next_frame(s) == 1))) {
    size_t take = s->rest.n < CHUNK_BYTES - n ? s->rest.n : CHUNK_BYTES - n;

    memcpy(to + n, s->rest.p, take);
    s->rest = span_make(s->rest.p + take, s->rest.n - take);
    n += take;
  }
  return n;
}

/* As http_wire_send; 2: there was nothing. */
static int
send_chunk(struct http_streams *set, struct http_stream *s, bool last)
{
  char *body = set->chunk + CHUNK_HEAD, head[CHUNK_HEAD + 1];
  size_t n = fill_chunk(s, body, last);

  if (n == 0)
    return 2;
  if (!s->chunked)
    return http_wire_send(&s->wire, span_make(body, n));
  (void)snprintf(head, sizeof head, "%04zx\r\n", n);
  memcpy(set->chunk, head, CHUNK_HEAD);
  memcpy(body + n, "\r\n", CHUNK_TAIL);
  return http_wire_send(&s->wire, span_make(set->chunk, CHUNK_HEAD + n + CHUNK_TAIL));
}

static void
wait_for_room(struct http_streams *set, struct http_stream *s)
{
  if (!s->blocked) {
    s->blocked = clock_mono(set->clock);
    set->n_blocked++;
  }
  expect(set, s, EPOLLOUT);
}

/* Send what there is. `last`: the server is being stopped. */
static void
pump(struct http_streams *set, struct http_stream *s, bool last)
{
  int r = s->wire.left.n ? http_wire_flush(&s->wire) : 1;

  for (int i = 0; r == 1 && i < CHUNKS_AT_ONCE; i++)
    r = send_chunk(set, s, last);
  if (r < 0 || (r == 0 && last)) {
    give_back(set, s, MHD_CONTENT_READER_END_WITH_ERROR);
  } else if (r == 0) {
    wait_for_room(set, s);
  } else {
    unblock(set, s);
    if (r == 1)
      enqueue(s); /* more of it after the others */
    else if (s->over || last)
      give_back(set, s, MHD_CONTENT_READER_END_OF_STREAM);
  }
}

/* -- the thread: whom -- */

/* With set->lock. NULL: it is gone by now. */
static struct http_stream *
find(struct http_streams *set, uint64_t id)
{
  uint32_t at = (uint32_t)id, uses = (uint32_t)(id >> 32);

  return at < set->n_slots && set->slots[at].uses == uses ? set->slots[at].stream : NULL;
}

/* A socket has room again, or its client has left. */
static void
on_socket(struct http_streams *set, uint64_t id, uint32_t events)
{
  bool left = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR), lent;
  struct http_stream *s;

  pthread_mutex_lock(&set->lock);
  s = find(set, id);
  if (s && left)
    s->gone = true;
  lent = s && s->lent;
  pthread_mutex_unlock(&set->lock);
  if (!lent)
    return;
  if (left) {
    give_back(set, s, MHD_CONTENT_READER_END_WITH_ERROR);
  } else {
    expect(set, s, 0);
    pump(set, s, false);
  }
}

/* Those of the ids that are lent: nobody takes them away until they are given back. */
static size_t
lent_of(struct http_streams *set, const uint64_t *ids, size_t n, struct http_stream *ret[BATCH])
{
  size_t found = 0;

  pthread_mutex_lock(&set->lock);
  pthread_mutex_lock(&set->ready_lock);
  for (size_t i = 0; i < n; i++) {
    struct http_stream *s = find(set, ids[i]);

    if (s)
      s->queued = false; /* before it is read: what comes from now on is told anew */
    if (s && s->lent)
      ret[found++] = s;
  }
  pthread_mutex_unlock(&set->ready_lock);
  pthread_mutex_unlock(&set->lock);
  return found;
}

static void
pump_ready(struct http_streams *set, const uint64_t *ids, size_t n)
{
  for (size_t at = 0; at < n; at += BATCH) {
    struct http_stream *batch[BATCH];
    size_t found = lent_of(set, ids + at, n - at < BATCH ? n - at : BATCH, batch);

    for (size_t i = 0; i < found; i++)
      if (batch[i]->wire.left.n == 0) /* or its socket will tell */
        pump(set, batch[i], false);
  }
}

/* Every stream that is lent; when all of them are to be stopped, or those who do not read. */
static void
pump_all(struct http_streams *set, bool stopping)
{
  int64_t now = clock_mono(set->clock);

  set->looked = now;
  for (uint32_t at = 0;; at++) {
    struct http_stream *s = NULL;

    pthread_mutex_lock(&set->lock);
    while (at < set->n_slots && !(set->slots[at].stream && set->slots[at].stream->lent))
      at++;
    s = at < set->n_slots ? set->slots[at].stream : NULL;
    pthread_mutex_unlock(&set->lock);
    if (!s)
      return;
    if (stopping)
      pump(set, s, true);
    else if (s->blocked && now - s->blocked > HTTP_IDLE_SECONDS * CLOCK_SEC)
      give_back(set, s, MHD_CONTENT_READER_END_WITH_ERROR);
  }
}

/* False: it is time to end. */
static bool
answer_bell(struct http_streams *set)
{
  _cleanup_free_ uint64_t *ids = NULL;
  uint64_t rung;
  bool quit, stopping;
  size_t n;

  if (read(set->bell, &rung, sizeof rung) < 0)
    return true;
  pthread_mutex_lock(&set->ready_lock);
  ids = steal_pointer(&set->ready);
  n = set->n_ready;
  set->n_ready = set->cap_ready = 0;
  quit = set->quit;
  pthread_mutex_unlock(&set->ready_lock);
  pump_ready(set, ids, n);
  pthread_mutex_lock(&set->lock);
  stopping = set->stopping;
  pthread_mutex_unlock(&set->lock);
  if (stopping)
    pump_all(set, true);
  return !quit;
}

static void *
streams_main(void *arg)
{
  struct http_streams *set = arg;

  for (;;) {
    struct epoll_event events[BATCH];
    int n = epoll_wait(set->epoll, events, ARRAY_SIZE(events), set->n_blocked ? PATIENCE_MS : -1);

    assert(n >= 0 || errno == EINTR);
    for (int i = 0; i < n; i++) {
      if (events[i].data.u64 != BELL_ID)
        on_socket(set, events[i].data.u64, events[i].events);
      else if (!answer_bell(set))
        return NULL;
    }
    if (set->n_blocked && clock_mono(set->clock) - set->looked > PATIENCE_MS * CLOCK_MS)
      pump_all(set, false);
  }
}

struct http_streams *
http_streams_new(struct clock *clock, void (*changed)(void *arg), void *arg)
{
  struct http_streams *set = mem_alloc(sizeof *set);
  struct epoll_event ev = { .events = EPOLLIN, .data.u64 = BELL_ID };

  set->clock = clock;
  set->changed = changed;
  set->arg = arg;
  pthread_mutex_init(&set->lock, NULL);
  pthread_mutex_init(&set->ready_lock, NULL);
  pthread_cond_init(&set->none_lent, NULL);
  set->epoll = epoll_create1(EPOLL_CLOEXEC);
  set->bell = eventfd(0, EFD_CLOEXEC);
  assert(set->epoll >= 0 && set->bell >= 0 && epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->bell, &ev) == 0);
  thread_start(&set->thread, "http-streams", streams_main, set);
  return set;
}

void
http_streams_stop(struct http_streams *set)
{
  pthread_mutex_lock(&set->lock);
  set->stopping = true;
  ring_bell(set);
  while (set->n_lent > 0)
    pthread_cond_wait(&set->none_lent, &set->lock);
  pthread_mutex_unlock(&set->lock);
}

void
http_streams_free(struct http_streams *set)
{
  if (!set)
    return;
  assert(set->count == 0);
  pthread_mutex_lock(&set->ready_lock);
  set->quit = true;
  pthread_mutex_unlock(&set->ready_lock);
  ring_bell(set);
  pthread_join(set->thread, NULL);
  close(set->epoll);
  close(set->bell);
  pthread_cond_destroy(&set->none_lent);
  pthread_mutex_destroy(&set->ready_lock);
  free(set->ready);
  pthread_mutex_destroy(&set->lock);
  free(set->slots);
  free(set);
}

size_t
http_streams_count(struct http_streams *set)
{
  size_t n;

  pthread_mutex_lock(&set->lock);
  n = set->count;
  pthread_mutex_unlock(&set->lock);
  return n;
}

/* -- one stream, as the library sees it -- */

static void
add(struct http_streams *set, struct http_stream *s)
{
  struct epoll_event ev = { .events = EPOLLRDHUP | EPOLLONESHOT };
  uint32_t at;

  pthread_mutex_lock(&set->lock);
  if (set->free_slot == set->n_slots) {
    if (set->n_slots == set->cap) {
      set->cap = set->cap ? 2 * set->cap : 16;
      set->slots = mem_realloc(set->slots, set->cap * sizeof *set->slots);
    }
    set->slots[set->n_slots] = (struct slot){ .next_free = set->n_slots + 1 };
    set->n_slots++;
  }
  at = set->free_slot;
  set->free_slot = set->slots[at].next_free;
  set->slots[at].stream = s;
  set->count++;
  s->id = (uint64_t)set->slots[at].uses << 32 | at;
  ev.data.u64 = s->id;
  if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, s->wire.fd, &ev) < 0)
    s->gone = true; /* a socket that cannot be watched would leak: better to end it */
  pthread_mutex_unlock(&set->lock);
}

static void
drop(struct http_streams *set, struct http_stream *s)
{
  uint32_t at = (uint32_t)s->id;

  pthread_mutex_lock(&set->lock);
  assert(!s->lent);
  (void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, s->wire.fd, NULL); /* fails when it is closed already: gone is gone */
  set->slots[at].stream = NULL;
  set->slots[at].uses++;
  set->slots[at].next_free = set->free_slot;
  set->free_slot = at;
  set->count--;
  pthread_mutex_unlock(&set->lock);
  set->changed(set->arg);
}

/* The head is out: from here the body is ours. When it comes back it is told what has become of it. */
static ssize_t
lend(void *cls, uint64_t pos, char *buf, size_t max)
{
  struct http_stream *s = cls;
  struct http_streams *set = s->set;
  int on = 1;
  ssize_t r;

  (void)pos;
  (void)buf;
  (void)max;
  pthread_mutex_lock(&set->lock);
  r = s->outcome      ? s->outcome
      : s->gone       ? MHD_CONTENT_READER_END_WITH_ERROR
      : set->stopping ? MHD_CONTENT_READER_END_OF_STREAM
                      : 0;
  if (r == 0) {
    (void)setsockopt(s->wire.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    MHD_suspend_connection(s->conn);
    s->lent = true;
    set->n_lent++;
  }
  pthread_mutex_unlock(&set->lock);
  if (r == 0)
    enqueue(s);
  return r;
}

static void
free_stream(void *cls)
{
  struct http_stream *s = cls;

  s->stream->ops->free(s->stream); /* no notify comes from here on */
  drop(s->set, s);                 /* and nothing of its socket */
  http_wire_release(&s->wire);
  free(s);
}

struct MHD_Response *
http_stream_response(struct http_streams *set, struct MHD_Connection *conn, bool chunked,
                     struct exchange_stream *stream)
{
  struct http_stream *s = mem_alloc(sizeof *s);
  const union MHD_ConnectionInfo *tls = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  struct MHD_Response *response;

  s->set = set;
  s->conn = conn;
  s->chunked = chunked;
  s->stream = stream;
  http_wire_init(&s->wire, MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                 tls ? (gnutls_session_t)tls->tls_session : NULL);
  add(set, s);
  stream->ops->set_notify(stream, on_notify, s);
  response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, lend, s, free_stream);
  if (!response)
    free_stream(s);
  return response;
}
