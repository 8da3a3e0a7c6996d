#include "sched_filter.h"

#include <string.h>

#include "object.h"
#include "sched_queue.h"
#include "selector.h"

#define MAX_REASONS 16

typedef int filter_fn(const struct sched_subject *s, const struct sched_node *n, struct sched_verdict *ret,
                      struct kerr *reterr);

static void
say(const struct sched_subject *s, struct sched_verdict *v, const char *reason)
{
  const char **list = arena_array_of(s->a, const char *, v->n + 1);

  if (v->n)
    memcpy(list, v->reasons, v->n * sizeof *list);
  list[v->n++] = reason;
  v->reasons = list;
}

static int
filter_unschedulable(const struct sched_subject *s, const struct sched_node *n, struct sched_verdict *ret,
                     struct kerr *reterr)
{
  struct json *taint;

  (void)reterr;
  if (!n->unschedulable)
    return 0;
  taint = json_new_object(s->a);
  json_set_str(s->a, taint, "key", "node.kubernetes.io/unschedulable");
  json_set_str(s->a, taint, "effect", "NoSchedule");
  if (!tolerations_tolerate(json_get(s->spec, "tolerations"), taint)) {
    say(s, ret, "node(s) were unschedulable");
    ret->needs = SCHED_NEEDS_NODE;
  }
  return 0;
}

static bool
wants_name(const struct sched_subject *s)
{
  return *json_get_str_or(s->spec, "nodeName", "");
}

static int
filter_name(const struct sched_subject *s, const struct sched_node *n, struct sched_verdict *ret, struct kerr *reterr)
{
  (void)reterr;
  if (strcmp(json_get_str_or(s->spec, "nodeName", ""), n->name) != 0) {
    say(s, ret, "node(s) didn't match the requested node name");
    ret->needs = SCHED_NEEDS_NODE;
  }
  return 0;
}

static int
filter_taints(const struct sched_subject *s, const struct sched_node *n, struct sched_verdict *ret, struct kerr *reterr)
{
  (void)reterr;
  for (json_each_item (p, n->taints)) {
    const char *effect = json_get_str_or(*p, "effect", ""), *value = json_get_str_or(*p, "value", "");

    if ((strcmp(effect, "NoSchedule") != 0 && strcmp(effect, "NoExecute") != 0) ||
        tolerations_tolerate(json_get(s->spec, "tolerations"), *p))
      continue;
    say(s, ret, arena_printf(s->a, "node(s) had untolerated taint {%s: %s}", json_get_str_or(*p, "key", ""), value));
    ret->needs = SCHED_NEEDS_NODE;
    return 0;
  }
  return 0;
}

