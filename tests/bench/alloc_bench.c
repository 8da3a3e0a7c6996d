/*
 * alloc_bench - the allocator on the recorded workloads, beside upstream's time, and on a large cluster.
 *
 *   alloc_bench [-u FILE] [DIR [PREFIX]]
 *
 * DIR is vectors/allocator of the shared folder; PREFIX picks files, and leaves the cluster out. FILE has upstream's
 * times of this run, made by upstream-engines; for cases that are not in it (they take upstream minutes) the recorded
 * time counts, marked "*"; ">" marks a search of upstream's that was stopped after 20 s.
 *
 * What is measured is what upstream's figure holds: objects decoded and expressions compiled beforehand, then claims
 * to answer, on every node ("ours", the best of many). "first" is the first round in a new world, in which every
 * selector is evaluated; "again" is another attempt with the same compiled claims; "search" is without the answers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "alloc.h"
#include "alloc_batch.h"
#include "ceilings.h"
#include "strbuf.h"

#define ROUND_NS 200000000 /* how long one case is repeated */
#define BATCH_NS 20000     /* least time between two looks at the clock */

#define NODES            10000
#define DEVICES_PER_NODE 16
#define CLUSTER_ROUNDS   5

static int64_t
now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* For what runs once or a few times: whoever else uses the machine does not count. */
static double
processor_time(void)
{
  struct timespec t;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static const char *
text(char *buf, size_t n, double ns)
{
  if (ns < 1e3)
    snprintf(buf, n, "%.0f ns", ns);
  else if (ns < 1e6)
    snprintf(buf, n, "%.3g us", ns / 1e3);
  else if (ns < 1e9)
    snprintf(buf, n, "%.3g ms", ns / 1e6);
  else
    snprintf(buf, n, "%.3g s", ns / 1e9);
  return buf;
}

struct subject {
  struct alloc_world *w;
  struct alloc_usage *u;
  struct alloc_job *j;
  const struct json *const *claims;
  size_t n_claims;
  const struct json *nodes, *node;
  bool first_only;
};

static void
node_once(struct subject *s, struct alloc_job *j, const struct json *node, struct arena *a, bool answer, bool *ret_stop)
{
  struct kerr err = KERR_INIT;
  struct alloc_answer run;
  struct json **allocations;
  int r = alloc_job_run(j, s->u, node, NULL, &run, &err);

  *ret_stop = r < 0 || (s->first_only && run.outcome == ALLOC_OK);
  if (r == 0 && run.outcome == ALLOC_OK && answer)
    r = alloc_job_allocations(j, a, &allocations, &err);
  if (r < 0)
    kerr_release(&err);
}

static void
round_once(struct subject *s, struct alloc_job *j, struct arena *a, bool answer)
{
  bool stop = false;

  if (!s->nodes)
    node_once(s, j, s->node, a, answer, &stop);
  for (json_each_item (n, s->nodes)) {
    if (stop)
      break;
    node_once(s, j, *n, a, answer, &stop);
  }
}

static void
rounds(struct subject *s, struct arena *a, uint32_t n, bool compile, bool answer)
{
  for (uint32_t i = 0; i < n; i++) {
    struct alloc_job *j = compile ? alloc_job_new(s->w, s->claims, s->n_claims) : s->j;

    round_once(s, j, a, answer);
    if (compile)
      alloc_job_free(j);
    arena_reset(a);
  }
}

/* Nanoseconds of a round: the best batch. */
static double
best(struct subject *s, struct arena *a, bool compile, bool answer)
{
  int64_t start = now(), t = 0;
  uint32_t n = 1;
  double least = 0;

  while (now() - start < ROUND_NS) {
    t = now();
    rounds(s, a, n, compile, answer);
    t = now() - t;
    if (t < BATCH_NS) {
      n *= 2;
      continue;
    }
    if (least == 0 || (double)t / n < least)
      least = (double)t / n;
  }
  return least ? least : (double)t / n;
}

/* "id<TAB>nanoseconds" of upstream, of this run; 0: not there. */
static double
measured(const char *times, const char *id)
{
  size_t n = strlen(id);

  for (const char *line = times; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
    if (strncmp(line, id, n) == 0 && line[n] == '\t')
      return strtod(line + n + 1, NULL);
  return 0;
}

/* Of the cases of a file. */
struct sums {
  double ours, theirs, longest; /* longest: of ours */
};

static void
subject_init(struct subject *s, const struct json *c)
{
  const struct json *list = json_get(c, "claims");

  *s = (struct subject){ .u = alloc_usage_new(), .nodes = json_get(c, "nodes"), .node = json_get(c, "node") };
  s->w = alloc_batch_world(c);
  s->claims = (const struct json *const *)list->u.items;
  s->n_claims = json_count(list);
  s->first_only = strcmp(json_get_str_or(c, "mode", ""), "first") == 0;
  if (json_get(c, "allocated"))
    alloc_usage_add(s->u, json_get(c, "allocated"));
  s->j = alloc_job_new(s->w, s->claims, s->n_claims);
}

static void
subject_release(struct subject *s)
{
  alloc_job_free(s->j);
  alloc_usage_free(s->u);
  alloc_world_free(s->w);
}

static void
bench_case(const struct json *c, const char *times, struct sums *sums)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  const struct json *up = json_get(c, "upstream");
  struct subject s;
  double theirs = measured(times, json_get_str_or(c, "id", "")), first, ours, again, search;
  bool timeout = json_get_bool(up, "timeout", false);
  const char *mark = timeout ? ">" : theirs > 0 ? " " : "*";
  char b[5][32];
  int64_t t;

  if (theirs == 0)
    theirs = json_double(json_get(up, "ms")) * 1e6;
  subject_init(&s, c);
  t = now();
  round_once(&s, s.j, a, true);
  first = (double)(now() - t);
  ours = best(&s, a, true, true);
  again = best(&s, a, false, true);
  search = best(&s, a, false, false);
  if (timeout)
    theirs = 20e9;
  sums->ours += ours;
  sums->theirs += theirs;
  if (ours > sums->longest)
    sums->longest = ours;
  printf("%-36s %s%10s %10s %10s %10s %10s %9.0fx\n", json_get_str_or(c, "id", ""), mark, text(b[0], 32, theirs),
         text(b[1], 32, first), text(b[2], 32, ours), text(b[3], 32, again), text(b[4], 32, search), theirs / ours);
  fflush(stdout);
  subject_release(&s);
}

/* Call `f` for each line of a file, compressed or not. False, and said: it is not there. */
static bool
each_case(const char *path, void (*f)(const struct json *c, const char *times, struct sums *sums), const char *times,
          struct sums *sums)
{
  gzFile file = gzopen(path, "rb");
  struct strbuf b;
  char *room;
  struct span rest;
  int n;

  if (!file) {
    printf("# SKIP %s is not there\n", path);
    return false;
  }
  strbuf_init(&b, CEIL_REPLY);
  while ((room = strbuf_reserve(&b, 64 * KiB)) && (n = gzread(file, room, 64 * KiB)) > 0)
    b.n += (size_t)n;
  gzclose(file);
  for (rest = strbuf_view(&b); rest.n;) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    struct span line = span_cut(rest, '\n', &rest);
    struct kerr err = KERR_INIT;
    struct json *c;

    if (line.n == 0)
      continue;
    if (json_parse(a, line, NULL, &c, &err) < 0) {
      fprintf(stderr, "%s: %s\n", path, err.msg);
      exit(1);
    }
    f(c, times, sums);
  }
  strbuf_release(&b);
  return true;
}

