/*
 * explain_world - the objects that an explanation is about, read through a client once.
 *
 * The client may be a remote one and the cluster of any release: objects of
 * resource.k8s.io are read in a version that is served and, from 1.31 on, brought
 * into the shape of v1, which the allocator knows.
 */
#ifndef SCHEDULER_EXPLAIN_WORLD_H
#define SCHEDULER_EXPLAIN_WORLD_H

#include "alloc.h"
#include "gates.h"
#include "kclient_dra.h"
#include "strbuf.h"

struct explain_world {
  struct arena *a;
  struct strbuf *text; /* the explanation for people, written as the tree is built */
  int minor;
  const struct kclient_dra *dra;
  struct kclient_list nodes, slices, classes, claims, contexts, taint_rules;
  struct alloc_world *world; /* NULL until 1.30 */
  struct alloc_usage *usage;
};

/* Also after a failure: explain_world_close. */
_must_check_ int explain_world_open(struct kclient *c, const struct personality *p, struct arena *a,
                                    struct strbuf *text, struct explain_world *w, struct kerr *reterr);
void explain_world_close(struct explain_world *w);
/* NULL: there is none. `ns` is not looked at for kinds without namespaces. */
const struct json *explain_find(const struct kclient_list *l, const char *ns, const char *name);
/* The claim behind an entry of the pod, and its name in *ret_name; NULL when either is not there. */
const struct json *explain_claim_of_entry(const struct explain_world *w, const struct json *pod,
                                          const struct json *entry, const char **ret_name);

#endif
