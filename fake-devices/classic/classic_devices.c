/* What the nodes' trees have, and what of it is free. */
#include <string.h>

#include "ceilings.h"
#include "claim_classic.h"
#include "classic_internal.h"
#include "classic_match.h"
#include "hmap.h"
#include "object.h"

static const struct classic_node *
node_named(const struct classic_driver *d, const char *name)
{
  for (size_t i = 0; i < d->config.n_nodes; i++)
    if (strcmp(d->config.nodes[i].name, name) == 0)
      return &d->config.nodes[i];
  return NULL;
}

static int
read_tree(const struct classic_node *node, struct arena *a, struct device_tree *ret, struct kerr *reterr)
{
  int r = device_tree_read(a, node->dir, ret, reterr);

  return r < 0 ? kerr_wrap(reterr, "node %s", node->name) : 0;
}

bool
classic_has_driver(struct classic_driver *d, struct arena *a, const char *driver)
{
  for (size_t i = 0; i < d->config.n_nodes; i++) {
    _cleanup_kerr_ struct kerr none = KERR_INIT;
    struct device_tree t;

    if (read_tree(&d->config.nodes[i], a, &t, &none) < 0)
      continue; /* a node whose tree is gone has no devices */
    for (size_t k = 0; k < t.n_devices; k++)
      if (strcmp(t.devices[k].driver, driver) == 0)
        return true;
  }
  return false;
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
  const char *list = "";

  for (size_t i = 0; i < d->config.n_nodes; i++) {
    _cleanup_kerr_ struct kerr none = KERR_INIT;
    struct device_tree t;

    if (read_tree(&d->config.nodes[i], a, &t, &none) < 0)
      continue;
    for (size_t k = 0; k < t.n_devices; k++)
      if (strcmp(t.devices[k].driver, driver) == 0) {
        collect_names(a, names, json_get(t.devices[k].device, "attributes"));
        collect_names(a, names, json_get(t.devices[k].device, "capacity"));
      }
  }
  if (json_get(names, name))
    return NULL;
  for (json_each_member (m, names))
    list = arena_printf(a, "%s%s%s", list, *list ? ", " : "", m->name);
  return list;
}

/* -- free ones -- */

/* "driver/pool/device" of everything that claims have. */
static struct hmap *
devices_in_use(const struct classic_driver *d, struct arena *a)
{
  struct hmap *in_use = hmap_new(NULL);
  size_t cursor = 0;

  for (struct record *r; (r = kclient_cache_next(d->caches[CLASSIC_CLAIMS], &cursor));) {
    const struct json *claim = record_tree(r);

    if (d->config.minor <= HANDLES_UNTIL)
      claim = claim_from_classic(a, claim);
    for (json_each_item (p, json_dig(claim, "status", "allocation", "devices", "results", NULL)))
      hmap_put(in_use,
               span_of(arena_printf(a, "%s/%s/%s", json_get_str_or(*p, "driver", ""), json_get_str_or(*p, "pool", ""),
                                    json_get_str_or(*p, "device", ""))),
               in_use);
  }
  return in_use;
}

static bool
is_sound(const struct tree_device *t)
{
  return !t->parent && strncmp(t->health, "failed", strlen("failed")) != 0;
}

int
classic_devices_free(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const char *node,
                     const struct tree_device *const **ret, size_t *ret_n, struct kerr *reterr)
{
  const struct classic_node *n = node_named(d, node);
  const struct tree_device **list;
  struct device_tree t;
  struct hmap *in_use;
  int r;

  *ret = NULL;
  *ret_n = 0;
  if (!n || classic_faults_refuse(f, node))
    return 0;
  r = read_tree(n, a, &t, reterr);
  if (r < 0)
    return r;
  in_use = devices_in_use(d, a);
  list = arena_array_of(a, const struct tree_device *, t.n_devices + 1);
  for (size_t i = 0; i < t.n_devices; i++)
    if (is_sound(&t.devices[i]) &&
        !hmap_get(in_use, span_of(arena_printf(a, "%s/%s/%s", t.devices[i].driver, node, t.devices[i].name))))
      list[(*ret_n)++] = &t.devices[i];
  hmap_free(in_use);
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
  int r = classic_devices_free(d, a, f, node, &devices, &n_devices, reterr);

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
