#include "pki_cert.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#include "codec.h"
#include "gnutls_lib.h"

#define SERIAL_BYTES 16

static void
crt_deinitp(gnutls_x509_crt_t *p)
{
  if (*p)
    gnutls_x509_crt_deinit(*p);
}

static void
privkey_deinitp(gnutls_x509_privkey_t *p)
{
  if (*p)
    gnutls_x509_privkey_deinit(*p);
}

static void
pubkey_deinitp(gnutls_pubkey_t *p)
{
  if (*p)
    gnutls_pubkey_deinit(*p);
}

static void
datum_release(gnutls_datum_t *d)
{
  gnutls_free(d->data);
}

#define _cleanup_crt_     __attribute__((cleanup(crt_deinitp)))
#define _cleanup_privkey_ __attribute__((cleanup(privkey_deinitp)))
#define _cleanup_pubkey_  __attribute__((cleanup(pubkey_deinitp)))
#define _cleanup_datum_   __attribute__((cleanup(datum_release)))

static int
tls_error(int code, const char *doing, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_INTERNAL, NULL, "%s: %s", doing, gnutls_strerror(code));
}

static struct span
keep(struct arena *a, const gnutls_datum_t *d)
{
  return span_make(arena_strndup(a, (const char *)d->data, d->size), d->size);
}

static int
read_crt(struct span pem, gnutls_x509_crt_t *ret)
{
  gnutls_datum_t d = gnutls_datum_of(pem);
  int r = gnutls_x509_crt_init(ret);

  return r < 0 ? r : gnutls_x509_crt_import(*ret, &d, GNUTLS_X509_FMT_PEM);
}

static int
read_key(struct span pem, gnutls_x509_privkey_t *ret)
{
  gnutls_datum_t d = gnutls_datum_of(pem);
  int r = gnutls_x509_privkey_init(ret);

  return r < 0 ? r : gnutls_x509_privkey_import(*ret, &d, GNUTLS_X509_FMT_PEM);
}

int
cert_new_key(struct arena *a, struct span *ret_key, struct kerr *reterr)
{
  _cleanup_privkey_ gnutls_x509_privkey_t key = NULL;
  _cleanup_datum_ gnutls_datum_t pem = { 0 };
  int r = gnutls_x509_privkey_init(&key);

  if (r == 0)
    r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (r == 0)
    r = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
  if (r < 0)
    return tls_error(r, "make a key", reterr);
  *ret_key = keep(a, &pem);
  return 0;
}

int
cert_public_key(struct arena *a, struct span key, struct span *ret, struct kerr *reterr)
{
  _cleanup_privkey_ gnutls_x509_privkey_t private = NULL;
  _cleanup_pubkey_ gnutls_pubkey_t public = NULL;
  _cleanup_datum_ gnutls_datum_t pem = { 0 };
  gnutls_privkey_t abstract = NULL;
  int r = read_key(key, &private);

  if (r == 0)
    r = gnutls_privkey_init(&abstract);
  if (r == 0)
    r = gnutls_privkey_import_x509(abstract, private, GNUTLS_PRIVKEY_IMPORT_COPY);
  if (r == 0)
    r = gnutls_pubkey_init(&public);
  if (r == 0)
    r = gnutls_pubkey_import_privkey(public, abstract, 0, 0);
  if (r == 0)
    r = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &pem);
  if (abstract)
    gnutls_privkey_deinit(abstract);
  if (r < 0)
    return kerr_set(reterr, KERR_PARSE, NULL, "not a private key: %s", gnutls_strerror(r));
  *ret = keep(a, &pem);
  return 0;
}

/* -- filling in a certificate -- */

static int
set_subject(gnutls_x509_crt_t crt, const struct cert_request *req)
{
  int r = 0;

  for (size_t i = 0; i < req->n_groups && r == 0; i++)
    r = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, req->groups[i],
                                      (unsigned)strlen(req->groups[i]));
  if (r == 0)
    r = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, req->name, (unsigned)strlen(req->name));
  return r;
}

static int
add_host(gnutls_x509_crt_t crt, const char *host)
{
  unsigned char addr[16];

  if (inet_pton(AF_INET, host, addr) == 1)
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, addr, 4, GNUTLS_FSAN_APPEND);
  if (inet_pton(AF_INET6, host, addr) == 1)
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, addr, 16, GNUTLS_FSAN_APPEND);
  return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host),
                                              GNUTLS_FSAN_APPEND);
}

static int
set_use(gnutls_x509_crt_t crt, const struct cert_request *req)
{
  bool ca = req->use == CERT_AUTHORITY;
  int r = gnutls_x509_crt_set_basic_constraints(crt, ca, -1);

  if (r == 0)
    r = gnutls_x509_crt_set_key_usage(crt, ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                              : GNUTLS_KEY_DIGITAL_SIGNATURE);
  if (r == 0 && !ca)
    r = gnutls_x509_crt_set_key_purpose_oid(
        crt, req->use == CERT_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0);
  for (size_t i = 0; i < req->n_hosts && r == 0; i++)
    r = add_host(crt, req->hosts[i]);
  return r;
}

