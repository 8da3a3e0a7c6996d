/* The store of a running cluster, and what it stands on. */
#include <string.h>

#include "ceilings.h"
#include "cluster_restore.h"
#include "cluster_run_internal.h"
#include "etcd_process.h"
#include "storage_codec.h"
#include "store_expiry.h"

struct cluster_store {
  struct etcd_process *etcd; /* the cluster's own; NULL: none */
  struct storage_codec_payload codec;
  struct store_expiry *expiry; /* NULL: etcd has leases */
};

static int
read_pem(struct cluster_run *r, const char *path, struct span *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);

  if (!path)
    return 0;
  if (fs_read(path, &text, reterr) < 0)
    return -(int)reterr->code;
  *ret = arena_span(r->a, strbuf_view(&text));
  return 0;
}

static void
start_expiry(struct cluster_run *r)
{
  struct cluster_store *parts = r->store_parts;

  parts->expiry = store_expiry_new(&(struct store_expiry_config){ .store = r->store,
                                                                  .clock = r->config.clock,
                                                                  .log = r->config.log,
                                                                  .prefix = STORAGE_EVENTS,
                                                                  .lifetime = STORAGE_EVENT_SECONDS * CLOCK_SEC });
  store_expiry_start(parts->expiry);
}

/* An etcd that is there, or one of our own. */
static int
prepare_etcd(struct cluster_run *r, struct store_config *config, struct kerr *reterr)
{
  const struct cluster_etcd *e = &r->config.cluster->etcd;
  struct cluster_store *parts = r->store_parts;

  config->etcd.codec = &storage_codec;
  config->etcd.codec_payload = &parts->codec;
  if (e->endpoints) {
    config->etcd.endpoints = e->endpoints;
    if (read_pem(r, e->ca_file, &config->etcd.ca, reterr) < 0 ||
        read_pem(r, e->cert_file, &config->etcd.cert, reterr) < 0 ||
        read_pem(r, e->key_file, &config->etcd.key, reterr) < 0)
      return -(int)reterr->code;
    return 0;
  }
  if (etcd_process_start(cluster_dir_file(r->a, r->config.dir, CLUSTER_STORE_ETCD), r->config.clock, r->config.log,
                         &parts->etcd, reterr) < 0)
    return -(int)reterr->code;
  config->etcd.endpoints = etcd_process_endpoint(parts->etcd);
  return 0;
}

int
cluster_store_start(struct cluster_run *r, struct kerr *reterr)
{
  const struct cluster_config *c = r->config.cluster;
  struct store_config config = { .backend = c->store,
                                 .path = cluster_dir_file(r->a, r->config.dir, CLUSTER_STORE_FILE),
                                 .sync = strcmp(c->store_sync, "normal") == 0 ? STORE_SYNC_NORMAL : STORE_SYNC_FULL,
                                 .clock = r->config.clock,
                                 .log = r->config.log };
  int code = 0;

  r->store_parts = mem_alloc(sizeof *r->store_parts);
  r->store_parts->codec = (struct storage_codec_payload){ .personality = r->personality, .clock = r->config.clock };
  if (strcmp(c->store, "etcd") == 0)
    code = prepare_etcd(r, &config, reterr);
  if (code == 0)
    code = store_open(&config, &r->store, reterr);
  if (code == 0)
    code = cluster_restore(r->config.dir, &r->store_parts->codec, r->store, r->config.log, reterr);
  if (code == 0 && !config.etcd.codec)
    start_expiry(r);
  if (code < 0)
    cluster_store_stop(r);
  return code;
}

void
cluster_store_stop(struct cluster_run *r)
{
  store_expiry_free(r->store_parts->expiry);
  store_free(steal_pointer(&r->store));
  etcd_process_stop(r->store_parts->etcd);
  free(steal_pointer(&r->store_parts));
}
