/* RFC 6902, with the leniencies and texts of evanphx/json-patch as kube-apiserver uses it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "patch.h"
#include "strbuf.h"

#define DEPTH_MAX 64
#define INDEX_MAX 100000

struct pointer {
  struct span parts[DEPTH_MAX];
  size_t n;
};

/*
 * "/a/b~1c" → a, b/c. What stands before the first slash is not looked at, without one there is no place: both as the
 * library has it.
 */
static int
pointer_parse(struct arena *a, const char *text, struct pointer *ret, struct kerr *reterr)
{
  struct span left;

  ret->n = 0;
  if (!*text)
    return 0;
  if (!strchr(text, '/'))
    return kerr_set(reterr, KERR_INVALID, NULL, "doc is missing path: \"%s\": missing value", text);
  left = span_of(strchr(text, '/') + 1);
  while (left.p) {
    struct span rest, part = span_cut(left, '/', &rest);
    char *out = arena_alloc(a, part.n + 1);
    size_t n = 0;

    if (ret->n == DEPTH_MAX)
      return kerr_set(reterr, KERR_INVALID, NULL, "path %s is too deep", text);
    for (size_t i = 0; i < part.n; i++) {
      if (part.p[i] == '~' && i + 1 < part.n && (part.p[i + 1] == '0' || part.p[i + 1] == '1'))
        out[n++] = part.p[++i] == '0' ? '~' : '/';
      else
        out[n++] = part.p[i];
    }
    ret->parts[ret->n++] = span_make(out, n);
    left = rest;
  }
  return 0;
}

/* An index into an array; negative ones count from the end, as the library allows. -1: not one. */
static long
index_of(struct span part, size_t count, bool adding)
{
  long v = 0;
  bool negative = part.n > 1 && part.p[0] == '-';

  if (part.n == 0 || part.n > 7)
    return -1;
  for (size_t i = negative; i < part.n; i++) {
    if (!isdigit((unsigned char)part.p[i]))
      return -1;
    v = v * 10 + (part.p[i] - '0');
  }
  if (negative)
    v = (long)count + (adding ? 1 : 0) - v;
  return v >= 0 && v <= INDEX_MAX ? v : -1;
}

static const struct json *
step(const struct json *at, struct span part)
{
  if (json_is(at, JSON_ARRAY)) {
    long i = index_of(part, at->count, false);

    return i < 0 ? NULL : json_at(at, (size_t)i);
  }
  return json_get_n(at, part.p, part.n);
}

static const struct json *
lookup(const struct json *doc, const struct pointer *p, size_t n)
{
  for (size_t i = 0; i < n && doc; i++)
    doc = step(doc, p->parts[i]);
  return doc;
}

enum edit { EDIT_ADD, EDIT_REMOVE, EDIT_REPLACE };

static struct json *edit(struct arena *a, const struct json *at, const struct pointer *p, size_t depth, enum edit what,
                         struct json *value, const char **ret_problem);

static struct json *
edit_array(struct arena *a, const struct json *at, struct span part, enum edit what, struct json *value,
           const char **ret_problem)
{
  struct json *ret = json_shallow(a, at);
  long i = index_of(part, at->count, what == EDIT_ADD);

  if (what == EDIT_ADD && span_is(part, "-")) {
    json_append(a, ret, value);
    return ret;
  }
  if (i < 0 || (size_t)i > at->count || (what != EDIT_ADD && (size_t)i == at->count)) {
    *ret_problem = i < 0 ? "invalid array index" : "Unable to access invalid index";
    return NULL;
  }
  if (what != EDIT_ADD)
    json_remove_at(ret, (size_t)i);
  if (what != EDIT_REMOVE)
    json_insert(a, ret, (size_t)i, value);
  return ret;
}

static struct json *
edit_object(struct arena *a, const struct json *at, struct span part, enum edit what, struct json *value,
            const char **ret_problem)
{
  struct json *ret = json_shallow(a, at);
  char *name = arena_strndup(a, part.p, part.n);

  if (what == EDIT_REMOVE && !json_get_n(at, part.p, part.n)) {
    *ret_problem = "absent";
    return NULL;
  }
  if (what == EDIT_REMOVE)
    json_remove(ret, name);
  else
    json_set_n(a, ret, part.p, part.n, value);
  json_sort_members(ret); /* as the library writes what it has touched: seen in error messages */
  return ret;
}

