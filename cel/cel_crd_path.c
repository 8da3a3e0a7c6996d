#include "cel_crd_internal.h"

#include "cel_decl.h"

#include <string.h>

/* Paths as errors print them (apimachinery field.Path), and those that rules name (ValidFieldPath). */

static void
path_write(struct strbuf *b, const struct crd_path *p)
{
  if (p->before)
    path_write(b, p->before);
  if (p->kind == CRD_INDEX)
    strbuf_printf(b, "[%zu]", p->index);
  else if (p->kind == CRD_KEY)
    strbuf_printf(b, "[%s]", p->name);
  else
    strbuf_printf(b, "%s%s", p->before ? "." : "", p->name);
}

const char *
crd_path_text(struct arena *a, const struct crd_path *p)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1024 * 1024);

  if (!p)
    return "<nil>";
  path_write(&b, p);
  return arena_strndup(a, b.p, b.n);
}

/* -- the paths of rules: .name and ['name'] -- */

struct reading {
  struct arena *a;
  struct span rest;
  const struct json *schema;
  const struct crd_path *path;
  const char *error;
};

static bool
fail(struct reading *r, const char *error)
{
  r->error = error;
  return false;
}

/* The next token: a delimiter, a text in single quotes, or what stands before the next delimiter. */
static bool
token(struct reading *r, struct span *ret)
{
  size_t n = 0;

  if (!r->rest.n)
    return false;
  if (r->rest.p[0] == '\'') {
    for (n = 1; n < r->rest.n && !(r->rest.p[n] == '\'' && r->rest.p[n - 1] != '\\');)
      n++;
    n += n < r->rest.n;
  } else {
    while (n < r->rest.n && !memchr(".[]", r->rest.p[n], 3))
      n++;
    n += n == 0;
  }
  *ret = span_make(r->rest.p, n);
  r->rest = span_make(r->rest.p + n, r->rest.n - n);
  return true;
}

/* The text of a quoted token, without its escapes. */
static bool
unquote(struct reading *r, struct span s, const char **ret)
{
  static const char from[] = "abfnrtv'\\", to[] = "\a\b\f\n\r\t\v'\\";
  char *out = arena_alloc(r->a, s.n + 1), *at = out;

  for (size_t i = 0; i < s.n; i++) {
    const char *found;

    if (s.p[i] != '\\' || i + 1 == s.n || s.p[i + 1] == '\n') {
      *at++ = s.p[i];
      continue;
    }
    found = memchr(from, s.p[++i], sizeof from - 1);
    if (!found)
      return fail(r, arena_printf(r->a, "invalid string literal: invalid escape char \\%c", s.p[i]));
    *at++ = to[found - from];
  }
  *ret = out;
  return true;
}

/* One step further: a property, or a value of a map. */
static bool
step(struct reading *r, const char *name)
{
  const struct json *props = json_get(r->schema, "properties"), *more = cel_decl_additional(r->schema);
  struct crd_path *p = arena_new_of(r->a, struct crd_path);

  *p = (struct crd_path){ .before = r->path, .kind = json_count(props) ? CRD_CHILD : CRD_KEY, .name = name };
  r->schema = json_count(props) ? json_get(props, name) : more;
  if (!r->schema)
    return fail(r, "does not refer to a valid field");
  r->path = p;
  return true;
}

static bool
bracket(struct reading *r)
{
  const char *name;
  struct span t;

  if (!token(r, &t))
    return fail(r, "unexpected end of JSON path");
  if (t.n < 2 || t.p[0] != '\'' || t.p[t.n - 1] != '\'')
    return fail(r, arena_printf(r->a, "expected single quoted string but got %.*s", SPAN_FMT(t)));
  if (!unquote(r, span_make(t.p + 1, t.n - 2), &name) || !step(r, name))
    return false;
  if (!token(r, &t))
    return fail(r, "unexpected end of JSON path");
  return span_is(t, "]") || fail(r, arena_printf(r->a, "expected ] but got %.*s", SPAN_FMT(t)));
}

static bool
read_path(struct reading *r, bool brackets)
{
  struct span t;

  while (token(r, &t)) {
    if (span_is(t, "[")) {
      if (!brackets)
        return fail(r, "array notation is not allowed");
      if (!bracket(r))
        return false;
    } else if (span_is(t, ".")) {
      if (!token(r, &t))
        return fail(r, "unexpected end of JSON path");
      if (!step(r, arena_strndup(r->a, t.p, t.n)))
        return false;
    } else {
      return fail(r, arena_printf(r->a, "expected [ or . but got: %.*s", SPAN_FMT(t)));
    }
  }
  return true;
}

const struct json *
cel_crd_field_path(struct arena *a, const struct json *schema, const char *path, bool brackets, const char **ret_path,
                   const char **ret_error)
{
  struct reading r = { .a = a, .rest = span_of(path), .schema = schema };

  if (!read_path(&r, brackets)) {
    if (ret_error)
      *ret_error = r.error;
    return NULL;
  }
  if (ret_path)
    *ret_path = r.path ? crd_path_text(a, r.path) : "";
  return r.schema;
}
