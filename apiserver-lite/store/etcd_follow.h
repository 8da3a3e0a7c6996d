/*
 * etcd_follow - an index that follows an etcd: loaded once, then kept up by a watch on every key.
 *
 * Loading begins as far back as etcd can tell (or history may reach), so that
 * after a restart clients go on where they were. The watch is on all keys and
 * not only on Kubernetes' own: then every revision of etcd's is seen, and the
 * index knows how far it is without being told. Keys that are nobody's object
 * are passed over.
 *
 * When the place is lost (compacted while nobody was connected, a store put back from a backup) the index is
 * loaded anew; its watches end, and clients hear 410.
 *
 * Threads: one of its own, which is the index's only writer.
 */
#ifndef APISERVER_ETCD_FOLLOW_H
#define APISERVER_ETCD_FOLLOW_H

#include "etcd_client.h"
#include "etcd_message.h"
#include "mvcc.h"

struct etcd_follow;

struct etcd_follow_config {
  struct etcd_client *client; /* all borrowed */
  struct mvcc *mvcc;          /* empty */
  const struct store_codec *codec;
  void *codec_payload;
  struct log *log;
  int64_t history; /* revisions to go back at most */
};

/* Returns when the index is where etcd was at the time of the call. Errors as etcd_call. */
_must_check_ int etcd_follow_new(const struct etcd_follow_config *config, struct etcd_follow **ret,
                                 struct kerr *reterr);
/* The client is being stopped. NULL is fine. */
void etcd_follow_free(struct etcd_follow *f);
/* Which cluster answers, and how far it is now: what anybody had written before. Errors as etcd_call. */
_must_check_ int etcd_ask_header(struct etcd_client *client, struct etcd_header *ret, struct kerr *reterr);
/* Until the index has `revision`; false when it has not come in ten seconds. */
bool etcd_follow_wait(struct etcd_follow *f, int64_t revision);

#endif
