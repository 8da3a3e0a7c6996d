/*
 * Validation against recorded answers of upstream's validators:
 * tests/data/apiserver-lite/validation/, and all of vectors/validation where they are at hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "clock.h"
#include "fs.h"
#include "object.h"
#include "validate.h"

struct run {
  struct arena *a;
  const struct json *c; /* the case */
  const struct kind *kind;
  struct personality *p;
};

static struct json *
decoded(struct run *r, const struct json *in, bool defaults)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *out;
  if (kind_decode(r->a, r->kind, in, NULL, &out, &err) < 0)
    fail_msg("%s: %s", json_get_str(r->c, "name"), err.msg);
  if (defaults)
    kind_default(r->a, r->kind, out, r->p, INT64_C(1000) * CLOCK_SEC);
  return out;
}

/* What REST's generic part does before a strategy sees the object. */
static void
make_name(struct arena *a, struct json *o)
{
  struct json *meta = json_ensure_object(a, o, "metadata");
  const char *base = json_get_str(meta, "generateName");
  if (base && *base && !*object_name(o))
    json_set(a, meta, "name", json_new_strf(a, "%sxxxxx", base));
  json_remove(meta, "resourceVersion");
}

static void
take_resource_version(struct arena *a, struct json *o, const struct json *old)
{
  struct json *meta = json_ensure_object(a, o, "metadata");
  if (!*object_resource_version(o))
    json_set_str(a, meta, "resourceVersion", object_resource_version(old));
  json_remove(meta, "generation");
  if (object_generation(old))
    json_set_int(a, meta, "generation", object_generation(old));
}

static bool
namespace_allows_admin(const struct json *o)
{
  return !strcmp(object_namespace(o), "admin");
}

static struct json *
validated(struct run *r, struct field_errors *errs)
{
  const char *op = json_get_str(r->c, "op"), *sub = strcmp(op, "statusUpdate") ? "" : "status";
  struct json *o = decoded(r, json_get(r->c, "object"), true), *old = NULL;
  if (strcmp(op, "create")) {
    old = decoded(r, json_get(r->c, "old"), true);
    take_resource_version(r->a, o, old);
    validate_prepare_update(r->a, r->kind, o, old, sub, r->p, 1000);
  } else {
    make_name(r->a, o);
    validate_prepare_create(r->a, r->kind, o, r->p);
  }
  if (validate_wants_admin(r->kind, o, old, sub, r->p) && !namespace_allows_admin(o))
    validate_refuse_admin(r->kind, o, sub, errs);
  if (old)
    validate_update(r->kind, o, old, sub, r->p, errs);
  else
    validate_create(r->kind, o, r->p, errs);
  return o;
}

/* Times that the case did not give are those of the recording. */
static bool
same_stored(struct run *r, const struct json *got, const struct json *want)
{
  if (json_is(want, JSON_OBJECT) && json_is(got, JSON_OBJECT)) {
    for (json_each_member (m, want))
      if (strcmp(m->name, "timeAdded") && !same_stored(r, json_get_n(got, m->name, m->name_len), m->value))
        return false;
    for (json_each_member (m, got))
      if (!json_get_n(want, m->name, m->name_len))
        return false;
    return true;
  }
  if (!json_is(want, JSON_ARRAY) || json_count(got) != json_count(want))
    return want && got && json_equal(got, want);
  for (size_t i = 0; i < json_count(want); i++)
    if (!same_stored(r, json_at(got, i), json_at(want, i)))
      return false;
  return true;
}

static bool
check_stored(struct run *r, struct json *o)
{
  const struct json *want = json_get(r->c, "stored");
  struct json *meta = json_find(o, "metadata");
  static const char *const ours[] = { "uid", "creationTimestamp" };
  if (!want) /* recorded was only that it is valid */
    return true;
  for (size_t i = 0; meta && i < ARRAY_SIZE(ours); i++)
    json_remove(meta, ours[i]);
  struct json *plain = json_copy(r->a, want), *wmeta = json_find(plain, "metadata");
  for (size_t i = 0; wmeta && i < ARRAY_SIZE(ours); i++)
    json_remove(wmeta, ours[i]);
  if (wmeta && !json_get(wmeta, "resourceVersion"))
    json_remove(meta, "resourceVersion");
  if (same_stored(r, o, plain))
    return true;
  print_error("%s (%s): stored\n  got  %s\n  want %s\n", json_get_str(r->c, "name"), r->kind->version,
              json_text(r->a, o, 0), json_text(r->a, plain, 0));
  return false;
}

static bool
causes_have(const struct json *causes, const struct json *one)
{
  for (json_each_item (p, causes))
    if (json_equal(*p, one))
      return true;
  return false;
}

