/* Reading: one statement per line; indented lines belong to the statement above them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "kindgen.h"
#include "mem.h"

enum { MAX_WORDS = 128, MAX_LINE = 4096 };

struct line {
  char *words[MAX_WORDS];
  int n;
  bool indented;
};

/* What the statement above the current line was. */
struct reader {
  struct model *m;
  struct place where;
  const char *package;
  enum { IN_NOTHING, IN_TYPE, IN_NAMED, IN_TABLE, IN_DESCRIPTION, IN_RESOURCE } in;
};

static _Noreturn void
unexpected(const struct reader *r, const char *what, const char *word)
{
  complain(&r->where, "%s: '%s'", what, word);
}

/* Splits at blanks; "two words" is one word; '#' at the start of a word begins a comment. */
static void
split(struct reader *r, char *text, struct line *ret)
{
  char *p = text;
  ret->n = 0;
  ret->indented = *p == ' ';
  while (true) {
    p += strspn(p, " \t\r\n");
    if (!*p || *p == '#')
      return;
    if (ret->n == MAX_WORDS)
      complain(&r->where, "more than %d words", MAX_WORDS);
    bool quoted = *p == '"';
    char *start = p + quoted;
    char *end = quoted ? strchr(start, '"') : start + strcspn(start, " \t\r\n");
    if (!end)
      complain(&r->where, "a quote is not closed");
    p = *end ? end + 1 : end;
    *end = '\0';
    ret->words[ret->n++] = mem_strdup(start);
  }
}

static const char *
group_name(const char *word)
{
  return strcmp(word, "core") == 0 ? "" : word;
}

/* "a/b" → a, b */
static void
cut_last_slash(struct reader *r, const char *word, const char **ret_head, const char **ret_tail)
{
  const char *slash = strrchr(word, '/');
  if (!slash)
    unexpected(r, "expected group/name", word);
  *ret_head = mem_strndup(word, (size_t)(slash - word));
  *ret_tail = mem_strdup(slash + 1);
}

/* "1.37" → 37. Majors other than 1 do not exist. */
static unsigned
minor(struct reader *r, const char *word)
{
  unsigned v;
  if (sscanf(word, "1.%u", &v) != 1)
    unexpected(r, "expected a release such as 1.37", word);
  return v;
}

/* -- fields -- */

static bool
attribute_value(const char *word, const char *name, const char **ret)
{
  size_t n = strlen(name);
  if (strncmp(word, name, n) != 0 || word[n] != '=')
    return false;
  *ret = word + n + 1;
  return true;
}

/* "map(a,b)" → word "map", inside "a,b" (NULL when there are no parentheses). */
static char *
cut_parentheses(const char *value, const char **ret_inside)
{
  const char *open = strchr(value, '(');
  *ret_inside = open ? mem_strndup(open + 1, strlen(open) - 2) : NULL;
  return open ? mem_strndup(value, (size_t)(open - value)) : mem_strdup(value);
}

static void
patch_attribute(struct reader *r, struct field *f, const char *value)
{
  char *words = cut_parentheses(value, &f->merge_key);
  for (char *w = strtok(words, ","); w; w = strtok(NULL, ",")) {
    if (strcmp(w, "merge") == 0)
      f->flags |= KIND_F_PATCH_MERGE;
    else if (strcmp(w, "replace") == 0)
      f->flags |= KIND_F_PATCH_REPLACE;
    else if (strcmp(w, "retainKeys") == 0)
      f->flags |= KIND_F_PATCH_RETAIN_KEYS;
    else
      unexpected(r, "unknown patch strategy", w);
  }
}

static void
list_attribute(struct reader *r, struct field *f, const char *value)
{
  static const char *const names[] = { "", "atomic", "set", "map" };
  const char *kind = cut_parentheses(value, &f->list_keys);
  for (unsigned i = 1; i < ARRAY_SIZE(names); i++)
    if (strcmp(kind, names[i]) == 0)
      f->list_type = (enum kind_list_type)i;
  if (!f->list_type || (f->list_type == KIND_LIST_MAP) != (f->list_keys != NULL))
    unexpected(r, "expected list=atomic, list=set or list=map(keys)", value);
}

