/* rbac_rule - one PolicyRule and its lists. Threads: no state; any thread. */
#ifndef APISERVER_RBAC_RULE_H
#define APISERVER_RBAC_RULE_H

#include "authz.h"

/* Does one PolicyRule allow it? */
bool rbac_rule_allows(const struct json *rule, const struct authz_request *req);

/* Its lists, where "*" stands for everything: verbs and groups, */
bool rbac_rule_has(const struct json *list, const char *s);
/* resources ("pods", "pods/status", or a "*" + "/status" that covers the subresource of anything), */
bool rbac_rule_has_resource(const struct json *list, const char *resource, const char *subresource);
/* and paths, which may end in stars. */
bool rbac_rule_has_path(const struct json *list, const char *path);

#endif
