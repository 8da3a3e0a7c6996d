#include "cel_ast.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
cel_unit_init(struct cel_unit *u, struct arena *a, const struct cel_env *env, struct span src)
{
  *u = (struct cel_unit){ .a = a, .env = env, .src = src, .next_id = 1, .description = "<input>" };
}

void
cel_unit_locate(const struct cel_unit *u, uint32_t pos, int32_t *ret_line, int32_t *ret_col)
{
  size_t start = 0;

  *ret_line = *ret_col = -1;
  if (pos == CEL_NO_POS)
    return;
  *ret_line = 1;
  if (pos == CEL_POS_UNREAD)
    return;
  for (size_t i = 0; i < pos && i < u->src.n; i++) {
    if (u->src.p[i] == '\n') {
      ++*ret_line;
      start = i + 1;
    }
  }
  *ret_col = (int32_t)span_runes(span_make(u->src.p + start, pos - start));
}

void
cel_issue_at(struct cel_unit *u, int32_t line, int32_t col, const char *msg)
{
  if (u->total_issues++ >= CEL_ISSUES_MAX)
    return;
  if (!u->issues)
    u->issues = arena_array_of(u->a, struct cel_issue, CEL_ISSUES_MAX);
  u->issues[u->nissues++] = (struct cel_issue){ line, col, msg };
}

void
cel_issue_add(struct cel_unit *u, uint32_t pos, const char *fmt, ...)
{
  int32_t line, col;
  va_list ap;

  if (u->total_issues >= CEL_ISSUES_MAX) {
    u->total_issues++;
    return;
  }
  va_start(ap, fmt);
  cel_unit_locate(u, pos, &line, &col);
  cel_issue_at(u, line, col, arena_vprintf(u->a, fmt, ap));
  va_end(ap);
}

/* -- showing -- */

/* Line `line` (1-based) of the source; an empty source has none. */
static bool
source_line(struct span src, int32_t line, struct span *ret)
{
  struct span rest = src;

  if (line < 1 || src.n == 0)
    return false;
  for (;;) {
    const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;

    if (line-- == 1) {
      *ret = end ? span_make(rest.p, (size_t)(end - rest.p)) : rest;
      return true;
    }
    if (!end)
      return false;
    rest = span_make(end + 1, rest.n - (size_t)(end + 1 - rest.p));
  }
}

static size_t
char_bytes(const char *p, size_t n)
{
  size_t len = 1;

  while (len < n && ((unsigned char)p[len] & 0xC0) == 0x80)
    len++;
  return len;
}

#define SNIPPET_MAX 16384 /* upstream: maxSnippetLength */

static void
issue_text(struct strbuf *b, const struct cel_unit *u, const struct cel_issue *issue)
{
  struct span line;
  size_t at = 0;

  strbuf_printf(b, "ERROR: %s:%d:%d: %s", u->description, issue->line, issue->col + 1, issue->msg);
  if (!source_line(u->src, issue->line, &line) || line.n > SNIPPET_MAX)
    return;
  strbuf_puts(b, "\n | ");
  for (size_t i = 0; i < line.n; i++)
    strbuf_putc(b, line.p[i] == '\t' ? ' ' : line.p[i]);
  strbuf_puts(b, "\n | ");
  for (int32_t i = 0; i < issue->col && at < line.n; i++) {
    size_t len = char_bytes(line.p + at, line.n - at);

    strbuf_puts(b, len > 1 ? "\xEF\xBC\x8E" : "."); /* a full-width dot under a wide character */
    at += len;
  }
  strbuf_puts(b, at < line.n && char_bytes(line.p + at, line.n - at) > 1 ? "\xEF\xBC\xBE" : "^");
}

static bool
issue_before(const struct cel_issue *x, const struct cel_issue *y)
{
  return x->line < y->line || (x->line == y->line && x->col < y->col);
}

#define ISSUES_TEXT_MAX (4 * 1024 * 1024) /* 100 issues, each with a line of SNIPPET_MAX and as many dots */

char *
cel_issues_text(struct cel_unit *u)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span s;

  for (uint32_t i = 1; i < u->nissues; i++) { /* stable, and there are few */
    struct cel_issue issue = u->issues[i];
    uint32_t at = i;

    for (; at > 0 && issue_before(&issue, &u->issues[at - 1]); at--)
      u->issues[at] = u->issues[at - 1];
    u->issues[at] = issue;
  }
  strbuf_init(&b, ISSUES_TEXT_MAX);
  for (uint32_t i = 0; i < u->nissues; i++) {
    if (i)
      strbuf_putc(&b, '\n');
    issue_text(&b, u, &u->issues[i]);
  }
  if (u->total_issues > CEL_ISSUES_MAX)
    strbuf_printf(&b, "\n%u more errors were truncated", u->total_issues - CEL_ISSUES_MAX);
  s = strbuf_view(&b);
  return arena_strndup(u->a, s.p, s.n);
}
