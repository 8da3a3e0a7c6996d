#include <assert.h>
#include <stdint.h>

#include "cdi.h"
#include "ceilings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever passes the check can be merged, and what was merged has only well-formed edits. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT, no = KERR_INIT;
  struct cdi_spec spec = { .path = "fuzz" };
  struct cdi_registry reg = { .specs = &spec, .n = 1 };
  struct json *doc, *edits;

  if (cdi_parse(a, span_make((const char *)data, size), "fuzz", &doc, &err) < 0)
    return 0;
  spec.doc = doc;
  spec.kind = json_get_str(doc, "kind");
  const char *id = arena_printf(a, "%s=%s", spec.kind, json_get_str(json_at(json_get(doc, "devices"), 0), "name"));
  assert(cdi_merge(a, &reg, &id, 1, &edits, &no) == 0);
  for (json_each_item (p, json_get(edits, "env")))
    assert(strchr(json_str(*p), '=') > json_str(*p));
  for (json_each_item (p, json_get(edits, "deviceNodes")))
    assert(json_get_str(*p, "path"));
  return 0;
}
