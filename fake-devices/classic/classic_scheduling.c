/* The driver's half of the negotiation about a node (syncPodSchedulingContexts of upstream's controller library). */
#include <string.h>

#include "claim.h"
#include "classic_internal.h"
#include "object.h"
#include "pod_claims.h"

#define LOOK_AGAIN_NS    (30 * CLOCK_SEC)
#define UNSUITABLE_MAX   128 /* upstream: PodSchedulingNodeListMaxSize */
#define UNSUITABLE_WROTE "update unsuitable node status"

/* The pod's claims that this driver still has to allocate. */
struct pending {
  struct classic_claim *claims;
  const char **entries; /* of spec.resourceClaims */
  size_t n;
};

static int
take_entry(struct classic_driver *d, struct arena *a, const struct json *pod, const struct json *entry,
           struct pending *ret, struct kerr *reterr)
{
  const char *name, *driver;
  enum pod_claim found = pod_claim_find(a, d->config.minor, pod, entry, &name);
  struct record *r = name ? kclient_cache_get(d->caches[CLASSIC_CLAIMS], object_namespace(pod), name) : NULL;
  const struct json *claim = r ? record_tree(r) : NULL;

  if (!name)
    return 0;
  if (!claim)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "resourceclaim.resource.k8s.io \"%s\" not found", name);
  if (found == POD_CLAIM_MADE && !object_is_controlled_by(claim, object_uid(pod)))
    return kerr_set(reterr, KERR_INVALID, NULL, "ResourceClaim %s/%s was not created for pod %s/%s (pod is not owner)",
                    object_namespace(claim), name, object_namespace(pod), object_name(pod));
  driver = classic_claim_driver(d, claim);
  if (claim_allocation(claim) || claim_is_immediate(claim) || !driver || !classic_has_driver(d, a, driver))
    return 0;
  ret->entries[ret->n] = json_get_str_or(entry, "name", "");
  return classic_claim_read(d, a, json_copy(a, claim), &ret->claims[ret->n++], reterr);
}

static int
pending_of(struct classic_driver *d, struct arena *a, const struct json *pod, struct pending *ret, struct kerr *reterr)
{
  const struct json *entries = json_dig(pod, "spec", "resourceClaims", NULL);

  *ret = (struct pending){ .claims = arena_array_of(a, struct classic_claim, json_count(entries) + 1),
                           .entries = arena_array_of(a, const char *, json_count(entries) + 1) };
  for (json_each_item (p, entries)) {
    int r = take_entry(d, a, pod, *p, ret, reterr);

    if (r < 0)
      return kerr_wrap(reterr, "pod claim %s", json_get_str_or(*p, "name", ""));
  }
  return 0;
}

/* -- which nodes will not do -- */

static int
judge_node(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const char *node,
           const struct pending *p, struct json **unsuitable, struct kerr *reterr)
{
  const struct tree_device *const **devices = arena_array_of(a, const struct tree_device *const *, p->n);
  int r = classic_devices_choose(d, a, f, node, p->claims, p->n, devices, reterr);

  for (size_t i = 0; r == 0 && i < p->n; i++)
    if (!devices[i])
      json_append_str(a, unsuitable[i], node);
  return r;
}

/* Per claim the unsuitable ones among the potential nodes and the selected one. */
static int
judge_nodes(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const struct json *spec,
            const struct pending *p, struct json **unsuitable, struct kerr *reterr)
{
  const struct json *potential = json_get(spec, "potentialNodes");
  const char *selected = json_get_str_or(spec, "selectedNode", "");
  int r = 0;

  for (size_t i = 0; i < p->n; i++)
    unsuitable[i] = json_new_array(a);
  if (!json_count(potential))
    return 0;
  for (json_each_item (node, potential))
    r = r < 0 ? r : judge_node(d, a, f, json_str(*node) ? json_str(*node) : "", p, unsuitable, reterr);
  if (r == 0 && *selected && !json_list_has(potential, selected))
    r = judge_node(d, a, f, selected, p, unsuitable, reterr);
  return r < 0 ? kerr_wrap(reterr, "checking potential nodes") : 0;
}

static bool
selected_will_do(const struct pending *p, struct json *const *unsuitable, const char *selected)
{
  for (size_t i = 0; i < p->n; i++)
    if (json_list_has(unsuitable[i], selected))
      return false;
  return true;
}

/* -- saying and doing -- */

