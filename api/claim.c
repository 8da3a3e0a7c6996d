#include "claim.h"

#include <string.h>

#include "object.h"

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
  return json_list_find(json_dig(claim, "status", "reservedFor", NULL), "uid", uid) != NULL;
}

bool
claim_can_be_reserved(const struct json *claim, bool alpha)
{
  return !alpha || json_count(json_dig(claim, "status", "reservedFor", NULL)) == 0 ||
         json_get_bool(claim_allocation(claim), "shareable", false);
}

void
claim_reserve(struct arena *a, struct json *claim, const struct json *pod)
{
  struct json *list = json_ensure_array(a, json_ensure_object(a, claim, "status"), "reservedFor");
  struct json *consumer = json_append(a, list, json_new_object(a));

  json_set_str(a, consumer, "resource", "pods");
  json_set_str(a, consumer, "name", object_name(pod));
  json_set_str(a, consumer, "uid", object_uid(pod));
}

bool
claim_is_immediate(const struct json *claim)
{
  return strcmp(json_get_str_or(json_get(claim, "spec"), "allocationMode", ""), "Immediate") == 0;
}
