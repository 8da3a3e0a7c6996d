#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ceilings.h"
#include "fs.h"

static int
plan_memfd(const struct json *plan, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;
  int fd = memfd_create("dralab-plan", MFD_CLOEXEC);

  strbuf_init(&b, CEIL_MANIFEST);
  json_write(&b, plan, JSON_COMPACT);
  if (fd < 0 || fs_write_all(fd, strbuf_view(&b)) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
    int err = errno;
    fs_closep(&fd);
    return kerr_errno(reterr, err, "plan");
  }
  return fd;
}

/* No thread runs between fork and exec: posix_spawn, with the two descriptors moved to their places. */
static int
spawn(const char *program, int plan_fd, int status_fd, pid_t *ret_pid)
{
  char name[] = "dralab", verb[] = "sandbox-init";
  char *const argv[] = { name, verb, NULL };
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t none, all;
  int r;

  (void)sigemptyset(&none);
  (void)sigfillset(&all);
  (void)posix_spawn_file_actions_init(&actions);
  (void)posix_spawnattr_init(&attr);
  /* Both descriptors are above 4 (container_spawn saw to that), so neither overwrites the other. */
  (void)posix_spawn_file_actions_adddup2(&actions, plan_fd, CONTAINER_PLAN_FD);
  (void)posix_spawn_file_actions_adddup2(&actions, status_fd, CONTAINER_STATUS_FD);
  (void)posix_spawnattr_setsigmask(&attr, &none);
  (void)posix_spawnattr_setsigdefault(&attr, &all);
  (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  r = posix_spawn(ret_pid, program ? program : "/proc/self/exe", &actions, &attr, argv, environ);
  (void)posix_spawnattr_destroy(&attr);
  (void)posix_spawn_file_actions_destroy(&actions);
  return r;
}

int
container_spawn(const char *program, const struct json *plan, struct container_process *ret, struct kerr *reterr)
{
  _cleanup_close_ int low = plan_memfd(plan, reterr), plan_fd = -1, status_write = -1;
  int status[2], r;

  if (low < 0)
    return low;
  if (pipe2(status, O_CLOEXEC) < 0)
    return kerr_errno(reterr, errno, "pipe");
  plan_fd = fcntl(low, F_DUPFD_CLOEXEC, 16);
  status_write = fcntl(status[1], F_DUPFD_CLOEXEC, 16);
  (void)close(status[1]);
  r = plan_fd < 0 || status_write < 0 ? errno : spawn(program, plan_fd, status_write, &ret->pid);
  if (r) {
    (void)close(status[0]);
    return kerr_errno(reterr, r, "starting sandbox-init");
  }
  ret->status_fd = status[0];
  ret->pid_fd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
  return ret->pid_fd < 0 ? kerr_errno(reterr, errno, "pidfd_open") : 0;
}

int64_t
container_pid_start(pid_t pid)
{
  char path[64], text[2048];
  _cleanup_close_ int fd = -1;
  long long ticks = 0;

  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (n <= 0)
    return 0;
  text[n] = '\0';
  char *p = strrchr(text, ')'); /* the name before it may hold anything */
  for (int field = 2; p && field < 22; field++)
    p = strchr(p + 1, ' ');
  return p && sscanf(p, "%lld", &ticks) == 1 ? ticks : 0;
}

bool
container_find(int64_t pid, int64_t pid_start, struct container_process *ret)
{
  int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;

  if (fd < 0)
    return false;
  if (container_pid_start((pid_t)pid) != pid_start) {
    (void)close(fd);
    return false;
  }
  *ret = (struct container_process){ .pid = (pid_t)pid, .pid_fd = fd, .status_fd = -1 };
  return true;
}

void
container_signal(const struct container_process *c, int signal)
{
  if (c->pid_fd >= 0)
    (void)syscall(SYS_pidfd_send_signal, c->pid_fd, signal, NULL, 0);
}

void
container_release(struct container_process *c)
{
  if (c->pid > 0)
    (void)waitpid(c->pid, NULL, WNOHANG); /* not our child when it was found again: somebody else reaps it */
  fs_closep(&c->pid_fd);
  fs_closep(&c->status_fd);
  *c = (struct container_process)CONTAINER_NONE;
}

int
container_remove_dir(const char *dir, struct kerr *reterr)
{
  _cleanup_free_ char *work = mem_printf("%s/work/work", dir);

  (void)chmod(work, 0700); /* made by overlayfs with mode 0; absent is fine */
  return fs_remove_tree(dir, reterr);
}
