/* rest_route - from a request to its handler. */
#ifndef APISERVER_REST_ROUTE_H
#define APISERVER_REST_ROUTE_H

#include "rest.h"

/* exchange_ops.serve. */
void rest_serve(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret);

/* exchange_ops.may_wait: does it read objects that a webhook may have to convert? */
bool rest_may_wait(struct exchange *x, const struct exchange_request *req);

/* Paths that name no resource: discovery, health, version, metrics (rest_paths.c). */
_must_check_ int rest_serve_path(struct rest_call *c, struct kerr *reterr);
/* 404 as Go's mux says it: plain text. */
int rest_no_such_page(struct rest_call *c);
/* 404 as the router says it inside a group that exists. */
int rest_no_such_resource(struct rest_call *c, struct kerr *reterr);

#endif
