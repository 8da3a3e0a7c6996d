/*
 * number - numbers as text, as Go's strconv has them, whatever the locale of
 * the process.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

#define NUMBER_TEXT_MAX 344 /* the longest plain form: 1e-323 with all its zeros */

/* strconv.ParseInt(text, 10, 64): digits with an optional sign; false when it is something else or does not fit. */
bool number_int64(struct span text, int64_t *ret);
/* A decimal literal with an optional fraction and exponent ("-1.5e3"); the nearest double, infinite when out of range.
 */
double number_double(struct span literal);
/*
 * The fewest digits that read back as the finite value |d|, most significant first, without trailing zeros; the value
 * is 0.DIGITS * 10^*ret_point. Returns how many (1..17). `single`: as a float.
 */
int number_shortest(double d, bool single, char digits[18], int *ret_point);
/* Go's encoding/json: exponent form below 1e-6 and from 1e21. Returns the length; the text ends with NUL. */
size_t number_text_json(double d, char text[NUMBER_TEXT_MAX]);
/* strconv.FormatFloat(d, 'g', -1, 64 or 32), also for infinities and NaN. */
size_t number_text_g(double d, bool single, char text[NUMBER_TEXT_MAX]);

#endif
