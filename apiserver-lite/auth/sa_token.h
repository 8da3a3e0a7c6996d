/*
 * sa_token - service account tokens: JSON web tokens signed with the cluster's key (ES256).
 *
 * Claims as upstream's pkg/serviceaccount/claims.go. Verification here is of
 * signature, issuer, audience and time; whether the account and what the token
 * is bound to still exist is authn's question.
 *
 * Threads: a signer is constant; everything from any thread.
 */
#ifndef APISERVER_SA_TOKEN_H
#define APISERVER_SA_TOKEN_H

#include "arena.h"
#include "clock.h"
#include "json.h"
#include "kerr.h"

#define SA_TOKEN_MAX      ((size_t)16 * 1024)
#define SA_AUDIENCES_MAX  32
#define SA_DEFAULT_ISSUER "https://kubernetes.default.svc.cluster.local"
/* Tokens of other machines' clocks: upstream's jwt.DefaultLeeway. */
#define SA_LEEWAY 60

struct sa_signer;

/* `key`: PEM, EC P-256. `issuer` NULL: the default. `audiences` none: the issuer. KERR_PARSE. */
_must_check_ int sa_signer_new(struct clock *clock, struct span key, const char *issuer, const char *const *audiences,
                               size_t n_audiences, struct sa_signer **ret, struct kerr *reterr);
void sa_signer_free(struct sa_signer *s);
const char *const *sa_signer_audiences(const struct sa_signer *s, size_t *ret_n); /* of the API server */

struct sa_ref {
  const char *name, *uid; /* name NULL: none */
};

struct sa_token_request {
  const char *ns;
  struct sa_ref account;
  const char *const *audiences; /* none: the API server's */
  size_t n_audiences;
  int64_t seconds;                 /* until it expires */
  int64_t warn_after;              /* seconds; 0: none */
  struct sa_ref pod, node, secret; /* bound to: a pod (and its node), a node, or a secret */
};

/* The token, in the arena; *ret_expiry in seconds since 1970. KERR_INTERNAL. */
_must_check_ int sa_token_issue(struct sa_signer *s, struct arena *a, const struct sa_token_request *req,
                                const char **ret_token, int64_t *ret_expiry, struct kerr *reterr);

/* Has it the form of one of our tokens (three parts, our issuer)? Others may be for somebody else to judge. */
bool sa_token_is_ours(const struct sa_signer *s, struct arena *a, struct span token);
/* The claims of a good token. KERR_UNAUTHORIZED with upstream's reason ("service account token has expired"). */
_must_check_ int sa_token_verify(struct sa_signer *s, struct arena *a, struct span token,
                                 const struct json **ret_claims, struct kerr *reterr);

/* /.well-known/openid-configuration and /openid/v1/jwks. */
const char *sa_openid_configuration(const struct sa_signer *s, struct arena *a);
const char *sa_openid_keys(const struct sa_signer *s, struct arena *a);

#endif
