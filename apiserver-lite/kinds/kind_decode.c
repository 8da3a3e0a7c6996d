/*
 * JSON as a client sent it → the canonical tree of its kind.
 *
 * Follows sigs.k8s.io/json (the decoder of kube-apiserver): names are case-sensitive, null is "not set", the first
 * wrong type is reported when all has been read, except that types with a parser of their own (quantities, times) end
 * the reading at once.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ceilings.h"
#include "crd_custom.h"
#include "kind.h"
#include "kind_build.h"
#include "kind_scalar.h"
#include "kind_type.h"
#include "quantity.h"

enum { STRICT_MAX = 100 }; /* as upstream: what comes later is not listed */

/* Where the reader is; lives on the C stack. */
struct place {
  const struct place *up;
  const struct kind_type *in; /* a member of this type; NULL: an item or a map entry */
  struct span name;           /* of the member or map entry */
  uint32_t index;             /* of an item, when name.p is NULL */
};

struct reader {
  struct arena *a;
  struct kind_strictness *strict;
  const char *saved; /* the first wrong type */
  struct kerr *err;
};

static int read_struct(struct reader *r, const struct place *at, const struct kind_type *t, const struct json *in,
                       struct json **ret);

/* -- saying what is wrong -- */

/* The Go names of embedded structs on the way from `t` to the member: "VolumeSource.hostPath". */
static bool
go_path(const struct kind_type *t, struct span name, struct strbuf *b)
{
  for (kind_each_field(f, t))
    if (!(f->flags & KIND_F_INLINE) && span_eq(span_make(kind_field_name(f), f->name_len), name)) {
      /* TypeMeta is embedded too. */
      if ((t->flags & KIND_T_OBJECT) && f->slot < 2)
        strbuf_puts(b, "TypeMeta.");
      strbuf_span(b, name);
      return true;
    }
  for (kind_each_field(f, t)) {
    size_t mark = b->n;
    if (!(f->flags & KIND_F_INLINE))
      continue;
    strbuf_printf(b, "%s.", kind_text(f->go));
    if (go_path(kind_field_type(f), name, b))
      return true;
    b->n = mark;
  }
  return false;
}

static void
go_context(const struct place *at, struct strbuf *b)
{
  if (!at)
    return;
  go_context(at->up, b);
  if (!at->in)
    return;
  if (b->n)
    strbuf_putc(b, '.');
  (void)go_path(at->in, at->name, b);
}

/* UnmarshalTypeError: what stood there, and the Go type it should have become. */
static const char *
type_error_text(struct reader *r, const struct place *at, const char *found, const char *go_type)
{
  _cleanup_strbuf_ struct strbuf path;
  strbuf_init(&path, 64 * 1024);
  const struct place *member = at;
  while (member && !member->in)
    member = member->up;
  if (!member)
    return arena_printf(r->a, "json: cannot unmarshal %s into Go value of type %s", found, go_type);
  go_context(at, &path);
  return arena_printf(r->a, "json: cannot unmarshal %s into Go struct field %s.%s of type %s", found,
                      kind_type_go(member->in), path.p, go_type);
}

static const char *
found_name(struct reader *r, const struct json *v, bool with_number)
{
  if (with_number && json_is(v, JSON_INT))
    return arena_printf(r->a, "number %" PRId64, v->u.integer);
  if (with_number && json_is(v, JSON_NUMBER))
    return arena_printf(r->a, "number %s", v->u.str);
  return json_wire_type(v);
}

static void
save(struct reader *r, const char *text)
{
  if (!r->saved)
    r->saved = text;
}

static const char *
field_go_type(struct reader *r, const struct kind_field *f, bool element)
{
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, 1024);
  if (element)
    kind_field_go_element(f, &b);
  else
    kind_field_go_type(f, &b);
  return arena_strdup(r->a, b.p);
}

/* A value of the wrong JSON type; reading goes on without it. */
static int
wrong(struct reader *r, const struct place *at, const struct kind_field *f, const struct json *in, bool element)
{
  bool number = f->base == KIND_INT32 || f->base == KIND_INT64 || f->base == KIND_FLOAT64;
  save(r, type_error_text(r, at, found_name(r, in, number && element), field_go_type(r, f, element)));
  return 0;
}

static int
fatal(struct reader *r, const char *text)
{
  return kerr_set(r->err, KERR_BAD_REQUEST, NULL, "%s", text);
}

