#include "cel_escape.h"
#include "cel_value.h"

#include <string.h>

/*
 * Maps: entries in order of insertion, with the hash of each key beside it;
 * a large map has an index over them.
 */

uint32_t
cel_hash_bytes(const char *p, size_t n)
{
  uint64_t h = 0x9E3779B97F4A7C15u ^ n, w;

  for (; n >= 8; n -= 8, p += 8) {
    memcpy(&w, p, 8);
    h = (h ^ w) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 32;
  }
  w = 0;
  if (n)
    memcpy(&w, p, n);
  h = (h ^ w) * 0xC4CEB9FE1A85EC53u;
  return (uint32_t)(h >> 29);
}

uint32_t
cel_key_hash(struct cel_value key)
{
  if (key.kind == CEL_STRING || key.kind == CEL_BYTES)
    return cel_hash_bytes(key.u.s, key.n);
  if (key.kind == CEL_DOUBLE && key.u.d == 0)
    return CEL_DOUBLE; /* 0.0 and -0.0 */
  return cel_hash_bytes((const char *)&key.u, sizeof key.u) + key.kind;
}

/* Go's == on the key: identity for lists, maps and objects. */
bool
cel_key_same(struct cel_value x, struct cel_value y)
{
  if (x.kind != y.kind)
    return false;
  switch (x.kind) {
  case CEL_STRING:
  case CEL_BYTES:
    return span_eq(cel_span(x), cel_span(y));
  case CEL_DOUBLE:
    return x.u.d == y.u.d;
  case CEL_TIMESTAMP:
    return x.u.i == y.u.i && x.n == y.n && x.off == y.off;
  case CEL_NULL:
    return true;
  default:
    return x.u.u == y.u.u;
  }
}

struct cel_value
cel_map_new(struct arena *a, uint32_t cap)
{
  struct cel_map *m = arena_new_of(a, struct cel_map);

  if (cap) {
    m->entries = arena_array_of(a, struct cel_entry, cap);
    m->hashes = arena_array_of(a, uint32_t, cap);
  }
  m->cap = cap;
  return (struct cel_value){ .kind = CEL_MAP, .u.map = m };
}

#define MAP_SCAN_MAX 16 /* up to here, comparing hashes one by one is quicker than an index */

static const struct cel_entry *
map_entry(const struct cel_map *m, struct cel_value key, uint32_t hash)
{
  if (!m->index) {
    for (uint32_t i = 0; i < m->n; i++)
      if (m->hashes[i] == hash && cel_key_same(m->entries[i].key, key))
        return &m->entries[i];
    return NULL;
  }
  for (uint32_t at = hash & m->mask; m->index[at]; at = (at + 1) & m->mask) {
    uint32_t i = m->index[at] - 1;

    if (m->hashes[i] == hash && cel_key_same(m->entries[i].key, key))
      return &m->entries[i];
  }
  return NULL;
}

static void
map_reindex(struct arena *a, struct cel_map *m)
{
  uint32_t size = 64;

  while (size < m->cap * 2)
    size *= 2;
  m->index = arena_array_of(a, uint32_t, size);
  m->mask = size - 1;
  for (uint32_t i = 0; i < m->n; i++) {
    uint32_t at = m->hashes[i] & m->mask;

    while (m->index[at])
      at = (at + 1) & m->mask;
    m->index[at] = i + 1;
  }
}

static void
map_grow(struct arena *a, struct cel_map *m)
{
  uint32_t cap = m->cap ? m->cap * 2 : 4;
  struct cel_entry *entries = arena_array_of(a, struct cel_entry, cap);
  uint32_t *hashes = arena_array_of(a, uint32_t, cap);

  if (m->n) {
    memcpy(entries, m->entries, sizeof *entries * m->n);
    memcpy(hashes, m->hashes, sizeof *hashes * m->n);
  }
  m->entries = entries;
  m->hashes = hashes;
  m->cap = cap;
  if (m->index)
    map_reindex(a, m);
}

void
cel_map_put(struct arena *a, struct cel_map *m, struct cel_value key, struct cel_value value)
{
  uint32_t hash = cel_key_hash(key);
  const struct cel_entry *old = map_entry(m, key, hash);

  if (old) {
    m->entries[old - m->entries].value = value;
    return;
  }
  if (m->n == m->cap)
    map_grow(a, m);
  m->entries[m->n] = (struct cel_entry){ key, value };
  m->hashes[m->n++] = hash;
  if (m->index) {
    uint32_t at = hash & m->mask;

    while (m->index[at])
      at = (at + 1) & m->mask;
    m->index[at] = m->n;
  } else if (m->n > MAP_SCAN_MAX) {
    map_reindex(a, m);
  }
}

