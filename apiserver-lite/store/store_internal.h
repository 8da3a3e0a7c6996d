/*
 * store_internal - for those who implement a store: the table of backends, and what they share.
 *
 * A backend embeds `struct store` as its first member and is one row of the
 * table in store.c.
 */
#ifndef APISERVER_STORE_INTERNAL_H
#define APISERVER_STORE_INTERNAL_H

#include "store.h"

typedef int store_open_fn(const struct store_config *config, struct store **ret, struct kerr *reterr);

store_open_fn store_memory_open;
store_open_fn store_sqlite_open;
store_open_fn store_etcd_open;

#endif
