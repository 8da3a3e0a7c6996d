/*
 * dra_plugin - a DRA driver as its node sees it.
 *
 * kubelet knows a driver by two calls, NodePrepareResources and
 * NodeUnprepareResources (k8s.io/kubelet/pkg/apis/dra/v1). The node agent
 * reaches every driver through this interface: the built-in one of
 * fake-devices directly, others over their gRPC socket.
 *
 * Threads: calls come from the node agent's thread of that node, one at a time
 * per plugin.
 */
#ifndef API_DRA_PLUGIN_H
#define API_DRA_PLUGIN_H

#include "json.h"

struct dra_claim {
  const char *namespace_, *name, *uid;
};

struct dra_prepared_device {
  const char *const *requests; /* "req" or "req/sub"; none: for all requests of the claim */
  size_t n_requests;
  const char *pool, *device, *share_id; /* share_id NULL when there is none */
  const char *const *cdi_ids;           /* "vendor.com/class=name" */
  size_t n_cdi_ids;
};

/* The driver's word on one claim. */
struct dra_prepared_claim {
  const char *error; /* NULL: success */
  struct dra_prepared_device *devices;
  size_t n_devices;
};

struct dra_plugin;
struct dra_plugin_ops {
  /*
   * One answer per claim in ret[i], in the arena. A negative return is a failure of the call itself.
   * `claims_json`: the ResourceClaim objects as the API server has them, for a driver that need not read them again.
   */
  int (*prepare)(struct dra_plugin *p, const struct dra_claim *claims, const struct json *const *claims_json, size_t n,
                 struct arena *a, struct dra_prepared_claim *ret, struct kerr *reterr);
  /* ret[i] NULL: done; else what went wrong. Idempotent; unknown claims succeed. */
  int (*unprepare)(struct dra_plugin *p, const struct dra_claim *claims, size_t n, struct arena *a, const char **ret,
                   struct kerr *reterr);
};

struct dra_plugin {
  const struct dra_plugin_ops *ops;
  const char *driver; /* "gpu.dralab.dev" */
};

#endif
