#include "cel_cost.h"
#include "cel_eval.h"

#include <math.h>

/*
 * What a call costs at run time: cel-go's interpreter/runtimecost.go, the
 * trackers of its extensions (ext/lists.go, ext/sets.go) and Kubernetes'
 * CostEstimator.CallCost (apiserver library/cost.go).
 */

static uint64_t
size_of(struct cel_value v)
{
  uint64_t n;

  return cel_size(v, &n) ? n : 1;
}

/* As size_of, looking into an optional. */
static uint64_t
std_size(struct cel_value v)
{
  while (v.kind == CEL_OPTIONAL && v.u.some)
    v = *v.u.some;
  return size_of(v);
}

/* ceil(n * 0.1), which for sizes that can be is the same in whole numbers. */
static uint64_t
scan(uint64_t n)
{
  return n / 10 + (n % 10 != 0);
}

static uint64_t
scan_twice(uint64_t n)
{
  return scan(n * 2);
}

static uint64_t
regex_cost(uint64_t text, uint64_t pattern)
{
  return scan(text + 1) * (pattern / 4 + (pattern % 4 != 0));
}

static uint64_t
traversal(struct cel_value v)
{
  uint64_t cost = 0;

  switch (v.kind) {
  case CEL_STRING:
  case CEL_BYTES:
    return (uint64_t)((double)v.n * 0.1);
  case CEL_LIST:
    for (uint32_t i = 0; i < v.u.list->n; i++)
      cost += traversal(v.u.list->items[i]);
    return cost;
  case CEL_MAP:
    for (uint32_t i = 0; i < cel_map_filled(v.u.map)->n; i++)
      cost += traversal(v.u.map->entries[i].key) + traversal(v.u.map->entries[i].value);
    return cost;
  default:
    return 1;
  }
}

/* A call that makes a list: 1, 10 for the list, and `factor` for each of `size`. */
static uint64_t
list_call(double factor, uint64_t size)
{
  double d = (double)size * (factor < 0 ? 1.0 : factor);

  return cel_add_sat(cel_add_sat(d >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)d, 1), 10);
}

static uint64_t
self_compare(struct cel_value v)
{
  uint64_t n = size_of(v);
  double factor = 2;

  if (v.kind == CEL_LIST && v.u.list->n &&
      (v.u.list->items[0].kind == CEL_STRING || v.u.list->items[0].kind == CEL_BYTES))
    factor += 0.1;
  return list_call(factor, cel_mul_sat(n, n));
}

static uint64_t
compare(const struct cel_value *args)
{
  uint64_t x = std_size(args[0]), y = std_size(args[1]);

  return scan(x < y ? x : y);
}

static uint64_t
contains_cidr(const struct cel_node *n, const struct cel_value *args)
{
  uint64_t size = size_of(args[0]), cost = scan(size + size) + scan(size) + 1;

  if (n->u.call.overload && n->u.call.overload->args[1] == &cel_string)
    cost += scan(size_of(args[1]));
  return cost;
}

static uint64_t
contains_ip(const struct cel_node *n, const struct cel_value *args)
{
  uint64_t size = size_of(args[0]), cost = scan(size + size);

  if (n->u.call.overload && n->u.call.overload->args[1] == &cel_string)
    cost += scan(size_of(args[1]));
  return cost;
}

static uint64_t
selector(struct cel_value text)
{
  uint64_t n = size_of(text);

  return 10 + scan(n) + (uint64_t)ceil(ceil((double)n * 0.5) * 50);
}

uint64_t
cel_call_cost(const struct cel_node *n, const struct cel_value *args, unsigned nargs, struct cel_value result)
{
  switch ((enum cel_cost)n->cost) {
  case CEL_COST_SCAN_ARG1:
    return scan(std_size(args[1]));
  case CEL_COST_SCAN_ARG0:
  case CEL_COST_TO_BYTES:
  case CEL_COST_TO_STRING:
  case CEL_COST_QUOTE:
  case CEL_COST_FORMAT:
    return scan(std_size(args[0]));
  case CEL_COST_IN_LIST:
    return std_size(args[1]);
  case CEL_COST_EQUAL:
    if (args[0].kind >= CEL_QUANTITY)
      return 1;
    return compare(args);
  case CEL_COST_COMPARE:
    return compare(args);
  case CEL_COST_CONCAT:
    return scan(std_size(args[0]) + std_size(args[1]));
  case CEL_COST_MATCHES:
    return regex_cost(std_size(args[0]), std_size(args[1]));
  case CEL_COST_CONTAINS:
    return scan(std_size(args[0])) * scan(std_size(args[1]));
  case CEL_COST_CHECK:
    return 350000;
  case CEL_COST_SELECTOR:
    return nargs >= 2 ? selector(args[1]) : 1;
  case CEL_COST_TRAVERSE:
    return nargs ? traversal(args[0]) : 0;
  case CEL_COST_URL:
  case CEL_COST_TRANSFORM:
    return nargs ? scan(size_of(args[0])) : 1;
  case CEL_COST_PARSE:
    if (args[0].kind == CEL_CIDR) /* cidr.ip() */
      return 1;
    return scan(size_of(args[0]));
  case CEL_COST_REPLACE:
  case CEL_COST_SPLIT:
  case CEL_COST_CANONICAL:
    return nargs ? scan_twice(size_of(args[0])) : 1;
  case CEL_COST_JOIN:
    return nargs ? scan_twice(size_of(result)) : 1;
  case CEL_COST_FIND:
    return nargs >= 2 ? regex_cost(size_of(args[0]), size_of(args[1])) : 1;
  case CEL_COST_CONTAINS_IP:
    return contains_ip(n, args);
  case CEL_COST_CONTAINS_CIDR:
    return contains_cidr(n, args);
  case CEL_COST_VALIDATE:
    if (nargs >= 2 && args[0].kind == CEL_FORMAT)
      return regex_cost(size_of(args[1]), cel_format_regex_size(args[0].u.format));
    return 1;
  case CEL_COST_LIST_OUT:
  case CEL_COST_RANGE:
  case CEL_COST_REVERSE:
    return list_call(1, size_of(result));
  case CEL_COST_FLATTEN:
    return list_call(nargs == 2 && args[1].kind == CEL_INT ? (double)args[1].u.i : 1.0, size_of(args[0]));
  case CEL_COST_DISTINCT:
  case CEL_COST_SORT:
    return self_compare(args[0]);
  case CEL_COST_SORT_BY:
    return self_compare(args[1]);
  case CEL_COST_SETS:
    return cel_add_sat(1, (uint64_t)(double)(size_of(args[0]) * size_of(args[1])));
  case CEL_COST_SETS_BOTH:
    return cel_add_sat(1, (uint64_t)((double)(size_of(args[0]) * size_of(args[1])) * 2.0));
  case CEL_COST_ONE:
  case CEL_COST_NOMINAL:
  case CEL_COST_ADD_LIST:
  case CEL_COST_LOGIC:
  case CEL_COST_TERNARY:
  case CEL_COST_INDEX_LIST:
  case CEL_COST_INDEX_MAP:
    break;
  }
  return 1;
}
