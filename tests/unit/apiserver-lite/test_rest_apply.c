#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "field_set.h"
#include "kind.h"
#include "patch.h"
#include "rest_fixture.h"
#include "test_parse.h"
#include "typed.h"

#define CM    "/api/v1/namespaces/default/configmaps"
#define APPLY "content-type: application/apply-patch+yaml\n"

/* -- patches as functions -- */

static void
json_patches(void **state)
{
  static const struct {
    const char *doc, *patch, *want; /* want NULL: refused */
  } rows[] = {
    { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}" },
    { "{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]", "{\"a\":[1,2,3]}" },
    { "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}]", "{\"a\":[1,2]}" },
    { "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/5\",\"value\":2}]", NULL },
    { "{\"a\":{\"b/c\":1}}", "[{\"op\":\"remove\",\"path\":\"/a/b~1c\"}]", "{\"a\":{}}" },
    { "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":{\"x\":[]}}]", "{\"a\":{\"x\":[]}}" },
    { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}" }, /* as the library */
    { "{\"a\":[1]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":2}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}" },
    { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":2}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":{\"b\":2}}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"b\",\"value\":2}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"x/b\",\"value\":2}]", "{\"a\":1,\"b\":2}" },
    { "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"b\":1}" },
    { "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"a\":1,\"b\":1}" },
    { "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/x\",\"path\":\"/b\"}]", "{\"a\":1,\"b\":null}" },
    { "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/b\"}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/x\",\"path\":\"/b\"}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"\",\"value\":{\"a\":1}}]", "{\"a\":1}" },
    { "{\"a\":9007199254740993}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":9007199254740993}]",
      "{\"a\":9007199254740993}" },
    { "{}", "[{\"op\":\"frob\",\"path\":\"/a\"}]", NULL },
    { "{\"a\":1}", "[{\"op\":\"move\",\"path\":\"/b\"}]", NULL }, /* from is missing */
    { "{\"a\":1}", "[{\"op\":\"add\"}]", NULL },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *got = NULL;
    int r = patch_json(a, test_parse(a, rows[i].doc), test_parse(a, rows[i].patch), &got, &err);

    assert_int_equal(r < 0, rows[i].want == NULL);
    if (rows[i].want)
      assert_string_equal(json_text(a, got, JSON_COMPACT), rows[i].want);
  }
}

/* Each copy doubles the document: what a patch may add is bounded. */
static void
json_patch_copies_are_bounded(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *patch = json_new_array(a), *got;

  (void)state;
  for (int i = 0; i < 64; i++) {
    struct json *op = json_append(a, patch, json_new_object(a));

    json_set_str(a, op, "op", "copy");
    json_set_str(a, op, "from", "/a");
    json_set(a, op, "path", json_new_strf(a, "/a/c%d", i));
  }
  assert_int_equal(patch_json(a, test_parse(a, "{\"a\":{\"b\":\"some text\"}}"), patch, &got, &err), -KERR_INVALID);
  assert_non_null(strstr(err.msg, "exceeding the limit"));
}

