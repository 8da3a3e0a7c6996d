#include "json.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

#define CAP_MAX ((1u << 24) - 1) /* items or members of one value */

/* -- reading -- */

const struct json *
json_get_n(const struct json *obj, const char *name, size_t n)
{
  if (!json_is(obj, JSON_OBJECT))
    return NULL;
  for (uint32_t i = 0; i < obj->count; i++) {
    const struct json_member *m = &obj->u.members[i];

    if (m->name_len == n && memcmp(m->name, name, n) == 0)
      return m->value;
  }
  return NULL;
}

const struct json *
json_get(const struct json *obj, const char *name)
{
  return json_get_n(obj, name, strlen(name));
}

const struct json *
json_dig(const struct json *obj, const char *name, ...)
{
  va_list ap;

  va_start(ap, name);
  for (; obj && name; name = va_arg(ap, const char *))
    obj = json_get(obj, name);
  va_end(ap);
  return obj;
}

const struct json *
json_at(const struct json *array, size_t i)
{
  return json_is(array, JSON_ARRAY) && i < array->count ? array->u.items[i] : NULL;
}

bool
json_list_has(const struct json *list, const char *text)
{
  for (json_each_item (p, list))
    if (json_str(*p) && strcmp(json_str(*p), text) == 0)
      return true;
  return false;
}

const struct json *
json_list_find(const struct json *list, const char *member, const char *text)
{
  for (json_each_item (p, list)) {
    const char *s = json_get_str(*p, member);

    if (s && strcmp(s, text) == 0)
      return *p;
  }
  return NULL;
}

const char *
json_str(const struct json *v)
{
  return json_is(v, JSON_STRING) ? v->u.str : NULL;
}

const char *
json_get_str(const struct json *obj, const char *name)
{
  return json_str(json_get(obj, name));
}

const char *
json_get_str_or(const struct json *obj, const char *name, const char *otherwise)
{
  const char *s = json_get_str(obj, name);

  return s ? s : otherwise;
}

struct span
json_span(const struct json *v)
{
  if (json_is(v, JSON_STRING) || json_is(v, JSON_NUMBER))
    return span_make(v->u.str, v->count);
  return (struct span){ NULL, 0 };
}

int64_t
json_int_or(const struct json *v, int64_t otherwise)
{
  return json_is(v, JSON_INT) ? v->u.integer : otherwise;
}

int64_t
json_get_int(const struct json *obj, const char *name, int64_t otherwise)
{
  return json_int_or(json_get(obj, name), otherwise);
}

bool
json_get_bool(const struct json *obj, const char *name, bool otherwise)
{
  const struct json *v = json_get(obj, name);

  return json_is(v, JSON_BOOL) ? v->u.boolean : otherwise;
}

double
json_double(const struct json *v)
{
  if (json_is(v, JSON_INT))
    return (double)v->u.integer;
  return json_is(v, JSON_NUMBER) ? number_double(json_span(v)) : 0;
}

const char *
json_type_name(enum json_type t)
{
  static const char *const names[] = { "null", "bool", "integer", "number", "string", "array", "object" };

  return names[t];
}

const char *
json_wire_type(const struct json *v)
{
  return json_type_name(json_is(v, JSON_INT) ? JSON_NUMBER : json_type(v));
}

const char *
json_go_type(const struct json *v)
{
  static const char *const names[] = {
    [JSON_NULL] = "<nil>",
    [JSON_BOOL] = "bool",
    [JSON_INT] = "int64",
    [JSON_NUMBER] = "float64",
    [JSON_STRING] = "string",
    [JSON_ARRAY] = "[]interface {}",
    [JSON_OBJECT] = "map[string]interface {}",
  };

  return names[json_type(v)];
}

/* -- building -- */

static struct json *
node(struct arena *a, enum json_type t)
{
  struct json *v = arena_new_of(a, struct json);

  v->type = t;
  return v;
}

struct json *
json_new_null(struct arena *a)
{
  return node(a, JSON_NULL);
}

struct json *
json_new_bool(struct arena *a, bool b)
{
  struct json *v = node(a, JSON_BOOL);

  v->u.boolean = b;
  return v;
}

struct json *
json_new_int(struct arena *a, int64_t i)
{
  struct json *v = node(a, JSON_INT);

  v->u.integer = i;
  return v;
}

static struct json *
text_node(struct arena *a, enum json_type t, const char *s, size_t n)
{
  struct json *v = node(a, t);

  assert(n <= UINT32_MAX);
  v->u.str = arena_strndup(a, s, n);
  v->count = (uint32_t)n;
  return v;
}

struct json *
json_new_double(struct arena *a, double d)
{
  char text[NUMBER_TEXT_MAX];

  assert(isfinite(d));
  return text_node(a, JSON_NUMBER, text, number_text_json(d, text));
}

struct json *
json_new_strn(struct arena *a, const char *s, size_t n)
{
  return text_node(a, JSON_STRING, s, n);
}

