#include "cel_type.h"

#include <string.h>

#define PLAIN(k, n)                                        \
  {                                                        \
    .kind = (k), .name = (n), .max_size = CEL_SIZE_UNKNOWN \
  }
#define COMPOUND(k, n, count, ...)                                                                        \
  {                                                                                                       \
    .kind = (k), .nparams = (count), .name = (n), .params = { __VA_ARGS__ }, .max_size = CEL_SIZE_UNKNOWN \
  }

const struct cel_type cel_dyn = PLAIN(CEL_T_DYN, "dyn");
const struct cel_type cel_any = PLAIN(CEL_T_ANY, "google.protobuf.Any");
const struct cel_type cel_error_type = PLAIN(CEL_T_ERROR, "error");
const struct cel_type cel_null = PLAIN(CEL_T_NULL, "null_type");
const struct cel_type cel_bool = PLAIN(CEL_T_BOOL, "bool");
const struct cel_type cel_int = PLAIN(CEL_T_INT, "int");
const struct cel_type cel_uint = PLAIN(CEL_T_UINT, "uint");
const struct cel_type cel_double = PLAIN(CEL_T_DOUBLE, "double");
const struct cel_type cel_string = PLAIN(CEL_T_STRING, "string");
const struct cel_type cel_bytes = PLAIN(CEL_T_BYTES, "bytes");
const struct cel_type cel_duration = PLAIN(CEL_T_DURATION, "google.protobuf.Duration");
const struct cel_type cel_timestamp = PLAIN(CEL_T_TIMESTAMP, "google.protobuf.Timestamp");
const struct cel_type cel_type_type = PLAIN(CEL_T_TYPE, "type");
const struct cel_type cel_list_dyn = COMPOUND(CEL_T_LIST, "list", 1, &cel_dyn);
const struct cel_type cel_map_dyn = COMPOUND(CEL_T_MAP, "map", 2, &cel_dyn, &cel_dyn);
const struct cel_type cel_map_string_dyn = COMPOUND(CEL_T_MAP, "map", 2, &cel_string, &cel_dyn);
const struct cel_type cel_optional_dyn = COMPOUND(CEL_T_OPAQUE, "optional_type", 1, &cel_dyn);
const struct cel_type cel_quantity_type = PLAIN(CEL_T_STRUCT, "kubernetes.Quantity");
const struct cel_type cel_semver_type = PLAIN(CEL_T_STRUCT, "kubernetes.Semver");
const struct cel_type cel_url_type = PLAIN(CEL_T_STRUCT, "kubernetes.URL");
const struct cel_type cel_format_type = PLAIN(CEL_T_STRUCT, "kubernetes.NamedFormat");
const struct cel_type cel_ip_type = PLAIN(CEL_T_OPAQUE, "net.IP");
const struct cel_type cel_cidr_type = PLAIN(CEL_T_OPAQUE, "net.CIDR");
const struct cel_type cel_authorizer_type = PLAIN(CEL_T_STRUCT, "kubernetes.authorization.Authorizer");
const struct cel_type cel_path_check_type = PLAIN(CEL_T_STRUCT, "kubernetes.authorization.PathCheck");
const struct cel_type cel_group_check_type = PLAIN(CEL_T_STRUCT, "kubernetes.authorization.GroupCheck");
const struct cel_type cel_resource_check_type = PLAIN(CEL_T_STRUCT, "kubernetes.authorization.ResourceCheck");
const struct cel_type cel_decision_type = PLAIN(CEL_T_STRUCT, "kubernetes.authorization.Decision");

const struct cel_type *
cel_type_with(struct arena *a, const struct cel_type *t, const struct cel_type *p0, const struct cel_type *p1)
{
  struct cel_type *copy = arena_new_of(a, struct cel_type);

  *copy = *t;
  copy->params[0] = p0;
  copy->params[1] = p1;
  copy->open = (p0 && p0->open) || (p1 && p1->open);
  return copy;
}

const struct cel_type *
cel_type_list(struct arena *a, const struct cel_type *item)
{
  return item == &cel_dyn ? &cel_list_dyn : cel_type_with(a, &cel_list_dyn, item, NULL);
}

const struct cel_type *
cel_type_map(struct arena *a, const struct cel_type *key, const struct cel_type *value)
{
  return cel_type_with(a, &cel_map_dyn, key, value);
}

const struct cel_type *
cel_type_optional(struct arena *a, const struct cel_type *value)
{
  return value == &cel_dyn ? &cel_optional_dyn : cel_type_with(a, &cel_optional_dyn, value, NULL);
}

const struct cel_type *
cel_type_of_type(struct arena *a, const struct cel_type *t)
{
  struct cel_type *copy = arena_new_of(a, struct cel_type);

  *copy = cel_type_type;
  copy->nparams = 1;
  copy->params[0] = t;
  copy->open = t->open;
  return copy;
}

const struct cel_type *
cel_type_copy(struct arena *a, const struct cel_type *t)
{
  struct cel_type *copy = arena_new_of(a, struct cel_type);

  *copy = *t;
  copy->name = arena_strdup(a, t->name); /* of the program, as a rule; else of the arena that may go first */
  for (unsigned i = 0; i < t->nparams; i++)
    copy->params[i] = cel_type_copy(a, t->params[i]);
  return copy;
}

bool
cel_type_same(const struct cel_type *x, const struct cel_type *y, bool loose)
{
  if (x == y)
    return true;
  if (x->kind != y->kind || x->nparams != y->nparams)
    return false;
  if (x->kind == CEL_T_PARAM)
    return loose || x->var == y->var;
  if ((x->kind == CEL_T_STRUCT || x->kind == CEL_T_OPAQUE) && strcmp(x->name, y->name) != 0)
    return false;
  for (unsigned i = 0; i < x->nparams; i++)
    if (!cel_type_same(x->params[i], y->params[i], loose))
      return false;
  return true;
}

