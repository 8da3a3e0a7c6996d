/* The status of a claim: allocation, consumers, device status (resource validation, validateResourceClaimStatusUpdate).
 */
#include "object.h"
#include "validate_address.h"
#include "validate_claim.h"

#define RESERVED_FOR_MAX 256
#define RESULTS_MAX      32
#define CONFIGS_MAX      64 /* of the classes and of the claim */
#define DATA_MAX         10240
#define CONDITIONS_MAX   8
#define IPS_MAX          16

void
validate_uid(struct validation *v, const struct vpath *path, struct span s)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t mark = v->n;
  if (text_check(v->a, TEXT_UUID, s, problems))
    verr_invalid(v, path, s,
                 "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase "
                 "hexadecimal characters");
  validation_cover(v, mark, "format=k8s-uuid");
}

/* The four members that identify an allocated device. */
static bool
same_device(const struct json *x, const struct json *y)
{
  static const char *const keys[] = { "driver", "pool", "device", "shareID" };
  for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
    if (!span_eq(json_text_of(x, keys[i]), json_text_of(y, keys[i])))
      return false;
  return true;
}

/* structured.SharedDeviceID as JSON. */
static char *
device_id_text(struct arena *a, const struct json *d)
{
  return arena_printf(a, "{\"Driver\":%s,\"Pool\":%s,\"Device\":%s,\"ShareID\":%s}",
                      vquote(a, json_text_of(d, "driver")), vquote(a, json_text_of(d, "pool")),
                      vquote(a, json_text_of(d, "device")), vquote(a, json_text_of(d, "shareID")));
}

static void
check_reserved_for(struct validation *v, const struct vpath *path, const struct json *list)
{
  static const char *const needed[] = { "resource", "name", "uid" };
  if (!validate_size(v, path, list, RESERVED_FOR_MAX, true))
    return;
  for (size_t i = 0; i < json_count(list); i++)
    for (size_t k = 0; k < ARRAY_SIZE(needed); k++)
      if (!json_text_of(json_at(list, i), needed[k]).n)
        verr_required(v, VP(VP_ITEM(path, i), needed[k]), "");
  for (size_t i = 1; i < json_count(list); i++)
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(list, i), "uid"), json_text_of(json_at(list, j), "uid"))) {
        verr_duplicate(v, VP_ITEM(path, i), json_text_of(json_at(list, i), "uid"));
        v->list[v->n - 1].covered = true;
        break;
      }
}

static void
check_network_data(struct validation *v, const struct vpath *path, const struct json *data)
{
  const struct json *ips = json_get(data, "ips");
  static const struct {
    const char *name;
    int max;
  } texts[] = { { "interfaceName", 256 }, { "hardwareAddress", 128 } };
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
    if (json_text_of(data, texts[i].name).n > (size_t)texts[i].max) {
      size_t mark = v->n;
      verr_too_long(v, VP(path, texts[i].name), texts[i].max);
      validation_cover(v, mark, "maxBytes");
    }
  const struct vpath *list = VP(path, "ips");
  if (!validate_size(v, list, ips, IPS_MAX, true))
    return;
  for (size_t i = 0; i < json_count(ips); i++) {
    struct span s = json_span(json_at(ips, i));
    const char *canonical;
    if (!interface_address_text(v->a, s, &canonical))
      verr_invalid(v, VP_ITEM(list, i), s,
                   "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)");
    else if (!span_is(s, canonical))
      verr_invalid(v, VP_ITEM(list, i), s, arena_printf(v->a, "must be in canonical form (\"%s\")", canonical));
  }
  for (size_t i = 1; i < json_count(ips); i++)
    for (size_t j = 0; j < i; j++)
      if (json_equal(json_at(ips, i), json_at(ips, j))) {
        verr_duplicate(v, VP_ITEM(list, i), json_span(json_at(ips, i)));
        v->list[v->n - 1].covered = true;
        break;
      }
}

static void
check_device_status(struct validation *v, const struct vpath *path, const struct json *d, const struct json *results)
{
  validate_driver_name(v, VP(path, "driver"), json_text_of(d, "driver"), false);
  validate_pool_name(v, VP(path, "pool"), json_text_of(d, "pool"));
  verr_format(v, VP(path, "device"), json_text_of(d, "device"), TEXT_DNS_LABEL);
  if (json_has(d, "shareID"))
    validate_uid(v, VP(path, "shareID"), json_text_of(d, "shareID"));
  bool allocated = false;
  for (json_each_item (p, results))
    allocated |= same_device(*p, d);
  if (!allocated)
    verr_add(v, FIELD_INVALID, path, device_id_text(v->a, d), "must be an allocated device in the claim");
  const struct json *conditions = json_get(d, "conditions");
  if (json_count(conditions) > CONDITIONS_MAX)
    verr_too_many(v, VP(path, "conditions"), json_count(conditions), CONDITIONS_MAX);
  validate_conditions(v, VP(path, "conditions"), conditions);
  if (json_has(d, "data"))
    validate_raw_object(v, VP(path, "data"), json_get(d, "data"), false, DATA_MAX);
  check_network_data(v, VP(path, "networkData"), json_get(d, "networkData"));
}