struct json *
json_new_str(struct arena *a, const char *s)
{
  return text_node(a, JSON_STRING, s, strlen(s));
}

struct json *
json_new_strf(struct arena *a, const char *fmt, ...)
{
  struct json *v = node(a, JSON_STRING);
  va_list ap;

  va_start(ap, fmt);
  v->u.str = arena_vprintf(a, fmt, ap);
  va_end(ap);
  v->count = (uint32_t)strlen(v->u.str);
  return v;
}

struct json *
json_new_array(struct arena *a)
{
  return node(a, JSON_ARRAY);
}

struct json *
json_new_object(struct arena *a)
{
  return node(a, JSON_OBJECT);
}

/* Room for one more element of `size` bytes; returns the element list. */
static void *
grow(struct arena *a, struct json *v, void *list, size_t size)
{
  uint32_t cap = v->cap;
  void *bigger;

  if (v->count < cap)
    return list;
  cap = cap ? cap * 2 : 4;
  assert(cap <= CAP_MAX);
  bigger = arena_alloc(a, size * cap);
  if (v->count)
    memcpy(bigger, list, size * v->count);
  v->cap = cap & CAP_MAX;
  return bigger;
}

void
json_push(struct arena *a, struct json *obj, const char *name, size_t n, struct json *value)
{
  assert(json_is(obj, JSON_OBJECT) && value && n <= UINT32_MAX);
  obj->u.members = grow(a, obj, obj->u.members, sizeof *obj->u.members);
  obj->u.members[obj->count++] = (struct json_member){ .name = name, .name_len = (uint32_t)n, .value = value };
}

struct json *
json_set_n(struct arena *a, struct json *obj, const char *name, size_t n, struct json *value)
{
  assert(json_is(obj, JSON_OBJECT) && value && n <= UINT32_MAX);
  for (uint32_t i = 0; i < obj->count; i++) {
    struct json_member *m = &obj->u.members[i];

    if (m->name_len == n && memcmp(m->name, name, n) == 0)
      return m->value = value;
  }
  json_push(a, obj, arena_strndup(a, name, n), n, value);
  return value;
}

struct json *
json_set(struct arena *a, struct json *obj, const char *name, struct json *value)
{
  return json_set_n(a, obj, name, strlen(name), value);
}

struct json *
json_set_str(struct arena *a, struct json *obj, const char *name, const char *s)
{
  return json_set(a, obj, name, json_new_str(a, s));
}

struct json *
json_set_int(struct arena *a, struct json *obj, const char *name, int64_t v)
{
  return json_set(a, obj, name, json_new_int(a, v));
}

struct json *
json_set_bool(struct arena *a, struct json *obj, const char *name, bool v)
{
  return json_set(a, obj, name, json_new_bool(a, v));
}

static struct json *
ensure(struct arena *a, struct json *obj, const char *name, enum json_type t)
{
  struct json *v = json_find(obj, name);

  return json_is(v, t) ? v : json_set(a, obj, name, node(a, t));
}

struct json *
json_ensure_object(struct arena *a, struct json *obj, const char *name)
{
  return ensure(a, obj, name, JSON_OBJECT);
}

struct json *
json_ensure_array(struct arena *a, struct json *obj, const char *name)
{
  return ensure(a, obj, name, JSON_ARRAY);
}

bool
json_remove(struct json *obj, const char *name)
{
  size_t n = strlen(name);

  if (!json_is(obj, JSON_OBJECT))
    return false;
  for (uint32_t i = 0; i < obj->count; i++) {
    struct json_member *m = &obj->u.members[i];

    if (m->name_len != n || memcmp(m->name, name, n) != 0)
      continue;
    memmove(m, m + 1, (obj->count - i - 1) * sizeof *m);
    obj->count--;
    return true;
  }
  return false;
}

void
json_insert(struct arena *a, struct json *array, size_t at, struct json *value)
{
  assert(json_is(array, JSON_ARRAY) && value && at <= array->count);
  array->u.items = grow(a, array, array->u.items, sizeof *array->u.items);
  memmove(array->u.items + at + 1, array->u.items + at, (array->count - at) * sizeof *array->u.items);
  array->u.items[at] = value;
  array->count++;
}

struct json *
json_append(struct arena *a, struct json *array, struct json *value)
{
  json_insert(a, array, array->count, value);
  return value;
}

struct json *
json_append_str(struct arena *a, struct json *array, const char *s)
{
  return json_append(a, array, json_new_str(a, s));
}

void
json_restore(struct arena *a, struct json *obj, const struct json *like, const char *name)
{
  const struct json *was = json_get(like, name);

  if (was)
    json_set(a, obj, name, json_copy(a, was));
  else
    json_remove(obj, name);
}

