/*
 * Services: what a client may leave out, what it loses with a change of type, and when what it has is free again
 * (pkg/registry/core/service/{strategy.go,storage/storage.go}).
 */
#include <string.h>

#include "object.h"
#include "service_write.h"
#include "strategy.h"

/* Is the member set in both, or in neither, and the same? */
static bool
is_same(const struct json *now, const struct json *old, const char *name)
{
  return json_same(json_get(now, name), json_get(old, name));
}

static bool
is_external(const struct json *spec)
{
  return service_is(spec, "ExternalName");
}

/* -- what the client left out (patchAllocatedValues) -- */

static bool
names_port(const struct json *spec, int64_t port)
{
  for (json_each_item (p, json_get(spec, "ports")))
    if (json_get_int(*p, "nodePort", 0) == port)
      return true;
  return false;
}

/* The last port of that name counts. */
static int64_t
port_named(const struct json *spec, const char *name)
{
  int64_t found = 0;

  for (json_each_item (p, json_get(spec, "ports")))
    if (strcmp(service_text(*p, "name"), name) == 0)
      found = json_get_int(*p, "nodePort", 0);
  return found;
}

/* Ports keep by their names what they had, unless another one names it. */
static void
keep_node_ports(struct service_write *w)
{
  struct json *ports = json_find(w->spec, "ports");
  const struct json *asked = json_copy(w->c->a, w->spec);

  for (size_t i = 0; i < json_count(ports); i++) {
    struct json *p = json_item(ports, i);
    int64_t had = port_named(w->was, service_text(p, "name"));

    if (!json_get_int(p, "nodePort", 0) && had && !names_port(asked, had))
      json_set_int(w->c->a, p, "nodePort", had);
  }
}

static void
keep_given(struct service_write *w)
{
  const struct json *ips = json_get(w->was, "clusterIPs");

  if (!is_external(w->was) && !is_external(w->spec)) {
    if (!*service_text(w->spec, "clusterIP") && *service_text(w->was, "clusterIP"))
      json_set_str(w->c->a, w->spec, "clusterIP", service_text(w->was, "clusterIP"));
    if (!json_count(json_get(w->spec, "clusterIPs")) && json_count(ips))
      json_set(w->c->a, w->spec, "clusterIPs", json_copy(w->c->a, ips));
  }
  if (service_wants_node_ports(w->was) && service_wants_node_ports(w->spec))
    keep_node_ports(w);
  if (service_needs_health_check(w->was) && service_needs_health_check(w->spec) &&
      !json_get_int(w->spec, "healthCheckNodePort", 0))
    json_set_int(w->c->a, w->spec, "healthCheckNodePort", json_get_int(w->was, "healthCheckNodePort", 0));
}

/* -- one address and a list of them (normalizeClusterIPs): old clients know the one only -- */

static void
set_one(struct service_write *w, const char *ip)
{
  json_append_str(w->c->a, json_set(w->c->a, w->spec, "clusterIPs", json_new_array(w->c->a)), ip);
}

static void
normalize(struct service_write *w)
{
  const char *ip = service_text(w->spec, "clusterIP"), *old = service_text(w->was, "clusterIP");
  bool none = !json_count(json_get(w->spec, "clusterIPs"));

  if (!w->was) {
    if (*ip && none)
      set_one(w, ip);
    return;
  }
  if (none && strcmp(ip, old) == 0 && json_count(json_get(w->was, "clusterIPs")))
    json_set(w->c->a, w->spec, "clusterIPs", json_copy(w->c->a, json_get(w->was, "clusterIPs")));
  if (strcmp(ip, old) == 0 || !is_same(w->spec, w->was, "clusterIPs"))
    return;
  if (*ip)
    set_one(w, ip);
  else
    json_remove(w->spec, "clusterIPs");
}

/* -- what goes with the type, unless the client changes it, too (dropTypeDependentFields) -- */

static void
drop_addresses(struct json *spec, const struct json *was)
{
  static const char *const families[] = { "ipFamilies", "ipFamilyPolicy" };

  if (is_same(spec, was, "clusterIP") && is_same(spec, was, "clusterIPs")) {
    json_remove(spec, "clusterIP");
    json_remove(spec, "clusterIPs");
  }
  for (size_t i = 0; i < ARRAY_SIZE(families); i++)
    if (is_same(spec, was, families[i]))
      json_remove(spec, families[i]);
}

static void
drop_node_ports(struct json *spec, const struct json *was)
{
  struct json *ports = json_find(spec, "ports");

  for (json_each_item (p, ports))
    if (json_get_int(*p, "nodePort", 0) && !names_port(was, json_get_int(*p, "nodePort", 0)))
      return;
  for (size_t i = 0; i < json_count(ports); i++)
    json_remove(json_item(ports, i), "nodePort");
}

