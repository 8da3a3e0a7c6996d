/*
 * PreFilter, Filter and PostFilter of the classic plugin.
 */
#include <string.h>

#include "claim.h"
#include "classic.h"
#include "selector.h"

#define MUST_BE_REALLOCATED "resourceclaim must be reallocated"
#define IN_USE              "resourceclaim in use"
#define UNSUITABLE          "resourceclaim cannot be allocated for the node (unsuitable)"
#define GATE_OFF            "resourceclaim depends on disabled DRAControlPlaneController feature"
#define IMMEDIATE           "unallocated immediate resourceclaim"

/* -- life -- */

struct classic *
classic_new(const struct personality *p)
{
  const struct classic_rules *rules = classic_rules_of(personality_minor(p));
  struct classic *c;

  if (!rules || !personality_gate(p, "DynamicResourceAllocation"))
    return NULL;
  c = mem_alloc(sizeof *c);
  c->rules = rules;
  c->negotiates = kclient_dra_of(personality_minor(p))->alpha || personality_gate(p, "DRAControlPlaneController");
  c->contexts = kclient_cache_new();
  c->slices = kclient_cache_new();
  c->claim_parameters = kclient_cache_new();
  c->class_parameters = kclient_cache_new();
  c->selectors = named_selectors_new();
  return c;
}

void
classic_free(struct classic *c)
{
  if (!c)
    return;
  kclient_cache_free(c->contexts);
  kclient_cache_free(c->slices);
  kclient_cache_free(c->claim_parameters);
  kclient_cache_free(c->class_parameters);
  named_selectors_free(c->selectors);
  free(c);
}

/* -- what a claim is -- */

/* Who allocated it: the scheduler, or a driver. */
static bool
was_allocated_by_us(const struct kclient_dra *api, const struct json *claim)
{
  return api->alpha ? object_has_finalizer(claim, api->finalizer)
                    : !*json_get_str_or(claim_allocation(claim), "controller", "");
}

/* -- PreFilter -- */

static bool
fail(struct sched_attempt *t, struct sched_refusal *ret, const char *message)
{
  *ret = (struct sched_refusal){
    .error = true,
    .message = arena_printf(t->a, "running PreFilter plugin \"DynamicResources\": %s", message),
  };
  return false;
}

/* The pod's context; one of another pod of that name is an error. */
static void
find_context(struct sched_attempt *t, struct classic_state *st)
{
  struct classic *c = t->s->classic;
  const struct json *o;

  if (!c->negotiates)
    return;
  st->context_record = kclient_cache_get(c->contexts, object_namespace(t->tree), object_name(t->tree));
  o = st->context_record ? record_tree(st->context_record) : NULL;
  if (!o || object_is_controlled_by(o, t->pod->uid)) {
    st->context = o;
    return;
  }
  st->context_record = NULL;
  st->context_error = arena_printf(t->a, "%s object with UID %s is not owned by Pod %s/%s", t->s->dra->scheduling->kind,
                                   object_uid(o), object_namespace(t->tree), object_name(t->tree));
}

static void
add_class_nodes(struct sched_attempt *t, struct classic_claim *k, const struct json *nodes)
{
  const struct json **list;

  if (!nodes)
    return;
  list = arena_array_of(t->a, const struct json *, k->n_class_nodes + 1);
  if (k->n_class_nodes)
    memcpy(list, k->class_nodes, k->n_class_nodes * sizeof *list);
  list[k->n_class_nodes++] = nodes;
  k->class_nodes = list;
}

/* Where parameters of a kind are, and how a text calls them. */
struct parameters_kind {
  const char *kind, *what;
  const struct kclient_cache *all;
  const char *ns;   /* of one that is named directly */
  const char *from; /* those made from another object: in this namespace; NULL: in any, and that object's counts */
};

static bool
is_made_from(const struct json *parameters, const struct json *ref, const struct parameters_kind *k)
{
  const struct json *from = json_get(parameters, "generatedFrom");

  for (size_t i = 0; i < 3; i++) {
    static const char *const members[] = { "apiGroup", "kind", "name" };

    if (!from || strcmp(json_get_str_or(from, members[i], ""), json_get_str_or(ref, members[i], "")) != 0)
      return false;
  }
  return k->from ? strcmp(object_namespace(parameters), k->from) == 0
                 : strcmp(json_get_str_or(from, "namespace", ""), json_get_str_or(ref, "namespace", "")) == 0;
}