bool
cel_type_accepts(const struct cel_type *to, const struct cel_type *from)
{
  if (to == from || cel_type_is_dyn(to) || to->kind == CEL_T_PARAM)
    return true;
  if (to->nullable && from->kind == CEL_T_NULL)
    return true;
  if (to->kind != from->kind || to->nparams != from->nparams)
    return false;
  if ((to->kind == CEL_T_STRUCT || to->kind == CEL_T_OPAQUE) && strcmp(to->name, from->name) != 0)
    return false;
  for (unsigned i = 0; i < to->nparams; i++)
    if (!cel_type_accepts(to->params[i], from->params[i]))
      return false;
  return true;
}

const struct cel_field *
cel_type_field(const struct cel_type *t, struct span name)
{
  if (t->fields)
    for (const struct cel_field *f = t->fields; f->name; f++)
      if (span_is(name, f->name))
        return f;
  return NULL;
}

static void
type_params(struct strbuf *b, const struct cel_type *t, void (*write)(struct strbuf *, const struct cel_type *))
{
  if (!t->nparams)
    return;
  strbuf_putc(b, '(');
  for (unsigned i = 0; i < t->nparams; i++) {
    if (i)
      strbuf_puts(b, ", ");
    write(b, t->params[i]);
  }
  strbuf_putc(b, ')');
}

static void
type_param_name(struct strbuf *b, const struct cel_type *t)
{
  if (t->name)
    strbuf_puts(b, t->name);
  else
    strbuf_printf(b, "_var%u", t->var - 2u); /* the first two are called A and B */
}

void
cel_type_message(struct strbuf *b, const struct cel_type *t)
{
  if (t->kind == CEL_T_PARAM)
    type_param_name(b, t);
  else if (t->nullable)
    strbuf_printf(b, "wrapper(%s)", t->name);
  else if (t->kind == CEL_T_ANY)
    strbuf_puts(b, "any");
  else if (t->kind == CEL_T_DURATION)
    strbuf_puts(b, "duration");
  else if (t->kind == CEL_T_TIMESTAMP)
    strbuf_puts(b, "timestamp");
  else if (t->kind == CEL_T_NULL)
    strbuf_puts(b, "null");
  else if (t->kind == CEL_T_ERROR)
    strbuf_puts(b, "!error!");
  else {
    strbuf_puts(b, t->name);
    type_params(b, t, cel_type_message);
  }
}

void
cel_type_text(struct strbuf *b, const struct cel_type *t)
{
  if (t->kind == CEL_T_PARAM) {
    strbuf_putc(b, '<');
    type_param_name(b, t);
    strbuf_putc(b, '>');
    return;
  }
  if (t->nullable)
    strbuf_printf(b, "wrapper(%s)", t->name);
  else
    strbuf_puts(b, t->name);
  type_params(b, t, cel_type_text);
}

char *
cel_type_text_in(struct arena *a, const struct cel_type *t)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(64 * 1024);

  cel_type_text(&b, t);
  return arena_strndup(a, b.p, b.n);
}

/* -- reading a type's text -- */

static const struct cel_type *const plain_types[] = {
  &cel_dyn,     &cel_any,       &cel_null,          &cel_bool,        &cel_int,       &cel_uint,
  &cel_double,  &cel_string,    &cel_bytes,         &cel_duration,    &cel_timestamp, &cel_type_type,
  &cel_ip_type, &cel_cidr_type, &cel_quantity_type, &cel_semver_type, &cel_url_type,  &cel_format_type,
};

static const struct cel_type *
parse_plain(struct span name)
{
  if (span_is(name, "timestamp"))
    return &cel_timestamp;
  if (span_is(name, "duration"))
    return &cel_duration;
  if (span_is(name, "null"))
    return &cel_null;
  if (span_is(name, "any"))
    return &cel_any;
  for (size_t i = 0; i < ARRAY_SIZE(plain_types); i++)
    if (span_is(name, plain_types[i]->name))
      return plain_types[i];
  return NULL;
}

#define PARSE_DEPTH_MAX 32

static const struct cel_type *
parse_type(struct arena *a, struct span *in, unsigned depth)
{
  const struct cel_type *p[2] = { NULL, NULL };
  struct span name = { .p = in->p, .n = 0 };
  unsigned n = 0;

  while (name.n < in->n && !memchr("(), ", in->p[name.n], 4))
    name.n++;
  *in = span_make(in->p + name.n, in->n - name.n);
  if (!in->n || in->p[0] != '(')
    return parse_plain(name);
  do {
    *in = span_trim(span_make(in->p + 1, in->n - 1));
    if (n == 2 || depth == PARSE_DEPTH_MAX || !(p[n++] = parse_type(a, in, depth + 1)) || !in->n)
      return NULL;
  } while (in->p[0] == ',');
  if (in->p[0] != ')')
    return NULL;
  *in = span_make(in->p + 1, in->n - 1);
  if (n == 1 && span_is(name, "list"))
    return cel_type_list(a, p[0]);
  if (n == 2 && span_is(name, "map"))
    return cel_type_map(a, p[0], p[1]);
  if (n == 1 && span_is(name, "optional_type"))
    return cel_type_optional(a, p[0]);
  if (n == 1 && span_is(name, "type"))
    return cel_type_of_type(a, p[0]);
  return NULL;
}

const struct cel_type *
cel_type_parse(struct arena *a, struct span text)
{
  const struct cel_type *t = parse_type(a, &text, 0);

  return text.n ? NULL : t;
}
