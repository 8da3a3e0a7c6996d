/*
 * apiserver - a Kubernetes API server over a store, as an exchange.
 *
 * One object serves any number of callers: the HTTP front gives it requests
 * from sockets, kclient's in-process transport those of the cluster's own
 * components. A request runs on the thread of its caller, a watch is pulled by
 * its consumer; the one thread of its own wakes watches whose time is over.
 *
 * apiserver_new makes sure that the objects are there which upstream's server
 * puts into an empty store (system namespaces, priority classes, bootstrap
 * RBAC, the `kubernetes` service), so it writes to the store.
 *
 * Ownership: everything in the configuration is borrowed and must outlive the
 * server; the personality is referenced.
 * Threads: apiserver_exchange()'s functions are safe from any thread.
 */
#ifndef APISERVER_H
#define APISERVER_H

#include "clock.h"
#include "exchange.h"
#include "gates.h"
#include "log.h"
#include "store.h"

struct authn;
struct authz;
struct sa_signer;

struct apiserver_config {
  struct personality *personality;
  struct store *store;
  struct clock *clock;
  struct log *log;               /* may be NULL */
  struct authn *authn;           /* NULL: who brings no user is system:anonymous */
  struct authz *authz;           /* NULL: everything is allowed (tests) */
  struct sa_signer *signer;      /* of service account tokens; NULL: none are issued */
  const char *advertise_address; /* of the `kubernetes` service's endpoint: "127.0.0.1"; NULL: none is made */
  int advertise_port;
  const char *enable_admission, *disable_admission; /* names of admission plugins, by commas; NULL: none */
  const char *service_range;                        /* "10.96.0.0/12" when NULL */
  const char *node_port_range;                      /* "30000-32767" when NULL */
  const char *client_ca;                            /* PEM, told to extension servers in a config map; NULL: none */
};

struct apiserver;

/* Are these names of admission plugins? KERR_USAGE in upstream's words. */
_must_check_ int apiserver_check_admission(const char *enable, const char *disable, struct kerr *reterr);
/* KERR_IO and the like when the store cannot take the bootstrap objects; KERR_USAGE: an admission plugin's name. */
_must_check_ int apiserver_new(const struct apiserver_config *config, struct apiserver **ret, struct kerr *reterr);
void apiserver_free(struct apiserver *s); /* no request may be running */
void apiserver_freep(struct apiserver **ps);
struct exchange *apiserver_exchange(struct apiserver *s);
/* End every watch: for an orderly shutdown, before apiserver_free. */
void apiserver_stop(struct apiserver *s);

/*
 * Further paths below an object that somebody else serves: log, exec, attach, portforward of pods (the node agent).
 * Called after authentication and authorization; fills the answer as exchange_ops.serve does. False: not mine.
 */
typedef bool apiserver_hook_fn(void *payload, const struct exchange_request *req, const char *resource,
                               const char *subresource, const char *ns, const char *name, struct exchange_answer *ret);
/* Before the first request. */
void apiserver_set_hook(struct apiserver *s, apiserver_hook_fn *fn, void *payload);

/*
 * What of a ValidatingAdmissionPolicy's expressions does not fit the kinds it matches, as status.typeChecking tells it:
 * a list of {fieldRef, warning} in the arena, or NULL.
 */
struct json *apiserver_check_policy(struct apiserver *s, const struct json *policy, struct arena *a);

#endif