/* The parameters that `ref` means; NULL, and *ret_why, when they are not there. */
static const struct json *
find_parameters(struct sched_attempt *t, const struct parameters_kind *k, const struct json *ref, const char **ret_why)
{
  const char *group = json_get_str_or(ref, "apiGroup", ""), *kind = json_get_str_or(ref, "kind", ""),
             *name = json_get_str_or(ref, "name", ""), *ns = k->from ? k->from : "";
  struct record *r;
  size_t cursor = 0;

  if (strcmp(group, "resource.k8s.io") == 0 && strcmp(kind, k->kind) == 0) {
    r = kclient_cache_get(k->all, k->ns, name);
    *ret_why = r ? NULL : arena_printf(t->a, "%s parameters %s%s%s not found", k->what, k->ns, *k->ns ? "/" : "", name);
    return r ? record_tree(r) : NULL;
  }
  while ((r = kclient_cache_next(k->all, &cursor)) != NULL)
    if (is_made_from(record_tree(r), ref, k))
      return record_tree(r);
  *ret_why = arena_printf(t->a, "generated %s parameters for %s.%s %s%s%s not found", k->what, kind, group, ns,
                          *ns ? "/" : "", name);
  return NULL;
}

static const struct json *
next_claim(void *arg, size_t *cursor)
{
  struct scheduler *s = arg;
  struct record *r = kclient_cache_next(s->claims, cursor), *coming;

  if (!r)
    return NULL;
  coming = hmap_get(s->in_flight, span_of(object_uid(record_tree(r))));
  return record_tree(coming ? coming : r);
}

/* A structured claim of 1.30: its parameters, compiled. */
static bool
prefilter_named(struct sched_attempt *t, struct classic_state *st, const struct json *claim,
                const struct json *device_class, struct classic_claim *k, struct sched_refusal *ret)
{
  const struct json *class_ref = json_get(device_class, "parametersRef"),
                    *claim_ref = json_dig(claim, "spec", "parametersRef", NULL);
  const struct json *of_class = NULL, *of_claim = NULL;
  struct classic *c = t->s->classic;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct named_claim *named;
  const char *why = NULL;

  if (class_ref)
    of_class = find_parameters(t,
                               &(struct parameters_kind){ "ResourceClassParameters", "class", c->class_parameters,
                                                          json_get_str_or(class_ref, "namespace", ""), NULL },
                               class_ref, &why);
  if (!why && claim_ref)
    of_claim = find_parameters(t,
                               &(struct parameters_kind){ "ResourceClaimParameters", "claim", c->claim_parameters,
                                                          object_namespace(claim), object_namespace(claim) },
                               claim_ref, &why);
  if (why)
    return sched_refuse(ret, why, SCHED_NEEDS_CLAIMS);
  if (named_claim_new(t->a, c->selectors, device_class, of_claim, of_class, &named, &err) < 0)
    return fail(t, ret, arena_strdup(t->a, err.msg));
  if (!st->model)
    st->model = named_model_new(t->a, c->slices, next_claim, t->s);
  k->named = named;
  return true;
}

/* A claim of 1.26 to 1.30 that has no allocation. */
static bool
prefilter_alpha(struct sched_attempt *t, struct classic_state *st, struct sched_claim *sc, struct classic_claim *k,
                struct sched_refusal *ret)
{
  const char *name = json_get_str_or(json_get(sc->tree, "spec"), "resourceClassName", "");
  struct record *r = kclient_cache_get(t->s->classes, NULL, name);
  const struct json *device_class = r ? record_tree(r) : NULL;

  if (!device_class && t->s->classic->rules->early_lookup)
    return sched_refuse(ret, arena_printf(t->a, "resource class %s does not exist", name),
                        SCHED_NEEDS_DEVICES | SCHED_NEEDS_CLAIMS);
  if (!device_class)
    k->lookup_error =
        arena_printf(t->a, "look up resource class: resourceclass.resource.k8s.io \"%s\" not found", name);
  add_class_nodes(t, k, json_get(device_class, "suitableNodes"));
  k->structured = json_get_bool(device_class, "structuredParameters", false);
  k->pending = !k->structured;
  if (k->pending)
    return !claim_is_immediate(sc->tree) || sched_refuse(ret, IMMEDIATE, SCHED_NEEDS_CLAIMS);
  if (!sched_claim_is_free(t, sc->tree, ret))
    return false;
  sc->allocate = true;
  sc->driver = json_get_str_or(device_class, "driverName", "");
  t->n_allocate++;
  return prefilter_named(t, st, sc->tree, device_class, k, ret);
}

