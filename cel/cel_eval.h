/*
 * cel_eval - a program and its run.
 *
 * The planner (cel_plan.c) turns a checked tree into an array of nodes:
 * variables are slots, constants are folded where cel-go folds them, and
 * chains of selections are one node each. The evaluator (cel_eval.c) walks it;
 * how deep is bounded by the parser's limits. Every node adds to the cost what
 * cel-go's cost tracker adds, and the run stops when that passes the limit.
 *
 * A program is immutable: any number of threads may run it, each with an
 * arena of its own.
 */
#ifndef CEL_CEL_EVAL_H
#define CEL_CEL_EVAL_H

#include "cel_ast.h"
#include "cel_env.h"
#include "cel_value.h"

enum cel_op {
  OP_CONST,
  OP_ATTR, /* a value and steps into it: x.y[z].w, (c ? a : b).w */
  OP_AND,
  OP_OR,
  OP_EQ,
  OP_NE,
  OP_CALL,
  OP_NOT_FALSE,  /* @not_strictly_false: an error counts as true */
  OP_MEMBERSHIP, /* in, over a constant list */
  OP_OR_ELSE,    /* optional.or(), orValue() */
  OP_LIST,
  OP_MAP,
  OP_STRUCT,
  OP_FOLD,
  OP_EXISTS, /* folds of the macros' making; step is the predicate */
  OP_ALL,
  OP_PREPARED, /* value: what a function makes of constants; slot: what that costs */
};

/* Comparisons, for OP_CALL: of integers, the evaluator makes them itself. */
enum cel_order { ORDER_NONE, ORDER_LESS, ORDER_LESS_EQUAL, ORDER_GREATER, ORDER_GREATER_EQUAL };

enum cel_root {
  ROOT_VAR,   /* of the environment */
  ROOT_LOCAL, /* of a fold */
  ROOT_NODE,  /* any other expression */
  ROOT_TERNARY,
};

enum cel_step_kind {
  STEP_FIELD, /* constant string */
  STEP_CONST, /* any other constant */
  STEP_NODE,  /* computed */
};

struct cel_step {
  uint8_t kind;
  bool optional, test_only;
  uint32_t hash; /* STEP_FIELD */
  struct cel_value key;
  const struct cel_node *node;
};

/* The plain steps of one or more chains, as a tree: each is the one before it and a step more. */
struct cel_chain {
  const struct cel_chain *before; /* NULL: the variable itself */
  const struct cel_step *step;
  uint32_t length;
  uint32_t memo; /* where a run keeps its value, + 1; 0: nowhere, as nobody shares it */
};

struct cel_node {
  uint8_t op;
  uint8_t root;   /* OP_ATTR */
  bool test_only; /* OP_ATTR: has() */
  bool flag;      /* OP_OR_ELSE: orValue; OP_CALL: stop at the first argument that fails */
  uint8_t cost;   /* enum cel_cost, OP_CALL */
  uint8_t order;  /* enum cel_order, OP_CALL */
  uint32_t id;
  uint32_t pos;
  uint32_t n; /* children, steps or items */
  uint32_t slot;
  union {
    struct cel_value value; /* OP_CONST */
    struct {
      struct cel_step *steps;
      uint32_t cap;
      uint32_t memo;                          /* of the chain, when that is all and shared; else 0 */
      const struct cel_node *base, *yes, *no; /* ROOT_NODE; ROOT_TERNARY: its condition and branches */
      const struct cel_chain *chain;          /* ROOT_VAR: the plain steps it begins with; NULL: none */
    } attr;
    struct {
      struct cel_node *const *args;
      const struct cel_overload *overload; /* the one that applies; NULL: see the values */
      const struct cel_function *function;
      const struct cel_regex *regex; /* compiled already */
    } call;
    struct {
      const struct cel_node *arg;
      const struct cel_map *set;
    } member;
    struct {
      struct cel_node *const *nodes; /* keys and values in turn, for maps */
      const bool *optional;
      const struct cel_item *fields;
      const struct cel_type *type;
    } items;
    struct {
      const struct cel_node *range, *init, *cond, *step, *result;
      uint32_t var, var2, accu; /* slots; var2 0: one variable */
    } fold;
  } u;
};

