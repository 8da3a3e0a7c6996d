/*
 * load - loads an API server from outside and prints what it took, one
 * `key value` a line. The same program for every server, so that two figures
 * are a comparison.
 *
 *   load PORT TOKEN PID[,PID...] VERB...     VERB: get create list watch crowd sched-name sched-template
 *
 * CPU is that of the processes named, user and system, from /proc/PID/stat
 * (which counts in hundredths of a second: runs are long enough for that).
 * Objects are looked at by substring; both servers write compact JSON.
 */
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_http.h"
#include "ceilings.h"
#include "clock.h"
#include "strbuf.h"
#include "thread.h"

#define DRA         "/apis/resource.k8s.io/v1"
#define NS          "bench"
#define CLAIMS      DRA "/namespaces/" NS "/resourceclaims"
#define PODS        "/api/v1/namespaces/" NS "/pods"
#define GET_SECONDS 2
#define WATCHERS    50
#define CROWD       1000
#define EVENTS      100
#define SLICES      1000
#define NODES       100
#define GPUS        8
#define PODS_N      500
#define WORKERS_MAX 8

static const char *token;
static const char *pids;
static int port;
static struct clock *clk;

/* -- measuring -- */

static double
cpu_seconds(void)
{
  double sum = 0;

  for (const char *p = pids; *p;) {
    char path[64], text[1024], *end;
    unsigned long user = 0, sys = 0;
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "/proc/%ld/stat", strtol(p, &end, 10));
    p = *end == ',' ? end + 1 : end;
    f = fopen(path, "re");
    if (!f)
      bench_fail("%s: %m", path);
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    end = strrchr(text, ')'); /* the name may hold anything */
    if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
      bench_fail("%s: not understood", path);
    sum += (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
  }
  return sum;
}

static double
seconds_since(int64_t t)
{
  return (double)(clock_mono(clk) - t) / (double)CLOCK_SEC;
}

static int
by_size(const void *x, const void *y)
{
  int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

  return (a > b) - (a < b);
}

static void
print_quantiles(const char *key, int64_t *ns, size_t n)
{
  qsort(ns, n, sizeof *ns, by_size);
  printf("%s_p50_ms %.3f\n%s_p99_ms %.3f\n", key, (double)ns[n / 2] / 1e6, key, (double)ns[n * 99 / 100] / 1e6);
}

/* -- work for several connections at once -- */

struct crew {
  int n;         /* pieces of work */
  int64_t until; /* or a moment to stop at */
  void (*work)(struct bench_conn *c, int i);
  atomic_int next;
};

static void *
crew_member(void *arg)
{
  struct crew *w = arg;
  struct bench_conn *c = bench_conn_open(port, token);

  for (int i; (i = atomic_fetch_add(&w->next, 1)) < w->n && (!w->until || clock_mono(clk) < w->until);)
    w->work(c, i);
  bench_conn_close(c);
  return NULL;
}

/* Returns how many pieces were done. */
static int
crew_run(int workers, int n, double seconds, void (*work)(struct bench_conn *c, int i))
{
  struct crew w = { .n = n, .until = seconds > 0 ? clock_mono(clk) + (int64_t)(seconds * 1e9) : 0, .work = work };
  pthread_t t[WORKERS_MAX];
  int begun;

  for (int i = 0; i < workers; i++)
    thread_start(&t[i], "load", crew_member, &w);
  for (int i = 0; i < workers; i++)
    pthread_join(t[i], NULL);
  begun = atomic_load(&w.next);
  return begun - workers;
}

static void
print_rate(const char *key, int n, int64_t from, double cpu)
{
  double wall = seconds_since(from);

  printf("%s_cpu_us %.1f\n%s_per_s %.1f\n", key, (cpu_seconds() - cpu) * 1e6 / n, key, n / wall);
  fflush(stdout);
}

/* -- objects -- */

