#include "sa_token.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "gnutls_lib.h"

#define P256_BYTES 32

struct sa_signer {
  struct clock *clock;
  struct arena *arena; /* the texts below */
  gnutls_privkey_t key;
  gnutls_pubkey_t public;
  const char *issuer, *kid;
  const char **audiences;
  size_t n_audiences;
  char x[64], y[64]; /* coordinates of the public key, base64url */
};

/* -- small things -- */

static void
add_base64url(struct strbuf *b, const void *p, size_t n)
{
  codec_base64url(b, span_make(p, n));
}

/* JSON for the inside of a token: no line break, < and > as Go writes them. */
static void
add_json(struct strbuf *b, const struct json *v)
{
  _cleanup_strbuf_ struct strbuf text;

  strbuf_init(&text, SA_TOKEN_MAX);
  json_write(&text, v, JSON_HTML);
  add_base64url(b, text.p, text.n);
}

/* A number as the 32 bytes that JWS and JWK want: GnuTLS may give one byte more or some less. */
static bool
pad_number(const gnutls_datum_t *in, unsigned char out[P256_BYTES])
{
  const unsigned char *p = in->data;
  size_t n = in->size;

  while (n > P256_BYTES && *p == 0) {
    p++;
    n--;
  }
  if (n > P256_BYTES)
    return false;
  memset(out, 0, P256_BYTES);
  memcpy(out + P256_BYTES - n, p, n);
  return true;
}

static void
write_coordinate(const gnutls_datum_t *in, char out[64])
{
  _cleanup_strbuf_ struct strbuf b;
  unsigned char raw[P256_BYTES];

  strbuf_init(&b, 64);
  if (pad_number(in, raw))
    add_base64url(&b, raw, sizeof raw);
  memcpy(out, b.p ? b.p : "", b.n);
  out[b.n] = '\0';
}

/* -- the signer -- */

/* As upstream's keyIDFromPublicKey: a digest of the key in PKIX form. */
static int
make_kid(struct sa_signer *s)
{
  gnutls_datum_t der = { 0 };
  uint8_t digest[32];
  _cleanup_strbuf_ struct strbuf b;
  int r = gnutls_pubkey_export2(s->public, GNUTLS_X509_FMT_DER, &der);

  strbuf_init(&b, 128);
  if (r < 0)
    return r;
  codec_sha256(span_make((const char *)der.data, der.size), digest);
  add_base64url(&b, digest, sizeof digest);
  s->kid = arena_strdup(s->arena, b.p);
  gnutls_free(der.data);
  return 0;
}

