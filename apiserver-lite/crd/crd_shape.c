#include "crd_shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kind_type.h"

/* -- pruning -- */

/* Where the walk is; lives on the C stack. */
struct place {
  const struct place *up;
  const char *name; /* NULL: an item */
  size_t index;
};

struct pruning {
  struct arena *a;
  const char **unknown; /* paths */
  size_t n, cap;
  bool track;
};

static bool
is_meta_field(const char *name)
{
  return strcmp(name, "apiVersion") == 0 || strcmp(name, "kind") == 0 || strcmp(name, "metadata") == 0;
}

static const char *
path_text(struct arena *a, const struct place *at)
{
  const char *up;

  if (!at)
    return "";
  up = path_text(a, at->up);
  if (!at->name)
    return arena_printf(a, "%s[%zu]", up, at->index);
  return *up ? arena_printf(a, "%s.%s", up, at->name) : at->name;
}

static void
record(struct pruning *p, const struct place *at)
{
  if (!p->track)
    return;
  if (p->n == p->cap) {
    size_t cap = p->cap ? p->cap * 2 : 16;
    const char **more = arena_array_of(p->a, const char *, cap);

    if (p->n)
      memcpy(more, p->unknown, p->n * sizeof more[0]);
    p->unknown = more;
    p->cap = cap;
  }
  p->unknown[p->n++] = path_text(p->a, at);
}

static void prune(struct pruning *p, const struct place *at, struct json *v, const struct schema *s, bool root);

/* Below a node that keeps everything: only what is declared is looked at. */
static void
prune_declared(struct pruning *p, const struct place *at, struct json *v, const struct schema *s, bool root)
{
  for (json_each_member (m, v)) {
    const struct place below = { .up = at, .name = m->name };
    const struct schema *declared = schema_property_find(s, m->name, m->name_len);

    if ((root || s->flags & SCHEMA_EMBEDDED) && is_meta_field(m->name))
      continue;
    if (declared || s->flags & (SCHEMA_ADDITIONAL | SCHEMA_NO_ADDITIONAL))
      prune(p, &below, m->value, declared ? declared : s->additional, false);
  }
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++) {
    const struct place below = { .up = at, .index = i };

    if (s->items)
      prune_declared(p, &below, v->u.items[i], s->items, false);
  }
}

static void
prune_members(struct pruning *p, const struct place *at, struct json *v, const struct schema *s, bool root)
{
  uint32_t kept = 0;

  for (uint32_t i = 0; i < v->count; i++) {
    struct json_member m = v->u.members[i];
    const struct place below = { .up = at, .name = m.name };
    const struct schema *declared = schema_property_find(s, m.name, m.name_len);
    bool is_meta = (root || (s && s->flags & SCHEMA_EMBEDDED)) && is_meta_field(m.name);
    bool stays = is_meta || declared || (s && s->flags & (SCHEMA_ADDITIONAL | SCHEMA_NO_ADDITIONAL));

    if (!stays) {
      record(p, &below);
      continue;
    }
    if (!is_meta)
      prune(p, &below, m.value, declared ? declared : s->additional, false);
    v->u.members[kept++] = m;
  }
  v->count = kept;
}

static void
prune(struct pruning *p, const struct place *at, struct json *v, const struct schema *s, bool root)
{
  if (s && s->flags & SCHEMA_PRESERVE) {
    prune_declared(p, at, v, s, root);
    return;
  }
  if (json_is(v, JSON_OBJECT))
    prune_members(p, at, v, s, root);
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++) {
    const struct place below = { .up = at, .index = i };

    prune(p, &below, v->u.items[i], s ? s->items : NULL, false);
  }
}

void
schema_prune(struct arena *a, struct json *o, const struct schema *s, struct kind_strictness *strict)
{
  struct pruning p = { .a = a, .track = strict != NULL };

  prune(&p, NULL, o, s, true);
  if (p.n)
    qsort(p.unknown, p.n, sizeof p.unknown[0], text_order);
  for (size_t i = 0; i < p.n; i++)
    kind_strictness_add(strict, arena_printf(a, "unknown field \"%s\"", p.unknown[i]));
}

void
schema_prune_value(struct arena *a, struct json *v, const struct schema *s, bool root)
{
  struct pruning p = { .a = a };

  prune(&p, NULL, v, s, root);
}

/* -- nulls and defaults -- */

void
schema_drop_nulls(struct json *v, const struct schema *s)
{
  uint32_t kept = 0;

  for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++) {
    struct json_member m = v->u.members[i];
    const struct schema *below = schema_member(s, m.name, m.name_len);

    if (json_is(m.value, JSON_NULL) && below && !(below->flags & SCHEMA_NULLABLE) && !below->dflt)
      continue;
    schema_drop_nulls(m.value, below);
    v->u.members[kept++] = m;
  }
  if (json_is(v, JSON_OBJECT))
    v->count = kept;
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++)
    schema_drop_nulls(v->u.items[i], s ? s->items : NULL);
}

