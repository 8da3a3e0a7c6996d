/*
 * http_upgrade - connections that are handed to somebody who speaks another protocol.
 *
 * The library gives the socket (with TLS: one end of a pair, whose other end it
 * encrypts) and wants it back. Until then the request is under way. Stopping
 * shuts all these sockets down, so that whoever has one comes to an end, and
 * waits for all of them: the library must not be stopped before.
 *
 * Threads: any.
 */
#ifndef APISERVER_HTTP_UPGRADE_H
#define APISERVER_HTTP_UPGRADE_H

#include <microhttpd.h>

#include "exchange.h"

struct http_upgrades; /* all of a server */
struct http_upgrade;  /* one request's */

struct http_upgrades *http_upgrades_new(void);
void http_upgrades_stop(struct http_upgrades *set); /* shut down those under way, and those to come */
void http_upgrades_wait(struct http_upgrades *set); /* until all have been given back */
void http_upgrades_free(struct http_upgrades *set);

/* Takes `u` over. Freed when the request is completed. */
struct http_upgrade *http_upgrade_new(struct http_upgrades *set, struct exchange_upgrade *u);
void http_upgrade_free(struct http_upgrade *h); /* NULL is fine */
struct MHD_Response *http_upgrade_response(struct http_upgrade *h);

#endif
