/*
 * etcd_compact - makes etcd forget, every five minutes, what was true five minutes before.
 *
 * Several API servers, kube-apiserver's among them, share the work through one
 * key, `compact_rev_key`: whoever finds it as he left it writes the revision
 * he saw then, and compacts to it; the others see that it was done
 * (upstream: storage/etcd3/compact.go).
 *
 * Threads: one of its own; the functions are safe from any.
 */
#ifndef APISERVER_ETCD_COMPACT_H
#define APISERVER_ETCD_COMPACT_H

#include "etcd_client.h"

struct etcd_compactor;

/* `floor`: to which revision etcd is compacted already, as far as is known. */
struct etcd_compactor *etcd_compactor_new(struct etcd_client *client, int64_t interval, int64_t floor, struct log *log);
void etcd_compactor_free(struct etcd_compactor *c); /* the client is being stopped; NULL is fine */
int64_t etcd_compactor_floor(struct etcd_compactor *c);
/* Compact to `revision` now. KERR_EXPIRED: is compacted further. */
_must_check_ int etcd_compactor_to(struct etcd_compactor *c, int64_t revision, struct kerr *reterr);

#endif
