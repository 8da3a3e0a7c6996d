/*
 * validate_internal - what the validators share: paths, errors in the making, helpers.
 *
 * A path is a list of steps on the callers' stacks, rendered only when an error
 * is found. Errors are collected with what merging needs (origin, covered) and
 * become field errors at the end (validation_finish).
 */
#ifndef APISERVER_VALIDATE_INTERNAL_H
#define APISERVER_VALIDATE_INTERNAL_H

#include "ceilings.h"
#include "validate.h"
#include "validate_format.h"

struct vpath {
  const struct vpath *up;
  const char *name; /* a member; NULL: an index or a key */
  const char *key;
  int64_t index;
};
#define VP(up_, name_)    (&(const struct vpath){ .up = (up_), .name = (name_) })
#define VP_ITEM(up_, i_)  (&(const struct vpath){ .up = (up_), .index = (int64_t)(i_) })
#define VP_KEY(up_, key_) (&(const struct vpath){ .up = (up_), .key = (key_) })
char *vpath_text(struct arena *a, const struct vpath *p);

/* An error with what the merging of the two layers looks at. */
struct verr {
  enum field_error_type type;
  const char *field, *value, *detail;
  const char *origin; /* which rule found it: only for errors that the other layer may find too */
  bool covered;       /* hand-written: a declarative rule says the same */
  bool beta;          /* declarative: replaces covered ones */
};

struct validation {
  struct arena *a;
  const struct kind *kind;     /* as it was sent */
  const struct personality *p; /* NULL: the rules of the latest release */
  bool update;
  struct verr *list;
  size_t n, cap;
};

#define VALUES_AS_GO_UNTIL 33 /* the last release whose errors show structs in Go's syntax */

bool validation_gate(const struct validation *v, const char *gate);
int validation_minor(const struct validation *v); /* the release: 37 */
/* Append; returns the error, to be marked, until the next append. Text is the detail. */
struct verr *verr_add(struct validation *v, enum field_error_type type, const struct vpath *path, const char *value,
                      const char *fmt, ...) _printf_(5, 6);
void verr_required(struct validation *v, const struct vpath *path, const char *detail);
void verr_forbidden(struct validation *v, const struct vpath *path, const char *detail);
void verr_invalid(struct validation *v, const struct vpath *path, struct span s, const char *detail); /* a string */
/* A relative path that does not climb: validateLocalDescendingPath and its like. */
void check_path_below(struct validation *v, const struct vpath *path, struct span s);
void verr_invalid_int(struct validation *v, const struct vpath *path, int64_t n, const char *detail);
void verr_duplicate(struct validation *v, const struct vpath *path, struct span s);
void verr_too_long(struct validation *v, const struct vpath *path, int max);     /* bytes */
void verr_too_long_max(struct validation *v, const struct vpath *path, int max); /* "may not be longer than" */
void verr_too_many(struct validation *v, const struct vpath *path, size_t n, size_t max);
/* `allowed` ends with NULL; printed in the order given. */
void verr_not_supported(struct validation *v, const struct vpath *path, struct span s, const char *const *allowed);
void verr_unsupported(struct validation *v, const struct vpath *path, const char *value, const char *const *allowed);
/* Every problem of `s` as an Invalid error; true when there was none. */
bool verr_format(struct validation *v, const struct vpath *path, struct span s, enum text_format f);
/*
 * Hand over: hand-written errors are [0, ntags), declarative ones the rest. A covered error goes when a beta error of
 * the same type, path and, for Invalid, origin is there.
 */
void validation_finish(struct validation *v, size_t ntags, struct field_errors *errs);
/* Mark everything from `mark` on. `origin` may be NULL: keep what is there. */
void validation_cover(struct validation *v, size_t mark, const char *origin);
/* A value as an error shows it. */
char *vquote(struct arena *a, struct span s);       /* Go's %q */
char *vjson(struct arena *a, const struct json *j); /* compact JSON */
/*
 * A value, or a list of values, of an API type as upstream prints its internal twin, whose fields have Go's names and
 * no omitempty. `type` is the OpenAPI name: "io.k8s.api.core.v1.NodeSelectorTerm".
 */
char *vgo(const struct validation *v, const struct json *j, const char *type);
/* As JSON, which errors have from 1.34 on. */
char *vgo_json(struct arena *a, const struct json *j, const char *type);
/* As Go's %#v has it, which they have before (validate_gosyntax.c). */
void vgo_syntax(struct strbuf *b, const struct validation *v, const struct json *j, const struct kind_type *t);

