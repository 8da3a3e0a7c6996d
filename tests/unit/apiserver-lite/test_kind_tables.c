/* The tables themselves: what the data files became, and the lookups in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "kind.h"
#include "kind_type.h"
#include "kind_words.h"
#include "strbuf.h"

static void
every_kind_has_a_type_and_can_be_found(void **state)
{
  (void)state;
  assert_true(kind_count >= 222);
  for (size_t i = 0; i < kind_count; i++) {
    const struct kind *k = &kinds[i];
    assert_ptr_equal(kind_find(k->group, k->version, k->kind), k);
    assert_string_equal(kind_type_go(k->type), k->kind);
    assert_string_equal(kind_text(kind_type_find(kind_text(k->type->name))->name), kind_text(k->type->name));
  }
  assert_null(kind_find("", "v1", "Nonesuch"));
  assert_null(kind_find("resource.k8s.io", "v1beta1", "DeviceTaintRule"));
}

static void
slots_are_dense(void **state)
{
  (void)state;
  for (uint32_t i = 0; i < kind_type_count; i++) {
    const struct kind_type *t = &kind_types[i];
    unsigned slot = 0;
    for (kind_each_field(f, t)) {
      assert_int_equal(f->slot, slot);
      slot += f->flags & KIND_F_INLINE ? kind_field_type(f)->slots : 1;
    }
    assert_int_equal(slot, t->slots);
  }
}

static void
fields_are_found_by_name_number_and_path(void **state)
{
  (void)state;
  const struct kind_type *claim = kind_find("resource.k8s.io", "v1", "ResourceClaim")->type;
  const struct kind_field *f = kind_field_at(claim, "spec.devices.requests.exactly.count");
  assert_non_null(f);
  assert_int_equal(f->base, KIND_INT64);
  assert_int_equal(f->number, 4);
  assert_null(kind_field_at(claim, "spec.devices.requests.exactly.count.x"));
  assert_null(kind_field_at(claim, "spec.nonesuch"));

  const struct kind_type *probe = kind_type_find("io.k8s.api.core.v1.Probe");
  uint16_t slot = 0;
  f = kind_field_find(probe, SPAN("tcpSocket"), &slot); /* of the inlined handler, which comes first */
  assert_non_null(f);
  assert_int_equal(slot, f->slot);
  assert_int_equal(kind_field_by_number(probe, 1)->flags & KIND_F_INLINE, KIND_F_INLINE);
  assert_null(kind_field_by_number(probe, 99));
  assert_null(kind_field_by_number(claim, 0));
}

static void
list_keys_and_patches(void **state)
{
  (void)state;
  const struct kind_type *claim = kind_find("resource.k8s.io", "v1", "ResourceClaim")->type;
  const struct kind_field *devices = kind_field_at(claim, "status.devices");
  static const char *const want[] = { "driver", "device", "pool", "shareID" };
  const char *cursor = NULL;
  struct span key;
  for (size_t i = 0; i < 4; i++) {
    assert_true(kind_field_list_key(devices, &cursor, &key));
    assert_true(span_is(key, want[i]));
  }
  assert_false(kind_field_list_key(devices, &cursor, &key));

  const struct kind_type *pod = kind_find("", "v1", "Pod")->type;
  const struct kind_field *ports = kind_field_at(pod, "spec.containers.ports");
  assert_string_equal(kind_field_merge_key(ports), "containerPort");
  assert_int_equal(ports->flags & KIND_F_PATCH_MERGE, KIND_F_PATCH_MERGE);
  assert_int_equal(kind_field_at(pod, "spec.volumes")->flags & KIND_F_PATCH_RETAIN_KEYS, KIND_F_PATCH_RETAIN_KEYS);
}

