#include "cel_value.h"

#include <assert.h>
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

struct cel_value
cel_some(struct arena *a, struct cel_value v)
{
  struct cel_value *p = arena_new_of(a, struct cel_value);

  *p = v;
  return (struct cel_value){ .kind = CEL_OPTIONAL, .u.some = p };
}

/* -- lists -- */

struct cel_value
cel_list_new(struct arena *a, uint32_t cap)
{
  struct cel_list *l = arena_new_of(a, struct cel_list);

  l->items = cap ? arena_array_of(a, struct cel_value, cap) : NULL;
  l->cap = cap;
  return (struct cel_value){ .kind = CEL_LIST, .u.list = l };
}

void
cel_list_push(struct arena *a, struct cel_list *l, struct cel_value v)
{
  if (l->n == l->cap) {
    uint32_t cap = l->cap ? l->cap * 2 : 4;
    struct cel_value *items = arena_array_of(a, struct cel_value, cap);

    if (l->n)
      memcpy(items, l->items, sizeof *items * l->n);
    l->items = items;
    l->cap = cap;
  }
  l->items[l->n++] = v;
}

struct cel_value
cel_list_concat(struct arena *a, struct cel_list *x, struct cel_list *y)
{
  struct cel_value v;

  if (x->growing) {
    for (uint32_t i = 0, n = y->n; i < n; i++)
      cel_list_push(a, x, y->items[i]);
    return (struct cel_value){ .kind = CEL_LIST, .u.list = x };
  }
  if (!x->n || !y->n)
    return (struct cel_value){ .kind = CEL_LIST, .u.list = x->n ? x : y };
  v = cel_list_new(a, x->n + y->n);
  memcpy(v.u.list->items, x->items, sizeof *x->items * x->n);
  memcpy(v.u.list->items + x->n, y->items, sizeof *y->items * y->n);
  v.u.list->n = x->n + y->n;
  v.u.list->concat = true;
  return v;
}

/* -- maps -- */

uint32_t
cel_hash_bytes(const char *p, size_t n)
{
  uint64_t h = 0x9E3779B97F4A7C15u ^ n, w;

  for (; n >= 8; n -= 8, p += 8) {
    memcpy(&w, p, 8);
    h = (h ^ w) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 32;
  }
  w = 0;
  if (n)
    memcpy(&w, p, n);
  h = (h ^ w) * 0xC4CEB9FE1A85EC53u;
  return (uint32_t)(h >> 29);
}

static uint32_t
key_hash(struct cel_value key)
{
  if (key.kind == CEL_STRING || key.kind == CEL_BYTES)
    return cel_hash_bytes(key.u.s, key.n);
  if (key.kind == CEL_DOUBLE && key.u.d == 0)
    return CEL_DOUBLE; /* 0.0 and -0.0 */
  return cel_hash_bytes((const char *)&key.u, sizeof key.u) + key.kind;
}

/* Go's == on the key: identity for lists, maps and objects. */
static bool
key_same(struct cel_value x, struct cel_value y)
{
  if (x.kind != y.kind)
    return false;
  switch (x.kind) {
  case CEL_STRING:
  case CEL_BYTES:
    return span_eq(cel_span(x), cel_span(y));
  case CEL_DOUBLE:
    return x.u.d == y.u.d;
  case CEL_TIMESTAMP:
    return x.u.i == y.u.i && x.n == y.n && x.off == y.off;
  case CEL_NULL:
    return true;
  default:
    return x.u.u == y.u.u;
  }
}

struct cel_value
cel_map_new(struct arena *a, uint32_t cap)
{
  struct cel_map *m = arena_new_of(a, struct cel_map);

  if (cap) {
    m->entries = arena_array_of(a, struct cel_entry, cap);
    m->hashes = arena_array_of(a, uint32_t, cap);
  }
  m->cap = cap;
  return (struct cel_value){ .kind = CEL_MAP, .u.map = m };
}

#define MAP_SCAN_MAX 16 /* up to here, comparing hashes one by one is quicker than an index */

