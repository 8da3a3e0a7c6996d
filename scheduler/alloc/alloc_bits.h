/*
 * alloc_bits - sets of devices as words of 64 bits.
 *
 * A growable set (struct bits) covers all devices of a world; sets of one run
 * are plain arrays of words whose number is known.
 */
#ifndef SCHEDULER_ALLOC_BITS_H
#define SCHEDULER_ALLOC_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "mem.h"

typedef uint64_t word;

static inline uint32_t
words_for(uint32_t bits)
{
  return (bits + 63) / 64;
}

static inline bool
bit_get(const word *w, uint32_t i)
{
  return w[i / 64] >> (i % 64) & 1;
}

static inline void
bit_set(word *w, uint32_t i)
{
  w[i / 64] |= (word)1 << (i % 64);
}

static inline void
bit_clear(word *w, uint32_t i)
{
  w[i / 64] &= ~((word)1 << (i % 64));
}

static inline void
bit_put(word *w, uint32_t i, bool on)
{
  if (on)
    bit_set(w, i);
  else
    bit_clear(w, i);
}

/* `n` (at most 64) bits of `w` from bit `at` on, in the low bits of the answer. */
static inline word
bits_extract(const word *w, uint32_t at, uint32_t n)
{
  word v = w[at / 64] >> (at % 64);

  if (at % 64 && at % 64 + n > 64)
    v |= w[at / 64 + 1] << (64 - at % 64);
  return n == 64 ? v : v & (((word)1 << n) - 1);
}

static inline uint32_t
words_count(const word *w, uint32_t n)
{
  uint32_t sum = 0;

  for (uint32_t i = 0; i < n; i++)
    sum += (uint32_t)__builtin_popcountll(w[i]);
  return sum;
}

/* A set that grows: bits past its end are 0. */
struct bits {
  word *w;
  uint32_t n; /* words */
};

static inline void
bits_reserve(struct bits *b, uint32_t bits)
{
  uint32_t n = words_for(bits);

  if (n <= b->n)
    return;
  if (n < b->n + b->n / 8)
    n = b->n + b->n / 8;
  b->w = mem_realloc(b->w, n * sizeof *b->w);
  memset(b->w + b->n, 0, (n - b->n) * sizeof *b->w);
  b->n = n;
}

static inline void
bits_clear_range(struct bits *b, uint32_t at, uint32_t n)
{
  for (uint32_t i = at; i < at + n && i / 64 < b->n; i++)
    bit_clear(b->w, i);
}

static inline void
bits_release(struct bits *b)
{
  free(b->w);
  b->w = NULL;
  b->n = 0;
}

#endif
