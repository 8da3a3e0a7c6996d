#include "http_stream.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "thread.h"

/* The library allocates this per response although a chunked one is written elsewhere. */
#define BLOCK_SIZE 512
#define BELL_ID    UINT64_MAX
/* Streams resumed while others who want the lock of all streams wait. */
#define RESUME_BATCH 64

struct http_stream {
  struct http_streams *set;
  struct MHD_Connection *conn;
  struct exchange_stream *stream;
  int fd;
  uint64_t id;

  /* The reader's own: it is called by one thread at a time. */
  struct span rest; /* of the frame being sent; valid until the next call of next() */
  bool over;

  pthread_mutex_t lock; /* the rest; taken after set->lock */
  bool suspended;       /* only whoever clears it resumes the connection */
  bool notified, gone, ending;
};

/* Streams are found by id, so that a hang-up that is told late cannot reach another stream: slot and how often it was
 * used. */
struct slot {
  struct http_stream *stream; /* NULL: free */
  uint32_t uses, next_free;
};

struct http_streams {
  void (*changed)(void *arg);
  void *arg;
  int epoll, bell; /* an eventfd: something for the thread to do beside hang-ups */
  pthread_t thread;

  pthread_mutex_t ready_lock; /* the next four; taken last */
  uint64_t *ready;            /* ids of suspended streams that have been notified */
  size_t n_ready, cap_ready;
  bool quit;

  pthread_mutex_t lock; /* the rest */
  struct slot *slots;
  uint32_t n_slots, cap, free_slot; /* free_slot: head of the list of free ones, or n_slots */
  size_t count;
  bool stopping;
};

/* Sets one of the flags and lets the reader run. */
static void
wake(struct http_stream *s, bool *flag)
{
  pthread_mutex_lock(&s->lock);
  *flag = true;
  if (s->suspended) {
    s->suspended = false;
    MHD_resume_connection(s->conn);
  }
  pthread_mutex_unlock(&s->lock);
}

static void
ring_bell(struct http_streams *set)
{
  uint64_t one = 1;

  while (write(set->bell, &one, sizeof one) < 0)
    assert(errno == EINTR);
}

/*
 * Whoever notifies has a thousand others to notify: it only leaves the id, and the thread here resumes all those that
 * have come together by the time it runs. Resuming costs two locks and a system call each.
 */
static void
on_notify(void *arg)
{
  struct http_stream *s = arg;
  struct http_streams *set = s->set;
  bool first = false;

  pthread_mutex_lock(&s->lock);
  s->notified = true;
  if (s->suspended) {
    pthread_mutex_lock(&set->ready_lock);
    if (set->n_ready == set->cap_ready) {
      set->cap_ready = set->cap_ready ? 2 * set->cap_ready : 64;
      set->ready = mem_realloc(set->ready, set->cap_ready * sizeof *set->ready);
    }
    first = set->n_ready == 0;
    set->ready[set->n_ready++] = s->id;
    pthread_mutex_unlock(&set->ready_lock);
  }
  pthread_mutex_unlock(&s->lock);
  if (first)
    ring_bell(set);
}

/* -- the thread: hang-ups, and streams that are to be resumed -- */

/* With set->lock. NULL: it is gone by now. */
static struct http_stream *
find(struct http_streams *set, uint64_t id)
{
  uint32_t at = (uint32_t)id, uses = (uint32_t)(id >> 32);

  return at < set->n_slots && set->slots[at].uses == uses ? set->slots[at].stream : NULL;
}

static void
hung_up(struct http_streams *set, uint64_t id)
{
  struct http_stream *s;

  pthread_mutex_lock(&set->lock);
  s = find(set, id);
  if (s)
    wake(s, &s->gone);
  pthread_mutex_unlock(&set->lock);
}

static void
resume_some(struct http_streams *set, const uint64_t *ids, size_t n)
{
  pthread_mutex_lock(&set->lock);
  for (size_t i = 0; i < n; i++) {
    struct http_stream *s = find(set, ids[i]);

    if (s)
      wake(s, &s->notified);
  }
  pthread_mutex_unlock(&set->lock);
}

/* False: it is time to stop. */
static bool
answer_bell(struct http_streams *set)
{
  _cleanup_free_ uint64_t *ids = NULL;
  uint64_t rung;
  size_t n;
  bool quit;

  if (read(set->bell, &rung, sizeof rung) < 0)
    return true;
  pthread_mutex_lock(&set->ready_lock);
  ids = steal_pointer(&set->ready);
  n = set->n_ready;
  set->n_ready = set->cap_ready = 0;
  quit = set->quit;
  pthread_mutex_unlock(&set->ready_lock);
  for (size_t at = 0; at < n; at += RESUME_BATCH)
    resume_some(set, ids + at, n - at < RESUME_BATCH ? n - at : RESUME_BATCH);
  return !quit;
}

