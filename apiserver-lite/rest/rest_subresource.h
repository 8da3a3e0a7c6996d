/* rest_subresource - handlers of what is not a plain object: subresources and reviews. One file per family: sub_*.c. */
#ifndef APISERVER_REST_SUBRESOURCE_H
#define APISERVER_REST_SUBRESOURCE_H

#include "rest.h"

rest_handler_fn sub_binding, sub_eviction; /* sub_pod.c */
rest_handler_fn sub_scale;                 /* sub_scale.c */
rest_handler_fn sub_hook;                  /* sub_hook.c: log, exec, attach, portforward, proxy */
rest_handler_fn sub_token, sub_token_review, sub_self_review, sub_access_review, sub_rules_review; /* sub_auth.c */

#endif
