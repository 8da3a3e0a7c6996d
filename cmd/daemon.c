#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "ceilings.h"

/* For the API to answer; after SIGTERM, and after SIGKILL. */
#define START_TIMEOUT (60 * CLOCK_SEC)
#define STOP_TIMEOUT  (20 * CLOCK_SEC)
#define KILL_TIMEOUT  (5 * CLOCK_SEC)
#define POLL_NS       (10 * CLOCK_MS)

/* Redirections of the new process: input from nowhere, output into the log, descriptor 3 is the pipe. */
static int
spawn(char *const argv[], const char *log, int pipe_fd, pid_t *ret, struct kerr *reterr)
{
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  sigset_t none, all;
  int r;

  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attr);
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setsigdefault(&attr, &all);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawn_file_actions_adddup2(&files, pipe_fd, 3);
  r = posix_spawn(ret, "/proc/self/exe", &files, &attr, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attr);
  return r ? kerr_errno(reterr, r, "cannot start the cluster's process") : 0;
}

/* What the daemon has to say: one line, or the end of the pipe. */
static int
read_line(int fd, struct clock *clock, int64_t deadline, struct strbuf *line, bool *ret_late)
{
  *ret_late = false;
  for (;;) {
    int64_t left = deadline - clock_mono(clock);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char buf[512];
    ssize_t n;

    if (left <= 0 || (n = poll(&p, 1, (int)(left / CLOCK_MS) + 1)) == 0) {
      *ret_late = true;
      return 0;
    }
    n = read(fd, buf, sizeof buf);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return 0;
    strbuf_add(line, buf, (size_t)n);
    if (memchr(line->p, '\n', line->n))
      return 0;
  }
}

int
daemon_start(struct arena *a, const struct cluster_dir *d, struct clock *clock, const char **ret_server,
             struct kerr *reterr)
{
  char name[] = "dralab", serve[] = "serve", name_flag[] = "--name", ready_flag[] = "--ready-fd=3";
  char *argv[] = { name, serve, name_flag, arena_strdup(a, d->name), ready_flag, NULL };
  char *log = cluster_dir_file(a, d, "dralab.log");
  _cleanup_close_ int read_end = -1, write_end = -1;
  _cleanup_strbuf_ struct strbuf line;
  int fds[2], r;
  bool late;
  pid_t pid;

  strbuf_init(&line, CEIL_LOG_LINE);
  if (pipe2(fds, O_CLOEXEC) < 0)
    return kerr_errno(reterr, errno, "pipe");
  read_end = fds[0];
  write_end = fds[1];
  r = spawn(argv, log, write_end, &pid, reterr);
  if (r < 0)
    return r;
  close(write_end);
  write_end = -1;
  r = read_line(read_end, clock, clock_mono(clock) + START_TIMEOUT, &line, &late);
  if (line.n && line.p[line.n - 1] == '\n')
    line.p[--line.n] = '\0';
  if (r == 0 && strncmp(line.p, "ready ", 6) == 0) {
    *ret_server = arena_strdup(a, line.p + 6);
    return 0;
  }
  if (strncmp(line.p, "error ", 6) == 0)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "%s", line.p + 6);
  (void)kill(pid, SIGTERM);
  return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "the cluster's process %s; see %s",
                  late ? "did not become ready in time" : "ended before it was ready", log);
}

int
daemon_stop(const struct cluster_dir *d, struct clock *clock, struct kerr *reterr)
{
  int64_t deadline = clock_mono(clock) + STOP_TIMEOUT;
  pid_t pid = cluster_dir_pid(d);

  if (pid <= 0)
    return 0;
  if (kill(pid, SIGTERM) < 0 && errno != ESRCH)
    return kerr_errno(reterr, errno, "cannot stop the cluster's process %d", (int)pid);
  while (cluster_dir_pid(d) == pid) {
    if (clock_mono(clock) > deadline) {
      (void)kill(pid, SIGKILL);
      deadline = clock_mono(clock) + KILL_TIMEOUT;
    }
    (void)poll(NULL, 0, (int)(POLL_NS / CLOCK_MS));
  }
  return 0;
}
