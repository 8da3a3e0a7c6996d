#include "etcd_message.h"

#include "wire.h"

/* -- requests -- */

static void
put_int(struct strbuf *b, uint32_t number, int64_t v)
{
  if (v == 0)
    return;
  wire_put_tag(b, number, WIRE_VARINT);
  wire_put_varint(b, (uint64_t)v);
}

static void
put_span(struct strbuf *b, uint32_t number, struct span s)
{
  if (s.n)
    wire_put_bytes(b, number, s);
}

void
etcd_put_range(struct strbuf *b, const struct etcd_range *r)
{
  put_span(b, 1, r->key);
  put_span(b, 2, r->end);
  put_int(b, 3, r->limit);
  put_int(b, 4, r->revision);
  put_int(b, 8, r->keys_only);
  put_int(b, 9, r->count_only);
}

enum { COMPARE_VERSION = 0, COMPARE_MOD = 2 };

static void
put_compare(struct strbuf *b, const struct etcd_write *w)
{
  size_t compare = wire_begin(b, 1);

  put_int(b, 2, w->by_version ? COMPARE_VERSION : COMPARE_MOD);
  put_span(b, 3, w->key);
  wire_put_tag(b, w->by_version ? 4 : 6, WIRE_VARINT); /* one of a union: there, zero counts */
  wire_put_varint(b, (uint64_t)w->expect);
  wire_end(b, compare);
}

static void
put_change(struct strbuf *b, const struct etcd_write *w)
{
  size_t op = wire_begin(b, 2), change = wire_begin(b, w->remove ? 3 : 2);

  put_span(b, 1, w->key);
  if (!w->remove) {
    put_span(b, 2, w->value);
    put_int(b, 3, w->lease);
  }
  wire_end(b, change);
  wire_end(b, op);
}

void
etcd_put_write(struct strbuf *b, const struct etcd_write *w)
{
  size_t op, range;

  put_compare(b, w);
  put_change(b, w);
  op = wire_begin(b, 3);
  range = wire_begin(b, 1);
  etcd_put_range(b, &(struct etcd_range){ .key = w->key, .keys_only = !w->by_version });
  wire_end(b, range);
  wire_end(b, op);
}

void
etcd_put_compact(struct strbuf *b, int64_t revision)
{
  put_int(b, 1, revision);
}

void
etcd_put_lease(struct strbuf *b, int64_t seconds)
{
  put_int(b, 1, seconds);
}

void
etcd_put_watch(struct strbuf *b, int64_t revision)
{
  size_t create = wire_begin(b, 1);

  put_span(b, 1, SPAN("\0"));
  put_span(b, 2, ETCD_TO_THE_END);
  put_int(b, 3, revision);
  put_int(b, 8, true); /* fragment */
  wire_end(b, create);
}

/* -- answers -- */

/* wire_next, whose complaints are about an answer of etcd's here. */
static int
next_field(struct span *rest, struct wire_field *f, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r = wire_next(rest, f, &err);

  return r < 0 ? kerr_set(reterr, KERR_IO, NULL, "an answer of etcd cannot be read: %s", err.msg) : r;
}

/* What a field of an answer is kept in. */
struct want {
  uint32_t number;
  enum wire_type type;
  enum { AS_INT, AS_BOOL, AS_SPAN } as;
  void *to;
};

/* Reads the fields of one message that are wanted, and passes over the others. */
static int
read_fields(struct span bytes, const struct want *wants, size_t n, struct kerr *reterr)
{
  struct wire_field f;
  int r;

  while ((r = next_field(&bytes, &f, reterr)) > 0)
    for (size_t i = 0; i < n; i++) {
      if (wants[i].number != f.number || wants[i].type != f.type)
        continue;
      if (wants[i].as == AS_INT)
        *(int64_t *)wants[i].to = (int64_t)f.varint;
      else if (wants[i].as == AS_BOOL)
        *(bool *)wants[i].to = f.varint != 0;
      else
        *(struct span *)wants[i].to = f.bytes;
    }
  return r;
}

static int
read_header(struct span bytes, struct etcd_header *ret, struct kerr *reterr)
{
  int64_t cluster = 0;
  const struct want wants[] = { { 1, WIRE_VARINT, AS_INT, &cluster }, { 3, WIRE_VARINT, AS_INT, &ret->revision } };
  int r = read_fields(bytes, wants, ARRAY_SIZE(wants), reterr);

  ret->cluster = (uint64_t)cluster;
  return r;
}

