#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cdi.h"
#include "ceilings.h"
#include "image_store.h"
#include "sandbox_plan.h"

#define DEVICE(edits) \
  "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/gpu\",\"devices\":[{\"name\":\"0\",\"containerEdits\":" edits "}]}"

static void
test_rules(void **state)
{
  static const struct {
    const char *text, *message; /* NULL: fine */
  } cases[] = {
    { DEVICE("{\"env\":[\"A=1\"]}"), NULL },
    { DEVICE("{}"), "f: devices[0].containerEdits: invalid device, empty device edits" },
    { DEVICE("{\"env\":[\"=1\"]}"), "f: devices[0].containerEdits.env[0]: must be of the form NAME=value" },
    { DEVICE("{\"envs\":[\"A=1\"]}"), "f: devices[0].containerEdits.envs: unknown field" },
    { DEVICE("{\"deviceNodes\":[{\"path\":\"\"}]}"), "f: devices[0].containerEdits.deviceNodes[0].path: is required" },
    { DEVICE("{\"deviceNodes\":[{\"path\":\"/dev/x\",\"type\":\"q\"}]}"),
      "f: devices[0].containerEdits.deviceNodes[0].type: must be one of b, c, u, p" },
    { DEVICE("{\"deviceNodes\":[{\"path\":\"/dev/x\",\"permissions\":\"rx\"}]}"),
      "f: devices[0].containerEdits.deviceNodes[0].permissions: may hold only r, w and m" },
    { DEVICE("{\"mounts\":[{\"hostPath\":\"/a\"}]}"),
      "f: devices[0].containerEdits.mounts[0].containerPath: is required" },
    { DEVICE("{\"hooks\":[{\"hookName\":\"never\",\"path\":\"/x\"}]}"),
      "f: devices[0].containerEdits.hooks[0].hookName: is no name of a hook" },
    { "{\"cdiVersion\":\"9\",\"kind\":\"v.com/gpu\",\"devices\":[]}",
      "f: cdiVersion: is no known version of the specification" },
    { "{\"cdiVersion\":\"0.6.0\",\"kind\":\"gpu\",\"devices\":[]}", "f: kind: must be of the form vendor/class" },
    { "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/gpu\",\"devices\":[]}", "f: devices: must have at least one device" },
    { "[]", "f: document: must be an object" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *doc;
    int r = cdi_parse(a, span_of(cases[i].text), "f", &doc, &err);

    if (!cases[i].message) {
      assert_int_equal(r, 0);
      continue;
    }
    assert_true(r < 0);
    assert_string_equal(err.msg, cases[i].message);
  }
}

static void
test_merge(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  static const char *const texts[] = {
    "{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.com/"
    "gpu\",\"containerEdits\":{\"env\":[\"A=common\",\"B=common\"]},\"devices\":["
    "{\"name\":\"0\",\"containerEdits\":{\"env\":[\"A=zero\"],\"mounts\":[{\"hostPath\":\"/h\",\"containerPath\":\"/x/"
    "y\"}]}},"
    "{\"name\":\"1\",\"containerEdits\":{\"env\":[\"A=one\"],\"mounts\":[{\"hostPath\":\"/h\",\"containerPath\":\"/"
    "x\"}],\"additionalGids\":[0,7]}}]}",
    DEVICE("{\"env\":[\"A=1\"]}"),
  };
  struct cdi_spec specs[2];
  struct cdi_registry reg = { .specs = specs, .n = 1 };
  const char *const ids[] = { "v.com/gpu=0", "v.com/gpu=1", "v.com/gpu=0" }, *const bad[] = { "v.com/gpu=9",
                                                                                              "v.com/gpu=0",
                                                                                              "w.com/x=1" };
  struct json *edits;

  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct json *doc;
    assert_int_equal(cdi_parse(a, span_of(texts[i]), "f", &doc, &err), 0);
    specs[i] = (struct cdi_spec){ .path = "f", .kind = "v.com/gpu", .doc = doc };
  }
  assert_int_equal(cdi_merge(a, &reg, ids, 3, &edits, &err), 0);
  assert_string_equal(json_text(a, json_get(edits, "env"), JSON_COMPACT), "[\"B=common\",\"A=one\"]");
  assert_string_equal(json_get_str(json_at(json_get(edits, "mounts"), 0), "containerPath"),
                      "/x"); /* shallow ones first */
  assert_string_equal(json_text(a, json_get(edits, "additionalGids"), JSON_COMPACT), "[7]");
  assert_true(cdi_merge(a, &reg, bad, 3, &edits, &err) < 0);
  assert_string_equal(err.msg, "unresolvable CDI devices v.com/gpu=9, w.com/x=1");
  /* Two files of equal rank that have the device: neither is believed. */
  _cleanup_kerr_ struct kerr twice = KERR_INIT;
  reg.n = 2;
  assert_true(cdi_merge(a, &reg, ids, 1, &edits, &twice) < 0);
}

static void
test_image_names(void **state)
{
  static const struct {
    const char *text, *name;
  } cases[] = {
    { "ubuntu:22.04", "docker.io/library/ubuntu:22.04" },
    { "library/ubuntu:22.04", "docker.io/library/ubuntu:22.04" },
    { "docker.io/library/ubuntu:22.04", "docker.io/library/ubuntu:22.04" },
    { "busybox", "docker.io/library/busybox:latest" },
    { "registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10" },
    { "localhost:5000/x", "localhost:5000/x:latest" },
    { "Ubuntu", NULL },
    { "", NULL },
    { "a b", NULL },
    { "x:", NULL },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    char *name = NULL;
    int r = image_name_normalize(a, cases[i].text, &name, &err);

    assert_int_equal(r == 0, cases[i].name != NULL);
    if (cases[i].name)
      assert_string_equal(name, cases[i].name);
  }
}

static void
test_expand(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *env = json_new_array(a);

  (void)state;
  json_append_str(a, env, "A=1");
  json_append_str(a, env, "AB=2");
  assert_string_equal(sandbox_expand(a, "$(A) $(AB) $(C) $$(A) $A $", env), "1 2 $(C) $(A) $A $");
}

int
main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_merge),
                                      cmocka_unit_test(test_image_names), cmocka_unit_test(test_expand) };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
