/* Kubernetes protobuf → canonical trees. Fields that the table does not have are passed over, as gogo's code does. */
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "kind.h"
#include "kind_build.h"
#include "kind_scalar.h"
#include "kind_type.h"
#include "wire.h"
#include "quantity.h"

struct reader {
  struct arena *a;
  unsigned depth;
  struct kerr *err;
};

typedef int (*read_fn)(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret);

static int read_struct(struct reader *r, const struct kind_type *t, struct span bytes, struct json **ret);

/* -- single values -- */

static int
read_string(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  (void)f;
  *ret = kind_string(r->a, w->bytes);
  return 0;
}

static int
read_bool(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  (void)f;
  *ret = json_new_bool(r->a, w->varint != 0);
  return 0;
}

static int
read_int(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  *ret = json_new_int(r->a, f->base == KIND_INT32 ? (int32_t)(uint32_t)w->varint : (int64_t)w->varint);
  return 0;
}

static int
read_float(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  (void)f;
  double d;
  memcpy(&d, &w->varint, sizeof(d));
  if (!(d - d == 0)) /* Go's JSON encoder has no NaN and no infinity either */
    return kerr_set(r->err, KERR_BAD_REQUEST, NULL, "json: unsupported value: a float64 that is not finite");
  *ret = json_new_double(r->a, d);
  return 0;
}

static int
read_bytes(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  (void)f;
  *ret = kind_base64(r->a, w->bytes);
  return 0;
}

static int
read_nested(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  return read_struct(r, kind_field_type(f), w->bytes, ret);
}

/*
 * Reads a message of few fields into `fields`, which is indexed by number. `wires` has a letter for each number, from
 * 0: 'v' a varint, 'b' bytes, '?' what the caller will look at.
 */
static int
read_small(struct reader *r, struct span bytes, const char *wires, struct wire_field *fields)
{
  struct wire_field w;
  size_t n = strlen(wires);
  int rc;
  while ((rc = wire_next(&bytes, &w, r->err)) > 0) {
    if (w.number >= n)
      continue;
    if ((wires[w.number] == 'v' && w.type != WIRE_VARINT) || (wires[w.number] == 'b' && w.type != WIRE_BYTES))
      return kerr_set(r->err, KERR_BAD_REQUEST, NULL, "proto: wrong wireType = %u for field number %u", w.type,
                      w.number);
    fields[w.number] = w;
  }
  return rc;
}

static int
read_time(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  struct wire_field parts[3] = { 0 };
  char buf[KIND_TIME_TEXT_MAX];
  bool micro = f->base == KIND_MICROTIME;
  int rc = read_small(r, w->bytes, "-vv", parts);
  if (rc < 0)
    return rc;
  struct kind_time t = { .seconds = (int64_t)parts[1].varint, .nanos = micro ? (int32_t)parts[2].varint : 0 };
  /* Beyond year 9999 there is no RFC 3339 text; upstream would print one that nobody can read back. */
  if (t.seconds > INT64_C(253402300799) || t.seconds < INT64_C(-62135596800) || t.nanos < 0 || t.nanos > 999999999)
    return kerr_set(r->err, KERR_BAD_REQUEST, NULL, "a time is outside of the years 1 to 9999");
  *ret = w->bytes.n && t.seconds != INT64_C(-62135596800) ? json_new_str(r->a, kind_time_text(&t, micro, buf))
                                                          : json_new_null(r->a);
  return 0;
}

static int
read_quantity(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  (void)f;
  struct wire_field parts[2] = { 0 };
  const char *canonical;
  int rc = read_small(r, w->bytes, "-b", parts);
  if (rc < 0)
    return rc;
  if (!parts[1].number) {
    *ret = json_new_strn(r->a, "0", 1);
    return 0;
  }
  if (quantity_normalize(r->a, parts[1].bytes, &canonical, r->err) < 0) {
    r->err->code = KERR_BAD_REQUEST;
    return -KERR_BAD_REQUEST;
  }
  *ret = json_new_str(r->a, canonical);
  return 0;
}

static int
read_int_or_string(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  (void)f;
  struct wire_field parts[4] = { 0 };
  int rc = read_small(r, w->bytes, "-vvb", parts);
  if (rc < 0)
    return rc;
  *ret =
      parts[1].varint == 1 ? kind_string(r->a, parts[3].bytes) : json_new_int(r->a, (int32_t)(uint32_t)parts[2].varint);
  return 0;
}

