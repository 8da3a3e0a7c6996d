/* What the nodes' trees have, and what of it is free. */
#include <string.h>

#include "ceilings.h"
#include "claim_classic.h"
#include "classic_internal.h"
#include "classic_match.h"
#include "hmap.h"
#include "object.h"

static int
tree_of(struct classic_driver *d, struct arena *a, size_t node, const struct device_tree **ret, struct kerr *reterr)
{
  const struct classic_node *n = &d->config.nodes[node];
  struct device_tree *t;

  if (!d->seen.trees)
    d->seen.trees = arena_array_of(a, struct device_tree *, d->config.n_nodes);
  if (!d->seen.trees[node]) {
    t = arena_new_of(a, struct device_tree);
    if (device_tree_read(a, n->dir, t, reterr) < 0)
      return kerr_wrap(reterr, "node %s", n->name);
    d->seen.trees[node] = t;
  }
  *ret = d->seen.trees[node];
  return 0;
}

void
classic_devices_forget(struct classic_driver *d)
{
  hmap_free(d->seen.in_use);
  d->seen = (struct classic_seen){ NULL, NULL };
}

/* The next device of `driver` on any node; NULL at the end. A node whose tree is gone has none. */
static const struct tree_device *
next_of_driver(struct classic_driver *d, struct arena *a, const char *driver, size_t *node, size_t *device)
{
  for (; *node < d->config.n_nodes; ++*node, *device = 0) {
    _cleanup_kerr_ struct kerr gone = KERR_INIT;
    const struct device_tree *t;

    if (tree_of(d, a, *node, &t, &gone) < 0)
      continue;
    while (*device < t->n_devices) {
      const struct tree_device *found = &t->devices[(*device)++];

      if (strcmp(found->driver, driver) == 0)
        return found;
    }
  }
  return NULL;
}

bool
classic_has_driver(struct classic_driver *d, struct arena *a, const char *driver)
{
  size_t node = 0, device = 0;

  return next_of_driver(d, a, driver, &node, &device) != NULL;
}

static void
collect_names(struct arena *a, struct json *names, const struct json *of)
{
  for (json_each_member (m, of))
    json_set(a, names, m->name, json_new_null(a));
}

const char *
classic_devices_know(struct classic_driver *d, struct arena *a, const char *driver, const char *name)
{
  struct json *names = json_new_object(a);
  const struct tree_device *t;
  size_t node = 0, device = 0;
  const char *list = "";

  while ((t = next_of_driver(d, a, driver, &node, &device)) != NULL) {
    collect_names(a, names, json_get(t->device, "attributes"));
    collect_names(a, names, json_get(t->device, "capacity"));
  }
  if (json_get(names, name))
    return NULL;
  for (json_each_member (m, names))
    list = arena_printf(a, "%s%s%s", list, *list ? ", " : "", m->name);
  return list;
}

/* -- free ones -- */

static struct span
device_key(struct arena *a, const char *driver, const char *pool, const char *device)
{
  return span_of(arena_printf(a, "%s/%s/%s", driver, pool, device));
}

static const struct hmap *
devices_in_use(struct classic_driver *d, struct arena *a)
{
  size_t cursor = 0;

  if (d->seen.in_use)
    return d->seen.in_use;
  d->seen.in_use = hmap_new(NULL);
  for (struct record *r; (r = kclient_cache_next(d->caches[CLASSIC_CLAIMS], &cursor));) {
    const struct json *claim = record_tree(r);

    if (d->kinds->alpha)
      claim = claim_from_classic(a, claim);
    for (json_each_item (p, json_dig(claim, "status", "allocation", "devices", "results", NULL)))
      hmap_put(d->seen.in_use,
               device_key(a, json_get_str_or(*p, "driver", ""), json_get_str_or(*p, "pool", ""),
                          json_get_str_or(*p, "device", "")),
               d);
  }
  return d->seen.in_use;
}

static bool
is_sound(const struct tree_device *t)
{
  return !t->parent && strncmp(t->health, "failed", strlen("failed")) != 0;
}

static int
devices_free(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const char *node,
             const struct tree_device *const **ret, size_t *ret_n, struct kerr *reterr)
{
  const struct hmap *in_use = devices_in_use(d, a);
  const struct tree_device **list;
  const struct device_tree *t;
  size_t at = 0;

  *ret = NULL;
  *ret_n = 0;
  while (at < d->config.n_nodes && strcmp(d->config.nodes[at].name, node) != 0)
    at++;
  if (at == d->config.n_nodes || classic_faults_refuse(f, node))
    return 0;
  if (tree_of(d, a, at, &t, reterr) < 0)
    return -(int)reterr->code;
  list = arena_array_of(a, const struct tree_device *, t->n_devices + 1);
  for (size_t i = 0; i < t->n_devices; i++)
    if (is_sound(&t->devices[i]) && !hmap_get(in_use, device_key(a, t->devices[i].driver, node, t->devices[i].name)))
      list[(*ret_n)++] = &t->devices[i];
  *ret = list;
  return 0;
}

static size_t
count_devices(const struct classic_claim *c)
{
  size_t n = 0;

  for (size_t i = 0; i < c->n_requests; i++)
    n += (size_t)c->requests[i].count;
  return n;
}

static void
add_wants(struct classic_want *wants, size_t *n, size_t number, const struct classic_claim *c)
{
  for (size_t i = 0; i < c->n_requests; i++)
    for (int64_t k = 0; k < c->requests[i].count; k++)
      wants[(*n)++] = (struct classic_want){
        .claim = number, .driver = c->driver, .wishes = c->requests[i].wishes, .n_wishes = c->requests[i].n_wishes
      };
}

int
classic_devices_choose(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const char *node,
                       const struct classic_claim *claims, size_t n, const struct tree_device *const **ret,
                       struct kerr *reterr)
{
  const struct tree_device *const *devices;
  struct classic_want *wants;
  size_t n_devices, n_wants = 0, *chosen, at = 0;
  int r = devices_free(d, a, f, node, &devices, &n_devices, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < n; i++)
    n_wants += count_devices(&claims[i]);
  wants = arena_array_of(a, struct classic_want, n_wants + 1);
  chosen = arena_array_of(a, size_t, n_wants + 1);
  n_wants = 0;
  for (size_t i = 0; i < n; i++)
    add_wants(wants, &n_wants, i, &claims[i]);
  classic_match(a, devices, n_devices, wants, n_wants, chosen);
  for (size_t i = 0; i < n; i++) {
    size_t count = count_devices(&claims[i]);
    const struct tree_device **list = arena_array_of(a, const struct tree_device *, count + 1);
    bool whole = n_devices > 0; /* a claim that wants nothing is content with any node that has a tree */

    for (size_t k = 0; k < count; k++, at++) {
      whole = whole && chosen[at] != CLASSIC_NO_DEVICE;
      list[k] = chosen[at] != CLASSIC_NO_DEVICE ? devices[chosen[at]] : NULL;
    }
    ret[i] = whole ? list : NULL;
  }
  return 0;
}