static void
strict_path(const struct place *at, struct strbuf *b)
{
  if (!at)
    return;
  strict_path(at->up, b);
  if (at->name.p) {
    if (b->n)
      strbuf_putc(b, '.');
    strbuf_span(b, at->name);
  } else {
    strbuf_printf(b, "[%u]", at->index);
  }
}

void
kind_strictness_add(struct kind_strictness *s, const char *text)
{
  if (s->n >= STRICT_MAX)
    return;
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->problems[i], text) == 0)
      return;
  if (s->n == s->cap) {
    const char **larger = arena_array_of(s->a, const char *, s->cap ? 2 * s->cap : 8);
    if (s->n)
      memcpy(larger, s->problems, s->n * sizeof(*larger));
    s->problems = larger;
    s->cap = s->cap ? 2 * s->cap : 8;
  }
  s->problems[s->n++] = text;
}

static void
strict_problem(struct reader *r, const struct place *at, const char *what, struct span name)
{
  struct kind_strictness *s = r->strict;
  if (!s || s->n >= STRICT_MAX)
    return;
  _cleanup_strbuf_ struct strbuf path, text;
  strbuf_init(&path, CEIL_REQUEST_BODY * 2);
  strbuf_init(&text, CEIL_REQUEST_BODY * 8);
  strict_path(at, &path);
  if (path.n)
    strbuf_putc(&path, '.');
  strbuf_span(&path, name);
  strbuf_printf(&text, "%s ", what);
  kind_quote(&text, strbuf_view(&path));
  kind_strictness_add(s, arena_strndup(s->a, text.p, text.n));
}

/* -- keys that stand twice: upstream reads both values where they stand, and the last one stays -- */

enum { DUPS_MAX = 1000 }; /* more are not looked at: far fewer are listed */

static bool
is_dup_of(const struct json_dup *d, const struct json *in, struct span key)
{
  return d->object == in && span_is(key, d->key);
}

/* The value that `d` made room for: the next one that gave way, or the one that stayed. */
static struct json *
value_after(const struct json_dup *d, const struct json *in)
{
  for (const struct json_dup *later = d->next; later; later = later->next)
    if (is_dup_of(later, in, span_of(d->key)))
      return later->value;
  for (uint32_t i = 0; i < in->count; i++)
    if (span_is(span_make(in->u.members[i].name, in->u.members[i].name_len), d->key))
      return in->u.members[i].value;
  return NULL;
}

/* What stood at the place of member `m`: the value that came first. */
static struct json *
first_value(const struct reader *r, const struct json *in, const struct json_member *m)
{
  size_t n = 0;
  for (const struct json_dup *d = r->strict ? r->strict->dups : NULL; d && n < DUPS_MAX; d = d->next, n++)
    if (is_dup_of(d, in, span_make(m->name, m->name_len)))
      return d->value;
  return m->value;
}

/* -- single values: the result is NULL when it is nil or was wrong -- */

typedef int (*read_fn)(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in,
                       struct json **ret);

static int
read_string(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_STRING)
    return wrong(r, at, f, in, true);
  *ret = in;
  return 0;
}

static int
read_bool(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_BOOL)
    return wrong(r, at, f, in, true);
  *ret = in;
  return 0;
}

static int
read_int(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_INT || (f->base == KIND_INT32 && in->u.integer != (int32_t)in->u.integer))
    return wrong(r, at, f, in, true);
  *ret = in;
  return 0;
}

static int
read_float(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_INT && in->type != JSON_NUMBER)
    return wrong(r, at, f, in, true);
  double d = json_double(in);
  if (!isfinite(d))
    return wrong(r, at, f, in, true);
  *ret = json_new_double(r->a, d);
  return 0;
}

/* []byte also reads an array of numbers. */
static int
read_byte_array(struct reader *r, const struct place *at, struct json *in, struct json **ret)
{
  char *raw = arena_alloc(r->a, in->count + 1);
  size_t i = 0;
  for (json_each_item (p, in)) {
    bool is_byte = json_is(*p, JSON_INT) && (*p)->u.integer >= 0 && (*p)->u.integer <= UINT8_MAX;
    if (!is_byte && !json_is(*p, JSON_NULL))
      save(r, type_error_text(r, at, found_name(r, *p, true), "uint8"));
    raw[i++] = (char)json_int_or(*p, 0);
  }
  *ret = kind_base64(r->a, span_make(raw, in->count));
  return 0;
}

