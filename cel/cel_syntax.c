#include "cel_recover.h"

#include <string.h>

/*
 * The rules of CEL.g4, each as the generated parser runs it: the numbers are
 * its states, the sets what its automaton allows there. What could be read is
 * built, because macros and names in it are reported too.
 */

#define FIRST_LITERAL                                                                                                \
  (SET(TOK_MINUS) | SET(TOK_TRUE) | SET(TOK_FALSE) | SET(TOK_NULL) | SET(TOK_FLOAT) | SET(TOK_INT) | SET(TOK_UINT) | \
   SET(TOK_STRING) | SET(TOK_BYTES))
#define FIRST_MEMBER \
  (FIRST_LITERAL | SET(TOK_LBRACKET) | SET(TOK_LBRACE) | SET(TOK_LPAREN) | SET(TOK_DOT) | SET(TOK_IDENT))
#define FIRST_EXPR  (FIRST_MEMBER | SET(TOK_NOT))
#define FIRST_OPT   (FIRST_EXPR | SET(TOK_QUESTION))
#define FIRST_FIELD (SET(TOK_QUESTION) | SET(TOK_IDENT) | SET(TOK_ESC_IDENT))
#define RELATIONS \
  (SET(TOK_EQ) | SET(TOK_NE) | SET(TOK_IN) | SET(TOK_LT) | SET(TOK_LE) | SET(TOK_GE) | SET(TOK_GT) | SET_END)
#define CALCS       (SET(TOK_PLUS) | SET(TOK_MINUS) | SET(TOK_STAR) | SET(TOK_SLASH) | SET(TOK_PERCENT) | SET_END)
#define MEMBER_MORE (SET(TOK_DOT) | SET(TOK_LBRACKET) | SET_END)
#define MORE_ITEMS  (SET(TOK_COMMA) | SET_END)

static struct cel_expr *read_expr(struct syntax *p, token_set follow);

static bool
look_in(const struct syntax *p, token_set set)
{
  return set & SET(syntax_look(p, 0));
}

static struct rule_frame
enter(struct syntax *p, token_set follow)
{
  return (struct rule_frame){ .caller = p->frame, .follow = follow };
}

static void
leave(struct syntax *p, const struct rule_frame *f, unsigned state)
{
  if (p->failed)
    syntax_recover(p, state);
  p->frame = f->caller;
}

static struct cel_expr *
unreadable(struct syntax *p)
{
  return cel_expr_new(p->u, EXPR_NONE, CEL_POS_UNREAD);
}

static bool
take(struct syntax *p, enum cel_tok type)
{
  return syntax_look(p, 0) == type && syntax_match(p, type, 0, NULL);
}

static struct cel_expr *
orelse(struct syntax *p, struct cel_expr *e)
{
  return e ? e : unreadable(p);
}

/* -- lists -- */

struct read_items {
  struct cel_item *v;
  uint32_t n, cap;
};

static struct cel_item *
add_item(struct syntax *p, struct read_items *l)
{
  if (l->n == l->cap) {
    uint32_t cap = l->cap ? l->cap * 2 : 4;
    struct cel_item *v = arena_array_of(p->u->a, struct cel_item, cap);

    if (l->n)
      memcpy(v, l->v, sizeof *v * l->n);
    l->v = v;
    l->cap = cap;
  }
  l->v[l->n] = (struct cel_item){ .value = NULL };
  return &l->v[l->n++];
}

/* exprList */
static void
read_args(struct syntax *p, struct cel_expr ***ret_args, uint32_t *ret_n)
{
  struct rule_frame f = enter(p, SET(TOK_RPAREN));
  struct read_items items = { 0 };

  p->frame = &f;
  do
    add_item(p, &items)->value = read_expr(p, MORE_ITEMS);
  while (take(p, TOK_COMMA));
  leave(p, &f, 191);
  *ret_args = arena_array_of(p->u->a, struct cel_expr *, items.n);
  for (uint32_t i = 0; i < items.n; i++)
    (*ret_args)[i] = items.v[i].value;
  *ret_n = items.n;
}

