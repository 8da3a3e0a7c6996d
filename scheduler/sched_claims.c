/*
 * The DRA plugin's first half: which claims a pod has, whether they are ready to
 * be looked at, and whether they can be had on a node
 * (pkg/scheduler/framework/plugins/dynamicresources: PreEnqueue, PreFilter, Filter, PostFilter, Score).
 */
#include <stdio.h>
#include <string.h>

#include "claim.h"
#include "classic.h"
#include "pod_claims.h"
#include "sched_internal.h"
#include "selector.h"

#define SEARCH_BUDGET   20000000 /* steps on one node: seconds of work, as upstream's filterTimeout of 10 s */
#define SUBREQUESTS_MAX 8        /* upstream: FirstAvailableDeviceRequestMaxSize */
#define SCORE_WEIGHT    12       /* a first choice counts about as much as an idle node */

struct record *
sched_claim_get(struct scheduler *s, const char *ns, const char *name)
{
  struct record *cached = kclient_cache_get(s->claims, ns, name);
  struct record *coming = cached ? hmap_get(s->in_flight, span_of(object_uid(record_tree(cached)))) : NULL;

  return coming ? coming : cached;
}

static bool
is_in_flight(struct scheduler *s, const struct json *claim)
{
  return hmap_get(s->in_flight, span_of(object_uid(claim))) != NULL;
}

/* -- changes -- */

void
sched_claim_changed(struct scheduler *s, const struct kclient_change *change)
{
  const struct json *claim = record_tree(change->record);
  const struct json *now = claim_allocation(claim);
  bool was = change->old && claim_allocation(record_tree(change->old));
  struct sched_pod *p;
  size_t cursor = 0;

  if (!is_in_flight(s, claim)) { /* else the end of the binding sets it right */
    if (change->type == KCLIENT_DELETED)
      alloc_usage_remove_claim(s->usage, object_uid(claim));
    else
      alloc_usage_set_claim(s->usage, claim);
  }
  if (s->classic) {
    classic_claim_changed(s, change);
    return;
  }
  if ((was && !now) || (change->type == KCLIENT_DELETED && now))
    sched_queue_wake(s->queue, SCHED_NEEDS_DEVICES | SCHED_NEEDS_CLAIMS);
  while ((p = sched_queue_next(s->queue, &cursor)) != NULL)
    if (p->place == SCHED_WAITING && p->reasons & SCHED_NEEDS_CLAIMS &&
        pod_claim_uses(s->minor, record_tree(p->pod), object_namespace(claim), object_name(claim)))
      sched_queue_activate(s->queue, p);
}

/* -- PreEnqueue: the pod's claims exist and are its own -- */

enum resolved { RESOLVED, NOT_NEEDED, NOT_READY };

/* What PreFilter said before 1.28; since then such a pod waits without a word. */
static enum resolved
not_ready(const char **ret_why, const char *why)
{
  *ret_why = why;
  return NOT_READY;
}

static enum resolved
resolve_entry(struct sched_attempt *t, const struct json *entry, struct sched_claim *ret, const char **ret_why)
{
  const char *own = json_get_str_or(entry, "name", ""), *ns = object_namespace(t->tree), *name;
  enum pod_claim how = pod_claim_find(t->a, t->s->minor, t->tree, entry, &name);
  struct record *r;

  if (how == POD_CLAIM_NOT_NEEDED)
    return NOT_NEEDED;
  if (!name)
    return not_ready(ret_why, arena_printf(t->a, "pod \"%s\": ResourceClaim not created yet", t->pod->key));
  r = sched_claim_get(t->s, ns, name);
  if (!r && how == POD_CLAIM_MADE)
    return not_ready(
        ret_why,
        arena_printf(t->a, "waiting for dynamic resource controller to create the resourceclaim \"%s\"", name));
  if (!r)
    return not_ready(ret_why, arena_printf(t->a, "resourceclaim.resource.k8s.io \"%s\" not found", name));
  if (object_is_deleting(record_tree(r)))
    return not_ready(ret_why, arena_printf(t->a, "resourceclaim \"%s\" is being deleted", name));
  if (how == POD_CLAIM_MADE && !object_is_controlled_by(record_tree(r), t->pod->uid))
    return not_ready(ret_why, arena_printf(t->a, "ResourceClaim %s/%s was not created for pod %s (pod is not owner)",
                                           ns, name, t->pod->key));
  *ret = (struct sched_claim){ .entry = own, .claim = r, .tree = record_tree(r) };
  return RESOLVED;
}

bool
sched_claims_resolve(struct sched_attempt *t, const char **ret_why)
{
  const struct json *entries = json_get(t->subject.spec, "resourceClaims");

  t->n_claims = 0;
  t->claims = arena_array_of(t->a, struct sched_claim, json_count(entries) + 1);
  for (json_each_item (p, entries)) {
    enum resolved how = resolve_entry(t, *p, &t->claims[t->n_claims], ret_why);

    if (how == NOT_READY)
      return false;
    t->n_claims += how == RESOLVED;
  }
  return true;
}

/* -- PreFilter -- */

