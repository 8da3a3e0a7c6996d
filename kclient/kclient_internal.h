/*
 * kclient_internal - what stands behind a client: a transport, the pump that
 * drives its informers, and the writer of its events.
 *
 * A transport knows how to carry one call and how to open one watch; list,
 * watch and difference are the same for all of them (kclient_informer.c).
 */
#ifndef KCLIENT_INTERNAL_H
#define KCLIENT_INTERNAL_H

#include "hmap.h"
#include "kclient.h"

struct kclient_call {
  const char *method;
  const char *path;         /* "/api/v1/pods" */
  const char *query;        /* without '?'; NULL: none */
  const char *accept;       /* NULL: JSON */
  const char *content_type; /* NULL: no body */
  struct span body;
  const struct kclient_resource
      *objects; /* the answer is objects of this collection, wanted as records; NULL: a document */
};

/* What came back; everything lives in the arena of the call, records are references of the caller. */
struct kclient_got {
  int status;
  const char *content_type;
  struct span body;
  struct record **records;
  size_t n;
  int64_t revision;
  const char *continue_token;
};

struct kclient_transport {
  /* 0 for any HTTP status; KERR_UNAVAILABLE when nobody answered. */
  int (*call)(struct kclient *c, struct arena *a, const struct kclient_call *call, struct kclient_got *ret,
              struct kerr *reterr);
  /*
   * Open a watch; errors of the server are errors here (KERR_EXPIRED: the revision is too old). With call->objects
   * events carry records, else bytes. The stream is the caller's.
   */
  int (*watch)(struct kclient *c, const struct kclient_call *call, struct exchange_stream **ret, struct kerr *reterr);
  void (*free)(struct kclient *c);
};

struct kclient_pump;
struct kclient_events;

struct kclient {
  const struct kclient_transport *transport;
  struct clock *clock;
  struct log *log;
  char *user_agent;
  void *state;          /* the transport's */
  pthread_mutex_t lock; /* over the two below being made, once each */
  struct kclient_pump *pump;
  struct kclient_events *events;
};

/* A client without a transport: for the transports' constructors. */
struct kclient *kclient_alloc(struct clock *clock, struct log *log, const char *user_agent);
/* "/apis/g/v/namespaces/ns/resource/name/sub"; every part after the resource may be NULL or "". */
char *kclient_path(struct arena *a, const struct kclient_resource *res, const char *ns, const char *name,
                   const char *sub);
/* A call whose HTTP status is an error becomes that error. */
int kclient_do(struct kclient *c, struct arena *a, const struct kclient_call *call, struct kclient_got *ret,
               struct kerr *reterr);

/*
 * "ns/name", or "/name" in a collection without namespaces: the end of a record's key (store.h), and so known without
 * parsing the record.
 */
struct span kclient_record_key(const struct kclient_resource *res, const struct record *r);
const struct kclient_resource *kclient_informer_resource(const struct kclient_informer *i);

void kclient_pump_free(struct kclient_pump *p);     /* NULL is fine; no informer is left */
void kclient_events_free(struct kclient_events *e); /* NULL is fine; writes what waits */

#endif
