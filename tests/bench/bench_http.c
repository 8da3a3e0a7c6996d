#include "bench_http.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ceilings.h"
#include "strbuf.h"

#define READ_SIZE (64 * KiB)

struct bench_conn {
  int fd;
  gnutls_session_t tls;
  gnutls_certificate_credentials_t cred;
  const char *token;
  struct strbuf in, body, out;
  size_t at;         /* of `in`: what has been used */
  size_t chunk_left; /* of a watch's present chunk */
  size_t line_end;   /* of `body`: the line that was handed out last, to be dropped */
};

void
bench_fail(const char *fmt, ...)
{
  va_list ap;

  va_start(ap, fmt);
  fputs("bench: ", stderr);
  vfprintf(stderr, fmt, ap);
  fputc('\n', stderr);
  va_end(ap);
  exit(1);
}

struct bench_conn *
bench_conn_open(int port, const char *token)
{
  struct bench_conn *c = mem_alloc(sizeof *c);
  struct sockaddr_in to = { .sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  int one = 1, r;

  c->token = token;
  strbuf_init(&c->in, CEIL_REPLY);
  strbuf_init(&c->body, CEIL_REPLY);
  strbuf_init(&c->out, CEIL_REQUEST_BODY);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
    bench_fail("connect to port %d: %m", port);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  gnutls_certificate_allocate_credentials(&c->cred);
  gnutls_init(&c->tls, GNUTLS_CLIENT);
  gnutls_set_default_priority(c->tls);
  gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, c->cred);
  gnutls_transport_set_int(c->tls, c->fd);
  do
    r = gnutls_handshake(c->tls);
  while (r < 0 && !gnutls_error_is_fatal(r));
  if (r < 0)
    bench_fail("TLS with port %d: %s", port, gnutls_strerror(r));
  return c;
}

void
bench_conn_close(struct bench_conn *c)
{
  gnutls_deinit(c->tls);
  gnutls_certificate_free_credentials(c->cred);
  close(c->fd);
  strbuf_release(&c->in);
  strbuf_release(&c->body);
  strbuf_release(&c->out);
  free(c);
}

static void
send_request(struct bench_conn *c, const char *method, const char *path, const char *body)
{
  strbuf_clear(&c->out);
  strbuf_printf(&c->out,
                "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nAccept: application/json\r\n", method,
                path, c->token);
  if (body)
    strbuf_printf(&c->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
  strbuf_puts(&c->out, "\r\n");
  if (body)
    strbuf_puts(&c->out, body);
  for (size_t sent = 0; sent < c->out.n;) {
    ssize_t n = gnutls_record_send(c->tls, c->out.p + sent, c->out.n - sent);

    if (n < 0 && gnutls_error_is_fatal((int)n))
      bench_fail("%s %s: %s", method, path, gnutls_strerror((int)n));
    if (n > 0)
      sent += (size_t)n;
  }
}

static void
fill(struct bench_conn *c)
{
  ssize_t n;

  if (c->at == c->in.n) {
    strbuf_clear(&c->in);
    c->at = 0;
  }
  do {
    char *room = strbuf_reserve(&c->in, READ_SIZE);

    if (!room)
      bench_fail("the answer is too large");
    n = gnutls_record_recv(c->tls, room, READ_SIZE);
  } while (n < 0 && !gnutls_error_is_fatal((int)n));
  if (n <= 0)
    bench_fail("the server closed the connection: %s", n ? gnutls_strerror((int)n) : "end of file");
  c->in.n += (size_t)n;
}

/* A line of the head, without its end; borrowed until the next fill. */
static struct span
head_line(struct bench_conn *c)
{
  for (;;) {
    const char *from = c->in.p + c->at, *end = memchr(from, '\n', c->in.n - c->at);

    if (end) {
      c->at += (size_t)(end - from) + 1;
      return span_make(from, (size_t)(end - from) - (end > from && end[-1] == '\r'));
    }
    fill(c);
  }
}

static void
take(struct bench_conn *c, size_t n)
{
  while (n > 0) {
    size_t have = c->in.n - c->at, part = have < n ? have : n;

    strbuf_add(&c->body, c->in.p + c->at, part);
    c->at += part;
    n -= part;
    if (n > 0)
      fill(c);
  }
}

static int
read_head(struct bench_conn *c, size_t *ret_length, bool *ret_chunked)
{
  struct span line = head_line(c);
  int status = line.n > 12 ? atoi(line.p + 9) : 0;

  *ret_length = 0;
  *ret_chunked = false;
  while ((line = head_line(c)).n > 0) {
    if (strncasecmp(line.p, "content-length:", 15) == 0)
      *ret_length = strtoul(line.p + 15, NULL, 10);
    else if (strncasecmp(line.p, "transfer-encoding: chunked", 26) == 0)
      *ret_chunked = true;
  }
  return status;
}

int
bench_call(struct bench_conn *c, const char *method, const char *path, const char *body, struct span *ret)
{
  size_t n;
  bool chunked;
  int status;

  send_request(c, method, path, body);
  strbuf_clear(&c->body);
  status = read_head(c, &n, &chunked);
  if (!chunked)
    take(c, n);
  else
    do {
      n = strtoul(head_line(c).p, NULL, 16);
      take(c, n);
      (void)head_line(c);
    } while (n > 0);
  if (ret)
    *ret = strbuf_view(&c->body);
  return status;
}

void
bench_watch(struct bench_conn *c, const char *path)
{
  size_t n;
  bool chunked;
  int status;

  send_request(c, "GET", path, NULL);
  status = read_head(c, &n, &chunked);
  if (status != 200 || !chunked)
    bench_fail("watch %s: status %d", path, status);
  strbuf_clear(&c->body);
  c->line_end = c->chunk_left = 0;
}

struct span
bench_watch_line(struct bench_conn *c)
{
  memmove(c->body.p, c->body.p + c->line_end, c->body.n - c->line_end);
  c->body.n -= c->line_end;
  for (size_t seen = 0;;) {
    const char *end = c->body.n > seen ? memchr(c->body.p + seen, '\n', c->body.n - seen) : NULL;

    if (end) {
      c->line_end = (size_t)(end - c->body.p) + 1;
      return span_make(c->body.p, c->line_end - 1);
    }
    seen = c->body.n;
    if (c->chunk_left == 0) {
      c->chunk_left = strtoul(head_line(c).p, NULL, 16);
      if (c->chunk_left == 0)
        return span_make(NULL, 0);
    }
    take(c, c->chunk_left);
    c->chunk_left = 0;
    (void)head_line(c);
  }
}
