#include "field_set.h"

#include <string.h>

struct field_set *
field_set_new(struct arena *a)
{
  return arena_new_of(a, struct field_set);
}

/* Where `key` is, or would be. */
static size_t
place(const struct field_set *s, const char *key, bool *ret_found)
{
  size_t lo = 0, hi = s->n;

  *ret_found = false;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    int cmp = strcmp(s->list[mid].key, key);

    if (cmp == 0) {
      *ret_found = true;
      return mid;
    }
    if (cmp < 0)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

struct field_entry *
field_set_entry(struct arena *a, struct field_set *s, const char *key)
{
  bool found;
  size_t at = place(s, key, &found);

  if (found)
    return &s->list[at];
  if (s->n == s->cap) {
    size_t cap = s->cap ? s->cap * 2 : 4;
    struct field_entry *more = arena_array_of(a, struct field_entry, cap);

    if (s->n)
      memcpy(more, s->list, s->n * sizeof more[0]);
    s->list = more;
    s->cap = cap;
  }
  memmove(&s->list[at + 1], &s->list[at], (s->n - at) * sizeof s->list[0]);
  s->list[at] = (struct field_entry){ .key = arena_strdup(a, key) };
  s->n++;
  return &s->list[at];
}

const struct field_entry *
field_set_find(const struct field_set *s, const char *key)
{
  bool found = false;
  size_t at = s ? place(s, key, &found) : 0;

  return found ? &s->list[at] : NULL;
}

bool
field_set_empty(const struct field_set *s)
{
  for (size_t i = 0; s && i < s->n; i++)
    if (s->list[i].member || !field_set_empty(s->list[i].below))
      return false;
  return true;
}

bool
field_set_equal(const struct field_set *x, const struct field_set *y)
{
  size_t n = x ? x->n : 0;

  if (n != (y ? y->n : 0))
    return field_set_empty(x) && field_set_empty(y);
  for (size_t i = 0; i < n; i++)
    if (strcmp(x->list[i].key, y->list[i].key) != 0 || x->list[i].member != y->list[i].member ||
        !field_set_equal(x->list[i].below, y->list[i].below))
      return false;
  return true;
}

/* Append at the end of a set that is built in order. */
static void
push(struct arena *a, struct field_set *s, const char *key, bool member, const struct field_set *below)
{
  struct field_entry *e;

  if (!member && field_set_empty(below))
    return;
  e = field_set_entry(a, s, key);
  e->member = member;
  e->below = below && below->n ? below : NULL;
}

struct field_set *
field_set_union(struct arena *a, const struct field_set *x, const struct field_set *y)
{
  struct field_set *ret = field_set_new(a);
  size_t i = 0, j = 0, n = x ? x->n : 0, m = y ? y->n : 0;

  while (i < n || j < m) {
    int cmp = i == n ? 1 : j == m ? -1 : strcmp(x->list[i].key, y->list[j].key);

    if (cmp < 0) {
      push(a, ret, x->list[i].key, x->list[i].member, x->list[i].below);
      i++;
    } else if (cmp > 0) {
      push(a, ret, y->list[j].key, y->list[j].member, y->list[j].below);
      j++;
    } else {
      const struct field_entry *p = &x->list[i++], *q = &y->list[j++];
      const struct field_set *below = !p->below   ? q->below
                                      : !q->below ? p->below
                                                  : field_set_union(a, p->below, q->below);

      push(a, ret, p->key, p->member || q->member, below);
    }
  }
  return ret;
}

struct field_set *
field_set_minus(struct arena *a, const struct field_set *x, const struct field_set *y)
{
  struct field_set *ret = field_set_new(a);

  for (size_t i = 0; x && i < x->n; i++) {
    const struct field_entry *p = &x->list[i], *q = field_set_find(y, p->key);

    if (!q)
      push(a, ret, p->key, p->member, p->below);
    else
      push(a, ret, p->key, p->member && !q->member, q->below ? field_set_minus(a, p->below, q->below) : p->below);
  }
  return ret;
}

struct field_set *
field_set_without(struct arena *a, const struct field_set *x, const struct field_set *y)
{
  struct field_set *ret = field_set_new(a);

  for (size_t i = 0; x && i < x->n; i++) {
    const struct field_entry *p = &x->list[i], *q = field_set_find(y, p->key);

    if (!q)
      push(a, ret, p->key, p->member, p->below);
    else if (!q->member)
      push(a, ret, p->key, p->member, q->below ? field_set_without(a, p->below, q->below) : p->below);
  }
  return ret;
}

struct field_set *
field_set_both(struct arena *a, const struct field_set *x, const struct field_set *y)
{
  struct field_set *ret = field_set_new(a);

  for (size_t i = 0; x && i < x->n; i++) {
    const struct field_entry *p = &x->list[i], *q = field_set_find(y, p->key);

    if (q)
      push(a, ret, p->key, p->member && q->member, p->below && q->below ? field_set_both(a, p->below, q->below) : NULL);
  }
  return ret;
}

/* -- FieldsV1 -- */

struct field_set *
field_set_from_json(struct arena *a, const struct json *v)
{
  struct field_set *ret = field_set_new(a);

  for (json_each_member (m, v)) {
    if (strcmp(m->name, ".") == 0 || m->name_len < 2 || m->name[1] != ':' || !strchr("fkvi", m->name[0]))
      continue;
    struct field_set *below = field_set_from_json(a, m->value);

    push(a, ret, m->name, !json_count(m->value) || json_get(m->value, "."), below);
  }
  return ret;
}

struct json *
field_set_to_json(struct arena *a, const struct field_set *s)
{
  struct json *ret = json_new_object(a);

  for (size_t i = 0; s && i < s->n; i++) {
    const struct field_entry *e = &s->list[i];
    struct json *v = json_new_object(a);

    if (!field_set_empty(e->below)) {
      struct json *below = field_set_to_json(a, e->below);

      if (e->member)
        json_set(a, v, ".", json_new_object(a));
      for (json_each_member (m, below))
        json_set_n(a, v, m->name, m->name_len, m->value);
    }
    json_set(a, ret, e->key, v);
  }
  return ret;
}

/* -- paths as people read them -- */

/* As structured-merge-diff's value.ToString has it: maps have nothing between their members. */
static const char *
value_text(struct arena *a, const struct json *v)
{
  const char *ret = "";
  bool list = json_is(v, JSON_ARRAY);

  if (!list && !json_is(v, JSON_OBJECT))
    return json_text(a, v, JSON_COMPACT);
  for (size_t i = 0; list && i < json_count(v); i++)
    ret = arena_printf(a, "%s%s%s", ret, i ? "," : "", value_text(a, json_at(v, i)));
  for (json_each_member (m, v))
    ret = arena_printf(a, "%s%s=%s", ret, m->name, value_text(a, m->value));
  return list ? arena_printf(a, "[%s]", ret) : ret;
}

const char *
field_set_key_text(struct arena *a, const char *key)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  const char *text = key + 2, *ret = "[";
  struct json *keys;

  switch (key[0]) {
  case 'f':
    return arena_printf(a, ".%s", text);
  case 'v':
    return arena_printf(a, "[=%s]", text);
  case 'k':
    if (json_parse(a, span_of(text), NULL, &keys, &ignored) < 0)
      return arena_printf(a, "[%s]", text);
    for (json_each_member (m, keys))
      ret = arena_printf(a, "%s%s%s=%s", ret, ret[1] ? "," : "", m->name, value_text(a, m->value));
    return arena_printf(a, "%s]", ret);
  default:
    return arena_printf(a, "[%s]", text);
  }
}

static void
walk_paths(struct arena *a, const struct field_set *s, const char *prefix, field_path_fn *fn, void *payload)
{
  for (size_t i = 0; s && i < s->n; i++)
    if (s->list[i].member)
      fn(payload, arena_printf(a, "%s%s", prefix, field_set_key_text(a, s->list[i].key)));
  for (size_t i = 0; s && i < s->n; i++)
    if (s->list[i].below)
      walk_paths(a, s->list[i].below, arena_printf(a, "%s%s", prefix, field_set_key_text(a, s->list[i].key)), fn,
                 payload);
}

void
field_set_paths(struct arena *a, const struct field_set *s, field_path_fn *fn, void *payload)
{
  walk_paths(a, s, "", fn, payload);
}