/* The document with one change at `p`: the containers on the way are copied, everything else is shared. */
static struct json *
edit(struct arena *a, const struct json *at, const struct pointer *p, size_t depth, enum edit what, struct json *value,
     const char **ret_problem)
{
  struct span part = p->parts[depth];
  const struct json *child;
  struct json *changed, *ret;

  if (depth + 1 == p->n) {
    if (json_is(at, JSON_ARRAY))
      return edit_array(a, at, part, what, value, ret_problem);
    if (json_is(at, JSON_OBJECT))
      return edit_object(a, at, part, what, value, ret_problem);
    *ret_problem = "absent";
    return NULL;
  }
  child = step(at, part);
  if (!child) {
    *ret_problem = "absent";
    return NULL;
  }
  changed = edit(a, child, p, depth + 1, what, value, ret_problem);
  if (!changed)
    return NULL;
  ret = json_shallow(a, at);
  if (json_is(at, JSON_ARRAY))
    ret->u.items[index_of(part, at->count, false)] = changed;
  else
    json_set_n(a, ret, part.p, part.n, changed);
  json_sort_members(ret);
  return ret;
}

/* -- operations -- */

struct operation {
  const char *op, *path, *from;
  const struct json *value;
  size_t *copied; /* bytes that copy has added so far, over all operations */
};

static int
apply_edit(struct arena *a, const struct json **doc, const char *op, const char *path, enum edit what,
           const struct json *value, struct kerr *reterr)
{
  struct json *copy = value ? json_copy(a, value) : json_new_null(a), *changed;
  const char *problem = "absent";
  struct pointer p;

  if (pointer_parse(a, path, &p, reterr) < 0)
    return -(int)reterr->code;
  if (p.n == 0) {
    if (what != EDIT_REPLACE || !(json_is(copy, JSON_OBJECT) || json_is(copy, JSON_ARRAY)))
      return kerr_set(reterr, KERR_INVALID, NULL,
                      "%s operation does not apply: doc is missing path: \"%s\": missing value", op, path);
    *doc = copy;
    return 0;
  }
  changed = edit(a, *doc, &p, 0, what, copy, &problem);
  if (changed) {
    *doc = changed;
    return 0;
  }
  if (strcmp(problem, "absent") != 0)
    return kerr_set(reterr, KERR_INVALID, NULL, "error in %s for path: '%s': %s: %.*s: invalid index referenced", op,
                    path, problem, SPAN_FMT(p.parts[p.n - 1]));
  if (what == EDIT_REMOVE && lookup(*doc, &p, p.n - 1))
    return kerr_set(reterr, KERR_INVALID, NULL,
                    "error in remove for path: '%s': Unable to remove nonexistent key: %.*s: missing value", path,
                    SPAN_FMT(p.parts[p.n - 1]));
  return kerr_set(reterr, KERR_INVALID, NULL, "%s operation does not apply: doc is missing path: \"%s\": missing value",
                  op, path);
}

static int
op_add(struct arena *a, const struct json **doc, const struct operation *o, struct kerr *reterr)
{
  return apply_edit(a, doc, "add", o->path, EDIT_ADD, o->value, reterr);
}

static int
op_remove(struct arena *a, const struct json **doc, const struct operation *o, struct kerr *reterr)
{
  return apply_edit(a, doc, "remove", o->path, EDIT_REMOVE, NULL, reterr);
}

static int
op_replace(struct arena *a, const struct json **doc, const struct operation *o, struct kerr *reterr)
{
  return apply_edit(a, doc, "replace", o->path, EDIT_REPLACE, o->value, reterr);
}

static int
find_from(struct arena *a, const struct json *doc, const struct operation *o, const struct json **ret,
          struct kerr *reterr)
{
  struct pointer p;

