#include "http_peer.h"

#include <gnutls/x509.h>
#include <stdlib.h>

#include "arena.h"
#include "codec.h"

#define GROUPS_MAX 64
#define NAME_MAX_  1024
#define PEER_ARENA ((size_t)256 * 1024)

struct http_peer {
  struct arena *arena;
  bool checked, shown;
  struct exchange_user user;
};

struct http_peer *
http_peer_new(void)
{
  return mem_alloc(sizeof(struct http_peer));
}

void
http_peer_free(struct http_peer *p)
{
  if (!p)
    return;
  arena_free(p->arena);
  free(p);
}

/* Signed by our CA, in its time, and made for clients. */
static bool
is_good(gnutls_session_t session)
{
  gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT };
  unsigned status = 0;

  return gnutls_certificate_verify_peers(session, &purpose, 1, &status) == 0 && status == 0;
}

/* The `i`th value of a part of the subject; NULL when there is none, or it has a NUL in it. */
static const char *
subject_part(struct arena *a, gnutls_x509_crt_t crt, const char *oid, unsigned i)
{
  char buf[NAME_MAX_];
  size_t n = sizeof buf;

  if (gnutls_x509_crt_get_dn_by_oid(crt, oid, i, 0, buf, &n) != 0 || memchr(buf, '\0', n))
    return NULL;
  return arena_strndup(a, buf, n);
}

/* Which credential it was, as upstream puts it into the user: a digest of the certificate. */
static void
set_credential_id(struct http_peer *p, const gnutls_datum_t *der)
{
  struct json *extra = json_new_object(p->arena);
  _cleanup_strbuf_ struct strbuf b;
  uint8_t digest[32];

  strbuf_init(&b, 128);
  codec_sha256(span_make((const char *)der->data, der->size), digest);
  strbuf_puts(&b, "X509SHA256=");
  codec_hex(&b, span_make((const char *)digest, sizeof digest));
  json_append_str(p->arena, json_ensure_array(p->arena, extra, "authentication.kubernetes.io/credential-id"), b.p);
  p->user.extra = extra;
}

static void
read_subject(struct http_peer *p, const gnutls_datum_t *der)
{
  const char **groups = arena_array_of(p->arena, const char *, GROUPS_MAX);
  gnutls_x509_crt_t crt;
  const char *part;

  p->user.name = "";
  if (gnutls_x509_crt_init(&crt) != 0)
    return;
  if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0) {
    part = subject_part(p->arena, crt, GNUTLS_OID_X520_COMMON_NAME, 0);
    p->user.name = part ? part : "";
    while (p->user.n_groups < GROUPS_MAX &&
           (part = subject_part(p->arena, crt, GNUTLS_OID_X520_ORGANIZATION_NAME, (unsigned)p->user.n_groups)))
      groups[p->user.n_groups++] = part;
    p->user.groups = groups;
    set_credential_id(p, der);
  }
  gnutls_x509_crt_deinit(crt);
}

const struct exchange_user *
http_peer_user(struct http_peer *p, gnutls_session_t session)
{
  const gnutls_datum_t *chain;
  unsigned n = 0;

  if (!p->checked) {
    p->checked = true;
    chain = gnutls_certificate_get_peers(session, &n);
    p->shown = chain && n > 0;
    if (p->shown) {
      p->arena = arena_new(PEER_ARENA);
      p->user = (struct exchange_user){ .name = "", .uid = "" };
      if (is_good(session))
        read_subject(p, &chain[0]);
    }
  }
  return p->shown ? &p->user : NULL;
}
