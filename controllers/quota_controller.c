/*
 * Counts what ResourceQuotas limit (pkg/controller/resourcequota): status.hard is what spec.hard says, status.used what
 * is there. Admission charges what is created from then on; deletions, and what admission charged in vain, are
 * found by counting anew.
 */
#include <string.h>

#include "api_resources.h"
#include "controllers_internal.h"
#include "pod.h"
#include "quota_scope.h"
#include "quota_usage.h"

#define RECOUNT_NS (30 * CLOCK_SEC) /* upstream: 5 min, and at once for kinds that it watches; here only two are */

/* -- when to count -- */

static void
recount_namespace(struct controller *ctl, const char *ns)
{
  struct kclient_cache *quotas = ctl->all->watched[WATCH_QUOTAS].cache;
  size_t cursor = 0;

  for (struct record *r; (r = kclient_cache_next(quotas, &cursor));)
    if (strcmp(object_namespace(record_tree(r)), ns) == 0)
      controllers_enqueue(ctl, record_tree(r));
}

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  const struct json *o = change->record ? record_tree(change->record) : NULL;

  if (!o)
    return;
  if (what == WATCH_QUOTAS) { /* not when admission has charged something: the object is not there yet */
    if (change->type != KCLIENT_DELETED &&
        !json_equal(json_dig(o, "spec", "hard", NULL), json_dig(o, "status", "hard", NULL)))
      controllers_enqueue(ctl, o);
  } else if (change->type == KCLIENT_DELETED ||
             (what == WATCH_PODS && change->old && pod_has_ended(o) && !pod_has_ended(record_tree(change->old)))) {
    recount_namespace(ctl, object_namespace(o));
  }
}

/* -- counting -- */

struct count {
  struct controller *ctl;
  struct arena *a;
  const struct json *quota;
  struct api_resources served; /* empty until a count asks for it */
  struct json *counted;        /* collections that are in `used` already */
  struct amounts used;
};

static void
unref(void *r)
{
  record_unref(r);
}

static const struct json *
find_class(void *arg, const char *name)
{
  struct count *c = arg;
  struct record *r = NULL;
  _cleanup_kerr_ struct kerr none = KERR_INIT;

  if (kclient_get(c->ctl->all->config.client, &KC_DEVICECLASSES, NULL, name, &r, &none) < 0)
    return NULL;
  arena_defer(c->a, unref, r);
  return record_tree(r);
}

static int
count_collection(struct count *c, const struct kclient_resource *res, struct kerr *reterr)
{
  _cleanup_(kclient_list_release) struct kclient_list list = { 0 };
  const struct quota_classes classes = { find_class, c };
  bool pods = res == &KC_PODS;
  char *key = arena_printf(c->a, "%s/%s", res->group, res->resource);

  if (json_get(c->counted, key))
    return 0;
  json_set(c->a, c->counted, key, json_new_null(c->a));
  if (kclient_list(c->ctl->all->config.client, res, object_namespace(c->quota), NULL, &list, reterr) < 0)
    return kerr_wrap(reterr, "count %s", res->resource);
  for (size_t i = 0; i < list.n; i++)
    if (quota_in_scope(c->quota, record_tree(list.items[i]), pods))
      quota_usage_add(c->a, res->group, res->resource, record_tree(list.items[i]), &classes, &c->used);
  return 0;
}

/* "count/resourceclaims.resource.k8s.io", "services": any kind that the server has. KERR_NOT_FOUND when it has not. */
static int
count_named(struct count *c, const char *resource, const char *group, struct kerr *reterr)
{
  struct kclient *client = c->ctl->all->config.client;
  int r = c->served.n ? 0 : api_resources_discover(client, c->a, &c->served, reterr);

  for (size_t i = 0; r == 0 && i < c->served.n; i++) {
    const struct kclient_resource *res = &c->served.list[i].res;

    if (strcmp(res->resource, resource) == 0 && strcmp(res->group, group) == 0)
      return count_collection(c, res, reterr);
  }
  return r < 0 ? r : kerr_set(reterr, KERR_NOT_FOUND, NULL, "no such kind: %s", resource);
}

