#include <assert.h>
#include <string.h>

#include "ceilings.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses is written, parses again, and is the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT, no = KERR_INIT;
  struct json_dup *dups = NULL;
  struct json_parse_opts list = { .dups = &dups };
  struct json *v, *again;
  char *text;
  int r = json_parse(a, span_make((const char *)data, size), &list, &v, &err);

  assert(r == -(int)err.code);
  if (r < 0)
    return 0;
  text = json_text(a, v, JSON_HTML | JSON_INDENT2);
  assert(json_parse(a, span_of(text), NULL, &again, &no) == 0);
  assert(json_equal(v, again));
  _cleanup_free_ struct json *packed = json_pack(v);
  assert(strcmp(json_text(a, packed, 0), json_text(a, v, 0)) == 0);
  return 0;
}