static void
bench_file(const char *dir, const char *name, const char *times)
{
  _cleanup_free_ char *path = mem_printf("%s/bench/%s", dir, name);
  struct sums sums = { 0 };
  char o[32], t[32], l[32];

  if (each_case(path, bench_case, times, &sums))
    printf("%-36s %11s %10s %10s %10s %10s %9.0fx  longest %s\n", name, text(t, 32, sums.theirs), "",
           text(o, 32, sums.ours), "", "", sums.theirs / sums.ours, text(l, 32, sums.longest));
}

/* -- searches that upstream does not finish in 20 s, most of them -- */

static void
hard_case(const struct json *c, const char *times, struct sums *sums)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct subject s;
  double took;

  (void)times;
  subject_init(&s, c);
  took = processor_time();
  round_once(&s, s.j, a, true);
  took = processor_time() - took;
  sums->ours += took;
  if (took > sums->longest)
    sums->longest = took;
  subject_release(&s);
}

static void
bench_hard(const char *dir)
{
  _cleanup_free_ char *path = mem_printf("%s/hard-open.jsonl.gz", dir);
  struct sums sums = { 0 };
  char o[32], l[32];

  if (each_case(path, hard_case, NULL, &sums))
    printf("%-36s %11s %10s %10s %10s %10s %10s  longest %s\n", "hard-open.jsonl.gz, each once", "", "",
           text(o, 32, sums.ours), "", "", "", text(l, 32, sums.longest));
}

