#include "webhook_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ceilings.h"
#include "codec.h"
#include "curl_lib.h"
#include "fs.h"
#include "go_json_error.h"
#include "webhook_resolve.h"

#define IDLE_MAX      16   /* lines kept for the next calls */
#define TEXT_MAX      2048 /* of an answer that is no success: what a message shows of it */
#define ADDRESS_MAX   64
#define SUCCESS_FIRST 200 /* client-go takes these for an answer */
#define SUCCESS_LAST  206

/* A handle of libcurl's with its open connections and what it trusts; used by one call at a time. */
struct line {
  void *easy;
  char *ca; /* PEM; NULL: what the machine trusts */
  char *ca_path;
  int ca_fd;
};

struct webhook_client {
  struct auth_source *objects;
  atomic_bool stopping;
  pthread_mutex_t lock; /* over the members below */
  bool loaded;
  struct curl_api curl;       /* constant once loaded */
  struct line idle[IDLE_MAX]; /* the oldest first */
  size_t n_idle;
};

struct webhook_client *
webhook_client_new(struct auth_source *objects)
{
  struct webhook_client *w = mem_alloc(sizeof *w);

  w->objects = objects;
  (void)pthread_mutex_init(&w->lock, NULL);
  return w;
}

/* -- lines -- */

static void
line_release(struct webhook_client *w, struct line *l)
{
  if (l->easy)
    w->curl.easy_cleanup(l->easy);
  fs_closep(&l->ca_fd);
  free(l->ca_path);
  free(l->ca);
}

void
webhook_client_free(struct webhook_client *w)
{
  if (!w)
    return;
  for (size_t i = 0; i < w->n_idle; i++)
    line_release(w, &w->idle[i]);
  (void)pthread_mutex_destroy(&w->lock);
  free(w);
}

void
webhook_client_stop(struct webhook_client *w)
{
  atomic_store(&w->stopping, true);
}

static bool
same_trust(const struct line *l, const char *ca)
{
  return l->ca && ca ? strcmp(l->ca, ca) == 0 : !l->ca && !ca;
}

/* An idle line of that trust, or an empty one. KERR_UNAVAILABLE: there is no libcurl. */
static int
line_take(struct webhook_client *w, const char *ca, struct line *ret, struct kerr *reterr)
{
  int r = 0;

  pthread_mutex_lock(&w->lock);
  if (!w->loaded)
    r = curl_api_open(&w->curl, reterr);
  w->loaded = r == 0;
  for (size_t i = w->n_idle; i-- > 0 && !ret->easy;) {
    if (!same_trust(&w->idle[i], ca))
      continue;
    *ret = w->idle[i];
    memmove(&w->idle[i], &w->idle[i + 1], (--w->n_idle - i) * sizeof w->idle[0]);
  }
  pthread_mutex_unlock(&w->lock);
  return r;
}

static int
line_open(struct webhook_client *w, const char *ca, struct line *ret, struct kerr *reterr)
{
  *ret = (struct line){ .ca_fd = -1 };
  if (line_take(w, ca, ret, reterr) < 0)
    return -(int)reterr->code;
  if (ret->easy)
    return 0;
  if (curl_memory_file("CA bundle", ca, &ret->ca_fd, &ret->ca_path, reterr) < 0)
    return -(int)reterr->code;
  ret->ca = mem_strdup(ca);
  ret->easy = w->curl.easy_init();
  return 0;
}

static void
line_give_back(struct webhook_client *w, struct line *l)
{
  struct line drop = { .ca_fd = -1 };

  w->curl.easy_reset(l->easy); /* connections stay */
  pthread_mutex_lock(&w->lock);
  if (w->n_idle == IDLE_MAX) {
    drop = w->idle[0];
    memmove(&w->idle[0], &w->idle[1], --w->n_idle * sizeof w->idle[0]);
  }
  w->idle[w->n_idle++] = *l;
  pthread_mutex_unlock(&w->lock);
  line_release(w, &drop);
}

/* -- one call -- */