static void
check_devices(struct validation *v, const struct vpath *path, const struct json *list, const struct json *allocation)
{
  const struct json *results = json_dig(allocation, "devices", "results", NULL);
  for (size_t i = 0; i < json_count(list); i++)
    check_device_status(v, VP_ITEM(path, i), json_at(list, i), results);
  for (size_t i = 1; i < json_count(list); i++)
    for (size_t j = 0; j < i; j++)
      if (same_device(json_at(list, i), json_at(list, j))) {
        verr_add(v, FIELD_DUPLICATE, VP_ITEM(path, i), vjson(v->a, json_at(list, i)), "%s", "")->covered = true;
        break;
      }
}

static void
check_result(struct validation *v, const struct vpath *path, const struct json *r, const struct json *requests)
{
  validate_request_ref(v, VP(path, "request"), json_text_of(r, "request"), requests);
  validate_driver_name(v, VP(path, "driver"), json_text_of(r, "driver"), true);
  size_t mark = v->n;
  validate_pool_name(v, VP(path, "pool"), json_text_of(r, "pool"));
  validation_cover(v, mark, NULL);
  verr_format(v, VP(path, "device"), json_text_of(r, "device"), TEXT_DNS_LABEL);
  validate_binding_conditions(v, path, r);
  const struct json *tolerations = json_get(r, "tolerations");
  for (size_t i = 0; i < json_count(tolerations); i++)
    validate_device_toleration(v, VP_ITEM(VP(path, "tolerations"), i), json_at(tolerations, i));
  if (json_has(r, "shareID"))
    validate_uid(v, VP(path, "shareID"), json_text_of(r, "shareID"));
  validate_skip_operations(v, VP(path, "skipNodeOperations"), json_get(r, "skipNodeOperations"));
}

static void
check_allocation_config(struct validation *v, const struct vpath *path, const struct json *c,
                        const struct json *requests)
{
  static const char *const sources[] = { "FromClaim", "FromClass", NULL };
  struct span source = json_text_of(c, "source");
  size_t mark = v->n;
  if (!source.n)
    verr_required(v, VP(path, "source"), "");
  else if (!span_is(source, sources[0]) && !span_is(source, sources[1]))
    verr_not_supported(v, VP(path, "source"), source, sources);
  validation_cover(v, mark, NULL);
  validate_request_refs(v, VP(path, "requests"), json_get(c, "requests"), requests);
  validate_device_config(v, path, c, false);
}

static void
check_allocation(struct validation *v, const struct vpath *path, const struct json *allocation,
                 const struct json *requests)
{
  const struct json *devices = json_get(allocation, "devices"), *results = json_get(devices, "results"),
                    *config = json_get(devices, "config");
  const struct vpath *at = VP(path, "devices"), *list = VP(at, "results");
  if (validate_size(v, list, results, RESULTS_MAX, true))
    for (size_t i = 0; i < json_count(results); i++)
      check_result(v, VP_ITEM(list, i), json_at(results, i), requests);
  list = VP(at, "config");
  if (validate_size(v, list, config, CONFIGS_MAX, true))
    for (size_t i = 0; i < json_count(config); i++)
      check_allocation_config(v, VP_ITEM(list, i), json_at(config, i), requests);
  if (json_has(allocation, "nodeSelector"))
    validate_node_selector(v, VP(path, "nodeSelector"), json_get(allocation, "nodeSelector"));
}

static bool
has_new_consumer(const struct json *now, const struct json *old)
{
  for (json_each_item (p, now)) {
    bool known = false;
    for (json_each_item (q, old))
      known |= json_equal(*p, *q);
    if (!known)
      return true;
  }
  return false;
}

void
validate_claim_status(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *status = json_get(o, "status"), *was = json_get(old, "status"),
                    *allocation = json_get(status, "allocation"), *before = json_get(was, "allocation"),
                    *reserved = json_get(status, "reservedFor");
  const struct vpath *path = VP(NULL, "status"), *at = VP(path, "allocation");
  bool allocated = json_type(allocation) != JSON_NULL;
  check_reserved_for(v, VP(path, "reservedFor"), reserved);
  check_devices(v, VP(path, "devices"), json_get(status, "devices"), allocation);
  if (json_count(reserved) && !allocated)
    verr_forbidden(v, VP(path, "reservedFor"), "may not be specified when `allocated` is not set");
  else if (json_count(reserved) && object_is_deleting(o) && has_new_consumer(reserved, json_get(was, "reservedFor")))
    verr_forbidden(v, VP(path, "reservedFor"),
                   "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set");
  if (allocated && json_type(before) != JSON_NULL) {
    size_t mark = v->n;
    validate_immutable(v, at, allocation, before, NULL);
    validation_cover(v, mark, "update");
  } else if (allocated)
    check_allocation(v, at, allocation, json_dig(o, "spec", "devices", "requests", NULL));
}
