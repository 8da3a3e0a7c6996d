#include <inttypes.h>
#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "object.h"
#include "openapi.h"
#include "strbuf.h"

static void
add_head(struct openapi *d, struct json *doc)
{
  struct json *info;

  json_set_str(d->a, doc, d->v3 ? "openapi" : "swagger", d->v3 ? "3.0.0" : "2.0");
  info = json_ensure_object(d->a, doc, "info");
  json_set_str(d->a, info, "title", "Kubernetes");
  json_set(d->a, info, "version", json_new_strf(d->a, "1.%d", personality_minor(d->p)));
}

static struct json *
security(struct openapi *d)
{
  struct json *ret = json_new_object(d->a), *token = json_ensure_object(d->a, ret, "BearerToken");

  json_set_str(d->a, token, "type", "apiKey");
  json_set_str(d->a, token, "in", "header");
  json_set_str(d->a, token, "name", "authorization");
  json_set_str(d->a, token, "description", "Bearer Token authentication");
  return ret;
}

static void
add_shared(struct openapi *d)
{
  static const char *const names[] = { "DeleteOptions", "Status", "WatchEvent" };

  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    const struct kind *k = kind_in(d->p, kind_find("meta.k8s.io", "v1", names[i]));

    if (k)
      (void)openapi_ref(d, k->type);
  }
}

struct json *
openapi_v3_document(struct arena *a, const struct served *served, const char *group, const char *version)
{
  struct openapi d = {
    .a = a, .p = served->p, .served = *served, .words = kind_words_new(a), .v3 = true, .schemas = json_new_object(a)
  };
  struct json *doc = json_new_object(a), *paths = json_new_object(a), *components;

  openapi_paths(&d, group, version, paths);
  if (!json_count(paths))
    return NULL;
  add_shared(&d);
  add_head(&d, doc);
  json_set(a, doc, "paths", paths);
  components = json_ensure_object(a, doc, "components");
  json_sort_members(d.schemas);
  json_set(a, components, "schemas", d.schemas);
  json_set(a, components, "securitySchemes", security(&d));
  return doc;
}

struct json *
openapi_v2_document(struct arena *a, const struct served *served)
{
  struct openapi d = {
    .a = a, .p = served->p, .served = *served, .words = kind_words_new(a), .schemas = json_new_object(a)
  };
  struct json *doc = json_new_object(a), *paths = json_new_object(a);
  const struct kind_resource *r, *last = NULL;
  size_t cursor = 0;

  while ((r = served_next(served, &cursor)) != NULL) {
    if (last && strcmp(last->group, r->group) == 0 && strcmp(last->version, r->version) == 0)
      continue;
    last = r;
    openapi_paths(&d, r->group, r->version, paths);
  }
  add_shared(&d);
  add_head(&d, doc);
  json_set(a, doc, "paths", paths);
  json_sort_members(d.schemas);
  json_set(a, doc, "definitions", d.schemas);
  json_set(a, doc, "securityDefinitions", security(&d));
  return doc;
}

char *
openapi_etag(struct arena *a, const struct served *served, const char *what)
{
  _cleanup_strbuf_ struct strbuf seed, hex;
  const struct kind_resource *r;
  uint8_t digest[64];
  size_t cursor = 0;

  strbuf_init(&seed, MiB);
  strbuf_init(&hex, KiB);
  strbuf_printf(&seed, "%s %s\n", personality_version(served->p), what);
  while ((r = served_next(served, &cursor)) != NULL)
    if (!r->of->custom)
      strbuf_printf(&seed, "%s/%s/%s\n", r->group, r->version, r->resource);
    else if (strncmp(what, "v2", 2) == 0 || strcmp(what, arena_printf(a, "apis/%s/%s", r->group, r->version)) == 0)
      strbuf_printf(&seed, "%s/%s/%s %" PRIu64 "\n", r->group, r->version, r->resource, r->of->custom->serial);
  codec_sha512(strbuf_view(&seed), digest);
  codec_hex(&hex, span_make((const char *)digest, sizeof digest));
  for (size_t i = 0; i < hex.n; i++)
    if (hex.p[i] >= 'a' && hex.p[i] <= 'f')
      hex.p[i] = (char)(hex.p[i] - 32);
  return arena_strndup(a, hex.p, hex.n);
}
