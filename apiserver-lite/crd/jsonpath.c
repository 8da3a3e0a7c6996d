#include "jsonpath.h"

#include <ctype.h>
#include <string.h>

#include "number.h"

#define STEPS_MAX   64
#define NESTING_MAX 8 /* filters within filters */

enum step_kind { STEP_FIELD, STEP_WILDCARD, STEP_RECURSIVE, STEP_SLICE, STEP_FILTER, STEP_UNION, STEP_LITERAL };

enum operator{ OP_EXISTS, OP_EQUAL, OP_NOT_EQUAL, OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL };

/* [from:to:by] */
struct range {
  int64_t from, to, by;
  bool has_from, has_to, single;
};

struct step {
  enum step_kind kind;
  struct span name;                      /* FIELD */
  struct range range;                    /* SLICE */
  const struct jsonpath *left, *right;   /* FILTER; right NULL: does left exist */
  enum operator op;                      /* FILTER */
  const struct jsonpath *const *members; /* UNION */
  size_t n_members;
  const struct json *literal; /* LITERAL: the whole of one side of a filter */
};

struct jsonpath {
  const struct step *steps;
  size_t n;
};

/* -- parsing -- */

struct parser {
  struct arena *a;
  const char *p, *end;
  unsigned depth;
};

static const struct jsonpath *parse_path(struct parser *ps, bool in_filter);

static bool
at(const struct parser *ps, char c)
{
  return ps->p < ps->end && *ps->p == c;
}

static void
skip_blanks(struct parser *ps)
{
  while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t'))
    ps->p++;
}

/* A name up to whatever ends one; a backslash takes the next character as it is. */
static bool
parse_name(struct parser *ps, struct step *ret)
{
  char *name = arena_alloc(ps->a, (size_t)(ps->end - ps->p) + 1);
  size_t n = 0;

  while (ps->p < ps->end && !strchr(".[]()<>=! \t,'\"|&@$*?:{}", *ps->p)) {
    if (*ps->p == '\\' && ++ps->p == ps->end)
      return false;
    name[n++] = *ps->p++;
  }
  *ret = (struct step){ .kind = STEP_FIELD, .name = { name, n } };
  return n > 0;
}

static bool
parse_quoted(struct parser *ps, struct span *ret)
{
  char quote = *ps->p++, *text = arena_alloc(ps->a, (size_t)(ps->end - ps->p) + 1);
  size_t n = 0;

  while (ps->p < ps->end && *ps->p != quote) {
    if (*ps->p == '\\' && ps->p + 1 < ps->end)
      ps->p++;
    text[n++] = *ps->p++;
  }
  *ret = span_make(text, n);
  return ps->p++ < ps->end;
}

static bool
parse_bound(struct parser *ps, int64_t *ret, bool *ret_given)
{
  const char *from = ps->p;

  while (ps->p < ps->end && (isdigit((unsigned char)*ps->p) || *ps->p == '-' || *ps->p == '+'))
    ps->p++;
  *ret_given = ps->p > from;
  return !*ret_given || number_int64(span_make(from, (size_t)(ps->p - from)), ret);
}

static bool
parse_range(struct parser *ps, struct step *ret)
{
  struct range r = { .by = 1, .single = true };
  bool has_by = false;

  if (!parse_bound(ps, &r.from, &r.has_from))
    return false;
  if (at(ps, ':')) {
    r.single = false;
    ps->p++;
    if (!parse_bound(ps, &r.to, &r.has_to))
      return false;
  }
  if (!r.single && at(ps, ':')) {
    ps->p++;
    if (!parse_bound(ps, &r.by, &has_by) || (has_by && r.by <= 0))
      return false;
  }
  *ret = (struct step){ .kind = STEP_SLICE, .range = r };
  return r.has_from || !r.single;
}

static enum operator parse_operator(struct parser *ps)
{
  static const struct {
    const char *text;
    enum operator op;
  } ops[] = {
    { "==", OP_EQUAL },         { "!=", OP_NOT_EQUAL }, { "<=", OP_LESS_EQUAL },
    { ">=", OP_GREATER_EQUAL }, { "<", OP_LESS },       { ">", OP_GREATER },
  };
  struct span left = span_make(ps->p, (size_t)(ps->end - ps->p));

  for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
    if (span_starts(left, span_of(ops[i].text))) {
      ps->p += strlen(ops[i].text);
      return ops[i].op;
    }
  return OP_EXISTS;
}

/* ?(@.type=="Ready") */
static bool
parse_filter(struct parser *ps, struct step *ret)
{
  struct step s = { .kind = STEP_FILTER };

  ps->p++;
  if (!at(ps, '('))
    return false;
  ps->p++;
  s.left = parse_path(ps, true);
  skip_blanks(ps);
  s.op = parse_operator(ps);
  if (s.op != OP_EXISTS)
    s.right = parse_path(ps, true);
  skip_blanks(ps);
  if (!s.left || (s.op != OP_EXISTS && !s.right) || !at(ps, ')'))
    return false;
  ps->p++;
  *ret = s;
  return true;
}