static void
field_attribute(struct reader *r, struct field *f, const char *word)
{
  const char *v;
  if (strcmp(word, "required") == 0)
    f->required = true;
  else if (strcmp(word, "optional") == 0)
    f->optional = true;
  else if (strcmp(word, "gone-empty") == 0)
    f->flags |= KIND_F_GONE_EMPTY;
  else if (strcmp(word, "omitzero") == 0)
    f->flags |= KIND_F_OMITZERO;
  else if (strcmp(word, "discriminator") == 0)
    f->flags |= KIND_F_DISCRIMINATOR;
  else if (strcmp(word, "deprecated") == 0)
    f->flags |= KIND_F_DEPRECATED;
  else if (attribute_value(word, "go", &v))
    f->go = v;
  else if (attribute_value(word, "default", &v))
    f->dflt = v;
  else if (attribute_value(word, "fill", &v))
    f->fill = v;
  else if (attribute_value(word, "gate", &v))
    f->gates = v;
  else if (attribute_value(word, "one-of", &v) || attribute_value(word, "zero-or-one-of", &v))
    f->unions = word;
  else if (attribute_value(word, "since", &v))
    f->since = minor(r, v);
  else if (attribute_value(word, "until", &v))
    f->until = minor(r, v);
  else if (attribute_value(word, "list", &v))
    list_attribute(r, f, v);
  else if (attribute_value(word, "patch", &v))
    patch_attribute(r, f, v);
  else if (attribute_value(word, "map", &v))
    f->flags |= strcmp(v, "atomic") == 0 ? KIND_F_MAP_ATOMIC : KIND_F_MAP_GRANULAR;
  else
    unexpected(r, "unknown attribute of a field", word);
}

/* "*T", "[]T", "map[K]T" */
static void
field_type(struct reader *r, struct field *f, const char *text)
{
  if (*text == '*') {
    f->pointer = true;
    text++;
  }
  if (strncmp(text, "[]", 2) == 0) {
    f->shape = KIND_LIST;
    text += 2;
  } else if (strncmp(text, "map[", 4) == 0) {
    const char *close = strchr(text, ']');
    if (!close)
      unexpected(r, "expected map[K]V", text);
    f->shape = KIND_MAP;
    f->key = mem_strndup(text + 4, (size_t)(close - text - 4));
    text = close + 1;
  }
  f->type = text;
}

/* Go's name when the data does not give one: "spec" is Spec; metadata is named after its type. */
static const char *
default_go_name(const struct field *f)
{
  const char *dot = strrchr(f->type, '.');
  const char *base = dot ? dot + 1 : f->type;
  if (f->inlined || (strcmp(f->name, "metadata") == 0 && (!strcmp(base, "ObjectMeta") || !strcmp(base, "ListMeta"))))
    return base;
  char *go = mem_strdup(f->name);
  go[0] = (char)toupper((unsigned char)go[0]);
  return go;
}

static void
field_line(struct reader *r, struct type *t, const struct line *l)
{
  if (l->n < 3)
    complain(&r->where, "expected: NUMBER NAME TYPE ...");
  struct field *f = ARRAY_PUSH(&t->fields);
  f->where = r->where;
  f->number = strcmp(l->words[0], "-") == 0 ? 0 : (uint32_t)strtoul(l->words[0], NULL, 10);
  if (!f->number && strcmp(l->words[0], "-") != 0)
    unexpected(r, "expected a protobuf number or -", l->words[0]);
  char *name = l->words[1];
  size_t n = strlen(name);
  f->inlined = strcmp(name, "(inline)") == 0;
  f->no_json = strcmp(name, "-") == 0;
  f->bang = !f->inlined && name[n - 1] == '!';
  if (f->bang)
    name[n - 1] = '\0';
  f->name = f->inlined ? "" : name;
  field_type(r, f, l->words[2]);
  for (int i = 3; i < l->n; i++)
    field_attribute(r, f, l->words[i]);
  if (!f->go)
    f->go = default_go_name(f);
}

/* ": beta maxItems=32; required" → "beta maxItems=32\nrequired" */
static const char *
rules_text(const struct line *l)
{
  char *out = mem_strdup("");
  const char *sep = "";
  for (int i = 1; i < l->n; i++) {
    char *w = l->words[i];
    size_t n = strlen(w);
    bool last = w[n - 1] == ';';
    char *longer = mem_printf("%s%s%.*s", out, sep, (int)(n - last), w);
    free(out);
    out = longer;
    sep = last ? "\n" : " ";
  }
  return out;
}

static void
type_line(struct reader *r, const struct line *l)
{
  struct type *t = &r->m->types.at[r->m->types.n - 1];
  if (strcmp(l->words[0], ":") != 0)
    field_line(r, t, l);
  else if (t->fields.n)
    t->fields.at[t->fields.n - 1].rules = rules_text(l);
  else
    complain(&r->where, "rules without a field");
}

/* -- resources and tables -- */

