#include "cel_value.h"

#include <math.h>
#include <string.h>

/* == and <, as the Equal and Compare methods of cel-go's values and of Kubernetes' own. */

/* -- order -- */

static int
order_double(double x, double y)
{
  return x < y ? -1 : x > y;
}

static int
order_double_int(double d, int64_t i)
{
  if (d < -9223372036854775808.0)
    return -1;
  if (d > 9223372036854775807.0)
    return 1;
  return order_double(d, (double)i);
}

static int
order_double_uint(double d, uint64_t u)
{
  if (d < 0)
    return -1;
  if (d > 18446744073709551615.0)
    return 1;
  return order_double(d, (double)u);
}

static int
order_int_uint(int64_t i, uint64_t u)
{
  if (i < 0 || u > INT64_MAX)
    return -1;
  return (uint64_t)i < u ? -1 : (uint64_t)i > u;
}

static inline bool
is_number(uint8_t kind)
{
  return kind >= CEL_INT && kind <= CEL_DOUBLE;
}

/* Numbers of any two kinds; false when a NaN is among them. */
static bool
order_numbers(struct cel_value x, struct cel_value y, int *ret)
{
  if ((x.kind == CEL_DOUBLE && isnan(x.u.d)) || (y.kind == CEL_DOUBLE && isnan(y.u.d)))
    return false;
  if (x.kind == CEL_INT)
    *ret = y.kind == CEL_INT    ? (x.u.i < y.u.i ? -1 : x.u.i > y.u.i)
           : y.kind == CEL_UINT ? order_int_uint(x.u.i, y.u.u)
                                : -order_double_int(y.u.d, x.u.i);
  else if (x.kind == CEL_UINT)
    *ret = y.kind == CEL_UINT  ? (x.u.u < y.u.u ? -1 : x.u.u > y.u.u)
           : y.kind == CEL_INT ? -order_int_uint(y.u.i, x.u.u)
                               : -order_double_uint(y.u.d, x.u.u);
  else
    *ret = y.kind == CEL_DOUBLE ? order_double(x.u.d, y.u.d)
           : y.kind == CEL_INT  ? order_double_int(x.u.d, y.u.i)
                                : order_double_uint(x.u.d, y.u.u);
  return true;
}

struct cel_value
cel_compare(struct cel_value x, struct cel_value y, int *ret)
{
  if (is_number(x.kind) && is_number(y.kind)) {
    if (!order_numbers(x, y, ret))
      return cel_fail("NaN values cannot be ordered");
    return cel_of_bool(true);
  }
  if (x.kind == CEL_DOUBLE && isnan(x.u.d))
    return cel_fail("NaN values cannot be ordered");
  if (x.kind != y.kind)
    return cel_no_overload();
  switch (x.kind) {
  case CEL_BOOL:
    *ret = x.u.b == y.u.b ? 0 : x.u.b ? 1 : -1;
    break;
  case CEL_STRING:
  case CEL_BYTES:
    *ret = span_cmp(cel_span(x), cel_span(y));
    *ret = *ret < 0 ? -1 : *ret > 0;
    break;
  case CEL_DURATION:
    *ret = x.u.i < y.u.i ? -1 : x.u.i > y.u.i;
    break;
  case CEL_TIMESTAMP:
    *ret = x.u.i != y.u.i ? (x.u.i < y.u.i ? -1 : 1) : x.n < y.n ? -1 : x.n > y.n;
    break;
  default:
    return cel_no_overload();
  }
  return cel_of_bool(true);
}

/* -- equality -- */

static struct cel_value
equal_lists(const struct cel_list *x, const struct cel_list *y)
{
  struct cel_value first_error = cel_of_bool(true);

  if (x->rule >= CEL_LIST_SET)
    return cel_list_equal_keyed(x, y);
  if (x->n != y->n)
    return cel_of_bool(false);
  for (uint32_t i = 0; i < x->n; i++) {
    struct cel_value r =
        x->rule == CEL_LIST_ATOMIC ? cel_equal_direct(x->items[i], y->items[i]) : cel_equal(x->items[i], y->items[i]);

    if (cel_is_false(r) || (x->rule == CEL_LIST_ATOMIC && cel_is_error(r)))
      return r;
    if (x->rule == CEL_LIST_CONCAT && cel_is_error(r) && !cel_is_error(first_error))
      first_error = r;
  }
  return first_error;
}

/* Members that no expression sees: null ones count as absent, others are compared as JSON. */
static struct cel_value
equal_hidden(const struct cel_map *x, const struct cel_map *y)
{
  for (json_each_member (m, x->from->json)) {
    struct span name = span_make(m->name, m->name_len);
    const struct json *other;

    if (cel_map_member(x, name))
      continue;
    if (!y->from)
      return cel_no_overload();
    other = json_get_n(y->from->json, name.p, name.n);
    if (json_is(m->value, JSON_NULL) ? cel_map_member(y, name) != NULL : other && !json_equal(m->value, other))
      return cel_of_bool(false);
  }
  return cel_of_bool(true);
}

