/*
 * status.typeChecking of ValidatingAdmissionPolicies (pkg/controller/validatingadmissionpolicystatus): what of their
 * expressions does not fit the kinds they match. Whoever starts the controllers knows how to check.
 */
#include <string.h>

#include "ceilings.h"
#include "controllers_internal.h"

#define WATCH   "/" /* a key that is nobody's name: begin to watch */
#define MANAGER "validatingadmissionpolicy-status"

struct policies {
  struct change_sink sink;
  struct controller *ctl;
  struct kclient_informer *informer; /* the worker's */
};

static void
take(struct change_sink *sink, const struct kclient_change *change)
{
  struct policies *s = container_of(sink, struct policies, sink);

  if (change->record && change->type != KCLIENT_DELETED)
    workqueue_add(s->ctl->queue, span_of(object_name(record_tree(change->record))));
}

/* Releases before 1.30 have no policies unless asked, and no v1 of them. */
static void *
state_new(struct controller *ctl)
{
  struct policies *s = mem_alloc(sizeof *s);

  s->sink.take = take;
  s->ctl = ctl;
  if (ctl->all->config.check_policy && ctl->all->minor >= 30)
    workqueue_add(ctl->queue, SPAN(WATCH));
  return s;
}

static void
stop(struct controller *ctl)
{
  struct policies *s = ctl->state;

  kclient_informer_free(s->informer);
}

/* Schemas take memory, in an arena of its own: the worker's would keep it. */
static int
apply(struct controller *ctl, const struct json *policy, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  const struct controllers_config *config = &ctl->all->config;
  struct json *warnings = config->check_policy(config->check_policy_payload, policy, a);
  struct json *patch = json_new_object(a), *status;

  json_set_str(a, patch, "apiVersion", "admissionregistration.k8s.io/v1");
  json_set_str(a, patch, "kind", "ValidatingAdmissionPolicy");
  json_set_str(a, json_ensure_object(a, patch, "metadata"), "name", object_name(policy));
  status = json_ensure_object(a, patch, "status");
  json_set_int(a, status, "observedGeneration", object_generation(policy));
  status = json_ensure_object(a, status, "typeChecking");
  if (warnings)
    json_set(a, status, "expressionWarnings", warnings);
  return kclient_patch(config->client, &KC_VALIDATINGADMISSIONPOLICIES, "status", NULL, object_name(policy),
                       KCLIENT_APPLY_PATCH, "fieldManager=" MANAGER "&force=true", patch, NULL, reterr);
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  struct policies *s = ctl->state;
  struct kclient *client = ctl->all->config.client;
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *policy;

  (void)a;
  if (strcmp(key, WATCH) == 0) {
    s->informer = kclient_watch(client, &KC_VALIDATINGADMISSIONPOLICIES, NULL, NULL, ctl->all->changes, &s->sink);
    return 0;
  }
  if (kclient_get(client, &KC_VALIDATINGADMISSIONPOLICIES, NULL, key, &r, &err) < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  policy = record_tree(r);
  if (object_generation(policy) <= json_int_or(json_dig(policy, "status", "observedGeneration", NULL), 0))
    return 0;
  return apply(ctl, policy, reterr);
}

const struct controller_ops policy_controller_ops = {
  .name = "validatingadmissionpolicy-status-controller",
  .state_new = state_new,
  .stop = stop,
  .state_free = free,
  .sync = sync,
};
