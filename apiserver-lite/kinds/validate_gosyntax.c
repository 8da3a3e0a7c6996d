/*
 * Values as Go's %#v prints them: what field errors about structs show before 1.34 (apimachinery, field.Error).
 *
 * The types are the tables' ones; upstream prints its internal twins, which have the same fields in the same order in
 * the package of the group: resource.DeviceRequest for v1alpha3's.
 */
#include <time.h>

#include "clock.h"
#include "kind_type.h"
#include "validate_internal.h"

static void print_value(struct strbuf *b, const struct validation *v, const struct json *j, const struct kind_field *f);
static void print_struct(struct strbuf *b, const struct validation *v, const struct json *o, const struct kind_type *t);

/* "io.k8s.api.resource.v1alpha3.Device" is resource.Device, "io.k8s.apimachinery.pkg.apis.meta.v1.Time" is v1.Time. */
static void
print_type_name(struct strbuf *b, const char *definition)
{
  struct span name = span_of(definition), parts[16];
  size_t n = 0;
  for (struct span rest = name; rest.p && n < ARRAY_SIZE(parts);)
    parts[n++] = span_cut(rest, '.', &rest);
  bool shared = span_starts(name, SPAN("io.k8s.apimachinery."));
  struct span package = n < 3 ? name : shared ? parts[n - 2] : parts[n - 3];
  strbuf_printf(b, "%.*s.%.*s", SPAN_FMT(package), SPAN_FMT(parts[n - 1]));
}

static void
print_element_type(struct strbuf *b, const struct kind_field *f)
{
  if (f->named && !kind_named[f->named].alias)
    print_type_name(b, kind_text(kind_named[f->named].name));
  else if (f->base == KIND_STRUCT)
    print_type_name(b, kind_text(kind_field_type(f)->name));
  else
    strbuf_puts(b, kind_base_go((enum kind_base)f->base));
}

static void
print_type(struct strbuf *b, const struct kind_field *f)
{
  if (f->shape == KIND_LIST)
    strbuf_puts(b, "[]");
  if (f->shape == KIND_MAP) {
    strbuf_puts(b, "map[");
    if (f->key_named)
      print_type_name(b, kind_text(kind_named[f->key_named].name));
    else
      strbuf_puts(b, "string");
    strbuf_putc(b, ']');
  }
  print_element_type(b, f);
}

static void
print_raw(struct strbuf *b, const struct json *j)
{
  if (json_type(j) == JSON_NULL) {
    strbuf_puts(b, "runtime.RawExtension{Raw:[]uint8(nil), Object:runtime.Object(nil)}");
    return;
  }
  _cleanup_strbuf_ struct strbuf text;
  strbuf_init(&text, CEIL_ARENA_SMALL);
  json_write(&text, j, JSON_COMPACT);
  strbuf_puts(b, "runtime.RawExtension{Raw:[]uint8{");
  for (size_t i = 0; i < text.n; i++)
    strbuf_printf(b, "%s0x%x", i ? ", " : "", (unsigned char)text.p[i]);
  strbuf_puts(b, "}, Object:runtime.Object(nil)}");
}

static void
print_time(struct strbuf *b, const struct json *j)
{
  int64_t ns = 0;
  if (json_type(j) == JSON_NULL || !clock_parse_rfc3339(json_span(j), &ns)) {
    strbuf_puts(b, "time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC)");
    return;
  }
  static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December" };
  time_t seconds = (time_t)(ns / CLOCK_SEC);
  struct tm tm;
  (void)gmtime_r(&seconds, &tm);
  strbuf_printf(b, "time.Date(%d, time.%s, %d, %d, %d, %d, 0, time.Local)", tm.tm_year + 1900, months[tm.tm_mon],
                tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* One value that is neither list nor map nor pointer. */
static void
print_plain(struct strbuf *b, const struct validation *v, const struct json *j, const struct kind_field *f)
{
  if (f->base == KIND_STRUCT)
    print_struct(b, v, j, kind_field_type(f));
  else if (f->base == KIND_RAW)
    print_raw(b, j);
  else if (f->base == KIND_TIME || f->base == KIND_MICROTIME)
    print_time(b, j);
  else if (f->base == KIND_STRING || json_is(j, JSON_STRING))
    strbuf_puts(b, vquote(v->a, json_is(j, JSON_STRING) ? json_span(j) : SPAN("")));
  else if (f->base == KIND_BOOL)
    strbuf_puts(b, json_is(j, JSON_BOOL) && j->u.boolean ? "true" : "false");
  else
    strbuf_puts(b, json_type(j) == JSON_NULL ? "0" : vjson(v->a, j));
}

static void
print_pointer(struct strbuf *b, const struct json *j, const struct kind_field *f)
{
  if (f->base == KIND_TIME && json_type(j) == JSON_NULL) {
    strbuf_puts(b, "<nil>"); /* has a GoString of its own */
    return;
  }
  strbuf_puts(b, "(*");
  print_type(b, f);
  strbuf_puts(b, json_type(j) == JSON_NULL ? ")(nil)" : ")(0xc000a1b2c0)"); /* an address: nobody can expect one */
}

static void
print_list(struct strbuf *b, const struct validation *v, const struct json *j, const struct kind_field *f)
{
  print_type(b, f);
  if (json_type(j) == JSON_NULL) {
    strbuf_puts(b, "(nil)");
    return;
  }
  strbuf_putc(b, '{');
  for (size_t i = 0; i < json_count(j); i++) {
    strbuf_puts(b, i ? ", " : "");
    if (f->shape == KIND_MAP)
      strbuf_printf(b, "%s:", vquote(v->a, span_make(j->u.members[i].name, j->u.members[i].name_len)));
    print_plain(b, v, f->shape == KIND_LIST ? json_at(j, i) : j->u.members[i].value, f);
  }
  strbuf_putc(b, '}');
}

static void
print_value(struct strbuf *b, const struct validation *v, const struct json *j, const struct kind_field *f)
{
  if (f->shape != KIND_ONE)
    print_list(b, v, j, f);
  else if (f->flags & KIND_F_POINTER)
    print_pointer(b, j, f);
  else
    print_plain(b, v, j, f);
}

static void
print_struct(struct strbuf *b, const struct validation *v, const struct json *o, const struct kind_type *t)
{
  bool first = true;
  print_type_name(b, kind_text(t->name));
  strbuf_putc(b, '{');
  for (kind_each_field(f, t)) {
    strbuf_printf(b, "%s%s:", first ? "" : ", ", kind_text(f->go));
    if (f->flags & KIND_F_INLINE)
      print_struct(b, v, o, kind_field_type(f));
    else
      print_value(b, v, json_get_n(o, kind_field_name(f), f->name_len), f);
    first = false;
  }
  strbuf_putc(b, '}');
}

void
vgo_syntax(struct strbuf *b, const struct validation *v, const struct json *j, const struct kind_type *t)
{
  if (!json_is(j, JSON_ARRAY)) {
    print_struct(b, v, j, t);
    return;
  }
  strbuf_puts(b, "[]");
  print_type_name(b, kind_text(t->name));
  strbuf_putc(b, '{');
  for (size_t i = 0; i < json_count(j); i++) {
    strbuf_puts(b, i ? ", " : "");
    print_struct(b, v, json_at(j, i), t);
  }
  strbuf_putc(b, '}');
}
