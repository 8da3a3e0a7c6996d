/*
 * Claims made from templates, and pods that came with a node of their own
 * (pkg/controller/resourceclaim/controller.go: syncPod). Letting go of claims is
 * claim_release.c.
 */
#include "claim_controller.h"

#include <string.h>

#include "ceilings.h"
#include "claim.h"
#include "pod.h"
#include "pod_claims.h"

#define CLAIM_NAME_BASE_MAX 57 /* upstream: maxBaseLen, so that five random characters still fit a label */

#define OWNER_NOT_BLOCKED_SINCE 32 /* a claim's owner reference has no blockOwnerDeletion any more */

/* Keys of the queue: "pod:ns/name" and "claim:ns/name". */
static void
enqueue(struct controller *ctl, const char *what, const char *ns, const char *name)
{
  _cleanup_free_ char *key = mem_printf("%s:%s/%s", what, ns, name);

  workqueue_add(ctl->queue, span_of(key));
}

/* -- indexes: which claim was made for which entry of which pod, and which pods with a node use a claim -- */

struct pod_name {
  struct pod_name *next;
  char name[];
};

struct claim_index {
  struct hmap *by_entry; /* "pod uid/entry" → claim name */
  struct hmap *users;    /* "ns/claim" → list of names */
};

static void
pod_names_free(void *p)
{
  struct pod_name *next;

  for (struct pod_name *n = p; n; n = next) {
    next = n->next;
    free(n);
  }
}

static void *
state_new(struct controller *ctl)
{
  struct claim_index *s = mem_alloc(sizeof *s);

  (void)ctl;
  s->by_entry = hmap_new(free);
  s->users = hmap_new(pod_names_free);
  return s;
}

static void
state_free(void *p)
{
  struct claim_index *s = p;

  hmap_free(s->by_entry);
  hmap_free(s->users);
  free(s);
}

const struct json *
claim_owning_pod(const struct json *claim)
{
  const struct json *owner = object_controller(claim);

  if (owner && strcmp(json_get_str_or(owner, "apiVersion", ""), "v1") == 0 &&
      strcmp(json_get_str_or(owner, "kind", ""), "Pod") == 0)
    return owner;
  return NULL;
}

static char *
index_key(const struct json *claim)
{
  const struct json *owner = claim_owning_pod(claim);
  const char *entry = json_get_str(object_annotations(claim), CLAIM_ENTRY_ANNOTATION);

  return owner && entry ? mem_printf("%s/%s", json_get_str_or(owner, "uid", ""), entry) : NULL;
}

static void
index_claim(struct claim_index *s, const struct json *claim, bool there)
{
  _cleanup_free_ char *key = index_key(claim);

  if (!key)
    return;
  if (there)
    hmap_put(s->by_entry, span_of(key), mem_strdup(object_name(claim)));
  else
    hmap_remove(s->by_entry, span_of(key));
}

/* `pod` uses a claim, or does so no more. */
static void
index_user(struct claim_index *s, const char *pod, const char *ns, const char *claim, bool uses)
{
  _cleanup_free_ char *key = mem_printf("%s/%s", ns, claim);
  struct pod_name *list = hmap_take(s->users, span_of(key)), **at = &list, *own;

  while (*at && strcmp((*at)->name, pod) != 0)
    at = &(*at)->next;
  own = *at;
  if (own && !uses) {
    *at = own->next;
    free(own);
  } else if (!own && uses) {
    size_t n = strlen(pod) + 1;

    own = mem_alloc(sizeof *own + n);
    memcpy(own->name, pod, n);
    *at = own;
  }
  if (list)
    hmap_put(s->users, span_of(key), list);
}

