#include "arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN ((size_t)1024) /* what a watch needs: there are many, and they live long */
#define CHUNK_MAX ((size_t)256 * 1024)
#define KEEP_MAX  ((size_t)1024 * 1024) /* a chunk above this is given back on reset */

struct chunk {
  struct chunk *next;
  size_t used, size;
  _Alignas(16) unsigned char data[];
};

struct deferred {
  struct deferred *next;
  void (*fn)(void *);
  void *arg;
};

struct arena {
  struct chunk *chunks; /* newest first; only the newest has room */
  struct deferred *deferred;
  size_t total, limit, next_size;
};

struct arena *
arena_new(size_t limit)
{
  struct arena *a = mem_alloc(sizeof *a);

  a->limit = limit;
  a->next_size = CHUNK_MIN;
  return a;
}

static struct chunk *
chunk_push(struct arena *a, size_t size)
{
  size_t payload = size > a->next_size ? size : a->next_size;
  struct chunk *c = mem_realloc(NULL, sizeof *c + payload);

  c->size = payload;
  c->used = 0;
  c->next = a->chunks;
  a->chunks = c;
  if (a->next_size < CHUNK_MAX)
    a->next_size *= 2;
  return c;
}

void *
arena_alloc(struct arena *a, size_t size)
{
  struct chunk *c = a->chunks;
  void *p;

  assert(size <= SIZE_MAX - 15);
  size = (size + 15) & ~(size_t)15;
  assert(size <= a->limit - a->total); /* whoever feeds us user input checks its own ceiling first */
  if (!c || c->size - c->used < size)
    c = chunk_push(a, size);
  p = c->data + c->used;
  memset(p, 0, size);
  c->used += size;
  a->total += size;
  return p;
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
  char *copy = arena_alloc(a, n + 1);

  if (n)
    memcpy(copy, s, n);
  return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
  return arena_strndup(a, s, strlen(s));
}

struct span
arena_span(struct arena *a, struct span s)
{
  return (struct span){ .p = arena_strndup(a, s.p, s.n), .n = s.n };
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
  va_list again;
  char *s;
  int n;

  va_copy(again, ap);
  n = vsnprintf(NULL, 0, fmt, ap);
  assert(n >= 0);
  s = arena_alloc(a, (size_t)n + 1);
  (void)vsnprintf(s, (size_t)n + 1, fmt, again);
  va_end(again);
  return s;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
  va_list ap;
  char *s;

  va_start(ap, fmt);
  s = arena_vprintf(a, fmt, ap);
  va_end(ap);
  return s;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
  struct deferred *d = arena_alloc(a, sizeof *d);

  *d = (struct deferred){ .next = a->deferred, .fn = fn, .arg = arg };
  a->deferred = d;
}

static void
run_deferred(struct arena *a)
{
  for (struct deferred *d = a->deferred; d; d = d->next)
    d->fn(d->arg);
  a->deferred = NULL;
}

void
arena_reset(struct arena *a)
{
  struct chunk *keep = NULL;

  run_deferred(a);
  for (struct chunk *c = a->chunks, *next; c; c = next) {
    next = c->next;
    if (c->size <= KEEP_MAX && (!keep || c->size > keep->size)) {
      free(keep);
      keep = c;
    } else {
      free(c);
    }
  }
  if (keep) {
    keep->next = NULL;
    keep->used = 0;
  }
  a->chunks = keep;
  a->total = 0;
}

void
arena_free(struct arena *a)
{
  if (!a)
    return;
  run_deferred(a);
  for (struct chunk *c = a->chunks, *next; c; c = next) {
    next = c->next;
    free(c);
  }
  free(a);
}

void
arena_freep(struct arena **pa)
{
  arena_free(*pa);
}

size_t
arena_used(const struct arena *a)
{
  return a->total;
}
