/* What a client sent: bytes → tree → canonical object, and the options of a write. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "go_json_error.h"
#include "object.h"
#include "rest.h"
#include "yaml.h"

#define MANAGER_MAX 128 /* metav1validation.FieldManagerMaxLength */

/* The first bytes as upstream shows a body that it could not read: JSON as it is, anything else in hex. */
static const char *
summary(struct rest_call *c, struct span body)
{
  struct strbuf b;
  const char *ret;

  if (!body.n)
    return "<empty>";
  if (*body.p == '{')
    return arena_printf(c->a, "%.*s%s", (int)(body.n < 30 ? body.n : 30), body.p, body.n > 30 ? " ..." : "");
  strbuf_init(&b, 256);
  for (size_t i = 0; i < body.n && i < 30; i++)
    strbuf_printf(&b, "%02x", (unsigned char)body.p[i]);
  ret = arena_printf(c->a, "%s%s", b.p ? b.p : "", body.n > 30 ? " ..." : "");
  strbuf_release(&b);
  return ret;
}

static bool
is_meta_kind(const struct kind *k)
{
  return strcmp(k->group, "meta.k8s.io") == 0;
}

/* Text that is not what it claims to be. */
static int
unreadable(struct rest_call *c, const struct kind *k, const char *why, struct kerr *reterr)
{
  if (is_meta_kind(k))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s", why);
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "the object provided is unrecognized (must be of type %s): %s (%s)",
                  k->kind, why, summary(c, c->req->body));
}

#define NO_VERSION "couldn't get version/kind; json parse error: "

/* What Go says of JSON that it cannot read, or `ours` when it could. */
static const char *
json_error(struct rest_call *c, const char *ours)
{
  const char *go = go_json_error(c->a, c->req->body);

  return arena_printf(c->a, NO_VERSION "%s", go ? go : ours);
}

static int
parse(struct rest_call *c, enum rest_encoding encoding, const struct kind *k, struct json_dup **dups, struct json **ret,
      struct kerr *reterr)
{
  struct json_parse_opts opts = { .dups = dups, .blanks = k->custom ? JSON_BLANKS_IGNORED : JSON_BLANKS_ANYWHERE };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r;

  if (c->req->body.n > CEIL_REQUEST_BODY)
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "Request entity too large: limit is %zu", CEIL_REQUEST_BODY);
  r = encoding == REST_YAML ? yaml_parse_body(c->a, c->req->body, &opts, ret, &err)
                            : json_parse(c->a, c->req->body, &opts, ret, &err);
  return r == 0 ? 0 : unreadable(c, k, encoding == REST_YAML ? err.msg : json_error(c, err.msg), reterr);
}

/* The name that Go's scheme gives to the package of a group's internal types. */
static const char *
package_of(struct rest_call *c, const char *group)
{
  return *group ? arena_strndup(c->a, group, strcspn(group, ".")) : "core";
}

/* Custom objects say what they are. */
static int
check_custom_identity(struct rest_call *c, const struct kind *k, const struct json *in, const char *group,
                      const char *version, struct kerr *reterr)
{
  static const char *const names[] = { "kind", "apiVersion" };

  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    const struct json *v = json_get(in, names[i]);

    if (json_type(v) != JSON_NULL && !json_is(v, JSON_STRING))
      return unreadable(c, k,
                        arena_printf(c->a,
                                     NO_VERSION "json: cannot unmarshal %s into Go struct field .%s of type string",
                                     json_wire_type(v), names[i]),
                        reterr);
  }
  if (!*object_kind(in))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "the object provided is unrecognized (must be of type %s): Object 'Kind' is missing in '%.*s' (%s)",
                    k->kind, SPAN_FMT(c->req->body), summary(c, c->req->body));
  if (!*object_api_version(in))
    group = version = "";
  if (strcmp(group, k->group) == 0 && strcmp(version, k->version) == 0)
    return 0;
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                  "the API version in the data (%s) does not match the expected API version (%s)",
                  gv_text(c->a, group, version), gv_text(c->a, k->group, k->version));
}

