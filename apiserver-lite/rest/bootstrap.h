/* bootstrap - what upstream's API server puts into an empty store. */
#ifndef APISERVER_BOOTSTRAP_H
#define APISERVER_BOOTSTRAP_H

#include "apiserver_internal.h"

/* Make what is missing; what is there stays as it is. */
_must_check_ int bootstrap_objects(struct apiserver *s, struct kerr *reterr);

#endif
