#include "rbac_rule.h"

#include <string.h>

bool
rbac_rule_has(const struct json *list, const char *s)
{
  return json_list_has(list, "*") || json_list_has(list, s);
}

bool
rbac_rule_has_resource(const struct json *list, const char *resource, const char *subresource)
{
  size_t n = strlen(resource);

  for (json_each_item (p, list)) {
    const char *s = json_str(*p);

    if (!s)
      continue;
    if (strcmp(s, "*") == 0)
      return true;
    if (strncmp(s, resource, n) == 0 &&
        (*subresource ? s[n] == '/' && strcmp(s + n + 1, subresource) == 0 : s[n] == '\0'))
      return true;
    if (*subresource && strncmp(s, "*/", 2) == 0 && strcmp(s + 2, subresource) == 0)
      return true;
  }
  return false;
}

/* A pattern ends in stars that stand for anything. */
static bool
path_covered(const char *pattern, const char *path)
{
  size_t n = strlen(pattern);

  if (strcmp(pattern, "*") == 0 || strcmp(pattern, path) == 0)
    return true;
  if (n == 0 || pattern[n - 1] != '*')
    return false;
  while (n > 0 && pattern[n - 1] == '*')
    n--;
  return strncmp(pattern, path, n) == 0;
}

bool
rbac_rule_has_path(const struct json *list, const char *path)
{
  for (json_each_item (p, list))
    if (json_str(*p) && path_covered(json_str(*p), path))
      return true;
  return false;
}

bool
rbac_rule_allows(const struct json *rule, const struct authz_request *req)
{
  const struct json *names = json_get(rule, "resourceNames");

  if (!rbac_rule_has(json_get(rule, "verbs"), req->verb))
    return false;
  if (!req->is_resource)
    return rbac_rule_has_path(json_get(rule, "nonResourceURLs"), req->path);
  return rbac_rule_has(json_get(rule, "apiGroups"), req->group) &&
         rbac_rule_has_resource(json_get(rule, "resources"), req->resource, req->subresource) &&
         (json_count(names) == 0 || json_list_has(names, req->name));
}
