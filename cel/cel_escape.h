/*
 * cel_escape - names of properties that are no identifiers.
 *
 * Where types come from a schema, "a.b" is written a__dot__b, "a-b"
 * a__dash__b, "a/b" a__slash__b, "a__b" a__underscores__b, and a reserved
 * word "if" __if__ (apiserver pkg/cel/escaping.go).
 */
#ifndef CEL_CEL_ESCAPE_H
#define CEL_CEL_ESCAPE_H

#include <stdbool.h>

#include "arena.h"
#include "span.h"

/* As an expression writes the name; NULL when none can. */
const char *cel_escape(struct arena *a, struct span name);
/* Does an expression that writes `escaped` mean the property `name`? */
bool cel_escape_means(struct span escaped, struct span name);
/* Words that are no identifiers, or are kept for later: true, in, if, namespace ... */
bool cel_escape_reserved(struct span word);

#endif
