#include "http_internal.h"

#include <stdio.h>
#include <strings.h>
#include <zlib.h>

#include "ceilings.h"
#include "codec.h"
#include "http_text.h"

#define RECORD_MAX 16384 /* of TLS: the most that goes out as one */

static const struct {
  int status;
  const char *name;
} names[] = {
  { 101, "Switching Protocols" },
  { 200, "OK" },
  { 201, "Created" },
  { 202, "Accepted" },
  { 204, "No Content" },
  { 301, "Moved Permanently" },
  { 302, "Found" },
  { 304, "Not Modified" },
  { 307, "Temporary Redirect" },
  { 400, "Bad Request" },
  { 401, "Unauthorized" },
  { 403, "Forbidden" },
  { 404, "Not Found" },
  { 405, "Method Not Allowed" },
  { 406, "Not Acceptable" },
  { 409, "Conflict" },
  { 410, "Gone" },
  { 413, "Request Entity Too Large" },
  { 415, "Unsupported Media Type" },
  { 422, "Unprocessable Entity" },
  { 429, "Too Many Requests" },
  { 431, "Request Header Fields Too Large" },
  { 500, "Internal Server Error" },
  { 501, "Not Implemented" },
  { 502, "Bad Gateway" },
  { 503, "Service Unavailable" },
  { 504, "Gateway Timeout" },
  { 505, "HTTP Version Not Supported" },
};

static const char *
name_of(int status)
{
  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (names[i].status == status)
      return names[i].name;
  return "Unknown";
}

/* -- compression -- */

bool
http_answer_wants_gzip(const struct http_conn *c)
{
  const struct exchange_answer *ans = &c->answer;

  return !ans->stream && !ans->upgrade && ans->body.n > HTTP_GZIP_THRESHOLD &&
         http_accepts_gzip(exchange_header_get(c->x.headers, c->x.n_headers, "accept-encoding")) &&
         !exchange_header_get(ans->headers, ans->n_headers, "content-encoding");
}

/* Fast rather than small, as upstream. When it fails the answer goes out as it is. */
void
http_answer_compress(struct http_conn *c)
{
  struct span in = c->answer.body;
  z_stream z = { 0 };
  size_t bound;
  char *out;

  if (in.n > UINT32_MAX / 2 || deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return;
  bound = deflateBound(&z, (uLong)in.n);
  strbuf_init(&c->packed, bound + 1);
  out = strbuf_reserve(&c->packed, bound);
  z.next_in = (Bytef *)(uintptr_t)in.p;
  z.avail_in = (uInt)in.n;
  z.next_out = (Bytef *)out;
  z.avail_out = (uInt)bound;
  if (deflate(&z, Z_FINISH) == Z_STREAM_END)
    c->packed.n = z.total_out;
  (void)deflateEnd(&z);
}

/* -- the head -- */

/* What would end the line before its time is left out: a value may come from somebody's object. */
static void
put_header(struct strbuf *b, const char *name, const char *value)
{
  if (strpbrk(value, "\r\n"))
    return;
  strbuf_puts(b, name);
  strbuf_puts(b, ": ");
  strbuf_puts(b, value);
  strbuf_puts(b, "\r\n");
}

static bool
has_header(const struct exchange_answer *ans, const char *name)
{
  for (size_t i = 0; i < ans->n_headers; i++)
    if (strcasecmp(ans->headers[i].name, name) == 0)
      return true;
  return false;
}

static void
put_date(struct strbuf *b, struct clock *clock)
{
  static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static const char months[][4] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
  };
  time_t now = (time_t)(clock_wall(clock) / CLOCK_SEC);
  struct tm t;

  if (gmtime_r(&now, &t))
    strbuf_printf(b, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
                  t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/*
 * What every answer says: that nobody is to keep it (WithCacheControl), and what it is called in an audit log
 * (WithAuditInit): the client's own word, cut where upstream cuts it, or a new one.
 */
static void
put_common(struct http_conn *c, struct strbuf *b)
{
  enum { AUDIT_ID_MAX = 64 };
  const char *given = exchange_header_get(c->x.headers, c->x.n_headers, "audit-id");
  char made[CODEC_UUID_MAX], cut[AUDIT_ID_MAX + 1];

  put_date(b, c->server->clock);
  if (!has_header(&c->answer, "Cache-Control"))
    put_header(b, "Cache-Control", "no-cache, private");
  if (has_header(&c->answer, "Audit-Id"))
    return;
  if (given && *given)
    (void)snprintf(cut, sizeof cut, "%s", given);
  put_header(b, "Audit-Id", given && *given ? cut : codec_uuid4(made));
}

/* Where the body ends, and whether another answer can follow. */
static void
put_framing(struct http_conn *c, struct strbuf *b, struct span body)
{
  if (c->answer.upgrade) {
    put_header(b, "Connection", "Upgrade");
    return;
  }
  if (c->answer.stream && c->head.chunks_allowed)
    put_header(b, "Transfer-Encoding", "chunked");
  else if (c->answer.stream)
    c->keep_alive = false; /* the end of the connection is the end of the stream */
  else if (c->answer.status != 204 && c->answer.status != 304)
    strbuf_printf(b, "Content-Length: %zu\r\n", body.n);
  if (!c->keep_alive)
    put_header(b, "Connection", "close");
  else if (!c->head.chunks_allowed)
    put_header(b, "Connection", "keep-alive");
}

bool
http_answer_begin(struct http_conn *c)
{
  struct exchange_answer *ans = &c->answer;
  struct span body = c->packed.n ? strbuf_view(&c->packed) : ans->body;
  _cleanup_strbuf_ struct strbuf b;
  size_t with;

  strbuf_init(&b, CEIL_REQUEST_BODY);
  strbuf_printf(&b, "HTTP/1.1 %d %s\r\n", ans->status, name_of(ans->status));
  if (ans->content_type)
    put_header(&b, "Content-Type", ans->content_type);
  for (size_t i = 0; i < ans->n_headers; i++)
    put_header(&b, ans->headers[i].name, ans->headers[i].value);
  put_common(c, &b);
  if (c->packed.n) {
    put_header(&b, "Content-Encoding", "gzip");
    put_header(&b, "Vary", "Accept-Encoding");
  }
  put_framing(c, &b, body);
  strbuf_puts(&b, "\r\n");
  if (ans->stream || ans->upgrade || strcmp(c->head.method, "HEAD") == 0)
    body.n = 0;
  with = b.n >= RECORD_MAX ? 0 : body.n < RECORD_MAX - b.n ? body.n : RECORD_MAX - b.n;
  strbuf_add(&b, body.p, with);
  c->unsent = span_make(body.p + with, body.n - with);
  return http_wire_write(&c->wire, strbuf_view(&b));
}

bool
http_answer_refuse(struct http_conn *c, int status)
{
  _cleanup_free_ char *text =
      mem_printf("HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%d %s", status,
                 name_of(status), status, name_of(status));

  c->keep_alive = false;
  c->unsent = span_make(NULL, 0);
  return http_wire_write(&c->wire, span_of(text));
}
