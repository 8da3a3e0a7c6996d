/*
 * claim_cache - which claims are prepared on this node, for which pods (kubelet's DRA manager).
 *
 * Texts, order and checkpoint follow pkg/kubelet/cm/dra of upstream: first all
 * checks without a side effect, then the cache entry, then one call per
 * driver. A claim that is already prepared for another pod gets a reference
 * and no call; the last pod to leave has it unprepared. The checkpoint
 * (NODE/kubelet/dra_manager_state) does not say "prepared": after a restart a
 * claim is prepared again by the next pod that starts with it.
 *
 * Threads: the node agent's loop only.
 */
#ifndef NODE_AGENT_CLAIM_CACHE_H
#define NODE_AGENT_CLAIM_CACHE_H

#include "kclient.h"
#include "node_agent.h"

struct claim_cache;

/* Reads the checkpoint; one that is corrupt is put aside (.corrupt) with a log line. `minor`: of the release, which
 * says how pods name their claims and what an allocation looks like. */
struct claim_cache *claim_cache_new(const char *dir, const struct node_plugins *plugins, int minor, struct log *log);
void claim_cache_free(struct claim_cache *k);

/* Errors begin with "prepare dynamic resources: ". */
_must_check_ int claim_cache_prepare(struct claim_cache *k, struct kclient *client, const struct json *pod,
                                     struct kerr *reterr);
/* Drop the pod's references; unprepare what nobody uses any more. "unprepare dynamic resources: ...": to be tried
 * again. */
_must_check_ int claim_cache_unprepare(struct claim_cache *k, const char *pod_uid, struct kerr *reterr);
/* References of pods that are not in `alive` (a set of uids): they went while the agent was away. */
void claim_cache_reconcile(struct claim_cache *k, bool (*alive)(void *arg, const char *pod_uid), void *arg);

/* The CDI ids of a container's claims, in the order of resources.claims. KERR_NOT_FOUND: a claim is not prepared. */
_must_check_ int claim_cache_cdi_ids(const struct claim_cache *k, struct arena *a, const struct json *pod,
                                     const struct json *container, const char *const **ret, size_t *ret_n,
                                     struct kerr *reterr);

#endif
