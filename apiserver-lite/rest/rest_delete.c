#include "rest_delete.h"

#include <inttypes.h>
#include <string.h>

#include "apiserver_internal.h"
#include "clock.h"
#include "object.h"
#include "admission_chain.h"
#include "rest_list.h"
#include "rest_meta.h"
#include "rest_write.h"
#include "strategy.h"

#define ATTEMPTS 64

#define FINALIZER_ORPHAN     "orphan"
#define FINALIZER_FOREGROUND "foregroundDeletion"

/* -- options -- */

static void
check_options(struct rest_call *c, const struct json *body, struct delete_options *o, struct field_errors *errs)
{
  static const char *const policies[] = { "Foreground", "Background", "Orphan" };
  bool known = !o->propagation;

  if (o->propagation && o->orphan >= 0)
    field_errors_add(errs, FIELD_INVALID, "propagationPolicy", arena_printf(c->a, "\"%s\"", o->propagation),
                     "orphanDependents and deletionPropagation cannot be both set");
  for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
    known = known || strcmp(policies[i], o->propagation) == 0;
  if (!known)
    field_errors_add(errs, FIELD_NOT_SUPPORTED, "propagationPolicy", arena_printf(c->a, "\"%s\"", o->propagation),
                     "supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
  rest_check_dry_run(c, json_get(body, "dryRun"), errs);
}

static int
options_of_query(struct rest_call *c, struct delete_options *ret, struct kerr *reterr)
{
  bool given;

  if (rest_query_int(c, "gracePeriodSeconds", &ret->grace, &given, reterr) < 0)
    return -(int)reterr->code;
  ret->propagation = rest_query(c, "propagationPolicy");
  if (rest_query(c, "orphanDependents"))
    ret->orphan = rest_query_bool(c, "orphanDependents");
  return 0;
}

int
delete_options_read(struct rest_call *c, struct delete_options *ret, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "meta.k8s.io", "v1", "DeleteOptions");
  struct field_errors errs = { .a = c->a };
  struct json *body = NULL;

  *ret = (struct delete_options){ .grace = -1, .orphan = -1 };
  c->field_validation = REST_IGNORE;
  if (rest_body_of(c, k, &body, reterr) < 0)
    return -(int)reterr->code;
  if (!body && options_of_query(c, ret, reterr) < 0)
    return -(int)reterr->code;
  c->delete_options = body;
  if (body) {
    const struct json *orphan = json_get(body, "orphanDependents");

    ret->grace = json_get_int(body, "gracePeriodSeconds", -1);
    if (json_get(body, "gracePeriodSeconds") && ret->grace < 0)
      ret->grace = 1; /* as upstream: a negative period is one second */
    ret->propagation = json_get_str(body, "propagationPolicy");
    ret->orphan = json_is(orphan, JSON_BOOL) ? orphan->u.boolean : -1;
    ret->uid = json_str(json_dig(body, "preconditions", "uid", NULL));
    ret->resource_version = json_str(json_dig(body, "preconditions", "resourceVersion", NULL));
  }
  check_options(c, body, ret, &errs);
  return errs.n ? rest_invalid_of(c, "meta.k8s.io", "DeleteOptions", "", &errs, reterr) : 0;
}

/* -- what to do with an object -- */

static int
check_preconditions(struct rest_call *c, const struct delete_options *opts, const struct json *o, struct kerr *reterr)
{
  const char *what = NULL;

  if (opts->uid && strcmp(opts->uid, object_uid(o)) != 0)
    what = arena_printf(c->a,
                        "the UID in the precondition (%s) does not match the UID in record (%s). The object might have "
                        "been deleted and then recreated",
                        opts->uid, object_uid(o));
  else if (opts->resource_version && strcmp(opts->resource_version, object_resource_version(o)) != 0)
    what = arena_printf(c->a,
                        "the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record "
                        "(%s). The object might have been modified",
                        opts->resource_version, object_resource_version(o));
  if (!what)
    return 0;
  struct status_subject about = rest_kind_subject(c, object_name(o));
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *group = c->kind->group;

  (void)kerr_set(&err, KERR_CONFLICT, NULL, "Operation cannot be fulfilled on %s%s%s \"%s\": %s", c->kind->kind,
                 *group ? "." : "", group, object_name(o), what);
  c->refusal = status_from_kerr(c->a, &err, &about, 0);
  return kerr_move(reterr, &err);
}