/* {bytes raw = 1}: JSON text. Absent is nil, which an encoder writes as null. */
static int
read_raw(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  const struct json_parse_opts opts = { .blanks = f->base == KIND_RAW ? JSON_BLANKS_ANYWHERE : JSON_BLANKS_IGNORED };
  struct wire_field parts[2] = { 0 };
  int rc = read_small(r, w->bytes, "-b", parts);
  if (rc < 0)
    return rc;
  if (!parts[1].bytes.n) {
    *ret = json_new_null(r->a);
    return 0;
  }
  rc = json_parse(r->a, parts[1].bytes, &opts, ret, r->err);
  if (rc < 0 && r->err->code == KERR_PARSE)
    return kerr_wrap(r->err, "an embedded object is not JSON");
  return rc;
}

static int
read_strings(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  (void)f;
  struct span rest = w->bytes;
  struct wire_field item;
  int rc;
  *ret = json_new_array(r->a);
  while ((rc = wire_next(&rest, &item, r->err)) > 0)
    if (item.number == 1 && item.type == WIRE_BYTES)
      json_append(r->a, *ret, kind_string(r->a, item.bytes));
  return rc;
}

/* Schema or bool: {bool allows = 1, schema = 2}. The others: {schema = 1, repeated = 2}. */
static int
read_schema_or(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **ret)
{
  const uint32_t schema_number = f->base == KIND_SCHEMA_OR_BOOL ? 2 : 1;
  struct json *schema = NULL, *array = NULL, *item;
  bool allows = false;
  struct span rest = w->bytes;
  struct wire_field part;
  int rc;
  while ((rc = wire_next(&rest, &part, r->err)) > 0) {
    if (part.type != WIRE_BYTES && (part.number != 1 || f->base != KIND_SCHEMA_OR_BOOL))
      continue;
    if (part.number == schema_number) {
      rc = read_struct(r, &kind_types[kind_schema_type], part.bytes, &schema);
    } else if (f->base == KIND_SCHEMA_OR_BOOL && part.number == 1) {
      allows = part.varint != 0;
    } else if (part.number == 2) {
      item = NULL;
      if (f->base == KIND_SCHEMA_OR_ARRAY)
        rc = read_struct(r, &kind_types[kind_schema_type], part.bytes, &item);
      else
        item = kind_string(r->a, part.bytes);
      if (!array)
        array = json_new_array(r->a);
      if (item)
        json_append(r->a, array, item);
    }
    if (rc < 0)
      return rc;
  }
  *ret = array                            ? array
         : schema                         ? schema
         : f->base == KIND_SCHEMA_OR_BOOL ? json_new_bool(r->a, allows)
                                          : json_new_null(r->a);
  return rc;
}

static const struct {
  read_fn read;
  enum wire_type wire;
} readers[] = {
  [KIND_STRING] = { read_string, WIRE_BYTES },
  [KIND_BOOL] = { read_bool, WIRE_VARINT },
  [KIND_INT32] = { read_int, WIRE_VARINT },
  [KIND_INT64] = { read_int, WIRE_VARINT },
  [KIND_FLOAT64] = { read_float, WIRE_FIXED64 },
  [KIND_BYTES] = { read_bytes, WIRE_BYTES },
  [KIND_STRUCT] = { read_nested, WIRE_BYTES },
  [KIND_TIME] = { read_time, WIRE_BYTES },
  [KIND_MICROTIME] = { read_time, WIRE_BYTES },
  [KIND_QUANTITY] = { read_quantity, WIRE_BYTES },
  [KIND_INT_OR_STRING] = { read_int_or_string, WIRE_BYTES },
  [KIND_RAW] = { read_raw, WIRE_BYTES },
  [KIND_FIELDS_V1] = { read_raw, WIRE_BYTES },
  [KIND_JSON] = { read_raw, WIRE_BYTES },
  [KIND_ANY] = { NULL, WIRE_BYTES },
  [KIND_STRING_LIST] = { read_strings, WIRE_BYTES },
  [KIND_SCHEMA_OR_BOOL] = { read_schema_or, WIRE_BYTES },
  [KIND_SCHEMA_OR_ARRAY] = { read_schema_or, WIRE_BYTES },
  [KIND_SCHEMA_OR_STRINGS] = { read_schema_or, WIRE_BYTES },
};

/* -- lists, maps, structs -- */

static int
wrong_type(struct reader *r, const struct kind_field *f, const struct wire_field *w)
{
  return kerr_set(r->err, KERR_BAD_REQUEST, NULL, "proto: wrong wireType = %u for field %s", w->type, kind_text(f->go));
}

