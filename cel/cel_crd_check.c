#include "cel_crd_internal.h"

#include "cel_cost.h"
#include "cel_decl.h"

#include <stdio.h>
#include <string.h>

/* Checking the rules of a definition (apiextensions-apiserver pkg/apis/apiextensions/validation, both files). */

/* Rules that make up most of a cost that is too high: at most four, each at least 1 % of the limit. */
#define EXPENSIVE_MAX 4
#define EXPENSIVE_MIN (CEL_CRD_TOTAL_COST_MAX / 100)

#define UNBOUNDED UINT64_MAX

struct check {
  const struct cel_crd_check *in;
  struct arena *a;
  struct cel_report *schema; /* errors that upstream calls schema errors */
  struct cel_report *rules;  /* and those of expressions, which stand after them */
  bool compile;              /* the schema is structural */
  uint64_t total;
  struct expensive {
    const char *field;
    uint64_t cost;
  } top[EXPENSIVE_MAX];
};

/* A node of the schema under check. */
struct node {
  const struct json *schema;
  const struct crd_path *path;
  uint64_t cardinality;                /* how many values of it an object can have; UNBOUNDED: no limit is declared */
  const struct crd_path *uncorrelated; /* the nearest list above whose items have no old values; NULL: none */
  bool root, compile;
};

/* -- small things -- */

static bool
has_newline(struct span s)
{
  return memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n);
}

static const struct crd_path *
below(struct check *c, const struct crd_path *before, const char *name)
{
  struct crd_path *p = arena_new_of(c->a, struct crd_path);

  *p = (struct crd_path){ .before = before, .kind = CRD_CHILD, .name = name };
  return p;
}

static const struct crd_path *
key_below(struct check *c, const struct crd_path *before, const char *name, const char *key)
{
  struct crd_path *p = arena_new_of(c->a, struct crd_path);

  *p = (struct crd_path){ .before = below(c, before, name), .kind = CRD_KEY, .name = key };
  return p;
}

static const struct crd_path *
item_below(struct check *c, const struct crd_path *before, const char *name, size_t i)
{
  struct crd_path *p = arena_new_of(c->a, struct crd_path);

  *p = (struct crd_path){ .before = below(c, before, name), .kind = CRD_INDEX, .index = i };
  return p;
}

/* The field `name` of rule i. */
static const char *
rule_field(struct check *c, const struct node *n, size_t i, const char *name)
{
  return crd_path_text(c->a, below(c, item_below(c, n->path, "x-kubernetes-validations", i), name));
}

/* -- what rules say besides their expressions -- */

static void
check_reason(struct check *c, const struct node *n, size_t i, const struct json *reason)
{
  enum cel_fault fault;

  if (!json_str(reason) || crd_reason_fault(json_str(reason), &fault))
    return;
  cel_report_add(c->schema, CEL_FAULT_NOT_SUPPORTED, rule_field(c, n, i, "reason"), reason,
                 "supported values: \"FieldValueDuplicate\", \"FieldValueForbidden\", \"FieldValueInvalid\", "
                 "\"FieldValueRequired\"");
}

static void
check_message(struct check *c, const struct node *n, size_t i, const struct json *rule)
{
  const struct json *message = json_get(rule, "message");
  struct span text = span_of(json_get_str_or(rule, "rule", "")), body = span_trim(text), said;

  said = span_trim(span_of(json_get_str_or(rule, "message", "")));
  if (!body.n)
    cel_report_add(c->schema, CEL_FAULT_REQUIRED, rule_field(c, n, i, "rule"), NULL, "rule is not specified");
  else if (*json_get_str_or(rule, "message", "") && !said.n)
    cel_report_add(c->schema, CEL_FAULT_INVALID, rule_field(c, n, i, "message"), message,
                   "must be non-empty if specified");
  else if (has_newline(said))
    cel_report_add(c->schema, CEL_FAULT_INVALID, rule_field(c, n, i, "message"), message,
                   "must not contain line breaks");
  else if (has_newline(body) && !said.n)
    cel_report_add(c->schema, CEL_FAULT_REQUIRED, rule_field(c, n, i, "message"), NULL,
                   "message must be specified if rule contains line breaks");
}

