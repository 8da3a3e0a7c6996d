#include <assert.h>
#include <string.h>

#include "ceilings.h"
#include "selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of a label selector parses again, to the same text. The first byte picks the kind of selector. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT, no = KERR_INIT;
  struct label_selector *s, *again;
  struct field_selector f;
  struct span text = span_make((const char *)data + 1, size - 1);
  char *printed;

  if (!size)
    return 0;
  if (data[0] == 'f') {
    assert(field_selector_parse(a, text, &f, &err) == -(int)err.code);
    return 0;
  }
  if (label_selector_parse(a, text, &s, &err) < 0)
    return 0;
  printed = label_selector_text(a, s);
  assert(label_selector_parse(a, span_of(printed), &again, &no) == 0);
  assert(strcmp(printed, label_selector_text(a, again)) == 0);
  return 0;
}
