#include "cel_escape.h"

#include "strbuf.h"

#include <ctype.h>

static const struct {
  struct span plain, word;
} pairs[] = {
  { SPAN("__"), SPAN("underscores") },
  { SPAN("."), SPAN("dot") },
  { SPAN("-"), SPAN("dash") },
  { SPAN("/"), SPAN("slash") },
};

bool
cel_escape_reserved(struct span word)
{
  static const char *const words[] = {
    "true", "false",  "null", "in",   "as",      "break",     "const",  "continue", "else", "for",   "function",
    "if",   "import", "let",  "loop", "package", "namespace", "return", "var",      "void", "while",
  };

  for (size_t i = 0; i < ARRAY_SIZE(words); i++)
    if (span_is(word, words[i]))
      return true;
  return false;
}

static bool
is_word_char(char c)
{
  return c == '_' || ((unsigned char)c < 128 && isalnum((unsigned char)c));
}

const char *
cel_escape(struct arena *a, struct span name)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1024 * 1024);
  struct span s;

  if (!name.n || (name.p[0] >= '0' && name.p[0] <= '9'))
    return NULL;
  if (cel_escape_reserved(name))
    return arena_printf(a, "__%.*s__", SPAN_FMT(name));
  for (size_t i = 0, step; i < name.n; i += step) {
    struct span rest = span_make(name.p + i, name.n - i);
    size_t p = 0;

    while (p < ARRAY_SIZE(pairs) && !span_starts(rest, pairs[p].plain))
      p++;
    if (p < ARRAY_SIZE(pairs))
      strbuf_printf(&b, "__%s__", pairs[p].word.p);
    else if (is_word_char(name.p[i]))
      strbuf_putc(&b, name.p[i]);
    else
      return NULL;
    step = p < ARRAY_SIZE(pairs) ? pairs[p].plain.n : 1;
  }
  s = strbuf_view(&b);
  return strbuf_overflowed(&b) ? NULL : arena_strndup(a, s.p, s.n);
}

/* The word in "__word__" at the start of s; n is 0 when there is none. */
static struct span
escaped_word(struct span s)
{
  size_t end = 2;

  if (!span_starts(s, SPAN("__")))
    return (struct span){ NULL, 0 };
  while (end < s.n && s.p[end] != '_')
    end++;
  if (end == 2 || !span_starts(span_make(s.p + end, s.n - end), SPAN("__")))
    return (struct span){ NULL, 0 };
  return span_make(s.p + 2, end - 2);
}

static bool
take(struct span *from, struct span what)
{
  if (!span_starts(*from, what))
    return false;
  *from = span_make(from->p + what.n, from->n - what.n);
  return true;
}

bool
cel_escape_means(struct span escaped, struct span name)
{
  for (size_t i = 0; i < escaped.n;) {
    struct span word = escaped_word(span_make(escaped.p + i, escaped.n - i)), plain = span_make(escaped.p + i, 1);

    if (word.n) {
      size_t p = 0;

      while (p < ARRAY_SIZE(pairs) && !span_eq(word, pairs[p].word))
        p++;
      if (p < ARRAY_SIZE(pairs))
        plain = pairs[p].plain;
      else if (cel_escape_reserved(word) && word.n + 4 == escaped.n)
        plain = word;
      else
        return false;
    }
    if (!take(&name, plain))
      return false;
    i += word.n ? word.n + 4 : 1;
  }
  return name.n == 0;
}
