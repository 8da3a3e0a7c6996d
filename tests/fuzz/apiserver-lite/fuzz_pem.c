/* A text: its blocks come to an end, each shorter than what it was read from, and what is in them can be asked about.
 */
#include <assert.h>

#include "pem.h"
#include "pki_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(64 << 20);
  struct span text = span_make((const char *)data, size), left = text, der;
  struct pem_block block;

  for (size_t before = left.n; pem_next(a, &left, &block); before = left.n) {
    assert(left.n < before);
    assert(block.bytes.n < before);
  }
  if (!pki_request_read(a, text, &der)) {
    assert(der.n);
    (void)pki_request_check(a, der);
    (void)pki_request_is_of(der, "system:masters");
  }
  (void)pki_certificates_check(a, text);
  return 0;
}
