#include "validate_internal.h"

#include "kind_type.h"

#define TYPE_DEPTH 6 /* how far below an object a type is looked for that an error shows */

static void
path_write(struct strbuf *b, const struct vpath *p)
{
  if (!p)
    return;
  path_write(b, p->up);
  if (p->name) {
    if (b->n && *p->name)
      strbuf_putc(b, '.');
    strbuf_puts(b, p->name);
  } else if (p->key)
    strbuf_printf(b, "[%s]", p->key);
  else
    strbuf_printf(b, "[%lld]", (long long)p->index);
}

char *
vpath_text(struct arena *a, const struct vpath *p)
{
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_SMALL);
  path_write(&b, p);
  struct span s = strbuf_view(&b);
  return arena_strndup(a, s.p ? s.p : "", s.n);
}

bool
validation_gate(const struct validation *v, const char *gate)
{
  return personality_gate(v->p, gate);
}

int
validation_minor(const struct validation *v)
{
  return v->p ? personality_minor(v->p) : PERSONALITY_MINOR_MAX;
}

struct verr *
verr_add(struct validation *v, enum field_error_type type, const struct vpath *path, const char *value, const char *fmt,
         ...)
{
  if (v->n == v->cap) {
    size_t cap = v->cap ? v->cap * 2 : 16;
    struct verr *list = arena_array_of(v->a, struct verr, cap);
    if (v->n)
      memcpy(list, v->list, v->n * sizeof *list);
    v->list = list;
    v->cap = cap;
  }
  struct verr *e = &v->list[v->n++];
  va_list ap;
  va_start(ap, fmt);
  *e = (struct verr){
    .type = type, .field = vpath_text(v->a, path), .value = value, .detail = arena_vprintf(v->a, fmt, ap)
  };
  va_end(ap);
  return e;
}

void
verr_required(struct validation *v, const struct vpath *path, const char *detail)
{
  verr_add(v, FIELD_REQUIRED, path, NULL, "%s", detail);
}

void
verr_forbidden(struct validation *v, const struct vpath *path, const char *detail)
{
  verr_add(v, FIELD_FORBIDDEN, path, NULL, "%s", detail);
}

void
verr_invalid(struct validation *v, const struct vpath *path, struct span s, const char *detail)
{
  verr_add(v, FIELD_INVALID, path, vquote(v->a, s), "%s", detail);
}

void
verr_invalid_int(struct validation *v, const struct vpath *path, int64_t n, const char *detail)
{
  verr_add(v, FIELD_INVALID, path, arena_printf(v->a, "%lld", (long long)n), "%s", detail);
}

void
verr_duplicate(struct validation *v, const struct vpath *path, struct span s)
{
  verr_add(v, FIELD_DUPLICATE, path, vquote(v->a, s), "%s", "");
}

void
verr_too_long(struct validation *v, const struct vpath *path, int max)
{
  verr_add(v, FIELD_TOO_LONG, path, NULL,
           validation_minor(v) < 32 ? "must have at most %d bytes" : "may not be more than %d bytes", max);
}

void
verr_too_long_max(struct validation *v, const struct vpath *path, int max)
{
  verr_add(v, FIELD_TOO_LONG, path, NULL, "may not be longer than %d", max);
}

void
verr_too_many(struct validation *v, const struct vpath *path, size_t n, size_t max)
{
  verr_add(v, FIELD_TOO_MANY, path, arena_printf(v->a, "%zu", n), "must have at most %zu item%s", max,
           max == 1 && validation_minor(v) >= 34 ? "" : "s")
      ->origin = "maxItems";
}

void
verr_unsupported(struct validation *v, const struct vpath *path, const char *value, const char *const *allowed)
{
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_SMALL);
  for (size_t i = 0; allowed[i]; i++)
    strbuf_printf(&b, "%s%s", i ? ", " : "", vquote(v->a, span_of(allowed[i])));
  verr_add(v, FIELD_NOT_SUPPORTED, path, value, "supported values: %.*s", SPAN_FMT(strbuf_view(&b)));
}

void
verr_not_supported(struct validation *v, const struct vpath *path, struct span s, const char *const *allowed)
{
  verr_unsupported(v, path, vquote(v->a, s), allowed);
}

bool
verr_format(struct validation *v, const struct vpath *path, struct span s, enum text_format f)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n = text_check(v->a, f, s, problems);
  for (size_t i = 0; i < n; i++)
    verr_add(v, FIELD_INVALID, path, vquote(v->a, s), "%s", problems[i])->origin = text_origin(f);
  return n == 0;
}

void
validation_cover(struct validation *v, size_t mark, const char *origin)
{
  for (size_t i = mark; i < v->n; i++) {
    v->list[i].covered = true;
    if (origin)
      v->list[i].origin = origin;
  }
}

