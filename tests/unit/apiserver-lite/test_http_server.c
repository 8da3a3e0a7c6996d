#include "http_harness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

static void
requests_share_a_connection(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  for (int i = 0; i < 3; i++) {
    say(fd, "GET /a%20b?limit=5&x=%2F HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n");
    read_answer(fd, &b);
    assert_non_null(strstr(b.p, "HTTP/1.1 200 OK\r\n"));
    assert_null(strcasestr(b.p, "connection: close"));
    assert_non_null(strcasestr(b.p, "content-type: text/plain\r\n"));
    assert_non_null(strcasestr(b.p, "audit-id: 42\r\n"));
    assert_string_equal(body_of(&b), "GET /a b ?limit=5&x=%2F x-test=yes body=0 user=none/\n");
    say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    read_answer(fd, &b);
    assert_string_equal(body_of(&b), "POST /p ? x-test=- body=3 user=none/\n");
  }
  assert_int_equal(http_server_stats(f->s).connections, 1);
  say(fd, "HEAD /missing HTTP/1.1\r\nHost: x\r\n\r\n" GET("/after"));
  strbuf_clear(&b);
  read_until(fd, &b, "GET /after");
  assert_non_null(strstr(b.p, "HTTP/1.1 404"));
  assert_null(strstr(b.p, "HEAD /missing ?")); /* no body */
  close(fd);
}

/* Every answer forbids keeping it and has a name: the client's, cut at 64 bytes, or a new one. */
static void
answers_are_named(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  say(fd, "GET /missing HTTP/1.1\r\nHost: x\r\nAudit-ID: mine\r\n\r\n");
  read_answer(fd, &b);
  assert_non_null(strcasestr(b.p, "cache-control: no-cache, private\r\n"));
  assert_non_null(strcasestr(b.p, "audit-id: mine\r\n"));
  strbuf_clear(&b);
  say(fd, "GET /missing HTTP/1.1\r\nHost: x\r\nAudit-ID: "
          "0123456789012345678901234567890123456789012345678901234567890123cut\r\n\r\n");
  read_answer(fd, &b);
  assert_non_null(strcasestr(b.p, "audit-id: 0123456789012345678901234567890123456789012345678901234567890123\r\n"));
  strbuf_clear(&b);
  say(fd, "GET /missing HTTP/1.1\r\nHost: x\r\n\r\n");
  read_answer(fd, &b);
  assert_int_equal(strcspn(strcasestr(b.p, "audit-id: ") + strlen("audit-id: "), "\r"), 36);
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
  say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n");
  send_all(fd, body, n - 1);
  read_answer(fd, &b);
  assert_string_equal(body_of(&b), "POST /p ? x-test=- body=3145728 user=none/\n");
  say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3145729\r\n\r\n");
  send_all(fd, body, n);
  read_answer(fd, &b);
  assert_non_null(strstr(b.p, "HTTP/1.1 413 "));
  assert_string_equal(
      body_of(&b),
      "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":"
      "\"Request entity too large: limit is 3145728\",\"reason\":\"RequestEntityTooLarge\",\"code\":413}\n");
  say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
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
    { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n", "HTTP/1.1 400 Bad Request\r\n" },
    { "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 " },
  };
  _cleanup_free_ char *flood = mem_alloc(40001);

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_strbuf_ struct strbuf b;
    int fd = dial(f);

    strbuf_init(&b, 1 << 20);
    say(fd, rows[i].request);
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
    say(fd, field ? "GET / HTTP/1.1\r\nHost: x\r\nX-Flood: " : "GET /");
    (void)send(fd, flood, 40000, MSG_NOSIGNAL); /* may be cut */
    read_until(fd, &b, "\r\n\r\n");
    assert_true(b.p && (strstr(b.p, " 431 ") || strstr(b.p, " 414 ")));
    close(fd);
  }
}

