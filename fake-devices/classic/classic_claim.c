/* A claim in the words of its release: what it asks for, and how an allocation is written down. */
#include <assert.h>
#include <string.h>

#include "classic_internal.h"
#include "classic_match.h"
#include "number.h"
#include "object.h"

#define COUNT_MAX 1024 /* devices of one request */

static const struct json *
class_named(const struct classic_driver *d, const char *name)
{
  struct record *r = kclient_cache_get(d->caches[CLASSIC_CLASSES], NULL, name);

  return r ? record_tree(r) : NULL;
}

static const struct json *
class_of_claim(const struct classic_driver *d, const struct json *claim)
{
  return class_named(d, json_get_str_or(json_get(claim, "spec"), "resourceClassName", ""));
}

const char *
classic_claim_driver(const struct classic_driver *d, const struct json *claim)
{
  const char *driver;
  const struct json *class;

  if (!d->kinds->alpha) {
    driver = json_get_str(json_get(claim, "spec"), "controller");
    return driver && *driver ? driver : NULL;
  }
  class = class_of_claim(d, claim);
  return json_get_bool(class, "structuredParameters", false) ? NULL : json_get_str(class, "driverName");
}

char *
classic_finalizer(struct arena *a, const char *driver)
{
  return arena_printf(a, "%s/deletion-protection", driver);
}

/* -- wishes -- */

static void
add_wishes(struct arena *a, struct classic_request *r, const struct json *wishes, size_t cap)
{
  if (!r->wishes)
    r->wishes = arena_array_of(a, const struct json *, cap);
  assert(r->n_wishes < cap);
  r->wishes[r->n_wishes++] = wishes;
}

static bool
is_device_config(const struct json *parameters)
{
  return strcmp(object_kind(parameters), "DeviceConfig") == 0;
}

/* A wish that no device of any node knows is a mistake of the user, and said to be one. */
static int
check_wishes(struct classic_driver *d, struct arena *a, const char *driver, const struct json *wishes,
             struct kerr *reterr)
{
  for (json_each_member (m, wishes)) {
    const char *known;

    if (!classic_is_wish(m->name))
      continue;
    known = classic_devices_know(d, a, driver, m->name);
    if (known)
      return kerr_set(reterr, KERR_INVALID, NULL, "parameters: no device of %s has \"%s\"; there are: %s", driver,
                      m->name, known);
  }
  return 0;
}

static bool
names_request(const struct json *requests, const char *name)
{
  return !json_count(requests) || json_list_has(requests, name);
}

/* -- 1.31: requests, with opaque configuration -- */

/* Our configuration is a wish, unless it is for the node; what speaks to another driver goes along unread. */
static int
take_config(struct classic_driver *d, struct arena *a, const struct json *list, const char *source, const char *class,
            struct classic_claim *c, size_t cap, struct kerr *reterr)
{
  const struct json *wanted = json_dig(c->object, "spec", "devices", "requests", NULL);

  for (json_each_item (p, list)) {
    const struct json *opaque = json_get(*p, "opaque"), *parameters = json_get(opaque, "parameters");
    bool ours = strcmp(json_get_str_or(opaque, "driver", ""), c->driver) == 0;
    struct json *names = json_new_array(a), *out;

    for (size_t i = 0; i < c->n_requests; i++) {
      const struct json *exactly = json_get(json_at(wanted, i), "exactly");

      if (class ? strcmp(json_get_str_or(exactly, "deviceClassName", ""), class) != 0
                : !names_request(json_get(*p, "requests"), c->requests[i].name))
        continue;
      json_append_str(a, names, c->requests[i].name);
      if (ours && !is_device_config(parameters))
        add_wishes(a, &c->requests[i], parameters, cap);
    }
    if (ours && !is_device_config(parameters)) {
      int r = check_wishes(d, a, c->driver, parameters, reterr);

      if (r < 0)
        return r;
      continue;
    }
    out = json_append(a, c->config, json_new_object(a));
    json_set_str(a, out, "source", source);
    json_set(a, out, "requests", names);
    json_set(a, out, "opaque", json_copy(a, opaque));
  }
  return 0;
}