/* Code points that Go's strconv.Quote escapes though they are valid: controls, spaces other than ' ', format
 * characters. */
static bool
rune_is_print(uint32_t r)
{
  static const uint32_t hidden[][2] = {
    { 0, 0x1f },        { 0x7f, 0xa0 },     { 0xad, 0xad },       { 0x600, 0x605 },     { 0x61c, 0x61c },
    { 0x6dd, 0x6dd },   { 0x70f, 0x70f },   { 0x1680, 0x1680 },   { 0x180e, 0x180e },   { 0x2000, 0x200f },
    { 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x3000, 0x3000 },   { 0xd800, 0xf8ff },   { 0xfeff, 0xfeff },
    { 0xfff0, 0xfffb }, { 0xfffe, 0xffff }, { 0x110bd, 0x110bd }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff }
  };
  for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
    if (r >= hidden[i][0] && r <= hidden[i][1])
      return false;
  return true;
}

/* One code point of valid UTF-8. */
static size_t
rune_at(const unsigned char *p, uint32_t *ret)
{
  size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
  uint32_t r = n == 1 ? *p : *p & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; i++)
    r = r << 6 | (p[i] & 0x3f);
  *ret = r;
  return n;
}

char *
vquote(struct arena *a, struct span s)
{
  static const char named[][2] = { { '\a', 'a' }, { '\b', 'b' }, { '\f', 'f' }, { '\n', 'n' }, { '\r', 'r' },
                                   { '\t', 't' }, { '\v', 'v' }, { '"', '"' },  { '\\', '\\' } };
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_SMALL);
  bool utf8 = span_utf8_valid(s);
  strbuf_putc(&b, '"');
  for (size_t i = 0; i < s.n;) {
    uint32_t r = (unsigned char)s.p[i];
    size_t n = utf8 ? rune_at((const unsigned char *)s.p + i, &r) : 1, k = 0;
    while (k < ARRAY_SIZE(named) && (uint32_t)named[k][0] != r)
      k++;
    if (k < ARRAY_SIZE(named))
      strbuf_printf(&b, "\\%c", named[k][1]);
    else if (r >= 0x80 && !utf8)
      strbuf_printf(&b, "\\x%02x", r);
    else if (rune_is_print(r))
      strbuf_add(&b, s.p + i, n);
    else
      strbuf_printf(&b, r < 0x20 || r == 0x7f ? "\\x%02x" : r < 0x10000 ? "\\u%04x" : "\\U%08x", r);
    i += n;
  }
  strbuf_putc(&b, '"');
  struct span t = strbuf_view(&b);
  return arena_strndup(a, t.p, t.n);
}

char *
vjson(struct arena *a, const struct json *j)
{
  return j ? json_text(a, j, JSON_HTML) : arena_strdup(a, "null");
}

static void go_struct(struct strbuf *b, struct arena *a, const struct json *o, const struct kind_type *t);

/* apimachinery's types have JSON names in upstream's internal objects, too. */
static bool
has_json_names(const struct kind_type *t)
{
  return !strncmp(kind_text(t->name), "io.k8s.apimachinery.", 20);
}

static void
go_element(struct strbuf *b, struct arena *a, const struct json *v, const struct kind_type *t)
{
  if (t && !has_json_names(t) && json_is(v, JSON_OBJECT))
    go_struct(b, a, v, t);
  else
    json_write(b, v, JSON_HTML);
}

/* What Go writes for a value that the tree leaves out. */
static void
go_absent(struct strbuf *b, struct arena *a, const struct kind_field *f)
{
  if (f->shape != KIND_ONE || (f->flags & KIND_F_POINTER))
    strbuf_puts(b, "null");
  else if (f->base == KIND_STRING)
    strbuf_puts(b, "\"\"");
  else if (f->base == KIND_BOOL)
    strbuf_puts(b, "false");
  else if (f->base == KIND_INT32 || f->base == KIND_INT64 || f->base == KIND_FLOAT64 || f->base == KIND_INT_OR_STRING)
    strbuf_putc(b, '0');
  else if (f->base == KIND_QUANTITY)
    strbuf_puts(b, "\"0\"");
  else if (f->base == KIND_STRUCT)
    go_struct(b, a, NULL, kind_field_type(f));
  else
    strbuf_puts(b, "null");
}

static void
go_value(struct strbuf *b, struct arena *a, const struct json *v, const struct kind_field *f)
{
  const struct kind_type *t = kind_field_type(f);
  if (json_type(v) == JSON_NULL) {
    go_absent(b, a, f);
  } else if (f->shape == KIND_LIST) {
    strbuf_putc(b, '[');
    for (size_t i = 0; i < json_count(v); i++) {
      strbuf_puts(b, i ? "," : "");
      go_element(b, a, json_at(v, i), t);
    }
    strbuf_putc(b, ']');
  } else if (f->shape == KIND_MAP) {
    bool first = true;
    strbuf_putc(b, '{');
    for (json_each_member (m, v)) {
      strbuf_puts(b, first ? "" : ",");
      json_write_str(b, span_make(m->name, m->name_len), JSON_HTML);
      strbuf_putc(b, ':');
      go_element(b, a, m->value, t);
      first = false;
    }
    strbuf_putc(b, '}');
  } else
    go_element(b, a, v, t);
}