static void
sub_line(struct reader *r, struct resource *res, const struct line *l)
{
  if (l->n < 4)
    complain(&r->where, "expected: sub NAME KIND VERBS");
  struct sub *s = ARRAY_PUSH(&res->subs);
  s->name = l->words[1];
  s->kind = l->words[2];
  if (strchr(s->kind, '/')) {
    const char *gv;
    cut_last_slash(r, l->words[2], &gv, &s->kind);
    cut_last_slash(r, gv, &s->group, &s->version);
    s->group = group_name(s->group);
  }
  for (int i = 3; i < l->n; i++) {
    const char *v;
    if (verb_bit(l->words[i]))
      s->verbs |= verb_bit(l->words[i]);
    else if (attribute_value(l->words[i], "since", &v))
      s->since = minor(r, v);
    else
      unexpected(r, "unknown verb", l->words[i]);
  }
}

static void
resource_line(struct reader *r, const struct line *l)
{
  struct resource *res = &r->m->resources.at[r->m->resources.n - 1];
  const char *what = l->words[0];
  if (l->n < 2)
    unexpected(r, "nothing follows", what);
  if (strcmp(what, "sub") == 0) {
    sub_line(r, res, l);
    return;
  }
  if (strcmp(what, "except") == 0)
    res->except_version = l->words[1];
  for (int i = 1 + (strcmp(what, "except") == 0); i < l->n; i++) {
    const char *w = l->words[i];
    if (strcmp(what, "singular") == 0)
      res->singular = w;
    else if (strcmp(what, "short") == 0)
      *ARRAY_PUSH(&res->short_names) = w;
    else if (strcmp(what, "category") == 0)
      *ARRAY_PUSH(&res->categories) = w;
    else if (strcmp(what, "versions") == 0)
      *ARRAY_PUSH(&res->versions) = w;
    else if (strcmp(what, "storage") == 0 && strchr(w, '/'))
      cut_last_slash(r, w, &res->storage_group, &res->storage_version);
    else if (strcmp(what, "storage") == 0)
      res->storage_version = w;
    else if (strcmp(what, "gate") == 0)
      res->gate = w;
    else if (strcmp(what, "prefix") == 0)
      res->prefix = w;
    else if (strcmp(what, "select") == 0)
      res->selectors = res->selectors ? mem_printf("%s %s", res->selectors, w) : w;
    else if (strcmp(what, "verbs") == 0 && verb_bit(w))
      res->verbs |= verb_bit(w);
    else if (strcmp(what, "flags") == 0 && resource_flag(w))
      res->flags |= resource_flag(w);
    else if (strcmp(what, "except") == 0 && resource_flag(w))
      res->except_flags |= resource_flag(w);
    else
      unexpected(r, what, w);
  }
}

static void
table_line(struct reader *r, const struct line *l)
{
  struct table *t = &r->m->tables.at[r->m->tables.n - 1];
  if (l->n < 2)
    complain(&r->where, "expected: NAME TYPE [format=F] [priority=N] [doc=NAME]");
  struct column *c = ARRAY_PUSH(&t->columns);
  c->name = l->words[0];
  c->type = l->words[1];
  c->format = "";
  c->where = r->where;
  for (int i = 2; i < l->n; i++) {
    const char *v;
    if (attribute_value(l->words[i], "format", &v))
      c->format = v;
    else if (attribute_value(l->words[i], "priority", &v))
      c->priority = (int)strtol(v, NULL, 10);
    else if (attribute_value(l->words[i], "doc", &v))
      c->doc_name = v;
    else
      unexpected(r, "unknown attribute of a column", l->words[i]);
  }
}

/* Where the text goes that `: ` lines give: the last description, or the last column of the last table. */
static const char **
prose_slot(struct reader *r)
{
  if (r->in == IN_DESCRIPTION)
    return &r->m->descriptions.at[r->m->descriptions.n - 1].text;
  struct table *t = &r->m->tables.at[r->m->tables.n - 1];
  if (!t->columns.n)
    complain(&r->where, "a text without a column");
  return &t->columns.at[t->columns.n - 1].doc;
}

/* "    : text": the text as it stands, after what the lines above it gave and a blank. False: it is no such line. */
static bool
prose_line(struct reader *r, const char *text)
{
  const char *p = text + strspn(text, " ");

  if (strncmp(p, ": ", 2) != 0 || (r->in != IN_TABLE && r->in != IN_DESCRIPTION))
    return false;
  const char **slot = prose_slot(r);
  int n = (int)strcspn(p + 2, "\n");
  *slot = *slot ? mem_printf("%s %.*s", *slot, n, p + 2) : mem_printf("%.*s", n, p + 2);
  return true;
}