/* Semantic equality: an absent value, null, "" and an empty list or map are the same (apiequality.Semantic). */
bool json_same(const struct json *x, const struct json *y);
struct span json_text_of(const struct json *obj, const char *name); /* a string member; empty when absent */
bool json_has(const struct json *obj, const char *name);            /* present and not null */
bool json_quantity(const struct json *v, struct quantity *ret);     /* false: absent or not a quantity */

/* -- metadata and selectors (validate_meta.c, validate_selector.c) -- */
struct name_rule {
  enum text_format format;
  const char *gate; /* with it the name is held to `relaxed` instead */
  enum text_format relaxed;
  bool tag; /* checked as by ValidateObjectMetaWithOpts: generateName is not looked at, errors are covered by a tag */
};
void validate_object_meta(struct validation *v, const struct json *o, bool namespaced, const struct name_rule *rule);
void validate_object_meta_update(struct validation *v, const struct json *o, const struct json *old);
void validate_template_meta(struct validation *v, const struct vpath *path, const struct json *meta);
void validate_labels(struct validation *v, const struct vpath *path, const struct json *labels);
void validate_annotations(struct validation *v, const struct vpath *path, const struct json *annotations);
void validate_conditions(struct validation *v, const struct vpath *path, const struct json *conditions);
void validate_label_selector(struct validation *v, const struct vpath *path, const struct json *selector);
/* One requirement of a selector, whose operator may be one that nobody knows yet. */
void validate_label_requirement(struct validation *v, const struct vpath *path, const struct json *r);
void validate_field_requirement(struct validation *v, const struct vpath *path, const struct json *r);
void validate_node_selector(struct validation *v, const struct vpath *path, const struct json *selector);
/* `any_value`: values need not be those of labels, as in preferences. */
void validate_node_selector_term(struct validation *v, const struct vpath *path, const struct json *term,
                                 bool any_value);
void validate_immutable(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old,
                        const char *value);

/* -- pieces of resource.k8s.io that several kinds have (validate_device.c, validate_claim.c) -- */
void validate_driver_name(struct validation *v, const struct vpath *path, struct span s, bool covered);
void validate_pool_name(struct validation *v, const struct vpath *path, struct span s);
void validate_device_taint(struct validation *v, const struct vpath *path, const struct json *taint,
                           const struct json *old);
void validate_device_selectors(struct validation *v, const struct vpath *path, const struct json *list, bool stored);
void validate_device_config(struct validation *v, const struct vpath *path, const struct json *config, bool stored);
void validate_claim_spec(struct validation *v, const struct vpath *path, const struct json *spec);
void validate_raw_object(struct validation *v, const struct vpath *path, const struct json *raw, bool stored,
                         size_t max);
/* C identifier with an optional driver name and a slash before it; `full`: the driver is a must (covered by a tag). */
void validate_qualified_name(struct validation *v, const struct vpath *path, struct span s, bool full);
void validate_binding_conditions(struct validation *v, const struct vpath *path, const struct json *device);
void validate_skip_operations(struct validation *v, const struct vpath *path, const struct json *list);
void validate_uid(struct validation *v, const struct vpath *path, struct span s);
/* May the items be looked at? False when there are more than `max`, which is an error; `covered`: a tag says so, too.
 */
bool validate_size(struct validation *v, const struct vpath *path, const struct json *list, size_t max, bool covered);

/* -- webhooks (validate_webhook.c) -- */
void validate_webhook_client(struct validation *v, const struct vpath *path, const struct json *client);
/* `any_will_do`: none of them has to be known. `missing`: what is said when there are none. */
void validate_review_versions(struct validation *v, const struct vpath *path, const struct json *list, bool any_will_do,
                              const char *missing);

/* -- declarative layer (validate_tags.c) -- */
void validate_tags(struct validation *v, const struct json *o, const struct json *old, const char *subresource);

/* -- kinds: one row each (validate.c) -- */
struct validator {
  const char *group, *kind;
  bool cluster; /* not namespaced */
  struct name_rule name;
  void (*create)(struct validation *v, const struct json *o);
  void (*update)(struct validation *v, const struct json *o, const struct json *old); /* NULL: create's checks again */
  void (*status)(struct validation *v, const struct json *o, const struct json *old);
  void (*other)(struct validation *v, const struct json *o, const struct json *old, const char *subresource);
  unsigned flags;
  const char *versions; /* "v1alpha1 v1alpha2"; NULL: every one that no other row names */
};
enum validator_flags {
  VALIDATOR_META_AGAIN = 1,   /* an update checks the name as a create does, too */
  VALIDATOR_NO_META = 2,      /* reviews: never stored */
  VALIDATOR_META_LAST = 8,    /* a create looks at metadata only when all else is well, and takes any name */
  VALIDATOR_CREATE_AGAIN = 4, /* an update is checked as a create would be, and then as an update */
};

#endif
