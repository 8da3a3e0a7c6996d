#include "cel_parse.h"

#include <string.h>

/*
 * Recursive descent over the grammar of cel-go's CEL.g4, with one token of
 * look-ahead and one scan ahead for `a.b.C{`. A function returns NULL when
 * the text does not fit; nothing is reported from here then.
 */
struct parser {
  struct cel_unit *u;
  struct cel_token tok;             /* the next one */
  uint32_t exprs, relations, calcs; /* how deep in each of these rules: the generated parser has a limit */
  bool too_deep;
};

static struct cel_expr *parse_expr(struct parser *p);

static void
advance(struct parser *p)
{
  p->tok = cel_lex(p->u->src, p->tok.end);
}

static bool
accept(struct parser *p, enum cel_tok type, struct cel_token *ret)
{
  if (p->tok.type != type)
    return false;
  *ret = p->tok;
  advance(p);
  return true;
}

static bool
skip(struct parser *p, enum cel_tok type)
{
  struct cel_token ignored;

  return accept(p, type, &ignored);
}

/* -- lists of things -- */

struct exprs {
  struct cel_expr **v;
  uint32_t n, cap;
};

static void
exprs_add(struct parser *p, struct exprs *l, struct cel_expr *e)
{
  if (l->n == l->cap) {
    uint32_t cap = l->cap ? l->cap * 2 : 4;
    struct cel_expr **v = arena_array_of(p->u->a, struct cel_expr *, cap);

    if (l->n)
      memcpy(v, l->v, sizeof(*v) * l->n);
    l->v = v;
    l->cap = cap;
  }
  l->v[l->n++] = e;
}

struct items {
  struct cel_item *v;
  uint32_t n, cap;
};

static struct cel_item *
items_add(struct parser *p, struct items *l)
{
  if (l->n == l->cap) {
    uint32_t cap = l->cap ? l->cap * 2 : 4;
    struct cel_item *v = arena_array_of(p->u->a, struct cel_item, cap);

    if (l->n)
      memcpy(v, l->v, sizeof *v * l->n);
    l->v = v;
    l->cap = cap;
  }
  return &l->v[l->n++];
}

static bool
parse_args(struct parser *p, struct exprs *args)
{
  if (skip(p, TOK_RPAREN))
    return true;
  do {
    struct cel_expr *e = parse_expr(p);

    if (!e)
      return false;
    exprs_add(p, args, e);
  } while (skip(p, TOK_COMMA));
  return skip(p, TOK_RPAREN);
}

static uint16_t
items_height(const struct items *l)
{
  uint16_t h = 0;

  for (uint32_t i = 0; i < l->n; i++) {
    if (l->v[i].key && l->v[i].key->height > h)
      h = l->v[i].key->height;
    if (l->v[i].value->height > h)
      h = l->v[i].value->height;
  }
  return h;
}

static struct cel_expr *
finish_items(struct cel_expr *e, const struct items *l)
{
  e->u.list.items = l->v;
  e->u.list.n = l->n;
  e->height = items_height(l);
  return e;
}

static struct cel_expr *
parse_list(struct parser *p)
{
  struct cel_expr *e = cel_expr_new(p->u, EXPR_LIST, p->tok.start);
  struct items l = { 0 };

  advance(p);
  while (p->tok.type != TOK_RBRACKET && p->tok.type != TOK_COMMA) {
    bool optional = skip(p, TOK_QUESTION);
    struct cel_expr *v = parse_expr(p);
    struct cel_item *item;

    if (!v)
      return NULL;
    item = items_add(p, &l);
    item->value = v;
    item->optional = optional;
    if (p->tok.type != TOK_COMMA)
      break;
    advance(p);
    if (p->tok.type == TOK_RBRACKET) /* a trailing comma */
      return skip(p, TOK_RBRACKET) ? finish_items(e, &l) : NULL;
    if (p->tok.type == TOK_COMMA)
      return NULL;
  }
  if (!l.n)
    (void)skip(p, TOK_COMMA);
  return skip(p, TOK_RBRACKET) ? finish_items(e, &l) : NULL;
}

/* One `key: value` of a map, or `field: value` of a structure. The colon's number comes before those of key and value.
 */
