/*
 * JSON and protobuf against objects that upstream's own encoders wrote: tests/data/apiserver-lite/codec/, and all of
 * vectors/codec where they are at hand.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "codec.h"
#include "fs.h"
#include "kind.h"
#include "kind_batch.h"
#include "kind_type.h"

/* -- recorded objects, both ways -- */

static const char *
line_without(struct arena *a, const struct json *line, const char *name)
{
  struct json *copy = json_shallow(a, line);
  (void)json_remove(copy, name);
  return json_text(a, copy, JSON_COMPACT);
}

static struct json *
converted(struct arena *a, const char *line)
{
  _cleanup_strbuf_ struct strbuf out;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *answer;
  strbuf_init(&out, 64 * MiB);
  kind_batch_convert_line(a, span_of(line), &out);
  if (json_parse(a, strbuf_view(&out), NULL, &answer, &err) < 0)
    fail_msg("the answer is not JSON: %s", err.msg);
  return answer;
}

static bool
matches_both_ways(const char *file, size_t number, struct span text)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *line;
  bool ok = true;
  if (json_parse(a, text, NULL, &line, &err) < 0)
    fail_msg("%s:%zu: %s", file, number, err.msg);
  const struct json *proto = converted(a, line_without(a, line, "protobufBase64"));
  const struct json *json = converted(a, line_without(a, line, "json"));
  if (!json_equal(json_get(proto, "protobufBase64"), json_get(line, "protobufBase64"))) {
    print_error("%s:%zu: %s: JSON to protobuf differs %s\n", file, number, json_get_str(line, "kind"),
                json_get_str_or(proto, "error", ""));
    ok = false;
  }
  if (!json_equal(json_get(json, "json"), json_get(line, "json"))) {
    print_error("%s:%zu: %s: protobuf to JSON differs %s\n", file, number, json_get_str(line, "kind"),
                json_get_str_or(json, "error", ""));
    ok = false;
  }
  return ok;
}

static void
check_file(const char *path, size_t *total, size_t *good)
{
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  strbuf_init(&b, 64 * MiB);
  if (fs_read(path, &b, &err) < 0)
    fail_msg("%s", err.msg);
  size_t number = 0;
  for (struct span rest = strbuf_view(&b); rest.p;) {
    struct span line = span_cut(rest, '\n', &rest);
    number++;
    if (!line.n)
      continue;
    *total += 1;
    *good += matches_both_ways(path, number, line);
  }
}

static void
check_folder(const char *folder)
{
  static const char *const files[] = { "resource.jsonl", "core.jsonl", "other.jsonl" };
  size_t total = 0, good = 0;
  for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
    _cleanup_free_ char *path = mem_printf("%s/%s", folder, files[i]);
    check_file(path, &total, &good);
  }
  print_message("# %s: %zu of %zu match in both directions\n", folder, good, total);
  assert_true(total > 0);
  assert_int_equal(good, total);
}

static void
recorded_objects_match(void **state)
{
  (void)state;
  check_folder("tests/data/apiserver-lite/codec");
}

static void
all_vectors_match(void **state)
{
  (void)state;
  const char *shared = getenv("DRALAB_SHARED");
  _cleanup_free_ char *folder = mem_printf("%s/vectors/codec", shared ? shared : "../shared");
  if (!fs_exists(folder)) {
    print_message("# SKIP %s is missing; set DRALAB_SHARED\n", folder);
    skip();
  }
  check_folder(folder);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(recorded_objects_match),
    cmocka_unit_test(all_vectors_match),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
