/*
 * cel_value - what a CEL expression computes with: 16 bytes, passed by value.
 *
 * Scalars are in the value; everything else is immutable memory that belongs
 * to the arena of the evaluation, to the compiled program, or to whoever made
 * the input. Errors are values too: an operand that failed travels up like any
 * other until something absorbs it, as the language wants. A fatal error (out
 * of budget, cancelled, an internal error) is absorbed by nothing.
 */
#ifndef CEL_CEL_VALUE_H
#define CEL_CEL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "cel_type.h"
#include "json.h"
#include "quantity.h"
#include "span.h"
#include "strbuf.h"

enum cel_kind {
  CEL_ERROR,
  CEL_NULL,
  CEL_BOOL,
  CEL_INT,
  CEL_UINT,
  CEL_DOUBLE,
  CEL_STRING,
  CEL_BYTES,
  CEL_DURATION,  /* i: nanoseconds */
  CEL_TIMESTAMP, /* i: seconds since 1970, n: nanoseconds, off: minutes east of UTC it was written with */
  CEL_LIST,
  CEL_MAP,
  CEL_TYPE,
  CEL_OPTIONAL,
  CEL_PRESERVED, /* JSON that no schema describes; can only be compared */
  CEL_LAZY,      /* inside a map alone: made when it is asked for */
  CEL_QUANTITY,
  CEL_SEMVER,
  CEL_IP,
  CEL_CIDR,
  CEL_URL,
  CEL_FORMAT,
  CEL_AUTHORIZER, /* and what its methods return */
  CEL_PATH_CHECK,
  CEL_GROUP_CHECK,
  CEL_RESOURCE_CHECK,
  CEL_DECISION,
  CEL_KIND_COUNT
};

/* Notes on a value, by kind (`sub`). */
enum {
  CEL_SUB_FATAL = 1,   /* CEL_ERROR: nothing absorbs it */
  CEL_SUB_DERIVED = 1, /* CEL_QUANTITY: result of add() or sub(), which upstream holds by pointer */
  CEL_SUB_ASCII = 1,   /* CEL_STRING: known to have as many code points as bytes */
};

struct cel_list;
struct cel_map;
struct cel_quantity;
struct cel_semver;
struct cel_ip;
struct cel_url;
struct cel_format;
struct cel_authz;

struct cel_value {
  uint8_t kind; /* enum cel_kind */
  uint8_t sub;
  int16_t off;
  uint32_t n; /* bytes of a string, bytes or error text */
  union {
    bool b;
    int64_t i;
    uint64_t u;
    double d;
    const char *s;
    struct cel_list *list;
    struct cel_map *map;
    const struct cel_type *type;
    const struct cel_value *some; /* CEL_OPTIONAL; NULL: none */
    struct cel_quantity *quantity;
    const struct cel_semver *semver;
    const struct cel_ip *ip; /* CEL_IP and CEL_CIDR */
    const struct cel_url *url;
    const struct cel_format *format;
    const struct cel_authz *authz;
    const struct json *preserved;
    struct cel_lazy *lazy;
  } u;
};

/* How a list compares and adds up. */
enum cel_list_rule {
  CEL_LIST_PLAIN,
  CEL_LIST_CONCAT, /* made by +: comparing one passes an element's error on, where plain lists take it for equal */
  /* of an object with a schema, by its x-kubernetes-list-type */
  CEL_LIST_ATOMIC,
  CEL_LIST_SET, /* order does not matter; + is the union */
  CEL_LIST_MAP, /* likewise, by key; + replaces what has the same key */
};

struct cel_list_keys {
  const char **names; /* as expressions write them; of a list added up too */
  uint32_t n;
  bool sum; /* of a list made by +: its elements are asked as expressions would, not their JSON */
};

struct cel_list {
  struct cel_value *items;
  uint32_t n, cap;
  bool growing;                     /* an accumulator: + appends in place, as in cel-go */
  uint8_t rule;                     /* enum cel_list_rule */
  const struct cel_list_keys *keys; /* CEL_LIST_MAP */
};

/* A value that is made once, when it is first asked for (cel_policy.c: the variables of a policy). */
struct cel_lazy {
  struct cel_value (*make)(struct cel_lazy *self);
  struct cel_value value;
  bool made;
};

struct cel_entry {
  struct cel_value key, value;
};

/* An object read by a schema (cel_decl.h): its members stand under their own names, not as expressions write them. */
struct cel_object {
  const struct json *json;
  uint32_t hidden; /* members that expressions do not see, but count: null, or not described */
  bool escaped;    /* it has properties: look-ups take x__dot__y for x.y */
};

/*
 * Where a map gets what it holds when it has no entries yet: look-ups ask for one value, anything else has all entries
 * made first (cel_map_filled).
 */
struct cel_map_source {
  const struct cel_value *(*find)(struct cel_map *m, struct span key); /* NULL: absent */
  void (*fill)(struct cel_map *m);
};

