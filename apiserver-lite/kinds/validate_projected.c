/* Projected volumes: core/validation's validateProjectionSources. */
#include <ctype.h>

#include "object.h"
#include "validate_pod.h"

#define DAY             (24 * 3600)
#define ANNOTATIONS_MAX (256 << 10)

/* One volume under examination. */
struct projection {
  struct validation *v;
  const struct vpath *path; /* of the volume: where upstream reports clashes, and what is wrong with a token's path */
  struct json *taken;       /* an object whose members are the paths so far */
};

/* `shown`: whose name stands in the error. */
static void
take_path(struct projection *p, struct span at, struct span shown)
{
  if (json_get_n(p->taken, at.p, at.n))
    verr_invalid(p->v, p->path, shown, "conflicting duplicate paths");
  else
    json_set_n(p->v->a, p->taken, at.p, at.n, json_new_null(p->v->a));
}

static void
check_keys(struct projection *p, const struct vpath *path, const struct json *s)
{
  const struct json *items = json_get(s, "items");
  (void)validate_needed(p->v, path, s, "name");
  for (size_t i = 0; i < json_count(items); i++) {
    const struct json *item = json_at(items, i);
    validate_key_path(p->v, VP_ITEM(VP(path, "items"), i), item);
    if (json_text_of(item, "path").n)
      take_path(p, json_text_of(item, "path"), json_text_of(s, "name"));
  }
}

static void
check_downward(struct projection *p, const struct vpath *path, const struct json *s)
{
  for (json_each_item (file, json_get(s, "items"))) {
    struct span at = json_text_of(*file, "path");
    validate_downward_file(p->v, path, *file);
    if (at.n)
      take_path(p, at, at);
  }
}

static void
check_token(struct projection *p, const struct vpath *path, const struct json *s)
{
  int64_t seconds = json_get_int(s, "expirationSeconds", 0);
  const struct vpath *at = VP(path, "expirationSeconds");
  if (!json_has(s, "expirationSeconds"))
    verr_required(p->v, at, "");
  else if (seconds < 600)
    verr_invalid_int(p->v, at, seconds, "may not specify a duration less than 10 minutes");
  else if (seconds > INT64_C(1) << 32)
    verr_invalid_int(p->v, at, seconds, "may not specify a duration larger than 2^32 seconds");
  if (validate_needed(p->v, p->path, s, "path"))
    validate_path_in_volume(p->v, VP(p->path, "path"), json_text_of(s, "path"));
  validate_user_id(p->v, path, s, "user");
}

static char *
with_char(struct arena *a, struct span s, char from, char to)
{
  char *t = arena_strndup(a, s.p, s.n);
  for (char *c = t; *c; c++)
    *c = *c == from ? to : *c;
  return t;
}

/* A bundle is named after its signer: "example.com:signer:name". Upstream says of what follows the last colon. */
static void
check_bundle_name(struct projection *p, const struct vpath *path, struct span name)
{
  const char *problems[TEXT_PROBLEMS_MAX], *colon = name.n ? memrchr(name.p, ':', name.n) : NULL;
  struct span own = colon ? span_make(colon + 1, name.n - (size_t)(colon + 1 - name.p)) : name;
  struct span signer = span_make(name.p, name.n - own.n - (colon != NULL));
  size_t n = 1;
  if (colon && !signer.n)
    problems[0] = "ClusterTrustBundle without signer name must not have \":\" in its name";
  else if (signer.n && memchr(signer.p, '/', signer.n))
    problems[0] = arena_printf(p->v->a, "ClusterTrustBundle for signerName %s must be named with prefix %s:",
                               with_char(p->v->a, signer, ':', '/'), with_char(p->v->a, signer, '/', ':'));
  else
    n = text_check(p->v->a, TEXT_DNS_SUBDOMAIN, own, problems);
  for (size_t i = 0; i < n; i++)
    verr_invalid(p->v, path, name, arena_printf(p->v->a, "not a valid clustertrustbundlename: %s", problems[i]));
}

static void
check_bundle_source(struct projection *p, const struct vpath *path, const struct json *s)
{
  bool named = json_has(s, "name"), signed_ = json_has(s, "signerName");
  const struct json *selector = json_get(s, "labelSelector");
  if (named && signed_) {
    verr_add(p->v, FIELD_INVALID, path, vgo(p->v, s, "io.k8s.api.core.v1.ClusterTrustBundleProjection"),
             "only one of name and signerName may be used");
  } else if (named) {
    if (!json_text_of(s, "name").n)
      verr_required(p->v, VP(path, "name"), "must be a valid object name");
    check_bundle_name(p, VP(path, "name"), json_text_of(s, "name"));
    if (json_type(selector) != JSON_NULL)
      verr_add(p->v, FIELD_INVALID, VP(path, "labelSelector"), vjson(p->v->a, selector),
               "labelSelector must be unset if name is specified");
  } else if (signed_) {
    if (!json_text_of(s, "signerName").n)
      verr_required(p->v, VP(path, "signerName"), "must be a valid signer name");
    validate_signer_name(p->v, VP(path, "signerName"), json_text_of(s, "signerName"));
    validate_label_selector(p->v, VP(path, "labelSelector"), selector);
  } else
    verr_required(p->v, path, "either name or signerName must be specified");
}

