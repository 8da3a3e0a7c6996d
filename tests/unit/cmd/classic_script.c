#include "classic_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "claim.h"
#include "pod_claims.h"

bool
script_accepts(const struct script_driver *d, unsigned node)
{
  return !(d->refuses >> node & 1);
}

const char *
script_driver_of(const struct json *claim)
{
  const struct json *spec = json_get(claim, "spec");

  return json_get_str_or(spec, "controller", json_get_str_or(spec, "resourceClassName", ""));
}

static unsigned
node_index(const char *name)
{
  return (unsigned)strtoul(name + 1, NULL, 10);
}

const char *
script_node_of(const struct json *claim)
{
  const struct json *term = json_at(json_get(claim_nodes(claim), "nodeSelectorTerms"), 0);
  const struct json *values = json_get(json_at(json_get(term, "matchExpressions"), 0), "values");

  return json_str(json_at(values, 0)) ? json_str(json_at(values, 0)) : "";
}

/* -- claims: deallocation, and immediate allocation -- */

static bool
has_finalizer(const struct script_driver *d, const struct json *claim)
{
  _cleanup_free_ char *name = mem_printf("%s/deletion-protection", d->name);

  return object_has_finalizer(claim, name);
}

/* Only if nobody came between what was read and this. */
static bool
patch_claim(struct world *w, const struct json *claim, const char *sub, const char *body)
{
  return world_patch(w, BY_DRIVER, world_dra(w)->claims, sub, object_name(claim),
                     "{'metadata': {'resourceVersion': '%s', 'uid': '%s'}%s}", object_resource_version(claim),
                     object_uid(claim), body);
}

static bool
set_finalizer(struct world *w, const struct script_driver *d, const struct json *claim, bool on)
{
  return world_patch(w, BY_DRIVER, world_dra(w)->claims, NULL, object_name(claim),
                     on ? "{'metadata': {'resourceVersion': '%s', 'finalizers': ['%s/deletion-protection']}}"
                        : "{'metadata': {'resourceVersion': '%s', 'finalizers': null}}",
                     object_resource_version(claim), d->name);
}

static bool
allocate(struct world *w, const struct script_driver *d, const struct json *claim, unsigned node, const char *pod,
         const char *pod_uid)
{
  const struct kclient_dra *dra = world_dra(w);
  _cleanup_free_ char *handle =
      dra->scheduling && world_minor(w) == 26 ? mem_printf("'resourceHandle': 'x'")
      : dra->alpha ? mem_printf("'resourceHandles': [{'driverName': '%s', 'data': 'x'}]", d->name)
                   : mem_printf("'controller': '%s', 'devices': {'results': [{'request': 'r', 'driver': '%s', "
                                "'pool': 'p', 'device': 'd'}]}",
                                d->name, d->name);
  _cleanup_free_ char *reserved =
      pod ? mem_printf(", 'reservedFor': [{'resource': 'pods', 'name': '%s', 'uid': '%s'}]", pod, pod_uid)
          : mem_strdup("");
  _cleanup_free_ char *driver = dra->alpha ? mem_printf("'driverName': '%s', ", d->name) : mem_strdup("");
  _cleanup_free_ char *body =
      mem_printf(", 'status': {%s'allocation': {%s, %s'%s': {'nodeSelectorTerms': [{'matchExpressions': [{'key': "
                 "'kubernetes.io/hostname', 'operator': 'In', 'values': ['n%u']}]}]}}%s}",
                 driver, handle, dra->alpha ? "'shareable': true, " : "",
                 dra->alpha ? "availableOnNodes" : "nodeSelector", node, reserved);

  return patch_claim(w, claim, "status", body);
}

static bool
deallocate(struct world *w, const struct json *claim)
{
  return patch_claim(w, claim, "status",
                     world_dra(w)->alpha
                         ? ", 'status': {'allocation': null, 'driverName': null, 'deallocationRequested': null}"
                         : ", 'status': {'allocation': null, 'deallocationRequested': null}");
}

static bool
act_on_claim(struct world *w, const struct script_driver *d, const struct json *claim, unsigned n_nodes)
{
  bool asked = json_get_bool(json_get(claim, "status"), "deallocationRequested", false);

  if (json_count(json_dig(claim, "status", "reservedFor", NULL)) > 0)
    return false;
  if (object_is_deleting(claim) || asked) {
    if (!has_finalizer(d, claim))
      return false;
    return claim_allocation(claim) || asked ? deallocate(w, claim) : set_finalizer(w, d, claim, false);
  }
  if (claim_allocation(claim) || !claim_is_immediate(claim))
    return false;
  if (!has_finalizer(d, claim))
    return set_finalizer(w, d, claim, true);
  for (unsigned i = 0, first = world_random(w, n_nodes); i < n_nodes; i++)
    if (script_accepts(d, (first + i) % n_nodes))
      return allocate(w, d, claim, (first + i) % n_nodes, NULL, NULL);
  return false;
}

/* -- contexts -- */

struct talk {
  struct world *w;
  const struct script_driver *d;
  struct arena *a;
  const struct json *context, *pod;
  unsigned n_nodes;
};

/* The claim of an entry when it is ours and pending; in the arena's care. */
static const struct json *
pending_claim(struct talk *t, const struct json *entry)
{
  const struct json *claim;
  const char *name;
  struct record *r;

  (void)pod_claim_find(t->a, world_minor(t->w), t->pod, entry, &name);
  r = name ? world_get(t->w, world_dra(t->w)->claims, name) : NULL;
  if (!r)
    return NULL;
  arena_defer(t->a, (void (*)(void *))record_unref, r);
  claim = record_tree(r);
  return !claim_is_immediate(claim) && !claim_allocation(claim) && !object_is_deleting(claim) &&
                 !json_get_bool(json_get(claim, "status"), "deallocationRequested", false) &&
                 strcmp(script_driver_of(claim), t->d->name) == 0
             ? claim
             : NULL;
}

