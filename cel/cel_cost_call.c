#include "cel_cost_call.h"

#include <string.h>

/* What one call of one overload costs: ext/lists.go, ext/sets.go, apiserver library/cost.go, then checker/cost.go. */

static struct cel_range
fixed(uint64_t n)
{
  return (struct cel_range){ n, n };
}

static struct cel_size
known(struct cel_range r)
{
  return (struct cel_size){ true, r };
}

/* One call under estimation. */
struct calling {
  struct coster *c;
  const struct cel_expr *e;
  const struct cel_overload *o;
};

static struct cel_range
target_size(const struct calling *k)
{
  return cel_cost_size_or_any(k->c, k->e->u.call.target);
}

static struct cel_range
arg_size(const struct calling *k, uint32_t i)
{
  return cel_cost_size_or_any(k->c, k->e->u.call.args[i]);
}

static struct cost_call_estimate
costs(struct cel_range r)
{
  return (struct cost_call_estimate){ .cost = r };
}

static struct cost_call_estimate
costs_and_gives(struct cel_range r, struct cel_range size)
{
  return (struct cost_call_estimate){ .cost = r, .result = known(size) };
}

/* -- extensions of cel-go -- */

static struct cost_call_estimate
list_call(double factor, struct cel_range size)
{
  return costs_and_gives(cel_range_add(cel_range_scale(size, factor), fixed(11)), size);
}

/* A literal int argument, else `otherwise`; negative counts as 0. */
static uint64_t
literal_uint(const struct cel_expr *e, uint64_t otherwise)
{
  if (e->kind != EXPR_LITERAL || e->u.literal.kind != CEL_INT)
    return otherwise;
  return e->u.literal.u.i < 0 ? 0 : (uint64_t)e->u.literal.u.i;
}

static struct cost_call_estimate
sort_call(struct cel_range size, const struct cel_type *list)
{
  uint8_t item = list->params[0]->kind;

  return list_call(item == CEL_T_STRING || item == CEL_T_BYTES ? 2.1 : 2.0, cel_range_mul(size, size));
}

static bool
extension_cost(const struct calling *k, struct cost_call_estimate *ret)
{
  struct cel_expr *const *args = k->e->u.call.args;
  struct cel_range size;

  switch (k->o->cost) {
  case CEL_COST_LIST_OUT:
    size = target_size(k);
    *ret = list_call(1, fixed(literal_uint(args[1], size.max) - literal_uint(args[0], 0)));
    return true;
  case CEL_COST_RANGE:
    *ret = list_call(1, fixed(literal_uint(args[0], UINT64_MAX)));
    return true;
  case CEL_COST_REVERSE:
    *ret = list_call(1, target_size(k));
    return true;
  case CEL_COST_FLATTEN:
    *ret = list_call(k->e->u.call.nargs ? (double)literal_uint(args[0], UINT64_MAX) : 1.0, target_size(k));
    return true;
  case CEL_COST_DISTINCT:
    size = target_size(k);
    *ret = list_call(2, cel_range_mul(size, size));
    return true;
  case CEL_COST_SORT:
    *ret = sort_call(target_size(k), k->o->args[0]);
    return true;
  case CEL_COST_SORT_BY:
    *ret = sort_call(arg_size(k, 0), k->o->args[1]);
    return true;
  case CEL_COST_SETS:
  case CEL_COST_SETS_BOTH:
    size = cel_range_mul(arg_size(k, 0), arg_size(k, 1));
    *ret = costs(cel_range_add(cel_range_scale(size, k->o->cost == CEL_COST_SETS ? 1 : 2), fixed(1)));
    return true;
  default:
    return false;
  }
}

/* -- Kubernetes' functions, by name -- */

/* The size of a list's items, from its declaration; false when the target is no list. */
static bool
item_size(const struct calling *k, struct cel_range *ret, uint8_t *ret_kind)
{
  const struct cel_expr *list = k->e->u.call.target;
  const struct cost_path *path = cel_cost_path(k->c, list);
  struct cost_path items = { path, SPAN("@items") };
  struct cel_size s = { .known = false };

  if (!list->type->nparams)
    return false;
  if (path && span_is(path->name, CEL_ACCU) && !path->before)
    path = NULL;
  if (path)
    s = cel_cost_declared_size(k->c, &items);
  *ret = s.known ? s.range : CEL_RANGE_ANY;
  *ret_kind = list->type->params[0]->kind;
  return true;
}

