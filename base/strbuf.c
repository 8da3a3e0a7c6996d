#include "strbuf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char strbuf_nothing[1];

void
strbuf_init(struct strbuf *b, size_t limit)
{
  *b = (struct strbuf){ .p = strbuf_nothing, .limit = limit };
}

void
strbuf_release(struct strbuf *b)
{
  if (b->p != strbuf_nothing)
    free(b->p);
  strbuf_init(b, b->limit);
}

void
strbuf_clear(struct strbuf *b)
{
  b->n = 0;
  b->overflow = false;
  if (b->p != strbuf_nothing)
    b->p[0] = '\0';
}

char *
strbuf_reserve(struct strbuf *b, size_t n)
{
  size_t cap;

  assert(b->p); /* strbuf_init was forgotten */
  if (b->overflow || n > b->limit - b->n) {
    b->overflow = true;
    return NULL;
  }
  if (b->n + n + 1 > b->cap) {
    cap = b->cap ? b->cap * 2 : 64;
    if (cap < b->n + n + 1)
      cap = b->n + n + 1;
    b->p = mem_realloc(b->p == strbuf_nothing ? NULL : b->p, cap);
    b->cap = cap;
  }
  return b->p + b->n;
}

void
strbuf_add(struct strbuf *b, const void *p, size_t n)
{
  char *to;

  if (!n)
    return;
  to = strbuf_reserve(b, n);
  if (!to)
    return;
  memcpy(to, p, n);
  b->n += n;
  b->p[b->n] = '\0';
}

void
strbuf_span(struct strbuf *b, struct span s)
{
  strbuf_add(b, s.p, s.n);
}

void
strbuf_puts(struct strbuf *b, const char *s)
{
  strbuf_add(b, s, strlen(s));
}

void
strbuf_putc(struct strbuf *b, char c)
{
  strbuf_add(b, &c, 1);
}

/* All of it or nothing, so that a full buffer does not end in half a number. */
static void
add_number(struct strbuf *b, bool negative, uint64_t v)
{
  char digits[21];
  size_t at = sizeof digits;

  do {
    digits[--at] = (char)('0' + v % 10);
    v /= 10;
  } while (v);
  if (negative)
    digits[--at] = '-';
  strbuf_add(b, digits + at, sizeof digits - at);
}

void
strbuf_uint(struct strbuf *b, uint64_t v)
{
  add_number(b, false, v);
}

void
strbuf_int(struct strbuf *b, int64_t v)
{
  add_number(b, v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
  va_list again;
  char *to;
  int n;

  va_copy(again, ap);
  n = vsnprintf(NULL, 0, fmt, ap);
  assert(n >= 0);
  to = strbuf_reserve(b, (size_t)n);
  if (to) {
    (void)vsnprintf(to, (size_t)n + 1, fmt, again);
    b->n += (size_t)n;
  }
  va_end(again);
}

void
strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
  va_list ap;

  va_start(ap, fmt);
  strbuf_vprintf(b, fmt, ap);
  va_end(ap);
}

char *
strbuf_take(struct strbuf *b, size_t *ret_n)
{
  char *p = b->p == strbuf_nothing ? mem_strdup("") : b->p;

  if (ret_n)
    *ret_n = b->n;
  strbuf_init(b, b->limit);
  return p;
}

struct span
strbuf_view(const struct strbuf *b)
{
  return span_make(b->p, b->n);
}