static struct span
must(struct bench_conn *c, const char *method, const char *path, const char *body)
{
  struct span answer = { 0 };
  int status = bench_call(c, method, path, body, &answer);

  if (status != 200 && status != 201 && status != 409)
    bench_fail("%s %s: %d %.*s", method, path, status, (int)(answer.n < 300 ? answer.n : 300), answer.p);
  return answer;
}

static void
make_claim(struct bench_conn *c, const char *prefix, int i)
{
  _cleanup_free_ char *o = mem_printf(
      "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"ResourceClaim\",\"metadata\":{\"name\":\"%s-%d\"},\"spec\":{"
      "\"devices\":{\"requests\":[{\"name\":\"gpu\",\"exactly\":{\"deviceClassName\":\"bench-gpu\"}}]}}}",
      prefix, i);

  must(c, "POST", CLAIMS, o);
}

static void
make_slice(struct bench_conn *c, int i)
{
  struct strbuf b = STRBUF_INIT(CEIL_REQUEST_BODY);

  strbuf_printf(
      &b,
      "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"ResourceSlice\",\"metadata\":{\"name\":\"slice-%d\"},"
      "\"spec\":{\"driver\":\"gpu.bench.example.com\",\"nodeName\":\"node-%d\",\"pool\":{\"name\":\"node-%d\","
      "\"generation\":1,\"resourceSliceCount\":1},\"devices\":[",
      i, i, i);
  for (int k = 0; k < GPUS; k++)
    strbuf_printf(
        &b,
        "%s{\"name\":\"gpu-%d\",\"attributes\":{\"model\":{\"string\":\"LATEST-GPU-MODEL\"},\"index\":{\"int\":"
        "%d},\"uuid\":{\"string\":\"gpu-%d-%d\"},\"driverVersion\":{\"version\":\"1.0.0\"}},\"capacity\":{"
        "\"memory\":{\"value\":\"80Gi\"}}}",
        k ? "," : "", k, k, i, k);
  strbuf_puts(&b, "]}}");
  must(c, "POST", DRA "/resourceslices", b.p);
  strbuf_release(&b);
}

static void
make_node(struct bench_conn *c, int i)
{
  char now[CLOCK_TEXT_MAX];
  _cleanup_free_ char *path = mem_printf("/api/v1/nodes/node-%d", i);
  _cleanup_free_ char *o = NULL;

  clock_rfc3339(clock_wall(clk), false, now);
  o = mem_printf(
      "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"node-%d\",\"labels\":{\"kubernetes.io/"
      "hostname\":"
      "\"node-%d\"}},\"status\":{\"capacity\":{\"cpu\":\"64\",\"memory\":\"256Gi\",\"pods\":\"250\"},\"allocatable\":{"
      "\"cpu\":\"64\",\"memory\":\"256Gi\",\"pods\":\"250\"},\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
      "\"reason\":\"KubeletReady\",\"message\":\"ready\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\"}]}"
      "}",
      i, i, now, now);
  must(c, "POST", "/api/v1/nodes", o);
  free(o); /* a new node may be given a taint until it is seen to be ready */
  o = mem_printf("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"node-%d\",\"labels\":{"
                 "\"kubernetes.io/hostname\":\"node-%d\"}},\"spec\":{}}",
                 i, i);
  must(c, "PUT", path, o);
  make_slice(c, i);
}

static void
make_namespace(struct bench_conn *c, bool service_account)
{
  int tries = 0;

  must(c, "POST", "/api/v1/namespaces",
       "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"" NS "\"}}");
  while (service_account &&
         bench_call(c, "GET", "/api/v1/namespaces/" NS "/serviceaccounts/default", NULL, NULL) != 200) {
    if (++tries > 200)
      bench_fail("namespace " NS " gets no service account: do the controllers run?");
    clock_sleep(clk, 50 * CLOCK_MS);
  }
}

/* The first resourceVersion in a text: of a list its own, of an event the object's. */
static long
revision_in(struct span text)
{
  static const char key[] = "\"resourceVersion\":\"";
  const char *at = memmem(text.p, text.n, key, sizeof key - 1);

  if (!at)
    bench_fail("no resourceVersion in %.*s", (int)(text.n < 300 ? text.n : 300), text.p);
  return strtol(at + sizeof key - 1, NULL, 10);
}

