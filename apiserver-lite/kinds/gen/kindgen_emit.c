/* Writing: resolve every reference, lay the fields out, print the arrays. */
#include <stdlib.h>
#include <string.h>

#include "kind.h"
#include "kindgen.h"
#include "mem.h"

/* -- the pool of texts: each once, offset 0 is "" -- */

enum { POOL_BUCKETS = 1 << 14, POOL_MAX = 1 << 20 };

static struct {
  char text[POOL_MAX];
  uint32_t n;
  uint32_t buckets[POOL_BUCKETS]; /* offset, 0: free */
} pool = { .n = 1 };

static uint32_t
pooled(const char *s)
{
  if (!s || !*s)
    return 0;
  uint32_t h = 2166136261U;
  for (const char *p = s; *p; p++)
    h = (h ^ (unsigned char)*p) * 16777619U;
  for (uint32_t i = h % POOL_BUCKETS;; i = (i + 1) % POOL_BUCKETS) {
    if (!pool.buckets[i]) {
      size_t n = strlen(s) + 1;
      if (pool.n + n > POOL_MAX)
        complain(&(struct place){ 0 }, "the texts pass %d bytes", POOL_MAX);
      memcpy(pool.text + pool.n, s, n);
      pool.buckets[i] = pool.n;
      pool.n += (uint32_t)n;
    }
    if (strcmp(pool.text + pool.buckets[i], s) == 0)
      return pool.buckets[i];
  }
}

static void
emit_pool(FILE *out)
{
  fputs("const char kind_pool[] =", out);
  for (uint32_t i = 0; i < pool.n; i++) {
    char c = pool.text[i];
    if (i == 0 || pool.text[i - 1] == '\0')
      fputs("\n  \"", out);
    if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else if (c == '\n')
      fputs("\\n", out);
    else if (c)
      fputc(c, out);
    else
      fputs("\\0\"", out);
  }
  fputs(";\n\n", out);
}

/* "k8s.io/api/core/v1" → "io.k8s.api.core.v1" */
static const char *
definition_prefix(const char *package)
{
  const char *slash = strchr(package, '/');
  char *host = mem_strndup(package, (size_t)(slash - package)), *out = mem_strdup("");
  for (char *dot; (dot = strrchr(host, '.'));) {
    char *longer = mem_printf("%s%s.", out, dot + 1);
    free(out);
    out = longer;
    *dot = '\0';
  }
  char *all = mem_printf("%s%s%s", out, host, slash);
  for (char *p = all; *p; p++)
    if (*p == '/')
      *p = '.';
  free(out);
  free(host);
  return all;
}

static const char *
last_part(const char *package)
{
  return strrchr(package, '/') + 1;
}

/* -- fields -- */

static const struct {
  const char *name;
  enum kind_base base;
} builtin[] = {
  { "string", KIND_STRING },
  { "bool", KIND_BOOL },
  { "int32", KIND_INT32 },
  { "int64", KIND_INT64 },
  { "float64", KIND_FLOAT64 },
  { "bytes", KIND_BYTES },
  { "Time", KIND_TIME },
  { "MicroTime", KIND_MICROTIME },
  { "Quantity", KIND_QUANTITY },
  { "IntOrString", KIND_INT_OR_STRING },
  { "RawExtension", KIND_RAW },
  { "FieldsV1", KIND_FIELDS_V1 },
  { "JSON", KIND_JSON },
  { "any", KIND_ANY },
  { "SchemaOrBool", KIND_SCHEMA_OR_BOOL },
  { "SchemaOrArray", KIND_SCHEMA_OR_ARRAY },
  { "SchemaOrStrings", KIND_SCHEMA_OR_STRINGS },
};

bool
is_builtin(const char *name)
{
  for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
    if (strcmp(builtin[i].name, name) == 0)
      return true;
  return false;
}

static struct kind_more mores[4096];
static uint16_t n_mores = 1;

