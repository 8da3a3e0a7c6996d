#include "http_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_stream {
  struct exchange_stream stream;
  struct fake *fake;
  struct fake_stream *next;
  size_t have, given; /* frames */
  bool ended;
  char frame[64];
  void (*notify)(void *);
  void *arg;
};

static int
stream_next(struct exchange_stream *es, struct exchange_event *ret)
{
  struct fake_stream *s = container_of(es, struct fake_stream, stream);
  int r = 0;

  pthread_mutex_lock(&s->fake->lock);
  if (s->given < s->have) {
    (void)snprintf(s->frame, sizeof s->frame, "frame %zu\n", s->given++);
    *ret = (struct exchange_event){ .bytes = span_of(s->frame) };
    r = 1;
  } else if (s->ended) {
    r = -1;
  }
  pthread_mutex_unlock(&s->fake->lock);
  return r;
}

static void
stream_set_notify(struct exchange_stream *es, void (*fn)(void *), void *arg)
{
  struct fake_stream *s = container_of(es, struct fake_stream, stream);

  pthread_mutex_lock(&s->fake->lock);
  s->notify = fn;
  s->arg = arg;
  pthread_mutex_unlock(&s->fake->lock);
}

static void
stream_free(struct exchange_stream *es)
{
  struct fake_stream *s = container_of(es, struct fake_stream, stream);
  struct fake *f = s->fake;

  pthread_mutex_lock(&f->lock);
  for (struct fake_stream **at = &f->open; *at; at = &(*at)->next)
    if (*at == s) {
      *at = s->next;
      break;
    }
  f->streams--;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->lock);
  free(s);
}

/* Gives every stream `n` more frames, or its end. */
void
push_frames(struct fake *f, size_t n)
{
  pthread_mutex_lock(&f->lock);
  for (struct fake_stream *s = f->open; s; s = s->next) {
    s->have += n;
    s->ended = s->ended || n == 0;
    if (s->notify)
      s->notify(s->arg);
  }
  pthread_mutex_unlock(&f->lock);
}

static void
open_stream(struct fake *f, struct exchange_answer *ret)
{
  static const struct exchange_stream_ops ops = { stream_next, stream_set_notify, stream_free };
  struct fake_stream *s = mem_alloc(sizeof *s);

  s->stream.ops = &ops;
  s->fake = f;
  pthread_mutex_lock(&f->lock);
  s->next = f->open;
  f->open = s;
  f->streams++;
  pthread_mutex_unlock(&f->lock);
  *ret = (struct exchange_answer){ .status = 200, .content_type = "application/json", .stream = &s->stream };
}

static void
count_release(void *held)
{
  struct fake *f = held;

  pthread_mutex_lock(&f->lock);
  f->released++;
  pthread_mutex_unlock(&f->lock);
}

static void
wait_if_held(struct fake *f)
{
  pthread_mutex_lock(&f->lock);
  f->writing++;
  if (f->writing > f->most_writing)
    f->most_writing = f->writing;
  pthread_cond_broadcast(&f->changed);
  while (f->hold)
    pthread_cond_wait(&f->changed, &f->lock);
  f->writing--;
  pthread_mutex_unlock(&f->lock);
}

/* -- an upgrade that sends back what it gets, until the other side has enough -- */

struct echo {
  struct exchange_upgrade upgrade;
  struct exchange_connection conn;
  char early[64];
};