  if (pointer_parse(a, o->from ? o->from : "", &p, reterr) < 0)
    return -(int)reterr->code;
  *ret = lookup(doc, &p, p.n);
  if (!*ret && p.n && json_is(lookup(doc, &p, p.n - 1), JSON_OBJECT))
    *ret = json_new_null(a); /* the library has nil for a key that is not there */
  if (*ret && p.n)
    return 0;
  return kerr_set(reterr, KERR_INVALID, NULL,
                  "%s operation does not apply: doc is missing from path: %s: missing value", o->op,
                  o->from ? o->from : "");
}

/* A document that is copied into itself again and again would double each time. */
static int
count_copy(const struct operation *o, const struct json *value, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, PATCH_COPY_MAX);
  json_write(&b, value, JSON_COMPACT);
  *o->copied += b.n;
  if (!strbuf_overflowed(&b) && *o->copied <= PATCH_COPY_MAX)
    return 0;
  return kerr_set(reterr, KERR_INVALID, NULL,
                  "Unable to copy, the accumulated size increase of copy is %zu, exceeding the limit %zu", *o->copied,
                  PATCH_COPY_MAX);
}

static int
op_copy(struct arena *a, const struct json **doc, const struct operation *o, struct kerr *reterr)
{
  const struct json *value;

  if (find_from(a, *doc, o, &value, reterr) < 0 || count_copy(o, value, reterr) < 0)
    return -(int)reterr->code;
  return apply_edit(a, doc, "copy", o->path, EDIT_ADD, value, reterr);
}

static int
op_move(struct arena *a, const struct json **doc, const struct operation *o, struct kerr *reterr)
{
  const struct json *value;

  if (!o->from)
    return kerr_set(reterr, KERR_INVALID, NULL, "move operation failed to decode from: missing value");
  if (find_from(a, *doc, o, &value, reterr) < 0 || apply_edit(a, doc, "move", o->from, EDIT_REMOVE, NULL, reterr) < 0)
    return -(int)reterr->code;
  return apply_edit(a, doc, "move", o->path, EDIT_ADD, value, reterr);
}

static int
op_test(struct arena *a, const struct json **doc, const struct operation *o, struct kerr *reterr)
{
  const struct json *has;
  struct pointer p;

  if (pointer_parse(a, o->path, &p, reterr) < 0)
    return -(int)reterr->code;
  has = lookup(*doc, &p, p.n);
  if (has ? json_equal(has, o->value ? o->value : json_new_null(a)) : !o->value || json_is(o->value, JSON_NULL))
    return 0;
  return kerr_set(reterr, KERR_INVALID, NULL, "testing value %s failed: test failed", o->path);
}

static const struct {
  const char *name;
  int (*fn)(struct arena *a, const struct json **doc, const struct operation *o, struct kerr *reterr);
} operations[] = {
  { "add", op_add },   { "remove", op_remove }, { "replace", op_replace },
  { "move", op_move }, { "copy", op_copy },     { "test", op_test },
};

static int
run(struct arena *a, const struct json **doc, const struct json *item, size_t *copied, struct kerr *reterr)
{
  struct operation o = { .op = json_get_str_or(item, "op", "unknown"),
                         .path = json_get_str(item, "path"),
                         .from = json_get_str(item, "from"),
                         .value = json_get(item, "value"),
                         .copied = copied };

  for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
    if (strcmp(operations[i].name, o.op) != 0)
      continue;
    if (!o.path)
      return kerr_set(reterr, KERR_INVALID, NULL, "%s operation failed to decode path: missing value", o.op);
    return operations[i].fn(a, doc, &o, reterr);
  }
  return kerr_set(reterr, KERR_INVALID, NULL, "Unexpected kind: %s", o.op);
}

int
patch_json(struct arena *a, const struct json *doc, const struct json *patch, struct json **ret, struct kerr *reterr)
{
  size_t copied = 0;

  if (json_count(patch) > PATCH_OPERATIONS_MAX)
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "The allowed maximum operations in a JSON patch is %d, got %zu",
                    PATCH_OPERATIONS_MAX, json_count(patch));
  for (json_each_item (item, patch))
    if (run(a, &doc, *item, &copied, reterr) < 0)
      return -(int)reterr->code;
  *ret = json_shallow(a, doc);
  return 0;
}
