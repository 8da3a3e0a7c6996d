/*
 * A tree that upstream has as a map → its type: what a strategic merge patch and an apply end with
 * (apimachinery/pkg/runtime/converter.go). Other rules and other words than reading JSON: members in the order of the
 * type, the first problem ends it, and a Go value's kind is told, not JSON's.
 */
#include <stdlib.h>

#include "ceilings.h"
#include "kind_type.h"
#include "strbuf.h"
#include "validate_internal.h"

struct restoring {
  struct arena *a;
  struct kind_strictness *strict; /* members that no type has; NULL: nobody asks */
};

static const char *restore_struct(struct restoring *r, const struct vpath *at, const struct kind_type *t,
                                  const struct json *v);

/* reflect.Kind of what JSON became. */
static const char *
go_kind(const struct json *v)
{
  return json_is(v, JSON_ARRAY) ? "slice" : json_is(v, JSON_OBJECT) ? "map" : json_go_type(v);
}

/*
 * Go would convert between these two types, but JSON does not. Everything else that is wrong with a simple type is not
 * even that: "unrecognized".
 */
static const char *
restore_simple(struct arena *a, const struct kind_field *f, const struct json *v, const char *kind, bool fits,
               bool converts)
{
  _cleanup_strbuf_ struct strbuf name;

  strbuf_init(&name, CEIL_LOG_LINE);
  if (fits)
    return NULL;
  if (!converts)
    return arena_printf(a, "unrecognized type: %s", kind);
  kind_field_go_element(f, &name);
  return arena_printf(a, "cannot convert %s to %s", json_go_type(v), name.p);
}

static const char *
restore_element(struct restoring *r, const struct vpath *at, const struct kind_field *f, const struct json *v)
{
  struct arena *a = r->a;
  bool whole = json_is(v, JSON_INT), number = whole || json_is(v, JSON_NUMBER), text = json_is(v, JSON_STRING);

  if (json_is(v, JSON_NULL))
    return NULL;
  switch ((enum kind_base)f->base) {
  case KIND_STRING:
    return restore_simple(a, f, v, "string", text, whole);
  case KIND_BOOL:
    return restore_simple(a, f, v, "bool", json_is(v, JSON_BOOL), false);
  case KIND_INT32:
    return restore_simple(a, f, v, "int32", whole, number);
  case KIND_INT64:
    return restore_simple(a, f, v, "int64", whole, number);
  case KIND_FLOAT64:
    return restore_simple(a, f, v, "float64", number, false);
  case KIND_BYTES:
    return text ? NULL : arena_printf(a, "cannot restore slice from %s", go_kind(v));
  case KIND_STRUCT:
    return restore_struct(r, at, kind_field_type(f), v);
  case KIND_TIME:
  case KIND_MICROTIME:
  case KIND_QUANTITY:
  case KIND_INT_OR_STRING:
  case KIND_RAW:
  case KIND_FIELDS_V1:
  case KIND_JSON:
  case KIND_ANY:
  case KIND_STRING_LIST:
  case KIND_SCHEMA_OR_BOOL:
  case KIND_SCHEMA_OR_ARRAY:
  case KIND_SCHEMA_OR_STRINGS:
    return NULL; /* these read JSON themselves, as kind_decode does */
  }
  return NULL;
}

/* Keys of maps are not in the paths that upstream tells. */
static const char *
restore_field(struct restoring *r, const struct vpath *at, const struct kind_field *f, const struct json *v)
{
  const char *problem = NULL;

  if (json_is(v, JSON_NULL) || f->shape == KIND_ONE)
    return restore_element(r, at, f, v);
  if (f->shape == KIND_LIST && !json_is(v, JSON_ARRAY))
    return arena_printf(r->a, "cannot restore slice from %s", go_kind(v));
  if (f->shape == KIND_MAP && !json_is(v, JSON_OBJECT))
    return arena_printf(r->a, "cannot restore map from %s", go_kind(v));
  for (size_t i = 0; f->shape == KIND_LIST && i < json_count(v) && !problem; i++)
    problem = restore_element(r, VP_ITEM(at, i), f, json_at(v, i));
  if (f->shape == KIND_MAP)
    for (json_each_member (m, v))
      problem = problem ? problem : restore_element(r, at, f, m->value);
  return problem;
}

static const char *
restore_members(struct restoring *r, const struct vpath *at, const struct kind_type *t, const struct json *v)
{
  const char *problem = NULL;

  for (kind_each_field(f, t)) {
    const struct json *member = json_get(v, kind_text(f->name));

    if (problem || (f->flags & KIND_F_NO_JSON))
      continue;
    if (f->flags & KIND_F_INLINE)
      problem = restore_members(r, at, kind_field_type(f), v);
    else if (member)
      problem = restore_field(r, VP(at, kind_text(f->name)), f, member);
  }
  return problem;
}

static const char *
restore_struct(struct restoring *r, const struct vpath *at, const struct kind_type *t, const struct json *v)
{
  if (!json_is(v, JSON_OBJECT))
    return arena_printf(r->a, "cannot restore struct from: %s", go_kind(v));
  for (json_each_member (m, v)) {
    struct span name = span_make(m->name, m->name_len);

    if (r->strict && !kind_field_find(t, name, NULL))
      kind_strictness_add(r->strict, arena_printf(r->a, "unknown field \"%s\"", vpath_text(r->a, VP(at, m->name))));
  }
  return restore_members(r, at, t, v);
}

static int
by_text(const void *x, const void *y)
{
  return strcmp(*(const char *const *)x, *(const char *const *)y);
}

const char *
kind_restore_problem(struct arena *a, const struct kind *k, const struct json *o, struct kind_strictness *strict)
{
  struct restoring r = { .a = a, .strict = strict };
  const char *problem = k->custom ? NULL : restore_struct(&r, NULL, k->type, o);

  if (strict && strict->n > 1)
    qsort(strict->problems, strict->n, sizeof(const char *), by_text);
  return problem;
}