static int
read_bytes(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  struct span raw;
  size_t bad;
  if (in->type == JSON_ARRAY)
    return read_byte_array(r, at, in, ret);
  if (in->type != JSON_STRING)
    return wrong(r, at, f, in, true);
  if (kind_unbase64(r->a, json_span(in), &raw, &bad))
    *ret = kind_base64(r->a, raw);
  else
    save(r, arena_printf(r->a, "illegal base64 data at input byte %zu", bad));
  return 0;
}

static int
read_time(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  struct kind_time t;
  const char *why;
  char buf[KIND_TIME_TEXT_MAX];
  bool micro = f->base == KIND_MICROTIME;
  if (in->type != JSON_STRING)
    return fatal(r, type_error_text(r, at, found_name(r, in, false), "string"));
  if (!kind_time_parse(r->a, json_span(in), micro, &t, &why))
    return fatal(r, why);
  *ret = t.zero ? json_new_null(r->a) : json_new_str(r->a, kind_time_text(&t, micro, buf));
  return 0;
}

static int
read_quantity(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  (void)at;
  (void)f;
  const char *canonical;
  struct span text = json_span(in);
  if (in->type != JSON_STRING)
    text = span_of(json_text(r->a, in, JSON_COMPACT));
  if (quantity_normalize(r->a, span_trim(text), &canonical, r->err) < 0) {
    r->err->code = KERR_BAD_REQUEST;
    return -KERR_BAD_REQUEST;
  }
  *ret = span_is(text, canonical) && in->type == JSON_STRING ? in : json_new_str(r->a, canonical);
  return 0;
}

static int
read_int_or_string(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in,
                   struct json **ret)
{
  (void)f;
  bool fits = in->type == JSON_INT && in->u.integer == (int32_t)in->u.integer;
  if (in->type != JSON_STRING && !fits)
    return fatal(r, type_error_text(r, at, found_name(r, in, true), "int32"));
  *ret = in;
  return 0;
}

static int
read_anything(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  (void)at;
  *ret = f->base == KIND_RAW ? in : json_tight(r->a, in);
  return 0;
}

static int
read_nested(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_OBJECT)
    return wrong(r, at, f, in, true);
  return read_struct(r, at, kind_field_type(f), in, ret);
}

static int
read_strings(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_ARRAY)
    return wrong(r, at, f, in, true);
  struct json *out = json_new_array(r->a);
  uint32_t i = 0;
  for (json_each_item (p, in)) {
    struct place item = { .up = at, .index = i++ };
    if (!json_is(*p, JSON_STRING) && !json_is(*p, JSON_NULL))
      save(r, type_error_text(r, &item, found_name(r, *p, false), "string"));
    json_append(r->a, out, json_is(*p, JSON_STRING) ? *p : json_new_strn(r->a, "", 0));
  }
  *ret = out;
  return 0;
}

/* -- schemas: they have parsers of their own, which are never strict -- */

static int
read_schema(struct reader *r, const struct place *at, struct json *in, struct json **ret)
{
  struct reader inner = { .a = r->a, .err = r->err };
  int rc = read_struct(&inner, at, &kind_types[kind_schema_type], in, ret);
  return rc < 0 || !inner.saved ? rc : fatal(r, inner.saved);
}

static int
read_schema_array(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in,
                  struct json **ret)
{
  *ret = json_new_array(r->a);
  for (json_each_item (p, in)) {
    struct json *item = NULL;
    if (f->base == KIND_SCHEMA_OR_STRINGS && json_is(*p, JSON_STRING))
      item = *p;
    else if (f->base == KIND_SCHEMA_OR_ARRAY && json_is(*p, JSON_OBJECT)) {
      int rc = read_schema(r, at, *p, &item);
      if (rc < 0)
        return rc;
    } else if (json_is(*p, JSON_NULL))
      item = f->base == KIND_SCHEMA_OR_STRINGS ? json_new_strn(r->a, "", 0) : json_new_object(r->a);
    else
      return fatal(r, type_error_text(r, at, found_name(r, *p, false),
                                      f->base == KIND_SCHEMA_OR_STRINGS ? "string" : "v1.JSONSchemaProps"));
    json_append(r->a, *ret, item);
  }
  return 0;
}

