/*
 * Every error that was recorded from kube-apiserver (vectors/api of the shared folder), read into a kerr and written
 * again: the same document must come out. Invalid ones are left to the tests of validation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "fs.h"
#include "status.h"

struct tally {
  struct arena *a;
  int seen, bad;
};

static void
check_status(struct tally *t, const struct json *want)
{
  const struct json *details = json_get(want, "details");
  const struct status_subject about = { .group = json_get_str(details, "group"),
                                        .resource = json_get_str(details, "kind"),
                                        .name = json_get_str(details, "name"),
                                        .uid = json_get_str(details, "uid") };
  _cleanup_kerr_ struct kerr err = KERR_INIT, plain = KERR_INIT;
  struct json *got;

  (void)status_to_kerr(want, 0, &err);
  kerr_set(&plain, err.code, NULL, "%s", err.msg); /* a cause's field is the causes' business */
  got = status_from_kerr(t->a, &plain, details ? &about : NULL, (int)json_get_int(details, "retryAfterSeconds", 0));
  if (!json_get(json_get(got, "details"), "causes"))
    for (json_each_item (c, json_get(details, "causes")))
      status_add_cause(t->a, got, json_get_str(*c, "reason"), json_get_str(*c, "message"), json_get_str(*c, "field"));
  t->seen++;
  if (json_equal(got, want))
    return;
  t->bad++;
  fprintf(stderr, "# %s\n# is %s\n", json_text(t->a, want, 0), json_text(t->a, got, 0));
}

/* Statuses stand anywhere in a recording. */
static void
walk(struct tally *t, const struct json *v)
{
  int64_t code = json_get_int(v, "code", 0);

  if (span_is(json_span(json_get(v, "kind")), "Status") && code >= 400 && code != 422)
    check_status(t, v);
  for (json_each_member (m, v))
    walk(t, m->value);
  for (json_each_item (i, v))
    walk(t, *i);
}

static void
recorded_errors(void **state)
{
  const char *shared = getenv("DRALAB_SHARED");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct tally t = { .a = arena_new(CEIL_ARENA_REQUEST) };
  const char *dir = fs_join(t.a, shared ? shared : "../shared", "vectors/api");
  char **names;
  size_t n;

  (void)state;
  if (fs_list(t.a, dir, &names, &n, &err) < 0) {
    printf("# SKIP no %s: set DRALAB_SHARED\n", dir);
    arena_free(t.a);
    skip();
  }
  for (size_t i = 0; i < n; i++) {
    _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_MANIFEST);
    struct json *v;

    if (!span_ends(span_of(names[i]), SPAN(".json")))
      continue;
    if (fs_read(fs_join(t.a, dir, names[i]), &text, &err) < 0 ||
        json_parse(t.a, strbuf_view(&text), NULL, &v, &err) < 0)
      fail_msg("%s: %s", names[i], err.msg);
    walk(&t, v);
  }
  printf("# %d of %d recorded statuses\n", t.seen - t.bad, t.seen);
  arena_free(t.a);
  assert_int_equal(t.bad, 0);
  assert_true(t.seen > 50);
}

int
main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(recorded_errors) };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
