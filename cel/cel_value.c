#include "cel_value.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

struct cel_value
cel_failf(struct arena *a, const char *fmt, ...)
{
  va_list ap;
  const char *s;

  va_start(ap, fmt);
  s = arena_vprintf(a, fmt, ap);
  va_end(ap);
  return cel_fail(s);
}

struct cel_value
cel_no_overload(void)
{
  return cel_fail("no such overload");
}

static bool
is_ascii(struct span s)
{
  uint64_t all = 0, w;

  if (s.n < 8) {
    for (size_t i = 0; i < s.n; i++)
      all |= (unsigned char)s.p[i];
    return !(all & 0x80);
  }
  for (size_t i = 0; i + 8 < s.n; i += 8) {
    memcpy(&w, s.p + i, 8);
    all |= w;
  }
  memcpy(&w, s.p + s.n - 8, 8); /* the last eight, some of them once more */
  return !((all | w) & 0x8080808080808080u);
}

struct cel_value
cel_of_text(struct span s)
{
  struct cel_value v = cel_of_span(s);

  v.sub = is_ascii(s) ? CEL_SUB_ASCII : 0;
  return v;
}

struct cel_value
cel_some(struct arena *a, struct cel_value v)
{
  struct cel_value *p = arena_new_of(a, struct cel_value);

  *p = v;
  return (struct cel_value){ .kind = CEL_OPTIONAL, .u.some = p };
}

/* -- JSON -- */

struct cel_value
cel_of_json(struct arena *a, const struct json *v)
{
  struct cel_value out;

  switch (json_type(v)) {
  case JSON_BOOL:
    return cel_of_bool(v->u.boolean);
  case JSON_INT:
    return cel_of_int(v->u.integer);
  case JSON_NUMBER:
    return cel_of_double(json_double(v));
  case JSON_STRING:
    return cel_of_span(json_span(v));
  case JSON_ARRAY:
    out = cel_list_new(a, v->count);
    for (json_each_item (p, v))
      cel_list_push(a, out.u.list, cel_of_json(a, *p));
    return out;
  case JSON_OBJECT:
    out = cel_map_new(a, v->count);
    for (json_each_member (m, v))
      cel_map_put(a, out.u.map, cel_of_span(span_make(m->name, m->name_len)), cel_of_json(a, m->value));
    return out;
  case JSON_NULL:
    break;
  }
  return cel_of_null();
}

struct cel_value
cel_force_lazy(struct cel_lazy *l)
{
  if (!l->made) {
    l->value = l->make(l);
    l->made = true;
  }
  return l->value;
}

/* -- sizes -- */

bool
cel_size(struct cel_value v, uint64_t *ret)
{
  switch (v.kind) {
  case CEL_STRING:
    *ret = v.sub == CEL_SUB_ASCII ? v.n : span_runes(cel_span(v));
    return true;
  case CEL_BYTES:
    *ret = v.n;
    return true;
  case CEL_LIST:
    *ret = v.u.list->n;
    return true;
  case CEL_MAP:
    if (v.u.map->object)
      return false;
    *ret = cel_map_filled(v.u.map)->n + (v.u.map->from ? v.u.map->from->hidden : 0u);
    return true;
  case CEL_IP:
    *ret = v.u.ip->family == 4 ? 4 : 16;
    return true;
  case CEL_CIDR:
    *ret = (uint64_t)(v.u.ip->bits + 7) / 8;
    return true;
  default:
    return false;
  }
}

/* -- names -- */

const struct cel_type *
cel_type_of(struct cel_value v)
{
  static const struct cel_type unknown = { .kind = CEL_T_OPAQUE, .name = "unknown", .max_size = CEL_SIZE_UNKNOWN };
  static const struct cel_type *const types[CEL_KIND_COUNT] = {
    [CEL_ERROR] = &cel_error_type,
    [CEL_NULL] = &cel_null,
    [CEL_BOOL] = &cel_bool,
    [CEL_INT] = &cel_int,
    [CEL_UINT] = &cel_uint,
    [CEL_DOUBLE] = &cel_double,
    [CEL_STRING] = &cel_string,
    [CEL_BYTES] = &cel_bytes,
    [CEL_DURATION] = &cel_duration,
    [CEL_TIMESTAMP] = &cel_timestamp,
    [CEL_LIST] = &cel_list_dyn,
    [CEL_MAP] = &cel_map_dyn,
    [CEL_TYPE] = &cel_type_type,
    [CEL_OPTIONAL] = &cel_optional_dyn,
    [CEL_QUANTITY] = &cel_quantity_type,
    [CEL_SEMVER] = &cel_semver_type,
    [CEL_IP] = &cel_ip_type,
    [CEL_CIDR] = &cel_cidr_type,
    [CEL_URL] = &cel_url_type,
    [CEL_FORMAT] = &cel_format_type,
    [CEL_AUTHORIZER] = &cel_authorizer_type,
    [CEL_PATH_CHECK] = &cel_path_check_type,
    [CEL_GROUP_CHECK] = &cel_group_check_type,
    [CEL_RESOURCE_CHECK] = &cel_resource_check_type,
    [CEL_DECISION] = &cel_decision_type,
    [CEL_PRESERVED] = &unknown,
  };

  if (v.kind == CEL_MAP && v.u.map->object)
    return v.u.map->object;
  return types[v.kind];
}

const char *
cel_type_name(struct cel_value v)
{
  return cel_type_of(v)->name;
}

const char *
cel_go_name(struct cel_value v)
{
  static const char *const list_names[] = {
    [CEL_LIST_PLAIN] = "*types.baseList",           [CEL_LIST_CONCAT] = "*types.concatList",
    [CEL_LIST_ATOMIC] = "*common.unstructuredList", [CEL_LIST_SET] = "*common.unstructuredSetList",
    [CEL_LIST_MAP] = "*common.unstructuredMapList",
  };
  static const char *const names[CEL_KIND_COUNT] = {
    [CEL_ERROR] = "*types.Err",
    [CEL_NULL] = "types.Null",
    [CEL_BOOL] = "types.Bool",
    [CEL_INT] = "types.Int",
    [CEL_UINT] = "types.Uint",
    [CEL_DOUBLE] = "types.Double",
    [CEL_STRING] = "types.String",
    [CEL_BYTES] = "types.Bytes",
    [CEL_DURATION] = "types.Duration",
    [CEL_TIMESTAMP] = "types.Timestamp",
    [CEL_MAP] = "*types.baseMap",
    [CEL_TYPE] = "*types.Type",
    [CEL_OPTIONAL] = "*types.Optional",
    [CEL_QUANTITY] = "cel.Quantity",
    [CEL_SEMVER] = "cel.Semver",
    [CEL_IP] = "cel.IP",
    [CEL_CIDR] = "cel.CIDR",
    [CEL_URL] = "cel.URL",
    [CEL_FORMAT] = "*cel.Format",
    [CEL_AUTHORIZER] = "library.authorizerVal",
    [CEL_PATH_CHECK] = "library.pathCheckVal",
    [CEL_GROUP_CHECK] = "library.groupCheckVal",
    [CEL_RESOURCE_CHECK] = "library.resourceCheckVal",
    [CEL_DECISION] = "library.decisionVal",
    [CEL_PRESERVED] = "*common.unknownPreserved",
  };

  if (v.kind == CEL_QUANTITY && v.sub == CEL_SUB_DERIVED)
    return "*cel.Quantity";
  if (v.kind == CEL_LIST)
    return list_names[v.u.list->rule];
  if (v.kind == CEL_MAP && v.u.map->from)
    return "*common.unstructuredMap";
  return names[v.kind];
}
