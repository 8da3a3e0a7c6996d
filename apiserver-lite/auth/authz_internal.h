/* authz_internal - for the other files of this folder. */
#ifndef APISERVER_AUTHZ_INTERNAL_H
#define APISERVER_AUTHZ_INTERNAL_H

#include "authz.h"

bool authz_gate(const struct authz *z, const char *gate); /* of the cluster's personality */

#endif