static uint16_t
more_of(const struct field *f)
{
  struct kind_more more = {
    .dflt = pooled(f->dflt),
    .fill = pooled(f->fill),
    .list_keys = pooled(f->list_keys),
    .merge_key = pooled(f->merge_key),
    .gates = pooled(f->gates),
    .unions = pooled(f->unions),
    .rules = pooled(f->rules),
    .since = (uint8_t)f->since,
    .until = (uint8_t)f->until,
  };
  for (uint16_t i = 0; i < n_mores; i++)
    if (memcmp(&mores[i], &more, sizeof(more)) == 0)
      return i;
  if (n_mores == ARRAY_SIZE(mores))
    complain(&f->where, "too many different fields");
  mores[n_mores] = more;
  return n_mores++;
}

/* Set base, shape, named and type of `out` from what `name` means; an alias gives its own shape. */
static void
resolve(const struct model *m, const char *package, const char *name, const struct place *where, struct kind_field *out)
{
  for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
    if (strcmp(builtin[i].name, name) == 0) {
      out->base = (uint8_t)builtin[i].base;
      return;
    }
  size_t t = model_type(m, package, name);
  if (t != SIZE_MAX) {
    out->base = KIND_STRUCT;
    out->type = (uint16_t)t;
    return;
  }
  size_t i = model_named(m, package, name);
  if (i == SIZE_MAX)
    complain(where, "nothing is called %s", name);
  const struct named *n = &m->named.at[i];
  if (!n->alias) {
    out->base = KIND_STRING;
  } else if (n->message) {
    out->base = KIND_STRING_LIST;
  } else {
    const char *of = n->alias_of;
    out->shape = of[0] == '[' ? KIND_LIST : KIND_MAP;
    resolve(m, n->package, strchr(of, ']') + 1, where, out);
    if (out->shape == KIND_MAP) {
      char *key = mem_strndup(of + 4, (size_t)(strchr(of, ']') - of - 4));
      size_t k = model_named(m, n->package, key);
      out->key_named = k == SIZE_MAX ? 0 : (uint16_t)(k + 1);
    }
  }
  out->named = (uint16_t)(i + 1);
}

static struct kind_field
compile_field(const struct model *m, const struct type *t, const struct field *f)
{
  struct kind_field out = { .name = pooled(f->name),
                            .go = pooled(f->go),
                            .number = (uint16_t)f->number,
                            .name_len = (uint8_t)strlen(f->name),
                            .shape = (uint8_t)f->shape };
  if (strlen(f->name) > UINT8_MAX || f->number > UINT16_MAX)
    complain(&f->where, "the name or the number is too long");
  resolve(m, t->package, f->type, &f->where, &out);
  if (f->key && strcmp(f->key, "string") != 0) {
    size_t k = model_named(m, t->package, f->key);
    if (k == SIZE_MAX)
      complain(&f->where, "nothing is called %s", f->key);
    out.key_named = (uint16_t)(k + 1);
  }
  out.list_type = (uint8_t)f->list_type;
  bool unions = f->unions || (f->rules && strstr(f->rules, "unionMember"));
  bool required = f->required || (f->bang && !f->optional);
  out.flags = (uint16_t)(f->flags | (f->pointer ? KIND_F_POINTER : 0) | (f->inlined ? KIND_F_INLINE : 0) |
                         (f->no_json ? KIND_F_NO_JSON : 0) | (required ? KIND_F_REQUIRED : 0) |
                         (!f->bang && !f->inlined ? KIND_F_OMITEMPTY : 0) | (unions ? KIND_F_UNION : 0));
  out.more = more_of(f);
  return out;
}

/* JSON members of a type, inlined structs flattened. */
static unsigned
count_slots(const struct model *m, const struct type *t)
{
  unsigned n = t->flags & KIND_T_OBJECT ? 2 : 0;
  if (t->flags & KIND_T_LIST)
    return n + 2;
  for (size_t i = 0; i < t->fields.n; i++) {
    const struct field *f = &t->fields.at[i];
    size_t in = f->inlined ? model_type(m, t->package, f->type) : SIZE_MAX;
    n += in == SIZE_MAX ? 1 : count_slots(m, &m->types.at[in]);
  }
  return n;
}

