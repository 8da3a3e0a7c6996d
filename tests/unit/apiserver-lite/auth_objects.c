#include "auth_objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "object.h"

struct entry {
  const char *resource, *ns;
  const struct json *o;
};

struct objects {
  struct auth_source source;
  struct entry entries[64];
  size_t n;
};

static const struct json *
objects_get(struct auth_source *s, struct arena *a, const char *resource, const char *ns, const char *name)
{
  struct objects *os = container_of(s, struct objects, source);

  (void)a;
  for (size_t i = 0; i < os->n; i++)
    if (strcmp(os->entries[i].resource, resource) == 0 && strcmp(os->entries[i].ns, ns) == 0 &&
        strcmp(object_name(os->entries[i].o), name) == 0)
      return os->entries[i].o;
  return NULL;
}

static size_t
objects_list(struct auth_source *s, struct arena *a, const char *resource, const char *ns,
             const struct json *const **ret)
{
  struct objects *os = container_of(s, struct objects, source);
  const struct json **list = arena_array_of(a, const struct json *, os->n + 1);
  size_t n = 0;

  for (size_t i = 0; i < os->n; i++)
    if (strcmp(os->entries[i].resource, resource) == 0 && (!*ns || strcmp(os->entries[i].ns, ns) == 0))
      list[n++] = os->entries[i].o;
  *ret = list;
  return n;
}

struct auth_source *
auth_objects_new(struct arena *a, const char *objects)
{
  static const struct auth_source_ops ops = { objects_get, objects_list };
  struct objects *os = arena_new_of(a, struct objects);
  struct span rest = span_of(objects);

  os->source.ops = &ops;
  while (rest.n) {
    struct span line = span_cut(rest, '\n', &rest), resource, ns;
    struct entry *e = &os->entries[os->n];
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *o;

    if (!line.n)
      continue;
    resource = span_cut(line, ' ', &line);
    ns = span_cut(line, ' ', &line);
    assert_true(os->n < ARRAY_SIZE(os->entries));
    if (json_parse(a, line, NULL, &o, &err) < 0)
      fail_msg("%.*s: %s", SPAN_FMT(line), err.msg);
    e->resource = arena_strndup(a, resource.p, resource.n);
    e->ns = span_is(ns, "-") ? "" : arena_strndup(a, ns.p, ns.n);
    e->o = o;
    os->n++;
  }
  return &os->source;
}
