/*
 * store_trace - a store that says what is asked of another one.
 *
 * Each call becomes one debug line of component "store": operation, key,
 * revision, result. Watches pass through.
 */
#ifndef APISERVER_STORE_TRACE_H
#define APISERVER_STORE_TRACE_H

#include "store.h"

/* Takes over `inner`, which is freed with the result. `log` is borrowed. */
struct store *store_trace_new(struct store *inner, struct log *log);

#endif
