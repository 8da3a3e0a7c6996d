/*
 * cel_lib - how the libraries' tables are written.
 *
 *   FN("size", "size_string", cel_int, do_size, .guard = CEL_TRAIT, ..., ARGS(&cel_string))
 *
 * A method has METHOD(...) in place of FN; its first argument is the receiver.
 */
#ifndef CEL_CEL_LIB_H
#define CEL_CEL_LIB_H

#include "cel_env.h"
#include "cel_eval.h"

#define ARGS(...) .nargs = sizeof((const struct cel_type *[]){ __VA_ARGS__ }) / sizeof(void *), .args = { __VA_ARGS__ }
#define NO_ARGS   .nargs = 0

#define FN(name, overload, res, fn, ...)                                                                      \
  {                                                                                                           \
    .function = (name), .id = (overload), .result = &(res), .impl = (fn), .features = CEL_F_BASE, __VA_ARGS__ \
  }
#define METHOD(name, overload, res, fn, ...) FN(name, overload, res, fn, .member = true, __VA_ARGS__)

#define LIBRARY(symbol, table) const struct cel_library symbol = { (table), sizeof(table) / sizeof(*(table)) }

/* The text a value converts to (string(x)), for those that have one. */
struct cel_value cel_to_string(struct cel_eval *ev, struct cel_value v);
struct cel_value cel_to_double(struct cel_eval *ev, struct cel_value v);
/* Find the value among the items; an error counts as different. -1: absent. */
int64_t cel_list_find(const struct cel_list *l, struct cel_value v, bool item_first);

#endif
