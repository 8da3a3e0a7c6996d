#include "http_server.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "ceilings.h"
#include "codec.h"
#include "http_peer.h"
#include "http_pool.h"
#include "http_stream.h"
#include "http_text.h"
#include "http_upgrade.h"

#define BACKLOG    1024
#define FD_RESERVE 128 /* descriptors left for everything else */
/* Bytes of a body that is too large which are read, and thrown away, before the connection is cut. */
#define BODY_PATIENCE  (16 * CEIL_REQUEST_BODY)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct listener {
  struct MHD_Daemon *daemon;
  int fd; /* -1 from when the library has it: it closes it, whatever happens */
};

struct http_server {
  struct exchange *exchange;
  struct clock *clock;
  struct log *log;
  struct http_streams *streams;
  struct http_upgrades *upgrades;
  struct http_pool *pool;
  struct listener listeners[HTTP_ADDRESSES_MAX];
  size_t n_listeners;
  uint16_t port;
  char *cert, *key, *client_ca; /* NULL: none */
  atomic_size_t connections;
  atomic_bool stopping; /* nobody new is let in */

  pthread_mutex_t lock;
  pthread_cond_t changed; /* a request is over, or a stream */
  size_t requests;
};

/* What a request goes through. Only its connection's thread moves it on, but for SERVING -> SERVED. */
enum stage { STAGE_HEAD, STAGE_BODY, STAGE_SERVING, STAGE_SERVED, STAGE_QUEUED };

struct http_request {
  struct http_job job; /* of the pool, while SERVING */
  struct http_server *server;
  struct MHD_Connection *conn;
  bool old; /* HTTP/1.0 */
  enum stage stage;
  char *target;
  struct strbuf body;
  size_t discarded; /* bytes of a body that is too large */
  struct arena *arena;
  struct exchange_request x;
  struct exchange_answer answer;
  struct http_upgrade *upgrade; /* the answer's, as the library sees it */
  struct strbuf packed;         /* the answer's body, compressed; empty: as it is */
};

/* -- the request: what the exchange is asked -- */

struct header_list {
  struct http_request *r;
  struct exchange_header *list;
  size_t n;
};

static enum MHD_Result
count_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
  (void)kind;
  (void)name;
  (void)value;
  ++*(size_t *)cls;
  return MHD_YES;
}

static enum MHD_Result
copy_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
  struct header_list *l = cls;

  (void)kind;
  l->list[l->n++] = (struct exchange_header){ .name = http_lower(l->r->arena, name),
                                              .value = arena_strdup(l->r->arena, value ? value : "") };
  return MHD_YES;
}

static const struct exchange_user *
tls_user(struct http_request *r)
{
  const union MHD_ConnectionInfo *session, *peer;

  if (!r->server->client_ca)
    return NULL;
  session = MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  peer = MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return session && peer && peer->socket_context
             ? http_peer_user(peer->socket_context, (gnutls_session_t)session->tls_session)
             : NULL;
}

static void
refuse(struct http_request *r, enum kerr_code code, const char *message)
{
  r->answer = (struct exchange_answer){ .status = kerr_http_status(code),
                                        .content_type = "application/json",
                                        .body = http_status_document(r->arena, code, message) };
}

/* False: it has been answered already, with an error. */
static bool
build_request(struct http_request *r, const char *method)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct header_list headers = { .r = r };
  size_t n = 0;

  if (r->discarded) {
    refuse(r, KERR_TOO_LARGE,
           arena_printf(r->arena, "Request entity too large: limit is %zu", (size_t)CEIL_REQUEST_BODY));
    return false;
  }
  r->x = (struct exchange_request){
    .method = arena_strdup(r->arena, method), .body = strbuf_view(&r->body), .tls_user = tls_user(r), .arena = r->arena
  };
  if (http_target_parse(r->arena, r->target, &r->x.path, &r->x.query, &err) < 0) {
    refuse(r, KERR_BAD_REQUEST, err.msg);
    return false;
  }
  (void)MHD_get_connection_values(r->conn, MHD_HEADER_KIND, count_header, &n);
  headers.list = arena_array_of(r->arena, struct exchange_header, n);
  (void)MHD_get_connection_values(r->conn, MHD_HEADER_KIND, copy_header, &headers);
  r->x.headers = headers.list;
  r->x.n_headers = headers.n;
  return true;
}

