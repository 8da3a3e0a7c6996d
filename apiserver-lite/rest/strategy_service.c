/*
 * Services get an address (pkg/registry/core/service).
 *
 * An address is taken by creating its IPAddress object, which the store lets
 * only one writer do. One that belongs to a service that is not there (any
 * more) is taken over, so a create that failed half-way costs nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apiserver_internal.h"
#include "codec.h"
#include "object.h"
#include "admission_chain.h"
#include "rest_delete.h"
#include "rest_meta.h"
#include "strategy.h"
#include "validate_address.h"

#define DEFAULT_RANGE "10.96.0.0/12"
#define TRIES         1024

static uint32_t
range_of(const struct rest_call *c, uint32_t *ret_size)
{
  const char *text = c->s->config.service_range ? c->s->config.service_range : DEFAULT_RANGE;
  unsigned b[4] = { 10, 96, 0, 0 };
  int bits = 12;

  (void)sscanf(text, "%u.%u.%u.%u/%d", &b[0], &b[1], &b[2], &b[3], &bits); /* checked when the server was made */
  *ret_size = (uint32_t)1 << (32 - bits);
  return (b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) & (UINT32_MAX << (32 - bits));
}

static const char *
dotted(struct arena *a, uint32_t ip)
{
  return arena_printf(a, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static struct record *
address_record(struct rest_call *c, struct span key, const char *ip, const char *service)
{
  struct json *o = json_new_object(c->a), *meta, *ref;
  char uuid[CODEC_UUID_MAX];

  json_set_str(c->a, o, "kind", "IPAddress");
  json_set_str(c->a, o, "apiVersion", "networking.k8s.io/v1");
  meta = json_ensure_object(c->a, o, "metadata");
  json_set_str(c->a, meta, "name", ip);
  json_set_str(c->a, meta, "uid", codec_uuid4(uuid));
  json_set_str(c->a, meta, "creationTimestamp", rest_time(c->a, c->now));
  json_set_str(c->a, json_ensure_object(c->a, meta, "labels"), "ipaddress.kubernetes.io/managed-by",
               "ipallocator.k8s.io");
  json_set_str(c->a, json_find(meta, "labels"), "ipaddress.kubernetes.io/ip-family", "IPv4");
  ref = json_ensure_object(c->a, json_ensure_object(c->a, o, "spec"), "parentRef");
  json_set_str(c->a, ref, "resource", "services");
  json_set_str(c->a, ref, "namespace", c->info.namespace_);
  json_set_str(c->a, ref, "name", service);
  return record_from_json(key, 0, o);
}

static bool
holder_is_there(struct rest_call *c, const struct json *address)
{
  const struct json *ref = json_dig(address, "spec", "parentRef", NULL);
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  return store_get(c->s->store,
                   rest_key(c->a, c->res, json_get_str_or(ref, "namespace", ""), json_get_str_or(ref, "name", "")), 0,
                   &r, &ignored) == 0;
}

/* The service asks for what it has: the store will say that it is there already. */
static bool
holder_is_asking(struct rest_call *c, const struct json *address, const char *service)
{
  const struct json *ref = json_dig(address, "spec", "parentRef", NULL);

  return strcmp(json_get_str_or(ref, "namespace", ""), c->info.namespace_) == 0 &&
         strcmp(json_get_str_or(ref, "name", ""), service) == 0;
}

/* True when the address is ours now. */
static bool
take(struct rest_call *c, const char *ip, const char *service)
{
  const struct kind_resource *res = kind_resource_find(c->personality, "networking.k8s.io", "v1", "ipaddresses");
  _cleanup_record_ struct record *mine = NULL, *there = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT, again = KERR_INIT;
  int64_t revision;

  if (!res || c->dry_run) /* a release without IPAddress: nobody can ask who has it */
    return true;
  struct span key = rest_key(c->a, res, "", ip);

  mine = address_record(c, key, ip, service);
  if (store_cas(c->s->store, key, mine, 0, &revision, &err) == 0)
    return true;
  if (store_get(c->s->store, key, 0, &there, &again) < 0)
    return false;
  if (holder_is_asking(c, record_tree(there), service))
    return true;
  if (holder_is_there(c, record_tree(there)))
    return false;
  record_unref(mine);
  mine = address_record(c, key, ip, service);
  return store_cas(c->s->store, key, mine, record_revision(there), &revision, &again) == 0;
}

static const char *
allocate(struct rest_call *c, const char *service)
{
  uint32_t size, base = range_of(c, &size), at;

  for (int i = 0; i < TRIES; i++) {
    codec_random(&at, sizeof at);
    const char *ip = dotted(c->a, base + 2 + at % (size - 3)); /* not the network, not the first, not the last */

    if (take(c, ip, service))
      return ip;
  }
  return NULL;
}

static bool
is_external(const struct json *spec)
{
  return strcmp(json_get_str_or(spec, "type", "ClusterIP"), "ExternalName") == 0;
}

static bool
is_headless(const struct json *spec)
{
  return strcmp(json_get_str_or(spec, "clusterIP", ""), "None") == 0;
}

/* A headless service without a selector may have endpoints of either family: nobody knows them yet. */
static void
set_family(struct rest_call *c, struct json *spec)
{
  bool both = is_headless(spec) && !json_count(json_get(spec, "selector"));
  struct json *families;

  if (!json_get_str(spec, "ipFamilyPolicy"))
    json_set_str(c->a, spec, "ipFamilyPolicy", both ? "RequireDualStack" : "SingleStack");
  families = json_ensure_array(c->a, spec, "ipFamilies");
  if (!json_count(families))
    json_append_str(c->a, families, "IPv4");
  if (both && json_count(families) == 1 && strcmp(json_get_str(spec, "ipFamilyPolicy"), "SingleStack") != 0)
    json_append_str(c->a, families, strcmp(json_str(json_at(families, 0)), "IPv4") == 0 ? "IPv6" : "IPv4");
}

/* The address that the client wants, or one of ours. What is no address is for validation to refuse. */
static int
give_address(struct rest_call *c, const char *name, struct json *spec, struct kerr *reterr)
{
  const char *ip = json_get_str_or(spec, "clusterIP", "");
  struct address read;

  set_family(c, spec);
  c->reshape = true;
  if (!*ip && json_count(json_get(spec, "clusterIPs")))
    return 0;
  if (*ip && !is_headless(spec) && address_read(span_of(ip), &read) && !take(c, ip, name)) {
    struct field_errors errs = { .a = c->a };

    field_errors_add(&errs, FIELD_INVALID, "spec.clusterIPs", arena_printf(c->a, "[]string{\"%s\"}", ip),
                     "failed to allocate IP %s: provided IP is already allocated", ip);
    return rest_invalid(c, name, &errs, reterr);
  }
  if (!*ip) {
    ip = allocate(c, name);
    if (!ip)
      return kerr_set(reterr, KERR_INTERNAL, NULL, "failed to allocate a serviceIP: range is full");
    json_set_str(c->a, spec, "clusterIP", ip);
  }
  if (!json_count(json_get(spec, "clusterIPs")))
    json_append_str(c->a, json_set(c->a, spec, "clusterIPs", json_new_array(c->a)), ip);
  return 0;
}

static int
prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  struct json *spec = json_find(o, "spec");

  json_set(c->a, json_set(c->a, o, "status", json_new_object(c->a)), "loadBalancer", json_new_object(c->a));
  spec = json_set(c->a, o, "spec", spec ? json_shallow(c->a, spec) : json_new_object(c->a));
  return is_external(spec) ? 0 : give_address(c, object_name(o), spec, reterr);
}

/* What the server gave: a client that sends what it once created keeps it, and one that needs it no more loses it. */
static const char *const given[] = { "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy" };

static void
drop_given(struct json *spec, const struct json *old_spec)
{
  for (size_t i = 0; i < ARRAY_SIZE(given); i++)
    if (json_get(spec, given[i]) && json_get(old_spec, given[i]) &&
        json_equal(json_get(spec, given[i]), json_get(old_spec, given[i])))
      json_remove(spec, given[i]);
}

static void
keep_given(struct rest_call *c, struct json *spec, const struct json *old_spec)
{
  const struct json *ips = json_get(old_spec, "clusterIPs");
  const char *ip;

  for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
    const struct json *now = json_get(spec, given[i]), *old = json_get(old_spec, given[i]);
    bool unset = !now || (json_str(now) ? !*json_str(now) : !json_count(now));

    if (unset && old)
      json_set(c->a, spec, given[i], json_copy(c->a, old));
  }
  ip = json_get_str_or(spec, "clusterIP", "");
  if (strcmp(ip, json_get_str_or(old_spec, "clusterIP", "")) == 0 || !json_get(spec, "clusterIPs") || !ips)
    return;
  if (json_equal(json_get(spec, "clusterIPs"), ips)) /* an old client knows of one address only */
    json_append_str(c->a, json_set(c->a, spec, "clusterIPs", json_new_array(c->a)), ip);
}

