#include "thread.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mem.h"

struct start {
  void *(*fn)(void *);
  void *arg;
  char name[16];
};

static void *
run(void *p)
{
  struct start s = *(struct start *)p;

  free(p);
  (void)pthread_setname_np(pthread_self(), s.name);
  return s.fn(s.arg);
}

void
thread_start(pthread_t *ret, const char *name, void *(*fn)(void *), void *arg)
{
  struct start *s = mem_alloc(sizeof *s);
  sigset_t all, before;
  int err;

  s->fn = fn;
  s->arg = arg;
  (void)snprintf(s->name, sizeof s->name, "%s", name);
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits it */
  err = pthread_create(ret, NULL, run, s);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (err) {
    fprintf(stderr, "dralab: cannot start thread '%s': %s\n", name, strerrordesc_np(err));
    abort();
  }
}

struct mailbox {
  pthread_mutex_t lock;
  pthread_cond_t cond;
  struct clock *clock;
  void (*message_free)(void *);
  void **ring; /* cap is a power of two, grown up to the limit when needed */
  size_t head, count, cap, limit;
  bool closed, poked;
  int fd; /* eventfd, or -1 until somebody asks for it */
  bool readable; /* what fd says */
  struct mailbox_waiter *waiters, **last_waiter;
  struct mailbox_waiter *calling; /* its fn runs just now, in thread `caller` */
  pthread_t caller;
  pthread_cond_t called;
};

struct mailbox *
mailbox_new(struct clock *clock, size_t limit, void (*message_free)(void *))
{
  struct mailbox *m = mem_alloc(sizeof *m);

  assert(limit > 0);
  (void)pthread_mutex_init(&m->lock, NULL);
  (void)pthread_cond_init(&m->called, NULL);
  clock_cond_init(&m->cond);
  m->clock = clock;
  m->limit = limit;
  m->message_free = message_free;
  m->fd = -1;
  m->last_waiter = &m->waiters;
  return m;
}

void
mailbox_free(struct mailbox *m)
{
  if (!m)
    return;
  for (size_t i = 0; i < m->count && m->message_free; i++)
    m->message_free(m->ring[(m->head + i) & (m->cap - 1)]);
  if (m->fd >= 0)
    (void)close(m->fd);
  (void)pthread_cond_destroy(&m->called);
  (void)pthread_cond_destroy(&m->cond);
  (void)pthread_mutex_destroy(&m->lock);
  free(m->ring);
  free(m);
}

static void
grow(struct mailbox *m)
{
  size_t cap = m->cap ? m->cap * 2 : 16;
  void **ring = mem_calloc(cap, sizeof *ring);

  for (size_t i = 0; i < m->count; i++)
    ring[i] = m->ring[(m->head + i) & (m->cap - 1)];
  free(m->ring);
  m->ring = ring;
  m->cap = cap;
  m->head = 0;
}

/* Make the descriptor say whether a receiver would return at once. Called with the lock held, after every change. */
static void
update_fd(struct mailbox *m)
{
  bool readable = m->count > 0 || m->closed || m->poked;
  eventfd_t ignored;

  if (m->fd < 0 || readable == m->readable)
    return;
  if (readable)
    (void)eventfd_write(m->fd, 1);
  else
    (void)eventfd_read(m->fd, &ignored);
  m->readable = readable;
}

static bool
put(struct mailbox *m, void *message)
{
  if (m->closed || m->count >= m->limit)
    return false;
  if (m->count == m->cap)
    grow(m);
  m->ring[(m->head + m->count) & (m->cap - 1)] = message;
  m->count++;
  update_fd(m);
  pthread_cond_signal(&m->cond);
  return true;
}

bool
mailbox_send(struct mailbox *m, void *message)
{
  bool done;

  pthread_mutex_lock(&m->lock);
  done = put(m, message);
  pthread_mutex_unlock(&m->lock);
  return done;
}

bool
mailbox_send_or_wait(struct mailbox *m, void *message, struct mailbox_waiter *w)
{
  bool done;

  pthread_mutex_lock(&m->lock);
  done = put(m, message);
  if (!done && !m->closed && !w->queued) {
    w->queued = true;
    w->next = NULL;
    *m->last_waiter = w;
    m->last_waiter = &w->next;
  }
  pthread_mutex_unlock(&m->lock);
  return done;
}

static struct mailbox_waiter *
waiter_pop(struct mailbox *m)
{
  struct mailbox_waiter *w = m->waiters;

  m->waiters = w->next;
  if (!m->waiters)
    m->last_waiter = &m->waiters;
  w->queued = false;
  return w;
}

/* Tell those who wait, as long as there is room. The lock is held, but not while fn runs. */
static void
call_waiters(struct mailbox *m)
{
  while (m->waiters && !m->closed && m->count <= m->limit / 2) {
    struct mailbox_waiter *w = waiter_pop(m);

    m->calling = w;
    m->caller = pthread_self();
    pthread_mutex_unlock(&m->lock);
    w->fn(w->arg);
    pthread_mutex_lock(&m->lock);
    m->calling = NULL;
    pthread_cond_broadcast(&m->called);
  }
}

void
mailbox_cancel(struct mailbox *m, struct mailbox_waiter *w)
{
  pthread_mutex_lock(&m->lock);
  while (m->calling == w && !pthread_equal(m->caller, pthread_self()))
    pthread_cond_wait(&m->called, &m->lock);
  if (w->queued) {
    struct mailbox_waiter **p = &m->waiters;

    while (*p != w)
      p = &(*p)->next;
    *p = w->next;
    if (!*p)
      m->last_waiter = p;
    w->queued = false;
  }
  pthread_mutex_unlock(&m->lock);
}

void *
mailbox_receive(struct mailbox *m, int64_t deadline)
{
  void *message = NULL;

  pthread_mutex_lock(&m->lock);
  call_waiters(m); /* a box so small that it is never half full is refilled here */
  while (m->count == 0 && !m->closed && !m->poked && clock_cond_wait(m->clock, &m->cond, &m->lock, deadline))
    continue;
  m->poked = false;
  if (m->count > 0) {
    message = m->ring[m->head];
    m->head = (m->head + 1) & (m->cap - 1);
    m->count--;
    call_waiters(m);
  }
  update_fd(m);
  pthread_mutex_unlock(&m->lock);
  return message;
}

void
mailbox_poke(struct mailbox *m)
{
  pthread_mutex_lock(&m->lock);
  m->poked = true;
  update_fd(m);
  pthread_cond_signal(&m->cond);
  pthread_mutex_unlock(&m->lock);
}

void
mailbox_close(struct mailbox *m)
{
  pthread_mutex_lock(&m->lock);
  m->closed = true;
  update_fd(m);
  pthread_cond_broadcast(&m->cond);
  pthread_mutex_unlock(&m->lock);
}

bool
mailbox_closed(struct mailbox *m)
{
  bool closed;

  pthread_mutex_lock(&m->lock);
  closed = m->closed;
  pthread_mutex_unlock(&m->lock);
  return closed;
}

int
mailbox_fd(struct mailbox *m)
{
  pthread_mutex_lock(&m->lock);
  if (m->fd < 0) {
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->fd < 0) {
      perror("dralab: eventfd");
      abort();
    }
    update_fd(m);
  }
  pthread_mutex_unlock(&m->lock);
  return m->fd;
}
