#include "rest_write.h"

#include <inttypes.h>
#include <string.h>

#include "apiserver_internal.h"
#include "managed_fields.h"
#include "object.h"
#include "admission_chain.h"
#include "rest_delete.h"
#include "rest_meta.h"
#include "strategy.h"
#include "validate.h"

#define GENERATE_ATTEMPTS 8  /* registry.maxNameGenerationCreateAttempts */
#define UPDATE_ATTEMPTS   64 /* another writer was faster that often: the client is told to try again */

#define MODIFIED "the object has been modified; please apply your changes to the latest version and try again"

int
rest_load(struct rest_call *c, const char *name, struct record **ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (store_get(c->s->store, rest_key(c->a, c->res, c->info.namespace_, name), 0, ret, &err) == 0)
    return 0;
  return err.code == KERR_NOT_FOUND ? rest_not_found(c, name, reterr) : kerr_move(reterr, &err);
}

/* A canonical tree in the request's version → the document that goes into the store. */
static int
make_document(struct rest_call *c, struct json *o, struct json **ret, struct kerr *reterr)
{
  struct json *stored;

  if (c->reshape) { /* a strategy has added members: bring them into Go's order */
    struct kind_strictness lenient = { .a = c->a };

    if (kind_decode(c->a, c->kind, o, &lenient, &o, reterr) < 0)
      return -(int)reterr->code;
  }
  if (rest_to_stored(c, o, &stored, reterr) < 0)
    return -(int)reterr->code;
  kind_settle(c->a, c->stored, stored);
  json_remove(rest_meta_edit(c->a, stored), "resourceVersion");
  rest_meta_order(c->a, stored);
  *ret = stored;
  return 0;
}

static void
take_warnings(struct rest_call *c, const struct json *o, const struct json *old)
{
  struct json *list = json_new_array(c->a);

  validate_warnings(c->a, c->kind, o, old, old ? c->info.subresource : "", c->personality, list);
  for (json_each_item (w, list))
    rest_warn(c, "%s", json_str(*w));
}

/* A custom object may say that it is of another kind: so does the error. */
static int
refuse_invalid(struct rest_call *c, const struct json *o, const char *name, const struct field_errors *errs,
               struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  const char *group, *version;

  if (!c->kind->custom || gv_parse(c->a, object_api_version(o), &group, &version, &ignored) < 0)
    return rest_invalid(c, name, errs, reterr);
  return rest_invalid_of(c, group, object_kind(o), name, errs, reterr);
}

/* -- new objects -- */

/* What the server makes for itself is taken as it is: it listens on a loopback address, which endpoints may not name.
 */
static bool
is_own(const struct rest_call *c)
{
  return c->req->user && strcmp(c->user->name, "system:apiserver") == 0;
}

static int
check_new(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  struct field_errors errs = { .a = c->a };
  int r;

  validate_prepare_create(c->a, c->kind, o, c->personality);
  r = strategy_prepare_create(c, o, reterr);
  if (r < 0)
    return r;
  r = admission_check_admin(c, o, NULL, &errs, reterr);
  if (r < 0)
    return r;
  if (!is_own(c))
    validate_create(c->kind, o, c->personality, &errs);
  admission_check_params(c, o, NULL, &errs);
  if (errs.n)
    return refuse_invalid(c, o, object_name(o), &errs, reterr);
  take_warnings(c, o, NULL);
  return admission_validate(c, o, NULL, reterr);
}

static int
already_there(struct rest_call *c, const char *name, bool generated, struct kerr *reterr)
{
  _cleanup_record_ struct record *there = NULL;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  const char *prefix = "";

  if (generated)
    return rest_generate_conflict(c, name, reterr);
  if (store_get(c->s->store, rest_key(c->a, c->res, c->info.namespace_, name), 0, &there, &ignored) == 0 &&
      object_is_deleting(record_tree(there)))
    prefix = "object is being deleted: ";
  return rest_already_exists(c, name, prefix, reterr);
}

static int
put_new(struct rest_call *c, struct json *o, struct span key, struct record **ret, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  struct json *document;
  int64_t revision;

  if (!c->dry_run && *object_resource_version(o)) /* the store's rule, which a dry run does not get to */
    return kerr_set(reterr, KERR_INTERNAL, NULL, "resourceVersion should not be set on objects to be created");
  if (make_document(c, o, &document, reterr) < 0)
    return -(int)reterr->code;
  r = record_from_json(key, 0, document);
  if (c->dry_run) {
    _cleanup_record_ struct record *there = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (store_get(c->s->store, key, 0, &there, &err) == 0)
      return kerr_set(reterr, KERR_ALREADY_EXISTS, NULL, "exists");
    if (err.code != KERR_NOT_FOUND)
      return kerr_move(reterr, &err);
  } else if (store_cas(c->s->store, key, r, 0, &revision, reterr) < 0) {
    return -(int)reterr->code;
  }
  *ret = steal_pointer(&r);
  return 0;
}

