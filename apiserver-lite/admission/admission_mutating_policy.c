/* MutatingAdmissionPolicy (KEP-3962; apiserver/pkg/admission/plugin/policy/mutating). */
#include <string.h>

#include "admission.h"
#include "admission_cel.h"
#include "admission_policy.h"
#include "admission_rounds.h"
#include "object.h"
#include "patch.h"
#include "typed_internal.h"

static const struct policy_kind mutating = { "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
                                             CEL_POLICY_MUTATING };

struct mutating {
  const struct admission_ask *ask;
  struct json *refusal; /* of the first failure; further ones become causes. NULL: none */
};

static void
add_error(struct mutating *m, const struct policy_hit *hit, const char *why, const char *reason)
{
  struct rest_call *c = m->ask->c;
  const char *text = hit->binding ? arena_printf(c->a, "policy '%s' with binding '%s' denied request: %s",
                                                 hit->policy_name, hit->binding_name, why)
                                  : arena_printf(c->a, "policy \"%s\" denied request: %s", hit->policy_name, why);

  if (strcmp(json_get_str_or(json_get(hit->policy, "spec"), "failurePolicy", "Fail"), "Ignore") == 0)
    return;
  if (!m->refusal) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    (void)admission_forbid(c, m->ask->object ? m->ask->object : m->ask->old, text, &err);
    m->refusal = steal_pointer(&c->refusal);
    json_set_str(c->a, m->refusal, "message", text);
    if (reason)
      json_set_str(c->a, m->refusal, "reason", reason);
  }
  status_add_cause(c->a, m->refusal, NULL, text, NULL);
}

/* -- apply configurations -- */

/* Paths of what would be replaced as a whole, where the author may have meant to change a part of it. */
static const char *
find_atomics(struct arena *a, struct typed_ref t, const struct json *v, const char *path, const char *found)
{
  bool known;

  if (t.form == TYPED_SCALAR && (json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT)))
    found = arena_printf(a, "%s%s%s", found, *found ? ", " : "", path);
  else if (typed_is_map(t, v))
    for (json_each_member (m, v))
      found = find_atomics(a, typed_member(t, span_make(m->name, m->name_len), &known), m->value,
                           arena_printf(a, "%s.%s", path, m->name), found);
  else if (typed_is_list(t))
    for (size_t i = 0; i < json_count(v); i++)
      found = find_atomics(a, typed_element(t), json_at(v, i), arena_printf(a, "%s[%zu]", path, i), found);
  return found;
}

static int
apply_configuration(struct arena *a, const struct kind *k, const struct json *o, struct json *config, struct json **ret,
                    struct kerr *reterr)
{
  struct typed_ref root = typed_root(k);
  const char *atomics;

  json_set_str(a, config, "apiVersion", kind_api_version(a, k));
  json_set_str(a, config, "kind", k->kind);
  if (typed_check(a, root, config, reterr) < 0)
    return kerr_wrap(reterr, "error applying patch: failed to convert patch object to typed object");
  atomics = find_atomics(a, root, config, "", "");
  if (*atomics)
    return kerr_set(reterr, KERR_INVALID, NULL,
                    "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
                    "%s",
                    atomics);
  *ret = typed_merge(a, root, o, config);
  return 0;
}

/* -- one mutation -- */

static bool
test_failed(const struct kerr *err)
{
  return span_ends(span_of(err->msg), SPAN("test failed"));
}

/* The canonical object. What strict decoding does not like is an error of the request, not of the policy. */
static int
decode(struct rest_call *c, const struct kind *k, const struct json *patched, bool strict, struct json **ret,
       struct kerr *reterr)
{
  struct kind_strictness found = { .a = c->a };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *text = "";

  if (kind_decode(c->a, k, patched, &found, ret, &err) < 0)
    return admission_internal(reterr, err.msg);
  for (size_t i = 0; strict && i < found.n; i++)
    text = arena_printf(c->a, "%s%s%s", text, i ? ", " : "", found.problems[i]);
  if (*text)
    return admission_internal(reterr, arena_printf(c->a, "strict decoding error: %s", text));
  kind_default(c->a, k, *ret, c->personality, c->now);
  return 0;
}