static int
read_request(const struct json *in, struct classic_request *ret, struct kerr *reterr)
{
  const struct json *exactly = json_get(in, "exactly");

  *ret =
      (struct classic_request){ .name = json_get_str_or(in, "name", ""), .count = json_get_int(exactly, "count", 1) };
  if (!exactly || json_count(json_get(exactly, "selectors")))
    return kerr_set(reterr, KERR_INVALID, NULL,
                    "request %s: device selectors are not supported; parameters say what the device must be",
                    ret->name);
  if (strcmp(json_get_str_or(exactly, "allocationMode", "ExactCount"), "ExactCount") != 0 ||
      json_get_bool(exactly, "adminAccess", false))
    return kerr_set(reterr, KERR_INVALID, NULL, "request %s: only exact counts without admin access are supported",
                    ret->name);
  if (ret->count < 1 || ret->count > COUNT_MAX)
    return kerr_set(reterr, KERR_INVALID, NULL, "request %s: at most %d devices are supported", ret->name, COUNT_MAX);
  return 0;
}

static size_t
config_entries(const struct classic_driver *d, const struct json *claim)
{
  size_t n = json_count(json_dig(claim, "spec", "devices", "config", NULL));

  for (json_each_item (p, json_dig(claim, "spec", "devices", "requests", NULL)))
    n += json_count(json_dig(class_named(d, json_get_str_or(json_get(*p, "exactly"), "deviceClassName", "")), "spec",
                             "config", NULL));
  return n;
}

/* The classes' configuration comes first, each class's once. */
static int
read_requests(struct classic_driver *d, struct arena *a, struct classic_claim *c, struct kerr *reterr)
{
  const struct json *devices = json_dig(c->object, "spec", "devices", NULL), *list = json_get(devices, "requests");
  struct json *classes = json_new_object(a);
  size_t cap = config_entries(d, c->object) + 1;
  int r = 0;

  c->requests = arena_array_of(a, struct classic_request, json_count(list) + 1);
  for (json_each_item (p, list)) {
    const char *class = json_get_str_or(json_get(*p, "exactly"), "deviceClassName", "");

    r = r < 0 ? r : read_request(*p, &c->requests[c->n_requests++], reterr);
    if (r == 0 && !class_named(d, class))
      r = kerr_set(reterr, KERR_NOT_FOUND, NULL, "request %s: device class %s does not exist",
                   json_get_str_or(*p, "name", ""), class);
    if (r == 0)
      json_set(a, classes, class, json_new_null(a));
  }
  for (json_each_member (m, classes))
    if (r == 0)
      r = take_config(d, a, json_dig(class_named(d, m->name), "spec", "config", NULL), "FromClass", m->name, c, cap,
                      reterr);
  return r < 0 ? r : take_config(d, a, json_get(devices, "config"), "FromClaim", NULL, c, cap, reterr);
}

/* -- until 1.30: one device, or as many as the parameters' count says -- */

static int
take_parameters(struct classic_driver *d, struct arena *a, const struct json *ref, const char *ns,
                struct classic_claim *c, struct kerr *reterr)
{
  const struct json *parameters = NULL, *count, *env;
  int64_t n;
  int r = json_is(ref, JSON_OBJECT) ? classic_parameters_get(d, a, ref, ns, &parameters, reterr) : 0;

  r = r < 0 || !parameters ? r : check_wishes(d, a, c->driver, parameters, reterr);
  if (r < 0 || !parameters)
    return r;
  add_wishes(a, &c->requests[0], parameters, 2);
  count = json_get(parameters, "count");
  if (count) {
    n = json_str(count) ? 0 : json_int_or(count, 0);
    if ((json_str(count) && !number_int64(json_span(count), &n)) || n < 1 || n > COUNT_MAX)
      return kerr_set(reterr, KERR_INVALID, NULL, "parameters: count: want a number from 1 to %d", COUNT_MAX);
    c->requests[0].count = n;
  }
  env = json_get(parameters, "env");
  if (json_is(env, JSON_OBJECT)) {
    struct json *o = json_append(a, c->config, json_new_object(a));

    json_set_str(a, o, "apiVersion", "dralab.dev/v1");
    json_set_str(a, o, "kind", "DeviceConfig");
    json_set(a, o, "env", json_copy(a, env));
  }
  return 0;
}