int
delete_options_check(struct rest_call *c, const struct delete_options *opts, const struct json *o, const char *prefix,
                     struct kerr *reterr)
{
  const char *rv = opts->resource_version, *why = NULL;

  if (opts->uid && strcmp(opts->uid, object_uid(o)) != 0)
    why = arena_printf(c->a, "%s: UID in precondition: %s, UID in object meta: %s", prefix, opts->uid, object_uid(o));
  else if (rv && strcmp(rv, object_resource_version(o)) != 0)
    why = arena_printf(c->a, "%s: ResourceVersion in precondition: %s, ResourceVersion in object meta: %s", prefix, rv,
                       object_resource_version(o));
  return why ? rest_conflict(c, object_name(o), why, reterr) : 0;
}

static bool
wants_orphan(const struct delete_options *opts, const struct json *o)
{
  if (opts->orphan >= 0)
    return opts->orphan;
  if (opts->propagation)
    return strcmp(opts->propagation, "Orphan") == 0;
  return object_has_finalizer(o, FINALIZER_ORPHAN);
}

static bool
wants_foreground(const struct delete_options *opts, const struct json *o)
{
  if (opts->orphan >= 0)
    return false;
  if (opts->propagation)
    return strcmp(opts->propagation, "Foreground") == 0;
  return object_has_finalizer(o, FINALIZER_FOREGROUND) && !object_has_finalizer(o, FINALIZER_ORPHAN);
}

/* The garbage collector's finalizers as the options want them. */
static void
set_finalizers(struct arena *a, struct json *o, const struct delete_options *opts)
{
  bool orphan = wants_orphan(opts, o), foreground = wants_foreground(opts, o);
  struct json *list = json_new_array(a), *meta = json_find(o, "metadata");

  for (json_each_item (f, json_get(meta, "finalizers")))
    if (strcmp(json_str(*f), FINALIZER_ORPHAN) != 0 && strcmp(json_str(*f), FINALIZER_FOREGROUND) != 0)
      json_append(a, list, *f);
  if (orphan)
    json_append_str(a, list, FINALIZER_ORPHAN);
  if (foreground)
    json_append_str(a, list, FINALIZER_FOREGROUND);
  if (json_count(list))
    json_set(a, meta, "finalizers", list);
  else
    json_remove(meta, "finalizers");
}

static void
bump_generation(struct arena *a, struct json *meta)
{
  int64_t generation = json_get_int(meta, "generation", 0);

  if (generation > 0)
    json_set_int(a, meta, "generation", generation + 1);
}

/* The object stays for its finalizers: mark it. */
static void
mark_deleting(struct rest_call *c, struct json *meta)
{
  const char *stamp = json_get_str(meta, "deletionTimestamp");
  int64_t when = 0;

  if (!stamp)
    bump_generation(c->a, meta);
  if (!stamp || (clock_parse_rfc3339(span_of(stamp), &when) && when > c->now))
    json_set_str(c->a, meta, "deletionTimestamp", rest_time(c->a, c->now));
  json_set_int(c->a, meta, "deletionGracePeriodSeconds", 0);
}

enum graceful { GRACE_NONE, GRACE_MARKED, GRACE_PENDING };

/* A deletion that was asked for before: the period may only get shorter. */
static enum graceful
shorten_grace(struct rest_call *c, struct json *meta, int64_t asked)
{
  int64_t period = json_get_int(meta, "deletionGracePeriodSeconds", 0), stamp = 0;

  if (period == 0)
    return GRACE_NONE;
  if (asked < 0 || asked >= period)
    return GRACE_PENDING;
  (void)clock_parse_rfc3339(span_of(json_get_str_or(meta, "deletionTimestamp", "")), &stamp);
  stamp += (asked - period) * CLOCK_SEC;
  if (stamp < c->now) {
    stamp = c->now;
    asked = asked ? 1 : 0;
  }
  json_set_str(c->a, meta, "deletionTimestamp", rest_time(c->a, stamp));
  json_set_int(c->a, meta, "deletionGracePeriodSeconds", asked);
  return GRACE_MARKED;
}

