#include "cel_dra_env.h"

#include <string.h>

/* Derived attributes: the result of an expression as an attribute (cel/compile.go: valToDeviceAttribute). */

/* As Go's %T prints the native value. */
static const char *
native_name(struct cel_value v)
{
  static const char *const names[CEL_KIND_COUNT] = {
    [CEL_NULL] = "structpb.NullValue",
    [CEL_BOOL] = "bool",
    [CEL_INT] = "int64",
    [CEL_UINT] = "uint64",
    [CEL_DOUBLE] = "float64",
    [CEL_STRING] = "string",
    [CEL_BYTES] = "[]uint8",
    [CEL_DURATION] = "time.Duration",
    [CEL_TIMESTAMP] = "time.Time",
    [CEL_LIST] = "[]ref.Val",
    [CEL_MAP] = "map[ref.Val]ref.Val",
    [CEL_TYPE] = "string",
    [CEL_OPTIONAL] = "<nil>",
    [CEL_QUANTITY] = "*resource.Quantity",
    [CEL_SEMVER] = "semver.Version",
    [CEL_IP] = "netip.Addr",
    [CEL_CIDR] = "netip.Prefix",
    [CEL_URL] = "*url.URL",
    [CEL_FORMAT] = "cel.Format",
  };

  return names[v.kind] ? names[v.kind] : "<nil>";
}

/* Optional values count as what is in them, types as their names. */
static struct cel_value
native(struct cel_value v)
{
  while (v.kind == CEL_OPTIONAL && v.u.some)
    v = *v.u.some;
  return v.kind == CEL_TYPE ? cel_of_span(span_of(v.u.type->name)) : v;
}

static const char *
member_name(uint8_t kind)
{
  return kind == CEL_BOOL     ? "bool"
         : kind == CEL_INT    ? "int"
         : kind == CEL_STRING ? "string"
         : kind == CEL_SEMVER ? "version"
                              : NULL;
}

static struct json *
scalar(struct arena *a, struct cel_value v)
{
  switch (v.kind) {
  case CEL_BOOL:
    return json_new_bool(a, v.u.b);
  case CEL_INT:
    return json_new_int(a, v.u.i);
  case CEL_STRING:
    return json_new_strn(a, v.u.s, v.n);
  default:
    return json_new_str(a, cel_print_text(a, v));
  }
}

static struct cel_value
list(struct arena *a, const struct cel_list *l, struct json *attribute)
{
  struct json *items = json_new_array(a);
  uint8_t kind = CEL_STRING;

  if (l->n) {
    struct cel_value first = native(l->items[0]);

    kind = first.kind;
    if (!member_name(kind))
      return cel_failf(a, "unsupported list element type: %s", native_name(first));
  }
  for (uint32_t i = 0; i < l->n; i++) {
    struct cel_value v = native(l->items[i]);

    if (v.kind != kind)
      return cel_failf(a, "expected list element at index %u to be %s, got %s", i,
                       kind == CEL_SEMVER ? "semver" : member_name(kind), native_name(v));
    (void)json_append(a, items, scalar(a, v));
  }
  (void)json_set(a, attribute, arena_printf(a, "%ss", member_name(kind)), items);
  return cel_of_bool(true);
}

struct cel_value
cel_dra_attribute(struct arena *a, struct cel_value v, struct json **ret)
{
  struct cel_value plain = native(v);

  *ret = json_new_object(a);
  if (v.kind == CEL_LIST)
    return list(a, v.u.list, *ret);
  if (!member_name(plain.kind))
    return cel_failf(a, "unsupported CEL return type: %s", native_name(plain));
  (void)json_set(a, *ret, member_name(plain.kind), scalar(a, plain));
  return cel_of_bool(true);
}
