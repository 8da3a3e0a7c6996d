#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "apiserver_internal.h"
#include "clock.h"
#include "object.h"
#include "rest.h"

#define WARNINGS_MAX 64 /* upstream truncates the headers at 4 KiB in all; 64 lines are more than that */

const char *
rest_query(struct rest_call *c, const char *name)
{
  return exchange_query_get(c->a, c->req->query, name);
}

const char *
rest_header(struct rest_call *c, const char *name)
{
  return exchange_header_get(c->req->headers, c->req->n_headers, name);
}

int
rest_query_int(struct rest_call *c, const char *name, int64_t *ret, bool *ret_given, struct kerr *reterr)
{
  const char *text = rest_query(c, name);
  char *end = NULL;

  *ret_given = text != NULL && *text;
  if (!*ret_given)
    return 0;
  errno = 0;
  int64_t v = strtoimax(text, &end, 10);

  if (end == text || *end || *text == ' ' || *text == '\t' || *text == '\n')
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
  if (errno == ERANGE)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "strconv.ParseInt: parsing \"%s\": value out of range", text);
  *ret = v;
  return 0;
}

bool
rest_query_bool(struct rest_call *c, const char *name)
{
  const char *text = rest_query(c, name);

  return text && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

const struct kind *
rest_kind(const struct rest_call *c, const char *group, const char *version, const char *kind)
{
  return served_kind(&c->served, group, version, kind);
}

void
rest_warn(struct rest_call *c, const char *fmt, ...)
{
  va_list ap;
  char *text;

  va_start(ap, fmt);
  text = arena_vprintf(c->a, fmt, ap);
  va_end(ap);
  for (size_t i = 0; i < c->n_warnings; i++)
    if (strcmp(c->warnings[i], text) == 0)
      return;
  if (c->n_warnings == WARNINGS_MAX)
    return;
  if (!c->warnings)
    c->warnings = arena_array_of(c->a, const char *, WARNINGS_MAX);
  c->warnings[c->n_warnings++] = text;
}

int
rest_refuse(struct rest_call *c, struct json *status, struct kerr *reterr)
{
  c->refusal = status;
  return kerr_set(reterr, KERR_INTERNAL, NULL, "%s", json_get_str_or(status, "message", ""));
}

struct status_subject
rest_subject(const struct rest_call *c, const char *name)
{
  return (struct status_subject){ .group = c->info.group, .kind = c->info.resource, .name = name };
}

struct status_subject
rest_kind_subject(const struct rest_call *c, const char *name)
{
  return (struct status_subject){ .group = c->kind->group, .kind = c->kind->kind, .name = name };
}

const char *
rest_qualified(const struct rest_call *c)
{
  return *c->info.group ? arena_printf(c->a, "%s.%s", c->info.resource, c->info.group) : c->info.resource;
}

static int
refuse_about(struct rest_call *c, enum kerr_code code, const char *message, struct status_subject about,
             struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)kerr_set(&err, code, NULL, "%s", message);
  c->refusal = status_from_kerr(c->a, &err, &about, 0);
  return kerr_move(reterr, &err);
}

int
rest_not_found(struct rest_call *c, const char *name, struct kerr *reterr)
{
  return refuse_about(c, KERR_NOT_FOUND, arena_printf(c->a, "%s \"%s\" not found", rest_qualified(c), name),
                      rest_subject(c, name), reterr);
}

int
rest_conflict_of(struct rest_call *c, const char *group, const char *resource, const char *name, const char *why,
                 struct kerr *reterr)
{
  return refuse_about(c, KERR_CONFLICT,
                      arena_printf(c->a, "Operation cannot be fulfilled on %s%s%s \"%s\": %s", resource,
                                   *group ? "." : "", group, name, why),
                      (struct status_subject){ .group = group, .kind = resource, .name = name }, reterr);
}

int
rest_conflict(struct rest_call *c, const char *name, const char *why, struct kerr *reterr)
{
  return rest_conflict_of(c, c->info.group, c->info.resource, name, why, reterr);
}

int
rest_conflict_stored(struct rest_call *c, const char *name, const char *what, const char *wants, const char *has,
                     struct kerr *reterr)
{
  struct span key = rest_key(c->a, c->res, c->info.namespace_, name);