/* TypeMeta of an object: internal ones leave it empty, and its members have omitempty. */
static bool
is_type_meta(const struct kind_type *t, const char *go)
{
  if (strcmp(go, "Kind") && strcmp(go, "APIVersion"))
    return false;
  for (kind_each_field(f, t))
    if (!strcmp(kind_text(f->go), "ObjectMeta"))
      return true;
  return false;
}

static void
go_members(struct strbuf *b, struct arena *a, const struct json *o, const struct kind_type *t, bool *first)
{
  for (kind_each_field(f, t)) {
    const char *go = kind_text(f->go);
    const struct json *v = json_get_n(o, kind_field_name(f), f->name_len);
    if (is_type_meta(t, go))
      continue;
    if (f->flags & KIND_F_INLINE) {
      go_members(b, a, o, kind_field_type(f), first);
    } else if (!strcmp(go, "ObjectMeta")) { /* embedded: its members stand here, under their JSON names */
      for (json_each_member (m, v)) {
        strbuf_printf(b, "%s\"%s\":", *first ? "" : ",", m->name);
        json_write(b, m->value, JSON_HTML);
        *first = false;
      }
    } else {
      strbuf_printf(b, "%s\"%s\":", *first ? "" : ",", go);
      go_value(b, a, v, f);
      *first = false;
    }
  }
}

static void
go_struct(struct strbuf *b, struct arena *a, const struct json *o, const struct kind_type *t)
{
  bool first = true;
  strbuf_putc(b, '{');
  go_members(b, a, o, t, &first);
  strbuf_putc(b, '}');
}

/* The type of that name in `t` or below it, which has the form of the release. */
static const struct kind_type *
type_below(const struct kind_type *t, const char *name, int depth)
{
  const struct kind_type *found = strcmp(kind_text(t->name), name) == 0 ? t : NULL;
  if (depth == 0 || found)
    return found;
  for (kind_each_field(f, t))
    if (f->base == KIND_STRUCT && (found = type_below(kind_field_type(f), name, depth - 1)))
      return found;
  return NULL;
}

char *
vgo_json(struct arena *a, const struct json *j, const char *type)
{
  _cleanup_strbuf_ struct strbuf b;
  const struct kind_type *t = kind_type_find(type);
  strbuf_init(&b, CEIL_ARENA_SMALL);
  if (json_type(j) == JSON_NULL)
    strbuf_puts(&b, "null");
  else if (json_is(j, JSON_ARRAY)) {
    strbuf_putc(&b, '[');
    for (size_t i = 0; i < json_count(j); i++) {
      strbuf_puts(&b, i ? "," : "");
      go_element(&b, a, json_at(j, i), t);
    }
    strbuf_putc(&b, ']');
  } else
    go_element(&b, a, j, t);
  struct span text = strbuf_view(&b);
  return arena_strndup(a, text.p, text.n);
}

char *
vgo(const struct validation *v, const struct json *j, const char *type)
{
  if (validation_minor(v) > VALUES_AS_GO_UNTIL || json_type(j) == JSON_NULL)
    return vgo_json(v->a, j, type);
  const struct kind_type *t = type_below(v->kind->type, type, TYPE_DEPTH);
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_SMALL);
  vgo_syntax(&b, v, j, t ? t : kind_type_find(type));
  struct span text = strbuf_view(&b);
  return arena_strndup(v->a, text.p, text.n);
}

static bool
json_is_unset(const struct json *v)
{
  switch (json_type(v)) {
  case JSON_NULL:
    return true;
  case JSON_STRING:
  case JSON_ARRAY:
  case JSON_OBJECT:
    return v->count == 0;
  case JSON_BOOL:
  case JSON_INT:
  case JSON_NUMBER:
    return false;
  }
  return false;
}

static bool
objects_same(const struct json *x, const struct json *y)
{
  for (json_each_member (m, x))
    if (!json_same(m->value, json_get_n(y, m->name, m->name_len)))
      return false;
  for (json_each_member (m, y))
    if (!json_get_n(x, m->name, m->name_len) && !json_is_unset(m->value))
      return false;
  return true;
}

