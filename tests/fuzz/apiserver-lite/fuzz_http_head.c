/* Bytes of a connection: heads and bodies behind each other, as a server reads them. */
#include <assert.h>
#include <string.h>

#include "http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_head(const struct http_head *h)
{
  assert(*h->method && *h->target && !strpbrk(h->target, " \r\n"));
  for (size_t i = 0; i < h->n_headers; i++) {
    assert(*h->headers[i].name && !strpbrk(h->headers[i].name, " :\r\n"));
    assert(!strpbrk(h->headers[i].value, "\r\n"));
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct span in = span_make((const char *)data, size), piece;

  for (size_t n; (n = http_head_size(in)) > 0;) {
    _cleanup_arena_ struct arena *a = arena_new(16 << 20);
    struct http_head h;
    struct http_body b;
    uint64_t got = 0;
    int r, status = http_head_parse(a, span_make(in.p, n), &h);

    assert(status == 0 || status == 400 || status == 431 || status == 501 || status == 505);
    if (status)
      break;
    check_head(&h);
    in = span_make(in.p + n, in.n - n);
    http_body_init(&b, &h);
    while ((r = http_body_next(&b, &in, &piece)) > 0) {
      assert(piece.n > 0 && piece.p >= (const char *)data && piece.p + piece.n <= in.p);
      got += piece.n;
    }
    if (r < 0 || b.state != BODY_OVER)
      break;
    assert(h.chunked || got == h.length);
  }
  return 0;
}
