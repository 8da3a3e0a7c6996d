/*
 * rest_store - looking after the store of a running server: what etcdctl does where upstream's API server has an etcd
 * beside it.
 *
 *   GET  /dralab/store                       store_status.h as JSON
 *   POST /dralab/store/compact[?revision=N]  the same, afterwards
 *
 * Who may is a matter of RBAC (nonResourceURLs): without a rule of its own, system:masters.
 */
#ifndef APISERVER_REST_STORE_H
#define APISERVER_REST_STORE_H

#include "rest.h"

#define REST_STORE_PATH "/dralab/store"

/* `rest`: what follows REST_STORE_PATH. */
_must_check_ int rest_store_serve(struct rest_call *c, const char *rest, struct kerr *reterr);

#endif
