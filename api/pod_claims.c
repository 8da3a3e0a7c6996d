#include "pod_claims.h"

#include <string.h>

#include "object.h"

#define NAMES_RECORDED_SINCE 28 /* pod.status.resourceClaimStatuses */

static const char *
choice(const struct json *entry, const char *member)
{
  const char *flat = json_get_str(entry, member);

  return flat ? flat : json_get_str(json_get(entry, "source"), member);
}

const char *
pod_claim_name(const struct json *entry)
{
  return choice(entry, "resourceClaimName");
}

const char *
pod_claim_template(const struct json *entry)
{
  return choice(entry, "resourceClaimTemplateName");
}

static const struct json *
status_of_entry(const struct json *pod, const char *name)
{
  return json_list_find(json_dig(pod, "status", "resourceClaimStatuses", NULL), "name", name);
}

enum pod_claim
pod_claim_find(struct arena *a, int minor, const struct json *pod, const struct json *entry, const char **ret_name)
{
  const char *name = json_get_str_or(entry, "name", "");
  const struct json *status;

  *ret_name = pod_claim_name(entry);
  if (*ret_name)
    return POD_CLAIM_NAMED;
  if (!pod_claim_template(entry))
    return POD_CLAIM_NEITHER;
  if (minor < NAMES_RECORDED_SINCE) {
    *ret_name = arena_printf(a, "%s-%s", object_name(pod), name);
    return POD_CLAIM_MADE;
  }
  status = status_of_entry(pod, name);
  if (!status)
    return POD_CLAIM_NOT_MADE;
  *ret_name = json_get_str(status, "resourceClaimName");
  return *ret_name ? POD_CLAIM_MADE : POD_CLAIM_NOT_NEEDED;
}

/* Is `claim` the text "POD-ENTRY"? */
static bool
is_fixed_name(const struct json *pod, const struct json *entry, const char *claim)
{
  const char *name = object_name(pod);
  size_t n = strlen(name);

  return strncmp(claim, name, n) == 0 && claim[n] == '-' &&
         strcmp(claim + n + 1, json_get_str_or(entry, "name", "")) == 0;
}

bool
pod_claim_uses(int minor, const struct json *pod, const char *ns, const char *claim)
{
  if (strcmp(object_namespace(pod), ns) != 0)
    return false;
  for (json_each_item (p, json_dig(pod, "spec", "resourceClaims", NULL))) {
    const char *direct = pod_claim_name(*p);

    if (direct ? strcmp(direct, claim) == 0 : minor < NAMES_RECORDED_SINCE && is_fixed_name(pod, *p, claim))
      return true;
  }
  return json_list_find(json_dig(pod, "status", "resourceClaimStatuses", NULL), "resourceClaimName", claim) != NULL;
}