/* -- the answer -- */

static bool
wants_gzip(const struct http_request *r)
{
  const struct exchange_answer *ans = &r->answer;

  return !ans->stream && ans->body.n > HTTP_GZIP_THRESHOLD &&
         http_accepts_gzip(exchange_header_get(r->x.headers, r->x.n_headers, "accept-encoding")) &&
         !exchange_header_get(ans->headers, ans->n_headers, "content-encoding");
}

/* Fast rather than small, as upstream. When it fails the answer goes out as it is. */
static void
compress_answer(struct http_request *r)
{
  struct span in = r->answer.body;
  z_stream z = { 0 };
  size_t bound;
  char *out;
  bool done;

  if (in.n > UINT32_MAX / 2 || deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return;
  bound = deflateBound(&z, (uLong)in.n);
  strbuf_init(&r->packed, bound + 1);
  out = strbuf_reserve(&r->packed, bound);
  z.next_in = (Bytef *)(uintptr_t)in.p;
  z.avail_in = (uInt)in.n;
  z.next_out = (Bytef *)out;
  z.avail_out = (uInt)bound;
  done = deflate(&z, Z_FINISH) == Z_STREAM_END;
  if (done)
    r->packed.n = z.total_out;
  (void)deflateEnd(&z);
}

static struct MHD_Response *
make_response(struct http_request *r)
{
  struct exchange_answer *ans = &r->answer;
  struct span body = r->packed.n ? strbuf_view(&r->packed) : ans->body;

  if (ans->upgrade) {
    r->upgrade = http_upgrade_new(r->server->upgrades, steal_pointer(&ans->upgrade));
    return http_upgrade_response(r->upgrade);
  }
  if (ans->stream)
    return http_stream_response(r->server->streams, r->conn, !r->old, steal_pointer(&ans->stream));
  /* The bytes live until the request is completed, and nothing is sent after that. */
  return MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_PERSISTENT);
}

static bool
has_header(const struct exchange_answer *ans, const char *name)
{
  for (size_t i = 0; i < ans->n_headers; i++)
    if (strcasecmp(ans->headers[i].name, name) == 0)
      return true;
  return false;
}

/*
 * What every answer says: that nobody is to keep it (WithCacheControl), and what it is called in an audit log
 * (WithAuditInit): the client's own word, cut where upstream cuts it, or a new one.
 */
static void
add_common_headers(struct http_request *r, struct MHD_Response *response)
{
  enum { AUDIT_ID_MAX = 64 };
  const char *given = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Audit-ID");
  char made[CODEC_UUID_MAX], cut[AUDIT_ID_MAX + 1];

  if (!has_header(&r->answer, "Cache-Control"))
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache, private");
  if (has_header(&r->answer, "Audit-Id"))
    return;
  if (given && *given)
    (void)snprintf(cut, sizeof cut, "%s", given);
  (void)MHD_add_response_header(response, "Audit-Id", given && *given ? cut : codec_uuid4(made));
}

static enum MHD_Result
queue_answer(struct http_request *r)
{
  struct exchange_answer *ans = &r->answer;
  struct MHD_Response *response = make_response(r);
  enum MHD_Result result;

  r->stage = STAGE_QUEUED;
  if (!response)
    return MHD_NO;
  if (ans->content_type)
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, ans->content_type);
  for (size_t i = 0; i < ans->n_headers; i++)
    (void)MHD_add_response_header(response, ans->headers[i].name, ans->headers[i].value);
  add_common_headers(r, response);
  if (r->packed.n) {
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
  }
  result = MHD_queue_response(r->conn, (unsigned)ans->status, response);
  MHD_destroy_response(response);
  return result;
}