static const struct json *
required_affinity(const struct sched_subject *s)
{
  return json_dig(s->spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", NULL);
}

static bool
wants_labels(const struct sched_subject *s)
{
  return json_get(s->spec, "nodeSelector") || required_affinity(s);
}

static int
filter_affinity(const struct sched_subject *s, const struct sched_node *n, struct sched_verdict *ret,
                struct kerr *reterr)
{
  const struct json *labels = object_labels(record_tree(n->node));
  const struct json *required = required_affinity(s);
  bool match = true;

  for (json_each_member (m, json_get(s->spec, "nodeSelector"))) {
    const char *has = json_str(json_get_n(labels, m->name, m->name_len)), *wants = json_str(m->value);

    match = match && has && wants && strcmp(has, wants) == 0;
  }
  if (match && required) {
    int r = node_selector_matches(required, record_tree(n->node), &match, reterr);

    if (r < 0)
      return r;
  }
  if (!match) {
    say(s, ret, "node(s) didn't match Pod's node affinity/selector");
    ret->needs = SCHED_NEEDS_NODE;
  }
  return 0;
}

static bool
ports_clash(const struct json *x, const struct json *y)
{
  const char *ip_x = json_get_str_or(x, "hostIP", "0.0.0.0"), *ip_y = json_get_str_or(y, "hostIP", "0.0.0.0");

  if (json_get_int(x, "hostPort", 0) <= 0 || json_get_int(x, "hostPort", 0) != json_get_int(y, "hostPort", 0) ||
      strcmp(json_get_str_or(x, "protocol", "TCP"), json_get_str_or(y, "protocol", "TCP")) != 0)
    return false;
  return strcmp(ip_x, ip_y) == 0 || strcmp(ip_x, "0.0.0.0") == 0 || strcmp(ip_y, "0.0.0.0") == 0;
}

static bool
has_port_like(const struct json *spec, const struct json *port)
{
  for (json_each_item (c, json_get(spec, "containers")))
    for (json_each_item (p, json_get(*c, "ports")))
      if (ports_clash(port, *p))
        return true;
  return false;
}

static bool
wants_ports(const struct sched_subject *s)
{
  for (json_each_item (c, json_get(s->spec, "containers")))
    for (json_each_item (p, json_get(*c, "ports")))
      if (json_get_int(*p, "hostPort", 0) > 0)
        return true;
  return false;
}

static int
filter_ports(const struct sched_subject *s, const struct sched_node *n, struct sched_verdict *ret, struct kerr *reterr)
{
  (void)reterr;
  for (json_each_item (c, json_get(s->spec, "containers")))
    for (json_each_item (p, json_get(*c, "ports"))) {
      struct span key;
      void *other;
      size_t cursor = 0;

      if (json_get_int(*p, "hostPort", 0) <= 0)
        continue;
      while (hmap_next(n->pods, &cursor, &key, &other))
        if (has_port_like(json_get(record_tree(other), "spec"), *p)) {
          say(s, ret, "node(s) didn't have free ports for the requested pod ports");
          ret->resolvable = true;
          ret->needs = SCHED_NEEDS_RESOURCES | SCHED_NEEDS_NODE;
          return 0;
        }
    }
  return 0;
}

static bool
is_by_claims(const struct sched_subject *s, const char *name)
{
  for (size_t i = 0; i < s->n_by_claims; i++)
    if (strcmp(s->by_claims[i], name) == 0)
      return true;
  return false;
}

static int
filter_resources(const struct sched_subject *s, const struct sched_node *n, struct sched_verdict *ret,
                 struct kerr *reterr)
{
  int64_t pods = sched_resources_get(&n->allocatable, "pods");
  bool never = false; /* more than the node has at all: preemption cannot help */

  (void)reterr;
  if ((int64_t)hmap_count(n->pods) + 1 > pods)
    say(s, ret, "Too many pods");
  for (size_t i = 0; i < s->requests.n && ret->n < MAX_REASONS; i++) {
    const struct sched_amount *want = &s->requests.list[i];
    int64_t has = sched_resources_get(&n->allocatable, want->name);

    /* A resource that DRA stands behind is the node's own business only where a device plugin offers it. */
    if (is_by_claims(s, want->name) && has == 0)
      continue;
    if (want->value <= has - sched_node_used(n, want->name))
      continue;
    never |= want->value > has;
    say(s, ret, arena_printf(s->a, "Insufficient %s", want->name));
  }
  ret->resolvable = ret->n > 0 && !never;
  ret->needs = SCHED_NEEDS_RESOURCES | SCHED_NEEDS_NODE;
  return 0;
}

/* In upstream's order. */
static const struct {
  bool (*concerns)(const struct sched_subject *s); /* NULL: every pod. Else asked once for a pod, as PreFilter does */
  filter_fn *filter;
} filters[] = {
  { NULL, filter_unschedulable },    { wants_name, filter_name },   { NULL, filter_taints },
  { wants_labels, filter_affinity }, { wants_ports, filter_ports }, { NULL, filter_resources },
};

void
sched_subject_init(struct sched_subject *s, struct arena *a, const struct json *pod)
{
  *s = (struct sched_subject){ .a = a, .pod = pod, .spec = json_get(pod, "spec") };
  s->preferred = json_dig(s->spec, "affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution", NULL);
  for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
    if (!filters[i].concerns || filters[i].concerns(s))
      s->filters |= 1U << i;
}

int
sched_filter(const struct sched_subject *s, const struct sched_node *n, bool *ret_fits, struct sched_verdict *ret,
             struct kerr *reterr)
{
  *ret = (struct sched_verdict){ .n = 0 };
  for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
    int r = s->filters & 1U << i ? filters[i].filter(s, n, ret, reterr) : 0;

    if (r < 0)
      return r;
    if (ret->n > 0) {
      *ret_fits = false;
      return 0;
    }
  }
  *ret_fits = true;
  return 0;
}

int64_t
sched_score(const struct sched_subject *s, const struct sched_node *n)
{
  static const char *const counted[] = { "cpu", "memory" };
  int64_t least = 0, share[2] = { 0, 0 };

  for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
    int64_t has = sched_resources_get(&n->allocatable, counted[i]);
    int64_t used = sched_node_used(n, counted[i]) + sched_resources_get(&s->requests, counted[i]);

    share[i] = has > 0 && used < has ? used * 100 / has : 100;
    least += (100 - share[i]) / 2;
  }
  return least + 100 - (share[0] > share[1] ? share[0] - share[1] : share[1] - share[0]);
}

int
sched_affinity(const struct sched_subject *s, const struct sched_node *n, int64_t *ret, struct kerr *reterr)
{
  *ret = 0;
  for (json_each_item (p, s->preferred)) {
    struct json *selector = json_new_object(s->a);
    bool match = false;
    int r;

    json_append(s->a, json_ensure_array(s->a, selector, "nodeSelectorTerms"),
                json_shallow(s->a, json_get(*p, "preference")));
    r = node_selector_matches(selector, record_tree(n->node), &match, reterr);
    if (r < 0)
      return r;
    *ret += match ? json_get_int(*p, "weight", 0) : 0;
  }
  return 0;
}
