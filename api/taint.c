#include "taint.h"

#include <string.h>

static bool
matches(const struct json *selector, const char *part, const char *name)
{
  const char *wanted = json_get_str(selector, part);

  return !wanted || strcmp(wanted, name) == 0;
}

bool
taint_rule_selects(const struct json *rule, const char *driver, const char *pool, const char *device)
{
  const struct json *selector = json_dig(rule, "spec", "deviceSelector", NULL);

  return json_is(selector, JSON_OBJECT) && matches(selector, "driver", driver) && matches(selector, "pool", pool) &&
         matches(selector, "device", device);
}
