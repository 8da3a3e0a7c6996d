/* hook_server - an HTTPS server on this machine that answers webhook calls with what a test wants. */
#ifndef HOOK_SERVER_H
#define HOOK_SERVER_H

#include <stdatomic.h>

#include "exchange.h"
#include "http_server.h"

#define HOOK_SERVICE "hook.default.svc" /* a name its certificate is good for, beside localhost and 127.0.0.1 */

struct hook_server;
/* Fill `ret`; it begins as 200 with application/json. Runs on the server's threads. */
typedef void hook_answer_fn(struct hook_server *h, const struct exchange_request *req, struct exchange_answer *ret);

struct hook_server {
  struct exchange exchange; /* first */
  struct clock *clock;
  hook_answer_fn *answer;
  void *payload; /* the test's */
  atomic_int calls;
  struct http_server *http;
  struct pki *pki, *stranger;
  char dir[64];
  int port;
  char *ca, *wrong_ca; /* base64 of PEM, as caBundle has it */
};

/* `plain`: without TLS. Fails the test when it cannot start. */
void hook_server_start(struct hook_server *h, struct clock *clock, bool plain, hook_answer_fn *answer, void *payload);
void hook_server_stop(struct hook_server *h);

#endif
