/*
 * wire - protobuf's wire format: tags, varints, lengths.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include "kerr.h"
#include "span.h"
#include "strbuf.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* One field of a message: the number, and its value in the form that `type` says. */
struct wire_field {
  uint32_t number;
  uint32_t type;
  uint64_t varint; /* VARINT, FIXED64, FIXED32 */
  struct span bytes;
};

/* The next field of `*rest`, which moves on. 1: there is one, 0: the end, <0: KERR_BAD_REQUEST with gogo's words.
 * Groups are skipped. */
_must_check_ int wire_next(struct span *rest, struct wire_field *ret, struct kerr *reterr);

void wire_put_varint(struct strbuf *b, uint64_t v);
void wire_put_tag(struct strbuf *b, uint32_t number, enum wire_type type);
void wire_put_bytes(struct strbuf *b, uint32_t number, struct span s);
/* A message whose length is not known yet: begin, append, end. */
size_t wire_begin(struct strbuf *b, uint32_t number);
void wire_end(struct strbuf *b, size_t mark);

#endif
