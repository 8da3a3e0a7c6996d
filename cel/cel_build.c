#include "cel_parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cel_expr *
cel_expr_new(struct cel_unit *u, enum cel_expr_kind kind, uint32_t pos)
{
  struct cel_expr *e = arena_new_of(u->a, struct cel_expr);

  e->kind = (uint8_t)kind;
  e->pos = pos;
  e->id = u->next_id++;
  return e;
}

static uint16_t
taller(uint16_t height, const struct cel_expr *e)
{
  return e && e->height > height ? e->height : height;
}

struct cel_expr *
cel_expr_call(struct cel_unit *u, uint32_t pos, struct span function, struct cel_expr *target, struct cel_expr **args,
              uint32_t nargs)
{
  struct cel_expr *e = cel_expr_new(u, EXPR_CALL, pos);

  e->u.call.function = function;
  e->u.call.target = target;
  e->u.call.args = args;
  e->u.call.nargs = nargs;
  return e;
}

/* As cel_expr_call, for an expression whose number was given out before. */
static struct cel_expr *
call_numbered(struct cel_unit *u, uint32_t id, uint32_t pos, struct span function, struct cel_expr *target,
              struct cel_expr **args, uint32_t nargs)
{
  struct cel_expr *e = cel_macro_expand(u, id, pos, function, target, args, nargs);
  uint16_t height = taller(0, target);

  for (uint32_t i = 0; i < nargs; i++)
    height = taller(height, args[i]);
  if (!e) {
    e = arena_new_of(u->a, struct cel_expr);
    e->kind = EXPR_CALL;
    e->id = id;
    e->pos = pos;
    e->u.call.function = function;
    e->u.call.target = target;
    e->u.call.args = args;
    e->u.call.nargs = nargs;
  }
  e->height = height;
  return e;
}

bool
cel_is_reserved(struct span name)
{
  static const char *const words[] = { "as",        "break", "const",  "continue", "else", "false", "for",
                                       "function",  "if",    "import", "in",       "let",  "loop",  "package",
                                       "namespace", "null",  "return", "true",     "var",  "void",  "while" };

  for (size_t i = 0; i < ARRAY_SIZE(words); i++)
    if (span_is(name, words[i]))
      return true;
  return false;
}

struct span
cel_field_name(const struct cel_unit *u, const struct cel_token *t)
{
  struct span s = cel_token_span(u, t);

  return t->type == TOK_ESC_IDENT ? span_make(s.p + 1, s.n - 2) : s;
}

const char *
cel_operator_name(enum cel_tok t)
{
  static const char *const names[TOK_COUNT] = {
    [TOK_EQ] = "_==_",   [TOK_NE] = "_!=_",  [TOK_LT] = "_<_",    [TOK_LE] = "_<=_",
    [TOK_GT] = "_>_",    [TOK_GE] = "_>=_",  [TOK_IN] = "@in",    [TOK_PLUS] = "_+_",
    [TOK_MINUS] = "_-_", [TOK_STAR] = "_*_", [TOK_SLASH] = "_/_", [TOK_PERCENT] = "_%_",
  };

  return t < TOK_COUNT ? names[t] : NULL;
}

/* -- literals -- */

static bool
parse_digits(struct span s, uint64_t *ret)
{
  unsigned base = s.n > 2 && s.p[0] == '0' && s.p[1] == 'x' ? 16 : 10;
  uint64_t v = 0;

  for (size_t i = base == 16 ? 2 : 0; i < s.n; i++) {
    unsigned c = (unsigned char)s.p[i], digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

    if (__builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)digit, &v))
      return false;
  }
  *ret = v;
  return true;
}

static struct cel_expr *
literal(struct cel_unit *u, uint32_t pos, struct cel_value v)
{
  struct cel_expr *e = cel_expr_new(u, EXPR_LITERAL, pos);

  e->u.literal = v;
  return e;
}

static struct cel_expr *
bad(struct cel_unit *u, uint32_t pos, const char *msg)
{
  cel_issue_add(u, pos, "%s", msg);
  return cel_expr_new(u, EXPR_NONE, pos);
}

static struct cel_expr *
build_number(struct cel_unit *u, bool negative, uint32_t pos, const struct cel_token *t)
{
  struct span s = cel_token_span(u, t);
  uint64_t v;

  if (t->type == TOK_UINT) {
    if (!parse_digits(span_make(s.p, s.n - 1), &v))
      return bad(u, pos, "invalid uint literal");
    return literal(u, pos, cel_of_uint(v));
  }
  if (t->type == TOK_INT) {
    if (!parse_digits(s, &v) || v > (uint64_t)INT64_MAX + negative)
      return bad(u, pos, "invalid int literal");
    return literal(u, pos, cel_of_int(negative ? (int64_t)(0 - v) : (int64_t)v));
  }
  {
    double d = strtod(arena_strndup(u->a, s.p, s.n), NULL);

    if (isinf(d))
      return bad(u, pos, "invalid double literal");
    return literal(u, pos, cel_of_double(negative ? -d : d));
  }
}

struct cel_expr *
cel_build_literal(struct cel_unit *u, const struct cel_token *sign, const struct cel_token *t)
{
  uint32_t pos = sign ? sign->start : t->start;
  struct span text = cel_token_span(u, t), s;
  const char *err;

  switch (t->type) {
  case TOK_TRUE:
  case TOK_FALSE:
    return literal(u, pos, cel_of_bool(t->type == TOK_TRUE));
  case TOK_NULL:
    return literal(u, pos, cel_of_null());
  case TOK_STRING:
    err = cel_unescape(u->a, text, false, &s);
    if (err)
      (void)bad(u, pos, err);
    return literal(u, pos, cel_of_span(err ? text : s));
  case TOK_BYTES:
    text = span_make(text.p + 1, text.n - 1);
    err = cel_unescape(u->a, text, true, &s);
    if (err)
      (void)bad(u, pos, err);
    return literal(u, pos, cel_of_bytes(err ? text : s));
  default:
    return build_number(u, sign != NULL, pos, t);
  }
}

