#include "hmap.h"

#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "mem.h"

/*
 * Entries stand in order of insertion; the index, a power of two of slots, finds them by hash with linear probing.
 * A slot repeats the hash, so that probing and moving slots need not touch the entries. A removed entry leaves a hole
 * (key NULL) until the entries are next compacted, which only hmap_put does: iteration survives removal.
 */
struct entry {
  char *key; /* owned, NUL-terminated; NULL: a hole */
  void *value;
  uint32_t len, hash;
};

struct slot {
  uint32_t hash;
  uint32_t at; /* entry number + 1; 0: free */
};

struct hmap {
  struct entry *entries;
  struct slot *slots;
  uint32_t used, cap; /* entries including holes, and room for them */
  uint32_t live;
  uint32_t mask; /* slots - 1 */
  uint64_t seed[2];
  void (*value_free)(void *);
};

#define SLOTS_MIN ((uint32_t)8)
#define SLOTS_MAX ((uint32_t)1 << 30)

/* -- SipHash-1-3 (Aumasson, Bernstein): keys may be chosen by strangers -- */

static inline uint64_t
rotate(uint64_t v, int by)
{
  return v << by | v >> (64 - by);
}

static inline void
sip_round(uint64_t v[4])
{
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

static uint32_t
hash_of(const struct hmap *m, struct span key)
{
  uint64_t v[4] = { m->seed[0] ^ 0x736f6d6570736575, m->seed[1] ^ 0x646f72616e646f6d, m->seed[0] ^ 0x6c7967656e657261,
                    m->seed[1] ^ 0x7465646279746573 };
  uint64_t word, last = (uint64_t)key.n << 56;
  const char *p = key.p;
  size_t left = key.n;

  for (; left >= 8; left -= 8, p += 8) {
    memcpy(&word, p, 8);
    word = le64toh(word);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
  }
  for (size_t i = 0; i < left; i++)
    last |= (uint64_t)(uint8_t)p[i] << (8 * i);
  v[3] ^= last;
  sip_round(v);
  v[0] ^= last;
  v[2] ^= 0xff;
  sip_round(v);
  sip_round(v);
  sip_round(v);
  word = v[0] ^ v[1] ^ v[2] ^ v[3];
  return (uint32_t)(word ^ word >> 32);
}

struct hmap *
hmap_new(void (*value_free)(void *))
{
  struct hmap *m = mem_alloc(sizeof *m);
  const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM); /* 16 bytes the kernel gave this process */

  if (random)
    memcpy(m->seed, random, sizeof m->seed);
  m->value_free = value_free;
  return m;
}

static void
drop_value(const struct hmap *m, void *value)
{
  if (m->value_free)
    m->value_free(value);
}

void
hmap_clear(struct hmap *m)
{
  uint32_t used = m->used;

  m->used = m->live = 0;
  if (m->slots)
    memset(m->slots, 0, ((size_t)m->mask + 1) * sizeof *m->slots);
  for (uint32_t i = 0; i < used; i++) {
    if (!m->entries[i].key)
      continue;
    free(m->entries[i].key);
    drop_value(m, m->entries[i].value);
  }
}

void
hmap_free(struct hmap *m)
{
  if (!m)
    return;
  hmap_clear(m);
  free(m->entries);
  free(m->slots);
  free(m);
}

void
hmap_freep(struct hmap **pm)
{
  hmap_free(*pm);
}

size_t
hmap_count(const struct hmap *m)
{
  return m->live;
}

/* The slot of `key`, or UINT32_MAX. */
static uint32_t
find(const struct hmap *m, struct span key, uint32_t hash)
{
  if (!m->live)
    return UINT32_MAX;
  for (uint32_t i = hash & m->mask; m->slots[i].at; i = (i + 1) & m->mask) {
    const struct entry *e = &m->entries[m->slots[i].at - 1];

    if (m->slots[i].hash == hash && e->len == key.n && memcmp(e->key, key.p, key.n) == 0)
      return i;
  }
  return UINT32_MAX;
}

