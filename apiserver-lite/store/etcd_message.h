/*
 * etcd_message - etcd's messages, as far as a store of Kubernetes objects needs them.
 *
 * Requests are appended to a buffer; answers are read in place: keys and values
 * are spans into the answer's bytes. What a newer etcd adds is passed over.
 *
 * Facts: go.etcd.io/etcd api/v3 etcdserverpb/rpc.proto, mvccpb/kv.proto; field numbers have not changed since 3.0.
 */
#ifndef APISERVER_ETCD_MESSAGE_H
#define APISERVER_ETCD_MESSAGE_H

#include "kerr.h"
#include "span.h"
#include "strbuf.h"

#define ETCD_RANGE   "/etcdserverpb.KV/Range"
#define ETCD_TXN     "/etcdserverpb.KV/Txn"
#define ETCD_COMPACT "/etcdserverpb.KV/Compact"
#define ETCD_WATCH   "/etcdserverpb.Watch/Watch"
#define ETCD_LEASE   "/etcdserverpb.Lease/LeaseGrant"

/* The end of a range that holds every key from its start. */
#define ETCD_TO_THE_END SPAN("\0")

struct etcd_kv {
  struct span key, value; /* value: empty for a deletion */
  int64_t revision;       /* mod_revision */
  int64_t version;        /* how often it was written since it was created */
};

/* -- requests -- */

struct etcd_range {
  struct span key, end; /* `end` empty: this one key */
  int64_t limit, revision;
  bool keys_only, count_only;
};
void etcd_put_range(struct strbuf *b, const struct etcd_range *r);

struct etcd_write {
  struct span key;
  int64_t expect;  /* the key's mod_revision (0: absent), or its version */
  bool by_version; /* compare the version */
  bool remove;     /* delete; else: */
  struct span value;
  int64_t lease; /* 0: none */
};
/* If the key is as expected, write it; else tell what is there. */
void etcd_put_write(struct strbuf *b, const struct etcd_write *w);
void etcd_put_compact(struct strbuf *b, int64_t revision);
void etcd_put_lease(struct strbuf *b, int64_t seconds);
/* Every key; events from `revision` on, in fragments when they are many. */
void etcd_put_watch(struct strbuf *b, int64_t revision);

/* -- answers: KERR_IO when the bytes are not what they should be -- */

struct etcd_header {
  uint64_t cluster;
  int64_t revision;
};

struct etcd_range_answer {
  struct etcd_header header;
  bool more;
};
_must_check_ int etcd_read_range(struct span bytes, struct etcd_range_answer *ret, struct kerr *reterr);
/* The next pair of an answer; `*rest` begins as its bytes. 1: there is one, 0: the end. */
_must_check_ int etcd_next_kv(struct span *rest, struct etcd_kv *ret, struct kerr *reterr);

struct etcd_write_answer {
  struct etcd_header header;
  bool done;
  bool found; /* not done: there is such a key, and this is it */
  struct etcd_kv there;
};
_must_check_ int etcd_read_write(struct span bytes, struct etcd_write_answer *ret, struct kerr *reterr);

struct etcd_watch_answer {
  struct etcd_header header;
  bool created, cancelled, fragment; /* fragment: the rest of these events follows */
  int64_t compacted;                 /* cancelled because the start lies before it; 0: for another reason */
  struct span reason;
};
_must_check_ int etcd_read_watch(struct span bytes, struct etcd_watch_answer *ret, struct kerr *reterr);
/* The next event; as etcd_next_kv. */
_must_check_ int etcd_next_event(struct span *rest, bool *ret_deleted, struct etcd_kv *ret, struct kerr *reterr);

_must_check_ int etcd_read_lease(struct span bytes, int64_t *ret_id, struct kerr *reterr);

#endif
