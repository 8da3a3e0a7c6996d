/* What a service is given: an address, node ports, a port for health checks (storage/alloc.go). */
#include <string.h>

#include "service_write.h"

bool
service_is(const struct json *spec, const char *type)
{
  return strcmp(service_text(spec, "type"), type) == 0;
}

bool
service_is_headless(const struct json *spec)
{
  const char *first = json_str(json_at(json_get(spec, "clusterIPs"), 0));

  return first && strcmp(first, "None") == 0;
}

bool
service_needs_health_check(const struct json *spec)
{
  return service_is(spec, "LoadBalancer") && strcmp(service_text(spec, "externalTrafficPolicy"), "Local") == 0;
}

bool
service_has_node_ports(const struct json *spec)
{
  return service_is(spec, "NodePort") || service_is(spec, "LoadBalancer");
}

bool
service_wants_node_ports(const struct json *spec)
{
  return service_is(spec, "NodePort") ||
         (service_is(spec, "LoadBalancer") && json_get_bool(spec, "allocateLoadBalancerNodePorts", true));
}

int
service_refuse(struct service_write *w, struct validation *v, struct kerr *reterr)
{
  struct field_errors errs = { .a = w->c->a };

  validation_finish(v, v->n, &errs);
  return rest_invalid(w->c, w->owner.name, &errs, reterr);
}

/* -- the address -- */

static int
refuse_address(struct service_write *w, const char *ip, const char *problem, struct kerr *reterr)
{
  struct validation v = { .a = w->c->a, .kind = w->c->kind, .p = w->c->personality };

  verr_add(&v, FIELD_INVALID, VP(VP(NULL, "spec"), "clusterIPs"),
           validate_show_texts(&v, json_get(w->spec, "clusterIPs")), "failed to allocate IP %s: %s", ip, problem);
  return service_refuse(w, &v, reterr);
}

static int
give_address(struct service_write *w, struct kerr *reterr)
{
  const char *ip = json_str(json_at(json_get(w->spec, "clusterIPs"), 0)), *problem;

  if (service_is_headless(w->spec))
    return 0;
  if (ip) {
    if (service_address_take(&w->owner, ip, &problem, reterr) < 0)
      return -(int)reterr->code;
    if (problem)
      return refuse_address(w, ip, problem, reterr);
  } else {
    if (service_address_take_any(&w->owner, &ip, &problem, reterr) < 0)
      return -(int)reterr->code;
    if (problem)
      return kerr_set(reterr, KERR_INTERNAL, NULL,
                      "Internal error occurred: failed to allocate a serviceIP for Service \"%s\": %s", w->owner.name,
                      problem);
  }
  w->taken_ip = ip;
  json_append_str(w->c->a, json_set(w->c->a, w->spec, "clusterIPs", json_new_array(w->c->a)), ip);
  json_set_str(w->c->a, w->spec, "clusterIP", ip);
  return 0;
}

static int
set_address(struct service_write *w, struct kerr *reterr)
{
  bool external = service_is(w->spec, "ExternalName");

  if (!w->was)
    return external ? 0 : give_address(w, reterr);
  if (service_families_rest(w))
    return 0;
  if (service_is(w->was, "ExternalName"))
    return external ? 0 : give_address(w, reterr);
  if (external && !service_is_headless(w->was))
    w->given_up_ip = json_str(json_at(json_get(w->was, "clusterIPs"), 0));
  return 0;
}

/* -- ports -- */

static int64_t
node_port(const struct json *port)
{
  return json_get_int(port, "nodePort", 0);
}

static int
take_named(struct service_write *w, size_t i, int64_t wanted, struct kerr *reterr)
{
  struct validation v = { .a = w->c->a, .kind = w->c->kind, .p = w->c->personality };
  const char *problem;

  if (service_port_take(&w->ports, wanted, &problem, reterr) < 0)
    return -(int)reterr->code;
  if (!problem)
    return 0;
  verr_invalid_int(&v, VP(VP_ITEM(VP(VP(NULL, "spec"), "ports"), i), "nodePort"), wanted, problem);
  return service_refuse(w, &v, reterr);
}

static int
take_any(struct service_write *w, struct json *port, struct kerr *reterr)
{
  const char *problem;
  int got;

  if (service_port_take_any(&w->ports, &got, &problem, reterr) < 0)
    return -(int)reterr->code;
  if (problem)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "Internal error occurred: failed to allocate a nodePort: %s", problem);
  json_set_int(w->c->a, port, "nodePort", got);
  return 0;
}

/* The node port that some port of the same number names. */
static int64_t
named_for(const struct json *ports, int64_t number)
{
  for (json_each_item (p, ports))
    if (json_get_int(*p, "port", 0) == number && node_port(*p))
      return node_port(*p);
  return 0;
}

/* What the ports before `i` gave to the same number, so that TCP and UDP of it share one. */
static int64_t
given_to(const struct json *ports, const int64_t *given, size_t i)
{
  for (size_t j = 0; j < i; j++)
    if (given[j] && json_get_int(json_at(ports, j), "port", 0) == json_get_int(json_at(ports, i), "port", 0))
      return given[j];
  return 0;
}