static const struct jsonpath *
path_of(struct arena *a, const struct step *steps, size_t n)
{
  struct jsonpath *p = arena_new_of(a, struct jsonpath);
  struct step *own = arena_array_of(a, struct step, n + 1);

  if (n)
    memcpy(own, steps, n * sizeof own[0]);
  *p = (struct jsonpath){ .steps = own, .n = n };
  return p;
}

/* One member of what stands in brackets. */
static bool
parse_subscript(struct parser *ps, struct step *ret)
{
  skip_blanks(ps);
  if (at(ps, '?'))
    return parse_filter(ps, ret);
  if (at(ps, '*')) {
    ps->p++;
    *ret = (struct step){ .kind = STEP_WILDCARD };
    return true;
  }
  if (at(ps, '\'') || at(ps, '"')) {
    *ret = (struct step){ .kind = STEP_FIELD };
    return parse_quoted(ps, &ret->name);
  }
  return parse_range(ps, ret);
}

static bool
parse_brackets(struct parser *ps, struct step *ret)
{
  const struct jsonpath *members[STEPS_MAX];
  struct step one;
  size_t n = 0;

  for (ps->p++; n < STEPS_MAX; ps->p++) {
    if (!parse_subscript(ps, &one))
      return false;
    members[n++] = path_of(ps->a, &one, 1);
    skip_blanks(ps);
    if (!at(ps, ','))
      break;
  }
  if (!at(ps, ']'))
    return false;
  ps->p++;
  *ret = one;
  if (n > 1) {
    const struct jsonpath **own = arena_array_of(ps->a, const struct jsonpath *, n);

    memcpy(own, members, n * sizeof own[0]);
    *ret = (struct step){ .kind = STEP_UNION, .members = own, .n_members = n };
  }
  return true;
}

/* A text, a number, true or false: one side of a filter. */
static bool
parse_literal(struct parser *ps, struct step *ret)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  const char *from = ps->p;
  struct span text;
  struct json *v;

  *ret = (struct step){ .kind = STEP_LITERAL };
  if (at(ps, '\'') || at(ps, '"')) {
    if (!parse_quoted(ps, &text))
      return false;
    ret->literal = json_new_strn(ps->a, text.p, text.n);
    return true;
  }
  while (ps->p < ps->end && (isalnum((unsigned char)*ps->p) || strchr("+-.", *ps->p)))
    ps->p++;
  text = span_make(from, (size_t)(ps->p - from));
  if (!text.n || json_parse(ps->a, text, NULL, &v, &ignored) < 0)
    return false;
  ret->literal = v;
  return true;
}

static bool
parse_step(struct parser *ps, struct step *ret)
{
  if (at(ps, '['))
    return parse_brackets(ps, ret);
  if (!at(ps, '.'))
    return false;
  ps->p++;
  if (at(ps, '.')) {
    *ret = (struct step){ .kind = STEP_RECURSIVE };
    return true; /* the second point begins the next step */
  }
  if (at(ps, '*')) {
    ps->p++;
    *ret = (struct step){ .kind = STEP_WILDCARD };
    return true;
  }
  if (at(ps, '['))
    return parse_brackets(ps, ret);
  return parse_name(ps, ret);
}

static bool
ends(const struct parser *ps, bool in_filter)
{
  return ps->p == ps->end || (in_filter && strchr(" \t)=!<>", *ps->p));
}

static const struct jsonpath *
parse_path(struct parser *ps, bool in_filter)
{
  struct step steps[STEPS_MAX];
  size_t n = 0;

  if (++ps->depth > NESTING_MAX)
    return NULL;
  skip_blanks(ps);
  if (in_filter && !at(ps, '@') && !at(ps, '$') && !at(ps, '.')) {
    if (!parse_literal(ps, &steps[n++]))
      return NULL;
  } else {
    if (at(ps, '@') || at(ps, '$'))
      ps->p++;
    if (ps->p + 1 == ps->end && at(ps, '.')) /* "." is the whole */
      ps->p++;
    while (!ends(ps, in_filter))
      if (n == STEPS_MAX || !parse_step(ps, &steps[n++]))
        return NULL;
  }
  ps->depth--;
  return path_of(ps->a, steps, n);
}

const struct jsonpath *
jsonpath_parse(struct arena *a, struct span text)
{
  struct parser ps = { .a = a, .p = text.p, .end = text.p + text.n };

  return parse_path(&ps, false);
}

/* -- evaluation -- */

struct values {
  const struct json **list;
  size_t n, cap;
};

static void
add(struct arena *a, struct values *v, const struct json *one)
{
  if (v->n == v->cap) {
    size_t cap = v->cap ? v->cap * 2 : 8;
    const struct json **more = arena_array_of(a, const struct json *, cap);

    if (v->n)
      memcpy(more, v->list, v->n * sizeof more[0]);
    v->list = more;
    v->cap = cap;
  }
  v->list[v->n++] = one;
}