static void *
watch_main(void *arg)
{
  struct http_streams *set = arg;

  for (;;) {
    struct epoll_event events[64];
    int n = epoll_wait(set->epoll, events, ARRAY_SIZE(events), -1);

    assert(n >= 0 || errno == EINTR);
    for (int i = 0; i < n; i++) {
      if (events[i].data.u64 != BELL_ID)
        hung_up(set, events[i].data.u64);
      else if (!answer_bell(set))
        return NULL;
    }
  }
}

struct http_streams *
http_streams_new(void (*changed)(void *arg), void *arg)
{
  struct http_streams *set = mem_alloc(sizeof *set);
  struct epoll_event ev = { .events = EPOLLIN, .data.u64 = BELL_ID };

  set->changed = changed;
  set->arg = arg;
  pthread_mutex_init(&set->lock, NULL);
  set->epoll = epoll_create1(EPOLL_CLOEXEC);
  set->bell = eventfd(0, EFD_CLOEXEC);
  pthread_mutex_init(&set->ready_lock, NULL);
  assert(set->epoll >= 0 && set->bell >= 0 && epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->bell, &ev) == 0);
  thread_start(&set->thread, "http-streams", watch_main, set);
  return set;
}

void
http_streams_stop(struct http_streams *set)
{
  pthread_mutex_lock(&set->lock);
  set->stopping = true;
  for (uint32_t i = 0; i < set->n_slots; i++)
    if (set->slots[i].stream)
      wake(set->slots[i].stream, &set->slots[i].stream->ending);
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
  s->ending = set->stopping;
  ev.data.u64 = s->id;
  if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0)
    s->gone = true; /* a socket that cannot be watched would leak: better to end it */
  pthread_mutex_unlock(&set->lock);
}

static void
drop(struct http_streams *set, struct http_stream *s)
{
  uint32_t at = (uint32_t)s->id;

  pthread_mutex_lock(&set->lock);
  (void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, s->fd, NULL); /* fails when it is closed already: gone is gone */
  set->slots[at].stream = NULL;
  set->slots[at].uses++;
  set->slots[at].next_free = set->free_slot;
  set->free_slot = at;
  set->count--;
  pthread_mutex_unlock(&set->lock);
  set->changed(set->arg);
}

/* -- reading -- */

/* Nothing to read: sleep, unless something has happened since next() said so. False: look again. */
static bool
sleep_or_look_again(struct http_stream *s)
{
  bool sleeping;

  pthread_mutex_lock(&s->lock);
  sleeping = !s->notified && !s->gone && !s->ending;
  s->notified = false;
  if (sleeping) {
    s->suspended = true;
    MHD_suspend_connection(s->conn);
  }
  pthread_mutex_unlock(&s->lock);
  return sleeping;
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

static ssize_t
read_stream(void *cls, uint64_t pos, char *buf, size_t max)
{
  struct http_stream *s = cls;
  bool gone, ending;
  size_t n = 0;

  (void)pos;
  pthread_mutex_lock(&s->lock);
  gone = s->gone;
  ending = s->ending;
  pthread_mutex_unlock(&s->lock);
  if (gone)
    return MHD_CONTENT_READER_END_WITH_ERROR;
  while (n < max) {
    size_t take;

    if (s->rest.n == 0) {
      int r = ending ? -1 : next_frame(s);

      if (r == 1)
        continue;
      if (n > 0)
        break; /* an end is found again the next time */
      if (r < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
      if (sleep_or_look_again(s))
        return 0;
      pthread_mutex_lock(&s->lock);
      gone = s->gone;
      ending = s->ending;
      pthread_mutex_unlock(&s->lock);
      if (gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
      continue;
    }
    take = s->rest.n < max - n ? s->rest.n : max - n;
    memcpy(buf + n, s->rest.p, take);
    s->rest = span_make(s->rest.p + take, s->rest.n - take);
    n += take;
  }
  return (ssize_t)n;
}

static void
free_stream(void *cls)
{
  struct http_stream *s = cls;

  s->stream->ops->free(s->stream); /* no notify comes from here on */
  drop(s->set, s);                 /* and no hang-up */
  pthread_mutex_destroy(&s->lock);
  free(s);
}

struct MHD_Response *
http_stream_response(struct http_streams *set, struct MHD_Connection *conn, struct exchange_stream *stream)
{
  struct http_stream *s = mem_alloc(sizeof *s);
  struct MHD_Response *response;

  s->set = set;
  s->conn = conn;
  s->stream = stream;
  s->fd = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  pthread_mutex_init(&s->lock, NULL);
  add(set, s);
  stream->ops->set_notify(stream, on_notify, s);
  response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream, s, free_stream);
  if (!response)
    free_stream(s);
  return response;
}
