#include "codec.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/random.h>

/* -- base64 -- */

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode(struct strbuf *b, struct span raw, const char *alphabet, bool pad)
{
  const uint8_t *p = (const uint8_t *)raw.p;
  size_t left = raw.n;

  for (; left >= 3; left -= 3, p += 3) {
    char four[4] = { alphabet[p[0] >> 2], alphabet[(p[0] & 3) << 4 | p[1] >> 4], alphabet[(p[1] & 15) << 2 | p[2] >> 6],
                     alphabet[p[2] & 63] };

    strbuf_add(b, four, sizeof four);
  }
  if (left == 1) {
    strbuf_putc(b, alphabet[p[0] >> 2]);
    strbuf_putc(b, alphabet[(p[0] & 3) << 4]);
    strbuf_puts(b, pad ? "==" : "");
  } else if (left == 2) {
    strbuf_putc(b, alphabet[p[0] >> 2]);
    strbuf_putc(b, alphabet[(p[0] & 3) << 4 | p[1] >> 4]);
    strbuf_putc(b, alphabet[(p[1] & 15) << 2]);
    strbuf_puts(b, pad ? "=" : "");
  }
}

void
codec_base64(struct strbuf *b, struct span raw)
{
  encode(b, raw, standard, true);
}

void
codec_base64url(struct strbuf *b, struct span raw)
{
  encode(b, raw, url_safe, false);
}

static int
digit_of(char c, char c62, char c63)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == c62 ? 62 : c == c63 ? 63 : -1;
}

/* As Go's encoding/base64: line breaks are skipped, bits left over are not looked at. */
static bool
decode(struct strbuf *b, struct span text, const char *alphabet, bool padded)
{
  uint32_t bits = 0;
  int have = 0, pads = 0;

  for (size_t i = 0; i < text.n; i++) {
    int d;

    if (text.p[i] == '\n' || text.p[i] == '\r')
      continue;
    if (padded && text.p[i] == '=' && have >= 2 && have + pads < 4) {
      pads++;
      continue;
    }
    d = digit_of(text.p[i], alphabet[62], alphabet[63]);
    if (d < 0 || pads)
      return false;
    bits = bits << 6 | (uint32_t)d;
    if (++have == 4) {
      char three[3] = { (char)(bits >> 16), (char)(bits >> 8), (char)bits };

      strbuf_add(b, three, sizeof three);
      bits = 0;
      have = 0;
    }
  }
  if (have == 1 || (padded && have && have + pads != 4))
    return false;
  if (have >= 2)
    strbuf_putc(b, (char)(have == 2 ? bits >> 4 : bits >> 10));
  if (have == 3)
    strbuf_putc(b, (char)(bits >> 2));
  return true;
}

bool
codec_unbase64(struct strbuf *b, struct span text)
{
  return decode(b, text, standard, true);
}

bool
codec_unbase64url(struct strbuf *b, struct span text)
{
  return decode(b, text, url_safe, false);
}

/* -- hex and URLs -- */

void
codec_hex(struct strbuf *b, struct span raw)
{
  static const char digits[] = "0123456789abcdef";

  for (size_t i = 0; i < raw.n; i++) {
    strbuf_putc(b, digits[(uint8_t)raw.p[i] >> 4]);
    strbuf_putc(b, digits[(uint8_t)raw.p[i] & 15]);
  }
}

void
codec_url_escape(struct strbuf *b, struct span raw)
{
  static const char digits[] = "0123456789ABCDEF";

  for (size_t i = 0; i < raw.n; i++) {
    char c = raw.p[i];

    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
        c == '.' || c == '~') {
      strbuf_putc(b, c);
    } else if (c == ' ') {
      strbuf_putc(b, '+');
    } else {
      strbuf_putc(b, '%');
      strbuf_putc(b, digits[(uint8_t)c >> 4]);
      strbuf_putc(b, digits[(uint8_t)c & 15]);
    }
  }
}