/* initNodePorts */
static int
new_ports(struct service_write *w, struct kerr *reterr)
{
  struct json *ports = json_find(w->spec, "ports");
  int64_t *given = arena_array_of(w->c->a, int64_t, json_count(ports) + 1);

  for (size_t i = 0; i < json_count(ports); i++) {
    struct json *p = json_item(ports, i);
    int64_t named = named_for(ports, json_get_int(p, "port", 0)), before = given_to(ports, given, i);

    if (!node_port(p) && !service_wants_node_ports(w->spec))
      continue;
    if (before && node_port(p) && node_port(p) != before) {
      if (take_named(w, i, node_port(p), reterr) < 0)
        return -(int)reterr->code;
    } else if (!before && !named) {
      if (take_any(w, p, reterr) < 0)
        return -(int)reterr->code;
      given[i] = node_port(p);
    } else {
      if (!before && take_named(w, i, named, reterr) < 0)
        return -(int)reterr->code;
      given[i] = before ? before : named;
      json_set_int(w->c->a, p, "nodePort", given[i]);
    }
  }
  return 0;
}

static bool
has_port(const struct json *ports, int64_t port, size_t n)
{
  for (size_t i = 0; i < json_count(ports) && i < n; i++)
    if (node_port(json_at(ports, i)) == port)
      return true;
  return false;
}

static void
give_up_ports(struct service_write *w, const struct json *kept)
{
  for (json_each_item (p, json_get(w->was, "ports")))
    if (node_port(*p) && !has_port(kept, node_port(*p), SIZE_MAX))
      service_port_give_up(&w->ports, node_port(*p));
}

static int
refuse_double(const struct json *ports, size_t i, struct kerr *reterr)
{
  const struct json *p = json_at(ports, i);

  for (size_t j = 0; j < i; j++)
    if (node_port(json_at(ports, j)) == node_port(p) &&
        strcmp(service_text(json_at(ports, j), "protocol"), service_text(p, "protocol")) == 0)
      return kerr_set(reterr, KERR_INTERNAL, NULL, "duplicate nodePort: {%s %lld}", service_text(p, "protocol"),
                      (long long)node_port(p));
  return 0;
}

/* updateNodePorts */
static int
change_ports(struct service_write *w, struct kerr *reterr)
{
  struct json *ports = json_find(w->spec, "ports");

  for (size_t i = 0; i < json_count(ports); i++) {
    struct json *p = json_item(ports, i);
    int64_t wanted = node_port(p);
    bool is_new = wanted && !has_port(json_get(w->was, "ports"), wanted, SIZE_MAX) && !has_port(ports, wanted, i);

    if (!wanted && !service_wants_node_ports(w->spec))
      continue;
    if (is_new && take_named(w, i, wanted, reterr) < 0)
      return -(int)reterr->code;
    if ((!wanted && take_any(w, p, reterr) < 0) || refuse_double(ports, i, reterr) < 0)
      return -(int)reterr->code;
  }
  give_up_ports(w, ports);
  return 0;
}

static int
set_ports(struct service_write *w, struct kerr *reterr)
{
  if (service_has_node_ports(w->spec))
    return w->was ? change_ports(w, reterr) : new_ports(w, reterr);
  if (w->was && service_has_node_ports(w->was))
    give_up_ports(w, NULL);
  return 0;
}

static int
give_health_port(struct service_write *w, struct kerr *reterr)
{
  int64_t wanted = json_get_int(w->spec, "healthCheckNodePort", 0);
  const char *problem;
  int got = 0;

  if (wanted) {
    if (service_port_take(&w->ports, wanted, &problem, reterr) < 0)
      return -(int)reterr->code;
    return problem ? kerr_set(reterr, KERR_INTERNAL, NULL,
                              "Internal error occurred: failed to allocate requested HealthCheck NodePort %lld: %s",
                              (long long)wanted, problem)
                   : 0;
  }
  if (service_port_take_any(&w->ports, &got, &problem, reterr) < 0)
    return -(int)reterr->code;
  if (problem)
    return kerr_set(reterr, KERR_INTERNAL, NULL,
                    "Internal error occurred: failed to allocate a HealthCheck NodePort %d: %s", got, problem);
  json_set_int(w->c->a, w->spec, "healthCheckNodePort", got);
  return 0;
}

static int
set_health_port(struct service_write *w, struct kerr *reterr)
{
  bool needed = service_needs_health_check(w->was), needs = service_needs_health_check(w->spec);

  if (needed && !needs)
    service_port_give_up(&w->ports, json_get_int(w->was, "healthCheckNodePort", 0));
  return needs && !needed ? give_health_port(w, reterr) : 0;
}

/* -- the whole -- */

int
service_allocate(struct service_write *w, struct kerr *reterr)
{
  if (service_families_set(w, reterr) < 0 || set_address(w, reterr) < 0 || set_ports(w, reterr) < 0 ||
      set_health_port(w, reterr) < 0)
    return -(int)reterr->code;
  return 0;
}

void
service_write_finish(struct service_write *w, bool stored)
{
  const char *ip = stored ? w->given_up_ip : w->taken_ip;

  service_ports_finish(&w->ports, stored);
  if (ip && !w->owner.dry_run)
    service_address_release(&w->owner, ip);
}