static int
read_schema_or(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  *ret = json_new_null(r->a);
  if (in->type == JSON_OBJECT)
    return read_schema(r, at, in, ret);
  if (f->base == KIND_SCHEMA_OR_BOOL) {
    if (in->type != JSON_BOOL)
      return fatal(r, "boolean or JSON schema expected");
    *ret = in;
    return 0;
  }
  if (in->type != JSON_ARRAY)
    *ret = NULL; /* Go reads nothing else, and complains of nothing */
  return in->type == JSON_ARRAY && in->count ? read_schema_array(r, at, f, in, ret) : 0;
}

static const read_fn readers[] = {
  [KIND_STRING] = read_string,
  [KIND_BOOL] = read_bool,
  [KIND_INT32] = read_int,
  [KIND_INT64] = read_int,
  [KIND_FLOAT64] = read_float,
  [KIND_BYTES] = read_bytes,
  [KIND_STRUCT] = read_nested,
  [KIND_TIME] = read_time,
  [KIND_MICROTIME] = read_time,
  [KIND_QUANTITY] = read_quantity,
  [KIND_INT_OR_STRING] = read_int_or_string,
  [KIND_RAW] = read_anything,
  [KIND_FIELDS_V1] = read_anything,
  [KIND_JSON] = read_anything,
  [KIND_ANY] = read_anything,
  [KIND_STRING_LIST] = read_strings,
  [KIND_SCHEMA_OR_BOOL] = read_schema_or,
  [KIND_SCHEMA_OR_ARRAY] = read_schema_or,
  [KIND_SCHEMA_OR_STRINGS] = read_schema_or,
};

/* -- lists, maps, structs -- */

/* null and wrong elements become the zero value, as in a Go slice. */
static int
read_element(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  *ret = NULL;
  int rc = json_is(in, JSON_NULL) ? 0 : readers[f->base](r, at, f, in, ret);
  if (rc == 0 && !*ret)
    *ret = kind_zero_element(r->a, f);
  if (!*ret)
    *ret = json_new_null(r->a);
  return rc;
}

static int
read_list(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_ARRAY)
    return wrong(r, at, f, in, false);
  struct json *out = json_new_array(r->a);
  out->u.items = arena_array_of(r->a, struct json *, in->count ? in->count : 1);
  out->cap = in->count & 0xffffffU;
  for (uint32_t i = 0; i < in->count; i++) {
    struct place item = { .up = at, .index = i };
    int rc = read_element(r, &item, f, in->u.items[i], &out->u.items[i]);
    if (rc < 0)
      return rc;
    out->count++;
  }
  *ret = out;
  return 0;
}

static bool
is_sorted(const struct json *obj)
{
  for (uint32_t i = 1; i < obj->count; i++) {
    const struct json_member *m = &obj->u.members[i];
    if (span_cmp(span_make(m[-1].name, m[-1].name_len), span_make(m->name, m->name_len)) > 0)
      return false;
  }
  return true;
}

/* Entries whose key came again when `before` entries had been read. */
static int
reread_entries(struct reader *r, const struct place *at, const struct kind_field *f, const struct json *in,
               uint32_t before, struct json *out)
{
  size_t n = 0;
  for (const struct json_dup *d = r->strict ? r->strict->dups : NULL; d && n < DUPS_MAX; d = d->next, n++) {
    if (d->object != in || d->before != before)
      continue;
    struct place entry = { .up = at, .name = span_of(d->key) };
    struct json *v;
    strict_problem(r, at, "duplicate field", span_of(d->key));
    int rc = read_element(r, &entry, f, value_after(d, in), &v);
    if (rc < 0)
      return rc;
    json_set(r->a, out, d->key, v);
  }
  return 0;
}

static int
read_map(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  if (in->type != JSON_OBJECT)
    return wrong(r, at, f, in, false);
  struct json *out = json_shallow(r->a, in);
  int rc = 0;
  out->loose = false;
  for (uint32_t i = 0; i < in->count && rc == 0; i++) {
    struct json_member *m = &out->u.members[i];
    struct place entry = { .up = at, .name = span_make(m->name, m->name_len) };
    rc = reread_entries(r, at, f, in, i, out);
    if (rc == 0)
      rc = read_element(r, &entry, f, first_value(r, in, &in->u.members[i]), &m->value);
  }
  if (rc == 0)
    rc = reread_entries(r, at, f, in, in->count, out);
  if (rc < 0)
    return rc;
  if (!is_sorted(out))
    json_sort_members(out);
  *ret = out;
  return 0;
}

