/*
 * MutatingAdmissionWebhook and ValidatingAdmissionWebhook (apiserver/pkg/admission/plugin/webhook).
 *
 * Configurations are read from the store for each request, in the order of their names: a webhook counts from the
 * moment it is stored (with other API servers on the store, from when this one hears of it). Mutating ones are called
 * one after the other, each sees what the one before has made; validating ones are called at the same time, and the
 * first in order that refuses is told of.
 */
#include <assert.h>
#include <string.h>

#include "admission.h"
#include "admission_cel.h"
#include "admission_rounds.h"
#include "apiserver_internal.h"
#include "ceilings.h"
#include "codec.h"
#include "go_json_error.h"
#include "object.h"
#include "patch.h"
#include "policy_cache.h"
#include "thread.h"
#include "webhook_client.h"
#include "webhook_review.h"

#define DEFAULT_TIMEOUT 10 /* seconds, when an old object says nothing */
#define WEBHOOKS_MAX    64 /* validating ones that match one request */

/* One webhook that is called for the request. */
struct hook {
  const struct json *config;   /* a webhook of a configuration */
  const char *name, *key;      /* key: unique among all webhooks */
  const struct record *record; /* the configuration, */
  size_t index;                /* and the webhook's place in it */
  struct admission_as as;
  struct webhook_question q;
  /* The call itself, which may be on a thread of its own; `a` has the answer. */
  struct webhook_client *client;
  struct arena *a;
  struct webhook_call call;
  struct json *answer;
  struct kerr err;
  pthread_t thread;
};

/* -- which -- */

static void
drop_policy(void *p)
{
  cel_policy_unref(p);
}

/* matchConditions, which are compiled once. 1, 0, or an error. */
static int
conditions_hold(const struct admission_ask *ask, const struct hook *h, struct kerr *reterr)
{
  struct rest_call *c = ask->c;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_admission in;
  struct cel_policy *compiled;
  bool matches;

  if (json_count(json_get(h->config, "matchConditions")) == 0)
    return 1;
  if (admission_cel(ask, &h->as, NULL, &in, &err) < 0)
    return admission_internal(reterr, err.msg);
  compiled = policy_cache_get(c->s->policies, CEL_POLICY_WEBHOOK, h->record, h->index, h->config);
  arena_defer(c->a, drop_policy, compiled);
  if (cel_policy_match(compiled, &in, c->a, &matches, &err) < 0)
    return rest_forbidden(c, ask->name, err.msg, reterr);
  return matches ? 1 : 0;
}

/* 1: it is to be called, 0: it is not, or an error. */
static int
concerns(const struct admission_ask *ask, struct hook *h, struct kerr *reterr)
{
  bool equivalent = strcmp(json_get_str_or(h->config, "matchPolicy", "Equivalent"), "Equivalent") == 0;
  bool selected;

  if (!admission_rules_match(ask, json_get(h->config, "rules"), equivalent, &h->as))
    return 0;
  if (admission_selects(ask, h->config, &selected, reterr) < 0)
    return -(int)reterr->code;
  return selected ? conditions_hold(ask, h, reterr) : 0;
}

static void
drop_hook(void *arg)
{
  struct hook *h = arg;

  kerr_release(&h->err);
  arena_free(h->a);
}

typedef int hook_fn(const struct admission_ask *ask, void *arg, struct hook *h, struct kerr *reterr);

/* `fn` for every webhook of the kind, in order. */
static int
each_hook(const struct admission_ask *ask, const char *resource, hook_fn *fn, void *arg, struct kerr *reterr)
{
  struct arena *a = ask->c->a;
  struct store_list configs;

  if (admission_list(ask->c, "admissionregistration.k8s.io", "v1", resource, "", &configs, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < configs.n; i++) {
    const struct json *config = record_tree(configs.items[i]), *list = json_get(config, "webhooks");

    for (size_t j = 0; j < json_count(list); j++) {
      struct hook *h = arena_new_of(a, struct hook);

      arena_defer(a, drop_hook, h);
      h->config = json_at(list, j);
      h->record = configs.items[i];
      h->index = j;
      h->name = json_get_str_or(h->config, "name", "");
      h->key = arena_printf(a, "%s/%s/%zu", object_name(config), h->name, j);
      if (fn(ask, arg, h, reterr) < 0)
        return -(int)reterr->code;
    }
  }
  return 0;
}

/* -- asking -- */

static bool
may_run_dry(const struct hook *h)
{
  const char *effects = json_get_str_or(h->config, "sideEffects", "");

  return strcmp(effects, "None") == 0 || strcmp(effects, "NoneOnDryRun") == 0;
}

/* A failure to talk to the webhook: 0 when failurePolicy lets it pass, else the error of the request. */
static int
call_failed(const struct admission_ask *ask, const struct hook *h, const char *stage, const char *why,
            struct kerr *reterr)
{
  const char *text = arena_printf(ask->c->a, "failed calling webhook \"%s\": %s%s", h->name, stage, why);

  if (strcmp(json_get_str_or(h->config, "failurePolicy", "Fail"), "Ignore") != 0)
    return admission_internal(reterr, text);
  log_warn(ask->c->s->config.log, "admission", "%s, ignoring", text);
  return 0;
}

static void *
call_main(void *arg)
{
  struct hook *h = arg;
  int r = webhook_post(h->client, h->a, &h->call, &h->answer, &h->err);

  assert(r == -(int)h->err.code); /* conclude() asks h->err */
  return NULL;
}

/* Make the question: 1, 0 (it failed, and may), or an error. */
static int
prepare(const struct admission_ask *ask, struct hook *h, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (ask->c->dry_run && !may_run_dry(h))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "admission webhook \"%s\" does not support dry run", h->name);
  if (webhook_ask(ask, &h->as, json_get(h->config, "admissionReviewVersions"), &h->q, &err) < 0)
    return call_failed(ask, h, "could not create admission objects: ", err.msg, reterr);
  h->client = ask->c->s->webhooks;
  h->a = arena_new(CEIL_ARENA_REQUEST);
  h->call = (struct webhook_call){ .config = json_get(h->config, "clientConfig"),
                                   .body = h->q.body,
                                   .timeout_seconds = (int)json_get_int(h->config, "timeoutSeconds", DEFAULT_TIMEOUT) };
  return 1;
}

