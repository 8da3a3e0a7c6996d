/*
 * sandbox-init: from a plan to a running container, and its minder until the end.
 *
 * Two processes. The minder (this one) stays outside: it reads the container's
 * output into the log, passes signals on, and writes state.json, which is all
 * that the node agent knows of the container. Its child becomes process 1 of
 * new namespaces, puts the file system together and executes the command. If
 * the minder dies, the kernel kills the child.
 *
 * Signals to the minder: TERM - the container's stop signal; USR1 - kill it.
 * Descriptor STATUS_FD closes when state.json says for the first time whether
 * the container runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "ceilings.h"
#include "clock.h"
#include "container.h"
#include "fs.h"
#include "node_agent.h"
#include "sandbox_internal.h"
#include "sandbox_plan.h"

/* As containerd and runc report a container whose process could not be started. */
#define START_PREFIX                                                                                              \
  "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: " \
  "unable to start container process: "

struct minder {
  struct arena *a;
  const struct json *plan;
  struct cri_log log;
  pid_t child;
  int out, err, report; /* read ends */
  int64_t started_at;
};

static int64_t
wall_now(void)
{
  struct timespec t;

  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * CLOCK_SEC + t.tv_nsec;
}

/* -- the child: process 1 of the container -- */

static const struct {
  const char *name;
  int nr;
} caps[] = {
  { "CHOWN", 0 },
  { "DAC_OVERRIDE", 1 },
  { "DAC_READ_SEARCH", 2 },
  { "FOWNER", 3 },
  { "FSETID", 4 },
  { "KILL", 5 },
  { "SETGID", 6 },
  { "SETUID", 7 },
  { "SETPCAP", 8 },
  { "LINUX_IMMUTABLE", 9 },
  { "NET_BIND_SERVICE", 10 },
  { "NET_BROADCAST", 11 },
  { "NET_ADMIN", 12 },
  { "NET_RAW", 13 },
  { "IPC_LOCK", 14 },
  { "IPC_OWNER", 15 },
  { "SYS_MODULE", 16 },
  { "SYS_RAWIO", 17 },
  { "SYS_CHROOT", 18 },
  { "SYS_PTRACE", 19 },
  { "SYS_PACCT", 20 },
  { "SYS_ADMIN", 21 },
  { "SYS_BOOT", 22 },
  { "SYS_NICE", 23 },
  { "SYS_RESOURCE", 24 },
  { "SYS_TIME", 25 },
  { "SYS_TTY_CONFIG", 26 },
  { "MKNOD", 27 },
  { "LEASE", 28 },
  { "AUDIT_WRITE", 29 },
  { "AUDIT_CONTROL", 30 },
  { "SETFCAP", 31 },
  { "MAC_OVERRIDE", 32 },
  { "MAC_ADMIN", 33 },
  { "SYSLOG", 34 },
  { "WAKE_ALARM", 35 },
  { "BLOCK_SUSPEND", 36 },
  { "AUDIT_READ", 37 },
  { "PERFMON", 38 },
  { "BPF", 39 },
  { "CHECKPOINT_RESTORE", 40 },
};

static uint64_t
caps_mask(const struct json *list)
{
  uint64_t mask = 0;

  for (json_each_item (p, list)) {
    if (strcmp(json_str(*p), "ALL") == 0)
      return ~(uint64_t)0;
    for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
      if (strcasecmp(caps[i].name, json_str(*p)) == 0)
        mask |= (uint64_t)1 << caps[i].nr;
  }
  return mask;
}

/* Forget every capability that is not in `mask`, for good. */
static int
drop_bounding(uint64_t mask, struct kerr *reterr)
{
  for (int c = 0; c < 64; c++)
    if (!(mask >> c & 1) && prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
      return kerr_errno(reterr, errno, "dropping capability %d", c);
  return 0;
}

static int
set_caps(uint64_t mask, struct kerr *reterr)
{
  struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2];

  if (syscall(SYS_capget, &head, data) < 0)
    return kerr_errno(reterr, errno, "capget");
  for (size_t i = 0; i < 2; i++) {
    uint32_t part = (uint32_t)(mask >> (32 * i));
    data[i].permitted &= part;
    data[i].effective = data[i].permitted;
    data[i].inheritable = 0;
  }
  return syscall(SYS_capset, &head, data) < 0 ? kerr_errno(reterr, errno, "capset") : 0;
}

/* Root of a user namespace that somebody else made without privilege (unshare -r) has the groups it has. */
static bool
groups_denied(void)
{
  char text[8] = "";
  _cleanup_close_ int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);

  return fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strncmp(text, "deny", 4) == 0;
}

