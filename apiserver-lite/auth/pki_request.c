#include "pki_request.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#include "gnutls_lib.h"
#include "pem.h"

#define SEQUENCE     16
#define RSA_BITS_MIN 1024
#define NAME_MAX_LEN 256

static void
crq_deinitp(gnutls_x509_crq_t *p)
{
  if (*p)
    gnutls_x509_crq_deinit(*p);
}

static void
crt_deinitp(gnutls_x509_crt_t *p)
{
  if (*p)
    gnutls_x509_crt_deinit(*p);
}

#define _cleanup_crq_ __attribute__((cleanup(crq_deinitp)))
#define _cleanup_crt_ __attribute__((cleanup(crt_deinitp)))

/* -- the outermost element of DER, which Go names the faults of -- */

struct element {
  int class;
  unsigned tag;
  bool compound;
  size_t header, length;
};

static const char *
read_tag(struct span der, size_t *at, unsigned *ret)
{
  *ret = 0;
  for (int i = 0; *at < der.n; i++) {
    unsigned char b = (unsigned char)der.p[(*at)++];

    if (i == 4)
      return "asn1: structure error: base 128 integer too large";
    if (i == 0 && b == 0x80)
      return "asn1: syntax error: integer is not minimally encoded";
    *ret = *ret << 7 | (b & 0x7f);
    if (!(b & 0x80))
      return *ret < 0x1f ? "asn1: syntax error: non-minimal tag" : NULL;
  }
  return "asn1: syntax error: truncated base 128 integer";
}

static const char *
read_long_length(struct span der, size_t *at, int n, size_t *ret)
{
  if (n == 0)
    return "asn1: syntax error: indefinite length found (not DER)";
  for (*ret = 0; n > 0; n--) {
    if (*at >= der.n)
      return "asn1: syntax error: truncated tag or length";
    if (*ret >= (size_t)1 << 23)
      return "asn1: structure error: length too large";
    *ret = *ret << 8 | (unsigned char)der.p[(*at)++];
    if (*ret == 0)
      return "asn1: structure error: superfluous leading zeros in length";
  }
  return *ret < 0x80 ? "asn1: structure error: non-minimal length" : NULL;
}

/* parseTagAndLength of encoding/asn1. */
static const char *
read_header(struct span der, struct element *ret)
{
  const char *problem = NULL;
  unsigned char b;
  size_t at = 1;

  if (!der.n)
    return "asn1: syntax error: sequence truncated";
  b = (unsigned char)der.p[0];
  *ret = (struct element){ .class = b >> 6, .compound = b & 0x20, .tag = b & 0x1f };
  if (ret->tag == 0x1f)
    problem = read_tag(der, &at, &ret->tag);
  if (problem)
    return problem;
  if (at >= der.n)
    return "asn1: syntax error: truncated tag or length";
  b = (unsigned char)der.p[at++];
  ret->length = b;
  if (b & 0x80)
    problem = read_long_length(der, &at, b & 0x7f, &ret->length);
  ret->header = at;
  return problem;
}

static const char *
read_sequence(struct arena *a, struct span der)
{
  struct element e;
  const char *problem = read_header(der, &e);

  if (problem)
    return problem;
  if (e.class != 0 || e.tag != SEQUENCE || !e.compound)
    return arena_printf(a,
                        "asn1: structure error: tags don't match (16 vs {class:%d tag:%u length:%zu isCompound:%s}) "
                        "{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> "
                        "stringType:0 timeType:0 set:false omitEmpty:false} certificateRequest @%zu",
                        e.class, e.tag, e.length, e.compound ? "true" : "false", e.header);
  if (e.length > der.n - e.header)
    return "asn1: syntax error: data truncated";
  return e.length < der.n - e.header ? "asn1: syntax error: trailing data" : NULL;
}

/* -- requests -- */

static bool
open_request(struct span der, gnutls_x509_crq_t *ret)
{
  gnutls_datum_t d = gnutls_datum_of(der);

  return gnutls_x509_crq_init(ret) == 0 && gnutls_x509_crq_import(*ret, &d, GNUTLS_X509_FMT_DER) == 0;
}

const char *
pki_request_read(struct arena *a, struct span pem, struct span *ret_der)
{
  _cleanup_crq_ gnutls_x509_crq_t crq = NULL;
  struct pem_block block;
  const char *problem;

  if (!pem_next(a, &pem, &block) || !span_is(block.type, "CERTIFICATE REQUEST"))
    return "PEM block type must be CERTIFICATE REQUEST";
  problem = read_sequence(a, block.bytes);
  if (problem)
    return problem;
  if (!open_request(block.bytes, &crq)) /* where inside, and how, upstream would say */
    return "asn1: structure error: not a certificate request";
  *ret_der = block.bytes;
  return NULL;
}

/* What Go's x509 knows; SHA-1 is good enough for requests. */
static const struct signature {
  gnutls_sign_algorithm_t sign;
  gnutls_pk_algorithm_t key;
} signatures[] = {
  { GNUTLS_SIGN_RSA_SHA1, GNUTLS_PK_RSA },       { GNUTLS_SIGN_RSA_SHA256, GNUTLS_PK_RSA },
  { GNUTLS_SIGN_RSA_SHA384, GNUTLS_PK_RSA },     { GNUTLS_SIGN_RSA_SHA512, GNUTLS_PK_RSA },
  { GNUTLS_SIGN_RSA_PSS_SHA256, GNUTLS_PK_RSA }, { GNUTLS_SIGN_RSA_PSS_SHA384, GNUTLS_PK_RSA },
  { GNUTLS_SIGN_RSA_PSS_SHA512, GNUTLS_PK_RSA }, { GNUTLS_SIGN_ECDSA_SHA1, GNUTLS_PK_ECDSA },
  { GNUTLS_SIGN_ECDSA_SHA256, GNUTLS_PK_ECDSA }, { GNUTLS_SIGN_ECDSA_SHA384, GNUTLS_PK_ECDSA },
  { GNUTLS_SIGN_ECDSA_SHA512, GNUTLS_PK_ECDSA }, { GNUTLS_SIGN_EDDSA_ED25519, GNUTLS_PK_EDDSA_ED25519 },
};