/* RFC 5280: positive, at most 20 bytes. */
static int
set_serial(gnutls_x509_crt_t crt)
{
  unsigned char serial[SERIAL_BYTES];

  codec_random(serial, sizeof serial);
  serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
  return gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
}

static int
set_key_id(gnutls_x509_crt_t crt)
{
  unsigned char id[64];
  size_t n = sizeof id;
  int r = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id, &n);

  return r < 0 ? r : gnutls_x509_crt_set_subject_key_id(crt, id, n);
}

static int
set_issuer_id(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
  unsigned char id[64];
  size_t n = sizeof id;

  if (gnutls_x509_crt_get_subject_key_id(issuer, id, &n, NULL) < 0)
    return 0; /* an authority without one needs none in what it signs */
  return gnutls_x509_crt_set_authority_key_id(crt, id, n);
}

static int
build(gnutls_x509_crt_t crt, const struct cert_request *req, gnutls_x509_privkey_t key)
{
  int r = gnutls_x509_crt_set_version(crt, 3);

  if (r == 0)
    r = set_serial(crt);
  if (r == 0)
    r = gnutls_x509_crt_set_activation_time(crt, (time_t)req->not_before);
  if (r == 0)
    r = gnutls_x509_crt_set_expiration_time(crt, (time_t)req->not_after);
  if (r == 0)
    r = set_subject(crt, req);
  if (r == 0)
    r = gnutls_x509_crt_set_key(crt, key);
  if (r == 0)
    r = set_use(crt, req);
  if (r == 0)
    r = set_key_id(crt);
  return r;
}

int
cert_sign(struct arena *a, const struct cert_request *req, struct span key, struct span ca_cert, struct span ca_key,
          struct span *ret_cert, struct kerr *reterr)
{
  _cleanup_crt_ gnutls_x509_crt_t crt = NULL, issuer = NULL;
  _cleanup_privkey_ gnutls_x509_privkey_t own = NULL, signer = NULL;
  _cleanup_datum_ gnutls_datum_t pem = { 0 };
  int r = gnutls_x509_crt_init(&crt);

  if (r == 0)
    r = read_key(key, &own);
  if (r == 0)
    r = build(crt, req, own);
  if (r == 0 && ca_cert.n) {
    r = read_crt(ca_cert, &issuer);
    if (r == 0)
      r = read_key(ca_key, &signer);
    if (r == 0)
      r = set_issuer_id(crt, issuer);
  }
  if (r == 0)
    r = gnutls_x509_crt_sign2(crt, issuer ? issuer : crt, signer ? signer : own, GNUTLS_DIG_SHA256, 0);
  if (r == 0)
    r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
  if (r < 0)
    return tls_error(r, "make a certificate", reterr);
  *ret_cert = keep(a, &pem);
  return 0;
}

/* -- looking at one -- */

int
cert_check_pair(struct span cert, struct span key, struct kerr *reterr)
{
  _cleanup_crt_ gnutls_x509_crt_t crt = NULL;
  _cleanup_privkey_ gnutls_x509_privkey_t private = NULL;
  unsigned char of_crt[64], of_key[64];
  size_t n = sizeof of_crt, m = sizeof of_key;
  int r = read_crt(cert, &crt);

  if (r < 0)
    return kerr_set(reterr, KERR_PARSE, NULL, "not a certificate: %s", gnutls_strerror(r));
  r = read_key(key, &private);
  if (r < 0)
    return kerr_set(reterr, KERR_PARSE, NULL, "not a private key: %s", gnutls_strerror(r));
  if (gnutls_x509_crt_get_key_id(crt, 0, of_crt, &n) < 0 ||
      gnutls_x509_privkey_get_key_id(private, 0, of_key, &m) < 0 || n != m || memcmp(of_crt, of_key, n) != 0)
    return kerr_set(reterr, KERR_PARSE, NULL, "certificate and private key do not belong together");
  return 0;
}

int64_t
cert_expiry(struct span cert)
{
  _cleanup_crt_ gnutls_x509_crt_t crt = NULL;

  return read_crt(cert, &crt) < 0 ? -1 : (int64_t)gnutls_x509_crt_get_expiration_time(crt);
}

bool
cert_is_signed_by(struct span cert, struct span ca)
{
  _cleanup_crt_ gnutls_x509_crt_t crt = NULL, issuer = NULL;
  unsigned status = 0;

  if (read_crt(cert, &crt) < 0 || read_crt(ca, &issuer) < 0)
    return false;
  return gnutls_x509_crt_verify(crt, &issuer, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) == 0 && status == 0;
}

bool
cert_names_host(struct span cert, const char *host)
{
  _cleanup_crt_ gnutls_x509_crt_t crt = NULL;

  return read_crt(cert, &crt) == 0 && gnutls_x509_crt_check_hostname2(crt, host, 0) != 0;
}
