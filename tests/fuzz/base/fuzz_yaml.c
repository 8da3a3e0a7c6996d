#include <assert.h>

#include "ceilings.h"
#include "yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is read can be written, and what is written can be read. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json **docs;
  size_t n;
  int r = yaml_parse_all(a, span_make((const char *)data, size), NULL, &docs, &n, &err);

  assert(r == -(int)err.code);
  for (size_t i = 0; r == 0 && i < n; i++) {
    _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REPLY);

    yaml_write(&b, docs[i]);
    assert(b.n > 0 && span_utf8_valid(strbuf_view(&b)));
  }
  return 0;
}