static void
go_type_names(void **state)
{
  (void)state;
  static const struct {
    const char *group, *version, *kind, *path, *want;
  } table[] = {
    { "resource.k8s.io", "v1", "ResourceClaim", "spec.devices.requests", "[]v1.DeviceRequest" },
    { "resource.k8s.io", "v1beta1", "ResourceClaim", "spec.devices.requests.allocationMode",
      "v1beta1.DeviceAllocationMode" },
    { "resource.k8s.io", "v1", "ResourceSlice", "spec.devices.attributes", "map[v1.QualifiedName]v1.DeviceAttribute" },
    { "", "v1", "Pod", "metadata.labels", "map[string]string" },
    { "", "v1", "Pod", "metadata.uid", "types.UID" },
    { "", "v1", "Pod", "spec.containers.resources.limits", "v1.ResourceList" },
    { "", "v1", "Secret", "data", "map[string][]uint8" },
  };
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    struct strbuf b;
    strbuf_init(&b, 1024);
    const struct kind *k = kind_find(table[i].group, table[i].version, table[i].kind);
    kind_field_go_type(kind_field_at(k->type, table[i].path), &b);
    assert_string_equal(b.p, table[i].want);
    strbuf_release(&b);
  }
}

static void
resources_know_their_storage(void **state)
{
  (void)state;
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  struct kerr err = KERR_INIT;
  size_t events = 0;
  assert_int_equal(personality_new(NULL, NULL, NULL, &p, &err), 0);
  for (size_t i = 0; i < kind_resource_count; i++) {
    const struct kind_resource *r = &kind_resources[i];
    assert_ptr_equal(kind_find(r->group, r->version, r->kind), r->of);
    if (!*r->storage_version)
      continue;
    const struct kind_resource *s = kind_resource_storage(p, r);
    if (strcmp(r->kind, "CustomResourceDefinition") != 0) /* stored as v1beta1, which nobody serves */
      assert_string_equal(s->version, r->storage_version);
    if (strcmp(r->resource, "events") == 0) {
      assert_string_equal(s->group, "");
      events++;
    }
    for (size_t k = 1; k < r->n_subs; k++)
      assert_true(strcmp(r->subs[k - 1].name, r->subs[k].name) < 0);
  }
  assert_int_equal(events, 2);
  assert_string_equal(kind_table_find("resource.k8s.io", "v1", "ResourceClaim")->columns[1].name, "State");
}

/* A resource behind a gate is served with the gate, whatever --runtime-config says. */
static void
gates_hold_resources_back(void **state)
{
  static const struct {
    const char *gates, *resource;
    bool served;
  } cases[] = {
    { "", "workloads", false },
    { "GenericWorkload=true", "workloads", true },
    { "GenericWorkload=true", "podgroups", true },
    { "GenericWorkload=true", "compositepodgroups", false },
    { "GenericWorkload=true,TopologyAwareWorkloadScheduling=true,CompositePodGroup=true", "compositepodgroups", true },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_(personality_unrefp) struct personality *p = NULL;
    struct kerr err = KERR_INIT;

    assert_int_equal(personality_new(NULL, cases[i].gates, "scheduling.k8s.io/v1alpha3=true", &p, &err), 0);
    assert_int_equal(kind_resource_find(p, "scheduling.k8s.io", "v1alpha3", cases[i].resource) != NULL,
                     cases[i].served);
  }
}

/* Whoever adds a field to a kind of resource.k8s.io also says what it is. */
static void
dra_kinds_are_explained(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct kind_words *words = kind_words_new(a);
  size_t fields = 0;

  (void)state;
  for (size_t i = 0; i < kind_type_count; i++) {
    const struct kind_type *t = &kind_types[i];

    if (!span_starts(span_of(kind_text(t->name)), SPAN("io.k8s.api.resource.")) || strstr(kind_type_go(t), "List"))
      continue;
    if (!kind_words_of(words, t, NULL).p)
      fail_msg("kinds/words says nothing about %s", kind_type_go(t));
    for (kind_each_field(f, t)) {
      if (*kind_field_name(f) && !kind_words_of(words, t, f).p)
        fail_msg("kinds/words says nothing about %s.%s", kind_type_go(t), kind_field_name(f));
      fields++;
    }
  }
  assert_true(fields > 300);
  assert_null(kind_words_of(words, kind_type_find("io.k8s.api.core.v1.Pod"), NULL).p);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_kind_has_a_type_and_can_be_found),
    cmocka_unit_test(slots_are_dense),
    cmocka_unit_test(fields_are_found_by_name_number_and_path),
    cmocka_unit_test(list_keys_and_patches),
    cmocka_unit_test(go_type_names),
    cmocka_unit_test(resources_know_their_storage),
    cmocka_unit_test(gates_hold_resources_back),
    cmocka_unit_test(dra_kinds_are_explained),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
