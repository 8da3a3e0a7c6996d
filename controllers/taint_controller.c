/*
 * Eviction from tainted devices (pkg/controller/devicetainteviction, KEP-5055):
 * a pod that uses a device with an untolerated NoExecute taint, from its slice or
 * from a DeviceTaintRule, is deleted when its tolerations run out; a rule's status
 * tells how that goes.
 *
 * Keys: "claim:ns/name" looks at one claim, "rule:/name" writes one rule's status.
 */
#include <string.h>

#include "controllers_internal.h"
#include "hmap.h"
#include "selector.h"
#include "taint.h"

#define EVICTED_MAX   500 /* upstream: cacheSize */
#define STATUS_PERIOD (10 * CLOCK_SEC)
#define CONDITION     "EvictionInProgress" /* upstream: DeviceTaintConditionEvictionInProgress */

struct eviction {
  struct hmap *evicted; /* pod uid → itself: counted once, and never told of twice */
  struct hmap *by_rule; /* rule uid → size_t *: pods evicted for it */
};

static void *
state_new(struct controller *ctl)
{
  struct eviction *e = mem_alloc(sizeof *e);

  (void)ctl;
  e->evicted = hmap_new(free);
  e->by_rule = hmap_new(free);
  return e;
}

static void
state_free(void *p)
{
  struct eviction *e = p;

  hmap_free(e->evicted);
  hmap_free(e->by_rule);
  free(e);
}

static void
enqueue(struct controller *ctl, const char *what, const struct json *o, int64_t delay)
{
  _cleanup_free_ char *key = mem_printf("%s:%s/%s", what, object_namespace(o), object_name(o));

  workqueue_add_after(ctl->queue, span_of(key), delay);
}

/* -- changes -- */

static void
enqueue_all_claims(struct controller *ctl)
{
  struct record *r;
  size_t cursor = 0;

  while ((r = kclient_cache_next(ctl->all->watched[WATCH_CLAIMS].cache, &cursor)) != NULL)
    if (json_dig(record_tree(r), "status", "allocation", NULL))
      enqueue(ctl, "claim", record_tree(r), 0);
}

static bool
has_taints(const struct json *slice)
{
  for (json_each_item (p, json_dig(slice, "spec", "devices", NULL)))
    if (json_count(json_get(*p, "taints")) > 0)
      return true;
  return false;
}

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  const struct json *o = change->record ? record_tree(change->record) : NULL;

  if (!o)
    return;
  if (what == WATCH_CLAIMS && change->type != KCLIENT_DELETED && json_dig(o, "status", "allocation", NULL)) {
    enqueue(ctl, "claim", o, 0);
  } else if (what == WATCH_SLICES && (has_taints(o) || (change->old && has_taints(record_tree(change->old))))) {
    enqueue_all_claims(ctl);
  } else if (what == WATCH_RULES) {
    bool spec = !change->old || !json_equal(json_get(record_tree(change->old), "spec"), json_get(o, "spec"));

    if (spec || change->type == KCLIENT_DELETED)
      enqueue_all_claims(ctl);
    if (spec && change->type != KCLIENT_DELETED)
      enqueue(ctl, "rule", o, 0);
  } else if (what == WATCH_PODS && change->type == KCLIENT_DELETED) {
    struct record *r;
    size_t cursor = 0;

    while ((r = kclient_cache_next(ctl->all->watched[WATCH_RULES].cache, &cursor)) != NULL)
      enqueue(ctl, "rule", record_tree(r), 0);
  }
}

/* -- which taints a device has -- */

static bool
selects(const struct json *rule, const struct json *result)
{
  return taint_rule_selects(rule, json_get_str_or(result, "driver", ""), json_get_str_or(result, "pool", ""),
                            json_get_str_or(result, "device", ""));
}

static bool
is_device(const struct json *slice, const struct json *device, const struct json *result)
{
  const struct json *spec = json_get(slice, "spec");

  return strcmp(json_get_str_or(spec, "driver", ""), json_get_str_or(result, "driver", "")) == 0 &&
         strcmp(json_get_str_or(json_get(spec, "pool"), "name", ""), json_get_str_or(result, "pool", "")) == 0 &&
         strcmp(json_get_str_or(device, "name", ""), json_get_str_or(result, "device", "")) == 0;
}

/* One taint and where it comes from. */
struct device_taint {
  const struct json *taint, *rule; /* rule NULL: from a slice */
};

