/*
 * thread - starting threads, and the way in which they talk.
 *
 * A mailbox is a bounded queue of pointers with many senders and one receiver:
 * messages and references to immutable records go through it, nothing else is
 * shared. A receiver that waits for descriptors too polls mailbox_fd(); a
 * sender that can wait for room leaves a mailbox_waiter. Signals are blocked
 * in every thread started here; the main thread has them through signalfd.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"

/* Aborts when the system has no thread to give. `name`: at most 15 bytes, shown by ps and gdb. */
void thread_start(pthread_t *ret, const char *name, void *(*fn)(void *), void *arg);

struct mailbox;

/* `limit`: messages that may wait. `message_free` is used for those left at the end. */
struct mailbox *mailbox_new(struct clock *clock, size_t limit, void (*message_free)(void *));
void mailbox_free(struct mailbox *m); /* the receiver calls it, when no sender is left */
/* False when full or closed: the message stays the sender's. Never blocks. */
bool mailbox_send(struct mailbox *m, void *message);
/* The next message, or NULL when `deadline` (clock_mono) passed or the box is closed and empty. */
void *mailbox_receive(struct mailbox *m, int64_t deadline);
/* Make the receiver's present or next mailbox_receive return at once, with a message if there is one, else with NULL. */
void mailbox_poke(struct mailbox *m);
void mailbox_close(struct mailbox *m); /* wakes the receiver; later sends fail */
bool mailbox_closed(struct mailbox *m);
/* A descriptor that is readable while mailbox_receive would not wait; owned by the box. Only the receiver may ask. */
int mailbox_fd(struct mailbox *m);

/*
 * A sender that found the box full and wants to be told of room. `fn` runs in the receiver's thread, once, from within
 * mailbox_receive when half of the box is free again; it may send. It does not run when the box is closed.
 */
struct mailbox_waiter {
  void (*fn)(void *arg);
  void *arg;
  struct mailbox_waiter *next; /* the box's */
  bool queued;                 /* the box's */
};
/* As mailbox_send; when full, `w` (zeroed but for fn and arg before its first use) is left with the box. */
bool mailbox_send_or_wait(struct mailbox *m, void *message, struct mailbox_waiter *w);
/* `w` is forgotten: its fn is not running and will not run, unless this is called from it. */
void mailbox_cancel(struct mailbox *m, struct mailbox_waiter *w);

#endif