/* Does the body claim to be something else than `k`? It may leave out what it is. */
static int
check_identity(struct rest_call *c, const struct kind *k, const struct json *in, struct kerr *reterr)
{
  const char *api_version = object_api_version(in), *kind = object_kind(in), *group = k->group, *version = k->version;

  if (*api_version && gv_parse(c->a, api_version, &group, &version, reterr) < 0)
    return -(int)reterr->code;
  if (!*kind)
    kind = k->kind;
  if (k->custom) /* another kind is for validation to refuse */
    return check_custom_identity(c, k, in, group, version, reterr);
  if (strcmp(kind, k->kind) == 0 &&
      (is_meta_kind(k) || (strcmp(group, k->group) == 0 && strcmp(version, k->version) == 0)))
    return 0;
  if (!rest_kind(c, group, version, kind) && is_meta_kind(k))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "no kind \"%s\" is registered for version \"%s\" in scheme \"%s\"",
                    kind, gv_text(c->a, group, version), rest_scheme_name(c));
  if (!rest_kind(c, group, version, kind))
    return kerr_set(
        reterr, KERR_BAD_REQUEST, NULL,
        "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" is registered for version \"%s\" in "
        "scheme \"%s\"",
        kind, version, k->kind, kind, gv_text(c->a, group, version), rest_scheme_name(c));
  if (strcmp(kind, k->kind) != 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "%s in version \"%s\" cannot be handled as a %s: converting (%s.%s) to (%s.%s): unknown conversion",
                    kind, version, k->kind, version, kind, package_of(c, k->group), k->kind);
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                  "the API version in the data (%s) does not match the expected API version (%s)",
                  gv_text(c->a, group, version), gv_text(c->a, k->group, k->version));
}

static const char *
join_problems(struct rest_call *c, const struct kind_strictness *strict)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, CEIL_REPLY);
  for (size_t i = 0; i < strict->n; i++)
    strbuf_printf(&b, "%s%s", i ? ", " : "", strict->problems[i]);
  return arena_strndup(c->a, b.p, b.n);
}

const char *
rest_doubled_keys(struct rest_call *c, const struct json_dup *dups)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, CEIL_REPLY);
  strbuf_puts(&b, "yaml: unmarshal errors:");
  for (const struct json_dup *d = dups; d; d = d->next)
    strbuf_printf(&b, "\n  line %zu: key \"%s\" already set in map", d->line ? d->line : 1, d->key);
  return arena_strndup(c->a, b.p, b.n);
}

/* The problems of a document that is not the one which will be decoded (a patch), by their paths. */
static void
foreign_problems(struct rest_call *c, struct kind_strictness *strict, const struct json_dup *dups)
{
  for (const struct json_dup *d = dups; d; d = d->next)
    kind_strictness_add(strict, arena_printf(c->a, "duplicate field \"%s\"", d->path));
}

static void
tell_problems(struct rest_call *c, const struct kind_strictness *strict, const char **ret_problems)
{
  if (c->field_validation == REST_STRICT && strict->n)
    *ret_problems = join_problems(c, strict);
  if (c->field_validation == REST_WARN)
    for (size_t i = 0; i < strict->n; i++)
      rest_warn(c, "%s", strict->problems[i]);
}

int
rest_restore_strictly(struct rest_call *c, const struct kind *k, const struct json *in, const struct json_dup *dups,
                      struct json **ret, const char **ret_problems, struct kerr *reterr)
{
  struct kind_strictness doubled = { .a = c->a }, unknown = { .a = c->a }, lenient = { .a = c->a };
  const char *problem = kind_restore_problem(c->a, k, in, &unknown);

