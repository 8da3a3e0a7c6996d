/*
 * service_ports - ports that services have on every node (pkg/registry/core/service/portallocator).
 *
 * Ports are bits of a range_map. A write takes at once what it needs and gives back what is not needed any more after
 * it is stored, so a port may be lost for a while but never has two owners.
 *
 * A `struct service_ports` lives on its request's arena; it belongs to its thread.
 */
#ifndef APISERVER_SERVICE_PORTS_H
#define APISERVER_SERVICE_PORTS_H

#include "apiserver_internal.h"

#define NODE_PORTS_DEFAULT "30000-32767"

struct service_ports {
  struct apiserver *s;
  struct arena *a;
  bool dry_run; /* nothing is taken */
  int *taken, *given_up;
  size_t n_taken, n_given_up, cap_taken, cap_given_up;
};

/* *ret_problem: NULL, or why the port cannot be had in upstream's words. */
_must_check_ int service_port_take(struct service_ports *p, int64_t port, const char **ret_problem,
                                   struct kerr *reterr);
_must_check_ int service_port_take_any(struct service_ports *p, int *ret, const char **ret_problem,
                                       struct kerr *reterr);
/* Not needed any more, once the write is stored. */
void service_port_give_up(struct service_ports *p, int64_t port);
/* The write is stored, or (false) is not. What fails is logged; the next start puts it right. */
void service_ports_finish(struct service_ports *p, bool stored);

/* Is it a range of ports, "FIRST-LAST"? KERR_USAGE. NULL is the default. */
_must_check_ int service_ports_check_range(const char *text, struct kerr *reterr);
/* The ports that services have are taken, and no others: at the start. */
_must_check_ int service_ports_repair(struct apiserver *s, struct kerr *reterr);

#endif