static struct kind_field *fields;
static size_t n_fields, cap_fields;

static void
push_field(const struct model *m, const struct type *t, const struct field *f, uint16_t *slot)
{
  struct kind_field out = compile_field(m, t, f);
  out.slot = *slot;
  *slot = (uint16_t)(*slot + (f->inlined ? count_slots(m, &m->types.at[out.type]) : 1));
  *(struct kind_field *)array_push((void **)&fields, &n_fields, &cap_fields, sizeof(*fields)) = out;
}

static void
lay_out(const struct model *m, struct type *t)
{
  uint16_t slot = 0;
  t->first = (unsigned)n_fields;
  t->slots = count_slots(m, t);
  if (t->flags & KIND_T_OBJECT) {
    push_field(m, t, &(struct field){ .name = "kind", .go = "Kind", .type = "string", .where = t->where }, &slot);
    push_field(m, t, &(struct field){ .name = "apiVersion", .go = "APIVersion", .type = "string", .where = t->where },
               &slot);
  }
  if (t->flags & KIND_T_LIST) {
    struct field metadata = {
      .name = "metadata", .go = "ListMeta", .type = "meta/v1.ListMeta", .number = 1, .where = t->where
    };
    struct field items = { .name = "items",
                           .go = "Items",
                           .type = t->list_item,
                           .number = 2,
                           .shape = KIND_LIST,
                           .bang = true,
                           .optional = t->items_optional,
                           .where = t->where };
    push_field(m, t, &metadata, &slot);
    push_field(m, t, &items, &slot);
  }
  for (size_t i = 0; i < t->fields.n; i++)
    push_field(m, t, &t->fields.at[i], &slot);
  for (size_t i = t->first; i < n_fields; i++)
    for (size_t k = t->first; k < i; k++)
      if (fields[i].number && fields[i].number == fields[k].number)
        complain(&t->where, "number %u stands twice in %s", fields[i].number, t->go);
}

/* Flags that say something of all that a type holds. */
#define BELOW_FLAGS (uint32_t)(KIND_T_DEFAULTS | KIND_T_GATED | KIND_T_EMPTIES)

/* What a type holds itself of them. */
static uint32_t
own_flags(const struct model *m, const struct type *t, const struct kind_field *f)
{
  const struct kind_more *more = &mores[f->more];
  uint32_t flags = t->flags & KIND_T_CODE ? KIND_T_DEFAULTS : 0;
  bool resource_list = f->named && strcmp(m->named.at[f->named - 1].go, "ResourceList") == 0; /* rounded to milli */
  if (more->dflt || more->fill || resource_list)
    flags |= KIND_T_DEFAULTS;
  if (more->gates)
    flags |= KIND_T_GATED;
  if (f->shape != KIND_ONE && (!(f->flags & KIND_F_OMITEMPTY) || (f->flags & KIND_F_UNION)))
    flags |= KIND_T_EMPTIES;
  return flags;
}

/* Types hand their flags to those that hold them, until nothing changes. */
static void
spread_flags(struct model *m)
{
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < m->types.n; i++) {
      struct type *t = &m->types.at[i];
      size_t end = i + 1 < m->types.n ? m->types.at[i + 1].first : n_fields;
      for (size_t k = t->first; k < end; k++) {
        uint32_t below = fields[k].base == KIND_STRUCT ? m->types.at[fields[k].type].flags & BELOW_FLAGS : 0;
        uint32_t all = t->flags | own_flags(m, t, &fields[k]) | below;
        changed |= all != t->flags;
        t->flags = all;
      }
    }
  }
}

