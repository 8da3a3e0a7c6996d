/*
 * grpc_link - a gRPC connection on a descriptor: a socket, with TLS or without.
 *
 * Whoever has a loop calls grpc_link_pump whenever the descriptor is ready or
 * something was queued; it never blocks. TLS is a client's, for etcd; plugin
 * sockets are plain.
 *
 * Ownership: the link owns the descriptor and the connection. The credentials
 * are counted, and shared by links.
 * Threads: as the connection it carries.
 */
#ifndef BASE_GRPC_LINK_H
#define BASE_GRPC_LINK_H

#include "grpc.h"

struct grpc_link;
struct grpc_tls;

/*
 * PEM texts. Without `ca` the system's authorities are trusted; without `cert` no certificate is shown.
 * KERR_INVALID: one of them is not what it should be; the message says which.
 */
_must_check_ int grpc_tls_new(struct span ca, struct span cert, struct span key, struct grpc_tls **ret,
                              struct kerr *reterr);
struct grpc_tls *grpc_tls_ref(struct grpc_tls *t);
void grpc_tls_unref(struct grpc_tls *t); /* NULL is fine */

/* A connected stream socket, or one that is connecting; made non-blocking. `tls` NULL: plain. `host`: the name in the
 * peer's certificate. */
struct grpc_link *grpc_link_new(int fd, struct grpc *g, struct grpc_tls *tls, const char *host);
/* Calls that are left end with `why`. NULL is fine. */
void grpc_link_free(struct grpc_link *l, const char *why);

/* Moves what can be moved without waiting. KERR_IO: the connection is over; the message says why. */
_must_check_ int grpc_link_pump(struct grpc_link *l, struct kerr *reterr);
int grpc_link_fd(const struct grpc_link *l);
short grpc_link_events(const struct grpc_link *l); /* for poll: what the last pump would have waited for */
bool grpc_link_is_up(const struct grpc_link *l);   /* connected, and TLS is agreed on */
struct grpc *grpc_link_grpc(struct grpc_link *l);

#endif
