/* A schema, a line break, an object of it: shaped twice it is as shaped once, and checking it comes to an end. */
#include <assert.h>
#include <string.h>

#include "cel_regex.h"
#include "crd_check.h"
#include "crd_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
shape(struct arena *a, struct json *o, const struct schema *s)
{
  schema_prune(a, o, s, NULL);
  schema_drop_nulls(o, s);
  schema_default(a, o, s);
}

static void
run(struct schema_compiler *sc, const struct json *props, struct json *o)
{
  const struct schema *s = schema_compile(sc, props);
  struct field_errors errs = { .a = sc->a };
  struct json *once;

  shape(sc->a, o, s);
  once = json_copy(sc->a, o);
  shape(sc->a, o, s);
  assert(json_equal(once, o));
  schema_check(s, NULL, o, NULL, &errs);
  schema_check(s, NULL, o, once, &errs);
  schema_check_lists(s, o, &errs);
  schema_check_embedded(s, NULL, o, false, &errs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(64 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct schema_compiler sc = { .a = a };
  struct span rest, first = span_cut(span_make((const char *)data, size), '\n', &rest);
  struct json *props, *o;

  if (size > 4096 || !rest.p)
    return 0;
  if (json_parse(a, first, NULL, &props, &err) < 0 || json_parse(a, rest, NULL, &o, &err) < 0)
    return 0;
  if (json_is(props, JSON_OBJECT) && json_is(o, JSON_OBJECT))
    run(&sc, props, o);
  cel_regex_free_list(sc.regexes);
  return 0;
}