/* An object with a schema passes errors on, where other maps take them for equal. */
static struct cel_value
equal_objects(const struct cel_map *x, const struct cel_map *y)
{
  for (uint32_t i = 0; i < x->n; i++) {
    const struct cel_value *v = cel_map_find(y, x->entries[i].key);
    struct cel_value r = v ? cel_equal_direct(x->entries[i].value, *v) : cel_of_bool(false);

    if (!cel_is_true(r))
      return r;
  }
  return x->from->hidden ? equal_hidden(x, y) : cel_of_bool(true);
}

static uint32_t
map_size(const struct cel_map *m)
{
  return m->n + (m->from ? m->from->hidden : 0);
}

static struct cel_value
equal_maps(const struct cel_map *x, const struct cel_map *y)
{
  if (map_size(x) != map_size(y))
    return cel_of_bool(false);
  if (x->from)
    return equal_objects(x, y);
  for (uint32_t i = 0; i < x->n; i++) {
    const struct cel_value *v = cel_map_find(y, x->entries[i].key);

    if (!v || cel_is_false(cel_equal(x->entries[i].value, *v)))
      return cel_of_bool(false);
  }
  return cel_of_bool(true);
}

static bool
equal_urls(const struct cel_url *x, const struct cel_url *y)
{
  _cleanup_strbuf_ struct strbuf bx = { 0 }, by = { 0 };

  strbuf_init(&bx, SIZE_MAX / 2);
  strbuf_init(&by, SIZE_MAX / 2);
  cel_url_print(&bx, x);
  cel_url_print(&by, y);
  return span_eq(strbuf_view(&bx), strbuf_view(&by));
}

struct cel_value
cel_equal_direct(struct cel_value x, struct cel_value y)
{
  int order;

  if (is_number(x.kind))
    return cel_of_bool(is_number(y.kind) && order_numbers(x, y, &order) && order == 0);
  if (x.kind != y.kind || (x.kind == CEL_QUANTITY && y.sub == CEL_SUB_DERIVED)) {
    if (x.kind >= CEL_QUANTITY) /* objects of Kubernetes know only their like */
      return cel_no_overload();
    return cel_of_bool(false);
  }
  switch ((enum cel_kind)x.kind) {
  case CEL_NULL:
    return cel_of_bool(true);
  case CEL_BOOL:
    return cel_of_bool(x.u.b == y.u.b);
  case CEL_STRING:
  case CEL_BYTES:
    return cel_of_bool(span_eq(cel_span(x), cel_span(y)));
  case CEL_DURATION:
    return cel_of_bool(x.u.i == y.u.i);
  case CEL_TIMESTAMP:
    return cel_of_bool(x.u.i == y.u.i && x.n == y.n);
  case CEL_LIST:
    return equal_lists(x.u.list, y.u.list);
  case CEL_MAP:
    return equal_maps(cel_map_filled(x.u.map), cel_map_filled(y.u.map));
  case CEL_TYPE:
    return cel_of_bool(strcmp(x.u.type->name, y.u.type->name) == 0);
  case CEL_OPTIONAL:
    if (!x.u.some || !y.u.some)
      return cel_of_bool(x.u.some == y.u.some);
    return cel_equal_direct(*x.u.some, *y.u.some);
  case CEL_QUANTITY:
    return cel_of_bool(cel_quantity_equal(x.u.quantity, y.u.quantity));
  case CEL_SEMVER:
    return cel_of_bool(cel_semver_compare(x.u.semver, y.u.semver) == 0);
  case CEL_IP:
  case CEL_CIDR:
    return cel_of_bool(cel_ip_equal(x.u.ip, y.u.ip, x.kind == CEL_CIDR));
  case CEL_URL:
    return cel_of_bool(equal_urls(x.u.url, y.u.url));
  case CEL_FORMAT:
    return cel_of_bool(x.u.format == y.u.format);
  case CEL_AUTHORIZER:
  case CEL_PATH_CHECK:
  case CEL_GROUP_CHECK:
  case CEL_RESOURCE_CHECK:
  case CEL_DECISION:
    return cel_of_bool(x.u.authz == y.u.authz);
  case CEL_PRESERVED:
    return cel_of_bool(json_equal(x.u.preserved, y.u.preserved));
  case CEL_INT:
  case CEL_UINT:
  case CEL_DOUBLE:
  case CEL_LAZY:
  case CEL_ERROR:
  case CEL_KIND_COUNT:
    break;
  }
  return x;
}

struct cel_value
cel_equal(struct cel_value x, struct cel_value y)
{
  if (x.kind == CEL_NULL || y.kind == CEL_NULL)
    return cel_of_bool(x.kind == y.kind);
  return cel_equal_direct(x, y);
}
