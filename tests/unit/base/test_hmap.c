#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hmap.h"
#include "mem.h"

static void
put_get_replace_remove(void **state)
{
  _cleanup_(hmap_freep) struct hmap *m = hmap_new(free);

  (void)state;
  assert_null(hmap_get(m, SPAN("a")));
  hmap_put(m, SPAN("a"), mem_strdup("1"));
  hmap_put(m, SPAN(""), mem_strdup("empty"));
  hmap_put(m, span_make("n\0l", 3), mem_strdup("nul"));
  hmap_put(m, SPAN("a"), mem_strdup("2"));
  assert_int_equal(hmap_count(m), 3);
  assert_string_equal(hmap_get(m, SPAN("a")), "2");
  assert_string_equal(hmap_get(m, SPAN("")), "empty");
  assert_string_equal(hmap_get(m, span_make("n\0l", 3)), "nul");
  assert_null(hmap_get(m, SPAN("n")));
  assert_true(hmap_remove(m, SPAN("a")));
  assert_false(hmap_remove(m, SPAN("a")));
  _cleanup_free_ char *taken = hmap_take(m, SPAN(""));
  assert_string_equal(taken, "empty");
  assert_int_equal(hmap_count(m), 1);
  hmap_clear(m);
  assert_int_equal(hmap_count(m), 0);
  assert_null(hmap_get(m, SPAN("a")));
}

/* Against a plain array, with much insertion and removal, so that gaps close and holes are compacted. */
static void
agrees_with_an_array(void **state)
{
  enum { KEYS = 500, STEPS = 60000 };
  static int values[KEYS];
  bool there[KEYS] = { false };
  _cleanup_(hmap_freep) struct hmap *m = hmap_new(NULL);
  unsigned random = 12345;
  size_t count = 0;

  (void)state;
  for (int step = 0; step < STEPS; step++) {
    char name[16];
    int k;

    random = random * 1664525u + 1013904223u;
    k = (int)(random >> 8) % KEYS;
    snprintf(name, sizeof name, "key-%d", k);
    if (random >> 31) {
      hmap_put(m, span_of(name), &values[k]);
      count += !there[k];
      there[k] = true;
    } else {
      assert_int_equal(hmap_remove(m, span_of(name)), there[k]);
      count -= there[k];
      there[k] = false;
    }
    assert_int_equal(hmap_count(m), count);
  }
  for (int k = 0; k < KEYS; k++) {
    char name[16];

    snprintf(name, sizeof name, "key-%d", k);
    assert_ptr_equal(hmap_get(m, span_of(name)), there[k] ? &values[k] : NULL);
  }
}

static void
iteration_is_in_order_and_survives_removal(void **state)
{
  _cleanup_(hmap_freep) struct hmap *m = hmap_new(NULL);
  char names[100][8], seen[1024] = "";
  size_t cursor = 0;
  struct span key;
  void *value;

  (void)state;
  for (int i = 0; i < 100; i++) {
    snprintf(names[i], sizeof names[i], "%d", i);
    hmap_put(m, span_of(names[i]), names[i]);
  }
  while (hmap_next(m, &cursor, &key, &value)) {
    assert_true(span_is(key, value));
    if (atoi(value) % 10)
      assert_true(hmap_remove(m, key));
  }
  hmap_put(m, SPAN("last"), seen);
  hmap_put(m, SPAN("0"), names[0]); /* replacing keeps the place */
  for (cursor = 0; hmap_next(m, &cursor, &key, NULL);) {
    strncat(seen, key.p, sizeof seen - strlen(seen) - 1);
    strcat(seen, " ");
  }
  assert_string_equal(seen, "0 10 20 30 40 50 60 70 80 90 last ");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(put_get_replace_remove),
    cmocka_unit_test(agrees_with_an_array),
    cmocka_unit_test(iteration_is_in_order_and_survives_removal),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
