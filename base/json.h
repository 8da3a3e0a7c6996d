/*
 * json - exact JSON values: parse, build, look up, write.
 *
 * Every API object passes through here, so nothing is approximated: integers
 * are 64-bit, other numbers keep the text they were written in, members keep
 * their order, strings may hold NUL, duplicate keys and bad UTF-8 are refused
 * (or reported) with line and column.
 *
 * Ownership: values live in an arena and die with it. A tree that others can
 * see is `const` and never edited: copy what you want to change into your own
 * arena (json_copy), or share sub-trees between a new parent and an old one.
 * A node is 16 bytes, a member 24.
 *
 * Threads: reading a finished tree is safe from any thread.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "kerr.h"
#include "span.h"
#include "strbuf.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_member;

struct json {
  uint32_t type : 7;  /* enum json_type */
  uint32_t loose : 1; /* items or members stood in a text with blanks: see json_parse_opts */
  uint32_t cap : 24;  /* room for items or members */
  uint32_t count;     /* bytes of a string or number, items, members */
  union {
    bool boolean;
    int64_t integer;
    const char *str; /* JSON_STRING; JSON_NUMBER: the literal. NUL-terminated, `count` bytes */
    struct json **items;
    struct json_member *members;
  } u;
};

struct json_member {
  const char *name; /* NUL-terminated */
  struct json *value;
  uint32_t name_len;
};

/* -- parsing -- */

/* A key that stood twice in one object. */
struct json_dup {
  struct json_dup *next;
  const char *path;          /* of the member: "spec.devices.requests[0].name" */
  const char *key;           /* its last part */
  size_t line;               /* yaml_parse only: where its second value stands, from 1 */
  const struct json *object; /* json_parse only: what has the member, */
  uint32_t before;           /* and how many it had when the key came again: where a reader in order meets it */
  struct json *value;        /* json_parse only: the value that gave way */
};

/*
 * Go keeps the text of values it does not look into, and calls them changed when only blanks went. A tree cannot, but
 * it can tell that there were some (`loose`), and JSON_LOOSE writes one behind the opening bracket to say so.
 */
enum json_blanks {
  JSON_BLANKS_IGNORED,
  JSON_BLANKS_FIRST,    /* loose: one behind the bracket, as JSON_LOOSE writes it */
  JSON_BLANKS_ANYWHERE, /* loose: one anywhere between the brackets */
};

struct json_parse_opts {
  enum json_blanks blanks;
  uint32_t max_depth; /* 0: CEIL_JSON_DEPTH */
  struct json_dup *
      *dups; /* NULL: a duplicate key is an error. Else the last value wins and the key is listed, in order */
};

extern const struct json_parse_opts json_as_written; /* to read what was written with JSON_LOOSE */

/*
 * Parse exactly one value; white space may surround it. `opts` may be NULL.
 * The result does not point into `text`.
 * Errors: KERR_PARSE ("line 3, column 7: ..."), KERR_TOO_LARGE (nesting).
 */
_must_check_ int json_parse(struct arena *a, struct span text, const struct json_parse_opts *opts, struct json **ret,
                            struct kerr *reterr);

/* -- reading: all accept NULL and the wrong type, and answer NULL, 0 or the given default -- */

const struct json *json_get(const struct json *obj, const char *name);
const struct json *json_get_n(const struct json *obj, const char *name, size_t n);
/* The value at the end of a chain of member names; the list ends with NULL. */
const struct json *json_dig(const struct json *obj, const char *name, ...) __attribute__((sentinel));
const struct json *json_at(const struct json *array, size_t i);
bool json_list_has(const struct json *list, const char *text); /* is one of the items this string? */
/* The first item, an object, whose `member` is this string; NULL when there is none. */
const struct json *json_list_find(const struct json *list, const char *member, const char *text);
const char *json_str(const struct json *v);                         /* NULL unless a string */
const char *json_get_str(const struct json *obj, const char *name); /* NULL unless a string */
const char *json_get_str_or(const struct json *obj, const char *name, const char *otherwise);
struct span json_span(const struct json *v); /* of a string or number literal; p NULL for others */
int64_t json_int_or(const struct json *v, int64_t otherwise);
int64_t json_get_int(const struct json *obj, const char *name, int64_t otherwise);
bool json_get_bool(const struct json *obj, const char *name, bool otherwise);
double json_double(const struct json *v); /* of an int or number; 0 for others */

static inline enum json_type
json_type(const struct json *v)
{
  return v ? (enum json_type)v->type : JSON_NULL;
}

static inline bool
json_is(const struct json *v, enum json_type t)
{
  return v && v->type == (uint32_t)t;
}

/* Number of items or members; 0 for anything else. */
static inline size_t
json_count(const struct json *v)
{
  return v && (v->type == JSON_ARRAY || v->type == JSON_OBJECT) ? v->count : 0;
}

