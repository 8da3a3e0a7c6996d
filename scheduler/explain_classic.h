/*
 * explain_classic - where a pod stands in the negotiation with drivers' controllers (1.26 to 1.31): who was asked about
 * which nodes, who has answered what, which node is selected, and for whom everybody waits.
 */
#ifndef SCHEDULER_EXPLAIN_CLASSIC_H
#define SCHEDULER_EXPLAIN_CLASSIC_H

#include "explain_world.h"

/* Does a driver's controller allocate it? */
bool explain_is_classic(const struct explain_world *w, const struct json *claim);
/*
 * Adds `negotiation` to `o`: {context, potentialNodes, selectedNode, claims: [{name, claim, driver, state, answered,
 * unsuitableNodes}], waitsFor}, and says it in the text. Nothing when the pod has no such claim.
 */
void explain_negotiation(struct explain_world *w, const struct json *pod, struct json *o);

#endif
