/* The HTTPS transport: calls. Each uses a handle of libcurl's of its own, kept afterwards for its connection. */
#include "kclient_remote.h"

#include <string.h>

#include "ceilings.h"
#include "fs.h"
#include "number.h"
#include "status.h"

#define CONNECT_TIMEOUT_MS 10000L
#define CALL_TIMEOUT_MS    60000L /* upstream: the server's default for requests that are not watches */

/* -- answers -- */

struct record *
remote_record(const struct kclient_resource *res, const struct json *o)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const char *ns = object_namespace(o);
  struct json *whole = json_new_object(a);
  int64_t revision = 0;
  char *key;

  json_set_str(a, whole, "kind", res->kind);
  json_set_str(a, whole, "apiVersion", gv_text(a, res->group, res->version));
  for (json_each_member (m, o))
    json_set_n(a, whole, m->name, m->name_len, m->value);
  (void)number_int64(span_of(object_resource_version(o)), &revision); /* a server that has none: 0 */
  key = arena_printf(a, "/registry/%s/%s%s%s", res->resource, ns, *ns ? "/" : "", object_name(o));
  return record_from_json(span_of(key), revision, whole);
}

static void
take_objects(struct arena *a, const struct kclient_resource *res, const struct json *doc, struct kclient_got *got)
{
  const struct json *items = json_get(doc, "items"), *meta = json_get(doc, "metadata");

  if (!json_is(items, JSON_ARRAY) && strcmp(object_kind(doc), "Status") == 0)
    return; /* a success without an object */
  got->records = arena_array_of(a, struct record *, json_is(items, JSON_ARRAY) ? items->count : 1);
  (void)number_int64(span_of(json_get_str_or(meta, "resourceVersion", "")), &got->revision);
  got->continue_token = json_get_str(meta, "continue");
  if (!json_is(items, JSON_ARRAY))
    got->records[got->n++] = remote_record(res, doc);
  for (json_each_item (item, items))
    got->records[got->n++] = remote_record(res, *item);
}

/* -- requests -- */

static struct curl_list *
add_header(const struct remote *r, struct curl_list *list, const char *name, const char *value)
{
  _cleanup_free_ char *line = mem_printf("%s: %s", name, value);

  return r->curl.slist_append(list, line);
}

struct curl_list *
remote_prepare(struct kclient *c, void *easy, const struct kclient_call *call, char error[CURL_ERROR_MAX])
{
  const struct remote *r = c->state;
  _cleanup_free_ char *url = mem_printf("%s%s%s%s", r->server, call->path, call->query && *call->query ? "?" : "",
                                        call->query ? call->query : "");
  struct curl_list *headers = add_header(r, NULL, "Accept", call->accept ? call->accept : "application/json");

  headers = add_header(r, headers, "User-Agent", c->user_agent);
  headers = r->curl.slist_append(headers, "Expect:");
  if (r->authorization)
    headers = r->curl.slist_append(headers, r->authorization);
  if (call->content_type)
    headers = add_header(r, headers, "Content-Type", call->content_type);
  error[0] = '\0';
  r->curl.easy_setopt(easy, CURL_URL, url);
  r->curl.easy_setopt(easy, CURL_ERRORBUFFER, error);
  r->curl.easy_setopt(easy, CURL_HTTPHEADER, headers);
  r->curl.easy_setopt(easy, CURL_NOSIGNAL, 1L);
  r->curl.easy_setopt(easy, CURL_HTTP_VERSION, CURL_HTTP_1_1);
  r->curl.easy_setopt(easy, CURL_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
  r->curl.easy_setopt(easy, CURL_TCP_KEEPALIVE, 1L);
  r->curl.easy_setopt(easy, CURL_SSL_VERIFYPEER, r->insecure ? 0L : 1L);
  r->curl.easy_setopt(easy, CURL_SSL_VERIFYHOST, r->insecure ? 0L : 2L);
  if (r->direct)
    r->curl.easy_setopt(easy, CURL_PROXY, "");
  if (r->ca_path)
    r->curl.easy_setopt(easy, CURL_CAINFO, r->ca_path);
  if (r->cert_path)
    r->curl.easy_setopt(easy, CURL_SSLCERT, r->cert_path);
  if (r->key_path)
    r->curl.easy_setopt(easy, CURL_SSLKEY, r->key_path);
  if (call->content_type) {
    r->curl.easy_setopt(easy, CURL_POSTFIELDSIZE, (int64_t)call->body.n);
    r->curl.easy_setopt(easy, CURL_POSTFIELDS, call->body.n ? call->body.p : "");
  } else {
    r->curl.easy_setopt(easy, CURL_HTTPGET, 1L);
  }
  r->curl.easy_setopt(easy, CURL_CUSTOMREQUEST, call->method);
  return headers;
}

static void *
take_handle(struct remote *r)
{
  void *easy = NULL;

  pthread_mutex_lock(&r->lock);
  if (r->n_idle)
    easy = r->idle[--r->n_idle];
  pthread_mutex_unlock(&r->lock);
  return easy ? easy : r->curl.easy_init();
}

static void
give_handle(struct remote *r, void *easy)
{
  r->curl.easy_reset(easy); /* connections stay */
  pthread_mutex_lock(&r->lock);
  if (r->n_idle < REMOTE_IDLE_MAX)
    r->idle[r->n_idle++] = steal_pointer(&easy);
  pthread_mutex_unlock(&r->lock);
  if (easy)
    r->curl.easy_cleanup(easy);
}

int
remote_no_answer(const struct remote *r, const struct kclient_call *call, const char *error, int code,
                 struct kerr *reterr)
{
  return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "%s %s%s: %s", call->method, r->server, call->path,
                  *error ? error : r->curl.easy_strerror(code));
}