/* -- following a collection: a watch that is opened again where a server ends it -- */

struct follow {
  struct bench_conn *conn;
  const char *collection;
  long revision; /* the last one seen */
  int ended;
};

static void
follow_open(struct follow *f)
{
  _cleanup_free_ char *path =
      mem_printf("%s?watch=1&timeoutSeconds=300&resourceVersion=%ld", f->collection, f->revision);

  f->conn = bench_conn_open(port, token);
  bench_watch(f->conn, path);
}

static struct span
follow_line(struct follow *f)
{
  static const char error[] = "{\"type\":\"ERROR\"";
  struct span line;

  while (!(line = bench_watch_line(f->conn)).p) {
    if (++f->ended > 100)
      bench_fail("watch %s does not stay open", f->collection);
    bench_conn_close(f->conn);
    follow_open(f);
  }
  if (span_starts(line, SPAN(error)))
    bench_fail("watch %s: %.*s", f->collection, (int)(line.n < 300 ? line.n : 300), line.p);
  f->revision = revision_in(line);
  return line;
}

static void
follow_close(struct follow *f)
{
  bench_conn_close(f->conn);
  if (f->ended)
    fprintf(stderr, "bench: the server ended a watch of %s %d times; it was resumed\n", f->collection, f->ended);
}

/* The number of an object called PREFIX-N (the first name in its text is its own), or -1. */
static int
object_number(struct span object, const char *prefix)
{
  static const char key[] = "\"name\":\"";
  const char *at = memmem(object.p, object.n, key, sizeof key - 1);
  size_t n = strlen(prefix);

  if (!at || strncmp(at + sizeof key - 1, prefix, n) != 0 || at[sizeof key - 1 + n] != '-')
    return -1;
  return atoi(at + sizeof key + n);
}

/* -- get, create, list -- */

static void
get_one(struct bench_conn *c, int i)
{
  (void)i;
  must(c, "GET", CLAIMS "/get-0", NULL);
}

static void
run_get(struct bench_conn *c)
{
  make_namespace(c, false);
  make_claim(c, "get", 0);
  for (int workers = 1; workers <= 8; workers += 7) {
    int64_t t = clock_mono(clk);
    double cpu = cpu_seconds();

    print_rate(workers == 1 ? "get1" : "get8", crew_run(workers, INT32_MAX / 2, GET_SECONDS, get_one), t, cpu);
  }
}

static void
create_one(struct bench_conn *c, int i)
{
  make_claim(c, "one", i);
}

static void
create_eight(struct bench_conn *c, int i)
{
  make_claim(c, "eight", i);
}

static void
run_create(struct bench_conn *c)
{
  int64_t t = clock_mono(clk);
  double cpu = cpu_seconds();

  make_namespace(c, false);
  print_rate("create1", crew_run(1, 500, 0, create_one), t, cpu);
  t = clock_mono(clk);
  cpu = cpu_seconds();
  print_rate("create8", crew_run(8, 2000, 0, create_eight), t, cpu);
}

static void
list_slices(struct bench_conn *c, int i)
{
  (void)i;
  must(c, "GET", DRA "/resourceslices", NULL);
}

static void
run_list(struct bench_conn *c)
{
  double cpu;
  int64_t t;

  (void)c;
  crew_run(4, SLICES, 0, make_slice);
  cpu = cpu_seconds();
  t = clock_mono(clk);
  print_rate("list", crew_run(1, INT32_MAX / 2, GET_SECONDS, list_slices), t, cpu);
}

/* -- watch fan-out -- */

static _Atomic(int64_t) sent[EVENTS];
static atomic_int watching;

struct watcher {
  struct follow follow;
  const char *prefix; /* of the objects that are waited for */
  int64_t took[EVENTS];
};

