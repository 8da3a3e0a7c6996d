/*
 * Fields behind feature gates.
 *
 * Upstream has a function per kind and feature; the rule in all of them is one: while the gate is off, its fields go,
 * unless the stored object already uses the feature.
 */
#include <string.h>

#include "kind.h"
#include "kind_edit.h"

enum { GATES_MAX = 32 };

struct dropper {
  struct arena *a;
  const struct personality *p;
  uint32_t in_use[GATES_MAX]; /* pool offsets of gate lists that the old object uses */
  size_t n_in_use;
};

/* "A,B": all of them must be on. One that has been taken out of the program holds nothing back. */
static bool
gates_on(const struct personality *p, const char *gates)
{
  char name[128];
  for (struct span rest = span_of(gates); rest.p;) {
    struct span gate = span_cut(rest, ',', &rest);
    if (gate.n >= sizeof(name))
      return false;
    memcpy(name, gate.p, gate.n);
    name[gate.n] = '\0';
    if (!personality_gate(p, name) && !personality_gate_passed(p, name))
      return false;
  }
  return true;
}

static bool
is_in_use(const struct dropper *d, uint32_t gates)
{
  for (size_t i = 0; i < d->n_in_use; i++)
    if (d->in_use[i] == gates)
      return true;
  return false;
}

static bool
is_set(const struct kind_field *f, const struct json *v)
{
  if (json_type(v) == JSON_NULL)
    return false;
  return f->shape == KIND_ONE || json_count(v) > 0;
}

/* Calls `each` for the object and every struct below that may have gated fields. */
static void
walk(struct dropper *d, const struct kind_type *t, struct json *obj,
     void (*each)(struct dropper *d, const struct kind_object *o))
{
  if (!(t->flags & KIND_T_GATED) || !json_is(obj, JSON_OBJECT))
    return;
  struct kind_object o = { .a = d->a, .type = t, .obj = obj };
  each(d, &o);
  for (uint32_t i = 0; i < obj->count; i++) {
    const struct json_member *m = &obj->u.members[i];
    const struct kind_field *f = kind_field_find(t, span_make(m->name, m->name_len), NULL);
    const struct kind_type *below = f ? kind_field_type(f) : NULL;
    if (!below)
      continue;
    if (f->shape == KIND_ONE) {
      bool had = json_count(m->value) > 0;
      walk(d, below, m->value, each);
      if (had && !json_count(m->value) && (f->flags & KIND_F_GONE_EMPTY)) {
        kind_clear(&o, kind_field_name(f));
        i--;
      }
      continue;
    }
    for (uint32_t k = 0; k < json_count(m->value); k++)
      walk(d, below, f->shape == KIND_LIST ? m->value->u.items[k] : m->value->u.members[k].value, each);
  }
}

static void
note_use(struct dropper *d, const struct kind_object *o)
{
  for (uint32_t i = 0; i < o->obj->count; i++) {
    const struct json_member *m = &o->obj->u.members[i];
    const struct kind_field *f = kind_field_find(o->type, span_make(m->name, m->name_len), NULL);
    uint32_t gates = f ? kind_field_more(f)->gates : 0;
    if (gates && is_set(f, m->value) && !is_in_use(d, gates) && d->n_in_use < GATES_MAX)
      d->in_use[d->n_in_use++] = gates;
  }
}

static void
drop_members(struct dropper *d, const struct kind_object *o)
{
  for (uint32_t i = o->obj->count; i-- > 0;) {
    const struct json_member *m = &o->obj->u.members[i];
    const struct kind_field *f = kind_field_find(o->type, span_make(m->name, m->name_len), NULL);
    uint32_t gates = f ? kind_field_more(f)->gates : 0;
    if (gates && !gates_on(d->p, kind_text(gates)) && !is_in_use(d, gates))
      kind_clear(o, kind_field_name(f));
  }
}

void
kind_drop_disabled(struct arena *a, const struct kind *k, struct json *o, const struct json *old,
                   const struct personality *p)
{
  struct dropper d = { .a = a, .p = p };
  if (k->custom || !(k->type->flags & KIND_T_GATED))
    return;
  if (old)
    walk(&d, k->type, json_shallow(a, old), note_use);
  walk(&d, k->type, o, drop_members);
}
