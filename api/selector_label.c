/* Label selectors: the lexer, parser and messages of k8s.io/apimachinery/pkg/labels. */
#include <stdlib.h>
#include <string.h>

#include "requirement.h"
#include "selector.h"

struct label_selector {
  struct requirement *list; /* sorted by key */
  size_t n, cap;
  bool nothing;
};

static const struct {
  const char *text;   /* in a selector's text */
  const char *before; /* the values, and what stands before and after them */
  const char *after;
} ops[] = {
  [OP_IN] = { "in", " in (", ")" },     [OP_NOT_IN] = { "notin", " notin (", ")" },
  [OP_EQUALS] = { "=", "=", "" },       [OP_DOUBLE_EQUALS] = { "==", "==", "" },
  [OP_NOT_EQUALS] = { "!=", "!=", "" }, [OP_GT] = { ">", ">", "" },
  [OP_LT] = { "<", "<", "" },           [OP_EXISTS] = { "exists", "", "" },
  [OP_NOT_EXISTS] = { "!", "", "" },
};

/* -- lexer -- */

enum token { T_END, T_IDENTIFIER, T_OPEN, T_CLOSE, T_COMMA, T_NOT, T_OP };

struct lexer {
  struct arena *a;
  struct span rest;
  enum token token; /* the next one */
  enum label_op op; /* T_OP */
  const char *text;
};

static bool
is_special(char c)
{
  return strchr("=!(),><", c) != NULL;
}

static void
scan_special(struct lexer *l)
{
  static const struct {
    struct span text;
    enum token token;
    enum label_op op;
  } rows[] = {
    { { "==", 2 }, T_OP, OP_DOUBLE_EQUALS },
    { { "!=", 2 }, T_OP, OP_NOT_EQUALS },
    { { "=", 1 }, T_OP, OP_EQUALS },
    { { ">", 1 }, T_OP, OP_GT },
    { { "<", 1 }, T_OP, OP_LT },
    { { "!", 1 }, T_NOT, OP_NOT_EXISTS },
    { { "(", 1 }, T_OPEN, OP_IN },
    { { ")", 1 }, T_CLOSE, OP_IN },
    { { ",", 1 }, T_COMMA, OP_IN },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (span_starts(l->rest, rows[i].text)) {
      l->token = rows[i].token;
      l->op = rows[i].op;
      l->text = rows[i].text.p;
      l->rest = span_make(l->rest.p + rows[i].text.n, l->rest.n - rows[i].text.n);
      return;
    }
}

/* As there, a NUL before a token ends the text, and one behind it is skipped. */
static void
skip_nul(struct lexer *l)
{
  if (l->rest.n && !l->rest.p[0])
    l->rest = span_make(l->rest.p + 1, l->rest.n - 1);
}

/* Make the next token the current one. */
static void
advance(struct lexer *l)
{
  size_t n = 0;

  while (l->rest.n && strchr(" \t\r\n", l->rest.p[0]) && l->rest.p[0])
    l->rest = span_make(l->rest.p + 1, l->rest.n - 1);
  if (!l->rest.n || !l->rest.p[0]) {
    l->token = T_END;
    l->text = "";
    return;
  }
  if (is_special(l->rest.p[0])) {
    scan_special(l);
    skip_nul(l);
    return;
  }
  while (n < l->rest.n && l->rest.p[n] && !is_special(l->rest.p[n]) && !strchr(" \t\r\n", l->rest.p[n]))
    n++;
  l->text = arena_strndup(l->a, l->rest.p, n);
  l->token = T_IDENTIFIER;
  l->rest = span_make(l->rest.p + n, l->rest.n - n);
  skip_nul(l);
}

/* -- parser: the current token has not been consumed -- */

static int
unexpected(const struct lexer *l, const char *wanted, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "found '%s'%s", l->text, wanted);
}

/* A set of values, sorted, each once. */
static void
insert_value(struct arena *a, struct requirement *r, size_t *cap, const char *value)
{
  size_t at = 0;

  while (at < r->n && strcmp(r->values[at], value) < 0)
    at++;
  if (at < r->n && strcmp(r->values[at], value) == 0)
    return;
  if (r->n == *cap) {
    const char **bigger = arena_array_of(a, const char *, *cap ? *cap * 2 : 4);

    if (r->n)
      memcpy(bigger, r->values, r->n * sizeof *bigger);
    r->values = bigger;
    *cap = *cap ? *cap * 2 : 4;
  }
  memmove(r->values + at + 1, r->values + at, (r->n - at) * sizeof *r->values);
  r->values[at] = value;
  r->n++;
}

