/* classic_internal - what the parts of the classic driver share; see classic_driver.h. One thread has all of it. */
#ifndef FAKE_DEVICES_CLASSIC_INTERNAL_H
#define FAKE_DEVICES_CLASSIC_INTERNAL_H

#include "classic_driver.h"
#include "classic_faults.h"
#include "device_tree.h"
#include "kclient_dra.h"
#include "workqueue.h"

enum classic_watch { CLASSIC_CLAIMS, CLASSIC_CLASSES, CLASSIC_SCHEDULING, CLASSIC_WATCH_COUNT };

/*
 * What the work on one key has looked at, so that it looks once: a tree is many files. The trees are in the key's
 * arena; nothing lasts from one key to the next, for trees and claims change in between.
 */
struct classic_seen {
  struct device_tree **trees; /* by node; NULL: not read yet */
  struct hmap *in_use;        /* "driver/pool/device" of everything that claims have; NULL: not gathered yet */
};

struct classic_driver {
  struct classic_driver_config config;
  const struct kclient_dra *kinds;
  pthread_t thread;
  struct mailbox *box;
  struct workqueue *queue; /* "claim:ns/name", "scheduling:ns/name" */
  struct kclient_informer *informers[CLASSIC_WATCH_COUNT];
  struct kclient_cache *caches[CLASSIC_WATCH_COUNT];
  struct classic_seen seen;
  bool dead; /* the fault `die` has struck; ends with it */
};

/* -- claims, in the words of the release (classic_claim.c, classic_parameters.c) -- */

struct classic_request {
  const char *name; /* "" until 1.30 */
  int64_t count;
  const struct json **wishes;
  size_t n_wishes;
};

struct classic_claim {
  const struct json *object;
  const char *driver;
  struct classic_request *requests;
  size_t n_requests;
  struct json *config; /* what the node is to know: 1.31 allocation.devices.config, before that DeviceConfig objects */
};

/* Who has to allocate it; NULL: not a driver (the scheduler), or its class is not there. */
const char *classic_claim_driver(const struct classic_driver *d, const struct json *claim);
/* What it asks for. Errors are for the user, in an event. */
_must_check_ int classic_claim_read(struct classic_driver *d, struct arena *a, const struct json *claim,
                                    struct classic_claim *ret, struct kerr *reterr);
/* status.allocation and what belongs to it, for these devices of `node`, in the order of the wants. */
void classic_claim_allocate(const struct classic_driver *d, struct arena *a, struct json *claim,
                            const struct classic_claim *c, const char *node, const struct tree_device *const *devices);
void classic_claim_deallocate(const struct classic_driver *d, struct json *claim);
char *classic_finalizer(struct arena *a, const char *driver);

/*
 * The object that parametersRef of a claim or class names, as wishes: a ConfigMap's data, another object's spec or else
 * its own members. `ns`: of the claim, or of the class's reference.
 */
_must_check_ int classic_parameters_get(struct classic_driver *d, struct arena *a, const struct json *ref,
                                        const char *ns, const struct json **ret, struct kerr *reterr);

/* -- devices (classic_devices.c) -- */

/* At the end of a key. */
void classic_devices_forget(struct classic_driver *d);
/* Does any node have a device of this driver? */
bool classic_has_driver(struct classic_driver *d, struct arena *a, const char *driver);
/* NULL when some device of `driver` has an attribute or capacity of this name, else a list of those there are. */
const char *classic_devices_know(struct classic_driver *d, struct arena *a, const char *driver, const char *name);
/*
 * Give claims devices of one node together, of those that are sound and that no claim has. ret[i]: the devices of
 * claims[i] in the order of its requests, NULL when it cannot have all of them there beside the claims before it. A
 * node that is not there or that a fault refuses has nothing.
 */
_must_check_ int classic_devices_choose(struct classic_driver *d, struct arena *a, const struct classic_faults *f,
                                        const char *node, const struct classic_claim *claims, size_t n,
                                        const struct tree_device *const **ret, struct kerr *reterr);

/* -- the two things to keep in order (classic_allocate.c, classic_scheduling.c) -- */

_must_check_ int classic_sync_claim(struct classic_driver *d, struct arena *a, const struct classic_faults *f,
                                    const struct json *claim, struct kerr *reterr);
/* *ret_again_ns: when to look again, 0 for not at all. */
_must_check_ int classic_sync_scheduling(struct classic_driver *d, struct arena *a, const struct classic_faults *f,
                                         const struct json *context, int64_t *ret_again_ns, struct kerr *reterr);
/*
 * Put the finalizer on `c`, then the allocation on `node` and `pod` (NULL: nobody) as its first user. One device per
 * want.
 */
_must_check_ int classic_allocate(struct classic_driver *d, struct arena *a, const struct classic_faults *f,
                                  const struct classic_claim *c, const char *node,
                                  const struct tree_device *const *devices, const struct json *pod,
                                  struct kerr *reterr);
/* Warning Failed, from "resource driver NAME". */
void classic_event(struct classic_driver *d, const char *driver, const struct json *about, const char *text);

#endif