/* optExpr */
static struct cel_expr *
read_opt_expr(struct syntax *p, token_set follow, bool *ret_optional)
{
  struct rule_frame f = enter(p, follow);
  struct cel_expr *e = NULL;

  p->frame = &f;
  if (syntax_sync(p, FIRST_OPT)) {
    *ret_optional = take(p, TOK_QUESTION);
    e = read_expr(p, SET_END);
  }
  leave(p, &f, 238);
  return orelse(p, e);
}

/* Does the list go on after this comma, with one of `first`? */
static bool
goes_on(struct syntax *p, token_set first)
{
  return syntax_look(p, 0) == TOK_COMMA && (first & SET(syntax_look(p, 1))) && take(p, TOK_COMMA);
}

/* listInit */
static void
read_list_items(struct syntax *p, struct read_items *items)
{
  struct rule_frame f = enter(p, SET(TOK_COMMA) | SET(TOK_RBRACKET));

  p->frame = &f;
  do {
    bool optional = false;
    struct cel_expr *e = read_opt_expr(p, MORE_ITEMS, &optional);
    struct cel_item *item = add_item(p, items);

    item->value = e;
    item->optional = optional;
  } while (goes_on(p, FIRST_OPT));
  leave(p, &f, 199);
}

/* mapInitializerList */
static void
read_map_items(struct syntax *p, struct read_items *items)
{
  struct rule_frame f = enter(p, SET(TOK_COMMA) | SET(TOK_RBRACE));
  unsigned state = 221;

  p->frame = &f;
  do {
    struct cel_item *item = add_item(p, items);
    struct cel_unit before = *p->u;

    item->key = read_opt_expr(p, SET(TOK_COLON), &item->optional);
    if (!syntax_match(p, TOK_COLON, FIRST_EXPR, NULL)) {
      *p->u = before; /* a key alone is not looked at */
      item->value = unreadable(p);
      break;
    }
    item->value = read_expr(p, MORE_ITEMS);
    state = 225;
  } while (goes_on(p, FIRST_OPT));
  leave(p, &f, state);
}

static void
report_no_name(struct syntax *p, uint32_t pos)
{
  cel_issue_add(p->u, pos, "unsupported ident kind");
}

/* escapeIdent; false: there is none */
static bool
read_field_name(struct syntax *p, token_set follow, struct cel_token *ret)
{
  struct rule_frame f = enter(p, follow);
  bool ok = false;

  p->frame = &f;
  if (syntax_sync(p, SET(TOK_IDENT) | SET(TOK_ESC_IDENT))) {
    if (look_in(p, SET(TOK_IDENT) | SET(TOK_ESC_IDENT)))
      ok = syntax_match(p, syntax_look(p, 0), SET_END, ret);
    else
      syntax_no_branch(p, 0);
  }
  leave(p, &f, 235);
  return ok;
}

/* optField; false: it has no name */
static bool
read_opt_field(struct syntax *p, struct cel_item *item)
{
  struct rule_frame f = enter(p, SET(TOK_COLON));
  struct cel_token name;
  bool ok = false;

  p->frame = &f;
  if (syntax_sync(p, FIRST_FIELD)) {
    item->optional = take(p, TOK_QUESTION);
    ok = read_field_name(p, SET_END, &name);
    if (ok)
      item->field = cel_field_name(p->u, &name);
  }
  leave(p, &f, 216);
  return ok;
}

/* fieldInitializerList */
static void
read_fields(struct syntax *p, struct read_items *items)
{
  struct rule_frame f = enter(p, SET(TOK_COMMA) | SET(TOK_RBRACE));
  uint32_t pos = p->tokens[p->at].start;
  unsigned state = 203;

  p->frame = &f;
  do {
    struct cel_item *item = add_item(p, items);
    bool named = read_opt_field(p, item);
    struct cel_unit before;

    if (!syntax_match(p, TOK_COLON, FIRST_EXPR, NULL)) {
      item->value = unreadable(p);
      break;
    }
    before = *p->u;
    item->value = read_expr(p, MORE_ITEMS);
    if (!named) { /* its value is not looked at */
      *p->u = before;
      report_no_name(p, pos);
    }
    state = 207;
  } while (goes_on(p, FIRST_FIELD));
  leave(p, &f, state);
}

