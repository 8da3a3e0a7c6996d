/*
 * grpc - gRPC over HTTP/2, client and server, without any I/O.
 *
 * A `struct grpc` is one connection. Bytes that came from the peer go in
 * (grpc_receive), bytes for the peer come out (grpc_output, grpc_sent), time
 * passes (grpc_tick); sockets, TLS and waiting are somebody else's business
 * (grpc_link.h does them for a descriptor). So everything here can be tested,
 * and fuzzed, without a socket.
 *
 * A `struct grpc_call` is one call, unary or streaming in either direction: a
 * client makes it with grpc_call_new, a server is given it by its accept
 * function. Messages are whole, uncompressed and bounded; frames may have been
 * split and joined anywhere. A call ends exactly once, with `end`, whatever
 * happens to it or its connection, unless its owner cancels it before; after
 * either the pointer must not be used any more. Every function of a call may
 * be called from within its callbacks.
 *
 * Flow control of HTTP/2 is obeyed in both directions. A receiver takes what
 * comes, so what it must be able to hold is one message; a sender's queue has a
 * ceiling. Compression is never advertised; a compressed message ends the call.
 *
 * Threads: a connection and its calls belong to one thread at a time.
 * Protocol: grpc/grpc doc/PROTOCOL-HTTP2.md, http-grpc-status-mapping.md.
 */
#ifndef BASE_GRPC_H
#define BASE_GRPC_H

#include "kerr.h"
#include "span.h"
#include "strbuf.h"

/* Status codes: name as gRPC spells it, number. */
#define GRPC_CODES(X)                          \
  X(OK, "OK")                                  \
  X(CANCELLED, "Canceled")                     \
  X(UNKNOWN, "Unknown")                        \
  X(INVALID_ARGUMENT, "InvalidArgument")       \
  X(DEADLINE_EXCEEDED, "DeadlineExceeded")     \
  X(NOT_FOUND, "NotFound")                     \
  X(ALREADY_EXISTS, "AlreadyExists")           \
  X(PERMISSION_DENIED, "PermissionDenied")     \
  X(RESOURCE_EXHAUSTED, "ResourceExhausted")   \
  X(FAILED_PRECONDITION, "FailedPrecondition") \
  X(ABORTED, "Aborted")                        \
  X(OUT_OF_RANGE, "OutOfRange")                \
  X(UNIMPLEMENTED, "Unimplemented")            \
  X(INTERNAL, "Internal")                      \
  X(UNAVAILABLE, "Unavailable")                \
  X(DATA_LOSS, "DataLoss")                     \
  X(UNAUTHENTICATED, "Unauthenticated")

enum grpc_code {
#define X(name, text) GRPC_##name,
  GRPC_CODES(X)
#undef X
      GRPC_CODE_COUNT
};
const char *grpc_code_name(enum grpc_code code); /* as Go prints it: "DeadlineExceeded" */

/* How a call ended. The message is borrowed for the callback. */
struct grpc_status {
  enum grpc_code code;
  const char *message;
  bool from_peer; /* the peer said so; else it is what became of the call here */
};

/* A header or trailer of a call; names are lower case. Values of "-bin" names are base64, as on the wire. */
struct grpc_metadata {
  const char *name, *value;
};

struct grpc;
struct grpc_call;

struct grpc_call_ops {
  /* One whole message, borrowed for the call. */
  void (*message)(void *payload, struct grpc_call *call, struct span message);
  /* A client: the first headers of the answer are there. May be NULL. */
  void (*headers)(void *payload, struct grpc_call *call);
  /* A server: the client has sent its last message. May be NULL (and is for clients, whose calls end instead). */
  void (*half_closed)(void *payload, struct grpc_call *call);
  /* What was queued has been written to the connection: there is room. May be NULL. */
  void (*drained)(void *payload, struct grpc_call *call);
  /* The last callback. On a server, code OK: the answer has been handed over in full. */
  void (*end)(void *payload, struct grpc_call *call, const struct grpc_status *status);
};

/*
 * A server's decision about a new call: grpc_call_accept, or grpc_call_finish at once. Neither means UNIMPLEMENTED.
 */
typedef void grpc_accept_fn(void *payload, struct grpc_call *call);