static int
read_member(struct reader *r, const struct place *at, const struct kind_field *f, struct json *in, struct json **ret)
{
  *ret = NULL;
  if (in->type == JSON_NULL)
    return 0;
  return f->shape == KIND_LIST  ? read_list(r, at, f, in, ret)
         : f->shape == KIND_MAP ? read_map(r, at, f, in, ret)
                                : readers[f->base](r, at, f, in, ret);
}

/* Members whose key came again when `before` members had been read. */
static int
reread_members(struct reader *r, const struct place *at, const struct kind_type *t, const struct json *in,
               uint32_t before, struct kind_slots *slots)
{
  size_t n = 0;
  for (const struct json_dup *d = r->strict ? r->strict->dups : NULL; d && n < DUPS_MAX; d = d->next, n++) {
    uint16_t slot;
    struct place member = { .up = at, .in = t, .name = span_of(d->key) };
    const struct kind_field *f = d->object == in && d->before == before ? kind_field_find(t, member.name, &slot) : NULL;
    if (!f)
      continue;
    strict_problem(r, at, "duplicate field", member.name);
    int rc = read_member(r, &member, f, value_after(d, in), &slots->at[slot]);
    if (rc < 0)
      return rc;
  }
  return 0;
}

static int
read_struct(struct reader *r, const struct place *at, const struct kind_type *t, const struct json *in,
            struct json **ret)
{
  struct kind_slots slots;
  kind_slots_clear(&slots, t);
  const struct kind_field *first = kind_type_fields(t), *end = first + t->n, *next = first;
  int rc = 0;
  for (uint32_t i = 0; i < in->count && rc == 0; i++) {
    const struct json_member *m = &in->u.members[i];
    struct place member = { .up = at, .in = t, .name = span_make(m->name, m->name_len) };
    uint16_t slot = 0;
    const struct kind_field *f = next;
    rc = reread_members(r, at, t, in, i, &slots);
    if (rc < 0)
      return rc;
    /* Members mostly come in order of declaration. */
    if (f < end && f->name_len == m->name_len && f->name_len && memcmp(kind_field_name(f), m->name, m->name_len) == 0)
      slot = f->slot;
    else
      f = kind_field_find(t, member.name, &slot);
    if (!f) {
      strict_problem(r, at, "unknown field", member.name);
      continue;
    }
    if (f >= first && f < end)
      next = f + 1;
    rc = read_member(r, &member, f, first_value(r, in, m), &slots.at[slot]);
  }
  if (rc == 0)
    rc = reread_members(r, at, t, in, in->count, &slots);
  if (rc == 0)
    *ret = kind_build(r->a, t, slots.at);
  return rc;
}

static int
decode(struct reader *r, const struct place *root, const struct kind_type *t, const struct json *in, struct json **ret)
{
  const struct json nothing = { .type = JSON_OBJECT };
  if (!in || in->type == JSON_NULL)
    in = &nothing;
  if (in->type != JSON_OBJECT)
    return fatal(r, type_error_text(r, NULL, found_name(r, in, false),
                                    arena_printf(r->a, "%s.%s", kind_text(t->go_pkg), kind_type_go(t))));
  int rc = read_struct(r, root, t, in, ret);
  return rc < 0 || !r->saved ? rc : fatal(r, r->saved);
}

int
kind_decode(struct arena *a, const struct kind *k, const struct json *in, struct kind_strictness *strict,
            struct json **ret, struct kerr *reterr)
{
  struct reader r = { .a = a, .strict = strict, .err = reterr };
  return k->custom ? custom_decode(a, k, in, strict, ret, reterr) : decode(&r, NULL, k->type, in, ret);
}

int
kind_decode_type(struct arena *a, const struct kind_type *t, const char *path, const struct json *in,
                 struct kind_strictness *strict, struct json **ret, struct kerr *reterr)
{
  struct reader r = { .a = a, .strict = strict, .err = reterr };
  struct place root = { .name = span_of(path) };
  return decode(&r, &root, t, in, ret);
}