/* -- primary -- */

/* After the bracket that opens a list, map or structure: what may follow, and where that is read. */
static struct cel_expr *
read_braced(struct syntax *p, struct cel_expr *e, enum cel_tok close, token_set first,
            void (*read)(struct syntax *, struct read_items *), unsigned *state)
{
  struct read_items items = { 0 };

  if (!syntax_sync(p, first | SET(TOK_COMMA) | SET(close)))
    return e;
  if (look_in(p, first))
    read(p, &items);
  e->u.list.items = items.v;
  e->u.list.n = items.n;
  *state += 3;
  if (!syntax_sync(p, SET(TOK_COMMA) | SET(close)))
    return e;
  (void)take(p, TOK_COMMA);
  *state += 2;
  (void)syntax_match(p, close, SET_END, NULL);
  return e;
}

/* `(args)`; the parenthesis that opens it is there. */
static void
read_call(struct syntax *p, token_set after, struct cel_expr ***ret_args, uint32_t *ret_n, unsigned *state)
{
  *ret_n = 0;
  *ret_args = NULL;
  (void)take(p, TOK_LPAREN);
  if (!syntax_sync(p, FIRST_EXPR | SET(TOK_RPAREN)))
    return;
  if (look_in(p, FIRST_EXPR))
    read_args(p, ret_args, ret_n);
  *state += 2;
  (void)syntax_match(p, TOK_RPAREN, after, NULL);
}

static struct cel_expr *
read_global_call(struct syntax *p, const struct cel_token *dot, const struct cel_token *name, unsigned *state)
{
  uint32_t pos = p->tokens[p->at].start, id, nargs;
  struct cel_unit before = *p->u;
  struct cel_expr **args;

  *state = 141;
  if (cel_is_reserved(cel_token_span(p->u, name))) { /* its arguments are not looked at */
    read_call(p, SET_END, &args, &nargs, state);
    *p->u = before;
    return cel_build_ident(p->u, dot, name);
  }
  id = p->u->next_id++;
  read_call(p, SET_END, &args, &nargs, state);
  return cel_build_global_call(p->u, dot, name, id, pos, args, nargs);
}

/* `a.b{` follows; from the current token on, which is the first name. */
static bool
is_message(const struct syntax *p)
{
  for (uint32_t i = 0; syntax_look(p, i) == TOK_IDENT; i += 2) {
    if (syntax_look(p, i + 1) == TOK_LBRACE)
      return true;
    if (syntax_look(p, i + 1) != TOK_DOT)
      return false;
  }
  return false;
}

static struct cel_expr *
read_name(struct syntax *p, unsigned *state)
{
  struct cel_token dot = p->tokens[p->at], name;
  bool has_dot = take(p, TOK_DOT);

  if (is_message(p)) {
    struct cel_expr *e;

    while (syntax_look(p, 0) != TOK_LBRACE && syntax_look(p, 0) != TOK_EOF)
      (void)take(p, syntax_look(p, 0));
    e = cel_expr_new(p->u, EXPR_STRUCT, p->tokens[p->at].start);
    (void)take(p, TOK_LBRACE);
    *state = 177;
    return read_braced(p, e, TOK_RBRACE, FIRST_FIELD, read_fields, state);
  }
  name = p->tokens[p->at];
  (void)take(p, TOK_IDENT);
  return syntax_look(p, 0) == TOK_LPAREN ? read_global_call(p, has_dot ? &dot : NULL, &name, state)
                                         : cel_build_ident(p->u, has_dot ? &dot : NULL, &name);
}

