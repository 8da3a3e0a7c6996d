#include "exchange.h"

#include <string.h>

#include "codec.h"

void
exchange_answer_release(struct exchange_answer *ans)
{
  for (size_t i = 0; i < ans->n_records; i++)
    record_unref(ans->records[i]);
  free(ans->records);
  if (ans->stream)
    ans->stream->ops->free(ans->stream);
  if (ans->upgrade)
    ans->upgrade->free(ans->upgrade);
  if (ans->release)
    ans->release(ans->held);
  *ans = (struct exchange_answer){ .status = 0 };
}

const char *
exchange_header_get(const struct exchange_header *headers, size_t n, const char *name)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(headers[i].name, name) == 0)
      return headers[i].value;
  return NULL;
}

/* Does the escaped `key` stand for `name`? */
static bool
is_name(struct span key, const char *name)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(key.n);

  return codec_url_unescape(&b, key, true) && span_is(strbuf_view(&b), name);
}

/* As Go's url.ParseQuery, whose caller ignores the error: a pair with a bad escape or a semicolon is left out. */
const char *
exchange_query_get(struct arena *a, const char *query, const char *name)
{
  for (struct span rest = span_of(query); rest.n;) {
    struct span pair = span_cut(rest, '&', &rest), value, key;
    _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(pair.n);

    if (!pair.n || memchr(pair.p, ';', pair.n))
      continue;
    key = span_cut(pair, '=', &value);
    if (is_name(key, name) && codec_url_unescape(&b, value, true))
      return arena_strndup(a, b.p, b.n);
  }
  return NULL;
}

bool
exchange_user_in_group(const struct exchange_user *user, const char *group)
{
  for (size_t i = 0; i < user->n_groups; i++)
    if (strcmp(user->groups[i], group) == 0)
      return true;
  return false;
}
