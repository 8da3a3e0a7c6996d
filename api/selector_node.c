/* Node selectors and tolerations: k8s.io/component-helpers/scheduling/corev1. */
#include <string.h>

#include "ceilings.h"
#include "number.h"
#include "object.h"
#include "requirement.h"
#include "selector.h"

#define SUPPORTED_OPS    "supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\", \"Gt\", \"Lt\""
#define SUPPORTED_FIELDS "supported values: \"In\", \"NotIn\""

static bool
op_of(const char *name, enum label_op *ret)
{
  static const struct {
    const char *name;
    enum label_op op;
  } rows[] = {
    { "In", OP_IN }, { "NotIn", OP_NOT_IN }, { "Exists", OP_EXISTS }, { "DoesNotExist", OP_NOT_EXISTS },
    { "Gt", OP_GT }, { "Lt", OP_LT },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (strcmp(rows[i].name, name) == 0) {
      *ret = rows[i].op;
      return true;
    }
  return false;
}

/* One matchExpression; errors are added to `errs`. */
static bool
expression_matches(const struct json *e, const struct json *labels, const char *path, struct field_errors *errs)
{
  const struct json *values = json_get(e, "values");
  const char *op = json_get_str_or(e, "operator", "");
  struct requirement r = { .key = json_get_str_or(e, "key", "") };

  if (!op_of(op, &r.op)) {
    field_errors_add_str(errs, FIELD_NOT_SUPPORTED, arena_printf(errs->a, "%s.operator", path), op, SUPPORTED_OPS);
    return false;
  }
  r.values = arena_array_of(errs->a, const char *, json_count(values));
  for (json_each_item (v, values))
    r.values[r.n++] = json_str(*v) ? json_str(*v) : "";
  requirement_check(&r, path, !values, errs);
  return requirement_matches(&r, labels);
}

/* One matchField; metadata.name is the only field that a node has here, others are empty. */
static bool
field_matches(const struct json *e, const struct json *node, const char *path, struct field_errors *errs)
{
  const struct json *values = json_get(e, "values");
  const char *op = json_get_str_or(e, "operator", ""), *name = object_name(node);
  bool in = strcmp(op, "In") == 0;
  struct span value = json_span(json_at(values, 0));

  if (!in && strcmp(op, "NotIn") != 0) {
    field_errors_add_str(errs, FIELD_NOT_SUPPORTED, arena_printf(errs->a, "%s.operator", path), op, SUPPORTED_FIELDS);
    return false;
  }
  if (json_count(values) != 1) {
    field_errors_add(errs, FIELD_INVALID, arena_printf(errs->a, "%s.values", path),
                     values ? json_text(errs->a, values, JSON_HTML) : "null", "must have one element");
    return false;
  }
  if (!*name)
    return true;
  return span_is(value, strcmp(json_get_str_or(e, "key", ""), "metadata.name") == 0 ? name : "") == in;
}

/* A term is an AND; a broken one is reported and does not match. */
static bool
term_matches(const struct json *term, const struct json *node, size_t number, struct field_errors *errs)
{
  const struct json *expressions = json_get(term, "matchExpressions"), *fields = json_get(term, "matchFields");
  size_t before = errs->n;
  bool match = true;

  if (!json_count(expressions) && !json_count(fields))
    return false;
  for (size_t i = 0; i < json_count(expressions); i++) {
    const char *path = arena_printf(errs->a, "nodeSelectorTerms[%zu].matchExpressions[%zu]", number, i);

    match = expression_matches(json_at(expressions, i), object_labels(node), path, errs) && match;
  }
  for (size_t i = 0; i < json_count(fields); i++) {
    const char *path = arena_printf(errs->a, "nodeSelectorTerms[%zu].matchFields[%zu]", number, i);

    match = field_matches(json_at(fields, i), node, path, errs) && match;
  }
  return match && errs->n == before;
}

int
node_selector_matches(const struct json *selector, const struct json *node, bool *ret, struct kerr *reterr)
{
  const struct json *terms = json_get(selector, "nodeSelectorTerms");
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct field_errors errs = { .a = a };
  bool match = !selector || json_is(selector, JSON_NULL);

  for (size_t i = 0; !match && i < json_count(terms); i++)
    match = term_matches(json_at(terms, i), node, i, &errs);
  if (!match && errs.n) /* only when no term matches */
    return kerr_set(reterr, KERR_INVALID, NULL, "%s", field_errors_text(a, &errs));
  *ret = match;
  return 0;
}

/* -- tolerations -- */

/* content.IsDecimalInteger: no plus, no idle zeros. */
static bool
decimal_integer(const char *text, int64_t *ret)
{
  const char *digits = text + (*text == '-');

  return *text != '+' && !(digits[0] == '0' && (digits[1] || digits != text)) && number_int64(span_of(text), ret);
}

static bool
compares(const char *op, const char *tolerated, const char *tainted)
{
  int64_t toleration, taint;

  if (!decimal_integer(tolerated, &toleration) || !decimal_integer(tainted, &taint))
    return false;
  return strcmp(op, "Lt") == 0 ? taint < toleration : taint > toleration;
}

bool
toleration_tolerates(const struct json *toleration, const struct json *taint, bool comparisons)
{
  const char *effect = json_get_str_or(toleration, "effect", ""), *key = json_get_str_or(toleration, "key", "");
  const char *op = json_get_str_or(toleration, "operator", ""), *value = json_get_str_or(toleration, "value", "");

  if (*effect && strcmp(effect, json_get_str_or(taint, "effect", "")) != 0)
    return false;
  if (*key && strcmp(key, json_get_str_or(taint, "key", "")) != 0)
    return false;
  if (!*op || strcmp(op, "Equal") == 0)
    return strcmp(value, json_get_str_or(taint, "value", "")) == 0;
  if (strcmp(op, "Exists") == 0)
    return true;
  return comparisons && (strcmp(op, "Lt") == 0 || strcmp(op, "Gt") == 0) &&
         compares(op, value, json_get_str_or(taint, "value", ""));
}

bool
tolerations_tolerate(const struct json *tolerations, const struct json *taint)
{
  for (json_each_item (t, tolerations))
    if (toleration_tolerates(*t, taint, false))
      return true;
  return false;
}