static bool
is_null_without_leave(const struct json *v, const struct schema *s)
{
  return json_is(v, JSON_NULL) && s && !(s->flags & SCHEMA_NULLABLE);
}

/* What takes the place of a null among entries or items: the default of its schema, which may be none. */
static struct json *
replacement(struct arena *a, const struct schema *s)
{
  return s->dflt ? json_copy(a, s->dflt) : json_new_null(a);
}

static void
default_members(struct arena *a, struct json *v, const struct schema *s)
{
  for (uint32_t i = 0; i < s->n_properties; i++) {
    const struct schema_property *p = &s->properties[i];
    const struct json *there = p->schema->dflt ? json_get_n(v, p->name.p, p->name.n) : NULL;

    if (p->schema->dflt && (!there || is_null_without_leave(there, p->schema)))
      json_set_n(a, v, p->name.p, p->name.n, json_copy(a, p->schema->dflt));
  }
  for (uint32_t i = 0; i < v->count; i++) {
    struct json_member *m = &v->u.members[i];
    const struct schema *declared = schema_property_find(s, m->name, m->name_len);

    if (!declared && is_null_without_leave(m->value, s->additional))
      m->value = replacement(a, s->additional);
    schema_default(a, m->value, declared ? declared : s->additional);
  }
}

void
schema_default(struct arena *a, struct json *v, const struct schema *s)
{
  if (!s || !(s->flags & SCHEMA_HAS_DEFAULTS))
    return;
  if (json_is(v, JSON_OBJECT))
    default_members(a, v, s);
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++) {
    if (is_null_without_leave(v->u.items[i], s->items))
      v->u.items[i] = replacement(a, s->items);
    schema_default(a, v->u.items[i], s->items);
  }
}

/* -- metadata -- */

int
schema_decode_meta(struct arena *a, const char *path, const struct json *meta, struct kind_strictness *strict,
                   struct json **ret, struct kerr *reterr)
{
  const struct kind_type *t = kind_type_find("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");

  return kind_decode_type(a, t, path, meta, strict, ret, reterr);
}

static const char *
below_path(struct arena *a, const char *path, const char *name)
{
  return *path ? arena_printf(a, "%s.%s", path, name) : name;
}

static int
coerce_meta_member(struct arena *a, const char *path, struct json_member *m, struct kind_strictness *strict,
                   struct kerr *reterr)
{
  const char *at = below_path(a, path, m->name);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *meta;

  if (strcmp(m->name, "metadata") != 0) {
    if (json_is(m->value, JSON_STRING))
      return 0;
    return kerr_set(reterr, KERR_INVALID, NULL, "%s: Invalid value: %s: must be a string", at,
                    json_text(a, m->value, JSON_COMPACT));
  }
  if (schema_decode_meta(a, at, m->value, strict, &meta, &err) < 0)
    return kerr_set(reterr, KERR_INVALID, NULL, "%s: Invalid value: %s: %s", at, json_text(a, m->value, JSON_COMPACT),
                    err.msg);
  m->value = meta;
  return 0;
}

int
schema_coerce(struct arena *a, const char *path, struct json *v, const struct schema *s, bool root,
              struct kind_strictness *strict, struct kerr *reterr)
{
  bool embedded = root || (s && s->flags & SCHEMA_EMBEDDED);

  if (!root && (!s || !(s->flags & SCHEMA_HAS_EMBEDDED)))
    return 0;
  for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++) {
    struct json_member *m = &v->u.members[i];
    const struct schema *declared = schema_property_find(s, m->name, m->name_len);
    const char *below = declared ? below_path(a, path, m->name) : arena_printf(a, "%s[%s]", path, m->name);

    if (embedded && is_meta_field(m->name) && coerce_meta_member(a, path, m, strict, reterr) < 0)
      return -(int)reterr->code;
    if (schema_coerce(a, below, m->value, declared || !s ? declared : s->additional, false, strict, reterr) < 0)
      return -(int)reterr->code;
  }
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++)
    if (schema_coerce(a, arena_printf(a, "%s[%zu]", path, i), v->u.items[i], s ? s->items : NULL, false, strict,
                      reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

void
schema_sort(struct json *v)
{
  if (json_is(v, JSON_OBJECT))
    json_sort_members(v);
  for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++)
    schema_sort(v->u.members[i].value);
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++)
    schema_sort(v->u.items[i]);
}
