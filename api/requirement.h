/*
 * requirement - one condition on a label: what label selectors and node selectors are made of
 * (k8s.io/apimachinery/pkg/labels.Requirement).
 */
#ifndef API_REQUIREMENT_H
#define API_REQUIREMENT_H

#include "status.h"

enum label_op { OP_IN, OP_NOT_IN, OP_EQUALS, OP_DOUBLE_EQUALS, OP_NOT_EQUALS, OP_GT, OP_LT, OP_EXISTS, OP_NOT_EXISTS };

struct requirement {
  const char *key;
  enum label_op op;
  const char **values;
  size_t n;
};

bool requirement_matches(const struct requirement *r, const struct json *labels);
/* Adds what NewRequirement finds wrong; `path` is "" or the path of the requirement. `nil_values`: values were not
 * given at all. */
void requirement_check(const struct requirement *r, const char *path, bool nil_values, struct field_errors *errs);
/* What is wrong with a label key, joined by "; " (content.IsLabelKey); NULL when nothing is. */
char *label_key_problem(struct arena *a, const char *key);
char *label_value_problem(struct arena *a, const char *value); /* content.IsLabelValue */

#endif
