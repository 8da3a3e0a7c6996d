/*
 * http_head - the head of a request, and where its body ends.
 *
 * RFC 9112 as a server reads it, and nothing that is optional: what two programs could understand in two ways (a length
 * and chunks, two lengths, folded lines, a space before a colon) is refused, not guessed at.
 *
 * No I/O and no state; everything is checked, because it comes from strangers.
 */
#ifndef APISERVER_HTTP_HEAD_H
#define APISERVER_HTTP_HEAD_H

#include "exchange.h"
#include "kerr.h"
#include "strbuf.h"

struct http_head {
  const char *method, *target;
  struct exchange_header *headers; /* names in lower case */
  size_t n_headers;
  bool keep_alive;       /* the client expects to send another request */
  bool chunks_allowed;   /* HTTP/1.1: an answer may come in chunks */
  bool expects_continue; /* waits for our word before it sends the body */
  bool chunked;          /* the body comes in chunks */
  uint64_t length;       /* else, of the body */
};

/* Bytes of the head that `in` begins with, its empty line included; 0: it is not all there. */
size_t http_head_size(struct span in);
/* Can more bytes still make a request of `in`, whose head is not all there? TLS to a server without it cannot. */
bool http_head_hopeful(struct span in);
/* `text`: of that size. 0, or the HTTP status of the refusal: 400, 431, 501, 505. Everything in `ret` is in the arena.
 */
_must_check_ int http_head_parse(struct arena *a, struct span text, struct http_head *ret);

/* -- the body -- */

struct http_body {
  bool chunked;
  uint64_t left; /* of the body, or of the chunk */
  enum { BODY_DATA, BODY_CHUNK_SIZE, BODY_CHUNK_END, BODY_TRAILER, BODY_OVER } state;
};

void http_body_init(struct http_body *b, const struct http_head *head);
/*
 * The next piece of the body in *in, which is moved past what was understood: 1, *ret is a piece; 0: more has to come,
 * or the body is over (state BODY_OVER); -1: these are no chunks.
 */
_must_check_ int http_body_next(struct http_body *b, struct span *in, struct span *ret);

#endif
