/*
 * kerr - the one way a failure travels.
 *
 * A `struct kerr` lives on the caller's stack, zeroed by KERR_INIT, and is
 * passed last, as `reterr`. A function that returns 0 has not touched it; a
 * function that returns a negative code has filled it exactly once. Callers
 * wrap on the way up, never overwrite: writing to a filled error aborts.
 *
 * `field` is the JSON path of the value at fault, in upstream's spelling
 * (`spec.devices.requests[0].name`), and ends up in Status.details.causes.
 * Only the HTTP layer turns codes into status numbers.
 *
 * Threading: an error belongs to the thread that owns its stack frame.
 */
#ifndef BASE_KERR_H
#define BASE_KERR_H

#include <stdbool.h>

#include "mem.h"

/* code, HTTP status, metav1.StatusReason, may a client retry as is */
#define KERR_CODES(X)                                                                                 \
  X(OK, 200, "", 0)                                                                                   \
  X(BAD_REQUEST, 400, "BadRequest", 0)                                                                \
  X(UNAUTHORIZED, 401, "Unauthorized", 0)                                                             \
  X(FORBIDDEN, 403, "Forbidden", 0)                                                                   \
  X(NOT_FOUND, 404, "NotFound", 0)                                                                    \
  X(METHOD_NOT_ALLOWED, 405, "MethodNotAllowed", 0)                                                   \
  X(NOT_ACCEPTABLE, 406, "NotAcceptable", 0)                                                          \
  X(CONFLICT, 409, "Conflict", 1)                                                                     \
  X(ALREADY_EXISTS, 409, "AlreadyExists", 0)                                                          \
  X(GONE, 410, "Gone", 0)                                                                             \
  X(EXPIRED, 410, "Expired", 0)                                                                       \
  X(TOO_LARGE, 413, "RequestEntityTooLarge", 0)                                                       \
  X(UNSUPPORTED_MEDIA_TYPE, 415, "UnsupportedMediaType", 0)                                           \
  X(INVALID, 422, "Invalid", 0)                                                                       \
  X(TOO_MANY_REQUESTS, 429, "TooManyRequests", 1)                                                     \
  X(INTERNAL, 500, "InternalError", 1)                                                                \
  X(UNAVAILABLE, 503, "ServiceUnavailable", 1)                                                        \
  X(TIMEOUT, 504, "Timeout", 1)                                                                       \
  X(PARSE, 400, "BadRequest", 0) /* text that is not what it claims to be; msg has line and column */ \
  X(USAGE, 400, "BadRequest", 0) /* a command line that is wrong */                                   \
  X(IO, 500, "InternalError", 1) /* the operating system refused; msg ends in strerror */             \
  X(CANCELLED, 499, "", 1)       /* whoever asked does not wait any more */

enum kerr_code {
#define X(name, status, reason, retry) KERR_##name,
  KERR_CODES(X)
#undef X
      KERR_CODE_COUNT
};

struct kerr {
  enum kerr_code code; /* KERR_OK: empty */
  char *field;         /* owned; NULL when no field is at fault */
  char *msg;           /* owned; one line unless upstream's text has several, no trailing dot of our own */
};

#define KERR_INIT   \
  {                 \
    .code = KERR_OK \
  }

/* Fill `reterr`; returns -code so that callers can `return kerr_set(...)`. `field` may be NULL. */
int kerr_set(struct kerr *reterr, enum kerr_code code, const char *field, const char *fmt, ...) _printf_(4, 5);
/* kerr_set with ": " and strerror(err) appended; code KERR_IO. */
int kerr_errno(struct kerr *reterr, int err, const char *fmt, ...) _printf_(3, 4);
/* Put "context: " before the message; code and field stay. Returns -code. */
int kerr_wrap(struct kerr *reterr, const char *fmt, ...) _printf_(2, 3);
/* Move what `from` holds into `reterr`, which must be empty; `from` is empty afterwards. Returns -code. */
int kerr_move(struct kerr *reterr, struct kerr *from);
/* Free what the error owns and make it empty again. */
void kerr_release(struct kerr *err);

int kerr_http_status(enum kerr_code code);
const char *kerr_reason(enum kerr_code code); /* metav1.StatusReason; "" when upstream has none */
const char *kerr_name(enum kerr_code code);   /* for logs and tests: "NOT_FOUND" */
bool kerr_retryable(enum kerr_code code);

#define _cleanup_kerr_ __attribute__((cleanup(kerr_release)))

#endif
