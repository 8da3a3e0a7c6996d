/* What parametersRef names: an object of any kind, found through discovery. */
#include <string.h>

#include "ceilings.h"
#include "classic_internal.h"
#include "codec.h"
#include "object.h"

static int
get_document(struct classic_driver *d, struct arena *a, const char *path, const char *what, struct json **ret,
             struct kerr *reterr)
{
  struct kclient_reply reply;
  int r =
      kclient_raw(d->config.client, a, "GET", path, "application/json", NULL, (struct span){ "", 0 }, &reply, reterr);

  if (r < 0)
    return r;
  if (reply.status == 404)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "%s not found", what);
  if (reply.status != 200)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "%s: HTTP status %d", what, reply.status);
  r = json_parse(a, reply.body, NULL, ret, reterr);
  return r < 0 ? kerr_wrap(reterr, "%s", what) : 0;
}

/* The collection of a kind, in the version that its group prefers: "/apis/cats.example.com/v1", "catwishes". */
static int
find_collection(struct classic_driver *d, struct arena *a, const char *group, const char *kind, const char **ret_base,
                const char **ret_resource, bool *ret_namespaced, struct kerr *reterr)
{
  struct json *doc;
  const char *what = arena_printf(a, "kind %s of group \"%s\"", kind, group);
  int r;

  *ret_base = "/api/v1";
  if (*group) {
    r = get_document(d, a, arena_printf(a, "/apis/%s", group), what, &doc, reterr);
    if (r < 0)
      return r;
    *ret_base = arena_printf(a, "/apis/%s", json_get_str_or(json_get(doc, "preferredVersion"), "groupVersion", ""));
  }
  r = get_document(d, a, *ret_base, what, &doc, reterr);
  for (json_each_item (p, r < 0 ? NULL : json_get(doc, "resources"))) {
    const char *name = json_get_str_or(*p, "name", "");

    if (strcmp(json_get_str_or(*p, "kind", ""), kind) != 0 || strchr(name, '/'))
      continue;
    *ret_resource = name;
    *ret_namespaced = json_get_bool(*p, "namespaced", false);
    return 0;
  }
  return r < 0 ? r : kerr_set(reterr, KERR_NOT_FOUND, NULL, "%s not found", what);
}

static void
escape(struct strbuf *path, const char *word)
{
  strbuf_putc(path, '/');
  codec_url_escape(path, span_of(word));
}

int
classic_parameters_get(struct classic_driver *d, struct arena *a, const struct json *ref, const char *ns,
                       const struct json **ret, struct kerr *reterr)
{
  const char *group = json_get_str_or(ref, "apiGroup", ""), *kind = json_get_str_or(ref, "kind", "");
  const char *name = json_get_str_or(ref, "name", ""), *base = "", *resource = "";
  _cleanup_strbuf_ struct strbuf path;
  struct json *doc;
  bool namespaced = false;
  int r = find_collection(d, a, group, kind, &base, &resource, &namespaced, reterr);

  if (r < 0)
    return r;
  strbuf_init(&path, 4 * KiB);
  strbuf_puts(&path, base);
  if (namespaced) {
    strbuf_puts(&path, "/namespaces");
    escape(&path, ns);
  }
  escape(&path, resource);
  escape(&path, name);
  r = get_document(d, a, path.p, arena_printf(a, "%s %s", kind, name), &doc, reterr);
  if (r < 0)
    return r;
  *ret = doc;
  if (json_is(json_get(doc, "spec"), JSON_OBJECT))
    *ret = json_get(doc, "spec");
  else if (!*group && strcmp(kind, "ConfigMap") == 0)
    *ret = json_is(json_get(doc, "data"), JSON_OBJECT) ? json_get(doc, "data") : json_new_object(a);
  return 0;
}