static void
merge_patches(void **state)
{
  static const struct {
    const char *doc, *patch, *want;
  } rows[] = { /* RFC 7386, appendix A */
               { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
               { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
               { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
               { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
               { "{\"a\":\"foo\"}", "null", "null" },
               { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" }
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_string_equal(
        json_text(a, patch_merge(a, test_parse(a, rows[i].doc), test_parse(a, rows[i].patch)), JSON_COMPACT),
        rows[i].want);
}

static void
strategic_patches(void **state)
{
#define POD(containers) "{\"spec\":{\"containers\":" containers "}}"
  static const struct {
    const char *doc, *patch, *want; /* want NULL: refused */
  } rows[] = {
    { POD("[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\"}]"), POD("[{\"name\":\"a\",\"image\":\"2\"}]"),
      POD("[{\"name\":\"a\",\"image\":\"2\"},{\"name\":\"b\"}]") },
    /* a new item goes before those that only the server has */
    { POD("[{\"name\":\"a\"}]"), POD("[{\"name\":\"c\"}]"), POD("[{\"name\":\"c\"},{\"name\":\"a\"}]") },
    { POD("[{\"name\":\"a\"},{\"name\":\"b\"}]"), POD("[{\"name\":\"a\",\"$patch\":\"delete\"}]"),
      POD("[{\"name\":\"b\"}]") },
    { POD("[{\"name\":\"a\"},{\"name\":\"b\"}]"), POD("[{\"$patch\":\"replace\"},{\"name\":\"z\"}]"),
      POD("[{\"name\":\"z\"}]") },
    { POD("[{\"name\":\"a\",\"args\":[\"x\"]}]"), POD("[{\"name\":\"a\",\"args\":[\"y\"]}]"),
      POD("[{\"name\":\"a\",\"args\":[\"y\"]}]") },
    { POD("[{\"name\":\"a\"},{\"name\":\"b\"}]"),
      "{\"spec\":{\"$setElementOrder/"
      "containers\":[{\"name\":\"b\"},{\"name\":\"a\"}],\"containers\":[{\"name\":\"b\",\"image\":\"i\"}]}}",
      POD("[{\"name\":\"b\",\"image\":\"i\"},{\"name\":\"a\"}]") },
    { POD("[{\"name\":\"a\"}]"), POD("[{\"image\":\"x\"}]"), NULL },
    { POD("[{\"name\":\"a\"}]"), POD("[{\"name\":\"a\",\"$patch\":\"frob\"}]"), NULL },
    { "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
      "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}", "{\"metadata\":{\"finalizers\":[\"b\"]}}" },
    { "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}",
      "{\"metadata\":{\"labels\":{\"$patch\":\"replace\",\"c\":\"3\"}}}", "{\"metadata\":{\"labels\":{\"c\":\"3\"}}}" },
    { "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}", "{\"metadata\":{\"labels\":{\"a\":null}}}",
      "{\"metadata\":{\"labels\":{\"b\":\"2\"}}}" },
    { "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
      "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"hostPath\"],\"hostPath\":{\"path\":\"/"
      "x\"}}]}}",
      "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/x\"}}]}}" },
  };
  const struct kind *pod = kind_find("", "v1", "Pod");
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *got = NULL;
    int r = patch_strategic(a, pod->type, test_parse(a, rows[i].doc), test_parse(a, rows[i].patch), &got, &err);

    assert_int_equal(r < 0, rows[i].want == NULL);
    if (rows[i].want)
      assert_string_equal(json_text(a, got, JSON_COMPACT), rows[i].want);
  }
}

/* -- field sets -- */

static void
field_sets(void **state)
{
  static const char *const x =
      "{\"f:a\":{},\"f:b\":{\".\":{},\"f:c\":{}},\"f:d\":{\"k:{\\\"n\\\":\\\"1\\\"}\":{\"f:e\":{}}}}";
  static const char *const y = "{\"f:b\":{\"f:c\":{}},\"f:z\":{}}";
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct field_set *sx = field_set_from_json(a, test_parse(a, x)), *sy = field_set_from_json(a, test_parse(a, y));

  (void)state;
#define TEXT(s) json_text(a, field_set_to_json(a, (s)), JSON_COMPACT)
  assert_string_equal(TEXT(sx), x);
  assert_string_equal(TEXT(field_set_minus(a, sx, sy)),
                      "{\"f:a\":{},\"f:b\":{},\"f:d\":{\"k:{\\\"n\\\":\\\"1\\\"}\":{\"f:e\":{}}}}");
  assert_string_equal(TEXT(field_set_both(a, sx, sy)), "{\"f:b\":{\"f:c\":{}}}");
  assert_string_equal(
      TEXT(field_set_union(a, sy, sx)),
      "{\"f:a\":{},\"f:b\":{\".\":{},\"f:c\":{}},\"f:d\":{\"k:{\\\"n\\\":\\\"1\\\"}\":{\"f:e\":{}}},\"f:z\":{}}");
  assert_true(field_set_empty(field_set_minus(a, sx, sx)));
  assert_true(field_set_equal(sx, field_set_from_json(a, test_parse(a, x))));
  assert_false(field_set_equal(sx, sy));
}

/* -- apply -- */

static struct reply
apply(struct fixture *f, int status, const char *manager, const char *more, const char *data)
{
  return must(f, status, "PATCH", arena_printf(f->arena, CM "/ssa?fieldManager=%s%s", manager, more),
              arena_printf(f->arena,
                           "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"ssa\"},\"data\":%s}",
                           data),
              APPLY);
}

static void
apply_owns_merges_and_gives_up(void **state)
{
  struct fixture *f = *state;
  struct reply r = apply(f, 201, "alice", "", "{\"a\":\"1\",\"b\":\"1\"}");
  const char *revision = at(f, &r, "/metadata/resourceVersion");

  assert_string_equal(at(f, &r, "/metadata/managedFields/0/operation"), "Apply");
  assert_string_equal(at(f, &r, "/metadata/managedFields/0/fieldsV1"), "{\"f:data\":{\"f:a\":{},\"f:b\":{}}}");
  r = apply(f, 200, "alice", "", "{\"a\":\"1\",\"b\":\"1\"}");
  assert_string_equal(at(f, &r, "/metadata/resourceVersion"), revision); /* nothing new: nothing written */
  r = apply(f, 409, "bob", "", "{\"a\":\"2\"}");
  assert_string_equal(at(f, &r, "/message"), "Apply failed with 1 conflict: conflict with \"alice\": .data.a");
  assert_string_equal(
      at(f, &r, "/details/causes/0"),
      "{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with \\\"alice\\\"\",\"field\":\".data.a\"}");
  r = apply(f, 200, "bob", "&force=true", "{\"a\":\"2\",\"c\":\"2\"}");
  assert_string_equal(at(f, &r, "/data"), "{\"a\":\"2\",\"b\":\"1\",\"c\":\"2\"}");
  assert_string_equal(at(f, &r, "/metadata/managedFields/0/fieldsV1"), "{\"f:data\":{\"f:b\":{}}}");
  r = apply(f, 200, "bob", "", "{\"a\":\"2\"}"); /* c is given up, and nobody else holds it */
  assert_string_equal(at(f, &r, "/data"), "{\"a\":\"2\",\"b\":\"1\"}");
  r = apply(f, 409, "carol", "", "{\"a\":\"x\",\"b\":\"x\"}");
  assert_string_equal(
      at(f, &r, "/message"),
      "Apply failed with 2 conflicts: conflicts with \"alice\":\n- .data.b\nconflicts with \"bob\":\n- .data.a");
}

/* As a kube-apiserver 1.37.2 answered; `message` is what its message ends with. */
static void
patches_are_refused(void **state)
{
#define JSON_PATCH "content-type: application/json-patch+json\n"
#define STRATEGIC  "content-type: application/strategic-merge-patch+json\n"
#define MERGE      "content-type: application/merge-patch+json\n"
  static const struct {
    const char *type, *body;
    int status;
    const char *message;
  } rows[] = {
    { STRATEGIC, "{\"metadata\":{\"finalizers\":[1]}}", 500, "list element types are not identical: [[a.b/c] [1]]" },
    { STRATEGIC, "{\"metadata\":{\"ownerReferences\":[{\"name\":\"x\"}]}}", 500,
      "map: map[name:x] does not contain declared merge key: uid" },
    { STRATEGIC, "{\"metadata\":{\"$patch\":\"x\"}}", 500, "unknown patch type: x in map: map[$patch:x]" },
    { STRATEGIC, "{\"metadata\":{\"$setElementOrder/finalizers\":\"x\"}}", 500,
      "expected a []interface {}, but received a string" },
    { STRATEGIC, "{\"metadata\":{\"$setElementOrder/finalizers\":[\"y/z\"],\"finalizers\":[\"x/y\"]}}", 500,
      "The order in patch list:\n[x/y]\n doesn't match $setElementOrder list:\n[y/z]\n" },
    { STRATEGIC, "{\"data\":{\"$retainKeys\":\"a\"}}", 400, "invalid patch format of retainKeys" },
    { STRATEGIC, "{\"data\":{\"a\":1}}", 422, "\"map[data:map[a:1]]\": cannot convert int64 to string" },
    { STRATEGIC, "{\"data\":{\"a\":[]}}", 422, "\"map[data:map[a:[]]]\": unrecognized type: string" },
    { STRATEGIC, "{\"data\":\"a\"}", 422, "\"map[data:a]\": cannot restore map from string" },
    { STRATEGIC, "{\"metadata\":[]}", 422, "\"map[metadata:[]]\": cannot restore struct from: slice" },
    { STRATEGIC, "{\"immutable\":1}", 422, "\"map[immutable:1]\": unrecognized type: bool" },
    { MERGE, "[1]", 400,
      "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}" },
    { JSON_PATCH, "{}", 400,
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp" },
    { JSON_PATCH, "[\"x\"]", 400,
      "error decoding patch: json: cannot unmarshal string into Go value of type handlers.jsonPatchOp" },
    { JSON_PATCH, "[{\"op\":\"add\",\"path\":\"\",\"value\":{}}]", 422,
      "the server rejected our request due to an error in our request" },
    { APPLY, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"r\"},\"data\":{\"a\":{\"b\":1}}}",
      500, ".data.a: expected string, got &value.valueUnstructured{Value:map[string]interface {}{\"b\":1}}" },
    { APPLY, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"r\",\"finalizers\":[{\"a\":1}]}}",
      500, ".metadata.finalizers: element 0: associative list without keys has an element that's a map type" },
    { APPLY,
      "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"r\",\"ownerReferences\":[{\"uid\":\"u\"},"
      "{\"uid\":\"u\"}]}}",
      500, ".metadata.ownerReferences: duplicate entries for key [uid=\"u\"]" },
    { APPLY, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"r\",\"creationTimestamp\":[]}}",
      500, ".metadata.creationTimestamp: expected any scalar, got &{[]}" },
  };
  struct fixture *f = *state;

  (void)must(f, 201, "POST", CM,
             "{\"metadata\":{\"name\":\"r\",\"finalizers\":[\"a.b/c\"],\"ownerReferences\":[{\"apiVersion\":\"v1\","
             "\"kind\":\"Node\",\"name\":\"n\",\"uid\":\"u\"}]},\"data\":{\"d\":\"e\"}}",
             NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = must(f, rows[i].status, "PATCH", CM "/r?fieldManager=m", rows[i].body, rows[i].type);
    const char *message = at(f, &r, "/message");
    size_t n = strlen(message), end = strlen(rows[i].message);

    assert_true(n >= end);
    assert_string_equal(message + n - end, rows[i].message);
  }
}

/* A strategic merge patch tells unknown members sorted, without keys of maps in their paths. */
static void
unknown_members_of_strategic_patches(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"um\"}}", NULL);

  r = must(f, 422, "PATCH", CM "/um?fieldValidation=Strict", "{\"zz\":1,\"metadata\":{\"yy\":1},\"aa\":1}", STRATEGIC);
  assert_non_null(strstr(at(f, &r, "/message"), "strict decoding error: unknown field \"aa\", unknown field "
                                                "\"metadata.yy\", unknown field \"zz\""));
}

static void
apply_refuses(void **state)
{
  static const struct {
    const char *query, *body;
    int status;
    const char *message;
  } rows[] = {
    { "", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}}", 422,
      "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch" },
    { "?fieldManager=m", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"x\"}}", 400,
      "invalid object type: /v1, Kind=Secret" },
    { "?fieldManager=m", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"y\"}}", 400,
      "the name of the object (y) does not match the name on the URL (x)" },
    { "?fieldManager=m", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"},\"bogus\":1}",
      500, "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .bogus: field not declared in schema" },
    { "?fieldManager=m", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"},\"data\":[]}",
      500, "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .data: expected map, got &{[]}" },
    { "?fieldManager=m",
      "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\",\"managedFields\":[]}}", 400,
      "metadata.managedFields must be nil" },
    { "?fieldManager=m&fieldValidation=Strict",
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  k: v\n  k: w\n  l: v\n  l: w\n", 400,
      "error strict decoding patch: error converting YAML to JSON: yaml: unmarshal errors:\n"
      "  line 7: key \"k\" already set in map\n  line 9: key \"l\" already set in map" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct reply r =
        must(f, rows[i].status, "PATCH", arena_printf(f->arena, CM "/x%s", rows[i].query), rows[i].body, APPLY);

    assert_string_equal(at(f, &r, "/message"), rows[i].message);
  }
}

/* The published default of a key that always is there is its zero value: validation refuses that, not the merge. */
static void
keys_that_are_left_out_have_defaults(void **state)
{
  struct fixture *f = *state;
  struct reply r =
      must(f, 422, "PATCH", "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/x?fieldManager=m",
           "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"ResourceClaim\",\"metadata\":{\"name\":\"x\","
           "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\"}]}}",
           APPLY);

  assert_string_equal(at(f, &r, "/details/causes/0/field"), "metadata.ownerReferences[0].uid");
}

static void
updates_take_fields_over(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", CM "?fieldManager=maker",
             "{\"metadata\":{\"name\":\"own\"},\"data\":{\"a\":\"1\",\"b\":\"1\"}}", NULL);
  r = must(f, 200, "PATCH", CM "/own?fieldManager=other", "{\"data\":{\"a\":\"2\"}}",
           "content-type: application/merge-patch+json\n");
  assert_string_equal(at(f, &r, "/metadata/managedFields/0/fieldsV1"), "{\"f:data\":{\".\":{},\"f:b\":{}}}");
  assert_string_equal(at(f, &r, "/metadata/managedFields/1/manager"), "other");
  assert_string_equal(at(f, &r, "/metadata/managedFields/1/fieldsV1"), "{\"f:data\":{\"f:a\":{}}}");
}

static void
values_are_merged_by_their_keys(void **state)
{
  const struct kind *pod = kind_find("", "v1", "Pod");
  struct typed_ref root = typed_root(pod);
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *live = test_parse(a, POD("[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"1\"}]"));
  struct json *config = test_parse(a, POD("[{\"name\":\"c\",\"image\":\"3\"},{\"name\":\"b\",\"image\":\"2\"}]"));
  struct json *merged = typed_merge(a, root, live, config);
  struct typed_change change;

  (void)state;
  assert_string_equal(
      json_text(a, merged, JSON_COMPACT),
      POD("[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"c\",\"image\":\"3\"},{\"name\":\"b\",\"image\":\"2\"}]"));
  typed_compare(a, root, live, merged, &change);
  assert_string_equal(TEXT(change.modified),
                      "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"b\\\"}\":{\"f:image\":{}}}}}");
  assert_string_equal(
      TEXT(change.added),
      "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":{}}}}}");
  assert_true(field_set_empty(change.removed));
  merged = typed_remove(a, root, merged, change.added);
  assert_string_equal(json_text(a, merged, JSON_COMPACT),
                      POD("[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"2\"}]"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(json_patches),
    cmocka_unit_test(json_patch_copies_are_bounded),
    cmocka_unit_test(merge_patches),
    cmocka_unit_test(strategic_patches),
    cmocka_unit_test(field_sets),
    cmocka_unit_test(values_are_merged_by_their_keys),
    cmocka_unit_test(apply_owns_merges_and_gives_up),
    cmocka_unit_test(apply_refuses),
    cmocka_unit_test(keys_that_are_left_out_have_defaults),
    cmocka_unit_test(patches_are_refused),
    cmocka_unit_test(unknown_members_of_strategic_patches),
    cmocka_unit_test(updates_take_fields_over),
  };

  return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