static struct cost_call_estimate
traverse(const struct calling *k)
{
  struct cel_range each = fixed(1), item;
  uint8_t kind;

  if (item_size(k, &item, &kind)) {
    if (kind == CEL_T_STRING || kind == CEL_T_BYTES)
      each = cel_range_add(each, cel_range_scale(item, 0.1));
  } else if (strcmp(k->o->function, "includes") != 0) {
    return costs(cel_range_scale(target_size(k), 0.1));
  }
  return costs(cel_range_mul(target_size(k), each));
}

static uint64_t
divide_up(uint64_t x, uint64_t y)
{
  double d = __builtin_ceil((double)x / (double)y);

  return d >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)d;
}

/* How long a string can get, or stay, when its parts are replaced. */
static struct cel_range
replaced_size(struct cel_range s, struct cel_range old, struct cel_range new)
{
  struct cel_range count = { 0, 0 }, kept = { 0, 0 };

  if (old.min == 0) {
    count.max = s.max < UINT64_MAX ? s.max + 1 : s.max;
    kept.max = s.max;
  } else if (new.max <= old.min) {
    kept.max = s.max;
  } else {
    count.max = divide_up(s.max, old.min);
  }
  if (old.max == 0) {
    count.min = s.min < UINT64_MAX ? s.min + 1 : s.min;
    kept.min = s.min;
  } else if (old.max <= new.min) {
    kept.min = s.min;
  } else {
    count.min = divide_up(s.min, old.max);
  }
  return cel_range_add(cel_range_mul(count, new), kept);
}

static struct cost_call_estimate
split(const struct calling *k)
{
  struct cel_range size = target_size(k);
  uint64_t max = size.max;
  const struct cel_expr *limit = k->e->u.call.nargs > 1 ? k->e->u.call.args[1] : NULL;

  if (limit && limit->kind == EXPR_LITERAL && limit->u.literal.kind == CEL_INT)
    max = limit->u.literal.u.u;
  return costs_and_gives(cel_range_scale(size, 0.2), (struct cel_range){ 0, max });
}

static struct cost_call_estimate
join(const struct calling *k)
{
  struct cel_range list = target_size(k), size = { 0, 0 }, item, gaps;
  uint8_t kind;

  if (item_size(k, &item, &kind))
    size = cel_range_mul(list, item);
  if (k->e->u.call.nargs) {
    gaps = (struct cel_range){ list.min ? list.min - 1 : 0, list.max ? list.max - 1 : 0 };
    size = cel_range_add(size, cel_range_mul(arg_size(k, 0), gaps));
  }
  return costs_and_gives(cel_range_scale(size, 0.1), size);
}

static struct cost_call_estimate
find(const struct calling *k)
{
  struct cel_range size = target_size(k), text = cel_range_scale(cel_range_add(size, fixed(1)), 0.1);
  struct cel_range pattern = cel_range_scale(arg_size(k, 0), 0.25);

  return costs_and_gives(cel_range_mul(text, pattern), (struct cel_range){ 0, size.max });
}

static struct cost_call_estimate
contains_net(const struct calling *k, bool cidr)
{
  struct cel_range size = { 4, 16 }, cost = cel_range_scale(cel_range_add(size, size), 0.1);

  if (cidr)
    cost = cel_range_add(cel_range_add(cost, cel_range_scale(size, 0.1)), fixed(1));
  if (k->o->args[1] == &cel_string)
    cost = cel_range_add(cost, cel_range_scale(arg_size(k, 0), 0.1));
  return costs(cost);
}

#define FORMAT_SIZE_MAX  64  /* upstream: MaxFormatSize */
#define FORMAT_REGEX_MAX 128 /* upstream: MaxNameFormatRegexSize */

