/*
 * service_address - cluster addresses, and who has them (pkg/registry/core/service/ipallocator).
 *
 * Since 1.33 an address is taken by creating its IPAddress object, which the store lets only one writer do, from any
 * ServiceCIDR that is ready and the range the server was configured with. Before, it is a bit of a range_map.
 *
 * An IPAddress whose service never came, or is gone, is taken over when it is older than a request can be (upstream
 * has a controller that removes it then): so a server that died half-way costs nothing.
 *
 * Threads: no state but the store's.
 */
#ifndef APISERVER_SERVICE_ADDRESS_H
#define APISERVER_SERVICE_ADDRESS_H

#include "apiserver_internal.h"
#include "range_map.h"

#define SERVICE_RANGE_DEFAULT "10.96.0.0/12"

/* Whom an address is for. */
struct service_owner {
  struct apiserver *s;
  struct arena *a;
  int64_t now;
  const char *ns, *name;
  bool dry_run; /* nothing is taken, and little looked at: as upstream */
};

/* Both: *ret_problem is NULL when the address is the service's now, or why not in upstream's words. */
_must_check_ int service_address_take(const struct service_owner *o, const char *ip, const char **ret_problem,
                                      struct kerr *reterr);
_must_check_ int service_address_take_any(const struct service_owner *o, const char **ret_ip, const char **ret_problem,
                                          struct kerr *reterr);
/* Free again, if it is this service's. What fails is logged: see above. */
void service_address_release(const struct service_owner *o, const char *ip);
/* The addresses that services have are taken, whatever has been lost: at the start. */
_must_check_ int service_address_repair(struct apiserver *s, struct kerr *reterr);

/* range_map_repair by what the services in the store have: `mark` says of one of them which numbers those are. */
typedef void service_mark_fn(void *payload, const struct json *service, struct range_bits *bits);
_must_check_ int service_range_repair(struct apiserver *s, const struct range_map *m, bool keep, service_mark_fn *mark,
                                      void *payload, struct kerr *reterr);

#endif
