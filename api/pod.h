/* pod - what every component asks of a pod; see pod_claims.h for its claims. */
#ifndef API_POD_H
#define API_POD_H

#include "json.h"

/* Succeeded or Failed: nothing of it will run again. */
bool pod_has_ended(const struct json *pod);

#endif