/* -- a large cluster -- */

static struct json *
parsed(struct arena *a, const char *text)
{
  struct kerr err = KERR_INIT;
  struct json *v = NULL;

  if (json_parse(a, span_of(text), NULL, &v, &err) < 0) {
    fprintf(stderr, "%s\n", err.msg);
    exit(1);
  }
  return v;
}

static struct json *
node_slice(struct arena *a, uint32_t node)
{
  struct strbuf b;
  struct json *slice;

  strbuf_init(&b, CEIL_SMALL_FILE);
  strbuf_printf(&b,
                "{\"metadata\":{\"name\":\"s-%u\"},\"spec\":{\"driver\":\"gpu.example.com\",\"nodeName\":\"node-%u\","
                "\"pool\":{\"name\":\"node-%u\",\"generation\":1,\"resourceSliceCount\":1},\"devices\":[",
                node, node, node);
  for (uint32_t i = 0; i < DEVICES_PER_NODE; i++)
    strbuf_printf(&b,
                  "%s{\"name\":\"gpu-%u\",\"attributes\":{\"model\":{\"string\":\"%s\"},\"index\":{\"int\":%u},"
                  "\"numa\":{\"int\":%u},\"uuid\":{\"string\":\"gpu-%u-%u\"}},\"capacity\":{\"memory\":{\"value\":"
                  "\"%uGi\"}}}",
                  i ? "," : "", i, node + 1 == NODES && i + 1 == DEVICES_PER_NODE ? "large" : "small", i, i / 8, node,
                  i, i % 2 ? 40 : 80);
  strbuf_puts(&b, "]}}");
  slice = json_copy(a, parsed(a, b.p));
  strbuf_release(&b);
  return slice;
}

static uint32_t
first_that_fits(struct alloc_world *w, struct alloc_usage *u, const struct json *claim, const struct json *nodes)
{
  struct alloc_job *j = alloc_job_new(w, &claim, 1);
  struct alloc_answer answer;
  struct kerr err = KERR_INIT;
  uint32_t i = 0;

  for (; i < json_count(nodes); i++)
    if (alloc_job_run(j, u, json_at(nodes, i), NULL, &answer, &err) < 0 || answer.outcome == ALLOC_OK)
      break;
  kerr_release(&err);
  alloc_job_free(j);
  return i;
}

/* Another text for each number, which asks the same: so the selector is compiled and evaluated anew. */
static const struct json *
cluster_claim(struct arena *a, int number)
{
  return parsed(a,
                arena_printf(a,
                             "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"devices\":{\"requests\":[{\"name\":\"r\","
                             "\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\",\"count\":1,"
                             "\"selectors\":[{\"cel\":{\"expression\":\"device.attributes['gpu.example.com'].model "
                             "== 'large'%*s\"}}]}}]}}}",
                             number, ""));
}

