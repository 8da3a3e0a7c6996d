#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "auth_objects.h"
#include "authn.h"
#include "codec.h"
#include "pki_cert.h"

#define T0 (1800000000 * CLOCK_SEC)

static const char objects[] =
    "serviceaccounts ns {\"metadata\":{\"name\":\"driver\",\"namespace\":\"ns\",\"uid\":\"sa-uid\"}}\n"
    "serviceaccounts ns {\"metadata\":{\"name\":\"gone\",\"namespace\":\"ns\",\"uid\":\"gone-uid\","
    "\"deletionTimestamp\":\"2020-01-01T00:00:00Z\"}}\n"
    "pods ns {\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"pod-uid\"}}\n"
    "secrets ns {\"metadata\":{\"name\":\"s\",\"namespace\":\"ns\",\"uid\":\"secret-uid\"}}\n"
    "nodes - {\"metadata\":{\"name\":\"n1\",\"uid\":\"node-uid\"}}\n";

static const char token_file[] = "tok-a,alice,1,\"devs,ops\"\n"
                                 "\n"
                                 "tok-b,bob,2\n"
                                 "\"tok \"\"c\"\"\",carol,3,solo,extra\n"
                                 ",nobody,4\n";

struct fixture {
  struct arena *a;
  struct clock *clock;
  struct span key;
  struct sa_signer *signer;
  struct authn *n;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  f->a = arena_new(16 << 20);
  f->clock = clock_new_virtual(T0);
  assert_int_equal(cert_new_key(f->a, &f->key, &err), 0);
  assert_int_equal(sa_signer_new(f->clock, f->key, NULL, NULL, 0, &f->signer, &err), 0);
  if (authn_new(&(struct authn_config){ .clock = f->clock,
                                        .anonymous = true,
                                        .token_file = SPAN(token_file),
                                        .admin_token = "tok-admin",
                                        .signer = f->signer },
                &f->n, &err) < 0)
    fail_msg("%s", err.msg);
  authn_bind(f->n, auth_objects_new(f->a, objects));
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;

  authn_free(f->n);
  sa_signer_free(f->signer);
  clock_free(f->clock);
  arena_free(f->a);
  free(f);
  return 0;
}

/* "name/uid[group,group]{extra}" of who the request is from, or the error. */
static const char *
who(struct fixture *f, const char *header, const char *value, const struct exchange_user *tls)
{
  struct exchange_header h = { header, value };
  struct exchange_request req = { .headers = &h, .n_headers = header ? 1 : 0, .arena = f->a, .tls_user = tls };
  const struct exchange_user *u;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *text;

  if (authn_request(f->n, &req, &u, &err) < 0) {
    assert_int_equal(err.code, KERR_UNAUTHORIZED);
    return arena_strdup(f->a, err.msg);
  }
  text = arena_printf(f->a, "%s/%s[", u->name, u->uid);
  for (size_t i = 0; i < u->n_groups; i++)
    text = arena_printf(f->a, "%s%s%s", text, i ? "," : "", u->groups[i]);
  return arena_printf(f->a, "%s]%s", text, u->extra ? json_text(f->a, u->extra, JSON_COMPACT) : "");
}

