/* Cluster trust bundles: whom a signer trusts (pkg/apis/certificates/validation). */
#include "pem.h"
#include "pki_request.h"
#include "validate_kinds.h"
#include "validate_pod.h"

#define BUNDLE_MAX ((size_t)1 << 20)
#define OMITTED    SPAN("<value omitted>")

/* core/validation's ValidateClusterTrustBundleName: "example.com:signer:name", or a plain one without a signer. */
static void
check_name(struct validation *v, const struct vpath *path, struct span name, struct span signer, bool prefix)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n;
  struct span rest = name;
  if (!signer.n && memchr(name.p, ':', name.n)) {
    verr_invalid(v, path, name, "ClusterTrustBundle without signer name must not have \":\" in its name");
    return;
  }
  if (signer.n) {
    char *start = arena_printf(v->a, "%.*s:", SPAN_FMT(signer));
    for (char *p = start; *p; p++)
      *p = *p == '/' ? ':' : *p;
    if (!span_starts(name, span_of(start))) {
      verr_invalid(v, path, name,
                   arena_printf(v->a, "ClusterTrustBundle for signerName %.*s must be named with prefix %s",
                                SPAN_FMT(signer), start));
      return;
    }
    rest = span_make(name.p + strlen(start), name.n - strlen(start));
  }
  n = text_check(v->a, TEXT_DNS_SUBDOMAIN, prefix ? text_name_prefix(v->a, rest) : rest, problems);
  for (size_t i = 0; i < n; i++)
    verr_invalid(v, path, name, problems[i]);
}

/* The first that is the same as the block, or the block's own place. */
static size_t
first_like(const struct pem_block *blocks, size_t i)
{
  size_t j = 0;
  while (!span_eq(blocks[j].bytes, blocks[i].bytes))
    j++;
  return j;
}

static void
check_twins(struct validation *v, const struct vpath *path, const struct pem_block *blocks, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const char *twins = "";
    for (size_t j = i + 1; j < n && first_like(blocks, i) == i; j++)
      if (span_eq(blocks[j].bytes, blocks[i].bytes))
        twins = arena_printf(v->a, "%s %zu", twins, j);
    if (*twins)
      verr_invalid(v, path, OMITTED, arena_printf(v->a, "duplicate trust anchor (indices [%zu%s])", i, twins));
  }
}

static const char *
block_problem(const struct pem_block *b, struct arena *a)
{
  if (!span_is(b->type, "CERTIFICATE"))
    return arena_printf(a, "has bad block type: %.*s", SPAN_FMT(b->type));
  if (b->n_headers)
    return "has PEM block headers";
  return pki_anchor_check(b->bytes);
}

static void
check_anchors(struct validation *v, const struct vpath *path, struct span text)
{
  struct pem_block *blocks = NULL, b;
  size_t n = 0, cap = 0, before = v->n;
  if (text.n > BUNDLE_MAX) {
    verr_too_long(v, path, BUNDLE_MAX);
    return;
  }
  while (pem_next(v->a, &text, &b)) {
    const char *problem = block_problem(&b, v->a);
    if (problem)
      verr_invalid(v, path, OMITTED, arena_printf(v->a, "entry %zu %s", n, problem));
    if (n == cap) {
      struct pem_block *more = arena_array_of(v->a, struct pem_block, cap ? 2 * cap : 8);
      for (size_t i = 0; i < n; i++)
        more[i] = blocks[i];
      blocks = more;
      cap = cap ? 2 * cap : 8;
    }
    blocks[n++] = b;
  }
  if (v->n > before)
    return;
  if (n == 0)
    verr_invalid(v, path, OMITTED, "at least one trust anchor must be provided");
  check_twins(v, path, blocks, n);
}

static void
check_bundle(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *meta = json_get(o, "metadata"), *spec = json_get(o, "spec");
  const struct vpath *at = VP(NULL, "metadata"), *path = VP(NULL, "spec");
  struct span signer = json_text_of(spec, "signerName"), generate = json_text_of(meta, "generateName");
  if (generate.n)
    check_name(v, VP(at, "generateName"), generate, signer, true);
  check_name(v, VP(at, "name"), json_text_of(meta, "name"), signer, false);
  if (signer.n)
    validate_signer_name(v, VP(path, "signerName"), signer);
  /* What was let in once stays, whatever is thought of it today. */
  if (!old || !span_eq(json_text_of(spec, "trustBundle"), json_text_of(json_get(old, "spec"), "trustBundle")))
    check_anchors(v, VP(path, "trustBundle"), json_text_of(spec, "trustBundle"));
}

static void
create_bundle(struct validation *v, const struct json *o)
{
  check_bundle(v, o, NULL);
}

static void
update_bundle(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *now = json_dig(o, "spec", "signerName", NULL);
  check_bundle(v, o, old);
  validate_immutable(v, VP(VP(NULL, "spec"), "signerName"), now, json_dig(old, "spec", "signerName", NULL),
                     now ? NULL : "\"\"");
}

const struct validator validator_trust_bundle = {
  "certificates.k8s.io",          "ClusterTrustBundle",    .cluster = true,
  .name = { .format = TEXT_ANY }, .create = create_bundle, .update = update_bundle,
  .flags = VALIDATOR_META_AGAIN
};