/* literal */
static struct cel_expr *
read_literal(struct syntax *p)
{
  struct rule_frame f = enter(p, SET_END);
  struct cel_token sign = p->tokens[p->at], t;
  struct cel_expr *e = NULL;
  enum cel_tok next;

  p->frame = &f;
  if (sign.type == TOK_MINUS) {
    next = syntax_look(p, 1);
    if (next == TOK_INT || next == TOK_FLOAT) {
      (void)take(p, TOK_MINUS);
      t = p->tokens[p->at];
      (void)take(p, next);
      e = cel_build_literal(p->u, &sign, &t);
    } else {
      syntax_no_branch(p, 1);
    }
  } else {
    (void)take(p, (enum cel_tok)sign.type);
    e = cel_build_literal(p->u, NULL, &sign);
  }
  leave(p, &f, 256);
  return orelse(p, e);
}

static struct cel_expr *
read_primary_branch(struct syntax *p, unsigned *state)
{
  uint32_t pos = p->tokens[p->at].start;
  struct cel_expr *e;

  switch ((int)syntax_look(p, 0)) {
  case TOK_DOT:
    if (syntax_look(p, 1) != TOK_IDENT) {
      syntax_no_branch(p, 1);
      return NULL;
    }
    return read_name(p, state);
  case TOK_IDENT:
    return read_name(p, state);
  case TOK_LPAREN:
    (void)take(p, TOK_LPAREN);
    e = read_expr(p, SET(TOK_RPAREN));
    *state = 146;
    (void)syntax_match(p, TOK_RPAREN, SET_END, NULL);
    return e;
  case TOK_LBRACKET:
    (void)take(p, TOK_LBRACKET);
    *state = 150;
    return read_braced(p, cel_expr_new(p->u, EXPR_LIST, pos), TOK_RBRACKET, FIRST_OPT, read_list_items, state);
  case TOK_LBRACE:
    (void)take(p, TOK_LBRACE);
    *state = 158;
    return read_braced(p, cel_expr_new(p->u, EXPR_MAP, pos), TOK_RBRACE, FIRST_OPT, read_map_items, state);
  default:
    if (look_in(p, FIRST_LITERAL))
      return read_literal(p);
    syntax_no_branch(p, 0);
    return NULL;
  }
}

static struct cel_expr *
read_primary(struct syntax *p)
{
  struct rule_frame f = enter(p, MEMBER_MORE);
  struct cel_expr *e = NULL;
  unsigned state = 184;

  p->frame = &f;
  if (syntax_sync(p, FIRST_MEMBER))
    e = read_primary_branch(p, &state);
  leave(p, &f, state);
  return orelse(p, e);
}

/* -- member -- */

static struct cel_expr *
read_selection(struct syntax *p, struct cel_expr *target, unsigned *state)
{
  struct cel_token dot = p->tokens[p->at], name;
  enum cel_tok next = syntax_look(p, 1);
  struct cel_expr **args;
  uint32_t pos, id, nargs;
  bool optional;

  if (next == TOK_IDENT && syntax_look(p, 2) == TOK_LPAREN) {
    (void)take(p, TOK_DOT);
    name = p->tokens[p->at];
    (void)take(p, TOK_IDENT);
    pos = p->tokens[p->at].start;
    id = p->u->next_id++;
    *state = 115;
    read_call(p, MEMBER_MORE, &args, &nargs, state);
    return cel_build_member_call(p->u, target, &name, id, pos, args, nargs);
  }
  if (next != TOK_IDENT && next != TOK_ESC_IDENT && next != TOK_QUESTION) {
    syntax_no_branch(p, 1);
    return target;
  }
  (void)take(p, TOK_DOT);
  optional = take(p, TOK_QUESTION);
  pos = p->tokens[p->at].start;
  if (read_field_name(p, MEMBER_MORE, &name))
    return cel_build_select(p->u, target, &dot, optional, &name);
  report_no_name(p, pos);
  return cel_expr_new(p->u, EXPR_NONE, dot.start);
}

static struct cel_expr *
read_index(struct syntax *p, struct cel_expr *target, unsigned *state)
{
  uint32_t pos = p->tokens[p->at].start, id = p->u->next_id++;
  struct cel_expr *index = NULL;
  bool optional = false;

  (void)take(p, TOK_LBRACKET);
  *state = 121;
  if (syntax_sync(p, FIRST_OPT)) {
    optional = take(p, TOK_QUESTION);
    index = read_expr(p, SET(TOK_RBRACKET));
    *state = 124;
    (void)syntax_match(p, TOK_RBRACKET, MEMBER_MORE, NULL);
  }
  return cel_build_operator(p->u, id, pos, optional ? "_[?_]" : "_[_]", target, orelse(p, index), NULL);
}

