#include "rest_route.h"

#include <string.h>

#include "apiserver_internal.h"
#include "crd_manager.h"
#include "kind_type.h"
#include "object.h"
#include "rest_access.h"
#include "rest_metrics.h"
#include "rest_subresource.h"

/* -- the generic verbs -- */

static const struct verb_row {
  const char *verb;
  uint32_t bit;
  rest_handler_fn *fn;
} verbs[] = {
  { "get", KIND_VERB_GET, rest_get },
  { "list", KIND_VERB_LIST, rest_list },
  { "watch", KIND_VERB_WATCH, rest_watch },
  { "create", KIND_VERB_CREATE, rest_create },
  { "update", KIND_VERB_UPDATE, rest_update },
  { "patch", KIND_VERB_PATCH, rest_patch },
  { "delete", KIND_VERB_DELETE, rest_delete },
  { "deletecollection", KIND_VERB_DELETECOLLECTION, rest_delete_collection },
};

static const struct verb_row *
verb_find(const char *verb)
{
  for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
    if (strcmp(verbs[i].verb, verb) == 0)
      return &verbs[i];
  return NULL;
}

/* -- what is not generic: reviews, and subresources other than status -- */

static const struct special {
  const char *group, *resource, *subresource, *verb; /* verb NULL: any */
  rest_handler_fn *fn;
} specials[] = {
  { "", "namespaces", "finalize", "update", rest_update },
  { "", "pods", "binding", "create", sub_binding },
  { "", "bindings", "", "create", sub_binding },
  { "", "pods", "eviction", "create", sub_eviction },
  { "", "pods", "ephemeralcontainers", NULL, NULL },
  { "", "pods", "resize", NULL, NULL },
  { "", "pods", "log", "get", sub_hook },
  { "", "pods", "exec", NULL, sub_hook },
  { "", "pods", "attach", NULL, sub_hook },
  { "", "pods", "portforward", NULL, sub_hook },
  { "", "pods", "proxy", NULL, sub_hook },
  { "", "nodes", "proxy", NULL, sub_hook },
  { "", "services", "proxy", NULL, sub_hook },
  { "", "serviceaccounts", "token", "create", sub_token },
  { NULL, NULL, "scale", NULL, sub_scale },
  { "authentication.k8s.io", "tokenreviews", "", "create", sub_token_review },
  { "authentication.k8s.io", "selfsubjectreviews", "", "create", sub_self_review },
  { "authorization.k8s.io", "subjectaccessreviews", "", "create", sub_access_review },
  { "authorization.k8s.io", "localsubjectaccessreviews", "", "create", sub_access_review },
  { "authorization.k8s.io", "selfsubjectaccessreviews", "", "create", sub_access_review },
  { "authorization.k8s.io", "selfsubjectrulesreviews", "", "create", sub_rules_review },
};

static rest_handler_fn *
special_find(const struct rest_call *c)
{
  const struct rest_info *i = &c->info;

  for (size_t n = 0; n < ARRAY_SIZE(specials); n++) {
    const struct special *s = &specials[n];

    if ((s->group && strcmp(s->group, i->group) != 0) || (s->resource && strcmp(s->resource, i->resource) != 0) ||
        strcmp(s->subresource, i->subresource) != 0 || (s->verb && strcmp(s->verb, i->verb) != 0))
      continue;
    return s->fn;
  }
  return NULL;
}

/* -- finding what the path names -- */

int
rest_no_such_page(struct rest_call *c)
{
  rest_answer_text(c, 404, "text/plain; charset=utf-8", SPAN("404 page not found\n"));
  return 0;
}

int
rest_no_such_resource(struct rest_call *c, struct kerr *reterr)
{
  static const struct status_subject nobody;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)kerr_set(&err, KERR_NOT_FOUND, NULL, "the server could not find the requested resource");
  c->refusal = status_from_kerr(c->a, &err, &nobody, 0);
  return kerr_move(reterr, &err);
}

/* Whoever serves a group answers for its other versions, too; the core group has only its own paths. */
static bool
group_served(const struct rest_call *c)
{
  const struct kind_resource *r;
  size_t cursor = 0;

  while ((r = kind_resource_next(c->personality, &cursor)))
    if (strcmp(r->group, c->info.group) == 0 && (*r->group || strcmp(r->version, c->info.version) == 0))
      return true;
  return false;
}

