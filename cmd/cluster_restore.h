/*
 * cluster_restore - objects of a snapshot into the store of a cluster that starts.
 *
 * `snapshot restore` leaves the snapshot in the new cluster's folder; the
 * daemon loads it before the API server sees the store, and removes it once
 * everything is there. What is interrupted is done again at the next start. A
 * store in memory is filled at every start, so there the file stays.
 */
#ifndef CMD_CLUSTER_RESTORE_H
#define CMD_CLUSTER_RESTORE_H

#include "cluster_dir.h"
#include "storage_codec.h"

#define CLUSTER_RESTORE_FILE "restore.snapshot"

/* Nothing to do without the file. KERR_PARSE, KERR_IO, and what the store refuses. */
_must_check_ int cluster_restore(const struct cluster_dir *d, struct storage_codec_payload *codec, struct store *s,
                                 struct log *log, struct kerr *reterr);

#endif
