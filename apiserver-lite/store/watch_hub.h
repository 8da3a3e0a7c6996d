/*
 * watch_hub - one watch on the store, shared by every client that watches.
 *
 * The hub has the only watch on the store. It keeps, for each resource that
 * anybody has asked for, a bounded ring of its last events, and gives every
 * client a reader: a cursor into that ring. Readers pull. A reader that is at
 * the end is told once when an event for it has come; one that reads too slowly
 * costs nothing, holds up nobody, and is ended when its cursor falls off the
 * ring (the client gets 410 and lists again).
 *
 * Events are immutable and counted. What a client is sent for an event is the
 * same for all clients that asked for the same form of it, so an event keeps
 * those frames: the first reader that needs one encodes it (hub_event_frame).
 *
 * Threads: any thread, but a reader belongs to one consumer at a time. Notify
 * functions run on the store's watch thread, hold no lock of the hub, and must
 * only set a flag and wake somebody.
 */
#ifndef APISERVER_WATCH_HUB_H
#define APISERVER_WATCH_HUB_H

#include "store.h"
#include "strbuf.h"

struct watch_hub;
struct hub_reader;

/* Events kept per resource (upstream's watch cache keeps up to 102400 and at least 75 seconds). */
#define HUB_RING_MAX   16384
#define HUB_RING_BYTES ((size_t)24 << 20)
/* Different frames kept with one event; further ones are encoded for each reader. */
#define HUB_FRAMES_MAX 16
/* Bytes of one frame. */
#define HUB_FRAME_LIMIT ((size_t)64 << 20)
/* Rings that nobody reads, kept for the next reader. */
#define HUB_IDLE_RINGS_MAX 128

struct hub_event {
  enum store_event_type type;
  int64_t revision;
  struct record *record, *old; /* as in struct store_event; owned by the event */
};
struct hub_event *hub_event_ref(struct hub_event *e);
void hub_event_unref(struct hub_event *e); /* NULL is fine */

/*
 * The frame of `e` in form `form`, encoded by `encode` when nobody has before. A form names everything the bytes depend
 * on beside the event (wire format, API version, table or metadata only, the type the event has for this client); the
 * caller makes the numbers up. Borrowed from the event when kept there, else from `spare`, which the caller clears.
 */
typedef void hub_encode_fn(void *payload, const struct hub_event *e, struct strbuf *b);
struct span hub_event_frame(struct hub_event *e, uint64_t form, hub_encode_fn *encode, void *payload,
                            struct strbuf *spare);

/* `prefix`: the part of the store that is watched, "/registry/". `s` is borrowed and outlives the hub. */
_must_check_ int watch_hub_new(struct store *s, struct span prefix, struct watch_hub **ret, struct kerr *reterr);
void watch_hub_free(struct watch_hub *h); /* no reader is left */
/* End every reader: next() gives -1, and those at the end are told. Later subscriptions are refused (KERR_UNAVAILABLE).
 */
void watch_hub_stop(struct watch_hub *h);

/*
 * End the readers of this resource, once they have read what happened up to `revision`, which the store has reached:
 * what they read is no more. Who subscribes from now on is not concerned.
 */
void watch_hub_end(struct watch_hub *h, struct span resource, int64_t revision);

/*
 * Events of keys below `within` with revision > from_rev (0: from now on). `resource` is the prefix of the whole
 * collection, which `within` begins with ("/registry/pods/" and "/registry/pods/ns/"): readers of one resource share a
 * ring whatever their namespaces.
 * KERR_EXPIRED: `too old resource version: 5 (12)`.
 */
_must_check_ int watch_hub_subscribe(struct watch_hub *h, struct span resource, struct span within, int64_t from_rev,
                                     struct hub_reader **ret, struct kerr *reterr);
void hub_reader_free(struct hub_reader *r); /* no notify is running or will run when it returns; not from a notify */

enum hub_next { HUB_EVENT = 1, HUB_EMPTY = 0, HUB_ENDED = -1, HUB_STOPPED = -2 };
/*
 * HUB_EVENT: *ret is the next event, one reference. HUB_EMPTY: nothing now; the notify function is called once when
 * there is, or when the end has come. HUB_ENDED: fell behind. HUB_STOPPED: the hub is being stopped, or
 * there will be no more of this (watch_hub_end).
 */
enum hub_next hub_reader_next(struct hub_reader *r, struct hub_event **ret);
/* Everything this reader has to see up to this revision has been handed out: a bookmark may say so. */
int64_t hub_reader_progress(struct hub_reader *r);
/* Replaces the last one; NULL: none. When the reader is not at the end it is called at once, from here. */
void hub_reader_set_notify(struct hub_reader *r, void (*fn)(void *arg), void *arg);

/* -- for /metrics -- */
size_t watch_hub_readers(struct watch_hub *h);
size_t watch_hub_rings(struct watch_hub *h);

#endif
