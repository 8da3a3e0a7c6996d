#include "record.h"

#include <assert.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"

struct record {
  atomic_int refs;
  uint32_t key_len;
  int64_t revision;
  size_t n, stamp_at;
  _Atomic(struct json *) tree; /* one heap block (json_pack), made when first asked for; NULL before */
  char data[];                 /* key NUL bytes NUL */
};

struct record *
record_new(struct span key, int64_t revision, struct span bytes, size_t stamp_at)
{
  struct record *r = mem_realloc(NULL, sizeof *r + key.n + 1 + bytes.n + 1);

  assert(key.n < UINT32_MAX && (stamp_at == RECORD_NO_STAMP || stamp_at <= bytes.n));
  atomic_init(&r->refs, 1);
  atomic_init(&r->tree, NULL);
  r->key_len = (uint32_t)key.n;
  r->revision = revision;
  r->n = bytes.n;
  r->stamp_at = stamp_at;
  if (key.n)
    memcpy(r->data, key.p, key.n);
  r->data[key.n] = '\0';
  if (bytes.n)
    memcpy(r->data + key.n + 1, bytes.p, bytes.n);
  r->data[key.n + 1 + bytes.n] = '\0';
  return r;
}

/* Members of metadata that stand before resourceVersion in Go's ObjectMeta. */
static bool
before_stamp(const struct json_member *m)
{
  static const char *const names[] = { "name", "generateName", "namespace", "selfLink", "uid" };

  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (span_is(span_make(m->name, m->name_len), names[i]))
      return true;
  return false;
}

/* Write metadata without a resourceVersion, and say where one belongs. */
static void
write_metadata(struct strbuf *b, const struct json *meta, size_t *stamp_at)
{
  bool first = true, leading = true;

  strbuf_putc(b, '{');
  for (json_each_member (m, meta)) {
    if (span_is(span_make(m->name, m->name_len), "resourceVersion"))
      continue;
    if (!first)
      strbuf_putc(b, ',');
    json_write_str(b, span_make(m->name, m->name_len), JSON_HTML);
    strbuf_putc(b, ':');
    json_write(b, m->value, JSON_HTML | JSON_LOOSE);
    leading = leading && before_stamp(m);
    if (first || leading)
      *stamp_at = b->n;
    first = false;
  }
  strbuf_putc(b, '}');
}

struct record *
record_from_json(struct span key, int64_t revision, const struct json *tree)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REPLY);
  size_t stamp_at = RECORD_NO_STAMP;
  bool first = true;

  assert(json_is(tree, JSON_OBJECT));
  strbuf_putc(&b, '{');
  for (json_each_member (m, tree)) {
    if (!first)
      strbuf_putc(&b, ',');
    first = false;
    json_write_str(&b, span_make(m->name, m->name_len), JSON_HTML);
    strbuf_putc(&b, ':');
    if (span_is(span_make(m->name, m->name_len), "metadata") && json_is(m->value, JSON_OBJECT))
      write_metadata(&b, m->value, &stamp_at);
    else
      json_write(&b, m->value, JSON_HTML | JSON_LOOSE);
  }
  strbuf_putc(&b, '}');
  assert(!strbuf_overflowed(&b));
  return record_new(key, revision, strbuf_view(&b), stamp_at);
}

struct record *
record_ref(struct record *r)
{
  int before = atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);

  assert(before > 0);
  return r;
}

void
record_unref(struct record *r)
{
  int before;

  if (!r)
    return;
  before = atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1)
    return;
  free(atomic_load_explicit(&r->tree, memory_order_relaxed));
  free(r);
}

void
record_unrefp(struct record **pr)
{
  record_unref(*pr);
}

struct span
record_key(const struct record *r)
{
  return span_make(r->data, r->key_len);
}

int64_t
record_revision(const struct record *r)
{
  return r->revision;
}

struct span
record_bytes(const struct record *r)
{
  return span_make(r->data + r->key_len + 1, r->n);
}

size_t
record_stamp_at(const struct record *r)
{
  return r->stamp_at;
}

void
record_set_revision(struct record *r, int64_t revision)
{
  assert(atomic_load_explicit(&r->tree, memory_order_relaxed) == NULL); /* it would hold the old one */
  r->revision = revision;
}

void
record_write(struct strbuf *b, const struct record *r)
{
  struct span bytes = record_bytes(r);

  if (r->stamp_at == RECORD_NO_STAMP || r->revision == 0) {
    strbuf_span(b, bytes);
    return;
  }
  strbuf_add(b, bytes.p, r->stamp_at);
  strbuf_puts(b, ",\"resourceVersion\":\"");
  strbuf_int(b, r->revision);
  strbuf_putc(b, '"');
  strbuf_add(b, bytes.p + r->stamp_at, bytes.n - r->stamp_at);
}

static struct json *
parse(const struct record *r, struct arena *a)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_REPLY);
  struct json *v;

  record_write(&text, r);
  if (strbuf_overflowed(&text) || json_parse(a, strbuf_view(&text), &json_as_written, &v, &err) < 0) {
    fprintf(stderr, "dralab: record '%s' is not JSON: %s\n", r->data, err.msg ? err.msg : "too large");
    abort();
  }
  return v;
}

/* Parsed in a passing arena and packed into one block: a record lives long, and there are many. */
static struct json *
build_tree(const struct record *r)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);

  return json_pack(parse(r, a));
}

const struct json *
record_glance(const struct record *r, struct arena *a)
{
  const struct json *tree = atomic_load_explicit(&r->tree, memory_order_acquire);

  return tree ? tree : parse(r, a);
}

const struct json *
record_tree(struct record *r)
{
  struct json *tree = atomic_load_explicit(&r->tree, memory_order_acquire), *nobody = NULL;

  if (tree)
    return tree;
  tree = build_tree(r);
  if (atomic_compare_exchange_strong_explicit(&r->tree, &nobody, tree, memory_order_acq_rel, memory_order_acquire))
    return tree;
  free(tree); /* another thread was faster */
  return nobody;
}

size_t
record_memory(const struct record *r)
{
  struct json *tree = atomic_load_explicit(&r->tree, memory_order_acquire);

  return sizeof *r + r->key_len + r->n + 2 + malloc_usable_size(tree);
}