/* What stands between the parentheses; empty values are allowed: (a,,b), (,) and (). */
static int
parse_values(struct lexer *l, struct requirement *r, struct kerr *reterr)
{
  size_t cap = 0;

  if (l->token != T_OPEN)
    return unexpected(l, " expected: '('", reterr);
  advance(l);
  if (l->token != T_IDENTIFIER && l->token != T_COMMA && l->token != T_CLOSE)
    return unexpected(l, ", expected: ',', ')' or identifier", reterr);
  if (l->token == T_CLOSE)
    insert_value(l->a, r, &cap, "");
  while (l->token != T_CLOSE) {
    if (l->token == T_IDENTIFIER) {
      insert_value(l->a, r, &cap, l->text);
      advance(l);
      if (l->token != T_COMMA && l->token != T_CLOSE)
        return unexpected(l, ", expected: ',' or ')'", reterr);
    } else if (l->token == T_COMMA) {
      if (!r->n)
        insert_value(l->a, r, &cap, "");
      advance(l);
      if (l->token == T_CLOSE || l->token == T_COMMA)
        insert_value(l->a, r, &cap, "");
    } else {
      return unexpected(l, ", expected: ',', or identifier", reterr);
    }
  }
  advance(l);
  return 0;
}

static int
parse_exact(struct lexer *l, struct requirement *r, struct kerr *reterr)
{
  size_t cap = 0;

  if (l->token == T_END || l->token == T_COMMA) {
    insert_value(l->a, r, &cap, "");
    return 0;
  }
  if (l->token != T_IDENTIFIER)
    return unexpected(l, ", expected: identifier", reterr);
  insert_value(l->a, r, &cap, l->text);
  advance(l);
  return 0;
}

static int
parse_operator(struct lexer *l, enum label_op *ret, struct kerr *reterr)
{
  bool in = l->token == T_IDENTIFIER && strcmp(l->text, "in") == 0;
  bool notin = l->token == T_IDENTIFIER && strcmp(l->text, "notin") == 0;

  if (l->token != T_OP && !in && !notin)
    return unexpected(l, ", expected: in, notin, =, ==, !=, gt, lt", reterr);
  *ret = in ? OP_IN : notin ? OP_NOT_IN : l->op;
  advance(l);
  return 0;
}

static int
parse_requirement(struct lexer *l, struct requirement *ret, struct kerr *reterr)
{
  struct field_errors errs = { .a = l->a };
  struct requirement r = { .op = l->token == T_NOT ? OP_NOT_EXISTS : OP_EXISTS };
  int rc = 0;

  if (l->token == T_NOT)
    advance(l);
  if (l->token != T_IDENTIFIER)
    return unexpected(l, ", expected: identifier", reterr);
  r.key = l->text;
  if (label_key_problem(l->a, r.key)) {
    field_errors_add_str(&errs, FIELD_INVALID, "<nil>", r.key, "%s", label_key_problem(l->a, r.key));
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s", field_errors_text(l->a, &errs));
  }
  advance(l);
  if (r.op == OP_NOT_EXISTS || l->token == T_END || l->token == T_COMMA) {
    *ret = r;
    return 0;
  }
  rc = parse_operator(l, &r.op, reterr);
  if (rc == 0)
    rc = r.op == OP_IN || r.op == OP_NOT_IN ? parse_values(l, &r, reterr) : parse_exact(l, &r, reterr);
  if (rc < 0)
    return rc;
  requirement_check(&r, "", false, &errs);
  if (errs.n)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s", field_errors_text(l->a, &errs));
  *ret = r;
  return 0;
}

/* Keep the list sorted by key, equal keys in the order they came. */
static void
add(struct arena *a, struct label_selector *s, struct requirement r)
{
  size_t at = s->n;

  if (s->n == s->cap) {
    struct requirement *bigger = arena_array_of(a, struct requirement, s->cap ? s->cap * 2 : 4);

    if (s->n)
      memcpy(bigger, s->list, s->n * sizeof *bigger);
    s->list = bigger;
    s->cap = s->cap ? s->cap * 2 : 4;
  }
  while (at > 0 && strcmp(s->list[at - 1].key, r.key) > 0)
    at--;
  memmove(s->list + at + 1, s->list + at, (s->n - at) * sizeof *s->list);
  s->list[at] = r;
  s->n++;
}

