#include "claim_cache.h"

#include <stdio.h>
#include <zlib.h>

#include "ceilings.h"
#include "claim_classic.h"
#include "fs.h"
#include "hmap.h"
#include "kclient_dra.h"
#include "pod_claims.h"

#define WHO              "kubelet"
#define ENTRY_ARENA_SOON (256 * KiB) /* copy the entry into a fresh arena when it has grown so much */

/* `state` is a ClaimInfoState as the checkpoint has it: ClaimUID, ClaimName, Namespace, PodUIDs, DriverState. */
struct entry {
  struct arena *a;
  struct json *state;
  bool prepared;
};

struct claim_cache {
  char *path;
  struct node_plugins plugins;
  int minor; /* of the release */
  struct log *log;
  struct hmap *entries; /* "namespace/name" -> struct entry */
};

static void
entry_free(void *p)
{
  struct entry *e = p;

  arena_free(e->a);
  free(e);
}

static struct entry *
entry_new(const struct json *state)
{
  struct entry *e = mem_alloc(sizeof *e);

  e->a = arena_new(CEIL_ARENA_SMALL);
  e->state = json_copy(e->a, state);
  return e;
}

static struct entry *
entry_get(const struct claim_cache *k, const char *ns, const char *name)
{
  _cleanup_free_ char *key = mem_printf("%s/%s", ns, name);

  return hmap_get(k->entries, span_of(key));
}

static const char *
field(const struct entry *e, const char *name)
{
  return json_get_str_or(e->state, name, "");
}

static void
entry_tidy(struct entry *e)
{
  if (arena_used(e->a) < ENTRY_ARENA_SOON)
    return;
  struct arena *fresh = arena_new(CEIL_ARENA_SMALL);
  e->state = json_copy(fresh, e->state);
  arena_free(e->a);
  e->a = fresh;
}

/* -- checkpoint -- */

static int
checkpoint_write(const struct claim_cache *k, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct json *data = json_new_object(a), *list, *doc = json_new_object(a);
  _cleanup_strbuf_ struct strbuf b, inner;
  size_t cursor = 0;
  void *e;

  json_set_str(a, data, "kind", "DRACheckpoint");
  json_set_str(a, data, "apiVersion", "checkpoint.dra.kubelet.k8s.io/v1");
  list = json_set(a, data, "ClaimInfoStateList", json_new_array(a));
  while (hmap_next(k->entries, &cursor, NULL, &e))
    json_append(a, list, json_copy(a, ((struct entry *)e)->state));
  strbuf_init(&inner, CEIL_MANIFEST);
  strbuf_init(&b, CEIL_MANIFEST);
  json_write(&inner, data, JSON_HTML);
  json_set(a, doc, "Data", json_new_strn(a, inner.p, inner.n));
  json_set_int(a, doc, "Checksum",
               (int64_t)crc32(crc32(0, NULL, 0), (const unsigned char *)inner.p, (unsigned)inner.n));
  json_write(&b, doc, JSON_HTML);
  if (fs_write(k->path, strbuf_view(&b), 0600, false, reterr) < 0)
    return kerr_wrap(reterr, "checkpoint ResourceClaim cache");
  return 0;
}

static int
checkpoint_read(struct claim_cache *k, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_strbuf_ struct strbuf b;
  struct json *doc, *data;
  int r;

  strbuf_init(&b, CEIL_MANIFEST);
  if (!fs_exists(k->path))
    return 0;
  r = fs_read(k->path, &b, reterr);
  r = r < 0 ? r : json_parse(a, strbuf_view(&b), NULL, &doc, reterr);
  if (r < 0)
    return r;
  struct span text = json_span(json_get(doc, "Data"));
  if (!text.p || json_get_int(doc, "Checksum", -1) !=
                     (int64_t)crc32(crc32(0, NULL, 0), (const unsigned char *)text.p, (unsigned)text.n))
    return kerr_set(reterr, KERR_INVALID, NULL, "checkpoint is corrupted");
  r = json_parse(a, text, NULL, &data, reterr);
  for (json_each_item (p, r < 0 ? NULL : json_get(data, "ClaimInfoStateList"))) {
    struct entry *e = entry_new(*p);
    _cleanup_free_ char *key = mem_printf("%s/%s", field(e, "Namespace"), field(e, "ClaimName"));
    hmap_put(k->entries, span_of(key), e);
  }
  return r;
}

