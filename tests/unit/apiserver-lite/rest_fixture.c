#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "authz.h"
#include "ceilings.h"
#include "rest_fixture.h"

#define HEADERS_MAX 16

static int
setup(void **state, bool rbac)
{
  struct fixture *f = mem_alloc(sizeof *f);
  struct store_config config = { .backend = "memory" };
  struct apiserver_config server = { .advertise_address = "127.0.0.1", .advertise_port = 6443 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  f->clock = clock_new_real();
  config.clock = f->clock;
  f->arena = arena_new(CEIL_ARENA_REQUEST);
  if (personality_new(NULL, NULL,
                      "resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true,resource.k8s.io/v1alpha3=true",
                      &f->personality, &err) < 0 ||
      store_open(&config, &f->store, &err) < 0)
    fail_msg("%s", err.msg);
  if (rbac && authz_new("RBAC", f->personality, &f->authz, &err) < 0)
    fail_msg("%s", err.msg);
  server.authz = f->authz;
  server.personality = f->personality;
  server.store = f->store;
  server.clock = f->clock;
  if (apiserver_new(&server, &f->server, &err) < 0)
    fail_msg("%s", err.msg);
  *state = f;
  return 0;
}

int
fixture_setup(void **state)
{
  return setup(state, false);
}

int
fixture_setup_rbac(void **state)
{
  return setup(state, true);
}

int
fixture_teardown(void **state)
{
  struct fixture *f = *state;

  apiserver_stop(f->server);
  apiserver_free(f->server);
  authz_free(f->authz);
  store_free(f->store);
  personality_unref(f->personality);
  arena_free(f->arena);
  clock_free(f->clock);
  free(f);
  return 0;
}

static size_t
parse_headers(struct arena *a, const char *text, struct exchange_header *ret)
{
  size_t n = 0;
  struct span left = span_of(text ? text : "");

  while (left.p && left.n && n < HEADERS_MAX) {
    struct span rest, value, line = span_cut(left, '\n', &rest), name = span_cut(line, ':', &value);

    value = span_trim(value);
    ret[n++] = (struct exchange_header){ .name = arena_strndup(a, name.p, name.n),
                                         .value = arena_strndup(a, value.p ? value.p : "", value.n) };
    left = rest;
  }
  return n;
}

static void
make_request(struct fixture *f, const char *method, const char *target, const char *body, const char *headers,
             struct exchange_request *ret)
{
  static const char *const groups[] = { "system:masters" };
  static const struct exchange_user admin = { .name = "admin", .uid = "", .groups = groups, .n_groups = 1 };
  struct exchange_header *list = arena_array_of(f->arena, struct exchange_header, HEADERS_MAX + 1);
  struct span query, path = span_cut(span_of(target), '?', &query);
  size_t n = parse_headers(f->arena, headers, list);

  list[n++] = (struct exchange_header){ .name = "user-agent", .value = "unit-test/1.0" };
  *ret = (struct exchange_request){ .method = method,
                                    .path = arena_strndup(f->arena, path.p, path.n),
                                    .query = query.p ? arena_strndup(f->arena, query.p, query.n) : "",
                                    .headers = list,
                                    .n_headers = n,
                                    .body = span_of(body ? body : ""),
                                    .user = &admin,
                                    .arena = f->arena };
}

struct reply
ask(struct fixture *f, const char *method, const char *target, const char *body, const char *headers)
{
  struct exchange *x = apiserver_exchange(f->server);
  _cleanup_answer_ struct exchange_answer ans = { .status = 0 };
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct exchange_request req;
  struct reply ret = { .warnings = "" };

  make_request(f, method, target, body, headers, &req);
  x->ops->serve(x, &req, &ans);
  ret.status = ans.status;
  ret.content_type = arena_strdup(f->arena, ans.content_type ? ans.content_type : "");
  ret.text = arena_strndup(f->arena, ans.body.p ? ans.body.p : "", ans.body.n);
  for (size_t i = 0; i < ans.n_headers; i++)
    if (strcmp(ans.headers[i].name, "warning") == 0)
      ret.warnings = arena_printf(f->arena, "%s%s\n", ret.warnings, ans.headers[i].value);
  if (json_parse(f->arena, span_of(ret.text), NULL, &ret.doc, &ignored) < 0)
    ret.doc = NULL;
  return ret;
}

struct reply
must(struct fixture *f, int status, const char *method, const char *target, const char *body, const char *headers)
{
  struct reply r = ask(f, method, target, body, headers);

  if (r.status != status)
    fail_msg("%s %s: %d instead of %d: %s", method, target, r.status, status, r.text);
  return r;
}

const char *
at(struct fixture *f, const struct reply *r, const char *pointer)
{
  const struct json *v = r->doc;
  struct span left = span_of(pointer + 1);

  while (v && left.p) {
    struct span rest, part = span_cut(left, '/', &rest);
    char *name = arena_strndup(f->arena, part.p, part.n);

    for (char *p = strstr(name, "~1"); p; p = strstr(name, "~1")) {
      *p = '/';
      memmove(p + 1, p + 2, strlen(p + 2) + 1);
    }
    v = json_is(v, JSON_ARRAY) ? json_at(v, (size_t)strtoul(name, NULL, 10)) : json_get(v, name);
    left = rest;
  }
  return !v ? "" : json_is(v, JSON_STRING) ? v->u.str : json_text(f->arena, v, JSON_COMPACT);
}

struct exchange_stream *
open_watch(struct fixture *f, const char *target, const char *headers, bool want_records)
{
  struct exchange *x = apiserver_exchange(f->server);
  struct exchange_answer ans = { .status = 0 };
  struct exchange_request req;
  struct exchange_stream *stream;

  make_request(f, "GET", target, NULL, headers, &req);
  req.want_records = want_records;
  x->ops->serve(x, &req, &ans);
  if (ans.status != 200 || !ans.stream)
    fail_msg("no stream: %d %.*s", ans.status, SPAN_FMT(ans.body));
  stream = ans.stream;
  ans.stream = NULL;
  exchange_answer_release(&ans);
  return stream;
}

struct reply
next_event(struct fixture *f, struct exchange_stream *s, const char *type)
{
  struct exchange_event e;
  struct reply r = { .status = 0 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  for (int i = 0; i < 2000; i++) { /* the hub's thread may need a moment */
    int got = s->ops->next(s, &e);

    assert_int_not_equal(got, -1);
    if (got == 0) {
      struct clock *c = f->clock;
      pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
      pthread_cond_t cond;

      clock_cond_init(&cond);
      pthread_mutex_lock(&m);
      (void)clock_cond_wait(c, &cond, &m, clock_mono(c) + CLOCK_MS);
      pthread_mutex_unlock(&m);
      pthread_cond_destroy(&cond);
      continue;
    }
    assert_int_equal(json_parse(f->arena, e.bytes, NULL, &r.doc, &err), 0);
    r.text = json_text(f->arena, r.doc, JSON_COMPACT);
    assert_string_equal(at(f, &r, "/type"), type);
    return r;
  }
  fail_msg("no event %s", type);
  return r;
}