#define GRPC_MESSAGE_DEFAULT ((size_t)4 << 20) /* grpc-go: defaultServerMaxReceiveMessageSize */

struct grpc_config {
  size_t message_max; /* of a message received; 0: GRPC_MESSAGE_DEFAULT */
  size_t queue_max;   /* bytes a call may have queued to be sent; 0: four times the default message */
  size_t calls_max;   /* a server's calls at a time; 0: 100 */
  /* A server's. */
  grpc_accept_fn *accept;
  void *payload;
};

/* -- a connection -- */

struct grpc *grpc_new_client(const struct grpc_config *config);
struct grpc *grpc_new_server(const struct grpc_config *config);
/* Calls that are left end as UNAVAILABLE, with `why` (may be NULL), from within. */
void grpc_free(struct grpc *g, const char *why);

/*
 * Bytes from the peer. KERR_IO: the peer broke the protocol (the message says how); send what grpc_output still has to
 * say, then free the connection.
 */
_must_check_ int grpc_receive(struct grpc *g, struct span bytes, struct kerr *reterr);
/* What is to be sent next, borrowed until the next call with `g`; empty: nothing now. KERR_IO as above. */
_must_check_ int grpc_output(struct grpc *g, struct span *ret, struct kerr *reterr);
void grpc_sent(struct grpc *g, size_t n); /* so many bytes of that are on their way */
/* The moment (of the caller's monotonic clock) at which grpc_tick has something to do; INT64_MAX: never. */
int64_t grpc_deadline(const struct grpc *g);
/* Ends calls whose deadline has passed. */
void grpc_tick(struct grpc *g, int64_t now);
/* No new calls: the peer said GOAWAY, or grpc_shutdown was called. Calls that run may end in peace. */
bool grpc_is_draining(const struct grpc *g);
/* Nothing is left to say or to hear: the connection can be closed. */
bool grpc_is_done(const struct grpc *g);
size_t grpc_calls(const struct grpc *g); /* that have not ended */
/* Tell the peer to begin nothing new (GOAWAY). */
void grpc_shutdown(struct grpc *g);
/* Ask whether the peer is alive; grpc_pongs counts the answers. */
void grpc_ping(struct grpc *g);
uint64_t grpc_pongs(const struct grpc *g);

/* -- a call -- */

struct grpc_request {
  const char *path;      /* "/etcdserverpb.KV/Range" */
  const char *authority; /* NULL: "localhost" */
  const struct grpc_metadata *metadata;
  size_t n_metadata;
  int64_t now, deadline; /* of the caller's monotonic clock; deadline 0: none */
};

/* A client's call. KERR_UNAVAILABLE: the connection takes no more. */
_must_check_ int grpc_call_new(struct grpc *g, const struct grpc_request *request, const struct grpc_call_ops *ops,
                               void *payload, struct grpc_call **ret, struct kerr *reterr);
/* A server's, from within the accept function or later, but before a callback is wanted. */
void grpc_call_accept(struct grpc_call *call, const struct grpc_call_ops *ops, void *payload);
/* Queues a copy. KERR_TOO_LARGE: the queue is full; KERR_UNAVAILABLE: nothing can be sent any more. */
_must_check_ int grpc_call_send(struct grpc_call *call, struct span message, struct kerr *reterr);
void grpc_call_close_send(struct grpc_call *call); /* a client has sent its last message */
/* A server's last word: trailers with a status, after what is queued. `message` may be NULL. */
void grpc_call_finish(struct grpc_call *call, enum grpc_code code, const char *message);
/* The owner has lost interest: the peer is told, no callback follows. */
void grpc_call_cancel(struct grpc_call *call);

size_t grpc_call_queued(const struct grpc_call *call); /* bytes that wait to be sent */
const char *grpc_call_path(const struct grpc_call *call);
int64_t grpc_call_timeout(const struct grpc_call *call); /* ns the client gave it; 0: no limit. A server's */
/* The client's deadline on this side's clock: grpc_tick ends the call then. A server's. */
void grpc_call_set_deadline(struct grpc_call *call, int64_t deadline);
/* A header the peer sent (a trailer, once it came), or NULL. */
const char *grpc_call_metadata(const struct grpc_call *call, const char *name);

#endif
