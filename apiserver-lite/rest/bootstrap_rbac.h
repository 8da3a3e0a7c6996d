/* bootstrap_rbac - the roles and bindings every cluster starts with (plugin/pkg/auth/authorizer/rbac/bootstrappolicy).
 */
#ifndef APISERVER_BOOTSTRAP_RBAC_H
#define APISERVER_BOOTSTRAP_RBAC_H

#include "apiserver_internal.h"

_must_check_ int bootstrap_rbac(struct apiserver *s, struct kerr *reterr);
/* POST an object as the server itself; it may be there already. */
_must_check_ int bootstrap_create(struct apiserver *s, const char *path, const char *body, struct kerr *reterr);

#endif
