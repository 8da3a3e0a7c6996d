#include "apply.h"

#include <stdlib.h>
#include <string.h>

#include "managed_fields.h"
#include "managers.h"
#include "object.h"
#include "typed.h"

#define BEFORE_FIRST_APPLY "before-first-apply"

struct applying {
  struct rest_call *c;
  struct managers m;
  struct manager self;
  struct typed_ref root;
  const struct json *live; /* without managedFields; the zero object when there is none */
};

/* -- what a configuration must be -- */

static const char *
described(struct rest_call *c, const struct json *o)
{
  const char *api_version = object_api_version(o);

  return arena_printf(c->a, "%s/%s; %s%s, Kind=%s", object_namespace(o), object_name(o),
                      strchr(api_version, '/') ? "" : "/", api_version, object_kind(o));
}

static int
check_config(struct rest_call *c, const struct json *config, struct kerr *reterr)
{
  const char *gv = gv_text(c->a, c->kind->group, c->kind->version);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (!json_is(config, JSON_OBJECT) && !json_is(config, JSON_NULL)) /* nothing at all is an object without a kind */
    return kerr_set(
        reterr, KERR_BAD_REQUEST, NULL,
        "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into "
        "Go value of type map[string]interface {}",
        json_wire_type(config));
  if (strcmp(object_api_version(config), gv) != 0 || strcmp(object_kind(config), c->kind->kind) != 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "invalid object type: %s%s, Kind=%s",
                    strchr(object_api_version(config), '/') ? "" : "/", object_api_version(config),
                    object_kind(config));
  if (json_dig(config, "metadata", "managedFields", NULL))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "metadata.managedFields must be nil");
  if (typed_check(c->a, typed_root(c->kind), config, &err) < 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "failed to create typed patch object (%s): %s", described(c, config),
                    err.msg);
  return 0;
}

/* -- another version of a value -- */

/* Canonical first: what has been merged may hold a client's spelling. */
static int
in_version(struct rest_call *c, const struct kind *from, const struct kind *to, const struct json *o, struct json **ret,
           struct kerr *reterr)
{
  struct kind_strictness lenient = { .a = c->a };
  struct json *canonical;

  if (from == to) {
    *ret = json_shallow(c->a, o);
    return 0;
  }
  if (kind_decode(c->a, from, o, &lenient, &canonical, reterr) < 0)
    return -(int)reterr->code;
  return kind_convert(c->a, from, to, canonical, ret, reterr);
}

static const struct kind *
kind_of_version(struct rest_call *c, const char *api_version)
{
  const char *group, *version;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  return gv_parse(c->a, api_version, &group, &version, &ignored) < 0 ? NULL
                                                                     : rest_kind(c, group, version, c->kind->kind);
}

/* -- pruning: fields that the manager had, does not name any more, and nobody else holds -- */

struct pruning {
  struct rest_call *c;
  const struct kind *kind; /* of merged and pruned */
  struct json *merged, *pruned;
};

static struct field_set *
all_fields(struct rest_call *c, const struct kind *k, const struct json *v)
{
  struct typed_ref root = typed_root(k);

  return typed_with_parents(c->a, root, typed_fields(c->a, root, v));
}

/* Put back what has been pruned but is held, in one version. */
static int
put_back_held(struct pruning *p, const struct kind *k, const struct field_set *held, struct kerr *reterr)
{
  struct arena *a = p->c->a;
  struct typed_ref root = typed_root(k);
  struct field_set *gone;

  if (in_version(p->c, p->kind, k, p->merged, &p->merged, reterr) < 0 ||
      in_version(p->c, p->kind, k, p->pruned, &p->pruned, reterr) < 0)
    return -(int)reterr->code;
  p->kind = k;
  gone = field_set_minus(a, all_fields(p->c, k, p->merged), all_fields(p->c, k, p->pruned));
  gone = field_set_minus(a, gone, typed_with_parents(a, root, held));
  p->pruned = typed_remove(a, root, p->merged, gone);
  return 0;
}

/* Everything held in the version of `k`, by everybody. */
static const struct field_set *
held_in(struct applying *ap, const char *api_version)
{
  const struct field_set *held = field_set_new(ap->c->a);

  for (size_t i = 0; i < ap->m.n; i++)
    if (strcmp(ap->m.list[i].api_version, api_version) == 0)
      held = field_set_union(ap->c->a, held, ap->m.list[i].fields);
  return held;
}

static bool
seen_before(const struct applying *ap, size_t i)
{
  for (size_t j = 0; j < i; j++)
    if (strcmp(ap->m.list[j].api_version, ap->m.list[i].api_version) == 0)
      return true;
  return false;
}

