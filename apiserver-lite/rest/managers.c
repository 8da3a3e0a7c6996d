#include "managers.h"

#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "rest_meta.h"
#include "typed.h"
#include "validate.h"

#define UPDATERS_MAX 10 /* managedfields.DefaultMaxUpdateManagers */
#define VERSIONS_MAX 8

/* -- reading and writing -- */

static struct manager *
append(struct managers *m, const struct manager *who)
{
  if (m->n == m->cap) {
    size_t cap = m->cap ? m->cap * 2 : 8;
    struct manager *more = arena_array_of(m->a, struct manager, cap);

    if (m->n)
      memcpy(more, m->list, m->n * sizeof more[0]);
    m->list = more;
    m->cap = cap;
  }
  m->list[m->n] = *who;
  return &m->list[m->n++];
}

void
managers_read(struct arena *a, const struct json *o, struct managers *ret)
{
  *ret = (struct managers){ .a = a };
  for (json_each_item (e, json_dig(o, "metadata", "managedFields", NULL))) {
    const char *operation = json_get_str_or(*e, "operation", "");
    struct manager who = { .name = json_get_str_or(*e, "manager", ""),
                           .api_version = json_get_str_or(*e, "apiVersion", ""),
                           .subresource = json_get_str_or(*e, "subresource", ""),
                           .time = json_get_str_or(*e, "time", ""),
                           .applied = strcmp(operation, "Apply") == 0 };

    if (!who.applied && strcmp(operation, "Update") != 0)
      continue;
    who.fields = field_set_from_json(a, json_get(*e, "fieldsV1"));
    managers_put(ret, &who);
  }
}

static int
by_operation_and_time(const void *x, const void *y)
{
  const struct manager *a = x, *b = y;
  int cmp = (int)b->applied - (int)a->applied; /* "Apply" before "Update" */

  if (!cmp)
    cmp = strcmp(a->time, b->time);
  if (!cmp)
    cmp = strcmp(a->name, b->name);
  if (!cmp)
    cmp = strcmp(a->api_version, b->api_version);
  return cmp ? cmp : strcmp(a->subresource, b->subresource);
}

void
managers_write(const struct managers *m, struct json *o)
{
  struct json *meta = rest_meta_edit(m->a, o), *list = json_new_array(m->a);

  if (m->n)
    qsort(m->list, m->n, sizeof m->list[0], by_operation_and_time);
  for (size_t i = 0; i < m->n; i++) {
    const struct manager *e = &m->list[i];
    struct json *v = json_append(m->a, list, json_new_object(m->a));

    json_set_str(m->a, v, "manager", e->name);
    json_set_str(m->a, v, "operation", e->applied ? "Apply" : "Update");
    json_set_str(m->a, v, "apiVersion", e->api_version);
    if (*e->time)
      json_set_str(m->a, v, "time", e->time);
    json_set_str(m->a, v, "fieldsType", "FieldsV1");
    json_set(m->a, v, "fieldsV1", field_set_to_json(m->a, e->fields));
    if (*e->subresource)
      json_set_str(m->a, v, "subresource", e->subresource);
  }
  if (m->n)
    json_set(m->a, meta, "managedFields", list);
  else
    json_remove(meta, "managedFields");
}

static bool
same(const struct manager *x, const struct manager *y)
{
  return x->applied == y->applied && strcmp(x->name, y->name) == 0 && strcmp(x->subresource, y->subresource) == 0 &&
         (x->applied || strcmp(x->api_version, y->api_version) == 0);
}

struct manager *
managers_find(struct managers *m, const struct manager *who)
{
  for (size_t i = 0; i < m->n; i++)
    if (same(&m->list[i], who))
      return &m->list[i];
  return NULL;
}

void
managers_put(struct managers *m, const struct manager *who)
{
  struct manager *there = managers_find(m, who);

  if (there)
    *there = *who;
  else
    append(m, who);
}

static void
drop(struct managers *m, size_t i)
{
  memmove(&m->list[i], &m->list[i + 1], (m->n - i - 1) * sizeof m->list[0]);
  m->n--;
}

