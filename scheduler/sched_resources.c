#include "sched_resources.h"

#include <string.h>

#include "quantity.h"

static int64_t
amount(const char *name, const struct json *v)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_arena_ struct arena *a = arena_new((size_t)64 * 1024);
  struct quantity q;
  struct span text = json_span(v);

  if (json_is(v, JSON_INT))
    text = span_of(arena_printf(a, "%lld", (long long)v->u.integer));
  if (!text.p || quantity_parse(text, &q, &err) < 0)
    return 0; /* the API server lets no other text in */
  return strcmp(name, "cpu") == 0 ? quantity_milli(&q) : quantity_value(&q);
}

struct sched_resources
sched_resources_of(struct arena *a, const struct json *list)
{
  struct sched_resources r = { .list = arena_array_of(a, struct sched_amount, json_count(list)) };

  for (json_each_member (m, list)) {
    int64_t value = amount(m->name, m->value);

    if (value != 0)
      r.list[r.n++] = (struct sched_amount){ .name = m->name, .value = value };
  }
  return r;
}

int64_t
sched_resources_get(const struct sched_resources *r, const char *name)
{
  for (size_t i = 0; i < r->n; i++)
    if (strcmp(r->list[i].name, name) == 0)
      return r->list[i].value;
  return 0;
}

/* to += from, or the larger of both. */
static void
combine(struct arena *a, struct sched_resources *to, const struct sched_resources *from, bool max)
{
  for (size_t i = 0; i < from->n; i++) {
    size_t k;

    for (k = 0; k < to->n && strcmp(to->list[k].name, from->list[i].name) != 0; k++)
      ;
    if (k == to->n) {
      struct sched_amount *more = arena_array_of(a, struct sched_amount, to->n + 1);

      if (to->n)
        memcpy(more, to->list, to->n * sizeof *more);
      more[to->n++] = from->list[i];
      to->list = more;
    } else if (!max) {
      to->list[k].value += from->list[i].value;
    } else if (from->list[i].value > to->list[k].value) {
      to->list[k].value = from->list[i].value;
    }
  }
}

static struct sched_resources
requests_of(struct arena *a, const struct json *container)
{
  return sched_resources_of(a, json_dig(container, "resources", "requests", NULL));
}

struct sched_resources
sched_pod_requests(struct arena *a, const struct json *pod)
{
  const struct json *spec = json_get(pod, "spec");
  struct sched_resources sum = { .n = 0 }, init = { .n = 0 }, sidecars = { .n = 0 }, own;

  for (json_each_item (p, json_get(spec, "containers"))) {
    own = requests_of(a, *p);
    combine(a, &sum, &own, false);
  }
  /* An init container runs beside the sidecars that were started before it. */
  for (json_each_item (p, json_get(spec, "initContainers"))) {
    own = requests_of(a, *p);
    if (strcmp(json_get_str_or(*p, "restartPolicy", ""), "Always") == 0) {
      combine(a, &sum, &own, false);
      combine(a, &sidecars, &own, false);
      own = sidecars;
    } else {
      combine(a, &own, &sidecars, false);
    }
    combine(a, &init, &own, true);
  }
  combine(a, &sum, &init, true);
  own = sched_resources_of(a, json_dig(spec, "resources", "requests", NULL)); /* pod-level requests win */
  for (size_t i = 0; i < own.n; i++)
    for (size_t k = 0; k < sum.n; k++)
      if (strcmp(sum.list[k].name, own.list[i].name) == 0)
        sum.list[k].value = 0;
  combine(a, &sum, &own, true);
  own = sched_resources_of(a, json_get(spec, "overhead"));
  combine(a, &sum, &own, false);
  return sum;
}

bool
sched_resource_is_native(const char *name)
{
  return !strchr(name, '/') || strstr(name, "kubernetes.io/") != NULL;
}

bool
sched_resource_is_extended(const char *name)
{
  return !sched_resource_is_native(name) && strncmp(name, "requests.", 9) != 0;
}