static void *
watch_events(void *arg)
{
  struct watcher *w = arg;

  follow_open(&w->follow);
  atomic_fetch_add(&watching, 1);
  for (int seen = 0; seen < EVENTS;) {
    int i = object_number(follow_line(&w->follow), w->prefix);

    if (i < 0)
      continue;
    w->took[i] = clock_mono(clk) - atomic_load(&sent[i]);
    seen++;
  }
  follow_close(&w->follow);
  return NULL;
}

/* `key`: what the figures are called. `pause`: between two events. */
static void
fan_out(struct bench_conn *c, const char *key, int watchers, int64_t pause)
{
  _cleanup_free_ struct watcher *w = mem_calloc((size_t)watchers, sizeof *w);
  _cleanup_free_ int64_t *took = mem_calloc((size_t)watchers * EVENTS, sizeof *took);
  _cleanup_free_ pthread_t *t = mem_calloc((size_t)watchers, sizeof *t);
  long revision;
  double cpu;

  make_namespace(c, false);
  revision = revision_in(must(c, "GET", CLAIMS, NULL));
  atomic_store(&watching, 0);
  for (int i = 0; i < watchers; i++) {
    w[i] = (struct watcher){ .follow = { .collection = CLAIMS, .revision = revision }, .prefix = key };
    thread_start(&t[i], "watcher", watch_events, &w[i]);
  }
  while (atomic_load(&watching) < watchers)
    clock_sleep(clk, 10 * CLOCK_MS);
  clock_sleep(clk, 200 * CLOCK_MS);
  cpu = cpu_seconds();
  for (int i = 0; i < EVENTS; i++) {
    atomic_store(&sent[i], clock_mono(clk));
    make_claim(c, key, i);
    clock_sleep(clk, pause);
  }
  for (int i = 0; i < watchers; i++) {
    pthread_join(t[i], NULL);
    memcpy(took + (size_t)i * EVENTS, w[i].took, sizeof w[i].took);
  }
  printf("%s_cpu_us %.1f\n", key, (cpu_seconds() - cpu) * 1e6 / (watchers * EVENTS));
  print_quantiles(key, took, (size_t)watchers * EVENTS);
}

static void
run_watch(struct bench_conn *c)
{
  fan_out(c, "watch", WATCHERS, 5 * CLOCK_MS);
}

/* With events faster than a thousand watchers can read them one by one. */
static void
run_crowd(struct bench_conn *c)
{
  fan_out(c, "crowd", CROWD, CLOCK_MS);
}

/* -- scheduling -- */

static bool from_template;
static _Atomic(int64_t) pod_made[PODS_N];
static int64_t pod_took[PODS_N];

static void
make_pod(struct bench_conn *c, const char *prefix, int i)
{
  _cleanup_free_ char *ref = from_template ? mem_strdup("\"resourceClaimTemplateName\":\"one-gpu\"")
                                           : mem_printf("\"resourceClaimName\":\"%s-%d\"", prefix, i);
  _cleanup_free_ char *o = mem_printf(
      "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s-%d\"},\"spec\":{"
      "\"resourceClaims\":[{\"name\":\"gpu\",%s}],\"containers\":[{\"name\":\"c\",\"image\":\"busybox\",\"resources\":{"
      "\"claims\":[{\"name\":\"gpu\"}]}}]}}",
      prefix, i, ref);

  if (!from_template)
    make_claim(c, prefix, i);
  must(c, "POST", PODS, o);
}

static void
make_pods(struct bench_conn *c, int i)
{
  atomic_store(&pod_made[i], clock_mono(clk));
  make_pod(c, "many", i);
}

struct bound {
  struct follow follow;
  const char *prefix;
  int n;
};

static void *
wait_bound(void *arg)
{
  static const char key[] = "\"nodeName\":\"";
  struct bound *b = arg;

  follow_open(&b->follow);
  atomic_fetch_add(&watching, 1);
  for (int seen = 0; seen < b->n;) {
    struct span line = follow_line(&b->follow);
    int i = object_number(line, b->prefix);

    if (i < 0 || i >= PODS_N || pod_took[i] || !memmem(line.p, line.n, key, sizeof key - 1))
      continue;
    pod_took[i] = clock_mono(clk) - atomic_load(&pod_made[i]);
    seen++;
  }
  follow_close(&b->follow);
  return NULL;
}

