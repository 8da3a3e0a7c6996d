/*
 * Requests for certificates: texts with what kube-apiserver 1.37.2 said of them
 * (tests/data/apiserver-lite/certificate-requests.jsonl), and who may change what in their status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "fs.h"
#include "pem.h"
#include "pki_request.h"
#include "rest_fixture.h"

#define DATA     "tests/data/apiserver-lite/certificate-requests.jsonl"
#define REQUESTS "/apis/certificates.k8s.io/v1/certificatesigningrequests"
#define MERGE    "content-type: application/merge-patch+json\n"

typedef void row_fn(struct arena *a, const struct json *row);

static void
each_row(const char *kind, row_fn *fn)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  size_t n = 0;

  if (fs_read(DATA, &text, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = span_make(text.p, text.n); rest.n;) {
    struct span line = span_cut(rest, '\n', &rest);
    struct json *row;

    if (!line.n)
      continue;
    if (json_parse(a, line, NULL, &row, &err) < 0)
      fail_msg("%s", err.msg);
    if (strcmp(json_get_str(row, "kind"), kind) != 0)
      continue;
    fn(a, row);
    n++;
  }
  assert_true(n > 8);
}

static void
is_told(const struct json *row, const char *problem)
{
  const char *wanted = json_get_str(row, "problem");

  if (strcmp(problem ? problem : "", wanted) != 0)
    fail_msg("%s: \"%s\" instead of \"%s\"", json_get_str(row, "name"), problem ? problem : "", wanted);
}

static void
check_request(struct arena *a, const struct json *row)
{
  struct span der;
  const char *problem = pki_request_read(a, json_span(json_get(row, "text")), &der);

  is_told(row, problem ? problem : pki_request_check(a, der));
  if (!problem)
    assert_int_equal(pki_request_is_of(der, "system:masters"), strcmp(json_get_str(row, "name"), "masters") == 0);
}

static void
requests_are_read_as_upstream_does(void **state)
{
  (void)state;
  each_row("request", check_request);
}

static void
check_certificates(struct arena *a, const struct json *row)
{
  is_told(row, pki_certificates_check(a, json_span(json_get(row, "text"))));
}

static void
certificates_are_read_as_upstream_does(void **state)
{
  (void)state;
  each_row("certificate", check_certificates);
}

/* What Go's encoding/pem takes for a block. */
static void
blocks_are_found(void **state)
{
#define B(type) "-----BEGIN " type "-----\n"
#define E(type) "-----END " type "-----"
  static const struct {
    const char *text, *found; /* "type:bytes" of each */
  } rows[] = {
    { "", "" },
    { "AAAA", "" },
    { B("X") "aGk=\n" E("X"), "X:hi " },
    { B("X") "aGk=\n" E("X") "\n" B("Y") "aG8=\n" E("Y") "\n", "X:hi Y:ho " },
    { "words\n" B("X") "aGk=\n" E("X"), "X:hi " },
    { "words" B("X") "aGk=\n" E("X"), "" },
    { B("X") E("X"), "X: " },
    { B("X") "aGk=\n" E("Y"), "" },
    { B("X") "aGk=\n" E("X") "words", "" },
    { B("X") "aGk=\n" E("X") " \t\r\n", "X:hi " },
    { B("X") "a: b\nc: d\n\naGk=\n" E("X"), "X:hi " },
    { B("X") "a: b\n" E("X"), "" },
    { B("X") "aG\nk =\n" E("X"), "X:hi " },
    { B("X") "!\n" E("X") "\n" B("Y") "aG8=\n" E("Y"), "Y:ho " },
    { B("X") "aGk=\n" B("Y") "aG8=\n" E("Y"), "Y:ho " },
    { "-----BEGIN X\naGk=\n" E("X"), "" },
    { B("X"), "" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct span left = span_of(rows[i].text);
    struct pem_block block;
    const char *found = "";

    while (pem_next(a, &left, &block))
      found = arena_printf(a, "%s%.*s:%.*s ", found, SPAN_FMT(block.type), SPAN_FMT(block.bytes));
    assert_string_equal(found, rows[i].found);
  }
}

/* -- over the API -- */

/* A field of the row of that name. */
static const char *
text_of(struct fixture *f, const char *name)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE), base64 = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *row;

  if (fs_read(DATA, &text, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = span_make(text.p, text.n); rest.n;)
    if (json_parse(f->arena, span_cut(rest, '\n', &rest), NULL, &row, &err) == 0 &&
        strcmp(json_get_str(row, "name"), name) == 0 && !*json_get_str(row, "problem")) {
      codec_base64(&base64, json_span(json_get(row, "text")));
      return arena_strndup(f->arena, base64.p, base64.n);
    }
  fail_msg("no row '%s'", name);
  return NULL;
}

