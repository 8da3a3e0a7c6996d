#include <assert.h>
#include <string.h>

#include "cel.h"
#include "cel_dra.h"
#include "cel_dra_env.h"
#include "ceilings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char device_text[] =
    "{\"attributes\":{\"model\":{\"string\":\"a100\"},\"n\":{\"int\":3},\"b\":{\"bool\":true},\"v\":{\"version\":"
    "\"1.2.3\"},\"l\":{\"ints\":[1,2]}},\"capacity\":{\"mem\":{\"value\":\"40Gi\"}},\"allowMultipleAllocations\":true}";

/* Any text compiles or is refused with a text; what compiles runs to a value within the limit, twice the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(4 * CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_selector *s = NULL;
  struct cel_device *device;
  struct json *tree;
  bool match[2] = { false, false };
  int r[2];

  if (size > CEL_DRA_LENGTH_MAX)
    return 0;
  if (cel_selector_compile(span_make((const char *)data, size), &s, &err) < 0) {
    assert(err.msg && *err.msg);
    return 0;
  }
  assert(json_parse(a, span_of(device_text), NULL, &tree, &err) == 0);
  assert(cel_device_new(a, "d", tree, &device, &err) == 0);
  for (int i = 0; i < 2; i++) {
    _cleanup_kerr_ struct kerr run = KERR_INIT;

    r[i] = cel_selector_match(s, device, a, &match[i], &run);
    assert(r[i] == 0 || (run.msg && *run.msg));
  }
  assert(r[0] == r[1] && match[0] == match[1]);
  assert(cel_selector_why_not(s, device, a));
  cel_selector_unref(s);
  return 0;
}
