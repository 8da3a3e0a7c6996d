#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "hmap.h"

/* -- field errors -- */

static const struct {
  const char *reason, *words;
} field_types[] = {
#define X(name, why, text) [FIELD_##name] = { .reason = why, .words = text },
  FIELD_ERROR_TYPES(X)
#undef X
};

static void
add(struct field_errors *errs, enum field_error_type type, const char *field, char *value, char *detail)
{
  if (errs->n == errs->cap) {
    struct field_error *bigger = arena_array_of(errs->a, struct field_error, errs->cap ? errs->cap * 2 : 8);

    if (errs->n)
      memcpy(bigger, errs->list, errs->n * sizeof *bigger);
    errs->list = bigger;
    errs->cap = errs->cap ? errs->cap * 2 : 8;
  }
  errs->list[errs->n++] =
      (struct field_error){ .type = type, .field = arena_strdup(errs->a, field), .value = value, .detail = detail };
}

void
field_errors_add(struct field_errors *errs, enum field_error_type type, const char *field, const char *value,
                 const char *fmt, ...)
{
  char *detail;
  va_list ap;

  va_start(ap, fmt);
  detail = arena_vprintf(errs->a, fmt, ap);
  va_end(ap);
  add(errs, type, field, value ? arena_strdup(errs->a, value) : NULL, detail);
}

void
field_errors_add_str(struct field_errors *errs, enum field_error_type type, const char *field, const char *value,
                     const char *fmt, ...)
{
  char *detail;
  va_list ap;

  va_start(ap, fmt);
  detail = arena_vprintf(errs->a, fmt, ap);
  va_end(ap);
  add(errs, type, field, codec_go_quoted(errs->a, value), detail);
}

/* Some types never show a value. */
static bool
shows_value(const struct field_error *e)
{
  return e->value && e->type != FIELD_REQUIRED && e->type != FIELD_FORBIDDEN && e->type != FIELD_TOO_LONG &&
         e->type != FIELD_TOO_SHORT && e->type != FIELD_INTERNAL;
}

char *
field_error_body(struct arena *a, const struct field_error *e)
{
  bool value = shows_value(e), detail = e->detail && *e->detail;

  return arena_printf(a, "%s%s%s%s%s", field_types[e->type].words, value ? ": " : "", value ? e->value : "",
                      detail ? ": " : "", detail ? e->detail : "");
}

char *
field_errors_text(struct arena *a, const struct field_errors *errs)
{
  _cleanup_(hmap_freep) struct hmap *seen = hmap_new(NULL); /* equal messages are said once */
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(SIZE_MAX / 2);

  for (size_t i = 0; i < errs->n; i++) {
    char *one = arena_printf(a, "%s: %s", errs->list[i].field, field_error_body(a, &errs->list[i]));

    if (hmap_get(seen, span_of(one)))
      continue;
    strbuf_puts(&b, hmap_count(seen) ? ", " : "");
    strbuf_puts(&b, one);
    hmap_put(seen, span_of(one), one);
  }
  return arena_printf(a, hmap_count(seen) > 1 ? "[%s]" : "%s", b.p);
}

/* -- messages -- */

static const char *
text_or_empty(const char *s)
{
  return s ? s : "";
}

/* "things.group", or "things" in the core group. */
static char *
dotted(struct arena *a, const char *name, const char *group)
{
  return group && *group ? arena_printf(a, "%s.%s", text_or_empty(name), group) : arena_strdup(a, text_or_empty(name));
}

static char *
subject_text(struct arena *a, const struct status_subject *about)
{
  return arena_printf(a, "%s %s", dotted(a, about->resource, about->group),
                      codec_go_quoted(a, text_or_empty(about->name)));
}

char *
status_text_not_found(struct arena *a, const struct status_subject *about)
{
  return arena_printf(a, "%s not found", subject_text(a, about));
}

char *
status_text_already_exists(struct arena *a, const struct status_subject *about)
{
  return arena_printf(a, "%s already exists", subject_text(a, about));
}

