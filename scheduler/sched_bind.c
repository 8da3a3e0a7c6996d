/*
 * The DRA plugin's second half and the binder: what was decided is counted at
 * once (Reserve), written by a worker (PreBind, Bind), and kept or taken back
 * when the worker is done (Unreserve).
 */
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "claim.h"
#include "classic.h"

#define CONFLICTS_MAX 10
#define PREBIND       "running PreBind plugin \"DynamicResources\""
#define BINDING_WAIT  (600 * CLOCK_SEC) /* upstream: DynamicResourcesArgs.bindingTimeout */
#define BINDING_POLL  (1 * CLOCK_SEC)

/* -- Reserve: in the loop -- */

/* The claim as it will be: others see it as taken from this moment on. */
static void
reserve_claim(struct scheduler *s, struct arena *a, const struct json *claim, const struct json *allocation,
              const struct json *pod)
{
  struct json *assumed = json_copy(a, claim), *status = json_ensure_object(a, assumed, "status");
  struct record *r;

  json_set(a, status, "allocation", json_copy(a, allocation));
  claim_reserve(a, assumed, pod);
  json_remove(json_ensure_object(a, assumed, "metadata"), "resourceVersion");
  r = record_from_json(span_of(object_uid(claim)), 0, assumed);
  alloc_usage_set_claim(s->usage, record_tree(r));
  hmap_put(s->in_flight, span_of(object_uid(claim)), r);
}

void
sched_bind_start(struct sched_attempt *t, const struct sched_node *n, struct json *const *allocations)
{
  struct sched_bind *b = mem_alloc(sizeof *b);
  struct scheduler *s = t->s;
  size_t k = 0;

  b->s = s;
  b->a = arena_new(CEIL_ARENA_CYCLE);
  b->uid = arena_strdup(b->a, t->pod->uid);
  b->node = arena_strdup(b->a, n->name);
  b->pod = record_ref(t->pod->pod);
  b->claims = arena_array_of(b->a, struct sched_bind_claim, t->n_claims);
  b->mappings = t->mappings ? json_copy(b->a, t->mappings) : NULL;
  for (size_t i = 0; i < t->n_claims; i++) {
    const struct sched_claim *c = &t->claims[i];
    struct sched_bind_claim *to = &b->claims[b->n_claims++];

    to->claim = c->claim ? record_ref(c->claim) : NULL;
    to->held = c->claim && claim_is_reserved_for(c->tree, b->uid);
    if (!c->allocate)
      continue;
    to->driver = c->driver ? arena_strdup(b->a, c->driver) : NULL;
    to->allocation = json_copy(b->a, allocations[k++]);
    if (c->claim)
      reserve_claim(s, t->a, c->tree, to->allocation, t->tree);
    else /* made for extended resources: it gets a name and a uid only when it is written */
      to->create = json_copy(b->a, c->tree);
    if (!c->claim) {
      json_set_str(t->a, json_ensure_object(t->a, t->extended, "metadata"), "uid", t->pod->uid);
      reserve_claim(s, t->a, t->extended, to->allocation, t->tree);
    }
  }
  b->classic = t->classic ? classic_bind_new(t, b) : NULL;
  sched_nodes_add_pod(s->nodes, n->name, t->pod->pod);
  if (!mailbox_send(s->jobs, b)) { /* full: as if the worker had failed */
    (void)kerr_set(&b->err, KERR_UNAVAILABLE, NULL, "too many pods are being bound");
    sched_bind_done(s, b);
  }
}

/* -- PreBind: in a worker -- */

static int
claim_error(struct kerr *reterr, const struct json *claim, const char *what)
{
  return kerr_set(reterr, KERR_CONFLICT, NULL, "claim %s/%s %s", object_namespace(claim), object_name(claim), what);
}