static const struct key_words {
  gnutls_pk_algorithm_t key;
  const char *name, *type, *failure;
} keys[] = {
  { GNUTLS_PK_RSA, "RSA", "*rsa.PublicKey", "crypto/rsa: verification error" },
  { GNUTLS_PK_ECDSA, "ECDSA", "*ecdsa.PublicKey", "x509: ECDSA verification failure" },
  { GNUTLS_PK_EDDSA_ED25519, "Ed25519", "ed25519.PublicKey", "x509: Ed25519 verification failure" },
};

static const struct key_words *
words_of(gnutls_pk_algorithm_t key)
{
  for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
    if (keys[i].key == key)
      return &keys[i];
  return NULL;
}

static const struct signature *
find_signature(int sign)
{
  for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
    if ((int)signatures[i].sign == sign)
      return &signatures[i];
  return NULL;
}

const char *
pki_request_check(struct arena *a, struct span der)
{
  static const char unknown[] = "x509: cannot verify signature: algorithm unimplemented";
  _cleanup_crq_ gnutls_x509_crq_t crq = NULL;
  unsigned bits = 0;

  if (!open_request(der, &crq))
    return unknown;
  int sign = gnutls_x509_crq_get_signature_algorithm(crq), key = gnutls_x509_crq_get_pk_algorithm(crq, &bits);
  const struct key_words *words = key > 0 ? words_of((gnutls_pk_algorithm_t)key) : NULL;
  const struct signature *known = find_signature(sign);

  if (sign == GNUTLS_SIGN_RSA_MD5)
    return "x509: cannot verify signature: insecure algorithm MD5-RSA";
  if (!known || !words)
    return unknown;
  if (known->key != words->key)
    return arena_printf(a, "x509: signature algorithm specifies an %s public key, but have public key of type %s",
                        words_of(known->key)->name, words->type);
  if (key == GNUTLS_PK_RSA && bits < RSA_BITS_MIN)
    return arena_printf(a,
                        "crypto/rsa: %u-bit keys are insecure (see "
                        "https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)",
                        bits);
  return gnutls_x509_crq_verify(crq, GNUTLS_VERIFY_ALLOW_BROKEN) < 0 ? words->failure : NULL;
}

bool
pki_request_is_of(struct span der, const char *name)
{
  _cleanup_crq_ gnutls_x509_crq_t crq = NULL;
  char text[NAME_MAX_LEN];
  size_t n = sizeof text;

  if (!open_request(der, &crq))
    return false;
  for (unsigned i = 0;; i++, n = sizeof text) {
    int r = gnutls_x509_crq_get_dn_by_oid(crq, GNUTLS_OID_X520_ORGANIZATION_NAME, i, 0, text, &n);

    if (r == 0 && strlen(name) == n && memcmp(text, name, n) == 0)
      return true;
    if (r < 0 && r != GNUTLS_E_SHORT_MEMORY_BUFFER) /* a longer one is another */
      return false;
  }
}

/* -- certificates -- */

/* All that stand in one block, one after the other. */
static bool
are_certificates(struct span der)
{
  while (der.n) {
    _cleanup_crt_ gnutls_x509_crt_t crt = NULL;
    struct element e;

    if (read_header(der, &e) || e.class != 0 || e.tag != SEQUENCE || !e.compound || e.length > der.n - e.header)
      return false;
    gnutls_datum_t d = gnutls_datum_of(span_make(der.p, e.header + e.length));

    if (gnutls_x509_crt_init(&crt) < 0 || gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) < 0)
      return false;
    der = span_make(der.p + e.header + e.length, der.n - e.header - e.length);
  }
  return true;
}

const char *
pki_certificates_check(struct arena *a, struct span pem)
{
  struct pem_block block;
  size_t n = 0;

  if (!pem.n)
    return NULL;
  for (; pem_next(a, &pem, &block); n++) {
    if (!span_is(block.type, "CERTIFICATE"))
      return arena_printf(a, "only CERTIFICATE PEM blocks are allowed, found \"%.*s\"", SPAN_FMT(block.type));
    if (block.n_headers)
      return "no PEM block headers are permitted";
    if (!block.bytes.n)
      return "found CERTIFICATE PEM block containing 0 certificates";
    if (!are_certificates(block.bytes))
      return "x509: malformed certificate";
  }
  return n ? NULL : "must contain at least one CERTIFICATE PEM block";
}

const char *
pki_anchor_check(struct span der)
{
  _cleanup_crt_ gnutls_x509_crt_t crt = NULL;
  gnutls_datum_t d = gnutls_datum_of(der);
  unsigned critical, ca = 0;
  int length, r;

  if (gnutls_x509_crt_init(&crt) < 0 || gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) < 0)
    return "does not parse as X.509";
  r = gnutls_x509_crt_get_basic_constraints(crt, &critical, &ca, &length);
  return r < 0 || !ca ? "does not have the CA bit set" : NULL;
}
