#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <gnutls/gnutls.h>
#include <zlib.h>

#include "fs.h"
#include "http_server.h"
#include "pki.h"
#include "strbuf.h"

/* -- an exchange that does what its path says -- */

struct fake {
  struct exchange exchange;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool hold; /* writes wait until it is cleared */
  int writing, most_writing;
  int released; /* answers */
  int streams;
  struct fake_stream *open;
};

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
static void
push(struct fake *f, size_t n)
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
                                   .n_headers = 1,
                                   .body = span_of(text),
                                   .release = count_release,
                                   .held = f };
  ret->headers[0] = (struct exchange_header){ "audit-id", "42" };
}

/* -- the server, and a client of a few lines -- */

struct fixture {
  struct fake fake;
  struct clock *clock;
  struct http_config config;
  struct http_server *s;
};

static int
setup(void **state)
{
  static const struct exchange_ops ops = { fake_serve };
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

static int
teardown(void **state)
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

static int
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

static void
send_all(int fd, const char *p, size_t n)
{
  while (n > 0) {
    ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

    assert_true(put > 0);
    p += put;
    n -= (size_t)put;
  }
}

static void
ask(int fd, const char *text)
{
  send_all(fd, text, strlen(text));
}

/* Reads until `stop` has come, or the connection is closed. */
static void
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
static void
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

static const char *
body_of(const struct strbuf *b)
{
  return strstr(b->p, "\r\n\r\n") + 4;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void
requests_share_a_connection(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  for (int i = 0; i < 3; i++) {
    ask(fd, "GET /a%20b?limit=5&x=%2F HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n");
    read_answer(fd, &b);
    assert_non_null(strstr(b.p, "HTTP/1.1 200 OK\r\n"));
    assert_null(strcasestr(b.p, "connection: close"));
    assert_non_null(strcasestr(b.p, "content-type: text/plain\r\n"));
    assert_non_null(strcasestr(b.p, "audit-id: 42\r\n"));
    assert_string_equal(body_of(&b), "GET /a b ?limit=5&x=%2F x-test=yes body=0 user=none/\n");
    ask(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    read_answer(fd, &b);
    assert_string_equal(body_of(&b), "POST /p ? x-test=- body=3 user=none/\n");
  }
  assert_int_equal(http_server_stats(f->s).connections, 1);
  ask(fd, "HEAD /missing HTTP/1.1\r\nHost: x\r\n\r\n" GET("/after"));
  strbuf_clear(&b);
  read_until(fd, &b, "GET /after");
  assert_non_null(strstr(b.p, "HTTP/1.1 404"));
  assert_null(strstr(b.p, "HEAD /missing ?")); /* no body */
  close(fd);
}

static void
bodies_have_a_ceiling(void **state)
{
  struct fixture *f = *state;
  size_t n = (3 << 20) + 1;
  _cleanup_free_ char *body = mem_alloc(n);
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  ask(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n");
  send_all(fd, body, n - 1);
  read_answer(fd, &b);
  assert_string_equal(body_of(&b), "POST /p ? x-test=- body=3145728 user=none/\n");
  ask(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3145729\r\n\r\n");
  send_all(fd, body, n);
  read_answer(fd, &b);
  assert_non_null(strstr(b.p, "HTTP/1.1 413 "));
  assert_string_equal(
      body_of(&b),
      "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":"
      "\"Request entity too large: limit is 3145728\",\"reason\":\"RequestEntityTooLarge\",\"code\":413}\n");
  ask(fd, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  read_answer(fd, &b);
  assert_string_equal(body_of(&b), "POST /p ? x-test=- body=5 user=none/\n");
  close(fd);
}

static void
bad_requests(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *request, *status;
  } rows[] = {
    { "GET /a%zz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 " },
    { "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 " },
    { "GET /a%ff HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 " },
    { "GET a HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 " },
    { "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " }, /* no Host */
    { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 400 " },
    { "GET http://host:80/abs?q HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 " },
  };
  _cleanup_free_ char *flood = mem_alloc(40001);

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_strbuf_ struct strbuf b;
    int fd = dial(f);

    strbuf_init(&b, 1 << 20);
    ask(fd, rows[i].request);
    read_until(fd, &b, "\r\n\r\n");
    if (!b.p || !strstr(b.p, rows[i].status))
      fail_msg("%s: %s", rows[i].request, b.p ? b.p : "nothing");
    close(fd);
  }
  for (int field = 0; field < 2; field++) { /* a flood of headers, and one long target */
    _cleanup_strbuf_ struct strbuf b;
    int fd = dial(f);

    strbuf_init(&b, 1 << 20);
    memset(flood, 'a', 40000);
    ask(fd, field ? "GET / HTTP/1.1\r\nHost: x\r\nX-Flood: " : "GET /");
    (void)send(fd, flood, 40000, MSG_NOSIGNAL); /* may be cut */
    read_until(fd, &b, "\r\n\r\n");
    assert_true(b.p && (strstr(b.p, " 431 ") || strstr(b.p, " 414 ")));
    close(fd);
  }
}

static size_t
inflate_all(const char *in, size_t n, char *out, size_t room)
{
  z_stream z = {
    .next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)n, .next_out = (Bytef *)out, .avail_out = (uInt)room
  };

  assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  inflateEnd(&z);
  return z.total_out;
}

static void
large_answers_are_compressed_for_those_who_ask(void **state)
{
  struct fixture *f = *state;
  _cleanup_free_ char *plain = mem_alloc(400000);
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  ask(fd, GET("/big"));
  read_answer(fd, &b);
  assert_null(strcasestr(b.p, "content-encoding"));
  assert_int_equal(strlen(body_of(&b)), 300000);
  ask(fd, "GET /big HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip\r\n\r\n");
  read_answer(fd, &b);
  assert_non_null(strcasestr(b.p, "content-encoding: gzip\r\n"));
  assert_non_null(strcasestr(b.p, "vary: accept-encoding\r\n"));
  assert_int_equal(inflate_all(body_of(&b), b.n - (size_t)(body_of(&b) - b.p), plain, 400000), 300000);
  assert_memory_equal(plain, "{\"name\":\"abc\"} {\"name\":\"abc\"} ", 30);
  ask(fd, "GET /small HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
  read_answer(fd, &b);
  assert_null(strcasestr(b.p, "content-encoding"));
  close(fd);
}

/* Writes wait together, and a read is not held up by them. */
static void
writes_are_served_side_by_side(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int writers[HTTP_WORKERS_MAX + 4], fd = dial(f);

  strbuf_init(&b, 1 << 20);
  f->fake.hold = true;
  for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
    writers[i] = dial(f);
    ask(writers[i], "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
  }
  pthread_mutex_lock(&f->fake.lock);
  while (f->fake.writing < HTTP_WORKERS_MAX)
    pthread_cond_wait(&f->fake.changed, &f->fake.lock);
  pthread_mutex_unlock(&f->fake.lock);
  ask(fd, GET("/meanwhile"));
  read_answer(fd, &b);
  assert_non_null(strstr(b.p, "GET /meanwhile"));
  pthread_mutex_lock(&f->fake.lock);
  f->fake.hold = false;
  pthread_cond_broadcast(&f->fake.changed);
  pthread_mutex_unlock(&f->fake.lock);
  for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
    read_answer(writers[i], &b);
    assert_non_null(strstr(b.p, "POST /w"));
    close(writers[i]);
  }
  assert_int_equal(f->fake.most_writing, HTTP_WORKERS_MAX);
  close(fd);
}

static void
wait_streams(struct fixture *f, size_t n)
{
  for (int i = 0; i < 3000 && http_server_stats(f->s).streams != n; i++)
    usleep(10000);
  assert_int_equal(http_server_stats(f->s).streams, n);
}

static void
streams_flow(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 64 << 20);
  ask(fd, GET("/watch"));
  read_until(fd, &b, "\r\n\r\n"); /* the head comes at once, before there is an event */
  assert_non_null(strstr(b.p, "HTTP/1.1 200"));
  assert_non_null(strcasestr(b.p, "transfer-encoding: chunked"));
  push(&f->fake, 1);
  read_until(fd, &b, "frame 0\n");
  push(&f->fake, 2);
  read_until(fd, &b, "frame 2\n");
  push(&f->fake, 20000); /* more than fits anywhere: the socket's speed decides */
  read_until(fd, &b, "frame 20002\n");
  push(&f->fake, 0);
  read_until(fd, &b, "\r\n0\r\n\r\n");
  assert_non_null(strstr(b.p, "\r\n0\r\n\r\n"));
  wait_streams(f, 0);
  ask(fd, GET("/same-connection"));
  strbuf_clear(&b);
  read_answer(fd, &b);
  close(fd);
}

#define VANISHING 50

static void
vanished_watchers_are_noticed(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fds[VANISHING];

  strbuf_init(&b, 1 << 20);
  for (int i = 0; i < VANISHING; i++) {
    fds[i] = dial(f);
    ask(fds[i], GET("/watch"));
  }
  wait_streams(f, VANISHING);
  for (int i = 0; i < VANISHING; i++)
    read_until(fds[i], &b, "chunked");
  for (int i = 0; i < VANISHING; i++)
    close(fds[i]); /* nobody writes to them, and still */
  wait_streams(f, 0);
  for (int i = 0; i < 3000 && http_server_stats(f->s).connections > 0; i++)
    usleep(10000);
  assert_int_equal(http_server_stats(f->s).connections, 0);
  pthread_mutex_lock(&f->fake.lock);
  assert_int_equal(f->fake.streams, 0);
  pthread_mutex_unlock(&f->fake.lock);
}

/* Events for watchers that leave at the same moment. */
static void
vanishing_races_with_events(void **state)
{
  struct fixture *f = *state;

  for (int round = 0; round < 20; round++) {
    int fds[20];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
      fds[i] = dial(f);
      ask(fds[i], GET("/watch"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
      push(&f->fake, 1);
      close(fds[i]);
    }
    push(&f->fake, 3);
  }
  wait_streams(f, 0);
}

static void
many_watchers(void **state)
{
  struct fixture *f = *state;
  struct rlimit lim;
  int n = 2000, *fds;

  assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
  lim.rlim_cur = lim.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &lim);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
  if (lim.rlim_cur < 4500) /* both ends are ours */
    n = (int)(lim.rlim_cur / 2) - 200;
  http_server_free(f->s, 0); /* with the new limit */
  {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    assert_int_equal(http_server_new(&f->config, &f->s, &err), 0);
  }
  fds = mem_calloc((size_t)n, sizeof *fds);
  for (int i = 0; i < n; i++) {
    fds[i] = dial(f);
    ask(fds[i], GET("/watch"));
  }
  wait_streams(f, (size_t)n);
  push(&f->fake, 1);
  for (int i = 0; i < n; i++) {
    _cleanup_strbuf_ struct strbuf b;

    strbuf_init(&b, 1 << 20);
    read_until(fds[i], &b, "frame 0\n");
    assert_true(b.p && strstr(b.p, "frame 0\n"));
    close(fds[i]);
  }
  wait_streams(f, 0);
  free(fds);
}

static void
a_port_that_is_taken(void **state)
{
  struct fixture *f = *state;
  struct http_config config = f->config;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct http_server *s;
  char want[64];

  config.port = http_server_port(f->s);
  assert_int_equal(http_server_new(&config, &s, &err), -KERR_IO);
  (void)snprintf(want, sizeof want, "listen on 127.0.0.1:%u: Address already in use", config.port);
  assert_string_equal(err.msg, want);
  kerr_release(&err);
  config.addresses = (const char *const[]){ "example.com" };
  config.n_addresses = 1;
  assert_int_equal(http_server_new(&config, &s, &err), -KERR_USAGE);
}

static void
several_addresses(void **state)
{
  struct fixture *f = *state;
  static const char *const addresses[] = { "127.0.0.1", "127.0.0.2" };
  struct http_config config = f->config;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct http_server *s, *first = f->s;
  _cleanup_strbuf_ struct strbuf b;
  struct sockaddr_in to = { .sin_family = AF_INET };
  int fd;

  config.addresses = addresses;
  config.n_addresses = 2;
  if (http_server_new(&config, &s, &err) < 0)
    fail_msg("%s", err.msg);
  f->s = s;
  strbuf_init(&b, 1 << 20);
  fd = dial(f);
  ask(fd, GET("/one"));
  read_answer(fd, &b);
  close(fd);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  to.sin_port = htons(http_server_port(s));
  assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &to.sin_addr), 1);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  ask(fd, GET("/two"));
  read_answer(fd, &b);
  assert_non_null(strstr(b.p, "GET /two"));
  close(fd);
  f->s = first;
  http_server_free(s, CLOCK_SEC);
}

static void *
stop_server(void *arg)
{
  struct fixture *f = arg;

  http_server_free(f->s, 20 * CLOCK_SEC);
  return NULL;
}

/* What is under way is answered; streams end properly; nobody new gets in. */
static void
graceful_stop(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int watch = dial(f), writer = dial(f), idle = dial(f);
  pthread_t stopper;

  strbuf_init(&b, 1 << 20);
  ask(idle, GET("/x"));
  read_answer(idle, &b);
  ask(watch, GET("/watch"));
  wait_streams(f, 1);
  f->fake.hold = true;
  ask(writer, "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
  pthread_mutex_lock(&f->fake.lock);
  while (f->fake.writing == 0)
    pthread_cond_wait(&f->fake.changed, &f->fake.lock);
  pthread_mutex_unlock(&f->fake.lock);
  assert_int_equal(pthread_create(&stopper, NULL, stop_server, f), 0);
  strbuf_clear(&b);
  read_until(watch, &b, "\r\n0\r\n\r\n");
  assert_non_null(strstr(b.p, "\r\n0\r\n\r\n"));
  pthread_mutex_lock(&f->fake.lock);
  f->fake.hold = false;
  pthread_cond_broadcast(&f->fake.changed);
  pthread_mutex_unlock(&f->fake.lock);
  read_answer(writer, &b);
  assert_non_null(strstr(b.p, "POST /w"));
  pthread_join(stopper, NULL);
  close(watch);
  close(writer);
  close(idle);
  assert_int_equal(http_server_new(&f->config, &f->s, &err), 0);
}

/* -- TLS -- */

struct tls {
  struct clock *clock;
  struct arena *a;
  char dir[64];
  struct pki *pki, *stranger;
};

static struct pki *
make_pki(struct tls *t, const char *name)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct pki *p = NULL;

  if (pki_open(&(struct pki_config){ .dir = fs_join(t->a, t->dir, name), .clock = t->clock }, &p, &err) < 0)
    fail_msg("%s", err.msg);
  return p;
}

/* Serves TLS instead of what setup() has started. */
static void
tls_start(struct fixture *f, struct tls *t)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *t = (struct tls){ .clock = f->clock, .a = arena_new(1 << 20), .dir = "/tmp/dralab-http-XXXXXX" };
  assert_non_null(mkdtemp(t->dir));
  t->pki = make_pki(t, "pki");
  t->stranger = make_pki(t, "stranger");
  http_server_free(f->s, 0);
  f->config.cert = pki_server_cert(t->pki);
  f->config.key = pki_server_key(t->pki);
  f->config.client_ca = pki_ca(t->pki);
  assert_int_equal(http_server_new(&f->config, &f->s, &err), 0);
}

