#include "etcd_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

/* In the folder, with its output in a file there. */
static struct etcd_server *
run(const char *dir, char *endpoint, const char *const *more, size_t n)
{
  const char *argv[32] = { "etcd",
                           "--data-dir=data",
                           "--listen-peer-urls=unix://peer:0",
                           "--initial-advertise-peer-urls=unix://peer:0",
                           "--initial-cluster=default=unix://peer:0",
                           "--max-request-bytes=8388608",
                           "--heartbeat-interval=10",
                           "--election-timeout=50",
                           "--log-level=warn",
                           "--logger=zap" };
  struct etcd_server *e = mem_alloc(sizeof *e);
  size_t at = 10;

  for (size_t i = 0; i < n; i++)
    argv[at++] = more[i];
  e->endpoint = endpoint;
  e->pid = fork();
  assert_true(e->pid >= 0);
  if (e->pid > 0)
    return e;
  int log = chdir(dir) == 0 ? open("log", O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

  for (char **name = (char *[]){ (char[]){ "etcd:0" }, (char[]){ "elsewhere:0" }, (char[]){ "peer:0" }, NULL }; *name;
       name++)
    (void)unlink(*name); /* what one that was killed has left, and a new one would stumble over */
  if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
    _exit(127);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
  execvp("etcd", (char *const *)(uintptr_t)argv);
  _exit(127);
}

struct etcd_server *
etcd_server_start(const char *dir, const char *name)
{
  _cleanup_free_ char *listen = mem_printf("--listen-client-urls=unix://%s:0", name),
                      *advertise = mem_printf("--advertise-client-urls=unix://%s:0", name);
  const char *const more[] = { listen, advertise };

  return run(dir, mem_printf("unix://%s/%s:0", dir, name), more, ARRAY_SIZE(more));
}

static int
free_port(void)
{
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t n = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
  close(fd);
  return ntohs(at.sin_port);
}

struct etcd_server *
etcd_server_start_tls(const char *dir, const char *pki)
{
  int port = free_port();
  _cleanup_free_ char *listen = mem_printf("--listen-client-urls=https://127.0.0.1:%d", port),
                      *advertise = mem_printf("--advertise-client-urls=https://127.0.0.1:%d", port),
                      *ca = mem_printf("--trusted-ca-file=%s/ca.crt", pki),
                      *cert = mem_printf("--cert-file=%s/apiserver.crt", pki),
                      *key = mem_printf("--key-file=%s/apiserver.key", pki);
  const char *const more[] = { listen, advertise, ca, cert, key, "--client-cert-auth" };

  return run(dir, mem_printf("https://127.0.0.1:%d", port), more, ARRAY_SIZE(more));
}

const char *
etcd_server_endpoint(const struct etcd_server *e)
{
  return e->endpoint;
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
