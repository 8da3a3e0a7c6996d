/*
 * kclient - the one way to reach an API server.
 *
 * Scheduler, controllers, node agents, drivers and the command line talk to the
 * API through this interface and nothing else. Two transports stand behind it:
 * in-process (a `struct exchange`; no sockets, records are shared, not copied)
 * and HTTPS through libcurl, loaded when first needed.
 *
 * Objects are named by their collection (struct kclient_resource). What is read
 * comes as counted records; what is written is a JSON tree.
 *
 * Threads: a client may be used from any thread. Calls block. An informer
 * delivers into a mailbox that its owner reads in its own loop.
 */
#ifndef KCLIENT_KCLIENT_H
#define KCLIENT_KCLIENT_H

#include "clock.h"
#include "exchange.h"
#include "json.h"
#include "log.h"
#include "object.h"
#include "record.h"
#include "thread.h"

struct kclient;

struct kclient_options {
  const char *user_agent;           /* "kube-scheduler": the field manager of writes begins with it up to '/' */
  const struct exchange_user *user; /* in-process: who the component is; outlives the client */
  struct clock *clock;
  struct log *log;
};

/* The exchange outlives the client. */
struct kclient *kclient_new_local(struct exchange *server, const struct kclient_options *opts);

struct kclient_remote {
  const char *server;                              /* "https://127.0.0.1:6443" */
  const char *ca_pem, *cert_pem, *key_pem, *token; /* texts; NULL when not used */
  bool insecure;
  const char *user_agent;
};
_must_check_ int kclient_new_remote(const struct kclient_remote *remote, struct clock *clock, struct log *log,
                                    struct kclient **ret, struct kerr *reterr);
void kclient_free(struct kclient *c);
void kclient_freep(struct kclient **pc);

/* A collection: everything that has to be known to build its URLs. */
struct kclient_resource {
  const char *group, *version, *resource, *kind;
  bool namespaced;
};
/* The ones that dralab's own components use. */
extern const struct kclient_resource KC_NAMESPACES, KC_NODES, KC_PODS, KC_EVENTS, KC_CONFIGMAPS, KC_SECRETS,
    KC_RESOURCEQUOTAS, KC_SERVICEACCOUNTS, KC_LEASES, KC_RESOURCECLAIMS, KC_RESOURCECLAIMTEMPLATES, KC_RESOURCESLICES,
    KC_DEVICECLASSES, KC_DEVICETAINTRULES, KC_CLUSTERROLES, KC_VALIDATINGADMISSIONPOLICIES, KC_PERSISTENTVOLUMES,
    KC_PERSISTENTVOLUMECLAIMS, KC_VOLUMEATTRIBUTESCLASSES, KC_PODGROUPS, KC_RESOURCEPOOLSTATUSREQUESTS;

struct kclient_list {
  struct record **items; /* references, owned by the list */
  size_t n;
  int64_t revision;
};
void kclient_list_release(struct kclient_list *l);

/* All of them: `ns` NULL or "" for cluster scope or all namespaces; ret is owned by the caller. KERR_NOT_FOUND,
 * KERR_CONFLICT, ... */
_must_check_ int kclient_get(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *name,
                             struct record **ret, struct kerr *reterr);
/* `query`: "labelSelector=...&limit=5", already escaped, or NULL. */
_must_check_ int kclient_list(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *query,
                              struct kclient_list *ret, struct kerr *reterr);
/* `ret` may be NULL when the stored object is of no interest, here and below. */
_must_check_ int kclient_create(struct kclient *c, const struct kclient_resource *res, const char *ns,
                                const struct json *object, struct record **ret, struct kerr *reterr);
/* `subresource`: "status", ..., or NULL. Name and namespace are those of the object. */
_must_check_ int kclient_update(struct kclient *c, const struct kclient_resource *res, const char *subresource,
                                const struct json *object, struct record **ret, struct kerr *reterr);
enum kclient_patch_type { KCLIENT_JSON_PATCH, KCLIENT_MERGE_PATCH, KCLIENT_STRATEGIC_PATCH, KCLIENT_APPLY_PATCH };
/* `query`: "fieldManager=x&force=true" or NULL. */
_must_check_ int kclient_patch(struct kclient *c, const struct kclient_resource *res, const char *subresource,
                               const char *ns, const char *name, enum kclient_patch_type type, const char *query,
                               const struct json *patch, struct record **ret, struct kerr *reterr);