bool
cel_map_delete(struct cel_map *m, struct cel_value key)
{
  const struct cel_entry *e = map_entry(m, key, cel_key_hash(key));
  size_t at;

  if (!e)
    return false;
  at = (size_t)(e - m->entries);
  memmove(m->entries + at, m->entries + at + 1, sizeof *m->entries * (m->n - at - 1));
  memmove(m->hashes + at, m->hashes + at + 1, sizeof *m->hashes * (m->n - at - 1));
  m->n--;
  if (m->index) { /* entry numbers moved: fill the same table again */
    memset(m->index, 0, sizeof *m->index * (m->mask + 1));
    for (uint32_t i = 0; i < m->n; i++) {
      uint32_t slot = m->hashes[i] & m->mask;

      while (m->index[slot])
        slot = (slot + 1) & m->mask;
      m->index[slot] = i + 1;
    }
  }
  return true;
}

/* A key that stands for another name, in an object with properties. */
static bool
is_escaped(const struct cel_map *m, struct span key)
{
  return m->from && m->from->escaped && key.n > 2 && memmem(key.p, key.n, "__", 2);
}

static const struct cel_value *
find_escaped(const struct cel_map *m, struct span key)
{
  for (uint32_t i = 0; i < m->n; i++)
    if (cel_escape_means(key, cel_span(m->entries[i].key)))
      return &m->entries[i].value;
  return NULL;
}

void
cel_map_fill(struct cel_map *m)
{
  const struct cel_map_source *source = m->source;

  m->source = NULL;
  source->fill(m);
}

const struct cel_value *
cel_map_find_str(const struct cel_map *m, struct span key, uint32_t hash)
{
  const struct cel_entry *e;

  if (m->source)
    return cel_map_from_source(m, key);
  if (__builtin_expect(is_escaped(m, key), 0))
    return find_escaped(m, key);
  e = map_entry(m, cel_of_span(key), hash);
  return e ? &e->value : m->fallback;
}

const struct cel_value *
cel_map_member(const struct cel_map *m, struct span name)
{
  const struct cel_entry *e = map_entry(m, cel_of_span(name), cel_hash_bytes(name.p, name.n));

  return e ? &e->value : NULL;
}

static bool
double_to_int(double d, int64_t *ret)
{
  if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0) || (double)(int64_t)d != d)
    return false;
  *ret = (int64_t)d;
  return true;
}

static bool
double_to_uint(double d, uint64_t *ret)
{
  if (!(d >= 0 && d < 18446744073709551616.0) || (double)(uint64_t)d != d)
    return false;
  *ret = (uint64_t)d;
  return true;
}

const struct cel_value *
cel_map_find(const struct cel_map *m, struct cel_value key)
{
  struct cel_value other = { 0 };
  const struct cel_entry *e;

  if (key.kind == CEL_STRING)
    return cel_map_find_str(m, cel_span(key), m->source ? 0 : cel_key_hash(key));
  (void)cel_map_filled(cel_map_writable(m));
  e = map_entry(m, key, cel_key_hash(key));
  if (e)
    return &e->value;
  if (key.kind == CEL_DOUBLE) {
    other.kind = CEL_INT;
    if (double_to_int(key.u.d, &other.u.i) && (e = map_entry(m, other, cel_key_hash(other))))
      return &e->value;
    other.kind = CEL_UINT;
    if (double_to_uint(key.u.d, &other.u.u))
      e = map_entry(m, other, cel_key_hash(other));
  } else if (key.kind == CEL_INT ? key.u.i >= 0 : key.kind == CEL_UINT && key.u.u <= INT64_MAX) {
    other = key;
    other.kind = key.kind == CEL_INT ? CEL_UINT : CEL_INT;
    e = map_entry(m, other, cel_key_hash(other));
  }
  return e ? &e->value : m->fallback;
}

/* bool, int, uint, double, string, bytes, others */
static int
kind_rank(uint8_t kind)
{
  static const uint8_t rank[CEL_KIND_COUNT] = {
    [CEL_BOOL] = 1, [CEL_INT] = 2, [CEL_UINT] = 3, [CEL_DOUBLE] = 4, [CEL_STRING] = 5, [CEL_BYTES] = 6,
  };

  return rank[kind] ? rank[kind] : 7;
}

static int
entry_order(const void *x, const void *y)
{
  struct cel_value a = (*(const struct cel_entry *const *)x)->key, b = (*(const struct cel_entry *const *)y)->key;
  int ra = kind_rank(a.kind), rb = kind_rank(b.kind), r = 0;

  if (ra != rb)
    return ra < rb ? -1 : 1;
  if (ra == 7)
    return 0;
  (void)cel_compare(a, b, &r);
  return r;
}

const struct cel_entry **
cel_map_sorted(struct arena *a, const struct cel_map *m)
{
  const struct cel_entry **v = arena_array_of(a, const struct cel_entry *, cel_map_filled(cel_map_writable(m))->n + 1u);

  for (uint32_t i = 0; i < m->n; i++)
    v[i] = &m->entries[i];
  qsort(v, m->n, sizeof(*v), entry_order);
  return v;
}