int
rest_store_new(struct rest_call *c, struct json *o, struct record **ret, struct kerr *reterr)
{
  for (int attempt = 1;; attempt++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *mine = json_copy(c->a, o);
    bool generated = rest_meta_fill(c, mine);

    if (rest_meta_namespace(c, mine, reterr) < 0)
      return -(int)reterr->code;
    const char *name = object_name(mine);
    int r = check_new(c, mine, reterr);
    bool stored = r == 0 && put_new(c, mine, rest_key(c->a, c->res, c->info.namespace_, name), ret, &err) == 0;

    strategy_finish(c, stored);
    if (stored)
      strategy_written(c);
    if (stored || r < 0)
      return r;
    if (err.code != KERR_ALREADY_EXISTS)
      return kerr_move(reterr, &err);
    if (!generated || attempt == GENERATE_ATTEMPTS)
      return already_there(c, name, generated, reterr);
  }
}

/* -- objects that are there -- */

int
rest_swap(struct rest_call *c, struct record *before, struct json *o, struct record **ret, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t revision = record_revision(before);

  json_remove(json_find(o, "metadata"), "resourceVersion");
  rest_meta_order(c->a, o);
  r = record_from_json(record_key(before), c->dry_run ? revision : 0, o);
  if (!c->dry_run && store_cas(c->s->store, record_key(before), r, revision, &revision, &err) < 0)
    return err.code == KERR_CONFLICT || err.code == KERR_NOT_FOUND ? 1 : kerr_move(reterr, &err);
  *ret = steal_pointer(&r);
  return 0;
}

static int
check_version(struct rest_call *c, const char *name, unsigned flags, struct json *o, const struct json *old,
              struct kerr *reterr)
{
  const char *wants = object_resource_version(o), *has = object_resource_version(old);

  if (*wants && strcmp(wants, "0") != 0)
    return strcmp(wants, has) == 0 ? 0 : rest_conflict(c, name, MODIFIED, reterr);
  if (!(flags & REST_UNCONDITIONAL)) {
    struct field_errors errs = { .a = c->a };

    field_errors_add(&errs, FIELD_INVALID, "metadata.resourceVersion", "0", "must be specified for an update");
    return rest_invalid_of(c, c->info.group, c->info.resource, name, &errs, reterr);
  }
  json_set_str(c->a, rest_meta_edit(c->a, o), "resourceVersion", has);
  return 0;
}

static int
check_uid(struct rest_call *c, const char *name, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const char *wants = object_uid(o), *has = object_uid(old);

  if (!*wants || strcmp(wants, has) == 0)
    return 0;
  return rest_conflict_stored(c, name, "UID", wants, has, reterr);
}

static int
check_update(struct rest_call *c, struct json *o, const struct json *old, unsigned flags, struct kerr *reterr)
{
  struct field_errors errs = { .a = c->a };
  int64_t generation = object_generation(old);
  struct json *meta = rest_meta_edit(c->a, o);
  int r;

  if (generation)
    json_set_int(c->a, meta, "generation", generation);
  else
    json_remove(meta, "generation");
  validate_prepare_update(c->a, c->kind, o, old, c->info.subresource, c->personality, c->now / CLOCK_SEC);
  r = strategy_prepare_update(c, o, old, reterr);
  if (r < 0)
    return r;
  rest_meta_keep(c->a, o, old);
  if (flags & REST_UNCHECKED)
    return 0;
  r = admission_check_admin(c, o, old, &errs, reterr);
  if (r < 0)
    return r;
  validate_update(c->kind, o, old, c->info.subresource, c->personality, &errs);
  r = strategy_check_update(c, o, old, &errs, reterr);
  if (r < 0)
    return r;
  admission_check_params(c, o, old, &errs);
  if (errs.n)
    return refuse_invalid(c, o, object_name(old), &errs, reterr);
  take_warnings(c, o, old);
  return admission_validate(c, o, old, reterr);
}

/* The last finalizer is gone from an object whose deletion was asked for: the update deletes it. */
static bool
ends_deletion(const struct json *o, const struct json *old)
{
  return object_is_deleting(old) && json_count(json_dig(o, "metadata", "finalizers", NULL)) == 0 &&
         json_int_or(json_dig(old, "metadata", "deletionGracePeriodSeconds", NULL), 0) == 0 &&
         strategy_may_end_deletion(o);
}

/* Are they the same managers of the same fields, whenever they wrote? */
static bool
same_managers(struct arena *a, const struct json *now, const struct json *was)
{
  if (json_count(now) != json_count(was))
    return false;
  for (size_t i = 0; i < json_count(now); i++) {
    struct json *x = json_shallow(a, json_at(now, i)), *y = json_shallow(a, json_at(was, i));

    json_remove(x, "time");
    json_remove(y, "time");
    if (!json_equal(x, y))
      return false;
  }
  return true;
}