struct cel_map {
  struct cel_entry *entries; /* in order of insertion */
  uint32_t *hashes;          /* of the keys, beside entries */
  uint32_t *index;           /* open addressing over entry numbers + 1, once there are many; else NULL */
  uint32_t n, cap, mask;
  bool growing;
  const struct cel_type *object;       /* a structure: what type() prints */
  const struct cel_object *from;       /* NULL: not from a schema */
  const struct cel_map_source *source; /* NULL: the entries are there */
  const struct cel_value *fallback; /* what looking up a missing key gives: the device's attributes have empty maps */
};

struct cel_quantity {
  struct quantity q; /* when `wide`, it is no "integer" to CEL */
};

struct cel_semver {
  uint64_t number[3];
  struct span pre, build; /* without - and + */
};

struct cel_ip {
  uint8_t family; /* 4 or 6 */
  int16_t bits;   /* CEL_CIDR: prefix length */
  uint8_t bytes[16];
};

struct cel_url {
  struct span scheme, opaque, user, host, path, query, fragment; /* user escaped, host, path and fragment not */
  struct span raw_path, raw_fragment;                            /* as written */
  bool force_query, has_user, has_authority;
};

/* -- making -- */

static inline struct cel_value
cel_of_bool(bool b)
{
  return (struct cel_value){ .kind = CEL_BOOL, .u.u = b };
}

static inline struct cel_value
cel_of_int(int64_t i)
{
  return (struct cel_value){ .kind = CEL_INT, .u.i = i };
}

static inline struct cel_value
cel_of_uint(uint64_t u)
{
  return (struct cel_value){ .kind = CEL_UINT, .u.u = u };
}

static inline struct cel_value
cel_of_double(double d)
{
  return (struct cel_value){ .kind = CEL_DOUBLE, .u.d = d };
}

static inline struct cel_value
cel_of_span(struct span s)
{
  return (struct cel_value){ .kind = CEL_STRING, .n = (uint32_t)s.n, .u.s = s.p };
}

static inline struct cel_value
cel_of_bytes(struct span s)
{
  return (struct cel_value){ .kind = CEL_BYTES, .n = (uint32_t)s.n, .u.s = s.p };
}

static inline struct cel_value
cel_of_type(const struct cel_type *t)
{
  return (struct cel_value){ .kind = CEL_TYPE, .u.type = t };
}

static inline struct cel_value
cel_of_duration(int64_t ns)
{
  return (struct cel_value){ .kind = CEL_DURATION, .u.i = ns };
}

static inline struct cel_value
cel_of_null(void)
{
  return (struct cel_value){ .kind = CEL_NULL };
}

static inline struct cel_value
cel_none(void)
{
  return (struct cel_value){ .kind = CEL_OPTIONAL };
}

/* Borrowed text that never changes, such as a literal. */
static inline struct cel_value
cel_fail(const char *text)
{
  return (struct cel_value){ .kind = CEL_ERROR, .n = (uint32_t)strlen(text), .u.s = text };
}

/* The same, having looked whether it is ASCII: for texts whose size is asked for again and again. */
struct cel_value cel_of_text(struct span s);

struct cel_value cel_failf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
/* "no such overload" */
struct cel_value cel_no_overload(void);
struct cel_value cel_some(struct arena *a, struct cel_value v);
struct cel_value cel_list_new(struct arena *a, uint32_t cap);
void cel_list_push(struct arena *a, struct cel_list *l, struct cel_value v);
/* x + y, by the rule of x. */
struct cel_value cel_list_add(struct arena *a, struct cel_list *x, struct cel_list *y);
struct cel_value cel_map_new(struct arena *a, uint32_t cap);
void cel_map_put(struct arena *a, struct cel_map *m, struct cel_value key, struct cel_value value); /* replaces */
bool cel_map_delete(struct cel_map *m, struct cel_value key);
void cel_map_fill(struct cel_map *m); /* one that has a source */
/* JSON without a schema: integers are int, other numbers double. Borrows the tree's strings. */
struct cel_value cel_of_json(struct arena *a, const struct json *v);

/* -- reading -- */

static inline bool
cel_is_error(struct cel_value v)
{
  return v.kind == CEL_ERROR;
}

static inline bool
cel_is_fatal(struct cel_value v)
{
  return v.kind == CEL_ERROR && v.sub == CEL_SUB_FATAL;
}

static inline bool
cel_is_true(struct cel_value v)
{
  return v.kind == CEL_BOOL && v.u.b;
}

static inline bool
cel_is_false(struct cel_value v)
{
  return v.kind == CEL_BOOL && !v.u.b;
}

static inline struct span
cel_span(struct cel_value v)
{
  return span_make(v.u.s, v.n);
}