char *
status_text_conflict(struct arena *a, const struct status_subject *about, const char *why)
{
  return arena_printf(a, "Operation cannot be fulfilled on %s: %s", subject_text(a, about), why);
}

char *
status_text_forbidden(struct arena *a, const struct status_subject *about, const char *why)
{
  if (!*text_or_empty(about->resource) && !*text_or_empty(about->group))
    return arena_printf(a, "forbidden: %s", why);
  if (!*text_or_empty(about->name))
    return arena_printf(a, "%s is forbidden: %s", dotted(a, about->resource, about->group), why);
  return arena_printf(a, "%s is forbidden: %s", subject_text(a, about), why);
}

/* -- documents, members in the order of Go's struct -- */

static struct json *
new_status(struct arena *a, const char *outcome, const char *message, const char *reason)
{
  struct json *s = json_new_object(a);

  json_set_str(a, s, "kind", "Status");
  json_set_str(a, s, "apiVersion", "v1");
  json_set(a, s, "metadata", json_new_object(a));
  json_set_str(a, s, "status", outcome);
  if (message && *message)
    json_set_str(a, s, "message", message);
  if (reason && *reason)
    json_set_str(a, s, "reason", reason);
  return s;
}

static void
set_unless_empty(struct arena *a, struct json *obj, const char *name, const char *value)
{
  if (value && *value)
    json_set_str(a, obj, name, value);
}

static struct json *
add_details(struct arena *a, struct json *status, const struct status_subject *about, const char *kind)
{
  struct json *d = json_ensure_object(a, status, "details");

  if (!about)
    return d;
  set_unless_empty(a, d, "name", about->name);
  set_unless_empty(a, d, "group", about->group);
  set_unless_empty(a, d, "kind", kind);
  set_unless_empty(a, d, "uid", about->uid);
  return d;
}

void
status_add_cause(struct arena *a, struct json *status, const char *reason, const char *message, const char *field)
{
  struct json *details = json_ensure_object(a, status, "details"), *retry = json_find(details, "retryAfterSeconds");
  struct json *code = json_find(status, "code");
  struct json *cause = json_append(a, json_ensure_array(a, details, "causes"), json_new_object(a));

  set_unless_empty(a, cause, "reason", reason);
  set_unless_empty(a, cause, "message", message);
  set_unless_empty(a, cause, "field", field);
  if (retry && json_remove(details, "retryAfterSeconds")) /* it stands behind the causes */
    json_set(a, details, "retryAfterSeconds", retry);
  if (code && json_remove(status, "code"))
    json_set(a, status, "code", code);
}

struct json *
status_success(struct arena *a, const struct status_subject *about)
{
  struct json *s = new_status(a, "Success", NULL, NULL);

  add_details(a, s, about, about->resource);
  return s;
}

struct json *
status_invalid(struct arena *a, const struct status_subject *about, const struct field_errors *errs)
{
  char *message =
      arena_printf(a, "%s %s is invalid%s%s", dotted(a, about->kind, about->group),
                   codec_go_quoted(a, text_or_empty(about->name)), errs->n ? ": " : "", field_errors_text(a, errs));
  struct json *s = new_status(a, "Failure", message, kerr_reason(KERR_INVALID));

  add_details(a, s, about, about->kind);
  for (size_t i = 0; i < errs->n; i++)
    status_add_cause(a, s, field_types[errs->list[i].type].reason, field_error_body(a, &errs->list[i]),
                     errs->list[i].field);
  json_set_int(a, s, "code", kerr_http_status(KERR_INVALID));
  return s;
}

static bool
is_about_an_object(enum kerr_code code)
{
  return code == KERR_NOT_FOUND || code == KERR_ALREADY_EXISTS || code == KERR_CONFLICT || code == KERR_FORBIDDEN ||
         code == KERR_METHOD_NOT_ALLOWED || code == KERR_INVALID;
}

static bool
is_nameless(const struct status_subject *about)
{
  return !*text_or_empty(about->group) && !*text_or_empty(about->resource) && !*text_or_empty(about->kind) &&
         !*text_or_empty(about->name) && !*text_or_empty(about->uid);
}