/* -- statements -- */

static void
type_statement(struct reader *r, const struct line *l)
{
  static const struct {
    const char *name;
    uint32_t flag;
  } flags[] = {
    { "object", KIND_T_OBJECT }, { "atomic", KIND_T_ATOMIC },       { "granular", KIND_T_GRANULAR },
    { "union", KIND_T_UNION },   { "json-only", KIND_T_JSON_ONLY }, { "deprecated", KIND_T_DEPRECATED },
    { "code", KIND_T_CODE },
  };
  struct type *t = ARRAY_PUSH(&r->m->types);
  t->package = r->package;
  t->go = l->words[1];
  t->where = r->where;
  for (int i = 2; i < l->n; i++) {
    uint32_t flag = 0;
    for (size_t k = 0; k < ARRAY_SIZE(flags); k++)
      if (strcmp(flags[k].name, l->words[i]) == 0)
        flag = flags[k].flag;
    if (!flag)
      unexpected(r, "unknown flag of a type", l->words[i]);
    t->flags |= flag;
  }
  r->in = IN_TYPE;
}

/*
 * kind GROUP/VERSION NAME [list|list(optional)] [since R] [deprecated R] [removed R] [replacement VERSION]
 * or, for another kind, [replacement GROUP/VERSION:NAME]
 */
static void
kind_statement(struct reader *r, const struct line *l)
{
  if (l->n < 3)
    complain(&r->where, "expected: kind GROUP/VERSION NAME");
  struct kind_decl k = { .group = "", .version = "", .kind = l->words[2], .package = r->package, .where = r->where };
  if (strcmp(l->words[1], "-") != 0) {
    cut_last_slash(r, l->words[1], &k.group, &k.version);
    k.group = group_name(k.group);
  }
  bool list = false, items_optional = false;
  for (int i = 3; i < l->n; i++) {
    const char *w = l->words[i];
    if (strncmp(w, "list", 4) == 0) {
      list = true;
      items_optional = strcmp(w, "list(optional)") == 0;
    } else if (i + 1 < l->n && strcmp(w, "since") == 0) {
      k.since = minor(r, l->words[++i]);
    } else if (i + 1 < l->n && strcmp(w, "deprecated") == 0) {
      k.deprecated = minor(r, l->words[++i]);
    } else if (i + 1 < l->n && strcmp(w, "removed") == 0) {
      k.removed = minor(r, l->words[++i]);
    } else if (i + 1 < l->n && strcmp(w, "replacement") == 0) {
      k.replacement = l->words[++i];
    } else {
      unexpected(r, "unknown attribute of a kind", w);
    }
  }
  *ARRAY_PUSH(&r->m->kinds) = k;
  if (!list)
    return;
  struct type *t = ARRAY_PUSH(&r->m->types);
  *t = (struct type){ .package = r->package,
                      .go = mem_printf("%sList", k.kind),
                      .flags = KIND_T_OBJECT | KIND_T_LIST,
                      .list_item = k.kind,
                      .items_optional = items_optional,
                      .where = r->where };
  k.kind = t->go;
  k.is_list = true;
  *ARRAY_PUSH(&r->m->kinds) = k;
}

static struct named *
named_new(struct reader *r, const char *go)
{
  struct named *n = ARRAY_PUSH(&r->m->named);
  n->package = r->package;
  n->go = go;
  n->where = r->where;
  r->in = IN_NAMED;
  return n;
}

/* enum NAME = A B [...] */
static void
enum_statement(struct reader *r, const struct line *l)
{
  struct named *n = named_new(r, l->words[1]);
  n->closed = true;
  for (int i = 3; i < l->n; i++)
    if (strcmp(l->words[i], "...") == 0)
      n->closed = false;
    else
      *ARRAY_PUSH(&n->values) = l->words[i];
}

/* alias NAME = TYPE [message] */
static void
alias_statement(struct reader *r, const struct line *l)
{
  if (l->n < 4)
    complain(&r->where, "expected: alias NAME = TYPE");
  struct named *n = named_new(r, l->words[1]);
  n->alias = true;
  n->alias_of = l->words[3];
  n->message = l->n > 4 && strcmp(l->words[4], "message") == 0;
}