struct posting {
  struct webhook_client *w;
  const struct webhook_call *call;
  struct webhook_target target;
  const char *url;           /* with ?timeout= */
  char address[ADDRESS_MAX]; /* that was tried first: "127.0.0.1:443" */
  char error[CURL_ERROR_MAX];
  struct strbuf body;
  long status;
  const char *content_type; /* "" when there is none */
};

/* libcurl asks for a socket: the address is what an error will name. */
static int
open_socket(void *arg, int purpose, struct curl_address *address)
{
  struct posting *p = arg;
  char ip[INET6_ADDRSTRLEN] = "";
  uintptr_t addr = (uintptr_t)&address->addr;

  (void)purpose;
  if (address->family == AF_INET && !*p->address) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

    (void)inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
    (void)snprintf(p->address, sizeof p->address, "%s:%d", ip, ntohs(in->sin_port));
  } else if (address->family == AF_INET6 && !*p->address) {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)addr;

    (void)inet_ntop(AF_INET6, &in->sin6_addr, ip, sizeof ip);
    (void)snprintf(p->address, sizeof p->address, "[%s]:%d", ip, ntohs(in->sin6_port));
  }
  return socket(address->family, address->type | SOCK_CLOEXEC, address->protocol);
}

/* libcurl tells how far it is: anything but 0 ends the call. */
static int
is_stopping(void *arg, int64_t down, int64_t downloaded, int64_t up, int64_t uploaded)
{
  struct webhook_client *w = arg;

  (void)down;
  (void)downloaded;
  (void)up;
  (void)uploaded;
  return atomic_load(&w->stopping);
}

static void
set_options(struct posting *p, const struct line *l, struct curl_list *headers, struct curl_list *connect_to)
{
  const struct curl_api *curl = &p->w->curl;

  curl->easy_setopt(l->easy, CURL_URL, p->url);
  curl->easy_setopt(l->easy, CURL_ERRORBUFFER, p->error);
  curl->easy_setopt(l->easy, CURL_HTTPHEADER, headers);
  curl->easy_setopt(l->easy, CURL_NOSIGNAL, 1L);
  curl->easy_setopt(l->easy, CURL_HTTP_VERSION, CURL_HTTP_1_1); /* upstream, too: a connection per call spreads them */
  curl->easy_setopt(l->easy, CURL_TIMEOUT_MS, p->call->timeout_seconds * 1000L);
  curl->easy_setopt(l->easy, CURL_CONNECTTIMEOUT_MS, p->call->timeout_seconds * 1000L);
  curl->easy_setopt(l->easy, CURL_TCP_KEEPALIVE, 1L);
  curl->easy_setopt(l->easy, CURL_SSL_VERIFYPEER, 1L);
  curl->easy_setopt(l->easy, CURL_SSL_VERIFYHOST, 2L);
  if (l->ca_path)
    curl->easy_setopt(l->easy, CURL_CAINFO, l->ca_path);
  if (connect_to)
    curl->easy_setopt(l->easy, CURL_CONNECT_TO, connect_to);
  if (connect_to || curl_is_local(p->url))
    curl->easy_setopt(l->easy, CURL_PROXY, "");
  curl->easy_setopt(l->easy, CURL_OPENSOCKETFUNCTION, open_socket);
  curl->easy_setopt(l->easy, CURL_OPENSOCKETDATA, p);
  curl->easy_setopt(l->easy, CURL_POSTFIELDSIZE, (int64_t)p->call->body.n);
  curl->easy_setopt(l->easy, CURL_POSTFIELDS, p->call->body.p);
  curl->easy_setopt(l->easy, CURL_WRITEFUNCTION, curl_collect);
  curl->easy_setopt(l->easy, CURL_WRITEDATA, &p->body);
  curl->easy_setopt(l->easy, CURL_NOPROGRESS, 0L);
  curl->easy_setopt(l->easy, CURL_XFERINFOFUNCTION, is_stopping);
  curl->easy_setopt(l->easy, CURL_XFERINFODATA, p->w);
}

