/*
 * controllers_internal - what the controllers share: the caches, the lock over
 * them, and the shape of a controller.
 *
 * A controller is a row: which collections it wants to hear of, what a change
 * means (which keys to look at), and how one key is looked at. `changed` runs in
 * the loop, under the lock, and only adds keys. `sync` runs in a worker, without
 * the lock: it takes references to what it needs with controllers_get() and
 * talks to the API freely. A sync that fails is run again later, so it is
 * written to be repeated.
 */
#ifndef CONTROLLERS_INTERNAL_H
#define CONTROLLERS_INTERNAL_H

#include "controllers.h"
#include "kclient_dra.h"
#include "workqueue.h"

enum watched {
  WATCH_NODES,
  WATCH_PODS,
  WATCH_CLAIMS,
  WATCH_TEMPLATES,
  WATCH_NAMESPACES,
  WATCH_SERVICEACCOUNTS,
  WATCH_CONFIGMAPS,
  WATCH_SLICES,
  WATCH_RULES,
  WATCH_QUOTAS,
  WATCH_PVCS,
  WATCH_PVS,
  WATCH_VACS,
  WATCH_PODGROUPS,
  WATCH_POOL_REQUESTS,
  WATCH_COUNT
};

struct controller; /* one running controller: state of its own, or none */

struct controller_ops {
  const char *name; /* upstream's: "resourceclaim-controller" */
  unsigned watches; /* bits 1 << enum watched */
  size_t workers;   /* 0: one; several where much comes at a time or a write may wait for others */
  void *(*state_new)(struct controller *ctl); /* NULL: none */
  void (*stop)(struct controller *ctl);       /* NULL, or: end informers of its own; the workers have ended */
  void (*state_free)(void *state);
  /* NULL for a controller that has informers of its own */
  void (*changed)(struct controller *ctl, enum watched what, const struct kclient_change *change);
  int (*sync)(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr);
};

struct controller {
  const struct controller_ops *ops;
  struct controllers *all;
  struct workqueue *queue;
  void *state;
  pthread_t workers[8];
  size_t n_workers;
};

/* What an informer's tag points at: who takes its changes, in the loop's thread. */
struct change_sink {
  void (*take)(struct change_sink *sink, const struct kclient_change *change);
};

struct watched_collection {
  struct change_sink sink;
  struct controllers *all;
  enum watched what;
  struct kclient_informer *informer;
  struct kclient_cache *cache;
};

struct controllers {
  struct controllers_config config;
  int minor;
  const struct kclient_dra *dra; /* the kinds of the release */
  pthread_mutex_t lock;          /* caches and controllers' states */
  struct mailbox *changes;
  struct watched_collection watched[WATCH_COUNT];
  struct controller *list;
  size_t n;
  pthread_t loop;
};

/* A reference in the arena's care, or NULL. Takes the lock. */
struct record *controllers_get(struct controllers *c, struct arena *a, enum watched what, const char *ns,
                               const char *name);
/* All of a collection, references in the arena's care. Takes the lock. */
size_t controllers_list(struct controllers *c, struct arena *a, enum watched what, const struct json ***ret);
/* "ns/name" → both parts; ns is "" for "/name". */
void controllers_split_key(struct arena *a, const char *key, const char **ret_ns, const char **ret_name);
/* Add "ns/name" of an object to the queue. */
void controllers_enqueue(struct controller *ctl, const struct json *object);

/* -- single steps, also for a test that decides who acts when -- */

/* Without threads and informers; for controllers_free. A change is taken by controllers.watched[].sink. */
struct controllers *controllers_new(const struct controllers_config *config);
void controllers_free(struct controllers *c);
/* What to watch in this release; NULL: it has no such kind, or not with these gates. */
const struct kclient_resource *controllers_watched(const struct controllers *c, enum watched what);
/* Look at one key, taken from the controller's queue, and give it back. The arena is reset. */
void controllers_work(struct controller *ctl, char *key, struct arena *a);

extern const struct controller_ops claim_controller_ops, namespace_controller_ops, serviceaccount_controller_ops,
    garbage_controller_ops, node_controller_ops, taint_controller_ops, quota_controller_ops, aggregation_controller_ops,
    ttl_controller_ops, policy_controller_ops, protection_controller_ops, pool_status_controller_ops;

#endif
