/* test_parse - JSON that a test writes down: a text that cannot be read fails the test. */
#ifndef TESTS_UNIT_TEST_PARSE_H
#define TESTS_UNIT_TEST_PARSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json.h"

static inline struct json *
test_parse(struct arena *a, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;

  if (json_parse(a, span_of(text), NULL, &v, &err) < 0)
    fail_msg("%s: %s", text, err.msg);
  return v;
}

/* The same with ' where JSON has ", which C would have to escape. */
static inline char *
test_quotes(struct arena *a, const char *text)
{
  char *copy = arena_strdup(a, text);

  for (char *c = copy; *c; c++)
    *c = *c == '\'' ? '"' : *c;
  return copy;
}

static inline struct json *
test_parse_quoted(struct arena *a, const char *text)
{
  return test_parse(a, test_quotes(a, text));
}

#endif
