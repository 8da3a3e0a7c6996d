/*
 * patch - the three ways to say a change that know no managers: JSON patch (RFC 6902), merge patch (RFC 7386) and
 * Kubernetes' strategic merge patch.
 *
 * All take a tree and give a new one; sub-trees that do not change are shared.
 */
#ifndef APISERVER_PATCH_H
#define APISERVER_PATCH_H

#include "ceilings.h"
#include "json.h"

#define PATCH_COPY_MAX       (3 * MiB) /* bytes that copy may add: JSONPatchMaxCopyBytes */
#define PATCH_OPERATIONS_MAX 10000     /* handlers.maxJSONPatchOperations */

/*
 * KERR_TOO_LARGE: more than PATCH_OPERATIONS_MAX operations. KERR_INVALID: an operation cannot be done (absent path,
 * failed test): evanphx/json-patch's text. `patch` is an array of objects.
 */
_must_check_ int patch_json(struct arena *a, const struct json *doc, const struct json *patch, struct json **ret,
                            struct kerr *reterr);
/* Cannot fail: anything is a merge patch. */
struct json *patch_merge(struct arena *a, const struct json *doc, const struct json *patch);

struct kind_type;
/*
 * `type` of the document gives patch strategies and merge keys. Upstream's texts (mergepatch errors), most of which it
 * takes for its own fault: KERR_INTERNAL. KERR_BAD_REQUEST: $retainKeys; KERR_INVALID: lists of lists.
 */
_must_check_ int patch_strategic(struct arena *a, const struct kind_type *type, const struct json *doc,
                                 const struct json *patch, struct json **ret, struct kerr *reterr);

#endif
