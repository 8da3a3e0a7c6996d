/*
 * kclient_curl - the part of libcurl that we use, opened when a client needs it.
 *
 * libcurl with its thirty libraries costs more memory than the rest of a
 * cluster, and most clusters live in one process: so it is not linked. The
 * numbers below are its stable ABI (curl.h, multi.h); no header is needed.
 */
#ifndef KCLIENT_CURL_H
#define KCLIENT_CURL_H

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
                   CURL_NOSIGNAL = 99,
                   CURL_PRIVATE = 10103,
                   CURL_POSTFIELDSIZE = 30120,
                   CURL_TIMEOUT_MS = 155,
                   CURL_CONNECTTIMEOUT_MS = 156,
                   CURL_TCP_KEEPALIVE = 213,
};
enum curl_info { CURL_RESPONSE_CODE = 0x200002, CURL_CONTENT_TYPE = 0x100012, CURL_GET_PRIVATE = 0x100015 };

#define CURL_HTTP_1_1  2L
#define CURL_ERROR_MAX 256
#define CURL_PAUSE     ((size_t)0x10000001) /* a write function's answer: not now */
#define CURL_UNPAUSE   0
#define CURL_GLOBAL    3L
#define CURL_DONE      1 /* struct curl_message.what */

struct curl_list;
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

#endif
