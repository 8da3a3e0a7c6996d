/*
 * mem - allocation, and the helpers that say who owns what.
 *
 * Running out of memory aborts here and nowhere else, so no caller checks.
 * In exchange nothing grows without a named ceiling (ceilings.h): buffers and
 * arenas take their limit when they are made, and user input is measured
 * before it is copied.
 *
 * Three lifetimes exist in this program: an arena per request or cycle
 * (arena.h), an immutable counted record (record.h and its like), and a heap
 * object held by a variable with the cleanup attribute, below. A function that
 * uses the cleanup attribute has no goto.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void *mem_alloc(size_t size);               /* zeroed, never NULL */
void *mem_calloc(size_t n, size_t size);    /* zeroed, never NULL; n * size is checked for overflow */
void *mem_realloc(void *p, size_t size);    /* never NULL; new bytes are not zeroed */
char *mem_strdup(const char *s);            /* s may be NULL: gives NULL */
char *mem_strndup(const char *s, size_t n); /* NUL-terminated copy of exactly n bytes */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static inline void
mem_freep(void *p)
{
  free(*(void **)p);
}

#define _cleanup_free_ __attribute__((cleanup(mem_freep)))
#define _cleanup_(fn)  __attribute__((cleanup(fn)))
#define _must_check_   __attribute__((warn_unused_result))
#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define _unused_       __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hand the value out and disarm the cleanup of the variable that held it. */
#define steal_pointer(pp)              \
  (__extension__({                     \
    __typeof__(*(pp)) stolen_ = *(pp); \
    *(pp) = NULL;                      \
    stolen_;                           \
  }))

/* The struct that holds `member` at address `ptr`. */
#define container_of(ptr, type, member) ((type *)((uintptr_t)(ptr) - offsetof(type, member)))

#endif
