/*
 * codec - small encodings that several components need: base64, hex, URL
 * escapes, SHA-256, random identifiers. Digests and random bytes come from
 * GnuTLS's primitives or the kernel; nothing here is home-made cryptography.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "span.h"
#include "strbuf.h"

void codec_base64(struct strbuf *b, struct span raw);    /* standard alphabet, padded */
void codec_base64url(struct strbuf *b, struct span raw); /* URL alphabet, no padding (JWT, continue tokens) */
/* False on anything else; as Go's encoding/base64, line breaks in between are skipped. */
bool codec_unbase64(struct strbuf *b, struct span text);
bool codec_unbase64url(struct strbuf *b, struct span text);
void codec_hex(struct strbuf *b, struct span raw);
int codec_hex_digit(char c);                              /* its value, in either case; -1: it is none */
void codec_url_escape(struct strbuf *b, struct span raw); /* as Go's url.QueryEscape */
bool codec_url_unescape(struct strbuf *b, struct span text, bool plus_is_space); /* false on a bad %XX */

void codec_go_quote(struct strbuf *b, struct span text); /* as Go's strconv.Quote, %q of a string */
char *codec_go_quoted(struct arena *a, const char *text);

void codec_sha256(struct span raw, uint8_t ret[32]);
void codec_sha512(struct span raw, uint8_t ret[64]);
uint32_t codec_fnv32a(struct span raw);
uint64_t codec_fnv64a(struct span raw);

void codec_random(void *p, size_t n); /* getrandom(2) */
#define CODEC_UUID_MAX 37
char *codec_uuid4(char buf[CODEC_UUID_MAX]); /* lower case; returns buf */
/* Upstream's name generator: n characters of bcdfghjklmnpqrstvwxz2456789 and a NUL, so buf has n + 1 bytes. Returns
 * buf. */
char *codec_rand_suffix(char *buf, size_t n);

#endif
