/*
 * service_write - a service on its way into the store: what it is given, and what has to be given back.
 *
 * Made by the strategy before validation (upstream: beginCreate, beginUpdate in pkg/registry/core/service/storage) and
 * finished when the write is stored or has failed. On the request's arena, of one thread.
 */
#ifndef APISERVER_SERVICE_WRITE_H
#define APISERVER_SERVICE_WRITE_H

#include "service_address.h"
#include "service_ports.h"
#include "validate_service.h"

struct service_write {
  struct rest_call *c;
  struct service_owner owner;
  struct service_ports ports;
  struct json *spec;      /* as it will be stored; the write's own, with its ports */
  const struct json *was; /* the spec before; NULL: the service is new */
  const char *taken_ip, *given_up_ip;
};

/* -- service_families.c -- */
/* ipFamilyPolicy and ipFamilies as they follow from everything else (initIPFamilyFields). 422 when they do not. */
_must_check_ int service_families_set(struct service_write *w, struct kerr *reterr);
/* A service of both families that is to stay as it is. */
bool service_families_rest(const struct service_write *w);

/* -- service_allocate.c -- */
_must_check_ int service_allocate(struct service_write *w, struct kerr *reterr);
void service_write_finish(struct service_write *w, bool stored);

/* -- what they share -- */
bool service_is(const struct json *spec, const char *type);
static inline const char *
service_text(const struct json *spec, const char *name)
{
  return json_get_str_or(spec, name, "");
}
bool service_is_headless(const struct json *spec);
bool service_has_node_ports(const struct json *spec);
bool service_wants_node_ports(const struct json *spec); /* does a port that names none get one? */
bool service_needs_health_check(const struct json *spec);
/* 422 with what `v` has found. */
int service_refuse(struct service_write *w, struct validation *v, struct kerr *reterr);

#endif