struct claim_cache *
claim_cache_new(const char *dir, const struct node_plugins *plugins, int minor, struct log *log)
{
  struct claim_cache *k = mem_alloc(sizeof *k);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  k->path = mem_printf("%s/kubelet/dra_manager_state", dir);
  k->plugins = *plugins;
  k->minor = minor;
  k->log = log;
  k->entries = hmap_new(entry_free);
  if (checkpoint_read(k, &err) < 0) {
    _cleanup_free_ char *aside = mem_printf("%s.corrupt", k->path);
    log_error(log, WHO, "%s: %s; put aside as %s", k->path, err.msg, aside);
    (void)rename(k->path, aside);
    hmap_clear(k->entries);
  }
  return k;
}

void
claim_cache_free(struct claim_cache *k)
{
  if (!k)
    return;
  hmap_free(k->entries);
  free(k->path);
  free(k);
}

/* -- which claim is meant -- */

/* The name of the claim behind an entry of spec.resourceClaims; NULL: none is needed. */
static int
claim_name(const struct claim_cache *k, struct arena *a, const struct json *pod, const struct json *pod_claim,
           const char **ret, bool *ret_owned, struct kerr *reterr)
{
  enum pod_claim found = pod_claim_find(a, k->minor, pod, pod_claim, ret);

  *ret_owned = found == POD_CLAIM_MADE;
  if (found == POD_CLAIM_NEITHER)
    return kerr_set(reterr, KERR_INVALID, NULL,
                    "pod \"%s/%s\", spec.resourceClaim \"%s\": none of the supported fields are set",
                    object_namespace(pod), object_name(pod), json_get_str_or(pod_claim, "name", ""));
  if (found == POD_CLAIM_NOT_MADE)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "pod \"%s/%s\": ResourceClaim not created yet", object_namespace(pod),
                    object_name(pod));
  return 0;
}

static bool
reserved_for(const struct json *claim, const struct json *pod)
{
  const char *group = json_get_str(json_dig(pod, "spec", "schedulingGroup", NULL), "podGroupName");

  for (json_each_item (p, json_dig(claim, "status", "reservedFor", NULL))) {
    if (strcmp(json_get_str_or(*p, "uid", ""), object_uid(pod)) == 0)
      return true;
    if (group && strcmp(json_get_str_or(*p, "resource", ""), "podgroups") == 0 &&
        strcmp(json_get_str_or(*p, "name", ""), group) == 0)
      return true;
  }
  return false;
}

static bool
skips(const struct json *result, const char *operation)
{
  const struct json *list = json_get(result, "skipNodeOperations");

  return json_list_has(list, "*") || json_list_has(list, operation);
}

/* Does the driver want this operation for the claim? It is left out only if all of its devices say so (KEP-5945). */
static bool
driver_wants(const struct json *claim, const char *driver, const char *operation)
{
  for (json_each_item (p, json_dig(claim, "status", "allocation", "devices", "results", NULL)))
    if (strcmp(json_get_str_or(*p, "driver", ""), driver) == 0 && !skips(*p, operation))
      return true;
  return false;
}

/* -- prepare -- */

/* A claim of the pod that passed the checks. */
struct wanted {
  struct record *record;
  const struct json *claim;
  struct entry *entry;
  bool call; /* its drivers have to be called */
};

static struct json *
fresh_state(struct arena *a, const struct json *claim)
{
  struct json *s = json_new_object(a), *drivers;

  json_set_str(a, s, "ClaimUID", object_uid(claim));
  json_set_str(a, s, "ClaimName", object_name(claim));
  json_set_str(a, s, "Namespace", object_namespace(claim));
  json_set(a, s, "PodUIDs", json_new_object(a));
  drivers = json_set(a, s, "DriverState", json_new_object(a));
  for (json_each_item (p, json_dig(claim, "status", "allocation", "devices", "results", NULL))) {
    const char *driver = json_get_str_or(*p, "driver", "");
    struct json *d = json_ensure_object(a, drivers, driver);
    if (!driver_wants(claim, driver, "NodePrepareResources"))
      json_append_str(a, json_set(a, d, "skipNodeOperations", json_new_array(a)), "NodePrepareResources");
    if (!driver_wants(claim, driver, "NodeUnprepareResources"))
      json_append_str(a, json_ensure_array(a, d, "skipNodeOperations"), "NodeUnprepareResources");
  }
  return s;
}