/* Requests behind each other, answers in their order; the last one says that it is the last. */
static void
requests_in_a_row(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  say(fd, GET("/1") "\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" GET(
              "/3") "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET("/5"));
  read_until(fd, &b, "never"); /* until it is closed */
  for (int i = 1, at = 0; i <= 4; i++) {
    char want[8];
    const char *found;

    (void)snprintf(want, sizeof want, " /%d ?", i);
    found = strstr(b.p + at, want);
    if (!found)
      fail_msg("no answer %d: %s", i, b.p);
    at = (int)(found - b.p);
  }
  assert_null(strstr(b.p, " /5 ?"));
  assert_non_null(strcasestr(b.p, "connection: close\r\n"));
  close(fd);
}

/* A client that asks first is told to go on; one of the last century has its connection closed. */
static void
old_and_careful_clients(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  say(fd, "PUT /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  read_until(fd, &b, "\r\n\r\n");
  assert_string_equal(b.p, "HTTP/1.1 100 Continue\r\n\r\n");
  say(fd, "abc");
  read_answer(fd, &b);
  assert_non_null(strstr(b.p, "PUT /p ? x-test=- body=3"));
  close(fd);
  fd = dial(f);
  strbuf_clear(&b);
  say(fd, "GET /old HTTP/1.0\r\n\r\n");
  read_until(fd, &b, "never");
  assert_non_null(strstr(b.p, "GET /old"));
  close(fd);
  fd = dial(f);
  strbuf_clear(&b);
  say(fd, "GET /watch HTTP/1.0\r\n\r\n"); /* no chunks: the end of the stream is the end of the connection */
  wait_streams(f, 1);
  push_frames(&f->fake, 2);
  read_until(fd, &b, "frame 1\n");
  push_frames(&f->fake, 0);
  read_until(fd, &b, "never");
  assert_non_null(strstr(b.p, "\r\n\r\nframe 0\nframe 1\n"));
  close(fd);
}

/* A head and a body in chunks that come byte by byte. */
static void
slow_clients(void **state)
{
  static const char request[] = "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3;ext=1\r\nabc\r\n0\r\nTrailer: x\r\n\r\n";
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 1 << 20);
  for (size_t i = 0; i < sizeof request - 1; i++) {
    send_all(fd, request + i, 1);
    if (i % 16 == 0)
      usleep(1000);
  }
  read_answer(fd, &b);
  assert_string_equal(body_of(&b), "POST /slow ? x-test=- body=3 user=none/\n");
  close(fd);
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
  say(fd, GET("/big"));
  read_answer(fd, &b);
  assert_null(strcasestr(b.p, "content-encoding"));
  assert_int_equal(strlen(body_of(&b)), 300000);
  say(fd, "GET /big HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip\r\n\r\n");
  read_answer(fd, &b);
  assert_non_null(strcasestr(b.p, "content-encoding: gzip\r\n"));
  assert_non_null(strcasestr(b.p, "vary: accept-encoding\r\n"));
  assert_int_equal(inflate_all(body_of(&b), b.n - (size_t)(body_of(&b) - b.p), plain, 400000), 300000);
  assert_memory_equal(plain, "{\"name\":\"abc\"} {\"name\":\"abc\"} ", 30);
  say(fd, "GET /small HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
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
    say(writers[i], "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
  }
  pthread_mutex_lock(&f->fake.lock);
  while (f->fake.writing < HTTP_WORKERS_MAX)
    pthread_cond_wait(&f->fake.changed, &f->fake.lock);
  pthread_mutex_unlock(&f->fake.lock);
  say(fd, GET("/meanwhile"));
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
streams_flow(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  int fd = dial(f);

  strbuf_init(&b, 64 << 20);
  say(fd, GET("/watch"));
  read_until(fd, &b, "\r\n\r\n"); /* the head comes at once, before there is an event */
  assert_non_null(strstr(b.p, "HTTP/1.1 200"));
  assert_non_null(strcasestr(b.p, "transfer-encoding: chunked"));
  push_frames(&f->fake, 1);
  read_until(fd, &b, "frame 0\n");
  push_frames(&f->fake, 2);
  read_until(fd, &b, "frame 2\n");
  push_frames(&f->fake, 20000); /* more than fits anywhere: the socket's speed decides */
  read_until(fd, &b, "frame 20002\n");
  push_frames(&f->fake, 0);
  read_until(fd, &b, "\r\n0\r\n\r\n");
  assert_non_null(strstr(b.p, "\r\n0\r\n\r\n"));
  wait_streams(f, 0);
  say(fd, GET("/same-connection"));
  strbuf_clear(&b);
  read_answer(fd, &b);
  close(fd);
}

/* More than all buffers between here and there take: the server keeps the rest of a chunk and waits for room. */
#define MANY_FRAMES 1000000

static void
read_many(int fd, struct frame_reader *r, size_t frames)
{
  char buf[65536];

  while (r->frames < frames) {
    ssize_t got = recv(fd, buf, sizeof buf, 0);

    assert_true(got > 0);
    read_frames(r, buf, (size_t)got);
  }
}

static void
a_reader_that_pauses(void **state)
{
  struct fixture *f = *state;
  struct frame_reader slow = { .chunked = true }, other = { .chunked = true }, old = { .chunked = false };
  int slow_fd = dial(f), other_fd = dial(f), old_fd = dial(f), stays_fd = dial(f);
  char buf[1];

  say(slow_fd, GET("/watch"));
  say(other_fd, GET("/watch"));
  say(old_fd, "GET /watch HTTP/1.0\r\n\r\n");
  say(stays_fd, GET("/watch"));
  wait_streams(f, 4);
  push_frames(&f->fake, MANY_FRAMES);
  read_many(other_fd, &other, MANY_FRAMES); /* whoever reads is not held up */
  read_many(old_fd, &old, MANY_FRAMES);
  push_frames(&f->fake, 1);
  read_many(slow_fd, &slow, MANY_FRAMES + 1);
  read_many(other_fd, &other, MANY_FRAMES + 1);
  push_frames(&f->fake, 0);
  read_many(old_fd, &old, MANY_FRAMES + 1);
  assert_int_equal(recv(old_fd, buf, sizeof buf, 0), 0); /* the end of the connection is the end of the body */
  wait_streams(f, 1);
  http_server_free(f->s, 0); /* with one that never reads */
  f->s = NULL;
  close(slow_fd);
  close(other_fd);
  close(old_fd);
  close(stays_fd);
}

static void
who_never_reads_is_cut(void **state)
{
  struct fixture *f = *state;
  struct clock *real = f->clock;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int silent, quiet;

  http_server_free(f->s, 0);
  f->config.clock = f->clock = clock_new_virtual(0);
  assert_int_equal(http_server_new(&f->config, &f->s, &err), 0);
  silent = dial(f);
  say(silent, GET("/watch"));
  wait_streams(f, 1);
  push_frames(&f->fake, MANY_FRAMES);
  quiet = dial(f); /* has nothing to read: that is no fault */
  say(quiet, GET("/watch"));
  wait_streams(f, 2);
  for (int i = 0; i < 3000 && http_server_stats(f->s).streams == 2; i++) {
    clock_advance(f->clock, HTTP_IDLE_SECONDS * CLOCK_SEC / 2);
    usleep(10000);
  }
  wait_streams(f, 1);
  http_server_free(f->s, 0);
  clock_free(f->clock);
  f->config.clock = f->clock = real;
  f->s = NULL;
  close(silent);
  close(quiet);
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
    say(fds[i], GET("/watch"));
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
      say(fds[i], GET("/watch"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
      push_frames(&f->fake, 1);
      close(fds[i]);
    }
    push_frames(&f->fake, 3);
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
    say(fds[i], GET("/watch"));
  }
  wait_streams(f, (size_t)n);
  push_frames(&f->fake, 1);
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

/* Stopped while its threads are still about to begin, and while somebody comes. */
static void
stopping_at_once(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  for (int round = 0; round < 300; round++) {
    int fd = dial(f);

    http_server_free(f->s, 0);
    close(fd);
    assert_int_equal(http_server_new(&f->config, &f->s, &err), 0);
  }
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
  say(fd, GET("/one"));
  read_answer(fd, &b);
  close(fd);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  to.sin_port = htons(http_server_port(s));
  assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &to.sin_addr), 1);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  say(fd, GET("/two"));
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
  say(idle, GET("/x"));
  read_answer(idle, &b);
  say(watch, GET("/watch"));
  wait_streams(f, 1);
  f->fake.hold = true;
  say(writer, "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
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

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, http_setup, http_teardown)
  const struct CMUnitTest tests[] = {
    TEST(requests_share_a_connection),
    TEST(answers_are_named),
    TEST(bodies_have_a_ceiling),
    TEST(bad_requests),
    TEST(requests_in_a_row),
    TEST(old_and_careful_clients),
    TEST(slow_clients),
    TEST(large_answers_are_compressed_for_those_who_ask),
    TEST(writes_are_served_side_by_side),
    TEST(streams_flow),
    TEST(a_reader_that_pauses),
    TEST(who_never_reads_is_cut),
    TEST(vanished_watchers_are_noticed),
    TEST(vanishing_races_with_events),
    TEST(stopping_at_once),
    TEST(a_port_that_is_taken),
    TEST(several_addresses),
    TEST(graceful_stop),
    TEST(many_watchers),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