/* Lists of numbers come one by one; gogo also reads the packed form. */
static int
read_packed(struct reader *r, const struct kind_field *f, struct span bytes, struct json *list)
{
  /* A packed list is a sequence of varints without tags: give each the tag that wire_next wants. */
  while (bytes.n) {
    uint64_t v = 0;
    size_t n = 0;
    while (n < bytes.n && n < 10 && ((uint8_t)bytes.p[n] & 0x80))
      n++;
    if (n == bytes.n || n == 10)
      return kerr_set(r->err, KERR_BAD_REQUEST, NULL, "unexpected EOF");
    for (size_t i = 0; i <= n; i++)
      v |= (uint64_t)((uint8_t)bytes.p[i] & 0x7F) << (7 * i);
    struct json *item = NULL;
    struct wire_field w = { .number = f->number, .type = WIRE_VARINT, .varint = v };
    int rc = readers[f->base].read(r, f, &w, &item);
    if (rc < 0)
      return rc;
    json_append(r->a, list, item);
    bytes = span_make(bytes.p + n + 1, bytes.n - n - 1);
  }
  return 0;
}

static int
read_item(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **list)
{
  struct json *item = NULL;
  if (!*list)
    *list = json_new_array(r->a);
  if (w->type == WIRE_BYTES && readers[f->base].wire == WIRE_VARINT)
    return read_packed(r, f, w->bytes, *list);
  if (w->type != readers[f->base].wire)
    return wrong_type(r, f, w);
  int rc = readers[f->base].read(r, f, w, &item);
  if (rc == 0)
    json_append(r->a, *list, item);
  return rc;
}

/* Members may come in any order and more than once: they are put in order when all are there. */
static int
read_entry(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **map)
{
  struct wire_field parts[3] = { 0 };
  struct json *value = NULL;
  if (w->type != WIRE_BYTES)
    return wrong_type(r, f, w);
  int rc = read_small(r, w->bytes, "-b?", parts);
  if (rc == 0 && parts[2].number && parts[2].type != readers[f->base].wire)
    rc = wrong_type(r, f, &parts[2]);
  else if (rc == 0 && parts[2].number)
    rc = readers[f->base].read(r, f, &parts[2], &value);
  if (rc < 0)
    return rc;
  if (!value)
    value = kind_zero_element(r->a, f);
  if (!*map)
    *map = json_new_object(r->a);
  struct json *key = kind_string(r->a, parts[1].bytes);
  json_push(r->a, *map, key->u.str, key->count, value ? value : json_new_null(r->a));
  return 0;
}

struct entry {
  struct json_member member;
  uint32_t place;
};

static int
entry_order(const void *pa, const void *pb)
{
  const struct entry *x = pa, *y = pb;
  int c = span_cmp(span_make(x->member.name, x->member.name_len), span_make(y->member.name, y->member.name_len));
  return c ? c : x->place < y->place ? -1 : 1;
}

/* Keys in order, each once: the last one that came. */
static void
order_map(struct reader *r, struct json *map)
{
  bool ordered = true;
  struct json_member *m = map->u.members;
  for (uint32_t i = 1; i < map->count && ordered; i++)
    ordered = span_cmp(span_make(m[i - 1].name, m[i - 1].name_len), span_make(m[i].name, m[i].name_len)) < 0;
  if (ordered)
    return;
  struct entry *all = arena_array_of(r->a, struct entry, map->count);
  for (uint32_t i = 0; i < map->count; i++)
    all[i] = (struct entry){ .member = m[i], .place = i };
  qsort(all, map->count, sizeof(*all), entry_order);
  uint32_t n = 0;
  for (uint32_t i = 0; i < map->count; i++) {
    bool same = n && span_eq(span_make(m[n - 1].name, m[n - 1].name_len),
                             span_make(all[i].member.name, all[i].member.name_len));
    m[same ? n - 1 : n++] = all[i].member;
  }
  map->count = n;
}

static int read_message(struct reader *r, const struct kind_type *t, struct span bytes, struct json **slots);

static int
read_field(struct reader *r, const struct kind_field *f, const struct wire_field *w, struct json **slots)
{
  struct json **slot = &slots[f->slot];
  if (!readers[f->base].read)
    return 0;
  if (f->shape == KIND_LIST)
    return read_item(r, f, w, slot);
  if (f->shape == KIND_MAP)
    return read_entry(r, f, w, slot);
  if (w->type != readers[f->base].wire)
    return wrong_type(r, f, w);
  if (f->flags & KIND_F_INLINE)
    return read_message(r, kind_field_type(f), w->bytes, slot);
  return readers[f->base].read(r, f, w, slot);
}