static void
group_statement(struct reader *r, const struct line *l)
{
  for (int i = 2; i < l->n; i++) {
    struct group_version *gv = ARRAY_PUSH(&r->m->group_versions);
    char *off = strstr(l->words[i], "=off");
    unsigned first = off && off[4] == '(' ? minor(r, off + 5) : off ? 1 : 0;
    if (off)
      *off = '\0';
    *gv = (struct group_version){ .group = group_name(l->words[1]), .version = l->words[i], .off = first };
  }
}

static void
resource_statement(struct reader *r, const struct line *l)
{
  if (l->n != 4)
    complain(&r->where, "expected: resource NAME GROUP/KIND namespaced|cluster");
  struct resource *res = ARRAY_PUSH(&r->m->resources);
  res->where = r->where;
  res->name = l->words[1];
  cut_last_slash(r, l->words[2], &res->group, &res->kind);
  res->group = group_name(res->group);
  res->namespaced = strcmp(l->words[3], "namespaced") == 0;
  r->in = IN_RESOURCE;
}

static void
table_statement(struct reader *r, const struct line *l)
{
  struct table *t = ARRAY_PUSH(&r->m->tables);
  t->version = "";
  cut_last_slash(r, l->words[1], &t->group, &t->kind);
  if (strchr(t->group, '/'))
    cut_last_slash(r, t->group, &t->group, &t->version);
  t->group = group_name(t->group);
  r->in = IN_TABLE;
}

static void
describe_statement(struct reader *r, const struct line *l)
{
  struct description *d = ARRAY_PUSH(&r->m->descriptions);
  d->name = l->words[1];
  r->in = IN_DESCRIPTION;
}

static void
package_statement(struct reader *r, const struct line *l)
{
  r->package = l->words[1];
}

/* like core/v1: the package takes over what it needs and does not define. */
static void
like_statement(struct reader *r, const struct line *l)
{
  struct likeness *k = ARRAY_PUSH(&r->m->likenesses);
  *k = (struct likeness){ .package = r->package, .like = l->words[1] };
}

static void
scalar_statement(struct reader *r, const struct line *l)
{
  (void)named_new(r, l->words[1]);
}

static void
statement(struct reader *r, const struct line *l)
{
  static const struct {
    const char *name;
    void (*read)(struct reader *r, const struct line *l);
    bool needs_package;
  } statements[] = {
    { "package", package_statement, false },   { "type", type_statement, true },
    { "kind", kind_statement, true },          { "enum", enum_statement, true },
    { "scalar", scalar_statement, true },      { "like", like_statement, true },
    { "alias", alias_statement, true },        { "resource", resource_statement, false },
    { "table", table_statement, false },       { "group", group_statement, false },
    { "describe", describe_statement, false },
  };
  r->in = IN_NOTHING;
  for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
    if (strcmp(statements[i].name, l->words[0]) != 0)
      continue;
    if (l->n < 2 || (statements[i].needs_package && !r->package))
      unexpected(r, "a name, or a package before it, is missing", l->words[0]);
    statements[i].read(r, l);
    return;
  }
  unexpected(r, "unknown statement", l->words[0]);
}

static void
line(struct reader *r, char *text)
{
  struct line l;
  if (prose_line(r, text))
    return;
  split(r, text, &l);
  if (l.n == 0)
    return;
  if (!l.indented)
    statement(r, &l);
  else if (r->in == IN_TYPE)
    type_line(r, &l);
  else if (r->in == IN_RESOURCE)
    resource_line(r, &l);
  else if (r->in == IN_TABLE)
    table_line(r, &l);
  else if (r->in == IN_NAMED && strcmp(l.words[0], ":") == 0)
    r->m->named.at[r->m->named.n - 1].rules = rules_text(&l);
  else
    complain(&r->where, "an indented line that belongs to nothing");
}

void
model_read(struct model *m, const char *file)
{
  struct reader r = { .m = m, .where = { .file = file } };
  FILE *f = fopen(file, "re");
  if (!f)
    complain(&r.where, "cannot be read");
  char text[MAX_LINE], joined[2 * MAX_LINE] = "";
  while (fgets(text, sizeof(text), f)) {
    r.where.line++;
    size_t n = strlen(text);
    if (n && text[n - 1] != '\n')
      complain(&r.where, "a line is too long, or the last one has no end");
    bool goes_on = n > 1 && text[n - 2] == '\\'; /* a backslash at the end joins lines */
    if (goes_on)
      text[n - 2] = '\0';
    if (strlen(joined) + n >= sizeof(joined))
      complain(&r.where, "a joined line is too long");
    memcpy(joined + strlen(joined), text, strlen(text) + 1);
    if (goes_on)
      continue;
    line(&r, joined);
    joined[0] = '\0';
  }
  (void)fclose(f);
}
