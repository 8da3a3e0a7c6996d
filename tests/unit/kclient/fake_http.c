#include "fake_http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ceilings.h"
#include "fs.h"
#include "number.h"

#define CONNECTIONS_MAX 64

struct connection {
  struct fake_http *http;
  pthread_t thread;
  int fd, wake;
  struct strbuf in;
};

struct fake_http {
  struct exchange *x;
  int fd, port;
  pthread_t thread;
  struct connection list[CONNECTIONS_MAX];
  size_t n;
};

/* More bytes; false at the end. */
static bool
fill(struct connection *c)
{
  char *to = strbuf_reserve(&c->in, 64 * KiB);
  ssize_t got = to ? read(c->fd, to, 64 * KiB) : 0;

  if (got <= 0)
    return false;
  c->in.n += (size_t)got;
  c->in.p[c->in.n] = '\0';
  return true;
}

struct request {
  struct exchange_request x;
  struct exchange_header headers[32];
  size_t length; /* of head and body */
};

static bool
read_request(struct connection *c, struct arena *a, struct request *r)
{
  struct span head, line, rest, value;
  int64_t body = 0;
  char *end;

  while (!(end = strstr(c->in.p, "\r\n\r\n")))
    if (!fill(c))
      return false;
  head = arena_span(a, span_make(c->in.p, (size_t)(end - c->in.p)));
  line = span_trim(span_cut(head, '\n', &rest));
  r->x.method = arena_span(a, span_cut(line, ' ', &value)).p;
  value = span_cut(value, ' ', &line);
  r->x.path = arena_span(a, span_cut(value, '?', &line)).p;
  r->x.query = line.p ? arena_span(a, line).p : "";
  while (rest.n) {
    struct span name;

    line = span_trim(span_cut(rest, '\n', &rest));
    name = span_cut(line, ':', &value);
    if (name.n == 14 && strncasecmp(name.p, "content-length", 14) == 0)
      (void)number_int64(span_trim(value), &body);
  }
  r->length = (size_t)(end - c->in.p) + 4 + (size_t)body;
  while (c->in.n < r->length)
    if (!fill(c))
      return false;
  r->x.body = arena_span(a, span_make(c->in.p + r->length - (size_t)body, (size_t)body));
  r->x.arena = a;
  return true;
}

static bool
send_all(struct connection *c, struct span s)
{
  return fs_write_all(c->fd, s) == 0;
}

static void
wake(void *arg)
{
  (void)eventfd_write(*(int *)arg, 1);
}

/* Chunks until the stream or the connection ends. */
static void
send_stream(struct connection *c, struct exchange_stream *s)
{
  struct exchange_event e;
  eventfd_t ignored;
  int more;

  if (!send_all(c, SPAN("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")))
    return;
  s->ops->set_notify(s, wake, &c->wake);
  while ((more = s->ops->next(s, &e)) >= 0) {
    char size[32];
    struct pollfd p[2] = { { .fd = c->wake, .events = POLLIN }, { .fd = c->fd, .events = POLLIN } };

    if (more) {
      snprintf(size, sizeof size, "%zx\r\n", e.bytes.n);
      if (!send_all(c, span_of(size)) || !send_all(c, e.bytes) || !send_all(c, SPAN("\r\n")))
        return;
      continue;
    }
    if (poll(p, 2, -1) < 0 || p[1].revents)
      return; /* the client has gone: it sends nothing while it watches */
    (void)eventfd_read(c->wake, &ignored);
  }
  send_all(c, SPAN("0\r\n\r\n"));
}

static void *
serve_connection(void *arg)
{
  struct connection *c = arg;

  for (;;) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
    _cleanup_answer_ struct exchange_answer ans = { .status = 0 };
    struct request r = { .length = 0 };
    char head[160];

    if (!read_request(c, a, &r))
      break;
    memmove(c->in.p, c->in.p + r.length, c->in.n - r.length);
    c->in.n -= r.length;
    c->in.p[c->in.n] = '\0';
    c->http->x->ops->serve(c->http->x, &r.x, &ans);
    if (ans.stream) {
      send_stream(c, ans.stream);
      continue;
    }
    snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             ans.status, ans.body.n);
    if (!send_all(c, span_of(head)) || !send_all(c, ans.body))
      break;
  }
  return NULL;
}

static void *
accept_connections(void *arg)
{
  struct fake_http *h = arg;
  int fd;

  while ((fd = accept(h->fd, NULL, NULL)) >= 0) {
    struct connection *c = &h->list[h->n];

    assert(h->n < CONNECTIONS_MAX);
    *c = (struct connection){ .http = h, .fd = fd, .wake = eventfd(0, EFD_NONBLOCK) };
    strbuf_init(&c->in, CEIL_REQUEST_BODY);
    strbuf_puts(&c->in, "");
    assert(pthread_create(&c->thread, NULL, serve_connection, c) == 0);
    h->n++;
  }
  return NULL;
}

struct fake_http *
fake_http_new(struct exchange *x)
{
  struct fake_http *h = mem_alloc(sizeof *h);
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t n = sizeof at;

  h->x = x;
  h->fd = socket(AF_INET, SOCK_STREAM, 0);
  assert(bind(h->fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(h->fd, 16) == 0);
  assert(getsockname(h->fd, (struct sockaddr *)&at, &n) == 0);
  h->port = ntohs(at.sin_port);
  assert(pthread_create(&h->thread, NULL, accept_connections, h) == 0);
  return h;
}

int
fake_http_port(const struct fake_http *h)
{
  return h->port;
}

void
fake_http_free(struct fake_http *h)
{
  if (!h)
    return;
  shutdown(h->fd, SHUT_RDWR);
  pthread_join(h->thread, NULL);
  close(h->fd);
  for (size_t i = 0; i < h->n; i++) {
    struct connection *c = &h->list[i];

    shutdown(c->fd, SHUT_RDWR);
    (void)eventfd_write(c->wake, 1);
    pthread_join(c->thread, NULL);
    close(c->fd);
    close(c->wake);
    strbuf_release(&c->in);
  }
  free(h);
}
