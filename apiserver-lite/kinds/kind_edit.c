#include "kind_edit.h"

#include <assert.h>
#include <string.h>

#include "kind_build.h"

/* The field as the last release has it. The name is a constant of ours. */
static const struct kind_field *
last_field(const struct kind_type *t, const char *name)
{
  const struct kind_field *f = kind_field_find(kind_type_find(kind_text(t->name)), span_of(name), NULL);
  assert(f);
  return f;
}

/* NULL: the field came later than the release whose type this is. */
static const struct kind_field *
field_of(const struct kind_object *o, const char *name, uint16_t *slot)
{
  const struct kind_field *f = kind_field_find(o->type, span_of(name), slot);
  if (!f)
    (void)last_field(o->type, name);
  return f;
}

/* Members stand in the order of their slots. */
static void
insert(const struct kind_object *o, const char *name, size_t n, uint16_t slot, struct json *v)
{
  struct json *obj = o->obj;
  uint32_t at = obj->count;
  while (at > 0) {
    uint16_t before = 0;
    const struct json_member *m = &obj->u.members[at - 1];
    if (kind_field_find(o->type, span_make(m->name, m->name_len), &before) && before < slot)
      break;
    at--;
  }
  json_push(o->a, obj, name, n, v);
  struct json_member new = obj->u.members[obj->count - 1];
  memmove(&obj->u.members[at + 1], &obj->u.members[at], (obj->count - 1 - at) * sizeof(new));
  obj->u.members[at] = new;
}

void
kind_put(const struct kind_object *o, const char *name, struct json *v)
{
  uint16_t slot;
  const struct kind_field *f = field_of(o, name, &slot);
  if (!f)
    return;
  for (uint32_t i = 0; i < o->obj->count; i++) {
    struct json_member *m = &o->obj->u.members[i];
    if (m->name_len == f->name_len && memcmp(m->name, name, f->name_len) == 0) {
      m->value = v;
      return;
    }
  }
  insert(o, kind_field_name(f), f->name_len, slot, v);
}

void
kind_put_str(const struct kind_object *o, const char *name, const char *v)
{
  kind_put(o, name, json_new_str(o->a, v));
}

void
kind_put_int(const struct kind_object *o, const char *name, int64_t v)
{
  kind_put(o, name, json_new_int(o->a, v));
}

void
kind_clear(const struct kind_object *o, const char *name)
{
  const struct kind_field *f = field_of(o, name, NULL);
  if (!f)
    return;
  if (f->flags & KIND_F_OMITEMPTY) {
    (void)json_remove(o->obj, name);
    return;
  }
  struct json *zero = kind_zero(o->a, f);
  kind_put(o, name, zero ? zero : json_new_null(o->a));
}

struct json *
kind_member(const struct kind_object *o, const char *name)
{
  struct json *v = json_find(o->obj, name);
  return json_is(v, JSON_NULL) ? NULL : v;
}

const char *
kind_member_str(const struct kind_object *o, const char *name)
{
  return json_get_str_or(o->obj, name, "");
}

bool
kind_is_zero(const struct json *v)
{
  switch (json_type(v)) {
  case JSON_NULL:
    return true;
  case JSON_BOOL:
    return !v->u.boolean;
  case JSON_INT:
    return v->u.integer == 0;
  case JSON_NUMBER:
    return json_double(v) == 0;
  case JSON_STRING:
  case JSON_ARRAY:
  case JSON_OBJECT:
    return v->count == 0;
  }
  return false;
}

bool
kind_is_unset(const struct kind_object *o, const char *name)
{
  return kind_is_zero(kind_member(o, name));
}

struct kind_object
kind_child(const struct kind_object *o, const char *name)
{
  const struct kind_field *f = field_of(o, name, NULL);
  const struct kind_type *t = kind_field_type(f ? f : last_field(o->type, name));
  return (struct kind_object){ .a = o->a, .type = t, .obj = f && o->obj ? kind_member(o, name) : NULL };
}

struct kind_object
kind_ensure_child(const struct kind_object *o, const char *name)
{
  struct kind_object child = kind_child(o, name);
  if (!child.obj) {
    child.obj = kind_zero_struct(o->a, child.type);
    kind_put(o, name, child.obj); /* where the release has no such member, what is put into it is lost */
  }
  return child;
}

struct kind_object
kind_child_at(const struct kind_object *o, const char *name, size_t i)
{
  struct kind_object child = kind_child(o, name);
  child.obj = json_item(child.obj, i);
  return child;
}