static void
add_taint(struct arena *a, struct device_taint **list, size_t *n, const struct json *taint, const struct json *rule)
{
  struct device_taint *more = arena_array_of(a, struct device_taint, *n + 1);

  if (*n)
    memcpy(more, *list, *n * sizeof *more);
  more[(*n)++] = (struct device_taint){ .taint = json_copy(a, taint), .rule = rule ? json_copy(a, rule) : NULL };
  *list = more;
}

/* Under the lock: copies, so that the rest needs no lock. */
static size_t
taints_of(struct controller *ctl, struct arena *a, const struct json *result, struct device_taint **ret)
{
  struct record *r;
  size_t cursor = 0, n = 0;

  *ret = NULL;
  pthread_mutex_lock(&ctl->all->lock);
  while ((r = kclient_cache_next(ctl->all->watched[WATCH_SLICES].cache, &cursor)) != NULL)
    for (json_each_item (device, json_dig(record_tree(r), "spec", "devices", NULL)))
      if (is_device(record_tree(r), *device, result))
        for (json_each_item (t, json_get(*device, "taints")))
          add_taint(a, ret, &n, *t, NULL);
  cursor = 0;
  while ((r = kclient_cache_next(ctl->all->watched[WATCH_RULES].cache, &cursor)) != NULL)
    if (selects(record_tree(r), result))
      add_taint(a, ret, &n, json_dig(record_tree(r), "spec", "taint", NULL), record_tree(r));
  pthread_mutex_unlock(&ctl->all->lock);
  return n;
}

/*
 * When a taint is up: at once, after the shortest of the matching tolerations, or never. Only tolerations whose effect
 * is exactly NoExecute count here, unlike in the allocator.
 */
static int64_t
due(const struct json *result, const struct json *taint, int64_t now)
{
  int64_t start = now, least = INT64_MAX;
  bool tolerated = false, forever = true;

  (void)clock_parse_rfc3339(span_of(json_get_str_or(taint, "timeAdded", "")), &start);
  for (json_each_item (p, json_get(result, "tolerations"))) {
    const struct json *seconds = json_get(*p, "tolerationSeconds");

    if (strcmp(json_get_str_or(*p, "effect", ""), "NoExecute") != 0 || !toleration_tolerates(*p, taint, false))
      continue;
    tolerated = true;
    if (seconds) {
      forever = false;
      if (json_int_or(seconds, 0) < least)
        least = json_int_or(seconds, 0);
    }
  }
  if (!tolerated)
    return start;
  return forever ? CLOCK_NEVER : start + (least > 0 ? least : 0) * CLOCK_SEC;
}

/* The moment at which the claim's pods have to go, and the rule that says so (or NULL). */
static int64_t
claim_due(struct controller *ctl, struct arena *a, const struct json *claim, int64_t now, const struct json **ret_rule)
{
  int64_t first = CLOCK_NEVER;

  for (json_each_item (result, json_dig(claim, "status", "allocation", "devices", "results", NULL))) {
    struct device_taint *list;
    size_t n = taints_of(ctl, a, *result, &list);

    for (size_t i = 0; i < n; i++) {
      int64_t at = strcmp(json_get_str_or(list[i].taint, "effect", ""), "NoExecute") == 0
                       ? due(*result, list[i].taint, now)
                       : CLOCK_NEVER;

      if (at < first) {
        first = at;
        *ret_rule = list[i].rule;
      }
    }
  }
  return first;
}

/* -- eviction -- */

/* True the first time. */
static bool
note_eviction(struct controller *ctl, const char *uid, const struct json *rule)
{
  struct eviction *e = ctl->state;
  bool news;

  pthread_mutex_lock(&ctl->all->lock);
  news = !hmap_get(e->evicted, span_of(uid));
  if (news) {
    if (hmap_count(e->evicted) >= EVICTED_MAX)
      hmap_clear(e->evicted);
    hmap_put(e->evicted, span_of(uid), mem_strdup(uid));
  }
  if (news && rule) {
    size_t *count = hmap_get(e->by_rule, span_of(object_uid(rule)));

    if (!count) {
      count = mem_alloc(sizeof *count);
      hmap_put(e->by_rule, span_of(object_uid(rule)), count);
    }
    ++*count;
  }
  pthread_mutex_unlock(&ctl->all->lock);
  return news;
}

