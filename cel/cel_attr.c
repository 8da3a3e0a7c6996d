#include "cel_eval.h"

/*
 * Chains: a root and steps into it, x.y["z"].w (cel-go interpreter/attributes.go). Of chains that begin at a variable
 * the plain steps are followed once in a run, however often they stand in the expression (cel_chain.c).
 */

static struct cel_value
missing_key(struct cel_eval *ev, struct cel_value key)
{
  if (key.kind == CEL_STRING)
    return cel_failf(ev->a, "no such key: %.*s", (int)key.n, key.u.s);
  return cel_failf(ev->a, "no such key: %s", cel_print_text(ev->a, key));
}

static struct cel_value
list_index(struct cel_eval *ev, struct cel_value key, int64_t *ret)
{
  if (key.kind == CEL_INT) {
    *ret = key.u.i;
  } else if (key.kind == CEL_UINT && key.u.u <= INT64_MAX) {
    *ret = key.u.i;
  } else if (key.kind == CEL_DOUBLE && key.u.d > -9.2e18 && key.u.d < 9.2e18 && (double)(int64_t)key.u.d == key.u.d) {
    *ret = (int64_t)key.u.d;
  } else if (key.kind == CEL_UINT || key.kind == CEL_DOUBLE) {
    return cel_failf(ev->a, "unsupported index value %s in list", cel_print_text(ev->a, key));
  } else {
    return cel_failf(ev->a, "unsupported index type '%s' in list", cel_type_name(key));
  }
  return cel_of_bool(true);
}

/*
 * One step into v. With `presence`, what is missing is no error: *present tells.
 * A STEP_FIELD brings the hash of its key.
 */
static struct cel_value
step_into(struct cel_eval *ev, struct cel_value v, struct cel_value key, const uint32_t *hash, bool presence,
          bool *present)
{
  const struct cel_value *found;
  struct cel_value r;
  int64_t i = 0;

  *present = true;
  if (v.kind == CEL_MAP) {
    if (hash && v.u.map->source)
      found = cel_map_from_source(v.u.map, cel_span(key));
    else
      found = hash ? cel_map_find_str(v.u.map, cel_span(key), *hash) : cel_map_find(v.u.map, key);
    if (found)
      return cel_force(*found);
    if (v.u.map->from && key.kind != CEL_STRING)
      return cel_no_overload();
  } else if (v.kind == CEL_LIST) {
    r = list_index(ev, key, &i);
    if (cel_is_error(r)) {
      *present = false;
      return r;
    }
    if (i >= 0 && (uint64_t)i < v.u.list->n)
      return v.u.list->items[i];
    if (!presence)
      return cel_failf(ev->a, "index out of bounds: %s", cel_print_text(ev->a, key));
  }
  *present = false;
  return presence ? cel_none() : missing_key(ev, key);
}

static struct cel_value
step_key(struct cel_eval *ev, const struct cel_step *s, struct cel_value *ret)
{
  struct cel_value key = s->node->op == OP_ATTR ? cel_eval_attr(ev, s->node, true) : cel_eval_node(ev, s->node);

  if (cel_is_error(key))
    return key;
  if (key.kind < CEL_BOOL || key.kind > CEL_STRING)
    return cel_failf(ev->a, "invalid qualifier type: %s", cel_go_name(key));
  *ret = key;
  return cel_of_bool(true);
}

/* The steps of a chain from number `i` on, into v. */
static struct cel_value
eval_steps(struct cel_eval *ev, const struct cel_node *n, struct cel_value v, uint32_t i)
{
  bool optional = i == 0 && v.kind == CEL_OPTIONAL, present;

  if (optional) {
    if (!v.u.some)
      return v;
    v = *v.u.some;
  }
  for (; i < n->n; i++) {
    const struct cel_step *s = &n->u.attr.steps[i];
    struct cel_value key = s->key;

    optional |= s->optional;
    present = false;
    if (s->kind == STEP_NODE) {
      struct cel_value r = step_key(ev, s, &key);

      if (cel_is_fatal(r))
        return r;
      v = cel_is_error(r) ? r : step_into(ev, v, key, NULL, optional, &present);
    } else {
      v = step_into(ev, v, key, s->kind == STEP_FIELD ? &s->hash : NULL, optional || s->test_only, &present);
    }
    if (!optional || present) {
      ev->cost++;
      if (__builtin_expect(ev->cost > ev->limit, 0))
        return cel_over_limit();
    }
    if (cel_is_error(v))
      return v;
    if (optional && !present)
      return cel_none();
    if (s->test_only)
      v = optional ? cel_of_null() : cel_of_bool(present);
  }
  return optional ? cel_some(ev->a, v) : v;
}

