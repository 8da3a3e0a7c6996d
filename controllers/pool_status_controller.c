/*
 * Answers ResourcePoolStatusRequests, each once (pkg/controller/resourcepoolstatusrequest, KEP-5677): who wants a newer
 * answer makes a new request. Every ten minutes those go that were answered an hour ago, or made a day ago.
 *
 * Keys: "/name" is one request; the other one clears away.
 */
#include <string.h>

#include "controllers_internal.h"
#include "pool_status.h"

#define SWEEP        "sweep"
#define SWEEP_PERIOD (600 * CLOCK_SEC)
#define RETRIES_MAX  5 /* upstream: maxRetries; then a request waits until somebody changes it */

static bool
is_answered(const struct json *request)
{
  return json_get(request, "status") != NULL;
}

/* An answer is for good, so it waits for all that it is made of. Under the lock. */
static bool
knows_all(const struct controller *ctl)
{
  for (size_t i = 0; i < WATCH_COUNT; i++)
    if (ctl->ops->watches & 1u << i && controllers_watched(ctl->all, (enum watched)i) &&
        !kclient_cache_synced(ctl->all->watched[i].cache))
      return false;
  return true;
}

static void
begin(struct controller *ctl)
{
  struct record *r;
  size_t cursor = 0;

  while ((r = kclient_cache_next(ctl->all->watched[WATCH_POOL_REQUESTS].cache, &cursor)) != NULL)
    if (!is_answered(record_tree(r)))
      controllers_enqueue(ctl, record_tree(r));
  workqueue_add(ctl->queue, SPAN(SWEEP));
}

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  const struct json *o = change->record ? record_tree(change->record) : NULL;

  if (!o && controllers_watched(ctl->all, WATCH_POOL_REQUESTS) && knows_all(ctl))
    begin(ctl);
  else if (o && what == WATCH_POOL_REQUESTS && change->type != KCLIENT_DELETED && !is_answered(o) && knows_all(ctl))
    controllers_enqueue(ctl, o);
}

static int
answer(struct controllers *all, const char *name, struct arena *a, struct kerr *reterr)
{
  struct record *r = controllers_get(all, a, WATCH_POOL_REQUESTS, NULL, name);
  struct pool_world w = { .minor = all->minor };
  struct json *copy;
  int code;

  if (!r || is_answered(record_tree(r)))
    return 0;
  w.n_slices = controllers_list(all, a, WATCH_SLICES, &w.slices);
  w.n_claims = controllers_list(all, a, WATCH_CLAIMS, &w.claims);
  w.n_rules = controllers_list(all, a, WATCH_RULES, &w.rules);
  copy = json_copy(a, record_tree(r));
  code = pool_status_write(a, &w, copy, clock_wall(all->config.clock), reterr);
  return code < 0 ? code
                  : kclient_update(all->config.client, &KC_RESOURCEPOOLSTATUSREQUESTS, "status", copy, NULL, reterr);
}

static void
sweep(struct controller *ctl, struct arena *a)
{
  struct controllers *all = ctl->all;
  const struct json **list;
  size_t n = controllers_list(all, a, WATCH_POOL_REQUESTS, &list);

  for (size_t i = 0; i < n; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *options = json_new_object(a);

    if (!pool_request_has_expired(list[i], clock_wall(all->config.clock)))
      continue;
    json_set_str(a, json_ensure_object(a, options, "preconditions"), "uid", object_uid(list[i]));
    if (kclient_delete(all->config.client, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, object_name(list[i]), options, &err) <
            0 &&
        err.code != KERR_NOT_FOUND)
      log_warn(all->config.log, ctl->ops->name, "delete %s: %s", object_name(list[i]), err.msg);
  }
  workqueue_add_after(ctl->queue, SPAN(SWEEP), SWEEP_PERIOD);
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *ns, *name;

  if (strcmp(key, SWEEP) == 0) {
    sweep(ctl, a);
    return 0;
  }
  controllers_split_key(a, key, &ns, &name);
  if (answer(ctl->all, name, a, &err) == 0)
    return 0;
  if (workqueue_failures(ctl->queue, span_of(key)) < RETRIES_MAX)
    return kerr_move(reterr, &err);
  log_warn(ctl->all->config.log, ctl->ops->name, "%s: %s, given up", key, err.msg);
  return 0;
}

const struct controller_ops pool_status_controller_ops = {
  .name = "resourcepoolstatusrequest-controller",
  .watches = 1u << WATCH_POOL_REQUESTS | 1u << WATCH_SLICES | 1u << WATCH_CLAIMS | 1u << WATCH_RULES,
  .changed = changed,
  .sync = sync,
};
