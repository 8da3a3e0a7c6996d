#include "cel_report.h"

#include "cel_value.h"

#include <string.h>

/* apimachinery pkg/util/validation/field/errors.go */
static const struct {
  const char *name, *text;
  bool without_value;
} faults[] = {
  [CEL_FAULT_INVALID] = { "FieldValueInvalid", "Invalid value", false },
  [CEL_FAULT_REQUIRED] = { "FieldValueRequired", "Required value", true },
  [CEL_FAULT_FORBIDDEN] = { "FieldValueForbidden", "Forbidden", true },
  [CEL_FAULT_DUPLICATE] = { "FieldValueDuplicate", "Duplicate value", false },
  [CEL_FAULT_NOT_SUPPORTED] = { "FieldValueNotSupported", "Unsupported value", false },
  [CEL_FAULT_INTERNAL] = { "InternalError", "Internal error", true },
};

void
cel_report_add(struct cel_report *r, enum cel_fault fault, const char *field, const struct json *value,
               const char *detail)
{
  if (r->n == r->cap) {
    uint32_t cap = r->cap ? r->cap * 2 : 8;
    struct cel_error *items = arena_array_of(r->a, struct cel_error, cap);

    if (r->n)
      memcpy(items, r->items, sizeof *items * r->n);
    r->items = items;
    r->cap = cap;
  }
  r->items[r->n++] = (struct cel_error){ fault, field, value, detail };
}

const char *
cel_fault_name(enum cel_fault fault)
{
  return faults[fault].name;
}

void
cel_error_text(struct strbuf *b, const struct cel_error *e)
{
  strbuf_printf(b, "%s: %s", e->field, faults[e->fault].text);
  if (e->value && !faults[e->fault].without_value) {
    strbuf_puts(b, ": ");
    if (json_is(e->value, JSON_STRING))
      cel_quote(b, json_span(e->value));
    else if (json_is(e->value, JSON_NUMBER))
      cel_print_double(b, json_double(e->value), 21);
    else
      json_write(b, e->value, JSON_HTML);
  }
  if (*e->detail)
    strbuf_printf(b, ": %s", e->detail);
}
