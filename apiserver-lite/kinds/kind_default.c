/* The engine of defaulting: walks an object by its type and fills in what the tables and the functions say. */
#include "crd_custom.h"
#include "kind_default.h"

#include <assert.h>
#include <string.h>

#include "kind.h"
#include "quantity.h"

static void default_struct(const struct kind_object *o, const struct kind_defaulting *d);

static kind_default_fn
function_of(const struct kind_type *t)
{
  static const struct kind_default_entry *const tables[] = { kind_default_core, kind_default_others };
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
    for (const struct kind_default_entry *e = tables[i]; e->type; e++)
      if (strcmp(e->type, kind_text(t->name)) == 0)
        return e->fn;
  return NULL;
}

static struct json *
parse_constant(struct arena *a, const char *text)
{
  struct kerr err = KERR_INIT;
  struct json *v = NULL;
  int rc = json_parse(a, span_of(text), NULL, &v, &err);
  assert(rc == 0); /* a unit test reads all of them */
  (void)rc;
  return v;
}

/* A pointer is unset when it is nil; another value when it is zero. */
static bool
is_unset(const struct kind_object *o, const struct kind_field *f)
{
  const char *name = kind_field_name(f);
  return f->flags & KIND_F_POINTER ? !kind_member(o, name) : kind_is_unset(o, name);
}

/* A default that is Go's zero value shows only where the zero value does. */
static void
fill_member(const struct kind_object *o, const struct kind_field *f, const char *text)
{
  struct json *v = parse_constant(o->a, text);
  const char *name = kind_field_name(f);
  kind_put(o, name, v);
  if (!(f->flags & KIND_F_POINTER) && kind_is_unset(o, name))
    kind_clear(o, name);
}

/* The fields of `t`, which is the object's type or a struct inlined in it. */
static void
fill_members(const struct kind_object *o, const struct kind_type *t)
{
  for (kind_each_field(f, t)) {
    const struct kind_more *more = kind_field_more(f);
    uint32_t text = more->dflt ? more->dflt : more->fill;
    if (f->flags & KIND_F_INLINE)
      fill_members(o, kind_field_type(f));
    else if (text && is_unset(o, f))
      fill_member(o, f, kind_text(text));
  }
}

static void
run_functions(const struct kind_object *o, const struct kind_type *t, const struct kind_defaulting *d)
{
  kind_default_fn fn = t->flags & KIND_T_CODE ? function_of(t) : NULL;
  if (fn)
    fn(o, d);
  for (kind_each_field(f, t))
    if (f->flags & KIND_F_INLINE)
      run_functions(o, kind_field_type(f), d);
}

/* SetDefaults_ResourceList: resources are kept to the milli, rounded up. */
static void
round_resources(struct arena *a, struct json *list)
{
  for (uint32_t i = 0; i < json_count(list); i++) {
    struct json_member *m = &list->u.members[i];
    struct quantity q;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    if (quantity_parse(json_span(m->value), &q, &err) < 0 || q.scale >= -3)
      continue;
    quantity_round_up(&q, -3);
    m->value = json_new_str(a, quantity_text(a, &q));
  }
}

static bool
is_resource_list(const struct kind_field *f)
{
  return f->named && f->base == KIND_QUANTITY && kind_named[f->named].alias;
}

static void
default_member(const struct kind_object *o, const struct kind_field *f, struct json *v, const struct kind_defaulting *d)
{
  struct kind_object child = { .a = o->a, .type = kind_field_type(f), .obj = v };
  if (is_resource_list(f))
    round_resources(o->a, v);
  if (!child.type || !(child.type->flags & KIND_T_DEFAULTS))
    return;
  if (f->shape == KIND_ONE && json_is(v, JSON_OBJECT))
    default_struct(&child, d);
  for (uint32_t i = 0; f->shape != KIND_ONE && i < json_count(v); i++) {
    child.obj = f->shape == KIND_LIST ? v->u.items[i] : v->u.members[i].value;
    default_struct(&child, d);
  }
}

static void
default_struct(const struct kind_object *o, const struct kind_defaulting *d)
{
  fill_members(o, o->type);
  run_functions(o, o->type, d);
  for (uint32_t i = 0; i < o->obj->count; i++) {
    const struct json_member *m = &o->obj->u.members[i];
    const struct kind_field *f = kind_field_find(o->type, span_make(m->name, m->name_len), NULL);
    if (f)
      default_member(o, f, m->value, d);
  }
}

void
kind_default(struct arena *a, const struct kind *k, struct json *o, const struct personality *p, int64_t now)
{
  struct kind_object object = { .a = a, .type = k->type, .obj = o };
  struct kind_defaulting d = { .p = p, .now = now };
  if (k->custom)
    custom_default(a, k, o);
  else if (k->type->flags & KIND_T_DEFAULTS)
    default_struct(&object, &d);
}

/* -- what the store leaves -- */

static bool
is_empty_list(const struct kind_field *f, const struct json *v)
{
  return f->shape != KIND_ONE && (v->type == JSON_ARRAY || v->type == JSON_OBJECT) && v->count == 0;
}

/* `which`: flags of the fields that are looked at; 0: all. */
static void
settle(struct arena *a, const struct kind_type *t, struct json *obj, unsigned which)
{
  struct kind_object o = { .a = a, .type = t, .obj = obj };
  if (!(t->flags & KIND_T_EMPTIES) || !json_is(obj, JSON_OBJECT))
    return;
  for (uint32_t i = obj->count; i-- > 0;) {
    struct json *v = obj->u.members[i].value;
    const struct kind_field *f =
        kind_field_find(t, span_make(obj->u.members[i].name, obj->u.members[i].name_len), NULL);
    const struct kind_type *below = f ? kind_field_type(f) : NULL;
    if (f && is_empty_list(f, v) && (f->flags & which) == which)
      kind_clear(&o, kind_field_name(f));
    else if (below && f->shape == KIND_ONE)
      settle(a, below, v, which);
    else if (below)
      for (uint32_t k = 0; k < json_count(v); k++)
        settle(a, below, f->shape == KIND_LIST ? v->u.items[k] : v->u.members[k].value, which);
  }
}

void
kind_settle(struct arena *a, const struct kind *k, struct json *o)
{
  if (k->custom)
    settle(a, kind_type_find("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"), json_find(o, "metadata"), 0);
  else
    settle(a, k->type, o, 0);
}

/* Has anything in the tree that kind_written leaves out? */
static bool
has_unwritten(const struct kind_type *t, const struct json *obj)
{
  if (!(t->flags & KIND_T_EMPTIES))
    return false;
  for (json_each_member (m, obj)) {
    const struct kind_field *f = kind_field_find(t, span_make(m->name, m->name_len), NULL);
    const struct kind_type *below = f ? kind_field_type(f) : NULL;
    if (f && is_empty_list(f, m->value) && (f->flags & KIND_F_OMITEMPTY))
      return true;
    if (below && f->shape == KIND_ONE && has_unwritten(below, m->value))
      return true;
    for (uint32_t k = 0; below && f->shape != KIND_ONE && k < json_count(m->value); k++)
      if (has_unwritten(below, f->shape == KIND_LIST ? m->value->u.items[k] : m->value->u.members[k].value))
        return true;
  }
  return false;
}

const struct json *
kind_written(struct arena *a, const struct kind *k, const struct json *o)
{
  if (k->custom || !has_unwritten(k->type, o))
    return o;
  struct json *copy = json_copy(a, o);
  settle(a, k->type, copy, KIND_F_OMITEMPTY);
  return copy;
}