static int
prepare_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *old_spec = json_get(old, "spec");
  struct json *spec = json_find(o, "spec");

  if (*c->info.subresource)
    return 0;
  spec = json_set(c->a, o, "spec", spec ? json_shallow(c->a, spec) : json_new_object(c->a));
  c->reshape = true;
  if (is_external(spec)) {
    if (!is_external(old_spec))
      drop_given(spec, old_spec);
    return 0;
  }
  if (is_external(old_spec))
    return give_address(c, object_name(o), spec, reterr);
  keep_given(c, spec, old_spec);
  return 0;
}

/* The address is free again. One that cannot be removed now is taken over by whoever gets it next. */
static void
release_address(struct rest_call *c, const struct json *o)
{
  const struct kind_resource *res = kind_resource_find(c->personality, "networking.k8s.io", "v1", "ipaddresses");
  const char *ip = json_get_str_or(json_get(o, "spec"), "clusterIP", "");
  _cleanup_record_ struct record *there = NULL;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  int64_t revision;

  if (!res || !*ip || strcmp(ip, "None") == 0)
    return;
  struct span key = rest_key(c->a, res, "", ip);

  if (store_get(c->s->store, key, 0, &there, &ignored) == 0 &&
      store_cas(c->s->store, key, NULL, record_revision(there), &revision, &ignored) < 0)
    log_debug(c->s->config.log, "apiserver", "address %s of a service that is gone: %s", ip, ignored.msg);
}

const struct strategy strategy_service = {
  .group = "",
  .kind = "Service",
  .prepare_create = prepare_create,
  .prepare_update = prepare_update,
  .deleted = release_address,
};