static bool
parse_entry(struct parser *p, struct items *l, bool field)
{
  bool optional = skip(p, TOK_QUESTION);
  uint32_t id = p->u->next_id++, pos;
  struct cel_expr *key = NULL, *value;
  struct span name = { NULL, 0 };
  struct cel_item *item;

  if (field) {
    if (p->tok.type != TOK_IDENT && p->tok.type != TOK_ESC_IDENT)
      return false;
    name = cel_field_name(p->u, &p->tok);
    advance(p);
  } else if (!(key = parse_expr(p))) {
    return false;
  }
  pos = p->tok.start;
  if (!skip(p, TOK_COLON) || !(value = parse_expr(p)))
    return false;
  item = items_add(p, l);
  *item = (struct cel_item){ .key = key, .value = value, .field = name, .id = id, .pos = pos, .optional = optional };
  return true;
}

/* After the brace that opens a map or structure. */
static bool
parse_entries(struct parser *p, struct items *l, bool field)
{
  if (skip(p, TOK_COMMA))
    return skip(p, TOK_RBRACE);
  while (p->tok.type != TOK_RBRACE) {
    if (!parse_entry(p, l, field))
      return false;
    if (!skip(p, TOK_COMMA))
      break;
  }
  return skip(p, TOK_RBRACE);
}

static struct cel_expr *
parse_map(struct parser *p)
{
  struct cel_expr *e = cel_expr_new(p->u, EXPR_MAP, p->tok.start);
  struct items l = { 0 };

  advance(p);
  return parse_entries(p, &l, false) ? finish_items(e, &l) : NULL;
}

/* -- primary -- */

/* Does `a.b.c {` follow: then it is a structure of that type. */
static bool
is_struct_ahead(const struct parser *p, uint32_t *ret_brace)
{
  struct cel_token t = p->tok;

  while (t.type == TOK_IDENT) {
    t = cel_lex(p->u->src, t.end);
    if (t.type == TOK_LBRACE) {
      *ret_brace = t.start;
      return true;
    }
    if (t.type != TOK_DOT)
      return false;
    t = cel_lex(p->u->src, t.end);
  }
  return false;
}

static struct cel_expr *
parse_struct(struct parser *p, const struct cel_token *dot, uint32_t brace)
{
  struct cel_expr *e = cel_expr_new(p->u, EXPR_STRUCT, brace);
  _cleanup_strbuf_ struct strbuf name = { 0 };
  struct items l = { 0 };
  struct span s;

  strbuf_init(&name, CEL_SOURCE_MAX * 4);
  if (dot)
    strbuf_putc(&name, '.');
  for (; p->tok.type != TOK_LBRACE; advance(p))
    strbuf_span(&name, cel_token_span(p->u, &p->tok));
  s = strbuf_view(&name);
  e->u.list.name = arena_span(p->u->a, s);
  advance(p);
  if (!parse_entries(p, &l, true))
    return NULL;
  finish_items(e, &l);
  return e;
}

static struct cel_expr *
parse_name(struct parser *p, const struct cel_token *dot)
{
  struct cel_token name, paren;
  struct exprs args = { 0 };
  uint32_t brace, id;

  if (p->tok.type != TOK_IDENT)
    return NULL;
  if (is_struct_ahead(p, &brace))
    return parse_struct(p, dot, brace);
  name = p->tok;
  advance(p);
  if (p->tok.type != TOK_LPAREN)
    return cel_build_ident(p->u, dot, &name);
  paren = p->tok;
  advance(p);
  if (cel_is_reserved(cel_token_span(p->u, &name))) { /* its arguments are not looked at */
    struct cel_unit before = *p->u;

    if (!parse_args(p, &args))
      return NULL;
    *p->u = before;
    return cel_build_ident(p->u, dot, &name);
  }
  id = p->u->next_id++;
  if (!parse_args(p, &args))
    return NULL;
  return cel_build_global_call(p->u, dot, &name, id, paren.start, args.v, args.n);
}