/* -- serving -- */

static bool
only_reads(const char *method)
{
  static const char *const methods[] = { "GET", "HEAD", "OPTIONS" };

  for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
    if (strcmp(method, methods[i]) == 0)
      return true;
  return false;
}

static bool
may_wait(const struct http_request *r)
{
  struct exchange *x = r->server->exchange;

  return x->ops->may_wait && x->ops->may_wait(x, &r->x);
}

/* Done with it on a pool thread: once resumed, the request belongs to its connection's thread again. */
static void
back_to_connection(struct http_request *r)
{
  struct MHD_Connection *conn = r->conn;

  r->stage = STAGE_SERVED;
  MHD_resume_connection(conn);
}

static void
serve_on_pool(struct http_job *job)
{
  struct http_request *r = container_of(job, struct http_request, job);

  r->server->exchange->ops->serve(r->server->exchange, &r->x, &r->answer);
  if (wants_gzip(r))
    compress_answer(r);
  back_to_connection(r);
}

static void
compress_on_pool(struct http_job *job)
{
  struct http_request *r = container_of(job, struct http_request, job);

  compress_answer(r);
  back_to_connection(r);
}

/* The connection sleeps until the pool is done. Nothing of `r` may be touched after this. */
static enum MHD_Result
hand_to_pool(struct http_request *r, void (*run)(struct http_job *job))
{
  r->stage = STAGE_SERVING;
  r->job.run = run;
  MHD_suspend_connection(r->conn);
  if (!http_pool_submit(r->server->pool, &r->job))
    run(&r->job); /* the server is being stopped: here and now */
  return MHD_YES;
}

static enum MHD_Result
serve(struct http_request *r, const char *method)
{
  r->arena = arena_new(CEIL_ARENA_REQUEST);
  if (!build_request(r, method))
    return queue_answer(r);
  if (!only_reads(method) || may_wait(r))
    return hand_to_pool(r, serve_on_pool);
  r->server->exchange->ops->serve(r->server->exchange, &r->x, &r->answer);
  return wants_gzip(r) ? hand_to_pool(r, compress_on_pool) : queue_answer(r);
}

/* A piece of the body. One that is too large is read on, so that the client gets to read the answer, but not for ever.
 */
static enum MHD_Result
take_body(struct http_request *r, const char *data, size_t *n)
{
  size_t len = *n;

  *n = 0;
  if (r->discarded || r->body.n + len > CEIL_REQUEST_BODY) {
    r->discarded += len;
    return r->discarded > BODY_PATIENCE ? MHD_NO : MHD_YES;
  }
  strbuf_add(&r->body, data, len);
  return MHD_YES;
}

/*
 * Called once when the head is there, once per piece of the body, once at its end, and again after each resume.
 * An answer in the first call would close the connection afterwards: at the head nothing is decided.
 */
static enum MHD_Result
on_request(void *cls, struct MHD_Connection *conn, const char *url, const char *method, const char *version,
           const char *upload_data, size_t *upload_data_size, void **con_cls)
{
  struct http_request *r = *con_cls;

  (void)cls;
  (void)url;
  switch (r->stage) {
  case STAGE_HEAD:
    r->conn = conn;
    r->old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    r->stage = STAGE_BODY;
    return MHD_YES;
  case STAGE_BODY:
    return *upload_data_size ? take_body(r, upload_data, upload_data_size) : serve(r, method);
  case STAGE_SERVED:
    return queue_answer(r);
  case STAGE_SERVING:
  case STAGE_QUEUED:
    break;
  }
  return MHD_NO;
}