  *ret_problems = NULL;
  if (problem)
    return kerr_set(reterr, KERR_INVALID, NULL, "%s", problem);
  if (kind_decode(c->a, k, in, &lenient, ret, reterr) < 0)
    return -(int)reterr->code;
  foreign_problems(c, &doubled, dups);
  for (size_t i = 0; i < unknown.n; i++)
    kind_strictness_add(&doubled, unknown.problems[i]);
  tell_problems(c, &doubled, ret_problems);
  return 0;
}

int
rest_decode_strictly(struct rest_call *c, const struct kind *k, const struct json *in, const struct json_dup *dups,
                     bool foreign, struct json **ret, const char **ret_problems, struct kerr *reterr)
{
  struct kind_strictness strict = { .a = c->a };
  int r;

  *ret_problems = NULL;
  if (dups && dups->line)
    kind_strictness_add(&strict, rest_doubled_keys(c, dups));
  else if (foreign)
    foreign_problems(c, &strict, dups);
  else
    strict.dups = dups;
  r = kind_decode(c->a, k, in, &strict, ret, reterr);
  if (r < 0)
    return r;
  tell_problems(c, &strict, ret_problems);
  return 0;
}

static int
decode_tree(struct rest_call *c, const struct kind *k, const struct json *in, const struct json_dup *dups,
            struct json **ret, struct kerr *reterr)
{
  const char *claimed = *object_kind(in) ? object_kind(in) : k->kind, *problems;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r = rest_decode_strictly(c, k, in, dups, false, ret, &problems, &err);

  if (r < 0)
    return kerr_set(reterr, err.code == KERR_INVALID ? KERR_BAD_REQUEST : err.code, NULL,
                    "%s in version \"%s\" cannot be handled as a %s: %s", claimed, k->version, k->kind, err.msg);
  if (problems)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s", claimed, k->version,
                    k->kind, problems);
  return 0;
}

static int
decode_proto(struct rest_call *c, const struct kind *k, struct json **ret, struct kerr *reterr)
{
  const struct kind *got = k;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (kind_decode_proto(c->a, c->personality, c->req->body, &got, ret, &err) < 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "the object provided is unrecognized (must be of type %s): %s (%s)",
                    k->kind, err.msg, summary(c, c->req->body));
  if (is_meta_kind(k))
    return 0;
  return check_identity(c, k, *ret, reterr);
}

int
rest_body_of(struct rest_call *c, const struct kind *k, struct json **ret, struct kerr *reterr)
{
  enum rest_encoding encoding;
  struct json_dup *dups = NULL;
  struct json *in;
  int r = rest_body_encoding(c, &encoding, reterr);

  *ret = NULL;
  if (r < 0 || (c->req->body.n == 0 && encoding != REST_YAML)) /* no text at all is YAML: null */
    return r;
  if (encoding == REST_PROTOBUF)
    return decode_proto(c, k, ret, reterr);
  r = parse(c, encoding, k, &dups, &in, reterr);
  if (r < 0)
    return r;
  if (json_is(in, JSON_NULL))
    in = json_new_object(c->a);
  if (!json_is(in, JSON_OBJECT))
    return unreadable(
        c, k,
        arena_printf(c->a,
                     NO_VERSION "json: cannot unmarshal %s into Go value of type struct { APIVersion string "
                                "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
                     json_wire_type(in)),
        reterr);
  r = check_identity(c, k, in, reterr);
  return r < 0 ? r : decode_tree(c, k, in, dups, ret, reterr);
}

int
rest_body_object(struct rest_call *c, struct json **ret, struct kerr *reterr)
{
  int r = rest_body_of(c, c->hub ? c->stored : c->kind, ret, reterr);

  if (r == 0 && *ret && c->hub)
    r = kind_convert(c->a, c->stored, c->kind, *ret, ret, reterr);
  if (r < 0)
    return r;
  if (!*ret)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "the object provided is unrecognized (must be of type %s): couldn't get version/kind; json parse "
                    "error: unexpected end of JSON input (<empty>)",
                    c->kind->kind);
  if (!c->kind->custom || !*object_kind(*ret))
    json_set_str(c->a, *ret, "kind", c->kind->kind);
  json_set_str(c->a, *ret, "apiVersion", gv_text(c->a, c->kind->group, c->kind->version));
  c->unlabelled = !json_count(object_labels(*ret));
  kind_default(c->a, c->kind, *ret, c->personality, c->now);
  return 0;
}

