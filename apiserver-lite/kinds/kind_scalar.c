#include "kind_scalar.h"

#include <string.h>

#include "ceilings.h"
#include "codec.h"

/* -- strings -- */

static size_t
utf8_length(struct span s)
{
  unsigned char c = (unsigned char)s.p[0];
  size_t n = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
  return n && n <= s.n && span_utf8_valid(span_make(s.p, n)) ? n : 0;
}

struct json *
kind_string(struct arena *a, struct span raw)
{
  if (span_utf8_valid(raw))
    return json_new_strn(a, raw.p, raw.n);
  struct strbuf b;
  strbuf_init(&b, 3 * raw.n + 1);
  while (raw.n) {
    size_t n = utf8_length(raw);
    if (n)
      strbuf_add(&b, raw.p, n);
    else
      strbuf_puts(&b, "\xEF\xBF\xBD");
    raw = span_make(raw.p + (n ? n : 1), raw.n - (n ? n : 1));
  }
  struct json *v = json_new_strn(a, b.p, b.n);
  strbuf_release(&b);
  return v;
}

void
kind_quote(struct strbuf *out, struct span text)
{
  static const char escapes[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
  strbuf_putc(out, '"');
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    const char *e = c ? strchr(escapes, c) : NULL;
    if (e)
      strbuf_printf(out, "\\%c", letters[e - escapes]);
    else if (c < 0x20 || c == 0x7F)
      strbuf_printf(out, "\\x%02x", c);
    else
      strbuf_putc(out, (char)c);
  }
  strbuf_putc(out, '"');
}

/* -- bytes -- */

static int
base64_value(char c)
{
  return c >= 'A' && c <= 'Z'   ? c - 'A'
         : c >= 'a' && c <= 'z' ? c - 'a' + 26
         : c >= '0' && c <= '9' ? c - '0' + 52
         : c == '+'             ? 62
         : c == '/'             ? 63
                                : -1;
}

static size_t
skip_breaks(struct span s, size_t i)
{
  while (i < s.n && (s.p[i] == '\n' || s.p[i] == '\r'))
    i++;
  return i;
}

/*
 * A group that ends early, at the '=' at `i` after `have` digits: how it must go on. Returns the offset behind it, or
 * SIZE_MAX with *ret_at set as Go reports it.
 */
static size_t
padding(struct span text, size_t i, unsigned have, size_t *ret_at)
{
  *ret_at = i;
  if (have < 2)
    return SIZE_MAX;
  i = skip_breaks(text, i + 1);
  if (have == 2) {
    *ret_at = text.n;
    if (i >= text.n)
      return SIZE_MAX;
    *ret_at = i - 1;
    if (text.p[i] != '=')
      return SIZE_MAX;
    i = skip_breaks(text, i + 1);
  }
  *ret_at = i;
  return i < text.n ? SIZE_MAX : i;
}

bool
kind_unbase64(struct arena *a, struct span text, struct span *ret, size_t *ret_at)
{
  char *out = arena_alloc(a, text.n / 4 * 3 + 4);
  size_t n = 0;
  uint32_t bits = 0;
  unsigned have = 0;
  for (size_t i = skip_breaks(text, 0); i < text.n; i = skip_breaks(text, i)) {
    int v = base64_value(text.p[i]);
    if (v < 0) {
      *ret_at = i;
      if (text.p[i] != '=' || padding(text, i, have, ret_at) == SIZE_MAX)
        return false;
      out[n++] = (char)(have == 2 ? bits >> 4 : bits >> 10);
      if (have == 3)
        out[n++] = (char)(bits >> 2);
      have = 0;
      break;
    }
    bits = bits << 6 | (uint32_t)v;
    i++;
    if (++have < 4)
      continue;
    out[n++] = (char)(bits >> 16);
    out[n++] = (char)(bits >> 8);
    out[n++] = (char)bits;
    have = 0;
    bits = 0;
  }
  if (have)
    *ret_at = text.n - have;
  *ret = span_make(out, n);
  return have == 0;
}

struct json *
kind_base64(struct arena *a, struct span raw)
{
  struct strbuf b;
  strbuf_init(&b, CEIL_REPLY);
  codec_base64(&b, raw);
  struct json *v = json_new_strn(a, b.p ? b.p : "", b.n);
  strbuf_release(&b);
  return v;
}
