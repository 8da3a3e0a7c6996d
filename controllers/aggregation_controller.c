/*
 * Cluster roles with an aggregationRule have the rules of the roles that it selects
 * (pkg/controller/clusterroleaggregation).
 *
 * There are many roles and they hardly ever change: none is kept here. A change of any makes all of them be read once.
 */
#include <string.h>

#include "ceilings.h"
#include "controllers_internal.h"
#include "selector.h"

#define EVERYTHING "all"

struct aggregation {
  struct change_sink sink;
  struct controller *ctl;
  struct kclient_informer *informer; /* the worker's */
  bool synced;                       /* the loop's: the first list has come */
};

static void
take(struct change_sink *sink, const struct kclient_change *change)
{
  struct aggregation *s = container_of(sink, struct aggregation, sink);

  s->synced = s->synced || change->type == KCLIENT_SYNCED;
  if (s->synced)
    workqueue_add(s->ctl->queue, SPAN(EVERYTHING));
}

static void *
state_new(struct controller *ctl)
{
  struct aggregation *s = mem_alloc(sizeof *s);

  s->sink.take = take;
  s->ctl = ctl;
  workqueue_add(ctl->queue, SPAN(EVERYTHING));
  return s;
}

static void
stop(struct controller *ctl)
{
  struct aggregation *s = ctl->state;

  kclient_informer_free(s->informer);
}

/* One role, with the rules it has or will have. */
struct role {
  const char *name;
  const struct json *labels, *rules;
  struct label_selector **selectors; /* what it is aggregated of; NULL: it is not */
  size_t n_selectors;
  bool changed, moving; /* are not the stored rules; changed in the last pass */
};

struct roles {
  struct role *list; /* by name */
  size_t n;
};

static bool
has_rule(const struct json *rules, const struct json *rule)
{
  for (json_each_item (p, rules))
    if (json_equal(*p, rule))
      return true;
  return false;
}

static bool
selects(const struct role *role, const struct role *other)
{
  bool found = false;

  for (size_t i = 0; role != other && i < role->n_selectors; i++)
    found = found || label_selector_matches(role->selectors[i], other->labels);
  return found;
}

/* The rules of all roles that are selected, selector by selector, each rule once. */
static struct json *
collect_rules(const struct roles *all, const struct role *role, struct arena *a)
{
  struct json *rules = json_new_array(a);

  for (size_t s = 0; s < role->n_selectors; s++)
    for (size_t i = 0; i < all->n; i++)
      if (&all->list[i] != role && label_selector_matches(role->selectors[s], all->list[i].labels))
        for (json_each_item (rule, all->list[i].rules))
          if (!has_rule(rules, *rule))
            json_append(a, rules, *rule);
  return rules;
}

static bool
same_rules(const struct json *x, const struct json *y)
{
  return json_count(x) == json_count(y) && (json_count(x) == 0 || json_equal(x, y));
}

/* One pass over all roles: did any change? A role that is aggregated may be selected by another. */
static bool
aggregate(struct roles *all, struct arena *a)
{
  bool changed = false;

  for (size_t i = 0; i < all->n; i++) {
    struct role *role = &all->list[i];
    struct json *rules = role->selectors ? collect_rules(all, role, a) : NULL;

    role->moving = rules && !same_rules(rules, role->rules);
    if (!role->moving)
      continue;
    role->rules = rules;
    role->changed = changed = true;
  }
  return changed;
}

static int
apply(struct controller *ctl, struct arena *a, const struct role *role, struct kerr *reterr)
{
  struct json *patch = json_new_object(a);

  json_set_str(a, patch, "apiVersion", "rbac.authorization.k8s.io/v1");
  json_set_str(a, patch, "kind", "ClusterRole");
  json_set_str(a, json_ensure_object(a, patch, "metadata"), "name", role->name);
  if (json_count(role->rules))
    json_set(a, patch, "rules", json_copy(a, role->rules));
  return kclient_patch(ctl->all->config.client, &KC_CLUSTERROLES, NULL, NULL, role->name, KCLIENT_APPLY_PATCH,
                       "fieldManager=clusterrole-aggregation-controller&force=true", patch, NULL, reterr);
}