/* metav1.Status of a refusal (webhook/errors.ToStatusErr). */
static int
rejected(const struct admission_ask *ask, const struct hook *h, const struct json *said, struct kerr *reterr)
{
  struct arena *a = ask->c->a;
  struct json *status = json_new_object(a);
  const char *message = json_get_str_or(said, "message", ""), *reason = json_get_str_or(said, "reason", ""), *text;
  int64_t code = json_get_int(said, "code", 0);

  if (!*message)
    message = reason;
  text = *message ? arena_printf(a, "admission webhook \"%s\" denied the request: %s", h->name, message)
                  : arena_printf(a, "admission webhook \"%s\" denied the request without explanation", h->name);
  json_set_str(a, status, "kind", "Status");
  json_set_str(a, status, "apiVersion", "v1");
  json_set(a, status, "metadata", json_new_object(a));
  json_set_str(a, status, "status", "Failure");
  json_set_str(a, status, "message", text);
  if (*reason)
    json_set_str(a, status, "reason", reason);
  if (json_get(said, "details"))
    json_set(a, status, "details", json_copy(a, json_get(said, "details")));
  json_set_int(a, status, "code", code < 400 ? 400 : code > 599 ? 500 : code);
  return rest_refuse(ask->c, status, reterr);
}

/* After the call. 1 and the verdict of one that allows, 0 (it failed, and may), or an error. */
static int
conclude(const struct admission_ask *ask, const struct hook *h, bool mutating, struct webhook_verdict *ret,
         struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *answer;

  if (h->err.code != KERR_OK)
    return call_failed(ask, h, "failed to call webhook: ", h->err.msg, reterr);
  if (webhook_decode(ask->c->a, kind_find("admission.k8s.io", "v1", "AdmissionReview"), h->answer, &answer, &err) < 0)
    return call_failed(ask, h, "failed to call webhook: ", err.msg, reterr);
  if (webhook_hear(ask->c->a, &h->q, mutating, answer, ret, &err) < 0)
    return call_failed(ask, h, "received invalid webhook response: ", err.msg, reterr);
  for (json_each_item (w, ret->warnings))
    rest_warn(ask->c, "%s", json_str(*w));
  return ret->allowed ? 1 : rejected(ask, h, ret->status, reterr);
}

/* -- mutating -- */

static int
decode_patch(const struct admission_ask *ask, const struct hook *h, const struct webhook_verdict *v, struct json **ret,
             struct kerr *reterr)
{
  static const char stage[] = "received undecodable patch in webhook response: ";
  _cleanup_kerr_ struct kerr bad = KERR_INIT;
  const char *why;

  if (json_parse(ask->c->a, v->patch, NULL, ret, &bad) < 0) {
    why = go_json_error(ask->c->a, v->patch);
    return call_failed(ask, h, stage, why ? why : bad.msg, reterr);
  }
  if (!json_is(*ret, JSON_ARRAY))
    return call_failed(ask, h, stage,
                       arena_printf(ask->c->a, "json: cannot unmarshal %s into Go value of type jsonpatch.Patch",
                                    json_wire_type(*ret)),
                       reterr);
  if (strcmp(v->patch_type, "JSONPatch") != 0)
    return call_failed(ask, h, "", arena_printf(ask->c->a, "unsupported patch type \"%s\"", v->patch_type), reterr);
  return 1;
}

/* *ret_changed: the object is another one now. */
static int
apply_patch(const struct admission_ask *ask, const struct hook *h, const struct json *patch, bool *ret_changed,
            struct kerr *reterr)
{
  struct arena *a = ask->c->a;
  struct kind_strictness lenient = { .a = a };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *shown;
  struct json *patched;

