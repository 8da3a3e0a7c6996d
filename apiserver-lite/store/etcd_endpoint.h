/*
 * etcd_endpoint - where an etcd listens: as text, and as a socket that is connecting to it.
 */
#ifndef APISERVER_ETCD_ENDPOINT_H
#define APISERVER_ETCD_ENDPOINT_H

#include "kerr.h"

#define ETCD_ENDPOINTS_MAX 32

struct etcd_endpoint {
  char *text; /* as it was given */
  char *host, *port;
  char *path; /* of a unix socket, instead of host and port */
  bool tls;
};

/* "https://a:2379,https://b:2379". KERR_USAGE. */
_must_check_ int etcd_endpoints_parse(const char *text, struct etcd_endpoint **ret, size_t *ret_n, struct kerr *reterr);
void etcd_endpoints_free(struct etcd_endpoint *list, size_t n);
/* A non-blocking socket that is connecting, the caller's; or -KERR_IO. Looking up a name blocks. */
_must_check_ int etcd_endpoint_connect(const struct etcd_endpoint *e, struct kerr *reterr);

#endif
