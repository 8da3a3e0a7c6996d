/*
 * etcd_server - an etcd of a test's own, in a folder, on a unix socket.
 *
 * Without the program the test is skipped (etcd_server_missing).
 */
#ifndef TESTS_ETCD_SERVER_H
#define TESTS_ETCD_SERVER_H

#include "store.h"

/* True, and the reason is printed, when there is no etcd on PATH. */
bool etcd_server_missing(void);

struct etcd_server;

/* Keeps its data in `dir`, which exists; started again on the same folder it goes on. On a socket named `name`:0 there.
 */
struct etcd_server *etcd_server_start(const char *dir, const char *name);
/* The same on https://127.0.0.1, for clients with a certificate; `pki` is a folder of pki.h. */
struct etcd_server *etcd_server_start_tls(const char *dir, const char *pki);
const char *etcd_server_endpoint(const struct etcd_server *e);
void etcd_server_kill(struct etcd_server *e); /* SIGKILL; NULL is fine */

/* Documents as they are, with the place of their stamp before them. Keys begin with a slash. */
extern const struct store_codec etcd_test_codec;

#endif