static struct cel_expr *
read_member(struct syntax *p)
{
  struct rule_frame f = enter(p, SET_END);
  unsigned state = 126;
  struct cel_expr *e;

  p->frame = &f;
  e = read_primary(p);
  while (!p->failed && look_in(p, MEMBER_MORE)) {
    state = 126;
    e = syntax_look(p, 0) == TOK_DOT ? read_selection(p, e, &state) : read_index(p, e, &state);
  }
  leave(p, &f, state);
  return e;
}

/* -- operators -- */

static bool
is_number(enum cel_tok t)
{
  return t == TOK_INT || t == TOK_FLOAT;
}

/* `!!x` and `--x`; false: no rule fits. */
static bool
read_signs(struct syntax *p, enum cel_tok sign, uint32_t *ret_n, unsigned *state)
{
  for (*ret_n = 0; syntax_look(p, 0) == sign; ++*ret_n) {
    if (sign == TOK_MINUS && !((FIRST_MEMBER | SET(TOK_MINUS)) & SET(syntax_look(p, 1)))) {
      syntax_no_branch(p, 1);
      return false;
    }
    (void)take(p, sign);
    *state = sign == TOK_NOT ? 90 : 96;
    syntax_sync_loop(p, SET(sign) | FIRST_MEMBER);
  }
  if (sign == TOK_MINUS && !look_in(p, FIRST_MEMBER)) {
    syntax_no_branch(p, 0);
    return false;
  }
  return true;
}

static struct cel_expr *
read_unary_branch(struct syntax *p, unsigned *state)
{
  enum cel_tok sign = syntax_look(p, 0);
  uint32_t pos = p->tokens[p->at].start, n, id = 0;
  struct cel_expr *e;
  bool complete;

  if (sign == TOK_MINUS && is_number(syntax_look(p, 1)))
    return read_member(p);
  if (sign != TOK_NOT && sign != TOK_MINUS) {
    if (look_in(p, FIRST_MEMBER))
      return read_member(p);
    syntax_no_branch(p, 0);
    return NULL;
  }
  complete = read_signs(p, sign, &n, state);
  if (!n)
    return NULL;
  if (n % 2)
    id = p->u->next_id++;
  e = complete ? read_member(p) : unreadable(p);
  return n % 2 ? cel_build_operator(p->u, id, pos, sign == TOK_NOT ? "!_" : "-_", e, NULL, NULL) : e;
}

static struct cel_expr *
read_unary(struct syntax *p)
{
  struct rule_frame f = enter(p, CALCS);
  uint32_t pos = p->tokens[p->at].start;
  struct cel_expr *e = NULL;
  unsigned state = 99;

  p->frame = &f;
  if (syntax_sync(p, FIRST_EXPR))
    e = read_unary_branch(p, &state);
  leave(p, &f, state);
  return e ? e : cel_expr_new(p->u, EXPR_LITERAL, pos); /* upstream: the text "<<error>>" */
}

static bool
deeper(struct syntax *p, uint32_t *depth)
{
  if (++*depth <= CEL_DEPTH_MAX)
    return !p->stopped;
  syntax_stop(p, arena_printf(p->u->a, "expression recursion limit exceeded: %d", CEL_DEPTH_MAX));
  return false;
}

static int
calc_level(enum cel_tok t)
{
  return t == TOK_STAR || t == TOK_SLASH || t == TOK_PERCENT ? 2 : t == TOK_PLUS || t == TOK_MINUS ? 1 : 0;
}

static struct cel_expr *
apply(struct syntax *p, uint32_t op, struct cel_expr *left, struct cel_expr *right)
{
  const struct cel_token *t = &p->tokens[op];

  return cel_build_operator(p->u, p->u->next_id++, t->start, cel_operator_name((enum cel_tok)t->type), left, right,
                            NULL);
}