void *
hmap_get(const struct hmap *m, struct span key)
{
  uint32_t i = m->live ? find(m, key, hash_of(m, key)) : UINT32_MAX;

  return i == UINT32_MAX ? NULL : m->entries[m->slots[i].at - 1].value;
}

static void
index_entry(struct hmap *m, uint32_t number)
{
  uint32_t i = m->entries[number].hash & m->mask;

  while (m->slots[i].at)
    i = (i + 1) & m->mask;
  m->slots[i] = (struct slot){ .hash = m->entries[number].hash, .at = number + 1 };
}

/* Close the holes, and double the room unless a good part of it was holes. */
static void
make_room(struct hmap *m)
{
  uint32_t slots = m->slots ? m->mask + 1 : 0, to = 0;

  if (!slots || m->live >= m->cap / 4 * 3) {
    slots = slots ? slots * 2 : SLOTS_MIN;
    assert(slots <= SLOTS_MAX);
    free(m->slots);
    m->slots = mem_calloc(slots, sizeof *m->slots);
    m->mask = slots - 1;
    m->cap = slots / 4 * 3;
    m->entries = mem_realloc(m->entries, m->cap * sizeof *m->entries);
  } else {
    memset(m->slots, 0, (size_t)slots * sizeof *m->slots);
  }
  for (uint32_t i = 0; i < m->used; i++)
    if (m->entries[i].key)
      m->entries[to++] = m->entries[i];
  m->used = to;
  for (uint32_t i = 0; i < to; i++)
    index_entry(m, i);
}

void
hmap_put(struct hmap *m, struct span key, void *value)
{
  uint32_t hash = hash_of(m, key), i = find(m, key, hash);

  assert(value && key.n < UINT32_MAX);
  if (i != UINT32_MAX) {
    struct entry *e = &m->entries[m->slots[i].at - 1];
    void *before = e->value;

    e->value = value;
    if (before != value)
      drop_value(m, before);
    return;
  }
  if (m->used == m->cap)
    make_room(m);
  m->entries[m->used] = (struct entry){
    .key = mem_strndup(key.p, key.n),
    .value = value,
    .len = (uint32_t)key.n,
    .hash = hash,
  };
  index_entry(m, m->used++);
  m->live++;
}

/* Free the slot and move those behind it up, so that no search stops short: nothing is left to skip over. */
static void
close_gap(struct hmap *m, uint32_t gap)
{
  for (uint32_t i = (gap + 1) & m->mask; m->slots[i].at; i = (i + 1) & m->mask) {
    uint32_t home = m->slots[i].hash & m->mask;

    if (((i - home) & m->mask) < ((i - gap) & m->mask))
      continue; /* it is between its home and here: the gap is before its home */
    m->slots[gap] = m->slots[i];
    gap = i;
  }
  m->slots[gap].at = 0;
}

void *
hmap_take(struct hmap *m, struct span key)
{
  uint32_t i = find(m, key, hash_of(m, key));
  struct entry *e;

  if (i == UINT32_MAX)
    return NULL;
  e = &m->entries[m->slots[i].at - 1];
  free(e->key);
  e->key = NULL;
  m->live--;
  close_gap(m, i);
  return e->value;
}

bool
hmap_remove(struct hmap *m, struct span key)
{
  void *value = hmap_take(m, key);

  if (value)
    drop_value(m, value);
  return value != NULL;
}

bool
hmap_next(const struct hmap *m, size_t *cursor, struct span *ret_key, void **ret_value)
{
  for (; *cursor < m->used; (*cursor)++) {
    const struct entry *e = &m->entries[*cursor];

    if (!e->key)
      continue;
    if (ret_key)
      *ret_key = span_make(e->key, e->len);
    if (ret_value)
      *ret_value = e->value;
    (*cursor)++;
    return true;
  }
  return false;
}
