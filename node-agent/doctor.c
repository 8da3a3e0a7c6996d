#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "fs.h"

/*
 * Try something in a child that has the namespaces of a container. `fn` returns 0 or an errno. The caller has one
 * thread (the command line, a test): nothing but system calls happens in the child.
 */
static int
try_in_child(int (*fn)(const char *dir), const char *dir, bool namespaces)
{
  uid_t uid = geteuid();
  pid_t pid = fork();
  int status = 0;

  if (pid < 0)
    return errno;
  if (pid == 0) {
    char map[64];
    if (namespaces && uid != 0) {
      if (unshare(CLONE_NEWUSER) < 0)
        _exit(errno);
      _cleanup_close_ int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
      int n = snprintf(map, sizeof map, "0 %u 1\n", (unsigned)uid);
      if (fd < 0 || write(fd, map, (size_t)n) != n)
        _exit(errno);
    }
    if (namespaces && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
      _exit(errno);
    _exit(fn(dir));
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static void
report(struct arena *a, struct doctor_finding *ret, int err, enum doctor_state otherwise, const char *good,
       const char *advice)
{
  ret->state = err ? otherwise : DOCTOR_OK;
  ret->detail = err ? arena_strdup(a, strerror(err)) : good;
  ret->advice = err ? advice : NULL;
}

static int
do_nothing(const char *dir)
{
  (void)dir;
  return 0;
}

static void
check_namespaces(struct arena *a, const char *dir, struct doctor_finding *ret)
{
  report(a, ret, try_in_child(do_nothing, dir, true), DOCTOR_BROKEN,
         geteuid() ? "user and mount namespaces can be made" : "running as root: no user namespace is needed",
         "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1 "
         "user.max_user_namespaces=15000; on "
         "Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0), or run as root; in a container: --security-opt "
         "seccomp=unconfined --security-opt apparmor=unconfined");
}

static int
try_proc(const char *dir)
{
  pid_t pid;
  int status = 0;

  if (unshare(CLONE_NEWPID) < 0)
    return errno;
  pid = fork();
  if (pid < 0)
    return errno;
  if (pid == 0)
    _exit(mount("proc", dir, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno : 0);
  (void)waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static void
check_proc(struct arena *a, const char *dir, struct doctor_finding *ret)
{
  report(a, ret, try_in_child(try_proc, dir, true), DOCTOR_LIMITED, "a fresh /proc can be mounted",
         "pods see the machine's processes in /proc; inside a container start it with --privileged, or with "
         "--security-opt systempaths=unconfined");
}

static int
try_overlay(const char *dir)
{
  char options[4096], path[4096];
  const char *const subs[] = { "l", "u", "w", "m" };

  if (mount("tmpfs", dir, "tmpfs", 0, NULL) < 0)
    return errno;
  for (size_t i = 0; i < ARRAY_SIZE(subs); i++) {
    (void)snprintf(path, sizeof path, "%s/%s", dir, subs[i]);
    if (mkdir(path, 0755) < 0)
      return errno;
  }
  (void)snprintf(options, sizeof options, "lowerdir=%s/l,upperdir=%s/u,workdir=%s/w,userxattr", dir, dir, dir);
  return mount("overlay", path, "overlay", 0, options) < 0 ? errno : 0;
}

static void
check_overlay(struct arena *a, const char *dir, struct doctor_finding *ret)
{
  report(a, ret, try_in_child(try_overlay, dir, true), DOCTOR_LIMITED, "overlay file systems can be mounted",
         "each container gets a copy of its image (slower, 4 MB each); load the module (modprobe overlay), or use a "
         "kernel from 5.11 on");
}

static int
try_mknod(const char *dir)
{
  char path[4096];

  (void)snprintf(path, sizeof path, "%s/null", dir);
  if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0)
    return errno;
  int fd = open(path, O_WRONLY | O_CLOEXEC), err = fd < 0 ? errno : 0;
  (void)unlink(path);
  return err;
}

static void
check_mknod(struct arena *a, const char *dir, struct doctor_finding *ret)
{
  int err = try_in_child(try_mknod, dir, false);

  ret->state = DOCTOR_OK; /* either way works */
  ret->detail = err ? arena_printf(a, "device nodes are taken from the machine's /dev (%s)", strerror(err))
                    : "device nodes can be made";
}

static int
try_seccomp(const char *dir)
{
  scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

  (void)dir;
  return ctx && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(reboot), 0) == 0 ? -seccomp_load(ctx) : EINVAL;
}

static void
check_seccomp(struct arena *a, const char *dir, struct doctor_finding *ret)
{
  report(a, ret, try_in_child(try_seccomp, dir, false), DOCTOR_LIMITED, "filters can be loaded",
         "pods with a seccompProfile cannot start; the kernel needs CONFIG_SECCOMP_FILTER");
}

static void
check_kernel(struct arena *a, const char *dir, struct doctor_finding *ret)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how), err = fd < 0 ? errno : 0;
  int pid_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

  (void)dir;
  if (pid_fd < 0 && !err)
    err = errno;
  fs_closep(&fd);
  fs_closep(&pid_fd);
  report(a, ret, err, DOCTOR_BROKEN, "openat2 and pidfd_open are there", "use a kernel from 5.6 on");
}

static void
check_programs(struct arena *a, const char *dir, struct doctor_finding *ret)
{
  bool bash = access("/bin/bash-static", X_OK) == 0,
       busybox = access("/bin/busybox", X_OK) == 0 || access("/usr/bin/busybox", X_OK) == 0;

  (void)a;
  (void)dir;
  if (bash && busybox) {
    ret->state = DOCTOR_OK;
    ret->detail = "bash-static and busybox-static are installed";
    return;
  }
  ret->state = access("/bin/bash", X_OK) == 0 ? DOCTOR_LIMITED : DOCTOR_BROKEN;
  ret->detail = ret->state == DOCTOR_LIMITED ? "pod images are made from the machine's own bash and tools"
                                             : "there is no bash to make pod images from";
  ret->advice = "apt-get install bash-static busybox-static";
}

const struct doctor_check doctor_checks[] = {
  { "kernel", check_kernel },
  { "namespaces", check_namespaces },
  { "/proc in pods", check_proc },
  { "overlay", check_overlay },
  { "device nodes", check_mknod },
  { "seccomp", check_seccomp },
  { "programs for pod images", check_programs },
};
const size_t doctor_check_count = ARRAY_SIZE(doctor_checks);

size_t
doctor_run(struct arena *a, const char *dir, struct doctor_finding **ret, size_t *ret_n)
{
  char *trial = arena_printf(a, "%s/.dralab-doctor-XXXXXX", dir);
  struct doctor_finding *list = arena_array_of(a, struct doctor_finding, doctor_check_count);
  size_t broken = 0;
  bool made = mkdtemp(trial) != NULL;

  for (size_t i = 0; i < doctor_check_count; i++) {
    list[i].what = doctor_checks[i].what;
    doctor_checks[i].run(a, made ? trial : dir, &list[i]);
    broken += list[i].state == DOCTOR_BROKEN;
  }
  if (made)
    (void)rmdir(trial);
  *ret = list;
  *ret_n = doctor_check_count;
  return broken;
}
