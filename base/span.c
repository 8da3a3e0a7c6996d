#include "span.h"

#include <stdint.h>

int
span_cmp(struct span a, struct span b)
{
  size_t n = a.n < b.n ? a.n : b.n;
  int r = n ? memcmp(a.p, b.p, n) : 0;

  if (r)
    return r;
  return a.n < b.n ? -1 : a.n > b.n;
}

struct span
span_cut(struct span s, char c, struct span *rest)
{
  const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

  if (!at) {
    *rest = (struct span){ NULL, 0 };
    return s;
  }
  *rest = span_make(at + 1, s.n - (size_t)(at - s.p) - 1);
  return span_make(s.p, (size_t)(at - s.p));
}

static bool
is_space(char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span
span_trim(struct span s)
{
  while (s.n && is_space(s.p[0])) {
    s.p++;
    s.n--;
  }
  while (s.n && is_space(s.p[s.n - 1]))
    s.n--;
  return s;
}

/* Length of the well-formed sequence that starts at p, or 0. */
static size_t
sequence(const uint8_t *p, size_t n)
{
  uint8_t c = p[0], low = 0x80, high = 0xBF;
  size_t len;

  if (c < 0x80)
    return 1;
  if (c < 0xC2 || c > 0xF4)
    return 0;
  len = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
  if (c == 0xE0)
    low = 0xA0; /* overlong */
  else if (c == 0xED)
    high = 0x9F; /* surrogates */
  else if (c == 0xF0)
    low = 0x90;
  else if (c == 0xF4)
    high = 0x8F; /* above U+10FFFF */
  if (n < len || p[1] < low || p[1] > high)
    return 0;
  for (size_t i = 2; i < len; i++)
    if ((p[i] & 0xC0) != 0x80)
      return 0;
  return len;
}

bool
span_utf8_valid(struct span s)
{
  const uint8_t *p = (const uint8_t *)s.p;

  for (size_t i = 0, len; i < s.n; i += len) {
    len = sequence(p + i, s.n - i);
    if (!len)
      return false;
  }
  return true;
}

size_t
span_runes(struct span s)
{
  size_t n = 0, i = 0;

  for (; i + 8 <= s.n; i += 8) { /* ASCII runs */
    uint64_t w;

    memcpy(&w, s.p + i, 8);
    if (w & 0x8080808080808080u)
      break;
    n += 8;
  }
  for (; i < s.n; i++)
    n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
  return n;
}

int
text_order(const void *x, const void *y)
{
  return strcmp(*(const char *const *)x, *(const char *const *)y);
}
