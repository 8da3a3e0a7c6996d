#include <assert.h>

#include "ceilings.h"
#include "quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The canonical form of a value stands for the same value. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT, no = KERR_INIT;
  struct quantity q, again, sum;
  int r = quantity_parse(span_make((const char *)data, size), &q, &err);

  assert(r == -(int)err.code);
  if (r < 0)
    return 0;
  (void)quantity_value(&q);
  (void)quantity_milli(&q);
  (void)quantity_approx(&q);
  sum = quantity_sub(&q, &q);
  assert(quantity_sign(&sum) == 0);
  sum = quantity_add(&q, &q);
  assert(quantity_sign(&sum) == quantity_sign(&q));
  if (q.format == QUANTITY_DECIMAL_EXPONENT) { /* the others lose a suffix that they do not have, as upstream */
    assert(quantity_parse(span_of(quantity_text(a, &q)), &again, &no) == 0);
    assert(quantity_cmp(&q, &again) == 0);
  }
  return 0;
}
