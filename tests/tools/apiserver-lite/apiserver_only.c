/*
 * apiserver_only - an API server on a memory store, for `replay` and for trying things by hand.
 *
 *   apiserver_only PORT TOKEN DIR [GATES [RUNTIME_CONFIG [VERSION]]]
 *
 * Whoever shows TOKEN is a member of system:masters; keys and certificates are kept in DIR. Runs until it is killed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apiserver.h"
#include "authn.h"
#include "authz.h"
#include "http_server.h"
#include "pki.h"

#define DEFAULT_RUNTIME "resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true,resource.k8s.io/v1alpha3=true"

static struct authn_config *
signed_by(struct authn_config *who, struct sa_signer *signer)
{
  who->signer = signer;
  return who;
}

int
main(int argc, char **argv)
{
  struct clock *clock = clock_new_real();
  struct log *log = log_new(STDERR_FILENO, LOG_INFO, NULL);
  struct store_config store = { .backend = "memory", .clock = clock, .log = log };
  struct apiserver_config config = { .clock = clock, .log = log, .advertise_address = "127.0.0.1" };
  struct http_config http = { .clock = clock, .log = log };
  struct pki_config keys = { .clock = clock, .dir = argc > 3 ? argv[3] : NULL };
  struct pki *pki = NULL;
  struct authn_config who = { .clock = clock, .anonymous = true };
  struct http_server *listener;
  struct apiserver *server;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (argc < 4) {
    fputs("usage: apiserver_only PORT TOKEN DIR [GATES [RUNTIME_CONFIG [VERSION]]]\n", stderr);
    return 2;
  }
  (void)signal(SIGPIPE, SIG_IGN);
  http.port = (uint16_t)strtoul(argv[1], NULL, 10);
  config.advertise_port = http.port;
  who.admin_token = argv[2];
  if (personality_new(argc > 6 ? argv[6] : NULL, argc > 4 ? argv[4] : NULL, argc > 5 ? argv[5] : DEFAULT_RUNTIME,
                      &config.personality, &err) < 0 ||
      pki_open(&keys, &pki, &err) < 0 ||
      sa_signer_new(clock, pki_sa_key(pki), NULL, NULL, 0, &config.signer, &err) < 0 ||
      authn_new(signed_by(&who, config.signer), &config.authn, &err) < 0 ||
      authz_new(NULL, config.personality, &config.authz, &err) < 0 || store_open(&store, &config.store, &err) < 0 ||
      apiserver_new(&config, &server, &err) < 0) {
    fprintf(stderr, "%s\n", err.msg);
    return 1;
  }
  http.exchange = apiserver_exchange(server);
  http.cert = pki_server_cert(pki);
  http.key = pki_server_key(pki);
  http.client_ca = pki_ca(pki);
  if (http_server_new(&http, &listener, &err) < 0) {
    fprintf(stderr, "%s\n", err.msg);
    return 1;
  }
  printf("https://127.0.0.1:%u\n", http_server_port(listener));
  fflush(stdout);
  for (;;)
    pause();
}