static void
index_pod(struct controller *ctl, const struct json *pod, bool there)
{
  _cleanup_arena_ struct arena *a = NULL;

  if (!*json_get_str_or(json_get(pod, "spec"), "nodeName", ""))
    return;
  a = arena_new(CEIL_ARENA_SMALL);
  for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL))) {
    const char *name = claim_name_of_entry(ctl->all, a, pod, *p);

    if (name)
      index_user(ctl->state, object_name(pod), object_namespace(pod), name, there);
  }
}

/* -- what a change means -- */

bool
claim_pod_is_done(const struct json *pod)
{
  const char *node = json_get_str_or(json_get(pod, "spec"), "nodeName", "");

  return pod_has_ended(pod) || (object_is_deleting(pod) && !*node);
}

const char *
claim_name_of_entry(const struct controllers *c, struct arena *a, const struct json *pod, const struct json *entry)
{
  const char *name;

  (void)pod_claim_find(a, c->minor, pod, entry, &name);
  return name;
}

static void
enqueue_claims_of(struct controller *ctl, const struct json *pod)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL))) {
    const char *name = claim_name_of_entry(ctl->all, a, pod, *p);

    if (name)
      enqueue(ctl, "claim", object_namespace(pod), name);
  }
}

static void
pod_changed(struct controller *ctl, const struct kclient_change *change)
{
  const struct json *pod = record_tree(change->record);

  if (json_count(json_dig(pod, "spec", "resourceClaims", NULL)) == 0)
    return;
  if (change->old)
    index_pod(ctl, record_tree(change->old), false);
  index_pod(ctl, pod, change->type != KCLIENT_DELETED);
  if (change->type == KCLIENT_DELETED || claim_pod_is_done(pod))
    enqueue_claims_of(ctl, pod);
  else
    enqueue(ctl, "pod", object_namespace(pod), object_name(pod));
}

/* Pods that use this claim and have a node: a pod the scheduler never saw is reserved for by us. */
static void
enqueue_users(struct controller *ctl, const struct json *claim)
{
  struct claim_index *s = ctl->state;
  _cleanup_free_ char *key = mem_printf("%s/%s", object_namespace(claim), object_name(claim));

  for (const struct pod_name *p = hmap_get(s->users, span_of(key)); p; p = p->next)
    enqueue(ctl, "pod", object_namespace(claim), p->name);
}

static void
claim_changed(struct controller *ctl, const struct kclient_change *change)
{
  const struct json *claim = record_tree(change->record), *owner = claim_owning_pod(claim);
  bool allocated = claim_allocation(claim) != NULL;
  bool before = change->old && claim_allocation(record_tree(change->old)) != NULL;

  index_claim(ctl->state, claim, change->type != KCLIENT_DELETED);
  enqueue(ctl, "claim", object_namespace(claim), object_name(claim));
  if (change->type == KCLIENT_DELETED && owner)
    enqueue(ctl, "pod", object_namespace(claim), json_get_str_or(owner, "name", ""));
  if ((allocated != before || change->type == KCLIENT_ADDED) && change->type != KCLIENT_DELETED)
    enqueue_users(ctl, claim);
}

/* Pods that wait for a template that is there now. */
static void
template_changed(struct controller *ctl, const struct kclient_change *change)
{
  const struct json *template = record_tree(change->record);
  struct kclient_cache *pods = ctl->all->watched[WATCH_PODS].cache;
  struct record *r;
  size_t cursor = 0;

  while (change->type == KCLIENT_ADDED && (r = kclient_cache_next(pods, &cursor)) != NULL) {
    const struct json *pod = record_tree(r);

    if (strcmp(object_namespace(pod), object_namespace(template)) != 0)
      continue;
    for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL)))
      if (pod_claim_template(*p) && strcmp(pod_claim_template(*p), object_name(template)) == 0)
        enqueue(ctl, "pod", object_namespace(pod), object_name(pod));
  }
}

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  static void (*const by_kind[WATCH_COUNT])(struct controller *, const struct kclient_change *) = {
    [WATCH_PODS] = pod_changed,
    [WATCH_CLAIMS] = claim_changed,
    [WATCH_TEMPLATES] = template_changed,
  };

  if (change->record && by_kind[what])
    by_kind[what](ctl, change);
}