static int
add_finalizer(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr)
{
  const char *finalizer = b->s->dra->finalizer;
  const struct json *claim = record_tree(c->claim);
  struct record *written;
  struct json *copy;
  int r;

  if (object_has_finalizer(claim, finalizer))
    return 0;
  copy = json_copy(b->a, claim);
  json_append_str(b->a, json_ensure_array(b->a, json_ensure_object(b->a, copy, "metadata"), "finalizers"), finalizer);
  r = kclient_update(b->s->config.client, b->s->dra->claims, NULL, copy, &written, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "add finalizer to claim %s/%s", object_namespace(claim), object_name(claim));
  record_unref(c->claim);
  c->claim = written;
  return 0;
}

static int
write_status(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr)
{
  const struct json *claim = record_tree(c->claim);
  struct json *copy = json_copy(b->a, claim), *status = json_ensure_object(b->a, copy, "status");
  struct record *written;
  char stamp[CLOCK_TEXT_MAX];
  int r;

  if (c->allocation) {
    struct json *allocation = json_shallow(b->a, c->allocation);

    if (b->s->features.device_binding_and_status)
      json_set_str(b->a, allocation, "allocationTimestamp",
                   clock_rfc3339(clock_wall(b->s->config.clock), false, stamp));
    json_set(b->a, status, "allocation", allocation);
    if (c->driver)
      json_set_str(b->a, status, "driverName", c->driver);
  }
  claim_reserve(b->a, copy, record_tree(b->pod));
  r = kclient_update(b->s->config.client, b->s->dra->claims, "status", copy, &written, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "add %sreservation to claim %s/%s", c->allocation ? "allocation and " : "",
                     object_namespace(claim), object_name(claim));
  record_unref(c->claim);
  c->claim = written;
  c->written = record_ref(written);
  return 0;
}

/* One try; a conflict is the caller's to repeat on a fresh copy. */
static int
write_claim(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr)
{
  const struct json *claim = record_tree(c->claim);
  bool allocated = claim_allocation(claim) != NULL;
  int r;

  if (object_is_deleting(claim))
    return claim_error(reterr, claim, "got deleted in the meantime");
  if (c->allocation && allocated)
    return claim_error(reterr, claim, "got allocated elsewhere in the meantime");
  if (!c->allocation && !allocated)
    return claim_error(reterr, claim, "got deallocated elsewhere in the meantime");
  if (claim_is_reserved_for(claim, b->uid))
    return 0;
  r = c->allocation ? add_finalizer(b, c, reterr) : 0;
  return r < 0 ? r : write_status(b, c, reterr);
}

static bool
is_allocated_anew(const struct json *before, const struct json *now)
{
  return claim_allocation(before) && claim_allocation(now) &&
         !json_equal(claim_allocation(before), claim_allocation(now));
}

static int
refresh(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr)
{
  const struct json *claim = record_tree(c->claim);
  struct record *fresh;
  int r =
      kclient_get(b->s->config.client, b->s->dra->claims, object_namespace(claim), object_name(claim), &fresh, reterr);

  if (r < 0)
    return kerr_wrap(reterr, "get updated claim %s/%s after conflict", object_namespace(claim), object_name(claim));
  if (strcmp(object_uid(record_tree(fresh)), object_uid(claim)) != 0) {
    record_unref(fresh);
    return claim_error(reterr, claim, "got deleted in the meantime");
  }
  if (is_allocated_anew(claim, record_tree(fresh))) { /* perhaps for another node than the pod's */
    record_unref(fresh);
    return claim_error(reterr, claim, "got allocated elsewhere in the meantime");
  }
  record_unref(c->claim);
  c->claim = fresh;
  return 0;
}

int
sched_bind_write_claim(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr)
{
  for (unsigned tries = 0;; tries++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const struct record *before = c->claim;
    int64_t revision = record_revision(before);
    int r = write_claim(b, c, &err);

    if (r == 0)
      return 0;
    if (err.code != KERR_CONFLICT || tries >= CONFLICTS_MAX)
      return kerr_move(reterr, &err);
    r = refresh(b, c, reterr);
    if (r < 0)
      return r;
    if (record_revision(c->claim) == revision) /* the same claim would be refused for the same reason */
      return kerr_move(reterr, &err);
  }
}

