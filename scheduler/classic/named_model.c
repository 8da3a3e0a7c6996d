#include "named_model.h"

#include <string.h>

#include "cel_named.h"

#define SELECTORS_MAX 1024 /* compiled and kept; then all are let go of */
#define NONE          SIZE_MAX

/* -- selectors -- */

struct named_selectors {
  struct hmap *by_text;
};

static void
selector_unref(void *s)
{
  cel_selector_unref(s);
}

struct named_selectors *
named_selectors_new(void)
{
  struct named_selectors *s = mem_alloc(sizeof *s);

  s->by_text = hmap_new(selector_unref);
  return s;
}

void
named_selectors_free(struct named_selectors *s)
{
  if (!s)
    return;
  hmap_free(s->by_text);
  free(s);
}

/* The selector lives as long as the arena. */
static int
selector_of(struct arena *a, struct named_selectors *s, const char *text, const char *what, struct cel_selector **ret,
            struct kerr *reterr)
{
  struct cel_selector *compiled = hmap_get(s->by_text, span_of(text));
  int r;

  if (!compiled) {
    r = cel_named_compile(span_of(text), &compiled, reterr);
    if (r < 0)
      return kerr_wrap(
          reterr, "creating claim controller for named resources structured model: compile %s CEL expression", what);
    if (hmap_count(s->by_text) >= SELECTORS_MAX)
      hmap_clear(s->by_text);
    hmap_put(s->by_text, span_of(text), compiled);
  }
  *ret = cel_selector_ref(compiled);
  arena_defer(a, selector_unref, *ret);
  return 0;
}

/* -- the model -- */

/* The instances of one driver on one node. */
struct pool {
  const struct json **instances; /* in order of slices, then of their lists */
  bool *taken;
  size_t n, cap;
};

struct named_model {
  struct arena *a;
  struct hmap *pools; /* "node\ndriver" → struct pool * in the arena */
};

static void
free_map(void *m)
{
  hmap_free(m);
}

static struct pool *
pool_get(const struct named_model *m, const char *node, const char *driver)
{
  return hmap_get(m->pools, span_of(arena_printf(m->a, "%s\n%s", node, driver)));
}

static struct pool *
pool_ensure(struct named_model *m, const char *node, const char *driver)
{
  struct pool *p = pool_get(m, node, driver);

  if (!p) {
    p = arena_new_of(m->a, struct pool);
    hmap_put(m->pools, span_of(arena_printf(m->a, "%s\n%s", node, driver)), p);
  }
  return p;
}

static void
pool_add(struct arena *a, struct pool *p, const struct json *instance)
{
  if (p->n == p->cap) {
    size_t cap = p->cap ? p->cap * 2 : 8;
    const struct json **list = arena_array_of(a, const struct json *, cap);

    if (p->n)
      memcpy(list, p->instances, p->n * sizeof *list);
    p->instances = list;
    p->cap = cap;
  }
  p->instances[p->n++] = instance;
}

static void
take(struct pool *p, const char *name)
{
  for (size_t i = 0; i < p->n; i++)
    if (strcmp(json_get_str_or(p->instances[i], "name", ""), name) == 0) {
      p->taken[i] = true;
      return;
    }
}

static void
count_claim(struct named_model *m, const struct json *claim)
{
  for (json_each_item (handle, json_dig(claim, "status", "allocation", "resourceHandles", NULL))) {
    const struct json *data = json_get(*handle, "structuredData");
    struct pool *p =
        data ? pool_get(m, json_get_str_or(data, "nodeName", ""), json_get_str_or(*handle, "driverName", "")) : NULL;

    for (json_each_item (r, p ? json_get(data, "results") : NULL))
      take(p, json_get_str_or(json_get(*r, "namedResources"), "name", ""));
  }
}

struct named_model *
named_model_new(struct arena *a, const struct kclient_cache *slices,
                const struct json *(*claim_at)(void *arg, size_t *cursor), void *arg)
{
  struct named_model *m = arena_new_of(a, struct named_model);
  const struct json *claim;
  struct record *r;
  struct span key;
  void *value;
  size_t cursor = 0;

  m->a = a;
  m->pools = hmap_new(NULL);
  arena_defer(a, free_map, m->pools);
  while ((r = kclient_cache_next(slices, &cursor)) != NULL) {
    const struct json *slice = record_tree(r);
    struct pool *p = pool_ensure(m, json_get_str_or(slice, "nodeName", ""), json_get_str_or(slice, "driverName", ""));

    for (json_each_item (i, json_dig(slice, "namedResources", "instances", NULL)))
      pool_add(a, p, *i);
  }
  for (cursor = 0; hmap_next(m->pools, &cursor, &key, &value);)
    ((struct pool *)value)->taken = arena_array_of(a, bool, ((struct pool *)value)->n);
  for (cursor = 0; (claim = claim_at(arg, &cursor)) != NULL;)
    count_claim(m, claim);
  return m;
}