/* -- names, calls, selections -- */

static struct span
dotted(struct cel_unit *u, bool dot, struct span name)
{
  return dot ? span_of(arena_printf(u->a, ".%.*s", SPAN_FMT(name))) : name;
}

static struct cel_expr *
reserved(struct cel_unit *u, const struct cel_token *dot, const struct cel_token *t)
{
  struct span name = cel_token_span(u, t);
  uint32_t pos = dot ? dot->start : t->start;

  cel_issue_add(u, pos, "reserved identifier: %.*s", SPAN_FMT(name));
  return cel_expr_new(u, EXPR_NONE, pos);
}

struct cel_expr *
cel_build_ident(struct cel_unit *u, const struct cel_token *dot, const struct cel_token *t)
{
  struct span name = cel_token_span(u, t);
  struct cel_expr *e;

  if (cel_is_reserved(name))
    return reserved(u, dot, t);
  e = cel_expr_new(u, EXPR_IDENT, t->start);
  e->u.ident.name = dotted(u, dot != NULL, name);
  return e;
}

struct cel_expr *
cel_build_global_call(struct cel_unit *u, const struct cel_token *dot, const struct cel_token *name, uint32_t id,
                      uint32_t pos, struct cel_expr **args, uint32_t nargs)
{
  return call_numbered(u, id, pos, dotted(u, dot != NULL, cel_token_span(u, name)), NULL, args, nargs);
}

struct cel_expr *
cel_build_member_call(struct cel_unit *u, struct cel_expr *target, const struct cel_token *name, uint32_t id,
                      uint32_t pos, struct cel_expr **args, uint32_t nargs)
{
  struct cel_expr *e = call_numbered(u, id, pos, cel_token_span(u, name), target, args, nargs);

  e->height++;
  return e;
}

struct cel_expr *
cel_build_operator(struct cel_unit *u, uint32_t id, uint32_t pos, const char *function, struct cel_expr *a,
                   struct cel_expr *b, struct cel_expr *c)
{
  uint32_t n = c ? 3 : b ? 2 : 1;
  struct cel_expr **args = arena_array_of(u->a, struct cel_expr *, n), *e;

  args[0] = a;
  if (n > 1)
    args[1] = b;
  if (n > 2)
    args[2] = c;
  e = arena_new_of(u->a, struct cel_expr);
  e->kind = EXPR_CALL;
  e->id = id;
  e->pos = pos;
  e->u.call.function = span_of(function);
  e->u.call.args = args;
  e->u.call.nargs = n;
  e->height = taller(taller(taller(0, a), b), c);
  return e;
}

struct cel_expr *
cel_build_select(struct cel_unit *u, struct cel_expr *operand, const struct cel_token *dot, bool optional,
                 const struct cel_token *field)
{
  struct span name = cel_field_name(u, field);
  struct cel_expr *e;

  if (optional) {
    struct cel_expr *text = literal(u, field->start, cel_of_span(name));
    uint32_t id = u->next_id++;

    e = cel_build_operator(u, id, dot->start, "_?._", operand, text, NULL);
  } else {
    e = cel_expr_new(u, EXPR_SELECT, dot->start);
    e->u.select.operand = operand;
    e->u.select.field = name;
  }
  e->height = operand->height + 1;
  return e;
}

/* -- && and || -- */

void
cel_terms_add(struct cel_unit *u, struct cel_terms *t, struct cel_expr *term, uint32_t id, uint32_t pos)
{
  if (t->n == t->cap) {
    uint32_t cap = t->cap ? t->cap * 2 : 4;
    struct cel_expr **terms = arena_array_of(u->a, struct cel_expr *, cap);
    uint32_t *ids = arena_array_of(u->a, uint32_t, cap), *poss = arena_array_of(u->a, uint32_t, cap);

    if (t->n) {
      memcpy(terms, t->terms, sizeof(*terms) * t->n);
      memcpy(ids, t->ids, sizeof *ids * t->n);
      memcpy(poss, t->poss, sizeof *poss * t->n);
    }
    t->terms = terms;
    t->ids = ids;
    t->poss = poss;
    t->cap = cap;
  }
  t->terms[t->n] = term;
  t->ids[t->n] = id;
  t->poss[t->n++] = pos;
}

/* Operators lo..hi; operator i stands between terms i and i + 1 and is kept with term i + 1. */
static struct cel_expr *
balanced(struct cel_unit *u, const struct cel_terms *t, const char *function, uint32_t lo, uint32_t hi)
{
  uint32_t mid = (lo + hi + 1) / 2;
  struct cel_expr *left = mid == lo ? t->terms[mid] : balanced(u, t, function, lo, mid - 1);
  struct cel_expr *right = mid == hi ? t->terms[mid + 1] : balanced(u, t, function, mid + 1, hi);

  return cel_build_operator(u, t->ids[mid + 1], t->poss[mid + 1], function, left, right, NULL);
}

struct cel_expr *
cel_terms_tree(struct cel_unit *u, const struct cel_terms *t, const char *function)
{
  return t->n == 1 ? t->terms[0] : balanced(u, t, function, 0, t->n - 2);
}