/* A write that changes nothing but when somebody wrote changes nothing (IgnoreManagedFieldsTimestampsTransformer). */
static bool
same_document(struct rest_call *c, const struct json *now, struct record *before)
{
  struct json *x = json_shallow(c->a, now), *y = json_shallow(c->a, record_tree(before));
  struct json *now_meta = rest_meta_edit(c->a, x), *was_meta = rest_meta_edit(c->a, y);
  const struct json *managers = json_get(now_meta, "managedFields"), *before_them = json_get(was_meta, "managedFields");

  json_remove(was_meta, "resourceVersion");
  json_remove(was_meta, "managedFields");
  json_remove(now_meta, "managedFields");
  return json_equal(x, y) && same_managers(c->a, managers, before_them);
}

/* 0 and *ret; 1: another writer was faster, try again; or an error. */
static int
replace(struct rest_call *c, struct record *before, struct json *o, const struct json *old, struct record **ret,
        struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct span key = record_key(before);
  bool deleting = ends_deletion(o, old);
  struct json *document;
  int64_t revision;

  if (make_document(c, o, &document, reterr) < 0)
    return -(int)reterr->code;
  if (!deleting && same_document(c, document, before)) {
    *ret = record_ref(before);
    return 0;
  }
  if (c->dry_run || deleting) /* the answer shows the revision it had */
    r = record_from_json(key, record_revision(before), document);
  else
    r = record_from_json(key, 0, document);
  if (c->dry_run) {
    *ret = steal_pointer(&r);
    return 0;
  }
  if (store_cas(c->s->store, key, deleting ? NULL : r, record_revision(before), &revision, &err) < 0)
    return err.code == KERR_CONFLICT || err.code == KERR_NOT_FOUND ? 1 : kerr_move(reterr, &err);
  if (deleting)
    strategy_deleted(c, document);
  *ret = steal_pointer(&r);
  return 0;
}

static int
create_instead(struct rest_call *c, rest_transform_fn *fn, void *payload, struct record **ret, struct kerr *reterr)
{
  struct json *o;
  int r = fn(c, payload, NULL, &o, reterr);

  if (r < 0)
    return r;
  if (*object_uid(o))
    return rest_conflict(
        c, object_name(o),
        arena_printf(c->a, "uid mismatch: the provided object specified uid %s, and no existing object was found",
                     object_uid(o)),
        reterr);
  rest_meta_wipe(c->a, o);
  json_remove(json_find(o, "metadata"), "resourceVersion");
  r = admission_mutate(c, o, NULL, reterr);
  return r < 0 ? r : rest_store_new(c, o, ret, reterr);
}

/* One attempt: 0, 1 (again) or an error. */
static int
update_once(struct rest_call *c, const char *name, struct record *before, unsigned flags, rest_transform_fn *fn,
            void *payload, struct record **ret, struct kerr *reterr)
{
  struct json *old, *o;
  int r = rest_to_request(c, record_tree(before), &old, reterr);

  if (r < 0)
    return r;
  r = fn(c, payload, old, &o, reterr);
  if (r < 0)
    return r;
  if ((flags & REST_SAME_UID && check_uid(c, name, o, old, reterr) < 0) ||
      check_version(c, name, flags, o, old, reterr) < 0 || rest_meta_namespace(c, o, reterr) < 0)
    return -(int)reterr->code;
  if (!(flags & REST_UNCHECKED) && admission_mutate(c, o, old, reterr) < 0)
    return -(int)reterr->code;
  r = check_update(c, o, old, flags, reterr);
  if (r == 0)
    r = replace(c, before, o, old, ret, reterr);
  strategy_finish(c, r == 0);
  return r;
}

int
rest_store_update(struct rest_call *c, const char *name, unsigned flags, rest_transform_fn *fn, void *payload,
                  struct record **ret, bool *ret_created, struct kerr *reterr)
{
  struct span key = rest_key(c->a, c->res, c->info.namespace_, name);

  *ret_created = false;
  for (int attempt = 0; attempt < UPDATE_ATTEMPTS; attempt++) {
    _cleanup_record_ struct record *before = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    int r;

    if (store_get(c->s->store, key, 0, &before, &err) < 0) {
      if (err.code != KERR_NOT_FOUND)
        return kerr_move(reterr, &err);
      if (!(flags & REST_MAY_CREATE))
        return rest_not_found(c, name, reterr);
      *ret_created = true;
      return create_instead(c, fn, payload, ret, reterr);
    }
    r = update_once(c, name, before, flags, fn, payload, ret, reterr);
    if (r == 0)
      strategy_written(c);
    if (r <= 0)
      return r;
  }
  return rest_conflict(c, name, MODIFIED, reterr);
}
