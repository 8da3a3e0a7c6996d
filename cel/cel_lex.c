#include "cel_lex.h"

#include <string.h>

static inline bool
is_digit(int c)
{
  return c >= '0' && c <= '9';
}

static inline bool
is_hex(int c)
{
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool
is_letter(int c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The byte at i, or -1. */
static inline int
at(struct span s, size_t i)
{
  return i < s.n ? (unsigned char)s.p[i] : -1;
}

static size_t
char_len(struct span s, size_t i)
{
  size_t n = 1;

  while (i + n < s.n && ((unsigned char)s.p[i + n] & 0xC0) == 0x80)
    n++;
  return n;
}

static size_t
skip_blank(struct span s, size_t i)
{
  for (;;) {
    int c = at(s, i);

    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
      i++;
    } else if (c == '/' && at(s, i + 1) == '/') {
      const char *end = memchr(s.p + i, '\n', s.n - i);

      i = end ? (size_t)(end - s.p) : s.n;
    } else {
      return i;
    }
  }
}

/* -- strings -- */

/* After a backslash at i: the end of the escape, or 0 with *fail where it went wrong. */
static size_t
scan_escape(struct span s, size_t i, size_t *fail)
{
  int c = at(s, i + 1);
  size_t digits = 0, from = i + 2;

  if (c != -1 && c != 0 && strchr("abfnrtv\"'\\?`", c))
    return i + 2;
  if (c == 'x' || c == 'X')
    digits = 2;
  else if (c == 'u')
    digits = 4;
  else if (c == 'U')
    digits = 8;
  for (size_t k = 0; k < digits; k++) {
    if (!is_hex(at(s, from + k))) {
      *fail = from + k;
      return 0;
    }
  }
  if (digits)
    return from + digits;
  *fail = i + 1;
  if (c < '0' || c > '3')
    return 0;
  for (size_t k = 0; k < 2; k++) {
    if (at(s, from + k) < '0' || at(s, from + k) > '7') {
      *fail = from + k;
      return 0;
    }
  }
  return from + 2;
}

/* A literal whose opening quote is at i: its end, or 0. */
static size_t
scan_quoted(struct span s, size_t i, bool raw, bool triple, size_t *fail)
{
  int q = s.p[i];

  for (i += triple ? 3 : 1;;) {
    int c = at(s, i);

    *fail = i;
    if (c == -1)
      return 0;
    if (c == q && (!triple || (at(s, i + 1) == q && at(s, i + 2) == q)))
      return i + (triple ? 3 : 1);
    if (!triple && (c == '\n' || c == '\r'))
      return 0;
    if (c == '\\' && !raw) {
      i = scan_escape(s, i, fail);
      if (!i)
        return 0;
    } else {
      i++;
    }
  }
}

/* The longest string that starts at i, with its prefix of b and r; 0 when none does, *fail tells how far it looked like
 * one. */
static size_t
scan_string(struct span s, size_t i, bool *bytes, size_t *fail)
{
  bool raw = false;
  size_t f, end, triple;

  *bytes = at(s, i) == 'b' || at(s, i) == 'B';
  i += *bytes;
  if (at(s, i) == 'r' || at(s, i) == 'R') {
    raw = true;
    i++;
  }
  *fail = 0;
  if (at(s, i) != '"' && at(s, i) != '\'')
    return 0;
  end = scan_quoted(s, i, raw, false, fail);
  if (at(s, i + 1) != s.p[i] || at(s, i + 2) != s.p[i])
    return end;
  triple = scan_quoted(s, i, raw, true, &f);
  if (f > *fail)
    *fail = f;
  return triple ? triple : end;
}

/* -- numbers -- */

static size_t
scan_exponent(struct span s, size_t i)
{
  size_t k = i + 1;

  if (at(s, i) != 'e' && at(s, i) != 'E')
    return i;
  if (at(s, k) == '+' || at(s, k) == '-')
    k++;
  if (!is_digit(at(s, k)))
    return i;
  while (is_digit(at(s, k)))
    k++;
  return k;
}

static struct cel_token
scan_number(struct span s, size_t start)
{
  struct cel_token t = { .type = TOK_INT, .start = (uint32_t)start };
  size_t i = start, e;

  if (at(s, i) == '0' && at(s, i + 1) == 'x' && is_hex(at(s, i + 2))) {
    for (i += 2; is_hex(at(s, i)); i++)
      ;
  } else {
    while (is_digit(at(s, i)))
      i++;
    if (at(s, i) == '.' && is_digit(at(s, i + 1))) {
      for (i++; is_digit(at(s, i)); i++)
        ;
      t.type = TOK_FLOAT;
    }
    e = scan_exponent(s, i);
    if (e != i)
      t.type = TOK_FLOAT;
    i = e;
  }
  if (t.type == TOK_INT && (at(s, i) == 'u' || at(s, i) == 'U')) {
    t.type = TOK_UINT;
    i++;
  }
  t.end = (uint32_t)i;
  return t;
}

/* -- words and punctuation -- */

static uint8_t
keyword(struct span w)
{
  if (w.n == 2 && memcmp(w.p, "in", 2) == 0)
    return TOK_IN;
  if (w.n == 4 && memcmp(w.p, "true", 4) == 0)
    return TOK_TRUE;
  if (w.n == 4 && memcmp(w.p, "null", 4) == 0)
    return TOK_NULL;
  if (w.n == 5 && memcmp(w.p, "false", 5) == 0)
    return TOK_FALSE;
  return TOK_IDENT;
}

static size_t
scan_escaped_ident(struct span s, size_t i, size_t *fail)
{
  size_t k = i + 1;

  while (is_letter(at(s, k)) || is_digit(at(s, k)) || (at(s, k) > 0 && strchr("_.-/ ", at(s, k))))
    k++;
  *fail = k;
  return at(s, k) == '`' && k > i + 1 ? k + 1 : 0;
}

static const struct {
  char text[3];
  uint8_t type;
} punctuation[] = {
  /* longer ones first */
  { "==", TOK_EQ },    { "!=", TOK_NE },    { "<=", TOK_LE },    { ">=", TOK_GE },      { "&&", TOK_AND },
  { "||", TOK_OR },    { "<", TOK_LT },     { ">", TOK_GT },     { "[", TOK_LBRACKET }, { "]", TOK_RBRACKET },
  { "{", TOK_LBRACE }, { "}", TOK_RBRACE }, { "(", TOK_LPAREN }, { ")", TOK_RPAREN },   { ".", TOK_DOT },
  { ",", TOK_COMMA },  { "-", TOK_MINUS },  { "!", TOK_NOT },    { "?", TOK_QUESTION }, { ":", TOK_COLON },
  { "+", TOK_PLUS },   { "*", TOK_STAR },   { "/", TOK_SLASH },  { "%", TOK_PERCENT },
};

static struct cel_token
swallow(struct span s, size_t start, size_t fail)
{
  size_t end = fail < s.n ? fail + char_len(s, fail) : s.n;

  return (struct cel_token){ .type = TOK_ERROR, .start = (uint32_t)start, .end = (uint32_t)end };
}

struct cel_token
cel_lex(struct span s, size_t from)
{
  size_t i = skip_blank(s, from), end, fail = i;
  int c = at(s, i);
  bool bytes;

  if (c == -1)
    return (struct cel_token){ .type = TOK_EOF, .start = (uint32_t)s.n, .end = (uint32_t)s.n };
  if (c == '"' || c == '\'' || c == 'r' || c == 'R' || c == 'b' || c == 'B') {
    end = scan_string(s, i, &bytes, &fail);
    if (end)
      return (struct cel_token){ .type = bytes ? TOK_BYTES : TOK_STRING, .start = (uint32_t)i, .end = (uint32_t)end };
    if (c == '"' || c == '\'')
      return swallow(s, i, fail);
  }
  if (is_letter(c) || c == '_') {
    for (end = i + 1; is_letter(at(s, end)) || is_digit(at(s, end)) || at(s, end) == '_'; end++)
      ;
    return (
        struct cel_token){ .type = keyword(span_make(s.p + i, end - i)), .start = (uint32_t)i, .end = (uint32_t)end };
  }
  if (is_digit(c) || (c == '.' && is_digit(at(s, i + 1))))
    return scan_number(s, i);
  if (c == '`') {
    end = scan_escaped_ident(s, i, &fail);
    if (!end)
      return swallow(s, i, fail);
    return (struct cel_token){ .type = TOK_ESC_IDENT, .start = (uint32_t)i, .end = (uint32_t)end };
  }
  for (size_t k = 0; k < ARRAY_SIZE(punctuation); k++) {
    size_t n = strlen(punctuation[k].text);

    if (s.n - i >= n && memcmp(s.p + i, punctuation[k].text, n) == 0)
      return (struct cel_token){ .type = punctuation[k].type, .start = (uint32_t)i, .end = (uint32_t)(i + n) };
  }
  if (c == '&' || c == '|' || c == '=') /* half an operator: the character after it goes too */
    return swallow(s, i, i + 1);
  return swallow(s, i, i);
}

/* -- literals -- */

static void
put_utf8(char *out, size_t *n, uint32_t c)
{
  if (c < 0x80) {
    out[(*n)++] = (char)c;
  } else if (c < 0x800) {
    out[(*n)++] = (char)(0xC0 | c >> 6);
    out[(*n)++] = (char)(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out[(*n)++] = (char)(0xE0 | c >> 12);
    out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3F));
    out[(*n)++] = (char)(0x80 | (c & 0x3F));
  } else {
    out[(*n)++] = (char)(0xF0 | c >> 18);
    out[(*n)++] = (char)(0x80 | (c >> 12 & 0x3F));
    out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3F));
    out[(*n)++] = (char)(0x80 | (c & 0x3F));
  }
}

