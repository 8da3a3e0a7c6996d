/* Field selectors: k8s.io/apimachinery/pkg/fields. */
#include <stdlib.h>
#include <string.h>

#include "selector.h"

/* Terms end at a comma that no backslash precedes. */
static struct span
next_term(struct span *rest)
{
  struct span s = *rest;
  bool escaped = false;

  for (size_t i = 0; i < s.n; i++) {
    if (!escaped && s.p[i] == ',') {
      *rest = span_make(s.p + i + 1, s.n - i - 1);
      return span_make(s.p, i);
    }
    escaped = !escaped && s.p[i] == '\\';
  }
  *rest = (struct span){ NULL, 0 };
  return s;
}

/* Bytes of the character there; 0 at the end. */
static int
character_at(struct span s, size_t at)
{
  size_t n = at < s.n;

  while (n && at + n < s.n && (s.p[at + n] & 0xC0) == 0x80)
    n++;
  return (int)n;
}

static int
unescape(struct arena *a, struct span s, const char **ret, struct kerr *reterr)
{
  char *text = arena_alloc(a, s.n + 1), *to = text;

  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == ',' || s.p[i] == '=')
      return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "invalid field selector: unescaped character in value: %d",
                      s.p[i]);
    if (s.p[i] == '\\' && (++i == s.n || !strchr("\\,=", s.p[i]) || !s.p[i]))
      return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "invalid field selector: invalid escape sequence: \\%.*s",
                      character_at(s, i), s.p + i);
    *to++ = s.p[i];
  }
  *ret = text;
  return 0;
}

/* The first of !=, == and = divides the term. */
static int
parse_term(struct arena *a, struct span whole, struct span text, struct field_term *ret, struct kerr *reterr)
{
  for (size_t i = 0; i < text.n; i++) {
    struct span from = span_make(text.p + i, text.n - i);
    bool not_equal = span_starts(from, SPAN("!="));
    size_t width = not_equal || span_starts(from, SPAN("==")) ? 2 : from.p[0] == '=' ? 1 : 0;

    if (!width)
      continue;
    *ret = (struct field_term){ .path = arena_strndup(a, text.p, i), .equal = !not_equal };
    return unescape(a, span_make(from.p + width, from.n - width), &ret->value, reterr);
  }
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "invalid selector: '%.*s'; can't understand '%.*s'", SPAN_FMT(whole),
                  SPAN_FMT(text));
}

static int
by_bytes(const void *x, const void *y)
{
  return span_cmp(*(const struct span *)x, *(const struct span *)y);
}

int
field_selector_parse(struct arena *a, struct span text, struct field_selector *ret, struct kerr *reterr)
{
  struct field_selector s = { NULL, 0 };
  size_t n = 1, n_terms = 0;
  struct span *terms;
  int rc;

  for (size_t i = 0; i < text.n; i++)
    n += text.p[i] == ',';
  terms = arena_array_of(a, struct span, n);
  for (struct span rest = text; rest.n;) {
    struct span term = next_term(&rest);

    if (term.n)
      terms[n_terms++] = term;
  }
  qsort(terms, n_terms, sizeof *terms, by_bytes);
  s.terms = arena_array_of(a, struct field_term, n_terms);
  for (size_t i = 0; i < n_terms; i++) {
    struct field_term *t = &s.terms[s.n];

    rc = parse_term(a, text, terms[i], t, reterr);
    if (rc < 0)
      return rc;
    if (*t->path || *t->value) /* "=" selects everything */
      s.n++;
  }
  *ret = s;
  return 0;
}
