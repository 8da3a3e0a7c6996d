/* A finished tree in one heap block: as small as its parts, freed at once. */
#include <assert.h>
#include <string.h>

#include "json.h"

/* Values that are the same in every tree need no node of their own. Never written: they are not const only because
 * nodes are not. */
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

/* Bytes of nodes and lists, all of them multiples of 8, and bytes of text. */
struct sizes {
  size_t nodes, text;
};

static void
measure(const struct json *v, struct sizes *s)
{
  if (constant(v))
    return;
  s->nodes += sizeof *v;
  if (json_type(v) == JSON_STRING || json_type(v) == JSON_NUMBER)
    s->text += v->count + (size_t)1;
  for (json_each_item (p, v)) {
    s->nodes += sizeof *p;
    measure(*p, s);
  }
  for (json_each_member (m, v)) {
    s->nodes += sizeof *m;
    s->text += m->name_len + (size_t)1;
    measure(m->value, s);
  }
}

struct packer {
  char *node, *text; /* where the next one goes */
};

static const char *
put_text(struct packer *p, const char *s, size_t n)
{
  char *at = p->text;

  memcpy(at, s, n);
  at[n] = '\0';
  p->text += n + 1;
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
  struct json *copy = constant(v);

  if (copy)
    return copy;
  copy = put_node(p, v, sizeof *v);
  copy->cap = 0;
  if (json_type(v) == JSON_STRING || json_type(v) == JSON_NUMBER)
    copy->u.str = put_text(p, v->u.str, v->count);
  else if (json_type(v) == JSON_ARRAY)
    copy->u.items = put_node(p, v->u.items, v->count * sizeof *v->u.items);
  else if (json_type(v) == JSON_OBJECT)
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
  struct sizes s = { 0, 0 };
  struct packer p;
  char *block;

  measure(v, &s);
  if (constant(v))
    s.nodes += sizeof *v; /* the root is a node of its own, for the caller frees it */
  block = mem_realloc(NULL, s.nodes + s.text);
  p = (struct packer){ .node = block, .text = block + s.nodes };
  if (constant(v))
    (void)put_node(&p, constant(v), sizeof *v);
  else
    (void)pack(&p, v);
  assert(p.node == block + s.nodes && p.text == block + s.nodes + s.text);
  return (struct json *)(void *)block;
}

size_t
json_packed_size(const struct json *v)
{
  struct sizes s = { 0, 0 };

  measure(v, &s);
  return s.nodes + s.text;
}
