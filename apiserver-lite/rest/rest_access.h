/* rest_access - who asks, for whom, and may they: authentication, impersonation, authorization. */
#ifndef APISERVER_REST_ACCESS_H
#define APISERVER_REST_ACCESS_H

#include "rest.h"

/* Sets call->user. KERR_UNAUTHORIZED, KERR_FORBIDDEN, KERR_BAD_REQUEST in upstream's words. */
_must_check_ int rest_access(struct rest_call *c, struct kerr *reterr);

/* May the call's user do this, too? `ns` "": at cluster scope. *ret_why: the authorizer's reason when not. */
/* Every text is there; "" says none. */
struct access_question {
  const char *verb, *group, *resource, *subresource, *name, *ns;
};
bool rest_may(struct rest_call *c, const struct access_question *q, const char **ret_why);

#endif
