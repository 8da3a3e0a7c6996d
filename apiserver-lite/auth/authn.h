/*
 * authn - who is it?
 *
 * In upstream's order: a client certificate, a bearer token (static tokens,
 * then service account tokens), and, with no credentials at all, the anonymous
 * user if that is allowed. Credentials that are shown and are not good are 401,
 * never anonymous. Upstream: apiserver/pkg/authentication, pkg/serviceaccount.
 *
 * Threads: constant after authn_bind; everything else from any thread.
 */
#ifndef APISERVER_AUTHN_H
#define APISERVER_AUTHN_H

#include "auth_source.h"
#include "clock.h"
#include "exchange.h"
#include "sa_token.h"

struct authn;

#define AUTHN_TOKENS_MAX 4096 /* static ones */

struct authn_config {
  struct clock *clock;
  bool anonymous;           /* --anonymous-auth */
  struct span token_file;   /* content of --token-auth-file: token,user,uid,"group1,group2" per line; may be empty */
  const char *admin_token;  /* of kubernetes-admin in system:masters; NULL: none */
  struct sa_signer *signer; /* borrowed; NULL: no service account tokens */
};

/* KERR_PARSE: the token file. */
_must_check_ int authn_new(const struct authn_config *config, struct authn **ret, struct kerr *reterr);
void authn_free(struct authn *n);
/* Where service accounts and what tokens are bound to are; borrowed. Without it such tokens are refused. */
void authn_bind(struct authn *n, struct auth_source *source);

/* The user, in req->arena. req->user is taken at its word. KERR_UNAUTHORIZED ("Unauthorized"). */
_must_check_ int authn_request(struct authn *n, const struct exchange_request *req, const struct exchange_user **ret,
                               struct kerr *reterr);
/*
 * As TokenReview does: the user behind a token that is good for one of `audiences` (none: the server's own).
 * KERR_UNAUTHORIZED, whose message is the review's error. *ret_audiences: those it is good for; NULL for static tokens
 * when none were asked for.
 */
_must_check_ int authn_token(struct authn *n, struct arena *a, struct span token, const char *const *audiences,
                             size_t n_audiences, const struct exchange_user **ret, const char *const **ret_audiences,
                             size_t *ret_n_audiences, struct kerr *reterr);

#endif
