/*
 * http_upgrade - connections that are handed to somebody who speaks another protocol.
 *
 * He gets a socket: the connection's own, or with TLS one end of a pair, whose other end a thread here joins with the
 * connection. Until he gives it back the request is under way. Stopping shuts all these sockets down, so that whoever
 * has one comes to an end, and waits for all of them.
 *
 * Threads: any.
 */
#ifndef APISERVER_HTTP_UPGRADE_H
#define APISERVER_HTTP_UPGRADE_H

struct http_conn;
struct http_upgrades; /* all of a server */

struct http_upgrades *http_upgrades_new(void);
void http_upgrades_stop(struct http_upgrades *set); /* shut down those under way, and those to come */
void http_upgrades_wait(struct http_upgrades *set); /* until all have been given back */
void http_upgrades_free(struct http_upgrades *set); /* NULL is fine */

/* Starts answer.upgrade on `c`, the head of whose answer is sent. `c` is no longer the caller's. */
void http_upgrade_start(struct http_upgrades *set, struct http_conn *c);

#endif