static enum graceful
begin_grace(struct rest_call *c, struct json *o, int64_t asked)
{
  struct json *meta = json_find(o, "metadata");
  int64_t grace;

  if (!(c->res->flags & KIND_RES_GRACEFUL))
    return GRACE_NONE;
  if (json_get(meta, "deletionTimestamp"))
    return shorten_grace(c, meta, asked);
  if (!strategy_graceful(c, o, asked, &grace))
    return GRACE_NONE;
  json_set_str(c->a, meta, "deletionTimestamp", rest_time(c->a, c->now + grace * CLOCK_SEC));
  json_set_int(c->a, meta, "deletionGracePeriodSeconds", grace);
  bump_generation(c->a, meta);
  return GRACE_MARKED;
}

/* -- doing it -- */

/* The record as the client sees it after its deletion: with the revision of the deletion. */
static struct record *
stamped(struct record *r, int64_t revision)
{
  return record_new(record_key(r), revision, record_bytes(r), record_stamp_at(r));
}

/* KERR_CONFLICT: it has changed; KERR_NOT_FOUND: it is gone. */
static int
remove_record(struct rest_call *c, struct record *before, struct record **ret, struct kerr *reterr)
{
  int64_t revision = record_revision(before);

  if (!c->dry_run && store_cas(c->s->store, record_key(before), NULL, revision, &revision, reterr) < 0)
    return -(int)reterr->code;
  *ret = stamped(before, revision);
  return 0;
}

/* 0 done, 1 again, or an error. */
static int
remove_now(struct rest_call *c, struct record *before, struct record **ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (remove_record(c, before, ret, &err) == 0)
    return 0;
  if (err.code == KERR_CONFLICT)
    return 1;
  return err.code == KERR_NOT_FOUND ? rest_not_found(c, object_name(record_tree(before)), reterr)
                                    : kerr_move(reterr, &err);
}

static int
store_mark(struct rest_call *c, struct record *before, struct json *o, struct record **ret, struct kerr *reterr)
{
  if (!json_equal(o, record_tree(before)))
    return rest_swap(c, before, o, ret, reterr);
  *ret = record_ref(before);
  return 0;
}

/*
 * A graceful deletion without grace: watchers see the mark, then the end. One of them may be quicker than we are (a
 * kubelet deletes what it sees marked): then the object is as gone as was asked for, and the answer is what it was last
 * known to be (updateForGracefulDeletionAndFinalizers in registry/generic/registry/store.go: ignoreNotFound).
 */
static int
mark_and_remove(struct rest_call *c, struct record *before, struct json *o, struct record **ret, struct kerr *reterr)
{
  _cleanup_record_ struct record *last = NULL;
  int r = store_mark(c, before, o, &last, reterr);

  if (r != 0)
    return r;
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    _cleanup_record_ struct record *now = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (remove_record(c, last, ret, &err) == 0)
      return 0;
    if (err.code == KERR_CONFLICT) {
      kerr_release(&err);
      if (store_get(c->s->store, record_key(last), 0, &now, &err) == 0) {
        record_unref(last);
        last = steal_pointer(&now);
        continue;
      }
    }
    if (err.code != KERR_NOT_FOUND)
      return kerr_move(reterr, &err);
    *ret = record_ref(last);
    return 0;
  }
  return 1;
}

