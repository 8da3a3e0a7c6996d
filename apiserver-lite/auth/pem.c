#include "pem.h"

#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "strbuf.h"

#define BEGIN  SPAN("-----BEGIN ")
#define END    SPAN("\n-----END ")
#define DASHES SPAN("-----")

static const char *
find(struct span in, struct span what)
{
  return in.n ? memmem(in.p, in.n, what.p, what.n) : NULL;
}

/* The last one. */
static const char *
find_last(struct span in, struct span what)
{
  for (size_t i = in.n; i-- > 0;)
    if (in.n - i >= what.n && memcmp(in.p + i, what.p, what.n) == 0)
      return in.p + i;
  return NULL;
}

static struct span
until(struct span s, const char *end)
{
  return span_make(s.p, (size_t)(end - s.p));
}

static struct span
from(struct span s, const char *begin)
{
  return span_make(begin, (size_t)(s.p + s.n - begin));
}

/* The first line without its end and the blanks before that; *text is what follows. */
static struct span
cut_line(struct span *text)
{
  const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
  struct span line = end ? until(*text, end) : *text;

  *text = from(*text, end ? end + 1 : text->p + text->n);
  if (end && line.n && line.p[line.n - 1] == '\r')
    line.n--;
  while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
    line.n--;
  return line;
}

static bool
ends_with(struct span s, struct span what)
{
  return s.n >= what.n && memcmp(s.p + s.n - what.n, what.p, what.n) == 0;
}

static bool
decode(struct arena *a, struct span base64, struct span *ret)
{
  _cleanup_strbuf_ struct strbuf tight, raw;

  strbuf_init(&tight, CEIL_ARENA_REQUEST);
  strbuf_init(&raw, CEIL_ARENA_REQUEST);
  for (size_t i = 0; i < base64.n; i++)
    if (base64.p[i] != ' ' && base64.p[i] != '\t')
      strbuf_putc(&tight, base64.p[i]);
  if (!codec_unbase64(&raw, span_make(tight.p ? tight.p : "", tight.n)))
    return false;
  *ret = arena_span(a, span_make(raw.p ? raw.p : "", raw.n));
  return true;
}

/* Header lines are those with a colon; the first without one begins the base64. */
static void
skip_headers(struct span *body, size_t *n)
{
  for (*n = 0; body->n;) {
    struct span next = *body, line = cut_line(&next);

    if (!find(line, SPAN(":")))
      return;
    *body = next;
    ++*n;
  }
}

/*
 * The block that ends with the END at `end`, `after` the words; it begins with the last BEGIN before that. The END's
 * newline may be the one that ends the line of the BEGIN: the block is empty then.
 */
static bool
read_block(struct arena *a, struct span text, const char *end, struct pem_block *ret, struct span *rest)
{
  const char *begin = find_last(until(text, end), BEGIN);
  struct span body, line, trailer = from(text, end + END.n);

  if (!begin || (begin > text.p && begin[-1] != '\n'))
    return false;
  body = from(text, begin + BEGIN.n);
  line = cut_line(&body);
  if (!ends_with(line, DASHES))
    return false;
  ret->type = span_make(line.p, line.n - DASHES.n);
  skip_headers(&body, &ret->n_headers);
  if (!body.n || (ret->n_headers && end < body.p) || trailer.n < ret->type.n + DASHES.n ||
      memcmp(trailer.p, ret->type.p, ret->type.n) != 0 || memcmp(trailer.p + ret->type.n, DASHES.p, DASHES.n) != 0)
    return false;
  *rest = from(trailer, trailer.p + ret->type.n + DASHES.n);
  if (cut_line(rest).n)
    return false;
  return decode(a, end > body.p ? until(body, end) : SPAN(""), &ret->bytes);
}

bool
pem_next(struct arena *a, struct span *text, struct pem_block *ret)
{
  struct span left = *text;
  const char *end;

  while ((end = find(left, END))) {
    struct span rest;

    if (read_block(a, left, end, ret, &rest)) {
      *text = rest;
      return true;
    }
    left = from(left, end + END.n);
  }
  return false;
}
