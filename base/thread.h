/*
 * thread - starting threads, and the two ways in which they talk.
 *
 * A mailbox is a bounded queue of pointers with many senders and one receiver:
 * messages and references to immutable records go through it, nothing else is
 * shared. A wakeup is a mailbox of one bit with a file descriptor, for loops
 * that poll. Signals are blocked in every thread started here; the main thread
 * has them through signalfd.
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
void mailbox_close(struct mailbox *m); /* wakes the receiver; later sends fail */
bool mailbox_closed(struct mailbox *m);

#endif
