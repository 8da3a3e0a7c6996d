#include "explain_world.h"

#include <string.h>

#include "ceilings.h"
#include "pod_claims.h"
#include "sched_features.h"

/* -- into the shape of v1 -- */

/* v1alpha3 and v1beta1: what an exact request asks for stands beside its name. */
static void
wrap_requests(struct arena *a, struct json *devices)
{
  struct json *requests = json_find(devices, "requests");

  for (size_t i = 0; i < json_count(requests); i++) {
    struct json *flat = requests->u.items[i], *whole;

    if (!json_get(flat, "deviceClassName"))
      continue;
    whole = json_new_object(a);
    json_set_str(a, whole, "name", json_get_str_or(flat, "name", ""));
    json_remove(flat, "name");
    json_set(a, whole, "exactly", flat);
    requests->u.items[i] = whole;
  }
}

/* v1alpha3 and v1beta1: what there is to say about a device stands in `basic`. */
static void
unwrap_devices(struct arena *a, struct json *spec)
{
  struct json *devices = json_find(spec, "devices");

  for (size_t i = 0; i < json_count(devices); i++) {
    struct json *device = devices->u.items[i], *basic = json_find(device, "basic");

    for (json_each_member (m, basic))
      json_set(a, device, arena_strndup(a, m->name, m->name_len), m->value);
    json_remove(device, "basic");
  }
}

static struct record *
as_v1(struct record *r)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *copy = json_copy(a, record_tree(r)), *spec = json_find(copy, "spec");

  if (json_get(spec, "devices") && json_is(json_get(spec, "devices"), JSON_OBJECT))
    wrap_requests(a, json_find(spec, "devices"));
  else
    unwrap_devices(a, spec);
  return record_from_json(record_key(r), record_revision(r), copy);
}

/* -- reading -- */

/* Newest first, of those that a server of 1.31 or later may have. */
static int
list_any_version(struct kclient *c, const struct kclient_resource *res, struct kclient_list *ret, struct kerr *reterr)
{
  static const char *const versions[] = { "v1", "v1beta2", "v1beta1", "v1alpha3" };
  struct kclient_resource try = *res;

  for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    try.version = versions[i];
    if (kclient_list(c, &try, NULL, NULL, ret, &err) == 0) {
      for (size_t k = 0; i > 1 && k < ret->n; k++) {
        struct record *r = as_v1(ret->items[k]);

        record_unref(ret->items[k]);
        ret->items[k] = r;
      }
      return 0;
    }
    if (err.code != KERR_NOT_FOUND || i + 1 == ARRAY_SIZE(versions))
      return kerr_move(reterr, &err);
  }
  return 0;
}

/* A kind that many releases do not serve. */
static int
read_taint_rules(struct kclient *c, struct explain_world *w, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (kclient_list(c, &KC_DEVICETAINTRULES, NULL, NULL, &w->taint_rules, &err) < 0 && err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  return 0;
}

static int
read_all(struct kclient *c, struct explain_world *w, struct kerr *reterr)
{
  const struct {
    const struct kclient_resource *res;
    struct kclient_list *to;
    bool versions;
  } rows[] = {
    { &KC_NODES, &w->nodes, false },
    { w->dra->slices, &w->slices, !w->dra->alpha },
    { w->dra->classes, &w->classes, !w->dra->alpha },
    { w->dra->claims, &w->claims, !w->dra->alpha },
    { w->dra->scheduling, &w->contexts, false },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    int r = !rows[i].res       ? 0
            : rows[i].versions ? list_any_version(c, rows[i].res, rows[i].to, reterr)
                               : kclient_list(c, rows[i].res, NULL, NULL, rows[i].to, reterr);

    if (r < 0)
      return r;
  }
  return read_taint_rules(c, w, reterr);
}

static void
world_fill(struct explain_world *w, const struct personality *p)
{
  struct alloc_features f = sched_features_of(p);

  w->world = alloc_world_new(&f, alloc_channel_of(&f));
  w->usage = alloc_usage_new();
  for (size_t i = 0; i < w->nodes.n; i++)
    alloc_world_set_node(w->world, w->nodes.items[i]);
  for (size_t i = 0; i < w->slices.n; i++)
    alloc_world_set_slice(w->world, w->slices.items[i]);
  for (size_t i = 0; i < w->classes.n; i++)
    alloc_world_set_class(w->world, w->classes.items[i]);
  for (size_t i = 0; i < w->taint_rules.n; i++)
    alloc_world_set_taint_rule(w->world, w->taint_rules.items[i]);
  for (size_t i = 0; i < w->claims.n; i++)
    alloc_usage_set_claim(w->usage, record_tree(w->claims.items[i]));
}

int
explain_world_open(struct kclient *c, const struct personality *p, struct arena *a, struct strbuf *text,
                   struct explain_world *w, struct kerr *reterr)
{
  int r;

  *w = (struct explain_world){ .a = a, .text = text, .minor = personality_minor(p) };
  w->dra = kclient_dra_of(w->minor);
  r = read_all(c, w, reterr);
  if (r == 0 && !w->dra->alpha)
    world_fill(w, p);
  return r;
}

void
explain_world_close(struct explain_world *w)
{
  alloc_usage_free(w->usage);
  alloc_world_free(w->world);
  kclient_list_release(&w->nodes);
  kclient_list_release(&w->slices);
  kclient_list_release(&w->classes);
  kclient_list_release(&w->claims);
  kclient_list_release(&w->contexts);
  kclient_list_release(&w->taint_rules);
}

const struct json *
explain_find(const struct kclient_list *l, const char *ns, const char *name)
{
  for (size_t i = 0; i < l->n; i++) {
    const struct json *o = record_tree(l->items[i]);

    if (strcmp(object_name(o), name) == 0 && (!*object_namespace(o) || strcmp(object_namespace(o), ns) == 0))
      return o;
  }
  return NULL;
}

const struct json *
explain_claim_of_entry(const struct explain_world *w, const struct json *pod, const struct json *entry,
                       const char **ret_name)
{
  (void)pod_claim_find(w->a, w->minor, pod, entry, ret_name);
  return *ret_name ? explain_find(&w->claims, object_namespace(pod), *ret_name) : NULL;
}