/* The map with its entries: to be called before they or their number are looked at. */
static inline const struct cel_map *
cel_map_filled(struct cel_map *m)
{
  if (__builtin_expect(m->source != NULL, 0))
    cel_map_fill(m);
  return m;
}

uint32_t cel_hash_bytes(const char *p, size_t n);
/* Keys of maps and sets as Go's == sees them: same kind, same value; identity for lists, maps and objects. */
uint32_t cel_key_hash(struct cel_value key);
bool cel_key_same(struct cel_value x, struct cel_value y);
/* As Go's map does it: same kind, same value. NULL when absent; numbers of other kinds are tried as cel-go does. */
const struct cel_value *cel_map_find(const struct cel_map *m, struct cel_value key);
const struct cel_value *cel_map_find_str(const struct cel_map *m, struct span key, uint32_t hash);

static inline struct cel_map *
cel_map_writable(const struct cel_map *m)
{
  return (struct cel_map *)(uintptr_t)m; /* a map that still has its source belongs to whoever asks */
}

static inline const struct cel_value *
cel_map_from_source(const struct cel_map *m, struct span key)
{
  const struct cel_value *found = m->source->find(cel_map_writable(m), key);

  return found ? found : m->fallback;
}

const struct cel_value *cel_map_member(const struct cel_map *m, struct span name); /* by its own name, unescaped */
/* The value of a CEL_LAZY, made now if need be; any other value as it is. */
struct cel_value cel_force_lazy(struct cel_lazy *l);

static inline struct cel_value
cel_force(struct cel_value v)
{
  return __builtin_expect(v.kind == CEL_LAZY, 0) ? cel_force_lazy(v.u.lazy) : v;
}

/* Entries sorted by key, so that iterating is the same in every run. */
const struct cel_entry **cel_map_sorted(struct arena *a, const struct cel_map *m);
/* size() of the kinds that have one; false for others. */
bool cel_size(struct cel_value v, uint64_t *ret);

/* The == of the language: true, false, or an error ("no such overload"). */
struct cel_value cel_equal(struct cel_value x, struct cel_value y);
struct cel_value cel_equal_direct(struct cel_value x, struct cel_value y); /* without the special place of null */
struct cel_value cel_list_equal_keyed(const struct cel_list *x, const struct cel_list *y); /* x a set or map */
/* -1, 0, 1 in *ret, or an error as the result. */
struct cel_value cel_compare(struct cel_value x, struct cel_value y, int *ret);

const struct cel_type *cel_type_of(struct cel_value v); /* run-time type, without parameters */
const char *cel_type_name(struct cel_value v);
const char *cel_go_name(struct cel_value v); /* as Go's %T prints the value: "types.Int", "cel.Semver" */
/* As Go's %v prints the value: for messages. */
void cel_print(struct strbuf *b, struct cel_value v);
void cel_print_double(struct strbuf *b, double d,
                      int exponent_from); /* %g with the exponent form from 10^exponent_from */
char *cel_print_text(struct arena *a, struct cel_value v);
void cel_quote(struct strbuf *b, struct span s); /* Go's %q */
const char *cel_quoted(struct arena *a, struct span s);

/* -- one per library that has values of its own -- */
bool cel_quantity_equal(const struct cel_quantity *x, const struct cel_quantity *y);
int cel_semver_compare(const struct cel_semver *x, const struct cel_semver *y);
void cel_semver_print(struct strbuf *b, const struct cel_semver *v);
/* NULL and upstream's message when it is no version. */
bool cel_semver_plain(struct span text, uint64_t ret[3]); /* nothing but three numbers: false for all else */
const struct cel_semver *cel_semver_parse(struct arena *a, struct span text, const char **ret_error);
struct cel_value cel_quantity_parse(struct arena *a, struct span text);
bool cel_ip_equal(const struct cel_ip *x, const struct cel_ip *y, bool prefix);
void cel_ip_print(struct strbuf *b, const struct cel_ip *ip, bool prefix);
/* Is the text an address; else netip's message. */
bool cel_ip_check(struct arena *a, struct span text, bool *ret_v4, const char **ret_error);
/* NULL, or the message of Go's url.ParseRequestURI. */
const char *cel_url_check(struct arena *a, struct span text);
void cel_url_print(struct strbuf *b, const struct cel_url *u);
const char *cel_format_name(const struct cel_format *f);
uint64_t cel_format_regex_size(const struct cel_format *f);
bool cel_time_parse(struct span text, struct cel_value *ret); /* RFC 3339 */
bool cel_duration_parse(struct span text, int64_t *ret_ns);   /* as Go's time.ParseDuration */
void cel_time_print(struct strbuf *b, struct cel_value t);    /* RFC 3339 with nanoseconds, as string(timestamp) */
void cel_time_print_go(struct strbuf *b, struct cel_value t); /* "2009-02-13 23:31:30 +0000 UTC" */
void cel_duration_print_go(struct strbuf *b, int64_t ns);     /* "1h0m0s" */

#endif