/* The verbs that resource or subresource has; 0 when there is no such thing. */
static uint32_t
verbs_of(const struct rest_call *c)
{
  const struct kind_subresource *sub;

  if (!*c->info.subresource)
    return c->res->verbs;
  sub = kind_subresource_find(c->res, c->info.subresource);
  return sub ? sub->verbs : 0;
}

#define PRERELEASE_LIFE 3 /* minors until an alpha or beta version is deprecated, and as many until it goes */

/* A kind that is on its way out says so with every answer (prerelease-lifecycle-gen's rule where a kind says nothing).
 */
static void
warn_deprecated(struct rest_call *c)
{
  const struct kind *k = c->kind;
  bool prerelease = !k->custom && (strstr(k->version, "alpha") || strstr(k->version, "beta"));
  int deprecated = k->deprecated, removed = k->removed;

  if (k->custom && k->custom->deprecation_warning)
    rest_warn(c, "%s", k->custom->deprecation_warning);
  if (!deprecated && !removed && prerelease && k->since)
    deprecated = k->since + PRERELEASE_LIFE;
  if (!removed && prerelease && deprecated)
    removed = deprecated + PRERELEASE_LIFE;
  if (!deprecated || deprecated > personality_minor(c->personality))
    return;
  if (removed)
    rest_warn(c, "%s %s is deprecated in v1.%d+, unavailable in v1.%d+%s%s", gv_text(c->a, k->group, k->version),
              k->kind, deprecated, removed, k->replacement ? "; use " : "", kind_text(k->replacement));
  else
    rest_warn(c, "%s %s is deprecated in v1.%d+%s%s", gv_text(c->a, k->group, k->version), k->kind, deprecated,
              k->replacement ? "; use " : "", kind_text(k->replacement));
}

/* The storage version of a definition that does not serve it: for whoever clears up behind the definition. */
static const struct kind_resource *
stored_custom(const struct rest_call *c)
{
  const char *name = arena_printf(c->a, "%s.%s", c->info.resource, c->info.group);
  const struct custom_definition *d = custom_set_definition(c->served.customs, name);

  return d && strcmp(d->storage->kind.version, c->info.version) == 0 ? &d->storage->resource : NULL;
}

/*
 * The cluster's own components speak one version of each kind, the stored one, on every release. Where the release does
 * not serve it their requests count as made in the version it does serve, which is also what managedFields then say.
 */
static void
find_for_component(struct rest_call *c)
{
  const struct kind_resource *r = kind_resource_preferred(c->personality, c->info.group, c->info.resource);

  if (!r || strcmp(c->info.version, r->storage_version) != 0)
    return;
  c->res = r;
  c->info.version = r->version;
  c->hub = true;
}

/* Upstream's handler of custom resources passes on what does not fit their scope, and nobody is behind it. */
static bool
custom_is_addressed(const struct rest_call *c)
{
  bool all = strcmp(c->info.verb, "list") == 0 || strcmp(c->info.verb, "watch") == 0;

  return c->res->namespaced ? *c->info.namespace_ || all : !*c->info.namespace_;
}

static int
find_resource(struct rest_call *c, struct kerr *reterr)
{
  const struct kind_resource *storage;

  c->res = served_resource(&c->served, c->info.group, c->info.version, c->info.resource);
  if (!c->res && c->req->user)
    find_for_component(c);
  if (!c->res && crd_manager_is_own(c->s->crds, c->req))
    c->res = stored_custom(c);
  if (!c->res)
    return group_served(c) ? rest_no_such_resource(c, reterr) : rest_no_such_page(c) + 1;
  if (c->res->of->custom && !custom_is_addressed(c))
    return rest_no_such_page(c) + 1;
  if (!c->res->namespaced && *c->info.namespace_ && strcmp(c->info.resource, "namespaces") != 0)
    return rest_no_such_resource(c, reterr);
  storage = served_storage(&c->served, c->res);
  c->kind = c->res->of;
  c->stored = storage->of;
  return 0;
}

