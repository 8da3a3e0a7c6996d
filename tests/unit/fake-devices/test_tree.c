/* The tree as a whole: made from profiles, read back, edited by hand, packed into slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "device_verbs.h"
#include "fs.h"
#include "object.h"
#include "slices.h"

struct fixture {
  char dir[64];
  struct arena *a;
  struct device_tree_node node;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);

  (void)snprintf(f->dir, sizeof f->dir, "/tmp/dralab-tree-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  f->a = arena_new(CEIL_ARENA_REQUEST);
  f->node = (struct device_tree_node){ .cluster = "c", .node = "node-0", .dir = f->dir };
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(fs_remove_tree(f->dir, &err), 0);
  arena_free(f->a);
  free(f);
  return 0;
}

static void
make(struct fixture *f, const char *spec)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct profile_count *list;
  size_t n;

  if (profile_spec_parse(f->a, spec, &list, &n, &err) < 0 || device_tree_create(&f->node, list, n, &err) < 0)
    fail_msg("%s", err.msg);
}

static struct device_tree
read_tree(struct fixture *f)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct device_tree t;

  if (device_tree_read(f->a, f->dir, &t, &err) < 0)
    fail_msg("%s", err.msg);
  return t;
}

static void
edit(struct fixture *f, const char *rel, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (fs_write(arena_printf(f->a, "%s/%s", f->dir, rel), span_of(text), 0644, false, &err) < 0)
    fail_msg("%s", err.msg);
}

static const struct json *
attribute(const struct json *device, const char *name, const char *type)
{
  return json_get(json_get(json_get(device, "attributes"), name), type);
}

static void
test_gpu_tree(void **state)
{
  struct fixture *f = *state;

  make(f, "gpu:4");
  struct device_tree t = read_tree(f);
  assert_int_equal(t.n_problems, 0);
  assert_int_equal(t.n_devices, 4);
  const struct tree_device *d = device_tree_find(&t, "gpu.dralab.dev", "gpu-2");
  assert_non_null(d);
  assert_string_equal(json_str(attribute(d->device, "resource.kubernetes.io/pcieRoot", "string")), "pci0000:30");
  assert_string_equal(json_str(attribute(d->device, "resource.kubernetes.io/pciBusID", "string")), "0000:31:00.0");
  assert_int_equal(json_int_or(attribute(d->device, "resource.kubernetes.io/numaNode", "int"), -1), 1);
  assert_int_equal(json_int_or(attribute(d->device, "index", "int"), -1), 2);
  assert_string_equal(json_str(attribute(d->device, "driverVersion", "version")), "570.86.15");
  assert_string_equal(json_get_str(json_dig(d->device, "capacity", "memory", NULL), "value"), "40Gi");
  /* As Linux has it: found over the bus link, which ends in the address. */
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  strbuf_init(&b, KiB);
  assert_int_equal(fs_read(arena_printf(f->a, "%s/sys/bus/pci/devices/0000:31:00.0/vendor", f->dir), &b, &err), 0);
  assert_string_equal(b.p, "0x10de\n");
  char link[256] = "";
  assert_true(readlink(arena_printf(f->a, "%s/sys/bus/pci/devices/0000:31:00.0", f->dir), link, sizeof link - 1) > 0);
  assert_string_equal(link, "../../../devices/pci0000:30/0000:30:01.0/0000:31:00.0");
  assert_true(fs_exists(arena_printf(f->a, "%s/sys/class/drm/card2/device/numa_node", f->dir)));
  assert_true(fs_exists(arena_printf(f->a, "%s/sys/bus/pci/drivers/nvidia/0000:31:00.0/class", f->dir)));
  assert_true(fs_exists(arena_printf(f->a, "%s/dev/nvidia2", f->dir)));
  assert_int_equal(d->n_dev_nodes, 4);
}

