/* Paths that name no resource. */
#include <string.h>

#include "apiserver_internal.h"
#include "ceilings.h"
#include "object.h"
#include "rest_discovery.h"
#include "rest_metrics.h"
#include "rest_openapi.h"
#include "rest_route.h"
#include "rest_store.h"
#include "sa_token.h"

typedef int path_fn(struct rest_call *c, const char *rest, struct kerr *reterr);

/* -- health -- */

enum { HEALTHZ = 1, LIVEZ = 2, READYZ = 4, ALL = 7 };

static bool
check_always(struct apiserver *s)
{
  (void)s;
  return true;
}

static bool
check_store(struct apiserver *s)
{
  struct store_range range = { .prefix = SPAN("/registry/health/"), .limit = 1 };
  struct store_list list = { .items = NULL };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (store_list(s->store, &range, &list, &err) < 0)
    return false;
  store_list_release(&list);
  return true;
}

static const struct check {
  const char *name;
  int where;
  bool (*fn)(struct apiserver *s);
} checks[] = {
  { "ping", ALL, check_always },
  { "log", ALL, check_always },
  { "etcd", ALL, check_store },
  { "etcd-readiness", READYZ, check_store },
  { "informer-sync", READYZ, check_always },
  { "poststarthook/rbac/bootstrap-roles", ALL, check_always },
  { "poststarthook/scheduling/bootstrap-system-priority-classes", ALL, check_always },
  { "shutdown", READYZ, check_always },
};

static bool
excluded(struct rest_call *c, const char *name)
{
  const char *text = rest_query(c, "exclude");

  return text && strcmp(text, name) == 0;
}

static int
answer_single(struct rest_call *c, int where, const char *name)
{
  for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
    if (!(checks[i].where & where) || strcmp(checks[i].name, name) != 0)
      continue;
    if (checks[i].fn(c->s))
      rest_answer_text(c, 200, "text/plain; charset=utf-8", SPAN("ok"));
    else
      rest_answer_text(c, 500, "text/plain; charset=utf-8", SPAN("internal server error: reason withheld\n"));
    return 0;
  }
  return rest_no_such_page(c);
}

static int
health(struct rest_call *c, int where, const char *name, const char *rest)
{
  _cleanup_strbuf_ struct strbuf b;
  bool ok = true;

  strbuf_init(&b, 64 * KiB);
  if (*rest)
    return answer_single(c, where, rest + 1);
  for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
    if (!(checks[i].where & where))
      continue;
    if (excluded(c, checks[i].name)) {
      strbuf_printf(&b, "[+]%s excluded: ok\n", checks[i].name);
      continue;
    }
    bool good = checks[i].fn(c->s);

    strbuf_printf(&b, good ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n", checks[i].name);
    ok = ok && good;
  }
  strbuf_printf(&b, "%s check %s\n", name, ok ? "passed" : "failed");
  if (ok && !rest_query(c, "verbose"))
    rest_answer_text(c, 200, "text/plain; charset=utf-8", SPAN("ok"));
  else
    rest_answer_text(c, ok ? 200 : 500, "text/plain; charset=utf-8", strbuf_view(&b));
  return 0;
}

static int
path_healthz(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  (void)reterr;
  return health(c, HEALTHZ, "healthz", rest);
}

static int
path_livez(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  (void)reterr;
  return health(c, LIVEZ, "livez", rest);
}

static int
path_readyz(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  (void)reterr;
  return health(c, READYZ, "readyz", rest);
}

/* -- version, metrics, the list of paths -- */

static int
path_version(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  int minor = personality_minor(c->personality);
  struct json *v = json_new_object(c->a);
  const char *minor_text = arena_printf(c->a, "%d", minor);

  (void)rest;
  (void)reterr;
  json_set_str(c->a, v, "major", "1");
  json_set_str(c->a, v, "minor", minor_text);
  if (minor >= 33) { /* compatibility versions came with 1.33 */
    json_set_str(c->a, v, "emulationMajor", "1");
    json_set_str(c->a, v, "emulationMinor", minor_text);
    json_set_str(c->a, v, "minCompatibilityMajor", "1");
    json_set_str(c->a, v, "minCompatibilityMinor", arena_printf(c->a, "%d", minor - 1));
  }
  json_set_str(c->a, v, "gitVersion", personality_version(c->personality));
  json_set_str(c->a, v, "gitCommit", "0000000000000000000000000000000000000000");
  json_set_str(c->a, v, "gitTreeState", "clean");
  json_set_str(c->a, v, "buildDate", "2026-01-01T00:00:00Z");
  json_set_str(c->a, v, "goVersion", "go1.26.8");
  json_set_str(c->a, v, "compiler", "gc");
  json_set_str(c->a, v, "platform", "linux/amd64");
  c->form.pretty = true;
  rest_answer_document(c, v);
  return 0;
}

static int
path_metrics(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;

  (void)rest;
  (void)reterr;
  strbuf_init(&b, 8 * MiB);
  rest_metrics_write(c->s, &b);
  rest_answer_text(c, 200, "text/plain; version=0.0.4; charset=utf-8", strbuf_view(&b));
  return 0;
}