static bool
of_all_namespaces(const struct rest_call *c)
{
  return c->res->namespaced && !*c->info.namespace_;
}

/* Paths that upstream registers for a verb: HEAD for none of the objects, and all namespaces at once only to be read.
 */
static bool
has_route(const struct rest_call *c, uint32_t bit)
{
  if (strcmp(c->req->method, "HEAD") == 0 && !*c->info.subresource)
    return false;
  if (!*c->info.name && (bit == KIND_VERB_UPDATE || bit == KIND_VERB_PATCH))
    return false;
  return !of_all_namespaces(c) || bit == KIND_VERB_LIST || bit == KIND_VERB_WATCH;
}

static int
refuse_custom_verb(struct rest_call *c, struct kerr *reterr)
{
  struct status_subject about = rest_subject(c, "");
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)kerr_set(&err, KERR_METHOD_NOT_ALLOWED, NULL, "%s is not supported on resources of kind \"%s\"", c->info.verb,
                 rest_qualified(c));
  c->refusal = status_from_kerr(c->a, &err, &about, 0);
  return kerr_move(reterr, &err);
}

static int
serve_resource(struct rest_call *c, struct kerr *reterr)
{
  const struct verb_row *row = verb_find(c->info.verb);
  rest_handler_fn *fn;
  uint32_t have;
  int r = find_resource(c, reterr);

  if (r)
    return r < 0 ? r : 0;
  if (strcmp(c->info.resource, "namespaces") ==
      0) /* RequestInfo says /namespaces/x is in namespace x; the object is not */
    c->info.namespace_ = "";
  have = verbs_of(c);
  if (!have)
    return c->kind->custom ? rest_not_found(c, c->info.name, reterr) : rest_no_such_resource(c, reterr);
  if (c->kind->custom && !(row && have & row->bit))
    return refuse_custom_verb(c, reterr);
  if (of_all_namespaces(c) && !*c->info.name && !(have & KIND_VERB_LIST))
    return rest_no_such_resource(c, reterr);
  if (!row || !(have & row->bit) || !has_route(c, row->bit))
    return rest_method_not_allowed(c, reterr);
  warn_deprecated(c);
  if (rest_negotiate(c, reterr) < 0)
    return -(int)reterr->code;
  fn = special_find(c);
  return (fn ? fn : row->fn)(c, reterr);
}

/* -- one request -- */

void
rest_serve(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret)
{
  struct apiserver *s = container_of(x, struct apiserver, exchange);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct rest_call c = { .s = s,
                         .personality = s->personality,
                         .req = req,
                         .ans = ret,
                         .a = req->arena,
                         .form = { .meta_version = "v1" },
                         .field_manager = "unknown",
                         .now = clock_wall(s->clock) };
  int64_t began = clock_mono(s->clock);
  struct custom_set *customs = crd_manager_set(s->crds);
  int r;

  *ret = (struct exchange_answer){ .status = 0 };
  c.served = (struct served){ .p = s->personality, .customs = customs };
  rest_info_parse(c.a, req, &c.info);
  r = rest_access(&c, &err);
  if (r == 0)
    r = c.info.is_resource ? serve_resource(&c, &err) : rest_serve_path(&c, &err);
  if (r < 0)
    rest_answer_error(&c, &err);
  rest_metrics_count(s->metrics, &c, clock_mono(s->clock) - began);
  custom_set_unref(customs);
}

bool
rest_may_wait(struct exchange *x, const struct exchange_request *req)
{
  struct apiserver *s = container_of(x, struct apiserver, exchange);
  const struct kind_resource *r;
  struct custom_set *customs;
  struct rest_info info;
  bool waits;

  if (!crd_manager_has_webhooks(s->crds) || strncmp(req->path, "/apis/", 6) != 0)
    return false;
  customs = crd_manager_set(s->crds);
  rest_info_parse(req->arena, req, &info);
  r = served_resource(&(struct served){ .p = s->personality, .customs = customs }, info.group, info.version,
                      info.resource);
  waits = r && r->of->custom && custom_read_waits(r->of->custom);
  custom_set_unref(customs);
  return waits;
}
