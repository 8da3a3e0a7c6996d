/* bootstrap_rbac - the roles and bindings every cluster starts with (pkg/registry/rbac/rest/storage_rbac.go). */
#ifndef APISERVER_BOOTSTRAP_RBAC_H
#define APISERVER_BOOTSTRAP_RBAC_H

#include "apiserver_internal.h"

/* Make what is missing, and give back to what is there what somebody took from it. */
_must_check_ int bootstrap_rbac(struct apiserver *s, struct kerr *reterr);

#endif
