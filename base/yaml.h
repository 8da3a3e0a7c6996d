/*
 * yaml - YAML in and out, as Kubernetes' tools read and write it.
 *
 * Reading goes through libyaml and resolves scalars as sigs.k8s.io/yaml does
 * with go.yaml.in/yaml/v2 (YAML 1.1: yes, no, on and off are booleans; see
 * docs/internals/base.md). Duplicate keys are refused or listed exactly as in
 * json_parse. Aliases are expanded under a ceiling on nodes; the keys of a
 * merge (<<) may repeat. JSON is YAML: a text that begins with '{' is read by
 * the JSON parser first, for its better messages.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "json.h"

/* All documents of a stream; empty ones are left out. Errors: KERR_PARSE ("line 3, column 7: ..."), KERR_TOO_LARGE. */
_must_check_ int yaml_parse_all(struct arena *a, struct span text, const struct json_parse_opts *opts,
                                struct json ***ret_docs, size_t *ret_n, struct kerr *reterr);
/* Exactly one document (an empty text is null). */
_must_check_ int yaml_parse(struct arena *a, struct span text, const struct json_parse_opts *opts, struct json **ret,
                            struct kerr *reterr);
/*
 * The first document, as Go's readers take it; what follows is not looked at. Errors are in go-yaml's words ("yaml: line
 * 2: did not find expected key").
 */
_must_check_ int yaml_parse_body(struct arena *a, struct span text, const struct json_parse_opts *opts,
                                 struct json **ret, struct kerr *reterr);
/* As `kubectl -o yaml`: keys sorted, two spaces, strings quoted only where needed, "- " not indented under its key.
 * Ends with a newline. */
void yaml_write(struct strbuf *b, const struct json *v);

#endif