static void
check_field_path(struct check *c, const struct node *n, size_t i, const struct json *path)
{
  const char *text = json_str(path), *field = rule_field(c, n, i, "fieldPath");

  if (!text || !*text)
    return;
  if (!span_trim(span_of(text)).n)
    cel_report_add(c->schema, CEL_FAULT_INVALID, field, path, "must be non-empty if specified");
  if (has_newline(span_of(text)))
    cel_report_add(c->schema, CEL_FAULT_INVALID, field, path, "must not contain line breaks");
  if (!cel_crd_field_path(c->a, n->schema, text, true, NULL, NULL))
    cel_report_add(c->schema, CEL_FAULT_INVALID, field, path, "must be a valid path");
}

static void
check_texts(struct check *c, const struct node *n)
{
  const struct json *rules = crd_rules_of(n->schema);

  for (size_t i = 0; i < json_count(rules); i++) {
    const struct json *rule = json_at(rules, i);
    const char *expression = json_get_str_or(rule, "messageExpression", "");

    check_message(c, n, i, rule);
    if (*expression && !span_trim(span_of(expression)).n)
      cel_report_add(c->schema, CEL_FAULT_REQUIRED, rule_field(c, n, i, "messageExpression"), NULL,
                     "messageExpression must be non-empty if specified");
    check_reason(c, n, i, json_get(rule, "reason"));
    check_field_path(c, n, i, json_get(rule, "fieldPath"));
  }
}

/* -- expressions -- */

static const char *
cost_text(struct check *c, const char *what, uint64_t cost, uint64_t max)
{
  double factor = (double)cost / (double)max;
  char text[64];

  if (factor > 100)
    (void)snprintf(text, sizeof text, "more than 100x");
  else
    (void)snprintf(text, sizeof text, factor < 1.5 ? "%fx" : "%.1fx", factor);
  return arena_printf(c->a,
                      "%s exceeds budget by factor of %s (try simplifying the rule, or adding maxItems, "
                      "maxProperties, and maxLength where arrays, maps, and strings are declared)",
                      what, text);
}

static void
observe(struct check *c, const char *field, uint64_t cost)
{
  struct expensive e = { field, cost };

  c->total = cel_add_sat(c->total, cost);
  if (cost < EXPENSIVE_MIN)
    return;
  for (size_t i = 0; i < EXPENSIVE_MAX; i++) {
    if (!c->top[i].field || c->top[i].cost < e.cost) {
      struct expensive weaker = c->top[i];

      c->top[i] = e;
      e = weaker;
    }
  }
}

/* A rule as upstream shows it in errors: its internal structure, as JSON. */
static const struct json *
rule_value(struct check *c, const struct crd_rule *r)
{
  struct json *v = json_new_object(c->a);

  (void)json_set_str(c->a, v, "Rule", r->rule);
  (void)json_set_str(c->a, v, "Message", r->message);
  (void)json_set_str(c->a, v, "MessageExpression", r->message_expression);
  (void)json_set(c->a, v, "Reason", *r->reason ? json_new_str(c->a, r->reason) : json_new_null(c->a));
  (void)json_set_str(c->a, v, "FieldPath", r->field_path);
  (void)json_set(c->a, v, "OptionalOldSelf",
                 r->has_optional_old_self ? json_new_bool(c->a, r->optional_old_self) : json_new_null(c->a));
  return v;
}

static void
check_cost(struct check *c, const char *field, const char *what, uint64_t cost)
{
  if (!c->in->suppress_rule_cost && cost > CEL_CRD_RULE_COST_MAX)
    cel_report_add(c->rules, CEL_FAULT_FORBIDDEN, field, NULL, cost_text(c, what, cost, CEL_CRD_RULE_COST_MAX));
  observe(c, field, cost);
}

