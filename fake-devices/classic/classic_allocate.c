/* One claim: allocated on a node, and taken back (syncClaim of upstream's controller library). */
#include <string.h>

#include "claim.h"
#include "classic_internal.h"
#include "object.h"

void
classic_event(struct classic_driver *d, const char *driver, const struct json *about, const char *text)
{
  _cleanup_free_ char *component = mem_printf("resource driver %s", driver);

  kclient_event(d->config.client, component, NULL, about, "Warning", "Failed", "%s", text);
}

/* Write a claim and remember the answer, so that the next look does not see an older one. */
static int
write_claim(struct classic_driver *d, const char *subresource, const struct json *claim, struct record **ret,
            struct kerr *reterr)
{
  int r = kclient_update(d->config.client, d->kinds->claims, subresource, claim, ret, reterr);

  if (r == 0)
    kclient_cache_put(d->caches[CLASSIC_CLAIMS], *ret);
  return r;
}

static int
add_finalizer(struct classic_driver *d, struct arena *a, const struct json *claim, const char *driver,
              struct record **ret, struct kerr *reterr)
{
  struct json *copy = json_copy(a, claim);

  json_append_str(a, json_ensure_array(a, json_ensure_object(a, copy, "metadata"), "finalizers"),
                  classic_finalizer(a, driver));
  return write_claim(d, NULL, copy, ret, reterr) < 0 ? kerr_wrap(reterr, "add finalizer") : 0;
}

int
classic_allocate(struct classic_driver *d, struct arena *a, const struct classic_faults *f,
                 const struct classic_claim *c, const char *node, const struct tree_device *const *devices,
                 const struct json *pod, struct kerr *reterr)
{
  _cleanup_record_ struct record *guarded = NULL, *allocated = NULL;
  const struct json *claim = c->object;
  struct json *copy;

  if (!object_has_finalizer(claim, classic_finalizer(a, c->driver))) {
    int r = add_finalizer(d, a, claim, c->driver, &guarded, reterr);

    if (r < 0)
      return r;
    claim = record_tree(guarded);
  }
  if (f->die) {
    d->dead = true;
    log_warn(d->config.log, "classic-driver", "died with claim %s/%s unallocated, as it was told to",
             object_namespace(claim), object_name(claim));
    return 0;
  }
  copy = json_copy(a, claim);
  classic_claim_allocate(d, a, copy, c, node, devices);
  if (pod)
    claim_reserve(a, copy, pod);
  return write_claim(d, "status", copy, &allocated, reterr) < 0 ? kerr_wrap(reterr, "add allocation") : 0;
}

/* -- taking back -- */

static int
deallocate(struct classic_driver *d, struct arena *a, const struct json *claim, const char *driver, struct kerr *reterr)
{
  _cleanup_record_ struct record *written = NULL, *freed = NULL;
  bool allocated = claim_allocation(claim);
  struct json *copy = json_copy(a, claim), *finalizers;
  char *finalizer = classic_finalizer(a, driver);

  if (allocated || json_get_bool(json_get(claim, "status"), "deallocationRequested", false)) {
    classic_claim_deallocate(d, copy);
    if (write_claim(d, "status", copy, &written, reterr) < 0)
      return kerr_wrap(reterr, allocated ? "remove allocation" : "remove deallocation");
    copy = json_copy(a, record_tree(written));
  }
  finalizers = json_find(json_find(copy, "metadata"), "finalizers");
  json_list_remove(finalizers, finalizer);
  if (write_claim(d, NULL, copy, &freed, reterr) < 0)
    return kerr_wrap(reterr, "remove finalizer");
  return 0;
}

/* A claim for which somebody has allocated without knowing a node: any that has what it wants. */
static int
allocate_at_once(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const struct json *claim,
                 struct kerr *reterr)
{
  struct classic_claim c;
  int r = classic_claim_read(d, a, claim, &c, reterr);

  for (size_t i = 0; r == 0 && i < d->config.n_nodes; i++) {
    const char *node = d->config.nodes[i].name;
    const struct tree_device *const *devices;

    r = classic_devices_choose(d, a, f, node, &c, 1, &devices, reterr);
    if (r == 0 && devices)
      return classic_allocate(d, a, f, &c, node, devices, NULL, reterr);
  }
  return r < 0 ? r : kerr_set(reterr, KERR_CONFLICT, NULL, "allocate: no node has what the claim asks for");
}

int
classic_sync_claim(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const struct json *claim,
                   struct kerr *reterr)
{
  const struct json *status = json_get(claim, "status");
  const char *driver = classic_claim_driver(d, claim);

  if (!driver || !classic_has_driver(d, a, driver) || json_count(json_get(status, "reservedFor")))
    return 0;
  if (object_is_deleting(claim) || json_get_bool(status, "deallocationRequested", false))
    return object_has_finalizer(claim, classic_finalizer(a, driver)) ? deallocate(d, a, claim, driver, reterr) : 0;
  if (json_get(status, "allocation") || !claim_is_immediate(claim))
    return 0;
  return allocate_at_once(d, a, f, claim, reterr);
}