static struct cel_expr *
parse_primary(struct parser *p)
{
  struct cel_token t = p->tok;
  struct cel_expr *e;

  switch (t.type) {
  case TOK_IDENT:
    return parse_name(p, NULL);
  case TOK_DOT:
    advance(p);
    return parse_name(p, &t);
  case TOK_LPAREN:
    advance(p);
    e = parse_expr(p);
    return e && skip(p, TOK_RPAREN) ? e : NULL;
  case TOK_LBRACKET:
    return parse_list(p);
  case TOK_LBRACE:
    return parse_map(p);
  case TOK_MINUS:
    advance(p);
    if (p->tok.type != TOK_INT && p->tok.type != TOK_FLOAT)
      return NULL;
    e = cel_build_literal(p->u, &t, &p->tok);
    advance(p);
    return e;
  case TOK_TRUE:
  case TOK_FALSE:
  case TOK_NULL:
  case TOK_INT:
  case TOK_UINT:
  case TOK_FLOAT:
  case TOK_STRING:
  case TOK_BYTES:
    advance(p);
    return cel_build_literal(p->u, NULL, &t);
  default:
    return NULL;
  }
}

/* -- member: selections, calls, indexes -- */

static struct cel_expr *
parse_selection(struct parser *p, struct cel_expr *target)
{
  struct cel_token dot = p->tok, name, paren;
  struct exprs args = { 0 };
  bool optional;
  uint32_t id;

  advance(p);
  optional = skip(p, TOK_QUESTION);
  name = p->tok;
  if (name.type != TOK_IDENT && name.type != TOK_ESC_IDENT)
    return NULL;
  advance(p);
  if (optional || name.type == TOK_ESC_IDENT || p->tok.type != TOK_LPAREN)
    return cel_build_select(p->u, target, &dot, optional, &name);
  paren = p->tok;
  id = p->u->next_id++;
  advance(p);
  if (!parse_args(p, &args))
    return NULL;
  return cel_build_member_call(p->u, target, &name, id, paren.start, args.v, args.n);
}

static struct cel_expr *
parse_index(struct parser *p, struct cel_expr *target)
{
  uint32_t pos = p->tok.start, id = p->u->next_id++;
  struct cel_expr *index, *e;
  bool optional;

  advance(p);
  optional = skip(p, TOK_QUESTION);
  index = parse_expr(p);
  if (!index || !skip(p, TOK_RBRACKET))
    return NULL;
  e = cel_build_operator(p->u, id, pos, optional ? "_[?_]" : "_[_]", target, index, NULL);
  e->height++;
  return e;
}

static struct cel_expr *
parse_member(struct parser *p)
{
  struct cel_expr *e = parse_primary(p);

  while (e && (p->tok.type == TOK_DOT || p->tok.type == TOK_LBRACKET))
    e = p->tok.type == TOK_DOT ? parse_selection(p, e) : parse_index(p, e);
  return e;
}

static struct cel_expr *
parse_unary(struct parser *p)
{
  struct cel_token first = p->tok;
  const char *function = first.type == TOK_NOT ? "!_" : "-_";
  struct cel_expr *e;
  uint32_t n = 0, id = 0;

  if (first.type == TOK_MINUS) {
    struct cel_token next = cel_lex(p->u->src, first.end);

    if (next.type == TOK_INT || next.type == TOK_FLOAT) /* a literal with its sign */
      return parse_member(p);
  }
  if (first.type != TOK_NOT && first.type != TOK_MINUS)
    return parse_member(p);
  while (p->tok.type == first.type) {
    advance(p);
    n++;
  }
  if (n % 2)
    id = p->u->next_id++;
  e = parse_member(p);
  return e && n % 2 ? cel_build_operator(p->u, id, first.start, function, e, NULL, NULL) : e;
}

/* -- binary operators -- */

static int
calc_precedence(uint8_t type)
{
  return type == TOK_STAR || type == TOK_SLASH || type == TOK_PERCENT ? 2
         : type == TOK_PLUS || type == TOK_MINUS                      ? 1
                                                                      : 0;
}

static bool
deeper(struct parser *p, uint32_t *depth)
{
  if (++*depth <= CEL_DEPTH_MAX)
    return true;
  p->too_deep = true;
  return false;
}

