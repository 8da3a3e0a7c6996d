#include <assert.h>
#include <stdint.h>

#include "ceilings.h"
#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A profile that is accepted has what the tree writer counts on. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct profile *p;

  if (profile_parse(a, span_make((const char *)data, size), "fuzz", &p, &err) < 0) {
    assert(err.msg && *err.msg);
    return 0;
  }
  assert(p->n_devices > 0 && p->count >= 0 && p->count <= PROFILE_MAX_DEVICES);
  for (size_t i = 0; i < p->n_devices; i++)
    assert(p->devices[i].name && *p->devices[i].name);
  assert(p->place != PLACE_VIRTUAL || p->class_name);
  return 0;
}
