#include "cel_regex.h"

#include "cel_re2.h"
#include "mem.h"

#include <string.h>

struct cel_regex {
  struct cel_regex *next;
  struct span pattern; /* borrowed */
  void *re2;
};

/* Go's words for RE2's codes (regexp/syntax: ErrorCode). */
static const char *const words[] = {
  [CEL_RE2_INTERNAL] = "regexp/syntax: internal error",
  [CEL_RE2_BAD_ESCAPE] = "invalid escape sequence",
  [CEL_RE2_BAD_CHAR_CLASS] = "invalid character class",
  [CEL_RE2_BAD_CHAR_RANGE] = "invalid character class range",
  [CEL_RE2_MISSING_BRACKET] = "missing closing ]",
  [CEL_RE2_MISSING_PAREN] = "missing closing )",
  [CEL_RE2_UNEXPECTED_PAREN] = "unexpected )",
  [CEL_RE2_TRAILING_BACKSLASH] = "trailing backslash at end of expression",
  [CEL_RE2_REPEAT_ARGUMENT] = "missing argument to repetition operator",
  [CEL_RE2_REPEAT_SIZE] = "invalid repeat count",
  [CEL_RE2_REPEAT_OP] = "invalid nested repetition operator",
  [CEL_RE2_BAD_PERL_OP] = "invalid or unsupported Perl syntax",
  [CEL_RE2_BAD_UTF8] = "invalid UTF-8",
  [CEL_RE2_BAD_NAMED_CAPTURE] = "invalid named capture",
  [CEL_RE2_TOO_LARGE] = "expression too large",
};

static const char *
message(struct arena *a, int code, const char *part)
{
  const char *what =
      code > 0 && (size_t)code < ARRAY_SIZE(words) && words[code] ? words[code] : words[CEL_RE2_INTERNAL];

  return arena_printf(a, "error parsing regexp: %s: `%s`", what, part);
}

/* What RE2 would take and Go does not: \C. NULL or the escape. */
static const char *
go_refuses(struct span p)
{
  for (size_t i = 0; i + 1 < p.n; i++) {
    if (p.p[i] != '\\')
      continue;
    if (p.p[i + 1] == 'Q') { /* literal up to \E */
      const char *end = memmem(p.p + i + 2, p.n - i - 2, "\\E", 2);

      if (!end)
        return NULL;
      i = (size_t)(end - p.p);
    } else if (p.p[i + 1] == 'C') {
      return "\\C";
    }
    i++;
  }
  return NULL;
}

/* `(?<name>` is `(?P<name>` to older versions of RE2. */
static struct span
with_named_groups(struct arena *a, struct span p)
{
  char *out;
  size_t n = 0;

  if (!memmem(p.p, p.n, "(?<", 3))
    return p;
  out = arena_alloc(a, p.n * 2 + 1);
  for (size_t i = 0; i < p.n; i++) {
    out[n++] = p.p[i];
    if (p.p[i] == '\\' && i + 1 < p.n) {
      out[n++] = p.p[++i];
    } else if (p.n - i > 3 && memcmp(p.p + i, "(?<", 3) == 0 && p.p[i + 3] != '=' && p.p[i + 3] != '!') {
      out[n++] = '?';
      out[n++] = 'P';
      i++;
    }
  }
  return span_make(out, n);
}

struct cel_regex *
cel_regex_new(struct arena *a, struct span pattern, const char **ret_error)
{
  const char *refused = go_refuses(pattern);
  struct span p = with_named_groups(a, pattern);
  struct cel_regex *re;
  char part[1024] = "";
  int code = CEL_RE2_INTERNAL;
  void *re2;

  if (refused) {
    *ret_error = message(a, CEL_RE2_BAD_ESCAPE, refused);
    return NULL;
  }
  re2 = cel_re2_new(p.p, p.n, &code, part, sizeof part);
  if (!re2) {
    *ret_error = message(a, code, part);
    return NULL;
  }
  re = mem_alloc(sizeof *re);
  re->re2 = re2;
  re->pattern = pattern;
  return re;
}

void
cel_regex_free(struct cel_regex *re)
{
  if (!re)
    return;
  cel_re2_free(re->re2);
  free(re);
}

void
cel_regex_link(struct cel_regex *re, struct cel_regex **list)
{
  re->next = *list;
  *list = re;
}

const struct cel_regex *
cel_regex_known(const struct cel_regex *list, struct span pattern)
{
  while (list && !span_eq(list->pattern, pattern))
    list = list->next;
  return list;
}

void
cel_regex_free_list(struct cel_regex *list)
{
  while (list) {
    struct cel_regex *next = list->next;

    cel_regex_free(list);
    list = next;
  }
}

bool
cel_regex_matches(const struct cel_regex *re, struct span text)
{
  return cel_re2_match(re->re2, text.p ? text.p : "", text.n, 0, NULL, NULL) == 1;
}

bool
cel_regex_find(const struct cel_regex *re, struct span text, size_t from, size_t *ret_start, size_t *ret_end)
{
  return cel_re2_match(re->re2, text.p ? text.p : "", text.n, from, ret_start, ret_end) == 1;
}