bool
sched_refuse(struct sched_refusal *ret, const char *message, unsigned reasons)
{
  *ret = (struct sched_refusal){ .message = message, .reasons = reasons };
  return false;
}

static bool
check_class(struct sched_attempt *t, const char *request, const char *device_class, struct sched_refusal *ret)
{
  if (kclient_cache_get(t->s->classes, NULL, device_class))
    return true;
  return sched_refuse(ret, arena_printf(t->a, "request %s: device class %s does not exist", request, device_class),
                      SCHED_NEEDS_DEVICES);
}

static bool
check_request(struct sched_attempt *t, const struct json *claim, const struct json *request, struct sched_refusal *ret)
{
  const char *name = json_get_str_or(request, "name", "");
  const struct json *exactly = json_get(request, "exactly"), *list = json_get(request, "firstAvailable");

  if (exactly)
    return check_class(t, name, json_get_str_or(exactly, "deviceClassName", ""), ret);
  if (json_count(list) == 0)
    return sched_refuse(ret,
                        arena_printf(t->a, "resource claim %s/%s, request %s: unknown request type",
                                     object_namespace(claim), object_name(claim), name),
                        SCHED_NEEDS_CLAIMS);
  if (!t->s->features.prioritized_list)
    return sched_refuse(
        ret,
        arena_printf(
            t->a, "resource claim %s/%s, request %s: has subrequests, but the DRAPrioritizedList feature is disabled",
            object_namespace(claim), object_name(claim), name),
        SCHED_NEEDS_CLAIMS);
  for (json_each_item (p, list))
    if (!check_class(t, arena_printf(t->a, "%s/%s", name, json_get_str_or(*p, "name", "")),
                     json_get_str_or(*p, "deviceClassName", ""), ret))
      return false;
  return true;
}

bool
sched_claim_is_free(struct sched_attempt *t, const struct json *claim, struct sched_refusal *ret)
{
  return !is_in_flight(t->s, claim) ||
         sched_refuse(ret,
                      arena_printf(t->a, "resource claim %s/%s is in the process of being allocated",
                                   object_namespace(claim), object_name(claim)),
                      SCHED_NEEDS_CLAIMS);
}

static bool
prefilter_claim(struct sched_attempt *t, struct sched_claim *c, struct sched_refusal *ret)
{
  if (!sched_claim_is_free(t, c->tree, ret))
    return false;
  if (claim_allocation(c->tree))
    return true;
  c->allocate = true;
  t->n_allocate++;
  for (json_each_item (p, json_dig(c->tree, "spec", "devices", "requests", NULL)))
    if (!check_request(t, c->tree, *p, ret))
      return false;
  return true;
}

static bool
prefilter_all(struct sched_attempt *t, struct sched_refusal *ret)
{
  if (t->s->classic)
    return classic_prefilter(t, ret);
  for (size_t i = 0; i < t->n_claims; i++)
    if (!prefilter_claim(t, &t->claims[i], ret))
      return false;
  sched_extended_prepare(t);
  return true;
}

bool
sched_claims_prepare(struct sched_attempt *t, struct sched_refusal *ret)
{
  const struct json **wanted;
  const char *why = NULL;
  size_t n = 0;

  if (!sched_claims_resolve(t, &why)) {
    *ret = (struct sched_refusal){ .silent = !t->s->classic || t->s->classic->rules->pre_enqueue,
                                   .message = why,
                                   .reasons = SCHED_NEEDS_CLAIMS };
    return false;
  }
  if (!prefilter_all(t, ret))
    return false;
  if (t->n_allocate == 0 || t->s->dra->alpha)
    return true;
  wanted = arena_array_of(t->a, const struct json *, t->n_allocate);
  for (size_t i = 0; i < t->n_claims; i++)
    if (t->claims[i].allocate)
      wanted[n++] = t->claims[i].tree;
  t->job = alloc_job_new(t->s->world, wanted, n);
  return true;
}

void
sched_claims_release(struct sched_attempt *t)
{
  alloc_job_free(t->job);
  t->job = NULL;
}

/* -- Filter -- */

/* Did the driver give up on a device of this allocation (KEP-5007)? */
static bool
binding_failed(const struct json *claim)
{
  for (json_each_item (result, json_dig(claim, "status", "allocation", "devices", "results", NULL)))
    for (json_each_item (failure, json_get(*result, "bindingFailureConditions")))
      for (json_each_item (device, json_dig(claim, "status", "devices", NULL))) {
        if (strcmp(json_get_str_or(*device, "driver", ""), json_get_str_or(*result, "driver", "")) != 0 ||
            strcmp(json_get_str_or(*device, "pool", ""), json_get_str_or(*result, "pool", "")) != 0 ||
            strcmp(json_get_str_or(*device, "device", ""), json_get_str_or(*result, "device", "")) != 0)
          continue;
        for (json_each_item (c, json_get(*device, "conditions")))
          if (strcmp(json_get_str_or(*c, "type", ""), json_str(*failure) ? json_str(*failure) : "") == 0 &&
              strcmp(json_get_str_or(*c, "status", ""), "True") == 0)
            return true;
      }
  return false;
}

