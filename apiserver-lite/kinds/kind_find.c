/* Finding kinds, resources, types and fields in the tables. */
#include <string.h>

#include "kind.h"
#include "kind_type.h"
#include "strbuf.h"

/* -- releases -- */

static bool
knows(const struct personality *p, const struct kind *k)
{
  int minor = personality_minor(p);
  return minor >= k->since && !(k->removed && minor >= k->removed);
}

const struct kind *
kind_in(const struct personality *p, const struct kind *k)
{
  if (!p)
    return k;
  while (k && personality_minor(p) < k->first)
    k = k->before;
  return k && knows(p, k) ? k : NULL;
}

static const struct kind_resource *
row_in(const struct personality *p, const struct kind_resource *r)
{
  while (r && personality_minor(p) < r->of->first)
    r = r->before;
  return r;
}

bool
kind_is_served(const struct personality *p, const struct kind_resource *r)
{
  int said = personality_served(p, r->group, r->version);
  if (kind_in(p, r->of) != r->of)
    return false;
  if (r->gate && !personality_gate(p, r->gate) && !personality_gate_passed(p, r->gate))
    return false;
  return said < 0 ? r->on : said > 0;
}

/* -- resources -- */

/* As the release of `p` has it or would have it, whether it is served or not. */
static const struct kind_resource *
find_row(const struct personality *p, const char *group, const char *version, const char *resource)
{
  for (size_t i = 0; i < kind_resource_count; i++) {
    const struct kind_resource *r = &kind_resources[i];
    if (strcmp(r->resource, resource) == 0 && strcmp(r->version, version) == 0 && strcmp(r->group, group) == 0)
      return row_in(p, r);
  }
  return NULL;
}

const struct kind_resource *
kind_resource_find(const struct personality *p, const char *group, const char *version, const char *resource)
{
  const struct kind_resource *r = find_row(p, group, version, resource);
  return r && kind_is_served(p, r) ? r : NULL;
}

const struct kind_resource *
kind_resource_of(const struct kind *k)
{
  for (size_t i = 0; i < kind_resource_rows; i++)
    if (kind_resources[i].of == k)
      return &kind_resources[i];
  return NULL;
}

const struct kind_resource *
kind_resource_storage(const struct personality *p, const struct kind_resource *r)
{
  const struct kind_resource *s = find_row(p, r->storage_group, r->storage_version, r->resource);
  return s ? s : r;
}

const struct kind_resource *
kind_resource_preferred(const struct personality *p, const char *group, const char *resource)
{
  const struct kind_resource *r;
  size_t cursor = 0;

  while ((r = kind_resource_next(p, &cursor)))
    if (strcmp(r->resource, resource) == 0 && strcmp(r->group, group) == 0)
      return r;
  return NULL;
}

const struct kind_resource *
kind_resource_next(const struct personality *p, size_t *cursor)
{
  while (*cursor < kind_resource_count) {
    const struct kind_resource *r = row_in(p, &kind_resources[(*cursor)++]);
    if (r && kind_is_served(p, r))
      return r;
  }
  return NULL;
}

const struct kind_subresource *
kind_subresource_find(const struct kind_resource *r, const char *name)
{
  for (size_t i = 0; i < r->n_subs; i++)
    if (strcmp(r->subs[i].name, name) == 0)
      return &r->subs[i];
  return NULL;
}

const struct kind_table *
kind_table_find(const char *group, const char *version, const char *kind)
{
  const struct kind_table *any = NULL;
  for (size_t i = 0; i < kind_table_count; i++) {
    const struct kind_table *t = &kind_tables[i];
    if (strcmp(t->kind, kind) != 0 || strcmp(t->group, group) != 0)
      continue;
    if (strcmp(t->version, version) == 0)
      return t;
    if (!*t->version)
      any = t;
  }
  return any;
}

static const struct kind *
find_exactly(const char *group, const char *version, const char *kind)
{
  for (size_t i = 0; i < kind_count; i++)
    if (strcmp(kinds[i].kind, kind) == 0 && strcmp(kinds[i].version, version) == 0 &&
        strcmp(kinds[i].group, group) == 0)
      return &kinds[i];
  return NULL;
}

const struct kind *
kind_find(const char *group, const char *version, const char *kind)
{
  const struct kind *k = find_exactly(group, version, kind);
  size_t n = strlen(kind);
  bool everywhere = (n > 7 && strcmp(kind + n - 7, "Options") == 0) || strcmp(kind, "WatchEvent") == 0;
  if (k || (!everywhere && (*group || strcmp(version, "v1") != 0)))
    return k;
  return find_exactly("meta.k8s.io", "v1", kind);
}

const struct kind *
kind_find_api_version(const char *api_version, const char *kind)
{
  char group[256];
  const char *slash = strchr(api_version, '/');
  size_t n = slash ? (size_t)(slash - api_version) : 0;
  if (n >= sizeof(group))
    return NULL;
  memcpy(group, api_version, n);
  group[n] = '\0';
  return kind_find(group, slash ? slash + 1 : api_version, kind);
}

char *
kind_api_version(struct arena *a, const struct kind *k)
{
  return *k->group ? arena_printf(a, "%s/%s", k->group, k->version) : arena_strdup(a, k->version);
}

