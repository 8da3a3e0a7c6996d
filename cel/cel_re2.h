/*
 * cel_re2 - the one door to RE2, which is C++.
 *
 * Codes are RE2's own (re2.h: RE2::ErrorCode), in the same order.
 */
#ifndef CEL_CEL_RE2_H
#define CEL_CEL_RE2_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cel_re2_code {
  CEL_RE2_OK,
  CEL_RE2_INTERNAL,
  CEL_RE2_BAD_ESCAPE,
  CEL_RE2_BAD_CHAR_CLASS,
  CEL_RE2_BAD_CHAR_RANGE,
  CEL_RE2_MISSING_BRACKET,
  CEL_RE2_MISSING_PAREN,
  CEL_RE2_UNEXPECTED_PAREN,
  CEL_RE2_TRAILING_BACKSLASH,
  CEL_RE2_REPEAT_ARGUMENT,
  CEL_RE2_REPEAT_SIZE,
  CEL_RE2_REPEAT_OP,
  CEL_RE2_BAD_PERL_OP,
  CEL_RE2_BAD_UTF8,
  CEL_RE2_BAD_NAMED_CAPTURE,
  CEL_RE2_TOO_LARGE,
};

/* NULL when the pattern is refused: then code and the part at fault (cut at cap, NUL-terminated) are set. */
void *cel_re2_new(const char *pattern, size_t n, int *code, char *part, size_t cap);
void cel_re2_free(void *re);
/* 1 and the place of the first match at or after `from`, or 0. start and end may be NULL: then it is quicker. */
int cel_re2_match(const void *re, const char *text, size_t n, size_t from, size_t *start, size_t *end);

#ifdef __cplusplus
}
#endif

#endif