static bool
equal_cost(const struct calling *k, struct cost_call_estimate *ret)
{
  const struct cel_type *x = k->e->u.call.args[0]->type, *y = k->e->u.call.args[1]->type;
  struct cel_size size;

  if (x->kind != y->kind || (x->kind != CEL_T_OPAQUE && x->kind != CEL_T_STRUCT) || strcmp(x->name, y->name) != 0)
    return false;
  if (x->kind == CEL_T_OPAQUE
          ? x == &cel_ip_type || x == &cel_cidr_type
          : strcmp(x->name, cel_quantity_type.name) == 0 || x == &cel_semver_type || x == &cel_authorizer_type ||
                x == &cel_path_check_type || x == &cel_group_check_type || x == &cel_resource_check_type ||
                x == &cel_decision_type) {
    *ret = costs(fixed(1));
    return true;
  }
  if (x == &cel_format_type) {
    *ret = costs(cel_range_scale((struct cel_range){ 1, FORMAT_SIZE_MAX }, 0.1));
    return true;
  }
  if (x == &cel_url_type) {
    size = cel_cost_size(k->c, k->e->u.call.args[1]);
    *ret = costs(cel_range_scale((struct cel_range){ 1, size.known ? size.range.max : 1 }, 0.1));
    return true;
  }
  return false;
}

static struct cel_range
selector_cost(struct cel_range size)
{
  struct cel_range requirements = cel_range_scale(cel_range_scale(size, 0.5), 50);

  return cel_range_add(cel_range_add(fixed(10), cel_range_scale(size, 0.1)), requirements);
}

static uint8_t
cost_by_name(const struct cel_expr *e)
{
  const struct cel_function *f = e->u.call.decl;

  for (uint32_t i = 0; i < f->n; i++)
    if (f->overloads[i]->name_cost)
      return f->overloads[i]->name_cost;
  return 0;
}

static bool
kubernetes_cost(const struct calling *k, struct cost_call_estimate *ret)
{
  uint32_t nargs = k->e->u.call.nargs;
  bool method = k->e->u.call.target != NULL;
  struct cel_range size;

  switch (cost_by_name(k->e)) {
  case CEL_COST_CHECK:
    *ret = costs(fixed(350000));
    return true;
  case CEL_COST_NOMINAL:
    *ret = costs(fixed(1));
    return true;
  case CEL_COST_SELECTOR:
    if (nargs != 1)
      return false;
    *ret = costs(selector_cost(arg_size(k, 0)));
    return true;
  case CEL_COST_TRAVERSE:
    if (!method)
      return false;
    *ret = traverse(k);
    return true;
  case CEL_COST_URL:
    if (nargs != 1)
      return false;
    size = arg_size(k, 0);
    *ret = costs_and_gives(cel_range_scale(size, 0.1), size);
    return true;
  case CEL_COST_TRANSFORM:
    if (!method)
      return false;
    size = target_size(k);
    *ret = costs_and_gives(cel_range_scale(size, 0.1), size);
    return true;
  case CEL_COST_REPLACE:
    if (!method || nargs < 2)
      return false;
    size = target_size(k);
    *ret = costs_and_gives(cel_range_scale(size, 0.2), replaced_size(size, arg_size(k, 0), arg_size(k, 1)));
    return true;
  case CEL_COST_SPLIT:
    if (!method)
      return false;
    *ret = split(k);
    return true;
  case CEL_COST_JOIN:
    if (!method)
      return false;
    *ret = join(k);
    return true;
  case CEL_COST_FIND:
    if (!method || nargs < 1)
      return false;
    *ret = find(k);
    return true;
  case CEL_COST_PARSE:
    *ret = costs(method ? fixed(1) : cel_range_scale(arg_size(k, 0), 0.1)); /* the method is cidr.ip() */
    return true;
  case CEL_COST_CANONICAL:
    *ret = costs(cel_range_scale(arg_size(k, 0), 0.2));
    return true;
  case CEL_COST_CONTAINS_IP:
  case CEL_COST_CONTAINS_CIDR:
    *ret = contains_net(k, cost_by_name(k->e) == CEL_COST_CONTAINS_CIDR);
    return true;
  case CEL_COST_VALIDATE:
    if (nargs < 1)
      return false;
    *ret = costs(cel_range_scale(cel_range_scale(arg_size(k, 0), 0.1), FORMAT_REGEX_MAX * 0.25));
    return true;
  case CEL_COST_EQUAL:
    return nargs == 2 && equal_cost(k, ret);
  default:
    return false;
  }
}

/* -- the language's own -- */