static void
emit_fields(FILE *out)
{
  fputs("const struct kind_field kind_fields[] = {\n", out);
  for (size_t i = 0; i < n_fields; i++) {
    const struct kind_field *f = &fields[i];
    fprintf(out, "  { %u, %u, %u, %u, %u, %u, %u, %u, %u, %u, %u, %u, %u },\n", f->name, f->go, f->number, f->type,
            f->named, f->key_named, f->slot, f->more, f->flags, f->base, f->shape, f->list_type, f->name_len);
  }
  fputs("};\n\n", out);
}

static int
by_number(const void *pa, const void *pb)
{
  unsigned a = fields[*(const uint16_t *)pa].number, b = fields[*(const uint16_t *)pb].number;
  if (!a || !b)
    return a ? -1 : b ? 1 : 0;
  return a < b ? -1 : a > b;
}

static void
emit_numbers(const struct model *m, FILE *out)
{
  uint16_t *order = mem_calloc(n_fields, sizeof(*order));
  for (size_t i = 0; i < n_fields; i++)
    order[i] = (uint16_t)i;
  for (size_t i = 0; i < m->types.n; i++) {
    size_t end = i + 1 < m->types.n ? m->types.at[i + 1].first : n_fields;
    qsort(order + m->types.at[i].first, end - m->types.at[i].first, sizeof(*order), by_number);
  }
  fputs("const uint16_t kind_by_number[] = {", out);
  for (size_t i = 0; i < n_fields; i++)
    fprintf(out, "%s%u,", i % 16 ? " " : "\n  ", order[i]);
  fputs("\n};\n\n", out);
  free(order);
}

static void
emit_mores(FILE *out)
{
  fputs("const struct kind_more kind_mores[] = {\n", out);
  for (uint16_t i = 0; i < n_mores; i++) {
    const struct kind_more *x = &mores[i];
    fprintf(out, "  { %u, %u, %u, %u, %u, %u, %u, %u, %u },\n", x->dflt, x->fill, x->list_keys, x->merge_key, x->gates,
            x->unions, x->rules, x->since, x->until);
  }
  fputs("};\n\n", out);
}

static void
emit_types(const struct model *m, FILE *out)
{
  fputs("const struct kind_type kind_types[] = {\n", out);
  for (size_t i = 0; i < m->types.n; i++) {
    const struct type *t = &m->types.at[i];
    size_t end = i + 1 < m->types.n ? m->types.at[i + 1].first : n_fields;
    const char *prefix = definition_prefix(t->package);
    fprintf(out, "  { %u, %u, %u, %zu, %u, %u, %zu },\n", pooled(mem_printf("%s.%s", prefix, t->go)),
            pooled(last_part(t->package)), t->first, end - t->first, t->slots, t->flags, strlen(prefix) + 1);
  }
  size_t schema = model_type(m, "", "apiextensions/v1.JSONSchemaProps");
  if (schema == SIZE_MAX)
    complain(&(struct place){ 0 }, "there is no apiextensions/v1.JSONSchemaProps");
  fprintf(out, "};\nconst uint32_t kind_type_count = %zu;\nconst uint16_t kind_schema_type = %zu;\n\n", m->types.n,
          schema);
}

static void
emit_named(const struct model *m, FILE *out)
{
  uint32_t n_values = 0;
  fputs("const struct kind_named kind_named[] = {\n  { 0 },\n", out);
  for (size_t i = 0; i < m->named.n; i++) {
    const struct named *n = &m->named.at[i];
    const char *prefix = definition_prefix(n->package);
    fprintf(out, "  { %u, %u, %u, %u, %zu, %zu, %d, %d },\n", pooled(mem_printf("%s.%s", prefix, n->go)),
            pooled(last_part(n->package)), n_values, pooled(n->rules), n->values.n, strlen(prefix) + 1, n->closed,
            n->alias);
    n_values += (uint32_t)n->values.n;
  }
  fputs("};\n\nconst uint32_t kind_values[] = {", out);
  for (size_t i = 0, at = 0; i < m->named.n; i++)
    for (size_t k = 0; k < m->named.at[i].values.n; k++, at++)
      fprintf(out, "%s%u,", at % 16 ? " " : "\n  ", pooled(m->named.at[i].values.at[k]));
  fputs("\n};\n\n", out);
}

