#include "etcd_endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fs.h"

#define PORT_DEFAULT "2379"

static int
bad(struct kerr *reterr, struct span text)
{
  return kerr_set(reterr, KERR_USAGE, NULL,
                  "'%.*s' is not an endpoint of etcd: like https://HOST:PORT, http://HOST:PORT or unix:///PATH",
                  SPAN_FMT(text));
}

/* "host:port", "[::1]:port", "host" */
static bool
split_host(struct span at, struct etcd_endpoint *e)
{
  struct span port = span_of(PORT_DEFAULT), rest;

  if (at.n && at.p[0] == '[') {
    struct span host = span_cut(span_make(at.p + 1, at.n - 1), ']', &rest);

    if (!rest.p || (rest.n && rest.p[0] != ':'))
      return false;
    if (rest.n)
      port = span_make(rest.p + 1, rest.n - 1);
    at = host;
  } else {
    at = span_cut(at, ':', &rest);
    if (rest.p)
      port = rest;
  }
  for (size_t i = 0; i < port.n; i++)
    if (port.p[i] < '0' || port.p[i] > '9')
      return false;
  if (at.n == 0 || port.n == 0 || port.n > 5 || memchr(at.p, '/', at.n))
    return false;
  e->host = mem_strndup(at.p, at.n);
  e->port = mem_strndup(port.p, port.n);
  return true;
}

static int
parse_one(struct span text, struct etcd_endpoint *e, struct kerr *reterr)
{
  static const struct {
    struct span scheme;
    bool tls, local;
  } rows[] = {
    { { "https://", 8 }, true, false },
    { { "http://", 7 }, false, false },
    { { "unix://", 7 }, false, true },
  };

  *e = (struct etcd_endpoint){ .text = mem_strndup(text.p, text.n) };
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct span at = { text.p + rows[i].scheme.n, text.n - rows[i].scheme.n };

    if (!span_starts(text, rows[i].scheme))
      continue;
    e->tls = rows[i].tls;
    if (!rows[i].local) {
      if (span_ends(at, SPAN("/")))
        at.n--;
      return split_host(at, e) ? 0 : bad(reterr, text);
    }
    if (at.n < 2 || at.p[0] != '/' || at.n >= sizeof((struct sockaddr_un *)NULL)->sun_path)
      return bad(reterr, text);
    e->path = mem_strndup(at.p, at.n);
    return 0;
  }
  return bad(reterr, text);
}

int
etcd_endpoints_parse(const char *text, struct etcd_endpoint **ret, size_t *ret_n, struct kerr *reterr)
{
  struct etcd_endpoint *list = mem_calloc(ETCD_ENDPOINTS_MAX, sizeof *list);
  struct span rest = span_of(text);
  size_t n = 0;
  int r = 0;

  do {
    struct span one = span_trim(span_cut(rest, ',', &rest));

    r = n == ETCD_ENDPOINTS_MAX ? kerr_set(reterr, KERR_USAGE, NULL, "more than %d endpoints", ETCD_ENDPOINTS_MAX)
                                : parse_one(one, &list[n++], reterr);
  } while (r == 0 && rest.p);
  for (size_t i = 1; r == 0 && i < n; i++)
    if (list[i].tls != list[0].tls)
      r = kerr_set(reterr, KERR_USAGE, NULL, "endpoints of etcd are all https, or none: '%s', '%s'", list[0].text,
                   list[i].text);
  if (r < 0) {
    etcd_endpoints_free(list, n);
    return r;
  }
  *ret = list;
  *ret_n = n;
  return 0;
}

void
etcd_endpoints_free(struct etcd_endpoint *list, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    free(list[i].text);
    free(list[i].host);
    free(list[i].port);
    free(list[i].path);
  }
  free(list);
}

/* A socket that is connecting, or an errno. */
static int
begin(int family, const struct sockaddr *to, socklen_t n)
{
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err;

  if (fd < 0)
    return -errno;
  if (family != AF_UNIX)
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, to, n) == 0 || errno == EINPROGRESS)
    return fd;
  err = errno;
  (void)close(fd);
  return -err;
}

static int
connect_local(const struct etcd_endpoint *e, struct kerr *reterr)
{
  struct sockaddr_un to = { .sun_family = AF_UNIX };
  int fd;

  (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", e->path);
  fd = begin(AF_UNIX, (struct sockaddr *)&to, sizeof to);
  return fd < 0 ? kerr_errno(reterr, -fd, "connect") : fd;
}

int
etcd_endpoint_connect(const struct etcd_endpoint *e, struct kerr *reterr)
{
  const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
  struct addrinfo *list;
  int fd = -EADDRNOTAVAIL, r;

  if (e->path)
    return connect_local(e, reterr);
  r = getaddrinfo(e->host, e->port, &hints, &list);
  if (r != 0)
    return kerr_set(reterr, KERR_IO, NULL, "%s: %s", e->host, gai_strerror(r));
  for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
    fd = begin(a->ai_family, a->ai_addr, a->ai_addrlen);
  freeaddrinfo(list);
  return fd < 0 ? kerr_errno(reterr, -fd, "connect") : fd;
}
