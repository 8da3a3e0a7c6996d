#include "wire.h"

#include <string.h>

static int
truncated(struct kerr *reterr)
{
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "unexpected EOF");
}

static int
take_varint(struct span *s, uint64_t *ret, struct kerr *reterr)
{
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (!s->n)
      return truncated(reterr);
    uint8_t byte = (uint8_t)*s->p++;
    s->n--;
    v |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *ret = v;
      return 0;
    }
  }
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "proto: integer overflow");
}

static int
take_fixed(struct span *s, size_t n, uint64_t *ret, struct kerr *reterr)
{
  if (s->n < n)
    return truncated(reterr);
  *ret = 0;
  for (size_t i = 0; i < n; i++)
    *ret |= (uint64_t)(uint8_t)s->p[i] << (8 * i);
  s->p += n;
  s->n -= n;
  return 0;
}

static int
take_bytes(struct span *s, struct span *ret, struct kerr *reterr)
{
  uint64_t n;
  int rc = take_varint(s, &n, reterr);
  if (rc < 0)
    return rc;
  if (n > INT64_MAX)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "proto: negative length found during unmarshaling");
  if (n > s->n)
    return truncated(reterr);
  *ret = span_make(s->p, (size_t)n);
  s->p += n;
  s->n -= (size_t)n;
  return 0;
}

enum { START_GROUP = 3, END_GROUP = 4 };

static int
take_value(struct span *rest, struct wire_field *f, struct kerr *reterr)
{
  switch (f->type) {
  case WIRE_VARINT:
    return take_varint(rest, &f->varint, reterr);
  case WIRE_FIXED64:
    return take_fixed(rest, 8, &f->varint, reterr);
  case WIRE_FIXED32:
    return take_fixed(rest, 4, &f->varint, reterr);
  case WIRE_BYTES:
    return take_bytes(rest, &f->bytes, reterr);
  default:
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "proto: illegal wireType %u", f->type);
  }
}

static int
take_tag(struct span *rest, struct wire_field *f, struct kerr *reterr)
{
  uint64_t tag;
  int rc = take_varint(rest, &tag, reterr);
  if (rc < 0)
    return rc;
  f->number = (uint32_t)(tag >> 3);
  f->type = (uint32_t)(tag & 7);
  if ((int32_t)f->number <= 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "proto: illegal tag %d (wire type %llu)", (int32_t)f->number,
                    (unsigned long long)tag);
  return 0;
}

/* Groups are not used by Kubernetes; whatever is in one is passed over. */
static int
skip_group(struct span *rest, struct kerr *reterr)
{
  struct wire_field f;
  for (size_t depth = 1; depth > 0;) {
    int rc = take_tag(rest, &f, reterr);
    if (rc < 0)
      return rc;
    if (f.type == START_GROUP)
      depth++;
    else if (f.type == END_GROUP)
      depth--;
    else if ((rc = take_value(rest, &f, reterr)) < 0)
      return rc;
  }
  return 0;
}

int
wire_next(struct span *rest, struct wire_field *ret, struct kerr *reterr)
{
  while (rest->n) {
    *ret = (struct wire_field){ 0 };
    int rc = take_tag(rest, ret, reterr);
    if (rc < 0)
      return rc;
    if (ret->type == END_GROUP)
      return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "proto: wiretype end group for non-group");
    rc = ret->type == START_GROUP ? skip_group(rest, reterr) : take_value(rest, ret, reterr);
    if (rc < 0)
      return rc;
    if (ret->type != START_GROUP)
      return 1;
  }
  return 0;
}

/* -- writing -- */

void
wire_put_varint(struct strbuf *b, uint64_t v)
{
  char text[10];
  size_t n = 0;
  while (v >= 0x80) {
    text[n++] = (char)(v | 0x80);
    v >>= 7;
  }
  text[n++] = (char)v;
  strbuf_add(b, text, n);
}

void
wire_put_tag(struct strbuf *b, uint32_t number, enum wire_type type)
{
  wire_put_varint(b, (uint64_t)number << 3 | type);
}

void
wire_put_bytes(struct strbuf *b, uint32_t number, struct span s)
{
  wire_put_tag(b, number, WIRE_BYTES);
  wire_put_varint(b, s.n);
  if (s.n)
    strbuf_add(b, s.p, s.n);
}

/* One byte is left for the length: most messages are short, the others are moved. */
size_t
wire_begin(struct strbuf *b, uint32_t number)
{
  wire_put_tag(b, number, WIRE_BYTES);
  strbuf_putc(b, '\0');
  return b->n;
}

void
wire_end(struct strbuf *b, size_t mark)
{
  if (strbuf_overflowed(b))
    return;
  size_t n = b->n - mark, more = 0;
  for (size_t v = n; v >= 0x80; v >>= 7)
    more++;
  if (more) {
    if (!strbuf_reserve(b, more))
      return;
    memmove(b->p + mark + more, b->p + mark, n);
    b->n += more;
    b->p[b->n] = '\0';
  }
  char *at = b->p + mark - 1;
  for (; n >= 0x80; n >>= 7)
    *at++ = (char)(n | 0x80);
  *at = (char)n;
}