static void *
echo_main(void *arg)
{
  struct echo *e = arg;
  char buf[256];
  ssize_t n = 0;

  (void)send(e->conn.fd, e->early, strlen(e->early), MSG_NOSIGNAL);
  for (;;) {
    struct pollfd p = { .fd = e->conn.fd, .events = POLLIN };

    (void)poll(&p, 1, -1);
    n = recv(e->conn.fd, buf, sizeof buf, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
      break;
    if (n > 0)
      (void)send(e->conn.fd, buf, (size_t)n, MSG_NOSIGNAL);
  }
  e->conn.close(e->conn.arg);
  free(e);
  return NULL;
}

static void
echo_start(struct exchange_upgrade *u, const struct exchange_connection *conn)
{
  struct echo *e = container_of(u, struct echo, upgrade);
  pthread_t thread;

  e->conn = *conn;
  (void)snprintf(e->early, sizeof e->early, "%.*s", SPAN_FMT(conn->early));
  assert_int_equal(pthread_create(&thread, NULL, echo_main, e), 0);
  pthread_detach(thread);
}

static void
echo_free(struct exchange_upgrade *u)
{
  free(container_of(u, struct echo, upgrade));
}

static void
start_echo(const struct exchange_request *req, struct exchange_answer *ret)
{
  struct echo *e = mem_alloc(sizeof *e);

  e->upgrade.start = echo_start;
  e->upgrade.free = echo_free;
  *ret = (struct exchange_answer){ .status = 101, .upgrade = &e->upgrade, .n_headers = 1 };
  ret->headers = arena_new_of(req->arena, struct exchange_header);
  ret->headers[0] = (struct exchange_header){ "Upgrade", "echo" };
}

static void
fake_serve(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret)
{
  struct fake *f = container_of(x, struct fake, exchange);
  const char *text;

  if (strcmp(req->path, "/watch") == 0) {
    open_stream(f, ret);
    return;
  }
  if (strcmp(req->path, "/echo") == 0) {
    start_echo(req, ret);
    return;
  }
  if (strcmp(req->path, "/big") == 0) {
    char *big = arena_alloc(req->arena, 300001);

    for (int i = 0; i < 300000; i++)
      big[i] = "{\"name\":\"abc\"} "[i % 15];
    *ret = (struct exchange_answer){ .status = 200, .body = span_make(big, 300000) };
    return;
  }
  if (strcmp(req->method, "POST") == 0)
    wait_if_held(f);
  text = exchange_header_get(req->headers, req->n_headers, "x-test");
  text = arena_printf(req->arena, "%s %s ?%s x-test=%s body=%zu user=%s/%s\n", req->method, req->path, req->query,
                      text ? text : "-", req->body.n, req->tls_user ? req->tls_user->name : "none",
                      req->tls_user && req->tls_user->n_groups ? req->tls_user->groups[0] : "");
  *ret = (struct exchange_answer){ .status = strcmp(req->path, "/missing") == 0 ? 404 : 200,
                                   .content_type = "text/plain",
                                   .headers = arena_new_of(req->arena, struct exchange_header),
                                   .n_headers = strcmp(req->path, "/missing") != 0,
                                   .body = span_of(text),
                                   .release = count_release,
                                   .held = f };
  ret->headers[0] = (struct exchange_header){ "audit-id", "42" };
}

/* -- the server, and a client of a few lines -- */

int
http_setup(void **state)
{
  static const struct exchange_ops ops = { .serve = fake_serve };
  struct fixture *f = mem_alloc(sizeof *f);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  f->fake.exchange.ops = &ops;
  pthread_mutex_init(&f->fake.lock, NULL);
  pthread_cond_init(&f->fake.changed, NULL);
  f->clock = clock_new_real();
  f->config = (struct http_config){ .exchange = &f->fake.exchange, .clock = f->clock };
  if (http_server_new(&f->config, &f->s, &err) < 0)
    fail_msg("%s", err.msg);
  *state = f;
  return 0;
}

int
http_teardown(void **state)
{
  struct fixture *f = *state;

  http_server_free(f->s, 10 * CLOCK_SEC);
  assert_int_equal(f->fake.streams, 0);
  pthread_mutex_destroy(&f->fake.lock);
  pthread_cond_destroy(&f->fake.changed);
  clock_free(f->clock);
  free(f);
  return 0;
}

int
dial(struct fixture *f)
{
  struct sockaddr_in to = { .sin_family = AF_INET,
                            .sin_port = htons(http_server_port(f->s)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  struct timeval patience = { .tv_sec = 30 };
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

void
send_all(int fd, const char *p, size_t n)
{
  while (n > 0) {
    ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

    assert_true(put > 0);
    p += put;
    n -= (size_t)put;
  }
}

void
say(int fd, const char *text)
{
  send_all(fd, text, strlen(text));
}

/* Reads until `stop` has come, or the connection is closed. */
void
read_until(int fd, struct strbuf *b, const char *stop)
{
  while (!b->p || !strstr(b->p, stop)) {
    char buf[4096];
    ssize_t got = recv(fd, buf, sizeof buf, 0);

    if (got <= 0)
      return;
    strbuf_add(b, buf, (size_t)got);
  }
}

/* A whole answer with a Content-Length; `b` begins with its head. */
void
read_answer(int fd, struct strbuf *b)
{
  const char *end, *length;
  size_t want;

  strbuf_clear(b);
  read_until(fd, b, "\r\n\r\n");
  end = b->p ? strstr(b->p, "\r\n\r\n") : NULL;
  length = b->p ? strcasestr(b->p, "content-length: ") : NULL;
  if (!end || !length)
    fail_msg("no whole answer: %s", b->p ? b->p : "");
  want = (size_t)(end - b->p) + 4 + strtoul(length + 16, NULL, 10);
  while (b->n < want) {
    char buf[65536];
    ssize_t got = recv(fd, buf, sizeof buf, 0);

    assert_true(got > 0);
    strbuf_add(b, buf, (size_t)got);
  }
  assert_int_equal(b->n, want);
}

const char *
body_of(const struct strbuf *b)
{
  return strstr(b->p, "\r\n\r\n") + 4;
}

void
wait_streams(struct fixture *f, size_t n)
{
  for (int i = 0; i < 3000 && http_server_stats(f->s).streams != n; i++)
    usleep(10000);
  assert_int_equal(http_server_stats(f->s).streams, n);
}

static void
take_frame_byte(struct frame_reader *r, char c)
{
  char want[64];

  assert_true(r->n < sizeof r->line - 1);
  r->line[r->n++] = c;
  if (c != '\n')
    return;
  r->line[r->n] = '\0';
  (void)snprintf(want, sizeof want, "frame %zu\n", r->frames++);
  assert_string_equal(r->line, want);
  r->n = 0;
}

/* A chunk's size lies between frames or inside of one: it has a place of its own. */
static void
take_chunk_byte(struct frame_reader *r, char c)
{
  switch (r->at) {
  case CHUNK_SIZE:
    if (c == '\n')
      r->at = CHUNK_DATA;
    else if (c != '\r')
      r->left = r->left * 16 + (size_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    break;
  case CHUNK_DATA:
    take_frame_byte(r, c);
    if (--r->left == 0)
      r->at = CHUNK_END;
    break;
  case CHUNK_END:
    if (c == '\n')
      r->at = CHUNK_SIZE;
    break;
  }
}

void
read_frames(struct frame_reader *r, const char *p, size_t n)
{
  static const char end[] = "\r\n\r\n";

  for (; n; p++, n--)
    if (r->head < 4)
      r->head = *p == end[r->head] ? r->head + 1 : *p == end[0];
    else if (r->chunked)
      take_chunk_byte(r, *p);
    else
      take_frame_byte(r, *p);
}
