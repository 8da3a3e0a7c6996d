/*
 * classic_context - the PodSchedulingContext of a pod: where scheduler and drivers' controllers negotiate.
 *
 * The scheduler writes spec (potentialNodes, selectedNode), each driver the
 * entries of its own claims in status.resourceClaims. Called PodScheduling in
 * 1.26. The functions that read are pure; publishing talks to the API.
 */
#ifndef SCHEDULER_CLASSIC_CONTEXT_H
#define SCHEDULER_CLASSIC_CONTEXT_H

#include "kclient_dra.h"

#define CLASSIC_NODES_MAX 128 /* upstream: PodSchedulingNodeListMaxSize */

/* spec.selectedNode; "" when there is none or no context. */
const char *classic_selected_node(const struct json *context);
bool classic_is_potential_node(const struct json *context, const char *node);
/* A driver's answer for a claim, by the name of the pod's entry; NULL while there is none. */
const struct json *classic_answer(const struct json *context, const char *entry);
bool classic_is_unsuitable(const struct json *answer, const char *node);
size_t classic_answers(const struct json *context); /* how many there are */

/* What the scheduler wants in spec: a NULL member is left as it is. */
struct classic_wish {
  const char *selected;         /* "": no node any more */
  const struct json *potential; /* a list of names */
};

/*
 * Create or update the pod's context. A conflict of an update is settled by server-side apply, since these fields are
 * the scheduler's alone. `context`: as it is known, or NULL. On success *ret is what the server has; the caller's.
 */
_must_check_ int classic_context_publish(struct kclient *c, const struct kclient_dra *api, const struct json *pod,
                                         const struct json *context, const struct classic_wish *wish,
                                         struct record **ret, struct kerr *reterr);

#endif
