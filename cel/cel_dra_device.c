#include "cel_dra_env.h"

#include <string.h>

/*
 * The value of `device`. A scheduler asks thousands of devices one question each, which reads one or two of their
 * attributes: so the maps are made of the JSON as they are read, one value at a time, and all at once only for what
 * needs all (size(), loops, ==). Upstream refuses a device with any bad version, read or not, so each value is looked
 * over when the device comes.
 */

/* device.attributes or device.capacity: {"domain/id": x, "id": y} read as {domain: {id: x}, driver: {id: y}}. */
struct names {
  struct cel_map map; /* by domain */
  struct arena *a;
  const struct json *members;
  struct span driver;
  struct cel_value *values; /* by member; CEL_ERROR: not made yet, `off` is what look_over has to say about it */
  struct cel_value (*make)(struct arena *a, const struct json *v, int16_t known);
  struct domain *domains; /* that were asked for */
};

#define MEMO 32 /* power of two */

/* The ids of one domain. */
struct domain {
  struct cel_map map;
  struct cel_value value; /* the map, as a value */
  struct names *of;
  struct domain *next;
  struct span name;
  bool drivers;       /* names without a domain count, too */
  uint8_t memo[MEMO]; /* member number + 1, by the last letter and length of an id that was found */
};

/* -- making values -- */

static struct cel_value
json_value(struct arena *a, const struct json *v)
{
  struct cel_value list;

  if (json_is(v, JSON_STRING))
    return cel_of_text(json_span(v));
  if (!json_is(v, JSON_ARRAY))
    return cel_of_json(a, v);
  list = cel_list_new(a, v->count);
  for (json_each_item (p, v))
    cel_list_push(a, list.u.list, json_value(a, *p));
  return list;
}

struct cel_value
cel_dra_version(struct arena *a, const struct json *v)
{
  const char *why;
  const struct cel_semver *version = cel_semver_parse(a, json_span(v), &why);

  return version ? (struct cel_value){ .kind = CEL_SEMVER, .u.semver = version }
                 : cel_failf(a, "parse semantic version: %s", why);
}

static struct cel_value
versions_value(struct arena *a, const struct json *v)
{
  struct cel_value list = cel_list_new(a, (uint32_t)json_count(v));

  for (json_each_item (p, v)) {
    struct cel_value item = cel_dra_version(a, *p);

    if (cel_is_error(item))
      return item;
    cel_list_push(a, list.u.list, item);
  }
  return list;
}

/* The members of an attribute in the order in which upstream looks for them; one is there. */
static const struct {
  bool list;
  struct cel_value (*make)(struct arena *a, const struct json *v);
} kinds[] = {
  { true, json_value },       /* ints */
  { true, json_value },       /* bools */
  { true, json_value },       /* strings */
  { true, versions_value },   /* versions */
  { false, json_value },      /* int */
  { false, json_value },      /* bool */
  { false, json_value },      /* string */
  { false, cel_dra_version }, /* version */
};

enum { NO_KIND = 8 };

#define IS(name, text) (memcmp((name), (text), sizeof(text) - 1) == 0)

/* The place of a member's name among the kinds. */
static inline __attribute__((always_inline)) size_t
kind_of(const struct json_member *m)
{
  switch (m->name_len) {
  case 3:
    return IS(m->name, "int") ? 4 : NO_KIND;
  case 4:
    return IS(m->name, "bool") ? 5 : IS(m->name, "ints") ? 0 : NO_KIND;
  case 5:
    return IS(m->name, "bools") ? 1 : NO_KIND;
  case 6:
    return IS(m->name, "string") ? 6 : NO_KIND;
  case 7:
    return IS(m->name, "version") ? 7 : IS(m->name, "strings") ? 2 : NO_KIND;
  case 8:
    return IS(m->name, "versions") ? 3 : NO_KIND;
  default:
    return NO_KIND;
  }
}

static inline bool
is_set(size_t kind, const struct json *v)
{
  return kinds[kind].list ? v->type == JSON_ARRAY : v->type != JSON_NULL;
}