static int
read_message(struct reader *r, const struct kind_type *t, struct span bytes, struct json **slots)
{
  uint32_t next = 0; /* into kind_by_number: fields mostly come in order, the items of a list together */
  struct wire_field w;
  int rc;
  while ((rc = wire_next(&bytes, &w, r->err)) > 0) {
    const struct kind_field *f = NULL;
    for (uint32_t i = next; i < t->n && i < next + 2 && !f; i++)
      if (kind_fields[kind_by_number[t->first + i]].number == w.number) {
        f = &kind_fields[kind_by_number[t->first + i]];
        next = i;
      }
    if (!f)
      f = kind_field_by_number(t, w.number);
    if (f && (rc = read_field(r, f, &w, slots)) < 0)
      return rc;
  }
  for (kind_each_field(f, t))
    if (f->shape == KIND_MAP && slots[f->slot])
      order_map(r, slots[f->slot]);
  return rc;
}

static int
read_struct(struct reader *r, const struct kind_type *t, struct span bytes, struct json **ret)
{
  struct kind_slots slots;
  if (r->depth >= CEIL_JSON_DEPTH)
    return kerr_set(r->err, KERR_TOO_LARGE, NULL, "nested too deeply");
  r->depth++;
  kind_slots_clear(&slots, t);
  int rc = read_message(r, t, bytes, slots.at);
  r->depth--;
  if (rc == 0)
    *ret = kind_build(r->a, t, slots.at);
  return rc;
}

/* -- the envelope -- */

static int
read_envelope(struct span bytes, struct wire_field ret[5], struct kerr *reterr)
{
  struct reader r = { .err = reterr };
  if (!bytes.n)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "empty data");
  if (!span_starts(bytes, SPAN("k8s\0")))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  if (bytes.n == 4)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "empty body");
  return read_small(&r, span_make(bytes.p + 4, bytes.n - 4), "-bbbb", ret);
}

/* What the envelope names, or the fallback where it says nothing. */
static int
envelope_kind(struct arena *a, const struct personality *p, const struct wire_field *envelope, const struct kind **kind,
              struct json *type_meta[2], struct kerr *reterr)
{
  struct wire_field meta[3] = { 0 };
  struct reader r = { .a = a, .err = reterr };
  int rc = read_small(&r, envelope[1].bytes, "-bb", meta);
  if (rc < 0)
    return rc;
  const struct kind *otherwise = *kind;
  type_meta[0] = meta[2].bytes.n ? kind_string(a, meta[2].bytes) : NULL;
  type_meta[1] = meta[1].bytes.n ? kind_string(a, meta[1].bytes) : NULL;
  const char *api_version = type_meta[1] ? type_meta[1]->u.str : otherwise ? kind_api_version(a, otherwise) : "";
  const char *name = type_meta[0] ? type_meta[0]->u.str : otherwise ? otherwise->kind : "";
  if (!*name)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "Object 'Kind' is missing in '%s'", "runtime.TypeMeta{}");
  if (!*api_version)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "Object 'apiVersion' is missing in '%s'", "runtime.TypeMeta{}");
  *kind = kind_in(p, kind_find_api_version(api_version, name));
  if (!*kind || ((*kind)->type->flags & KIND_T_JSON_ONLY))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "no kind \"%s\" is registered for version \"%s\" in scheme \"pkg/runtime/scheme.go:111\"", name,
                    api_version);
  return 0;
}

int
kind_decode_proto(struct arena *a, const struct personality *p, struct span bytes, const struct kind **kind,
                  struct json **ret, struct kerr *reterr)
{
  struct wire_field envelope[5] = { 0 };
  struct json *type_meta[2] = { NULL, NULL };
  struct kind_slots slots;
  struct reader r = { .a = a, .err = reterr };
  int rc = read_envelope(bytes, envelope, reterr);
  if (rc == 0)
    rc = envelope_kind(a, p, envelope, kind, type_meta, reterr);
  if (rc < 0)
    return rc;
  const struct kind_type *t = (*kind)->type;
  kind_slots_clear(&slots, t);
  if (t->flags & KIND_T_OBJECT) {
    slots.at[0] = type_meta[0];
    slots.at[1] = type_meta[1];
  }
  rc = read_message(&r, t, envelope[2].bytes, slots.at);
  if (rc == 0)
    *ret = kind_build(a, t, slots.at);
  return rc;
}