static bool take(struct arena *a, const struct step *s, const struct json *v, struct values *out);

static bool
walk(struct arena *a, const struct jsonpath *p, const struct json *root, struct values *ret)
{
  struct values now = { .n = 0 };

  add(a, &now, root);
  for (size_t i = 0; i < p->n; i++) {
    struct values next = { .n = 0 };

    for (size_t k = 0; k < now.n; k++)
      if (!take(a, &p->steps[i], now.list[k], &next))
        return false;
    now = next;
  }
  *ret = now;
  return true;
}

static void
take_all(struct arena *a, const struct json *v, struct values *out)
{
  for (json_each_member (m, v))
    add(a, out, m->value);
  for (json_each_item (item, v))
    add(a, out, *item);
}

static void
take_below(struct arena *a, const struct json *v, struct values *out)
{
  add(a, out, v);
  for (json_each_member (m, v))
    take_below(a, m->value, out);
  for (json_each_item (item, v))
    take_below(a, *item, out);
}

static bool
take_range(struct arena *a, const struct range *r, const struct json *v, struct values *out)
{
  int64_t n = (int64_t)json_count(v), from = r->has_from ? r->from : 0, to = r->has_to ? r->to : n;

  if (!json_is(v, JSON_ARRAY))
    return json_is(v, JSON_NULL);
  if (from < 0)
    from += n;
  if (r->single)
    to = from + 1;
  else if (to < 0)
    to += n;
  if (r->single && (from < 0 || from >= n)) /* out of bounds */
    return false;
  for (int64_t i = from < 0 ? 0 : from; i < to && i < n; i += r->by)
    add(a, out, json_at(v, (size_t)i));
  return true;
}

/* -1, 0, 1; false when the two cannot be compared. */
static bool
compare(const struct json *x, const struct json *y, int *ret)
{
  bool numbers = (json_is(x, JSON_INT) || json_is(x, JSON_NUMBER)) && (json_is(y, JSON_INT) || json_is(y, JSON_NUMBER));

  if (numbers) {
    double a = json_double(x), b = json_double(y);

    *ret = a < b ? -1 : a > b;
    return true;
  }
  if (json_is(x, JSON_STRING) && json_is(y, JSON_STRING)) {
    *ret = span_cmp(json_span(x), json_span(y));
    return true;
  }
  *ret = json_equal(x, y) ? 0 : 1;
  return json_is(x, JSON_BOOL) && json_is(y, JSON_BOOL);
}

static bool
holds(enum operator op, int cmp)
{
  switch (op) {
  case OP_EXISTS:
    return true;
  case OP_EQUAL:
    return cmp == 0;
  case OP_NOT_EQUAL:
    return cmp != 0;
  case OP_LESS:
    return cmp < 0;
  case OP_LESS_EQUAL:
    return cmp <= 0;
  case OP_GREATER:
    return cmp > 0;
  case OP_GREATER_EQUAL:
    return cmp >= 0;
  }
  return false;
}

static bool
take_filtered(struct arena *a, const struct step *s, const struct json *v, struct values *out)
{
  if (!json_is(v, JSON_ARRAY))
    return false;
  for (json_each_item (item, v)) {
    struct values left, right = { .n = 1 };
    int cmp = 0;

    if (!walk(a, s->left, *item, &left) || (s->right && !walk(a, s->right, *item, &right)) || left.n > 1 || right.n > 1)
      return false;
    if (left.n == 0 || right.n == 0)
      continue;
    if (s->right && !compare(left.list[0], right.list[0], &cmp))
      return false;
    if (holds(s->op, cmp))
      add(a, out, *item);
  }
  return true;
}

static bool
take(struct arena *a, const struct step *s, const struct json *v, struct values *out)
{
  const struct json *member;

  switch (s->kind) {
  case STEP_FIELD:
    member = json_get_n(v, s->name.p, s->name.n);
    if (member)
      add(a, out, member);
    return true;
  case STEP_WILDCARD:
    take_all(a, v, out);
    return true;
  case STEP_RECURSIVE:
    take_below(a, v, out);
    return true;
  case STEP_SLICE:
    return take_range(a, &s->range, v, out);
  case STEP_FILTER:
    return take_filtered(a, s, v, out);
  case STEP_LITERAL:
    add(a, out, s->literal);
    return true;
  case STEP_UNION:
    for (size_t i = 0; i < s->n_members; i++) {
      struct values some;

      if (!walk(a, s->members[i], v, &some))
        return false;
      for (size_t k = 0; k < some.n; k++)
        add(a, out, some.list[k]);
    }
    return true;
  }
  return false;
}

bool
jsonpath_find(struct arena *a, const struct jsonpath *p, const struct json *root, const struct json *const **ret,
              size_t *ret_n)
{
  struct values found;

  if (!walk(a, p, root, &found))
    return false;
  *ret = found.list;
  *ret_n = found.n;
  return true;
}
