/*
 * selector - label selectors, field selectors and node selectors.
 *
 * Label selectors come as text (`a=b,c in (d,e),!f`) or as a LabelSelector
 * object; field selectors as text; both follow k8s.io/apimachinery's parsers
 * and messages. Node selectors (core/v1 NodeSelector) follow
 * component-helpers/scheduling/corev1/nodeaffinity, In/NotIn/Exists/
 * DoesNotExist/Gt/Lt, matchFields on metadata.name.
 *
 * A compiled selector is immutable and lives in the arena it was made in.
 */
#ifndef API_SELECTOR_H
#define API_SELECTOR_H

#include "json.h"

struct label_selector;

/* An empty text selects everything. KERR_BAD_REQUEST with upstream's message. */
_must_check_ int label_selector_parse(struct arena *a, struct span text, struct label_selector **ret,
                                      struct kerr *reterr);
/*
 * From matchLabels and matchExpressions; NULL (JSON null) selects nothing, {} everything, as
 * metav1.LabelSelectorAsSelector. KERR_INVALID with upstream's message.
 */
_must_check_ int label_selector_from_json(struct arena *a, const struct json *sel, struct label_selector **ret,
                                          struct kerr *reterr);
bool label_selector_matches(const struct label_selector *s, const struct json *labels);
bool label_selector_is_empty(const struct label_selector *s); /* selects everything */
char *label_selector_text(struct arena *a, const struct label_selector *s);

/* Terms in byte order of their text, as upstream sorts them; backslash escapes are resolved. KERR_BAD_REQUEST. */
struct field_term {
  const char *path, *value;
  bool equal; /* = or ==; else != */
};
struct field_selector {
  struct field_term *terms;
  size_t n;
};
_must_check_ int field_selector_parse(struct arena *a, struct span text, struct field_selector *ret,
                                      struct kerr *reterr);

/* Does `node` (a Node object) match a core/v1 NodeSelector? NULL matches. KERR_INVALID for a selector that cannot be
 * evaluated. */
_must_check_ int node_selector_matches(const struct json *selector, const struct json *node, bool *ret,
                                       struct kerr *reterr);

/*
 * Does a toleration list tolerate `taint` ({key, value, effect})? As core/v1 Toleration.ToleratesTaint; operators Gt
 * and Lt only with `comparisons`, which is the gate TaintTolerationComparisonOperators, and not at all in the shorter
 * form.
 */
bool tolerations_tolerate(const struct json *tolerations, const struct json *taint);
bool toleration_tolerates(const struct json *toleration, const struct json *taint, bool comparisons);

#endif
