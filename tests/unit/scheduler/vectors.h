/* Reading the allocator vectors and comparing answers with what was recorded. */
#ifndef TESTS_SCHEDULER_VECTORS_H
#define TESTS_SCHEDULER_VECTORS_H

#include "arena.h"
#include "json.h"
#include "strbuf.h"

struct vectors {
  char *text; /* all of the file, unpacked */
  size_t n, at;
};

/* Opens DRALAB_SHARED/vectors/allocator/`name` (DRALAB_SHARED defaults to ../shared), plain or .gz. False: not there.
 */
bool vectors_open(struct vectors *v, const char *name);
/* The same for a file of tests/data/scheduler. */
bool vectors_open_own(struct vectors *v, const char *name);
bool vectors_next(struct vectors *v, struct span *ret_line);
void vectors_close(struct vectors *v);
/* Are they the same answer, by the rules of the vectors? `ret_why`: the first difference, in the arena. */
bool vectors_same(struct arena *a, const struct json *question, struct json *answer, const char **ret_why);
/* Equal as JSON, where absent members and empty lists are the same. */
bool vectors_equal(struct arena *a, const struct json *want, const struct json *got);

#endif
