/* A request target and an Accept-Encoding, separated by a line break. */
#include <assert.h>
#include <string.h>

#include "http_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(16 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *path = NULL, *query = NULL;
  char *text, *second;
  int r;

  if (size > 65536)
    return 0;
  text = mem_strndup((const char *)data, size);
  second = strchr(text, '\n');
  if (second)
    *second++ = '\0';
  r = http_target_parse(a, text, &path, &query, &err);
  assert(r == -(int)err.code);
  assert((r == 0) == (path != NULL && query != NULL));
  if (r == 0) {
    assert(path[0] == '/' && span_utf8_valid(span_of(path)));
    assert(strlen(path) + strlen(query) <= strlen(text) + 1);
  }
  if (http_accepts_gzip(second))
    assert(strstr(second, "gzip"));
  free(text);
  return 0;
}