static int
read_key(struct sa_signer *s, struct span pem)
{
  gnutls_datum_t d = gnutls_datum_of(pem), x = { 0 }, y = { 0 };
  gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
  int r = gnutls_privkey_init(&s->key);

  if (r == 0)
    r = gnutls_privkey_import_x509_raw(s->key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (r == 0)
    r = gnutls_pubkey_init(&s->public);
  if (r == 0)
    r = gnutls_pubkey_import_privkey(s->public, s->key, 0, 0);
  if (r == 0)
    r = gnutls_pubkey_export_ecc_raw2(s->public, &curve, &x, &y, GNUTLS_EXPORT_FLAG_NO_LZ);
  if (r == 0 && curve != GNUTLS_ECC_CURVE_SECP256R1)
    r = GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
  if (r == 0) {
    write_coordinate(&x, s->x);
    write_coordinate(&y, s->y);
    r = make_kid(s);
  }
  gnutls_free(x.data);
  gnutls_free(y.data);
  return r;
}

int
sa_signer_new(struct clock *clock, struct span key, const char *issuer, const char *const *audiences,
              size_t n_audiences, struct sa_signer **ret, struct kerr *reterr)
{
  struct sa_signer *s = mem_alloc(sizeof *s);
  int r;

  s->clock = clock;
  s->arena = arena_new(SA_TOKEN_MAX * 4);
  s->issuer = arena_strdup(s->arena, issuer ? issuer : SA_DEFAULT_ISSUER);
  s->n_audiences = n_audiences ? n_audiences : 1;
  s->audiences = arena_array_of(s->arena, const char *, s->n_audiences);
  s->audiences[0] = s->issuer;
  for (size_t i = 0; i < n_audiences; i++)
    s->audiences[i] = arena_strdup(s->arena, audiences[i]);
  r = read_key(s, key);
  if (r < 0) {
    sa_signer_free(s);
    return kerr_set(reterr, KERR_PARSE, NULL, "the service account key must be EC P-256 in PEM: %s",
                    gnutls_strerror(r));
  }
  *ret = s;
  return 0;
}

void
sa_signer_free(struct sa_signer *s)
{
  if (!s)
    return;
  if (s->key)
    gnutls_privkey_deinit(s->key);
  if (s->public)
    gnutls_pubkey_deinit(s->public);
  arena_free(s->arena);
  free(s);
}

const char *const *
sa_signer_audiences(const struct sa_signer *s, size_t *ret_n)
{
  *ret_n = s->n_audiences;
  return s->audiences;
}

/* -- issuing -- */

/* `text` grows by a dot and the signature over what is there. */
static int
sign(struct sa_signer *s, struct strbuf *text)
{
  gnutls_datum_t in = gnutls_datum_of(strbuf_view(text)), der = { 0 }, r = { 0 }, v = { 0 };
  unsigned char raw[2 * P256_BYTES];
  int rc = gnutls_privkey_sign_data2(s->key, GNUTLS_SIGN_ECDSA_SHA256, 0, &in, &der);

  if (rc == 0)
    rc = gnutls_decode_rs_value(&der, &r, &v);
  if (rc == 0 && !(pad_number(&r, raw) && pad_number(&v, raw + P256_BYTES)))
    rc = GNUTLS_E_INTERNAL_ERROR;
  if (rc == 0) {
    strbuf_putc(text, '.');
    add_base64url(text, raw, sizeof raw);
  }
  gnutls_free(der.data);
  gnutls_free(r.data);
  gnutls_free(v.data);
  return rc;
}

static void
set_ref(struct arena *a, struct json *o, const char *member, const struct sa_ref *ref)
{
  struct json *r;

  if (!ref->name)
    return;
  r = json_set(a, o, member, json_new_object(a));
  json_set_str(a, r, "name", ref->name);
  json_set_str(a, r, "uid", ref->uid ? ref->uid : "");
}

/* Members in the order of their names, as Go writes a map. */
static struct json *
claims_for(struct sa_signer *s, struct arena *a, const struct sa_token_request *req, int64_t now)
{
  struct json *c = json_new_object(a), *k = json_new_object(a), *aud = json_new_array(a);
  const char *const *audiences = req->n_audiences ? req->audiences : s->audiences;
  size_t n = req->n_audiences ? req->n_audiences : s->n_audiences;
  char jti[CODEC_UUID_MAX];

  for (size_t i = 0; i < n; i++)
    json_append_str(a, aud, audiences[i]);
  json_set_str(a, k, "namespace", req->ns);
  set_ref(a, k, "node", &req->node);
  set_ref(a, k, "pod", &req->pod);
  set_ref(a, k, "secret", &req->secret);
  set_ref(a, k, "serviceaccount", &req->account);
  if (req->warn_after)
    json_set_int(a, k, "warnafter", now + req->warn_after);
  json_set(a, c, "aud", aud);
  json_set_int(a, c, "exp", now + req->seconds);
  json_set_int(a, c, "iat", now);
  json_set_str(a, c, "iss", s->issuer);
  json_set_str(a, c, "jti", codec_uuid4(jti));
  json_set(a, c, "kubernetes.io", k);
  json_set_int(a, c, "nbf", now);
  json_set_str(a, c, "sub", arena_printf(a, "system:serviceaccount:%s:%s", req->ns, req->account.name));
  return c;
}

int
sa_token_issue(struct sa_signer *s, struct arena *a, const struct sa_token_request *req, const char **ret_token,
               int64_t *ret_expiry, struct kerr *reterr)
{
  int64_t now = clock_wall(s->clock) / CLOCK_SEC;
  struct json *header = json_new_object(a);
  _cleanup_strbuf_ struct strbuf b;
  int r;

  strbuf_init(&b, SA_TOKEN_MAX);
  json_set_str(a, header, "alg", "ES256");
  json_set_str(a, header, "kid", s->kid);
  add_json(&b, header);
  strbuf_putc(&b, '.');
  add_json(&b, claims_for(s, a, req, now));
  r = sign(s, &b);
  if (r < 0 || strbuf_overflowed(&b))
    return kerr_set(reterr, KERR_INTERNAL, NULL, "failed to create token: %s",
                    r < 0 ? gnutls_strerror(r) : "it would be too long");
  *ret_token = arena_strndup(a, b.p, b.n);
  *ret_expiry = now + req->seconds;
  return 0;
}

/* -- verifying -- */

struct parts {
  struct span signed_text; /* header "." claims */
  struct json *header, *claims;
  unsigned char signature[2 * P256_BYTES];
};

static bool
parse_part(struct arena *a, struct span text, struct json **ret)
{
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  strbuf_init(&b, SA_TOKEN_MAX);
  return codec_unbase64url(&b, text) && json_parse(a, strbuf_view(&b), NULL, ret, &err) == 0 &&
         json_is(*ret, JSON_OBJECT);
}

/* Form only; nothing of it is to be believed yet. */
static bool
split(struct arena *a, struct span token, struct parts *ret)
{
  struct span header, claims, signature, rest;
  _cleanup_strbuf_ struct strbuf raw;

  strbuf_init(&raw, sizeof ret->signature + 1);
  if (token.n > SA_TOKEN_MAX)
    return false;
  header = span_cut(token, '.', &rest);
  claims = span_cut(rest, '.', &signature);
  if (!rest.p || !signature.p || memchr(signature.p, '.', signature.n))
    return false;
  if (!codec_unbase64url(&raw, signature) || strbuf_overflowed(&raw) || raw.n != sizeof ret->signature)
    return false;
  memcpy(ret->signature, raw.p, sizeof ret->signature);
  ret->signed_text = span_make(token.p, header.n + 1 + claims.n);
  return parse_part(a, header, &ret->header) && parse_part(a, claims, &ret->claims);
}

bool
sa_token_is_ours(const struct sa_signer *s, struct arena *a, struct span token)
{
  struct parts p;

  return split(a, token, &p) && strcmp(json_get_str_or(p.claims, "iss", ""), s->issuer) == 0;
}

static bool
signature_is_good(struct sa_signer *s, const struct parts *p)
{
  gnutls_datum_t r = { (unsigned char *)(uintptr_t)p->signature, P256_BYTES },
                 v = { (unsigned char *)(uintptr_t)p->signature + P256_BYTES, P256_BYTES }, der = { 0 },
                 text = { (unsigned char *)(uintptr_t)p->signed_text.p, (unsigned)p->signed_text.n };
  bool good = gnutls_encode_rs_value(&der, &r, &v) == 0 &&
              gnutls_pubkey_verify_data2(s->public, GNUTLS_SIGN_ECDSA_SHA256, 0, &text, &der) == 0;

  gnutls_free(der.data);
  return good;
}

/* A time in a claim may have a fraction; upstream drops it. */
static int64_t
time_claim(const struct json *claims, const char *name, int64_t otherwise)
{
  const struct json *v = json_get(claims, name);
  double d;

  if (!json_is(v, JSON_NUMBER))
    return json_int_or(v, otherwise);
  d = json_double(v);
  return d > -9e15 && d < 9e15 ? (int64_t)d : otherwise;
}

static int
check_time(struct sa_signer *s, const struct json *claims, struct kerr *reterr)
{
  int64_t now = clock_wall(s->clock) / CLOCK_SEC;

  if (time_claim(claims, "nbf", INT64_MIN) > now + SA_LEEWAY)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "service account token is not valid yet");
  if (time_claim(claims, "exp", INT64_MAX) < now - SA_LEEWAY)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "service account token has expired");
  if (time_claim(claims, "iat", INT64_MIN) > now + SA_LEEWAY)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "service account token is issued in the future");
  return 0;
}

