#include "apiserver.h"

#include "admission_chain.h"
#include "apiserver_internal.h"
#include "auth_store.h"
#include "authn.h"
#include "authz.h"
#include "bootstrap.h"
#include "crd_manager.h"
#include "policy_cache.h"
#include "rest_ahead.h"
#include "rest_metrics.h"
#include "rest_route.h"
#include "rest_timer.h"
#include "watch_hub.h"
#include "webhook_client.h"

static const struct exchange_ops ops = { .serve = rest_serve, .may_wait = rest_may_wait };

int
apiserver_new(const struct apiserver_config *config, struct apiserver **ret, struct kerr *reterr)
{
  _cleanup_(apiserver_freep) struct apiserver *s = mem_alloc(sizeof *s);

  s->exchange.ops = &ops;
  s->config = *config;
  s->store = config->store;
  s->clock = config->clock;
  s->personality = personality_ref(config->personality);
  s->metrics = rest_metrics_new();
  s->timers = rest_timers_new(s->clock);
  s->ahead = ahead_group_new();
  s->auth = auth_store_new(s->store, s->personality);
  s->webhooks = webhook_client_new(auth_store_source(s->auth));
  s->policies = policy_cache_new();
  s->crds = crd_manager_new(s);
  if (config->authn)
    authn_bind(config->authn, auth_store_source(s->auth));
  if (config->authz)
    authz_bind(config->authz, auth_store_source(s->auth));
  if (admission_choose(config->enable_admission, config->disable_admission, &s->admission_off, reterr) < 0)
    return -(int)reterr->code;
  /* Bootstrap first: nobody is to be told of these objects one by one. */
  if (bootstrap_objects(s, reterr) < 0 || watch_hub_new(s->store, SPAN("/registry/"), &s->hub, reterr) < 0 ||
      crd_manager_start(s->crds, reterr) < 0)
    return -(int)reterr->code;
  *ret = steal_pointer(&s);
  return 0;
}

int
apiserver_check_admission(const char *enable, const char *disable, struct kerr *reterr)
{
  uint64_t off;

  return admission_choose(enable, disable, &off, reterr);
}

void
apiserver_free(struct apiserver *s)
{
  if (!s)
    return;
  ahead_group_free(s->ahead);
  crd_manager_free(s->crds);
  watch_hub_free(s->hub);
  rest_timers_free(s->timers);
  webhook_client_free(s->webhooks);
  policy_cache_free(s->policies);
  auth_store_free(s->auth);
  rest_metrics_free(s->metrics);
  personality_unref(s->personality);
  free(s);
}

void
apiserver_freep(struct apiserver **ps)
{
  apiserver_free(*ps);
}

void
apiserver_stop(struct apiserver *s)
{
  watch_hub_stop(s->hub);
  webhook_client_stop(s->webhooks);
}

struct exchange *
apiserver_exchange(struct apiserver *s)
{
  return &s->exchange;
}

void
apiserver_set_hook(struct apiserver *s, apiserver_hook_fn *fn, void *payload)
{
  s->hook = fn;
  s->hook_payload = payload;
}
