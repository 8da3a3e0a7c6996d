/* Volumes and claims of them wait for somebody who binds them (pkg/registry/core/persistentvolume, ...claim). */
#include "object.h"
#include "strategy.h"

static int
claim_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  struct json *status = json_set(c->a, o, "status", json_new_object(c->a));

  (void)reterr;
  json_set_str(c->a, status, "phase", "Pending");
  return 0;
}

static int
volume_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  int r = claim_create(c, o, reterr);

  json_set_str(c->a, json_find(o, "status"), "lastPhaseTransitionTime", rest_time(c->a, c->now));
  return r;
}

/* The time of the last change of phase, unless the client knows better. */
static int
volume_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  static const char time[] = "lastPhaseTransitionTime";
  struct json *status = json_find(o, "status");
  const struct json *was = json_get(old, "status"), *set = json_get(status, time), *before = json_get(was, time);

  (void)reterr;
  if (strcmp(c->info.subresource, "status") != 0 || personality_minor(c->personality) < 28)
    return 0;
  bool same = strcmp(json_get_str_or(status, "phase", ""), json_get_str_or(was, "phase", "")) == 0;

  status = json_set(c->a, o, "status", status ? json_shallow(c->a, status) : json_new_object(c->a));
  if (same && !set && before)
    json_set(c->a, status, time, json_copy(c->a, before));
  else if (!same && (!set || (before && json_equal(set, before))))
    json_set_str(c->a, status, time, rest_time(c->a, c->now));
  c->reshape = true;
  return 0;
}

const struct strategy strategy_volume_claim = {
  .group = "",
  .kind = "PersistentVolumeClaim",
  .prepare_create = claim_create,
};
const struct strategy strategy_volume = {
  .group = "",
  .kind = "PersistentVolume",
  .prepare_create = volume_create,
  .prepare_update = volume_update,
};
