/* rest_subresource - handlers of what is not a plain object: subresources and reviews. One file per family: sub_*.c. */
#ifndef APISERVER_REST_SUBRESOURCE_H
#define APISERVER_REST_SUBRESOURCE_H

#include "rest.h"

rest_handler_fn sub_binding, sub_eviction;                    /* sub_pod.c */
rest_handler_fn sub_scale;                                    /* sub_scale.c */
rest_handler_fn sub_hook;                                     /* sub_hook.c: log, exec, attach, portforward, proxy */
rest_handler_fn sub_token, sub_token_review, sub_self_review; /* sub_auth.c */
rest_handler_fn sub_access_review, sub_rules_review;          /* sub_access.c */

/* -- what reviews share (sub_auth.c) -- */
/* The body, with managed fields as any other created object has them. */
_must_check_ int sub_read_review(struct rest_call *c, struct json **ret, struct kerr *reterr);
/* 201 with the review and what is said of it. */
_must_check_ int sub_answer(struct rest_call *c, struct json *review, struct json *status, struct kerr *reterr);
/* The strings of a list, on the arena. */
const char **sub_strings(struct rest_call *c, const struct json *list, size_t *ret_n);

#endif
