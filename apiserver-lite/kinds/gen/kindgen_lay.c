/*
 * Laying out: every reference resolved, every type as each release has it.
 *
 * A type differs between two releases when one of its fields came or went, or when a type in one of its fields differs.
 * The releases between two changes are a run; each run that a kind needs is laid out once.
 */
#include <stdlib.h>
#include <string.h>

#include "gates.h"
#include "kind.h"
#include "kindgen.h"
#include "mem.h"

enum { FIRST = PERSONALITY_MINOR_MIN, LAST = PERSONALITY_MINOR_MAX };

/* -- releases -- */

bool
field_in(const struct field *f, unsigned release)
{
  return f->since <= release && (!f->until || f->until >= release);
}

static uint32_t
bit_of(unsigned release)
{
  return UINT32_C(1) << (release - FIRST);
}

/* The releases in which the field comes, or has just gone. */
static uint32_t
own_changes(const struct field *f)
{
  uint32_t changes = f->since > FIRST ? bit_of(f->since) : 0;
  return changes | (f->until && f->until < LAST ? bit_of(f->until + 1) : 0);
}

static uint32_t
changes_below(const struct model *m, const char *package, const char *name)
{
  size_t t = model_type(m, package, name), n = t == SIZE_MAX ? model_named(m, package, name) : SIZE_MAX;
  if (t != SIZE_MAX)
    return m->types.at[t].changes;
  if (n == SIZE_MAX || !m->named.at[n].alias)
    return 0;
  return changes_below(m, m->named.at[n].package, strchr(m->named.at[n].alias_of, ']') + 1);
}

/* Types hand their changes to those that hold them, until nothing is new. */
static void
note_changes(struct model *m)
{
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < m->types.n; i++) {
      struct type *t = &m->types.at[i];
      uint32_t all = t->changes;
      for (size_t k = 0; k < t->fields.n; k++)
        all |= own_changes(&t->fields.at[k]) | changes_below(m, t->package, t->fields.at[k].type);
      if (t->flags & KIND_T_LIST)
        all |= changes_below(m, t->package, t->list_item) | changes_below(m, t->package, "meta/v1.ListMeta");
      changed |= all != t->changes;
      t->changes = all;
    }
  }
}

unsigned
run_first(const struct type *t, unsigned release)
{
  while (release > FIRST && !(t->changes & bit_of(release)))
    release--;
  return release;
}

unsigned
run_last(const struct type *t, unsigned release)
{
  while (release < LAST && !(t->changes & bit_of(release + 1)))
    release++;
  return release;
}

