#include "cel_ast.h"
#include "cel_eval.h"
#include "cel_format.h"
#include "cel_regex.h"

#include <string.h>

/*
 * What is wrong although the types fit (cel-go cel/validator.go): literal
 * durations, timestamps and patterns, lists of mixed types that dyn() let
 * through, format strings.
 */
struct validator {
  struct cel_unit *u;
  bool in_format; /* below a call of format(), whose list may be mixed */
};

/* Would the call of one constant fail. */
static bool
call_fails(struct cel_unit *u, const struct cel_expr *call, const struct cel_expr *arg)
{
  struct cel_node constant = { .op = OP_CONST, .u.value = arg->u.literal };
  struct cel_node *args[] = { &constant };
  struct cel_node n = { .op = OP_CALL, .n = 1, .u.call = { .args = args, .function = call->u.call.decl } };
  struct cel_eval ev = { .a = u->a, .limit = UINT64_MAX, .memory_end = arena_used(u->a) + CEL_MEMORY_MAX };

  return cel_is_error(cel_eval_node(&ev, &n));
}

static bool
is_bad_regex(struct cel_unit *u, const struct cel_expr *arg)
{
  const char *err;
  struct cel_regex *re;

  if (arg->u.literal.kind != CEL_STRING)
    return false;
  re = cel_regex_new(u->a, cel_span(arg->u.literal), &err);
  if (re)
    cel_regex_link(re, &u->regexes);
  return re == NULL;
}

static void
validate_call(struct validator *v, const struct cel_expr *e)
{
  const char *name = e->u.call.decl->name, *why;
  const struct cel_expr *arg = e->u.call.nargs ? e->u.call.args[0] : NULL;
  uint32_t pos;

  if (arg && arg->kind == EXPR_LITERAL) {
    bool time = strcmp(name, "duration") == 0 || strcmp(name, "timestamp") == 0;

    if (time ? call_fails(v->u, e, arg) : strcmp(name, "matches") == 0 && is_bad_regex(v->u, arg))
      cel_issue_add(v->u, arg->pos, "invalid %s argument", name);
  }
  if (arg && strcmp(name, "format") == 0 && e->u.call.target && e->u.call.target->kind == EXPR_LITERAL &&
      e->u.call.target->u.literal.kind == CEL_STRING && arg->kind == EXPR_LIST &&
      (why = cel_format_check(v->u, e, &pos)))
    cel_issue_add(v->u, pos, "%s", why);
}

static const char *
type_name(struct cel_unit *u, const struct cel_type *t)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span s;

  strbuf_init(&b, 64 * 1024);
  cel_type_message(&b, t);
  s = strbuf_view(&b);
  return arena_strndup(u->a, s.p, s.n);
}

static bool
same_or_report(struct validator *v, const struct cel_expr *e, const struct cel_type *expected, const struct cel_type *t)
{
  if (cel_type_same(expected, t, true))
    return true;
  cel_issue_add(v->u, e->pos, "expected type '%s' but found '%s'", type_name(v->u, expected), type_name(v->u, t));
  return false;
}

/* Upstream crashes on an optional item of unknown type; here it is an issue. */
static const struct cel_type *
item_type(struct validator *v, const struct cel_item *item)
{
  const struct cel_type *t = item->value->type;

  if (!item->optional)
    return t;
  if (t->nparams)
    return t->params[0];
  cel_issue_add(v->u, item->value->pos, "expected type 'optional_type(dyn)' but found '%s'", type_name(v->u, t));
  return NULL;
}

static void
validate_items(struct validator *v, const struct cel_expr *e)
{
  const struct cel_type *key = NULL, *value = NULL;

  for (uint32_t i = 0; i < e->u.list.n; i++) {
    const struct cel_item *item = &e->u.list.items[i];
    const struct cel_type *t = item_type(v, item);

    if (!t)
      return;
    if (i == 0) {
      value = t;
      key = item->key ? item->key->type : NULL;
      continue;
    }
    if (key)
      (void)same_or_report(v, item->key, key, item->key->type);
    if (!same_or_report(v, item->value, value, t) && e->kind == EXPR_LIST)
      return;
  }
}

static void
validate(struct cel_expr *e, void *arg)
{
  struct validator *v = arg;
  bool outer = v->in_format;

  if (e->kind == EXPR_CALL)
    validate_call(v, e);
  else if ((e->kind == EXPR_LIST || e->kind == EXPR_MAP) && !v->in_format)
    validate_items(v, e);
  v->in_format |= e->kind == EXPR_CALL && strcmp(e->u.call.decl->name, "format") == 0;
  cel_expr_each(e, validate, v);
  v->in_format = outer;
}

bool
cel_validate_ast(struct cel_unit *u)
{
  struct validator v = { .u = u };

  validate(u->root, &v);
  return u->total_issues == 0;
}