static const struct json *
answer_of(const struct json *context, const char *entry)
{
  return json_list_find(json_dig(context, "status", "resourceClaims", NULL), "name", entry);
}

static void
add_unsuitable(struct talk *t, struct json *list, const char *node)
{
  for (json_each_item (p, list))
    if (strcmp(json_str(*p), node) == 0)
      return;
  if (!script_accepts(t->d, node_index(node)))
    json_append_str(t->a, list, node);
}

static struct json *
unsuitable_nodes(struct talk *t)
{
  const char *selected = json_get_str(json_get(t->context, "spec"), "selectedNode");
  struct json *list = json_new_array(t->a);

  for (json_each_item (p, json_dig(t->context, "spec", "potentialNodes", NULL)))
    add_unsuitable(t, list, json_str(*p));
  if (selected && *selected)
    add_unsuitable(t, list, selected);
  return list;
}

static bool
is_same_list(const struct json *x, const struct json *y)
{
  return json_count(x) == json_count(y) && (json_count(x) == 0 || json_equal(x, y));
}

/* Our entries as they should be; those of others as they are. False: they are so already. */
static bool
answer(struct talk *t)
{
  struct json *copy = json_copy(t->a, t->context), *list;
  struct json *unsuitable = unsuitable_nodes(t);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool news = false;

  list = json_ensure_array(t->a, json_ensure_object(t->a, copy, "status"), "resourceClaims");
  for (json_each_item (p, json_dig(t->pod, "spec", "resourceClaims", NULL))) {
    const char *name = json_get_str_or(*p, "name", "");
    const struct json *old = answer_of(t->context, name);
    struct json *mine;

    if (!pending_claim(t, *p) || (old && is_same_list(json_get(old, "unsuitableNodes"), unsuitable)))
      continue;
    for (size_t i = list->count; i-- > 0;)
      if (strcmp(json_get_str_or(json_at(list, i), "name", ""), name) == 0)
        json_remove_at(list, i);
    mine = json_append(t->a, list, json_new_object(t->a));
    json_set_str(t->a, mine, "name", name);
    if (unsuitable->count)
      json_set(t->a, mine, "unsuitableNodes", json_copy(t->a, unsuitable));
    news = true;
  }
  return news &&
         kclient_update(world_client(t->w, BY_DRIVER), world_dra(t->w)->scheduling, "status", copy, NULL, &err) == 0;
}

static bool
act_on_selected(struct talk *t, bool elsewhere)
{
  const char *selected = json_get_str_or(json_get(t->context, "spec"), "selectedNode", "");
  unsigned node = *selected ? node_index(selected) : 0;

  if (!*selected || !script_accepts(t->d, node))
    return false;
  for (json_each_item (p, json_dig(t->pod, "spec", "resourceClaims", NULL))) {
    const struct json *claim = pending_claim(t, *p);

    if (!claim)
      continue;
    if (!has_finalizer(t->d, claim))
      return set_finalizer(t->w, t->d, claim, true);
    if (elsewhere)
      node = world_random(t->w, t->n_nodes);
    return allocate(t->w, t->d, claim, node, world_chance(t->w, 70) ? object_name(t->pod) : NULL, object_uid(t->pod));
  }
  return false;
}

static bool
act_on_context(struct world *w, const struct script_driver *d, const struct json *context, unsigned n_nodes,
               bool elsewhere)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_record_ struct record *pod = world_get(w, &KC_PODS, object_name(context));
  struct talk t = { .w = w, .d = d, .a = a, .context = context, .n_nodes = n_nodes };

  if (!pod || object_is_deleting(record_tree(pod)) || !object_is_controlled_by(context, object_uid(record_tree(pod))))
    return false;
  t.pod = record_tree(pod);
  return act_on_selected(&t, elsewhere) || answer(&t);
}

/* -- one act -- */

static bool
act(struct world *w, const struct script_driver *d, unsigned n_nodes, bool elsewhere)
{
  struct kclient_list claims = world_list(w, world_dra(w)->claims), contexts = world_list(w, world_dra(w)->scheduling);
  size_t first = world_random(w, (uint32_t)(claims.n + contexts.n));
  bool done = false;

  for (size_t i = 0; i < claims.n + contexts.n && !done; i++) {
    size_t at = (first + i) % (claims.n + contexts.n);

    if (at >= claims.n)
      done = act_on_context(w, d, record_tree(contexts.items[at - claims.n]), n_nodes, elsewhere);
    else if (strcmp(script_driver_of(record_tree(claims.items[at])), d->name) == 0)
      done = act_on_claim(w, d, record_tree(claims.items[at]), n_nodes);
  }
  kclient_list_release(&claims);
  kclient_list_release(&contexts);
  return done;
}

bool
script_act(struct world *w, const struct script_driver *d, unsigned n_nodes)
{
  return act(w, d, n_nodes, false);
}

bool
script_act_faulty(struct world *w, struct script_driver *d, unsigned n_nodes)
{
  if (d->dead) {
    d->dead--;
    return false;
  }
  if (world_chance(w, d->dies)) /* in whatever state its claims are */
    d->dead = 5 + world_random(w, 60);
  return !d->dead && !world_chance(w, d->lazy) && act(w, d, n_nodes, world_chance(w, d->elsewhere));
}
