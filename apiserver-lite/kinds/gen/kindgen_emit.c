/* Writing: the arrays, as C. */
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

uint32_t
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
  for (size_t i = 0; i < m->layouts.n; i++)
    qsort(order + m->layouts.at[i].first, layout_end(m, i) - m->layouts.at[i].first, sizeof(*order), by_number);
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
    fprintf(out, "  { %u, %u, %u, %u, %u, %u, %u },\n", x->dflt, x->fill, x->list_keys, x->merge_key, x->gates,
            x->unions, x->rules);
  }
  fputs("};\n\n", out);
}

static void
emit_types(const struct model *m, FILE *out)
{
  fputs("const struct kind_type kind_types[] = {\n", out);
  for (size_t i = 0; i < m->layouts.n; i++) {
    const struct layout *l = &m->layouts.at[i];
    const struct type *t = &m->types.at[l->type];
    const char *prefix = definition_prefix(t->package);
    fprintf(out, "  { %u, %u, %u, %zu, %u, %u, %zu },\n", pooled(mem_printf("%s.%s", prefix, t->go)),
            pooled(last_part(t->package)), l->first, layout_end(m, i) - l->first, l->slots, l->flags,
            strlen(prefix) + 1);
  }
  size_t schema = model_type(m, "", "apiextensions/v1.JSONSchemaProps");
  if (schema == SIZE_MAX)
    complain(&(struct place){ 0 }, "there is no apiextensions/v1.JSONSchemaProps");
  fprintf(out, "};\nconst uint32_t kind_type_count = %zu;\nconst uint16_t kind_schema_type = %zu;\n\n", m->layouts.n,
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

/* "&kinds[3]", or NULL. */
static const char *
row_ref(const char *array, size_t row)
{
  return row == SIZE_MAX ? "NULL" : mem_printf("&%s[%zu]", array, row);
}

/* The row of a kind in one release. */
static size_t
row_in(const struct model *m, size_t decl, unsigned release)
{
  for (size_t row = decl; decl != SIZE_MAX; row = m->rows.at[row].before) {
    if (m->rows.at[row].first <= release)
      return row;
    if (!m->rows.at[row].before)
      break;
  }
  return SIZE_MAX;
}

/* "group/version Kind", as warnings have it. */
static char *
replacement_text(const struct kind_decl *k)
{
  const char *colon = strchr(k->replacement, ':');
  if (colon)
    return mem_printf("%.*s %s", (int)(colon - k->replacement), k->replacement, colon + 1);
  return mem_printf("%s/%s %s", k->group, k->replacement, k->kind);
}

static void
emit_kinds(const struct model *m, FILE *out)
{
  fputs("const struct kind kinds[] = {\n", out);
  for (size_t i = 0; i < m->rows.n; i++) {
    const struct kind_row *row = &m->rows.at[i];
    const struct kind_decl *k = &m->kinds.at[row->decl];
    if (find_kind(m, k->group, k->version, k->kind) != row->decl)
      complain(&k->where, "kind %s stands twice", k->kind);
    size_t list = k->is_list ? SIZE_MAX : find_kind(m, k->group, k->version, mem_printf("%sList", k->kind));
    fprintf(out, "  { \"%s\", \"%s\", \"%s\", &kind_types[%zu], %s, %s, %u, %u, %u, %u, %u, NULL },\n", k->group,
            k->version, k->kind, row->layout, row_ref("kinds", row_in(m, list, row->last)),
            row_ref("kinds", row->before ? row->before : SIZE_MAX), row->first, k->since, k->deprecated, k->removed,
            k->replacement ? pooled(replacement_text(k)) : 0);
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
}

/* The subresources of one row: those that its releases have. */
static size_t
emit_subs(const struct model *m, size_t resource, size_t kind_row, size_t row, FILE *out)
{
  const struct resource *r = &m->resources.at[resource];
  const struct kind_row *run = &m->rows.at[kind_row];
  size_t n = 0;
  for (size_t k = 0; k < r->subs.n; k++) {
    const struct sub *s = &r->subs.at[k];
    if (s->since > run->last)
      continue;
    if (s->since > run->first)
      complain(&r->where, "%s/%s comes while the kind is as it was", r->name, s->name);
    if (n++ == 0)
      fprintf(out, "static const struct kind_subresource subs_%zu[] = {\n", row);
    fprintf(out, "  { \"%s\", \"%s\", \"%s\", \"%s\", %u },\n", s->name, s->group ? s->group : r->group,
            s->version ? s->version : "", s->kind, s->verbs);
  }
  if (n)
    fputs("};\n", out);
  return n;
}

/* What a column shows: its own text, or the one it names. */
static const char *
column_doc(const struct model *m, const struct column *c)
{
  if (!c->doc_name)
    return c->doc ? c->doc : "";
  for (size_t i = 0; i < m->descriptions.n; i++)
    if (strcmp(m->descriptions.at[i].name, c->doc_name) == 0)
      return m->descriptions.at[i].text;
  complain(&c->where, "no description '%s'", c->doc_name);
}

/* A C string; \n in the text stays what it is. */
static void
emit_prose(const char *text, FILE *out)
{
  (void)fputc('"', out);
  for (; *text; text++) {
    if (*text == '"')
      (void)fputc('\\', out);
    (void)fputc(*text, out);
  }
  (void)fputc('"', out);
}

static void
emit_columns(const struct model *m, FILE *out)
{
  for (size_t i = 0; i < m->tables.n; i++) {
    const struct table *t = &m->tables.at[i];
    fprintf(out, "static const struct kind_column columns_%zu[] = {\n", i);
    for (size_t k = 0; k < t->columns.n; k++) {
      const struct column *c = &t->columns.at[k];
      fprintf(out, "  { \"%s\", \"%s\", \"%s\", ", c->name, c->type, c->format);
      emit_prose(column_doc(m, c), out);
      fprintf(out, ", %d },\n", c->priority);
    }
    fputs("};\n", out);
  }
  fputs("const struct kind_table kind_tables[] = {\n", out);
  for (size_t i = 0; i < m->tables.n; i++)
    fprintf(out, "  { \"%s\", \"%s\", \"%s\", columns_%zu, %zu },\n", m->tables.at[i].group, m->tables.at[i].version,
            m->tables.at[i].kind, i, m->tables.at[i].columns.n);
  fprintf(out, "};\nconst size_t kind_table_count = %zu;\n\n", m->tables.n);
}

static bool
has_sub(const struct resource *r, const char *name, unsigned release)
{
  for (size_t i = 0; i < r->subs.n; i++)
    if (strcmp(r->subs.at[i].name, name) == 0 && r->subs.at[i].since <= release)
      return true;
  return false;
}

/* One row of kind_resources: a resource in a version and a run of its kind. */
struct resource_row {
  size_t resource, group_version, kind_row, before, n_subs;
};

static void
emit_resource(const struct model *m, const struct resource_row *row, size_t at, FILE *out)
{
  size_t i = row->resource;
  const struct resource *r = &m->resources.at[i];
  const struct group_version *gv = &m->group_versions.at[row->group_version];
  unsigned release = m->rows.at[row->kind_row].last;
  uint32_t flags = r->flags | (has_sub(r, "status", release) ? KIND_RES_STATUS : 0) |
                   (has_sub(r, "scale", release) ? KIND_RES_SCALE : 0);
  if (r->except_version && strcmp(r->except_version, gv->version) == 0)
    flags &= ~r->except_flags;
  fprintf(out, "  { \"%s\", \"%s\", \"%s\", \"%s\", \"%s\", ", r->group, gv->version, r->name, r->singular, r->kind);
  fprintf(out, r->short_names.n ? "short_names_%zu, " : "no_names, ", i);
  fprintf(out, r->categories.n ? "categories_%zu, " : "no_names, ", i);
  fprintf(out, "&kinds[%zu], %s, %s, \"%s\", %u, ", row->kind_row, row_ref("kind_resources", row->before),
          r->namespaced ? "true" : "false", r->storage_version ? r->storage_version : "", flags);
  fprintf(out, "\"%s\", \"%s\", \"%s\", ",
          r->storage_group ? (strcmp(r->storage_group, "core") ? r->storage_group : "") : r->group,
          r->prefix ? r->prefix : r->name, r->selectors ? r->selectors : "metadata.name metadata.namespace");
  fprintf(out, row->n_subs ? "subs_%zu, " : "NULL, ", at);
  fprintf(out, "%zu, %u, %s, ", row->n_subs, r->verbs ? r->verbs : 0xff,
          !gv->off || release < gv->off ? "true" : "false");
  if (r->gate)
    fprintf(out, "\"%s\" },\n", r->gate);
  else
    fputs("NULL },\n", out);
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

/* The rows of the last runs first, in the order of discovery; those of earlier runs behind them. */
static size_t
list_resources(struct model *m, struct resource_row **ret)
{
  ARRAY(struct resource_row) rows = { 0 };
  for (size_t g = 0; g < m->group_versions.n; g++)
    for (size_t i = 0; i < m->resources.n; i++) {
      const struct resource *r = &m->resources.at[i];
      const struct group_version *gv = &m->group_versions.at[g];
      if (!in_version(r, gv))
        continue;
      size_t k = find_kind(m, r->group, gv->version, r->kind);
      if (k == SIZE_MAX)
        complain(&r->where, "there is no kind %s in %s/%s", r->kind, r->group, gv->version);
      *ARRAY_PUSH(&rows) = (struct resource_row){ i, g, k, SIZE_MAX, 0 };
    }
  size_t n = rows.n;
  for (size_t i = 0; i < rows.n; i++) {
    size_t before = m->rows.at[rows.at[i].kind_row].before;
    if (!before)
      continue;
    struct resource_row row = { rows.at[i].resource, rows.at[i].group_version, before, SIZE_MAX, 0 };
    rows.at[i].before = rows.n;
    *ARRAY_PUSH(&rows) = row;
  }
  m->n_resource_rows = rows.n;
  *ret = rows.at;
  return n;
}

static void
emit_resources(struct model *m, FILE *out)
{
  qsort(m->resources.at, m->resources.n, sizeof(*m->resources.at), resource_order);
  for (size_t i = 0; i < m->resources.n; i++)
    emit_resource_parts(m, i, out);
  struct resource_row *rows = NULL;
  size_t n = list_resources(m, &rows);
  for (size_t i = 0; i < m->n_resource_rows; i++)
    rows[i].n_subs = emit_subs(m, rows[i].resource, rows[i].kind_row, i, out);
  fputs("static const char *const no_names[] = { NULL };\nconst struct kind_resource kind_resources[] = {\n", out);
  for (size_t i = 0; i < m->n_resource_rows; i++)
    emit_resource(m, &rows[i], i, out);
  fprintf(out, "};\nconst size_t kind_resource_count = %zu, kind_resource_rows = %zu;\n\n", n, m->n_resource_rows);
}

void
model_emit(struct model *m, FILE *out)
{
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