bool
json_same(const struct json *x, const struct json *y)
{
  if (json_is_unset(x) && json_is_unset(y))
    return true;
  if (x && y && x->loose != y->loose) /* embedded objects are texts upstream */
    return false;
  if (json_is(x, JSON_OBJECT) && json_is(y, JSON_OBJECT))
    return objects_same(x, y);
  if (!json_is(x, JSON_ARRAY) || !json_is(y, JSON_ARRAY))
    return x && y && json_equal(x, y);
  if (x->count != y->count)
    return false;
  for (size_t i = 0; i < x->count; i++)
    if (!json_same(json_at(x, i), json_at(y, i)))
      return false;
  return true;
}

struct span
json_text_of(const struct json *obj, const char *name)
{
  const struct json *v = json_get(obj, name);
  return json_is(v, JSON_STRING) ? json_span(v) : (struct span){ .p = "", .n = 0 };
}

bool
json_has(const struct json *obj, const char *name)
{
  return json_type(json_get(obj, name)) != JSON_NULL;
}

bool
json_quantity(const struct json *v, struct quantity *ret)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  if (json_is(v, JSON_INT)) {
    *ret = quantity_from_int(json_int_or(v, 0), QUANTITY_DECIMAL_SI);
    return true;
  }
  return (json_is(v, JSON_STRING) || json_is(v, JSON_NUMBER)) && quantity_parse(json_span(v), ret, &err) == 0;
}

/*
 * Paths of the two layers are compared in v1's spelling: v1beta1 has requests without `exactly` and devices with
 * `basic` (resource validation's ResourceNormalizationRules).
 */
static const char *
normalized(struct arena *a, const char *field)
{
  static const char *const flat[] = { "deviceClassName", "selectors",   "allocationMode",   "count",
                                      "adminAccess",     "tolerations", "derivedAttributes" };
  const char *at = strstr(field, "spec.devices[");
  const char *close = at ? strchr(at, ']') : NULL;
  if (close && !strncmp(close, "].basic.", 8))
    return arena_printf(a, "%.*s%s", (int)(close + 1 - field), field, close + 7);
  at = strstr(field, "spec.devices.requests[");
  close = at ? strstr(at, "].") : NULL;
  for (size_t i = 0; close && i < ARRAY_SIZE(flat); i++)
    if (!strncmp(close + 2, flat[i], strlen(flat[i])))
      return arena_printf(a, "%.*s.exactly%s", (int)(close + 1 - field), field, close + 1);
  return field;
}

static bool
replaced(const struct validation *v, const struct verr *e, size_t ntags)
{
  if (!e->covered)
    return false;
  const char *origin = e->origin ? e->origin : "";
  for (size_t i = ntags; i < v->n; i++) {
    const struct verr *tag = &v->list[i];
    if (tag->beta && tag->type == e->type && !strcmp(origin, tag->origin ? tag->origin : "") &&
        (e->type != FIELD_INVALID || *origin) &&
        (!strcmp(e->field, tag->field) || !strcmp(e->field, normalized(v->a, tag->field))))
      return true;
  }
  return false;
}

/*
 * Where declarative validation takes over, the merging loses a hand-written error that has been said before in the same
 * words (ErrorList.Filter); elsewhere metadata's errors come as often as they are found. That is every kind since 1.37.
 */
static bool
says_once(const struct validation *v)
{
  static const char *const since_36[] = {
    "ClusterRole",
    "CronJob",
    "DeviceClass",
    "EndpointSlice",
    "HorizontalPodAutoscaler",
    "IngressClass",
    "NetworkPolicy",
    "PodGroup",
    "ResourceClaim",
    "ResourcePoolStatusRequest",
    "ResourceSlice",
    "Role",
    "ReplicationController",
    "RoleBinding",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicyBinding",
    "VolumeAttachment",
    "Workload",
  };
  unsigned minor = validation_minor(v);

  for (size_t i = 0; minor == 36 && i < ARRAY_SIZE(since_36); i++)
    if (strcmp(v->kind->kind, since_36[i]) == 0)
      return true;
  return minor > 36;
}

static bool
said_before(const struct validation *v, size_t at)
{
  const struct verr *e = &v->list[at];

  for (size_t i = 0; i < at; i++) {
    const struct verr *other = &v->list[i];

    if (other->type == e->type && strcmp(other->field, e->field) == 0 && strcmp(other->detail, e->detail) == 0 &&
        strcmp(other->value ? other->value : "", e->value ? e->value : "") == 0)
      return true;
  }
  return false;
}

void
validation_finish(struct validation *v, size_t ntags, struct field_errors *errs)
{
  bool once = v->n && v->kind && says_once(v); /* no kind: metadata alone (crd_convert.c) */

  for (size_t i = 0; i < v->n; i++) {
    const struct verr *e = &v->list[i];
    if (i >= ntags || !(replaced(v, e, ntags) || (once && said_before(v, i))))
      field_errors_add(errs, e->type, e->field, e->value, "%s", e->detail);
  }
}
