#include "http_server.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "ceilings.h"
#include "http_internal.h"
#include "thread.h"

#define BACKLOG    1024
#define FD_RESERVE 128 /* descriptors left for everything else */
/* After accept has failed for want of descriptors. */
#define ACCEPT_PAUSE (10 * CLOCK_MS)

static void
watch(struct http_server *s, int op, int fd, unsigned events, struct http_source *src)
{
  struct epoll_event ev = { .events = events, .data.ptr = src };
  int r = epoll_ctl(s->epoll, op, fd, &ev);

  assert(r == 0);
}

/* -- workers -- */

static void *
worker_main(void *arg)
{
  struct http_server *s = arg;
  bool goes_on = true;

  while (goes_on) {
    struct epoll_event ev;
    int n;

    atomic_fetch_add(&s->idle, 1);
    n = epoll_wait(s->epoll, &ev, 1, -1);
    atomic_fetch_sub(&s->idle, 1);
    assert(n >= 0 || errno == EINTR);
    if (n == 1) {
      struct http_source *src = ev.data.ptr;

      goes_on = src->ready(src);
    }
  }
  return NULL;
}

/* With the lock. */
static void
share(struct http_server *s)
{
  if (atomic_load(&s->idle) == 0 && s->n_workers < ARRAY_SIZE(s->workers) && !atomic_load(&s->stopping))
    thread_start(&s->workers[s->n_workers++], "http-worker", worker_main, s);
}

void
http_server_share(struct http_server *s)
{
  if (atomic_load(&s->idle) > 0)
    return;
  pthread_mutex_lock(&s->lock);
  share(s);
  pthread_mutex_unlock(&s->lock);
}

bool
http_server_admit(struct http_server *s, struct http_conn *c)
{
  pthread_mutex_lock(&s->lock);
  c->admitted = s->writing < HTTP_WORKERS_MAX;
  if (c->admitted) {
    s->writing++;
    share(s);
  } else {
    c->next_in_line = NULL;
    *s->end = c;
    s->end = &c->next_in_line;
  }
  pthread_mutex_unlock(&s->lock);
  return c->admitted;
}

void
http_server_leave(struct http_server *s)
{
  struct http_conn *next;

  pthread_mutex_lock(&s->lock);
  next = s->line;
  if (next) { /* has the place */
    s->line = next->next_in_line;
    if (!s->line)
      s->end = &s->line;
    next->admitted = true;
  } else {
    s->writing--;
  }
  pthread_mutex_unlock(&s->lock);
  if (next)
    http_conn_sleep(next, EPOLLOUT); /* a worker has it at once */
}

void
http_server_count(struct http_server *s, int requests)
{
  pthread_mutex_lock(&s->lock);
  s->requests += (size_t)requests;
  if (atomic_load(&s->stopping))
    pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

/* -- connections -- */

/* With the lock. */
static void
unlink_conn(struct http_conn *c)
{
  struct http_server *s = c->server;

  *(c->prev ? &c->prev->next : &s->first) = c->next;
  *(c->next ? &c->next->prev : &s->last) = c->prev;
}

/* With the lock: as the one that has been silent for the shortest time. */
static void
link_conn(struct http_conn *c)
{
  struct http_server *s = c->server;

  c->prev = s->last;
  c->next = NULL;
  *(c->prev ? &c->prev->next : &s->first) = c;
  s->last = c;
}

static void
set_alarm(struct http_server *s, int64_t in)
{
  struct itimerspec when = { .it_value = { .tv_sec = (time_t)(in / CLOCK_SEC), .tv_nsec = (long)(in % CLOCK_SEC) } };

  s->alarm_set = true;
  (void)timerfd_settime(s->alarm, 0, &when, NULL);
}

void
http_conn_sleep(struct http_conn *c, unsigned events)
{
  struct http_server *s = c->server;

  pthread_mutex_lock(&s->lock);
  c->asleep = true;
  c->since = clock_mono(s->clock);
  unlink_conn(c);
  link_conn(c);
  if (!s->alarm_set)
    set_alarm(s, HTTP_IDLE_SECONDS * CLOCK_SEC);
  watch(s, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->wire.fd, events | EPOLLONESHOT, &c->source);
  c->watched = true; /* the worker who has it next waits for the lock */
  pthread_mutex_unlock(&s->lock);
}

static bool
conn_ready(struct http_source *src)
{
  struct http_conn *c = container_of(src, struct http_conn, source);

  pthread_mutex_lock(&c->server->lock);
  c->asleep = false;
  pthread_mutex_unlock(&c->server->lock);
  http_conn_run(c);
  return true;
}

/* Hangs up on those that have been silent for too long: their workers see the end of the connection. */
static bool
alarm_ready(struct http_source *src)
{
  struct http_server *s = container_of(src, struct alarm_source, source)->server;
  int64_t now = clock_mono(s->clock), limit = HTTP_IDLE_SECONDS * CLOCK_SEC;
  const struct http_conn *c;
  uint64_t times;

  (void)!read(s->alarm, &times, sizeof times);
  pthread_mutex_lock(&s->lock);
  for (c = s->first; c && (!c->asleep || now - c->since >= limit); c = c->next)
    if (c->asleep)
      (void)shutdown(c->wire.fd, SHUT_RDWR);
  s->alarm_set = false;
  if (c)
    set_alarm(s, limit - (now - c->since)); /* more than nothing */
  pthread_mutex_unlock(&s->lock);
  watch(s, EPOLL_CTL_MOD, s->alarm, EPOLLIN | EPOLLONESHOT, src);
  return true;
}

static bool
bell_ready(struct http_source *src)
{
  (void)src;
  return false;
}

void
http_conn_new(struct http_server *s, int fd)
{
  struct http_conn *c = mem_alloc(sizeof *c);
  unsigned silence = HTTP_IDLE_SECONDS * 1000;
  int on = 1;

  /* Who has left without a word, or does not read what he is sent, is noticed by the kernel. */
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof silence);
  c->source.ready = conn_ready;
  c->server = s;
  http_wire_init(&c->wire, fd, s->tls);
  strbuf_init(&c->in, CEIL_REQUEST_BODY);
  strbuf_init(&c->body, CEIL_REQUEST_BODY);
  strbuf_init(&c->packed, 0);
  c->peer = s->tls && s->tls->wants_certificate ? http_peer_new() : NULL;
  pthread_mutex_lock(&s->lock);
  link_conn(c);
  s->connections++;
  pthread_mutex_unlock(&s->lock);
  http_conn_sleep(c, EPOLLIN);
}

