/*
 * cel_regex - regular expressions in RE2's syntax, in linear time.
 *
 * Texts of errors are Go's (regexp/syntax), because upstream shows them. A
 * regex is immutable and may be used by several threads.
 */
#ifndef CEL_CEL_REGEX_H
#define CEL_CEL_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "span.h"

struct cel_regex;

/* NULL and Go's message in *ret_error (from the arena) when the pattern is none. */
struct cel_regex *cel_regex_new(struct arena *a, struct span pattern, const char **ret_error);
void cel_regex_free(struct cel_regex *re);
/* Regexes of one program are chained. */
void cel_regex_link(struct cel_regex *re, struct cel_regex **list);
void cel_regex_free_list(struct cel_regex *list);
/* The one of this pattern, or NULL. */
const struct cel_regex *cel_regex_known(const struct cel_regex *list, struct span pattern);

bool cel_regex_matches(const struct cel_regex *re, struct span text);
/* The leftmost match at or after `from`; leftmost-first as in Perl. */
bool cel_regex_find(const struct cel_regex *re, struct span text, size_t from, size_t *ret_start, size_t *ret_end);

#endif
