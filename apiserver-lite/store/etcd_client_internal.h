/* etcd_client_internal - what etcd_client.c (connection, calls) and etcd_stream.c (streams) share, and nobody else. */
#ifndef APISERVER_ETCD_CLIENT_INTERNAL_H
#define APISERVER_ETCD_CLIENT_INTERNAL_H

#include <pthread.h>

#include "clock.h"
#include "etcd_client.h"
#include "grpc.h"

#define ETCD_CLOSED "the store is being closed"

struct etcd_client {
  struct etcd_endpoint *endpoints;
  size_t n_endpoints, at; /* at: the one to try next */
  struct grpc_tls *tls;
  struct log *log;
  struct clock *clock; /* the machine's: a peer's time is not a test's to own */
  pthread_t thread;
  int wake; /* an eventfd: there is something to do */

  pthread_mutex_t lock; /* the queues, `stopping`, and what is waiting in streams */
  struct etcd_request *calls, **last_call;
  struct etcd_stream *opening, *closing;
  bool stopping;

  /* The thread's own. */
  struct grpc_link *link;
  int64_t since;  /* when the link was made, or has last heard something */
  uint64_t pongs; /* it had when it was asked */
  bool asked;
  bool rotate; /* this member is of no use: try the next */
  int64_t next_try, pause;
  char *trouble; /* why there is no connection */
};

/* -- etcd_client.c -- */
/* A call of the thread's, begun with its one request; `closes`: there are no others. NULL: cannot be begun now. */
struct grpc_call *etcd_client_begin(struct etcd_client *c, const char *path, int64_t deadline, struct span request,
                                    bool closes, const struct grpc_call_ops *ops, void *payload, struct kerr *reterr);
int etcd_status_error(const struct grpc_status *s, struct kerr *reterr);
/* When this member has lost the others, another may know more: the thread goes on to the next. */
void etcd_client_look_at(struct etcd_client *c, const struct grpc_status *s);
void etcd_client_wake(struct etcd_client *c);

/* -- etcd_stream.c: for the thread -- */
void etcd_streams_open(struct etcd_client *c);  /* those that wait; the connection is up */
void etcd_streams_close(struct etcd_client *c); /* those whose owners have gone, with or without a connection */
void etcd_streams_end(struct etcd_client *c);   /* those that have never been opened: there will be no connection */

#endif