static int
prune(struct applying *ap, struct json *merged, const struct manager *last, struct json **ret, struct kerr *reterr)
{
  struct rest_call *c = ap->c;
  const struct kind *k = kind_of_version(c, last->api_version);
  struct pruning p = { .c = c, .kind = k };
  struct typed_ref root;

  *ret = merged;
  if (!k || field_set_empty(last->fields))
    return 0;
  root = typed_root(k);
  if (in_version(c, c->kind, k, merged, &p.merged, reterr) < 0)
    return -(int)reterr->code;
  p.pruned = typed_remove(c->a, root, p.merged, typed_with_parents(c->a, root, last->fields));
  if (put_back_held(&p, k, held_in(ap, last->api_version), reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < ap->m.n; i++) {
    const struct kind *other = kind_of_version(c, ap->m.list[i].api_version);

    if (!other || other == k || seen_before(ap, i))
      continue;
    if (put_back_held(&p, other, held_in(ap, ap->m.list[i].api_version), reterr) < 0)
      return -(int)reterr->code;
  }
  /* What went though the manager never had it (it hung below something that went) comes back, too. */
  if (in_version(c, c->kind, k, merged, &p.merged, reterr) < 0 ||
      in_version(c, p.kind, k, p.pruned, &p.pruned, reterr) < 0)
    return -(int)reterr->code;
  struct field_set *gone = field_set_minus(c->a, all_fields(c, k, p.merged), all_fields(c, k, p.pruned));

  gone = field_set_both(c->a, gone, typed_with_parents(c->a, root, last->fields));
  p.pruned = typed_remove(c->a, root, p.merged, gone);
  return in_version(c, k, c->kind, p.pruned, ret, reterr);
}

/* -- conflicts -- */

struct listing {
  struct rest_call *c;
  const char *who;
  struct json *causes;
  const char *lines; /* "- path" of one manager */
  const char *only;  /* the path when there is just one */
  size_t n;
};

static void
add_conflict(void *payload, const char *path)
{
  struct listing *l = payload;
  struct json *cause = json_append(l->c->a, l->causes, json_new_object(l->c->a));

  json_set_str(l->c->a, cause, "reason", "FieldManagerConflict");
  json_set_str(l->c->a, cause, "message", arena_printf(l->c->a, "conflict with %s", l->who));
  json_set_str(l->c->a, cause, "field", path);
  l->lines = arena_printf(l->c->a, "%s\n- %s", l->lines, path);
  l->only = path;
  l->n++;
}

static const char *
manager_text(struct rest_call *c, const struct manager *m)
{
  const char *ret = arena_printf(c->a, "\"%s\"", m->name);

  if (*m->subresource)
    ret = arena_printf(c->a, "%s with subresource \"%s\"", ret, m->subresource);
  return m->applied ? ret : arena_printf(c->a, "%s using %s", ret, m->api_version);
}

/* As upstream orders them: by the identity's JSON, which begins with the manager's name. */
static int
by_manager(const void *x, const void *y)
{
  const struct manager *a = ((const struct manager_conflict *)x)->who, *b = ((const struct manager_conflict *)y)->who;
  int cmp = strcmp(a->name, b->name);

  if (!cmp)
    cmp = (int)b->applied - (int)a->applied;
  if (!cmp)
    cmp = strcmp(a->api_version, b->api_version);
  return cmp ? cmp : strcmp(a->subresource, b->subresource);
}

static int
refuse_conflicts(struct rest_call *c, struct manager_conflict *list, size_t n, struct kerr *reterr)
{
  static const struct status_subject nobody;
  struct listing l = { .c = c, .causes = json_new_array(c->a) };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *text = "";

  qsort(list, n, sizeof list[0], by_manager);
  for (size_t i = 0; i < n; i++) {
    l.who = manager_text(c, list[i].who);
    l.lines = "";
    field_set_paths(c->a, list[i].fields, add_conflict, &l);
    text = arena_printf(c->a, "%s%sconflicts with %s:%s", text, i ? "\n" : "", l.who, l.lines);
  }
  if (l.n == 1)
    (void)kerr_set(&err, KERR_CONFLICT, NULL, "Apply failed with 1 conflict: conflict with %s: %s", l.who, l.only);
  else
    (void)kerr_set(&err, KERR_CONFLICT, NULL, "Apply failed with %zu conflicts: %s", l.n, text);
  c->refusal = status_from_kerr(c->a, &err, &nobody, 0);
  json_set(c->a, json_ensure_object(c->a, c->refusal, "details"), "causes", l.causes);
  return kerr_move(reterr, &err);
}

/* -- applying -- */

/* The merged map → the object; upstream calls what goes wrong here an internal error. */
static int
restore(struct rest_call *c, const struct json *config, const struct json *merged, struct json **ret,
        struct kerr *reterr)
{
  struct kind_strictness lenient = { .a = c->a };
  const char *problem = kind_restore_problem(c->a, c->kind, merged, NULL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (!problem && kind_decode(c->a, c->kind, merged, &lenient, ret, &err) < 0)
    problem = err.msg;
  return problem ? kerr_set(reterr, KERR_INTERNAL, NULL,
                            "failed to convert new object (%s) to proper version: unable to convert unstructured "
                            "object to %s/%s, Kind=%s: %s",
                            described(c, config), c->kind->group, c->kind->version, c->kind->kind, problem)
                 : 0;
}

/* An object that nobody kept account of belongs, as it is, to whoever wrote it before. */
static void
account_for_the_past(struct applying *ap)
{
  struct rest_call *c = ap->c;
  struct manager past = { .name = BEFORE_FIRST_APPLY,
                          .api_version = ap->self.api_version,
                          .subresource = "",
                          .time = json_str(json_dig(ap->live, "metadata", "creationTimestamp", NULL)) };
  struct managers_versions *v = managers_versions_new(c, managed_fields_zero(c), ap->live);
  const struct typed_change *change = managers_versions_change(v, ap->self.api_version);

  if (!past.time)
    past.time = "";
  if (!change)
    return;
  past.fields = field_set_union(c->a, change->added, change->modified);
  managers_put(&ap->m, &past);
  managers_strip(&ap->m);
}

static int
merge_and_account(struct applying *ap, const struct json *config, bool force, struct json **ret, struct kerr *reterr)
{
  struct rest_call *c = ap->c;
  struct manager last = { .fields = NULL }, *previous = managers_find(&ap->m, &ap->self);
  struct json *merged = typed_merge(c->a, ap->root, ap->live, config);
  struct managers_versions *versions;
  struct manager_conflict *conflicts;
  size_t n;

  if (previous)
    last = *previous;
  ap->self.fields = managers_filter(c, typed_fields(c->a, ap->root, config));
  if (previous)
    ap->self.time = previous->time;
  managers_put(&ap->m, &ap->self);
  if (last.fields && prune(ap, merged, &last, &merged, reterr) < 0)
    return -(int)reterr->code;
  versions = managers_versions_new(c, ap->live, merged);
  n = managers_take(&ap->m, versions, &ap->self, force ? NULL : &conflicts);
  if (managers_versions_failed(versions))
    return kerr_set(reterr, KERR_INTERNAL, NULL, "%s", managers_versions_failed(versions));
  if (n)
    return refuse_conflicts(c, conflicts, n, reterr);
  *ret = merged;
  return 0;
}

int
apply_patch(struct rest_call *c, const struct json *live, const struct json *config, bool force, struct json **ret,
            struct kerr *reterr)
{
  struct applying ap = { .c = c, .root = typed_root(c->kind) };
  struct json *merged = NULL;
  bool changed;

  if (check_config(c, config, reterr) < 0)
    return -(int)reterr->code;
  ap.m = (struct managers){ .a = c->a };
  ap.self = (struct manager){ .name = c->field_manager,
                              .api_version = gv_text(c->a, c->kind->group, c->kind->version),
                              .subresource = c->info.subresource,
                              .time = "",
                              .applied = true };
  ap.live = live ? managed_fields_without(c, live) : managed_fields_zero(c);
  if (live)
    managers_read(c->a, live, &ap.m);
  if (live && ap.m.n == 0)
    account_for_the_past(&ap);
  if (merge_and_account(&ap, config, force, &merged, reterr) < 0)
    return -(int)reterr->code;
  changed = !json_equal(merged, ap.live);
  if (changed)
    merged = json_tight(c->a, merged);
  if (restore(c, config, merged, ret, reterr) < 0)
    return -(int)reterr->code;
  c->unlabelled = !json_count(object_labels(*ret));
  kind_default(c->a, c->kind, *ret, c->personality, c->now);
  struct manager *mine = managers_find(&ap.m, &ap.self);

  if (mine && (changed || !*mine->time))
    mine->time = rest_time(c->a, c->now);
  managers_strip(&ap.m);
  managers_write(&ap.m, *ret);
  return 0;
}