static struct cel_expr *
binary(struct parser *p, struct cel_expr *left, struct cel_expr *(*right)(struct parser *, int), int level)
{
  const char *function = cel_operator_name((enum cel_tok)p->tok.type);
  uint32_t pos = p->tok.start, id = p->u->next_id++;
  struct cel_expr *r, *e;

  advance(p);
  r = right(p, level);
  if (!r)
    return NULL;
  e = cel_build_operator(p->u, id, pos, function, left, r, NULL);
  e->height++;
  return e;
}

static struct cel_expr *
parse_calc(struct parser *p, int above)
{
  struct cel_expr *e = deeper(p, &p->calcs) ? parse_unary(p) : NULL;
  int level;

  while (e && (level = calc_precedence(p->tok.type)) > above)
    e = binary(p, e, parse_calc, level);
  p->calcs--;
  return e;
}

static bool
is_relation(uint8_t type)
{
  return type >= TOK_EQ && type <= TOK_GT;
}

static struct cel_expr *
parse_relation(struct parser *p, int above)
{
  struct cel_expr *e = deeper(p, &p->relations) ? parse_calc(p, 0) : NULL;

  while (e && above < 1 && is_relation(p->tok.type))
    e = binary(p, e, parse_relation, 1);
  p->relations--;
  return e;
}

static struct cel_expr *
parse_and(struct parser *p)
{
  struct cel_expr *e = parse_relation(p, 0);
  struct cel_terms terms = { 0 };

  if (!e || p->tok.type != TOK_AND)
    return e;
  cel_terms_add(p->u, &terms, e, 0, 0);
  while (p->tok.type == TOK_AND) {
    uint32_t pos = p->tok.start;

    advance(p);
    if (!(e = parse_relation(p, 0)))
      return NULL;
    cel_terms_add(p->u, &terms, e, p->u->next_id++, pos);
  }
  return cel_terms_tree(p->u, &terms, "_&&_");
}

static struct cel_expr *
parse_or(struct parser *p)
{
  struct cel_expr *e = parse_and(p);
  struct cel_terms terms = { 0 };

  if (!e || p->tok.type != TOK_OR)
    return e;
  cel_terms_add(p->u, &terms, e, 0, 0);
  while (p->tok.type == TOK_OR) {
    uint32_t pos = p->tok.start;

    advance(p);
    if (!(e = parse_and(p)))
      return NULL;
    cel_terms_add(p->u, &terms, e, p->u->next_id++, pos);
  }
  return cel_terms_tree(p->u, &terms, "_||_");
}

static struct cel_expr *
parse_ternary(struct parser *p)
{
  struct cel_expr *cond = parse_or(p), *yes, *no, *e;
  uint32_t pos = p->tok.start, id;

  if (!cond || p->tok.type != TOK_QUESTION)
    return cond;
  id = p->u->next_id++;
  advance(p);
  yes = parse_or(p);
  if (!yes || !skip(p, TOK_COLON) || !(no = parse_expr(p)))
    return NULL;
  e = cel_build_operator(p->u, id, pos, "_?_:_", cond, yes, no);
  e->height++;
  return e;
}

static struct cel_expr *
parse_expr(struct parser *p)
{
  struct cel_expr *e = deeper(p, &p->exprs) ? parse_ternary(p) : NULL;

  p->exprs--;
  return e;
}

bool
cel_parse(struct cel_unit *u)
{
  struct parser p = { .u = u };
  size_t size = u->src.n > CEL_SOURCE_MAX ? span_runes(u->src) : 0;

  if (size > CEL_SOURCE_MAX) {
    cel_issue_add(u, CEL_NO_POS, "expression code point size exceeds limit: size: %zu, limit %d", size, CEL_SOURCE_MAX);
    return false;
  }
  p.tok = cel_lex(u->src, 0);
  u->root = parse_expr(&p);
  if (!u->root || p.tok.type != TOK_EOF) {
    u->nissues = u->total_issues = 0; /* what was found in a part is found again */
    u->next_id = 1;
    if (p.too_deep)
      cel_issue_add(u, CEL_NO_POS, "expression recursion limit exceeded: %d", CEL_DEPTH_MAX);
    else
      cel_syntax_report(u);
    return false;
  }
  if (u->root->height > CEL_DEPTH_MAX)
    cel_issue_add(u, CEL_NO_POS, "max recursion depth exceeded");
  return u->total_issues == 0;
}