/* -- making a claim -- */

static char *
generate_name(struct arena *a, const char *pod, const char *entry, bool dash)
{
  size_t p = strlen(pod), e = strlen(entry), whole = p + e + 1 + dash;

  if (whole <= CLAIM_NAME_BASE_MAX)
    return arena_printf(a, "%s-%s%s", pod, entry, dash ? "-" : "");
  return arena_printf(a, "%.*s-%.*s", (int)(p * CLAIM_NAME_BASE_MAX / whole), pod,
                      (int)(e * CLAIM_NAME_BASE_MAX / whole), entry);
}

/* Before 1.28 a claim had a fixed name and was known by it; then a generated one, and a note of what it is for. */
static void
name_claim(struct arena *a, int minor, const struct json *pod, const char *entry, struct json *meta)
{
  if (minor < CLAIM_GENERATED_SINCE) {
    json_set(a, meta, "name", json_new_strf(a, "%s-%s", object_name(pod), entry));
    return;
  }
  json_set_str(a, meta, "generateName", generate_name(a, object_name(pod), entry, minor > CLAIM_GENERATED_SINCE));
  json_set_str(a, json_ensure_object(a, meta, "annotations"), CLAIM_ENTRY_ANNOTATION, entry);
}

static struct json *
claim_from_template(struct controllers *c, struct arena *a, const struct json *pod, const char *entry,
                    const struct json *template)
{
  const struct json *given = json_dig(template, "spec", "metadata", NULL);
  struct json *claim = json_new_object(a), *meta, *owner;

  json_set_str(a, claim, "apiVersion", gv_text(a, c->dra->claims->group, c->dra->claims->version));
  json_set_str(a, claim, "kind", c->dra->claims->kind);
  meta = json_ensure_object(a, claim, "metadata");
  json_set_str(a, meta, "namespace", object_namespace(pod));
  if (json_get(given, "labels"))
    json_set(a, meta, "labels", json_copy(a, json_get(given, "labels")));
  if (json_get(given, "annotations"))
    json_set(a, meta, "annotations", json_copy(a, json_get(given, "annotations")));
  name_claim(a, c->minor, pod, entry, meta);
  owner = claim_add_pod_owner(a, meta, pod);
  if (c->minor < OWNER_NOT_BLOCKED_SINCE)
    json_set_bool(a, owner, "blockOwnerDeletion", true);
  json_set(a, claim, "spec", json_copy(a, json_dig(template, "spec", "spec", NULL)));
  return claim;
}

struct json *
claim_add_pod_owner(struct arena *a, struct json *meta, const struct json *pod)
{
  struct json *owner = json_append(a, json_ensure_array(a, meta, "ownerReferences"), json_new_object(a));

  json_set_str(a, owner, "apiVersion", "v1");
  json_set_str(a, owner, "kind", "Pod");
  json_set_str(a, owner, "name", object_name(pod));
  json_set_str(a, owner, "uid", object_uid(pod));
  json_set_bool(a, owner, "controller", true);
  return owner;
}

