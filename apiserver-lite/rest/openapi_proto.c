/*
 * The v2 document as gnostic's openapi.v2.Document (github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto),
 * which clients of client-go's OpenAPISchema() read: translated from the JSON form by the tables of its messages.
 *
 * Only what the documents of openapi_schema.c, openapi_paths.c and openapi_custom.c have is in the tables.
 */
#include <string.h>

#include "ceilings.h"
#include "openapi.h"
#include "wire.h"
#include "yaml.h"

enum form {
  TEXT,
  TEXTS,
  FLAG,
  COUNT,     /* an integer */
  REAL,      /* a double */
  ANY,       /* any value, as YAML */
  ANYS,      /* a list of them */
  MESSAGE,   /* inside the oneof member `via`, here and below, unless it is 0 */
  MESSAGES,  /* a list of messages */
  NAMED,     /* an object of messages: in a message of its own, entries {name, value} under `inner` */
  TYPE,      /* a text or a list of texts, in a message of its own */
  ADDITIONS, /* a schema or a boolean, in a message of its own */
  PARAMETER, /* a list of parameters, whose messages depend on where they stand */
};

struct message;

struct field {
  const char *name;
  uint32_t number;
  enum form form;
  const struct message *of;
  uint32_t inner, via;
};

struct message {
  const struct field *fields;
  size_t n;
  uint32_t extensions; /* where members x-* go */
};

static const struct message schema; /* refers to itself */

#define MESSAGE_OF(list, extensions_)                                  \
  {                                                                    \
    .fields = (list), .n = ARRAY_SIZE(list), .extensions = extensions_ \
  }

static const struct field schema_fields[] = {
  { "$ref", 1, TEXT, NULL, 0, 0 },
  { "format", 2, TEXT, NULL, 0, 0 },
  { "title", 3, TEXT, NULL, 0, 0 },
  { "description", 4, TEXT, NULL, 0, 0 },
  { "default", 5, ANY, NULL, 0, 0 },
  { "multipleOf", 6, REAL, NULL, 0, 0 },
  { "maximum", 7, REAL, NULL, 0, 0 },
  { "exclusiveMaximum", 8, FLAG, NULL, 0, 0 },
  { "minimum", 9, REAL, NULL, 0, 0 },
  { "exclusiveMinimum", 10, FLAG, NULL, 0, 0 },
  { "maxLength", 11, COUNT, NULL, 0, 0 },
  { "minLength", 12, COUNT, NULL, 0, 0 },
  { "pattern", 13, TEXT, NULL, 0, 0 },
  { "maxItems", 14, COUNT, NULL, 0, 0 },
  { "minItems", 15, COUNT, NULL, 0, 0 },
  { "uniqueItems", 16, FLAG, NULL, 0, 0 },
  { "maxProperties", 17, COUNT, NULL, 0, 0 },
  { "minProperties", 18, COUNT, NULL, 0, 0 },
  { "required", 19, TEXTS, NULL, 0, 0 },
  { "enum", 20, ANYS, NULL, 0, 0 },
  { "additionalProperties", 21, ADDITIONS, NULL, 0, 0 },
  { "type", 22, TYPE, NULL, 0, 0 },
  { "items", 23, MESSAGE, &schema, 0, 1 },
  { "allOf", 24, MESSAGES, &schema, 0, 0 },
  { "properties", 25, NAMED, &schema, 1, 0 },
  { "example", 30, ANY, NULL, 0, 0 },
};
static const struct message schema = MESSAGE_OF(schema_fields, 31);

static const struct field body_fields[] = {
  { "description", 1, TEXT, NULL, 0, 0 }, { "name", 2, TEXT, NULL, 0, 0 },         { "in", 3, TEXT, NULL, 0, 0 },
  { "required", 4, FLAG, NULL, 0, 0 },    { "schema", 5, MESSAGE, &schema, 0, 0 },
};
static const struct message body_parameter = MESSAGE_OF(body_fields, 6);

static const struct field query_fields[] = {
  { "required", 1, FLAG, NULL, 0, 0 },     { "in", 2, TEXT, NULL, 0, 0 },   { "description", 3, TEXT, NULL, 0, 0 },
  { "name", 4, TEXT, NULL, 0, 0 },         { "type", 6, TEXT, NULL, 0, 0 }, { "format", 7, TEXT, NULL, 0, 0 },
  { "uniqueItems", 20, FLAG, NULL, 0, 0 },
};
static const struct message query_parameter = MESSAGE_OF(query_fields, 23);

static const struct field path_fields[] = {
  { "required", 1, FLAG, NULL, 0, 0 },     { "in", 2, TEXT, NULL, 0, 0 },   { "description", 3, TEXT, NULL, 0, 0 },
  { "name", 4, TEXT, NULL, 0, 0 },         { "type", 5, TEXT, NULL, 0, 0 }, { "format", 6, TEXT, NULL, 0, 0 },
  { "uniqueItems", 19, FLAG, NULL, 0, 0 },
};
static const struct message path_parameter = MESSAGE_OF(path_fields, 22);

