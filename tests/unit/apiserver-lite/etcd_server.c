#include "etcd_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "number.h"

struct etcd_server {
  pid_t pid;
  char *endpoint;
};

bool
etcd_server_missing(void)
{
  const char *path = getenv("PATH");

  for (struct span rest = span_of(path ? path : ""); rest.p;) {
    struct span dir = span_cut(rest, ':', &rest);
    _cleanup_free_ char *file = mem_printf("%.*s/etcd", SPAN_FMT(dir));

    if (access(file, X_OK) == 0)
      return false;
  }
  printf("# SKIP etcd is not installed (Debian: etcd-server)\n");
  return true;
}

struct etcd_server *
etcd_server_start(const char *dir)
{
  struct etcd_server *e = mem_alloc(sizeof *e);

  e->endpoint = mem_printf("unix://%s/etcd:0", dir);
  e->pid = fork();
  assert_true(e->pid >= 0);
  if (e->pid > 0)
    return e;
  int log = chdir(dir) == 0 ? open("log", O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

  if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
    _exit(127);
  execlp("etcd", "etcd", "--data-dir", "data", "--listen-client-urls", "unix://etcd:0", "--advertise-client-urls",
         "unix://etcd:0", "--listen-peer-urls", "unix://peer:0", "--initial-advertise-peer-urls", "unix://peer:0",
         "--initial-cluster", "default=unix://peer:0", "--max-request-bytes", "8388608", "--heartbeat-interval", "10",
         "--election-timeout", "50", "--log-level", "warn", "--logger", "zap", (char *)NULL);
  _exit(127);
}

const char *
etcd_server_endpoint(const struct etcd_server *e)
{
  return e->endpoint;
}

void
etcd_server_pause(struct etcd_server *e, bool paused)
{
  assert_int_equal(kill(e->pid, paused ? SIGSTOP : SIGCONT), 0);
}

void
etcd_server_kill(struct etcd_server *e)
{
  if (!e)
    return;
  (void)kill(e->pid, SIGKILL);
  (void)waitpid(e->pid, NULL, 0);
  free(e->endpoint);
  free(e);
}

/* -- the codec -- */

static int
encode(void *payload, struct record *r, struct strbuf *out, struct kerr *reterr)
{
  (void)payload;
  (void)reterr;
  strbuf_int(out, (int64_t)record_stamp_at(r));
  strbuf_putc(out, ':');
  strbuf_span(out, record_bytes(r));
  return 0;
}

static int
decode(void *payload, struct span key, int64_t revision, struct span value, struct record **ret, struct kerr *reterr)
{
  struct span text, stamp = span_cut(value, ':', &text);
  int64_t at;

  (void)payload;
  if (!span_starts(key, SPAN("/")))
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "not a key of objects");
  if (!text.p || !number_int64(stamp, &at))
    return kerr_set(reterr, KERR_PARSE, NULL, "no stamp");
  *ret = record_new(key, revision, text, (size_t)at);
  return 0;
}

static int64_t
ttl(void *payload, struct span key)
{
  (void)payload;
  return span_starts(key, SPAN("/mortal/")) ? 1 : 0;
}

const struct store_codec etcd_test_codec = { .encode = encode, .decode = decode, .ttl = ttl };
