/*
 * exchange - one request to an API server and its answer, whoever carries them.
 *
 * The server implements `struct exchange_ops` once. Two callers exist: the HTTP
 * front, which turns bytes from a socket into a request and the answer into
 * bytes; and kclient's in-process transport, which needs no bytes at all: it
 * sets `want_records` and gets the stored records themselves.
 *
 * An answer is one of: a document (bytes of some content type), records (one
 * object, or the items of a list) or a stream of watch events. Streams are
 * pulled: the consumer's speed decides, the server keeps a bounded backlog and
 * ends a stream that falls behind.
 *
 * Ownership: the request and everything in it belong to the caller and outlive
 * the call. The answer is released by the caller with exchange_answer_release.
 * Threads: serve() may be called from any thread, concurrently. A stream
 * belongs to one consumer at a time; its notify function is called from any
 * thread and must only set a flag and wake somebody.
 */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "json.h"
#include "record.h"

struct exchange_header {
  const char *name, *value; /* name in lower case */
};

/* Who asks, as the authenticator found out (authentication.k8s.io UserInfo). */
struct exchange_user {
  const char *name, *uid;
  const char *const *groups;
  size_t n_groups;
  const struct json *extra; /* map of string lists, or NULL */
};

struct exchange_request {
  const char *method;      /* "GET", ... */
  const char *path;        /* decoded, without query: "/api/v1/pods" */
  const char *query;       /* raw, without '?'; "" when there is none */
  const struct exchange_header *headers;
  size_t n_headers;
  struct span body;        /* already decompressed */
  /* Set by a caller inside the process, who needs no authentication; NULL: the server authenticates from headers. */
  const struct exchange_user *user;
  const struct exchange_user *tls_user; /* from a verified client certificate, or NULL */
  bool want_records;       /* answer with records in the storage version where the answer is objects */
  struct arena *arena;     /* for whatever the answer needs until it is released */
};

enum exchange_event_type { EXCHANGE_ADDED, EXCHANGE_MODIFIED, EXCHANGE_DELETED, EXCHANGE_BOOKMARK, EXCHANGE_ERROR };

struct exchange_event {
  enum exchange_event_type type;
  struct record *record;     /* ADDED, MODIFIED, DELETED: one reference, the consumer's */
  int64_t revision;          /* of the event; BOOKMARK: the stream has seen everything up to here */
  bool initial_end;          /* a BOOKMARK that ends the initial events */
  struct span status;        /* ERROR: a Status document, valid until the next call */
  struct span bytes;         /* want_records false: the encoded frame, valid until the next call */
};

struct exchange_stream;

struct exchange_stream_ops {
  /* 1: *ret is the next event. 0: nothing now, notify will be called when there is. -1: the stream has ended. */
  int (*next)(struct exchange_stream *s, struct exchange_event *ret);
  /* Called (once per going from empty to not empty) when next() is worth calling again or the end has come. Replaces the last one. */
  void (*set_notify)(struct exchange_stream *s, void (*fn)(void *arg), void *arg);
  void (*free)(struct exchange_stream *s); /* no notify is running or will run when it returns */
};

struct exchange_stream {
  const struct exchange_stream_ops *ops;
};

/* A connection that does not speak HTTP any more. */
struct exchange_connection {
  int fd;                   /* a non-blocking stream socket; not to be closed by whoever uses it */
  struct span early;        /* what the client has sent already; valid during start() */
  void (*close)(void *arg); /* to be called exactly once, from any thread, when all is done; `fd` is gone then */
  void *arg;
};

/*
 * What is to be done with the connection after a 101 (WebSocket, SPDY). The front starts it once, after the head of the
 * answer is sent; from then on it belongs to itself. It must not block in start(), and must end when the socket does:
 * a server that is being stopped shuts it down.
 */
struct exchange_upgrade {
  void (*start)(struct exchange_upgrade *u, const struct exchange_connection *conn);
  void (*free)(struct exchange_upgrade *u); /* it was never started */
};

struct exchange_answer {
  int status;               /* HTTP status */
  const char *content_type; /* borrowed from arena or static */
  struct exchange_header *headers; /* further headers, in the arena */
  size_t n_headers;
  /* exactly one of: */
  struct span body;              /* a document, in the arena or owned by `held` */
  struct record **records;       /* want_records: references in a heap array, owned by the answer; list and single alike */
  size_t n_records;
  struct exchange_stream *stream; /* owned by the answer until taken */
  struct exchange_upgrade *upgrade; /* status 101; owned by the answer until started. Only the HTTP front can do it */
  int64_t revision;              /* of a list: its resourceVersion */
  const char *continue_token;    /* of a list, or NULL */
  void (*release)(void *held);   /* frees what `body` points into, when not the arena */
  void *held;
};

struct exchange;
struct exchange_ops {
  /* Always answers: an error is an answer with a Status document. */
  void (*serve)(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret);
  /* May this request, though it only reads, wait for somebody else? NULL: none does. */
  bool (*may_wait)(struct exchange *x, const struct exchange_request *req);
};
struct exchange {
  const struct exchange_ops *ops;
};

void exchange_answer_release(struct exchange_answer *ans);
bool exchange_user_in_group(const struct exchange_user *user, const char *group);
const char *exchange_header_get(const struct exchange_header *headers, size_t n, const char *name);
/* The decoded value of a query parameter, in the arena; NULL when it is absent. The first one wins. */
const char *exchange_query_get(struct arena *a, const char *query, const char *name);

#define _cleanup_answer_ __attribute__((cleanup(exchange_answer_release)))

#endif
