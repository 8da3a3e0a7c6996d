/* A bearer token from a stranger: it is refused, and nothing else happens. */
#include <assert.h>
#include <stdlib.h>

#include "authn.h"
#include "sa_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A key of its own, written down: so a saved token stays what it was. */
static const char key[] = "-----BEGIN EC PRIVATE KEY-----\n"
                          "MHgCAQEEIQD+P6DJnSnlmtrR8GClpNrtqY6m/0WPGVbQlNuBfxuLlKAKBggqhkjO\n"
                          "PQMBB6FEA0IABMgO70nwP4/mbMzufF3RgFSzmyiUBwt2CPAy8NeOGW6ewMnbz/ZT\n"
                          "ecHvUQhYcg/Wk4iISctuN2oPTpCUjPgSk+E=\n"
                          "-----END EC PRIVATE KEY-----\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(64 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct clock *clock = clock_new_virtual(1800000000 * CLOCK_SEC);
  const struct json *claims = NULL;
  struct sa_signer *s;
  struct span token = span_make((const char *)data, size);
  int r;

  if (sa_signer_new(clock, span_make(key, sizeof key - 1), NULL, NULL, 0, &s, &err) < 0)
    abort();
  r = sa_token_verify(s, a, token, &claims, &err);
  assert(r == -(int)err.code && (r == 0) == (claims != NULL));
  assert(r < 0 || sa_token_is_ours(s, a, token));
  sa_signer_free(s);
  clock_free(clock);
  return 0;
}
