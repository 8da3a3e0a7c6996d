/*
 * apiserver_only - an API server on a memory store and a plain socket, for `replay` and for trying things by hand.
 *
 *   apiserver_only PORT TOKEN [GATES [RUNTIME_CONFIG]]
 *
 * Whoever shows TOKEN is a member of system:masters. It runs until it is killed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apiserver.h"
#include "http_server.h"

#define DEFAULT_RUNTIME "resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true,resource.k8s.io/v1alpha3=true"

/* An exchange in front of the server's that knows one token. */
struct front {
  struct exchange exchange; /* first */
  struct exchange *server;
  char *authorization; /* "Bearer TOKEN" */
};

static void
serve(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret)
{
  static const char *const groups[] = { "system:masters", "system:authenticated" };
  static const struct exchange_user admin = { .name = "admin", .uid = "", .groups = groups, .n_groups = 2 };
  struct front *f = container_of(x, struct front, exchange);
  struct exchange_request mine = *req;
  const char *shown = exchange_header_get(req->headers, req->n_headers, "authorization");

  if (shown && strcmp(shown, f->authorization) == 0)
    mine.user = &admin;
  f->server->ops->serve(f->server, &mine, ret);
}

int
main(int argc, char **argv)
{
  static const struct exchange_ops ops = { .serve = serve };
  struct clock *clock = clock_new_real();
  struct log *log = log_new(STDERR_FILENO, LOG_INFO, NULL);
  struct store_config store = { .backend = "memory", .clock = clock, .log = log };
  struct apiserver_config config = { .clock = clock, .log = log, .advertise_address = "127.0.0.1" };
  struct http_config http = { .clock = clock, .log = log };
  struct front front = { .exchange = { .ops = &ops } };
  struct http_server *listener;
  struct apiserver *server;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (argc < 3) {
    fputs("usage: apiserver_only PORT TOKEN [GATES [RUNTIME_CONFIG]]\n", stderr);
    return 2;
  }
  (void)signal(SIGPIPE, SIG_IGN);
  http.port = (uint16_t)strtoul(argv[1], NULL, 10);
  config.advertise_port = http.port;
  front.authorization = mem_printf("Bearer %s", argv[2]);
  if (personality_new(NULL, argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : DEFAULT_RUNTIME, &config.personality,
                      &err) < 0 ||
      store_open(&store, &config.store, &err) < 0 || apiserver_new(&config, &server, &err) < 0) {
    fprintf(stderr, "%s\n", err.msg);
    return 1;
  }
  front.server = apiserver_exchange(server);
  http.exchange = &front.exchange;
  if (http_server_new(&http, &listener, &err) < 0) {
    fprintf(stderr, "%s\n", err.msg);
    return 1;
  }
  printf("http://127.0.0.1:%u\n", http_server_port(listener));
  fflush(stdout);
  for (;;)
    pause();
}
