/*
 * http_text - the few texts of HTTP that the library leaves to us.
 *
 * No I/O and no state; everything is checked, because it comes from strangers.
 */
#ifndef APISERVER_HTTP_TEXT_H
#define APISERVER_HTTP_TEXT_H

#include "arena.h"
#include "kerr.h"

/*
 * Splits a request target ("/api/v1/pods?limit=5", or with scheme and host before it) into the decoded path and the raw
 * query. KERR_BAD_REQUEST: bad escape, NUL or invalid UTF-8 in the path, or no path.
 */
_must_check_ int http_target_parse(struct arena *a, const char *target, const char **ret_path, const char **ret_query,
                                   struct kerr *reterr);

/* As apiserver's negotiateContentEncoding: is "gzip" an item of the list, as it stands? NULL: no. */
bool http_accepts_gzip(const char *accept_encoding);

/* `s` in lower case, in the arena. */
const char *http_lower(struct arena *a, const char *s);

/* A metav1.Status as a document, for what is refused before the exchange sees it. */
struct span http_status_document(struct arena *a, enum kerr_code code, const char *message);

#endif