static int
remote_call(struct kclient *c, struct arena *a, const struct kclient_call *call, struct kclient_got *ret,
            struct kerr *reterr)
{
  struct remote *r = c->state;
  _cleanup_strbuf_ struct strbuf body = STRBUF_INIT(CEIL_REPLY);
  _cleanup_kerr_ struct kerr bad = KERR_INIT;
  char error[CURL_ERROR_MAX];
  void *easy = take_handle(r);
  struct curl_list *headers = remote_prepare(c, easy, call, error);
  struct kclient_got got = { .status = 0 };
  const char *type = NULL;
  struct json *doc;
  long status = 0;
  int code;

  r->curl.easy_setopt(easy, CURL_TIMEOUT_MS, CALL_TIMEOUT_MS);
  r->curl.easy_setopt(easy, CURL_WRITEFUNCTION, curl_collect);
  r->curl.easy_setopt(easy, CURL_WRITEDATA, &body);
  code = r->curl.easy_perform(easy);
  r->curl.easy_getinfo(easy, CURL_RESPONSE_CODE, &status);
  r->curl.easy_getinfo(easy, CURL_CONTENT_TYPE, &type);
  got.content_type = type ? arena_strdup(a, type) : "";
  got.status = (int)status;
  give_handle(r, easy);
  r->curl.slist_free_all(headers);
  if (strbuf_overflowed(&body))
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "%s %s: the answer is larger than %zu bytes", call->method,
                    call->path, body.limit);
  if (code != 0)
    return remote_no_answer(r, call, error, code, reterr);
  got.body = arena_span(a, strbuf_view(&body));
  if (call->objects && got.status < 400) {
    if (json_parse(a, got.body, &json_as_written, &doc, &bad) < 0)
      return kerr_set(reterr, KERR_INTERNAL, NULL, "%s %s: the answer is no JSON: %s", call->method, call->path,
                      bad.msg);
    take_objects(a, call->objects, doc, &got);
  }
  *ret = got;
  return 0;
}

/* -- the client -- */

static void
remote_free(struct kclient *c)
{
  struct remote *r = c->state;

  if (!r)
    return;
  remote_streams_free(r->streams);
  for (size_t i = 0; i < r->n_idle; i++)
    r->curl.easy_cleanup(r->idle[i]);
  fs_closep(&r->ca_fd);
  fs_closep(&r->cert_fd);
  fs_closep(&r->key_fd);
  (void)pthread_mutex_destroy(&r->lock);
  free(r->ca_path);
  free(r->cert_path);
  free(r->key_path);
  free(r->server);
  free(r->authorization);
  free(r);
}

static const struct kclient_transport remote_transport = {
  .call = remote_call,
  .watch = remote_watch,
  .free = remote_free,
};

int
kclient_new_remote(const struct kclient_remote *remote, struct clock *clock, struct log *log, struct kclient **ret,
                   struct kerr *reterr)
{
  _cleanup_(kclient_freep) struct kclient *c = kclient_alloc(clock, log, remote->user_agent);
  struct remote *r = mem_alloc(sizeof *r);
  size_t n = strlen(remote->server);
  int rc;

  c->state = r;
  c->transport = &remote_transport;
  r->ca_fd = r->cert_fd = r->key_fd = -1;
  (void)pthread_mutex_init(&r->lock, NULL);
  while (n && remote->server[n - 1] == '/')
    n--;
  r->server = mem_strndup(remote->server, n);
  r->insecure = remote->insecure;
  r->direct = curl_is_local(r->server);
  if (remote->token)
    r->authorization = mem_printf("Authorization: Bearer %s", remote->token);
  rc = curl_api_open(&r->curl, reterr);
  if (rc == 0)
    rc = curl_memory_file("CA certificate", remote->ca_pem, &r->ca_fd, &r->ca_path, reterr);
  if (rc == 0)
    rc = curl_memory_file("client certificate", remote->cert_pem, &r->cert_fd, &r->cert_path, reterr);
  if (rc == 0)
    rc = curl_memory_file("client key", remote->key_pem, &r->key_fd, &r->key_path, reterr);
  if (rc < 0)
    return rc;
  *ret = steal_pointer(&c);
  return 0;
}
