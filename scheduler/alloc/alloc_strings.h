/*
 * alloc_strings - names become small integers.
 *
 * Every name the allocator compares (drivers, pools, devices, attributes and
 * their values, counters) is stored once and known by its number. Number 0 is
 * the empty string. Numbers stay valid for the life of the table.
 */
#ifndef SCHEDULER_ALLOC_STRINGS_H
#define SCHEDULER_ALLOC_STRINGS_H

#include <stdint.h>

#include "span.h"

typedef uint32_t sid; /* number of a string */
#define SID_NONE UINT32_MAX

struct strings;

struct strings *strings_new(void);
void strings_free(struct strings *t);
sid strings_put(struct strings *t, struct span s);
sid strings_find(const struct strings *t, struct span s);  /* SID_NONE when it was never put */
struct span strings_span(const struct strings *t, sid id); /* NUL-terminated; valid until the next put */
size_t strings_count(const struct strings *t);
size_t strings_memory(const struct strings *t);

static inline const char *
strings_text(const struct strings *t, sid id)
{
  return strings_span(t, id).p;
}

/* Mixes `v` into a hash; also for the canonical states of the search. The constant keeps equal arguments from giving 0.
 */
static inline uint64_t
hash_mix(uint64_t h, uint64_t v)
{
  h = ((h + 0x9E3779B97F4A7C15u) ^ v) * 0xBF58476D1CE4E5B9u;
  return h ^ (h >> 29);
}

uint64_t hash_bytes(const void *p, size_t n);

#endif
