/*
 * clock - the time, so that a test can own it.
 *
 * Everything that waits, expires or stamps asks a `struct clock`; nobody calls
 * time() or nanosleep(). The real clock is the machine's; a virtual one stands
 * still until clock_advance() and wakes whoever waits for a moment that has
 * come. Units are nanoseconds in int64_t: wall time since 1970, and monotonic
 * time for measuring and waiting. On a virtual clock both move together.
 *
 * Threads: all functions are safe from any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "span.h"

#define CLOCK_US    ((int64_t)1000)
#define CLOCK_MS    ((int64_t)1000000)
#define CLOCK_SEC   ((int64_t)1000000000)
#define CLOCK_NEVER INT64_MAX

struct clock;

struct clock *clock_new_real(void);
struct clock *clock_new_virtual(int64_t wall_ns);
void clock_free(struct clock *c);
int64_t clock_wall(struct clock *c);
int64_t clock_mono(struct clock *c);
/* Virtual only: move on and wake waiters whose deadline has passed. The caller holds no mutex that somebody waits with.
 */
void clock_advance(struct clock *c, int64_t ns);
/*
 * As pthread_cond_wait, until signalled or until `deadline` (monotonic ns; CLOCK_NEVER: no end).
 * `cond` must have been made with clock_cond_init. False when the deadline has passed.
 */
bool clock_cond_wait(struct clock *c, pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline);
/* Wait for that long: only for a command line that has nothing else to do. */
void clock_sleep(struct clock *c, int64_t ns);
void clock_cond_init(pthread_cond_t *cond); /* a condition variable on the monotonic clock */

/* -- text: RFC 3339 as Kubernetes writes it -- */
#define CLOCK_TEXT_MAX 40
/* "2026-11-24T10:00:00Z" (metav1.Time), or with six digits of fraction (metav1.MicroTime). Returns buf. */
char *clock_rfc3339(int64_t wall_ns, bool micro, char buf[CLOCK_TEXT_MAX]);
/*
 * Any RFC 3339 text with any fraction and zone, as Go's time.Parse(time.RFC3339, ...): false when it is not one.
 * A moment outside 1677..2262 becomes INT64_MIN or INT64_MAX.
 */
bool clock_parse_rfc3339(struct span text, int64_t *ret_wall_ns);

#endif