static const struct cel_entry *
map_entry(const struct cel_map *m, struct cel_value key, uint32_t hash)
{
  if (!m->index) {
    for (uint32_t i = 0; i < m->n; i++)
      if (m->hashes[i] == hash && key_same(m->entries[i].key, key))
        return &m->entries[i];
    return NULL;
  }
  for (uint32_t at = hash & m->mask; m->index[at]; at = (at + 1) & m->mask) {
    uint32_t i = m->index[at] - 1;

    if (m->hashes[i] == hash && key_same(m->entries[i].key, key))
      return &m->entries[i];
  }
  return NULL;
}

static void
map_reindex(struct arena *a, struct cel_map *m)
{
  uint32_t size = 64;

  while (size < m->cap * 2)
    size *= 2;
  m->index = arena_array_of(a, uint32_t, size);
  m->mask = size - 1;
  for (uint32_t i = 0; i < m->n; i++) {
    uint32_t at = m->hashes[i] & m->mask;

    while (m->index[at])
      at = (at + 1) & m->mask;
    m->index[at] = i + 1;
  }
}

static void
map_grow(struct arena *a, struct cel_map *m)
{
  uint32_t cap = m->cap ? m->cap * 2 : 4;
  struct cel_entry *entries = arena_array_of(a, struct cel_entry, cap);
  uint32_t *hashes = arena_array_of(a, uint32_t, cap);

  if (m->n) {
    memcpy(entries, m->entries, sizeof *entries * m->n);
    memcpy(hashes, m->hashes, sizeof *hashes * m->n);
  }
  m->entries = entries;
  m->hashes = hashes;
  m->cap = cap;
  if (m->index)
    map_reindex(a, m);
}

void
cel_map_put(struct arena *a, struct cel_map *m, struct cel_value key, struct cel_value value)
{
  uint32_t hash = key_hash(key);
  const struct cel_entry *old = map_entry(m, key, hash);

  if (old) {
    m->entries[old - m->entries].value = value;
    return;
  }
  if (m->n == m->cap)
    map_grow(a, m);
  m->entries[m->n] = (struct cel_entry){ key, value };
  m->hashes[m->n++] = hash;
  if (m->index) {
    uint32_t at = hash & m->mask;

    while (m->index[at])
      at = (at + 1) & m->mask;
    m->index[at] = m->n;
  } else if (m->n > MAP_SCAN_MAX) {
    map_reindex(a, m);
  }
}

bool
cel_map_delete(struct cel_map *m, struct cel_value key)
{
  const struct cel_entry *e = map_entry(m, key, key_hash(key));
  size_t at;

  if (!e)
    return false;
  at = (size_t)(e - m->entries);
  memmove(m->entries + at, m->entries + at + 1, sizeof *m->entries * (m->n - at - 1));
  memmove(m->hashes + at, m->hashes + at + 1, sizeof *m->hashes * (m->n - at - 1));
  m->n--;
  if (m->index) { /* entry numbers moved: fill the same table again */
    memset(m->index, 0, sizeof *m->index * (m->mask + 1));
    for (uint32_t i = 0; i < m->n; i++) {
      uint32_t slot = m->hashes[i] & m->mask;

      while (m->index[slot])
        slot = (slot + 1) & m->mask;
      m->index[slot] = i + 1;
    }
  }
  return true;
}

const struct cel_value *
cel_map_find_str(const struct cel_map *m, struct span key, uint32_t hash)
{
  const struct cel_entry *e = map_entry(m, cel_of_span(key), hash);

  return e ? &e->value : m->fallback;
}

static bool
double_to_int(double d, int64_t *ret)
{
  if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0) || (double)(int64_t)d != d)
    return false;
  *ret = (int64_t)d;
  return true;
}

static bool
double_to_uint(double d, uint64_t *ret)
{
  if (!(d >= 0 && d < 18446744073709551616.0) || (double)(uint64_t)d != d)
    return false;
  *ret = (uint64_t)d;
  return true;
}

