#include "cel_crd_internal.h"

#include "ceilings.h"
#include "cel_decl.h"

#include <string.h>

/*
 * Validating an object (apiextensions-apiserver pkg/apiserver/schema/cel/validation.go): a tree of the nodes that have
 * rules at or below them, walked along with the object.
 */

struct crd_node {
  const struct json *schema; /* of the value; for a whole object with its metadata */
  const char *type;
  struct crd_rules rules;
  const struct crd_node *items, *additional;
  struct crd_prop *props;
  uint32_t n_props;
};

struct crd_prop {
  const char *name;
  const struct crd_node *node;
};

struct cel_crd {
  struct arena *arena;
  const struct json *schema;
  const struct crd_node *root;
};

#define CRD_MEMORY_MAX ((size_t)2048 * MiB)

/* -- compiling -- */

static bool
always_stored(const void *arg, struct span expression)
{
  (void)arg;
  (void)expression;
  return true;
}

static bool
has_rules(const struct json *node)
{
  const struct json *items = json_get(node, "items"), *more = cel_decl_additional(node);

  if (crd_rules_of(node) || (json_is(items, JSON_OBJECT) && has_rules(items)) || (more && has_rules(more)))
    return true;
  for (json_each_member (m, json_get(node, "properties")))
    if (has_rules(m->value))
      return true;
  return false;
}

static void
release_rules(void *rules)
{
  crd_rules_release(rules);
}

/* The node with everything below it that has rules; NULL when nothing has. */
static const struct crd_node *
node_new(struct arena *a, const struct json *schema, bool root)
{
  const struct json *items = json_get(schema, "items"), *more = cel_decl_additional(schema),
                    *props = json_get(schema, "properties");
  struct crd_node *n;

  if (!has_rules(schema))
    return NULL;
  n = arena_new_of(a, struct crd_node);
  n->schema = root ? cel_decl_with_meta(a, schema) : schema;
  n->type = json_get_str_or(schema, "type", "");
  if (crd_rules_of(schema)) {
    crd_rules_compile(&n->rules, a, schema, root, always_stored, NULL);
    arena_defer(a, release_rules, &n->rules);
  }
  if (json_is(items, JSON_OBJECT))
    n->items = node_new(a, items, cel_decl_is_embedded(items));
  if (more)
    n->additional = node_new(a, more, cel_decl_is_embedded(more));
  n->props = arena_array_of(a, struct crd_prop, json_count(props) + 1);
  for (json_each_member (m, props)) {
    const struct crd_node *child = node_new(a, m->value, cel_decl_is_embedded(m->value));

    if (child && cel_decl_type(a, m->value, cel_decl_is_embedded(m->value), m->name).type)
      n->props[n->n_props++] = (struct crd_prop){ m->name, child };
  }
  return n;
}

struct cel_crd *
cel_crd_new(const struct json *schema)
{
  struct cel_crd *c;

  if (!has_rules(schema))
    return NULL;
  c = mem_alloc(sizeof *c);
  c->arena = arena_new(CRD_MEMORY_MAX);
  c->schema = json_copy(c->arena, schema);
  c->root = node_new(c->arena, c->schema, true);
  return c;
}

void
cel_crd_free(struct cel_crd *c)
{
  if (!c)
    return;
  arena_free(c->arena);
  free(c);
}

/* -- one object under validation -- */

struct run {
  struct arena *values;  /* of the object, as long as the run */
  struct arena *scratch; /* of one expression */
  struct cel_report *errors, *ratcheted;
  int64_t budget; /* negative: nothing more is run */
};

/* Where a run stands: a value with its path, its old value, and what is known of how it came about. */
struct place {
  const struct crd_path *path;
  const struct json *value, *old;
  const struct cel_value *self, *old_self; /* made already, as part of something larger; NULL: not yet */
  /* Ratcheting: the old value by schema, or when there is none, that of the nearest node above that has one. */
  struct crd_pair now, above;
  bool at_root;
};

static bool
may_ratchet(const struct place *p)
{
  return p->now.known ? crd_pair_equal(p->now) : p->above.known && crd_pair_equal(p->above);
}