static int
set_ids(struct arena *a, const struct json *process, bool userns, struct kerr *reterr)
{
  const struct json *groups = json_get(process, "groups");
  gid_t *list = arena_array_of(a, gid_t, json_count(groups) + 1), gid = (gid_t)json_get_int(process, "gid", 0);
  uid_t uid = (uid_t)json_get_int(process, "uid", 0);
  size_t n = 0;

  if (userns) /* one id is mapped, and it is ours already */
    return 0;
  list[n++] = gid;
  for (json_each_item (p, groups))
    list[n++] = (gid_t)json_int_or(*p, 0);
  if ((setgroups(n, list) < 0 && !groups_denied()) || setresgid(gid, gid, gid) < 0)
    return kerr_errno(reterr, errno, "setting groups");
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 || setresuid(uid, uid, uid) < 0)
    return kerr_errno(reterr, errno, "setting user %u", uid);
  return 0;
}

static char **
string_list(struct arena *a, const struct json *list)
{
  char **out = arena_array_of(a, char *, json_count(list) + 1);

  for (size_t i = 0; i < json_count(list); i++)
    out[i] = arena_strdup(a, json_str(json_at(list, i)) ? json_str(json_at(list, i)) : "");
  return out;
}

/* Find the program as runc does, and say as runc does why it cannot be had. */
static int
find_program(struct arena *a, const char *name, char *const *env, const char **ret, struct kerr *reterr)
{
  const char *path = "";
  struct stat st;

  if (strchr(name, '/')) {
    *ret = name;
    if (stat(name, &st) < 0)
      return kerr_set(reterr, KERR_NOT_FOUND, NULL, "exec: \"%s\": stat %s: %s", name, name,
                      errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (S_ISDIR(st.st_mode) || access(name, X_OK) < 0)
      return kerr_set(reterr, KERR_FORBIDDEN, NULL, "exec: \"%s\": %s", name,
                      S_ISDIR(st.st_mode) ? "is a directory" : "permission denied");
    return 0;
  }
  for (; *env; env++)
    if (strncmp(*env, "PATH=", 5) == 0)
      path = *env + 5;
  struct span rest = span_of(path);
  while (rest.p && rest.n) {
    struct span dir = span_cut(rest, ':', &rest);
    *ret = arena_printf(a, "%.*s/%s", SPAN_FMT(dir), name);
    if (*name && stat(*ret, &st) == 0 && S_ISREG(st.st_mode) && access(*ret, X_OK) == 0)
      return 0;
  }
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "exec: \"%s\": executable file not found in $PATH", name);
}

static int
enter(struct arena *a, const struct json *plan, struct sandbox_filter *filter, struct kerr *reterr)
{
  const struct json *process = json_get(plan, "process");
  const char *host = json_get_str_or(plan, "hostname", "localhost"), *cwd = json_get_str_or(process, "cwd", "/"),
             *program = NULL;
  uint64_t mask = caps_mask(json_get(process, "capabilities"));
  char **args = string_list(a, json_get(process, "args")), **env = string_list(a, json_get(process, "env"));
  bool userns = json_get(plan, "userns") != NULL;
  int r;

  if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0)
    return kerr_errno(reterr, errno, "unshare");
  if (sethostname(host, strlen(host) > 63 ? 63 : strlen(host)) < 0)
    return kerr_errno(reterr, errno, "sethostname");
  (void)umask(0); /* device nodes get the mode that the plan says */
  r = sandbox_mounts(a, plan, reterr);
  if (r < 0)
    return r;
  (void)umask(022);
  if (chdir(cwd) < 0 && (mkdir(cwd, 0755) < 0 || chdir(cwd) < 0))
    return kerr_errno(reterr, errno, "chdir to cwd (\"%s\") set in config.json failed", cwd);
  if (json_get_bool(process, "noNewPrivileges", false) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return kerr_errno(reterr, errno, "no_new_privs");
  r = filter ? sandbox_filter_load(filter, reterr) : 0;
  r = r < 0 ? r : drop_bounding(mask, reterr);
  r = r < 0 ? r : set_ids(a, process, userns, reterr);
  r = r < 0 ? r : set_caps(mask, reterr);
  r = r < 0 ? r : find_program(a, args[0], env, &program, reterr);
  if (r < 0)
    return r;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* after the change of user, which clears it */
  (void)execve(program, args, env);
  return kerr_set(reterr, KERR_INTERNAL, NULL, "exec %s: %s", program,
                  errno == ENOEXEC ? "exec format error" : strerror(errno));
}

static void child_main(struct minder *m, struct sandbox_filter *filter, const int out[2], const int err[2],
                       const int report[2]) __attribute__((noreturn));