static int
allocate_all(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const char *node,
             const struct pending *p, const struct json *pod, struct kerr *reterr)
{
  const struct tree_device *const **devices = arena_array_of(a, const struct tree_device *const *, p->n);
  int r = classic_devices_choose(d, a, f, node, p->claims, p->n, devices, reterr);

  for (size_t i = 0; r == 0 && i < p->n && !d->dead; i++) {
    const char *name = object_name(p->claims[i].object);

    if (!devices[i])
      return kerr_set(reterr, KERR_CONFLICT, NULL, "claim %s: node %s has not what the claim asks for", name, node);
    r = classic_allocate(d, a, f, &p->claims[i], node, devices[i], pod, reterr);
    if (r < 0)
      return kerr_wrap(reterr, "claim %s", name);
  }
  return r;
}

/* At most 128, and the selected node must not be among those cut off. */
static void
shorten(struct json *list, const char *selected)
{
  while (json_count(list) > UNSUITABLE_MAX) {
    size_t last = json_count(list) - 1;

    json_remove_at(list, strcmp(json_str(json_at(list, last)), selected) == 0 ? last - 1 : last);
  }
}

static struct json *
entry_named(struct arena *a, struct json *list, const char *name)
{
  struct json *o;

  for (size_t i = 0; i < json_count(list); i++)
    if (strcmp(json_get_str_or(json_at(list, i), "name", ""), name) == 0)
      return json_item(list, i);
  o = json_append(a, list, json_new_object(a));
  json_set_str(a, o, "name", name);
  return o;
}

static int
answer(struct classic_driver *d, struct arena *a, const struct json *context, const struct pending *p,
       struct json **unsuitable, struct kerr *reterr)
{
  const char *selected = json_get_str_or(json_get(context, "spec"), "selectedNode", "");
  struct json *copy = json_copy(a, context), *list;
  _cleanup_record_ struct record *written = NULL;

  list = json_ensure_array(a, json_ensure_object(a, copy, "status"), "resourceClaims");
  for (size_t i = 0; i < p->n; i++) {
    struct json *entry = entry_named(a, list, p->entries[i]);

    shorten(unsuitable[i], selected);
    if (json_count(unsuitable[i]))
      json_set(a, entry, "unsuitableNodes", unsuitable[i]);
    else
      (void)json_remove(entry, "unsuitableNodes");
  }
  if (json_equal(json_get(copy, "status"), json_get(context, "status")))
    return 0;
  if (kclient_update(d->config.client, d->kinds->scheduling, "status", copy, &written, reterr) < 0)
    return kerr_wrap(reterr, UNSUITABLE_WROTE);
  kclient_cache_put(d->caches[CLASSIC_SCHEDULING], written);
  return 0;
}

static int
negotiate(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const struct json *context,
          const struct json *pod, const struct pending *p, struct kerr *reterr)
{
  const struct json *spec = json_get(context, "spec");
  const char *selected = json_get_str_or(spec, "selectedNode", "");
  struct json **unsuitable = arena_array_of(a, struct json *, p->n);
  int r = judge_nodes(d, a, f, spec, p, unsuitable, reterr);

  if (r == 0 && *selected && selected_will_do(p, unsuitable, selected))
    r = allocate_all(d, a, f, selected, p, pod, reterr);
  return r < 0 || d->dead ? r : answer(d, a, context, p, unsuitable, reterr);
}

int
classic_sync_scheduling(struct classic_driver *d, struct arena *a, const struct classic_faults *f,
                        const struct json *context, int64_t *ret_again_ns, struct kerr *reterr)
{
  const struct json *spec = json_get(context, "spec"), *pod;
  _cleanup_record_ struct record *record = NULL;
  struct pending pending;
  int r;

  *ret_again_ns = 0;
  if (object_is_deleting(context) ||
      (!*json_get_str_or(spec, "selectedNode", "") && !json_count(json_get(spec, "potentialNodes"))))
    return 0;
  r = kclient_get(d->config.client, &KC_PODS, object_namespace(context), object_name(context), &record, reterr);
  if (r < 0)
    return r;
  pod = record_tree(record);
  if (object_is_deleting(pod) || !object_is_controlled_by(context, object_uid(pod)))
    return 0;
  r = pending_of(d, a, pod, &pending, reterr);
  if (r == 0 && pending.n)
    r = negotiate(d, a, f, context, pod, &pending, reterr);
  if (r == 0)
    *ret_again_ns = LOOK_AGAIN_NS;
  return r;
}
