#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keytree.h"

#define KEYS 600

/* Key number i: three digits, so that their order is the order of numbers. */
static struct span
key(unsigned i, char buf[8])
{
  (void)snprintf(buf, 8, "%03u", i % 1000);
  return span_of(buf);
}

static struct record *
record(unsigned i)
{
  char buf[8];

  return record_new(key(i, buf), 1, SPAN("x"), RECORD_NO_STAMP);
}

/* What the tree must hold, in the simplest form. */
struct model {
  bool has[KEYS];
};

static void
compare(const struct keytree *t, const struct model *m)
{
  struct record *items[KEYS];
  char buf[8];
  size_t n = 0, rank = 0;

  for (unsigned i = 0; i < KEYS; i++)
    n += m->has[i];
  assert_int_equal(keytree_size(t), n);
  if (n)
    keytree_slice(t, 0, n, items);
  for (unsigned i = 0; i < KEYS; i++) {
    assert_int_equal(keytree_rank(t, key(i, buf), false), rank);
    assert_int_equal(keytree_find(t, key(i, buf)) != NULL, m->has[i]);
    if (m->has[i])
      assert_true(span_eq(record_key(items[rank++]), key(i, buf)));
    assert_int_equal(keytree_rank(t, key(i, buf), true), rank);
  }
}

static void
random_changes_against_a_model(void **state)
{
  struct model model = { 0 }, at[8];
  struct keytree *t = NULL, *kept[8] = { 0 };
  unsigned seed = 12345;

  (void)state;
  for (int step = 0; step < 4000; step++) {
    unsigned i, grow;
    struct keytree *next;
    char buf[8];

    seed = seed * 1103515245 + 12345;
    i = (seed >> 8) % KEYS;
    grow = (seed >> 4) % 8 < (step < 2000 ? 5u : 2u);
    if (grow) {
      _cleanup_record_ struct record *r = record(i);

      next = keytree_insert(t, r);
    } else {
      next = keytree_remove(t, key(i, buf));
    }
    model.has[i] = grow;
    keytree_unref(t);
    t = next;
    if (step % 500 == 250) {
      kept[step / 500] = keytree_ref(t);
      at[step / 500] = model;
      compare(t, &model);
    }
  }
  compare(t, &model);
  keytree_unref(t);
  for (int i = 0; i < 8; i++) { /* the past has not changed */
    compare(kept[i], &at[i]);
    keytree_unref(kept[i]);
  }
}

/* Ascending insertions are what a naive tree is worst at: a walk over it would be as deep as it is long. */
static void
ascending_keys_stay_balanced(void **state)
{
  struct record *sorted[KEYS];
  struct model all;
  struct keytree *t = NULL, *built;

  (void)state;
  for (unsigned i = 0; i < KEYS; i++) {
    struct keytree *next;

    all.has[i] = true;
    sorted[i] = record(i);
    next = keytree_insert(t, sorted[i]);
    keytree_unref(t);
    t = next;
  }
  compare(t, &all);
  assert_true(keytree_height(t) <= 20);
  built = keytree_from_sorted(sorted, KEYS);
  compare(built, &all);
  assert_int_equal(keytree_height(built), 10);
  for (unsigned i = 0; i < KEYS; i++)
    record_unref(sorted[i]);
  keytree_unref(t);
  keytree_unref(built);
}

static void
ranges(void **state)
{
  struct model m = { 0 };
  struct keytree *t = NULL;
  struct record *items[3];

  (void)state;
  assert_int_equal(keytree_rank_end(NULL, SPAN("1")), 0);
  for (unsigned i = 95; i < 112; i += 2) { /* 095 097 099 101 ... 111 */
    _cleanup_record_ struct record *r = record(i);
    struct keytree *next = keytree_insert(t, r);

    m.has[i] = true;
    keytree_unref(t);
    t = next;
  }
  compare(t, &m);
  assert_int_equal(keytree_rank(t, SPAN("10"), false), 3);
  assert_int_equal(keytree_rank_end(t, SPAN("10")), 8);
  assert_int_equal(keytree_rank_end(t, SPAN("09")), 3);
  assert_int_equal(keytree_rank_end(t, SPAN("")), 9);
  assert_int_equal(keytree_rank_end(t, SPAN("2")), 9);
  keytree_slice(t, 2, 3, items);
  assert_true(span_is(record_key(items[0]), "099"));
  assert_true(span_is(record_key(items[2]), "103"));
  keytree_unref(t);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(random_changes_against_a_model),
    cmocka_unit_test(ascending_keys_stay_balanced),
    cmocka_unit_test(ranges),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
