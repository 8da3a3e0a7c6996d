/*
 * etcd_lease - leases for objects that live for a time, one for many of them.
 *
 * As upstream: a lease is granted for a little longer than was asked for, and
 * shared by what is written in that time, at most a thousand objects (storage/etcd3/lease_manager.go).
 *
 * Threads: safe from any thread.
 */
#ifndef APISERVER_ETCD_LEASE_H
#define APISERVER_ETCD_LEASE_H

#include "etcd_client.h"

struct etcd_leases;

struct etcd_leases *etcd_leases_new(struct etcd_client *client); /* borrowed */
void etcd_leases_free(struct etcd_leases *l);                    /* NULL is fine */
/* A lease that lives `seconds` from now, or a little longer. Errors as etcd_call. */
_must_check_ int etcd_leases_get(struct etcd_leases *l, int64_t seconds, int64_t *ret_id, struct kerr *reterr);

#endif
