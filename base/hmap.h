/*
 * hmap - a hash map from byte strings to pointers.
 *
 * Open addressing, keys are copied, values belong to the caller unless a free
 * function is given. Iteration is in order of insertion (deletions keep the
 * order of the rest), so that whatever is printed from a map is the same in
 * every run. The hash is seeded per process: keys may come from strangers.
 *
 * Not thread-safe.
 */
#ifndef BASE_HMAP_H
#define BASE_HMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "span.h"

struct hmap;

struct hmap *hmap_new(void (*value_free)(void *)); /* NULL: values are borrowed */
void hmap_free(struct hmap *m);
void hmap_freep(struct hmap **pm);
void hmap_clear(struct hmap *m);
size_t hmap_count(const struct hmap *m);
void *hmap_get(const struct hmap *m, struct span key); /* NULL when absent */
/* Store; a value that was there before is freed (or dropped). `value` is not NULL. */
void hmap_put(struct hmap *m, struct span key, void *value);
bool hmap_remove(struct hmap *m, struct span key);
void *hmap_take(struct hmap *m, struct span key); /* remove and hand out; NULL when absent */

/* Insertion order. `*cursor` starts at 0; ret_key and ret_value may be NULL. Removing the entry just returned is
 * allowed; adding is not. */
bool hmap_next(const struct hmap *m, size_t *cursor, struct span *ret_key, void **ret_value);

#endif