/* The plain steps of a chain, each at most once in a run where several expressions share it; *cost: how many. */
static struct cel_value
follow(struct cel_eval *ev, const struct cel_chain *c, uint32_t slot, uint32_t *cost)
{
  struct cel_memo *memo = c->memo ? &ev->memos[c->memo - 1] : NULL;
  struct cel_value v = ev->vars[slot];
  bool present;

  *cost = 0;
  if (memo && memo->set) {
    *cost = memo->cost;
    return memo->value;
  }
  if (c->before)
    v = follow(ev, c->before, slot, cost);
  if (!cel_is_error(v)) {
    v = step_into(ev, v, c->step->key, c->step->kind == STEP_FIELD ? &c->step->hash : NULL, false, &present);
    ++*cost;
  }
  if (memo)
    *memo = (struct cel_memo){ v, *cost, true };
  return v;
}

/* A chain that starts at a variable of the environment. */
static struct cel_value
eval_var(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v = ev->vars[n->slot];
  uint32_t cost, at = 0;

  if (cel_is_error(v))
    return v;
  if (n->u.attr.chain && v.kind != CEL_OPTIONAL) {
    struct cel_value end = follow(ev, n->u.attr.chain, n->slot, &cost);

    if (ev->cost + cost <= ev->limit) { /* else step by step, to stop where upstream does */
      ev->cost += cost;
      if (cel_is_error(end))
        return end;
      v = end;
      at = n->u.attr.chain->length;
    }
  }
  return at < n->n ? eval_steps(ev, n, v, at) : v;
}

static struct cel_value
eval_local(struct cel_eval *ev, uint32_t slot)
{
  struct cel_slot *s = &ev->slots[slot];
  const struct cel_node *init = s->init;

  if (!init)
    return s->value;
  s->init = NULL;
  s->value = cel_eval_node(ev, init);
  if (s->value.kind == CEL_LIST && s->value.u.list->n == 0) {
    s->value = cel_list_new(ev->a, 0);
    s->value.u.list->growing = true;
  } else if (s->value.kind == CEL_MAP && s->value.u.map->n == 0 && !s->value.u.map->object && !s->value.u.map->source) {
    s->value = cel_map_new(ev->a, 0);
    s->value.u.map->growing = true;
  }
  return s->value;
}

static struct cel_value
eval_branch(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value c = cel_eval_node(ev, n->u.attr.base);
  const struct cel_node *branch;

  if (c.kind != CEL_BOOL)
    return cel_is_error(c) ? c : cel_no_overload();
  branch = c.u.b ? n->u.attr.yes : n->u.attr.no;
  return branch->op == OP_ATTR ? cel_eval_attr(ev, branch, true) : cel_eval_node(ev, branch);
}

/* `raw`: as a part of something else, which pays for it and reads has() itself. */
struct cel_value
cel_eval_attr(struct cel_eval *ev, const struct cel_node *n, bool raw)
{
  uint64_t cost = n->root == ROOT_TERNARY ? 0 : 1;
  struct cel_value v;

  switch ((enum cel_root)n->root) {
  case ROOT_VAR:
    v = eval_var(ev, n);
    break;
  case ROOT_LOCAL:
    v = eval_local(ev, n->slot);
    break;
  case ROOT_NODE:
    v = cel_eval_node(ev, n->u.attr.base);
    break;
  case ROOT_TERNARY:
  default:
    v = eval_branch(ev, n);
    break;
  }
  if (n->n && n->root != ROOT_VAR && !cel_is_error(v))
    v = eval_steps(ev, n, v, 0);
  if (cel_is_fatal(v) || raw)
    return v;
  if (n->test_only) {
    cost--;
    if (v.kind == CEL_OPTIONAL)
      v = cel_of_bool(v.u.some != NULL);
  }
  return cel_charge(ev, cost, v);
}