static uint32_t
read_digits(const char *p, size_t n, unsigned base)
{
  uint32_t v = 0;

  for (size_t i = 0; i < n; i++) {
    unsigned c = (unsigned char)p[i];

    v = v * base + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return v;
}

/* One escape at s.p[*i] (the backslash), which the lexer has found well formed. */
static const char *
unescape_one(struct span s, size_t *i, bool bytes, char *out, size_t *n)
{
  static const char letters[] = "abfnrtv\\'\"`?", values[] = "\a\b\f\n\r\t\v\\'\"`?";
  char c = s.p[*i + 1];
  const char *known = strchr(letters, c);
  size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 2;
  uint32_t v;

  if (known && c) {
    out[(*n)++] = values[known - letters];
    *i += 2;
    return NULL;
  }
  if ((c == 'u' || c == 'U') && bytes)
    return "unable to unescape string";
  if (c >= '0' && c <= '3') {
    v = read_digits(s.p + *i + 1, 3, 8);
    *i += 4;
  } else {
    v = read_digits(s.p + *i + 2, digits, 16);
    *i += 2 + digits;
  }
  if (bytes) {
    out[(*n)++] = (char)v;
    return NULL;
  }
  if (v > 0x10FFFF || (v >= 0xD800 && v < 0xE000))
    return "invalid unicode code point";
  put_utf8(out, n, v);
  return NULL;
}

const char *
cel_unescape(struct arena *a, struct span text, bool bytes, struct span *ret)
{
  bool raw = text.p[0] == 'r' || text.p[0] == 'R';
  size_t quotes, n = 0;
  char *out;

  if (raw)
    text = span_make(text.p + 1, text.n - 1);
  quotes = text.n >= 6 && text.p[1] == text.p[0] && text.p[2] == text.p[0] ? 3 : 1;
  text = span_make(text.p + quotes, text.n - 2 * quotes);
  if (!text.n || ((raw || !memchr(text.p, '\\', text.n)) && !memchr(text.p, '\r', text.n))) {
    *ret = text;
    return NULL;
  }
  out = arena_alloc(a, text.n + 1);
  for (size_t i = 0; i < text.n;) {
    if (text.p[i] == '\r') { /* any kind of line end is one \n */
      out[n++] = '\n';
      i += i + 1 < text.n && text.p[i + 1] == '\n' ? 2 : 1;
    } else if (text.p[i] == '\\' && !raw) {
      const char *err = unescape_one(text, &i, bytes, out, &n);

      if (err)
        return err;
    } else {
      out[n++] = text.p[i++];
    }
  }
  *ret = span_make(out, n);
  return NULL;
}
