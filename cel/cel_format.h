/*
 * cel_format - format strings: read once, for checking and for formatting.
 */
#ifndef CEL_CEL_FORMAT_H
#define CEL_CEL_FORMAT_H

#include "cel_ast.h"

/* `"...".format([...])` with both literal: upstream's message, and where; NULL when it is fine. */
const char *cel_format_check(struct cel_unit *u, const struct cel_expr *call, uint32_t *ret_pos);

#endif