/* The same names give the same identities; other names, others. */
static void
test_deterministic(void **state)
{
  struct fixture *f = *state;
  struct fixture other = *f;

  make(f, "gpu:1");
  struct device_tree t = read_tree(f);
  const char *uuid = json_str(attribute(t.devices[0].device, "uuid", "string"));
  assert_non_null(uuid);

  (void)snprintf(other.dir, sizeof other.dir, "%.40s/other", f->dir);
  assert_int_equal(mkdir(other.dir, 0755), 0);
  other.node.dir = other.dir;
  make(&other, "gpu:1");
  struct device_tree same = read_tree(&other);
  assert_string_equal(uuid, json_str(attribute(same.devices[0].device, "uuid", "string")));

  (void)snprintf(other.dir, sizeof other.dir, "%.40s/third", f->dir);
  assert_int_equal(mkdir(other.dir, 0755), 0);
  other.node = (struct device_tree_node){ .cluster = "c", .node = "node-1", .dir = other.dir };
  make(&other, "gpu:1");
  struct device_tree differs = read_tree(&other);
  assert_string_not_equal(uuid, json_str(attribute(differs.devices[0].device, "uuid", "string")));
}

static void
test_all_profiles_together(void **state)
{
  struct fixture *f = *state;

  make(f, "gpu:8,h100-mig:2,nic:2,cpu:2,cats:9");
  struct device_tree t = read_tree(f);
  for (size_t i = 0; i < t.n_problems; i++)
    print_error("%s: %s\n", t.problems[i].path, t.problems[i].text);
  assert_int_equal(t.n_problems, 0);
  assert_int_equal(t.n_devices, 8 + 2 * (1 + 7 + 2) + 2 + 2 + 9);
  /* nic-0 and gpu-0 share a root. */
  const struct tree_device *nic = device_tree_find(&t, NULL, "nic-0");
  const struct tree_device *cat = device_tree_find(&t, NULL, "felix");
  assert_string_equal(json_str(attribute(nic->device, "resource.kubernetes.io/pcieRoot", "string")), "pci0000:10");
  assert_true(json_get_bool(nic->device, "allowMultipleAllocations", false));
  assert_string_equal(
      json_get_str(json_dig(nic->device, "capacity", "ingressBandwidth", "requestPolicy", "validRange", NULL), "max"),
      "100G");
  assert_string_equal(json_str(attribute(cat->device, "color", "string")), "black");
  assert_non_null(device_tree_find(&t, NULL, "felix-6"));
  const struct tree_device *part = device_tree_find(&t, NULL, "gpu-1-mig-3g-40gb-1");
  assert_string_equal(part->parent, "gpu-1");
  assert_string_equal(json_get_str(json_at(json_get(part->device, "consumesCounters"), 0), "counterSet"),
                      "gpu-1-counters");
}

static void
test_broken_files(void **state)
{
  struct fixture *f = *state;
  const char *dev;

  make(f, "gpu:2");
  struct device_tree t = read_tree(f);
  dev = t.devices[0].path;
  edit(f, arena_printf(f->a, "%s/numa_node", dev), "banana\n");
  edit(f, arena_printf(f->a, "%s/dralab/attributes/int/index", dev), "one\n");
  edit(f, arena_printf(f->a, "%s/dralab/capacity/memory", dev), "forty\n");
  edit(f, arena_printf(f->a, "%s/dralab/attributes/string/productName", dev), "\xff\n");
  edit(f, arena_printf(f->a, "%s/dralab/attributes/version/driverVersion", dev), "1.2\n");
  t = read_tree(f);
  assert_int_equal(t.n_problems, 5);
  assert_int_equal(t.n_devices, 2);
  assert_null(attribute(t.devices[0].device, "resource.kubernetes.io/numaNode", "int"));
  assert_null(attribute(t.devices[0].device, "index", "int"));
  assert_null(json_dig(t.devices[0].device, "capacity", "memory", NULL));
  assert_null(json_get(t.devices[0].device, "taints"));
  assert_non_null(attribute(t.devices[0].device, "uuid", "string"));
  assert_string_equal(t.problems[3].text, "not a number: 'banana'; published without numaNode");

  edit(f, arena_printf(f->a, "%s/vendor", dev), "");
  t = read_tree(f);
  const struct json *taint = json_at(json_get(t.devices[0].device, "taints"), 0);
  assert_string_equal(json_get_str(taint, "key"), "dralab.dev/sysfs");

  edit(f, arena_printf(f->a, "%s/dralab/name", dev), "Not A Label\n");
  t = read_tree(f);
  assert_int_equal(t.n_devices, 1);
}

