/*
 * status - metav1.Status: how an API server says no, and how a client reads it.
 *
 * The server collects field errors (k8s.io/apimachinery field.Error) in a list,
 * and turns a kerr or such a list into a Status document with upstream's
 * message, reason, details and causes. The client turns a Status document back
 * into a kerr.
 */
#ifndef API_STATUS_H
#define API_STATUS_H

#include "json.h"

/* field.ErrorType: value in causes[].reason, and the words that begin the message */
#define FIELD_ERROR_TYPES(X)                                      \
  X(NOT_FOUND, "FieldValueNotFound", "Not found")                 \
  X(REQUIRED, "FieldValueRequired", "Required value")             \
  X(DUPLICATE, "FieldValueDuplicate", "Duplicate value")          \
  X(INVALID, "FieldValueInvalid", "Invalid value")                \
  X(NOT_SUPPORTED, "FieldValueNotSupported", "Unsupported value") \
  X(FORBIDDEN, "FieldValueForbidden", "Forbidden")                \
  X(TOO_LONG, "FieldValueTooLong", "Too long")                    \
  X(TOO_SHORT, "FieldValueTooShort", "Too short")                 \
  X(TOO_MANY, "FieldValueTooMany", "Too many")                    \
  X(TOO_FEW, "FieldValueTooFew", "Too few")                       \
  X(INTERNAL, "InternalError", "Internal error")                  \
  X(TYPE_INVALID, "FieldValueTypeInvalid", "Invalid value")

enum field_error_type {
#define X(name, reason, words) FIELD_##name,
  FIELD_ERROR_TYPES(X)
#undef X
};

struct field_error {
  enum field_error_type type;
  const char *field; /* "spec.devices.requests[0].name" */
  const char *value; /* the offending value as upstream prints it (`"x"`, `3`, `null`), or NULL for types without one */
  const char *detail; /* "" when there is none */
};

struct field_errors {
  struct arena *a;
  struct field_error *list;
  size_t n, cap;
};

/* Append. `field`, `value` are copied into errs->a; the text is the detail. */
void field_errors_add(struct field_errors *errs, enum field_error_type type, const char *field, const char *value,
                      const char *fmt, ...) _printf_(5, 6);
/* The same for a value that is a string: quoted as Go's %q does. */
void field_errors_add_str(struct field_errors *errs, enum field_error_type type, const char *field, const char *value,
                          const char *fmt, ...) _printf_(5, 6);
/* The message of one error without its field: `Invalid value: "x": must be ...` (field.Error.ErrorBody). */
char *field_error_body(struct arena *a, const struct field_error *e);
/* As utilerrors.Aggregate prints a list: `a`, or `[a, b]`. */
char *field_errors_text(struct arena *a, const struct field_errors *errs);

/* What the error is about: goes into Status.details. Members may be "" or NULL. */
struct status_subject {
  const char *group, *resource, *kind, *name, *uid;
};

/*
 * A Status (apiVersion v1) for `err`; the message of a kerr is upstream's whole message. `retry_after` 0: none.
 * Details are given where upstream gives them: group, resource and name with the errors about an object, none with
 * those about a request. An `about` without any name makes the empty details of upstream's generic answers.
 * KERR_INTERNAL counts as an InternalError when its message begins with "Internal error occurred: ", else as an error
 * without a reason.
 */
struct json *status_from_kerr(struct arena *a, const struct kerr *err, const struct status_subject *about,
                              int retry_after);
/* 422: `Kind.group "name" is invalid: ...` with causes. */
struct json *status_invalid(struct arena *a, const struct status_subject *about, const struct field_errors *errs);
/* Append to details.causes; members that are NULL are left out. */
void status_add_cause(struct arena *a, struct json *status, const char *reason, const char *message, const char *field);
/* Success, as DELETE answers: details name the object. */
struct json *status_success(struct arena *a, const struct status_subject *about);

/* Upstream's messages about one object: the caller gives them to kerr_set. `resource` in group `group`. */
char *status_text_not_found(struct arena *a, const struct status_subject *about); /* things.group "x" not found */
char *status_text_already_exists(struct arena *a,
                                 const struct status_subject *about); /* things.group "x" already exists */
char *status_text_conflict(struct arena *a, const struct status_subject *about,
                           const char *why); /* Operation cannot be ... */
char *status_text_forbidden(struct arena *a, const struct status_subject *about,
                            const char *why); /* things "x" is forbidden: why */

/* Fill `reterr` from a Status document (or from anything else a server may have sent; NULL). Returns -code. */
int status_to_kerr(const struct json *status, int http_status, struct kerr *reterr);

#endif
