/*
 * Containers for real: plans carried out by sandbox-init (this program, re-executed), as whoever runs the test. Where
 * the machine has no namespaces for us, it is skipped loudly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "container.h"
#include "doctor.h"
#include "fs.h"
#include "node_agent.h"
#include "sandbox_internal.h"
#include "sandbox_plan.h"

struct fixture {
  char dir[64];
  struct arena *a;
  int n;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)snprintf(f->dir, sizeof f->dir, "/tmp/dralab-sandbox-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  f->a = arena_new(CEIL_ARENA_REQUEST);
  const char *const dirs[] = { "node/sys/devices/pci0000:10/0000:10:01.0/0000:11:00.0", "node/sys/bus/pci/devices",
                               "node/dev", "shm", "vol" };
  for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
    if (fs_mkdirs(arena_printf(f->a, "%s/%s", f->dir, dirs[i]), 0755, &err) < 0)
      fail_msg("%s", err.msg);
  if (fs_write(arena_printf(f->a, "%s/node/sys/devices/pci0000:10/0000:10:01.0/0000:11:00.0/vendor", f->dir),
               SPAN("0x10de\n"), 0644, false, &err) < 0 ||
      fs_write(arena_printf(f->a, "%s/vol/hello", f->dir), SPAN("hi\n"), 0644, false, &err) < 0)
    fail_msg("%s", err.msg);
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  for (int i = 0; i < f->n; i++)
    if (container_remove_dir(arena_printf(f->a, "%s/c%d", f->dir, i), &err) < 0)
      fail_msg("%s", err.msg);
  if (fs_remove_tree(f->dir, &err) < 0)
    fail_msg("%s", err.msg);
  arena_free(f->a);
  free(f);
  return 0;
}

static struct json *
parse(struct fixture *f, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;

  if (json_parse(f->a, span_of(text), NULL, &v, &err) < 0)
    fail_msg("%s", err.msg);
  return v;
}

struct outcome {
  struct sandbox_state state;
  char *log;
};

/* Start a container; the plan is made as the node agent makes it. */
static void
start(struct fixture *f, const char *container, const char *edits, const char *seccomp, struct container_process *ret,
      char **ret_dir)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct image image;
  struct json *plan;
  char *dir = *ret_dir = arena_printf(f->a, "%s/c%d", f->dir, f->n++);

  if (image_find(f->a, arena_printf(f->a, "%s/images", f->dir), "ubuntu:22.04", &image, &err) < 0)
    fail_msg("%s", err.msg);
  const char *const subs[] = { "upper", "work", "rootfs" };
  for (size_t i = 0; i < ARRAY_SIZE(subs); i++)
    if (fs_mkdirs(arena_printf(f->a, "%s/%s", dir, subs[i]), 0755, &err) < 0)
      fail_msg("%s", err.msg);
  struct json *mounts = json_new_array(f->a), *m = json_append(f->a, mounts, json_new_object(f->a));
  json_set(f->a, m, "source", json_new_strf(f->a, "%s/vol", f->dir));
  json_set_str(f->a, m, "target", "/data/vol");
  json_set_bool(f->a, m, "readOnly", true);
  struct json *pod = parse(f, "{\"metadata\":{\"name\":\"p\"},\"spec\":{}}");
  struct sandbox_spec spec = { .pod = pod,
                               .container = parse(f, container),
                               .image = &image,
                               .env = parse(f, "[\"GREETING=hello\"]"),
                               .mounts = mounts,
                               .edits = edits ? parse(f, edits) : NULL,
                               .seccomp = seccomp ? parse(f, seccomp) : NULL,
                               .hostname = "p",
                               .node_dir = arena_printf(f->a, "%s/node", f->dir),
                               .dir = dir,
                               .shm_dir = arena_printf(f->a, "%s/shm", f->dir),
                               .log = arena_printf(f->a, "%s/0.log", dir),
                               .rootless = geteuid() != 0,
                               .host_uid = geteuid(),
                               .host_gid = getegid() };
  if (sandbox_plan(f->a, &spec, &plan, &err) < 0 || container_spawn(NULL, plan, ret, &err) < 0)
    fail_msg("%s", err.msg);
}

