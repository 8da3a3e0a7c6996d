/* yaml_resolve - what an unquoted YAML scalar means: the rules of go.yaml.in/yaml/v2, for reader and writer alike. */
#ifndef BASE_YAML_RESOLVE_H
#define BASE_YAML_RESOLVE_H

#include "json.h"

enum yaml_kind { YAML_STR, YAML_NULL, YAML_BOOL, YAML_INT, YAML_UINT, YAML_FLOAT, YAML_TIME };

struct yaml_scalar {
  enum yaml_kind kind;
  bool boolean;
  int64_t integer;
  uint64_t big;  /* YAML_UINT: above INT64_MAX */
  double number; /* may be infinite or NaN */
};

struct yaml_scalar yaml_resolve(struct span text);

#endif