static int
check_claim(struct claim_cache *k, struct kclient *client, const struct json *pod, struct arena *a, const char *name,
            bool owned, struct wanted *w, struct kerr *reterr)
{
  const struct kclient_dra *dra = kclient_dra_of(k->minor);

  if (kclient_get(client, dra->claims, object_namespace(pod), name, &w->record, reterr) < 0)
    return kerr_wrap(reterr, "fetch ResourceClaim %s", name);
  w->claim = record_tree(w->record);
  if (dra->alpha)
    w->claim = claim_from_classic(a, w->claim);
  if (owned && !object_is_controlled_by(w->claim, object_uid(pod)) && !json_dig(pod, "spec", "schedulingGroup", NULL))
    return kerr_set(reterr, KERR_INVALID, NULL, "ResourceClaim %s/%s was not created for Pod %s/%s (Pod is not owner)",
                    object_namespace(w->claim), name, object_namespace(pod), object_name(pod));
  if (!reserved_for(w->claim, pod))
    return kerr_set(reterr, KERR_FORBIDDEN, NULL, "pod %s (%s) is not allowed to use ResourceClaim %s (%s)",
                    object_name(pod), object_uid(pod), name, object_uid(w->claim));
  if (!json_dig(w->claim, "status", "allocation", NULL))
    return kerr_set(reterr, KERR_INVALID, NULL, "ResourceClaim %s: not allocated", name);
  for (json_each_item (p, json_dig(w->claim, "status", "allocation", "devices", "results", NULL))) {
    const char *driver = json_get_str_or(*p, "driver", "");
    if (driver_wants(w->claim, driver, "NodePrepareResources") && !k->plugins.find(k->plugins.arg, driver))
      return kerr_set(reterr, KERR_NOT_FOUND, NULL, "DRA driver %s is not registered", driver);
  }
  return 0;
}

/* All claims of the pod, checked; nothing is changed yet, so that a pod that cannot be is deleted freely. */
static int
check_claims(struct claim_cache *k, struct kclient *client, const struct json *pod, struct arena *a,
             struct wanted *list, size_t *ret_n, struct kerr *reterr)
{
  const char *extended =
      json_get_str(json_dig(pod, "status", "extendedResourceClaimStatus", NULL), "resourceClaimName");
  int r = 0;

  for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL))) {
    const char *name = NULL;
    bool owned;

    r = claim_name(k, a, pod, *p, &name, &owned, reterr);
    if (r == 0 && name)
      r = check_claim(k, client, pod, a, name, owned, &list[*ret_n], reterr), (*ret_n)++;
    if (r < 0)
      return r;
  }
  if (extended)
    r = check_claim(k, client, pod, a, extended, false, &list[*ret_n], reterr), (*ret_n)++;
  return r;
}

static int
enter_claims(struct claim_cache *k, struct arena *a, const struct json *pod, struct wanted *list, size_t n,
             struct kerr *reterr)
{
  for (size_t i = 0; i < n; i++) {
    struct wanted *w = &list[i];
    struct entry *e = entry_get(k, object_namespace(w->claim), object_name(w->claim));

    if (e && strcmp(field(e, "ClaimUID"), object_uid(w->claim)) != 0)
      return kerr_set(
          reterr, KERR_CONFLICT, NULL,
          "old ResourceClaim with same name %s and different UID %s still exists (previous pod force-deleted?!)",
          object_name(w->claim), field(e, "ClaimUID"));
    if (!e) {
      _cleanup_free_ char *key = mem_printf("%s/%s", object_namespace(w->claim), object_name(w->claim));
      e = entry_new(fresh_state(a, w->claim));
      hmap_put(k->entries, span_of(key), e);
    }
    w->entry = e;
    w->call = !e->prepared;
    json_set(e->a, json_ensure_object(e->a, e->state, "PodUIDs"), object_uid(pod), json_new_object(e->a));
    entry_tidy(e);
  }
  return n ? checkpoint_write(k, reterr) : 0;
}

static struct json *
device_state(struct arena *a, const struct dra_prepared_device *d)
{
  struct json *o = json_new_object(a), *list;

  json_set_str(a, o, "PoolName", d->pool);
  json_set_str(a, o, "DeviceName", d->device);
  json_set(a, o, "ShareID", d->share_id ? json_new_str(a, d->share_id) : json_new_null(a));
  list = json_set(a, o, "RequestNames", json_new_array(a));
  for (size_t i = 0; i < d->n_requests; i++) /* of "req/sub" the container knows "req" */
    json_append(a, list, json_new_strn(a, d->requests[i], strcspn(d->requests[i], "/")));
  list = json_set(a, o, "CDIDeviceIDs", json_new_array(a));
  for (size_t i = 0; i < d->n_cdi_ids; i++)
    json_append_str(a, list, d->cdi_ids[i]);
  return o;
}