static void
start_bound(pthread_t *t, struct bound *b)
{
  memset(pod_took, 0, sizeof pod_took);
  atomic_store(&watching, 0);
  thread_start(t, "bound", wait_bound, b);
  while (!atomic_load(&watching))
    clock_sleep(clk, CLOCK_MS);
}

static int
count_allocated(struct bench_conn *c)
{
  static const char key[] = "\"allocation\":{";
  struct span list = must(c, "GET", CLAIMS, NULL);
  int n = 0;

  for (const char *p = list.p; (p = memmem(p, list.n - (size_t)(p - list.p), key, sizeof key - 1)); p++)
    n++;
  return n;
}

static void
run_sched(struct bench_conn *c)
{
  struct bound b = { .prefix = "first", .n = 1 };
  pthread_t t;
  int64_t from;
  double cpu;
  int allocated;

  make_namespace(c, true);
  must(
      c, "POST", DRA "/deviceclasses",
      "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"DeviceClass\",\"metadata\":{\"name\":\"bench-gpu\"},\"spec\":{"
      "\"selectors\":[{\"cel\":{\"expression\":\"device.driver == \\\"gpu.bench.example.com\\\"\"}}]}}");
  must(c, "POST", DRA "/namespaces/" NS "/resourceclaimtemplates",
       "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"ResourceClaimTemplate\",\"metadata\":{\"name\":\"one-gpu\"},"
       "\"spec\":{\"spec\":{\"devices\":{\"requests\":[{\"name\":\"gpu\",\"exactly\":{\"deviceClassName\":\"bench-"
       "gpu\"}}]}"
       "}}}");
  crew_run(4, NODES, 0, make_node);
  clock_sleep(clk, 1 * CLOCK_SEC); /* the informers have seen them */
  b.follow = (struct follow){ .collection = PODS, .revision = revision_in(must(c, "GET", PODS, NULL)) };
  start_bound(&t, &b);
  atomic_store(&pod_made[0], clock_mono(clk));
  make_pod(c, "first", 0);
  pthread_join(t, NULL);
  printf("first_pod_ms %.2f\n", (double)pod_took[0] / 1e6);

  b.prefix = "many";
  b.n = PODS_N;
  start_bound(&t, &b);
  cpu = cpu_seconds();
  from = clock_mono(clk);
  crew_run(8, PODS_N, 0, make_pods);
  pthread_join(t, NULL);
  print_rate("pods", PODS_N, from, cpu);
  allocated = count_allocated(c);
  if (allocated != PODS_N + 1)
    bench_fail("%d claims are allocated, not %d", allocated, PODS_N + 1);
  print_quantiles("pods", pod_took, PODS_N);
}

static const struct verb {
  const char *name;
  void (*run)(struct bench_conn *c);
  bool from_template;
} verbs[] = {
  { "get", run_get, false },
  { "create", run_create, false },
  { "list", run_list, false },
  { "watch", run_watch, false },
  { "crowd", run_crowd, false },
  { "sched-name", run_sched, false },
  { "sched-template", run_sched, true },
};

int
main(int argc, char **argv)
{
  if (argc < 5)
    bench_fail("usage: load PORT TOKEN PID[,PID...] VERB...");
  port = atoi(argv[1]);
  token = argv[2];
  pids = argv[3];
  clk = clock_new_real();
  gnutls_global_init();
  for (int i = 4; i < argc; i++) {
    const struct verb *v = verbs;
    struct bench_conn *c = bench_conn_open(port, token);

    while (v < verbs + ARRAY_SIZE(verbs) && strcmp(v->name, argv[i]) != 0)
      v++;
    if (v == verbs + ARRAY_SIZE(verbs))
      bench_fail("no such verb: %s", argv[i]);
    from_template = v->from_template;
    v->run(c);
    bench_conn_close(c);
  }
  clock_free(clk);
  return 0;
}
