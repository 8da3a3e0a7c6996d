#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ceilings.h"
#include "profile.h"

static void
test_builtin_profiles_parse(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const char *name;

  (void)state;
  for (size_t i = 0; (name = profile_builtin(i, NULL)); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct profile *p = NULL;

    if (profile_load(a, name, &p, &err) < 0)
      fail_msg("%s: %s", name, err.msg);
    assert_string_equal(p->name, name);
    assert_true(p->count > 0);
    assert_true(p->n_devices > 0);
    assert_true(json_count(p->device_classes) > 0);
  }
}

static void
test_wrong_profiles(void **state)
{
  static const struct {
    const char *yaml, *field, *message;
  } cases[] = {
    { "name: x\ndriver: d.example\ndevice: {name: a}\nfoo: 1\n", "foo",
      "p: foo: unknown field (known here: name, driver, class, count, place, pci, device, devices, deviceClasses)" },
    { "name: x\ndevice: {name: a}\n", "driver",
      "p: driver: must be a DNS name in lower case of at most 63 characters (\"gpu.example.com\")" },
    { "name: x\ndriver: d.example\n", "devices", "p: devices: exactly one of device and devices is required" },
    { "name: x\ndriver: d.example\ndevice: {}\n", "device.name", "p: device.name: is required" },
    { "name: x\ndriver: d.example\ndevice: {name: [1]}\n", "device.name",
      "p: device.name: must be a string, not array" },
    { "name: x\ndriver: d.example\ndevice: {name: a, capacity: {memory: 4Go}}\n", "device.capacity.memory", NULL },
    { "name: x\ndriver: d.example\ndevice: {name: a, attributes: {m: 3}}\n", "device.attributes.m",
      "p: device.attributes.m: must be a mapping with one of string, int, bool, version" },
    { "name: x\ndriver: d.example\ndevice: {name: a, attributes: {m: {float: 3}}}\n", "device.attributes.m",
      "p: device.attributes.m.float: unknown type of attribute (string, int, bool, version)" },
    { "name: x\ndriver: d.example\ndevice: {name: a, devNodes: [/etc/passwd]}\n", "device.devNodes[0]",
      "p: device.devNodes[0]: must be a path below /dev" },
    { "name: x\ndriver: d.example\npci: {perRoot: 0}\ndevice: {name: a}\n", "pci.perRoot",
      "p: pci.perRoot: must be between 1 and 16" },
    { "name: x\ndriver: d.example\nplace: moon\ndevice: {name: a}\n", "place",
      "p: place: 'moon' is none of pci, numa, virtual" },
    { "name: x\ndriver: d.example\ncount: -1\ndevice: {name: a}\n", "count",
      "p: count: must be a number of at least 0" },
    { "- a\n", NULL, "p: profile: must be a mapping, not array" },
    { "name: x\nname: y\n", NULL, NULL },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct profile *p = NULL;

    assert_true(profile_parse(a, span_of(cases[i].yaml), "p", &p, &err) < 0);
    assert_null(p);
    if (cases[i].field)
      assert_string_equal(err.field, cases[i].field);
    if (cases[i].message)
      assert_string_equal(err.msg, cases[i].message);
  }
}

static void
test_device_specs(void **state)
{
  static const struct {
    const char *spec, *message; /* message NULL: fine */
    size_t n;
    int64_t first_count;
  } cases[] = {
    { "gpu", NULL, 1, 4 },
    { "gpu:2,cats", NULL, 2, 2 },
    { "gpu:0", NULL, 1, 0 },
    { "gpu:x", "devices 'gpu:x': 'x' is no number of devices (0 to 4096)", 0, 0 },
    { "gpu:5000", "devices 'gpu:5000': '5000' is no number of devices (0 to 4096)", 0, 0 },
    { "tpu",
      "devices 'tpu': no device profile 'tpu' (built in: gpu, h100-mig, nic, cpu, cats; or the path of a .yaml file)",
      0, 0 },
    { "", NULL, 0, 0 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct profile_count *list = NULL;
    size_t n = 99;
    int r = profile_spec_parse(a, cases[i].spec, &list, &n, &err);

    if (cases[i].message) {
      assert_true(r < 0);
      assert_string_equal(err.msg, cases[i].message);
      continue;
    }
    assert_int_equal(r, 0);
    assert_int_equal(n, cases[i].n);
    if (n)
      assert_int_equal(list[0].count, cases[i].first_count);
  }
}

static void
test_fill(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  static const char *const pairs[] = { "index", "7", "name", "gpu-7", NULL };

  (void)state;
  assert_string_equal(profile_fill(a, "a{index}b{name}{x}{", pairs), "a7bgpu-7{x}{");
  assert_string_equal(profile_fill(a, "plain", pairs), "plain");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_builtin_profiles_parse),
    cmocka_unit_test(test_wrong_profiles),
    cmocka_unit_test(test_device_specs),
    cmocka_unit_test(test_fill),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
