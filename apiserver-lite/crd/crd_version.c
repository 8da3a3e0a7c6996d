#include "crd_version.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

enum stage { STAGE_ALPHA, STAGE_BETA, STAGE_GA };

struct version {
  int64_t major, minor;
  enum stage stage;
};

/* A number without leading zeros; moves *p behind it. */
static bool
read_number(const char **p, int64_t *ret)
{
  size_t n = strspn(*p, "0123456789");
  struct span digits = span_make(*p, n);

  *p += n;
  return n > 0 && digits.p[0] != '0' && number_int64(digits, ret);
}

/* ^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$ */
static bool
parse(const char *text, struct version *ret)
{
  *ret = (struct version){ .stage = STAGE_GA };
  if (*text++ != 'v' || !read_number(&text, &ret->major))
    return false;
  if (!*text)
    return true;
  if (strncmp(text, "alpha", 5) == 0)
    ret->stage = STAGE_ALPHA, text += 5;
  else if (strncmp(text, "beta", 4) == 0)
    ret->stage = STAGE_BETA, text += 4;
  else
    return false;
  return read_number(&text, &ret->minor) && !*text;
}

static int
order(int64_t x, int64_t y)
{
  return x < y ? -1 : x > y;
}

int
version_compare(const char *x, const char *y)
{
  struct version a, b;
  bool x_is_one = parse(x, &a), y_is_one = parse(y, &b);
  int cmp;

  if (!x_is_one && !y_is_one)
    return strcmp(y, x);
  if (x_is_one != y_is_one)
    return x_is_one ? 1 : -1;
  cmp = order(a.stage, b.stage);
  if (!cmp)
    cmp = order(a.major, b.major);
  return cmp ? cmp : order(a.minor, b.minor);
}
