#include "cel_dra_env.h"

#include <string.h>

/* -- types (dynamic-resource-allocation/cel/compile.go: newCompiler) -- */

#define DOMAIN_MAX 63 /* DeviceMaxDomainLength */
#define ID_MAX     32 /* DeviceMaxIDLength */
#define DRIVER_MAX 63 /* DriverNameMaxLength */
#define VALUE_MAX  64 /* the longer of a string and a list of an attribute */
#define COUNT_MAX  32 /* ResourceSliceMaxAttributesAndCapacitiesPerDevice */

#define SIZED(k, n, size)                        \
  {                                              \
    .kind = (k), .name = (n), .max_size = (size) \
  }
#define MAP(key, item, size)                                                                          \
  {                                                                                                   \
    .kind = CEL_T_MAP, .nparams = 2, .name = "map", .params = { &(key), &(item) }, .max_size = (size) \
  }
#define DEVICE(f)                                                                                     \
  {                                                                                                   \
    .kind = CEL_T_STRUCT, .name = "kubernetes.DRADevice", .fields = (f), .max_size = CEL_SIZE_UNKNOWN \
  }

static const struct cel_type domain = SIZED(CEL_T_STRING, "string", DOMAIN_MAX);
static const struct cel_type id = SIZED(CEL_T_STRING, "string", ID_MAX);
static const struct cel_type driver_name = SIZED(CEL_T_STRING, "string", DRIVER_MAX);
static const struct cel_type multi = SIZED(CEL_T_BOOL, "bool", 1);
static const struct cel_type attribute_any = SIZED(CEL_T_ANY, "google.protobuf.Any", VALUE_MAX);
static const struct cel_type attribute_dyn = SIZED(CEL_T_DYN, "dyn", VALUE_MAX);
static const struct cel_type inner_any = MAP(id, attribute_any, COUNT_MAX);
static const struct cel_type inner_dyn = MAP(id, attribute_dyn, COUNT_MAX);
static const struct cel_type outer_any = MAP(domain, inner_any, COUNT_MAX);
static const struct cel_type outer_dyn = MAP(domain, inner_dyn, COUNT_MAX);
static const struct cel_type quantity = SIZED(CEL_T_STRUCT, "kubernetes.Quantity", 0);
static const struct cel_type inner_capacity = MAP(id, quantity, COUNT_MAX);
static const struct cel_type outer_capacity = MAP(domain, inner_capacity, COUNT_MAX);

#define FIELDS(attributes)                                     \
  { "driver", &driver_name }, { "attributes", &(attributes) }, \
  {                                                            \
    "capacity", &outer_capacity                                \
  }
#define MULTI                          \
  {                                    \
    "allowMultipleAllocations", &multi \
  }
#define END    \
  {            \
    NULL, NULL \
  }

static const struct cel_field fields_any[] = { FIELDS(outer_any), END };
static const struct cel_field fields_any_multi[] = { FIELDS(outer_any), MULTI, END };
static const struct cel_field fields_dyn[] = { FIELDS(outer_dyn), END };
static const struct cel_field fields_dyn_multi[] = { FIELDS(outer_dyn), MULTI, END };

/* By listTypeAttributes, then consumableCapacity. */
static const struct cel_type devices[2][2] = {
  { DEVICE(fields_any), DEVICE(fields_any_multi) },
  { DEVICE(fields_dyn), DEVICE(fields_dyn_multi) },
};
static const struct cel_type *const structs[2][2][2] = {
  { { &devices[0][0], NULL }, { &devices[0][1], NULL } },
  { { &devices[1][0], NULL }, { &devices[1][1], NULL } },
};
static const struct cel_var vars[2][2] = {
  { { "device", &devices[0][0], 0 }, { "device", &devices[0][1], 0 } },
  { { "device", &devices[1][0], 0 }, { "device", &devices[1][1], 0 } },
};

/* A selector gives a bool, or something whose type is only known when it runs: what an attribute is. */
static const char *
refuse_selector(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  if ((t->kind == CEL_T_BOOL && !t->nullable) || t->kind == (env->features & CEL_F_INCLUDES ? CEL_T_DYN : CEL_T_ANY))
    return NULL;
  return arena_printf(a, "must evaluate to bool or the unknown type, not %s", cel_type_text_in(a, t));
}