/* 0 (the policy's own failure is in `why`), or an error of the request. */
static int
mutate_once(struct mutating *m, const struct policy_hit *hit, size_t i, struct kerr *why, struct kerr *reterr)
{
  struct rest_call *c = m->ask->c;
  const struct kind *k = hit->as.kind;
  enum cel_mutation_kind kind;
  struct cel_admission in;
  struct json *patch, *o;
  bool is_patch;

  if (admission_cel(m->ask, &hit->as, hit->params, &in, reterr) < 0)
    return -(int)reterr->code;
  if (cel_policy_mutate(hit->compiled, i, &in, c->a, &kind, &patch, why) < 0)
    return 0;
  is_patch = kind == CEL_MUTATION_JSON_PATCH;
  if (is_patch && patch_json(c->a, in.object, patch, &o, why) < 0) {
    if (test_failed(why))
      kerr_release(why); /* and nothing is done */
    else
      (void)kerr_wrap(why, "JSON Patch");
    return 0;
  }
  if (!is_patch && apply_configuration(c->a, k, in.object, patch, &o, why) < 0)
    return 0;
  if (decode(c, k, o, is_patch, &o, reterr) < 0)
    return -(int)reterr->code;
  return admission_take_back(m->ask, &hit->as, o, reterr);
}

static const char *
key_of(struct arena *a, const struct policy_hit *hit)
{
  return arena_printf(a, "%s/%s/%s/%s", hit->policy_name, hit->binding_name, object_namespace(hit->params),
                      object_name(hit->params));
}

/* All mutations of one policy. */
static int
mutate_with(struct mutating *m, const struct policy_hit *hit, struct kerr *reterr)
{
  struct rest_call *c = m->ask->c;
  const char *key = key_of(c->a, hit);
  bool matches,
      if_needed = strcmp(json_get_str_or(json_get(hit->policy, "spec"), "reinvocationPolicy", ""), "IfNeeded") == 0;
  _cleanup_kerr_ struct kerr why = KERR_INIT;
  struct cel_admission in;
  const struct json *before;

  if (admission_cel(m->ask, &hit->as, hit->params, &in, reterr) < 0)
    return -(int)reterr->code;
  if (cel_policy_match(hit->compiled, &in, c->a, &matches, &why) < 0) {
    add_error(m, hit, why.msg, "Invalid");
    return 0;
  }
  if (!matches || !admission_memory_calls(&c->rounds->policies, c->rounds, key))
    return 0;
  before = m->ask->object ? json_copy(c->a, m->ask->object) : NULL;
  for (size_t i = 0; before && i < cel_policy_mutations(hit->compiled); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (mutate_once(m, hit, i, &err, reterr) < 0)
      return -(int)reterr->code;
    if (err.code != KERR_OK)
      add_error(m, hit, err.msg, "Invalid");
  }
  admission_memory_called(&c->rounds->policies, c->rounds, key, before && !json_equal(before, m->ask->object),
                          if_needed);
  return 0;
}

/* -- the plugin -- */

static int
run_hits(struct mutating *m, const struct policy_hits *hits, struct kerr *reterr)
{
  for (size_t i = 0; i < hits->n; i++)
    if (hits->list[i].error)
      add_error(m, &hits->list[i], hits->list[i].error, NULL);
  for (size_t i = 0; i < hits->n; i++)
    if (!hits->list[i].error && mutate_with(m, &hits->list[i], reterr) < 0)
      return -(int)reterr->code;
  return m->refusal ? rest_refuse(m->ask->c, m->refusal, reterr) : 0;
}

static int
mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct admission_ask ask = admission_ask_of(c, o, old);
  struct mutating m = { .ask = &ask };
  struct policy_hits hits = { .n = 0 };
  int r;

  if (admission_exempt(c) || !personality_gate(c->personality, "MutatingAdmissionPolicy"))
    return 0;
  if (admission_policies(&ask, &mutating, &hits, reterr) < 0)
    return -(int)reterr->code;
  if (hits.n == 0)
    return 0;
  admission_memory_begin(&c->rounds->policies, c->rounds, o);
  r = run_hits(&m, &hits, reterr);
  admission_memory_end(&c->rounds->policies, o);
  return r;
}

static int
mutate_removal(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  return mutate(c, NULL, o, reterr);
}

const struct admission_plugin admission_mutating_policies = {
  .name = "MutatingAdmissionPolicy",
  .targets = admission_everything,
  .mutate = mutate,
  .remove = mutate_removal,
};