static void
tokens_of_a_file(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *header, *value, *want;
  } rows[] = {
    { NULL, NULL, "system:anonymous/[system:unauthenticated]" },
    { "authorization", "Basic dTpw", "system:anonymous/[system:unauthenticated]" },
    { "authorization", "Bearer", "system:anonymous/[system:unauthenticated]" },
    { "authorization", "Bearer tok-a", "alice/1[devs,ops,system:authenticated]" },
    { "authorization", "bearer  tok-b ", "bob/2[system:authenticated]" },
    { "authorization", "Bearer tok-admin", "kubernetes-admin/[system:masters,system:authenticated]" },
    { "authorization", "Bearer nonsense", "Unauthorized" },
    { "authorization", "Bearer a.b.c", "Unauthorized" },
    { "sec-websocket-protocol", "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.dG9rLWE",
      "alice/1[devs,ops,system:authenticated]" },
    { "sec-websocket-protocol", "v4.channel.k8s.io", "system:anonymous/[system:unauthenticated]" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    assert_string_equal(who(f, rows[i].header, rows[i].value, NULL), rows[i].want);
}

static void
certificates(void **state)
{
  struct fixture *f = *state;
  static const char *const groups[] = { "system:nodes" };
  struct exchange_user node = { .name = "system:node:n1", .uid = "", .groups = groups, .n_groups = 1 },
                       bad = { .name = "", .uid = "" };

  assert_string_equal(who(f, NULL, NULL, &node), "system:node:n1/[system:nodes,system:authenticated]");
  assert_string_equal(who(f, "authorization", "Bearer tok-a", &node),
                      "system:node:n1/[system:nodes,system:authenticated]");
  assert_string_equal(who(f, NULL, NULL, &bad), "Unauthorized");
  assert_string_equal(who(f, "authorization", "Bearer tok-b", &bad), "bob/2[system:authenticated]");
}

static void
bad_token_files(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *text, *words;
  } rows[] = {
    { "a,b\n", "line 1 must have at least 3 columns (token, user name, user uid), found 2" },
    { "a,b,c\n\"a,b,c\n", "line 2: a quote is out of place" },
    { "a,b\"x,c\n", "line 1: a quote is out of place" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct authn *n;

    assert_int_equal(
        authn_new(&(struct authn_config){ .clock = f->clock, .token_file = span_of(rows[i].text) }, &n, &err),
        -KERR_PARSE);
    assert_non_null(strstr(err.msg, rows[i].words));
  }
}

/* -- service accounts -- */

static const char *
issue(struct fixture *f, struct sa_token_request req)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *token;
  int64_t expiry;

  if (!req.ns)
    req.ns = "ns";
  if (!req.account.name)
    req.account = (struct sa_ref){ "driver", "sa-uid" };
  if (!req.seconds)
    req.seconds = 3600;
  if (sa_token_issue(f->signer, f->a, &req, &token, &expiry, &err) < 0)
    fail_msg("%s", err.msg);
  assert_true(expiry == T0 / CLOCK_SEC + req.seconds || clock_wall(f->clock) != T0);
  return token;
}

/* The user's name, or the error of a review. */
static const char *
review(struct fixture *f, const char *token, const char *audience)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct exchange_user *u;
  const char *const *audiences;
  size_t n;

  if (authn_token(f->n, f->a, span_of(token), &audience, audience ? 1 : 0, &u, &audiences, &n, &err) < 0)
    return arena_strdup(f->a, err.msg);
  return arena_printf(f->a, "%s for %zu %s", u->name, n, n ? audiences[0] : "-");
}

static void
account_tokens(void **state)
{
  struct fixture *f = *state;
  const char *plain = issue(f, (struct sa_token_request){ 0 }),
             *bound = issue(f, (struct sa_token_request){ .pod = { "p", "pod-uid" }, .node = { "n1", "node-uid" } });
  const char *got = who(f, "authorization", arena_printf(f->a, "Bearer %s", plain), NULL), *at;

  at = strstr(got, "\"JTI=");
  assert_non_null(at);
  assert_true(span_starts(span_of(got), SPAN("system:serviceaccount:ns:driver/sa-uid[system:serviceaccounts,system:"
                                             "serviceaccounts:ns,system:authenticated]{\"authentication.kubernetes."
                                             "io/credential-id\":[\"JTI=")));
  got = who(f, "authorization", arena_printf(f->a, "Bearer %s", bound), NULL);
  assert_non_null(strstr(got, "\"authentication.kubernetes.io/node-name\":[\"n1\"],\"authentication.kubernetes.io/"
                              "node-uid\":[\"node-uid\"],\"authentication.kubernetes.io/pod-name\":[\"p\"],"
                              "\"authentication.kubernetes.io/pod-uid\":[\"pod-uid\"]}"));
  assert_string_equal(review(f, plain, NULL),
                      "system:serviceaccount:ns:driver for 1 https://kubernetes.default.svc.cluster.local");
}