static void
tls_stop(struct tls *t)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  pki_free(t->pki);
  pki_free(t->stranger);
  assert_int_equal(fs_remove_tree(t->dir, &err), 0);
  arena_free(t->a);
}

struct tls_client {
  int fd;
  gnutls_session_t session;
  gnutls_certificate_credentials_t cred;
};

static gnutls_datum_t
pem(struct span s)
{
  return (gnutls_datum_t){ (unsigned char *)(uintptr_t)s.p, (unsigned)s.n };
}

/* Checks the server by its CA; shows `cert` when there is one. */
static void
tls_dial(struct fixture *f, struct tls *t, struct span cert, struct span key, struct tls_client *c)
{
  gnutls_datum_t ca = pem(pki_ca(t->pki)), crt = pem(cert), private = pem(key);
  int r;

  c->fd = dial(f);
  assert_int_equal(gnutls_certificate_allocate_credentials(&c->cred), 0);
  assert_int_equal(gnutls_certificate_set_x509_trust_mem(c->cred, &ca, GNUTLS_X509_FMT_PEM), 1);
  if (cert.n)
    assert_int_equal(gnutls_certificate_set_x509_key_mem(c->cred, &crt, &private, GNUTLS_X509_FMT_PEM), 0);
  assert_int_equal(gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_NO_SIGNAL), 0);
  assert_int_equal(gnutls_set_default_priority(c->session), 0);
  assert_int_equal(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->cred), 0);
  gnutls_session_set_verify_cert(c->session, "localhost", 0);
  gnutls_transport_set_int(c->session, c->fd);
  do {
    r = gnutls_handshake(c->session);
  } while (r < 0 && gnutls_error_is_fatal(r) == 0);
  if (r < 0)
    fail_msg("handshake: %s", gnutls_strerror(r));
}