static int
call_prepare(struct claim_cache *k, struct arena *a, const char *driver, struct wanted *list, size_t n,
             struct kerr *reterr)
{
  struct dra_plugin *plugin = k->plugins.find(k->plugins.arg, driver);
  struct dra_claim *claims = arena_array_of(a, struct dra_claim, n);
  const struct json **trees = arena_array_of(a, const struct json *, n);
  struct dra_prepared_claim *answers = arena_array_of(a, struct dra_prepared_claim, n);
  struct wanted **who = arena_array_of(a, struct wanted *, n);
  size_t m = 0;

  for (size_t i = 0; i < n; i++) {
    if (!list[i].call || !driver_wants(list[i].claim, driver, "NodePrepareResources"))
      continue;
    claims[m] = (struct dra_claim){ .namespace_ = object_namespace(list[i].claim),
                                    .name = object_name(list[i].claim),
                                    .uid = object_uid(list[i].claim) };
    trees[m] = list[i].claim;
    who[m++] = &list[i];
  }
  if (!m)
    return 0;
  if (!plugin)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "DRA driver %s is not registered", driver);
  if (plugin->ops->prepare(plugin, claims, trees, m, a, answers, reterr) < 0)
    return kerr_wrap(reterr, "NodePrepareResources");
  for (size_t i = 0; i < m; i++) {
    struct entry *e = who[i]->entry;
    struct json *devices;

    if (answers[i].error)
      return kerr_set(reterr, KERR_INTERNAL, NULL, "NodePrepareResources failed for ResourceClaim %s: %s",
                      claims[i].name, answers[i].error);
    /* The driver's answer replaces what an earlier attempt or an earlier agent knew. */
    devices = json_set(e->a, json_ensure_object(e->a, json_ensure_object(e->a, e->state, "DriverState"), driver),
                       "Devices", json_new_array(e->a));
    for (size_t d = 0; d < answers[i].n_devices; d++)
      json_append(e->a, devices, device_state(e->a, &answers[i].devices[d]));
  }
  return 0;
}

/* Each driver once, whichever claims it has. */
static int
call_drivers(struct claim_cache *k, struct arena *a, struct wanted *list, size_t n, struct kerr *reterr)
{
  struct json *drivers = json_new_object(a);
  int r = 0;

  for (size_t i = 0; i < n; i++)
    for (json_each_member (m, json_get(list[i].entry->state, "DriverState")))
      json_set(a, drivers, m->name, json_new_null(a));
  for (json_each_member (m, drivers))
    r = r < 0 ? r : call_prepare(k, a, m->name, list, n, reterr);
  return r;
}

static int
prepare(struct claim_cache *k, struct kclient *client, const struct json *pod, struct arena *a, struct wanted *list,
        size_t *n, struct kerr *reterr)
{
  int r = check_claims(k, client, pod, a, list, n, reterr);

  r = r < 0 ? r : enter_claims(k, a, pod, list, *n, reterr);
  r = r < 0 ? r : call_drivers(k, a, list, *n, reterr);
  for (size_t i = 0; r == 0 && i < *n; i++)
    list[i].entry->prepared = true;
  return r < 0 || !*n ? r : checkpoint_write(k, reterr);
}

int
claim_cache_prepare(struct claim_cache *k, struct kclient *client, const struct json *pod, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  size_t n = 0, cap = json_count(json_dig(pod, "spec", "resourceClaims", NULL)) + 1;
  struct wanted *list = arena_array_of(a, struct wanted, cap);
  int r = prepare(k, client, pod, a, list, &n, reterr);

  for (size_t i = 0; i < n; i++)
    record_unref(list[i].record);
  return r < 0 ? kerr_wrap(reterr, "prepare dynamic resources") : 0;
}

/* -- unprepare -- */

