/* Canonical trees → Kubernetes protobuf, byte for byte as upstream's generated code writes them. */
#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "kind.h"
#include "kind_build.h"
#include "kind_scalar.h"
#include "kind_type.h"
#include "wire.h"

static void write_struct(struct strbuf *b, const struct kind_type *t, const struct json *obj);

/* Writes field `number` with the value; `v` NULL or null is Go's zero value. */
typedef void (*write_fn)(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v);

static void
write_string(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  wire_put_bytes(b, number, json_span(v));
}

static void
write_varint(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  wire_put_tag(b, number, WIRE_VARINT);
  wire_put_varint(b, json_is(v, JSON_BOOL) ? v->u.boolean : (uint64_t)json_int_or(v, 0));
}

static void
write_float(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  double d = json_double(v);
  uint64_t bits;
  char text[8];
  memcpy(&bits, &d, sizeof(bits));
  for (size_t i = 0; i < sizeof(text); i++)
    text[i] = (char)(bits >> (8 * i));
  wire_put_tag(b, number, WIRE_FIXED64);
  strbuf_add(b, text, sizeof(text));
}

static void
write_bytes(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  if (!json_is(v, JSON_STRING))
    return; /* nil */
  size_t mark = wire_begin(b, number);
  (void)codec_unbase64(b, json_span(v)); /* canonical, so it cannot fail */
  wire_end(b, mark);
}

static void
write_nested(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  size_t mark = wire_begin(b, number);
  write_struct(b, kind_field_type(f), v);
  wire_end(b, mark);
}

/* Canonical text cannot fail to parse; what is not a string is the zero time, an empty message. */
static void
write_time(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  struct kind_time t;
  size_t mark = wire_begin(b, number);
  if (json_is(v, JSON_STRING) && kind_time_parse(NULL, json_span(v), f->base == KIND_MICROTIME, &t, NULL) && !t.zero) {
    wire_put_tag(b, 1, WIRE_VARINT);
    wire_put_varint(b, (uint64_t)t.seconds);
    wire_put_tag(b, 2, WIRE_VARINT);
    wire_put_varint(b, f->base == KIND_MICROTIME ? (uint64_t)(t.nanos / 1000 * 1000) : 0);
  }
  wire_end(b, mark);
}

static void
write_quantity(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  size_t mark = wire_begin(b, number);
  wire_put_bytes(b, 1, json_is(v, JSON_STRING) ? json_span(v) : SPAN("0"));
  wire_end(b, mark);
}

static void
write_int_or_string(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  size_t mark = wire_begin(b, number);
  wire_put_tag(b, 1, WIRE_VARINT);
  wire_put_varint(b, json_is(v, JSON_STRING));
  wire_put_tag(b, 2, WIRE_VARINT);
  wire_put_varint(b, (uint64_t)json_int_or(v, 0));
  wire_put_bytes(b, 3, json_span(v));
  wire_end(b, mark);
}

/* Upstream keeps the client's bytes. A tree has forgotten how they were escaped: written as Go's encoder does, they are
 * those of nearly all clients. */
static void
write_raw(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  size_t mark = wire_begin(b, number);
  if (v && v->type != JSON_NULL) {
    size_t raw = wire_begin(b, 1);
    json_write(b, v, JSON_COMPACT | JSON_HTML | JSON_LOOSE);
    wire_end(b, raw);
  }
  wire_end(b, mark);
}

static void
write_strings(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  (void)f;
  if (!json_is(v, JSON_ARRAY))
    return; /* nil */
  size_t mark = wire_begin(b, number);
  for (json_each_item (p, v))
    wire_put_bytes(b, 1, json_span(*p));
  wire_end(b, mark);
}

static void
write_schema(struct strbuf *b, uint32_t number, const struct json *v)
{
  size_t mark = wire_begin(b, number);
  write_struct(b, &kind_types[kind_schema_type], v);
  wire_end(b, mark);
}

static void
write_schema_or(struct strbuf *b, const struct kind_field *f, uint32_t number, const struct json *v)
{
  bool with_bool = f->base == KIND_SCHEMA_OR_BOOL;
  size_t mark = wire_begin(b, number);
  if (with_bool) {
    wire_put_tag(b, 1, WIRE_VARINT);
    wire_put_varint(b, json_is(v, JSON_OBJECT) || (json_is(v, JSON_BOOL) && v->u.boolean));
  }
  if (json_is(v, JSON_OBJECT))
    write_schema(b, with_bool ? 2 : 1, v);
  for (json_each_item (p, v))
    if (json_is(*p, JSON_STRING))
      wire_put_bytes(b, 2, json_span(*p));
    else
      write_schema(b, 2, *p);
  wire_end(b, mark);
}

