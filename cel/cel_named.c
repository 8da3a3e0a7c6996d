#include "cel_named.h"

#include "cel.h"
#include "cel_dra_env.h"

#define COST_MAX 1000000 /* upstream: celconfig.PerCallLimit */

/* -- the environment: a map per type -- */

enum slot { QUANTITY, BOOL, INT, INTSLICE, STRING, STRINGSLICE, VERSION, SLOT_COUNT };

static const struct cel_type quantity = { .kind = CEL_T_STRUCT,
                                          .name = "kubernetes.Quantity",
                                          .max_size = CEL_SIZE_UNKNOWN };

#define MAP_OF(item)                                                                                                 \
  {                                                                                                                  \
    .kind = CEL_T_MAP, .nparams = 2, .name = "map", .params = { &cel_string, &(item) }, .max_size = CEL_SIZE_UNKNOWN \
  }
static const struct cel_type maps[SLOT_COUNT] = {
  [QUANTITY] = MAP_OF(quantity),       [BOOL] = MAP_OF(cel_bool),     [INT] = MAP_OF(cel_int),
  [INTSLICE] = MAP_OF(cel_list_int),   [STRING] = MAP_OF(cel_string), [STRINGSLICE] = MAP_OF(cel_list_string),
  [VERSION] = MAP_OF(cel_semver_type),
};

static const struct cel_var vars[] = {
  { "attributes.quantity", &maps[QUANTITY], QUANTITY },
  { "attributes.bool", &maps[BOOL], BOOL },
  { "attributes.int", &maps[INT], INT },
  { "attributes.intslice", &maps[INTSLICE], INTSLICE },
  { "attributes.string", &maps[STRING], STRING },
  { "attributes.stringslice", &maps[STRINGSLICE], STRINGSLICE },
  { "attributes.version", &maps[VERSION], VERSION },
};

static const char *
refuse_other(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  (void)a;
  return t->kind == CEL_T_BOOL && !t->nullable ? NULL : "must evaluate to bool";
}

static const struct cel_env env = {
  .features = CEL_F_BASE,
  .vars = vars,
  .nvars = ARRAY_SIZE(vars),
  .cost_limit = COST_MAX,
  .refuse = refuse_other,
};

int
cel_named_compile(struct span expression, struct cel_selector **ret, struct kerr *reterr)
{
  return cel_selector_new(&env, expression, ret, reterr);
}

/* -- values -- */

static struct cel_value
amount_value(struct arena *a, const struct json *v)
{
  return cel_quantity_parse(a, json_span(v));
}

static struct cel_value
plain_value(struct arena *a, const struct json *v)
{
  return cel_of_json(a, v);
}

static struct cel_value
ints_value(struct arena *a, const struct json *v)
{
  const struct json *list = json_get(v, "ints");

  return list ? cel_of_json(a, list) : cel_list_new(a, 0);
}

static struct cel_value
strings_value(struct arena *a, const struct json *v)
{
  const struct json *list = json_get(v, "strings");

  return list ? cel_of_json(a, list) : cel_list_new(a, 0);
}

static const struct {
  const char *member, *type; /* in the attribute; in the expression */
  struct cel_value (*value)(struct arena *a, const struct json *v);
} columns[SLOT_COUNT] = {
  [QUANTITY] = { "quantity", "quantity", amount_value },
  [BOOL] = { "bool", "bool", plain_value },
  [INT] = { "int", "int", plain_value },
  [INTSLICE] = { "intSlice", "intslice", ints_value },
  [STRING] = { "string", "string", plain_value },
  [STRINGSLICE] = { "stringSlice", "stringslice", strings_value },
  [VERSION] = { "version", "version", cel_dra_version },
};

static int
fill_map(enum slot slot, const struct json *attributes, struct arena *a, struct cel_value *ret, struct kerr *reterr)
{
  *ret = cel_map_new(a, 4);
  for (json_each_item (p, attributes)) {
    const struct json *v = json_get(*p, columns[slot].member);
    const char *name = json_get_str_or(*p, "name", "");
    struct cel_value value;

    if (!v || json_is(v, JSON_NULL))
      continue;
    value = columns[slot].value(a, v);
    if (cel_is_error(value))
      return kerr_set(reterr, KERR_INVALID, NULL, "extract attributes with type %s: attribute \"%s\": %.*s",
                      columns[slot].type, name, (int)value.n, value.u.s);
    cel_map_put(a, ret->u.map, cel_of_span(span_of(name)), value);
  }
  return 0;
}

int
cel_named_match(const struct cel_selector *s, const struct json *attributes, struct arena *a, bool *ret,
                struct kerr *reterr)
{
  struct cel_value values[SLOT_COUNT], v;
  struct cel_run run = { .vars = values, .arena = a, .limit = COST_MAX };

  for (size_t i = 0; i < SLOT_COUNT; i++) {
    int r = fill_map((enum slot)i, attributes, a, &values[i], reterr);

    if (r < 0)
      return r;
  }
  v = cel_code_run(cel_selector_code(s), &run);
  if (cel_is_error(v))
    return kerr_set(reterr, KERR_INVALID, NULL, "%.*s", (int)v.n, v.u.s);
  *ret = v.u.b;
  return 0;
}
