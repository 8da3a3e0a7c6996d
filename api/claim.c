#include "claim.h"

#include <string.h>

const struct json *
claim_allocation(const struct json *claim)
{
  const struct json *allocation = json_dig(claim, "status", "allocation", NULL);

  return json_is(allocation, JSON_OBJECT) ? allocation : NULL;
}

const struct json *
claim_nodes(const struct json *claim)
{
  const struct json *allocation = claim_allocation(claim), *nodes = json_get(allocation, "nodeSelector");

  return nodes ? nodes : json_get(allocation, "availableOnNodes");
}

bool
claim_is_reserved_for(const struct json *claim, const char *uid)
{
  for (json_each_item (p, json_dig(claim, "status", "reservedFor", NULL)))
    if (strcmp(json_get_str_or(*p, "uid", ""), uid) == 0)
      return true;
  return false;
}

bool
claim_is_immediate(const struct json *claim)
{
  return strcmp(json_get_str_or(json_get(claim, "spec"), "allocationMode", ""), "Immediate") == 0;
}
