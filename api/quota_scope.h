/* quota_scope - which objects a ResourceQuota is about, and what it asks pods to say (pkg/quota/v1/evaluator/core). */
#ifndef API_QUOTA_SCOPE_H
#define API_QUOTA_SCOPE_H

#include "json.h"

/* spec.scopes and spec.scopeSelector. `pod`: `o` is one; quotas with scopes are about nothing else. */
bool quota_in_scope(const struct json *quota, const struct json *o, bool pod);
/* `cpu for: a,b; memory for: a`: containers that leave open what the quota limits; "" when none does. */
const char *quota_left_open(struct arena *a, const struct json *quota, const struct json *pod);

#endif
