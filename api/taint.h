/* taint - DeviceTaintRules, as allocator and controllers read them. */
#ifndef API_TAINT_H
#define API_TAINT_H

#include "json.h"

/* All parts of the rule's selector that are there have to match; without a selector it is for no device. */
bool taint_rule_selects(const struct json *rule, const char *driver, const char *pool, const char *device);

#endif