/* The part at a name, or (name NULL) an index, of what p is about. */
static struct place
place_below(const struct place *p, const struct crd_path *path, const struct json *value, const struct json *old)
{
  struct place child = { .path = path, .value = value, .old = old };

  if (!p->now.known) {
    child.now = p->now;
    child.above = p->above;
  } else if (p->at_root && path->name && (strcmp(path->name, "apiVersion") == 0 || strcmp(path->name, "kind") == 0)) {
    return child; /* of another version, perhaps: both were converted, so nobody sees the change */
  } else {
    child.now = path->name ? crd_pair_key(p->now, path->name, strlen(path->name)) : crd_pair_index(p->now, path->index);
    child.above = p->now;
  }
  return child;
}

/* -- messages -- */

static const char *
rule_text(struct arena *a, const struct crd_rule *r)
{
  struct span s = span_trim(span_of(*r->message ? r->message : r->rule));

  return arena_strndup(a, s.p, s.n);
}

static const char *
default_message(struct arena *a, const struct crd_rule *r)
{
  const char *text = rule_text(a, r);

  return *r->message ? text : arena_printf(a, "failed rule: %s", text);
}

static void
add_error(struct run *run, const struct place *p, const struct crd_rule *r, enum cel_fault fault, const char *field,
          const struct json *value, const char *detail)
{
  struct cel_report *to = r->uses_old_self || !may_ratchet(p) ? run->errors : run->ratcheted;

  if (to)
    cel_report_add(to, fault, field, value, detail);
}

/* What keeps a node's rules from being answered; the value is its type, as upstream has it. */
static void
add_problem(struct run *run, const struct crd_node *n, const struct place *p, const char *detail)
{
  struct arena *a = run->errors->a;

  cel_report_add(run->errors, CEL_FAULT_INVALID, crd_path_text(a, p->path), json_new_str(a, n->type), detail);
}

static void
stop_without_budget(struct run *run, const struct crd_node *n, const struct place *p)
{
  add_problem(run, n, p,
              "validation failed due to running out of cost budget, no further validation rules will be run");
  run->budget = -1;
}

/* The value of an expression, its cost taken from the budget; false when that was not enough. */
static bool
run_code(struct run *run, const struct cel_code *code, const struct cel_value *vars, struct cel_value *ret)
{
  struct cel_run r = { .vars = vars, .arena = run->scratch, .limit = CEL_CRD_CALL_COST_MAX };

  arena_reset(run->scratch);
  *ret = cel_code_run(code, &r);
  if (r.cost > INT64_MAX || (int64_t)r.cost > run->budget)
    return false;
  run->budget -= (int64_t)r.cost;
  return true;
}

static bool
begins(struct cel_value error, const char *text)
{
  return span_starts(cel_span(error), span_of(text));
}

#define OVER_LIMIT  "operation cancelled: actual cost limit exceeded"
#define MESSAGE_MAX (5 * 1024) /* MaxEvaluatedMessageExpressionSizeBytes */

/* What messageExpression says; NULL: it is of no use; or (budget negative) *ret_error ends the run. */
static const char *
expressed_message(struct run *run, const struct crd_rule *r, const struct cel_value *vars, const char **ret_error)
{
  struct arena *a = run->errors->a;
  struct cel_value v;
  struct span s;

  *ret_error = NULL;
  if (!run_code(run, r->message_code, vars, &v)) {
    *ret_error = "messageExpression evaluation failed due to running out of cost budget, no further validation rules "
                 "will be run";
  } else if (cel_is_error(v) && begins(v, OVER_LIMIT)) {
    *ret_error = arena_printf(a,
                              "no further validation rules will be run due to call cost exceeds limit for "
                              "messageExpression: %s",
                              cel_quoted(a, span_of(r->message_expression)));
  }
  if (*ret_error) {
    run->budget = -1;
    return NULL;
  }
  if (v.kind != CEL_STRING)
    return NULL;
  s = span_trim(cel_span(v));
  return s.n == 0 || s.n > MESSAGE_MAX || memchr(s.p, '\n', s.n) ? NULL : arena_strndup(a, s.p, s.n);
}