static void
test_verbs(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *name;
  struct json *list;

  make(f, "gpu:2,cats:2");
  assert_int_equal(device_fail(f->dir, "gpu-1", "NoExecute", "xid-79", &err), 0);
  struct device_tree t = read_tree(f);
  const struct json *taint = json_at(json_get(device_tree_find(&t, NULL, "gpu-1")->device, "taints"), 0);
  assert_string_equal(json_get_str(taint, "key"), "dralab.dev/health");
  assert_string_equal(json_get_str(taint, "value"), "xid-79");
  assert_string_equal(json_get_str(taint, "effect"), "NoExecute");
  assert_int_equal(device_heal(f->dir, "gpu-1", &err), 0);
  t = read_tree(f);
  assert_null(json_get(device_tree_find(&t, NULL, "gpu-1")->device, "taints"));

  assert_int_equal(device_unplug(f->dir, "gpu-0", &err), 0);
  t = read_tree(f);
  assert_null(device_tree_find(&t, NULL, "gpu-0"));
  assert_int_equal(t.n_devices, 3);
  assert_false(fs_exists(arena_printf(f->a, "%s/sys/class/drm/card0", f->dir)));
  char link[256];
  assert_int_equal(readlink(arena_printf(f->a, "%s/sys/bus/pci/devices/0000:11:00.0", f->dir), link, sizeof link), -1);
  assert_int_equal(device_plug(f->a, &f->node, "gpu", "gpu-0", &name, &err), 0);
  assert_string_equal(name, "gpu-0");
  assert_int_equal(device_plug(f->a, &f->node, "gpu", NULL, &name, &err), 0);
  assert_string_equal(name, "gpu-2");
  assert_int_equal(device_plug(f->a, &f->node, "cats", NULL, &name, &err), 0);
  assert_string_equal(name, "bagheera");
  t = read_tree(f);
  assert_int_equal(t.n_devices, 6);
  assert_int_equal(t.n_problems, 0);

  assert_int_equal(device_set(f->dir, "gpu-0", "memory=80Gi", &err), 0);
  assert_int_equal(device_set(f->dir, "gpu-0", "numa_node=1", &err), 0);
  assert_int_equal(device_set(f->dir, "gpu-0", "int:slots=4", &err), 0);
  assert_int_equal(device_set(f->dir, "gpu-0", "brand=", &err), 0);
  t = read_tree(f);
  const struct json *d = device_tree_find(&t, NULL, "gpu-0")->device;
  assert_string_equal(json_get_str(json_dig(d, "capacity", "memory", NULL), "value"), "80Gi");
  assert_int_equal(json_int_or(attribute(d, "slots", "int"), -1), 4);
  assert_int_equal(json_int_or(attribute(d, "resource.kubernetes.io/numaNode", "int"), -1), 1);
  assert_null(attribute(d, "brand", "string"));
  assert_int_equal(device_list(f->a, f->dir, &list, &err), 0);
  assert_int_equal(json_count(list), 6);

  assert_true(device_fail(f->dir, "gpu-9", NULL, NULL, &err) < 0);
  assert_int_equal(err.code, KERR_NOT_FOUND);
  assert_string_equal(err.msg, "no device 'gpu-9' on this node (it has: gpu-0, gpu-1, gpu-2, bagheera, felix, salem)");
}

/* -- slices -- */

static const struct slices_owner gpu_owner = { .node = "node-0", .node_uid = "u", .driver = "gpu.dralab.dev" };

/* What the API server would store: the writes with names and generation as given. */
static size_t
stored(struct fixture *f, const struct slices_plan *plan, const struct json **out)
{
  size_t n = 0;

  for (size_t i = 0; i < plan->n; i++) {
    if (plan->writes[i].verb == SLICE_DELETE)
      continue;
    struct json *o = json_copy(f->a, plan->writes[i].object);
    json_set(f->a, json_find(o, "metadata"), "name", json_new_strf(f->a, "s%zu", i));
    out[n++] = o;
  }
  return n;
}