const struct cel_value *
cel_map_find(const struct cel_map *m, struct cel_value key)
{
  const struct cel_entry *e = map_entry(m, key, key_hash(key));
  struct cel_value other = { 0 };

  if (e)
    return &e->value;
  if (key.kind == CEL_DOUBLE) {
    other.kind = CEL_INT;
    if (double_to_int(key.u.d, &other.u.i) && (e = map_entry(m, other, key_hash(other))))
      return &e->value;
    other.kind = CEL_UINT;
    if (double_to_uint(key.u.d, &other.u.u))
      e = map_entry(m, other, key_hash(other));
  } else if (key.kind == CEL_INT ? key.u.i >= 0 : key.kind == CEL_UINT && key.u.u <= INT64_MAX) {
    other = key;
    other.kind = key.kind == CEL_INT ? CEL_UINT : CEL_INT;
    e = map_entry(m, other, key_hash(other));
  }
  return e ? &e->value : m->fallback;
}

/* bool, int, uint, double, string, bytes, others */
static int
kind_rank(uint8_t kind)
{
  static const uint8_t rank[CEL_KIND_COUNT] = {
    [CEL_BOOL] = 1, [CEL_INT] = 2, [CEL_UINT] = 3, [CEL_DOUBLE] = 4, [CEL_STRING] = 5, [CEL_BYTES] = 6,
  };

  return rank[kind] ? rank[kind] : 7;
}

static int
entry_order(const void *x, const void *y)
{
  struct cel_value a = (*(const struct cel_entry *const *)x)->key, b = (*(const struct cel_entry *const *)y)->key;
  int ra = kind_rank(a.kind), rb = kind_rank(b.kind), r = 0;

  if (ra != rb)
    return ra < rb ? -1 : 1;
  if (ra == 7)
    return 0;
  (void)cel_compare(a, b, &r);
  return r;
}

const struct cel_entry **
cel_map_sorted(struct arena *a, const struct cel_map *m)
{
  const struct cel_entry **v = arena_array_of(a, const struct cel_entry *, m->n + 1u);

  for (uint32_t i = 0; i < m->n; i++)
    v[i] = &m->entries[i];
  qsort(v, m->n, sizeof(*v), entry_order);
  return v;
}

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

/* -- sizes -- */

size_t
cel_code_points(struct span s)
{
  size_t n = 0, i = 0;

  for (; i + 8 <= s.n; i += 8) { /* ASCII runs */
    uint64_t w;

    memcpy(&w, s.p + i, 8);
    if (w & 0x8080808080808080u)
      break;
    n += 8;
  }
  for (; i < s.n; i++)
    n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
  return n;
}

bool
cel_size(struct cel_value v, uint64_t *ret)
{
  switch (v.kind) {
  case CEL_STRING:
    *ret = cel_code_points(cel_span(v));
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
    *ret = v.u.map->n;
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

/* -- comparing -- */

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

static struct cel_value
equal_lists(const struct cel_list *x, const struct cel_list *y)
{
  struct cel_value first_error = cel_of_bool(true);

  if (x->n != y->n)
    return cel_of_bool(false);
  for (uint32_t i = 0; i < x->n; i++) {
    struct cel_value r = cel_equal(x->items[i], y->items[i]);

    if (cel_is_false(r))
      return r;
    if (x->concat && cel_is_error(r) && !cel_is_error(first_error))
      first_error = r;
  }
  return first_error;
}

static struct cel_value
equal_maps(const struct cel_map *x, const struct cel_map *y)
{
  if (x->n != y->n)
    return cel_of_bool(false);
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

/* cel-go's Equal method of x, without the special place of null. */
static struct cel_value
equal_direct(struct cel_value x, struct cel_value y)
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
    return equal_maps(x.u.map, y.u.map);
  case CEL_TYPE:
    return cel_of_bool(strcmp(x.u.type->name, y.u.type->name) == 0);
  case CEL_OPTIONAL:
    if (!x.u.some || !y.u.some)
      return cel_of_bool(x.u.some == y.u.some);
    return equal_direct(*x.u.some, *y.u.some);
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
  case CEL_INT:
  case CEL_UINT:
  case CEL_DOUBLE:
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
  return equal_direct(x, y);
}

/* -- names -- */

const struct cel_type *
cel_type_of(struct cel_value v)
{
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
    [CEL_LIST] = "*types.baseList",
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
  };

  if (v.kind == CEL_QUANTITY && v.sub == CEL_SUB_DERIVED)
    return "*cel.Quantity";
  if (v.kind == CEL_LIST && v.u.list->concat)
    return "*types.concatList";
  return names[v.kind];
}