static void
reviews_say_why_not(void **state)
{
  struct fixture *f = *state;
  static const char *const vault[] = { "vault" };
  const char *token;

  token = issue(f, (struct sa_token_request){ .audiences = vault, .n_audiences = 1 });
  assert_string_equal(review(f, token, "vault"), "system:serviceaccount:ns:driver for 1 vault");
  assert_string_equal(review(f, token, NULL), "token audiences [\"vault\"] is invalid for the target audiences "
                                              "[\"https://kubernetes.default.svc.cluster.local\"]");
  token = issue(f, (struct sa_token_request){ .account = { "driver", "old-uid" } });
  assert_string_equal(review(f, token, NULL), "service account UID (sa-uid) does not match claim (old-uid)");
  token = issue(f, (struct sa_token_request){ .account = { "other", "x" } });
  assert_string_equal(review(f, token, NULL), "serviceaccounts \"other\" not found");
  token = issue(f, (struct sa_token_request){ .account = { "gone", "gone-uid" } });
  assert_string_equal(review(f, token, NULL), "service account ns/gone has been deleted");
  token = issue(f, (struct sa_token_request){ .pod = { "q", "x" } });
  assert_string_equal(review(f, token, NULL), "service account token has been invalidated");
  token = issue(f, (struct sa_token_request){ .pod = { "p", "old" } });
  assert_string_equal(review(f, token, NULL), "pod UID (pod-uid) does not match service account pod ref claim (old)");
  token = issue(f, (struct sa_token_request){ .secret = { "s", "secret-uid" } });
  assert_string_equal(review(f, token, "https://kubernetes.default.svc.cluster.local"),
                      "system:serviceaccount:ns:driver for 1 https://kubernetes.default.svc.cluster.local");
  token = issue(f, (struct sa_token_request){ .node = { "n2", "x" } });
  assert_string_equal(review(f, token, NULL), "service account token has been invalidated");
  assert_string_equal(review(f, "tok-b", NULL), "bob for 0 -");
  assert_string_equal(review(f, "tok-b", "any"), "bob for 1 any");
  assert_string_equal(review(f, "x", NULL), "invalid bearer token");
  token = issue(f, (struct sa_token_request){ .seconds = 600 });
  clock_advance(f->clock, 600 * CLOCK_SEC);
  assert_non_null(strstr(review(f, token, NULL), "driver for 1")); /* within the leeway */
  clock_advance(f->clock, (SA_LEEWAY + 1) * CLOCK_SEC);
  assert_string_equal(review(f, token, NULL), "service account token has expired");
}

/* Every part of a token is covered by its signature, and another key's signature is none. */
static void
forgeries(void **state)
{
  struct fixture *f = *state;
  const char *token = issue(f, (struct sa_token_request){ 0 }), *forged;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct sa_signer *other;
  struct span key;
  int64_t expiry;
  size_t n = strlen(token);

  for (size_t i = 0; i < n; i += 7) {
    char *bad = arena_strdup(f->a, token);
    const struct json *claims;
    _cleanup_kerr_ struct kerr why = KERR_INIT;

    bad[i] = bad[i] == 'A' ? 'Q' : 'A';
    assert_int_equal(sa_token_verify(f->signer, f->a, span_of(bad), &claims, &why), -KERR_UNAUTHORIZED);
  }
  assert_int_equal(cert_new_key(f->a, &key, &err), 0);
  assert_int_equal(sa_signer_new(f->clock, key, NULL, NULL, 0, &other, &err), 0);
  assert_int_equal(
      sa_token_issue(other, f->a,
                     &(struct sa_token_request){ .ns = "ns", .account = { "driver", "sa-uid" }, .seconds = 60 },
                     &forged, &expiry, &err),
      0);
  assert_string_equal(review(f, forged, NULL), "invalid signature, no keys found");
  sa_signer_free(other);
  { /* alg none */
    _cleanup_strbuf_ struct strbuf b;

    strbuf_init(&b, 16384);
    codec_base64url(&b, SPAN("{\"alg\":\"none\"}"));
    strbuf_puts(&b, strchr(token, '.'));
    assert_string_equal(review(f, b.p, NULL), "invalid signature, no keys found");
  }
}

static void
openid_documents(void **state)
{
  struct fixture *f = *state;
  const char *keys = sa_openid_keys(f->signer, f->a), *config = sa_openid_configuration(f->signer, f->a);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *key;
  struct json *v;

  assert_int_equal(json_parse(f->a, span_of(keys), NULL, &v, &err), 0);
  key = json_at(json_get(v, "keys"), 0);
  assert_string_equal(json_get_str(key, "kty"), "EC");
  assert_int_equal(strlen(json_get_str(key, "x")), 43);
  assert_int_equal(strlen(json_get_str(key, "y")), 43);
  assert_int_equal(strlen(json_get_str(key, "kid")), 43);
  assert_non_null(strstr(config, "\"jwks_uri\":\"https://kubernetes.default.svc.cluster.local/openid/v1/jwks\""));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(tokens_of_a_file),    TEST(certificates), TEST(bad_token_files),  TEST(account_tokens),
    TEST(reviews_say_why_not), TEST(forgeries),    TEST(openid_documents),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
