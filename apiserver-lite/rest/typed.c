#include "typed.h"

#include <string.h>

#include "ceilings.h"
#include "strbuf.h"
#include "typed_internal.h"

static struct typed_ref
of_base(const struct kind_field *f)
{
  const struct kind_type *type = kind_field_type(f);
  struct typed_ref ret = { .form = TYPED_SCALAR, .field = f, .element = f->shape != KIND_ONE };

  if (type) {
    bool atomic = f->shape == KIND_ONE && f->flags & KIND_F_MAP_ATOMIC ? true : type->flags & KIND_T_ATOMIC;

    ret.type = type;
    ret.form = atomic && !(f->flags & KIND_F_MAP_GRANULAR) ? TYPED_SCALAR : TYPED_STRUCT;
  } else if (f->base == KIND_ANY) {
    ret.form = TYPED_ANY;
  }
  return ret;
}

static struct typed_ref
of_field(const struct kind_field *f)
{
  struct typed_ref ret = { .form = TYPED_SCALAR, .field = f };

  switch ((enum kind_shape)f->shape) {
  case KIND_ONE:
    return of_base(f);
  case KIND_MAP:
    ret.form = f->flags & KIND_F_MAP_ATOMIC ? TYPED_SCALAR : TYPED_MAP;
    return ret;
  case KIND_LIST:
    if (f->list_type == KIND_LIST_SET)
      ret.form = TYPED_SET;
    else if (f->list_type == KIND_LIST_MAP)
      ret.form = TYPED_KEYED;
    return ret;
  }
  return ret;
}

struct typed_ref
typed_root(const struct kind *k)
{
  return k->custom ? typed_custom(k) : (struct typed_ref){ .form = TYPED_STRUCT, .type = k->type };
}

struct typed_ref
typed_member(struct typed_ref t, struct span name, bool *ret_known)
{
  const struct kind_field *f;

  *ret_known = true;
  if (t.schema)
    return typed_schema_member(t, name, ret_known);
  if (t.form == TYPED_MAP)
    return of_base(t.field);
  if (t.form == TYPED_ANY)
    return t;
  if (t.form == TYPED_STRUCT && t.type->flags & KIND_T_OBJECT && (span_is(name, "kind") || span_is(name, "apiVersion")))
    return (struct typed_ref){ .form = TYPED_SCALAR };
  f = t.form == TYPED_STRUCT ? kind_field_find(t.type, name, NULL) : NULL;
  *ret_known = f != NULL;
  return f ? of_field(f) : (struct typed_ref){ .form = TYPED_SCALAR };
}

struct typed_ref
typed_element(struct typed_ref t)
{
  if (t.schema)
    return typed_schema_element(t);
  return t.form == TYPED_SET ? (struct typed_ref){ .form = TYPED_SCALAR, .field = t.field, .element = true }
                             : of_base(t.field);
}

bool
typed_is_map(struct typed_ref t, const struct json *v)
{
  return t.form == TYPED_STRUCT || t.form == TYPED_MAP || (t.form == TYPED_ANY && json_is(v, JSON_OBJECT));
}

bool
typed_is_list(struct typed_ref t)
{
  return t.form == TYPED_SET || t.form == TYPED_KEYED;
}

const char *
typed_member_key(struct arena *a, const struct json_member *m)
{
  return arena_printf(a, "f:%s", m->name);
}

struct json *
typed_default(struct arena *a, const struct kind_field *f)
{
  const char *declared = kind_text(kind_field_more(f)->dflt);
  bool plain = f->shape == KIND_ONE && !(f->flags & KIND_F_POINTER), always = plain && !(f->flags & KIND_F_OMITEMPTY);
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct json *ret;

  if (*declared && json_parse(a, span_of(declared), NULL, &ret, &ignored) == 0)
    return ret;
  if (plain && f->base == KIND_STRUCT)
    return json_new_object(a);
  if (always && f->base == KIND_STRING && !(f->flags & KIND_F_OMITZERO))
    return json_new_str(a, "");
  if (always && (f->base == KIND_INT32 || f->base == KIND_INT64))
    return json_new_int(a, 0);
  return always && f->base == KIND_BOOL ? json_new_bool(a, false) : NULL;
}

/* A key that an item leaves out has the default of its field (protocol of a port: TCP). */
static struct json *
key_value(struct arena *a, struct typed_ref t, const struct json *item, struct span key)
{
  const struct json *v = json_get_n(item, key.p, key.n);

  if (!v && t.schema)
    v = typed_schema_default(t, key);
  if (v || t.schema)
    return v ? json_shallow(a, v) : NULL;
  const struct kind_type *type = kind_field_type(t.field);
  const struct kind_field *f = type ? kind_field_find(type, key, NULL) : NULL;

  return f ? typed_default(a, f) : NULL;
}

const char *
typed_key_names(struct arena *a, struct typed_ref t)
{
  const char *ret = "", *cursor = NULL;
  struct span key;

  for (size_t k = 0; t.schema && k < t.schema->n_keys; k++)
    ret = arena_printf(a, "%s%s\"%s\"", ret, *ret ? " " : "", t.schema->keys[k]);
  while (t.field && kind_field_list_key(t.field, &cursor, &key))
    ret = arena_printf(a, "%s%s\"%.*s\"", ret, *ret ? " " : "", SPAN_FMT(key));
  return arena_printf(a, "[%s]", ret);
}

