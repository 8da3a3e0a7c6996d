#include "strategy.h"

#include <string.h>

#include "apiserver_internal.h"
#include "crd_manager.h"
#include "object.h"

static const struct strategy *const strategies[] = {
  &strategy_pod,          &strategy_namespace,  &strategy_service,
  &strategy_claim,        &strategy_definition, &strategy_volume,
  &strategy_volume_claim, &strategy_job,        &strategy_certificate_request,
};

static const struct strategy *
find(const struct rest_call *c)
{
  for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
    if (strcmp(strategies[i]->kind, c->kind->kind) == 0 && strcmp(strategies[i]->group, c->kind->group) == 0)
      return strategies[i];
  return NULL;
}

int
strategy_prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  const struct strategy *s = find(c);

  return s && s->prepare_create ? s->prepare_create(c, o, reterr) : 0;
}

int
strategy_prepare_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct strategy *s = find(c);

  return s && s->prepare_update ? s->prepare_update(c, o, old, reterr) : 0;
}

int
strategy_check_update(struct rest_call *c, const struct json *o, const struct json *old, struct field_errors *errs,
                      struct kerr *reterr)
{
  const struct strategy *s = find(c);

  return s && s->check_update ? s->check_update(c, o, old, errs, reterr) : 0;
}

int
strategy_delete(struct rest_call *c, struct record *before, const struct delete_options *opts, struct record **ret,
                bool *ret_gone, struct kerr *reterr)
{
  const struct strategy *s = find(c);

  return s && s->remove ? s->remove(c, before, opts, ret, ret_gone, reterr) : STRATEGY_DEFAULT;
}

void
strategy_finish(struct rest_call *c, bool stored)
{
  const struct strategy *s = find(c);

  if (s && s->finish)
    s->finish(c, stored);
}

void
strategy_deleted(struct rest_call *c, const struct json *o)
{
  const struct strategy *s = find(c);

  if (s && s->deleted)
    s->deleted(c, o);
}

void
strategy_written(struct rest_call *c)
{
  const struct strategy *s = find(c);

  if (c->dry_run)
    return;
  if (s && s->written)
    s->written(c);
  else if (c->kind->custom && c->kind->custom->definition->terminating && !crd_manager_is_own(c->s->crds, c->req))
    crd_manager_changed(c->s->crds); /* perhaps it was the last one */
}
