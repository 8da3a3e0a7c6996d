#include "cel_ast.h"
#include "cel_lex.h"

void
cel_expr_each(struct cel_expr *e, void (*f)(struct cel_expr *child, void *arg), void *arg)
{
  switch ((enum cel_expr_kind)e->kind) {
  case EXPR_SELECT:
    f(e->u.select.operand, arg);
    break;
  case EXPR_CALL:
    if (e->u.call.target)
      f(e->u.call.target, arg);
    for (uint32_t i = 0; i < e->u.call.nargs; i++)
      f(e->u.call.args[i], arg);
    break;
  case EXPR_LIST:
  case EXPR_MAP:
  case EXPR_STRUCT:
    for (uint32_t i = 0; i < e->u.list.n; i++) {
      if (e->u.list.items[i].key)
        f(e->u.list.items[i].key, arg);
      f(e->u.list.items[i].value, arg);
    }
    break;
  case EXPR_FOLD:
    f(e->u.fold->range, arg);
    f(e->u.fold->accu_init, arg);
    f(e->u.fold->cond, arg);
    f(e->u.fold->step, arg);
    f(e->u.fold->result, arg);
    break;
  case EXPR_NONE:
  case EXPR_LITERAL:
  case EXPR_IDENT:
    break;
  }
}

struct extent {
  uint32_t from, to;
};

static void
widen(struct cel_expr *e, void *arg)
{
  struct extent *x = arg;

  if (e->pos < CEL_POS_UNREAD) {
    if (e->pos < x->from)
      x->from = e->pos;
    if (e->pos > x->to)
      x->to = e->pos;
  }
  cel_expr_each(e, widen, arg);
}

/* From the first token of the expression to the last, with the brackets that it opens closed. */
struct span
cel_expr_source(const struct cel_unit *u, const struct cel_expr *e)
{
  struct extent x = { UINT32_MAX, 0 };
  struct cel_token t;
  unsigned open = 0;
  uint32_t end;

  widen((struct cel_expr *)(uintptr_t)e, &x);
  if (x.from > x.to || x.to >= u->src.n)
    return (struct span){ NULL, 0 };
  end = x.from;
  for (t = cel_lex(u->src, x.from); t.type != TOK_EOF && t.type != TOK_ERROR; t = cel_lex(u->src, t.end)) {
    bool opens = t.type == TOK_LPAREN || t.type == TOK_LBRACKET || t.type == TOK_LBRACE;
    bool closes = t.type == TOK_RPAREN || t.type == TOK_RBRACKET || t.type == TOK_RBRACE;

    if (t.start > x.to && open == 0 && !opens) {
      /* behind the last node: a field's name still belongs to its dot, a call's name to its parenthesis */
      struct cel_token last = cel_lex(u->src, x.to);

      if (last.type == TOK_DOT && t.start == cel_lex(u->src, last.end).start)
        end = t.end;
      break;
    }
    open += opens;
    if (closes && open)
      open--;
    else if (closes && t.start > x.to)
      break;
    end = t.end;
  }
  return span_make(u->src.p + x.from, end - x.from);
}
