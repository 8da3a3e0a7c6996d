#include "cel_lib.h"
#include "cel_regex.h"

#include <string.h>

/* matches (cel-go), find and findAll (apiserver library/regex.go). */

static struct cel_value
found_text(struct span text, size_t start, size_t end)
{
  return cel_of_span(span_make(text.p + start, end - start));
}

static struct cel_value
find(const struct cel_regex *re, struct span text)
{
  size_t start, end;

  if (!cel_regex_find(re, text, 0, &start, &end))
    return cel_of_span(SPAN(""));
  return found_text(text, start, end);
}

/* As Go's FindAllString: an empty match right behind another match does not count. */
static struct cel_value
find_all(struct cel_eval *ev, const struct cel_regex *re, struct span text, int64_t limit)
{
  struct cel_value out = cel_list_new(ev->a, 0);
  size_t from = 0, start, end, last = SIZE_MAX;

  while (from <= text.n && (limit < 0 || out.u.list->n < limit) && cel_regex_find(re, text, from, &start, &end)) {
    if (start != end || start != last)
      cel_list_push(ev->a, out.u.list, found_text(text, start, end));
    last = end;
    from = end;
    if (start == end) /* go on behind the next character */
      for (from++; from < text.n && ((unsigned char)text.p[from] & 0xC0) == 0x80; from++)
        ;
  }
  return out;
}

struct cel_value
cel_call_regex(struct cel_eval *ev, const struct cel_node *n, const struct cel_value *args, unsigned nargs)
{
  const char *name = n->u.call.function->name;
  struct span text = cel_span(args[0]);

  if (args[0].kind != CEL_STRING)
    return cel_no_overload();
  if (strcmp(name, "matches") == 0)
    return cel_of_bool(cel_regex_matches(n->u.call.regex, text));
  if (strcmp(name, "find") == 0)
    return find(n->u.call.regex, text);
  if (nargs == 3 && args[2].kind != CEL_INT)
    return cel_no_overload();
  return find_all(ev, n->u.call.regex, text, nargs == 3 ? args[2].u.i : -1);
}

/* -- with a pattern that is only known now -- */

static struct cel_value
with_pattern(struct cel_eval *ev, const struct cel_value *args, unsigned n, const char *prefix, char what)
{
  const char *err;
  struct cel_regex *re;
  struct cel_value v;

  if (args[1].kind != CEL_STRING)
    return cel_no_overload();
  re = cel_regex_new(ev->a, cel_span(args[1]), &err);
  if (!re)
    return cel_failf(ev->a, "%s%s", prefix, err);
  if (what == 'm')
    v = cel_of_bool(cel_regex_matches(re, cel_span(args[0])));
  else if (what == 'f')
    v = find(re, cel_span(args[0]));
  else
    v = find_all(ev, re, cel_span(args[0]), n == 3 ? args[2].u.i : -1);
  cel_regex_free(re);
  return v;
}

static struct cel_value
do_matches(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  return with_pattern(ev, args, n, "", 'm');
}

static struct cel_value
do_find(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  return with_pattern(ev, args, n, "Illegal regex: ", 'f');
}

static struct cel_value
do_find_all(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  return with_pattern(ev, args, n, "Illegal regex: ", 'a');
}

#define S     &cel_string
#define MATCH .guard = CEL_TRAIT, .trait = CEL_MATCHES_, .cost = CEL_COST_MATCHES
#define FIND  .name_cost = CEL_COST_FIND

static const struct cel_overload regexes[] = {
  FN("matches", "matches", cel_bool, do_matches, MATCH, ARGS(S, S)),
  METHOD("matches", "matches_string", cel_bool, do_matches, MATCH, ARGS(S, S)),
  METHOD("find", "string_find_string", cel_string, do_find, FIND, ARGS(S, S)),
  METHOD("findAll", "string_find_all_string", cel_list_string, do_find_all, FIND, ARGS(S, S)),
  METHOD("findAll", "string_find_all_string_int", cel_list_string, do_find_all, FIND, .var_args = true,
         ARGS(S, S, &cel_int)),
};

LIBRARY(cel_lib_regex, regexes);
