/* The small texts of gRPC: timeouts, percent-encoded messages, and how other protocols' errors become status codes. */
#include <stdio.h>

#include "codec.h"
#include "grpc_internal.h"

const char *
grpc_code_name(enum grpc_code code)
{
  static const char *const names[] = {
#define X(name, text) [GRPC_##name] = (text),
    GRPC_CODES(X)
#undef X
  };

  return (unsigned)code < GRPC_CODE_COUNT ? names[code] : "Unknown";
}

static const struct {
  char letter;
  int64_t ns;
} units[] = {
  { 'n', 1 }, { 'u', 1000 }, { 'm', 1000000 }, { 'S', 1000000000 }, { 'M', 60000000000 }, { 'H', 3600000000000 },
};

void
grpc_timeout_write(int64_t ns, char buf[GRPC_TIMEOUT_TEXT])
{
  size_t i = 0;
  int64_t n;

  if (ns < 1)
    ns = 1;
  while (i + 1 < ARRAY_SIZE(units) && ns / units[i].ns > 99999998) /* with the rounding below: eight digits */
    i++;
  n = ns / units[i].ns + (ns % units[i].ns != 0);
  (void)snprintf(buf, GRPC_TIMEOUT_TEXT, "%d%c", (int)n, units[i].letter);
}

int64_t
grpc_timeout_read(const char *text)
{
  size_t digits = strspn(text, "0123456789");
  int64_t n = 0;

  if (digits == 0 || digits > 8)
    return 0;
  for (size_t i = 0; i < digits; i++)
    n = n * 10 + (text[i] - '0');
  for (size_t i = 0; i < ARRAY_SIZE(units); i++)
    if (text[digits] == units[i].letter && text[digits + 1] == '\0')
      return n > INT64_MAX / units[i].ns ? INT64_MAX : n * units[i].ns;
  return 0;
}

void
grpc_message_encode(struct strbuf *b, const char *text)
{
  for (; *text; text++)
    if (*text >= ' ' && *text <= '~' && *text != '%')
      strbuf_putc(b, *text);
    else
      strbuf_printf(b, "%%%02X", (unsigned)(uint8_t)*text);
}

void
grpc_message_decode(struct strbuf *b, const char *text)
{
  for (; *text; text++) {
    int high = *text == '%' ? codec_hex_digit(text[1]) : -1, low = high >= 0 ? codec_hex_digit(text[2]) : -1;

    if (low < 0 || (high == 0 && low == 0)) { /* no NUL in a C string */
      strbuf_putc(b, *text);
      continue;
    }
    strbuf_putc(b, (char)(high << 4 | low));
    text += 2;
  }
}

enum grpc_code
grpc_code_of_http(int status)
{
  static const struct {
    int status;
    enum grpc_code code;
  } rows[] = {
    { 400, GRPC_INTERNAL },      { 401, GRPC_UNAUTHENTICATED }, { 403, GRPC_PERMISSION_DENIED },
    { 404, GRPC_UNIMPLEMENTED }, { 429, GRPC_UNAVAILABLE },     { 502, GRPC_UNAVAILABLE },
    { 503, GRPC_UNAVAILABLE },   { 504, GRPC_UNAVAILABLE },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (rows[i].status == status)
      return rows[i].code;
  return GRPC_UNKNOWN;
}

enum grpc_code
grpc_code_of_h2(uint32_t error)
{
  static const struct {
    uint32_t error;
    enum grpc_code code;
  } rows[] = {
    { NGHTTP2_REFUSED_STREAM, GRPC_UNAVAILABLE },
    { NGHTTP2_CANCEL, GRPC_CANCELLED },
    { NGHTTP2_ENHANCE_YOUR_CALM, GRPC_RESOURCE_EXHAUSTED },
    { NGHTTP2_INADEQUATE_SECURITY, GRPC_PERMISSION_DENIED },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (rows[i].error == error)
      return rows[i].code;
  return GRPC_INTERNAL;
}

enum grpc_code
grpc_code_read(const char *text)
{
  int n = 0;

  if (!*text || strlen(text) > 2)
    return GRPC_UNKNOWN;
  for (; *text; text++) {
    if (*text < '0' || *text > '9')
      return GRPC_UNKNOWN;
    n = n * 10 + (*text - '0');
  }
  return n < GRPC_CODE_COUNT ? (enum grpc_code)n : GRPC_UNKNOWN;
}