static int
call_unprepare(struct claim_cache *k, struct arena *a, const struct entry *e, struct kerr *reterr)
{
  struct dra_claim claim = { .namespace_ = field(e, "Namespace"),
                             .name = field(e, "ClaimName"),
                             .uid = field(e, "ClaimUID") };

  for (json_each_member (m, json_get(e->state, "DriverState"))) {
    struct dra_plugin *plugin = k->plugins.find(k->plugins.arg, m->name);
    const char *error = NULL;

    if (skips(m->value, "NodeUnprepareResources"))
      continue;
    if (!plugin)
      return kerr_set(reterr, KERR_NOT_FOUND, NULL, "DRA driver %s is not registered", m->name);
    if (plugin->ops->unprepare(plugin, &claim, 1, a, &error, reterr) < 0)
      return kerr_wrap(reterr, "NodeUnprepareResources");
    if (error)
      return kerr_set(reterr, KERR_INTERNAL, NULL, "NodeUnprepareResources failed for ResourceClaim %s: %s", claim.name,
                      error);
  }
  return 0;
}

int
claim_cache_unprepare(struct claim_cache *k, const char *pod_uid, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct span key;
  size_t cursor = 0;
  bool changed = false;
  void *p;

  while (hmap_next(k->entries, &cursor, &key, &p)) {
    struct entry *e = p;
    struct json *pods = json_find(e->state, "PodUIDs");

    if (!json_get(pods, pod_uid))
      continue;
    if (json_count(pods) == 1) {
      e->prepared = false;
      if (call_unprepare(k, a, e, reterr) < 0)
        return kerr_wrap(reterr, "unprepare dynamic resources");
      (void)hmap_remove(k->entries, key);
    } else {
      (void)json_remove(pods, pod_uid);
    }
    changed = true;
  }
  return changed ? checkpoint_write(k, reterr) : 0;
}

void
claim_cache_reconcile(struct claim_cache *k, bool (*alive)(void *arg, const char *pod_uid), void *arg)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *gone = json_new_object(a);
  size_t cursor = 0;
  void *p;

  while (hmap_next(k->entries, &cursor, NULL, &p))
    for (json_each_member (m, json_get(((struct entry *)p)->state, "PodUIDs")))
      if (!alive(arg, m->name))
        json_set(a, gone, m->name, json_new_null(a));
  for (json_each_member (m, gone)) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    if (claim_cache_unprepare(k, m->name, &err) < 0)
      log_warn(k->log, WHO, "pod %s is gone: %s", m->name, err.msg);
  }
}

/* -- what a container gets -- */

static int
add_ids(const struct claim_cache *k, struct arena *a, const struct json *pod, const char *name, const char *request,
        struct json *ids, struct kerr *reterr)
{
  const struct entry *e = entry_get(k, object_namespace(pod), name);

  if (!e)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "unable to get information for ResourceClaim %s", name);
  for (json_each_member (m, json_get(e->state, "DriverState")))
    for (json_each_item (d, json_get(m->value, "Devices"))) {
      const struct json *requests = json_get(*d, "RequestNames");
      bool mine = !request || !*request || !json_count(requests);

      for (json_each_item (r, requests))
        mine = mine || strcmp(json_str(*r), request) == 0;
      for (json_each_item (id, mine ? json_get(*d, "CDIDeviceIDs") : NULL))
        json_append_str(a, ids, json_str(*id));
    }
  return 0;
}

int
claim_cache_cdi_ids(const struct claim_cache *k, struct arena *a, const struct json *pod, const struct json *container,
                    const char *const **ret, size_t *ret_n, struct kerr *reterr)
{
  const struct json *extended = json_dig(pod, "status", "extendedResourceClaimStatus", NULL);
  struct json *ids = json_new_array(a);
  int r = 0;

  for (json_each_item (c, json_dig(container, "resources", "claims", NULL)))
    for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL))) {
      const char *name = NULL;
      bool owned;

      if (r < 0 || strcmp(json_get_str_or(*p, "name", ""), json_get_str_or(*c, "name", "")) != 0)
        continue;
      r = claim_name(k, a, pod, *p, &name, &owned, reterr);
      if (r == 0 && name)
        r = add_ids(k, a, pod, name, json_get_str(*c, "request"), ids, reterr);
    }
  for (json_each_item (m, json_get(extended, "requestMappings")))
    if (r == 0 && strcmp(json_get_str_or(*m, "containerName", ""), json_get_str_or(container, "name", "?")) == 0)
      r = add_ids(k, a, pod, json_get_str_or(extended, "resourceClaimName", ""), json_get_str(*m, "requestName"), ids,
                  reterr);
  if (r < 0)
    return r;
  const char **list = arena_array_of(a, const char *, json_count(ids) + 1);
  for (size_t i = 0; i < json_count(ids); i++)
    list[i] = json_str(json_at(ids, i));
  *ret = list;
  *ret_n = json_count(ids);
  return 0;
}
