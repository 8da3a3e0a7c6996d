#include "alloc_strings.h"

#include <assert.h>
#include <string.h>

#include "mem.h"

struct entry {
  uint32_t at, n; /* bytes in the text block */
};

struct strings {
  char *text; /* all strings, each followed by a NUL */
  size_t text_n, text_cap;
  struct entry *v;
  uint32_t n, cap;
  uint32_t *slots; /* number + 1; 0: free */
  uint32_t mask;
};

uint64_t
hash_bytes(const void *p, size_t n)
{
  const unsigned char *s = p;
  uint64_t h = 0x2545F4914F6CDD1Du ^ n, word;

  for (; n >= 8; s += 8, n -= 8) {
    memcpy(&word, s, 8);
    h = hash_mix(h, word);
  }
  word = 0;
  if (n)
    memcpy(&word, s, n);
  h = hash_mix(h, word);
  return h ^ (h >> 32);
}

struct strings *
strings_new(void)
{
  struct strings *t = mem_alloc(sizeof *t);

  t->mask = 63;
  t->slots = mem_calloc(t->mask + 1, sizeof *t->slots);
  strings_put(t, SPAN(""));
  return t;
}

void
strings_free(struct strings *t)
{
  if (!t)
    return;
  free(t->text);
  free(t->v);
  free(t->slots);
  free(t);
}

/* The slot that holds `s`, or the free one where it belongs. */
static uint32_t *
find_slot(const struct strings *t, struct span s)
{
  uint32_t i = (uint32_t)hash_bytes(s.p, s.n) & t->mask;

  for (; t->slots[i]; i = (i + 1) & t->mask) {
    const struct entry *e = &t->v[t->slots[i] - 1];

    if (e->n == s.n && (s.n == 0 || memcmp(t->text + e->at, s.p, s.n) == 0))
      break;
  }
  return &t->slots[i];
}

static void
grow_slots(struct strings *t)
{
  uint32_t n = (t->mask + 1) * 2;

  free(t->slots);
  t->slots = mem_calloc(n, sizeof *t->slots);
  t->mask = n - 1;
  for (uint32_t id = 0; id < t->n; id++)
    *find_slot(t, strings_span(t, id)) = id + 1;
}

sid
strings_put(struct strings *t, struct span s)
{
  uint32_t *slot = find_slot(t, s);

  if (*slot)
    return *slot - 1;
  if (t->n + t->n / 4 > t->mask) {
    grow_slots(t);
    slot = find_slot(t, s);
  }
  if (t->n == t->cap) {
    t->cap = t->cap + t->cap / 8 + 32;
    t->v = mem_realloc(t->v, t->cap * sizeof *t->v);
  }
  if (t->text_n + s.n + 1 > t->text_cap) {
    t->text_cap = (t->text_n + s.n + 1) + t->text_cap / 8 + 256;
    assert(t->text_cap < UINT32_MAX);
    t->text = mem_realloc(t->text, t->text_cap);
  }
  t->v[t->n] = (struct entry){ .at = (uint32_t)t->text_n, .n = (uint32_t)s.n };
  if (s.n)
    memcpy(t->text + t->text_n, s.p, s.n);
  t->text[t->text_n + s.n] = '\0';
  t->text_n += s.n + 1;
  *slot = ++t->n;
  return t->n - 1;
}

sid
strings_find(const struct strings *t, struct span s)
{
  uint32_t slot = *find_slot(t, s);

  return slot ? slot - 1 : SID_NONE;
}

struct span
strings_span(const struct strings *t, sid id)
{
  assert(id < t->n);
  return span_make(t->text + t->v[id].at, t->v[id].n);
}

size_t
strings_count(const struct strings *t)
{
  return t->n;
}

size_t
strings_memory(const struct strings *t)
{
  return sizeof *t + t->text_cap + t->cap * sizeof *t->v + (t->mask + 1) * sizeof *t->slots;
}
