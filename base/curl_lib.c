#include "curl_lib.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>

#include "fs.h"
#include "strbuf.h"

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

int
curl_memory_file(const char *name, const char *text, int *ret_fd, char **ret_path, struct kerr *reterr)
{
  int fd;

  if (!text)
    return 0;
  fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0 || fs_write_all(fd, span_of(text)) < 0) {
    fs_closep(&fd);
    return kerr_set(reterr, KERR_IO, NULL, "no memory file for the %s", name);
  }
  *ret_fd = fd;
  *ret_path = mem_printf("/proc/self/fd/%d", fd);
  return 0;
}

size_t
curl_collect(char *p, size_t size, size_t n, void *strbuf)
{
  strbuf_add(strbuf, p, size * n);
  return strbuf_overflowed(strbuf) ? 0 : size * n;
}

bool
curl_is_local(const char *url)
{
  static const char *const hosts[] = { "://127.", "://localhost", "://[::1]" };

  for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
    if (strstr(url, hosts[i]))
      return true;
  return false;
}