static void
tls_hang_up(struct tls_client *c)
{
  gnutls_deinit(c->session);
  gnutls_certificate_free_credentials(c->cred);
  close(c->fd);
}

/* Reads until `stop`; gives all of it. */
static const char *
tls_ask(struct tls *t, struct tls_client *c, const char *text, const char *stop)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, 1 << 20);
  if (text)
    assert_int_equal(gnutls_record_send(c->session, text, strlen(text)), strlen(text));
  while (!b.p || !strstr(b.p, stop)) {
    char buf[4096];
    ssize_t got = gnutls_record_recv(c->session, buf, sizeof buf);

    if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
      continue;
    if (got <= 0)
      fail_msg("closed after: %s", b.p ? b.p : "");
    strbuf_add(&b, buf, (size_t)got);
  }
  return arena_strdup(t->a, b.p);
}

static void
client_certificates(void **state)
{
  struct fixture *f = *state;
  struct tls t;
  struct tls_client c;

  tls_start(f, &t);
  tls_dial(f, &t, pki_admin_cert(t.pki), pki_admin_key(t.pki), &c);
  for (int i = 0; i < 3; i++)
    assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=kubernetes-admin/system:masters\n"));
  assert_int_equal(http_server_stats(f->s).connections, 1);
  tls_hang_up(&c);
  tls_dial(f, &t, SPAN(""), SPAN(""), &c);
  assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=none/\n"));
  tls_hang_up(&c);
  tls_dial(f, &t, pki_admin_cert(t.stranger), pki_admin_key(t.stranger), &c);
  assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=/\n")); /* shown, and not good */
  tls_hang_up(&c);
  tls_dial(f, &t, pki_server_cert(t.pki), pki_server_key(t.pki), &c); /* ours, and made for something else */
  assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=/\n"));
  tls_hang_up(&c);
  tls_stop(&t);
}

