/*
 * A finished tree in one heap block: as small as its parts, freed at once.
 *
 * Nodes and lists come first, then the texts. Equal texts are kept once, and so
 * are the nodes of equal strings: an object names its fields again and again in
 * metadata.managedFields, and its owner's uid in three places.
 */
#include <assert.h>
#include <string.h>

#include "codec.h"
#include "json.h"

/* Above, texts are kept as they come: a table that strangers can fill must not be searched without end. */
#define TEXTS_MAX 4096

/*
 * Values that are the same in every tree need no node of their own. Never written: they are not const only because
 * nodes are not.
 */
static struct json constants[] = {
  { .type = JSON_NULL },
  { .type = JSON_BOOL, .u.boolean = false },
  { .type = JSON_BOOL, .u.boolean = true },
  { .type = JSON_ARRAY },
  { .type = JSON_OBJECT },
};

static struct json *
constant(const struct json *v)
{
  switch (json_type(v)) {
  case JSON_NULL:
    return &constants[0];
  case JSON_BOOL:
    return &constants[v->u.boolean ? 2 : 1];
  case JSON_ARRAY:
    return v->count ? NULL : &constants[3];
  case JSON_OBJECT:
    return v->count ? NULL : &constants[4];
  case JSON_INT:
  case JSON_NUMBER:
  case JSON_STRING:
    return NULL;
  }
  return NULL;
}

/* A text, where its copy is, and the node of the string that it is the value of. */
struct text {
  const char *s; /* NULL: free */
  uint32_t n;
  uint32_t at; /* offset of the copy, once it is there */
  bool is_value;
  struct json *node;
};

struct packer {
  struct text *texts; /* NULL: too many, none is shared */
  size_t mask;
  size_t nodes, bytes;     /* measured: bytes of nodes and lists, and of text */
  char *node, *text, *top; /* packing: where the next ones go, and where the texts begin */
};

static size_t
count_texts(const struct json *v)
{
  size_t n = json_is(v, JSON_STRING) || json_is(v, JSON_NUMBER);

  for (json_each_item (p, v))
    n += count_texts(*p);
  for (json_each_member (m, v))
    n += 1 + count_texts(m->value);
  return n;
}

/* The place of a text in the table, free or not; NULL when there is no table. */
static struct text *
find(const struct packer *p, const char *s, uint32_t n)
{
  size_t i;

  if (!p->texts)
    return NULL;
  for (i = codec_fnv32a(span_make(s, n)) & p->mask; p->texts[i].s; i = (i + 1) & p->mask)
    if (p->texts[i].n == n && memcmp(p->texts[i].s, s, n) == 0)
      break;
  return &p->texts[i];
}

/* -- first: how much there will be -- */

static struct text *
measure_text(struct packer *p, const char *s, uint32_t n)
{
  struct text *t = find(p, s, n);

  if (t && t->s)
    return t;
  if (t)
    *t = (struct text){ .s = s, .n = n, .at = UINT32_MAX };
  p->bytes += n + (size_t)1;
  return t;
}

static void
measure(struct packer *p, const struct json *v)
{
  struct text *t = NULL;

  if (constant(v))
    return;
  if (json_is(v, JSON_STRING) || json_is(v, JSON_NUMBER))
    t = measure_text(p, v->u.str, v->count);
  if (!(json_is(v, JSON_STRING) && t && t->is_value))
    p->nodes += sizeof *v;
  if (json_is(v, JSON_STRING) && t)
    t->is_value = true;
  for (json_each_item (i, v)) {
    p->nodes += sizeof *i;
    measure(p, *i);
  }
  for (json_each_member (m, v)) {
    p->nodes += sizeof *m;
    (void)measure_text(p, m->name, m->name_len);
    measure(p, m->value);
  }
}

/* -- then: the copy -- */

static const char *
put_text(struct packer *p, const char *s, uint32_t n)
{
  struct text *t = find(p, s, n);
  char *at = p->text;

  if (t && t->at != UINT32_MAX)
    return p->top + t->at;
  if (t)
    t->at = (uint32_t)(at - p->top);
  if (n)
    memcpy(at, s, n);
  at[n] = '\0';
  p->text += n + (size_t)1;
  return at;
}

static void *
put_node(struct packer *p, const void *what, size_t n)
{
  void *at = p->node;

  memcpy(at, what, n);
  p->node += n;
  return at;
}

static struct json *
pack(struct packer *p, const struct json *v)
{
  struct text *t = json_is(v, JSON_STRING) ? find(p, v->u.str, v->count) : NULL;
  struct json *copy = constant(v);

  if (copy || (t && t->node))
    return copy ? copy : t->node;
  copy = put_node(p, v, sizeof *v);
  copy->cap = 0;
  if (t)
    t->node = copy;
  if (json_is(v, JSON_STRING) || json_is(v, JSON_NUMBER))
    copy->u.str = put_text(p, v->u.str, v->count);
  else if (json_is(v, JSON_ARRAY))
    copy->u.items = put_node(p, v->u.items, v->count * sizeof *v->u.items);
  else if (json_is(v, JSON_OBJECT))
    copy->u.members = put_node(p, v->u.members, v->count * sizeof *v->u.members);
  for (uint32_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++)
    copy->u.items[i] = pack(p, v->u.items[i]);
  for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++) {
    struct json_member *m = &copy->u.members[i];

    m->name = put_text(p, m->name, m->name_len);
    m->value = pack(p, m->value);
  }
  return copy;
}

struct json *
json_pack(const struct json *v)
{
  _cleanup_free_ struct text *texts = NULL;
  struct packer p = { .mask = 15 };
  size_t n = count_texts(v);
  char *block;

  while (p.mask < 2 * n)
    p.mask = p.mask * 2 + 1;
  if (n <= TEXTS_MAX)
    p.texts = texts = mem_calloc(p.mask + 1, sizeof *texts);
  measure(&p, v);
  if (constant(v))
    p.nodes += sizeof *v; /* the root is a node of its own, for the caller frees it */
  assert(p.bytes < UINT32_MAX);
  block = mem_realloc(NULL, p.nodes + p.bytes);
  p.node = block;
  p.text = p.top = block + p.nodes;
  if (constant(v))
    (void)put_node(&p, constant(v), sizeof *v);
  else
    (void)pack(&p, v);
  assert(p.node == p.top && p.text == p.top + p.bytes);
  return (struct json *)(void *)block;
}