#define INTERNAL_PREFIX "Internal error occurred: "

struct json *
status_from_kerr(struct arena *a, const struct kerr *err, const struct status_subject *about, int retry_after)
{
  bool internal = err->code == KERR_INTERNAL && span_starts(span_of(err->msg), SPAN(INTERNAL_PREFIX));
  bool untyped = err->code == KERR_IO || (err->code == KERR_INTERNAL && !internal);
  struct json *s = new_status(a, "Failure", err->msg, untyped ? NULL : kerr_reason(err->code));

  if (about && (is_about_an_object(err->code) || is_nameless(about)))
    add_details(a, s, about, err->code == KERR_INVALID || !about->resource ? about->kind : about->resource);
  if (err->field && err->code == KERR_INVALID)
    status_add_cause(a, s, field_types[FIELD_INVALID].reason, err->msg, err->field);
  if (internal)
    status_add_cause(a, s, NULL, err->msg + strlen(INTERNAL_PREFIX), NULL);
  if (retry_after)
    json_set_int(a, json_ensure_object(a, s, "details"), "retryAfterSeconds", retry_after);
  json_set_int(a, s, "code", kerr_http_status(err->code));
  return s;
}

/* -- reading -- */

static enum kerr_code
code_of_reason(const char *reason)
{
  if (strcmp(reason, "ServerTimeout") == 0)
    return KERR_TIMEOUT;
  for (int c = KERR_BAD_REQUEST; c < KERR_PARSE; c++) /* those behind are ours */
    if (*reason && strcmp(kerr_reason((enum kerr_code)c), reason) == 0)
      return (enum kerr_code)c;
  return KERR_OK;
}

/* What client-go says of an answer that is no Status (errors.NewGenericServerResponse). */
static const struct generic {
  int status;
  enum kerr_code code;
  const char *message;
} generic[] = {
  { 400, KERR_BAD_REQUEST, "the server rejected our request for an unknown reason" },
  { 401, KERR_UNAUTHORIZED, "the server has asked for the client to provide credentials" },
  { 403, KERR_FORBIDDEN, "forbidden" },
  { 404, KERR_NOT_FOUND, "the server could not find the requested resource" },
  { 405, KERR_METHOD_NOT_ALLOWED, "the server does not allow this method on the requested resource" },
  { 406, KERR_NOT_ACCEPTABLE, "the server was unable to respond with a content type that the client supports" },
  { 409, KERR_CONFLICT, "the server reported a conflict" },
  { 410, KERR_EXPIRED, "the server does not keep what was asked for any more" },
  { 413, KERR_TOO_LARGE, "the request was too large for the server" },
  { 415, KERR_UNSUPPORTED_MEDIA_TYPE, "the server does not know the content type of the request" },
  { 422, KERR_INVALID, "the server rejected our request due to an error in our request" },
  { 429, KERR_TOO_MANY_REQUESTS, "the server has received too many requests and has asked us to try again later" },
  { 503, KERR_UNAVAILABLE, "the server is currently unable to handle the request" },
  { 504, KERR_TIMEOUT,
    "the server was unable to return a response in the time allotted, but may still be processing the request" },
};

int
status_to_kerr(const struct json *status, int http_status, struct kerr *reterr)
{
  const char *message = json_get_str(status, "message"), *reason = json_get_str_or(status, "reason", "");
  const char *field = json_get_str(json_at(json_dig(status, "details", "causes", NULL), 0), "field");
  int http = (int)json_get_int(status, "code", http_status);
  enum kerr_code code = code_of_reason(reason);

  for (size_t i = 0; i < ARRAY_SIZE(generic); i++) {
    if (generic[i].status != http)
      continue;
    code = code == KERR_OK ? generic[i].code : code;
    message = message ? message : generic[i].message;
  }
  if (code == KERR_OK)
    code = http >= 500 ? KERR_INTERNAL : KERR_BAD_REQUEST;
  if (message)
    return kerr_set(reterr, code, field, "%s", message);
  return kerr_set(reterr, code, field,
                  "the server responded with the status code %d but did not return more information", http);
}