static void
test_slices_are_adopted(void **state)
{
  struct fixture *f = *state;
  const struct json *have[8];
  struct slices_plan plan;

  make(f, "gpu:2");
  struct device_tree t = read_tree(f);
  slices_plan(f->a, &gpu_owner, slices_specs(f->a, &gpu_owner, &t), NULL, 0, &plan);
  assert_int_equal(plan.n, 1);
  assert_int_equal(plan.writes[0].verb, SLICE_CREATE);
  assert_int_equal(plan.generation, 1);
  size_t n = stored(f, &plan, have);

  slices_plan(f->a, &gpu_owner, slices_specs(f->a, &gpu_owner, &t), have, n, &plan);
  assert_int_equal(plan.n, 0);

  edit(f, arena_printf(f->a, "%s/dralab/health", t.devices[0].path), "failed\n");
  t = read_tree(f);
  slices_plan(f->a, &gpu_owner, slices_specs(f->a, &gpu_owner, &t), have, n, &plan);
  assert_int_equal(plan.n, 1);
  assert_int_equal(plan.writes[0].verb, SLICE_UPDATE);
  assert_int_equal(plan.generation, 2);
  assert_string_equal(object_name(plan.writes[0].object), "s0");

  /* The server's timeAdded is no change. */
  n = stored(f, &plan, have);
  struct json *o = json_copy(f->a, have[0]);
  json_set_str(f->a, json_item(json_find(json_item(json_find(json_find(o, "spec"), "devices"), 0), "taints"), 0),
               "timeAdded", "2026-01-01T00:00:00Z");
  have[0] = o;
  slices_plan(f->a, &gpu_owner, slices_specs(f->a, &gpu_owner, &t), have, n, &plan);
  assert_int_equal(plan.n, 0);
}

static void
test_slices_are_packed(void **state)
{
  struct fixture *f = *state;

  make(f, "gpu:200,h100-mig:10");
  struct device_tree t = read_tree(f);
  struct json *specs = slices_specs(f->a, &gpu_owner, &t);
  assert_int_equal(json_count(specs), 2);
  assert_int_equal(json_count(json_get(json_at(specs, 0), "devices")), 128);
  assert_int_equal(json_get_int(json_get(json_at(specs, 1), "pool"), "resourceSliceCount", 0), 2);

  edit(f, arena_printf(f->a, "%s/dralab/health", t.devices[100].path), "failed\n");
  t = read_tree(f);
  specs = slices_specs(f->a, &gpu_owner, &t);
  for (size_t i = 0; i < json_count(specs); i++) {
    bool special = false;
    for (json_each_item (p, json_get(json_at(specs, i), "devices")))
      special = special || json_get(*p, "taints");
    assert_true(json_count(json_get(json_at(specs, i), "devices")) <= (special ? 64 : 128));
  }
  /* 10 counter sets: two slices; 100 devices with counters: two. */
  struct slices_owner mig = { .node = "node-0", .node_uid = "u", .driver = "mig.dralab.dev" };
  specs = slices_specs(f->a, &mig, &t);
  assert_int_equal(json_count(specs), 4);
  assert_int_equal(json_count(json_get(json_at(specs, 0), "sharedCounters")), 8);
  assert_int_equal(json_count(json_get(json_at(specs, 2), "devices")), 64);
}

static void
test_slices_shrink(void **state)
{
  struct fixture *f = *state;
  const struct json *have[8];
  struct slices_plan plan;

  make(f, "gpu:129");
  struct device_tree t = read_tree(f);
  slices_plan(f->a, &gpu_owner, slices_specs(f->a, &gpu_owner, &t), NULL, 0, &plan);
  size_t n = stored(f, &plan, have);
  assert_int_equal(n, 2);
  t.n_devices = 1;
  slices_plan(f->a, &gpu_owner, slices_specs(f->a, &gpu_owner, &t), have, n, &plan);
  assert_int_equal(plan.n, 2);
  assert_int_equal(plan.writes[0].verb, SLICE_UPDATE);
  assert_int_equal(plan.writes[1].verb, SLICE_DELETE);
  t.n_devices = 0;
  struct json *specs = slices_specs(f->a, &gpu_owner, &t);
  assert_int_equal(json_count(specs), 1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    T(test_gpu_tree), T(test_deterministic),      T(test_all_profiles_together), T(test_broken_files),
    T(test_verbs),    T(test_slices_are_adopted), T(test_slices_are_packed),     T(test_slices_shrink),
#undef T
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
