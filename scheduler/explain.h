/*
 * explain - why a pod is where it is, or why it is not.
 *
 * Reads the objects through a client and lets the allocator explain each node
 * (alloc_explain.h): per request and device what stands in the way; claims that a
 * driver's controller allocates are explained by their negotiation
 * (explain_classic.h). Beside that
 * it says what the allocator cannot know: a pod that named its node itself, a
 * claim that is not there, the scheduler's own last words.
 */
#ifndef SCHEDULER_EXPLAIN_H
#define SCHEDULER_EXPLAIN_H

#include "gates.h"
#include "kclient.h"

/*
 * The explanation as a tree ({kind, namespace, name, summary, advice, claims: [{name, state, allocation, nodes:
 * [...]}], negotiation}; a node as alloc_explanation_json has it), and as text for people appended to `text`.
 * KERR_NOT_FOUND, and what reading objects may say.
 */
_must_check_ int explain_pod(struct kclient *c, struct personality *p, const char *ns, const char *name,
                             struct arena *a, struct json **ret, struct strbuf *text, struct kerr *reterr);
_must_check_ int explain_claim(struct kclient *c, struct personality *p, const char *ns, const char *name,
                               struct arena *a, struct json **ret, struct strbuf *text, struct kerr *reterr);

#endif