static int
evict(struct controller *ctl, struct arena *a, const struct json *pod, const struct json *rule, struct kerr *reterr)
{
  struct kclient *c = ctl->all->config.client;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *patch = json_new_object(a), *condition, *options = json_new_object(a);
  char stamp[CLOCK_TEXT_MAX];
  int r;

  if (note_eviction(ctl, object_uid(pod), rule))
    kclient_event(c, "device-taint-eviction", "", pod, "Normal", "DeviceTaintManagerEviction", "Marking for deletion");
  json_set_str(a, json_ensure_object(a, patch, "metadata"), "uid", object_uid(pod));
  condition =
      json_append(a, json_ensure_array(a, json_ensure_object(a, patch, "status"), "conditions"), json_new_object(a));
  json_set_str(a, condition, "type", "DisruptionTarget");
  json_set_str(a, condition, "status", "True");
  json_set_str(a, condition, "reason", "DeletionByDeviceTaintManager");
  json_set_str(a, condition, "message", "Device Taint manager: deleting due to NoExecute taint");
  json_set_str(a, condition, "lastTransitionTime", clock_rfc3339(clock_wall(ctl->all->config.clock), false, stamp));
  r = kclient_patch(c, &KC_PODS, "status", object_namespace(pod), object_name(pod), KCLIENT_STRATEGIC_PATCH, NULL,
                    patch, NULL, &err);
  if (r == 0) {
    json_set_str(a, json_ensure_object(a, options, "preconditions"), "uid", object_uid(pod));
    r = kclient_delete(c, &KC_PODS, object_namespace(pod), object_name(pod), options, &err);
  }
  if (r < 0 && err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  if (rule)
    enqueue(ctl, "rule", rule, 0);
  return 0;
}

static int
sync_claim(struct controller *ctl, struct arena *a, const char *ns, const char *name, const char *key,
           struct kerr *reterr)
{
  struct record *r = controllers_get(ctl->all, a, WATCH_CLAIMS, ns, name);
  int64_t now = clock_wall(ctl->all->config.clock), at;
  const struct json *rule = NULL;

  if (!r || !json_dig(record_tree(r), "status", "allocation", NULL))
    return 0;
  at = claim_due(ctl, a, record_tree(r), now, &rule);
  if (at == CLOCK_NEVER)
    return 0;
  if (at > now) {
    workqueue_add_after(ctl->queue, span_of(key), at - now);
    return 0;
  }
  for (json_each_item (p, json_dig(record_tree(r), "status", "reservedFor", NULL))) {
    struct record *pod = controllers_get(ctl->all, a, WATCH_PODS, ns, json_get_str_or(*p, "name", ""));
    int code;

    if (!pod || strcmp(object_uid(record_tree(pod)), json_get_str_or(*p, "uid", "")) != 0 ||
        object_is_deleting(record_tree(pod)) || !json_get_str(json_get(record_tree(pod), "spec"), "nodeName"))
      continue;
    code = evict(ctl, a, record_tree(pod), rule, reterr);
    if (code < 0)
      return code;
  }
  return 0;
}

/* -- a rule's status -- */

struct rule_view {
  size_t published, allocated, pods, namespaces;
};

static void
count_pods(struct arena *a, const struct json *claim, struct hmap *pods, struct hmap *namespaces)
{
  for (json_each_item (p, json_dig(claim, "status", "reservedFor", NULL))) {
    hmap_put(pods, span_of(json_get_str_or(*p, "uid", "")), a);
    hmap_put(namespaces, span_of(object_namespace(claim)), a);
  }
}

/* What the rule selects just now. Under the lock. */
static struct rule_view
view_rule(struct controller *ctl, struct arena *a, const struct json *rule)
{
  _cleanup_(hmap_freep) struct hmap *pods = hmap_new(NULL), *namespaces = hmap_new(NULL);
  struct rule_view v = { .published = 0 };
  struct record *r;
  size_t cursor = 0;

  while ((r = kclient_cache_next(ctl->all->watched[WATCH_SLICES].cache, &cursor)) != NULL)
    for (json_each_item (d, json_dig(record_tree(r), "spec", "devices", NULL))) {
      const struct json *spec = json_get(record_tree(r), "spec");

      v.published +=
          taint_rule_selects(rule, json_get_str_or(spec, "driver", ""),
                             json_get_str_or(json_get(spec, "pool"), "name", ""), json_get_str_or(*d, "name", ""));
    }
  cursor = 0;
  while ((r = kclient_cache_next(ctl->all->watched[WATCH_CLAIMS].cache, &cursor)) != NULL) {
    size_t before = v.allocated;

    for (json_each_item (p, json_dig(record_tree(r), "status", "allocation", "devices", "results", NULL)))
      v.allocated += selects(rule, *p);
    if (v.allocated > before)
      count_pods(a, record_tree(r), pods, namespaces);
  }
  v.pods = hmap_count(pods);
  v.namespaces = hmap_count(namespaces);
  return v;
}

static const char *
counted(struct arena *a, size_t n, const char *one, const char *many)
{
  return arena_printf(a, "%zu %s", n, n == 1 ? one : many);
}

static const char *
in_namespaces(struct arena *a, size_t n)
{
  return n == 1 ? "in 1 namespace" : arena_printf(a, "in %zu different namespaces", n);
}

struct verdict {
  const char *status, *reason, *message;
};

static struct verdict
judge(struct arena *a, const struct json *rule, const struct rule_view *v, size_t evicted)
{
  const char *effect = json_get_str_or(json_dig(rule, "spec", "taint", NULL), "effect", "");
  const char *done =
      evicted ? arena_printf(a, "%s evicted since starting the controller.", counted(a, evicted, "pod", "pods")) : "";

  if (strcmp(effect, "None") == 0)
    return (struct verdict){
      "False", "NoEffect",
      arena_printf(a,
                   "%s selected. %s selected. %s would be evicted %s if the effect was NoExecute. This information "
                   "will not be updated again. Recreate the DeviceTaintRule to trigger an update.",
                   counted(a, v->published, "published device", "published devices"),
                   counted(a, v->allocated, "allocated device", "allocated devices"),
                   counted(a, v->pods, "pod", "pods"), in_namespaces(a, v->namespaces))
    };
  if (strcmp(effect, "NoExecute") != 0)
    return (struct verdict){ "False", "OtherEffect", "Eviction only happens for the NoExecute effect." };
  if (v->pods > 0)
    return (struct verdict){ "True", "PodsPendingEviction",
                             arena_printf(a, "%s to be evicted %s.%s%s", counted(a, v->pods, "pod needs", "pods need"),
                                          in_namespaces(a, v->namespaces), *done ? " " : "", done) };
  return (struct verdict){ "False", *done ? "Completed" : "NotStarted", done };
}

static int
sync_rule(struct controller *ctl, struct arena *a, const char *name, const char *key, struct kerr *reterr)
{
  struct record *r = controllers_get(ctl->all, a, WATCH_RULES, NULL, name);
  struct eviction *e = ctl->state;
  struct rule_view view;
  struct verdict verdict;
  const struct json *was;
  struct json *copy;
  size_t *count;

  if (!r)
    return 0;
  pthread_mutex_lock(&ctl->all->lock);
  view = view_rule(ctl, a, record_tree(r));
  count = hmap_get(e->by_rule, span_of(object_uid(record_tree(r))));
  verdict = judge(a, record_tree(r), &view, count ? *count : 0);
  pthread_mutex_unlock(&ctl->all->lock);
  was = object_condition(record_tree(r), CONDITION);
  /* What an effect of None would do is said once: its text says so itself. */
  if (was && strcmp(verdict.reason, "NoEffect") == 0 && strcmp(json_get_str_or(was, "reason", ""), "NoEffect") == 0)
    return 0;
  if (strcmp(verdict.status, "True") == 0) /* also when nothing is new: reservations of evicted pods go later */
    workqueue_add_after(ctl->queue, span_of(key), STATUS_PERIOD);
  copy = json_copy(a, record_tree(r));
  if (!object_set_condition(a, copy, CONDITION, verdict.status, verdict.reason, verdict.message,
                            clock_wall(ctl->all->config.clock)))
    return 0;
  return kclient_update(ctl->all->config.client, &KC_DEVICETAINTRULES, "status", copy, NULL, reterr);
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  const char *colon = strchr(key, ':'), *ns, *name;

  controllers_split_key(a, colon + 1, &ns, &name);
  return key[0] == 'c' ? sync_claim(ctl, a, ns, name, key, reterr) : sync_rule(ctl, a, name, key, reterr);
}

const struct controller_ops taint_controller_ops = {
  .name = "device-taint-eviction-controller",
  .watches = 1u << WATCH_CLAIMS | 1u << WATCH_SLICES | 1u << WATCH_RULES | 1u << WATCH_PODS,
  .state_new = state_new,
  .state_free = state_free,
  .changed = changed,
  .sync = sync,
};