static int
delete_once(struct rest_call *c, struct record *before, const struct delete_options *opts, struct record **ret,
            bool *ret_gone, struct kerr *reterr)
{
  struct json *o = json_shallow(c->a, record_tree(before)), *seen;
  struct json *meta = rest_meta_edit(c->a, o);

  if (check_preconditions(c, opts, o, reterr) < 0 || rest_read(c, before, &seen, reterr) < 0 ||
      admission_delete(c, seen, reterr) < 0)
    return -(int)reterr->code;
  *ret_gone = false;
  enum graceful graceful = begin_grace(c, o, opts->grace);

  if (graceful == GRACE_PENDING) {
    *ret = record_ref(before);
    return 0;
  }
  set_finalizers(c->a, o, opts);
  bool held = json_count(json_get(meta, "finalizers")) > 0;

  if (!held && graceful == GRACE_NONE) {
    *ret_gone = true;
    return remove_now(c, before, ret, reterr);
  }
  if (!held && json_get_int(meta, "deletionGracePeriodSeconds", 0) == 0) {
    *ret_gone = true;
    return mark_and_remove(c, before, o, ret, reterr);
  }
  if (graceful == GRACE_NONE)
    mark_deleting(c, meta);
  return store_mark(c, before, o, ret, reterr);
}

int
rest_delete_one(struct rest_call *c, const char *name, const struct delete_options *opts, struct record **ret,
                bool *ret_gone, struct kerr *reterr)
{
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    _cleanup_record_ struct record *before = NULL;

    if (rest_load(c, name, &before, reterr) < 0)
      return -(int)reterr->code;
    int r = strategy_delete(c, before, opts, ret, ret_gone, reterr);

    if (r == STRATEGY_DEFAULT)
      r = delete_once(c, before, opts, ret, ret_gone, reterr);
    if (r == 0 && *ret_gone && !c->dry_run)
      strategy_deleted(c, record_tree(*ret));
    if (r == 0)
      strategy_written(c);
    if (r <= 0)
      return r;
  }
  return rest_conflict(
      c, name, "the object has been modified; please apply your changes to the latest version and try again", reterr);
}

static int
answer_gone(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  struct json *status = json_new_object(c->a), *details = json_new_object(c->a);

  json_set_str(c->a, status, "kind", "Status");
  json_set_str(c->a, status, "apiVersion", "v1");
  json_set(c->a, status, "metadata", json_new_object(c->a));
  json_set_str(c->a, status, "status", "Success");
  json_set(c->a, status, "details", details);
  json_set_str(c->a, details, "name", object_name(o));
  if (*c->info.group)
    json_set_str(c->a, details, "group", c->info.group);
  json_set_str(c->a, details, "kind", c->info.resource);
  json_set_str(c->a, details, "uid", object_uid(o));
  (void)reterr;
  rest_answer_status(c, 200, status);
  return 0;
}

int
rest_delete(struct rest_call *c, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  struct delete_options opts;
  bool gone;

  if (delete_options_read(c, &opts, reterr) < 0 || rest_delete_one(c, c->info.name, &opts, &r, &gone, reterr) < 0)
    return -(int)reterr->code;
  if (gone && !(c->res->flags & KIND_RES_RETURNS_DELETED))
    return answer_gone(c, record_tree(r), reterr);
  return rest_answer_record(c, !gone && opts.orphan == 0 ? 202 : 200, r, reterr);
}

int
rest_delete_collection(struct rest_call *c, struct kerr *reterr)
{
  struct list_options list;
  struct delete_options opts;
  struct rest_listing found;
  int r = 0;

  if (list_options_read(c, &list, reterr) < 0 || delete_options_read(c, &opts, reterr) < 0 ||
      rest_listing_read(c, &list, &found, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < found.n && r == 0; i++) {
    _cleanup_record_ struct record *gone = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const struct json *o = record_tree(found.items[i]);
    const char *ns = c->info.namespace_;
    bool was_deleted;

    c->info.namespace_ = c->res->namespaced ? object_namespace(o) : "";
    if (rest_delete_one(c, object_name(o), &opts, &gone, &was_deleted, &err) < 0 && err.code != KERR_NOT_FOUND)
      r = kerr_move(reterr, &err);
    else
      c->refusal = NULL;
    c->info.namespace_ = ns;
  }
  c->converted = found.converted;
  if (r == 0)
    r = rest_answer_list(c, found.items, found.n, found.revision, NULL, 0, reterr);
  rest_listing_release(&found);
  return r;
}
