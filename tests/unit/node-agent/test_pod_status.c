#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ceilings.h"
#include "object.h"
#include "pod_status.h"

#define RUNNING  .running = true, .ready = true, .started = true
#define ENDED(n) .now = { .set = true, .exit_code = (n), .reason = (n) ? "Error" : "Completed", .id = "" }
#define BACKOFF(n) \
  .waiting_reason = "CrashLoopBackOff", .last = { .set = true, .exit_code = (n), .reason = "Error", .id = "" }
#define TEXTS .image = "i", .image_id = "", .id = ""

/* As kubelet_pods.go's getPhase decides. */
static void
test_phase(void **state)
{
  static const struct {
    const char *policy, *phase;
    bool terminal;
    struct container_view c[3];
    size_t n;
  } cases[] = {
    { "Always", "Pending", false, { { TEXTS } }, 1 },
    { "Always", "Running", false, { { TEXTS, RUNNING } }, 1 },
    { "Always", "Pending", false, { { TEXTS, RUNNING }, { TEXTS, .waiting_reason = "ErrImagePull" } }, 2 },
    { "Never", "Running", false, { { TEXTS, RUNNING }, { TEXTS, ENDED(1) } }, 2 },
    { "Never", "Succeeded", false, { { TEXTS, ENDED(0) }, { TEXTS, ENDED(0) } }, 2 },
    { "Never", "Failed", false, { { TEXTS, ENDED(0) }, { TEXTS, ENDED(3) } }, 2 },
    { "OnFailure", "Succeeded", false, { { TEXTS, ENDED(0) } }, 1 },
    { "OnFailure", "Running", false, { { TEXTS, ENDED(1) } }, 1 },
    { "OnFailure", "Running", false, { { TEXTS, BACKOFF(1) } }, 1 },
    { "Always", "Running", false, { { TEXTS, ENDED(0) } }, 1 },
    { "Always", "Succeeded", true, { { TEXTS, ENDED(0) } }, 1 },
    { "Always", "Failed", true, { { TEXTS, ENDED(137) } }, 1 },
    { "Always", "Pending", false, { { TEXTS, .init = true, RUNNING }, { TEXTS } }, 2 },
    { "Always", "Pending", false, { { TEXTS, .init = true, ENDED(1) }, { TEXTS } }, 2 },
    { "Never", "Failed", false, { { TEXTS, .init = true, ENDED(1) }, { TEXTS } }, 2 },
    { "Never", "Running", false, { { TEXTS, .init = true, ENDED(0) }, { TEXTS, RUNNING } }, 2 },
    { "Never", "Pending", false, { { TEXTS, .init = true, .sidecar = true, RUNNING }, { TEXTS } }, 2 },
    { "Never", "Running", false, { { TEXTS, .init = true, .sidecar = true, RUNNING }, { TEXTS, RUNNING } }, 2 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    struct json *pod = json_new_object(a);

    json_set_str(a, json_ensure_object(a, pod, "spec"), "restartPolicy", cases[i].policy);
    struct pod_view v = {
      .pod = pod, .containers = cases[i].c, .n = cases[i].n, .terminal = cases[i].terminal, .host_ip = "127.0.0.1"
    };
    if (strcmp(pod_phase(&v), cases[i].phase) != 0)
      fail_msg("case %zu: %s, not %s", i, pod_phase(&v), cases[i].phase);
  }
}

static const char *
condition_text(struct arena *a, const struct json *status, const char *type)
{
  struct json *o = json_new_object(a);

  json_set(a, o, "status", json_copy(a, status));
  const struct json *c = object_condition(o, type);
  return c ? arena_printf(a, "%s|%s|%s", json_get_str_or(c, "status", ""), json_get_str_or(c, "reason", ""),
                          json_get_str_or(c, "message", ""))
           : "none";
}

static void
test_conditions(void **state)
{
  (void)state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *pod = json_new_object(a);
  struct container_view c[] = { { TEXTS, .name = "i", .init = true }, { TEXTS, .name = "c" }, { TEXTS, .name = "d" } };
  json_set_str(a, json_ensure_object(a, pod, "spec"), "restartPolicy", "Never");
  struct pod_view v = { .pod = pod, .containers = c, .n = 3, .host_ip = "127.0.0.1", .start_time = 1, .now = 1 };

  struct json *s = pod_status(a, &v);
  assert_string_equal(condition_text(a, s, "PodReadyToStartContainers"), "False||");
  assert_string_equal(condition_text(a, s, "Initialized"),
                      "False|ContainersNotInitialized|containers with incomplete status: [i]");
  assert_string_equal(condition_text(a, s, "Ready"), "False|ContainersNotReady|containers with unready status: [c d]");
  assert_string_equal(
      json_get_str(json_dig(json_at(json_get(s, "containerStatuses"), 0), "state", "waiting", NULL), "reason"),
      "ContainerCreating");
  assert_null(json_get(s, "podIP"));

  c[0].now = (struct container_end){ .set = true, .reason = "Completed", .id = "" };
  c[1].running = c[1].ready = c[1].started = c[2].running = c[2].ready = c[2].started = true;
  v.sandbox = true;
  v.pod_ip = "127.0.0.2";
  json_set(a, json_ensure_object(a, pod, "status"), "conditions", json_copy(a, json_get(s, "conditions")));
  v.now = 5 * CLOCK_SEC;
  s = pod_status(a, &v);
  assert_string_equal(json_get_str(s, "phase"), "Running");
  assert_string_equal(condition_text(a, s, "Ready"), "True||");
  assert_string_equal(condition_text(a, s, "Initialized"), "True||");
  assert_string_equal(json_get_str(json_at(json_get(s, "podIPs"), 0), "ip"), "127.0.0.2");

  c[1] = c[2] = (struct container_view){ TEXTS, .name = "c", ENDED(0) };
  c[2].name = "d";
  s = pod_status(a, &v);
  assert_string_equal(json_get_str(s, "phase"), "Succeeded");
  assert_string_equal(condition_text(a, s, "Ready"), "False|PodCompleted|");
  assert_string_equal(condition_text(a, s, "Initialized"), "True|PodCompleted|");
}

int
main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_phase), cmocka_unit_test(test_conditions) };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