static void
report_failure(struct run *run, const struct crd_node *n, const struct place *p, const struct crd_rule *r,
               const struct cel_value *vars)
{
  struct arena *a = run->errors->a;
  const char *field = crd_path_text(a, p->path), *detail = NULL, *fatal = NULL;
  const struct json *value = strcmp(n->type, "object") == 0 || strcmp(n->type, "array") == 0 ? NULL : p->value;
  enum cel_fault fault = CEL_FAULT_INVALID;

  (void)crd_reason_fault(r->reason, &fault);
  if (r->path && *r->path)
    field = p->path ? arena_printf(a, "%s.%s", field, r->path) : r->path;
  if (r->message_code)
    detail = expressed_message(run, r, vars, &fatal);
  if (fatal) {
    add_error(run, p, r, CEL_FAULT_INVALID, field, json_new_str(a, n->type), fatal);
    return;
  }
  if (!detail)
    detail = default_message(a, r);
  add_error(run, p, r, fault, field, value, fault == CEL_FAULT_DUPLICATE ? "" : detail);
}

/* -- rules -- */

static void
report_error(struct run *run, const struct crd_node *n, const struct place *p, const struct crd_rule *r,
             struct cel_value v)
{
  struct arena *a = run->errors->a;
  const char *text = rule_text(a, r), *detail;

  if (begins(v, "no such overload")) {
    detail = arena_printf(a,
                          "'%.*s': call arguments did not match a supported operator, function or macro signature for "
                          "rule: %s",
                          SPAN_FMT(cel_span(v)), text);
  } else if (begins(v, OVER_LIMIT)) {
    detail =
        arena_printf(a, "'%.*s': no further validation rules will be run due to call cost exceeds limit for rule: %s",
                     SPAN_FMT(cel_span(v)), text);
    run->budget = -1;
  } else {
    detail = arena_printf(a, "%.*s evaluating rule: %s", SPAN_FMT(cel_span(v)), text);
  }
  add_problem(run, n, p, detail);
}

static void
run_rule(struct run *run, const struct crd_node *n, const struct place *p, const struct crd_rule *r,
         const struct cel_value *vars, const struct cel_value *message_vars)
{
  struct cel_value v;

  if (r->error) {
    add_problem(run, n, p, arena_printf(run->errors->a, "rule compile error: %s", r->error));
  } else if (!r->code) {
    return;
  } else if (!run_code(run, r->code, vars, &v)) {
    stop_without_budget(run, n, p);
  } else if (cel_is_error(v)) {
    report_error(run, n, p, r, v);
  } else if (!cel_is_true(v)) {
    report_failure(run, n, p, r, message_vars);
  }
}

/* The value as the rules of this node see it, made at most once for all nodes. */
static void
see(struct run *run, const struct crd_node *n, struct place *p)
{
  struct cel_value *v;

  if (!p->self) {
    v = arena_new_of(run->values, struct cel_value);
    *v = cel_decl_value(run->values, n->schema, p->value);
    p->self = v;
  }
  if (!p->old_self && p->old && n->rules.uses_old_self) {
    v = arena_new_of(run->values, struct cel_value);
    *v = cel_decl_value(run->values, n->schema, p->old);
    p->old_self = v;
  }
}

static void
run_rules(struct run *run, const struct crd_node *n, struct place *p)
{
  struct cel_value vars[CRD_VARS], optional[CRD_VARS];

  if (!n->rules.typed) {
    add_problem(run, n, p,
                "rule compiler initialization error: failed to convert to declType for CEL validation rules");
    return;
  }
  if (run->budget <= 0) {
    stop_without_budget(run, n, p);
    return;
  }
  see(run, n, p);
  vars[CRD_SELF] = optional[CRD_SELF] = *p->self;
  vars[CRD_OLD_SELF] = p->old_self ? *p->old_self : cel_fail("no such attribute(s): oldSelf");
  optional[CRD_OLD_SELF] = p->old_self ? cel_some(run->values, *p->old_self) : cel_none();
  for (uint32_t i = 0; i < n->rules.n && run->budget >= 0; i++) {
    const struct crd_rule *r = &n->rules.v[i];

    /* a rule about a change is not asked when there is nothing to compare with, unless it says it wants to be */
    if (r->uses_old_self && !p->old && !r->optional_old_self)
      continue;
    run_rule(run, n, p, r, r->optional_old_self ? optional : vars, vars);
  }
}

