/*
 * http_internal - what the files of the HTTP front share, and nobody else.
 *
 * A connection belongs to one thread at a time. While it is asleep (http_conn_sleep) it belongs to nobody, and the
 * worker whom epoll tells about it has it next; while it carries a stream it belongs to the streams' thread; while it
 * is upgraded, to whoever it was given to.
 */
#ifndef APISERVER_HTTP_INTERNAL_H
#define APISERVER_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "http_head.h"
#include "http_peer.h"
#include "http_server.h"
#include "http_stream.h"
#include "http_upgrade.h"
#include "http_wire.h"

/* Something in the epoll set of the workers. */
struct http_source {
  bool (*ready)(struct http_source *src); /* false: the worker is to end */
};

struct http_listener {
  struct http_source source; /* first */
  struct http_server *server;
  int fd;
};

struct http_server {
  struct exchange *exchange;
  struct clock *clock;
  struct log *log;
  struct http_tls *tls; /* NULL: none */
  struct http_streams *streams;
  struct http_upgrades *upgrades;
  struct http_listener listeners[HTTP_ADDRESSES_MAX];
  size_t n_listeners;
  uint16_t port;
  size_t connections_max;

  int epoll, bell, alarm; /* bell: an eventfd, readable when workers are to end; alarm: a timerfd */
  struct http_source bell_source;
  struct alarm_source {
    struct http_source source; /* first */
    struct http_server *server;
  } alarm_source;
  atomic_size_t idle; /* workers that wait for something to do */
  atomic_bool stopping;

  pthread_mutex_t lock;           /* the rest */
  pthread_cond_t changed;         /* a request is over */
  struct http_conn *first, *last; /* all connections, by the last time they went to sleep */
  size_t connections, requests;
  bool alarm_set;
  size_t writing;                /* workers that serve what may wait */
  struct http_conn *line, **end; /* requests that wait for one of those to be done */
  pthread_t workers[HTTP_WORKERS_MAX + 1];
  size_t n_workers;
};

/* What a connection does next: a row of http_conn.c. */
enum http_state { HTTP_HEAD, HTTP_BODY, HTTP_SERVE, HTTP_SEND, HTTP_DRAIN, HTTP_STATES };

struct http_conn {
  struct http_source source; /* first */
  struct http_server *server;
  struct http_wire wire;
  struct strbuf in; /* received, and from in_at on not yet understood */
  size_t in_at;
  struct http_peer *peer; /* NULL: no client certificates here */
  enum http_state state;
  bool gone;    /* there is nobody at the other end */
  bool watched; /* epoll knows its socket */

  /* The request, from its head to the end of its answer; `arena` NULL: there is none. */
  struct arena *arena;
  struct http_head head;
  struct http_body framing;
  struct strbuf body;
  size_t discarded; /* bytes of a body that is too large, or of what comes after the last answer */
  struct exchange_request x;
  struct exchange_answer answer;
  struct strbuf packed; /* the answer's body, compressed; empty: as it is */
  struct span unsent;   /* of the answer's body */
  bool keep_alive, admitted;

  /* With server->lock. */
  struct http_conn *prev, *next; /* in the list of all */
  struct http_conn *next_in_line;
  bool asleep;
  int64_t since; /* when it went to sleep */
};

/* -- http_server.c -- */

void http_conn_new(struct http_server *s, int fd);
void http_conn_free(struct http_conn *c);
/* Gives the connection up until epoll sees one of `events` on it, or the end. Nothing of it may be touched afterwards.
 */
void http_conn_sleep(struct http_conn *c, unsigned events);
void http_conn_unwatch(struct http_conn *c); /* epoll forgets its socket */
/* May a request be served now that may wait for something? False: `c` is queued, and will be run when it may. */
bool http_server_admit(struct http_server *s, struct http_conn *c);
void http_server_leave(struct http_server *s); /* it has been served */
/* Sees to it that somebody else looks after the connections while the caller is busy. */
void http_server_share(struct http_server *s);
void http_server_count(struct http_server *s, int requests); /* one more, or one less (-1) */

/* -- http_conn.c -- */

/* Goes on with a connection that epoll has told of. It is the caller's only until then. */
void http_conn_run(struct http_conn *c);
void http_conn_end_request(struct http_conn *c); /* frees what belongs to the request */

/* -- http_answer.c -- */

bool http_answer_wants_gzip(const struct http_conn *c);
void http_answer_compress(struct http_conn *c);
/* Hands the head of the answer, and what fits with it into one record, to the wire; c->unsent is the rest. */
bool http_answer_begin(struct http_conn *c);
/* Before there is a request: `status` and its name, as Go's server says it. The connection ends with it. */
bool http_answer_refuse(struct http_conn *c, int status);

#endif
