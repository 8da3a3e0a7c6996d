/* webhook_resolve - where a webhook's server is (apiserver/pkg/util/proxy/proxy.go, ResolveEndpoint). */
#ifndef APISERVER_WEBHOOK_RESOLVE_H
#define APISERVER_WEBHOOK_RESOLVE_H

#include "auth_source.h"
#include "kerr.h"

struct webhook_target {
  const char *url;     /* "https://NAME.NAMESPACE.svc:443/path" */
  const char *host;    /* of a service: NAME.NAMESPACE.svc; NULL for a URL */
  int port;            /* of a service */
  const char *address; /* of a service: "127.0.0.1:8443", one of its ready endpoints */
};

/* What the URL says, without connecting anywhere. KERR_BAD_REQUEST when `config` names neither URL nor service. */
_must_check_ int webhook_target_of(struct arena *a, const struct json *config, struct webhook_target *ret,
                                   struct kerr *reterr);
/* Fill in the address; nothing to do for a URL. KERR_UNAVAILABLE in upstream's words. */
_must_check_ int webhook_resolve(struct auth_source *objects, struct arena *a, const struct json *config,
                                 struct webhook_target *t, struct kerr *reterr);

#endif