/* -- kinds and resources -- */

static size_t
find_kind(const struct model *m, const char *group, const char *version, const char *kind)
{
  for (size_t i = 0; i < m->kinds.n; i++)
    if (!strcmp(m->kinds.at[i].group, group) && !strcmp(m->kinds.at[i].version, version) &&
        !strcmp(m->kinds.at[i].kind, kind))
      return i;
  return SIZE_MAX;
}

static void
emit_kinds(const struct model *m, FILE *out)
{
  fputs("const struct kind kinds[] = {\n", out);
  for (size_t i = 0; i < m->kinds.n; i++) {
    const struct kind_decl *k = &m->kinds.at[i];
    size_t t = model_type(m, k->package, k->kind);
    if (t == SIZE_MAX)
      complain(&k->where, "kind %s has no type", k->kind);
    if (find_kind(m, k->group, k->version, k->kind) != i)
      complain(&k->where, "kind %s stands twice", k->kind);
    size_t list = k->is_list ? SIZE_MAX : find_kind(m, k->group, k->version, mem_printf("%sList", k->kind));
    char of[32] = "NULL";
    if (list != SIZE_MAX)
      (void)snprintf(of, sizeof(of), "&kinds[%zu]", list);
    fprintf(out, "  { \"%s\", \"%s\", \"%s\", &kind_types[%zu], %s, %u, %u, %u },\n", k->group, k->version, k->kind, t,
            of, k->since, k->deprecated, k->removed);
  }
  fprintf(out, "};\nconst size_t kind_count = %zu;\n\n", m->kinds.n);
}

static void
emit_names(FILE *out, const char *prefix, size_t i, const char *const *names, size_t n)
{
  if (!n)
    return;
  fprintf(out, "static const char *const %s_%zu[] = { ", prefix, i);
  for (size_t k = 0; k < n; k++)
    fprintf(out, "\"%s\", ", names[k]);
  fputs("NULL };\n", out);
}

static void
emit_resource_parts(const struct model *m, size_t i, FILE *out)
{
  const struct resource *r = &m->resources.at[i];
  emit_names(out, "short_names", i, r->short_names.at, r->short_names.n);
  emit_names(out, "categories", i, r->categories.at, r->categories.n);
  if (!r->subs.n)
    return;
  fprintf(out, "static const struct kind_subresource subs_%zu[] = {\n", i);
  for (size_t k = 0; k < r->subs.n; k++) {
    const struct sub *s = &r->subs.at[k];
    const char *group = s->group ? s->group : r->group;
    fprintf(out, "  { \"%s\", \"%s\", \"%s\", \"%s\", %u },\n", s->name, group, s->version ? s->version : "", s->kind,
            s->verbs);
  }
  fputs("};\n", out);
}

static void
emit_columns(const struct model *m, FILE *out)
{
  for (size_t i = 0; i < m->tables.n; i++) {
    const struct table *t = &m->tables.at[i];
    fprintf(out, "static const struct kind_column columns_%zu[] = {\n", i);
    for (size_t k = 0; k < t->columns.n; k++) {
      const struct column *c = &t->columns.at[k];
      fprintf(out, "  { \"%s\", \"%s\", \"%s\", %d },\n", c->name, c->type, c->format, c->priority);
    }
    fputs("};\n", out);
  }
  fputs("const struct kind_table kind_tables[] = {\n", out);
  for (size_t i = 0; i < m->tables.n; i++)
    fprintf(out, "  { \"%s\", \"%s\", columns_%zu, %zu },\n", m->tables.at[i].group, m->tables.at[i].kind, i,
            m->tables.at[i].columns.n);
  fprintf(out, "};\nconst size_t kind_table_count = %zu;\n\n", m->tables.n);
}