/* The member of an attribute that counts, and its place among the kinds. */
static const struct json_member *
attribute_member(const struct json *attribute, size_t *ret_kind)
{
  const struct json_member *found = NULL;

  *ret_kind = NO_KIND;
  for (json_each_member (m, attribute)) {
    size_t kind = kind_of(m);

    if (kind < *ret_kind && is_set(kind, m->value)) {
      *ret_kind = kind;
      found = m;
    }
  }
  return found;
}

/* `known`: its only member is of this kind; 0 (no plain attribute is a list of ints): has to be found out. */
static struct cel_value
attribute_value(struct arena *a, const struct json *attribute, int16_t known)
{
  size_t kind = (size_t)known;
  const struct json_member *m = known ? attribute->u.members : attribute_member(attribute, &kind);

  return m ? kinds[kind].make(a, m->value) : cel_fail("unsupported attribute value");
}

static struct cel_value
capacity_value(struct arena *a, const struct json *capacity, int16_t known)
{
  return cel_quantity_parse(a, json_span(known ? capacity->u.members->value : json_get(capacity, "value")));
}

static struct cel_value
value_of(struct names *n, size_t member)
{
  struct cel_value *v = &n->values[member];

  if (v->kind == CEL_ERROR)
    *v = n->make(n->a, n->members->u.members[member].value, v->off);
  return *v;
}

/* -- looking over -- */

/* An attribute that has one value which cannot be wrong: what to note of it. */
static inline bool
is_plain_attribute(const struct json *v, struct cel_value *ret)
{
  const struct json *value;
  uint64_t number[3];
  size_t kind;

  if (v->type != JSON_OBJECT || v->count != 1)
    return false;
  kind = kind_of(v->u.members);
  value = v->u.members->value;
  if (kind == NO_KIND || kind == 3 || !is_set(kind, value))
    return false;
  if (kind == 4 && value->type == JSON_INT)
    *ret = cel_of_int(value->u.integer);
  else if (kind == 5 && value->type == JSON_BOOL)
    *ret = cel_of_bool(value->u.boolean);
  else
    ret->off = (int16_t)kind;
  return kind != 7 || (value->type == JSON_STRING && cel_semver_plain(span_make(value->u.str, value->count), number));
}

/* A quantity of digits and at most a usual suffix. */
static inline bool
is_plain_capacity(const struct json *v, struct cel_value *ret)
{
  const struct json *text;
  struct span s;
  size_t i = 0;

  if (v->type != JSON_OBJECT || v->count != 1 || v->u.members->name_len != 5 || !IS(v->u.members->name, "value"))
    return false;
  text = v->u.members->value;
  if (text->type != JSON_STRING || text->count > 16)
    return false;
  s = span_make(text->u.str, text->count);
  while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
    i++;
  if (i > 0 && i < s.n && memchr("KMGTP", s.p[i], 5) && (s.p[i] != 'K' || i + 1 < s.n))
    i += i + 1 < s.n && s.p[i + 1] == 'i' ? 2 : s.p[i] != 'K';
  ret->off = 1;
  return i > 0 && i == s.n;
}

/* What is not plain is made now, and kept. */
static bool
is_made(struct names *n, size_t member, struct cel_value *ret_error)
{
  *ret_error = value_of(n, member);
  return !cel_is_error(*ret_error);
}

static int
look_over_attributes(struct names *n, struct kerr *reterr)
{
  struct cel_value error, *note = n->values;

  for (json_each_member (m, n->members)) {
    if (!is_plain_attribute(m->value, note) && !is_made(n, (size_t)(note - n->values), &error))
      return kerr_set(reterr, KERR_INVALID, NULL, "attribute %s: %.*s", m->name, SPAN_FMT(cel_span(error)));
    note++;
  }
  return 0;
}