static void
wait_fd(int fd)
{
  struct pollfd p = { .fd = fd, .events = POLLIN };

  assert_int_equal(poll(&p, 1, 30000), 1); /* a hang is a failure, not a wait */
}

static struct outcome
finish(struct fixture *f, struct container_process *c, const char *dir)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct outcome o = { 0 };
  struct strbuf b;

  wait_fd(c->pid_fd);
  container_release(c);
  sandbox_state_read(f->a, arena_printf(f->a, "%s/state.json", dir), &o.state);
  assert_true(o.state.known);
  strbuf_init(&b, 4 * MiB);
  if (fs_read(arena_printf(f->a, "%s/0.log", dir), &b, &err) < 0)
    fail_msg("%s", err.msg);
  o.log = arena_strdup(f->a, b.p ? b.p : "");
  strbuf_release(&b);
  return o;
}

static struct outcome
run(struct fixture *f, const char *container, const char *edits, const char *seccomp)
{
  struct container_process c = CONTAINER_NONE;
  char *dir;

  start(f, container, edits, seccomp, &c, &dir);
  return finish(f, &c, dir);
}

static void
test_hello(void **state)
{
  struct fixture *f = *state;
  struct outcome o =
      run(f,
          "{\"name\":\"c\",\"command\":[\"bash\",\"-c\"],\"args\":[\"export; hostname; echo $$$$; cat /data/vol/hello; "
          "touch /data/vol/x || echo ro; echo bad >&2; sleep 0 & wait; echo $(GREETING) $$(X); exit 3\"]}",
          NULL, NULL);

  if (o.state.error)
    fail_msg("%s", o.state.error);
  assert_true(o.state.started && o.state.ended);
  assert_int_equal(o.state.exit_code, 3);
  assert_non_null(strstr(o.log, " stdout F declare -x GREETING=\"hello\"\n"));
  assert_non_null(strstr(o.log, " stdout F declare -x HOSTNAME=\"p\"\n"));
  assert_non_null(strstr(o.log, " stdout F p\n"));
  assert_non_null(strstr(o.log, " stdout F 1\n")); /* it is process 1 */
  assert_non_null(strstr(o.log, " stdout F hi\n"));
  assert_non_null(strstr(o.log, " stdout F ro\n"));
  assert_non_null(strstr(o.log, " stderr F bad\n"));
  assert_non_null(strstr(o.log, "hello"));
}

static void
test_devices_and_sysfs(void **state)
{
  struct fixture *f = *state;
  struct outcome o =
      run(f,
          "{\"name\":\"c\",\"command\":[\"sh\",\"-c\",\"echo x > /dev/nvidia0 && echo wrote; echo $GPU; cat "
          "/sys/devices/pci0000:10/0000:10:01.0/0000:11:00.0/vendor; ls -d /sys/devices/system/cpu; ls /dev; echo y "
          ">/dev/null && echo null\"]}",
          "{\"env\":[\"GPU=gpu-1\"],\"deviceNodes\":[{\"path\":\"/dev/nvidia0\",\"hostPath\":\"/dev/"
          "null\",\"type\":\"c\",\"major\":1,\"minor\":3}]}",
          NULL);

  if (o.state.error)
    fail_msg("%s", o.state.error);
  assert_non_null(strstr(o.log, "F wrote\n"));
  assert_non_null(strstr(o.log, "F gpu-1\n"));
  assert_non_null(strstr(o.log, "F 0x10de\n"));
  assert_non_null(strstr(o.log, "F /sys/devices/system/cpu\n")); /* the real /sys is still there */
  assert_non_null(strstr(o.log, "F null\n"));
  assert_non_null(strstr(o.log, "F urandom\n"));
}

static void
test_start_errors(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *container, *error;
  } cases[] = {
    { "{\"name\":\"c\",\"command\":[\"nosuch\"]}", "exec: \"nosuch\": executable file not found in $PATH: unknown" },
    { "{\"name\":\"c\",\"command\":[\"/nosuch\"]}",
      "exec: \"/nosuch\": stat /nosuch: no such file or directory: unknown" },
    { "{\"name\":\"c\",\"command\":[\"/etc/passwd\"]}", "exec: \"/etc/passwd\": permission denied: unknown" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    struct outcome o = run(f, cases[i].container, NULL, NULL);
    assert_false(o.state.started);
    assert_true(o.state.ended);
    assert_int_equal(o.state.exit_code, 128);
    assert_non_null(o.state.error);
    assert_string_equal(o.state.error + strlen(o.state.error) - strlen(cases[i].error), cases[i].error);
  }
}