/* The claim of one entry: known by status, found by the index, or made now. */
static int
ensure_claim(struct controller *ctl, struct arena *a, const struct json *pod, const struct json *entry,
             const char **ret_name, struct kerr *reterr)
{
  const char *name = json_get_str_or(entry, "name", ""), *wanted = pod_claim_template(entry);
  const char *known = claim_name_of_entry(ctl->all, a, pod, entry), *found;
  _cleanup_free_ char *key = mem_printf("%s/%s", object_uid(pod), name);
  struct claim_index *s = ctl->state;
  _cleanup_record_ struct record *made = NULL;
  struct record *template, *there;
  int r;

  there = known ? controllers_get(ctl->all, a, WATCH_CLAIMS, object_namespace(pod), known) : NULL;
  if (there && ctl->all->minor < CLAIM_GENERATED_SINCE && !object_is_controlled_by(record_tree(there), object_uid(pod)))
    return kerr_set(reterr, KERR_CONFLICT, NULL, "ResourceClaim %s/%s was not created for pod %s/%s (pod is not owner)",
                    object_namespace(pod), known, object_namespace(pod), object_name(pod));
  if (there) {
    *ret_name = known;
    return 0;
  }
  pthread_mutex_lock(&ctl->all->lock);
  found = hmap_get(s->by_entry, span_of(key));
  *ret_name = found ? arena_strdup(a, found) : NULL;
  pthread_mutex_unlock(&ctl->all->lock);
  if (*ret_name)
    return 0;
  template = controllers_get(ctl->all, a, WATCH_TEMPLATES, object_namespace(pod), wanted);
  if (!template)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL,
                    "resource claim template \"%s\": resourceclaimtemplate.resource.k8s.io \"%s\" not found", wanted,
                    wanted);
  r = kclient_create(ctl->all->config.client, ctl->all->dra->claims, object_namespace(pod),
                     claim_from_template(ctl->all, a, pod, name, record_tree(template)), &made, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "create ResourceClaim");
  *ret_name = arena_strdup(a, object_name(record_tree(made)));
  pthread_mutex_lock(&ctl->all->lock); /* known at once, so that a second look does not make a second claim */
  index_claim(s, record_tree(made), true);
  kclient_cache_put(ctl->all->watched[WATCH_CLAIMS].cache, made);
  pthread_mutex_unlock(&ctl->all->lock);
  return 0;
}

/* Server-side apply of the whole list, as upstream; entries the pod has already stay. */
static int
apply_statuses(struct controller *ctl, struct arena *a, const struct json *pod, struct json *statuses,
               struct kerr *reterr)
{
  struct json *patch = json_new_object(a), *meta;
  int r;

  json_set_str(a, patch, "apiVersion", "v1");
  json_set_str(a, patch, "kind", "Pod");
  meta = json_ensure_object(a, patch, "metadata");
  json_set_str(a, meta, "name", object_name(pod));
  json_set_str(a, meta, "namespace", object_namespace(pod));
  json_set_str(a, meta, "uid", object_uid(pod));
  json_set(a, json_ensure_object(a, patch, "status"), "resourceClaimStatuses", statuses);
  r = kclient_patch(ctl->all->config.client, &KC_PODS, "status", object_namespace(pod), object_name(pod),
                    KCLIENT_APPLY_PATCH, "fieldManager=ResourceClaimController&force=true", patch, NULL, reterr);
  return r < 0 ? kerr_wrap(reterr, "update pod %s/%s ResourceClaimStatuses", object_namespace(pod), object_name(pod))
               : 0;
}

/* Sorted insertion by entry name: the list in status is kept in that order. */
static void
statuses_set(struct arena *a, struct json *statuses, const char *entry, const char *claim)
{
  struct json *item = json_new_object(a);
  size_t at = 0;

  json_set_str(a, item, "name", entry);
  json_set_str(a, item, "resourceClaimName", claim);
  for (; at < statuses->count; at++) {
    int order = strcmp(json_get_str_or(json_at(statuses, at), "name", ""), entry);

    if (order == 0)
      json_remove_at(statuses, at);
    if (order >= 0)
      break;
  }
  json_insert(a, statuses, at, item);
}

