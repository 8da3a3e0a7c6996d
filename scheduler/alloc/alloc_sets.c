#include "alloc_sets.h"

#include <stdint.h>
#include <string.h>

#include "ceilings.h"
#include "hmap.h"

struct set {
  uint32_t kind, n;
  sid v[];
};

struct sets {
  struct arena *a;
  struct set **v;
  uint32_t n, cap;
  struct hmap *index;    /* by kind and sorted members: number + 1 */
  struct hmap *meetings; /* by two numbers: number + 1, or -1 */
};

struct sets *
sets_new(void)
{
  struct sets *t = mem_alloc(sizeof *t);

  t->a = arena_new(CEIL_ARENA_REQUEST);
  t->index = hmap_new(NULL);
  t->meetings = hmap_new(NULL);
  return t;
}

void
sets_free(struct sets *t)
{
  if (!t)
    return;
  hmap_free(t->index);
  hmap_free(t->meetings);
  arena_free(t->a);
  free(t->v);
  free(t);
}

uint32_t
sets_put(struct sets *t, uint32_t kind, const sid *v, uint32_t n)
{
  struct set *s = mem_alloc(sizeof *s + n * sizeof s->v[0]);
  struct span key;
  uintptr_t number;
  uint32_t k;

  s->kind = kind;
  for (uint32_t i = 0; i < n; i++) {
    for (k = s->n; k > 0 && s->v[k - 1] > v[i]; k--)
      ;
    if (k > 0 && s->v[k - 1] == v[i])
      continue;
    memmove(&s->v[k + 1], &s->v[k], (s->n - k) * sizeof s->v[0]);
    s->v[k] = v[i];
    s->n++;
  }
  key = span_make((const char *)s, sizeof *s + s->n * sizeof s->v[0]);
  number = (uintptr_t)hmap_get(t->index, key);
  if (!number) {
    if (t->n == t->cap) {
      t->cap = t->cap * 2 + 16;
      t->v = mem_realloc(t->v, t->cap * sizeof(void *));
    }
    t->v[t->n] = arena_alloc(t->a, key.n);
    memcpy(t->v[t->n], s, key.n);
    number = ++t->n;
    hmap_put(t->index, key, (void *)number);
  }
  free(s);
  return (uint32_t)number - 1;
}

uint32_t
sets_meet(struct sets *t, uint32_t x, uint32_t y)
{
  uint32_t pair[2] = { x < y ? x : y, x < y ? y : x }, n = 0;
  struct span key = span_make((const char *)pair, sizeof pair);
  uintptr_t known = (uintptr_t)hmap_get(t->meetings, key);
  const struct set *a = t->v[x], *b = t->v[y];
  sid *both;

  if (known)
    return known == UINTPTR_MAX ? SET_NONE : (uint32_t)known - 1;
  both = mem_calloc(a->n + 1, sizeof *both);
  for (uint32_t i = 0, k = 0; a->kind == b->kind && i < a->n; i++) {
    while (k < b->n && b->v[k] < a->v[i])
      k++;
    if (k < b->n && b->v[k] == a->v[i])
      both[n++] = a->v[i];
  }
  known = n ? (uintptr_t)sets_put(t, a->kind, both, n) + 1 : UINTPTR_MAX;
  hmap_put(t->meetings, key, (void *)known);
  free(both);
  return n ? (uint32_t)known - 1 : SET_NONE;
}

uint32_t
sets_members(const struct sets *t, uint32_t set, const sid **ret)
{
  *ret = t->v[set]->v;
  return t->v[set]->n;
}
