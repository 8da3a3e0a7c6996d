/*
 * The scanner of Go's encoding/json, as far as its complaints go: it reads
 * characters until one cannot come next, and says which and where it stood.
 */
#include "go_json_error.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 10000 /* Go's own */

struct scanner {
  struct arena *a;
  const char *p, *end;
  const char *problem; /* set once */
};

static bool
fail(struct scanner *s, const char *where)
{
  unsigned char ch;

  if (s->problem)
    return false;
  if (s->p == s->end) {
    s->problem = "unexpected end of JSON input";
    return false;
  }
  ch = (unsigned char)*s->p;
  if (ch == '\'')
    s->problem = arena_printf(s->a, "invalid character '\\'' %s", where);
  else if (ch == '"')
    s->problem = arena_printf(s->a, "invalid character '\"' %s", where);
  else if (ch == '\n')
    s->problem = arena_printf(s->a, "invalid character '\\n' %s", where);
  else if (ch == '\t')
    s->problem = arena_printf(s->a, "invalid character '\\t' %s", where);
  else if (ch < 0x20 || ch == 0x7f)
    s->problem = arena_printf(s->a, "invalid character '\\x%02x' %s", ch, where);
  else if (ch < 0x80)
    s->problem = arena_printf(s->a, "invalid character '%c' %s", ch, where);
  else if (ch <= 0xa0 || ch == 0xad) /* Go takes the byte for a code point; these are none that can be seen */
    s->problem = arena_printf(s->a, "invalid character '\\u%04x' %s", ch, where);
  else
    s->problem = arena_printf(s->a, "invalid character '%c%c' %s", 0xc0 | ch >> 6, 0x80 | (ch & 0x3f), where);
  return false;
}

static void
skip_space(struct scanner *s)
{
  while (s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p)
    s->p++;
}

static bool
scan_literal(struct scanner *s, const char *word)
{
  for (size_t i = 1; word[i]; i++) {
    s->p++;
    if (s->p == s->end || *s->p != word[i])
      return fail(s, arena_printf(s->a, "in literal %s (expecting '%c')", word, word[i]));
  }
  s->p++;
  return true;
}

static bool
scan_string(struct scanner *s)
{
  for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
    if ((unsigned char)*s->p < 0x20)
      return fail(s, "in string literal");
    if (*s->p != '\\')
      continue;
    s->p++;
    if (s->p == s->end || !strchr("\"\\/bfnrtu", *s->p))
      return fail(s, "in string escape code");
    if (*s->p == 'u')
      for (int i = 0; i < 4; i++) {
        s->p++;
        if (s->p == s->end || !isxdigit((unsigned char)*s->p))
          return fail(s, "in \\u hexadecimal character escape");
      }
  }
  if (s->p == s->end)
    return fail(s, "");
  s->p++;
  return true;
}

static bool
scan_digits(struct scanner *s, const char *where)
{
  if (s->p == s->end || !isdigit((unsigned char)*s->p))
    return fail(s, where);
  while (s->p < s->end && isdigit((unsigned char)*s->p))
    s->p++;
  return true;
}

static bool
scan_number(struct scanner *s)
{
  if (*s->p == '-')
    s->p++;
  if (s->p < s->end && *s->p == '0')
    s->p++;
  else if (!scan_digits(s, "in numeric literal"))
    return false;
  if (s->p < s->end && *s->p == '.') {
    s->p++;
    if (!scan_digits(s, "after decimal point in numeric literal"))
      return false;
  }
  if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
    s->p++;
    if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
      s->p++;
    return scan_digits(s, "in exponent of numeric literal");
  }
  return true;
}

static bool scan_value(struct scanner *s, int depth);

static bool
scan_object(struct scanner *s, int depth)
{
  s->p++;
  skip_space(s);
  if (s->p < s->end && *s->p == '}') {
    s->p++;
    return true;
  }
  for (;;) {
    skip_space(s);
    if (s->p == s->end || *s->p != '"')
      return fail(s, "looking for beginning of object key string");
    if (!scan_string(s))
      return false;
    skip_space(s);
    if (s->p == s->end || *s->p != ':')
      return fail(s, "after object key");
    s->p++;
    if (!scan_value(s, depth))
      return false;
    skip_space(s);
    if (s->p < s->end && *s->p == '}') {
      s->p++;
      return true;
    }
    if (s->p == s->end || *s->p != ',')
      return fail(s, "after object key:value pair");
    s->p++;
  }
}

static bool
scan_array(struct scanner *s, int depth)
{
  s->p++;
  skip_space(s);
  if (s->p < s->end && *s->p == ']') {
    s->p++;
    return true;
  }
  for (;;) {
    if (!scan_value(s, depth))
      return false;
    skip_space(s);
    if (s->p < s->end && *s->p == ']') {
      s->p++;
      return true;
    }
    if (s->p == s->end || *s->p != ',')
      return fail(s, "after array element");
    s->p++;
  }
}

static bool
scan_value(struct scanner *s, int depth)
{
  skip_space(s);
  if (s->p == s->end)
    return fail(s, "");
  if (depth == DEPTH_MAX) {
    s->problem = "exceeded max depth";
    return false;
  }
  switch (*s->p) {
  case '{':
    return scan_object(s, depth + 1);
  case '[':
    return scan_array(s, depth + 1);
  case '"':
    return scan_string(s);
  case 't':
    return scan_literal(s, "true");
  case 'f':
    return scan_literal(s, "false");
  case 'n':
    return scan_literal(s, "null");
  default:
    if (*s->p == '-' || isdigit((unsigned char)*s->p))
      return scan_number(s);
    return fail(s, "looking for beginning of value");
  }
}

const char *
go_json_error(struct arena *a, struct span text)
{
  struct scanner s = { .a = a, .p = text.p, .end = text.p + text.n };

  if (scan_value(&s, 0)) {
    skip_space(&s);
    if (s.p < s.end)
      (void)fail(&s, "after top-level value");
  }
  return s.problem;
}