static void
child_main(struct minder *m, struct sandbox_filter *filter, const int out[2], const int err[2], const int report[2])
{
  struct kerr e = KERR_INIT;
  sigset_t none;
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

  (void)sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  (void)setsid();
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
    (void)kerr_errno(&e, errno, "standard streams");
  else
    (void)enter(m->a, m->plan, filter, &e);
  (void)fs_write_all(report[1], span_of(e.msg));
  _exit(127);
}

/* -- the minder -- */

static int
write_all_to(const char *path, const char *text)
{
  _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

  return fd < 0 ? -errno : fs_write_all(fd, span_of(text));
}

/* Without privilege: a user namespace in which our one id is the container's. */
static int
enter_userns(const struct json *plan, struct kerr *reterr)
{
  const struct json *u = json_get(plan, "userns"), *p = json_get(plan, "process");
  char map[64];
  int r;

  if (!u)
    return 0;
  if (unshare(CLONE_NEWUSER) < 0)
    return kerr_errno(reterr, errno, "user namespace (see: dralab doctor)");
  (void)snprintf(map, sizeof map, "%lld %lld 1\n", (long long)json_get_int(p, "uid", 0),
                 (long long)json_get_int(u, "uid", 0));
  r = write_all_to("/proc/self/uid_map", map);
  if (r == 0)
    r = write_all_to("/proc/self/setgroups", "deny");
  (void)snprintf(map, sizeof map, "%lld %lld 1\n", (long long)json_get_int(p, "gid", 0),
                 (long long)json_get_int(u, "gid", 0));
  if (r == 0 || r == -ENOENT)
    r = write_all_to("/proc/self/gid_map", map);
  return r < 0 ? kerr_errno(reterr, -r, "user namespace") : 0;
}