/* A claim of 1.31 that has no allocation. */
static bool
prefilter_device(struct sched_attempt *t, struct sched_claim *sc, struct classic_claim *k, struct sched_refusal *ret)
{
  k->structured = !*json_get_str_or(json_get(sc->tree, "spec"), "controller", "");
  k->pending = !k->structured;
  if (k->structured && !sched_claim_is_free(t, sc->tree, ret))
    return false;
  sc->allocate = k->structured;
  t->n_allocate += k->structured;
  for (json_each_item (p, json_dig(sc->tree, "spec", "devices", "requests", NULL))) {
    const char *name = json_get_str_or(json_get(*p, "exactly"), "deviceClassName", "");
    struct record *r = kclient_cache_get(t->s->classes, NULL, name);

    if (!*name)
      return fail(t, ret, arena_printf(t->a, "request %s: unsupported request type", json_get_str_or(*p, "name", "")));
    if (!r)
      return sched_refuse(
          ret, arena_printf(t->a, "request %s: device class %s does not exist", json_get_str_or(*p, "name", ""), name),
          SCHED_NEEDS_DEVICES | SCHED_NEEDS_CLAIMS);
    if (k->pending)
      add_class_nodes(t, k, json_dig(record_tree(r), "spec", "suitableNodes", NULL));
  }
  return true;
}

static bool
prefilter_claim(struct sched_attempt *t, struct classic_state *st, size_t i, struct sched_refusal *ret)
{
  const struct kclient_dra *api = t->s->dra;
  struct sched_claim *sc = &t->claims[i];
  struct classic_claim *k = &st->claims[i];
  const struct json *status = json_get(sc->tree, "status"), *allocation = claim_allocation(sc->tree);

  if (!api->alpha && *json_get_str_or(json_get(sc->tree, "spec"), "controller", "") && !t->s->classic->negotiates)
    return sched_refuse(ret, GATE_OFF, SCHED_NEEDS_CLAIMS);
  if (api->alpha && !api->claim_parameters && !allocation && claim_is_immediate(sc->tree)) /* first thing, until 1.29 */
    return sched_refuse(ret, IMMEDIATE, SCHED_NEEDS_CLAIMS);
  if (json_get_bool(status, "deallocationRequested", false))
    return sched_refuse(ret, MUST_BE_REALLOCATED, SCHED_NEEDS_CLAIMS);
  if (allocation && !claim_can_be_reserved(sc->tree, api->alpha) && !claim_is_reserved_for(sc->tree, t->pod->uid))
    return sched_refuse(ret, IN_USE, SCHED_NEEDS_CLAIMS);
  if (allocation) {
    k->structured = was_allocated_by_us(api, sc->tree);
    return true;
  }
  if (!(api->alpha ? prefilter_alpha(t, st, sc, k, ret) : prefilter_device(t, sc, k, ret)))
    return false;
  k->answer = k->pending ? classic_answer(st->context, sc->entry) : NULL;
  return true;
}

bool
classic_prefilter(struct sched_attempt *t, struct sched_refusal *ret)
{
  struct classic_state *st = arena_new_of(t->a, struct classic_state);

  t->classic = st;
  if (t->n_claims == 0)
    return true;
  find_context(t, st);
  if (st->context_error && t->s->classic->rules->early_lookup)
    return fail(t, ret, st->context_error);
  st->claims = arena_array_of(t->a, struct classic_claim, t->n_claims);
  for (size_t i = 0; i < t->n_claims; i++)
    if (!prefilter_claim(t, st, i, ret))
      return false;
  st->complete = true;
  return true;
}

/* -- Filter -- */

/* A claim that its driver has yet to allocate, or that 1.30's scheduler would allocate: *ret is the reason against. */
static int
filter_pending(struct sched_attempt *t, const struct classic_claim *k, const struct sched_node *n, const char **ret,
               struct kerr *reterr)
{
  const struct json *node = record_tree(n->node);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool match = true;