/* The request line has been read: the request begins. */
static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
  struct http_server *s = cls;
  struct http_request *r = mem_alloc(sizeof *r);

  r->server = s;
  r->conn = conn;
  r->target = mem_strdup(uri);
  strbuf_init(&r->body, CEIL_REQUEST_BODY);
  pthread_mutex_lock(&s->lock);
  s->requests++;
  pthread_mutex_unlock(&s->lock);
  return r;
}

static void
on_completed(void *cls, struct MHD_Connection *conn, void **con_cls, enum MHD_RequestTerminationCode code)
{
  struct http_server *s = cls;
  struct http_request *r = *con_cls;

  (void)conn;
  (void)code;
  if (!r)
    return;
  assert(r->stage != STAGE_SERVING);
  exchange_answer_release(&r->answer);
  http_upgrade_free(r->upgrade);
  arena_free(r->arena);
  strbuf_release(&r->body);
  strbuf_release(&r->packed);
  free(r->target);
  free(r);
  *con_cls = NULL;
  pthread_mutex_lock(&s->lock);
  s->requests--;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

static void
on_connection(void *cls, struct MHD_Connection *conn, void **context, enum MHD_ConnectionNotificationCode code)
{
  struct http_server *s = cls;

  (void)conn;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    atomic_fetch_add(&s->connections, 1);
    *context = s->client_ca ? http_peer_new() : NULL;
  } else {
    atomic_fetch_sub(&s->connections, 1);
    http_peer_free(*context);
    *context = NULL;
  }
}

/*
 * Instead of MHD_quiesce_daemon, which ends the process when the library's own thread takes the listening socket out of
 * its epoll set at the same time (0.9.75).
 */
static enum MHD_Result
let_in(void *cls, const struct sockaddr *address, socklen_t len)
{
  struct http_server *s = cls;

  (void)address;
  (void)len;
  return atomic_load(&s->stopping) ? MHD_NO : MHD_YES;
}

static void
on_stream_gone(void *arg)
{
  struct http_server *s = arg;

  pthread_mutex_lock(&s->lock);
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

static void on_log(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
on_log(void *cls, const char *fmt, va_list ap)
{
  struct http_server *s = cls;

  if (log_enabled(s->log, LOG_DEBUG, "http")) {
    _cleanup_free_ char *text = mem_vprintf(fmt, ap);
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '\n')
      text[--n] = '\0';
    log_debug(s->log, "http", "%s", text);
  }
}

/* -- listening -- */

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

static unsigned
connection_limit(size_t n_listeners)
{
  struct rlimit lim;
  rlim_t n = HTTP_CONNECTIONS_MAX;

  if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY && lim.rlim_cur < n + FD_RESERVE)
    n = lim.rlim_cur > 2 * FD_RESERVE ? lim.rlim_cur - FD_RESERVE : FD_RESERVE;
  return (unsigned)(n / n_listeners);
}

static unsigned
thread_count(const struct http_config *config)
{
  if (config->threads)
    return config->threads;
  return sysconf(_SC_NPROCESSORS_ONLN) > 2 ? 2 : 1;
}

static int
start_daemon(struct http_server *s, struct listener *l, unsigned threads, unsigned connections, struct kerr *reterr)
{
  unsigned flags =
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG | MHD_ALLOW_UPGRADE;
  struct MHD_OptionItem tls[] = {
    { MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert },
    { MHD_OPTION_HTTPS_MEM_KEY, 0, s->key },
    { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
    { s->client_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, s->client_ca },
    { MHD_OPTION_END, 0, NULL },
  };
  struct MHD_OptionItem pool[] = { { MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL },
                                   { MHD_OPTION_END, 0, NULL } },
                        none[] = { { MHD_OPTION_END, 0, NULL } };
  sigset_t all, before;
  int fd = l->fd;

  l->fd = -1;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* the library's threads inherit it */
  l->daemon = MHD_start_daemon(
      flags | (s->cert ? MHD_USE_TLS : 0), 0, let_in, s, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s,
      MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_CONNECTION_MEMORY,
      MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_SECONDS,
      MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
      MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
      s->cert ? tls : none, MHD_OPTION_ARRAY, threads > 1 ? pool : none, MHD_OPTION_END);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!l->daemon)
    return kerr_set(reterr, KERR_IO, NULL, "cannot start the HTTP server: are certificate and key good?");
  return 0;
}