static bool
has_sub(const struct resource *r, const char *name)
{
  for (size_t i = 0; i < r->subs.n; i++)
    if (strcmp(r->subs.at[i].name, name) == 0)
      return true;
  return false;
}

static void
emit_resource(const struct model *m, size_t i, const struct group_version *gv, FILE *out)
{
  const struct resource *r = &m->resources.at[i];
  size_t k = find_kind(m, r->group, gv->version, r->kind);
  if (k == SIZE_MAX)
    complain(&r->where, "there is no kind %s in %s/%s", r->kind, r->group, gv->version);
  uint32_t flags = r->flags | (has_sub(r, "status") ? KIND_RES_STATUS : 0) | (has_sub(r, "scale") ? KIND_RES_SCALE : 0);
  if (r->except_version && strcmp(r->except_version, gv->version) == 0)
    flags &= ~r->except_flags;
  fprintf(out, "  { \"%s\", \"%s\", \"%s\", \"%s\", \"%s\", ", r->group, gv->version, r->name, r->singular, r->kind);
  fprintf(out, r->short_names.n ? "short_names_%zu, " : "no_names, ", i);
  fprintf(out, r->categories.n ? "categories_%zu, " : "no_names, ", i);
  fprintf(out, "&kinds[%zu], %s, \"%s\", %u, ", k, r->namespaced ? "true" : "false",
          r->storage_version ? r->storage_version : "", flags);
  fprintf(out, "\"%s\", \"%s\", \"%s\", ",
          r->storage_group ? (strcmp(r->storage_group, "core") ? r->storage_group : "") : r->group,
          r->prefix ? r->prefix : r->name, r->selectors ? r->selectors : "metadata.name metadata.namespace");
  fprintf(out, r->subs.n ? "subs_%zu, " : "NULL, ", i);
  fprintf(out, "%zu, %u, %s },\n", r->subs.n, r->verbs ? r->verbs : 0xff, gv->on ? "true" : "false");
}

static int
resource_order(const void *a, const void *b)
{
  return strcmp(((const struct resource *)a)->name, ((const struct resource *)b)->name);
}

static bool
in_version(const struct resource *r, const struct group_version *gv)
{
  for (size_t i = 0; i < r->versions.n; i++)
    if (strcmp(r->group, gv->group) == 0 && strcmp(r->versions.at[i], gv->version) == 0)
      return true;
  return false;
}

static void
emit_resources(struct model *m, FILE *out)
{
  size_t n = 0;
  qsort(m->resources.at, m->resources.n, sizeof(*m->resources.at), resource_order);
  for (size_t i = 0; i < m->resources.n; i++)
    emit_resource_parts(m, i, out);
  fputs("static const char *const no_names[] = { NULL };\nconst struct kind_resource kind_resources[] = {\n", out);
  for (size_t g = 0; g < m->group_versions.n; g++)
    for (size_t i = 0; i < m->resources.n; i++)
      if (in_version(&m->resources.at[i], &m->group_versions.at[g])) {
        emit_resource(m, i, &m->group_versions.at[g], out);
        n++;
      }
  fprintf(out, "};\nconst size_t kind_resource_count = %zu;\n\n", n);
}

void
model_emit(struct model *m, FILE *out)
{
  if (m->types.n > UINT16_MAX || m->named.n >= UINT16_MAX)
    complain(&(struct place){ 0 }, "too many types");
  for (size_t i = 0; i < m->types.n; i++)
    lay_out(m, &m->types.at[i]);
  if (n_fields > UINT16_MAX)
    complain(&(struct place){ 0 }, "too many fields");
  spread_flags(m);
  fputs("/* Made by kindgen from the data files. */\n#include \"kind.h\"\n#include \"kind_type.h\"\n\n", out);
  emit_fields(out);
  emit_numbers(m, out);
  emit_mores(out);
  emit_types(m, out);
  emit_named(m, out);
  emit_kinds(m, out);
  emit_columns(m, out);
  emit_resources(m, out);
  emit_pool(out);
}