/* The claim behind extended resources is made here, and the pod is told of it (KEP-5004). */
static int
create_extended(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr)
{
  const struct json *pod = record_tree(b->pod);
  struct json *patch, *status;
  int r = kclient_create(b->s->config.client, b->s->dra->claims, object_namespace(pod), c->create, &c->claim, reterr);

  if (r < 0)
    return kerr_wrap(reterr, "create claim for extended resources %s/%s", object_namespace(pod), object_name(pod));
  patch = json_new_object(b->a);
  json_set_str(b->a, json_ensure_object(b->a, patch, "metadata"), "uid", b->uid);
  status = json_ensure_object(b->a, json_ensure_object(b->a, patch, "status"), "extendedResourceClaimStatus");
  json_set_str(b->a, status, "resourceClaimName", object_name(record_tree(c->claim)));
  json_set(b->a, status, "requestMappings", json_copy(b->a, b->mappings));
  r = kclient_patch(b->s->config.client, &KC_PODS, "status", object_namespace(pod), object_name(pod),
                    KCLIENT_MERGE_PATCH, NULL, patch, NULL, reterr);
  return r < 0 ? kerr_wrap(reterr, "update pod %s/%s ExtendedResourceClaimStatus", object_namespace(pod),
                           object_name(pod))
               : 0;
}

/* -- binding conditions (KEP-5007) -- */

enum readiness { READY, PENDING, FAILED };

static const struct json *
device_status(const struct json *claim, const struct json *result)
{
  for (json_each_item (p, json_dig(claim, "status", "devices", NULL)))
    if (strcmp(json_get_str_or(*p, "driver", ""), json_get_str_or(result, "driver", "")) == 0 &&
        strcmp(json_get_str_or(*p, "pool", ""), json_get_str_or(result, "pool", "")) == 0 &&
        strcmp(json_get_str_or(*p, "device", ""), json_get_str_or(result, "device", "")) == 0)
      return *p;
  return NULL;
}

static const struct json *
true_condition(const struct json *device, const struct json *type)
{
  for (json_each_item (p, json_get(device, "conditions")))
    if (json_str(type) && strcmp(json_get_str_or(*p, "type", ""), json_str(type)) == 0 &&
        strcmp(json_get_str_or(*p, "status", ""), "True") == 0)
      return *p;
  return NULL;
}

static enum readiness
readiness(const struct json *claim, const struct json **ret_failure)
{
  enum readiness all = READY;

  for (json_each_item (result, json_dig(claim, "status", "allocation", "devices", "results", NULL))) {
    const struct json *device = device_status(claim, *result);

    if (json_count(json_get(*result, "bindingConditions")) == 0)
      continue;
    for (json_each_item (type, json_get(*result, "bindingFailureConditions")))
      if ((*ret_failure = true_condition(device, *type)) != NULL)
        return FAILED;
    for (json_each_item (type, json_get(*result, "bindingConditions")))
      if (!true_condition(device, *type))
        all = PENDING;
  }
  return all;
}

