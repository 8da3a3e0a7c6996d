/*
 * store_expiry - documents that live for a while after their last write, in stores without leases: Events
 * (kube-apiserver --event-ttl).
 *
 * Nothing is kept for a document. Sixty times in a lifetime the store's
 * revision is noted; what has not been written since the note that is a
 * lifetime old goes. So a document lives for its time and up to a sixtieth
 * more, as leases do that etcd's clients share. After a restart a lifetime
 * begins anew: when a document was written is not in the store.
 *
 * Watches see a deletion, as when a lease of etcd ends.
 *
 * Threads: one of its own.
 */
#ifndef APISERVER_STORE_EXPIRY_H
#define APISERVER_STORE_EXPIRY_H

#include "store.h"

#define STORE_EXPIRY_STEPS 60

struct store_expiry_config {
  struct store *store; /* borrowed, as all of these; outlives the expiry */
  struct clock *clock;
  struct log *log;
  struct span prefix; /* of the keys, constant: "/registry/events/" */
  int64_t lifetime;   /* nanoseconds */
};

struct store_expiry;
struct store_expiry *store_expiry_new(const struct store_expiry_config *config); /* without its thread */
void store_expiry_start(struct store_expiry *e);
void store_expiry_free(struct store_expiry *e); /* NULL is fine */
/* What the thread does at every step. How many documents have gone. */
size_t store_expiry_step(struct store_expiry *e);

#endif
