#include "rest_openapi.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "apiserver_internal.h"
#include "ceilings.h"
#include "openapi.h"
#include "rest_route.h"

#define V2_PROTO      "v2.protobuf"
#define V2_PROTO_TYPE "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

static struct json *
make(struct arena *a, const struct served *served, const char *name)
{
  struct span group, version;

  if (strcmp(name, "v2") == 0 || strcmp(name, V2_PROTO) == 0)
    return openapi_v2_document(a, served);
  if (strncmp(name, "api/", 4) == 0)
    return openapi_v3_document(a, served, "", name + 4);
  if (strncmp(name, "apis/", 5) != 0)
    return NULL;
  group = span_cut(span_of(name + 5), '/', &version);
  return version.p ? openapi_v3_document(a, served, arena_strndup(a, group.p, group.n), version.p) : NULL;
}

/*
 * The text of a document, for the caller to free; NULL when there is none of that name. It is made anew each time:
 * clients keep what they got and ask with its etag, so keeping megabytes of it here would serve nobody.
 */
static char *
document(const struct served *served, const char *name, size_t *ret_n)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REPLY);
  struct json *doc = make(a, served, name);

  if (!doc)
    return NULL;
  if (strcmp(name, V2_PROTO) == 0)
    openapi_v2_proto(&b, doc);
  else
    json_write(&b, doc, JSON_COMPACT);
  return strbuf_take(&b, ret_n);
}

/* Is there a document of that name? Cheaper than making it: an answer of 304 needs no more. */
static bool
is_document(const struct served *served, const char *name)
{
  const struct kind_resource *r;
  size_t cursor = 0;

  if (strcmp(name, "v2") == 0 || strcmp(name, V2_PROTO) == 0)
    return true;
  while ((r = served_next(served, &cursor)) != NULL) {
    const char *rest = NULL;

    if (!*r->group && strncmp(name, "api/", 4) == 0)
      rest = name + 4;
    else if (*r->group && strncmp(name, "apis/", 5) == 0 && strncmp(name + 5, r->group, strlen(r->group)) == 0 &&
             name[5 + strlen(r->group)] == '/')
      rest = name + 5 + strlen(r->group) + 1;
    if (rest && strcmp(rest, r->version) == 0)
      return true;
  }
  return false;
}

static int
check_accept(struct rest_call *c, struct kerr *reterr)
{
  const char *accept = rest_header(c, "accept");

  if (!accept || !*accept || strstr(accept, "json") || strstr(accept, "*/*"))
    return 0;
  return kerr_set(reterr, KERR_NOT_ACCEPTABLE, NULL, "only the following media types are accepted: application/json");
}

static int
answer_document(struct rest_call *c, const char *name)
{
  const char *known = rest_header(c, "if-none-match");
  const char *etag = arena_printf(c->a, "\"%s\"", openapi_etag(c->a, &c->served, name));
  char *text;
  size_t n;

  if (!is_document(&c->served, name)) {
    c->ans->status = 404;
    return 0;
  }
  rest_answer_header(c, "etag", etag);
  rest_answer_header(c, "vary", "Accept");
  if (known && strcmp(known, etag) == 0) {
    c->ans->status = 304;
    return 0;
  }
  text = document(&c->served, name, &n);
  assert(text); /* it was there a moment ago, and the call holds what is served */
  c->ans->status = 200;
  c->ans->content_type = strcmp(name, V2_PROTO) == 0 ? V2_PROTO_TYPE : "application/json";
  c->ans->body = span_make(text, n);
  c->ans->held = text;
  c->ans->release = free;
  return 0;
}

int
rest_openapi_v2(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  const char *accept = rest_header(c, "accept");

  bool proto = accept && strstr(accept, "proto-openapi.spec.v2");

  if (*rest)
    return rest_no_such_page(c);
  if (!proto && check_accept(c, reterr) < 0)
    return -(int)reterr->code;
  rest_answer_header(c, "vary", "Accept-Encoding");
  return answer_document(c, proto ? V2_PROTO : "v2");
}

static void
add_path(struct rest_call *c, struct json *paths, const char *name)
{
  struct json *entry = json_ensure_object(c->a, paths, name);

  json_set(c->a, entry, "serverRelativeURL",
           json_new_strf(c->a, "/openapi/v3/%s?hash=%s", name, openapi_etag(c->a, &c->served, name)));
}

static int
answer_index(struct rest_call *c)
{
  struct json *doc = json_new_object(c->a), *paths = json_ensure_object(c->a, doc, "paths");
  const struct kind_resource *r, *last = NULL;
  size_t cursor = 0;

  while ((r = served_next(&c->served, &cursor)) != NULL) {
    if (last && strcmp(last->group, r->group) == 0 && strcmp(last->version, r->version) == 0)
      continue;
    last = r;
    add_path(c, paths,
             *r->group ? arena_printf(c->a, "apis/%s/%s", r->group, r->version)
                       : arena_printf(c->a, "api/%s", r->version));
  }
  rest_answer_text(c, 200, "text/plain; charset=utf-8", span_of(json_text(c->a, doc, JSON_COMPACT)));
  return 0;
}

int
rest_openapi_v3(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  if (!*rest || strcmp(rest, "/") == 0)
    return answer_index(c);
  if (check_accept(c, reterr) < 0)
    return -(int)reterr->code;
  return answer_document(c, rest + 1);
}