static bool
is_attribute_scalar(const struct cel_type *t)
{
  if (t->nullable)
    return false;
  return t->kind == CEL_T_BOOL || t->kind == CEL_T_INT || t->kind == CEL_T_STRING || cel_type_is_dyn(t) ||
         (t->kind == CEL_T_STRUCT && strcmp(t->name, cel_semver_type.name) == 0);
}

static const char *
refuse_attribute(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  bool lists = env->features & CEL_F_INCLUDES;

  if (is_attribute_scalar(t) || (lists && t->kind == CEL_T_LIST && is_attribute_scalar(t->params[0])))
    return NULL;
  return arena_printf(a, "must evaluate to a primitive scalar (string, integer, boolean, semver)%s, not %s",
                      lists ? " or a list of these scalars" : "", cel_type_text_in(a, t));
}

#define ENV(list, cap, more, result)                                                                                   \
  {                                                                                                                    \
    .features = CEL_F_BASE | CEL_F_BIND | (more), .vars = &vars[list][cap], .nvars = 1, .structs = structs[list][cap], \
    .cost_limit = CEL_DRA_COST_MAX, .refuse = (result)                                                                 \
  }
#define ENVS(result)                                                       \
  {                                                                        \
    { ENV(0, 0, 0, result), ENV(0, 1, 0, result) },                        \
    {                                                                      \
      ENV(1, 0, CEL_F_INCLUDES, result), ENV(1, 1, CEL_F_INCLUDES, result) \
    }                                                                      \
  }

/* By listTypeAttributes, then consumableCapacity. */
static const struct cel_env selectors[2][2] = ENVS(refuse_selector);
static const struct cel_env derived[2][2] = ENVS(refuse_attribute);

const struct cel_env *
cel_dra_env(const struct cel_dra_features *f)
{
  return f ? &selectors[f->list_type_attributes][f->consumable_capacity] : &selectors[1][1];
}

const struct cel_env *
cel_dra_derived_env(const struct cel_dra_features *f)
{
  return f ? &derived[f->list_type_attributes][f->consumable_capacity] : &derived[1][1];
}

/* -- results -- */

struct cel_value
cel_dra_to_bool(struct arena *a, struct cel_value v)
{
  static const char *const texts[CEL_KIND_COUNT] = {
    [CEL_NULL] = "type conversion error from 'null_type' to 'bool'",
    [CEL_INT] = "unsupported type conversion from 'int' to bool",
    [CEL_UINT] = "unsupported type conversion from 'uint' to bool",
    [CEL_DOUBLE] = "type conversion error from Double to 'bool'",
    [CEL_STRING] = "unsupported native conversion from string to 'bool'",
    [CEL_BYTES] = "type conversion error from Bytes to 'bool'",
    [CEL_DURATION] = "type conversion error from 'Duration' to 'bool'",
    [CEL_TIMESTAMP] = "type conversion error from 'Timestamp' to 'bool'",
    [CEL_LIST] = "type conversion error from list to 'bool'",
    [CEL_MAP] = "type conversion error from map to 'bool'",
    [CEL_TYPE] = "type conversion not supported for 'type'",
    [CEL_QUANTITY] = "type conversion error from 'Quantity' to 'bool'",
    [CEL_SEMVER] = "type conversion error from 'Semver' to 'bool'",
    [CEL_IP] = "type conversion error from 'IP' to 'bool'",
    [CEL_CIDR] = "type conversion error from 'CIDR' to 'bool'",
    [CEL_URL] = "type conversion error from 'URL' to 'bool'",
    [CEL_FORMAT] = "type conversion error from 'Format' to 'bool'",
  };
  struct cel_value inner = v;

  while (inner.kind == CEL_OPTIONAL && inner.u.some)
    inner = *inner.u.some;
  if (inner.kind == CEL_BOOL || cel_is_error(inner))
    return inner;
  return cel_failf(a, "CEL result of type %s could not be converted to bool: %s", cel_type_name(v),
                   inner.kind == CEL_OPTIONAL ? "optional.none() dereference"
                   : texts[inner.kind]        ? texts[inner.kind]
                                              : "unsupported conversion");
}
