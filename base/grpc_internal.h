/* grpc_internal - what grpc.c (connections), grpc_call.c (calls) and grpc_text.c (headers) share, and nobody else. */
#ifndef BASE_GRPC_INTERNAL_H
#define BASE_GRPC_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "grpc.h"

#define GRPC_PREFIX 5 /* before a message: a flag and four bytes of length */
/* Names and values of one call's headers and trailers; what nghttp2 takes for one block is the same. */
#define GRPC_METADATA_MAX ((size_t)64 << 10)
/* Headers a client may add to those of its own. */
#define GRPC_METADATA_COUNT 16
/* Data that has been sent is removed from the front of a queue when there is so much of it. */
#define GRPC_COMPACT ((size_t)64 << 10)

struct grpc_call {
  struct grpc *g;
  struct grpc_call *prev, *next;
  int32_t stream;
  const struct grpc_call_ops *ops; /* NULL on a server: not accepted yet */
  void *payload;
  char *path;
  struct strbuf metadata; /* name NUL value NUL ... */
  struct strbuf in;       /* what has arrived of a message */
  struct strbuf out;      /* messages with their prefixes; sent up to out_sent */
  size_t out_sent;
  int64_t deadline, timeout;
  int http_status;     /* a client: of the answer; 0: none yet */
  bool ended;          /* `end` has run, or the owner has cancelled: nothing more is told */
  bool answering;      /* a server: headers are submitted */
  bool closing;        /* nothing more will be queued */
  bool peer_closed;    /* the peer has sent its last message */
  bool tell_drained;   /* the queue has become empty */
  enum grpc_code code; /* a server: how it is to end */
  char *message;
};

struct grpc {
  nghttp2_session *h2;
  struct grpc_config config;
  bool server, draining;
  struct grpc_call *calls;
  size_t n_calls;     /* that have not ended */
  struct span output; /* nghttp2's: what is still to be sent of its last piece */
  uint64_t pongs;
  size_t resets; /* calls the peer has broken off, lately */
};

/* -- grpc_call.c -- */
struct grpc_call *grpc_call_open(struct grpc *g, int32_t stream);
void grpc_call_free(struct grpc_call *call); /* `end` has run, or nobody was there to hear it */
void grpc_call_end(struct grpc_call *call, enum grpc_code code, const char *message, bool from_peer);
void grpc_call_header(struct grpc_call *call, struct span name, struct span value);
void grpc_call_data(struct grpc_call *call, struct span bytes);
void grpc_call_peer_closed(struct grpc_call *call);
void grpc_call_admit(struct grpc_call *call); /* a server: the request's headers are complete */
ssize_t grpc_call_read(struct grpc_call *call, uint8_t *buf, size_t n, uint32_t *flags);
void grpc_call_abort(struct grpc_call *call, uint32_t h2_error); /* RST_STREAM */

/* -- grpc_text.c -- */
/* "100m": at most eight digits and a unit, rounded up. */
#define GRPC_TIMEOUT_TEXT 16
void grpc_timeout_write(int64_t ns, char buf[GRPC_TIMEOUT_TEXT]);
int64_t grpc_timeout_read(const char *text); /* 0: not one */
void grpc_message_encode(struct strbuf *b, const char *text);
void grpc_message_decode(struct strbuf *b, const char *text); /* what is not well encoded stays as it is */
enum grpc_code grpc_code_of_http(int status);
enum grpc_code grpc_code_of_h2(uint32_t error);
enum grpc_code grpc_code_read(const char *text); /* the value of grpc-status */

#endif
