/*
 * Letting go of claims (pkg/controller/resourceclaim/controller.go: syncClaim):
 * reservations of pods that are gone or done are dropped, a claim without
 * reservations loses its allocation and then its finalizer, and a claim that was
 * made for a pod goes with it.
 */
#include <string.h>

#include "claim.h"
#include "claim_controller.h"

#define FOREIGN_KEPT_SINCE 32 /* consumers of other kinds are left alone; before, the claim was not looked at */

static int
foreign_consumer(struct kerr *reterr, const struct json *consumer)
{
  return kerr_set(reterr, KERR_INVALID, NULL, "unsupported ReservedFor entry: {%s %s %s %s}",
                  json_get_str_or(consumer, "apiGroup", ""), json_get_str_or(consumer, "resource", ""),
                  json_get_str_or(consumer, "name", ""), json_get_str_or(consumer, "uid", ""));
}

/* Does the consumer still count? A pod that the cache does not know, or knows as
 * another, is asked for at the server before we act on it. */
static bool
is_done(const struct controller *ctl, const struct json *pod)
{
  return ctl->all->minor >= CLAIM_GENERATED_SINCE && claim_pod_is_done(pod);
}

static int
consumer_is_valid(struct controller *ctl, struct arena *a, const char *ns, const struct json *consumer, bool *ret,
                  struct kerr *reterr)
{
  const char *name = json_get_str_or(consumer, "name", ""), *uid = json_get_str_or(consumer, "uid", "");
  struct record *pod;
  int r;

  *ret = true;
  if (*json_get_str_or(consumer, "apiGroup", "") || strcmp(json_get_str_or(consumer, "resource", ""), "pods") != 0)
    return ctl->all->minor < FOREIGN_KEPT_SINCE ? foreign_consumer(reterr, consumer) : 0;
  pod = controllers_get(ctl->all, a, WATCH_PODS, ns, name);
  if (!pod || strcmp(object_uid(record_tree(pod)), uid) != 0) { /* gone, replaced, or not told of yet */
    _cleanup_record_ struct record *live = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    r = kclient_get(ctl->all->config.client, &KC_PODS, ns, name, &live, &err);
    if (r < 0 && err.code != KERR_NOT_FOUND)
      return kerr_move(reterr, &err);
    *ret = r == 0 && strcmp(object_uid(record_tree(live)), uid) == 0 && !is_done(ctl, record_tree(live));
    return 0;
  }
  *ret = !is_done(ctl, record_tree(pod));
  return 0;
}

static int
valid_consumers(struct controller *ctl, struct arena *a, const struct json *claim, struct json **ret,
                struct kerr *reterr)
{
  struct json *valid = json_new_array(a);

  for (json_each_item (p, json_dig(claim, "status", "reservedFor", NULL))) {
    bool good;
    int r = consumer_is_valid(ctl, a, object_namespace(claim), *p, &good, reterr);

    if (r < 0)
      return r;
    if (good)
      json_append(a, valid, json_copy(a, *p));
  }
  *ret = valid;
  return 0;
}

/*
 * Nobody uses the claim any more. What the scheduler allocated is deallocated here; a driver is asked to, where claims
 * are allocated for their first consumer and so are not to be kept.
 */
static void
let_go(const struct controllers *c, struct arena *a, const struct json *claim, struct json *status)
{
  bool keep = claim_is_immediate(claim); /* until 1.30 */

  if (object_has_finalizer(claim, c->dra->finalizer)) {
    if (!keep || object_is_deleting(claim))
      json_remove(status, "allocation");
  } else if (c->dra->scheduling && c->minor >= CLAIM_GENERATED_SINCE && !keep) {
    json_set_bool(a, status, "deallocationRequested", true);
  }
}

/* Write status with these reservations. */
static int
update_status(struct controller *ctl, struct arena *a, const struct json *claim, struct json *reserved,
              struct record **ret, struct kerr *reterr)
{
  struct json *copy = json_copy(a, claim), *status = json_ensure_object(a, copy, "status");

  if (reserved->count > 0)
    json_set(a, status, "reservedFor", reserved);
  else
    json_remove(status, "reservedFor");
  if (reserved->count == 0)
    let_go(ctl->all, a, claim, status);
  return kclient_update(ctl->all->config.client, ctl->all->dra->claims, "status", copy, ret, reterr);
}

static int
remove_finalizer(struct controller *ctl, struct arena *a, const struct json *claim, struct kerr *reterr)
{
  struct json *copy = json_copy(a, claim);

  json_list_remove(json_find(json_find(copy, "metadata"), "finalizers"), ctl->all->dra->finalizer);
  return kclient_update(ctl->all->config.client, ctl->all->dra->claims, NULL, copy, NULL, reterr);
}

/* A claim made for a pod that will not run any more is not needed. */
static int
delete_if_orphan(struct controller *ctl, struct arena *a, const struct json *claim, struct kerr *reterr)
{
  const struct json *owner = claim_owning_pod(claim);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *options, *pre, *as_consumer;
  bool needed;
  int r;

  if (!owner || object_is_deleting(claim))
    return 0;
  as_consumer = json_new_object(a);
  json_set_str(a, as_consumer, "resource", "pods");
  json_set_str(a, as_consumer, "name", json_get_str_or(owner, "name", ""));
  json_set_str(a, as_consumer, "uid", json_get_str_or(owner, "uid", ""));
  r = consumer_is_valid(ctl, a, object_namespace(claim), as_consumer, &needed, reterr);
  if (r < 0 || needed)
    return r;
  options = json_new_object(a);
  pre = json_ensure_object(a, options, "preconditions");
  json_set_str(a, pre, "uid", object_uid(claim));
  r = kclient_delete(ctl->all->config.client, ctl->all->dra->claims, object_namespace(claim), object_name(claim),
                     options, &err);
  if (r < 0 && err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  return 0;
}

int
claim_release(struct controller *ctl, struct arena *a, const char *ns, const char *name, struct kerr *reterr)
{
  struct record *cached = controllers_get(ctl->all, a, WATCH_CLAIMS, ns, name);
  _cleanup_record_ struct record *updated = NULL;
  const struct json *claim = cached ? record_tree(cached) : NULL;
  struct json *valid;
  bool ours;
  int r;

  if (!claim)
    return 0;
  r = valid_consumers(ctl, a, claim, &valid, reterr);
  if (r < 0)
    return r;
  ours = object_has_finalizer(claim, ctl->all->dra->finalizer);
  if (valid->count < json_count(json_dig(claim, "status", "reservedFor", NULL)) ||
      (ours && object_is_deleting(claim) && valid->count == 0 && claim_allocation(claim))) {
    r = update_status(ctl, a, claim, valid, &updated, reterr);
    if (r < 0)
      return r;
    claim = record_tree(updated);
    if (ours && !claim_allocation(claim))
      r = remove_finalizer(ctl, a, claim, reterr);
  } else if (ours && object_is_deleting(claim) && valid->count == 0) {
    r = remove_finalizer(ctl, a, claim, reterr);
  }
  if (r == 0 && valid->count == 0 && ctl->all->minor >= CLAIM_GENERATED_SINCE)
    r = delete_if_orphan(ctl, a, claim, reterr);
  return r;
}
