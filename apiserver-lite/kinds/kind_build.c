#include "kind_build.h"

#include <assert.h>
#include <string.h>

#include "kind_edit.h"

void
kind_slots_clear(struct kind_slots *s, const struct kind_type *t)
{
  assert(t->slots <= KIND_SLOTS_MAX);
  memset(s->at, 0, t->slots * sizeof(s->at[0]));
}

/* -- zero values -- */

struct json *
kind_zero_struct(struct arena *a, const struct kind_type *t)
{
  struct kind_slots s;
  kind_slots_clear(&s, t);
  return kind_build(a, t, s.at);
}

struct json *
kind_zero_element(struct arena *a, const struct kind_field *f)
{
  switch ((enum kind_base)f->base) {
  case KIND_STRING:
    return json_new_strn(a, "", 0);
  case KIND_BOOL:
    return json_new_bool(a, false);
  case KIND_INT32:
  case KIND_INT64:
  case KIND_FLOAT64:
  case KIND_INT_OR_STRING:
    return json_new_int(a, 0);
  case KIND_QUANTITY:
    return json_new_strn(a, "0", 1);
  case KIND_STRUCT:
    return kind_zero_struct(a, kind_field_type(f));
  case KIND_SCHEMA_OR_BOOL:
    return json_new_bool(a, false);
  case KIND_BYTES:
  case KIND_TIME:
  case KIND_MICROTIME:
  case KIND_RAW:
  case KIND_FIELDS_V1:
  case KIND_JSON:
  case KIND_ANY:
  case KIND_STRING_LIST:
  case KIND_SCHEMA_OR_ARRAY:
  case KIND_SCHEMA_OR_STRINGS:
    return NULL;
  }
  return NULL;
}

struct json *
kind_zero(struct arena *a, const struct kind_field *f)
{
  return f->shape == KIND_ONE && !(f->flags & KIND_F_POINTER) ? kind_zero_element(a, f) : NULL;
}

/* -- building -- */

/* Go's omitempty never leaves out a struct, and these are structs there. */
static bool
is_go_struct(const struct kind_field *f)
{
  switch ((enum kind_base)f->base) {
  case KIND_STRUCT:
  case KIND_TIME:
  case KIND_MICROTIME:
  case KIND_QUANTITY:
  case KIND_INT_OR_STRING:
  case KIND_RAW:
  case KIND_FIELDS_V1:
  case KIND_JSON:
  case KIND_SCHEMA_OR_BOOL:
  case KIND_SCHEMA_OR_ARRAY:
  case KIND_SCHEMA_OR_STRINGS:
    return f->shape == KIND_ONE;
  case KIND_STRING:
  case KIND_BOOL:
  case KIND_INT32:
  case KIND_INT64:
  case KIND_FLOAT64:
  case KIND_BYTES:
  case KIND_ANY:
  case KIND_STRING_LIST:
    return false;
  }
  return false;
}

static bool
is_omitted(const struct kind_field *f, const struct json *v)
{
  bool nil = !v || v->type == JSON_NULL;
  if (f->flags & KIND_F_OMITZERO)
    return nil;
  if (!(f->flags & KIND_F_OMITEMPTY))
    return false;
  if (f->flags & KIND_F_POINTER)
    return !v;
  if ((f->flags & KIND_F_UNION) && v && (v->type == JSON_ARRAY || v->type == JSON_OBJECT))
    return false; /* until kind_settle */
  return is_go_struct(f) ? false : kind_is_zero(v);
}

static void
build_into(struct arena *a, const struct kind_type *t, struct json *const *slots, struct json *obj)
{
  for (kind_each_field(f, t)) {
    struct json *v = slots[f->slot];
    if (f->flags & KIND_F_INLINE) {
      build_into(a, kind_field_type(f), slots + f->slot, obj);
      continue;
    }
    if ((f->flags & KIND_F_NO_JSON) || is_omitted(f, v))
      continue;
    if (!v)
      v = kind_zero(a, f);
    obj->u.members[obj->count++] =
        (struct json_member){ .name = kind_field_name(f), .name_len = f->name_len, .value = v ? v : json_new_null(a) };
  }
}

struct json *
kind_build(struct arena *a, const struct kind_type *t, struct json *const *slots)
{
  struct json *obj = json_new_object(a);
  obj->u.members = arena_array_of(a, struct json_member, t->slots);
  obj->cap = t->slots & 0xffffffU;
  build_into(a, t, slots, obj);
  return obj;
}

void
kind_spread(const struct kind_type *t, const struct json *obj, struct kind_slots *s)
{
  kind_slots_clear(s, t);
  const struct kind_field *next = kind_type_fields(t), *end = next + t->n;
  for (json_each_member (m, obj)) {
    const struct kind_field *f = next;
    uint16_t slot = 0;
    /* Canonical members come in order: the next field is nearly always the right one. */
    while (f < end && f->name_len == 0)
      f++;
    if (f < end && f->name_len == m->name_len && memcmp(kind_field_name(f), m->name, m->name_len) == 0)
      slot = f->slot;
    else
      f = kind_field_find(t, span_make(m->name, m->name_len), &slot);
    if (!f)
      continue;
    if (f >= kind_type_fields(t) && f < end)
      next = f + 1;
    /* null is nil, but under omitempty nil would not be here: then it is a pointer to something that prints as null. */
    s->at[slot] = json_is(m->value, JSON_NULL) && !(f->flags & KIND_F_OMITEMPTY) ? NULL : m->value;
  }
}
