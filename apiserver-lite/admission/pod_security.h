/*
 * pod_security - the Pod Security Standards: what a pod may ask for at a level (k8s.io/pod-security-admission/policy).
 *
 * Pure functions from a pod's metadata and spec to what is forbidden in it. A
 * standard has versions, which are releases: "latest", or the minor of one
 * before. What a later release added or relaxed does not count for an earlier
 * version.
 */
#ifndef APISERVER_POD_SECURITY_H
#define APISERVER_POD_SECURITY_H

#include <limits.h>

#include "json.h"

enum pod_security_level { POD_SECURITY_PRIVILEGED, POD_SECURITY_BASELINE, POD_SECURITY_RESTRICTED }; /* ever stricter */

#define POD_SECURITY_LATEST INT_MAX

struct pod_security {
  enum pod_security_level level;
  int minor; /* of the version 1.MINOR, or POD_SECURITY_LATEST */
};

const char *pod_security_level_name(enum pod_security_level level);
/* "baseline:latest", "restricted:v1.25" */
const char *pod_security_text(struct arena *a, const struct pod_security *s);

/*
 * What is forbidden in the pod, in upstream's words and order: `host namespaces (hostNetwork=true), privileged (...)`,
 * or without what stands in brackets; "" when all is allowed. `newest`: the minor of this release.
 */
const char *pod_security_check(struct arena *a, const struct pod_security *s, int newest, const struct json *meta,
                               const struct json *spec, bool details);

#endif
