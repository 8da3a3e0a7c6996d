#include "cel_env.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* -- types the tables are written with -- */

#define PARAM(number, letter)                                                                          \
  {                                                                                                    \
    .kind = CEL_T_PARAM, .open = true, .var = (number), .name = (letter), .max_size = CEL_SIZE_UNKNOWN \
  }
#define OF(k, n, count, is_open, ...)                                                           \
  {                                                                                             \
    .kind = (k), .nparams = (count), .open = (is_open), .name = (n), .params = { __VA_ARGS__ }, \
    .max_size = CEL_SIZE_UNKNOWN                                                                \
  }

const struct cel_type cel_param_a = PARAM(0, "A");
const struct cel_type cel_param_b = PARAM(1, "B");
const struct cel_type cel_list_a = OF(CEL_T_LIST, "list", 1, true, &cel_param_a);
const struct cel_type cel_list_list_a = OF(CEL_T_LIST, "list", 1, true, &cel_list_a);
const struct cel_type cel_map_ab = OF(CEL_T_MAP, "map", 2, true, &cel_param_a, &cel_param_b);
const struct cel_type cel_list_string = OF(CEL_T_LIST, "list", 1, false, &cel_string);
const struct cel_type cel_list_int = OF(CEL_T_LIST, "list", 1, false, &cel_int);
const struct cel_type cel_optional_a = OF(CEL_T_OPAQUE, "optional_type", 1, true, &cel_param_a);
const struct cel_type cel_type_a = OF(CEL_T_TYPE, "type", 1, true, &cel_param_a);
const struct cel_type cel_list_optional_a = OF(CEL_T_LIST, "list", 1, true, &cel_optional_a);

/* -- the index of functions: made once, then read-only -- */

static const struct cel_library *const libraries[] = {
  /* in the order in which Kubernetes' base environment adds them */
  &cel_lib_operators, &cel_lib_std,      &cel_lib_time,     &cel_lib_url,    &cel_lib_regex, &cel_lib_authz,
  &cel_lib_optional,  &cel_lib_quantity, &cel_lib_strings,  &cel_lib_format, &cel_lib_sets,  &cel_lib_net,
  &cel_lib_named,     &cel_lib_semver,   &cel_lib_list_ext, &cel_lib_lists,  &cel_lib_patch,
};

#define FUNCTIONS_MAX 256
#define OVERLOADS_MAX 512
#define SLOTS         1024 /* power of two */

static struct {
  pthread_once_t once;
  struct cel_function functions[FUNCTIONS_MAX];
  unsigned features[FUNCTIONS_MAX];
  uint32_t n;
  const struct cel_overload *overloads[OVERLOADS_MAX]; /* grouped by function */
  uint16_t slots[SLOTS];                               /* function number + 1 */
} index_ = { .once = PTHREAD_ONCE_INIT };

static uint32_t
slot_of(const char *name, size_t n)
{
  uint32_t at = cel_hash_bytes(name, n) & (SLOTS - 1);

  while (index_.slots[at]) {
    const char *known = index_.functions[index_.slots[at] - 1].name;

    if (strncmp(known, name, n) == 0 && !known[n])
      break;
    at = (at + 1) & (SLOTS - 1);
  }
  return at;
}

static bool
is_conversion(const char *name)
{
  static const char *const names[] = { "bool", "bytes",  "double",    "duration", "dyn",
                                       "int",  "string", "timestamp", "type",     "uint" };

  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (strcmp(name, names[i]) == 0)
      return true;
  return false;
}

static void
index_build(void)
{
  uint32_t at = 0;

  for (size_t l = 0; l < ARRAY_SIZE(libraries); l++) {
    for (size_t i = 0; i < libraries[l]->n; i++) {
      const char *name = libraries[l]->overloads[i].function;
      uint32_t slot = slot_of(name, strlen(name));

      if (!index_.slots[slot]) {
        assert(index_.n < FUNCTIONS_MAX);
        index_.functions[index_.n] = (struct cel_function){ .name = name, .constructor = is_conversion(name) };
        index_.slots[slot] = (uint16_t)++index_.n;
      }
      index_.functions[index_.slots[slot] - 1].n++;
      index_.features[index_.slots[slot] - 1] |= libraries[l]->overloads[i].features;
    }
  }
  for (uint32_t f = 0; f < index_.n; f++) {
    index_.functions[f].overloads = &index_.overloads[at];
    for (size_t l = 0; l < ARRAY_SIZE(libraries); l++) {
      for (size_t i = 0; i < libraries[l]->n; i++) {
        assert(at < OVERLOADS_MAX);
        if (strcmp(libraries[l]->overloads[i].function, index_.functions[f].name) == 0)
          index_.overloads[at++] = &libraries[l]->overloads[i];
      }
    }
  }
}

const struct cel_function *
cel_function_find(const struct cel_env *env, const char *name, size_t n)
{
  uint32_t slot;

  (void)pthread_once(&index_.once, index_build);
  slot = slot_of(name, n);
  if (!index_.slots[slot] || !(index_.features[index_.slots[slot] - 1] & env->features))
    return NULL;
  return &index_.functions[index_.slots[slot] - 1];
}