static int
look_over_capacity(struct names *n, struct kerr *reterr)
{
  struct cel_value error, *note = n->values;

  for (json_each_member (m, n->members)) {
    if (!is_plain_capacity(m->value, note) && !is_made(n, (size_t)(note - n->values), &error))
      return kerr_set(reterr, KERR_INVALID, NULL, "capacity %s: %.*s", m->name, SPAN_FMT(cel_span(error)));
    note++;
  }
  return 0;
}

/* -- reading -- */

/* Of short texts. */
static inline bool
has_slash(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] == '/')
      return true;
  return false;
}

/* Does the member's name mean this id of this domain? */
static inline bool
means(const struct domain *d, const struct json_member *m, struct span id)
{
  struct span name = d->name;

  if (m->name_len == id.n)
    return d->drivers && (!id.n || (m->name[id.n - 1] == id.p[id.n - 1] && memcmp(m->name, id.p, id.n) == 0)) &&
           !has_slash(id);
  return m->name_len == name.n + 1 + id.n && m->name[name.n] == '/' && memcmp(m->name, name.p, name.n) == 0 &&
         (!id.n || memcmp(m->name + name.n + 1, id.p, id.n) == 0) && !has_slash(name);
}

static const struct cel_value *
find_id(struct cel_map *map, struct span id)
{
  struct domain *d = container_of(map, struct domain, map);
  const struct json *members = d->of->members;
  uint8_t *memo = &d->memo[(id.n ? (size_t)(unsigned char)id.p[id.n - 1] + id.n : 0) & (MEMO - 1)];

  if (*memo && means(d, &members->u.members[*memo - 1], id)) {
    (void)value_of(d->of, *memo - 1u);
    return &d->of->values[*memo - 1];
  }
  for (size_t i = json_count(members); i-- > 0;) { /* "id" and "driver/id" are the same: the later one counts */
    if (!means(d, &members->u.members[i], id))
      continue;
    if (i < UINT8_MAX)
      *memo = (uint8_t)(i + 1);
    (void)value_of(d->of, i);
    return &d->of->values[i];
  }
  return NULL;
}

static struct span
split_name(const struct names *n, const struct json_member *m, struct span *ret_domain)
{
  struct span id, domain = span_cut(span_make(m->name, m->name_len), '/', &id);

  *ret_domain = id.p ? domain : n->driver;
  return id.p ? id : domain;
}

static void
fill_domain(struct cel_map *map)
{
  struct domain *d = container_of(map, struct domain, map);

  for (size_t i = 0; i < json_count(d->of->members); i++) {
    struct span domain, id = split_name(d->of, &d->of->members->u.members[i], &domain);

    if (span_eq(domain, d->name))
      cel_map_put(d->of->a, map, cel_of_span(id), value_of(d->of, i));
  }
}

/* The domain as the device writes it, so that it lives as long; p NULL when nothing is in it. */
static struct span
own_domain(const struct names *n, struct span name)
{
  for (json_each_member (m, n->members)) {
    const char *slash = memchr(m->name, '/', m->name_len);
    struct span domain = slash ? span_make(m->name, (size_t)(slash - m->name)) : n->driver;

    if (span_eq(domain, name))
      return domain;
  }
  return (struct span){ NULL, 0 };
}

static const struct cel_value *
find_domain(struct cel_map *map, struct span name)
{
  static const struct cel_map_source by_id = { find_id, fill_domain };
  struct names *n = container_of(map, struct names, map);
  struct domain *d;

  for (d = n->domains; d; d = d->next)
    if (span_eq(d->name, name))
      return &d->value;
  name = own_domain(n, name);
  if (!name.p)
    return NULL;
  d = arena_new_of(n->a, struct domain);
  d->map.source = &by_id;
  d->value = (struct cel_value){ .kind = CEL_MAP, .u.map = &d->map };
  d->of = n;
  d->next = n->domains;
  d->name = name;
  d->drivers = span_eq(name, n->driver);
  n->domains = d;
  return &d->value;
}

static void
fill_domains(struct cel_map *map)
{
  struct names *n = container_of(map, struct names, map);

  for (json_each_member (m, n->members)) {
    struct span domain;

    (void)split_name(n, m, &domain);
    cel_map_put(n->a, map, cel_of_span(domain), *find_domain(map, domain));
  }
}