static int
wait_for_device(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr)
{
  int64_t deadline = clock_mono(b->s->config.clock) + BINDING_WAIT;
  const struct json *failure = NULL;
  bool told = false;

  for (;;) {
    const struct json *claim = record_tree(c->claim);
    enum readiness now = readiness(claim, &failure);
    int r;

    if (now == READY)
      return 0;
    if (now == FAILED)
      return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "device binding failed: claim=%s, reason=%s, message=\"%s\"",
                      object_name(claim), json_get_str_or(failure, "reason", ""),
                      json_get_str_or(failure, "message", ""));
    if (clock_mono(b->s->config.clock) > deadline)
      return kerr_set(reterr, KERR_TIMEOUT, NULL, "device binding timeout: claim=%s", object_name(claim));
    if (!told)
      sched_event(b->s, record_tree(b->pod), "Normal", "BindingConditionsPending", "Scheduling",
                  arena_printf(b->a, "waiting for binding conditions for device on node %s", b->node));
    told = true;
    clock_sleep(b->s->config.clock, BINDING_POLL);
    if (mailbox_closed(b->s->jobs))
      return kerr_set(reterr, KERR_CANCELLED, NULL, "the scheduler stops");
    r = refresh(b, c, reterr);
    if (r < 0)
      return r;
  }
}

/* -- Bind, and the way back -- */

static int
write_all(struct sched_bind *b, struct kerr *reterr)
{
  const struct json *pod = record_tree(b->pod);
  struct json *binding = json_new_object(b->a), *meta, *target;
  int r = b->classic ? classic_bind_prebind(b, reterr) : 0;

  if (r < 0)
    return r;
  for (size_t i = 0; i < b->n_claims && r == 0; i++) {
    if (b->claims[i].create)
      r = create_extended(b, &b->claims[i], reterr);
    if (r == 0)
      r = sched_bind_write_claim(b, &b->claims[i], reterr);
  }
  for (size_t i = 0; i < b->n_claims && r == 0; i++)
    r = wait_for_device(b, &b->claims[i], reterr);
  if (r < 0)
    return kerr_wrap(reterr, PREBIND);
  json_set_str(b->a, binding, "apiVersion", "v1");
  json_set_str(b->a, binding, "kind", "Binding");
  meta = json_ensure_object(b->a, binding, "metadata");
  json_set_str(b->a, meta, "name", object_name(pod));
  json_set_str(b->a, meta, "namespace", object_namespace(pod));
  json_set_str(b->a, meta, "uid", b->uid);
  target = json_ensure_object(b->a, binding, "target");
  json_set_str(b->a, target, "kind", "Node");
  json_set_str(b->a, target, "name", b->node);
  r = kclient_create_sub(b->s->config.client, &KC_PODS, object_namespace(pod), object_name(pod), "binding", binding,
                         NULL, reterr);
  return r < 0 ? kerr_wrap(reterr, "binding rejected: running Bind plugin \"DefaultBinder\"") : 0;
}

/* Unreserve: others may use the claim without waiting for a pod that did not make it. */
static void
give_back(struct sched_bind *b)
{
  for (size_t i = 0; i < b->n_claims; i++) {
    struct sched_bind_claim *c = &b->claims[i];
    const struct json *claim = c->claim ? record_tree(c->claim) : NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *patch, *item;
    struct record *now;

    if (b->classic ? !classic_bind_undoes(b, c) : !c->written)
      continue;
    patch = json_new_object(b->a);
    json_set_str(b->a, json_ensure_object(b->a, patch, "metadata"), "uid", object_uid(claim));
    item = json_append(b->a, json_ensure_array(b->a, json_ensure_object(b->a, patch, "status"), "reservedFor"),
                       json_new_object(b->a));
    json_set_str(b->a, item, "$patch", "delete");
    json_set_str(b->a, item, "uid", b->uid);
    if (kclient_patch(b->s->config.client, b->s->dra->claims, "status", object_namespace(claim), object_name(claim),
                      KCLIENT_STRATEGIC_PATCH, NULL, patch, &now, &err) < 0) {
      log_warn(b->s->config.log, "scheduler", "unreserve claim %s/%s: %s", object_namespace(claim), object_name(claim),
               err.msg);
      continue;
    }
    record_unref(c->written); /* the next attempt must not take the claim for reserved */
    c->written = now;
  }
}

