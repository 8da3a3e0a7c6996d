#include "etcd_lease.h"

#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "etcd_message.h"

/* Upstream: defaultLeaseReuseDurationSeconds, leaseReuseDurationPercent, defaultLeaseMaxObjectCount. */
#define REUSE_SECONDS 60
#define REUSE_PART    20 /* of what was asked for: 5 % */
#define OBJECTS_MAX   1000

struct etcd_leases {
  struct etcd_client *client;
  struct clock *clock;
  pthread_mutex_t lock; /* also while a lease is granted: who comes meanwhile shares it */
  int64_t id, ends;     /* the last one, and when it is over */
  int64_t seconds;      /* it was asked for with */
  int objects;
};

struct etcd_leases *
etcd_leases_new(struct etcd_client *client)
{
  struct etcd_leases *l = mem_alloc(sizeof *l);

  l->client = client;
  l->clock = clock_new_real();
  pthread_mutex_init(&l->lock, NULL);
  return l;
}

void
etcd_leases_free(struct etcd_leases *l)
{
  if (!l)
    return;
  pthread_mutex_destroy(&l->lock);
  clock_free(l->clock);
  free(l);
}

static int
grant(struct etcd_leases *l, int64_t seconds, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf request = STRBUF_INIT(64), answer = STRBUF_INIT(4096);
  int64_t more = seconds / REUSE_PART < REUSE_SECONDS ? seconds / REUSE_PART : REUSE_SECONDS;
  int64_t now = clock_mono(l->clock), id;

  etcd_put_lease(&request, seconds + more);
  if (etcd_call(l->client, &(struct etcd_ask){ .path = ETCD_LEASE, .request = strbuf_view(&request), .again = true },
                &answer, reterr) < 0 ||
      etcd_read_lease(strbuf_view(&answer), &id, reterr) < 0)
    return -(int)reterr->code;
  l->id = id;
  l->ends = now + (seconds + more) * CLOCK_SEC;
  l->seconds = seconds;
  l->objects = 0;
  return 0;
}

int
etcd_leases_get(struct etcd_leases *l, int64_t seconds, int64_t *ret_id, struct kerr *reterr)
{
  int r = 0;

  pthread_mutex_lock(&l->lock);
  if (!l->id || l->seconds != seconds || l->objects >= OBJECTS_MAX ||
      clock_mono(l->clock) + seconds * CLOCK_SEC > l->ends)
    r = grant(l, seconds, reterr);
  if (r == 0) {
    l->objects++;
    *ret_id = l->id;
  }
  pthread_mutex_unlock(&l->lock);
  return r;
}