/* -- options -- */

/* The program's name at the start of a user agent: "kubectl/v1.37.2 (linux/amd64)" → "kubectl". */
static const char *
manager_of_agent(struct rest_call *c)
{
  const char *agent = rest_header(c, "user-agent");
  size_t n = agent ? strcspn(agent, "/") : 0, out = 0;
  char *ret;

  if (!agent)
    return "unknown";
  if (n > MANAGER_MAX)
    n = MANAGER_MAX;
  ret = arena_strndup(c->a, agent, n);
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)ret[i] >= 0x80 || isprint((unsigned char)ret[i]))
      ret[out++] = ret[i];
  ret[out] = '\0';
  return ret;
}

static void
check_manager(struct field_errors *errs, const char *manager)
{
  if (strlen(manager) > MANAGER_MAX)
    field_errors_add(errs, FIELD_TOO_LONG, "fieldManager", NULL, "may not be more than %d bytes", MANAGER_MAX);
  for (const char *p = manager; *p; p++)
    if ((unsigned char)*p < 0x80 && !isprint((unsigned char)*p)) {
      field_errors_add(errs, FIELD_INVALID, "fieldManager", json_text(errs->a, json_new_str(errs->a, manager), 0),
                       "should only contain printable characters");
      return;
    }
}

/* dryRun of the query or of DeleteOptions: nothing, or "All". */
void
rest_check_dry_run(struct rest_call *c, const struct json *list, struct field_errors *errs)
{
  const char *one = list ? json_str(json_at(list, 0)) : rest_query(c, "dryRun");

  if (!one)
    return;
  if (strcmp(one, "All") == 0)
    c->dry_run = true;
  else
    field_errors_add(errs, FIELD_NOT_SUPPORTED, "dryRun", arena_printf(c->a, "[\"%s\"]", one),
                     "supported values: \"All\"");
}

static void
check_field_validation(struct rest_call *c, struct field_errors *errs)
{
  static const char *const names[] = { [REST_IGNORE] = "Ignore", [REST_WARN] = "Warn", [REST_STRICT] = "Strict" };
  const char *text = rest_query(c, "fieldValidation");

  c->field_validation = c->req->want_records && !text ? REST_IGNORE : REST_WARN;
  if (!text || !*text)
    return;
  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (strcmp(names[i], text) == 0) {
      c->field_validation = (enum rest_validation)i;
      return;
    }
  field_errors_add(errs, FIELD_NOT_SUPPORTED, "fieldValidation", arena_printf(c->a, "\"%s\"", text),
                   "supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"");
}

int
rest_write_options(struct rest_call *c, const char *opts_kind, bool apply, struct kerr *reterr)
{
  const char *manager = rest_query(c, "fieldManager");
  struct field_errors errs = { .a = c->a };

  if (!apply && strcmp(opts_kind, "PatchOptions") == 0 && rest_query(c, "force"))
    field_errors_add(&errs, FIELD_FORBIDDEN, "force", NULL, "may not be specified for non-apply patch");
  if (apply && (!manager || !*manager))
    field_errors_add(&errs, FIELD_REQUIRED, "fieldManager", NULL, "is required for apply patch");
  if (manager)
    check_manager(&errs, manager);
  rest_check_dry_run(c, NULL, &errs);
  check_field_validation(c, &errs);
  c->field_manager = manager && *manager ? manager : manager_of_agent(c);
  return errs.n ? rest_invalid_of(c, "meta.k8s.io", opts_kind, "", &errs, reterr) : 0;
}
