/* The client of webhooks against a real HTTPS server, one that lies included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "hook_server.h"
#include "webhook_client.h"

/* A store of two kinds of objects, as texts. */
struct objects {
  struct auth_source source; /* first */
  const char *service, *slice;
};

static const struct json *
parse(struct arena *a, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *ret = NULL;

  if (text && json_parse(a, span_of(text), NULL, &ret, &err) < 0)
    fail_msg("%s in %s", err.msg, text);
  return ret;
}

static const struct json *
get(struct auth_source *s, struct arena *a, const char *resource, const char *ns, const char *name)
{
  assert_string_equal(resource, "services");
  assert_string_equal(ns, "default");
  assert_string_equal(name, "hook");
  return parse(a, ((struct objects *)s)->service);
}

static size_t
list(struct auth_source *s, struct arena *a, const char *resource, const char *ns, const struct json *const **ret)
{
  const struct json **one = arena_array_of(a, const struct json *, 1);

  (void)ns;
  assert_string_equal(resource, "endpointslices");
  one[0] = parse(a, ((struct objects *)s)->slice);
  *ret = one;
  return one[0] ? 1 : 0;
}

struct world {
  struct clock *clock;
  struct objects objects;
  struct webhook_client *client;
  struct hook_server server;
  struct arena *a;
  struct kerr err;
};

static void
answer(struct hook_server *h, const struct exchange_request *req, struct exchange_answer *ret)
{
  const char *path = req->path;

  (void)h;
  if (strcmp(path, "/echo") == 0) {
    ret->body = span_of(arena_printf(req->arena, "{\"query\":\"%s\",\"body\":%.*s}", req->query, SPAN_FMT(req->body)));
  } else if (strcmp(path, "/slow") == 0) {
    (void)usleep(1500 * 1000);
    ret->body = SPAN("{}");
  } else if (strcmp(path, "/huge") == 0) {
    size_t n = CEIL_WEBHOOK_REPLY + 10;
    char *text = arena_alloc(req->arena, n);

    memset(text, ' ', n);
    ret->body = span_make(text, n);
  } else if (strcmp(path, "/html") == 0) {
    ret->content_type = "text/html";
    ret->body = SPAN("<html>");
  } else if (strcmp(path, "/broken") == 0) {
    ret->status = 500;
    ret->content_type = "text/plain";
    ret->body = SPAN(" it \"broke\"\n");
  } else if (strcmp(path, "/status") == 0) {
    ret->status = 403;
    ret->body = SPAN("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"go away\"}");
  } else if (strcmp(path, "/away") == 0) {
    static const char name[] = "location", to[] = "/echo";

    ret->status = 302;
    ret->headers = arena_new_of(req->arena, struct exchange_header);
    ret->headers[0] = (struct exchange_header){ name, to };
    ret->n_headers = 1;
  } else if (strcmp(path, "/teapot") == 0) {
    ret->status = 404;
  } /* any other: nothing at all */
}

static int
setup_with(void **state, bool plain)
{
  static const struct auth_source_ops ops = { get, list };
  struct world *w = mem_alloc(sizeof *w);

  w->clock = clock_new_real();
  w->a = arena_new(CEIL_ARENA_REQUEST);
  w->objects.source.ops = &ops;
  w->client = webhook_client_new(&w->objects.source);
  hook_server_start(&w->server, w->clock, plain, answer, NULL);
  *state = w;
  return 0;
}

static int
setup(void **state)
{
  return setup_with(state, false);
}

static int
setup_plain(void **state)
{
  return setup_with(state, true);
}

static int
teardown(void **state)
{
  struct world *w = *state;

  webhook_client_free(w->client);
  hook_server_stop(&w->server);
  kerr_release(&w->err);
  arena_free(w->a);
  clock_free(w->clock);
  free(w);
  return 0;
}

static struct json *
post(struct world *w, const char *config, int timeout)
{
  struct webhook_call call = { .config = parse(w->a, config), .body = SPAN("{\"a\":1}"), .timeout_seconds = timeout };
  struct json *ret = NULL;
  int r;

  kerr_release(&w->err);
  w->err = (struct kerr)KERR_INIT;
  r = webhook_post(w->client, w->a, &call, &ret, &w->err);
  assert_int_equal(r, -(int)w->err.code);
  assert_true((ret == NULL) == (r < 0));
  return ret;
}

static const char *
by_url(struct world *w, const char *host, const char *path, const char *ca)
{
  return arena_printf(w->a, "{\"url\":\"https://%s:%d%s\",\"caBundle\":\"%s\"}", host, w->server.port, path, ca);
}

/* What an error says after `Post "URL": `. */
static const char *
said(struct world *w)
{
  const char *text = w->err.msg ? strstr(w->err.msg, "\": ") : NULL;

  return text ? text + 3 : "";
}

static void
by_url_and_again(void **state)
{
  struct world *w = *state;

  for (int i = 0; i < 3; i++) {
    const struct json *got = post(w, by_url(w, "localhost", "/echo/", w->server.ca), 10);

    assert_string_equal(json_get_str(got, "query"), "timeout=10s");
    assert_int_equal(json_int_or(json_dig(got, "body", "a", NULL), 0), 1);
  }
  assert_int_equal(http_server_stats(w->server.http).connections, 1);            /* kept */
  assert_null(post(w, by_url(w, "localhost", "/echo", w->server.wrong_ca), 10)); /* not by one of other trust */
  assert_string_equal(said(w), "tls: failed to verify certificate: x509: certificate signed by unknown authority");
  assert_non_null(post(w, by_url(w, "127.0.0.1", "/echo", w->server.ca), 10));
}

