/*
 * store_status - a store as the person who looks after it sees it, and compaction as that person asks for it.
 *
 * The words of refusals, and what is refused, are etcd's (`etcdctl compact`), whatever the backend.
 *
 * Threads: any.
 */
#ifndef APISERVER_STORE_STATUS_H
#define APISERVER_STORE_STATUS_H

#include "json.h"
#include "store.h"

struct store_status {
  const char *backend; /* static */
  int64_t revision, compacted, keys;
};

/* Errors as store_list. */
_must_check_ int store_status_read(struct store *s, struct store_status *ret, struct kerr *reterr);
/*
 * Compacts to `revision`; 0: to the present one, where it may be already. ret: as it is then. KERR_EXPIRED: is
 * compacted to there or further; KERR_BAD_REQUEST: is in the future; else as store_compact.
 */
_must_check_ int store_status_compact(struct store *s, int64_t revision, struct store_status *ret, struct kerr *reterr);
struct json *store_status_json(struct arena *a, const struct store_status *status);

#endif