static int
read_kv(struct span bytes, struct etcd_kv *ret, struct kerr *reterr)
{
  const struct want wants[] = { { 1, WIRE_BYTES, AS_SPAN, &ret->key },
                                { 3, WIRE_VARINT, AS_INT, &ret->revision },
                                { 4, WIRE_VARINT, AS_INT, &ret->version },
                                { 5, WIRE_BYTES, AS_SPAN, &ret->value } };

  *ret = (struct etcd_kv){ 0 };
  return read_fields(bytes, wants, ARRAY_SIZE(wants), reterr);
}

int
etcd_read_range(struct span bytes, struct etcd_range_answer *ret, struct kerr *reterr)
{
  struct span header = { 0 };
  const struct want wants[] = { { 1, WIRE_BYTES, AS_SPAN, &header }, { 3, WIRE_VARINT, AS_BOOL, &ret->more } };
  int r;

  *ret = (struct etcd_range_answer){ 0 };
  r = read_fields(bytes, wants, ARRAY_SIZE(wants), reterr);
  return r < 0 ? r : read_header(header, &ret->header, reterr);
}

/* The bytes of the next field `number` of a message; 1, 0 at the end. */
static int
next_message(struct span *rest, uint32_t number, struct span *ret, struct kerr *reterr)
{
  struct wire_field f;
  int r;

  while ((r = next_field(rest, &f, reterr)) > 0)
    if (f.number == number && f.type == WIRE_BYTES) {
      *ret = f.bytes;
      break;
    }
  return r;
}

int
etcd_next_kv(struct span *rest, struct etcd_kv *ret, struct kerr *reterr)
{
  struct span bytes;
  int r = next_message(rest, 2, &bytes, reterr);

  if (r > 0 && read_kv(bytes, ret, reterr) < 0)
    r = -(int)reterr->code;
  return r;
}

int
etcd_read_write(struct span bytes, struct etcd_write_answer *ret, struct kerr *reterr)
{
  struct span header = { 0 }, op = { 0 }, range = { 0 };
  const struct want wants[] = { { 1, WIRE_BYTES, AS_SPAN, &header },
                                { 2, WIRE_VARINT, AS_BOOL, &ret->done },
                                { 3, WIRE_BYTES, AS_SPAN, &op } };
  const struct want in_op[] = { { 1, WIRE_BYTES, AS_SPAN, &range } };
  int r;

  *ret = (struct etcd_write_answer){ 0 };
  r = read_fields(bytes, wants, ARRAY_SIZE(wants), reterr);
  if (r == 0)
    r = read_header(header, &ret->header, reterr);
  if (r == 0)
    r = read_fields(op, in_op, ARRAY_SIZE(in_op), reterr);
  if (r < 0 || ret->done)
    return r;
  r = etcd_next_kv(&range, &ret->there, reterr);
  ret->found = r > 0;
  return r < 0 ? r : 0;
}

int
etcd_read_watch(struct span bytes, struct etcd_watch_answer *ret, struct kerr *reterr)
{
  struct span header = { 0 };
  const struct want wants[] = {
    { 1, WIRE_BYTES, AS_SPAN, &header },          { 3, WIRE_VARINT, AS_BOOL, &ret->created },
    { 4, WIRE_VARINT, AS_BOOL, &ret->cancelled }, { 5, WIRE_VARINT, AS_INT, &ret->compacted },
    { 6, WIRE_BYTES, AS_SPAN, &ret->reason },     { 7, WIRE_VARINT, AS_BOOL, &ret->fragment },
  };
  int r;

  *ret = (struct etcd_watch_answer){ 0 };
  r = read_fields(bytes, wants, ARRAY_SIZE(wants), reterr);
  return r < 0 ? r : read_header(header, &ret->header, reterr);
}

int
etcd_next_event(struct span *rest, bool *ret_deleted, struct etcd_kv *ret, struct kerr *reterr)
{
  struct span bytes, kv = { 0 };
  const struct want wants[] = { { 1, WIRE_VARINT, AS_BOOL, ret_deleted }, { 2, WIRE_BYTES, AS_SPAN, &kv } };
  int r = next_message(rest, 11, &bytes, reterr);

  *ret_deleted = false;
  if (r <= 0)
    return r;
  r = read_fields(bytes, wants, ARRAY_SIZE(wants), reterr);
  if (r == 0)
    r = read_kv(kv, ret, reterr);
  return r < 0 ? r : 1;
}

int
etcd_read_lease(struct span bytes, int64_t *ret_id, struct kerr *reterr)
{
  const struct want wants[] = { { 2, WIRE_VARINT, AS_INT, ret_id } };

  *ret_id = 0;
  return read_fields(bytes, wants, ARRAY_SIZE(wants), reterr);
}