void
managers_drop_empty(struct managers *m)
{
  for (size_t i = m->n; i-- > 0;)
    if (field_set_empty(m->list[i].fields))
      drop(m, i);
}

/* -- what is not managed -- */

void
managers_strip(struct managers *m)
{
  static const char *const names[] = { "creationTimestamp", "generation",      "managedFields", "name",
                                       "namespace",         "resourceVersion", "selfLink",      "uid" };
  struct field_set *unmanaged = field_set_new(m->a), *meta = field_set_new(m->a);

  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    field_set_entry(m->a, meta, arena_printf(m->a, "f:%s", names[i]))->member = true;
  field_set_entry(m->a, unmanaged, "f:apiVersion")->member = true;
  field_set_entry(m->a, unmanaged, "f:kind")->member = true;
  struct field_entry *e = field_set_entry(m->a, unmanaged, "f:metadata");

  e->member = true;
  e->below = meta;
  for (size_t i = 0; i < m->n; i++)
    m->list[i].fields = field_set_minus(m->a, m->list[i].fields, unmanaged);
  managers_drop_empty(m);
}

/* Nobody changes what was asked for; who decides does not issue, and who issues does not decide. */
static void
reset_request(struct rest_call *c, struct field_set *reset)
{
  struct field_set *status = field_set_new(c->a);
  const char *others = !strcmp(c->info.subresource, "status")     ? "f:conditions"
                       : !strcmp(c->info.subresource, "approval") ? "f:certificate"
                                                                  : NULL;

  field_set_entry(c->a, reset, "f:spec")->member = true;
  if (!others)
    return;
  field_set_entry(c->a, status, others)->member = true;
  field_set_entry(c->a, reset, "f:status")->member = false;
  field_set_entry(c->a, reset, "f:status")->below = status;
}

/* What a strategy resets is not the writer's (GetResetFields). */
struct field_set *
managers_filter(struct rest_call *c, const struct field_set *s)
{
  struct field_set *reset = field_set_new(c->a), *meta = field_set_new(c->a);
  bool status = strcmp(c->info.subresource, "status") == 0;
  const char *kept = status ? validate_status_keeps(c->kind) : NULL;

  if (!(c->res->flags & KIND_RES_STATUS))
    return field_set_union(c->a, s, NULL);
  field_set_entry(c->a, reset, status ? "f:spec" : "f:status")->member = true;
  if (!strcmp(c->kind->kind, "CertificateSigningRequest"))
    reset_request(c, reset);
  if (kept && !*kept)
    field_set_entry(c->a, reset, "f:metadata")->member = true;
  else if (kept)
    field_set_entry(c->a, meta, arena_printf(c->a, "f:%s", kept))->member = true;
  if (status && strcmp(c->kind->kind, "Pod") == 0) {
    field_set_entry(c->a, meta, "f:deletionTimestamp")->member = true;
    field_set_entry(c->a, meta, "f:ownerReferences")->member = true;
  }
  if (meta->n)
    field_set_entry(c->a, reset, "f:metadata")->below = meta;
  return field_set_without(c->a, s, reset);
}

/* -- one change, seen in several versions -- */

struct managers_versions {
  struct rest_call *c;
  const struct json *from, *to; /* in the request's version */
  const char *failed;           /* why a webhook did not convert them; NULL: nothing went wrong */
  struct {
    const char *api_version;
    struct typed_change change;
    bool there;
  } list[VERSIONS_MAX];
  size_t n;
};

static bool
compare_in(struct managers_versions *v, const char *api_version, struct typed_change *ret)
{
  struct rest_call *c = v->c;
  const char *group, *version;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *from = v->from, *to = v->to;
  const struct kind *k = c->kind;

  if (strcmp(api_version, gv_text(c->a, k->group, k->version)) != 0) {
    struct json *converted_from, *converted_to;

    if (gv_parse(c->a, api_version, &group, &version, &err) < 0 || !(k = rest_kind(c, group, version, c->kind->kind)))
      return false;
    if (kind_convert(c->a, c->kind, k, from, &converted_from, &err) < 0 ||
        kind_convert(c->a, c->kind, k, to, &converted_to, &err) < 0) {
      v->failed = arena_strdup(c->a, err.msg);
      return false;
    }
    from = converted_from;
    to = converted_to;
  }
  typed_compare(c->a, typed_root(k), from, to, ret);
  ret->added = managers_filter(c, ret->added);
  ret->modified = managers_filter(c, ret->modified);
  ret->removed = managers_filter(c, ret->removed);
  return true;
}