static int
allocated_fits(const struct sched_claim *c, const struct sched_node *n, bool *ret, struct kerr *reterr)
{
  const struct json *selector = claim_nodes(c->tree);

  *ret = !binding_failed(c->tree);
  if (!*ret || !selector)
    return 0;
  return node_selector_matches(selector, record_tree(n->node), ret, reterr);
}

int
sched_claims_allocate(struct sched_attempt *t, const struct sched_node *n, bool *ret_fits, const char **ret_reason,
                      struct json ***ret_allocations, struct kerr *reterr)
{
  const struct alloc_options options = { .budget = SEARCH_BUDGET };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct alloc_answer answer;
  int r = alloc_job_run(t->job, t->s->usage, record_tree(n->node), &options, &answer, &err);

  if (r == 0 && answer.outcome == ALLOC_OK)
    return alloc_job_allocations(t->job, t->a, ret_allocations, reterr);
  *ret_fits = false;
  if (r < 0 && err.code == KERR_TIMEOUT)
    return kerr_set(reterr, KERR_TIMEOUT, NULL, "node %s: timed out trying to allocate devices", n->name);
  if (r < 0 && !answer.node_only)
    return kerr_move(reterr, &err);
  *ret_reason = r < 0 ? arena_strdup(t->a, err.msg) : "cannot allocate all claims";
  return 0;
}

int
sched_claims_filter(struct sched_attempt *t, const struct sched_node *n, bool *ret_fits, const char **ret_reason,
                    struct json ***ret_allocations, struct kerr *reterr)
{
  if (t->classic)
    return classic_filter(t, n, ret_fits, ret_reason, ret_allocations, reterr);
  *ret_fits = true;
  for (size_t i = 0; i < t->n_claims; i++) {
    int r = t->claims[i].allocate ? 0 : allocated_fits(&t->claims[i], n, ret_fits, reterr);

    if (r < 0)
      return r;
    if (!*ret_fits) {
      *ret_reason = SCHED_CLAIM_UNAVAILABLE;
      return 0;
    }
  }
  return t->job ? sched_claims_allocate(t, n, ret_fits, ret_reason, ret_allocations, reterr) : 0;
}

/* -- PostFilter: an allocation that is of no use to this pod and that nobody else holds is given up -- */

bool
sched_claim_only_ours(const struct json *claim, const char *uid)
{
  const struct json *list = json_dig(claim, "status", "reservedFor", NULL);

  return json_count(list) == 0 ||
         (json_count(list) == 1 && strcmp(json_get_str_or(json_at(list, 0), "uid", ""), uid) == 0);
}

bool
sched_claims_postfilter(struct sched_attempt *t)
{
  for (size_t i = 0; i < t->n_claims; i++) {
    const struct sched_claim *c = &t->claims[i];
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *copy, *status;
    struct record *written;
    int r;

    if (c->allocate || !sched_claim_only_ours(c->tree, t->pod->uid))
      continue;
    copy = json_copy(t->a, c->tree);
    status = json_ensure_object(t->a, copy, "status");
    json_remove(status, "reservedFor");
    json_remove(status, "allocation");
    json_remove(status, "devices");
    r = kclient_update(t->s->config.client, &KC_RESOURCECLAIMS, "status", copy, &written, &err);
    if (r == 0) {
      sched_assume(t->s, SCHED_WATCH_CLAIMS, t->s->claims, written); /* the next attempt must not take it for ours */
      record_unref(written);
      return true;
    }
    log_warn(t->s->config.log, "scheduler", "deallocate claim %s/%s: %s", object_namespace(c->tree),
             object_name(c->tree), err.msg);
  }
  return false;
}

/* -- Score -- */

static int64_t
choice_score(const struct json *claim, const char *request)
{
  const char *slash = strchr(request, '/');

  if (!slash)
    return 0;
  for (json_each_item (p, json_dig(claim, "spec", "devices", "requests", NULL))) {
    const char *name = json_get_str_or(*p, "name", "");
    int64_t i = 0;

    if (strlen(name) != (size_t)(slash - request) || strncmp(name, request, (size_t)(slash - request)) != 0)
      continue;
    for (json_each_item (sub, json_get(*p, "firstAvailable"))) {
      if (strcmp(json_get_str_or(*sub, "name", ""), slash + 1) == 0)
        return SUBREQUESTS_MAX - i;
      i++;
    }
  }
  return 0;
}

int64_t
sched_claims_score(const struct sched_attempt *t, struct json *const *allocations)
{
  int64_t sum = 0;
  size_t k = 0;

  for (size_t i = 0; allocations && i < t->n_claims; i++) {
    const char *last = "";

    if (!t->claims[i].allocate)
      continue;
    for (json_each_item (p, json_dig(allocations[k], "devices", "results", NULL))) {
      const char *request = json_get_str_or(*p, "request", "");

      if (strcmp(request, last) != 0) /* once per request, however many devices */
        sum += choice_score(t->claims[i].tree, request);
      last = request;
    }
    k++;
  }
  return sum * SCORE_WEIGHT;
}