static char *
copy_pem(struct span pem)
{
  return pem.n ? mem_strndup(pem.p, pem.n) : NULL;
}

static void
http_server_freep(struct http_server **ps)
{
  http_server_free(*ps, 0);
}

int
http_server_new(const struct http_config *config, struct http_server **ret, struct kerr *reterr)
{
  static const char *const local[] = { "127.0.0.1" };
  const char *const *addresses = config->addresses ? config->addresses : local;
  size_t n = config->addresses ? config->n_addresses : 1;
  _cleanup_(http_server_freep) struct http_server *s = mem_alloc(sizeof *s);
  int r = 0;

  assert(n >= 1);
  if (n > HTTP_ADDRESSES_MAX)
    return kerr_set(reterr, KERR_USAGE, NULL, "listen on %zu addresses: at most %d", n, HTTP_ADDRESSES_MAX);
  s->exchange = config->exchange;
  s->clock = config->clock;
  s->log = config->log;
  s->port = config->port;
  s->cert = copy_pem(config->cert);
  s->key = copy_pem(config->key);
  s->client_ca = copy_pem(config->client_ca);
  pthread_mutex_init(&s->lock, NULL);
  clock_cond_init(&s->changed);
  s->streams = http_streams_new(s->clock, on_stream_gone, s);
  s->upgrades = http_upgrades_new();
  s->pool = http_pool_new(HTTP_WORKERS_MAX);
  for (size_t i = 0; r == 0 && i < n; i++) {
    r = listen_on(addresses[i], s->port, &s->listeners[i].fd, reterr);
    s->n_listeners += r == 0;
    if (r == 0 && bound_port(s->listeners[i].fd, &s->port) < 0)
      r = kerr_errno(reterr, errno, "listen on %s", addresses[i]);
  }
  for (size_t i = 0; r == 0 && i < n; i++)
    r = start_daemon(s, &s->listeners[i], thread_count(config), connection_limit(n), reterr);
  if (r < 0)
    return r;
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
  struct http_stats st = { .streams = http_streams_count(s->streams), .connections = atomic_load(&s->connections) };

  pthread_mutex_lock(&s->lock);
  st.requests = s->requests > st.streams ? s->requests - st.streams : 0;
  pthread_mutex_unlock(&s->lock);
  return st;
}

void
http_server_free(struct http_server *s, int64_t grace)
{
  int64_t deadline;

  if (!s)
    return;
  atomic_store(&s->stopping, true);
  http_streams_stop(s->streams);
  http_upgrades_stop(s->upgrades);
  deadline = clock_mono(s->clock) + grace;
  pthread_mutex_lock(&s->lock);
  while (grace > 0 && s->requests > 0 && clock_cond_wait(s->clock, &s->changed, &s->lock, deadline))
    ;
  pthread_mutex_unlock(&s->lock);
  http_upgrades_wait(s->upgrades);
  http_pool_stop(s->pool); /* every request has been served, and its connection resumed */
  for (size_t i = 0; i < s->n_listeners; i++) {
    if (s->listeners[i].daemon)
      MHD_stop_daemon(s->listeners[i].daemon);
    if (s->listeners[i].fd >= 0)
      (void)close(s->listeners[i].fd);
  }
  http_streams_free(s->streams);
  http_pool_free(s->pool);
  http_upgrades_free(s->upgrades);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s->cert);
  free(s->key);
  free(s->client_ca);
  free(s);
}
