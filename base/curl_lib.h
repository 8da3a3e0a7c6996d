/*
 * curl_lib - the part of libcurl that we use, opened when somebody calls over HTTPS.
 *
 * libcurl with its thirty libraries costs more memory than the rest of a
 * cluster, and most clusters live in one process: so it is not linked. The
 * numbers below are its stable ABI (curl.h, multi.h); no header is needed.
 */
#ifndef BASE_CURL_LIB_H
#define BASE_CURL_LIB_H

#include <sys/socket.h>

#include "kerr.h"

enum curl_option { /* 0: long, 10000: pointer, 20000: function, 30000: 64-bit */
                   CURL_WRITEDATA = 10001,
                   CURL_URL = 10002,
                   CURL_PROXY = 10004,
                   CURL_ERRORBUFFER = 10010,
                   CURL_WRITEFUNCTION = 20011,
                   CURL_POSTFIELDS = 10015,
                   CURL_HTTPHEADER = 10023,
                   CURL_SSLCERT = 10025,
                   CURL_HEADERDATA = 10029,
                   CURL_CUSTOMREQUEST = 10036,
                   CURL_SSL_VERIFYPEER = 64,
                   CURL_CAINFO = 10065,
                   CURL_HEADERFUNCTION = 20079,
                   CURL_HTTPGET = 80,
                   CURL_SSL_VERIFYHOST = 81,
                   CURL_HTTP_VERSION = 84,
                   CURL_SSLKEY = 10087,
                   CURL_NOPROGRESS = 43,
                   CURL_XFERINFODATA = 10057,
                   CURL_XFERINFOFUNCTION = 20219,
                   CURL_NOSIGNAL = 99,
                   CURL_PRIVATE = 10103,
                   CURL_POSTFIELDSIZE = 30120,
                   CURL_TIMEOUT_MS = 155,
                   CURL_CONNECTTIMEOUT_MS = 156,
                   CURL_TCP_KEEPALIVE = 213,
                   CURL_CONNECT_TO = 10243,
                   CURL_OPENSOCKETFUNCTION = 20163,
                   CURL_OPENSOCKETDATA = 10164,
};
enum curl_info {
  CURL_RESPONSE_CODE = 0x200002,
  CURL_CONTENT_TYPE = 0x100012,
  CURL_GET_PRIVATE = 0x100015,
  CURL_OS_ERRNO = 0x200019,
};
enum curl_code { /* what easy_perform answers, as far as somebody tells them apart */
                 CURL_NO_HOST = 6,
                 CURL_NO_CONNECTION = 7,
                 CURL_TIMED_OUT = 28,
                 CURL_TLS_FAILED = 35,
                 CURL_EMPTY_REPLY = 52,
                 CURL_RECEIVE_FAILED = 56,
                 CURL_NOT_TRUSTED = 60,
};

#define CURL_HTTP_1_1  2L
#define CURL_ERROR_MAX 256
#define CURL_PAUSE     ((size_t)0x10000001) /* a write function's answer: not now */
#define CURL_UNPAUSE   0
#define CURL_GLOBAL    3L
#define CURL_DONE      1 /* struct curl_message.what */

struct curl_list;
struct curl_address { /* what CURL_OPENSOCKETFUNCTION is asked for; `addr` is as long as addr_len says */
  int family, type, protocol;
  unsigned addr_len;
  struct sockaddr addr;
};
struct curl_message {
  int what;
  void *easy;
  union {
    void *whatever;
    int result;
  } data;
};

/* X(return type, name, arguments) for curl_<name> */
#define CURL_FUNCTIONS(X)                                                    \
  X(int, global_init, (long flags))                                          \
  X(void *, easy_init, (void))                                               \
  X(void, easy_reset, (void *easy))                                          \
  X(void, easy_cleanup, (void *easy))                                        \
  X(int, easy_setopt, (void *easy, int option, ...))                         \
  X(int, easy_getinfo, (void *easy, int info, ...))                          \
  X(int, easy_perform, (void *easy))                                         \
  X(int, easy_pause, (void *easy, int what))                                 \
  X(const char *, easy_strerror, (int code))                                 \
  X(struct curl_list *, slist_append, (struct curl_list *, const char *))    \
  X(void, slist_free_all, (struct curl_list *))                              \
  X(void *, multi_init, (void))                                              \
  X(int, multi_cleanup, (void *multi))                                       \
  X(int, multi_add_handle, (void *multi, void *easy))                        \
  X(int, multi_remove_handle, (void *multi, void *easy))                     \
  X(int, multi_perform, (void *multi, int *running))                         \
  X(int, multi_poll, (void *multi, void *fds, unsigned n, int ms, int *ret)) \
  X(int, multi_wakeup, (void *multi))                                        \
  X(struct curl_message *, multi_info_read, (void *multi, int *left))

struct curl_api {
  void *library;
#define X(type, name, args) type(*name) args;
  CURL_FUNCTIONS(X)
#undef X
};

/* KERR_UNAVAILABLE names the package to install. The library stays loaded: it cannot be unloaded safely. */
_must_check_ int curl_api_open(struct curl_api *ret, struct kerr *reterr);
/*
 * A text that libcurl wants to read from a file (with GnuTLS it reads certificates from nothing else): *ret_fd and
 * *ret_path are the caller's, the path is good while the descriptor is open. `text` NULL: nothing is made.
 */
_must_check_ int curl_memory_file(const char *name, const char *text, int *ret_fd, char **ret_path,
                                  struct kerr *reterr);
/* A write function (CURL_WRITEFUNCTION) that adds to the struct strbuf of CURL_WRITEDATA, up to its limit. */
size_t curl_collect(char *p, size_t size, size_t n, void *strbuf);
/* Proxies are for other machines, as Go's ProxyFromEnvironment has it: is this URL about ours? */
bool curl_is_local(const char *url);

#endif