static void
streams_over_tls(void **state)
{
  struct fixture *f = *state;
  struct tls t;
  struct tls_client c[20];

  tls_start(f, &t);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
    tls_dial(f, &t, SPAN(""), SPAN(""), &c[i]);
    (void)tls_ask(&t, &c[i], GET("/watch"), "chunked");
  }
  wait_streams(f, ARRAY_SIZE(c));
  push(&f->fake, 1);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++)
    (void)tls_ask(&t, &c[i], NULL, "frame 0\n");
  for (size_t i = 0; i < ARRAY_SIZE(c); i++)
    tls_hang_up(&c[i]);
  wait_streams(f, 0);
  tls_stop(&t);
}

#define UPGRADE(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

static void
upgraded_connections(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  struct tls t;
  struct tls_client c;
  int fd = dial(f), left = dial(f);

  strbuf_init(&b, 1 << 20);
  ask(fd, UPGRADE("/echo") "early");
  read_until(fd, &b, "early");
  assert_non_null(strstr(b.p, "HTTP/1.1 101 "));
  assert_non_null(strcasestr(b.p, "upgrade: echo\r\n"));
  ask(fd, "later");
  read_until(fd, &b, "later");
  assert_non_null(strstr(b.p, "\r\n\r\nearlylater"));
  ask(left, UPGRADE("/echo") "x");
  strbuf_clear(&b);
  read_until(left, &b, "\r\n\r\nx");
  close(fd); /* the other one is open when the server is stopped */
  tls_start(f, &t);
  close(left);
  tls_dial(f, &t, SPAN(""), SPAN(""), &c);
  assert_non_null(strstr(tls_ask(&t, &c, UPGRADE("/echo"), "\r\n\r\n"), "HTTP/1.1 101 "));
  assert_string_equal(tls_ask(&t, &c, "hello", "hello"), "hello");
  tls_hang_up(&c);
  tls_stop(&t);
}

static void
a_certificate_that_is_none(void **state)
{
  struct fixture *f = *state;
  struct http_config config = f->config;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct http_server *s;

  config.cert = config.key = SPAN("hello");
  assert_int_equal(http_server_new(&config, &s, &err), -KERR_IO);
  assert_non_null(strstr(err.msg, "certificate"));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(requests_share_a_connection),
    TEST(bodies_have_a_ceiling),
    TEST(bad_requests),
    TEST(large_answers_are_compressed_for_those_who_ask),
    TEST(writes_are_served_side_by_side),
    TEST(streams_flow),
    TEST(vanished_watchers_are_noticed),
    TEST(vanishing_races_with_events),
    TEST(a_port_that_is_taken),
    TEST(several_addresses),
    TEST(graceful_stop),
    TEST(many_watchers),
    TEST(client_certificates),
    TEST(streams_over_tls),
    TEST(upgraded_connections),
    TEST(a_certificate_that_is_none),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