static bool
is_of_claims(const char *name)
{
  return span_ends(span_of(name), SPAN(QUOTA_PER_CLASS)) || span_starts(span_of(name), SPAN(QUOTA_IMPLICIT));
}

static bool
is_of_pods(const char *name)
{
  static const char *const words[] = { "pods", "cpu", "memory", "ephemeral-storage" };

  for (size_t i = 0; i < ARRAY_SIZE(words); i++)
    if (strcmp(name, words[i]) == 0)
      return true;
  return span_starts(span_of(name), SPAN("requests.")) || span_starts(span_of(name), SPAN("limits."));
}

static int
count_name(struct count *c, const char *name, struct kerr *reterr)
{
  const char *prefix = "count/", *rest = name + strlen(prefix);
  const struct kclient_resource *claims = c->ctl->all->dra->claims;
  bool extended = span_starts(span_of(name), SPAN("requests.")) && strchr(name, '/');
  int r = 0;

  if (strncmp(name, prefix, strlen(prefix)) == 0) {
    size_t n = strcspn(rest, ".");

    if (strcmp(rest, "pods") == 0)
      return count_collection(c, &KC_PODS, reterr);
    if (strcmp(rest, "resourceclaims.resource.k8s.io") == 0)
      return count_collection(c, claims, reterr);
    return count_named(c, arena_strndup(c->a, rest, n), rest[n] ? rest + n + 1 : "", reterr);
  }
  if (quota_is_bare_name(name))
    return count_named(c, name, "", reterr);
  if (strcmp(name, QUOTA_NODE_PORTS) == 0 || strcmp(name, QUOTA_LOAD_BALANCERS) == 0)
    return count_named(c, "services", "", reterr);
  if (is_of_claims(name) || extended)
    r = count_collection(c, claims, reterr);
  if (r < 0 || is_of_claims(name))
    return r;
  return is_of_pods(name) ? count_collection(c, &KC_PODS, reterr)
                          : kerr_set(reterr, KERR_NOT_FOUND, NULL, "nobody counts %s", name);
}

/* *ret: status.used for all of spec.hard that can be counted. */
static int
count_all(struct count *c, struct json **ret, struct kerr *reterr)
{
  const struct json *hard = json_dig(c->quota, "spec", "hard", NULL);
  struct json *used = json_new_object(c->a);

  for (json_each_member (m, hard)) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct quantity none = quantity_from_int(0, QUANTITY_DECIMAL_SI);
    const struct amount *found;

    if (count_name(c, m->name, &err) < 0) {
      if (err.code == KERR_NOT_FOUND)
        continue; /* nobody counts it: creating it says "status unknown" */
      return kerr_move(reterr, &err);
    }
    found = amounts_find(&c->used, m->name);
    json_set_str(c->a, used, m->name, quantity_text(c->a, found ? &found->amount : &none));
  }
  *ret = used;
  return 0;
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  struct kclient *client = ctl->all->config.client;
  const char *ns, *name;
  struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  controllers_split_key(a, key, &ns, &name);
  if (kclient_get(client, &KC_RESOURCEQUOTAS, ns, name, &r, &err) < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  arena_defer(a, unref, r);

  struct count *c = arena_new_of(a, struct count);
  struct json *copy = json_copy(a, record_tree(r)), *status = json_ensure_object(a, copy, "status"), *used = NULL;

  *c = (struct count){ .ctl = ctl, .a = a, .quota = record_tree(r), .counted = json_new_object(a) };
  if (object_is_deleting(record_tree(r)))
    return 0;
  if (count_all(c, &used, reterr) < 0)
    return -(int)reterr->code;
  json_set(a, status, "hard", json_copy(a, json_dig(copy, "spec", "hard", NULL)));
  json_set(a, status, "used", used);
  workqueue_add_after(ctl->queue, span_of(key), RECOUNT_NS);
  if (json_equal(status, json_get(record_tree(r), "status")))
    return 0;
  return kclient_update(client, &KC_RESOURCEQUOTAS, "status", copy, NULL, reterr);
}

const struct controller_ops quota_controller_ops = {
  .name = "resourcequota-controller",
  .watches = 1u << WATCH_QUOTAS | 1u << WATCH_PODS | 1u << WATCH_CLAIMS,
  .changed = changed,
  .sync = sync,
};
