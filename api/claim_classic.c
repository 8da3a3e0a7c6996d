#include "claim_classic.h"

#include <string.h>

static void
add_result(struct arena *a, struct json *results, const char *driver, const char *pool, const char *device)
{
  struct json *r = json_append(a, results, json_new_object(a));

  json_set_str(a, r, "request", "");
  json_set_str(a, r, "driver", driver);
  json_set_str(a, r, "pool", pool);
  json_set_str(a, r, "device", device);
}

static void
add_parameters(struct arena *a, struct json *config, const char *driver, const struct json *parameters)
{
  struct json *opaque;

  if (!json_is(parameters, JSON_OBJECT))
    return;
  opaque = json_ensure_object(a, json_append(a, config, json_new_object(a)), "opaque");
  json_set_str(a, opaque, "driver", driver);
  json_set(a, opaque, "parameters", json_copy(a, parameters));
}

/* The scheduler's handle: the class's parameters come before the claim's and those of single requests, as ever. */
static void
from_structured(struct arena *a, struct json *devices, const char *driver, const struct json *data)
{
  struct json *results = json_ensure_array(a, devices, "results"), *config = json_ensure_array(a, devices, "config");

  add_parameters(a, config, driver, json_get(data, "vendorClassParameters"));
  add_parameters(a, config, driver, json_get(data, "vendorClaimParameters"));
  for (json_each_item (p, json_get(data, "results"))) {
    add_parameters(a, config, driver, json_get(*p, "vendorRequestParameters"));
    add_result(a, results, driver, json_get_str_or(data, "nodeName", ""),
               json_get_str_or(json_get(*p, "namedResources"), "name", ""));
  }
}

/* The built-in driver writes {"pool": "node-1", "devices": ["felix"], "config": [...]}; see fake-devices/classic/. */
static void
from_text(struct arena *a, struct json *devices, const char *driver, const char *text)
{
  struct json *results = json_ensure_array(a, devices, "results"), *data = NULL;
  _cleanup_kerr_ struct kerr not_ours = KERR_INIT;

  if (!text || json_parse(a, span_of(text), NULL, &data, &not_ours) < 0 || !json_get(data, "devices")) {
    add_result(a, results, driver, "", "");
    return;
  }
  for (json_each_item (p, json_get(data, "config")))
    add_parameters(a, json_ensure_array(a, devices, "config"), driver, *p);
  for (json_each_item (p, json_get(data, "devices")))
    if (json_str(*p))
      add_result(a, results, driver, json_get_str_or(data, "pool", ""), json_str(*p));
}

const struct json *
claim_from_classic(struct arena *a, const struct json *claim)
{
  const struct json *was = json_dig(claim, "status", "allocation", NULL), *handles = json_get(was, "resourceHandles");
  const char *driver = json_get_str_or(json_get(claim, "status"), "driverName", "");
  struct json *now, *status, *allocation, *devices;

  if (!was)
    return claim;
  now = json_shallow(a, claim);
  status = json_set(a, now, "status", json_shallow(a, json_get(claim, "status")));
  allocation = json_set(a, status, "allocation", json_shallow(a, was));
  devices = json_set(a, allocation, "devices", json_new_object(a));
  if (!json_count(handles)) /* 1.26, or a driver that needs no handle */
    from_text(a, devices, driver, json_get_str(was, "resourceHandle"));
  for (json_each_item (p, handles)) {
    const char *of = json_get_str_or(*p, "driverName", driver);

    if (json_get(*p, "structuredData"))
      from_structured(a, devices, *of ? of : driver, json_get(*p, "structuredData"));
    else
      from_text(a, devices, *of ? of : driver, json_get_str(*p, "data"));
  }
  return now;
}
