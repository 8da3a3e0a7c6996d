/*
 * span - a piece of somebody else's bytes.
 *
 * Bytes from the network or a file are spans, not C strings, until they have
 * been checked for NUL and UTF-8. A span owns nothing; its text lives as long
 * as whatever it points into. (The name leaves "slice" to ResourceSlice.)
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
  const char *p;
  size_t n;
};

#define SPAN(literal) ((struct span){ .p = (literal), .n = sizeof(literal) - 1 })
#define SPAN_FMT(s)   (int)(s).n, (s).p /* for "%.*s" */

static inline struct span
span_of(const char *s)
{
  return (struct span){ .p = s, .n = s ? strlen(s) : 0 };
}

static inline struct span
span_make(const char *p, size_t n)
{
  return (struct span){ .p = p, .n = n };
}

static inline bool
span_eq(struct span a, struct span b)
{
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
span_is(struct span a, const char *s)
{
  return span_eq(a, span_of(s));
}

static inline bool
span_starts(struct span a, struct span prefix)
{
  return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

static inline bool
span_ends(struct span a, struct span suffix)
{
  return a.n >= suffix.n && (suffix.n == 0 || memcmp(a.p + a.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Byte order, as Go's strings.Compare. */
int span_cmp(struct span a, struct span b);
/* The same for qsort over an array of `const char *`. */
int text_order(const void *x, const void *y);
/* The part before the first `c`; *rest is what follows it, or an empty span with p NULL when there is no `c`. */
struct span span_cut(struct span s, char c, struct span *rest);
struct span span_trim(struct span s); /* without ASCII white space at either end */
size_t span_runes(struct span s);     /* characters of UTF-8, not bytes */
bool span_utf8_valid(struct span s);  /* as Go's utf8.Valid: no surrogates, no overlong forms */

#endif
