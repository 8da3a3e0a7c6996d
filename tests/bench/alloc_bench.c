/*
 * alloc_bench - the allocator on the recorded workloads, beside upstream's time.
 *
 *   alloc_bench [DIR]            DIR: vectors/allocator of the shared folder
 *
 * What is measured is what upstream's figure holds: objects decoded and
 * expressions compiled beforehand, then one call per node, the answer
 * included ("ours", the best round). "first" is the first round in a new
 * world, in which every selector is evaluated; "claims" is "ours" with the
 * claims compiled in every round, too; "search" is without the answers.
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

#define ROUND_NS   200000000 /* how long one case is repeated */
#define ROUNDS_MAX 100000

static int64_t
now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
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

static double
best(struct subject *s, struct arena *a, bool compile, bool answer)
{
  int64_t start = now(), t, least = INT64_MAX;

  for (int i = 0; i < ROUNDS_MAX && now() - start < ROUND_NS; i++) {
    struct alloc_job *j = s->j;

    t = now();
    if (compile)
      j = alloc_job_new(s->w, s->claims, s->n_claims);
    round_once(s, j, a, answer);
    if (compile)
      alloc_job_free(j);
    t = now() - t;
    if (t < least)
      least = t;
    arena_reset(a);
  }
  return (double)least;
}

static void
bench_case(const struct json *c, double *sum_ours, double *sum_theirs)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  const struct json *list = json_get(c, "claims"), *up = json_get(c, "upstream");
  struct subject s = { .u = alloc_usage_new(), .nodes = json_get(c, "nodes"), .node = json_get(c, "node") };
  double theirs = json_double(json_get(up, "ms")) * 1e6, first, ours, claims, search;
  bool timeout = json_get_bool(up, "timeout", false);
  char b[5][32];
  int64_t t;

  s.w = alloc_batch_world(c);
  s.claims = (const struct json *const *)list->u.items;
  s.n_claims = json_count(list);
  s.first_only = strcmp(json_get_str_or(c, "mode", ""), "first") == 0;
  if (json_get(c, "allocated"))
    alloc_usage_add(s.u, json_get(c, "allocated"));
  s.j = alloc_job_new(s.w, s.claims, s.n_claims);
  t = now();
  round_once(&s, s.j, a, true);
  first = (double)(now() - t);
  claims = best(&s, a, true, true);
  ours = best(&s, a, false, true);
  search = best(&s, a, false, false);
  if (timeout)
    theirs = 20e9;
  *sum_ours += ours;
  *sum_theirs += theirs;
  printf("%-36s %s%10s %10s %10s %10s %10s %9.0fx\n", json_get_str_or(c, "id", ""), timeout ? ">" : " ",
         text(b[0], 32, theirs), text(b[1], 32, first), text(b[2], 32, claims), text(b[3], 32, ours),
         text(b[4], 32, search), theirs / ours);
  fflush(stdout);
  alloc_job_free(s.j);
  alloc_usage_free(s.u);
  alloc_world_free(s.w);
}

static void
bench_file(const char *dir, const char *name)
{
  _cleanup_free_ char *path = mem_printf("%s/bench/%s", dir, name);
  double ours = 0, theirs = 0;
  struct strbuf b;
  char *room, o[32], t[32];
  struct span rest, line;
  gzFile f = gzopen(path, "rb");
  int n;

  if (!f) {
    printf("# SKIP %s is not there\n", path);
    return;
  }
  strbuf_init(&b, CEIL_REPLY);
  while ((room = strbuf_reserve(&b, 64 * KiB)) && (n = gzread(f, room, 64 * KiB)) > 0)
    b.n += (size_t)n;
  gzclose(f);
  for (rest = strbuf_view(&b); rest.n;) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    struct kerr err = KERR_INIT;
    struct json *c;

    line = span_cut(rest, '\n', &rest);
    if (line.n == 0 || json_parse(a, line, NULL, &c, &err) < 0)
      break;
    bench_case(c, &ours, &theirs);
  }
  printf("%-36s %11s %10s %10s %10s %10s %9.0fx\n", name, text(t, 32, theirs), "", "", text(o, 32, ours), "",
         theirs / ours);
  strbuf_release(&b);
}

int
main(int argc, char **argv)
{
  static const char *const files[] = {
    "a-one-node.jsonl",   "b-100-nodes.jsonl.gz", "c-1000-nodes.jsonl.gz", "d-match-attribute.jsonl",
    "e-partitions.jsonl", "f-consumable.jsonl",   "g-exponential.jsonl",
  };
  const char *shared = getenv("DRALAB_SHARED");
  _cleanup_free_ char *dir =
      argc > 1 ? mem_strdup(argv[1]) : mem_printf("%s/vectors/allocator", shared ? shared : "../shared");

  printf("%-36s %11s %10s %10s %10s %10s %10s\n", "", "upstream", "first", "claims", "ours", "search", "ratio");
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    if (argc < 3 || strncmp(files[i], argv[2], strlen(argv[2])) == 0)
      bench_file(dir, files[i]);
  return 0;
}