int
sa_token_verify(struct sa_signer *s, struct arena *a, struct span token, const struct json **ret_claims,
                struct kerr *reterr)
{
  struct parts p;
  const char *kid;
  int r;

  if (!split(a, token, &p) || strcmp(json_get_str_or(p.claims, "iss", ""), s->issuer) != 0)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "invalid bearer token");
  kid = json_get_str(p.header, "kid");
  if (strcmp(json_get_str_or(p.header, "alg", ""), "ES256") != 0 || (kid && *kid && strcmp(kid, s->kid) != 0))
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "invalid signature, no keys found");
  if (!signature_is_good(s, &p))
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "go-jose/go-jose: error in cryptographic primitive");
  r = check_time(s, p.claims, reterr);
  if (r == 0)
    *ret_claims = p.claims;
  return r;
}

/* -- discovery -- */

const char *
sa_openid_configuration(const struct sa_signer *s, struct arena *a)
{
  struct json *o = json_new_object(a);
  bool slash = s->issuer[0] && s->issuer[strlen(s->issuer) - 1] == '/';

  json_set_str(a, o, "issuer", s->issuer);
  json_set_str(a, o, "jwks_uri", arena_printf(a, "%s%sopenid/v1/jwks", s->issuer, slash ? "" : "/"));
  json_append_str(a, json_set(a, o, "response_types_supported", json_new_array(a)), "id_token");
  json_append_str(a, json_set(a, o, "subject_types_supported", json_new_array(a)), "public");
  json_append_str(a, json_set(a, o, "id_token_signing_alg_values_supported", json_new_array(a)), "ES256");
  return json_text(a, o, JSON_COMPACT);
}

const char *
sa_openid_keys(const struct sa_signer *s, struct arena *a)
{
  struct json *o = json_new_object(a),
              *key = json_append(a, json_set(a, o, "keys", json_new_array(a)), json_new_object(a));

  json_set_str(a, key, "use", "sig");
  json_set_str(a, key, "kty", "EC");
  json_set_str(a, key, "kid", s->kid);
  json_set_str(a, key, "crv", "P-256");
  json_set_str(a, key, "alg", "ES256");
  json_set_str(a, key, "x", s->x);
  json_set_str(a, key, "y", s->y);
  return json_text(a, o, JSON_COMPACT);
}