static const char slice_text[] =
    "{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"%s\"}},\"addressType\":\"IPv4\","
    "\"endpoints\":[{\"addresses\":[\"127.0.0.9\"],\"conditions\":{\"ready\":false}},"
    "{\"addresses\":[\"127.0.0.1\"]}],\"ports\":[{\"name\":\"https\",\"port\":%d}]}";

static void
by_service(void **state)
{
  struct world *w = *state;
  const char *config = arena_printf(w->a,
                                    "{\"service\":{\"namespace\":\"default\",\"name\":\"hook\",\"path\":\"/echo\","
                                    "\"port\":443},\"caBundle\":\"%s\"}",
                                    w->server.ca);
  static const struct {
    const char *service, *slice, *says; /* slice: the service it belongs to */
  } rows[] = {
    { NULL, NULL, "service \"hook\" not found" },
    { "{\"spec\":{\"type\":\"ExternalName\"}}", NULL, "unsupported service type \"ExternalName\"" },
    { "{\"spec\":{\"ports\":[{\"port\":80}]}}", NULL, "no service port 443 found for service \"hook\"" },
    { "{\"spec\":{\"ports\":[{\"port\":443,\"name\":\"https\"}]}}", NULL,
      "no endpoints available for service \"hook\"" },
    { "{\"spec\":{\"ports\":[{\"port\":443,\"name\":\"https\"}]}}", "other",
      "no endpoints available for service \"hook\"" },
    { "{\"spec\":{\"ports\":[{\"port\":443}]}}", "hook", "no endpoints available for service \"hook\"" },
    { "{\"spec\":{\"ports\":[{\"port\":443,\"name\":\"https\"}]}}", "hook", NULL },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    w->objects.service = rows[i].service;
    w->objects.slice = rows[i].slice ? arena_printf(w->a, slice_text, rows[i].slice, w->server.port) : NULL;
    assert_true((post(w, config, 5) != NULL) == (rows[i].says == NULL));
    if (rows[i].says)
      assert_string_equal(
          w->err.msg, arena_printf(w->a, "Post \"https://hook.default.svc:443/echo?timeout=5s\": %s", rows[i].says));
  }
}

static void
liars(void **state)
{
  struct world *w = *state;
  static const struct {
    const char *path;
    int timeout, code;
    const char *says; /* whole when it does not follow the URL */
  } rows[] = {
    { "/slow", 1, KERR_TIMEOUT, "context deadline exceeded" },
    { "/huge", 5, KERR_TOO_LARGE, "the answer is larger than 8388608 bytes" },
    { "/html", 5, KERR_INTERNAL,
      "couldn't get version/kind; json parse error: invalid character '<' looking for beginning of value" },
    { "/broken", 5, KERR_INTERNAL,
      "an error on the server (\"it \\\"broke\\\"\") has prevented the request from "
      "succeeding" },
    { "/status", 5, KERR_INTERNAL, "go away" },
    { "/away", 5, KERR_INTERNAL, "the server responded with the status code 302 but did not return more information" },
    { "/teapot", 5, KERR_INTERNAL, "the server could not find the requested resource" },
    { "/empty", 5, KERR_INTERNAL, "0-length response with status code: 200 and content type: application/json" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    assert_null(post(w, by_url(w, "localhost", rows[i].path, w->server.ca), rows[i].timeout));
    assert_int_equal(w->err.code, rows[i].code);
    assert_string_equal(*said(w) && rows[i].code != KERR_INTERNAL ? said(w) : w->err.msg, rows[i].says);
  }
  assert_int_equal(atomic_load(&w->server.calls), ARRAY_SIZE(rows)); /* the redirect was not followed */
}

static void
nobody_there(void **state)
{
  struct world *w = *state;
  int port = w->server.port;

  assert_null(post(w, "{}", 5));
  assert_string_equal(w->err.msg, "webhook configuration must have either service or URL");
  assert_null(post(w, by_url(w, "127.0.0.2", "/echo", w->server.ca), 5)); /* nobody listens there */
  assert_string_equal(said(w), arena_printf(w->a, "dial tcp 127.0.0.2:%d: connect: connection refused", port));
  assert_null(post(w, "{\"url\":\"https://no-such-host.invalid/x\"}", 5));
  assert_string_equal(w->err.msg, "Post \"https://no-such-host.invalid/x?timeout=5s\": dial tcp: lookup "
                                  "no-such-host.invalid: no such host");
}

static void
no_tls(void **state)
{
  struct world *w = *state;

  assert_null(post(w, by_url(w, "localhost", "/echo", w->server.ca), 5));
  /* it has answered the handshake in plain words, or hung up before */
  if (strcmp(said(w), "EOF") != 0)
    assert_string_equal(said(w), "http: server gave HTTP response to HTTPS client");
  assert_int_equal(atomic_load(&w->server.calls), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(by_url_and_again, setup, teardown),
    cmocka_unit_test_setup_teardown(by_service, setup, teardown),
    cmocka_unit_test_setup_teardown(liars, setup, teardown),
    cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
    cmocka_unit_test_setup_teardown(no_tls, setup_plain, teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
