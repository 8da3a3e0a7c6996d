/*
 * strbuf - text under construction, with a ceiling named when it is made.
 *
 * Appending never fails to its caller: what would pass the ceiling is left
 * out and the buffer is marked, once and for all, as overflowed; whoever made
 * the buffer asks strbuf_overflowed() at the end, where there is an error to
 * give. The text is always NUL-terminated.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem.h"
#include "span.h"

struct strbuf {
  char *p; /* owned; never NULL after init */
  size_t n, cap, limit;
  bool overflow;
};

/* The text of every empty buffer. Never written. */
extern char strbuf_nothing[1];
/* An empty buffer, where one is declared; no memory until the first append. */
#define STRBUF_INIT(limit_)                \
  {                                        \
    .p = strbuf_nothing, .limit = (limit_) \
  }
void strbuf_init(struct strbuf *b, size_t limit);
void strbuf_release(struct strbuf *b);
void strbuf_clear(struct strbuf *b); /* empty again; keeps the memory */
void strbuf_add(struct strbuf *b, const void *p, size_t n);
void strbuf_span(struct strbuf *b, struct span s);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_int(struct strbuf *b, int64_t v);
void strbuf_uint(struct strbuf *b, uint64_t v);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) _printf_(2, 3);
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for `n` more bytes, to be written by the caller, who then adds to b->n. NULL when past the ceiling. */
char *strbuf_reserve(struct strbuf *b, size_t n);
/* The text, owned by the caller (free); the buffer is empty afterwards. */
char *strbuf_take(struct strbuf *b, size_t *ret_n);
struct span strbuf_view(const struct strbuf *b); /* borrowed until the next append */

static inline bool
strbuf_overflowed(const struct strbuf *b)
{
  return b->overflow;
}

#define _cleanup_strbuf_ __attribute__((cleanup(strbuf_release)))

#endif
