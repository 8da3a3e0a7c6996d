#include "number.h"

#include <langinfo.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

bool
number_int64(struct span text, int64_t *ret)
{
  bool sign = text.n && (text.p[0] == '-' || text.p[0] == '+'), negative = sign && text.p[0] == '-';
  int64_t v = 0;

  if (text.n == sign)
    return false;
  for (size_t i = sign; i < text.n; i++) {
    int d = text.p[i] - '0';

    if (d < 0 || d > 9 || __builtin_mul_overflow(v, (int64_t)10, &v) ||
        __builtin_add_overflow(v, negative ? -d : d, &v))
      return false;
  }
  *ret = v;
  return true;
}

/* strtod wants the radix character of the locale. */
double
number_double(struct span literal)
{
  const char *radix = nl_langinfo(RADIXCHAR), *point = literal.n ? memchr(literal.p, '.', literal.n) : NULL;
  struct span before = literal, after = { "", 0 };
  _cleanup_free_ char *text = NULL;

  if (point)
    before = span_cut(literal, '.', &after);
  text = mem_printf("%.*s%s%.*s", SPAN_FMT(before), point ? radix : "", SPAN_FMT(after));
  return strtod(text, NULL);
}

int
number_shortest(double d, bool single, char digits[18], int *ret_point)
{
  char text[40];
  int n = 0;

  d = single ? fabs((double)(float)d) : fabs(d);
  for (int precision = 0; precision < 17; precision++) {
    (void)snprintf(text, sizeof text, "%.*e", precision, d);
    if (single ? strtof(text, NULL) == (float)d : strtod(text, NULL) == d) /* exactly */
      break;
  }
  for (const char *c = text; *c && *c != 'e'; c++)
    if (*c >= '0' && *c <= '9')
      digits[n++] = *c;
  *ret_point = atoi(strchr(text, 'e') + 1) + 1;
  while (n > 1 && digits[n - 1] == '0')
    n--;
  digits[n] = '\0';
  return n;
}

/* "1.5e-07": at least `width` digits of exponent. */
static size_t
put_exponent(char *text, bool negative, const char *digits, int n, int point, int width)
{
  int exponent = point - 1;

  return (size_t)sprintf(text, "%s%c%s%se%c%0*d", negative ? "-" : "", digits[0], n > 1 ? "." : "", digits + 1,
                         exponent < 0 ? '-' : '+', width, abs(exponent));
}

static size_t
put_plain(char *text, bool negative, const char *digits, int n, int point)
{
  char *to = text;

  if (negative)
    *to++ = '-';
  if (point <= 0)
    *to++ = '0';
  for (int i = 0; i < point; i++)
    *to++ = i < n ? digits[i] : '0';
  if (n > point)
    *to++ = '.';
  for (int i = point; i < n; i++)
    *to++ = i < 0 ? '0' : digits[i];
  *to = '\0';
  return (size_t)(to - text);
}

size_t
number_text_json(double d, char text[NUMBER_TEXT_MAX])
{
  double size = fabs(d);
  char digits[18];
  int point, n = number_shortest(d, false, digits, &point);

  if (d == 0)
    return put_plain(text, signbit(d), "0", 1, 1);
  if (size < 1e-6 || size >= 1e21)
    return put_exponent(text, d < 0, digits, n, point, 1);
  return put_plain(text, d < 0, digits, n, point);
}

size_t
number_text_g(double d, bool single, char text[NUMBER_TEXT_MAX])
{
  char digits[18];
  int point, n;

  if (!isfinite(d))
    return (size_t)sprintf(text, "%s", isnan(d) ? "NaN" : d < 0 ? "-Inf" : "+Inf");
  if (d == 0)
    return put_plain(text, signbit(d), "0", 1, 1);
  n = number_shortest(d, single, digits, &point);
  if (point - 1 < -4 || point - 1 >= 6)
    return put_exponent(text, d < 0, digits, n, point, 2);
  return put_plain(text, d < 0, digits, n, point);
}
