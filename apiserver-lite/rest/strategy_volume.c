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

const struct strategy strategy_volume_claim = {
  .group = "",
  .kind = "PersistentVolumeClaim",
  .prepare_create = claim_create,
};
const struct strategy strategy_volume = {
  .group = "",
  .kind = "PersistentVolume",
  .prepare_create = volume_create,
};
