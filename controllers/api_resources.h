/*
 * api_resources - which collections this server has, from its discovery document.
 *
 * The garbage collector and the namespace controller work on every kind there
 * is, known to this program or not. One entry per collection, in the server's
 * preferred version.
 */
#ifndef CONTROLLERS_API_RESOURCES_H
#define CONTROLLERS_API_RESOURCES_H

#include "kclient.h"

struct api_resource {
  struct kclient_resource res; /* strings in the list's arena */
  unsigned verbs;              /* API_VERB_* */
};
enum { API_VERB_LIST = 1, API_VERB_WATCH = 2, API_VERB_DELETE = 4, API_VERB_DELETECOLLECTION = 8 };

struct api_resources {
  struct api_resource *list;
  size_t n;
};

_must_check_ int api_resources_discover(struct kclient *c, struct arena *a, struct api_resources *ret,
                                        struct kerr *reterr);

#endif
