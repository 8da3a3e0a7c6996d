/* Any bytes as Kubernetes protobuf: what can be decoded is a canonical object, and comes back from its own encoding. */
#include <assert.h>

#include "ceilings.h"
#include "kind.h"
#include "kind_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b, second;
  const struct kind *k = NULL, *again = NULL;
  struct json *tree, *back, *read;
  strbuf_init(&b, CEIL_REPLY);
  strbuf_init(&second, CEIL_REPLY);
  if (kind_decode_proto(a, NULL, span_make((const char *)data, size), &k, &tree, &err) < 0) {
    assert(err.msg);
    return 0;
  }
  if (kind_encode_proto(k, tree, &b, &err) < 0)
    return 0;
  int rc = kind_decode_proto(a, NULL, strbuf_view(&b), &again, &back, &err);
  assert(rc == 0 && again == k);
  rc = kind_encode_proto(k, back, &second, &err);
  assert(rc == 0 && span_eq(strbuf_view(&b), strbuf_view(&second)));
  rc = kind_decode(a, k, tree, NULL, &read, &err);
  assert(rc == 0);
  return 0;
}
