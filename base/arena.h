/*
 * arena - memory that dies together: one per request, reconcile or scheduling cycle.
 *
 * Allocation is a pointer bump; nothing is freed singly. An arena can hold a
 * reference to a counted record (arena_defer), so a request may point into
 * shared data and let go of it when the request ends.
 *
 * Not thread-safe: an arena belongs to the thread that runs the request.
 * Passing `limit` aborts: whoever feeds an arena user input checks its own
 * ceiling first, so the limit is a last line against our own mistakes.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "mem.h"
#include "span.h"

struct arena;

/* `limit`: bytes after which allocation aborts; there is no default on purpose. The first chunk comes with the first
 * use. */
struct arena *arena_new(size_t limit);
/* Runs deferred calls, newest first, then frees all memory. NULL is fine. */
void arena_free(struct arena *a);
void arena_freep(struct arena **pa);
/* As arena_free, but the arena and its largest chunk stay for the next cycle. */
void arena_reset(struct arena *a);
size_t arena_used(const struct arena *a);

void *arena_alloc(struct arena *a, size_t size); /* zeroed, 16-byte aligned, borrowed from the arena */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
struct span arena_span(struct arena *a, struct span s); /* a NUL-terminated copy */
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);

#define arena_new_of(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array_of(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

#define _cleanup_arena_ __attribute__((cleanup(arena_freep)))

#endif