static int
read_references(struct classic_driver *d, struct arena *a, struct classic_claim *c, struct kerr *reterr)
{
  const struct json *class = class_of_claim(d, c->object), *of_class = json_get(class, "parametersRef");
  int r;

  c->requests = arena_new_of(a, struct classic_request);
  c->requests[0] = (struct classic_request){ .name = "", .count = 1 };
  c->n_requests = 1;
  r = take_parameters(d, a, of_class, json_get_str_or(of_class, "namespace", ""), c, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "get class parameters");
  r = take_parameters(d, a, json_dig(c->object, "spec", "parametersRef", NULL), object_namespace(c->object), c, reterr);
  return r < 0 ? kerr_wrap(reterr, "get claim parameters") : 0;
}

int
classic_claim_read(struct classic_driver *d, struct arena *a, const struct json *claim, struct classic_claim *ret,
                   struct kerr *reterr)
{
  *ret =
      (struct classic_claim){ .object = claim, .driver = classic_claim_driver(d, claim), .config = json_new_array(a) };
  assert(ret->driver);
  return d->kinds->alpha ? read_references(d, a, ret, reterr) : read_requests(d, a, ret, reterr);
}

/* -- writing -- */

static void
set_node_selector(struct arena *a, struct json *allocation, const char *member, const char *node)
{
  struct json *term, *field;

  term = json_append(a, json_ensure_array(a, json_ensure_object(a, allocation, member), "nodeSelectorTerms"),
                     json_new_object(a));
  field = json_append(a, json_ensure_array(a, term, "matchFields"), json_new_object(a));
  json_set_str(a, field, "key", "metadata.name");
  json_set_str(a, field, "operator", "In");
  json_append_str(a, json_ensure_array(a, field, "values"), node);
}

static void
write_results(struct arena *a, struct json *allocation, const struct classic_claim *c, const char *node,
              const struct tree_device *const *devices)
{
  struct json *out = json_ensure_object(a, allocation, "devices"), *results = json_ensure_array(a, out, "results");

  for (size_t i = 0; i < c->n_requests; i++)
    for (int64_t k = 0; k < c->requests[i].count; k++) {
      struct json *r = json_append(a, results, json_new_object(a));

      json_set_str(a, r, "request", c->requests[i].name);
      json_set_str(a, r, "driver", c->driver);
      json_set_str(a, r, "pool", node);
      json_set_str(a, r, "device", (*devices++)->name);
    }
  if (json_count(c->config))
    json_set(a, out, "config", c->config);
  json_set_str(a, allocation, "controller", c->driver);
}

/* The text that api/claim_classic.h reads. */
static char *
handle_text(struct arena *a, const struct classic_claim *c, const char *node, const struct tree_device *const *devices)
{
  struct json *o = json_new_object(a), *names;

  json_set_str(a, o, "pool", node);
  names = json_set(a, o, "devices", json_new_array(a));
  for (int64_t k = 0; k < c->requests[0].count; k++)
    json_append_str(a, names, devices[k]->name);
  if (json_count(c->config))
    json_set(a, o, "config", c->config);
  return arena_strdup(a, json_text(a, o, 0));
}

static void
write_handle(const struct classic_driver *d, struct arena *a, struct json *allocation, const char *driver,
             const char *text)
{
  struct json *handle;

  if (d->kinds->scheduling && strcmp(d->kinds->scheduling->version, "v1alpha1") == 0) {
    json_set_str(a, allocation, "resourceHandle", text);
    return;
  }
  handle = json_append(a, json_ensure_array(a, allocation, "resourceHandles"), json_new_object(a));
  json_set_str(a, handle, "driverName", driver);
  json_set_str(a, handle, "data", text);
}

void
classic_claim_allocate(const struct classic_driver *d, struct arena *a, struct json *claim,
                       const struct classic_claim *c, const char *node, const struct tree_device *const *devices)
{
  struct json *status = json_ensure_object(a, claim, "status");
  struct json *allocation = json_set(a, status, "allocation", json_new_object(a));

  if (!d->kinds->alpha) {
    write_results(a, allocation, c, node, devices);
    set_node_selector(a, allocation, "nodeSelector", node);
    return;
  }
  json_set_str(a, status, "driverName", c->driver);
  write_handle(d, a, allocation, c->driver, handle_text(a, c, node, devices));
  set_node_selector(a, allocation, "availableOnNodes", node);
  json_set_bool(a, allocation, "shareable", true);
}

void
classic_claim_deallocate(const struct classic_driver *d, struct json *claim)
{
  struct json *status = json_find(claim, "status");

  (void)json_remove(status, "allocation");
  (void)json_remove(status, "deallocationRequested");
  if (d->kinds->alpha)
    (void)json_remove(status, "driverName");
}
