/*
 * pki_cert - making and looking at X.509 certificates, in PEM, without files.
 *
 * Uses GnuTLS. No state; safe from any thread.
 */
#ifndef APISERVER_PKI_CERT_H
#define APISERVER_PKI_CERT_H

#include "arena.h"
#include "kerr.h"
#include "span.h"

#define CERT_PEM_MAX ((size_t)64 * 1024)

enum cert_use { CERT_AUTHORITY, CERT_SERVER, CERT_CLIENT };

struct cert_request {
  enum cert_use use;
  const char *name; /* common name */
  const char *const *groups;
  size_t n_groups;
  const char *const *hosts; /* CERT_SERVER: names and addresses */
  size_t n_hosts;
  int64_t not_before, not_after; /* seconds since 1970 */
};

/* A new P-256 key, PEM. */
_must_check_ int cert_new_key(struct arena *a, struct span *ret_key, struct kerr *reterr);
/* The public half of a private key, PEM (PKIX). */
_must_check_ int cert_public_key(struct arena *a, struct span key, struct span *ret, struct kerr *reterr);
/* A certificate for `key`; signed by the authority, or by itself when `ca_cert` is empty. */
_must_check_ int cert_sign(struct arena *a, const struct cert_request *req, struct span key, struct span ca_cert,
                           struct span ca_key, struct span *ret_cert, struct kerr *reterr);

/* KERR_PARSE unless `cert` is a certificate and `key` its private key. */
_must_check_ int cert_check_pair(struct span cert, struct span key, struct kerr *reterr);
/* When it ends, seconds since 1970; -1 when it cannot be read. */
int64_t cert_expiry(struct span cert);
/* Is it signed by `ca`, whatever the time? */
bool cert_is_signed_by(struct span cert, struct span ca);
bool cert_names_host(struct span cert, const char *host);

#endif