static struct json *
copy_if_there(struct arena *a, const struct json *v)
{
  return v ? json_copy(a, v) : NULL;
}

/* Name, labels and selectors. */
static int
read_role(struct arena *a, const struct json *o, struct role *ret, struct kerr *reterr)
{
  const struct json *rule = json_get(o, "aggregationRule"), *selectors = json_get(rule, "clusterRoleSelectors");

  *ret = (struct role){ .name = arena_strdup(a, object_name(o)), .labels = copy_if_there(a, object_labels(o)) };
  if (!json_is(rule, JSON_OBJECT))
    return 0;
  ret->selectors = arena_array_of(a, struct label_selector *, json_count(selectors) + 1);
  for (json_each_item (p, selectors))
    if (label_selector_from_json(a, json_copy(a, *p), &ret->selectors[ret->n_selectors++], reterr) < 0)
      return kerr_wrap(reterr, "cluster role '%s'", ret->name);
  return 0;
}

static bool
needs_rules(const struct roles *all, const struct role *role)
{
  bool needed = role->selectors != NULL;

  for (size_t i = 0; !needed && i < all->n; i++)
    needed = selects(&all->list[i], role);
  return needed;
}

/* Read one at a time, to hold the rules of those only that have to do with aggregation. */
static int
read_roles(const struct kclient_list *list, struct arena *a, struct roles *ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *one = arena_new(CEIL_ARENA_REQUEST);

  ret->list = arena_array_of(a, struct role, list->n + 1);
  for (; ret->n < list->n; ret->n++, arena_reset(one))
    if (read_role(a, record_glance(list->items[ret->n], one), &ret->list[ret->n], reterr) < 0)
      return -(int)reterr->code;
  for (size_t i = 0; i < list->n; i++, arena_reset(one))
    if (needs_rules(ret, &ret->list[i]))
      ret->list[i].rules = copy_if_there(a, json_get(record_glance(list->items[i], one), "rules"));
  return 0;
}

/*
 * As many passes as a chain of roles can be long. Roles that select each other in a circle may still be handing their
 * rules on: they stay as they are.
 */
static int
apply_all(struct controller *ctl, struct roles *all, struct arena *a, struct kerr *reterr)
{
  for (size_t pass = 0; pass <= all->n && aggregate(all, a); pass++)
    ;
  for (size_t i = 0; i < all->n; i++) {
    if (all->list[i].moving)
      log_warn(ctl->all->config.log, ctl->ops->name, "cluster role '%s' is aggregated in a circle, ignoring",
               all->list[i].name);
    else if (all->list[i].changed && apply(ctl, a, &all->list[i], reterr) < 0)
      return -(int)reterr->code;
  }
  return 0;
}

/* In memory of its own: the worker's arena would keep what this takes until it is needed again, which may be never. */
static int
sync(struct controller *ctl, const char *key, struct arena *unused, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct aggregation *s = ctl->state;
  struct kclient_list list;
  struct roles all = { .n = 0 };
  int r;

  (void)key;
  (void)unused;
  if (!s->informer) {
    s->informer = kclient_watch(ctl->all->config.client, &KC_CLUSTERROLES, NULL, NULL, ctl->all->changes, &s->sink);
    return 0;
  }
  if (kclient_list(ctl->all->config.client, &KC_CLUSTERROLES, NULL, NULL, &list, reterr) < 0)
    return -(int)reterr->code;
  r = read_roles(&list, a, &all, reterr);
  kclient_list_release(&list);
  return r < 0 ? r : apply_all(ctl, &all, a, reterr);
}

const struct controller_ops aggregation_controller_ops = {
  .name = "clusterrole-aggregation-controller",
  .state_new = state_new,
  .stop = stop,
  .state_free = free,
  .sync = sync,
};
