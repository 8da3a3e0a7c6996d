/* go_json_error - what Go's encoding/json says about a text that is no JSON. */
#ifndef APISERVER_GO_JSON_ERROR_H
#define APISERVER_GO_JSON_ERROR_H

#include "arena.h"
#include "span.h"

/* `invalid character 'x' after object key`, `unexpected end of JSON input`, ... NULL when the text is JSON. */
const char *go_json_error(struct arena *a, struct span text);

#endif