/* In order, but for errors over the keys of a map, which upstream gives in any order: then as sets. */
static bool
same_causes(const struct json *got, const struct json *want)
{
  if (json_equal(got, want))
    return true;
  if (json_count(got) != json_count(want))
    return false;
  for (json_each_item (p, want)) {
    const char *field = json_get_str(*p, "field");
    if (!causes_have(got, *p) || !(strstr(field, "attributes") || strstr(field, "capacity") ||
                                   strstr(field, "ounters") || strstr(field, "nodeAllocatable")))
      return false;
  }
  return true;
}

static bool
check_answer(struct run *r, const struct json *o, const struct field_errors *errs)
{
  const struct json *want = json_get(r->c, "causes");
  const struct status_subject about = { .group = r->kind->group, .kind = r->kind->kind, .name = object_name(o) };
  const struct json *status = status_invalid(r->a, &about, errs), *got = json_dig(status, "details", "causes", NULL);
  bool map = !json_equal(got, want);
  if (same_causes(got, want) && (map || !strcmp(json_get_str(status, "message"), json_get_str(r->c, "message"))))
    return true;
  print_error("%s (%s %s)\n  got  %s\n  want %s\n", json_get_str(r->c, "name"), r->kind->version, r->kind->kind,
              json_get_str_or(status, "message", ""), json_get_str_or(r->c, "message", "valid"));
  return false;
}

static char *
gates_text(struct arena *a, const struct json *on)
{
  char *text = arena_strdup(a, "");
  for (json_each_item (p, on))
    text = arena_printf(a, "%s%s%s=true", text, *text ? "," : "", json_str(*p));
  return text;
}

static bool
run_case(const char *file, size_t number, struct span line)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *c;
  const char *group, *version;
  if (json_parse(a, line, NULL, &c, &err) < 0 || gv_parse(a, json_get_str(c, "apiVersion"), &group, &version, &err) < 0)
    fail_msg("%s:%zu: %s", file, number, err.msg);
  struct run r = { .a = a, .c = c };
  if (personality_new(json_get_str_or(c, "release", "1.37"), gates_text(a, json_get(c, "gatesOn")), "api/all=true",
                      &r.p, &err) < 0)
    fail_msg("%s:%zu: %s", file, number, err.msg);
  r.kind = kind_in(r.p, kind_find(group, version, json_get_str(c, "kind")));
  if (!r.kind)
    fail_msg("%s:%zu: no such kind", file, number);
  struct field_errors errs = { .a = a };
  struct json *o = validated(&r, &errs);
  bool valid = json_get_bool(c, "valid", false), ok;
  if (valid && !errs.n)
    ok = check_stored(&r, o);
  else
    ok = check_answer(&r, o, &errs);
  personality_unref(r.p);
  return ok;
}

static void
check_file(const char *path)
{
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  size_t number = 0, total = 0, good = 0;
  strbuf_init(&b, 64 * MiB);
  if (fs_read(path, &b, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = strbuf_view(&b); rest.p;) {
    struct span line = span_cut(rest, '\n', &rest);
    number++;
    if (!line.n)
      continue;
    total++;
    good += run_case(path, number, line);
  }
  print_message("# %s: %zu of %zu answers match\n", path, good, total);
  assert_true(total > 0);
  assert_int_equal(good, total);
}

static void
recorded_answers_match(void **state)
{
  (void)state;
  check_file("tests/data/apiserver-lite/validation/resource.jsonl");
}

/* resource.k8s.io/v1alpha2 of 1.30 and v1alpha3 of 1.31, with and without the gates of the time. */
static void
classic_answers_match(void **state)
{
  (void)state;
  check_file("tests/data/apiserver-lite/validation/classic.jsonl");
}

/* apps, batch; autoscaling, policy, rbac, certificates: all of 1.37. */
static void
workload_answers_match(void **state)
{
  (void)state;
  check_file("tests/data/apiserver-lite/validation/workloads.jsonl");
  check_file("tests/data/apiserver-lite/validation/policies.jsonl");
}

/* Pods, templates of them and events, of 1.37. What a request does to a pod before its strategy is not in them. */
static void
pod_answers_match(void **state)
{
  (void)state;
  check_file("tests/data/apiserver-lite/validation/pods.jsonl");
}

/* Services and what they lead to, storage, networks, quotas ... with one or two things wrong. */
static void
other_groups_match(void **state)
{
  (void)state;
  check_file("tests/data/apiserver-lite/validation/others.jsonl");
}

static void
all_vectors_match(void **state)
{
  (void)state;
  const char *shared = getenv("DRALAB_SHARED");
  _cleanup_free_ char *path = mem_printf("%s/vectors/validation/resource-1.37.jsonl", shared ? shared : "../shared");
  if (!fs_exists(path)) {
    print_message("# SKIP %s is missing; set DRALAB_SHARED\n", path);
    skip();
  }
  check_file(path);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(recorded_answers_match), cmocka_unit_test(classic_answers_match),
    cmocka_unit_test(workload_answers_match), cmocka_unit_test(pod_answers_match),
    cmocka_unit_test(other_groups_match),     cmocka_unit_test(all_vectors_match),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