const struct kind_type *
kind_type_find(const char *name)
{
  for (uint32_t i = 0; i < kind_type_count; i++)
    if (strcmp(kind_text(kind_types[i].name), name) == 0)
      return &kind_types[i];
  return NULL;
}

const struct kind_field *
kind_field_find(const struct kind_type *t, struct span name, uint16_t *ret_slot)
{
  const struct kind_field *end = &kind_fields[t->first + t->n];
  for (const struct kind_field *f = &kind_fields[t->first]; f < end; f++)
    if (f->name_len == name.n && name.n > 0 && !(f->flags & KIND_F_NO_JSON) &&
        memcmp(kind_field_name(f), name.p, name.n) == 0) {
      if (ret_slot)
        *ret_slot = f->slot;
      return f;
    }
  for (const struct kind_field *f = &kind_fields[t->first]; f < end; f++) {
    uint16_t slot = 0;
    const struct kind_field *in = f->flags & KIND_F_INLINE ? kind_field_find(kind_field_type(f), name, &slot) : NULL;
    if (in && ret_slot)
      *ret_slot = (uint16_t)(f->slot + slot);
    if (in)
      return in;
  }
  return NULL;
}

const struct kind_field *
kind_field_by_number(const struct kind_type *t, uint32_t number)
{
  for (uint32_t i = t->first; i < t->first + t->n; i++) {
    const struct kind_field *f = &kind_fields[kind_by_number[i]];
    if (f->number == number)
      return number ? f : NULL;
    if (f->number == 0)
      break;
  }
  return NULL;
}

const struct kind_field *
kind_field_at(const struct kind_type *t, const char *path)
{
  const struct kind_field *f = NULL;
  for (struct span rest = span_of(path); rest.p && t;) {
    f = kind_field_find(t, span_cut(rest, '.', &rest), NULL);
    if (!f)
      return NULL;
    t = kind_field_type(f);
    if (!t && rest.p)
      return NULL;
  }
  return f;
}

const char *
kind_field_merge_key(const struct kind_field *f)
{
  uint32_t key = kind_field_more(f)->merge_key;
  return key ? kind_text(key) : NULL;
}

bool
kind_field_list_key(const struct kind_field *f, const char **cursor, struct span *ret)
{
  const struct kind_more *more = kind_field_more(f);
  const char *at = *cursor ? *cursor : kind_text(f->list_type == KIND_LIST_MAP ? more->list_keys : more->merge_key);
  if (!*at)
    return false;
  *ret = span_make(at, strcspn(at, ","));
  *cursor = at + ret->n + (at[ret->n] == ',');
  return true;
}

static void
named_go(uint16_t index, struct strbuf *out)
{
  const struct kind_named *n = &kind_named[index];
  strbuf_printf(out, "%s.%s", kind_text(n->go_pkg), kind_text(n->name) + n->go);
}

const char *
kind_base_go(enum kind_base base)
{
  static const char *const names[] = {
    [KIND_STRING] = "string",
    [KIND_BOOL] = "bool",
    [KIND_INT32] = "int32",
    [KIND_INT64] = "int64",
    [KIND_FLOAT64] = "float64",
    [KIND_BYTES] = "[]uint8",
    [KIND_TIME] = "v1.Time",
    [KIND_MICROTIME] = "v1.MicroTime",
    [KIND_QUANTITY] = "resource.Quantity",
    [KIND_INT_OR_STRING] = "intstr.IntOrString",
    [KIND_RAW] = "runtime.RawExtension",
    [KIND_FIELDS_V1] = "v1.FieldsV1",
    [KIND_JSON] = "v1.JSON",
    [KIND_ANY] = "interface {}",
    [KIND_STRING_LIST] = "[]string",
    [KIND_SCHEMA_OR_BOOL] = "v1.JSONSchemaPropsOrBool",
    [KIND_SCHEMA_OR_ARRAY] = "v1.JSONSchemaPropsOrArray",
    [KIND_SCHEMA_OR_STRINGS] = "v1.JSONSchemaPropsOrStringArray",
  };
  return base < ARRAY_SIZE(names) && names[base] ? names[base] : "";
}

void
kind_field_go_element(const struct kind_field *f, struct strbuf *out)
{
  if (f->named && (!kind_named[f->named].alias || f->base == KIND_STRING_LIST))
    named_go(f->named, out);
  else if (f->base == KIND_STRUCT)
    strbuf_printf(out, "%s.%s", kind_text(kind_types[f->type].go_pkg), kind_type_go(&kind_types[f->type]));
  else
    strbuf_puts(out, kind_base_go((enum kind_base)f->base));
}

void
kind_field_go_type(const struct kind_field *f, struct strbuf *out)
{
  if (f->named && kind_named[f->named].alias && f->base != KIND_STRING_LIST) {
    named_go(f->named, out);
    return;
  }
  if (f->shape == KIND_LIST)
    strbuf_puts(out, "[]");
  if (f->shape == KIND_MAP) {
    strbuf_puts(out, "map[");
    if (f->key_named)
      named_go(f->key_named, out);
    else
      strbuf_puts(out, "string");
    strbuf_puts(out, "]");
  }
  kind_field_go_element(f, out);
}