static int
path_api(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  return rest_discovery_core(c, rest, reterr);
}

static int
path_apis(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  return rest_discovery_groups(c, rest, reterr);
}

static int
path_openapi_v2(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  return rest_openapi_v2(c, rest, reterr);
}

static int
path_openapi_v3(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  return rest_openapi_v3(c, rest, reterr);
}

/* -- service account tokens: for whoever wants to check one without asking us -- */

static int
path_openid_configuration(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  (void)rest;
  (void)reterr;
  if (!c->s->config.signer)
    return rest_no_such_page(c);
  rest_answer_text(c, 200, "application/json", span_of(sa_openid_configuration(c->s->config.signer, c->a)));
  return 0;
}

static int
path_openid_keys(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  (void)rest;
  (void)reterr;
  if (!c->s->config.signer)
    return rest_no_such_page(c);
  rest_answer_text(c, 200, "application/jwk-set+json", span_of(sa_openid_keys(c->s->config.signer, c->a)));
  return 0;
}

static int path_root(struct rest_call *c, const char *rest, struct kerr *reterr);

static int
path_store(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  return rest_store_serve(c, rest, reterr);
}

static int
not_there(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  (void)rest;
  (void)reterr;
  return rest_no_such_page(c);
}

enum {
  BELOW = 1,   /* paths under it belong to it too */
  METHODS = 2, /* it looks at the method itself; else GET and HEAD */
  OURS = 4,    /* upstream does not have it: not listed at the root */
};

static const struct path {
  const char *path;
  unsigned flags;
  path_fn *fn;
} paths[] = {
  { "/api", BELOW, path_api },
  { "/apis", BELOW | METHODS, path_apis },
  { "/healthz", BELOW, path_healthz },
  { "/livez", BELOW, path_livez },
  { "/metrics", 0, path_metrics },
  { "/readyz", BELOW, path_readyz },
  { "/version", 0, path_version },
  { "/openapi/v2", BELOW, path_openapi_v2 },
  { "/openapi/v3", BELOW, path_openapi_v3 },
  { "/.well-known/openid-configuration", 0, path_openid_configuration },
  { "/openid/v1/jwks", 0, path_openid_keys },
  { REST_STORE_PATH, BELOW | METHODS | OURS, path_store },
};
static const struct path root = { "/", 0, path_root }, nowhere = { "", METHODS, not_there };

static int
path_root(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  struct json *doc = json_new_object(c->a), *list = json_ensure_array(c->a, doc, "paths");
  const char *names[512], *last = "";
  const struct kind_resource *r;
  size_t n = 0, cursor = 0;

  (void)rest;
  (void)reterr;
  for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
    if (!(paths[i].flags & OURS))
      names[n++] = paths[i].path;
  while ((r = served_next(&c->served, &cursor)) && n + 2 < ARRAY_SIZE(names)) {
    const char *gv =
        *r->group ? arena_printf(c->a, "/apis/%s/%s", r->group, r->version) : arena_printf(c->a, "/api/%s", r->version);

    if (strcmp(gv, last) == 0)
      continue;
    names[n++] = last = gv;
    if (*r->group)
      names[n++] = arena_printf(c->a, "/apis/%s", r->group);
  }
  for (size_t i = 0; i < ARRAY_SIZE(checks) && n + 3 < ARRAY_SIZE(names); i++) {
    if (checks[i].where & HEALTHZ)
      names[n++] = arena_printf(c->a, "/healthz/%s", checks[i].name);
    if (checks[i].where & LIVEZ)
      names[n++] = arena_printf(c->a, "/livez/%s", checks[i].name);
    if (checks[i].where & READYZ)
      names[n++] = arena_printf(c->a, "/readyz/%s", checks[i].name);
  }
  qsort(names, n, sizeof names[0], text_order);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
      json_append_str(c->a, list, names[i]);
  c->form.pretty = true;
  rest_answer_document(c, doc);
  return 0;
}

static const struct path *
path_find(const char *path, const char **ret_rest)
{
  *ret_rest = "";
  if (strcmp(path, "/") == 0 || !*path)
    return &root;
  for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
    size_t n = strlen(paths[i].path);

    if (strncmp(path, paths[i].path, n) != 0)
      continue;
    if (path[n] == '\0' || strcmp(path + n, "/") == 0)
      return &paths[i];
    if (path[n] == '/' && paths[i].flags & BELOW) {
      *ret_rest = path + n;
      return &paths[i];
    }
  }
  return &nowhere;
}

int
rest_serve_path(struct rest_call *c, struct kerr *reterr)
{
  const char *rest;
  const struct path *p = path_find(c->info.path, &rest);

  if (!(p->flags & METHODS) && strcmp(c->req->method, "GET") != 0 && strcmp(c->req->method, "HEAD") != 0)
    return rest_method_not_allowed(c, reterr);
  return p->fn(c, rest, reterr);
}