void
json_remove_at(struct json *array, size_t at)
{
  assert(json_is(array, JSON_ARRAY) && at < array->count);
  memmove(array->u.items + at, array->u.items + at + 1, (array->count - at - 1) * sizeof *array->u.items);
  array->count--;
}

void
json_list_remove(struct json *list, const char *text)
{
  for (size_t i = json_count(list); i-- > 0;) {
    const char *item = json_str(json_at(list, i));

    if (item && strcmp(item, text) == 0)
      json_remove_at(list, i);
  }
}

struct json *
json_find(struct json *obj, const char *name)
{
  size_t n = strlen(name);

  for (uint32_t i = 0; json_is(obj, JSON_OBJECT) && i < obj->count; i++)
    if (obj->u.members[i].name_len == n && memcmp(obj->u.members[i].name, name, n) == 0)
      return obj->u.members[i].value;
  return NULL;
}

struct json *
json_item(struct json *array, size_t i)
{
  return json_is(array, JSON_ARRAY) && i < array->count ? array->u.items[i] : NULL;
}

struct json *
json_shallow(struct arena *a, const struct json *v)
{
  struct json *copy = arena_new_of(a, struct json);

  *copy = *v;
  if (v->type == JSON_ARRAY) {
    copy->u.items = arena_array_of(a, struct json *, v->count);
    copy->cap = v->count & CAP_MAX;
    if (v->count)
      memcpy(copy->u.items, v->u.items, v->count * sizeof *v->u.items);
  } else if (v->type == JSON_OBJECT) {
    copy->u.members = arena_array_of(a, struct json_member, v->count);
    copy->cap = v->count & CAP_MAX;
    if (v->count)
      memcpy(copy->u.members, v->u.members, v->count * sizeof *v->u.members);
  }
  return copy;
}

struct json *
json_copy(struct arena *a, const struct json *v)
{
  struct json *copy = json_shallow(a, v);

  if (v->type == JSON_STRING || v->type == JSON_NUMBER)
    copy->u.str = arena_strndup(a, v->u.str, v->count);
  for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->count; i++)
    copy->u.items[i] = json_copy(a, v->u.items[i]);
  for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->count; i++) {
    struct json_member *m = &copy->u.members[i];

    m->name = arena_strndup(a, m->name, m->name_len);
    m->value = json_copy(a, m->value);
  }
  return copy;
}

struct json *
json_tight(struct arena *a, struct json *v)
{
  struct json *copy = v;

  if (v->loose) {
    copy = json_shallow(a, v);
    copy->loose = false;
  }
  for (uint32_t i = 0; i < json_count(v); i++) {
    struct json *was = v->type == JSON_ARRAY ? v->u.items[i] : v->u.members[i].value, *now = json_tight(a, was);

    if (now == was)
      continue;
    if (copy == v)
      copy = json_shallow(a, v);
    if (v->type == JSON_ARRAY)
      copy->u.items[i] = now;
    else
      copy->u.members[i].value = now;
  }
  return copy;
}

static bool
objects_equal(const struct json *x, const struct json *y)
{
  if (x->count != y->count)
    return false;
  for (uint32_t i = 0; i < x->count; i++) {
    const struct json_member *m = &x->u.members[i], *same = &y->u.members[i];
    const struct json *other;

    if (same->name_len == m->name_len && memcmp(same->name, m->name, m->name_len) == 0)
      other = same->value;
    else
      other = json_get_n(y, m->name, m->name_len);
    if (!other || !json_equal(m->value, other))
      return false;
  }
  return true;
}

bool
json_equal(const struct json *x, const struct json *y)
{
  enum json_type t = json_type(x), u = json_type(y);

  if (x == y)
    return true;
  if (t != u)
    return ((t == JSON_INT && u == JSON_NUMBER) || (t == JSON_NUMBER && u == JSON_INT)) &&
           json_double(x) == json_double(y);
  switch (t) {
  case JSON_NULL:
    return true;
  case JSON_BOOL:
    return x->u.boolean == y->u.boolean;
  case JSON_INT:
    return x->u.integer == y->u.integer;
  case JSON_NUMBER:
    return span_eq(json_span(x), json_span(y)) || json_double(x) == json_double(y);
  case JSON_STRING:
    return span_eq(json_span(x), json_span(y));
  case JSON_ARRAY:
    if (x->count != y->count)
      return false;
    for (uint32_t i = 0; i < x->count; i++)
      if (!json_equal(x->u.items[i], y->u.items[i]))
        return false;
    return true;
  case JSON_OBJECT:
    return objects_equal(x, y);
  }
  return false;
}

static int
by_name(const void *x, const void *y)
{
  const struct json_member *a = x, *b = y;

  return span_cmp(span_make(a->name, a->name_len), span_make(b->name, b->name_len));
}

void
json_sort_members(struct json *obj)
{
  if (json_is(obj, JSON_OBJECT) && obj->count > 1)
    qsort(obj->u.members, obj->count, sizeof *obj->u.members, by_name);
}