static bool
is_reachable(const struct json *spec)
{
  return service_has_node_ports(spec) || (service_is(spec, "ClusterIP") && json_count(json_get(spec, "externalIPs")));
}

static bool
is_balanced(const struct json *spec)
{
  return service_is(spec, "LoadBalancer");
}

static const struct {
  bool (*applies)(const struct json *spec);
  const char *member;
} dependent[] = {
  { service_needs_health_check, "healthCheckNodePort" },
  { is_balanced, "allocateLoadBalancerNodePorts" },
  { is_balanced, "loadBalancerClass" },
  { is_reachable, "externalTrafficPolicy" },
};

static void
drop_dependent(struct service_write *w, struct json *o)
{
  if (!is_external(w->was) && is_external(w->spec))
    drop_addresses(w->spec, w->was);
  if (service_has_node_ports(w->was) && !service_has_node_ports(w->spec))
    drop_node_ports(w->spec, w->was);
  for (size_t i = 0; i < ARRAY_SIZE(dependent); i++)
    if (dependent[i].applies(w->was) && !dependent[i].applies(w->spec) && is_same(w->spec, w->was, dependent[i].member))
      json_remove(w->spec, dependent[i].member);
  if (!is_balanced(w->spec)) {
    struct json *status = json_set(w->c->a, o, "status", json_copy(w->c->a, json_get(o, "status")));

    if (json_is(status, JSON_OBJECT))
      json_set(w->c->a, status, "loadBalancer", json_new_object(w->c->a));
  }
}

/* -- the strategy -- */

static struct service_write *
begin(struct rest_call *c, struct json *o, const struct json *was)
{
  struct service_write *w = arena_new_of(c->a, struct service_write);
  const struct json *spec = json_get(o, "spec");

  *w = (struct service_write){
    .c = c,
    .owner = { .s = c->s,
               .a = c->a,
               .now = c->now,
               .ns = c->info.namespace_,
               .name = object_name(o),
               .dry_run = c->dry_run },
    .ports = { .s = c->s, .a = c->a, .dry_run = c->dry_run },
    .was = was,
  };
  w->spec = json_set(c->a, o, "spec", spec ? json_copy(c->a, spec) : json_new_object(c->a));
  c->reshape = true;
  return c->service = w;
}

/*
 * A name has no traffic of its own. Upstream once gave it the policy all the same, so it hides it from who reads; what
 * is no policy is for validation to refuse.
 */
static void
drop_traffic_policy(struct json *spec)
{
  const char *policy = service_text(spec, "internalTrafficPolicy");

  if (is_external(spec) && (strcmp(policy, "Cluster") == 0 || strcmp(policy, "Local") == 0))
    json_remove(spec, "internalTrafficPolicy");
}

static int
prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  struct service_write *w = begin(c, o, NULL);

  json_set(c->a, json_set(c->a, o, "status", json_new_object(c->a)), "loadBalancer", json_new_object(c->a));
  normalize(w);
  drop_traffic_policy(w->spec);
  return service_allocate(w, reterr);
}

static int
prepare_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  if (*c->info.subresource)
    return 0;
  struct service_write *w = begin(c, o, json_get(old, "spec"));

  keep_given(w);
  normalize(w);
  if (service_allocate(w, reterr) < 0)
    return -(int)reterr->code;
  drop_dependent(w, o);
  drop_traffic_policy(w->spec);
  return 0;
}

static void
finish(struct rest_call *c, bool stored)
{
  if (c->service)
    service_write_finish(c->service, stored);
  c->service = NULL;
}

/* What the service had is free again. */
static void
deleted(struct rest_call *c, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  struct service_write w = {
    .c = c,
    .owner = { .s = c->s, .a = c->a, .now = c->now, .ns = object_namespace(o), .name = object_name(o) },
    .ports = { .s = c->s, .a = c->a },
  };

  for (json_each_item (p, json_get(spec, "ports")))
    if (json_get_int(*p, "nodePort", 0))
      service_port_give_up(&w.ports, json_get_int(*p, "nodePort", 0));
  if (service_needs_health_check(spec))
    service_port_give_up(&w.ports, json_get_int(spec, "healthCheckNodePort", 0));
  if (!is_external(spec) && !service_is_headless(spec))
    w.given_up_ip = json_str(json_at(json_get(spec, "clusterIPs"), 0));
  service_write_finish(&w, true);
}

const struct strategy strategy_service = {
  .group = "",
  .kind = "Service",
  .prepare_create = prepare_create,
  .prepare_update = prepare_update,
  .finish = finish,
  .deleted = deleted,
};