static const struct field reference_fields[] = { { "$ref", 1, TEXT, NULL, 0, 0 },
                                                 { "description", 2, TEXT, NULL, 0, 0 } };
static const struct message parameter_reference = MESSAGE_OF(reference_fields, 0);

static const struct field response_fields[] = { { "description", 1, TEXT, NULL, 0, 0 },
                                                { "schema", 2, MESSAGE, &schema, 0, 1 } };
static const struct message response = MESSAGE_OF(response_fields, 5);

static const struct field operation_fields[] = {
  { "tags", 1, TEXTS, NULL, 0, 0 },           { "summary", 2, TEXT, NULL, 0, 0 },
  { "description", 3, TEXT, NULL, 0, 0 },     { "operationId", 5, TEXT, NULL, 0, 0 },
  { "produces", 6, TEXTS, NULL, 0, 0 },       { "consumes", 7, TEXTS, NULL, 0, 0 },
  { "parameters", 8, PARAMETER, NULL, 0, 0 }, { "responses", 9, NAMED, &response, 1, 1 },
  { "schemes", 10, TEXTS, NULL, 0, 0 },       { "deprecated", 11, FLAG, NULL, 0, 0 },
};
static const struct message operation = MESSAGE_OF(operation_fields, 13);

static const struct field path_item_fields[] = {
  { "get", 2, MESSAGE, &operation, 0, 0 },     { "put", 3, MESSAGE, &operation, 0, 0 },
  { "post", 4, MESSAGE, &operation, 0, 0 },    { "delete", 5, MESSAGE, &operation, 0, 0 },
  { "options", 6, MESSAGE, &operation, 0, 0 }, { "head", 7, MESSAGE, &operation, 0, 0 },
  { "patch", 8, MESSAGE, &operation, 0, 0 },   { "parameters", 9, PARAMETER, NULL, 0, 0 },
};
static const struct message path_item = MESSAGE_OF(path_item_fields, 10);

static const struct field key_fields[] = { { "type", 1, TEXT, NULL, 0, 0 },
                                           { "name", 2, TEXT, NULL, 0, 0 },
                                           { "in", 3, TEXT, NULL, 0, 0 },
                                           { "description", 4, TEXT, NULL, 0, 0 } };
static const struct message key_security = MESSAGE_OF(key_fields, 5);

static const struct field info_fields[] = { { "title", 1, TEXT, NULL, 0, 0 }, { "version", 2, TEXT, NULL, 0, 0 } };
static const struct message info = MESSAGE_OF(info_fields, 7);

static const struct field document_fields[] = {
  { "swagger", 1, TEXT, NULL, 0, 0 },
  { "info", 2, MESSAGE, &info, 0, 0 },
  { "paths", 8, NAMED, &path_item, 2, 0 },
  { "definitions", 9, NAMED, &schema, 1, 0 },
  { "securityDefinitions", 13, NAMED, &key_security, 1, 2 },
};
static const struct message document = MESSAGE_OF(document_fields, 16);

static void put_message(struct strbuf *b, const struct message *m, const struct json *v);

/* A value that is the default of its type is not written, as everywhere in proto3. */
static void
put_text(struct strbuf *b, uint32_t number, const struct json *v)
{
  struct span s = json_span(v);

  if (s.n)
    wire_put_bytes(b, number, s);
}

static void
put_count(struct strbuf *b, uint32_t number, uint64_t n)
{
  if (n == 0)
    return;
  wire_put_tag(b, number, WIRE_VARINT);
  wire_put_varint(b, n);
}

static void
put_real(struct strbuf *b, uint32_t number, double d)
{
  uint64_t bits;

  if (d == 0)
    return;
  memcpy(&bits, &d, sizeof bits);
  wire_put_tag(b, number, WIRE_FIXED64);
  for (int i = 0; i < 8; i++)
    strbuf_putc(b, (char)(bits >> 8 * i));
}

/* Any {google.protobuf.Any value = 1; string yaml = 2} */
static void
put_any(struct strbuf *b, uint32_t number, const struct json *v)
{
  _cleanup_strbuf_ struct strbuf yaml = STRBUF_INIT(CEIL_REPLY);
  size_t mark = wire_begin(b, number);

  yaml_write(&yaml, v);
  wire_put_bytes(b, 2, strbuf_view(&yaml));
  wire_end(b, mark);
}

static void
put_extension(struct strbuf *b, uint32_t number, const struct json_member *m)
{
  size_t mark = wire_begin(b, number);

  wire_put_bytes(b, 1, span_make(m->name, m->name_len));
  put_any(b, 2, m->value);
  wire_end(b, mark);
}

