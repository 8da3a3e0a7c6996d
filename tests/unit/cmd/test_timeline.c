#include "timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "mem.h"
#include "test_parse.h"

/* Versions of a pod, its claim and its context, as watches tell of them: in the order of kinds, not of time. */
static const char *const events[] = {
  "ADDED {'kind': 'Pod', 'metadata': {'name': 'p', 'uid': 'p1', 'resourceVersion': '10', 'managedFields': [{'manager': "
  "'kubectl', 'time': '2026-11-24T10:00:00Z'}]}, 'spec': {'resourceClaims': [{'name': 'cat', 'resourceClaimName': "
  "'c'}]}, 'status': {'phase': 'Pending'}}",
  "MODIFIED {'kind': 'Pod', 'metadata': {'name': 'p', 'uid': 'p1', 'resourceVersion': '16', 'managedFields': "
  "[{'manager': 'kubectl', 'time': '2026-11-24T10:00:00Z'}, {'manager': 'kube-scheduler', 'time': "
  "'2026-11-24T10:00:03Z'}]}, 'spec': {'nodeName': 'n1', 'resourceClaims': [{'name': 'cat', 'resourceClaimName': "
  "'c'}]}, 'status': {'phase': 'Pending'}}",
  "ADDED {'kind': 'Pod', 'metadata': {'name': 'other', 'uid': 'p2', 'resourceVersion': '11'}}",
  "ADDED {'kind': 'ResourceClaim', 'metadata': {'name': 'c', 'uid': 'c1', 'resourceVersion': '9', 'managedFields': "
  "[{'manager': 'kubectl', 'time': '2026-11-24T09:59:59Z'}]}, 'spec': {}}",
  "MODIFIED {'kind': 'ResourceClaim', 'metadata': {'name': 'c', 'uid': 'c1', 'resourceVersion': '15', 'managedFields': "
  "[{'manager': 'kubectl', 'time': '2026-11-24T09:59:59Z'}, {'manager': 'driver', 'time': '2026-11-24T10:00:02Z'}]}, "
  "'spec': {}, 'status': {'allocation': {'nodeSelector': {'nodeSelectorTerms': [{'matchFields': [{'values': "
  "['n1']}]}]}}, 'reservedFor': [{'name': 'p'}]}}",
  "MODIFIED {'kind': 'ResourceClaim', 'metadata': {'name': 'c', 'uid': 'c1', 'resourceVersion': '18', 'managedFields': "
  "[{'manager': 'kubectl', 'time': '2026-11-24T09:59:59Z'}, {'manager': 'driver', 'time': '2026-11-24T10:00:02Z'}]}, "
  "'spec': {}, 'status': {'allocation': {'nodeSelector': {'nodeSelectorTerms': [{'matchFields': [{'values': "
  "['n1']}]}]}}, 'deallocationRequested': true}}",
  "ADDED {'kind': 'ResourceClaim', 'metadata': {'name': 'not-his', 'uid': 'c2', 'resourceVersion': '8'}}",
  "ADDED {'kind': 'PodSchedulingContext', 'metadata': {'name': 'p', 'uid': 's1', 'resourceVersion': '12', "
  "'managedFields': [{'manager': 'kube-scheduler', 'time': '2026-11-24T10:00:01Z'}]}, 'spec': {'selectedNode': 'n0', "
  "'potentialNodes': ['n0', 'n1']}}",
  "MODIFIED {'kind': 'PodSchedulingContext', 'metadata': {'name': 'p', 'uid': 's1', 'resourceVersion': '13', "
  "'managedFields': [{'manager': 'kube-scheduler', 'time': '2026-11-24T10:00:01Z'}, {'manager': 'driver', 'time': "
  "'2026-11-24T10:00:01Z'}]}, 'spec': {'selectedNode': 'n0', 'potentialNodes': ['n0', 'n1']}, 'status': "
  "{'resourceClaims': [{'name': 'cat', 'unsuitableNodes': ['n0']}]}}",
  "DELETED {'kind': 'PodSchedulingContext', 'metadata': {'name': 'p', 'uid': 's1', 'resourceVersion': '17'}}",
  "ADDED {'kind': 'Event', 'metadata': {'name': 'p.1', 'uid': 'e1', 'resourceVersion': '14'}, 'involvedObject': "
  "{'kind': 'Pod', 'name': 'p'}, 'reason': 'FailedScheduling', 'message': 'no', 'reportingComponent': 's'}",
  "MODIFIED {'kind': 'Event', 'metadata': {'name': 'p.1', 'uid': 'e1', 'resourceVersion': '19'}, 'involvedObject': "
  "{'kind': 'Pod', 'name': 'p'}, 'reason': 'FailedScheduling', 'message': 'no', 'reportingComponent': 's'}",
};

static const char *const lines[] = {
  "9 2026-11-24T09:59:59Z kubectl ResourceClaim/c is created",
  "10 2026-11-24T10:00:00Z kubectl Pod/p is created",
  "12 2026-11-24T10:00:01Z kube-scheduler PodSchedulingContext/p asks the drivers about nodes: n0, n1",
  "12 2026-11-24T10:00:01Z kube-scheduler PodSchedulingContext/p selects node n0",
  "13 2026-11-24T10:00:01Z driver PodSchedulingContext/p has an answer for cat: not on n0",
  "14 2026-11-24T10:00:01Z s Pod/p FailedScheduling: no",
  "15 2026-11-24T10:00:02Z driver ResourceClaim/c is allocated for node n1",
  "15 2026-11-24T10:00:02Z driver ResourceClaim/c is reserved for: p",
  "16 2026-11-24T10:00:03Z kube-scheduler Pod/p is bound to node n1",
  "17 2026-11-24T10:00:03Z  PodSchedulingContext/p is gone",
  /* who only takes something away leaves no trace in managed fields */
  "18 2026-11-24T10:00:02Z  ResourceClaim/c is reserved for: none",
  "18 2026-11-24T10:00:02Z  ResourceClaim/c is to be deallocated by its driver",
};

static void
add(struct arena *a, struct timeline *t, const char *text)
{
  const char *object = strchr(text, ' ');

  timeline_add(t, arena_strndup(a, text, (size_t)(object - text)), test_parse_quoted(a, object + 1));
}

static void
versions_become_lines_in_order(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct timeline *t = timeline_new(a, 31, "", "p");
  const struct json *got;

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(events); i++)
    add(a, t, events[i]);
  got = timeline_lines(t);
  for (size_t i = 0; i < ARRAY_SIZE(lines) && i < json_count(got); i++) {
    const struct json *l = json_at(got, i);

    assert_string_equal(arena_printf(a, "%lld %s %s %s/%s %s", (long long)json_get_int(l, "revision", 0),
                                     json_get_str(l, "time"), json_get_str(l, "who"), json_get_str(l, "kind"),
                                     json_get_str(l, "name"), json_get_str(l, "what")),
                        lines[i]);
  }
  assert_int_equal(json_count(got), ARRAY_SIZE(lines));
}

static void
without_a_pod_everything_is_told(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct timeline *t = timeline_new(a, 31, "", NULL);

  (void)state;
  assert_int_equal(json_count(timeline_lines(t)), 0);
  for (size_t i = 0; i < ARRAY_SIZE(events); i++)
    add(a, t, events[i]);
  assert_int_equal(json_count(timeline_lines(t)), ARRAY_SIZE(lines) + 2);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(versions_become_lines_in_order),
    cmocka_unit_test(without_a_pod_everything_is_told),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