static struct cel_expr *
read_calc(struct syntax *p, token_set follow, int above)
{
  struct rule_frame f = enter(p, follow);
  struct cel_expr *e = NULL;
  int level;

  p->frame = &f;
  if (deeper(p, &p->calcs)) {
    e = read_unary(p);
    while ((level = calc_level(syntax_look(p, 0))) > above) {
      uint32_t op = p->at;

      (void)take(p, syntax_look(p, 0));
      e = apply(p, op, e, read_calc(p, CALCS, level));
    }
  }
  p->calcs--;
  leave(p, &f, 83);
  return orelse(p, e);
}

static struct cel_expr *
read_relation(struct syntax *p, token_set follow, bool operand)
{
  struct rule_frame f = enter(p, follow);
  struct cel_expr *e = NULL;

  p->frame = &f;
  if (deeper(p, &p->relations)) {
    e = read_calc(p, RELATIONS, 0);
    while (!operand && look_in(p, RELATIONS)) {
      uint32_t op = p->at;

      (void)take(p, syntax_look(p, 0));
      e = apply(p, op, e, read_relation(p, RELATIONS, true));
    }
  }
  p->relations--;
  leave(p, &f, 68);
  return orelse(p, e);
}

/* conditionalOr and conditionalAnd */
static struct cel_expr *
read_terms(struct syntax *p, token_set follow, enum cel_tok op)
{
  struct rule_frame f = enter(p, follow);
  token_set more = SET(op) | SET_END;
  struct cel_terms terms = { 0 };
  uint32_t at = 0, id = 0;

  p->frame = &f;
  do {
    struct cel_expr *e = op == TOK_OR ? read_terms(p, more, TOK_AND) : read_relation(p, more, false);

    cel_terms_add(p->u, &terms, e, id, p->tokens[at].start);
    id = p->u->next_id++;
    at = p->at;
  } while (take(p, op));
  leave(p, &f, 50);
  return cel_terms_tree(p->u, &terms, op == TOK_OR ? "_||_" : "_&&_");
}

static struct cel_expr *
read_expr(struct syntax *p, token_set follow)
{
  struct rule_frame f = enter(p, follow);
  struct cel_expr *e = NULL;
  uint32_t pos;

  p->frame = &f;
  if (deeper(p, &p->exprs)) {
    e = read_terms(p, SET(TOK_QUESTION) | SET_END, TOK_OR);
    pos = p->tokens[p->at].start;
    if (take(p, TOK_QUESTION)) {
      struct cel_expr *yes = read_terms(p, SET(TOK_COLON), TOK_OR), *no = NULL;

      if (syntax_match(p, TOK_COLON, FIRST_EXPR, NULL))
        no = read_expr(p, SET_END);
      e = cel_build_operator(p->u, p->u->next_id++, pos, "_?_:_", e, yes, orelse(p, no));
    }
  }
  p->exprs--;
  leave(p, &f, 40);
  return orelse(p, e);
}

void
cel_syntax_report(struct cel_unit *u)
{
  struct rule_frame start = { 0 };
  struct cel_issue *found;
  uint32_t nfound;
  struct syntax p;

  syntax_init(&p, u);
  p.frame = &start;
  (void)read_expr(&p, SET(TOK_EOF));
  if (!syntax_match(&p, TOK_EOF, SET_END, NULL))
    syntax_recover(&p, 35);
  found = u->issues;
  nfound = p.stopped ? 0 : u->nissues; /* nothing is built after too many errors */
  u->issues = NULL;
  u->nissues = u->total_issues = 0;
  for (uint32_t i = 0; i < p.nreports; i++)
    cel_issue_at(u, p.reports[i].line, p.reports[i].col, p.reports[i].msg);
  for (uint32_t i = 0; i < nfound; i++)
    cel_issue_at(u, found[i].line, found[i].col, found[i].msg);
  if (!u->total_issues)
    cel_issue_add(u, 0, "Syntax error: the expression cannot be read");
}