void
http_conn_unwatch(struct http_conn *c)
{
  (void)epoll_ctl(c->server->epoll, EPOLL_CTL_DEL, c->wire.fd, NULL);
}

void
http_conn_free(struct http_conn *c)
{
  struct http_server *s = c->server;

  pthread_mutex_lock(&s->lock);
  unlink_conn(c);
  s->connections--;
  pthread_mutex_unlock(&s->lock);
  http_wire_release(&c->wire); /* epoll forgets a socket that is closed */
  http_conn_end_request(c);
  http_peer_free(c->peer);
  strbuf_release(&c->in);
  free(c);
}

/* -- listening -- */

static bool
has_room(struct http_server *s)
{
  bool room;

  pthread_mutex_lock(&s->lock);
  room = s->connections < s->connections_max;
  pthread_mutex_unlock(&s->lock);
  return room;
}

static bool
listener_ready(struct http_source *src)
{
  struct http_listener *l = container_of(src, struct http_listener, source);
  struct http_server *s = l->server;
  int fd;

  while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0 || errno == ECONNABORTED ||
         errno == EINTR) {
    if (fd >= 0 && has_room(s)) {
      http_conn_new(s, fd);
    } else if (fd >= 0) {
      log_warn(s->log, "http", "a connection is refused: there are %zu", s->connections_max);
      (void)close(fd);
    }
  }
  if (atomic_load(&s->stopping))
    return true;
  if (errno == EMFILE || errno == ENFILE)
    clock_sleep(s->clock, ACCEPT_PAUSE);
  watch(s, EPOLL_CTL_MOD, l->fd, EPOLLIN | EPOLLONESHOT, src);
  return true;
}

static int
bound_port(int fd, uint16_t *ret)
{
  struct sockaddr_storage addr;
  socklen_t len = sizeof addr;
  char port[16];

  if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
      getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0)
    return -1;
  *ret = (uint16_t)strtoul(port, NULL, 10);
  return 0;
}

static int
listen_on(const char *address, uint16_t port, int *ret_fd, struct kerr *reterr)
{
  const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
  _cleanup_free_ char *service = mem_printf("%u", port);
  struct addrinfo *ai = NULL;
  int fd, on = 1, err;

  if (getaddrinfo(address, service, &hints, &ai) != 0)
    return kerr_set(reterr, KERR_USAGE, NULL, "listen on '%s': not an IP address", address);
  fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
  err = fd < 0 ? errno : 0;
  if (fd >= 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* TIME_WAIT of a server before is no obstacle */
    if (ai->ai_family == AF_INET6)
      (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
      err = errno;
  }
  freeaddrinfo(ai);
  if (!err) {
    *ret_fd = fd;
    return 0;
  }
  if (fd >= 0)
    (void)close(fd);
  return kerr_errno(reterr, err, "listen on %s%s%s:%u", strchr(address, ':') ? "[" : "", address,
                    strchr(address, ':') ? "]" : "", port);
}

static int
listen_all(struct http_server *s, const struct http_config *config, struct kerr *reterr)
{
  static const char *const local[] = { "127.0.0.1" };
  const char *const *addresses = config->addresses ? config->addresses : local;
  size_t n = config->addresses ? config->n_addresses : ARRAY_SIZE(local);
  int r = 0;

  assert(n >= 1);
  if (n > HTTP_ADDRESSES_MAX)
    return kerr_set(reterr, KERR_USAGE, NULL, "listen on %zu addresses: at most %d", n, HTTP_ADDRESSES_MAX);
  for (size_t i = 0; r == 0 && i < n; i++) {
    struct http_listener *l = &s->listeners[i];

    *l = (struct http_listener){ .source.ready = listener_ready, .server = s };
    r = listen_on(addresses[i], s->port, &l->fd, reterr);
    s->n_listeners += r == 0;
    if (r == 0 && bound_port(l->fd, &s->port) < 0)
      r = kerr_errno(reterr, errno, "listen on %s", addresses[i]);
  }
  return r;
}

static size_t
connection_limit(void)
{
  struct rlimit lim;

  if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur == RLIM_INFINITY ||
      lim.rlim_cur >= HTTP_CONNECTIONS_MAX + FD_RESERVE)
    return HTTP_CONNECTIONS_MAX;
  return lim.rlim_cur > 2 * FD_RESERVE ? (size_t)lim.rlim_cur - FD_RESERVE : FD_RESERVE;
}