static int
make_claims(struct controller *ctl, struct arena *a, const struct json *pod, struct kerr *reterr)
{
  const struct json *now = json_dig(pod, "status", "resourceClaimStatuses", NULL);
  struct json *statuses = now ? json_copy(a, now) : json_new_array(a);
  bool news = false;

  for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL))) {
    const char *entry = json_get_str_or(*p, "name", ""), *known = claim_name_of_entry(ctl->all, a, pod, *p), *name;
    int r;

    if (!pod_claim_template(*p))
      continue;
    r = ensure_claim(ctl, a, pod, *p, &name, reterr);
    if (r < 0) {
      kclient_event(ctl->all->config.client, "resource_claim", "", pod, "Warning", "FailedResourceClaimCreation",
                    "PodResourceClaim %s: %s", entry, reterr->msg);
      return kerr_wrap(reterr, "pod claim %s", entry);
    }
    if (known && strcmp(known, name) == 0)
      continue;
    statuses_set(a, statuses, entry, name);
    news = true;
  }
  return news && ctl->all->minor >= CLAIM_GENERATED_SINCE ? apply_statuses(ctl, a, pod, statuses, reterr) : 0;
}

/* -- pods with a node of their own choosing -- */

static int
reserve_for(struct controller *ctl, struct arena *a, const struct json *pod, const struct json *claim,
            struct kerr *reterr)
{
  struct json *copy;
  int r;

  if (!claim_allocation(claim) || object_is_deleting(claim) || claim_is_reserved_for(claim, object_uid(pod)) ||
      !claim_can_be_reserved(claim, ctl->all->dra->alpha))
    return 0;
  copy = json_copy(a, claim);
  claim_reserve(a, copy, pod);
  r = kclient_update(ctl->all->config.client, ctl->all->dra->claims, "status", copy, NULL, reterr);
  return r < 0 ? kerr_wrap(reterr, "reserve claim %s/%s for pod", object_namespace(claim), object_name(claim)) : 0;
}

static int
reserve_claims(struct controller *ctl, struct arena *a, const struct json *pod, struct kerr *reterr)
{
  for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL))) {
    const char *name = claim_name_of_entry(ctl->all, a, pod, *p);
    struct record *claim = name ? controllers_get(ctl->all, a, WATCH_CLAIMS, object_namespace(pod), name) : NULL;
    const struct json *owner = claim ? claim_owning_pod(record_tree(claim)) : NULL;
    int r;

    if (!claim ||
        (pod_claim_template(*p) && (!owner || strcmp(json_get_str_or(owner, "uid", ""), object_uid(pod)) != 0)))
      continue;
    if (ctl->all->dra->scheduling && !claim_allocation(record_tree(claim)) && !claim_is_immediate(record_tree(claim)))
      return claim_ask_driver(ctl, a, pod, reterr);
    r = reserve_for(ctl, a, pod, record_tree(claim), reterr);
    if (r < 0)
      return r;
  }
  return 0;
}

static int
sync_pod(struct controller *ctl, struct arena *a, const char *ns, const char *name, struct kerr *reterr)
{
  struct record *r = controllers_get(ctl->all, a, WATCH_PODS, ns, name);
  const struct json *pod = r ? record_tree(r) : NULL;
  int code;

  if (!pod || object_is_deleting(pod) || claim_pod_is_done(pod))
    return 0;
  code = make_claims(ctl, a, pod, reterr);
  if (code == 0 && json_get_str(json_get(pod, "spec"), "nodeName") && ctl->all->minor >= CLAIM_GENERATED_SINCE)
    code = reserve_claims(ctl, a, pod, reterr);
  return code;
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  const char *colon = strchr(key, ':'), *ns, *name;

  controllers_split_key(a, colon + 1, &ns, &name);
  return key[0] == 'p' ? sync_pod(ctl, a, ns, name, reterr) : claim_release(ctl, a, ns, name, reterr);
}

const struct controller_ops claim_controller_ops = {
  .name = "resourceclaim-controller",
  .workers = 4,
  .watches = 1u << WATCH_PODS | 1u << WATCH_CLAIMS | 1u << WATCH_TEMPLATES,
  .state_new = state_new,
  .state_free = state_free,
  .changed = changed,
  .sync = sync,
};
