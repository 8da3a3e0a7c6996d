#include "kind_words.h"

#include <assert.h>
#include <string.h>

#include "embed.h"

EMBED_FILE(words_meta, "apiserver-lite/kinds/words/meta.words");
EMBED_FILE(words_resource, "apiserver-lite/kinds/words/resource.k8s.io.words");

#define FILES     2
#define LINES_MAX 1024

struct entry {
  struct span name, text;
  bool is_type; /* its fields are what follows */
};

struct kind_words {
  struct words {
    const char *package; /* definitions that begin so */
    struct entry *list;
    size_t n;
  } files[FILES];
};

static struct entry
entry_of(struct span line)
{
  struct entry ret = { .is_type = *line.p != ' ' };

  ret.name = span_trim(span_cut(line, ':', &ret.text));
  ret.text = span_trim(ret.text);
  return ret;
}

static void
words_read(struct arena *a, struct words *w, const char *package, struct span text)
{
  w->package = package;
  w->list = arena_array_of(a, struct entry, LINES_MAX);
  while (text.p) {
    struct span line = span_cut(text, '\n', &text);

    if (span_trim(line).n == 0 || *line.p == '#')
      continue;
    assert(w->n < LINES_MAX);
    w->list[w->n++] = entry_of(line);
  }
}

const struct kind_words *
kind_words_new(struct arena *a)
{
  struct kind_words *w = arena_new_of(a, struct kind_words);

  words_read(a, &w->files[0], "io.k8s.apimachinery.pkg.apis.meta.v1.", EMBED_SPAN(words_meta));
  words_read(a, &w->files[1], "io.k8s.api.resource.", EMBED_SPAN(words_resource));
  return w;
}

static struct span
words_find(const struct words *w, struct span type, struct span field)
{
  bool inside = false;

  for (size_t i = 0; i < w->n; i++) {
    const struct entry *e = &w->list[i];

    if (e->is_type)
      inside = span_eq(e->name, type);
    if (inside && e->is_type == !field.p && span_eq(e->name, field.p ? field : type))
      return e->text;
  }
  return (struct span){ .p = NULL };
}

struct span
kind_words_of(const struct kind_words *w, const struct kind_type *t, const struct kind_field *f)
{
  struct span definition = span_of(kind_text(t->name)), field = { .p = NULL };

  if (f)
    field = span_make(kind_field_name(f), f->name_len);
  if (f && (t->flags & KIND_T_OBJECT) && f->slot < 2)
    return words_find(&w->files[0], SPAN("TypeMeta"), field);
  for (size_t i = 0; i < FILES; i++)
    if (span_starts(definition, span_of(w->files[i].package)))
      return words_find(&w->files[i], span_of(kind_type_go(t)), field);
  return (struct span){ .p = NULL };
}