  if (k->lookup_error)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "%s", k->lookup_error);
  for (size_t i = 0; i < k->n_class_nodes && match; i++)
    if (node_selector_matches(k->class_nodes[i], node, &match, reterr) < 0)
      return -(int)reterr->code;
  if (!match) {
    *ret = t->s->classic->rules->class_text;
    return 0;
  }
  if (k->pending && t->classic->context_error)
    return kerr_set(reterr, KERR_INVALID, NULL, "%s", t->classic->context_error);
  if (k->named && named_claim_fits(k->named, t->classic->model, n->name, &match, &err) < 0)
    *ret = arena_printf(t->a, "checking structured parameters failed: %s", err.msg);
  else if (!match || classic_is_unsuitable(k->answer, n->name))
    *ret = UNSUITABLE;
  return 0;
}

/* Would giving the allocation up help? Immediate claims would only be allocated again for some node. */
static bool
may_be_given_up(const struct sched_attempt *t, size_t i)
{
  return !t->s->dra->alpha || !claim_is_immediate(t->claims[i].tree);
}

int
classic_filter(struct sched_attempt *t, const struct sched_node *n, bool *ret_fits, const char **ret_reason,
               struct json ***ret_allocations, struct kerr *reterr)
{
  bool available = true;

  *ret_fits = true;
  for (size_t i = 0; i < t->n_claims; i++) {
    const struct json *nodes = claim_nodes(t->claims[i].tree);
    const char *reason = NULL;
    bool match = true;

    if (!claim_allocation(t->claims[i].tree)) {
      if (filter_pending(t, &t->classic->claims[i], n, &reason, reterr) < 0)
        return -(int)reterr->code;
      if (reason) {
        *ret_fits = false;
        *ret_reason = reason;
        return 0;
      }
    } else if (nodes && node_selector_matches(nodes, record_tree(n->node), &match, reterr) < 0) {
      return -(int)reterr->code;
    }
    available = available && match;
    t->classic->claims[i].unavailable |= !match && may_be_given_up(t, i);
  }
  if (t->job && sched_claims_allocate(t, n, ret_fits, ret_reason, ret_allocations, reterr) < 0)
    return -(int)reterr->code;
  if (*ret_fits && !available) {
    *ret_fits = false;
    *ret_reason = SCHED_CLAIM_UNAVAILABLE;
  }
  return 0;
}

bool
classic_was_asked(const struct sched_attempt *t, const char *node)
{
  return t->classic && classic_is_potential_node(t->classic->context, node);
}

/* -- PostFilter -- */

/* Ask for the deallocation of a claim, or deallocate one of our own. */
static int
give_up(struct sched_attempt *t, size_t i, struct kerr *reterr)
{
  const struct classic_claim *k = &t->classic->claims[i];
  struct scheduler *s = t->s;
  bool ours = k->structured && !s->dra->alpha; /* 1.30 did not tell its own from others here */
  struct json *copy = json_copy(t->a, t->claims[i].tree), *status = json_ensure_object(t->a, copy, "status");
  struct record *written;
  int r;

  if (!ours && s->classic->rules->careful && *classic_selected_node(t->classic->context)) {
    r = classic_context_publish(s->config.client, s->dra, t->tree, t->classic->context,
                                &(struct classic_wish){ .selected = "" }, &written, reterr);

    if (r < 0)
      return r;
    sched_assume(s, SCHED_WATCH_SCHEDULING, s->classic->contexts, written);
    record_unref(written);
  }
  json_remove(status, "reservedFor");
  if (ours)
    json_remove(status, "allocation");
  else
    json_set_bool(t->a, status, "deallocationRequested", true);
  r = kclient_update(s->config.client, s->dra->claims, "status", copy, &written, reterr);
  if (r < 0)
    return r;
  sched_assume(s, SCHED_WATCH_CLAIMS, s->claims, written); /* the next attempt must not take it for ours */
  record_unref(written);
  return 0;
}

const char *
classic_postfilter(struct sched_attempt *t, struct kerr *reterr)
{
  const struct classic_state *st = t->classic;

  if (!st || !st->complete)
    return "no new claims to deallocate";
  for (size_t i = 0; i < t->n_claims; i++) {
    if (!st->claims[i].unavailable || !sched_claim_only_ours(t->claims[i].tree, t->pod->uid))
      continue;
    if (give_up(t, i, reterr) < 0)
      return NULL;
    return t->s->classic->rules->tells_deallocation ? "deallocation of ResourceClaim completed" : NULL;
  }
  return "still not schedulable";
}
