#include "http_upgrade.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_internal.h"
#include "thread.h"

struct http_upgrades {
  pthread_mutex_t lock; /* everything below */
  pthread_cond_t given_back;
  struct upgraded *first;
  bool stopping;
};

struct upgraded {
  struct http_upgrades *set;
  struct http_conn *conn;
  int fd;   /* what the other one has */
  int ours; /* TLS: our end of the pair; else -1 */
  struct upgraded *prev, *next;
};

struct http_upgrades *
http_upgrades_new(void)
{
  struct http_upgrades *set = mem_alloc(sizeof *set);

  pthread_mutex_init(&set->lock, NULL);
  pthread_cond_init(&set->given_back, NULL);
  return set;
}

void
http_upgrades_stop(struct http_upgrades *set)
{
  pthread_mutex_lock(&set->lock);
  set->stopping = true;
  for (struct upgraded *u = set->first; u; u = u->next)
    (void)shutdown(u->fd, SHUT_RDWR);
  pthread_mutex_unlock(&set->lock);
}

void
http_upgrades_wait(struct http_upgrades *set)
{
  pthread_mutex_lock(&set->lock);
  while (set->first)
    pthread_cond_wait(&set->given_back, &set->lock);
  pthread_mutex_unlock(&set->lock);
}

void
http_upgrades_free(struct http_upgrades *set)
{
  if (!set)
    return;
  assert(!set->first);
  pthread_cond_destroy(&set->given_back);
  pthread_mutex_destroy(&set->lock);
  free(set);
}

/* The last thing that happens to it. The set may be gone as soon as it is empty. */
static void
end(struct upgraded *u)
{
  struct http_upgrades *set = u->set;

  http_conn_free(u->conn);
  pthread_mutex_lock(&set->lock);
  *(u->prev ? &u->prev->next : &set->first) = u->next;
  if (u->next)
    u->next->prev = u->prev;
  pthread_cond_broadcast(&set->given_back);
  pthread_mutex_unlock(&set->lock);
  free(u);
}

/* -- TLS: between the connection and our end of the pair -- */

/* What the client has sent, to our end. False: nobody reads it any more. */
static bool
pass_in(struct upgraded *u)
{
  struct http_conn *c = u->conn;
  ssize_t n = send(u->ours, c->in.p + c->in_at, c->in.n - c->in_at, MSG_NOSIGNAL | MSG_DONTWAIT);

  if (n > 0)
    c->in_at += (size_t)n;
  if (c->in_at == c->in.n) {
    strbuf_clear(&c->in);
    c->in_at = 0;
  }
  return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* What comes from our end, to the client. False: there will be no more. */
static bool
pass_out(struct upgraded *u)
{
  char buf[16384];
  ssize_t n = recv(u->ours, buf, sizeof buf, MSG_DONTWAIT);

  if (n > 0)
    return http_wire_write(&u->conn->wire, span_make(buf, (size_t)n)) && http_wire_flush(&u->conn->wire) >= 0;
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* One buffer each way; who has nowhere to put more does not read. */
static void
relay(struct upgraded *u)
{
  struct http_conn *c = u->conn;
  bool reading = true; /* the client may send more */

  for (;;) {
    bool in = c->in.n > c->in_at, out = http_wire_unsent(&c->wire) > 0;
    struct pollfd p[] = {
      { .fd = reading || out ? c->wire.fd : -1,
        .events = (short)((reading && !in ? POLLIN : 0) | (out ? POLLOUT : 0)) },
      { .fd = !out || in ? u->ours : -1, .events = (short)((out ? 0 : POLLIN) | (in ? POLLOUT : 0)) },
    };

    if (poll(p, ARRAY_SIZE(p), -1) < 0)
      continue; /* EINTR */
    if (out && p[0].revents && http_wire_flush(&c->wire) < 0)
      return;
    if (reading && !in && p[0].revents && http_wire_read(&c->wire, &c->in) < 0) {
      reading = false;
      (void)shutdown(u->ours, SHUT_WR);
    }
    if (in && p[1].revents & (POLLOUT | POLLERR | POLLHUP) && !pass_in(u))
      return;
    if (!out && p[1].revents & (POLLIN | POLLERR | POLLHUP) && !pass_out(u))
      return;
  }
}

static void *
relay_main(void *arg)
{
  struct upgraded *u = arg;

  relay(u);
  http_wire_bye(&u->conn->wire);
  (void)close(u->ours);
  end(u);
  return NULL;
}

/* -- handing over -- */

static void
give_back(void *arg)
{
  struct upgraded *u = arg;
  struct http_upgrades *set = u->set;

  if (u->ours < 0) {
    end(u);
    return;
  }
  pthread_mutex_lock(&set->lock); /* who stops looks at `fd` */
  (void)close(u->fd);             /* the relay sees it, and ends */
  u->fd = -1;
  pthread_mutex_unlock(&set->lock);
}

static void
enlist(struct upgraded *u)
{
  struct http_upgrades *set = u->set;

  pthread_mutex_lock(&set->lock);
  u->next = set->first;
  if (u->next)
    u->next->prev = u;
  set->first = u;
  if (set->stopping)
    (void)shutdown(u->fd, SHUT_RDWR);
  pthread_mutex_unlock(&set->lock);
}

void
http_upgrade_start(struct http_upgrades *set, struct http_conn *c)
{
  struct exchange_upgrade *up = steal_pointer(&c->answer.upgrade);
  _cleanup_free_ char *early = mem_strndup(c->in.p + c->in_at, c->in.n - c->in_at);
  struct exchange_connection conn = { .early = span_make(early, c->in.n - c->in_at), .close = give_back };
  struct upgraded *u = mem_alloc(sizeof *u);
  bool tls = c->wire.session != NULL;
  int pair[2] = { -1, -1 };

  if (tls && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
    log_warn(c->server->log, "http", "no sockets for an upgraded connection");
    up->free(up);
    free(u);
    http_conn_free(c);
    return;
  }
  http_conn_unwatch(c);
  strbuf_clear(&c->in);
  c->in_at = 0;
  *u = (struct upgraded){ .set = set, .conn = c, .fd = tls ? pair[0] : c->wire.fd, .ours = pair[1] };
  conn.fd = u->fd;
  conn.arg = u;
  enlist(u);
  up->start(up, &conn); /* may have given it back already: without TLS `u` is gone then */
  if (tls) {
    pthread_t thread;

    thread_start(&thread, "http-upgrade", relay_main, u);
    (void)pthread_detach(thread);
  }
}
