/*
 * kind_words - what a person is told of a type and its fields (`kubectl explain`), in this project's words.
 *
 * The words are in kinds/words/GROUP.words, for every version of the group at once; what has none there has none.
 */
#ifndef APISERVER_KIND_WORDS_H
#define APISERVER_KIND_WORDS_H

#include "arena.h"
#include "kind_type.h"

struct kind_words;

/* Lives as long as the arena; immutable. */
const struct kind_words *kind_words_new(struct arena *a);
/* Of a field, or (NULL) of the type; .p NULL when there are none. */
struct span kind_words_of(const struct kind_words *w, const struct kind_type *t, const struct kind_field *f);

#endif
