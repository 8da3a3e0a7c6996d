/* Label and node selectors: meta/v1/validation, core/validation (ValidateNodeSelector). */
#include "validate_internal.h"

static const char needs_values[] = "must be specified when `operator` is 'In' or 'NotIn'";
static const char no_values[] = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";

enum operator{ OP_SET, OP_EXISTS, OP_ORDER, OP_UNKNOWN };

static enum operator operator_of(const struct json *requirement)
{
  struct span op = json_text_of(requirement, "operator");
  if (span_is(op, "In") || span_is(op, "NotIn"))
    return OP_SET;
  if (span_is(op, "Exists") || span_is(op, "DoesNotExist"))
    return OP_EXISTS;
  return span_is(op, "Gt") || span_is(op, "Lt") ? OP_ORDER : OP_UNKNOWN;
}

/* Key and values as those of labels; `any_value`: only the key. */
static void
check_label(struct validation *v, const struct vpath *path, const struct json *r, bool any_value)
{
  const struct json *values = json_get(r, "values");
  verr_format(v, VP(path, "key"), json_text_of(r, "key"), TEXT_LABEL_KEY);
  const struct vpath *at = VP(path, "values");
  for (size_t i = 0; i < json_count(values) && !any_value; i++)
    if (json_is(json_at(values, i), JSON_STRING))
      verr_format(v, VP_ITEM(at, i), json_span(json_at(values, i)), TEXT_LABEL_VALUE);
}

static void
check_values(struct validation *v, const struct vpath *path, const struct json *r)
{
  const struct json *values = json_get(r, "values");
  enum operator op = operator_of(r);
  if (op == OP_SET && !json_count(values))
    verr_required(v, VP(path, "values"), needs_values);
  else if (op == OP_EXISTS && json_count(values))
    verr_forbidden(v, VP(path, "values"), no_values);
}

void
validate_field_requirement(struct validation *v, const struct vpath *path, const struct json *r)
{
  if (!json_text_of(r, "key").n)
    verr_required(v, VP(path, "key"), "must be specified");
  check_values(v, path, r);
}

void
validate_label_requirement(struct validation *v, const struct vpath *path, const struct json *r)
{
  check_values(v, path, r);
  check_label(v, path, r, false);
}

static void
check_requirement(struct validation *v, const struct vpath *path, const struct json *r, bool ordered, bool any_value)
{
  enum operator op = operator_of(r);
  check_values(v, path, r);
  if (op == OP_ORDER && ordered && json_count(json_get(r, "values")) != 1)
    verr_required(v, VP(path, "values"), "must be specified single value when `operator` is 'Lt' or 'Gt'");
  else if (op == OP_UNKNOWN || (op == OP_ORDER && !ordered))
    verr_invalid(v, VP(path, "operator"), json_text_of(r, "operator"), "not a valid selector operator");
  check_label(v, path, r, any_value);
}

void
validate_label_selector(struct validation *v, const struct vpath *path, const struct json *selector)
{
  validate_labels(v, VP(path, "matchLabels"), json_get(selector, "matchLabels"));
  const struct json *list = json_get(selector, "matchExpressions");
  for (size_t i = 0; i < json_count(list); i++)
    check_requirement(v, VP_ITEM(VP(path, "matchExpressions"), i), json_at(list, i), false, false);
}

static void
check_field_requirement(struct validation *v, const struct vpath *path, const struct json *r)
{
  const struct json *values = json_get(r, "values");
  if (operator_of(r) != OP_SET)
    verr_invalid(v, VP(path, "operator"), json_text_of(r, "operator"), "not a valid selector operator");
  else if (json_count(values) != 1)
    verr_required(v, VP(path, "values"),
                  "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  if (!span_is(json_text_of(r, "key"), "metadata.name")) {
    verr_invalid(v, VP(path, "key"), json_text_of(r, "key"), "not a valid field selector key");
    return;
  }
  const struct vpath *at = VP(path, "values");
  for (size_t i = 0; i < json_count(values); i++)
    if (json_is(json_at(values, i), JSON_STRING))
      verr_format(v, VP_ITEM(at, i), json_span(json_at(values, i)), TEXT_DNS_SUBDOMAIN);
}

void
validate_node_selector_term(struct validation *v, const struct vpath *path, const struct json *term, bool any_value)
{
  const struct json *labels = json_get(term, "matchExpressions"), *fields = json_get(term, "matchFields");
  for (size_t i = 0; i < json_count(labels); i++)
    check_requirement(v, VP_ITEM(VP(path, "matchExpressions"), i), json_at(labels, i), true, any_value);
  for (size_t i = 0; i < json_count(fields); i++)
    check_field_requirement(v, VP_ITEM(VP(path, "matchFields"), i), json_at(fields, i));
}

void
validate_node_selector(struct validation *v, const struct vpath *path, const struct json *selector)
{
  const struct json *terms = json_get(selector, "nodeSelectorTerms");
  const struct vpath *at = VP(path, "nodeSelectorTerms");
  if (!json_count(terms))
    verr_required(v, at, "must have at least one node selector term");
  for (size_t i = 0; i < json_count(terms); i++)
    validate_node_selector_term(v, VP_ITEM(at, i), json_at(terms, i), false);
}