static struct curl_list *
headers_of(const struct curl_api *curl)
{
  static const char *const lines[] = { "Accept: application/json, */*", "Content-Type: application/json",
                                       "User-Agent: kube-apiserver-admission", "Expect:" };
  struct curl_list *ret = NULL;

  for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
    ret = curl->slist_append(ret, lines[i]);
  return ret;
}

static int
perform(struct posting *p, struct arena *a, const struct line *l, long *ret_errno)
{
  const struct curl_api *curl = &p->w->curl;
  struct curl_list *headers = headers_of(curl), *connect_to = NULL;
  const char *type = NULL;
  int code;

  if (p->target.address)
    connect_to =
        curl->slist_append(NULL, arena_printf(a, "%s:%d:%s", p->target.host, p->target.port, p->target.address));
  set_options(p, l, headers, connect_to);
  code = curl->easy_perform(l->easy);
  curl->easy_getinfo(l->easy, CURL_RESPONSE_CODE, &p->status);
  curl->easy_getinfo(l->easy, CURL_CONTENT_TYPE, &type);
  curl->easy_getinfo(l->easy, CURL_OS_ERRNO, ret_errno);
  p->content_type = type ? arena_strdup(a, type) : "";
  curl->slist_free_all(headers);
  curl->slist_free_all(connect_to);
  return code;
}

/* -- what went wrong, as Go's net/http says it -- */

static const char *
host_of(struct arena *a, const struct posting *p)
{
  const char *host = strstr(p->url, "://") + 3;

  return p->target.host ? p->target.host : arena_strndup(a, host, strcspn(host, ":/"));
}

static const char *
errno_text(struct arena *a, int code)
{
  char buf[128];
  char *text = arena_strdup(a, strerror_r(code, buf, sizeof buf));

  if (*text >= 'A' && *text <= 'Z')
    *text = (char)(*text - 'A' + 'a');
  return text;
}

static const char *
go_text(struct arena *a, const struct posting *p, int code, long os_errno)
{
  if (code == CURL_TIMED_OUT)
    return "context deadline exceeded";
  if (code == CURL_NO_HOST)
    return arena_printf(a, "dial tcp: lookup %s: no such host", host_of(a, p));
  if (code == CURL_NO_CONNECTION && os_errno)
    return arena_printf(a, "dial tcp %s: connect: %s", p->address, errno_text(a, (int)os_errno));
  if (code == CURL_NOT_TRUSTED && strstr(p->error, "does not match"))
    return arena_printf(a, "tls: failed to verify certificate: x509: certificate is not valid for %s", host_of(a, p));
  if (code == CURL_NOT_TRUSTED && strstr(p->error, "expired"))
    return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
  if (code == CURL_NOT_TRUSTED)
    return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
  if (code == CURL_TLS_FAILED && (strstr(p->error, "unexpected TLS packet") || strstr(p->error, "wrong version")))
    return "http: server gave HTTP response to HTTPS client";
  if (code == CURL_EMPTY_REPLY || code == CURL_RECEIVE_FAILED || strstr(p->error, "non-properly terminated"))
    return "EOF";
  return *p->error ? arena_strdup(a, p->error) : p->w->curl.easy_strerror(code);
}

static int
no_answer(struct arena *a, const struct posting *p, int code, long os_errno, struct kerr *reterr)
{
  if (strbuf_overflowed(&p->body))
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "Post \"%s\": the answer is larger than %zu bytes", p->url,
                    p->body.limit);
  return kerr_set(reterr, code == CURL_TIMED_OUT ? KERR_TIMEOUT : KERR_UNAVAILABLE, NULL, "Post \"%s\": %s", p->url,
                  go_text(a, p, code, os_errno));
}

/* What client-go makes of an answer that is neither success nor a Status (errors.NewGenericServerResponse). */
static const struct generic_answer {
  long status;
  const char *text; /* NULL: what the server said */
} generic_answers[] = {
  { 400, "the server rejected our request for an unknown reason" },
  { 401, "the server has asked for the client to provide credentials" },
  { 403, NULL },
  { 404, "the server could not find the requested resource" },
  { 405, "the server does not allow this method on the requested resource" },
  { 406, "the server was unable to respond with a content type that the client supports" },
  { 409, "the server reported a conflict" },
  { 415, NULL },
  { 422, "the server rejected our request due to an error in our request" },
  { 429, "the server has received too many requests and has asked us to try again later" },
  { 503, "the server is currently unable to handle the request" },
  { 504, "the server was unable to return a response in the time allotted, but may still be processing the request" },
};