int
label_selector_parse(struct arena *a, struct span text, struct label_selector **ret, struct kerr *reterr)
{
  struct label_selector *s = arena_new_of(a, struct label_selector);
  struct lexer l = { .a = a, .rest = text };

  for (advance(&l); l.token != T_END;) {
    struct requirement r;

    if (l.token != T_IDENTIFIER && l.token != T_NOT)
      return unexpected(&l, ", expected: !, identifier, or 'end of string'", reterr);
    if (parse_requirement(&l, &r, reterr) < 0)
      return kerr_wrap(reterr, "unable to parse requirement");
    add(a, s, r);
    if (l.token == T_END)
      break;
    if (l.token != T_COMMA)
      return unexpected(&l, ", expected: ',' or 'end of string'", reterr);
    advance(&l);
    if (l.token != T_IDENTIFIER && l.token != T_NOT)
      return unexpected(&l, ", expected: identifier after ','", reterr);
  }
  *ret = s;
  return 0;
}

/* -- from an object -- */

static void
values_from_json(struct arena *a, const struct json *list, struct requirement *r)
{
  r->values = arena_array_of(a, const char *, json_count(list));
  for (json_each_item (v, list))
    r->values[r->n++] = json_str(*v) ? json_str(*v) : "";
}

static int
add_checked(struct arena *a, struct label_selector *s, struct requirement r, struct kerr *reterr)
{
  struct field_errors errs = { .a = a };

  requirement_check(&r, "", true, &errs);
  if (errs.n)
    return kerr_set(reterr, KERR_INVALID, NULL, "%s", field_errors_text(a, &errs));
  add(a, s, r);
  return 0;
}

static int
add_expression(struct arena *a, struct label_selector *s, const struct json *e, struct kerr *reterr)
{
  static const struct {
    const char *name;
    enum label_op op;
  } rows[] = { { "In", OP_IN }, { "NotIn", OP_NOT_IN }, { "Exists", OP_EXISTS }, { "DoesNotExist", OP_NOT_EXISTS } };
  struct requirement r = { .key = json_get_str_or(e, "key", "") };
  const char *op = json_get_str_or(e, "operator", "");

  values_from_json(a, json_get(e, "values"), &r);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (strcmp(rows[i].name, op) == 0) {
      r.op = rows[i].op;
      return add_checked(a, s, r, reterr);
    }
  return kerr_set(reterr, KERR_INVALID, NULL, "\"%s\" is not a valid label selector operator", op);
}

int
label_selector_from_json(struct arena *a, const struct json *sel, struct label_selector **ret, struct kerr *reterr)
{
  struct label_selector *s = arena_new_of(a, struct label_selector);
  int rc = 0;

  s->nothing = !sel || json_is(sel, JSON_NULL);
  for (json_each_member (m, json_get(sel, "matchLabels"))) {
    struct requirement r = { .key = m->name, .op = OP_EQUALS, .n = 1, .values = arena_array_of(a, const char *, 1) };

    r.values[0] = json_str(m->value) ? json_str(m->value) : "";
    rc = add_checked(a, s, r, reterr);
    if (rc < 0)
      return rc;
  }
  for (json_each_item (e, json_get(sel, "matchExpressions"))) {
    rc = add_expression(a, s, *e, reterr);
    if (rc < 0)
      return rc;
  }
  *ret = s;
  return 0;
}

/* -- use -- */

bool
label_selector_matches(const struct label_selector *s, const struct json *labels)
{
  for (size_t i = 0; i < s->n; i++)
    if (!requirement_matches(&s->list[i], labels))
      return false;
  return !s->nothing;
}

bool
label_selector_is_empty(const struct label_selector *s)
{
  return !s->n && !s->nothing;
}

char *
label_selector_text(struct arena *a, const struct label_selector *s)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(SIZE_MAX / 2);

  for (size_t i = 0; i < s->n; i++) {
    const struct requirement *r = &s->list[i];
    const char **sorted = arena_array_of(a, const char *, r->n);

    if (r->n)
      memcpy(sorted, r->values, r->n * sizeof *sorted);
    qsort(sorted, r->n, sizeof *sorted, text_order);
    strbuf_printf(&b, "%s%s%s%s", i ? "," : "", r->op == OP_NOT_EXISTS ? "!" : "", r->key, ops[r->op].before);
    for (size_t k = 0; k < r->n; k++)
      strbuf_printf(&b, "%s%s", k ? "," : "", sorted[k]);
    strbuf_puts(&b, ops[r->op].after);
  }
  return arena_strndup(a, b.p, b.n);
}
