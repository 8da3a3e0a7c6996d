#include "etcd_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ceilings.h"
#include "fs.h"
#include "number.h"
#include "thread.h"

#define PID_FILE "etcd.pid"
/* How "etcd:0" is said to etcd; the file that appears in its folder has that name. */
#define SOCKET "etcd:0"
#define PEER   "peer:0"

/* It is started again after a pause, longer each time it has not lived long. */
#define PAUSE_MIN (100 * CLOCK_MS)
#define PAUSE_MAX (5 * CLOCK_SEC)
#define LONG_LIFE (30 * CLOCK_SEC)
/* After SIGTERM. */
#define GRACE (5 * CLOCK_SEC)

struct etcd_process {
  char *program, *dir, *endpoint;
  int folder; /* a descriptor of `dir` */
  struct clock *clock;
  struct log *log;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pid_t pid; /* 0: none just now */
  bool stopping;
};

/* -- finding it -- */

static char *
find_program(const char *name)
{
  const char *path = getenv("PATH");

  for (struct span rest = span_of(path ? path : "/usr/local/bin:/usr/bin:/bin"); rest.p;) {
    struct span dir = span_cut(rest, ':', &rest);
    char *file = mem_printf("%.*s/%s", SPAN_FMT(dir), name);

    if (dir.n && access(file, X_OK) == 0)
      return file;
    free(file);
  }
  return NULL;
}

/* -- what an earlier run has left -- */

/* Does `pid` run in our folder, and is it an etcd? A number in a file proves nothing. */
static bool
is_our_orphan(const struct etcd_process *p, pid_t pid)
{
  _cleanup_free_ char *cwd = mem_printf("/proc/%d/cwd", (int)pid), *exe = mem_printf("/proc/%d/exe", (int)pid);
  char in[4096], *mine = realpath(p->dir, NULL), what[4096];
  ssize_t n = readlink(cwd, in, sizeof in), k = readlink(exe, what, sizeof what);
  bool ours = mine && n > 0 && k > 0 && span_eq(span_make(in, (size_t)n), span_of(mine)) &&
              memmem(what, (size_t)k, "/etcd", 5) != NULL;

  free(mine);
  return ours;
}

static void
end_orphan(struct etcd_process *p)
{
  _cleanup_free_ char *file = mem_printf("%s/" PID_FILE, p->dir);
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr ignored = KERR_INIT; /* no file: no orphan */
  int64_t pid, until = clock_mono(p->clock) + GRACE;

  if (fs_read(file, &text, &ignored) < 0 || !number_int64(span_trim(strbuf_view(&text)), &pid) || pid <= 1 ||
      pid > INT32_MAX || !is_our_orphan(p, (pid_t)pid))
    return;
  log_info(p->log, "etcd", "ending process %" PRId64 ", which an earlier run has left", pid);
  (void)kill((pid_t)pid, SIGTERM);
  while (is_our_orphan(p, (pid_t)pid)) {
    if (clock_mono(p->clock) > until)
      (void)kill((pid_t)pid, SIGKILL);
    (void)poll(NULL, 0, 10);
  }
}

/* -- starting it -- */

static char *const arguments[] = {
  (char[]){ "etcd" },
  (char[]){ "--data-dir=data" },
  (char[]){ "--listen-client-urls=unix://" SOCKET },
  (char[]){ "--advertise-client-urls=unix://" SOCKET },
  (char[]){ "--listen-peer-urls=unix://" PEER },
  (char[]){ "--initial-advertise-peer-urls=unix://" PEER },
  (char[]){ "--initial-cluster=default=unix://" PEER },
  (char[]){ "--max-request-bytes=8388608" }, /* more than an object may have */
  (char[]){ "--heartbeat-interval=50" },     /* a member alone need not wait long for its own vote */
  (char[]){ "--election-timeout=250" },
  (char[]){ "--logger=zap" },
  (char[]){ "--log-level=warn" },
  NULL,
};

static int
spawn(struct etcd_process *p, pid_t *ret, struct kerr *reterr)
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
  posix_spawnattr_setpgroup(&attr, 0); /* a terminal's ^C is for us, who end it in order */
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_addchdir_np(&files, p->dir);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "etcd.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  r = posix_spawn(ret, p->program, &files, &attr, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attr);
  return r ? kerr_errno(reterr, r, "cannot start %s", p->program) : 0;
}

