#include <assert.h>
#include <stdint.h>

#include "apply.h"
#include "ceilings.h"
#include "kind.h"
#include "patch.h"
#include "typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pod[] =
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"1\"},\"finalizers\":[\"x/"
    "y\"]},"
    "\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]},{\"name\":\"b\"}],"
    "\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"tolerations\":[{\"key\":\"k\"}]}}";

/* What server-side apply does with a configuration: check, fields, merge, compare, take away again. */
static void
apply_all(struct arena *a, struct typed_ref root, const struct json *live, const struct json *config)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct typed_change change;
  struct field_set *fields;
  struct json *merged;

  if (typed_check(a, root, config, &err) < 0)
    return;
  fields = typed_fields(a, root, config);
  assert(field_set_equal(fields, field_set_from_json(a, field_set_to_json(a, fields))));
  merged = typed_merge(a, root, live, config);
  typed_compare(a, root, live, merged, &change);
  (void)typed_remove(a, root, merged, typed_with_parents(a, root, fields));
}

/* The first byte says which kind of patch, the rest is the patch. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const struct kind *k = kind_find("", "v1", "Pod");
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *doc, *patch, *got = NULL;
  int r = 0;

  if (size < 1 || size > 64 * KiB || json_parse(a, SPAN(pod), NULL, &doc, &err) < 0 ||
      json_parse(a, span_make((const char *)data + 1, size - 1), NULL, &patch, &err) < 0)
    return 0;
  switch (data[0] & 3) {
  case 0:
    r = patch_json(a, doc, patch, &got, &err);
    break;
  case 1:
    got = patch_merge(a, doc, patch);
    break;
  case 2:
    if (json_is(patch, JSON_OBJECT))
      r = patch_strategic(a, k->type, doc, patch, &got, &err);
    break;
  default:
    if (json_is(patch, JSON_OBJECT))
      apply_all(a, typed_root(k), doc, patch);
    break;
  }
  assert(r == -(int)err.code);
  if (r == 0 && got)
    assert(json_text(a, got, JSON_COMPACT));
  return 0;
}
