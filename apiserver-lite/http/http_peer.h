/*
 * http_peer - who is at the other end of a TLS connection, by its certificate.
 *
 * Computed once per connection: it costs a signature check. Common name and
 * organisations become user and groups, as apiserver's x509 CommonNameUserConversion.
 */
#ifndef APISERVER_HTTP_PEER_H
#define APISERVER_HTTP_PEER_H

#include <gnutls/gnutls.h>

#include "exchange.h"

struct http_peer;

struct http_peer *http_peer_new(void);
void http_peer_free(struct http_peer *p);
/*
 * NULL: no certificate was shown. A user with an empty name: one that is not good for a client of this server (not of
 * our CA, expired, for another purpose). Borrowed from `p`. By one thread at a time.
 */
const struct exchange_user *http_peer_user(struct http_peer *p, gnutls_session_t session);

#endif