static const char *
request(struct fixture *f, const char *name, const char *text, const char *signer)
{
  return arena_printf(
      f->arena,
      "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"request\":\"%s\",\"signerName\":\"%s\",\"usages\":[\"any\"]}}", name,
      text_of(f, text), signer);
}

/* Who asks is who sends the request, whatever it says. */
static void
requests_are_their_senders(void **state)
{
  struct fixture *f = *state;
  struct reply r =
      must(f, 201, "POST", REQUESTS,
           arena_printf(f->arena,
                        "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"request\":\"%s\",\"signerName\":\"example.com/"
                        "a\",\"usages\":[\"client auth\"],\"username\":\"somebody\",\"groups\":[\"system:nodes\"],"
                        "\"extra\":{\"a\":[\"b\"]}}}",
                        text_of(f, "ec")),
           NULL);

  assert_string_not_equal(at(f, &r, "/spec/username"), "somebody");
  assert_string_not_equal(at(f, &r, "/spec/groups/0"), "system:nodes");
  assert_string_equal(at(f, &r, "/spec/extra"), "");
}

static void
nobody_asks_to_be_a_master(void **state)
{
  static const char client[] = "kubernetes.io/kube-apiserver-client";
  struct fixture *f = *state;
  struct reply r = must(f, 403, "POST", REQUESTS, request(f, "m", "masters", client), NULL);

  assert_string_equal(at(f, &r, "/message"),
                      "certificatesigningrequests.certificates.k8s.io \"m\" is forbidden: use of "
                      "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed");
  (void)must(f, 201, "POST", REQUESTS, request(f, "m", "masters", "example.com/s"), NULL);
  (void)must(f, 201, "POST", REQUESTS, request(f, "n", "ec", client), NULL);
}

#define C(type)          "{\"type\":\"" type "\",\"status\":\"True\"}"
#define CONDITIONS(list) "{\"status\":{\"conditions\":[" list "]}}"

