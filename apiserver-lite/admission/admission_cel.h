/* admission_cel - a request as the expressions of policies and match conditions see it. */
#ifndef APISERVER_ADMISSION_CEL_H
#define APISERVER_ADMISSION_CEL_H

#include "admission_match.h"
#include "cel_policy.h"

/*
 * Fill *ret, which then points into the call's arena and trees. `params` may be NULL. KERR_INTERNAL: the object cannot
 * be shown in the version of `as`.
 */
_must_check_ int admission_cel(const struct admission_ask *ask, const struct admission_as *as,
                               const struct json *params, struct cel_admission *ret, struct kerr *reterr);

#endif
