/*
 * validate_tags - declarative validation: the +k8s: tags of the published types, as rows.
 *
 * A row per field says what holds for it; the engine (validate_tags.c) walks the
 * tree of the version that was sent, so its errors name the fields of that
 * version. Levels (apiserver: registry/rest/validate.go): RULE is always
 * enforced, BETA while the gate DeclarativeValidationBeta is on, ALPHA is never
 * reported and only stops what follows it. A value that an update leaves as it
 * was is not looked at again.
 */
#ifndef APISERVER_VALIDATE_TAGS_H
#define APISERVER_VALIDATE_TAGS_H

#include "validate_internal.h"

/* X(name): what a rule checks */
enum tag_op {
  TAG_OPTIONAL, /* unset: the other rules of the field do not matter */
  TAG_REQUIRED,
  TAG_FORBIDDEN,
  TAG_MAX_ITEMS,
  TAG_MIN_ITEMS,
  TAG_MAX_BYTES,
  TAG_MAX_LENGTH, /* characters */
  TAG_MINIMUM,
  TAG_MAXIMUM,
  TAG_FORMAT,   /* n: enum tag_format */
  TAG_ENUM,     /* names: the values */
  TAG_UNIQUE,   /* names: the keys of an item, "" for the item itself */
  TAG_EACH_KEY, /* n: enum tag_format, for the keys of a map */
  TAG_IMMUTABLE,
  TAG_UPDATE, /* n: what an update may not do; names: keys of an item */
  TAG_MONOTONIC,
  TAG_UNION, /* names: members, each with a letter before it that says when it is set: p not null, l not empty, v not ""
              */
  TAG_ZERO_OR_ONE,        /* the same, none is fine */
  TAG_DEPENDENT_REQUIRED, /* names: trigger, dependent; letters as above */
  TAG_DEPENDENT_FORBIDDEN,
};

enum tag_format {
  FORMAT_SHORT_NAME,
  FORMAT_LONG_NAME,
  FORMAT_LONG_NAME_CASELESS,
  FORMAT_LABEL_KEY,
  FORMAT_PREFIXED_LABEL_KEY,
  FORMAT_LABEL_VALUE,
  FORMAT_PATH_SEGMENT,
  FORMAT_UUID,
  FORMAT_POOL_NAME,
  FORMAT_EXTENDED_RESOURCE,
  FORMAT_QUALIFIED_NAME,
};

enum tag_update { TAG_NO_SET = 1, TAG_NO_UNSET = 2, TAG_NO_MODIFY = 4, TAG_NO_ADD_ITEM = 8, TAG_NO_REMOVE_ITEM = 16 };

struct tag_rule {
  enum tag_op op;
  int64_t n;
  const char *const *names; /* ends with NULL */
  const char *gate;         /* holds only while the gate is on; "!Gate": off */
  bool beta, silent, stop;
};

/* How Go holds the value, and so what "unset" means. */
enum tag_form { TAG_VALUE, TAG_POINTER, TAG_LIST, TAG_MAP };

struct tag_type;
struct tag_field {
  const char *json; /* "": the fields stand in the parent */
  enum tag_form form;
  const struct tag_rule *rules;
  size_t nrules;
  const struct tag_type *type; /* of the value; of the items or values of a list or map */
  const struct tag_rule *each; /* for every item */
  size_t neach;
  const char *const *match; /* keys by which an item finds its old self; NULL: it has none */
};

struct tag_type {
  const struct tag_rule *rules;
  size_t nrules;
  const struct tag_field *fields;
  size_t nfields;
};

struct tag_root {
  const char *group, *version, *kind;
  const struct tag_type *type;
  const char *paths; /* "/ /status": where it is validated */
};

extern const struct tag_root tag_roots_resource[], tag_roots_other[]; /* end with a NULL kind */

/* Words of the rows. */
#define TAG_COUNT(t, ...) (sizeof((t[]){ __VA_ARGS__ }) / sizeof(t))
#define RULES(...)        .rules = (const struct tag_rule[]){ __VA_ARGS__ }, .nrules = TAG_COUNT(struct tag_rule, __VA_ARGS__)
#define EACH(...)         .each = (const struct tag_rule[]){ __VA_ARGS__ }, .neach = TAG_COUNT(struct tag_rule, __VA_ARGS__)
#define FIELDS(...)       (const struct tag_field[]){ __VA_ARGS__ }, .nfields = TAG_COUNT(struct tag_field, __VA_ARGS__)
#define NAMES(...)        ((const char *const[]){ __VA_ARGS__, NULL })
#define RULE(o, ...)             \
  {                              \
    .op = TAG_##o, ##__VA_ARGS__ \
  }
#define RULE_STOP(o, ...)                      \
  {                                            \
    .op = TAG_##o, .stop = true, ##__VA_ARGS__ \
  }
#define BETA(o, ...)                           \
  {                                            \
    .op = TAG_##o, .beta = true, ##__VA_ARGS__ \
  }
#define BETA_STOP(o, ...)                                    \
  {                                                          \
    .op = TAG_##o, .beta = true, .stop = true, ##__VA_ARGS__ \
  }
#define ALPHA(o, ...)                            \
  {                                              \
    .op = TAG_##o, .silent = true, ##__VA_ARGS__ \
  }
#define ALPHA_STOP(o, ...)                                     \
  {                                                            \
    .op = TAG_##o, .silent = true, .stop = true, ##__VA_ARGS__ \
  }

#endif
