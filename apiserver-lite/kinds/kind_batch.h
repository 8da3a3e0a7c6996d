/*
 * kind_batch - one object per line, from JSON to protobuf and back (`dralab convert --batch`).
 */
#ifndef APISERVER_KIND_BATCH_H
#define APISERVER_KIND_BATCH_H

#include "json.h"

/*
 * `line` is {"apiVersion":..., "kind":..., "json":{...}} or with "protobufBase64" instead of "json"; appends the answer
 * and a line feed: {"protobufBase64":...}, {"json":...} or {"error":...}. What `line` holds may live in `a` until the
 * caller resets it.
 */
void kind_batch_convert_line(struct arena *a, struct span line, struct strbuf *out);

#endif