/* -- walking -- */

static void run_node(struct run *run, const struct crd_node *n, struct place p);

/* What has been made of a member already. */
static const struct cel_value *
member(const struct cel_value *whole, const char *name, size_t n)
{
  return whole && whole->kind == CEL_MAP ? cel_map_member(whole->u.map, span_make(name, n)) : NULL;
}

static const struct crd_node *
property(const struct crd_node *n, const char *name)
{
  for (uint32_t i = 0; i < n->n_props; i++)
    if (strcmp(n->props[i].name, name) == 0)
      return n->props[i].node;
  return NULL;
}

static void
run_members(struct run *run, const struct crd_node *n, const struct place *p, bool keys)
{
  for (json_each_member (m, p->value)) {
    struct crd_path path = { .before = p->path, .kind = keys ? CRD_KEY : CRD_CHILD, .name = m->name };
    const struct crd_node *below = keys ? n->additional : property(n, m->name);
    struct place child;

    if (!below || run->budget < 0)
      continue;
    child = place_below(p, &path, m->value, json_get_n(p->old, m->name, m->name_len));
    child.self = member(p->self, m->name, m->name_len);
    child.old_self = member(p->old_self, m->name, m->name_len);
    run_node(run, below, child);
  }
}

static void
run_items(struct run *run, const struct crd_node *n, const struct place *p)
{
  for (size_t i = 0; i < json_count(p->value) && run->budget >= 0; i++) {
    struct crd_path path = { .before = p->path, .kind = CRD_INDEX, .index = i };
    struct place child =
        place_below(p, &path, json_at(p->value, i), crd_list_find(n->schema, p->old, json_at(p->value, i), i));

    if (p->self && p->self->kind == CEL_LIST)
      child.self = &p->self->u.list->items[i];
    run_node(run, n->items, child);
  }
}

static void
run_node(struct run *run, const struct crd_node *n, struct place p)
{
  if (!p.value || json_is(p.value, JSON_NULL))
    return;
  if (json_is(p.old, JSON_NULL))
    p.old = NULL;
  if (n->rules.n)
    run_rules(run, n, &p);
  if (json_is(p.value, JSON_ARRAY) && n->items)
    run_items(run, n, &p);
  if (json_is(p.value, JSON_OBJECT) && n->additional)
    run_members(run, n, &p, true);
  if (json_is(p.value, JSON_OBJECT) && n->n_props)
    run_members(run, n, &p, false);
}

static void
run_tree(const struct crd_node *n, struct place p, int64_t *budget, struct cel_report *errors,
         struct cel_report *ratcheted)
{
  _cleanup_arena_ struct arena *values = arena_new(CRD_MEMORY_MAX), *scratch = arena_new(CRD_MEMORY_MAX);
  struct run run = {
    .values = values, .scratch = scratch, .errors = errors, .ratcheted = ratcheted, .budget = CEL_CRD_RUN_COST_BUDGET
  };

  if (budget)
    run.budget = *budget;
  run_node(&run, n, p);
  if (budget)
    *budget = run.budget;
}

void
cel_crd_validate(const struct cel_crd *c, const struct cel_crd_object *o, struct cel_report *errors)
{
  struct place root = { .value = o->object, .old = o->old, .at_root = true };

  if (!c)
    return;
  root.now = (struct crd_pair){ o->object, o->old, c->schema, o->old != NULL };
  run_tree(c->root, root, o->budget, errors, o->ratcheted);
}

void
cel_crd_validate_value(const struct json *node, bool root, const char *path, const struct json *value, int64_t *budget,
                       struct cel_report *errors)
{
  _cleanup_arena_ struct arena *a = arena_new(CRD_MEMORY_MAX);
  const struct crd_node *n = node_new(a, node, root);
  struct crd_path at = { .kind = CRD_CHILD, .name = path };

  if (n)
    run_tree(n, (struct place){ .path = path ? &at : NULL, .value = value }, budget, errors, NULL);
}