const char *
typed_item_key(struct arena *a, struct typed_ref t, const struct json *item, size_t i)
{
  struct json *keys;
  const char *cursor = NULL;
  struct span key;

  (void)i;
  if (t.form == TYPED_SET)
    return arena_printf(a, "v:%s", json_text(a, item, JSON_COMPACT));
  keys = json_new_object(a);
  for (size_t k = 0; t.schema && k < t.schema->n_keys; k++) {
    struct json *v = key_value(a, t, item, span_of(t.schema->keys[k]));

    if (v)
      json_set(a, keys, t.schema->keys[k], v);
  }
  while (t.field && kind_field_list_key(t.field, &cursor, &key)) {
    struct json *v = key_value(a, t, item, key);

    if (v)
      json_set_n(a, keys, key.p, key.n, v);
  }
  json_sort_members(keys);
  return arena_printf(a, "k:%s", json_text(a, keys, JSON_COMPACT));
}

const struct json *
typed_item_find(struct arena *a, struct typed_ref t, const struct json *list, const char *key)
{
  for (size_t i = 0; i < json_count(list); i++)
    if (strcmp(typed_item_key(a, t, json_at(list, i), i), key) == 0)
      return json_at(list, i);
  return NULL;
}

/* -- the fields of a value -- */

static void collect(struct arena *a, struct typed_ref t, const struct json *v, struct field_entry *self);

static void
collect_members(struct arena *a, struct typed_ref t, const struct json *v, struct field_set *into)
{
  for (json_each_member (m, v)) {
    bool known;
    struct typed_ref mt = typed_member(t, span_make(m->name, m->name_len), &known);
    struct field_entry *e = field_set_entry(a, into, typed_member_key(a, m));

    collect(a, mt, m->value, e);
    if (json_is(m->value, JSON_NULL) || (json_is(m->value, JSON_OBJECT) && !json_count(m->value)) || !known ||
        mt.undeclared || t.form == TYPED_MAP || t.form == TYPED_ANY)
      e->member = true;
  }
}

static void
collect(struct arena *a, struct typed_ref t, const struct json *v, struct field_entry *self)
{
  struct field_set *below = field_set_new(a);

  if (typed_is_map(t, v)) {
    if (json_is(v, JSON_OBJECT))
      collect_members(a, t, v, below);
  } else if (typed_is_list(t)) {
    struct typed_ref et = typed_element(t);

    for (size_t i = 0; i < json_count(v); i++) {
      struct field_entry *e = field_set_entry(a, below, typed_item_key(a, t, json_at(v, i), i));

      collect(a, et, json_at(v, i), e);
      e->member = true;
    }
  } else {
    self->member = true;
  }
  self->below = below->n ? below : NULL;
}

struct field_set *
typed_fields(struct arena *a, struct typed_ref t, const struct json *v)
{
  struct field_set *ret = field_set_new(a);

  collect_members(a, t, v, ret);
  return ret;
}

/* -- sets and types -- */

struct field_set *
typed_with_parents(struct arena *a, struct typed_ref t, const struct field_set *s)
{
  struct field_set *ret = field_set_new(a);

  for (size_t i = 0; s && i < s->n; i++) {
    const struct field_entry *e = &s->list[i];
    bool known = true, named = e->key[0] == 'f' && t.form == TYPED_STRUCT;
    struct typed_ref below = e->key[0] == 'f'                            ? typed_member(t, span_of(e->key + 2), &known)
                             : typed_is_list(t) && (t.field || t.schema) ? typed_element(t)
                                                                         : t;
    struct field_entry *mine = field_set_entry(a, ret, e->key);

    mine->member = e->member || (e->below && named && known && !below.undeclared);
    mine->below = e->below ? typed_with_parents(a, below, e->below) : NULL;
  }
  return ret;
}

/* -- Go's %v -- */

static void
go_value(struct strbuf *b, struct arena *a, const struct json *v)
{
  bool first = true;

  switch (json_type(v)) {
  case JSON_NULL:
    strbuf_puts(b, "<nil>");
    return;
  case JSON_STRING:
    strbuf_span(b, json_span(v));
    return;
  case JSON_ARRAY:
    strbuf_putc(b, '[');
    for (json_each_item (item, v)) {
      if (!first)
        strbuf_putc(b, ' ');
      first = false;
      go_value(b, a, *item);
    }
    strbuf_putc(b, ']');
    return;
  case JSON_OBJECT: {
    struct json *sorted = json_shallow(a, v);

    json_sort_members(sorted);
    strbuf_puts(b, "map[");
    for (json_each_member (m, sorted)) {
      if (!first)
        strbuf_putc(b, ' ');
      first = false;
      strbuf_printf(b, "%s:", m->name);
      go_value(b, a, m->value);
    }
    strbuf_putc(b, ']');
    return;
  }
  case JSON_BOOL:
  case JSON_INT:
  case JSON_NUMBER:
    json_write(b, v, JSON_COMPACT);
    return;
  }
}

const char *
typed_go_text(struct arena *a, const struct json *v)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REQUEST_BODY);

  go_value(&b, a, v);
  return arena_strndup(a, b.p, b.n);
}