static void
check_rule(struct check *c, const struct node *n, size_t i, const struct crd_rules *rules)
{
  uint64_t cardinality = n->cardinality == UNBOUNDED ? rules->max_cardinality : n->cardinality;
  const char *field = rule_field(c, n, i, "rule"), *message = rule_field(c, n, i, "messageExpression");
  const struct crd_rule *r = &rules->v[i];

  check_cost(c, field, "estimated rule cost", cel_mul_sat(r->cost, r->code ? cardinality : 0));
  if (r->error)
    cel_report_add(c->rules, CEL_FAULT_INVALID, field, rule_value(c, r), r->error);
  if (r->message_error)
    cel_report_add(c->rules, CEL_FAULT_INVALID, message, rule_value(c, r), r->message_error);
  else if (r->message_code)
    check_cost(c, message, "estimated messageExpression cost", r->message_cost);
  if (r->uses_old_self && n->uncorrelated)
    cel_report_add(c->rules, CEL_FAULT_INVALID, field, json_new_str(c->a, r->rule),
                   arena_printf(c->a, "oldSelf cannot be used on the uncorrelatable portion of the schema within %s",
                                crd_path_text(c->a, n->uncorrelated)));
  else if (!r->uses_old_self && r->has_optional_old_self)
    cel_report_add(c->rules, CEL_FAULT_INVALID, rule_field(c, n, i, "optionalOldSelf"),
                   json_new_bool(c->a, r->optional_old_self), "may not be set if oldSelf is not used in rule");
}

/* Does the expression stand in a schema already? */
static bool
stands_in(const struct json *node, struct span expression)
{
  for (json_each_item (p, crd_rules_of(node)))
    if (span_is(expression, json_get_str_or(*p, "rule", "")) ||
        span_is(expression, json_get_str_or(*p, "messageExpression", "")))
      return true;
  for (json_each_member (m, json_get(node, "properties")))
    if (stands_in(m->value, expression))
      return true;
  return (json_is(json_get(node, "items"), JSON_OBJECT) && stands_in(json_get(node, "items"), expression)) ||
         (cel_decl_additional(node) && stands_in(cel_decl_additional(node), expression));
}

static bool
is_stored(const void *arg, struct span expression)
{
  const struct cel_crd_check *in = arg;

  for (size_t i = 0; i < in->n_old; i++)
    if (stands_in(in->old[i], expression))
      return true;
  return false;
}

static void
check_expressions(struct check *c, const struct node *n)
{
  struct crd_rules rules;

  crd_rules_compile(&rules, c->a, n->schema, n->root || cel_decl_is_embedded(n->schema), is_stored, c->in);
  if (!rules.typed)
    cel_report_add(c->rules, CEL_FAULT_INTERNAL, crd_path_text(c->a, below(c, n->path, "x-kubernetes-validations")),
                   NULL,
                   "internal error: failed to construct type information for x-kubernetes-validations rules: unable to "
                   "convert structural schema to CEL declarations");
  for (uint32_t i = 0; rules.typed && i < rules.n; i++)
    check_rule(c, n, i, &rules);
  crd_rules_release(&rules);
}

/* -- walking -- */

static uint64_t
declared_max(const struct json *schema, const char *name)
{
  const struct json *v = json_get(schema, name);

  if (!json_is(v, JSON_INT))
    return UNBOUNDED;
  return v->u.integer < 0 ? 0 : (uint64_t)v->u.integer;
}

/* How often a value of this schema has each of its parts. */
static uint64_t
parts(const struct json *schema)
{
  const char *type = json_get_str_or(schema, "type", "");

  if (strcmp(type, "array") == 0)
    return declared_max(schema, "maxItems");
  if (strcmp(type, "object") == 0 && json_get(schema, "additionalProperties"))
    return declared_max(schema, "maxProperties");
  return 1;
}

static struct node
child(const struct node *n, const struct json *schema, const struct crd_path *path)
{
  uint64_t of = parts(n->schema);

  return (struct node){ .schema = schema,
                        .path = path,
                        .uncorrelated = n->uncorrelated,
                        .compile = n->compile,
                        .cardinality = n->cardinality == UNBOUNDED || of == UNBOUNDED
                                           ? UNBOUNDED
                                           : cel_mul_sat(n->cardinality, of) };
}

static void check_node(struct check *c, const struct node *n);

static void
check_logical(struct check *c, const struct node *n)
{
  static const char *const lists[] = { "allOf", "oneOf", "anyOf" };
  const struct json *not_ = json_get(n->schema, "not");
  struct node sub;

  if (json_is(not_, JSON_OBJECT)) {
    sub = child(n, not_, below(c, n->path, "not"));
    sub.compile = false;
    check_node(c, &sub);
  }
  for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
    const struct json *list = json_get(n->schema, lists[k]);

    for (size_t i = 0; i < json_count(list); i++) {
      sub = child(n, json_at(list, i), item_below(c, n->path, lists[k], i));
      sub.compile = false;
      check_node(c, &sub);
    }
  }
}

