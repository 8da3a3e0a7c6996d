/*
 * webhook_client - how the API server calls webhooks: one POST over HTTPS, JSON to JSON.
 *
 * Admission and conversion webhooks name their server by URL or by a Service
 * of the cluster. A Service is resolved through the stored objects to one of
 * its ready endpoints (there is no kube-proxy here that would do so), and the
 * server has to show a certificate for NAME.NAMESPACE.svc. Trust is the
 * hook's caBundle, or the machine's when there is none.
 *
 * Redirects are not followed and an answer has a ceiling (CEIL_WEBHOOK_REPLY).
 * Connections stay open for the next call. Texts of errors are those of
 * upstream's client (apiserver/pkg/util/webhook/client.go, client-go/rest):
 * what follows "failed to call webhook: ".
 *
 * Ownership: one client per server. Threads: any, concurrently; a call blocks
 * its thread until the answer is there or its timeout has passed.
 */
#ifndef APISERVER_WEBHOOK_CLIENT_H
#define APISERVER_WEBHOOK_CLIENT_H

#include "auth_source.h"
#include "kerr.h"

struct webhook_client;

struct webhook_call {
  const struct json *config; /* WebhookClientConfig: url or service, caBundle; canonical */
  struct span body;          /* JSON */
  int timeout_seconds;       /* of the whole call; also told to the server: ?timeout=10s */
};

/* `objects` (services and endpointslices are asked for) is borrowed. libcurl is loaded with the first call. */
struct webhook_client *webhook_client_new(struct auth_source *objects);
void webhook_client_free(struct webhook_client *w); /* no call may be running; NULL is fine */
/* The server goes: calls that are under way fail within a second or so, and later ones as soon. */
void webhook_client_stop(struct webhook_client *w);

/*
 * *ret: the answer, a tree in `a`, any JSON value. Errors, all with upstream's text: KERR_UNAVAILABLE (no connection,
 * no trust, no endpoint), KERR_TIMEOUT, KERR_INTERNAL (an answer that is no success or no JSON), KERR_TOO_LARGE,
 * KERR_BAD_REQUEST (the configuration names no server).
 */
_must_check_ int webhook_post(struct webhook_client *w, struct arena *a, const struct webhook_call *call,
                              struct json **ret, struct kerr *reterr);

#endif