static void
check_bundle(struct projection *p, const struct vpath *path, const struct json *s)
{
  struct span at = json_text_of(s, "path");
  check_bundle_source(p, path, s);
  (void)validate_needed(p->v, path, s, "path");
  validate_user_id(p->v, path, s, "user");
  validate_path_in_volume(p->v, VP(path, "path"), at);
  take_path(p, at, at);
}

static bool
is_kubernetes_signer(struct span name)
{
  struct span rest, host = span_cut(name, '/', &rest);
  return span_is(host, "kubernetes.io") || span_ends(host, SPAN(".kubernetes.io"));
}

static void
check_user_annotations(struct projection *p, const struct vpath *path, const struct json *annotations)
{
  size_t total = 0;
  for (json_each_member (m, annotations)) {
    char *key = arena_strndup(p->v->a, m->name, m->name_len);
    for (char *c = key; *c; c++)
      *c = (char)tolower((unsigned char)*c);
    if (!*key)
      verr_required(p->v, path, "");
    else if (verr_format(p->v, path, span_of(key), TEXT_LABEL_KEY) && !strchr(key, '/'))
      verr_invalid(p->v, path, span_of(key), "must be a domain-prefixed key (such as \"acme.io/foo\")");
    total += m->name_len + json_span(m->value).n;
  }
  if (total > ANNOTATIONS_MAX)
    verr_too_long(p->v, path, ANNOTATIONS_MAX);
}

static void
check_lifetime(struct projection *p, const struct vpath *path, const struct json *s)
{
  int64_t seconds = json_get_int(s, "maxExpirationSeconds", 0),
          max = is_kubernetes_signer(json_text_of(s, "signerName")) ? DAY : 91 * DAY;
  const struct vpath *at = VP(path, "maxExpirationSeconds");
  if (!json_has(s, "maxExpirationSeconds"))
    return;
  if (seconds < 3600)
    verr_invalid_int(p->v, at, seconds, "if provided, maxExpirationSeconds must be >= 3600");
  if (seconds > max)
    verr_invalid_int(p->v, at, seconds,
                     arena_printf(p->v->a, "if provided, maxExpirationSeconds must be <= %lld", (long long)max));
}

static void
check_certificate(struct projection *p, const struct vpath *path, const struct json *s)
{
  static const char *const types[] = { "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", NULL };
  static const char *const paths[] = { "credentialBundlePath", "keyPath", "certificateChainPath" };
  struct span type = json_text_of(s, "keyType");
  size_t n = 0;
  validate_signer_name(p->v, VP(path, "signerName"), json_text_of(s, "signerName"));
  check_user_annotations(p, VP(path, "userAnnotations"), json_get(s, "userAnnotations"));
  validate_user_id(p->v, path, s, "user");
  if (!validate_is_one_of(type, types))
    verr_not_supported(p->v, VP(path, "keyType"), type, types);
  check_lifetime(p, path, s);
  for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
    struct span at = json_text_of(s, paths[i]);
    if (!at.n)
      continue;
    n++;
    validate_path_in_volume(p->v, VP(path, paths[i]), at);
    take_path(p, at, at);
  }
  if (!n)
    verr_required(p->v, path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath");
}

static const struct {
  const char *name;
  void (*check)(struct projection *p, const struct vpath *path, const struct json *s);
} projections[] = {
  { "secret", check_keys },
  { "configMap", check_keys },
  { "downwardAPI", check_downward },
  { "serviceAccountToken", check_token },
  { "clusterTrustBundle", check_bundle },
  { "podCertificate", check_certificate },
};

void
validate_projections(struct validation *v, const struct vpath *path, const struct json *sources)
{
  struct projection p = { .v = v, .path = path, .taken = json_new_object(v->a) };
  for (size_t i = 0; i < json_count(sources); i++) {
    const struct vpath *at = VP_ITEM(VP(path, "sources"), i);
    size_t n = 0;
    for (size_t k = 0; k < ARRAY_SIZE(projections); k++) {
      const struct json *s = json_get(json_at(sources, i), projections[k].name);
      if (json_type(s) == JSON_NULL)
        continue;
      n++;
      projections[k].check(&p, VP(at, projections[k].name), s);
    }
    if (n > 1)
      verr_forbidden(v, at, "may not specify more than 1 volume type per source");
  }
}