static int
start(struct etcd_process *p, struct kerr *reterr)
{
  _cleanup_free_ char *file = mem_printf("%s/" PID_FILE, p->dir), *text = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  pid_t pid;

  (void)unlinkat(p->folder, SOCKET, 0); /* one that was killed leaves them, and the next stumbles over them */
  (void)unlinkat(p->folder, PEER, 0);
  if (spawn(p, &pid, reterr) < 0)
    return -(int)reterr->code;
  pthread_mutex_lock(&p->lock);
  p->pid = pid;
  pthread_mutex_unlock(&p->lock);
  text = mem_printf("%d\n", (int)pid);
  if (fs_write(file, span_of(text), 0600, false, &err) < 0)
    log_warn(p->log, "etcd", "%s, ignoring", err.msg);
  return 0;
}

/* -- keeping it -- */

static void
tell_end(struct etcd_process *p, int status)
{
  if (WIFSIGNALED(status))
    log_error(p->log, "etcd", "ended by signal %d (see %s/etcd.log), starting it again", WTERMSIG(status), p->dir);
  else
    log_error(p->log, "etcd", "ended with code %d (see %s/etcd.log), starting it again", WEXITSTATUS(status), p->dir);
}

/* Until it is time; true: to stop. */
static bool
pause_for(struct etcd_process *p, int64_t ns)
{
  int64_t until = clock_mono(p->clock) + ns;
  bool stopping;

  pthread_mutex_lock(&p->lock);
  while (!p->stopping && clock_cond_wait(p->clock, &p->changed, &p->lock, until))
    ;
  stopping = p->stopping;
  pthread_mutex_unlock(&p->lock);
  return stopping;
}

/* Waits for the process to end; true: because it was told to. */
static bool
outlive(struct etcd_process *p)
{
  int status = 0;
  bool stopping;

  while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
    ;
  pthread_mutex_lock(&p->lock);
  p->pid = 0;
  stopping = p->stopping;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
  if (!stopping)
    tell_end(p, status);
  return stopping;
}

static void *
keep(void *arg)
{
  struct etcd_process *p = arg;
  int64_t pause = PAUSE_MIN, since = clock_mono(p->clock);

  while (!outlive(p)) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (clock_mono(p->clock) - since > LONG_LIFE)
      pause = PAUSE_MIN;
    do {
      kerr_release(&err);
      if (pause_for(p, pause))
        return NULL;
      pause = 2 * pause < PAUSE_MAX ? 2 * pause : PAUSE_MAX;
      since = clock_mono(p->clock);
      if (start(p, &err) < 0)
        log_error(p->log, "etcd", "%s", err.msg);
    } while (err.code != KERR_OK);
  }
  return NULL;
}

/* A socket's path is short; of a folder with a long one there is a shorter way. */
static char *
endpoint_of(const struct etcd_process *p)
{
  if (strlen(p->dir) + sizeof "/" SOCKET <= sizeof((struct sockaddr_un *)NULL)->sun_path)
    return mem_printf("unix://%s/" SOCKET, p->dir);
  return mem_printf("unix:///proc/self/fd/%d/" SOCKET, p->folder);
}

static void
process_free(struct etcd_process *p)
{
  if (p->folder >= 0)
    (void)close(p->folder);
  pthread_cond_destroy(&p->changed);
  pthread_mutex_destroy(&p->lock);
  free(p->program);
  free(p->dir);
  free(p->endpoint);
  free(p);
}

int
etcd_process_start(const char *dir, struct clock *clock, struct log *log, struct etcd_process **ret,
                   struct kerr *reterr)
{
  struct etcd_process *p;
  char *program = find_program("etcd");
  int r;

  if (!program)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL,
                    "--store etcd needs the program etcd on PATH; on Debian and Ubuntu: apt-get install etcd-server; "
                    "elsewhere: https://github.com/etcd-io/etcd/releases");
  p = mem_alloc(sizeof *p);
  p->program = program;
  p->dir = mem_strdup(dir);
  p->folder = -1;
  p->clock = clock;
  p->log = log;
  pthread_mutex_init(&p->lock, NULL);
  clock_cond_init(&p->changed);
  r = fs_mkdirs(dir, 0700, reterr);
  if (r == 0) {
    p->folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    p->endpoint = endpoint_of(p);
    end_orphan(p);
    r = start(p, reterr);
  }
  if (r < 0) {
    process_free(p);
    return r;
  }
  thread_start(&p->thread, "etcd-process", keep, p);
  *ret = p;
  return 0;
}

const char *
etcd_process_endpoint(const struct etcd_process *p)
{
  return p->endpoint;
}

void
etcd_process_stop(struct etcd_process *p)
{
  int64_t until;

  if (!p)
    return;
  until = clock_mono(p->clock) + GRACE;
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  pthread_cond_broadcast(&p->changed);
  if (p->pid > 0)
    (void)kill(p->pid, SIGTERM);
  while (p->pid > 0)
    if (!clock_cond_wait(p->clock, &p->changed, &p->lock, until)) {
      (void)kill(p->pid, SIGKILL);
      until = CLOCK_NEVER;
    }
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  process_free(p);
}
