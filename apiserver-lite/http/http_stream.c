#include "http_stream.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http_internal.h"
#include "thread.h"

/* A chunk that fills one record of TLS: its size in four digits, a line's end, the data, a line's end. */
#define CHUNK_HEAD 6
#define CHUNK_TAIL 2
#define CHUNK_DATA (16384 - CHUNK_HEAD - CHUNK_TAIL)
/* Chunks of one stream before it is the next one's turn. */
#define TURN 4
/* Ready streams taken from the list at a time. */
#define BATCH 64

/* What a stream has to be looked after for, beside its frames. */
enum { STREAM_NEW = 1, STREAM_GONE = 2, STREAM_ENDING = 4 };

struct http_stream {
  struct http_streams *set;
  struct http_conn *conn;
  struct exchange_stream *stream;

  /* The thread's own. */
  struct span rest; /* of the frame being sent; valid until the next call of next() */
  bool over;
  bool wants_room; /* epoll is asked for it */

  /* With set->lock. */
  unsigned flags;
  bool ready; /* on the list of those */
  struct http_stream *ready_prev, *ready_next;
  struct http_stream *prev, *next; /* in the list of all */
};

struct http_streams {
  int epoll, bell; /* an eventfd: there are ready streams, or it is time to stop */
  pthread_t thread;
  char chunk[CHUNK_HEAD + CHUNK_DATA + CHUNK_TAIL]; /* the thread's */

  pthread_mutex_t lock; /* the rest */
  struct http_stream *all;
  struct http_stream *ready, *last_ready;
  size_t count;
  bool sleeping, stopping, quit;
};

/* -- the list of ready streams -- */

static void
ring_bell(struct http_streams *set)
{
  uint64_t one = 1;

  while (write(set->bell, &one, sizeof one) < 0)
    assert(errno == EINTR);
}

/* With the lock. True: the thread is to be woken, which is better done without it. */
static bool
make_ready(struct http_stream *s, unsigned flags)
{
  struct http_streams *set = s->set;
  bool wake = set->sleeping;

  s->flags |= flags;
  if (s->ready)
    return false;
  s->ready = true;
  s->ready_prev = set->last_ready;
  s->ready_next = NULL;
  *(s->ready_prev ? &s->ready_prev->ready_next : &set->ready) = s;
  set->last_ready = s;
  set->sleeping = false;
  return wake;
}

/* With the lock. */
static void
take_ready(struct http_stream *s)
{
  struct http_streams *set = s->set;

  if (!s->ready)
    return;
  s->ready = false;
  *(s->ready_prev ? &s->ready_prev->ready_next : &set->ready) = s->ready_next;
  *(s->ready_next ? &s->ready_next->ready_prev : &set->last_ready) = s->ready_prev;
}

static void
ready(struct http_stream *s, unsigned flags)
{
  bool wake;

  pthread_mutex_lock(&s->set->lock);
  wake = make_ready(s, flags);
  pthread_mutex_unlock(&s->set->lock);
  if (wake)
    ring_bell(s->set);
}

static void
on_notify(void *arg)
{
  ready(arg, 0);
}

/* -- one stream, by the thread -- */

static void
begin(struct http_stream *s)
{
  struct epoll_event ev = { .events = EPOLLRDHUP, .data.ptr = s };

  if (epoll_ctl(s->set->epoll, EPOLL_CTL_ADD, s->conn->wire.fd, &ev) < 0)
    ready(s, STREAM_GONE); /* a socket that cannot be watched would leak: better to end it */
  s->stream->ops->set_notify(s->stream, on_notify, s);
}

static void
ask_for_room(struct http_stream *s, bool wanted)
{
  struct epoll_event ev = { .events = EPOLLRDHUP | (wanted ? EPOLLOUT : 0), .data.ptr = s };

  if (s->wants_room == wanted)
    return;
  s->wants_room = wanted;
  (void)epoll_ctl(s->set->epoll, EPOLL_CTL_MOD, s->conn->wire.fd, &ev);
}

/* Gives the connection back: to be closed, or to go on with the next request. */
static void
finish(struct http_stream *s, bool gone)
{
  struct http_streams *set = s->set;
  struct http_conn *c = s->conn;

  s->stream->ops->free(s->stream); /* no notify comes from here on */
  (void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, c->wire.fd, NULL);
  if (!gone && c->head.chunks_allowed)
    gone = !http_wire_write(&c->wire, SPAN("0\r\n\r\n"));
  c->gone = gone;
  pthread_mutex_lock(&set->lock);
  take_ready(s);
  *(s->prev ? &s->prev->next : &set->all) = s->next;
  if (s->next)
    s->next->prev = s->prev;
  set->count--;
  pthread_mutex_unlock(&set->lock);
  free(s);
  http_conn_sleep(c, EPOLLOUT); /* a worker has it at once */
}

static bool
next_frame(struct http_stream *s)
{
  struct exchange_event e = { 0 };
  int r = s->over ? -1 : s->stream->ops->next(s->stream, &e);

  if (r <= 0) {
    s->over = r < 0;
    return false;
  }
  record_unref(e.record); /* the frame says it all */
  s->rest = e.bytes;
  return true;
}

