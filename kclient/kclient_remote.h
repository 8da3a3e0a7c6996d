/*
 * kclient_remote - what the two halves of the HTTPS transport share: calls
 * (kclient_remote.c) and streams (kclient_stream.c).
 */
#ifndef KCLIENT_REMOTE_H
#define KCLIENT_REMOTE_H

#include "curl_lib.h"
#include "kclient_internal.h"

#define REMOTE_IDLE_MAX 8 /* handles with open connections that are kept for the next calls */

struct remote_streams;

struct remote {
  struct curl_api curl;
  char *server, *authorization;         /* authorization: a whole header, or NULL */
  char *ca_path, *cert_path, *key_path; /* of memory files: libcurl with GnuTLS reads nothing but files */
  int ca_fd, cert_fd, key_fd;
  bool insecure, direct; /* direct: no proxy, the server is on this machine */
  pthread_mutex_t lock;  /* over the members below */
  void *idle[REMOTE_IDLE_MAX];
  size_t n_idle;
  struct remote_streams *streams; /* made with the first */
};

/* Everything but where the answer goes. The list of headers is the caller's to free. */
struct curl_list *remote_prepare(struct kclient *c, void *easy, const struct kclient_call *call,
                                 char error[CURL_ERROR_MAX]);
/* An object of the collection, as the server sent it, as a record; kind and apiVersion are added to items of a list. */
struct record *remote_record(const struct kclient_resource *res, const struct json *o);
int remote_no_answer(const struct remote *r, const struct kclient_call *call, const char *error, int code,
                     struct kerr *reterr);

int remote_watch(struct kclient *c, const struct kclient_call *call, struct exchange_stream **ret, struct kerr *reterr);
void remote_streams_free(struct remote_streams *s); /* NULL is fine; no stream is left */

#endif