struct managers_versions *
managers_versions_new(struct rest_call *c, const struct json *from, const struct json *to)
{
  struct managers_versions *v = arena_new_of(c->a, struct managers_versions);

  *v = (struct managers_versions){ .c = c, .from = from, .to = to };
  return v;
}

const char *
managers_versions_failed(const struct managers_versions *v)
{
  return v->failed;
}

const struct typed_change *
managers_versions_change(struct managers_versions *v, const char *api_version)
{
  for (size_t i = 0; i < v->n; i++)
    if (strcmp(v->list[i].api_version, api_version) == 0)
      return v->list[i].there ? &v->list[i].change : NULL;
  if (v->n == VERSIONS_MAX)
    return NULL;
  v->list[v->n].api_version = api_version;
  v->list[v->n].there = compare_in(v, api_version, &v->list[v->n].change);
  v->n++;
  return v->list[v->n - 1].there ? &v->list[v->n - 1].change : NULL;
}

size_t
managers_take(struct managers *m, struct managers_versions *v, const struct manager *self,
              struct manager_conflict **ret_conflicts)
{
  struct manager_conflict *conflicts = arena_array_of(m->a, struct manager_conflict, m->n + 1);
  const struct field_set **left = arena_array_of(m->a, const struct field_set *, m->n + 1);
  size_t n = 0;

  for (size_t i = 0; i < m->n; i++) {
    struct manager *e = &m->list[i];
    const struct typed_change *change;

    left[i] = e->fields;
    if (self && same(e, self))
      continue;
    change = managers_versions_change(v, e->api_version);
    if (!change) {
      if (!v->failed)
        left[i] = NULL; /* of a version that is no more */
      continue;
    }
    struct field_set *taken = field_set_both(m->a, e->fields, field_set_union(m->a, change->modified, change->added));

    if (!field_set_empty(taken))
      conflicts[n++] = (struct manager_conflict){ .who = e, .fields = taken };
    left[i] = field_set_minus(m->a, field_set_minus(m->a, e->fields, taken), change->removed);
  }
  if (ret_conflicts)
    *ret_conflicts = conflicts;
  if (ret_conflicts && n)
    return n;
  for (size_t i = 0; i < m->n; i++)
    m->list[i].fields = left[i];
  managers_drop_empty(m);
  return 0;
}

/* -- the ceiling -- */

static int
oldest_first(const void *x, const void *y)
{
  const struct manager *a = *(const struct manager *const *)x, *b = *(const struct manager *const *)y;
  int cmp = strcmp(a->time, b->time);

  return cmp ? cmp : strcmp(a->name, b->name);
}

void
managers_cap(struct managers *m)
{
  for (;;) {
    const struct manager **updaters = arena_array_of(m->a, const struct manager *, m->n + 1);
    size_t n = 0, first = 0, second = 0;

    for (size_t i = 0; i < m->n; i++)
      if (!m->list[i].applied)
        updaters[n++] = &m->list[i];
    if (n <= UPDATERS_MAX)
      return;
    qsort(updaters, n, sizeof updaters[0], oldest_first);
    for (first = 0; first < n; first++) { /* the two oldest of one version become one */
      for (second = first + 1; second < n; second++)
        if (strcmp(updaters[first]->api_version, updaters[second]->api_version) == 0)
          break;
      if (second < n)
        break;
    }
    if (first == n)
      return;
    struct manager bucket = *updaters[second];
    size_t i = (size_t)(updaters[first] - m->list), j = (size_t)(updaters[second] - m->list);

    bucket.name = "ancient-changes";
    bucket.subresource = "";
    bucket.fields = field_set_union(m->a, updaters[first]->fields, updaters[second]->fields);
    drop(m, i > j ? i : j);
    drop(m, i > j ? j : i);
    managers_put(m, &bucket);
  }
}
