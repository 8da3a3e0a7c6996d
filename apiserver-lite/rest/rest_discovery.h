/*
 * rest_discovery - what this server has: /api, /apis and below, made from the
 * kind tables for the personality that asks.
 *
 * Three forms, as upstream: the lists of old (APIVersions, APIGroupList,
 * APIGroup, APIResourceList) and, for clients that ask for it at the two roots,
 * everything at once (APIGroupDiscoveryList, KEP-3352) with an ETag.
 */
#ifndef APISERVER_REST_DISCOVERY_H
#define APISERVER_REST_DISCOVERY_H

#include "rest.h"

/* `rest`: what follows "/api", "" or "/v1". */
_must_check_ int rest_discovery_core(struct rest_call *c, const char *rest, struct kerr *reterr);
/* `rest`: what follows "/apis", "", "/GROUP" or "/GROUP/VERSION". */
_must_check_ int rest_discovery_groups(struct rest_call *c, const char *rest, struct kerr *reterr);

#endif
