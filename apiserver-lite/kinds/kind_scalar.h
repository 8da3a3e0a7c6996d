/*
 * kind_scalar - the forms of single values: times, quantities, bytes, names in errors.
 *
 * Text in, canonical text out, with Go's words for what is wrong.
 */
#ifndef APISERVER_KIND_SCALAR_H
#define APISERVER_KIND_SCALAR_H

#include "json.h"
#include "kind_type.h"

/* A moment: metav1.Time and MicroTime. Go's zero time (year 1) is no moment: `zero`. */
struct kind_time {
  int64_t seconds; /* since 1970 */
  int32_t nanos;
  bool zero;
};

#define KIND_TIME_TEXT_MAX 48

/*
 * As time.Parse with time.RFC3339, or with RFC3339Micro (exactly six digits of fraction).
 * On failure false, and `why` has Go's words ("parsing time ... cannot parse ..."), in the arena; without an arena
 * there are no words.
 */
bool kind_time_parse(struct arena *a, struct span text, bool micro, struct kind_time *ret, const char **ret_why);
/* Returns buf; the text is in UTC. `t` is not zero. */
char *kind_time_text(const struct kind_time *t, bool micro, char buf[KIND_TIME_TEXT_MAX]);

/* As strconv.Quote. */
void kind_quote(struct strbuf *out, struct span text);

/* As Go's base64.StdEncoding: line breaks are skipped. False: *ret_at is the offset of the byte at fault. */
bool kind_unbase64(struct arena *a, struct span text, struct span *ret, size_t *ret_at);
struct json *kind_base64(struct arena *a, struct span raw);

/* The text with each byte that is not UTF-8 replaced by U+FFFD, as Go's encoder does. */
struct json *kind_string(struct arena *a, struct span raw);

#endif
