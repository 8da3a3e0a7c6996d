#include "range_map.h"

#include <assert.h>
#include <string.h>

#include "ceilings.h"
#include "codec.h"

#define ATTEMPTS 64 /* another writer was faster that often */

struct range_bits {
  const struct range_map *map;
  unsigned char *taken; /* number n is bit n % 8 of byte n / 8 */
  size_t n;
};

void
range_bits_set(struct range_bits *b, uint32_t at)
{
  assert(at < b->map->size);
  b->taken[at / 8] |= (unsigned char)(1U << (at % 8));
}

static bool
is_taken(const struct range_bits *b, uint32_t at)
{
  return b->taken[at / 8] >> (at % 8) & 1;
}

static void
clear(struct range_bits *b, uint32_t at)
{
  b->taken[at / 8] &= (unsigned char)~(1U << (at % 8));
}

/* -- the object: the bits as one big number, most significant byte first -- */

static int
read_bits(struct range_bits *b, struct span base64, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf raw;

  strbuf_init(&raw, CEIL_ARENA_REQUEST);
  if (!codec_unbase64(&raw, base64) || raw.n > b->n)
    return kerr_set(reterr, KERR_PARSE, NULL, "'/registry/ranges/%s' cannot be read", b->map->name);
  for (size_t i = 0; i < raw.n; i++)
    b->taken[i] = (unsigned char)raw.p[raw.n - 1 - i];
  return 0;
}

static struct record *
make_record(struct arena *a, struct span key, const struct range_bits *b)
{
  struct json *o = json_new_object(a);
  _cleanup_strbuf_ struct strbuf raw, base64;
  size_t n = b->n;

  strbuf_init(&raw, CEIL_ARENA_REQUEST);
  strbuf_init(&base64, CEIL_ARENA_REQUEST);
  while (n && !b->taken[n - 1])
    n--;
  while (n)
    strbuf_putc(&raw, (char)b->taken[--n]);
  codec_base64(&base64, span_make(raw.p, raw.n));
  json_set_str(a, o, "kind", "RangeAllocation");
  json_set_str(a, o, "apiVersion", "v1");
  json_set(a, o, "metadata", json_new_object(a));
  json_set_str(a, o, "range", b->map->text);
  json_set(a, o, "data", json_new_strn(a, base64.p, base64.n));
  return record_from_json(key, 0, o);
}

/* *ret_revision 0: nobody has taken anything, or it was from another range, which then counts no more. */
static int
load(struct store *s, struct span key, struct range_bits *b, int64_t *ret_revision, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  memset(b->taken, 0, b->n);
  *ret_revision = 0;
  if (store_get(s, key, 0, &r, &err) < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  *ret_revision = record_revision(r);
  if (strcmp(json_get_str_or(record_tree(r), "range", ""), b->map->text) != 0)
    return 0;
  return read_bits(b, json_span(json_get(record_tree(r), "data")), reterr);
}

/* -- changing it -- */

/* 0: store what it made of the bits; RANGE_TAKEN or an error: leave them. */
typedef int edit_fn(struct range_bits *b, void *payload, struct kerr *reterr);

static struct range_bits
new_bits(struct arena *a, const struct range_map *m)
{
  struct range_bits b = { .map = m, .n = (m->size + 7) / 8 };

  assert(m->size <= RANGE_MAP_MAX && m->reserved < m->size);
  b.taken = arena_array_of(a, unsigned char, b.n);
  return b;
}

static struct span
key_of(struct arena *a, const struct range_map *m)
{
  return span_of(arena_printf(a, "/registry/ranges/%s", m->name));
}

static int
edit(struct store *s, const struct range_map *m, edit_fn *fn, void *payload, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct range_bits b = new_bits(a, m), was = new_bits(a, m);
  struct span key = key_of(a, m);

  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    _cleanup_record_ struct record *r = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    int64_t revision;
    int done;

    if (load(s, key, &b, &revision, reterr) < 0)
      return -(int)reterr->code;
    memcpy(was.taken, b.taken, b.n);
    done = fn(&b, payload, reterr);
    if (done != 0)
      return done;
    if (revision && memcmp(was.taken, b.taken, b.n) == 0)
      return 0;
    r = make_record(a, key, &b);
    if (store_cas(s, key, r, revision, &revision, &err) == 0)
      return 0;
    if (err.code != KERR_CONFLICT && err.code != KERR_ALREADY_EXISTS && err.code != KERR_NOT_FOUND)
      return kerr_move(reterr, &err);
  }
  return kerr_set(reterr, KERR_CONFLICT, NULL, "'%.*s' is written by others all the time", SPAN_FMT(key));
}

static int
take_one(struct range_bits *b, void *payload, struct kerr *reterr)
{
  const uint32_t *at = payload;

  (void)reterr;
  if (is_taken(b, *at))
    return RANGE_TAKEN;
  range_bits_set(b, *at);
  return 0;
}

int
range_map_take(struct store *s, const struct range_map *m, uint32_t at, struct kerr *reterr)
{
  return edit(s, m, take_one, &at, reterr);
}

/* The next free number of [from, to), counted on from a random one. */
static bool
find_free(const struct range_bits *b, uint32_t from, uint32_t to, uint32_t *ret)
{
  uint32_t start;

  codec_random(&start, sizeof start);
  for (uint32_t i = 0; i < to - from; i++) {
    *ret = from + (uint32_t)(((uint64_t)start + i) % (to - from));
    if (!is_taken(b, *ret))
      return true;
  }
  return false;
}

static int
take_any(struct range_bits *b, void *payload, struct kerr *reterr)
{
  uint32_t *ret = payload;

  (void)reterr;
  if (!find_free(b, b->map->reserved, b->map->size, ret) && !find_free(b, 0, b->map->reserved, ret))
    return RANGE_TAKEN;
  range_bits_set(b, *ret);
  return 0;
}

int
range_map_take_any(struct store *s, const struct range_map *m, uint32_t *ret, struct kerr *reterr)
{
  return edit(s, m, take_any, ret, reterr);
}

static int
release(struct range_bits *b, void *payload, struct kerr *reterr)
{
  (void)reterr;
  clear(b, *(const uint32_t *)payload);
  return 0;
}

int
range_map_release(struct store *s, const struct range_map *m, uint32_t at, struct kerr *reterr)
{
  return edit(s, m, release, &at, reterr);
}

int
range_map_has(struct store *s, const struct range_map *m, uint32_t at, bool *ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct range_bits b = new_bits(a, m);
  int64_t revision;

  if (load(s, key_of(a, m), &b, &revision, reterr) < 0)
    return -(int)reterr->code;
  *ret = is_taken(&b, at);
  return 0;
}

struct repair {
  bool keep;
  range_use_fn *use;
  void *payload;
};

static int
repair(struct range_bits *b, void *payload, struct kerr *reterr)
{
  struct repair *p = payload;

  if (!p->keep)
    memset(b->taken, 0, b->n);
  return p->use(p->payload, b, reterr);
}

int
range_map_repair(struct store *s, const struct range_map *m, bool keep, range_use_fn *use, void *payload,
                 struct kerr *reterr)
{
  struct repair p = { keep, use, payload };

  return edit(s, m, repair, &p, reterr);
}