/* `options`: a DeleteOptions object or NULL. */
_must_check_ int kclient_delete(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *name,
                                const struct json *options, struct kerr *reterr);
/* POST to a subresource (pods/NAME/binding, serviceaccounts/NAME/token). */
_must_check_ int kclient_create_sub(struct kclient *c, const struct kclient_resource *res, const char *ns,
                                    const char *name, const char *subresource, const struct json *object,
                                    struct record **ret, struct kerr *reterr);

/*
 * Anything else (discovery, tables, logs, raw documents). `path` has its query. The reply's body is in the arena.
 * Returns 0 for every HTTP status; KERR_UNAVAILABLE when there was no answer.
 */
struct kclient_reply {
  int status;
  const char *content_type;
  struct span body;
};
_must_check_ int kclient_raw(struct kclient *c, struct arena *a, const char *method, const char *path,
                             const char *accept, const char *content_type, struct span body, struct kclient_reply *ret,
                             struct kerr *reterr);
/* A raw body that goes on (logs -f, watches): `chunk` sees bytes as they come and returns false to stop. */
_must_check_ int kclient_raw_stream(struct kclient *c, const char *path, const char *accept,
                                    bool (*chunk)(void *arg, struct span bytes), void *arg, int *ret_status,
                                    struct kerr *reterr);

/* -- informers: list, then watch for ever, into the owner's mailbox -- */

enum kclient_change_type {
  KCLIENT_ADDED,
  KCLIENT_MODIFIED, /* `old` is the version before */
  KCLIENT_DELETED,  /* `record` is the last version known */
  KCLIENT_SYNCED,   /* the first list has been delivered; no record */
};

struct kclient_change {
  enum kclient_change_type type;
  const struct kclient_informer *informer; /* NULL: a change made by hand */
  void *tag;                               /* given to kclient_watch */
  struct record *record, *old;             /* references, released with the change */
};
void kclient_change_free(void *change); /* also the message_free of such a mailbox */

/*
 * An informer keeps the list+watch of one collection going, re-lists when it must (410) and delivers the difference, so
 * that its receiver sees each object's changes in order, each exactly once. A full mailbox slows the informer, never
 * the server. In-process informers use no thread of their own.
 */
struct kclient_informer;
/* `query` as in kclient_list (selectors only). */
struct kclient_informer *kclient_watch(struct kclient *c, const struct kclient_resource *res, const char *ns,
                                       const char *query, struct mailbox *to, void *tag);
void kclient_informer_free(struct kclient_informer *i); /* no change is sent after it returns */

/* -- cache: what a loop knows of one collection; belongs to the thread that feeds it -- */

struct kclient_cache;
struct kclient_cache *kclient_cache_new(void);
void kclient_cache_free(struct kclient_cache *k);
/* Takes over what the change says; the change stays the caller's. */
void kclient_cache_apply(struct kclient_cache *k, const struct kclient_change *change);
/* Put a newer version there by hand (assume): kept unless the cache has one at least as new. */
void kclient_cache_put(struct kclient_cache *k, struct record *r);
bool kclient_cache_synced(const struct kclient_cache *k);
/* Borrowed until the next apply or put. `ns` NULL or "" for cluster-scoped kinds. */
struct record *kclient_cache_get(const struct kclient_cache *k, const char *ns, const char *name);
size_t kclient_cache_count(const struct kclient_cache *k);
/* Insertion order; `*cursor` starts at 0. */
struct record *kclient_cache_next(const struct kclient_cache *k, size_t *cursor);

/* -- events (core/v1 Event), as client-go's recorder makes them -- */

/*
 * Neither waits nor fails: a thread of the client's writes events, counts repeats (same object, reporter, type, reason
 * and message) in the event that is there, and logs what cannot be written. A member `fieldPath` beside the metadata of
 * `about` says which part of it is meant.
 */
void kclient_event(struct kclient *c, const char *component, const char *host, const struct json *about,
                   const char *type, const char *reason, const char *fmt, ...) _printf_(7, 8);
struct kclient_event_source {
  const char *component, *host; /* host NULL: none */
};
/* With an action ("Binding") in the form of events.k8s.io/v1: eventTime and series; NULL: as kclient_event. */
void kclient_event_about(struct kclient *c, const struct kclient_event_source *source, const struct json *about,
                         const char *type, const char *reason, const char *action, const char *fmt, ...) _printf_(7, 8);

#endif
