#include <assert.h>
#include <stdint.h>

#include "ceilings.h"
#include "sandbox_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A container of any shape becomes a plan with a command, or an error. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const layers[] = { "/layer" }, *const none[] = { NULL };
  static const struct image image = {
    .name = "i", .id = "x", .layers = layers, .n_layers = 1, .cmd = none, .workdir = "", .user = ""
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT, no = KERR_INIT;
  struct json *doc, *plan;

  if (json_parse(a, span_make((const char *)data, size), NULL, &doc, &err) < 0)
    return 0;
  struct sandbox_spec spec = { .pod = json_get(doc, "pod"),
                               .container = json_get(doc, "container"),
                               .image = &image,
                               .hostname = "h",
                               .node_dir = "/n",
                               .dir = "/d",
                               .shm_dir = "/s",
                               .log = "/l" };
  if (sandbox_plan(a, &spec, &plan, &no) < 0)
    return 0;
  assert(json_count(json_dig(plan, "process", "args", NULL)) > 0);
  for (json_each_item (p, json_dig(plan, "process", "args", NULL)))
    assert(json_str(*p));
  return 0;
}