static struct cost_call_estimate
compare(const struct calling *k)
{
  struct cel_range x = arg_size(k, 0), y = arg_size(k, 1), r;

  r.max = x.max < y.max ? x.max : y.max;
  r.min = r.max > 0;
  return costs(cel_range_scale(r, 0.1));
}

static struct cost_call_estimate
concat(const struct calling *k)
{
  struct cel_range size = cel_range_add(arg_size(k, 0), arg_size(k, 1));
  const struct cost_entry *entry = cel_cost_entry_union(k->c, cel_cost_entry(k->c, k->e->u.call.args[0]),
                                                        cel_cost_entry(k->c, k->e->u.call.args[1]));

  if (entry)
    k->c->known[k->e->id].entry = entry;
  return costs_and_gives(k->o->cost == CEL_COST_ADD_LIST ? fixed(1) : cel_range_scale(size, 0.1), size);
}

static struct cost_call_estimate
matches(const struct calling *k)
{
  bool method = k->e->u.call.target != NULL;
  struct cel_range text = method ? target_size(k) : arg_size(k, 0), pattern = arg_size(k, method ? 0 : 1);

  return costs(cel_range_mul(cel_range_scale(cel_range_add(text, fixed(1)), 0.1), cel_range_scale(pattern, 0.25)));
}

/* Only these say themselves what becomes of the arguments' costs. */
static bool
control_cost(const struct calling *k, const struct cel_range *args, struct cost_call_estimate *ret)
{
  struct cel_expr *const *e = k->e->u.call.args;
  const struct cost_entry *entry;

  if (k->o->cost == CEL_COST_LOGIC) {
    *ret = costs((struct cel_range){ args[0].min, cel_range_add(args[0], args[1]).max });
    return true;
  }
  if (k->o->cost != CEL_COST_TERNARY)
    return false;
  entry = cel_cost_entry_union(k->c, cel_cost_entry(k->c, e[1]), cel_cost_entry(k->c, e[2]));
  if (entry)
    k->c->known[k->e->id].entry = entry;
  *ret = costs_and_gives(cel_range_add(args[0], cel_range_union(args[1], args[2])),
                         cel_range_union(arg_size(k, 1), arg_size(k, 2)));
  return true;
}

static struct cost_call_estimate
language_cost(const struct calling *k)
{
  struct cel_range size;

  switch (k->o->cost) {
  case CEL_COST_FORMAT:
    return costs(cel_range_scale(target_size(k), 0.1));
  case CEL_COST_TO_BYTES:
    size = arg_size(k, 0);
    return costs_and_gives(cel_range_scale(size, 0.1), (struct cel_range){ size.min, size.max * 4 });
  case CEL_COST_TO_STRING:
    size = arg_size(k, 0);
    return costs_and_gives(cel_range_scale(size, 0.1), (struct cel_range){ size.min / 4, size.max });
  case CEL_COST_QUOTE:
    size = arg_size(k, 0);
    return costs_and_gives(cel_range_scale(size, 0.1), (struct cel_range){ size.min + 2, size.max * 2 + 2 });
  case CEL_COST_SCAN_ARG1:
    return costs(cel_range_scale(arg_size(k, 0), 0.1));
  case CEL_COST_IN_LIST:
    return costs(cel_range_scale(arg_size(k, 1), 1));
  case CEL_COST_MATCHES:
    return matches(k);
  case CEL_COST_CONTAINS:
    return costs(cel_range_mul(cel_range_scale(target_size(k), 0.1), cel_range_scale(arg_size(k, 0), 0.1)));
  case CEL_COST_CONCAT:
  case CEL_COST_ADD_LIST:
    return concat(k);
  case CEL_COST_COMPARE:
    return compare(k);
  default:
    return costs(fixed(1));
  }
}

struct cost_call_estimate
cel_cost_call(struct coster *c, const struct cel_expr *e, const struct cel_overload *o, const struct cel_range *args)
{
  struct calling k = { c, e, o };
  struct cost_call_estimate r;

  if (!extension_cost(&k, &r) && !kubernetes_cost(&k, &r)) {
    if (control_cost(&k, args, &r))
      return r;
    r = language_cost(&k);
  }
  for (uint32_t i = 0; i < e->u.call.nargs && i < CEL_ARGS_MAX; i++)
    r.cost = cel_range_add(r.cost, args[i]);
  return r;
}