  if (!ask->object)
    return admission_internal(
        reterr,
        arena_printf(
            a, "admission webhook \"%s\" attempted to modify the object, which is not supported for this operation",
            h->name));
  if (admission_show_as(ask, &h->as, ask->object, &shown, &err) < 0 ||
      patch_json(a, kind_written(a, h->as.kind, shown), patch, &patched, &err) < 0 ||
      kind_decode(a, h->as.kind, patched, &lenient, &patched, &err) < 0)
    return admission_internal(reterr, err.msg);
  kind_default(a, h->as.kind, patched, ask->c->personality, ask->c->now);
  *ret_changed = !json_equal(shown, patched);
  return admission_take_back(ask, &h->as, patched, reterr);
}

static int
ask_mutating(const struct admission_ask *ask, struct hook *h, bool *ret_changed, struct kerr *reterr)
{
  struct webhook_verdict v;
  struct json *patch;
  int r = prepare(ask, h, reterr);

  if (r <= 0)
    return r;
  (void)call_main(h);
  r = conclude(ask, h, true, &v, reterr);
  if (r <= 0 || v.patch.n == 0)
    return r;
  r = decode_patch(ask, h, &v, &patch, reterr);
  return r <= 0 || json_count(patch) == 0 ? r : apply_patch(ask, h, patch, ret_changed, reterr);
}

static int
mutate_with(const struct admission_ask *ask, void *arg, struct hook *h, struct kerr *reterr)
{
  struct admission_rounds *rounds = ask->c->rounds;
  struct admission_memory *memory = arg;
  bool if_needed = strcmp(json_get_str_or(h->config, "reinvocationPolicy", "Never"), "IfNeeded") == 0;
  bool changed = false;
  int r = concerns(ask, h, reterr);

  if (r <= 0 || !admission_memory_calls(memory, rounds, h->key))
    return r;
  if (ask_mutating(ask, h, &changed, reterr) < 0)
    return -(int)reterr->code;
  admission_memory_called(memory, rounds, h->key, changed, if_needed);
  return 0;
}

static int
call_mutating(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct admission_ask ask = admission_ask_of(c, o, old);
  struct admission_memory *memory = &c->rounds->webhooks;
  int r;

  if (admission_exempt(c))
    return 0;
  admission_memory_begin(memory, c->rounds, o);
  r = each_hook(&ask, "mutatingwebhookconfigurations", mutate_with, memory, reterr);
  admission_memory_end(memory, o);
  return r;
}

/* -- validating -- */

struct hooks {
  struct hook *list[WEBHOOKS_MAX];
  size_t n;
};

static int
gather(const struct admission_ask *ask, void *arg, struct hook *h, struct kerr *reterr)
{
  struct hooks *hooks = arg;
  int r = concerns(ask, h, reterr);

  if (r <= 0)
    return r;
  if (hooks->n == WEBHOOKS_MAX)
    return admission_internal(reterr, arena_printf(ask->c->a, "more than %d webhooks match the request", WEBHOOKS_MAX));
  r = prepare(ask, h, reterr);
  if (r > 0)
    hooks->list[hooks->n++] = h;
  return r;
}

static void
call_together(struct hooks *hooks)
{
  for (size_t i = 1; i < hooks->n; i++)
    thread_start(&hooks->list[i]->thread, "webhook", call_main, hooks->list[i]);
  if (hooks->n)
    (void)call_main(hooks->list[0]);
  for (size_t i = 1; i < hooks->n; i++)
    (void)pthread_join(hooks->list[i]->thread, NULL);
}

static int
ask_validating(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct admission_ask ask = admission_ask_of(c, o, old);
  struct hooks *hooks = arena_new_of(c->a, struct hooks);
  struct webhook_verdict v;

  if (admission_exempt(c))
    return 0;
  if (each_hook(&ask, "validatingwebhookconfigurations", gather, hooks, reterr) < 0)
    return -(int)reterr->code;
  call_together(hooks);
  for (size_t i = 0; i < hooks->n; i++)
    if (conclude(&ask, hooks->list[i], false, &v, reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

static int
call_validating(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  return ask_validating(c, json_shallow(c->a, o), old, reterr);
}

/* -- deletions -- */

static int
mutating_removal(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  return call_mutating(c, NULL, o, reterr);
}

static int
validating_removal(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  return ask_validating(c, NULL, o, reterr);
}

const struct admission_plugin admission_mutating_webhooks = {
  .name = "MutatingAdmissionWebhook",
  .targets = admission_everything,
  .mutate = call_mutating,
  .remove = mutating_removal,
};
const struct admission_plugin admission_validating_webhooks = {
  .name = "ValidatingAdmissionWebhook",
  .targets = admission_everything,
  .validate = call_validating,
  .remove = validating_removal,
};