/* `number` {via {message}} */
static void
put_nested(struct strbuf *b, uint32_t number, uint32_t via, const struct message *m, const struct json *v)
{
  size_t mark = wire_begin(b, number), inside = via ? wire_begin(b, via) : 0;

  put_message(b, m, v);
  if (via)
    wire_end(b, inside);
  wire_end(b, mark);
}

static void
put_named(struct strbuf *b, const struct field *f, const struct json *v)
{
  size_t all = wire_begin(b, f->number);

  for (json_each_member (m, v)) {
    size_t entry = wire_begin(b, f->inner);

    wire_put_bytes(b, 1, span_make(m->name, m->name_len));
    put_nested(b, 2, f->via, f->of, m->value);
    wire_end(b, entry);
  }
  wire_end(b, all);
}

/* ParametersItem {oneof {Parameter parameter = 1; JsonReference json_reference = 2}} and so on inwards. */
static void
put_parameter(struct strbuf *b, uint32_t number, const struct json *v)
{
  const char *in = json_get_str_or(v, "in", "");
  bool path = strcmp(in, "path") == 0;
  size_t item = wire_begin(b, number), parameter, other;

  if (json_get(v, "$ref")) {
    put_nested(b, 2, 0, &parameter_reference, v);
    wire_end(b, item);
    return;
  }
  parameter = wire_begin(b, 1);
  if (strcmp(in, "body") == 0) {
    put_nested(b, 1, 0, &body_parameter, v);
  } else {
    other = wire_begin(b, 2);
    put_nested(b, path ? 4 : 3, 0, path ? &path_parameter : &query_parameter, v);
    wire_end(b, other);
  }
  wire_end(b, parameter);
  wire_end(b, item);
}

static void
put_type(struct strbuf *b, uint32_t number, const struct json *v)
{
  size_t mark = wire_begin(b, number);

  put_text(b, 1, v);
  for (json_each_item (p, v))
    put_text(b, 1, *p);
  wire_end(b, mark);
}

static void
put_additions(struct strbuf *b, uint32_t number, const struct json *v)
{
  size_t mark;

  if (json_is(v, JSON_OBJECT)) {
    put_nested(b, number, 1, &schema, v);
    return;
  }
  mark = wire_begin(b, number);
  wire_put_tag(b, 2, WIRE_VARINT); /* of a oneof: said even when false */
  wire_put_varint(b, json_is(v, JSON_BOOL) && v->u.boolean);
  wire_end(b, mark);
}

/* One value, or one item of a list. */
static void
put_value(struct strbuf *b, const struct field *f, const struct json *v)
{
  switch (f->form) {
  case TEXT:
    put_text(b, f->number, v);
    break;
  case TEXTS:
    wire_put_bytes(b, f->number, json_span(v));
    break;
  case FLAG:
    put_count(b, f->number, json_is(v, JSON_BOOL) && v->u.boolean);
    break;
  case COUNT:
    put_count(b, f->number, (uint64_t)json_int_or(v, 0));
    break;
  case REAL:
    put_real(b, f->number, json_double(v));
    break;
  case ANY:
  case ANYS:
    put_any(b, f->number, v);
    break;
  case MESSAGE:
  case MESSAGES:
    put_nested(b, f->number, f->via, f->of, v);
    break;
  case NAMED:
    put_named(b, f, v);
    break;
  case TYPE:
    put_type(b, f->number, v);
    break;
  case ADDITIONS:
    put_additions(b, f->number, v);
    break;
  case PARAMETER:
    put_parameter(b, f->number, v);
    break;
  }
}

static void
put_field(struct strbuf *b, const struct field *f, const struct json *v)
{
  if (f->form != TEXTS && f->form != ANYS && f->form != MESSAGES && f->form != PARAMETER) {
    put_value(b, f, v);
    return;
  }
  for (json_each_item (p, v))
    put_value(b, f, *p);
}

static const struct field *
field_of(const struct message *m, struct span name)
{
  for (size_t i = 0; i < m->n; i++)
    if (span_is(name, m->fields[i].name))
      return &m->fields[i];
  return NULL;
}

/* Members that the message has no place for are those of OpenAPI v3; openapi_custom.c leaves them out of v2. */
static void
put_message(struct strbuf *b, const struct message *m, const struct json *v)
{
  for (json_each_member (member, v)) {
    struct span name = span_make(member->name, member->name_len);
    const struct field *f = field_of(m, name);

    if (f)
      put_field(b, f, member->value);
    else if (m->extensions && span_starts(name, SPAN("x-")))
      put_extension(b, m->extensions, member);
  }
}

void
openapi_v2_proto(struct strbuf *b, const struct json *doc)
{
  put_message(b, &document, doc);
}