/* -- a claim -- */

struct request {
  struct cel_selector *selector;
  const struct json *vendor; /* its parameters, or NULL */
};

struct driver {
  const char *name;
  struct cel_selector *filter; /* of the class, or NULL */
  struct request *requests;
  size_t n;
  const struct json *vendor_claim, *vendor_class; /* parameters, or NULL */
};

struct named_claim {
  struct arena *a;
  bool shareable;
  struct driver *drivers; /* in order of first appearance */
  size_t n;
};

static struct driver *
driver_ensure(struct named_claim *c, const char *name)
{
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->drivers[i].name, name) == 0)
      return &c->drivers[i];
  c->drivers[c->n] = (struct driver){ .name = name };
  return &c->drivers[c->n++];
}

static int
add_driver(struct named_claim *c, struct named_selectors *s, const struct json *wanted, struct kerr *reterr)
{
  const struct json *requests = json_get(wanted, "requests");
  struct driver *d = driver_ensure(c, json_get_str_or(wanted, "driverName", ""));
  struct request *all = arena_array_of(c->a, struct request, d->n + json_count(requests));

  if (d->n)
    memcpy(all, d->requests, d->n * sizeof *all);
  d->requests = all;
  if (!d->vendor_claim)
    d->vendor_claim = json_get(wanted, "vendorParameters");
  for (json_each_item (p, requests)) {
    const char *text = json_get_str_or(json_get(*p, "namedResources"), "selector", "");
    int r = selector_of(c->a, s, text, "request", &all[d->n].selector, reterr);

    if (r < 0)
      return r;
    all[d->n++].vendor = json_get(*p, "vendorParameters");
  }
  return 0;
}

static int
add_class(struct named_claim *c, struct named_selectors *s, const struct json *parameters, struct kerr *reterr)
{
  for (size_t i = 0; i < c->n; i++) {
    struct driver *d = &c->drivers[i];

    for (json_each_item (p, json_get(parameters, "vendorParameters")))
      if (!d->vendor_class && strcmp(json_get_str_or(*p, "driverName", ""), d->name) == 0)
        d->vendor_class = json_get(*p, "parameters");
    for (json_each_item (p, json_get(parameters, "filters"))) {
      const char *text = json_get_str(json_get(*p, "namedResources"), "selector");

      if (d->filter || !text || strcmp(json_get_str_or(*p, "driverName", ""), d->name) != 0)
        continue;
      if (selector_of(c->a, s, text, "class filter", &d->filter, reterr) < 0)
        return -(int)reterr->code;
    }
  }
  return 0;
}

/* No parameters: any one instance of the class's driver. */
static const struct json *
default_parameters(struct arena *a, const struct json *device_class)
{
  struct json *o = json_new_object(a), *driver, *request;

  json_set_bool(a, o, "shareable", true);
  driver = json_append(a, json_ensure_array(a, o, "driverRequests"), json_new_object(a));
  json_set_str(a, driver, "driverName", json_get_str_or(device_class, "driverName", ""));
  request = json_append(a, json_ensure_array(a, driver, "requests"), json_new_object(a));
  json_set_str(a, json_ensure_object(a, request, "namedResources"), "selector", "true");
  return o;
}

int
named_claim_new(struct arena *a, struct named_selectors *s, const struct json *device_class,
                const struct json *claim_parameters, const struct json *class_parameters, struct named_claim **ret,
                struct kerr *reterr)
{
  const struct json *p = claim_parameters ? claim_parameters : default_parameters(a, device_class), *wanted;
  struct named_claim *c = arena_new_of(a, struct named_claim);

  wanted = json_get(p, "driverRequests");
  c->a = a;
  c->shareable = json_get_bool(p, "shareable", false);
  c->drivers = arena_array_of(a, struct driver, json_count(wanted) + 1);
  for (json_each_item (d, wanted))
    if (add_driver(c, s, *d, reterr) < 0)
      return -(int)reterr->code;
  *ret = c;
  return add_class(c, s, class_parameters, reterr);
}

/* -- allocating -- */

static int
instance_fits(const struct driver *d, const struct request *q, const struct json *instance, struct arena *a, bool *ret,
              struct kerr *reterr)
{
  const struct json *attributes = json_get(instance, "attributes");