const char *json_type_name(enum json_type t);     /* "string", "object", ...: for messages */
const char *json_wire_type(const struct json *v); /* as Go's encoding/json names what it met: integers are "number" */
const char *json_go_type(const struct json *v);   /* "int64", "[]interface {}", ...: as Go's %T prints what it reads */

/* for (json_each_member(m, obj)) ... m->name, m->value; a non-object has none. */
#define json_each_member(m, obj)                                                       \
  const struct json_member *m = json_is((obj), JSON_OBJECT) ? (obj)->u.members : NULL, \
                           *m##_end_ = m ? m + (obj)->count : NULL;                    \
  m != m##_end_;                                                                       \
  m++
/* for (json_each_item(p, array)) ... *p is the item; a non-array has none. */
#define json_each_item(p, arr)                                                                                 \
  struct json *const *p = json_is((arr), JSON_ARRAY) ? (arr)->u.items : NULL, *const *p##_end_ =               \
                                                                                  p ? p + (arr)->count : NULL; \
  p != p##_end_;                                                                                               \
  p++

/* -- building -- */

struct json *json_new_null(struct arena *a);
struct json *json_new_bool(struct arena *a, bool v);
struct json *json_new_int(struct arena *a, int64_t v);
struct json *json_new_double(struct arena *a, double v); /* text as Go's encoding/json writes it; v is finite */
struct json *json_new_str(struct arena *a, const char *s);
struct json *json_new_strn(struct arena *a, const char *s, size_t n);
struct json *json_new_strf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
struct json *json_new_array(struct arena *a);
struct json *json_new_object(struct arena *a);

/* Add or replace; the name is copied. Returns `value`. */
struct json *json_set(struct arena *a, struct json *obj, const char *name, struct json *value);
struct json *json_set_n(struct arena *a, struct json *obj, const char *name, size_t n, struct json *value);
/* Append a member that is known not to be there; the name is kept, not copied. */
void json_push(struct arena *a, struct json *obj, const char *name, size_t n, struct json *value);
struct json *json_set_str(struct arena *a, struct json *obj, const char *name, const char *s);
struct json *json_set_int(struct arena *a, struct json *obj, const char *name, int64_t v);
struct json *json_set_bool(struct arena *a, struct json *obj, const char *name, bool v);
/* The object member `name`, made as an empty object (array) when absent or of another type. */
struct json *json_ensure_object(struct arena *a, struct json *obj, const char *name);
struct json *json_ensure_array(struct arena *a, struct json *obj, const char *name);
bool json_remove(struct json *obj, const char *name); /* was it there; order of the others stays */
/* The member becomes what it is in `like`: a copy, or nothing. */
void json_restore(struct arena *a, struct json *obj, const struct json *like, const char *name);
struct json *json_append(struct arena *a, struct json *array, struct json *value);
struct json *json_append_str(struct arena *a, struct json *array, const char *s);
void json_insert(struct arena *a, struct json *array, size_t at, struct json *value);
void json_remove_at(struct json *array, size_t at);
void json_list_remove(struct json *list, const char *text); /* every item that is this string; of NULL: nothing */

/* The same lookups on a tree that is being built. */
struct json *json_find(struct json *obj, const char *name);
struct json *json_item(struct json *array, size_t i);

struct json *json_copy(struct arena *a, const struct json *v);    /* deep */
struct json *json_shallow(struct arena *a, const struct json *v); /* own node and member list, shared children */
/* Equal as JSON: order of members does not matter; 1 and 1.0 are equal. */
bool json_equal(const struct json *x, const struct json *y);
void json_sort_members(struct json *obj); /* by name, bytes; not recursive */
/* The same without `loose` at any level: `v` itself where it was so, else a copy of the parts that were not. */
struct json *json_tight(struct arena *a, struct json *v);
/* A copy in one heap block without waste, given back with free(root): for trees that outlive every arena. Read-only:
 * equal parts are shared. */
struct json *json_pack(const struct json *v);

/* -- writing -- */

enum json_write_flags {
  JSON_COMPACT = 0,
  JSON_INDENT2 = 1, /* one member per line, two spaces */
  JSON_INDENT4 = 2, /* as kubectl -o json */
  JSON_HTML = 4,    /* <, > and & as \u003c..., as Go's default encoder */
  JSON_SORTED = 8,  /* members by name, at every level */
  JSON_LOOSE = 16,  /* a blank behind the bracket of what is loose */
};

void json_write(struct strbuf *b, const struct json *v, unsigned flags);
void json_write_str(struct strbuf *b, struct span s, unsigned flags); /* quoted */
char *json_text(struct arena *a, const struct json *v, unsigned flags);

#endif