static const write_fn writers[] = {
  [KIND_STRING] = write_string,
  [KIND_BOOL] = write_varint,
  [KIND_INT32] = write_varint,
  [KIND_INT64] = write_varint,
  [KIND_FLOAT64] = write_float,
  [KIND_BYTES] = write_bytes,
  [KIND_STRUCT] = write_nested,
  [KIND_TIME] = write_time,
  [KIND_MICROTIME] = write_time,
  [KIND_QUANTITY] = write_quantity,
  [KIND_INT_OR_STRING] = write_int_or_string,
  [KIND_RAW] = write_raw,
  [KIND_FIELDS_V1] = write_raw,
  [KIND_JSON] = write_raw,
  [KIND_ANY] = NULL,
  [KIND_STRING_LIST] = write_strings,
  [KIND_SCHEMA_OR_BOOL] = write_schema_or,
  [KIND_SCHEMA_OR_ARRAY] = write_schema_or,
  [KIND_SCHEMA_OR_STRINGS] = write_schema_or,
};

static void
write_map(struct strbuf *b, const struct kind_field *f, const struct json *map)
{
  for (json_each_member (m, map)) {
    size_t mark = wire_begin(b, f->number);
    wire_put_bytes(b, 1, span_make(m->name, m->name_len));
    writers[f->base](b, f, 2, m->value);
    wire_end(b, mark);
  }
}

static void
write_slots(struct strbuf *b, const struct kind_type *t, struct json *const *slots)
{
  for (uint32_t i = t->first; i < t->first + t->n; i++) {
    const struct kind_field *f = &kind_fields[kind_by_number[i]];
    const struct json *v = slots[f->slot];
    if (!f->number)
      return; /* those without a number come last */
    if (f->flags & KIND_F_INLINE) {
      size_t mark = wire_begin(b, f->number);
      write_slots(b, kind_field_type(f), slots + f->slot);
      wire_end(b, mark);
    } else if (f->shape == KIND_MAP) {
      write_map(b, f, v);
    } else if (f->shape == KIND_LIST) {
      for (json_each_item (p, v))
        writers[f->base](b, f, f->number, *p);
    } else if (v || !(f->flags & KIND_F_POINTER)) {
      writers[f->base](b, f, f->number, v);
    }
  }
}

static void
write_struct(struct strbuf *b, const struct kind_type *t, const struct json *obj)
{
  struct kind_slots slots;
  kind_spread(t, obj, &slots);
  write_slots(b, t, slots.at);
}

/* What the object says it is; a kind without TypeMeta (WatchEvent) has no place to say it. */
static void
put_type_meta(const struct kind *k, const struct json *tree, struct strbuf *out)
{
  if (k->type->flags & KIND_T_OBJECT) {
    wire_put_bytes(out, 1, span_of(json_get_str_or(tree, "apiVersion", "")));
    wire_put_bytes(out, 2, span_of(json_get_str_or(tree, "kind", "")));
    return;
  }
  char api_version[300];
  (void)snprintf(api_version, sizeof(api_version), "%s%s%s", k->group, *k->group ? "/" : "", k->version);
  wire_put_bytes(out, 1, span_of(api_version));
  wire_put_bytes(out, 2, span_of(k->kind));
}

int
kind_encode_proto(const struct kind *k, const struct json *tree, struct strbuf *out, struct kerr *reterr)
{
  if (k->custom)
    return kerr_set(reterr, KERR_NOT_ACCEPTABLE, NULL,
                    "only the following media types are accepted: application/json, application/yaml, "
                    "application/vnd.kubernetes.protobuf");
  if (k->type->flags & KIND_T_JSON_ONLY)
    return kerr_set(reterr, KERR_NOT_ACCEPTABLE, NULL,
                    "object *%s.%s does not implement the protobuf marshalling interface and cannot be encoded to a "
                    "protobuf message",
                    kind_text(k->type->go_pkg), kind_type_go(k->type));
  strbuf_add(out, "k8s", 4);
  size_t meta = wire_begin(out, 1);
  put_type_meta(k, tree, out);
  wire_end(out, meta);
  size_t raw = wire_begin(out, 2);
  write_struct(out, k->type, tree);
  wire_end(out, raw);
  wire_put_bytes(out, 3, SPAN(""));
  wire_put_bytes(out, 4, SPAN(""));
  if (strbuf_overflowed(out))
    return kerr_set(reterr, KERR_INTERNAL, NULL, "the object is too large for %zu bytes of protobuf", out->limit);
  return 0;
}
