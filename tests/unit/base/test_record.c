#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "record.h"

static struct record *
from_text(const char *text, int64_t revision)
{
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;

  assert_int_equal(json_parse(a, span_of(text), NULL, &v, &err), 0);
  return record_from_json(SPAN("/registry/x/y"), revision, v);
}

static void
the_stamp_stands_where_go_puts_it(void **state)
{
  static const struct {
    const char *in, *want;
  } rows[] = {
    { "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\",\"generation\":1}}",
      "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"7\",\"generation\":1}}" },
    { "{\"metadata\":{\"name\":\"a\",\"labels\":{\"uid\":\"no\"}},\"spec\":{\"uid\":1}}",
      "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"labels\":{\"uid\":\"no\"}},\"spec\":{\"uid\":1}}" },
    { "{\"metadata\":{\"labels\":{},\"generation\":1}}",
      "{\"metadata\":{\"labels\":{},\"resourceVersion\":\"7\",\"generation\":1}}" },
    { "{\"kind\":\"K\",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"3\",\"uid\":\"u\"}}",
      "{\"kind\":\"K\",\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\"}}" },
    { "{\"metadata\":{\"name\":\"<&>\"}}",
      "{\"metadata\":{\"name\":\"\\u003c\\u0026\\u003e\",\"resourceVersion\":\"7\"}}" },
    { "{\"metadata\":{}}", "{\"metadata\":{}}" },
    { "{\"spec\":{}}", "{\"spec\":{}}" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_record_ struct record *r = from_text(rows[i].in, 7);
    _cleanup_arena_ struct arena *a = arena_new(1 << 20);
    _cleanup_strbuf_ struct strbuf b;
    const char *rv = json_str(json_dig(record_tree(r), "metadata", "resourceVersion", NULL));

    strbuf_init(&b, 4096);
    record_write(&b, r);
    assert_string_equal(b.p, rows[i].want);
    assert_string_equal(json_text(a, record_tree(r), JSON_HTML), rows[i].want);
    assert_true(record_stamp_at(r) == RECORD_NO_STAMP ? rv == NULL : strcmp(rv, "7") == 0);
    assert_true(span_is(record_key(r), "/registry/x/y"));
  }
}

static void
a_record_that_is_not_stored_has_no_stamp(void **state)
{
  _cleanup_record_ struct record *r = from_text("{\"metadata\":{\"name\":\"a\"}}", 0);
  _cleanup_strbuf_ struct strbuf b;

  (void)state;
  strbuf_init(&b, 4096);
  record_write(&b, r);
  assert_string_equal(b.p, "{\"metadata\":{\"name\":\"a\"}}");
  record_set_revision(r, 12);
  assert_string_equal(json_str(json_dig(record_tree(r), "metadata", "resourceVersion", NULL)), "12");
}

static void *
read_many(void *arg)
{
  struct record *r = arg;

  for (int i = 0; i < 1000; i++) {
    _cleanup_record_ struct record *mine = record_ref(r);

    if (json_count(json_get(record_tree(mine), "list")) != 3)
      return arg;
  }
  return NULL;
}

static void
threads_share_one_tree(void **state)
{
  _cleanup_record_ struct record *r = from_text("{\"metadata\":{\"name\":\"a\"},\"list\":[1,{},null]}", 5);
  pthread_t threads[4];
  void *failed;

  (void)state;
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_many, r), 0);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  assert_ptr_equal(record_tree(r), record_tree(r));
}

static void
a_glance_leaves_no_tree(void **state)
{
  _cleanup_record_ struct record *r = from_text("{\"metadata\":{\"name\":\"a\"},\"list\":[1,{},null]}", 5);
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  size_t before = record_memory(r);
  const struct json *seen = record_glance(r, a);

  (void)state;
  assert_int_equal(record_memory(r), before);
  assert_true(json_equal(seen, record_tree(r)));
  assert_ptr_equal(record_glance(r, a), record_tree(r)); /* now that it is there */
}

static void
packing_keeps_everything(void **state)
{
  static const char *const rows[] = {
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"x\\u0000y\"",
    "-9223372036854775808",
    "1.50",
    "{\"a\":[{},[],null,true,false,1,1.5e3,\"s\",{\"b\":{\"c\":[[[1]]]}}],\"\":\"\"}",
  };
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_free_ struct json *packed = NULL;
    struct json *v;

    assert_int_equal(json_parse(a, span_of(rows[i]), NULL, &v, &err), 0);
    packed = json_pack(v);
    assert_true(json_equal(v, packed));
    assert_string_equal(json_text(a, packed, 0), rows[i]);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_stamp_stands_where_go_puts_it),
    cmocka_unit_test(a_record_that_is_not_stored_has_no_stamp),
    cmocka_unit_test(threads_share_one_tree),
    cmocka_unit_test(a_glance_leaves_no_tree),
    cmocka_unit_test(packing_keeps_everything),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