  *ret = true;
  if (d->filter && cel_named_match(d->filter, attributes, a, ret, reterr) < 0)
    return kerr_wrap(reterr, "evaluate filter CEL expression");
  if (*ret && cel_named_match(q->selector, attributes, a, ret, reterr) < 0)
    return kerr_wrap(reterr, "evaluate request CEL expression");
  return 0;
}

/* The instance for each request in `ret`; NONE where there is none left. */
static int
choose(const struct driver *d, const struct pool *p, struct arena *a, size_t *ret, struct kerr *reterr)
{
  size_t n = p ? p->n : 0;
  bool *taken = arena_array_of(a, bool, n);

  if (n)
    memcpy(taken, p->taken, n * sizeof *taken);
  for (size_t q = 0; q < d->n; q++) {
    ret[q] = NONE;
    for (size_t i = 0; i < n && ret[q] == NONE; i++) {
      bool fits = false;

      if (!taken[i] && instance_fits(d, &d->requests[q], p->instances[i], a, &fits, reterr) < 0)
        return -(int)reterr->code;
      if (!fits)
        continue;
      taken[i] = true;
      ret[q] = i;
    }
  }
  return 0;
}

static bool
is_complete(const struct driver *d, const size_t *chosen)
{
  for (size_t q = 0; q < d->n; q++)
    if (chosen[q] == NONE)
      return false;
  return true;
}

int
named_claim_fits(const struct named_claim *c, const struct named_model *m, const char *node, bool *ret,
                 struct kerr *reterr)
{
  *ret = true;
  for (size_t i = 0; i < c->n && *ret; i++) {
    const struct driver *d = &c->drivers[i];
    size_t *chosen = arena_array_of(c->a, size_t, d->n + 1);

    if (choose(d, pool_get(m, node, d->name), c->a, chosen, reterr) < 0)
      return kerr_wrap(reterr, "checking node \"%s\" and resources of driver \"%s\"", node, d->name);
    *ret = is_complete(d, chosen);
  }
  return 0;
}

static void
set_vendor(struct arena *a, struct json *o, const char *name, const struct json *value)
{
  json_set(a, o, name, value ? json_copy(a, value) : json_new_null(a));
}

static struct json *
handle_of(struct arena *a, const struct driver *d, const struct pool *p, const size_t *chosen, const char *node)
{
  struct json *handle = json_new_object(a), *data;

  json_set_str(a, handle, "driverName", d->name);
  data = json_ensure_object(a, handle, "structuredData");
  set_vendor(a, data, "vendorClassParameters", d->vendor_class);
  set_vendor(a, data, "vendorClaimParameters", d->vendor_claim);
  json_set_str(a, data, "nodeName", node);
  for (size_t q = 0; q < d->n; q++) {
    struct json *result = json_append(a, json_ensure_array(a, data, "results"), json_new_object(a));

    set_vendor(a, result, "vendorRequestParameters", d->requests[q].vendor);
    json_set_str(a, json_ensure_object(a, result, "namedResources"), "name",
                 json_get_str_or(p->instances[chosen[q]], "name", ""));
  }
  return handle;
}

static void
set_nodes(struct arena *a, struct json *allocation, const char *node)
{
  struct json *nodes = json_ensure_object(a, allocation, "availableOnNodes"), *term, *expression;

  term = json_append(a, json_ensure_array(a, nodes, "nodeSelectorTerms"), json_new_object(a));
  expression = json_append(a, json_ensure_array(a, term, "matchExpressions"), json_new_object(a));
  json_set_str(a, expression, "key", "kubernetes.io/hostname");
  json_set_str(a, expression, "operator", "In");
  json_append_str(a, json_ensure_array(a, expression, "values"), node);
}

int
named_claim_allocate(const struct named_claim *c, const struct named_model *m, const char *node, struct json **ret,
                     struct kerr *reterr)
{
  static const char what[] = "allocating via named resources structured model";
  struct json *allocation = json_new_object(c->a);

  for (size_t i = 0; i < c->n; i++) {
    const struct driver *d = &c->drivers[i];
    const struct pool *p = pool_get(m, node, d->name);
    size_t *chosen = arena_array_of(c->a, size_t, d->n + 1);

    if (choose(d, p, c->a, chosen, reterr) < 0)
      return kerr_wrap(reterr, what);
    if (!is_complete(d, chosen))
      return kerr_set(reterr, KERR_INVALID, NULL, "%s: insufficient resources", what);
    json_append(c->a, json_ensure_array(c->a, allocation, "resourceHandles"), handle_of(c->a, d, p, chosen, node));
  }
  set_nodes(c->a, allocation, node);
  if (c->shareable)
    json_set_bool(c->a, allocation, "shareable", true);
  *ret = allocation;
  return 0;
}
