/* validate_claim - what the validators of claims share among themselves (validate_claim.c, validate_claim_status.c). */
#ifndef APISERVER_VALIDATE_CLAIM_H
#define APISERVER_VALIDATE_CLAIM_H

#include "validate_internal.h"

/* "request" or "request/subrequest" must be in `requests` (spec.devices.requests). */
void validate_request_ref(struct validation *v, const struct vpath *path, struct span name,
                          const struct json *requests);
void validate_request_refs(struct validation *v, const struct vpath *path, const struct json *list,
                           const struct json *requests);
void validate_device_toleration(struct validation *v, const struct vpath *path, const struct json *toleration);
void validate_claim_status(struct validation *v, const struct json *o, const struct json *old);
bool validate_is_extended_resource(struct arena *a, struct span name);

extern const struct validator validator_claim, validator_template, validator_class, validator_slice, validator_rule,
    validator_pool_request;

#endif