size_t
layout_of(struct model *m, size_t type, unsigned release)
{
  release = run_last(&m->types.at[type], release);
  for (size_t i = 0; i < m->layouts.n; i++)
    if (m->layouts.at[i].type == type && m->layouts.at[i].release == release)
      return i;
  *ARRAY_PUSH(&m->layouts) = (struct layout){ .type = type, .release = release };
  return m->layouts.n - 1;
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

struct kind_more mores[4096];
uint16_t n_mores = 1;

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
resolve(struct model *m, const char *package, const char *name, unsigned release, const struct place *where,
        struct kind_field *out)
{
  for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
    if (strcmp(builtin[i].name, name) == 0) {
      out->base = (uint8_t)builtin[i].base;
      return;
    }
  size_t t = model_type(m, package, name);
  if (t != SIZE_MAX) {
    out->base = KIND_STRUCT;
    out->type = (uint16_t)layout_of(m, t, release);
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
    resolve(m, n->package, strchr(of, ']') + 1, release, where, out);
    if (out->shape == KIND_MAP) {
      char *key = mem_strndup(of + 4, (size_t)(strchr(of, ']') - of - 4));
      size_t k = model_named(m, n->package, key);
      out->key_named = k == SIZE_MAX ? 0 : (uint16_t)(k + 1);
    }
  }
  out->named = (uint16_t)(i + 1);
}

static struct kind_field
compile_field(struct model *m, const struct type *t, const struct field *f, unsigned release)
{
  struct kind_field out = { .name = pooled(f->name),
                            .go = pooled(f->go),
                            .number = (uint16_t)f->number,
                            .name_len = (uint8_t)strlen(f->name),
                            .shape = (uint8_t)f->shape };
  if (strlen(f->name) > UINT8_MAX || f->number > UINT16_MAX)
    complain(&f->where, "the name or the number is too long");
  resolve(m, t->package, f->type, release, &f->where, &out);
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
count_slots(const struct model *m, const struct type *t, unsigned release)
{
  unsigned n = t->flags & KIND_T_OBJECT ? 2 : 0;
  if (t->flags & KIND_T_LIST)
    return n + 2;
  for (size_t i = 0; i < t->fields.n; i++) {
    const struct field *f = &t->fields.at[i];
    size_t in = f->inlined ? model_type(m, t->package, f->type) : SIZE_MAX;
    if (field_in(f, release))
      n += in == SIZE_MAX ? 1 : count_slots(m, &m->types.at[in], release);
  }
  return n;
}

struct kind_field *fields;
size_t n_fields;
static size_t cap_fields;

static void
push_field(struct model *m, const struct type *t, const struct field *f, unsigned release, uint16_t *slot)
{
  if (!field_in(f, release))
    return;
  struct kind_field out = compile_field(m, t, f, release);
  out.slot = *slot;
  *slot = (uint16_t)(*slot + (f->inlined ? count_slots(m, &m->types.at[m->layouts.at[out.type].type], release) : 1));
  *(struct kind_field *)array_push((void **)&fields, &n_fields, &cap_fields, sizeof(*fields)) = out;
}

static void
push_list(struct model *m, const struct type *t, unsigned release, uint16_t *slot)
{
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
  push_field(m, t, &metadata, release, slot);
  push_field(m, t, &items, release, slot);
}

static void
lay_out(struct model *m, size_t i)
{
  const struct type *t = &m->types.at[m->layouts.at[i].type];
  unsigned release = m->layouts.at[i].release;
  size_t first = n_fields;
  uint16_t slot = 0;
  m->layouts.at[i].first = (unsigned)first;
  m->layouts.at[i].flags = t->flags;
  m->layouts.at[i].slots = count_slots(m, t, release);
  if (t->flags & KIND_T_OBJECT) {
    struct field kind = { .name = "kind", .go = "Kind", .type = "string", .where = t->where };
    struct field version = { .name = "apiVersion", .go = "APIVersion", .type = "string", .where = t->where };
    push_field(m, t, &kind, release, &slot);
    push_field(m, t, &version, release, &slot);
  }
  if (t->flags & KIND_T_LIST)
    push_list(m, t, release, &slot);
  for (size_t k = 0; k < t->fields.n; k++)
    push_field(m, t, &t->fields.at[k], release, &slot);
  for (size_t k = first; k < n_fields; k++)
    for (size_t l = first; l < k; l++)
      if ((fields[k].number && fields[k].number == fields[l].number) ||
          (fields[k].name && fields[k].name == fields[l].name))
        complain(&t->where, "a number or name stands twice in %s as of 1.%u: %u", t->go, release, fields[k].number);
}

size_t
layout_end(const struct model *m, size_t i)
{
  return i + 1 < m->layouts.n ? m->layouts.at[i + 1].first : n_fields;
}

/* Flags that say something of all that a type holds. */
#define BELOW_FLAGS (uint32_t)(KIND_T_DEFAULTS | KIND_T_GATED | KIND_T_EMPTIES)

/* What a type holds itself of them. */
static uint32_t
own_flags(const struct model *m, const struct layout *t, const struct kind_field *f)
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
    for (size_t i = 0; i < m->layouts.n; i++) {
      struct layout *t = &m->layouts.at[i];
      for (size_t k = t->first; k < layout_end(m, i); k++) {
        uint32_t below = fields[k].base == KIND_STRUCT ? m->layouts.at[fields[k].type].flags & BELOW_FLAGS : 0;
        uint32_t all = t->flags | own_flags(m, t, &fields[k]) | below;
        changed |= all != t->flags;
        t->flags = all;
      }
    }
  }
}

/* -- the runs of kinds -- */

/*
 * The last row of a kind stands at the kind's own place, those of earlier runs behind all kinds. Releases that do not
 * serve the kind yet are there too: it may be the form in which objects are stored.
 */
static void
add_rows(struct model *m, size_t i)
{
  const struct kind_decl *k = &m->kinds.at[i];
  size_t t = model_type(m, k->package, k->kind);
  if (t == SIZE_MAX)
    complain(&k->where, "kind %s has no type", k->kind);
  const struct type *type = &m->types.at[t];
  unsigned last = k->removed > FIRST ? k->removed - 1 : LAST;
  size_t row = i;
  for (;;) {
    unsigned first = run_first(type, last);
    size_t layout = layout_of(m, t, last);
    m->rows.at[row] = (struct kind_row){ .decl = i, .layout = layout, .first = first, .last = last };
    if (first == FIRST)
      return;
    last = first - 1;
    (void)ARRAY_PUSH(&m->rows);
    m->rows.at[row].before = m->rows.n - 1;
    row = m->rows.n - 1;
  }
}

void
model_lay_out(struct model *m)
{
  note_changes(m);
  for (size_t i = 0; i < m->types.n; i++)
    (void)layout_of(m, i, LAST);
  for (size_t i = 0; i < m->kinds.n; i++)
    (void)ARRAY_PUSH(&m->rows);
  for (size_t i = 0; i < m->kinds.n; i++)
    add_rows(m, i);
  for (size_t i = 0; i < m->layouts.n; i++) /* which grows by what the fields need */
    lay_out(m, i);
  if (m->layouts.n > UINT16_MAX || m->named.n >= UINT16_MAX || n_fields > UINT16_MAX)
    complain(&(struct place){ 0 }, "too many types or fields");
  spread_flags(m);
}
