/* ValidatingAdmissionPolicy (KEP-3488; apiserver/pkg/admission/plugin/policy/validating). */
#include <string.h>

#include "admission.h"
#include "admission_cel.h"
#include "admission_policy.h"
#include "object.h"

static const struct policy_kind validating = { "validatingadmissionpolicies", "validatingadmissionpolicybindings",
                                               CEL_POLICY_VALIDATING };

/* The first thing that denies the request is what it is told; warnings are given meanwhile. */
struct judging {
  const struct admission_ask *ask;
  const char *message, *reason; /* message NULL: nothing denies it */
};

static void
deny(struct judging *j, const struct policy_hit *hit, const char *message, const char *reason)
{
  struct arena *a = j->ask->c->a;

  if (j->message)
    return;
  j->reason = reason && *reason ? reason : "Invalid";
  j->message = hit->binding
                   ? arena_printf(a, "ValidatingAdmissionPolicy '%s' with binding '%s' denied request: %s",
                                  hit->policy_name, hit->binding_name, message)
                   : arena_printf(a, "ValidatingAdmissionPolicy '%s' denied request: %s", hit->policy_name, message);
}

static bool
fails_closed(const struct policy_hit *hit)
{
  return strcmp(json_get_str_or(json_get(hit->policy, "spec"), "failurePolicy", "Fail"), "Ignore") != 0;
}

/* Audit has nowhere to go: there is no audit log. */
static void
act(struct judging *j, const struct policy_hit *hit, const struct cel_decision *d)
{
  for (json_each_item (action, json_dig(hit->binding, "spec", "validationActions", NULL))) {
    if (strcmp(json_str(*action), "Deny") == 0)
      deny(j, hit, d->message, d->reason);
    else if (strcmp(json_str(*action), "Warn") == 0)
      rest_warn(j->ask->c, "Validation failed for ValidatingAdmissionPolicy '%s' with binding '%s': %s",
                hit->policy_name, hit->binding_name, d->message);
  }
}

static int
judge(struct judging *j, const struct policy_hit *hit, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_admission in;
  struct cel_verdict v;

  if (hit->error) {
    if (fails_closed(hit))
      deny(j, hit, hit->error, NULL);
    return 0;
  }
  if (admission_cel(j->ask, &hit->as, hit->params, &in, &err) < 0) {
    if (fails_closed(hit))
      deny(j, hit,
           arena_printf(j->ask->c->a, "failed to configure binding: failed to convert object version: %s", err.msg),
           NULL);
    return 0;
  }
  if (!in.namespace_object && *j->ask->ns && strcmp(j->ask->c->kind->kind, "Namespace") != 0)
    return admission_no_namespace(j->ask->c, j->ask->ns, reterr);
  cel_policy_validate(hit->compiled, &in, j->ask->c->a, &v);
  for (size_t i = 0; i < v.n_decisions; i++)
    if (v.decisions[i].deny)
      act(j, hit, &v.decisions[i]);
  for (size_t i = 0; i < v.n_annotations; i++)
    if (v.annotations[i].fail)
      deny(j, hit, v.annotations[i].error, NULL);
  return 0;
}

static int
code_of(const char *reason)
{
  static const struct {
    const char *reason;
    int code;
  } codes[] = { { "Forbidden", 403 }, { "Unauthorized", 401 }, { "RequestEntityTooLarge", 413 } };

  for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
    if (strcmp(codes[i].reason, reason) == 0)
      return codes[i].code;
  return 422;
}

static int
ask_policies(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct admission_ask ask = admission_ask_of(c, o, old);
  struct judging j = { .ask = &ask };
  struct policy_hits hits = { .n = 0 };

  if (admission_exempt(c))
    return 0;
  if (admission_policies(&ask, &validating, &hits, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < hits.n; i++)
    if (judge(&j, &hits.list[i], reterr) < 0)
      return -(int)reterr->code;
  return j.message ? admission_policy_refuse(&ask, j.message, j.reason, code_of(j.reason), reterr) : 0;
}

static int
validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  return ask_policies(c, json_shallow(c->a, o), old, reterr);
}

static int
validate_removal(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  return ask_policies(c, NULL, o, reterr);
}

const struct admission_plugin admission_validating_policies = {
  .name = "ValidatingAdmissionPolicy",
  .targets = admission_everything,
  .validate = validate,
  .remove = validate_removal,
};
