/*
 * cel_report - errors that name a field, as hosts of expressions report them.
 *
 * The counterpart of apimachinery's field.ErrorList for code below the API
 * server: what a rule of a CustomResourceDefinition or an expression of a
 * policy has against a definition or an object. Everything in a report lives
 * in its arena or in the trees that were given.
 */
#ifndef CEL_CEL_REPORT_H
#define CEL_CEL_REPORT_H

#include "arena.h"
#include "json.h"
#include "strbuf.h"

/* apimachinery's field.ErrorType, as far as needed. */
enum cel_fault {
  CEL_FAULT_INVALID,
  CEL_FAULT_REQUIRED,
  CEL_FAULT_FORBIDDEN,
  CEL_FAULT_DUPLICATE,
  CEL_FAULT_NOT_SUPPORTED,
  CEL_FAULT_INTERNAL,
};

struct cel_error {
  enum cel_fault fault;
  const char *field;        /* "spec.replicas"; "<nil>" for the root of an object, as upstream prints it */
  const struct json *value; /* of the field; NULL: not told (field.OmitValueType) */
  const char *detail;
};

struct cel_report {
  struct arena *a;
  struct cel_error *items;
  uint32_t n, cap;
};

void cel_report_add(struct cel_report *r, enum cel_fault fault, const char *field, const struct json *value,
                    const char *detail);
const char *cel_fault_name(enum cel_fault fault); /* "FieldValueInvalid" */
/* One line, as field.Error prints it: "spec.n: Invalid value: 3: failed rule: self > 3". */
void cel_error_text(struct strbuf *b, const struct cel_error *e);

#endif
