/*
 * What a definition says that is let in and then does nothing: formats nobody knows, and sets whose items cannot be
 * told apart (registry/customresourcedefinition/strategy.go). An update is told of what is new in it.
 */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "crd_check.h"
#include "crd_validate.h"
#include "object.h"

/* Texts, each once. */
struct texts {
  struct arena *a;
  struct json *list;
};

static void
add(struct texts *t, const char *text)
{
  if (!json_list_has(t->list, text))
    json_append_str(t->a, t->list, text);
}

static bool
is_recognized(const char *type, const char *format)
{
  if (!*type || strcmp(type, "string") == 0)
    return format_is_known(format);
  if (strcmp(type, "integer") == 0)
    return strcmp(format, "int32") == 0 || strcmp(format, "int64") == 0;
  return strcmp(type, "number") == 0 && (strcmp(format, "float") == 0 || strcmp(format, "double") == 0);
}

static void
look_at_format(const struct json *node, void *payload)
{
  struct texts *t = payload;
  _cleanup_strbuf_ struct strbuf quoted = STRBUF_INIT(64 * 1024);
  const char *format = json_get_str_or(node, "format", "");

  if (!*format || is_recognized(json_get_str_or(node, "type", ""), format))
    return;
  codec_go_quote(&quoted, span_of(format));
  add(t, arena_printf(t->a, "unrecognized format %s", quoted.p));
}

static void
look_at_set(const struct json *node, void *payload)
{
  struct texts *t = payload;
  const char *type = json_get_str_or(json_get(node, "items"), "type", "");

  if (strcmp(json_get_str_or(node, "x-kubernetes-list-type", ""), "set") == 0 &&
      (strcmp(type, "object") == 0 || strcmp(type, "array") == 0))
    add(t, arena_printf(t->a,
                        "x-kubernetes-list-type: set for items of type \"%s\" is not supported by server-side apply or "
                        "CEL validation rules",
                        type));
}

static struct json *
texts_of(struct arena *a, const struct json *crd, crd_visit_fn *fn)
{
  struct texts t = { .a = a, .list = json_new_array(a) };

  for (json_each_item (v, json_dig(crd, "spec", "versions", NULL)))
    crd_schema_walk(json_dig(*v, "schema", "openAPIV3Schema", NULL), fn, &t);
  return t.list;
}

static int
by_text(const void *x, const void *y)
{
  return strcmp(json_str(*(struct json *const *)x), json_str(*(struct json *const *)y));
}

static void
append_new(struct arena *a, const struct json *now, const struct json *before, struct json *warnings)
{
  for (json_each_item (w, now))
    if (!json_list_has(before, json_str(*w)))
      json_append_str(a, warnings, json_str(*w));
}

void
crd_warnings(struct arena *a, const struct json *o, const struct json *old, struct json *warnings)
{
  struct json *sets = texts_of(a, o, look_at_set);

  append_new(a, texts_of(a, o, look_at_format), texts_of(a, old, look_at_format), warnings);
  if (sets->count)
    qsort(sets->u.items, sets->count, sizeof sets->u.items[0], by_text);
  append_new(a, sets, texts_of(a, old, look_at_set), warnings);
}
