#include "crd_rules.h"

void
rules_take_report(const struct cel_report *report, struct field_errors *errs)
{
  static const enum field_error_type types[] = {
    [CEL_FAULT_INVALID] = FIELD_INVALID,
    [CEL_FAULT_REQUIRED] = FIELD_REQUIRED,
    [CEL_FAULT_FORBIDDEN] = FIELD_FORBIDDEN,
    [CEL_FAULT_DUPLICATE] = FIELD_DUPLICATE,
    [CEL_FAULT_NOT_SUPPORTED] = FIELD_NOT_SUPPORTED,
    [CEL_FAULT_INTERNAL] = FIELD_INTERNAL,
  };

  for (uint32_t i = 0; i < report->n; i++) {
    const struct cel_error *e = &report->items[i];

    field_errors_add(errs, types[e->fault], e->field, e->value ? json_text(errs->a, e->value, JSON_HTML) : NULL, "%s",
                     e->detail ? e->detail : "");
  }
}

void
rules_check_object(const struct cel_crd *rules, const struct json *o, const struct json *old, struct field_errors *errs)
{
  int64_t budget = CEL_CRD_RUN_COST_BUDGET;
  struct cel_crd_object object = { .object = o, .old = old, .budget = &budget };
  struct cel_report report = { .a = errs->a };

  cel_crd_validate(rules, &object, &report);
  rules_take_report(&report, errs);
}