/* Processor time of a search for the one node that fits. */
static double
cluster_search(struct alloc_world *w, struct alloc_usage *u, const struct json *claim, const struct json *nodes)
{
  double start = processor_time();

  if (first_that_fits(w, u, claim, nodes) != NODES - 1)
    printf("# WRONG: another node than the last\n");
  return processor_time() - start;
}

static void
bench_cluster(void)
{
  _cleanup_arena_ struct arena *a = arena_new(SIZE_MAX / 2);
  struct alloc_features f = alloc_features_default();
  struct alloc_world *w = alloc_world_new(&f, alloc_channel_of(&f));
  struct alloc_usage *u = alloc_usage_new();
  struct json *nodes = json_new_array(a), **slices = arena_array_of(a, struct json *, NODES);
  double built, first, fresh = 1e18, again = 1e18, took;
  char b[4][32];

  for (uint32_t i = 0; i < NODES; i++) {
    slices[i] = node_slice(a, i);
    json_append(a, nodes, parsed(a, arena_printf(a, "{\"metadata\":{\"name\":\"node-%u\"}}", i)));
  }
  built = processor_time();
  alloc_world_borrow_class(w, parsed(a, "{\"metadata\":{\"name\":\"gpu\"},\"spec\":{}}"));
  for (uint32_t i = 0; i < NODES; i++) {
    alloc_world_borrow_slice(w, slices[i]);
    alloc_world_borrow_node(w, json_at(nodes, i));
  }
  built = processor_time() - built;
  first = cluster_search(w, u, cluster_claim(a, 0), nodes);
  for (int i = 1; i <= CLUSTER_ROUNDS; i++) {
    const struct json *claim = cluster_claim(a, i);

    took = cluster_search(w, u, claim, nodes);
    fresh = took < fresh ? took : fresh;
    took = cluster_search(w, u, claim, nodes);
    again = took < again ? took : again;
  }
  printf("%u nodes of %u devices: %zu bytes a device, made in %s; the one node that fits found in %s, by another "
         "selector in %s, again in %s\n",
         NODES, DEVICES_PER_NODE, alloc_world_memory(w) / alloc_world_devices(w), text(b[0], 32, built),
         text(b[1], 32, first), text(b[2], 32, fresh), text(b[3], 32, again));
  alloc_usage_free(u);
  alloc_world_free(w);
}

static char *
file_text(const char *path)
{
  FILE *f = fopen(path, "r");
  struct strbuf b;
  char *room;
  size_t n;

  if (!f)
    return NULL;
  strbuf_init(&b, CEIL_REPLY);
  while ((room = strbuf_reserve(&b, 4 * KiB)) && (n = fread(room, 1, 4 * KiB, f)) > 0)
    b.n += n;
  fclose(f);
  return strbuf_take(&b, &n);
}

int
main(int argc, char **argv)
{
  static const char *const files[] = {
    "a-one-node.jsonl",   "b-100-nodes.jsonl.gz", "c-1000-nodes.jsonl.gz", "d-match-attribute.jsonl",
    "e-partitions.jsonl", "f-consumable.jsonl",   "g-exponential.jsonl",
  };
  const char *shared = getenv("DRALAB_SHARED");
  bool with_times = argc > 2 && strcmp(argv[1], "-u") == 0;
  _cleanup_free_ char *times = with_times ? file_text(argv[2]) : NULL;
  _cleanup_free_ char *dir = NULL;

  argv += with_times ? 2 : 0;
  argc -= with_times ? 2 : 0;
  dir = argc > 1 ? mem_strdup(argv[1]) : mem_printf("%s/vectors/allocator", shared ? shared : "../shared");
  if (argc < 3)
    bench_cluster();
  printf("%-36s %11s %10s %10s %10s %10s %10s\n", "", "upstream", "first", "ours", "again", "search", "ratio");
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    if (argc < 3 || strncmp(files[i], argv[2], strlen(argv[2])) == 0)
      bench_file(dir, files[i], times);
  if (argc < 3)
    bench_hard(dir);
  return 0;
}