  if (c->dry_run) /* it stops before the layer that knows of the root */
    key = rest_key_below_root(key);
  return rest_conflict(c, name,
                       arena_printf(c->a,
                                    "StorageError: invalid object, Code: 4, Key: %.*s, ResourceVersion: 0, "
                                    "AdditionalErrorMsg: Precondition failed: %s in precondition: %s, %s in object "
                                    "meta: %s",
                                    SPAN_FMT(key), what, wants, what, has),
                       reterr);
}

int
rest_already_exists(struct rest_call *c, const char *name, const char *prefix, struct kerr *reterr)
{
  return refuse_about(c, KERR_ALREADY_EXISTS,
                      arena_printf(c->a, "%s%s \"%s\" already exists", prefix, rest_qualified(c), name),
                      rest_subject(c, name), reterr);
}

int
rest_generate_conflict(struct rest_call *c, const char *name, struct kerr *reterr)
{
  return refuse_about(
      c, KERR_ALREADY_EXISTS,
      arena_printf(c->a, "%s \"%s\" already exists, the server was not able to generate a unique name for the object",
                   rest_qualified(c), name),
      rest_subject(c, name), reterr);
}

int
rest_forbidden(struct rest_call *c, const char *name, const char *why, struct kerr *reterr)
{
  return refuse_about(c, KERR_FORBIDDEN, arena_printf(c->a, "%s \"%s\" is forbidden: %s", rest_qualified(c), name, why),
                      rest_subject(c, name), reterr);
}

int
rest_method_not_allowed(struct rest_call *c, struct kerr *reterr)
{
  static const struct status_subject nobody;

  return refuse_about(c, KERR_METHOD_NOT_ALLOWED, "the server does not allow this method on the requested resource",
                      nobody, reterr);
}

int
rest_no_such_patch(struct rest_call *c, struct kerr *reterr)
{
  static const struct status_subject nobody;

  if (!c->kind->custom) /* refused before it reaches a handler */
    return refuse_about(c, KERR_UNSUPPORTED_MEDIA_TYPE, "415: Unsupported Media Type", nobody, reterr);
  return kerr_set(reterr, KERR_UNSUPPORTED_MEDIA_TYPE, NULL,
                  "the body of the request was in an unknown format - accepted media types include: "
                  "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
}

int
rest_invalid(struct rest_call *c, const char *name, const struct field_errors *errs, struct kerr *reterr)
{
  /* Upstream names the group it stores: events of events.k8s.io are core ones. */
  bool stored = c->res && c->res->of == c->kind && c->res->storage_group;

  return rest_invalid_of(c, stored ? c->res->storage_group : c->kind->group, c->kind->kind, name, errs, reterr);
}

int
rest_invalid_of(struct rest_call *c, const char *group, const char *kind, const char *name,
                const struct field_errors *errs, struct kerr *reterr)
{
  struct status_subject about = { .group = group, .kind = kind, .name = name };

  c->refusal = status_invalid(c->a, &about, errs);
  return kerr_set(reterr, KERR_INVALID, NULL, "%s", json_get_str_or(c->refusal, "message", ""));
}

/* -- keys: kube-apiserver's layout, so that one etcd can serve either -- */

#define ROOT "/registry"

struct span
rest_key_below_root(struct span key)
{
  assert(span_starts(key, SPAN(ROOT "/")));
  return span_make(key.p + strlen(ROOT), key.n - strlen(ROOT));
}

struct span
rest_prefix(struct arena *a, const struct kind_resource *res, const char *ns)
{
  if (res->namespaced && *ns)
    return span_of(arena_printf(a, ROOT "/%s/%s/", res->storage_prefix, ns));
  return span_of(arena_printf(a, ROOT "/%s/", res->storage_prefix));
}

struct span
rest_key(struct arena *a, const struct kind_resource *res, const char *ns, const char *name)
{
  struct span prefix = rest_prefix(a, res, ns);

  return span_of(arena_printf(a, "%.*s%s", SPAN_FMT(prefix), name));
}

char *
rest_time(struct arena *a, int64_t wall)
{
  char buf[CLOCK_TEXT_MAX];

  return arena_strdup(a, clock_rfc3339(wall, false, buf));
}

/* Upstream's schemes are named after the line of source that makes any of them. */
const char *
rest_scheme_name(const struct rest_call *c)
{
  if (personality_minor(c->personality) < 32)
    return "pkg/runtime/scheme.go:100";
  return "pkg/runtime/scheme.go:111";
}
