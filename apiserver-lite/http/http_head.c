#include "http_head.h"

#include <string.h>
#include <strings.h>

#define HEADERS_MAX    128
#define CHUNK_LINE_MAX 256 /* with extensions, which nobody sends; and one line of a trailer */

size_t
http_head_size(struct span in)
{
  const char *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;

  return end ? (size_t)(end - in.p) + 4 : 0;
}

/* RFC 9110: of methods and field names. */
static bool
is_token_char(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token(const char *s)
{
  size_t n = 0;

  while (is_token_char(s[n]))
    n++;
  return n > 0 && !s[n];
}

bool
http_head_hopeful(struct span in)
{
  size_t n = 0;

  while (n < in.n && is_token_char(in.p[n]))
    n++;
  return n == in.n || (n > 0 && in.p[n] == ' ');
}

/* No control characters but tabs. */
static bool
is_value(const char *s)
{
  for (; *s; s++)
    if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
      return false;
  return true;
}

static void
lower(char *s)
{
  for (; *s; s++)
    if (*s >= 'A' && *s <= 'Z')
      *s = (char)(*s + 'a' - 'A');
}

/* Cuts the line that `*at` begins with, and moves behind it. */
static char *
next_line(char **at)
{
  char *line = *at, *end = strstr(line, "\r\n");

  *end = '\0';
  *at = end + 2;
  return line;
}

static int
parse_request_line(char *line, struct http_head *h)
{
  char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;

  if (!version)
    return 400;
  *target++ = *version++ = '\0';
  if (strncmp(version, "HTTP/", 5) != 0 || !is_token(line) || !*target || !is_value(target))
    return 400;
  h->method = line;
  h->target = target;
  h->chunks_allowed = h->keep_alive = strcmp(version, "HTTP/1.1") == 0;
  return h->chunks_allowed || strcmp(version, "HTTP/1.0") == 0 ? 0 : 505;
}

static int
parse_field(char *line, struct http_head *h)
{
  char *colon = strchr(line, ':'), *value, *end;

  if (h->n_headers == HEADERS_MAX)
    return 431;
  if (!colon)
    return 400;
  *colon = '\0';
  value = colon + 1 + strspn(colon + 1, " \t");
  for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
    end[-1] = '\0';
  if (!is_token(line) || !is_value(value))
    return 400;
  lower(line);
  h->headers[h->n_headers++] = (struct exchange_header){ .name = line, .value = value };
  return 0;
}

/* Is `word` an item of the list in a header, in any case of letters? */
static bool
lists(const char *value, const char *word)
{
  struct span rest = span_of(value);

  while (rest.n) {
    struct span item = span_trim(span_cut(rest, ',', &rest));

    if (item.n == strlen(word) && strncasecmp(item.p, word, item.n) == 0)
      return true;
  }
  return false;
}

static int
parse_length(const char *text, uint64_t *ret)
{
  uint64_t n = 0;

  if (!*text || strlen(text) > 18)
    return 400;
  for (; *text; text++) {
    if (*text < '0' || *text > '9')
      return 400;
    n = n * 10 + (uint64_t)(*text - '0');
  }
  *ret = n;
  return 0;
}

/* What the fields say about the message itself. */
static int
understand(struct http_head *h)
{
  size_t hosts = 0, lengths = 0;

  for (size_t i = 0; i < h->n_headers; i++) {
    const char *name = h->headers[i].name, *value = h->headers[i].value;

    if (strcmp(name, "host") == 0) {
      hosts++;
    } else if (strcmp(name, "content-length") == 0) {
      if (lengths++ || parse_length(value, &h->length) != 0)
        return 400;
    } else if (strcmp(name, "transfer-encoding") == 0) {
      if (h->chunked || strcasecmp(value, "chunked") != 0)
        return 501;
      h->chunked = true;
    } else if (strcmp(name, "expect") == 0) {
      h->expects_continue = strcasecmp(value, "100-continue") == 0;
    } else if (strcmp(name, "connection") == 0) {
      if (lists(value, "close"))
        h->keep_alive = false;
      else if (!h->chunks_allowed && lists(value, "keep-alive"))
        h->keep_alive = true;
    }
  }
  if (hosts > 1 || (hosts == 0 && h->chunks_allowed) || (h->chunked && (lengths || !h->chunks_allowed)))
    return 400;
  return 0;
}

int
http_head_parse(struct arena *a, struct span text, struct http_head *ret)
{
  char *at = arena_strndup(a, text.p, text.n);
  int status;

  *ret = (struct http_head){ .headers = arena_array_of(a, struct exchange_header, HEADERS_MAX) };
  if (memchr(text.p, '\0', text.n))
    return 400;
  status = parse_request_line(next_line(&at), ret);
  while (status == 0 && strncmp(at, "\r\n", 2) != 0)
    status = parse_field(next_line(&at), ret);
  return status ? status : understand(ret);
}

/* -- the body -- */

void
http_body_init(struct http_body *b, const struct http_head *head)
{
  *b = (struct http_body){ .chunked = head->chunked, .left = head->length };
  if (head->chunked)
    b->state = BODY_CHUNK_SIZE;
  else if (head->length == 0)
    b->state = BODY_OVER;
}

/* A line of *in, without its end: 1; 0: not all there; -1: too long. */
static int
take_line(struct span *in, struct span *ret)
{
  const char *end = in->n ? memmem(in->p, in->n, "\r\n", 2) : NULL;
  size_t n = end ? (size_t)(end - in->p) : in->n;

  if (n > CHUNK_LINE_MAX)
    return -1;
  if (!end)
    return 0;
  *ret = span_make(in->p, n);
  *in = span_make(end + 2, in->n - n - 2);
  return 1;
}

static int
hex_digit(char c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

static int
parse_chunk_size(struct span line, uint64_t *ret)
{
  struct span extension, digits = span_trim(span_cut(line, ';', &extension));
  uint64_t n = 0;

  if (digits.n == 0 || digits.n > 15)
    return -1;
  for (size_t i = 0; i < digits.n; i++) {
    int digit = hex_digit(digits.p[i]);

    if (digit < 0)
      return -1;
    n = n << 4 | (uint64_t)digit;
  }
  *ret = n;
  return 0;
}

static int
next_data(struct http_body *b, struct span *in, struct span *ret)
{
  size_t n = in->n < b->left ? in->n : (size_t)b->left;

  if (n == 0)
    return 0;
  *ret = span_make(in->p, n);
  *in = span_make(in->p + n, in->n - n);
  b->left -= n;
  if (b->left == 0)
    b->state = b->chunked ? BODY_CHUNK_END : BODY_OVER;
  return 1;
}

int
http_body_next(struct http_body *b, struct span *in, struct span *ret)
{
  while (b->state != BODY_OVER) {
    struct span line;
    int r;

    if (b->state == BODY_DATA)
      return next_data(b, in, ret);
    r = take_line(in, &line);
    if (r <= 0)
      return r;
    if (b->state == BODY_CHUNK_SIZE) {
      if (parse_chunk_size(line, &b->left) < 0)
        return -1;
      b->state = b->left ? BODY_DATA : BODY_TRAILER;
    } else if (b->state == BODY_CHUNK_END) {
      if (line.n)
        return -1;
      b->state = BODY_CHUNK_SIZE;
    } else if (line.n == 0) { /* the end of the trailer, whose fields nobody wants */
      b->state = BODY_OVER;
    }
  }
  return 0;
}