static void
check_below(struct check *c, const struct node *n)
{
  const struct json *more = cel_decl_additional(n->schema), *items = json_get(n->schema, "items");
  struct node sub;

  if (more) {
    sub = child(n, more, below(c, n->path, "additionalProperties"));
    check_node(c, &sub);
  }
  for (json_each_member (m, json_get(n->schema, "properties"))) {
    sub = child(n, m->value, key_below(c, n->path, "properties", m->name));
    check_node(c, &sub);
  }
  check_logical(c, n);
  if (json_is(items, JSON_OBJECT)) {
    sub = child(n, items, below(c, n->path, "items"));
    if (strcmp(json_get_str_or(n->schema, "x-kubernetes-list-type", ""), "map") != 0 && !sub.uncorrelated)
      sub.uncorrelated = n->path;
    check_node(c, &sub);
  }
}

static void
check_node(struct check *c, const struct node *n)
{
  uint32_t before = c->schema->n;

  check_below(c, n);
  check_texts(c, n);
  if (crd_rules_of(n->schema) && n->compile && c->compile && c->schema->n == before &&
      !(c->in->broken && c->in->broken(c->in->arg, n->schema)))
    check_expressions(c, n);
}

/* -- rules in places where a structural schema has none -- */

static void forbid_below(struct check *c, const struct json *schema, const struct crd_path *path, bool nested);

static void
forbid(struct check *c, const struct json *schema, const struct crd_path *path, bool nested)
{
  if (!json_is(schema, JSON_OBJECT))
    return;
  forbid_below(c, schema, path, nested);
  if (nested && crd_rules_of(schema))
    cel_report_add(c->schema, CEL_FAULT_FORBIDDEN, crd_path_text(c->a, below(c, path, "x-kubernetes-validations")),
                   NULL, "must be empty to be structural");
}

static void
forbid_below(struct check *c, const struct json *schema, const struct crd_path *path, bool nested)
{
  static const char *const lists[] = { "anyOf", "allOf", "oneOf" };

  for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
    const struct json *list = json_get(schema, lists[k]);

    for (size_t i = 0; i < json_count(list); i++)
      forbid(c, json_at(list, i), item_below(c, path, lists[k], i), true);
  }
  forbid(c, json_get(schema, "not"), below(c, path, "not"), true);
  forbid(c, json_get(schema, "items"), below(c, path, "items"), nested);
  forbid(c, json_get(schema, "additionalProperties"), below(c, path, "additionalProperties"), nested);
  for (json_each_member (m, json_get(schema, "properties")))
    forbid(c, m->value, key_below(c, path, "properties", m->name), nested);
}

/* -- all -- */

static void
check_total(struct check *c)
{
  if (c->total <= CEL_CRD_TOTAL_COST_MAX)
    return;
  for (size_t i = 0; i < EXPENSIVE_MAX && c->top[i].field; i++)
    cel_report_add(c->rules, CEL_FAULT_FORBIDDEN, c->top[i].field, NULL,
                   "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema");
  cel_report_add(c->rules, CEL_FAULT_FORBIDDEN, c->in->path, NULL,
                 cost_text(c, "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema",
                           c->total, CEL_CRD_TOTAL_COST_MAX));
}

void
cel_crd_check(const struct cel_crd_check *in, struct cel_report *report)
{
  struct cel_report rules = { .a = report->a };
  struct check c = { .in = in, .a = report->a, .schema = report, .rules = &rules };
  uint32_t before = report->n;
  struct crd_path path = { .kind = CRD_CHILD, .name = in->path };
  struct node root = { .schema = in->schema, .path = &path, .cardinality = 1, .root = true, .compile = true };

  forbid_below(&c, in->schema, &path, false);
  c.compile = report->n == before;
  check_node(&c, &root);
  check_total(&c);
  for (uint32_t i = 0; i < rules.n; i++)
    cel_report_add(report, rules.items[i].fault, rules.items[i].field, rules.items[i].value, rules.items[i].detail);
}
