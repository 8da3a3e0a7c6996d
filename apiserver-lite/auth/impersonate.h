/*
 * impersonate - acting as somebody else, by the Impersonate-* headers.
 *
 * With the gate ConstrainedImpersonation the more careful modes are tried
 * first (associated-node, arbitrary-node, serviceaccount, user-info: KEP-5284);
 * the old one, verb "impersonate", always comes last. The first mode that
 * allows it wins; else the first refusal is the answer. Upstream:
 * apiserver/pkg/endpoints/filters/impersonation.
 *
 * Threads: no state; any thread.
 */
#ifndef APISERVER_IMPERSONATE_H
#define APISERVER_IMPERSONATE_H

#include "authz.h"

/*
 * Who the request is to be served as, in req->arena: `who` itself when there are no such headers. `what` is the request
 * as it is asked to the authorizer (its user is ignored). KERR_BAD_REQUEST: headers without a user name;
 * KERR_FORBIDDEN.
 */
_must_check_ int impersonate_request(struct authz *z, const struct exchange_request *req,
                                     const struct exchange_user *who, const struct authz_request *what,
                                     const struct exchange_user **ret, struct kerr *reterr);

#endif