const struct cel_var *
cel_env_var(const struct cel_env *env, struct span name)
{
  for (uint32_t i = env->nvars; i-- > 0;)
    if (span_is(name, env->vars[i].name))
      return &env->vars[i];
  return NULL;
}

/* -- names of types -- */

#define WRAPPER(k, n)                                                                             \
  {                                                                                               \
    .kind = (k), .name = (n), .nullable = true, .fields = value_##k, .max_size = CEL_SIZE_UNKNOWN \
  }
#define VALUE_FIELD(k, t) static const struct cel_field value_##k[] = { { "value", (t) }, { NULL, NULL } }

VALUE_FIELD(CEL_T_BOOL, &cel_bool);
VALUE_FIELD(CEL_T_BYTES, &cel_bytes);
VALUE_FIELD(CEL_T_DOUBLE, &cel_double);
VALUE_FIELD(CEL_T_INT, &cel_int);
VALUE_FIELD(CEL_T_UINT, &cel_uint);
VALUE_FIELD(CEL_T_STRING, &cel_string);

static const struct cel_field seconds_fields[] = { { "seconds", &cel_int }, { "nanos", &cel_int }, { NULL, NULL } };
static const struct cel_type wrapper_bool = WRAPPER(CEL_T_BOOL, "bool");
static const struct cel_type wrapper_bytes = WRAPPER(CEL_T_BYTES, "bytes");
static const struct cel_type wrapper_double = WRAPPER(CEL_T_DOUBLE, "double");
static const struct cel_type wrapper_int = WRAPPER(CEL_T_INT, "int");
static const struct cel_type wrapper_uint = WRAPPER(CEL_T_UINT, "uint");
static const struct cel_type wrapper_string = WRAPPER(CEL_T_STRING, "string");
static const struct cel_type named_duration = {
  .kind = CEL_T_DURATION, .name = "google.protobuf.Duration", .fields = seconds_fields, .max_size = CEL_SIZE_UNKNOWN
};
static const struct cel_type named_timestamp = {
  .kind = CEL_T_TIMESTAMP, .name = "google.protobuf.Timestamp", .fields = seconds_fields, .max_size = CEL_SIZE_UNKNOWN
};

static const struct {
  const char *name;
  const struct cel_type *type;
} type_names[] = {
  { "bool", &cel_bool },
  { "bytes", &cel_bytes },
  { "double", &cel_double },
  { "int", &cel_int },
  { "list", &cel_list_a },
  { "map", &cel_map_ab },
  { "null_type", &cel_null },
  { "string", &cel_string },
  { "type", &cel_type_type },
  { "uint", &cel_uint },
  { "optional_type", &cel_optional_dyn },
  { "net.IP", &cel_ip_type },
  { "net.CIDR", &cel_cidr_type },
  { "google.protobuf.Duration", &named_duration },
  { "google.protobuf.Timestamp", &named_timestamp },
  { "google.protobuf.BoolValue", &wrapper_bool },
  { "google.protobuf.BytesValue", &wrapper_bytes },
  { "google.protobuf.DoubleValue", &wrapper_double },
  { "google.protobuf.FloatValue", &wrapper_double },
  { "google.protobuf.Int32Value", &wrapper_int },
  { "google.protobuf.Int64Value", &wrapper_int },
  { "google.protobuf.UInt32Value", &wrapper_uint },
  { "google.protobuf.UInt64Value", &wrapper_uint },
  { "google.protobuf.StringValue", &wrapper_string },
};

const struct cel_type *
cel_env_type_name(const struct cel_env *env, struct span name, bool *ret_usable)
{
  *ret_usable = true;
  for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
    if (span_is(name, type_names[i].name))
      return type_names[i].type;
  *ret_usable = false; /* a structure of the host: the checker knows it, the run time does not */
  for (const struct cel_type *const *s = env->structs; s && *s; s++)
    if (span_is(name, (*s)->name))
      return *s;
  return NULL;
}

const struct cel_type *
cel_env_patch_type(const struct cel_env *env, struct arena *a, struct span name)
{
  static const struct cel_field patch_fields[] = {
    { "op", &cel_string }, { "path", &cel_string }, { "from", &cel_string }, { "value", &cel_dyn }, { NULL, NULL }
  };
  static const struct cel_type patch = {
    .kind = CEL_T_STRUCT, .name = CEL_JSON_PATCH_TYPE, .fields = patch_fields, .max_size = CEL_SIZE_UNKNOWN
  };
  static const struct cel_field no_fields[] = { { NULL, NULL } };
  struct cel_type *t;

  if (!(env->features & CEL_F_PATCH))
    return NULL;
  if (span_is(name, CEL_JSON_PATCH_TYPE))
    return &patch;
  if (!span_is(name, CEL_OBJECT_TYPE) && !span_starts(name, SPAN(CEL_OBJECT_TYPE ".")))
    return NULL;
  t = arena_new_of(a, struct cel_type);
  *t = (struct cel_type){ .kind = CEL_T_STRUCT,
                          .any_field = true,
                          .name = arena_strndup(a, name.p, name.n),
                          .fields = no_fields,
                          .max_size = CEL_SIZE_UNKNOWN };
  return t;
}