static int
refused(struct arena *a, const struct posting *p, const struct json *doc, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf quoted = STRBUF_INIT(16 * KiB);
  bool is_text = !*p->content_type || strncasecmp(p->content_type, "text/", 5) == 0;
  struct span said = is_text ? strbuf_view(&p->body) : SPAN("unknown");

  if (strcmp(json_get_str_or(doc, "kind", ""), "Status") == 0 &&
      strcmp(json_get_str_or(doc, "status", ""), "Success") != 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "%s", json_get_str_or(doc, "message", ""));
  said.n = said.n > TEXT_MAX ? TEXT_MAX : said.n;
  said = span_trim(said);
  for (size_t i = 0; i < ARRAY_SIZE(generic_answers); i++)
    if (generic_answers[i].status == p->status)
      return kerr_set(reterr, KERR_INTERNAL, NULL, "%s",
                      generic_answers[i].text ? generic_answers[i].text : arena_strndup(a, said.p, said.n));
  if (p->status < 500)
    return kerr_set(reterr, KERR_INTERNAL, NULL,
                    "the server responded with the status code %ld but did not return more information", p->status);
  codec_go_quote(&quoted, said);
  return kerr_set(reterr, KERR_INTERNAL, NULL, "an error on the server (%s) has prevented the request from succeeding",
                  quoted.p);
}

static int
read_answer(struct arena *a, const struct posting *p, struct json **ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr bad = KERR_INIT;
  struct span text = strbuf_view(&p->body);
  struct json *doc = NULL;
  const char *why;
  int r = json_parse(a, text, NULL, &doc, &bad);

  if (p->status < SUCCESS_FIRST || p->status > SUCCESS_LAST)
    return refused(a, p, r == 0 ? doc : NULL, reterr);
  if (text.n == 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "0-length response with status code: %ld and content type: %s",
                    p->status, p->content_type);
  if (r < 0) {
    why = go_json_error(a, text);
    return kerr_set(reterr, KERR_INTERNAL, NULL, "couldn't get version/kind; json parse error: %s",
                    why ? why : bad.msg);
  }
  *ret = doc;
  return 0;
}

static char *
bundle_of(struct arena *a, const struct json *config)
{
  _cleanup_strbuf_ struct strbuf pem = STRBUF_INIT(CEIL_REQUEST_BODY);
  struct span text = json_span(json_get(config, "caBundle"));

  if (text.n == 0 || !codec_unbase64(&pem, text) || span_trim(strbuf_view(&pem)).n == 0)
    return NULL;
  return arena_strndup(a, pem.p, pem.n);
}

int
webhook_post(struct webhook_client *w, struct arena *a, const struct webhook_call *call, struct json **ret,
             struct kerr *reterr)
{
  struct posting *p = arena_new_of(a, struct posting);
  struct line line;
  long os_errno = 0;
  int code, r;

  p->w = w;
  p->call = call;
  if (webhook_target_of(a, call->config, &p->target, reterr) < 0)
    return -(int)reterr->code;
  p->url = arena_printf(a, "%s?timeout=%ds", p->target.url, call->timeout_seconds);
  if (webhook_resolve(w->objects, a, call->config, &p->target, reterr) < 0)
    return kerr_wrap(reterr, "Post \"%s\"", p->url);
  if (line_open(w, bundle_of(a, call->config), &line, reterr) < 0)
    return -(int)reterr->code;
  strbuf_init(&p->body, CEIL_WEBHOOK_REPLY);
  code = perform(p, a, &line, &os_errno);
  r = code != 0 ? no_answer(a, p, code, os_errno, reterr) : read_answer(a, p, ret, reterr);
  strbuf_release(&p->body);
  line_give_back(w, &line);
  return r;
}
