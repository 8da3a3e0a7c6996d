/* Field selectors: which labels a kind has, and the value behind one (the strategies and conversions of each kind
 * upstream). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "object.h"
#include "rest_list.h"

/* The field behind `label`; NULL when the resource does not know it. `selectors` is "a b c=>d". */
static const char *
field_of_label(struct arena *a, const char *selectors, const char *label)
{
  struct span left = span_of(selectors);

  while (left.p && left.n) {
    struct span rest, field, one = span_cut(left, ' ', &rest);
    struct span name = span_cut(one, '=', &field);

    if (span_is(name, label))
      return field.p ? arena_strndup(a, field.p + 1, field.n - 1) : label;
    left = rest;
  }
  return NULL;
}

static int
unknown_label(struct rest_call *c, const char *label, struct kerr *reterr)
{
  const struct kind *k = c->kind;

  if (k->custom)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "field label not supported: %s", label);
  if (strcmp(k->kind, "ResourceSlice") == 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "field label not supported for %s, Kind=%s: %s",
                    gv_text(c->a, k->group, k->version), k->kind, label);
  if (strcmp(k->kind, "Job") == 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "field label \"%s\" not supported for Job", label);
  if (strcmp(c->res->selectors, "metadata.name") != 0 &&
      strcmp(c->res->selectors, "metadata.name metadata.namespace") != 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "field label not supported: %s", label);
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                  "\"%s\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", label);
}

/* A field that the definition of a custom kind names. */
static bool
is_selectable(const struct custom *c, const char *label)
{
  for (size_t i = 0; c && i < c->n_selectable; i++)
    if (strcmp(c->selectable[i].name, label) == 0)
      return true;
  return false;
}

int
rest_fields_check(struct rest_call *c, const struct field_selector *sel, struct kerr *reterr)
{
  for (size_t i = 0; i < sel->n; i++) {
    struct field_term *t = &sel->terms[i];
    const char *field =
        is_selectable(c->kind->custom, t->path) ? t->path : field_of_label(c->a, c->res->selectors, t->path);

    if (!field && (strcmp(t->path, "metadata.name") == 0 || strcmp(t->path, "metadata.namespace") == 0))
      field = t->path;
    if (!field)
      return unknown_label(c, t->path, reterr);
    t->path = field;
  }
  return 0;
}

static const char *
text_of(const struct json *v, char buf[32])
{
  switch (json_type(v)) {
  case JSON_STRING:
    return v->u.str;
  case JSON_BOOL:
    return v->u.boolean ? "true" : "false";
  case JSON_INT:
    (void)snprintf(buf, 32, "%" PRId64, v->u.integer);
    return buf;
  case JSON_NULL:
  case JSON_NUMBER:
  case JSON_ARRAY:
  case JSON_OBJECT:
    return "";
  }
  return "";
}

/* Fields that are never absent, though JSON leaves the zero value out. */
static const struct {
  const char *kind, *path, *zero;
} zeros[] = {
  { "Node", "spec.unschedulable", "false" },
  { "Pod", "spec.hostNetwork", "false" },
  { "ReplicationController", "status.replicas", "0" },
  { "Job", "status.successful", "0" },
};

/* Fields that are read from members of other names: the first that says something. */
static const struct {
  const char *kind, *path, *at[2];
} elsewhere[] = {
  { "Event", "source", { "source.component", "reportingComponent" } },
  { "Job", "status.successful", { "status.succeeded" } },
};

static const struct json *
value_at(const struct json *o, const char *path)
{
  struct span left = span_of(path);

  while (o && left.p) {
    struct span rest, name = span_cut(left, '.', &rest);

    o = json_get_n(o, name.p, name.n);
    left = rest;
  }
  return o;
}

static const struct json *
value_of(const char *kind, const struct json *o, const char *path)
{
  const struct json *v = value_at(o, path);

  for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
    if (strcmp(elsewhere[i].kind, kind) != 0 || strcmp(elsewhere[i].path, path) != 0)
      continue;
    v = NULL;
    for (size_t j = 0; !v && j < ARRAY_SIZE(elsewhere[i].at) && elsewhere[i].at[j]; j++)
      v = value_at(o, elsewhere[i].at[j]);
  }
  return v;
}

const char *
rest_field_value(const char *kind, const struct json *o, const char *path, char buf[32])
{
  const struct json *v = value_of(kind, o, path);

  for (size_t i = 0; !v && i < ARRAY_SIZE(zeros); i++)
    if (strcmp(zeros[i].kind, kind) == 0 && strcmp(zeros[i].path, path) == 0)
      return zeros[i].zero;
  return text_of(v, buf);
}