int
codec_hex_digit(char c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

bool
codec_url_unescape(struct strbuf *b, struct span text, bool plus_is_space)
{
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];

    if (c == '%') {
      int high = i + 2 < text.n ? codec_hex_digit(text.p[i + 1]) : -1,
          low = high < 0 ? -1 : codec_hex_digit(text.p[i + 2]);

      if (low < 0)
        return false;
      c = (char)(high << 4 | low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    strbuf_putc(b, c);
  }
  return true;
}

/* -- Go's quotes -- */

/* Length of the UTF-8 sequence at p, its code point in *ret; 0 when it is none. */
static size_t
sequence_at(struct span s, size_t at, uint32_t *ret)
{
  const uint8_t *p = (const uint8_t *)s.p + at;
  size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

  if (n > s.n - at || !span_utf8_valid(span_make(s.p + at, n)))
    return 0;
  *ret = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
  for (size_t i = 1; i < n; i++)
    *ret = *ret << 6 | (p[i] & 0x3F);
  return n;
}

/* Go's strconv.IsPrint, as far as blocks go: no controls, no spaces but the plain one, no separators, no private use.
 */
static bool
go_printable(uint32_t c)
{
  return (c >= 0x20 && c < 0x7F) ||
         (c > 0xA0 && c != 0xAD && !(c >= 0x2000 && c <= 0x200F) && !(c >= 0x2028 && c <= 0x202F) &&
          !(c >= 0x205F && c <= 0x206F) && c != 0x3000 && c != 0xFEFF && !(c >= 0xE000 && c <= 0xF8FF) &&
          (c & 0xFFFE) != 0xFFFE && c < 0xE0000);
}

void
codec_go_quote(struct strbuf *b, struct span text)
{
  static const char from[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
  size_t n;

  strbuf_putc(b, '"');
  for (size_t i = 0; i < text.n; i += n ? n : 1) {
    uint32_t c = (uint8_t)text.p[i];
    const char *known;

    n = sequence_at(text, i, &c);
    known = n == 1 && c ? strchr(from, (int)c) : NULL;
    if (known)
      strbuf_printf(b, "\\%c", letters[known - from]);
    else if (n && go_printable(c))
      strbuf_add(b, text.p + i, n);
    else
      strbuf_printf(b, n <= 1 ? "\\x%02x" : c <= 0xFFFF ? "\\u%04x" : "\\U%08x", c);
  }
  strbuf_putc(b, '"');
}

char *
codec_go_quoted(struct arena *a, const char *text)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(SIZE_MAX / 2); /* at most ten times as long */

  codec_go_quote(&b, span_of(text));
  return arena_strndup(a, b.p, b.n);
}

/* -- digests -- */

static void
digest(gnutls_digest_algorithm_t algorithm, struct span raw, uint8_t *ret)
{
  int r = gnutls_hash_fast(algorithm, raw.n ? raw.p : "", raw.n, ret);

  if (r < 0) {
    fprintf(stderr, "dralab: digest: %s\n", gnutls_strerror(r));
    abort();
  }
}

void
codec_sha256(struct span raw, uint8_t ret[32])
{
  digest(GNUTLS_DIG_SHA256, raw, ret);
}

void
codec_sha512(struct span raw, uint8_t ret[64])
{
  digest(GNUTLS_DIG_SHA512, raw, ret);
}

uint32_t
codec_fnv32a(struct span raw)
{
  uint32_t h = 2166136261u;

  for (size_t i = 0; i < raw.n; i++)
    h = (h ^ (uint8_t)raw.p[i]) * 16777619u;
  return h;
}

uint64_t
codec_fnv64a(struct span raw)
{
  uint64_t h = 14695981039346656037u;

  for (size_t i = 0; i < raw.n; i++)
    h = (h ^ (uint8_t)raw.p[i]) * 1099511628211u;
  return h;
}

/* -- random -- */

void
codec_random(void *p, size_t n)
{
  char *at = p;

  while (n) {
    ssize_t got = getrandom(at, n, 0);

    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      perror("dralab: getrandom");
      abort();
    }
    at += got;
    n -= (size_t)got;
  }
}

char *
codec_uuid4(char buf[CODEC_UUID_MAX])
{
  uint8_t r[16];

  codec_random(r, sizeof r);
  r[6] = (uint8_t)((r[6] & 0x0F) | 0x40);
  r[8] = (uint8_t)((r[8] & 0x3F) | 0x80);
  (void)snprintf(buf, CODEC_UUID_MAX, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0],
                 r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
  return buf;
}

char *
codec_rand_suffix(char *buf, size_t n)
{
  static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789"; /* apimachinery util/rand: no vowels, no look-alikes */
  const size_t letters = sizeof alphabet - 1;

  for (size_t i = 0; i < n;) {
    uint8_t raw[16];

    codec_random(raw, sizeof raw);
    for (size_t k = 0; k < sizeof raw && i < n; k++)
      if (raw[k] < 256 / letters * letters) /* each letter equally likely */
        buf[i++] = alphabet[raw[k] % letters];
  }
  buf[n] = '\0';
  return buf;
}
