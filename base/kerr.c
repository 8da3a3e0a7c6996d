#include "kerr.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name, *reason;
  int status;
  bool retry;
} codes[KERR_CODE_COUNT] = {
#define X(n, http, why, again) [KERR_##n] = { .name = #n, .reason = why, .status = http, .retry = again },
  KERR_CODES(X)
#undef X
};

static int
fill(struct kerr *reterr, enum kerr_code code, const char *field, char *msg)
{
  assert(reterr->code == KERR_OK); /* the first failure is the cause: never hide it */
  assert(code > KERR_OK && code < KERR_CODE_COUNT);
  reterr->code = code;
  reterr->field = mem_strdup(field);
  reterr->msg = msg;
  return -(int)code;
}

int
kerr_set(struct kerr *reterr, enum kerr_code code, const char *field, const char *fmt, ...)
{
  va_list ap;
  char *msg;

  va_start(ap, fmt);
  msg = mem_vprintf(fmt, ap);
  va_end(ap);
  return fill(reterr, code, field, msg);
}

int
kerr_errno(struct kerr *reterr, int err, const char *fmt, ...)
{
  _cleanup_free_ char *what = NULL;
  char text[128];
  va_list ap;

  va_start(ap, fmt);
  what = mem_vprintf(fmt, ap);
  va_end(ap);
  return fill(reterr, KERR_IO, NULL, mem_printf("%s: %s", what, strerror_r(err, text, sizeof text)));
}

int
kerr_wrap(struct kerr *reterr, const char *fmt, ...)
{
  _cleanup_free_ char *inner = reterr->msg;
  _cleanup_free_ char *context = NULL;
  va_list ap;

  assert(reterr->code != KERR_OK);
  va_start(ap, fmt);
  context = mem_vprintf(fmt, ap);
  va_end(ap);
  reterr->msg = mem_printf("%s: %s", context, inner);
  return -(int)reterr->code;
}

int
kerr_move(struct kerr *reterr, struct kerr *from)
{
  assert(reterr->code == KERR_OK && from->code != KERR_OK);
  *reterr = *from;
  *from = (struct kerr)KERR_INIT;
  return -(int)reterr->code;
}

void
kerr_release(struct kerr *err)
{
  free(err->field);
  free(err->msg);
  *err = (struct kerr)KERR_INIT;
}

int
kerr_http_status(enum kerr_code code)
{
  return codes[code].status;
}

const char *
kerr_reason(enum kerr_code code)
{
  return codes[code].reason;
}

const char *
kerr_name(enum kerr_code code)
{
  return codes[code].name;
}

bool
kerr_retryable(enum kerr_code code)
{
  return codes[code].retry;
}