static void
write_state(struct minder *m, bool started, bool ended, int status, const char *error)
{
  struct json *o = json_new_object(m->a);
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  json_set_int(m->a, o, "pid", getpid());
  json_set_int(m->a, o, "pidStart", container_pid_start(getpid()));
  json_set_int(m->a, o, "child", m->child);
  json_set_bool(m->a, o, "started", started);
  json_set_bool(m->a, o, "ended", ended);
  json_set_int(m->a, o, "startedAt", m->started_at);
  if (ended) {
    json_set_int(m->a, o, "finishedAt", wall_now());
    json_set_int(m->a, o, "exitCode", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    json_set_int(m->a, o, "signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  }
  if (error)
    json_set_str(m->a, o, "error", error);
  strbuf_init(&b, MiB);
  json_write(&b, o, JSON_COMPACT);
  if (fs_write(json_get_str_or(m->plan, "state", ""), strbuf_view(&b), 0644, false, &err) < 0)
    (void)fprintf(stderr, "sandbox-init: %s\n", err.msg);
}

static bool
pump(struct minder *m, int *fd, struct cri_stream *s)
{
  char buf[16384];
  ssize_t n = read(*fd, buf, sizeof buf);

  if (n > 0) {
    cri_log_feed(&m->log, s, span_make(buf, (size_t)n), wall_now());
    return true;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  cri_log_flush(&m->log, s, wall_now());
  fs_closep(fd);
  *fd = -1;
  return false;
}

static void
pass_signal(const struct minder *m, uint32_t signo)
{
  if (signo == SIGTERM || signo == SIGINT)
    (void)kill(m->child, SIGTERM);
  else if (signo == SIGUSR1)
    (void)kill(m->child, SIGKILL);
}

/* Until the child has ended and its output is read. */
static int
mind(struct minder *m, int signals)
{
  struct pollfd fds[3];
  bool gone = false;
  int status = 0;

  while (!gone || m->out >= 0 || m->err >= 0) {
    struct signalfd_siginfo si;

    fds[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = m->out, .events = POLLIN };
    fds[2] = (struct pollfd){ .fd = m->err, .events = POLLIN };
    /* Process 1 took its namespace along; what still holds a pipe open is a stray we do not wait for. */
    int ready = poll(fds, 3, gone ? 500 : -1);
    if (gone && ready == 0)
      break;
    while (read(signals, &si, sizeof si) == (ssize_t)sizeof si)
      if (si.ssi_signo != SIGCHLD)
        pass_signal(m, si.ssi_signo);
    if (!gone && waitpid(m->child, &status, WNOHANG) == m->child)
      gone = true;
    if (m->out >= 0 && fds[1].revents)
      (void)pump(m, &m->out, &m->log.out);
    if (m->err >= 0 && fds[2].revents)
      (void)pump(m, &m->err, &m->log.err);
  }
  cri_log_flush(&m->log, &m->log.out, wall_now());
  cri_log_flush(&m->log, &m->log.err, wall_now());
  return status;
}

/* What the child has to say before its exec; empty: it is running. */
static char *
child_report(struct minder *m)
{
  _cleanup_strbuf_ struct strbuf b;
  char buf[4096];

  strbuf_init(&b, 64 * KiB);
  for (ssize_t n; (n = read(m->report, buf, sizeof buf)) != 0;) {
    if (n < 0 && errno != EINTR)
      break;
    if (n > 0)
      strbuf_add(&b, buf, (size_t)n);
  }
  return b.n ? arena_strdup(m->a, b.p) : NULL;
}

static int
start_child(struct minder *m, struct sandbox_filter *filter, struct kerr *reterr)
{
  int out[2], err[2], report[2];
  int r = enter_userns(m->plan, reterr);

  if (r < 0)
    return r;
  if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0)
    return kerr_errno(reterr, errno, "pipe");
  if (unshare(CLONE_NEWPID) < 0)
    return kerr_errno(reterr, errno, "process namespace (see: dralab doctor)");
  m->child = fork(); /* this process has one thread */
  if (m->child < 0)
    return kerr_errno(reterr, errno, "fork");
  if (m->child == 0)
    child_main(m, filter, out, err, report);
  (void)close(out[1]);
  (void)close(err[1]);
  (void)close(report[1]);
  m->out = out[0];
  m->err = err[0];
  m->report = report[0];
  (void)fcntl(m->out, F_SETFL, O_NONBLOCK);
  (void)fcntl(m->err, F_SETFL, O_NONBLOCK);
  return 0;
}

static int
block_signals(void)
{
  sigset_t set;

  (void)sigfillset(&set);
  (void)sigprocmask(SIG_SETMASK, &set, NULL);
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGCHLD);
  (void)sigaddset(&set, SIGTERM);
  (void)sigaddset(&set, SIGINT);
  (void)sigaddset(&set, SIGUSR1);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The kernel leaves a folder without any permission in an overlay's work directory: the node's directory must be
 * removable. */
static void
open_work_dirs(struct arena *a, const struct json *plan)
{
  for (json_each_item (p, json_get(plan, "steps")))
    if (json_get_str(*p, "work"))
      (void)chmod(arena_printf(a, "%s/work", json_get_str(*p, "work")), 0700);
}

static int
run(struct minder *m, struct sandbox_filter *filter, int signals, struct kerr *reterr)
{
  int r = start_child(m, filter, reterr), status;
  const char *error;

  if (r < 0)
    return r;
  error = child_report(m);
  if (error) {
    (void)waitpid(m->child, &status, 0);
    return kerr_set(reterr, KERR_INTERNAL, NULL, "%s", error);
  }
  m->started_at = wall_now();
  write_state(m, true, false, 0, NULL);
  (void)close(CONTAINER_STATUS_FD);
  status = mind(m, signals);
  open_work_dirs(m->a, m->plan);
  write_state(m, true, true, status, NULL);
  return 0;
}

int
sandbox_init_main(int plan_fd)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf text;
  struct minder m = { .a = a, .out = -1, .err = -1, .report = -1 };
  struct sandbox_filter *filter = NULL;
  struct json *plan = NULL;
  int signals = block_signals();

  (void)setsid();
  (void)prctl(PR_SET_NAME, "dralab-minder", 0, 0, 0);
  strbuf_init(&text, CEIL_MANIFEST);
  if (fs_read_fd(plan_fd, "plan", &text, &err) < 0 || json_parse(a, strbuf_view(&text), NULL, &plan, &err) < 0) {
    (void)fprintf(stderr, "dralab sandbox-init: %s (this command is for the node agent, not for people)\n", err.msg);
    return 2;
  }
  m.plan = plan;
  (void)close(plan_fd);
  (void)fcntl(CONTAINER_STATUS_FD, F_SETFD, FD_CLOEXEC);
  if ((json_get(plan, "seccomp") && sandbox_filter_new(json_get(plan, "seccomp"), &filter, &err) < 0) ||
      cri_log_open(&m.log, json_get_str_or(plan, "log", ""), &err) < 0 || run(&m, filter, signals, &err) < 0) {
    /* Told as one thing that went wrong, in containerd's words: exit code 128, reason StartError. */
    open_work_dirs(a, plan);
    write_state(&m, false, true, 128 << 8, arena_printf(a, START_PREFIX "%s: unknown", err.msg));
    (void)close(CONTAINER_STATUS_FD);
  }
  sandbox_filter_free(filter);
  fs_closep(&m.log.fd);
  return 0;
}