static void
test_signals(void **state)
{
  struct fixture *f = *state;
  struct container_process c = CONTAINER_NONE, found = CONTAINER_NONE;
  struct sandbox_state s;
  char *dir;

  start(f,
        "{\"name\":\"c\",\"command\":[\"bash\",\"-c\",\"trap 'echo bye; exit 0' TERM; echo up; sleep 9999 & wait\"]}",
        NULL, NULL, &c, &dir);
  wait_fd(c.status_fd);
  sandbox_state_read(f->a, arena_printf(f->a, "%s/state.json", dir), &s);
  assert_true(s.started && !s.ended);
  /* As an agent finds it that did not start it. */
  assert_true(container_find(s.pid, s.pid_start, &found));
  assert_false(container_find(s.pid, s.pid_start + 1, &found));
  /* The trap is set once the shell has said so. */
  for (int i = 0; i < 3000; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    _cleanup_strbuf_ struct strbuf b;
    strbuf_init(&b, MiB);
    if (fs_read(arena_printf(f->a, "%s/0.log", dir), &b, &err) == 0 && b.n && strstr(b.p, "up"))
      break;
    (void)poll(NULL, 0, 10);
  }
  container_signal(&found, SIGTERM);
  container_release(&found);
  struct outcome o = finish(f, &c, dir);
  assert_int_equal(o.state.exit_code, 0);
  assert_non_null(strstr(o.log, "F bye\n"));

  /* Process 1 without a handler ignores TERM, as in every container; USR1 to the minder kills. */
  start(f, "{\"name\":\"c\",\"command\":[\"sleep\",\"9999\"]}", NULL, NULL, &c, &dir);
  wait_fd(c.status_fd);
  container_signal(&c, SIGUSR1);
  o = finish(f, &c, dir);
  assert_int_equal(o.state.exit_code, 137);
  assert_int_equal(o.state.signal, 9);
}

static void
test_seccomp(void **state)
{
  struct fixture *f = *state;
  struct span text = sandbox_default_profile();
  struct outcome o =
      run(f, "{\"name\":\"c\",\"command\":[\"sh\",\"-c\",\"unshare -m true || echo refused; echo alive\"]}", NULL,
          arena_strndup(f->a, text.p, text.n));

  if (o.state.error)
    fail_msg("%s", o.state.error);
  assert_non_null(strstr(o.log, "F refused\n"));
  assert_non_null(strstr(o.log, "F alive\n"));
  o = run(f, "{\"name\":\"c\",\"command\":[\"sh\",\"-c\",\"mkdir /tmp/d && echo made; echo alive\"]}", NULL,
          "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\",\"nosuchcall\"],"
          "\"action\":\"SCMP_ACT_ERRNO\"}]}");
  assert_null(strstr(o.log, "F made\n"));
  assert_non_null(strstr(o.log, "F alive\n"));
}

static void
test_long_lines(void **state)
{
  struct fixture *f = *state;
  struct outcome o = run(
      f, "{\"name\":\"c\",\"command\":[\"sh\",\"-c\",\"head -c 20000 /dev/zero | tr '\\\\0' x; printf '\\\\nend'\"]}",
      NULL, NULL);

  assert_non_null(strstr(o.log, " stdout P xxx"));
  assert_non_null(strstr(o.log, " stdout F end\n"));
}

int
main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    T(test_hello),   T(test_devices_and_sysfs), T(test_start_errors),
    T(test_signals), T(test_seccomp),           T(test_long_lines),
#undef T
  };

  if (argc > 1 && strcmp(argv[1], "sandbox-init") == 0)
    return sandbox_init_main(CONTAINER_PLAN_FD);
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct doctor_finding *findings;
  size_t n;
  if (doctor_run(a, "/tmp", &findings, &n) > 0) {
    for (size_t i = 0; i < n; i++)
      if (findings[i].state == DOCTOR_BROKEN)
        print_message("# SKIP no containers on this machine: %s: %s\n", findings[i].what, findings[i].detail);
    return 77;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
