#include <string.h>

#include "rest.h"

#define PARTS_MAX 64

/* Path segments without empty ones at either end ("//" in the middle stays an empty part, as in Go's strings.Split). */
static size_t
split(struct arena *a, const char *path, const char **parts)
{
  size_t n = 0, end = strlen(path);

  while (*path == '/') {
    path++;
    end--;
  }
  while (end > 0 && path[end - 1] == '/')
    end--;
  struct span left = span_make(path, end);

  while (left.p && left.n && n < PARTS_MAX) {
    struct span rest, part = span_cut(left, '/', &rest);

    parts[n++] = arena_strndup(a, part.p, part.n);
    left = rest;
  }
  return n;
}

static const char *
verb_of_method(const char *method)
{
  static const struct {
    const char *method, *verb;
  } rows[] = {
    { "POST", "create" }, { "GET", "get" },     { "HEAD", "get" },
    { "PUT", "update" },  { "PATCH", "patch" }, { "DELETE", "delete" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (strcmp(rows[i].method, method) == 0)
      return rows[i].verb;
  return "";
}

static char *
lower(struct arena *a, const char *s)
{
  char *ret = arena_strdup(a, s);

  for (char *p = ret; *p; p++)
    if (*p >= 'A' && *p <= 'Z')
      *p = (char)(*p + 32);
  return ret;
}

/* /api/v1/namespaces/N/... where N is followed by a subresource of the namespace itself. */
static bool
is_namespace_subresource(const char *part)
{
  return strcmp(part, "status") == 0 || strcmp(part, "finalize") == 0;
}

static bool
watch_wanted(struct arena *a, const char *query)
{
  const char *v = exchange_query_get(a, query, "watch");

  return v && strcasecmp(v, "false") != 0 && strcmp(v, "0") != 0;
}

/* `metadata.name=x` in a field selector names the object that a list or watch is about. */
static const char *
name_of_selector(struct arena *a, const char *query)
{
  const char *text = exchange_query_get(a, query, "fieldSelector");
  struct field_selector sel;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  if (!text || field_selector_parse(a, span_of(text), &sel, &ignored) < 0)
    return "";
  for (size_t i = 0; i < sel.n; i++)
    if (sel.terms[i].equal && strcmp(sel.terms[i].path, "metadata.name") == 0 && !strpbrk(sel.terms[i].value, "/%"))
      return sel.terms[i].value;
  return "";
}

static void
name_collection_verb(struct arena *a, const struct exchange_request *req, struct rest_info *ret)
{
  if (*ret->name)
    return;
  if (strcmp(ret->verb, "delete") == 0) {
    ret->verb = "deletecollection";
  } else if (strcmp(ret->verb, "get") == 0) {
    ret->verb = watch_wanted(a, req->query) ? "watch" : "list";
    ret->name = name_of_selector(a, req->query);
  }
}

static const char *
join_rest(struct arena *a, const char **parts, size_t n)
{
  const char *ret = "";

  for (size_t i = 0; i < n; i++)
    ret = arena_printf(a, "%s/%s", ret, parts[i]);
  return ret;
}

void
rest_info_parse(struct arena *a, const struct exchange_request *req, struct rest_info *ret)
{
  const char *parts_all[PARTS_MAX], **parts = parts_all;
  size_t n = split(a, req->path, parts);

  *ret = (struct rest_info){ .verb = lower(a, req->method),
                             .prefix = "",
                             .group = "",
                             .version = "",
                             .namespace_ = "",
                             .resource = "",
                             .subresource = "",
                             .name = "",
                             .path = req->path,
                             .rest = "" };
  if (n < 3 || (strcmp(parts[0], "api") != 0 && strcmp(parts[0], "apis") != 0))
    return;
  ret->prefix = parts[0];
  if (strcmp(ret->prefix, "apis") == 0) {
    if (n < 4)
      return;
    ret->group = parts[1];
    parts++, n--;
  }
  ret->version = parts[1];
  parts += 2, n -= 2;
  ret->is_resource = true;
  ret->verb = verb_of_method(req->method);
  if (strcmp(parts[0], "watch") == 0 && n > 1) {
    ret->old_watch = true;
    ret->verb = "watch";
    parts++, n--;
  }
  if (strcmp(parts[0], "namespaces") == 0 && n > 1) {
    ret->namespace_ = parts[1];
    if (n > 2 && !is_namespace_subresource(parts[2]))
      parts += 2, n -= 2;
  }
  ret->resource = parts[0];
  if (n > 1)
    ret->name = parts[1];
  if (n > 2 && !ret->old_watch)
    ret->subresource = parts[2];
  if (n > 3)
    ret->rest = join_rest(a, parts + 3, n - 3);
  name_collection_verb(a, req, ret);
}