/* In this order, each on what the ones before have left. */
static void
everybody_changes_what_is_his(void **state)
{
  static const struct {
    const char *sub, *body, *problem; /* "": done */
  } rows[] = {
    { "status", CONDITIONS(C("Approved")), "updates may not add a condition of type \"Approved\"" },
    { "approval", CONDITIONS(C("Approved") "," C("Denied")), "must specify at most one of" },
    { "approval", CONDITIONS("{\"type\":\"Denied\",\"status\":\"False\"}"), "supported values: \"True\"" },
    { "approval", CONDITIONS("{\"type\":\"Denied\"}"), "status.conditions[0].status: Required value" },
    { "approval", CONDITIONS("{\"type\":\"\",\"status\":\"True\"}"), "status.conditions[0].type: Required value" },
    { "approval", CONDITIONS("{\"type\":\"X\",\"status\":\"?\"}"), "\"False\", \"True\", \"Unknown\"" },
    { "approval", CONDITIONS(C("X") "," C("X")), "status.conditions[1].type: Duplicate value: \"X\"" },
    { "approval", CONDITIONS(C("Approved")), "" },
    { "approval", CONDITIONS(""), "updates may not remove a condition of type \"Approved\"" },
    { "approval", CONDITIONS(C("Approved") "," C("Denied")), "must specify at most one of" },
    { "status", CONDITIONS(C("Approved") "," C("Denied")), "updates may not add a condition of type \"Denied\"" },
    { "status", CONDITIONS(C("Failed")), "updates may not remove a condition of type \"Approved\"" },
    { "status", CONDITIONS(C("Approved") "," C("Failed")), "" },
    { "status", CONDITIONS(C("Approved")), "updates may not remove a condition of type \"Failed\"" },
    { "status", "{\"status\":{\"certificate\":\"eA==\"}}", "must contain at least one CERTIFICATE PEM block" },
  };
  struct fixture *f = *state;
  const char *certificate;
  struct reply r;

  (void)must(f, 201, "POST", REQUESTS, request(f, "r", "ec", "example.com/s"), NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    r = must(f, *rows[i].problem ? 422 : 200, "PATCH", arena_printf(f->arena, REQUESTS "/r/%s", rows[i].sub),
             rows[i].body, MERGE);
    if (!strstr(at(f, &r, "/message"), rows[i].problem))
      fail_msg("%zu: %s", i, at(f, &r, "/message"));
  }
  certificate = arena_printf(f->arena, "{\"status\":{\"certificate\":\"%s\"}}", text_of(f, "certificate"));
  r = must(f, 200, "PATCH", REQUESTS "/r/approval", certificate, MERGE);
  assert_string_equal(at(f, &r, "/status/certificate"), ""); /* whoever decides does not issue */
  r = must(f, 200, "PATCH", REQUESTS "/r/status", certificate, MERGE);
  assert_true(strlen(at(f, &r, "/status/certificate")) > 100);
  assert_true(strlen(at(f, &r, "/status/conditions/0/lastTransitionTime")) > 10);
  r = must(f, 422, "PATCH", REQUESTS "/r/status", "{\"status\":{\"certificate\":null}}", MERGE);
  assert_non_null(strstr(at(f, &r, "/message"), "updates may not modify existing certificate content"));
  r = must(f, 200, "PATCH", REQUESTS "/r", "{\"spec\":{\"usages\":[\"signing\"]},\"status\":null}", MERGE);
  assert_string_equal(at(f, &r, "/spec/usages/0"), "any");
  assert_string_equal(at(f, &r, "/status/conditions/1/type"), "Failed");
}

/* A status that another writer holds: what is reset is not his. */
static void
managers_hold_what_they_changed(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", REQUESTS, request(f, "r", "ec", "example.com/s"), NULL);
  (void)must(
      f, 200, "PATCH", REQUESTS "/r?fieldManager=first",
      "{\"kind\":\"CertificateSigningRequest\",\"apiVersion\":\"certificates.k8s.io/v1\",\"metadata\":{\"labels\":{"
      "\"a\":\"b\"}}}",
      "content-type: application/apply-patch+yaml\n"); /* before somebody applies nobody is noted */
  r = must(f, 200, "PATCH", REQUESTS "/r/approval?fieldManager=decider",
           "{\"status\":{\"certificate\":\"eA==\",\"conditions\":[" C("Approved") "]}}", MERGE);
  assert_string_equal(at(f, &r, "/metadata/managedFields/1/manager"), "decider");
  assert_string_equal(at(f, &r, "/metadata/managedFields/1/fieldsV1/f:status/f:conditions/."), "{}");
  assert_string_equal(at(f, &r, "/metadata/managedFields/1/fieldsV1/f:status/f:certificate"), "");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(requests_are_read_as_upstream_does),
    cmocka_unit_test(certificates_are_read_as_upstream_does),
    cmocka_unit_test(blocks_are_found),
    cmocka_unit_test_setup_teardown(requests_are_their_senders, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(nobody_asks_to_be_a_master, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(everybody_changes_what_is_his, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(managers_hold_what_they_changed, fixture_setup, fixture_teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
