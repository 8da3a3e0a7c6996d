/*
 * pki_request - requests for certificates (PKCS#10) and certificates that others send.
 *
 * Uses GnuTLS; what is wrong is told in the words of Go's crypto/x509, which upstream shows. No state; safe from any
 * thread.
 */
#ifndef APISERVER_PKI_REQUEST_H
#define APISERVER_PKI_REQUEST_H

#include "arena.h"
#include "span.h"

/* The first block of `pem` must be a request that can be read: NULL, or what is wrong (certificates.ParseCSR). */
const char *pki_request_read(struct arena *a, struct span pem, struct span *ret_der);
/* Is it signed with the key that it names? NULL, or what is wrong (x509.CertificateRequest.CheckSignature). */
const char *pki_request_check(struct arena *a, struct span der);
/* Is `name` among the organizations of the subject? */
bool pki_request_is_of(struct span der, const char *name);
/* May this certificate be trusted as an authority? NULL, or what is wrong, after "entry 3 " (validateTrustBundle). */
const char *pki_anchor_check(struct span der);
/* One or more certificates as text, and nothing else; empty is fine, too. NULL, or what is wrong. */
const char *pki_certificates_check(struct arena *a, struct span pem);

#endif