void
sched_bind_work(struct sched_bind *b)
{
  const struct json *pod = record_tree(b->pod);

  if (write_all(b, &b->err) < 0) {
    give_back(b);
    return;
  }
  sched_event(
      b->s, pod, "Normal", "Scheduled", "Binding",
      arena_printf(b->a, "Successfully assigned %s/%s to %s", object_namespace(pod), object_name(pod), b->node));
  if (b->classic)
    classic_bind_postbind(b);
}

void *
sched_bind_worker(void *arg)
{
  struct scheduler *s = arg;
  struct sched_bind *b;

  while ((b = mailbox_receive(s->jobs, CLOCK_NEVER)) != NULL) {
    sched_bind_work(b);
    if (!mailbox_send(s->done, b))
      sched_bind_free(b);
    mailbox_poke(s->inbox);
  }
  return NULL;
}

/* -- the end, in the loop -- */

/* What is written now counts; what was only assumed does not any more. */
static void
settle_claims(struct scheduler *s, struct sched_bind *b)
{
  for (size_t i = 0; i < b->n_claims; i++) {
    struct sched_bind_claim *c = &b->claims[i];
    struct record *cached;
    const struct json *claim;

    if (c->create) {
      hmap_remove(s->in_flight, span_of(b->uid)); /* it was known by the pod's uid until it had one of its own */
      alloc_usage_remove_claim(s->usage, b->uid);
    }
    if (!c->claim)
      continue;
    claim = record_tree(c->claim);
    hmap_remove(s->in_flight, span_of(object_uid(claim)));
    if (c->written)
      sched_assume(s, SCHED_WATCH_CLAIMS, s->claims, c->written);
    cached = kclient_cache_get(s->claims, object_namespace(claim), object_name(claim));
    if (cached && strcmp(object_uid(record_tree(cached)), object_uid(claim)) == 0)
      alloc_usage_set_claim(s->usage, record_tree(cached));
    else
      alloc_usage_remove_claim(s->usage, object_uid(claim));
  }
}

/* Whom the end of a binding may help. */
static void
wake_others(struct scheduler *s, const struct sched_bind *b, unsigned reasons)
{
  if (s->classic)
    classic_bind_wake(s, b, reasons);
  else
    sched_queue_wake(s->queue, reasons);
}

void
sched_bind_done(struct scheduler *s, struct sched_bind *b)
{
  struct sched_pod *p = sched_queue_get(s->queue, b->uid);

  settle_claims(s, b);
  if (b->err.code == KERR_OK) {
    sched_queue_remove(s->queue, b->uid);
    wake_others(s, b, SCHED_NEEDS_CLAIMS); /* a shared claim is in nobody's hands now */
  } else if (!classic_bind_done(s, b, p)) {
    const struct json *pod = record_tree(b->pod);
    const char *where = sched_nodes_of_pod(s->nodes, b->uid);

    log_info(s->config.log, "scheduler", "pod %s/%s: %s", object_namespace(pod), object_name(pod), b->err.msg);
    if (p && where) { /* still without a node of its own: what we assumed goes */
      sched_nodes_remove_pod(s->nodes, b->uid);
      sched_queue_backoff(s->queue, p);
      sched_report_refusal(s, p, &(struct sched_refusal){ .error = true, .message = b->err.msg });
    } else if (!p && where) {
      sched_nodes_remove_pod(s->nodes, b->uid);
    }
    wake_others(s, b, SCHED_NEEDS_DEVICES | SCHED_NEEDS_RESOURCES | SCHED_NEEDS_CLAIMS);
  }
  sched_bind_free(b);
}

void
sched_bind_free(void *p)
{
  struct sched_bind *b = p;

  for (size_t i = 0; i < b->n_claims; i++) {
    record_unref(b->claims[i].claim);
    record_unref(b->claims[i].written);
  }
  record_unref(b->pod);
  classic_bind_release(b->classic);
  kerr_release(&b->err);
  arena_free(b->a);
  free(b);
}
