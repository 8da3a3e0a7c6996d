/*
 * Any JSON, read as some kind: the first line of the input is "apiVersion Kind", the rest is the object. What can be
 * decoded is shaped like any request, and its canonical form survives another decoding and the way through protobuf.
 */
#include <assert.h>
#include <string.h>

#include "ceilings.h"
#include "kind.h"
#include "kind_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kind *
kind_of_line(struct arena *a, struct span line)
{
  struct span kind, api_version = span_cut(line, ' ', &kind);
  if (!kind.p)
    return NULL;
  return kind_find_api_version(arena_strndup(a, api_version.p, api_version.n), arena_strndup(a, kind.p, kind.n));
}

static struct json *
decode(struct arena *a, const struct kind *k, const struct json *in)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct kind_strictness strict = { .a = a };
  struct json *v = NULL;
  if (kind_decode(a, k, in, &strict, &v, &err) < 0)
    assert(err.msg);
  return v;
}

/* An empty list is nil in protobuf, so bytes are compared and not trees. */
static void
through_proto(struct arena *a, const struct kind *k, const struct json *tree)
{
  _cleanup_strbuf_ struct strbuf b, second;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct kind *again = k;
  struct json *back = NULL;
  strbuf_init(&b, CEIL_REPLY);
  strbuf_init(&second, CEIL_REPLY);
  if (kind_encode_proto(k, tree, &b, &err) < 0)
    return;
  /* The object may name another kind than the one that it was read as. */
  if (kind_decode_proto(a, NULL, strbuf_view(&b), &again, &back, &err) < 0 || again != k)
    return;
  int rc = kind_encode_proto(k, back, &second, &err);
  assert(rc == 0 && span_eq(strbuf_view(&b), strbuf_view(&second)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  static struct personality *p;
  struct span rest, line = span_cut(span_make((const char *)data, size), '\n', &rest);
  struct json_dup *dups = NULL;
  struct json_parse_opts opts = { .dups = &dups };
  struct json *in, *once, *twice;
  const struct kind *k = rest.p ? kind_of_line(a, line) : NULL;
  if (!k || json_parse(a, rest, &opts, &in, &err) < 0)
    return 0;
  if (!p && personality_new(NULL, NULL, NULL, &p, &err) < 0)
    return 0;
  once = decode(a, k, in);
  if (!once)
    return 0;
  twice = decode(a, k, once); /* a pointer to the zero time prints as null, which is nil when read again */
  assert(twice && json_equal(twice, decode(a, k, twice)));
  through_proto(a, k, twice);
  kind_default(a, k, twice, p, 0);
  kind_drop_disabled(a, k, twice, once, p);
  return 0;
}
