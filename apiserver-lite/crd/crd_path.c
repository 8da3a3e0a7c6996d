#include "crd_path.h"

#include "ceilings.h"
#include "typed.h"

static const char *
accessor_error(struct arena *a, struct span upto, const struct json *v, const char *expected)
{
  return arena_printf(a, "%.*s accessor error: %s is of the type %s, expected %s", SPAN_FMT(upto), typed_go_text(a, v),
                      json_go_type(v), expected);
}

/* NULL and no error: nothing there. */
static const struct json *
find(struct arena *a, const struct json *o, const char *path, const char **ret_error)
{
  struct span left = span_of(path + (*path == '.'));
  const struct json *at = o;

  while (left.p) {
    struct span rest, name = span_cut(left, '.', &rest);

    if (json_type(at) == JSON_NULL)
      return NULL;
    if (!json_is(at, JSON_OBJECT)) {
      *ret_error = accessor_error(a, span_make(path, (size_t)(name.p + name.n - path)), at, "map[string]interface{}");
      return NULL;
    }
    at = json_get_n(at, name.p, name.n);
    left = rest;
  }
  return at;
}

bool
custom_path_int(struct arena *a, const struct json *o, const char *path, int64_t *ret, const char **ret_error)
{
  const struct json *v = find(a, o, path, ret_error);

  if (!v)
    return false;
  if (!json_is(v, JSON_INT)) {
    *ret_error = accessor_error(a, span_of(path), v, "int64");
    return false;
  }
  *ret = v->u.integer;
  return true;
}

bool
custom_path_text(struct arena *a, const struct json *o, const char *path, const char **ret, const char **ret_error)
{
  const struct json *v = find(a, o, path, ret_error);

  if (!v)
    return false;
  if (!json_is(v, JSON_STRING)) {
    *ret_error = accessor_error(a, span_of(path), v, "string");
    return false;
  }
  *ret = json_str(v);
  return true;
}

bool
custom_path_set(struct arena *a, struct json *o, const char *path, struct json *value)
{
  struct span left = span_of(path + (*path == '.'));

  for (;;) {
    struct span rest, name = span_cut(left, '.', &rest);
    const char *text = arena_strndup(a, name.p, name.n);

    if (!json_is(o, JSON_OBJECT))
      return false;
    if (!rest.p) {
      json_set(a, o, text, value);
      return true;
    }
    o = json_find(o, text) ? json_find(o, text) : json_set(a, o, text, json_new_object(a));
    left = rest;
  }
}