struct cel_program {
  const struct cel_node *root;
  uint32_t nslots, nmemos;
  const struct cel_type *type; /* of the result */
  struct cel_regex *regexes;   /* compiled constants, to be freed with the program */
};

struct cel_slot {
  struct cel_value value;
  const struct cel_node *init; /* an accumulator not asked for yet */
};

/* A chain that has been followed: what it came to, and what that cost. */
struct cel_memo {
  struct cel_value value;
  uint32_t cost;
  bool set;
};

struct cel_eval {
  struct arena *a;
  const struct cel_value *vars; /* by slot of the environment */
  struct cel_slot *slots;
  struct cel_memo *memos;
  uint64_t cost, limit;
  const void *const
      *big; /* quantities that a comparison has turned into big decimals, when they are not ours to change */
  uint32_t nbig;
  uint32_t loops;
  size_t memory_end;              /* of the arena: where this run has had its share */
  bool (*interrupted)(void *arg); /* asked now and then; NULL: never */
  void *interrupted_arg;
  bool planning; /* folding a constant: what it makes must not change later */
};

/* NULL and the message after "program instantiation failed: ", when upstream fails there. */
const struct cel_program *cel_plan(struct cel_unit *u, const char **ret_error);
void cel_program_release(const struct cel_program *p);

struct cel_value cel_run(struct cel_eval *ev, const struct cel_program *p);
struct cel_value cel_eval_node(struct cel_eval *ev, const struct cel_node *n);

/* The value of a node, without a call when it is a constant, or a chain that has been followed. */
static inline struct cel_value
cel_eval_operand(struct cel_eval *ev, const struct cel_node *n)
{
  const struct cel_memo *memo;

  if (n->op == OP_CONST)
    return n->u.value;
  if (n->op == OP_ATTR && n->u.attr.memo) {
    memo = &ev->memos[n->u.attr.memo - 1];
    if (memo->set && ev->cost + memo->cost < ev->limit) {
      ev->cost += memo->cost + 1; /* the steps, and the chain */
      return memo->value;
    }
  }
  return cel_eval_node(ev, n);
}

/* A chain (cel_attr.c). `raw`: as a part of something else, which pays for it and reads has() itself. */
struct cel_value cel_eval_attr(struct cel_eval *ev, const struct cel_node *n, bool raw);
/* Find what the chains of a program share; `attrs` are its n OP_ATTR nodes (cel_chain.c). */
void cel_chains_share(struct cel_program *p, struct arena *a, struct cel_node *const *attrs, uint32_t n);
/*
 * Memory for a result of n bytes, or NULL when this run has had its share: then return cel_out_of_memory().
 * Upstream has no such limit; its costs do not always cover what a call allocates.
 */
#define CEL_MEMORY_MAX ((size_t)64 * 1024 * 1024)
bool cel_has_room(const struct cel_eval *ev, size_t n);
void *cel_alloc(struct cel_eval *ev, size_t n);
struct cel_value cel_out_of_memory(void);
/* Call a function by its implementation, as a node would; for folding. */
struct cel_value cel_call_impl(struct cel_eval *ev, const struct cel_node *n, const struct cel_value *args,
                               unsigned nargs);
/* matches, find, findAll with the regex that the node holds. */
struct cel_value cel_call_regex(struct cel_eval *ev, const struct cel_node *n, const struct cel_value *args,
                                unsigned nargs);
/* What the call has cost (cel_cost_run.c). */
uint64_t cel_call_cost(const struct cel_node *n, const struct cel_value *args, unsigned nargs, struct cel_value result);
bool cel_eval_is_big(const struct cel_eval *ev, const struct cel_quantity *q);
void cel_eval_make_big(struct cel_eval *ev, struct cel_quantity *q);

static inline struct cel_value
cel_fatal(const char *text)
{
  struct cel_value v = cel_fail(text);

  v.sub = CEL_SUB_FATAL;
  return v;
}

static inline struct cel_value
cel_over_limit(void)
{
  return cel_fatal("operation cancelled: actual cost limit exceeded");
}

/* Add to the cost; the value, or the end of the run. */
static inline struct cel_value
cel_charge(struct cel_eval *ev, uint64_t cost, struct cel_value v)
{
  ev->cost += cost;
  if (__builtin_expect(ev->cost > ev->limit, 0) && !cel_is_fatal(v))
    return cel_over_limit();
  return v;
}

#endif