/* -- the device -- */

struct device {
  struct cel_map map;
  struct cel_value driver, multi, attributes_value, capacity_value;
  struct names attributes, capacity;
  struct arena *a;
};

static const struct cel_value *
find_field(struct cel_map *map, struct span name)
{
  struct device *d = container_of(map, struct device, map);

  if (name.n == 10 && IS(name.p, "attributes"))
    return &d->attributes_value;
  if (name.n == 6 && IS(name.p, "driver"))
    return &d->driver;
  if (name.n == 8 && IS(name.p, "capacity"))
    return &d->capacity_value;
  return name.n == 24 && IS(name.p, "allowMultipleAllocations") ? &d->multi : NULL;
}

static void
fill_fields(struct cel_map *map)
{
  struct device *d = container_of(map, struct device, map);

  cel_map_put(d->a, map, cel_of_span(SPAN("driver")), d->driver);
  cel_map_put(d->a, map, cel_of_span(SPAN("allowMultipleAllocations")), d->multi);
  cel_map_put(d->a, map, cel_of_span(SPAN("attributes")), d->attributes_value);
  cel_map_put(d->a, map, cel_of_span(SPAN("capacity")), d->capacity_value);
}

static const struct cel_value empty_map = { .kind = CEL_MAP, .u.map = &(struct cel_map){ .n = 0 } };

static void
names_init(struct names *n, struct device *d, const struct json *members, struct cel_value *values,
           struct cel_value (*make)(struct arena *, const struct json *, int16_t))
{
  static const struct cel_map_source by_domain = { find_domain, fill_domains };

  n->map.source = &by_domain;
  n->map.fallback = &empty_map;
  n->a = d->a;
  n->members = members;
  n->driver = cel_span(d->driver);
  n->values = values;
  n->make = make;
}

/* The parts of a v1 Device, in one look at its members. */
struct parts {
  const struct json *attributes, *capacity;
  bool multi;
};

static struct parts
parts_of(const struct json *device)
{
  struct parts p = { NULL, NULL, false };

  for (json_each_member (m, device)) {
    if (m->name_len == 10 && IS(m->name, "attributes") && m->value->type == JSON_OBJECT)
      p.attributes = m->value;
    else if (m->name_len == 8 && IS(m->name, "capacity") && m->value->type == JSON_OBJECT)
      p.capacity = m->value;
    else if (m->name_len == 24 && IS(m->name, "allowMultipleAllocations"))
      p.multi = m->value->type == JSON_BOOL && m->value->u.boolean;
  }
  return p;
}

int
cel_dra_device_value(struct arena *a, const char *driver, const struct json *device, struct cel_value *ret,
                     struct kerr *reterr)
{
  static const struct cel_map_source by_field = { find_field, fill_fields };
  struct parts p = parts_of(device);
  size_t n_attributes = json_count(p.attributes);
  struct device *d = arena_alloc(a, sizeof *d + (n_attributes + json_count(p.capacity)) * sizeof(struct cel_value));
  struct cel_value *values = (struct cel_value *)(d + 1);
  int r;

  d->a = a;
  d->map.source = &by_field;
  d->driver = cel_of_text(span_of(driver ? driver : ""));
  d->multi = cel_of_bool(p.multi);
  d->attributes_value = (struct cel_value){ .kind = CEL_MAP, .u.map = &d->attributes.map };
  d->capacity_value = (struct cel_value){ .kind = CEL_MAP, .u.map = &d->capacity.map };
  names_init(&d->attributes, d, p.attributes, values, attribute_value);
  names_init(&d->capacity, d, p.capacity, values + n_attributes, capacity_value);
  r = look_over_attributes(&d->attributes, reterr);
  if (r == 0)
    r = look_over_capacity(&d->capacity, reterr);
  if (r == 0)
    *ret = (struct cel_value){ .kind = CEL_MAP, .u.map = &d->map };
  return r;
}