/* The frames that are there, as far as they fit into a chunk; nothing when there are none. */
static struct span
next_chunk(struct http_stream *s)
{
  char *data = s->set->chunk + CHUNK_HEAD, size[CHUNK_HEAD + 1];
  size_t n = 0, digits;

  while (n < CHUNK_DATA && (s->rest.n > 0 || next_frame(s))) {
    size_t take = s->rest.n < CHUNK_DATA - n ? s->rest.n : CHUNK_DATA - n;

    memcpy(data + n, s->rest.p, take);
    s->rest = span_make(s->rest.p + take, s->rest.n - take);
    n += take;
  }
  if (n == 0 || !s->conn->head.chunks_allowed)
    return span_make(data, n);
  digits = (size_t)snprintf(size, sizeof size, "%zx\r\n", n);
  memcpy(data - digits, size, digits);
  memcpy(data + n, "\r\n", CHUNK_TAIL);
  return span_make(data - digits, digits + n + CHUNK_TAIL);
}

static void
pump(struct http_stream *s, unsigned flags)
{
  struct http_wire *w = &s->conn->wire;

  if (flags & STREAM_NEW)
    begin(s);
  if (flags & STREAM_ENDING)
    s->over = true;
  for (int turn = 0; turn < TURN; turn++) {
    int r = flags & STREAM_GONE ? -1 : http_wire_flush(w);
    struct span chunk;

    if (r < 0) {
      finish(s, true);
      return;
    }
    ask_for_room(s, r == 0);
    if (r == 0)
      return;
    chunk = next_chunk(s);
    if (chunk.n == 0) {
      if (s->over)
        finish(s, false);
      return; /* else: it notifies */
    }
    if (!http_wire_write(w, chunk))
      flags |= STREAM_GONE;
  }
  ready(s, flags & STREAM_GONE);
}

/* -- the thread -- */

static void
pump_ready(struct http_streams *set)
{
  struct {
    struct http_stream *stream;
    unsigned flags;
  } batch[BATCH];
  size_t n = 0;

  pthread_mutex_lock(&set->lock);
  for (struct http_stream *s; n < BATCH && (s = set->ready); n++) {
    take_ready(s);
    batch[n].stream = s;
    batch[n].flags = s->flags;
    s->flags = 0;
  }
  pthread_mutex_unlock(&set->lock);
  for (size_t i = 0; i < n; i++)
    pump(batch[i].stream, batch[i].flags);
}

/* True: to sleep until something comes. */
static bool
may_sleep(struct http_streams *set, bool *ret_quit)
{
  bool sleeps;

  pthread_mutex_lock(&set->lock);
  sleeps = set->sleeping = !set->ready && !set->quit;
  *ret_quit = set->quit;
  pthread_mutex_unlock(&set->lock);
  return sleeps;
}

static void
look(struct http_streams *set, bool sleeps)
{
  struct epoll_event events[BATCH];
  int n = epoll_wait(set->epoll, events, BATCH, sleeps ? -1 : 0);
  uint64_t rung;

  assert(n >= 0 || errno == EINTR);
  pthread_mutex_lock(&set->lock);
  set->sleeping = false;
  for (int i = 0; i < n; i++)
    if (events[i].data.ptr)
      (void)make_ready(events[i].data.ptr, events[i].events & ~(uint32_t)EPOLLOUT ? STREAM_GONE : 0);
    else
      (void)!read(set->bell, &rung, sizeof rung);
  pthread_mutex_unlock(&set->lock);
}

static void *
streams_main(void *arg)
{
  struct http_streams *set = arg;
  bool quit = false;

  while (!quit) {
    look(set, may_sleep(set, &quit));
    pump_ready(set);
  }
  return NULL;
}

/* -- all of them -- */

struct http_streams *
http_streams_new(void)
{
  struct http_streams *set = mem_alloc(sizeof *set);
  struct epoll_event ev = { .events = EPOLLIN };

  pthread_mutex_init(&set->lock, NULL);
  set->epoll = epoll_create1(EPOLL_CLOEXEC);
  set->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  assert(set->epoll >= 0 && set->bell >= 0 && epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->bell, &ev) == 0);
  thread_start(&set->thread, "http-streams", streams_main, set);
  return set;
}

void
http_streams_stop(struct http_streams *set)
{
  pthread_mutex_lock(&set->lock);
  set->stopping = true;
  for (struct http_stream *s = set->all; s; s = s->next)
    (void)make_ready(s, STREAM_ENDING);
  pthread_mutex_unlock(&set->lock);
  ring_bell(set);
}

void
http_streams_free(struct http_streams *set)
{
  if (!set)
    return;
  pthread_mutex_lock(&set->lock);
  set->quit = true;
  pthread_mutex_unlock(&set->lock);
  ring_bell(set);
  pthread_join(set->thread, NULL);
  while (set->all)
    finish(set->all, true);
  (void)close(set->epoll);
  (void)close(set->bell);
  pthread_mutex_destroy(&set->lock);
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

void
http_streams_add(struct http_streams *set, struct http_conn *c)
{
  struct http_stream *s = mem_alloc(sizeof *s);
  bool wake;

  s->set = set;
  s->conn = c;
  s->stream = steal_pointer(&c->answer.stream);
  pthread_mutex_lock(&set->lock);
  s->next = set->all;
  if (s->next)
    s->next->prev = s;
  set->all = s;
  set->count++;
  wake = make_ready(s, STREAM_NEW | (set->stopping ? STREAM_ENDING : 0));
  pthread_mutex_unlock(&set->lock);
  if (wake)
    ring_bell(set);
}
