#include "kclient_curl.h"

#include <dlfcn.h>
#include <string.h>

int
curl_api_open(struct curl_api *ret, struct kerr *reterr)
{
  static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4" };
  struct curl_api api = { .library = NULL };

  for (size_t i = 0; i < ARRAY_SIZE(names) && !api.library; i++)
    api.library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!api.library)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL,
                    "%s is not installed, and is needed to reach an API server over HTTPS: install the package "
                    "libcurl3-gnutls",
                    names[0]);
    /* POSIX wants a data pointer to hold a function's address here; C has no cast for it. */
#define X(type, name, args)                                                                            \
  {                                                                                                    \
    void *symbol = dlsym(api.library, "curl_" #name);                                                  \
                                                                                                       \
    if (!symbol)                                                                                       \
      return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "libcurl is too old: it has no curl_%s", #name); \
    memcpy(&api.name, &symbol, sizeof symbol);                                                         \
  }
  CURL_FUNCTIONS(X)
#undef X
  if (api.global_init(CURL_GLOBAL) != 0)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "libcurl cannot be initialised");
  *ret = api;
  return 0;
}