/* -- the server -- */

static void
start(struct http_server *s)
{
  s->streams = http_streams_new();
  s->upgrades = http_upgrades_new();
  s->bell_source.ready = bell_ready;
  s->alarm_source = (struct alarm_source){ .source.ready = alarm_ready, .server = s };
  watch(s, EPOLL_CTL_ADD, s->bell, EPOLLIN, &s->bell_source); /* for all workers, again and again */
  watch(s, EPOLL_CTL_ADD, s->alarm, EPOLLIN | EPOLLONESHOT, &s->alarm_source.source);
  for (size_t i = 0; i < s->n_listeners; i++)
    watch(s, EPOLL_CTL_ADD, s->listeners[i].fd, EPOLLIN | EPOLLONESHOT, &s->listeners[i].source);
  http_server_share(s);
}

static void
http_server_freep(struct http_server **ps)
{
  http_server_free(*ps, 0);
}

int
http_server_new(const struct http_config *config, struct http_server **ret, struct kerr *reterr)
{
  _cleanup_(http_server_freep) struct http_server *s = mem_alloc(sizeof *s);

  s->exchange = config->exchange;
  s->clock = config->clock;
  s->log = config->log;
  s->port = config->port;
  s->connections_max = connection_limit();
  s->end = &s->line;
  pthread_mutex_init(&s->lock, NULL);
  clock_cond_init(&s->changed);
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  s->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  assert(s->epoll >= 0 && s->bell >= 0 && s->alarm >= 0);
  if ((config->cert.n && http_tls_new(config->cert, config->key, config->client_ca, &s->tls, reterr) < 0) ||
      listen_all(s, config, reterr) < 0)
    return -(int)reterr->code;
  start(s);
  *ret = steal_pointer(&s);
  return 0;
}

uint16_t
http_server_port(const struct http_server *s)
{
  return s->port;
}

struct http_stats
http_server_stats(struct http_server *s)
{
  struct http_stats st = { .streams = http_streams_count(s->streams) };

  pthread_mutex_lock(&s->lock);
  st.connections = s->connections;
  st.requests = s->requests > st.streams ? s->requests - st.streams : 0;
  pthread_mutex_unlock(&s->lock);
  return st;
}

/* Requests under way are answered, for a while; streams end. */
static void
wind_down(struct http_server *s, int64_t grace)
{
  int64_t deadline = clock_mono(s->clock) + grace;

  http_streams_stop(s->streams);
  http_upgrades_stop(s->upgrades);
  pthread_mutex_lock(&s->lock);
  while (grace > 0 && s->requests > 0 && clock_cond_wait(s->clock, &s->changed, &s->lock, deadline))
    ;
  pthread_mutex_unlock(&s->lock);
}

static void
stop_workers(struct http_server *s)
{
  uint64_t one = 1;

  while (write(s->bell, &one, sizeof one) < 0)
    assert(errno == EINTR);
  for (size_t i = 0; i < s->n_workers; i++)
    pthread_join(s->workers[i], NULL);
}

void
http_server_free(struct http_server *s, int64_t grace)
{
  if (!s)
    return;
  pthread_mutex_lock(&s->lock); /* no worker is started any more */
  atomic_store(&s->stopping, true);
  pthread_mutex_unlock(&s->lock);
  for (size_t i = 0; i < s->n_listeners; i++)
    (void)shutdown(s->listeners[i].fd, SHUT_RDWR); /* a worker may be at it */
  if (s->streams)
    wind_down(s, grace);
  stop_workers(s);
  if (s->upgrades)
    http_upgrades_wait(s->upgrades);
  http_streams_free(s->streams);
  while (s->first)
    http_conn_free(s->first);
  for (size_t i = 0; i < s->n_listeners; i++)
    (void)close(s->listeners[i].fd);
  http_upgrades_free(s->upgrades);
  http_tls_free(s->tls);
  (void)close(s->epoll);
  (void)close(s->bell);
  (void)close(s->alarm);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s);
}
