/* bootstrap_config - what the API server tells about itself in objects: config maps, its service range. */
#ifndef APISERVER_BOOTSTRAP_CONFIG_H
#define APISERVER_BOOTSTRAP_CONFIG_H

#include "apiserver_internal.h"

_must_check_ int bootstrap_config(struct apiserver *s, struct kerr *reterr);
const char *bootstrap_service_range(const struct apiserver *s);

#endif
