/*
 * jsonpath - paths as printer columns and selectable fields write them.
 *
 * The language of client-go's util/jsonpath inside one pair of braces:
 * `.spec.replicas`, `.spec['a.b']`, `.list[0]`, `.list[-1:]`, `.list[*].name`,
 * `..name`, `.conditions[?(@.type=="Ready")].status`. Missing keys give nothing.
 *
 * A parsed path is immutable, lives in the arena it was made in, and may be used
 * by any thread.
 */
#ifndef APISERVER_JSONPATH_H
#define APISERVER_JSONPATH_H

#include "json.h"

struct jsonpath;

/* NULL when the text is no path. */
const struct jsonpath *jsonpath_parse(struct arena *a, struct span text);
/*
 * Every value the path leads to, in *ret (memory of `a`). False when the path asks for what cannot be done with what is
 * there: an index out of bounds, a filter on something that is no list.
 */
bool jsonpath_find(struct arena *a, const struct jsonpath *p, const struct json *root, const struct json *const **ret,
                   size_t *ret_n);

#endif
