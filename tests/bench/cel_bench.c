/*
 * cel_bench - selectors of the recorded workload, beside upstream's time.
 *
 *   cel_bench [FILE [ID [WHAT]]]   FILE: bench.jsonl of the shared vectors; ID: a part of one selector's name;
 *                                  WHAT: compile, evaluate or match, for two seconds, to be looked at with perf
 *
 * As upstream's figures were taken: "compile" is what the scheduler does with
 * an expression it sees for the first time, "evaluate" makes the device ready
 * and asks one selector, as DeviceMatches does. "match" is the question alone,
 * for a device that is ready, which is what the allocator pays: it makes each
 * device ready once for all selectors. The best of many rounds; upstream's
 * from the README beside the vectors, another machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cel_dra.h"
#include "ceilings.h"
#include "fs.h"

#define ROUNDS   40
#define ROUND_NS 3000000

static const struct {
  const char *id;
  double compile, evaluate; /* microseconds */
} upstream[] = {
  { "bench/01-driver", 100, 4.18 },    { "bench/02-equality", 135, 4.37 },    { "bench/03-and-chain", 537, 10.85 },
  { "bench/04-quantity", 183, 8.41 },  { "bench/05-semver", 143, 8.45 },      { "bench/06-has-guards", 363, 8.78 },
  { "bench/07-regex", 163, 7.92 },     { "bench/08-string-ops", 329, 10.88 }, { "bench/09-list-attribute", 271, 24.81 },
  { "bench/10-cel-bind", 364, 10.92 }, { "bench/11-set-ops", 186, 9.40 },     { "bench/12-or-chain-50", 7746, 50.83 },
};

static double
now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct subject {
  struct span expression;
  const char *driver;
  const struct json *device;
  struct cel_selector *selector;
  struct cel_device *ready;
  struct arena *a;
};

static void
die(const char *what, struct kerr *err)
{
  fprintf(stderr, "cel_bench: %s: %s\n", what, err->msg);
  exit(1);
}

static void
compile_once(struct subject *s)
{
  struct kerr err = KERR_INIT;
  struct cel_selector *sel;

  if (cel_selector_compile(s->expression, &sel, &err) < 0)
    die("compile", &err);
  cel_selector_unref(sel);
}

static void
match_once(struct subject *s)
{
  struct kerr err = KERR_INIT;
  bool match;

  if (cel_selector_match(s->selector, s->ready, s->a, &match, &err) < 0)
    die("match", &err);
  arena_reset(s->a);
}

static void
evaluate_once(struct subject *s)
{
  struct kerr err = KERR_INIT;
  struct cel_device *d;
  bool match;

  if (cel_device_new(s->a, s->driver, s->device, &d, &err) < 0 ||
      cel_selector_match(s->selector, d, s->a, &match, &err) < 0)
    die("evaluate", &err);
  arena_reset(s->a);
}

/* Nanoseconds of one call, in the best of some rounds. */
static double
best(struct subject *s, void (*once)(struct subject *))
{
  double least = 1e18, start;
  int n = 1;

  for (int round = 0; round < ROUNDS; round++) {
    double took;

    start = now();
    for (int i = 0; i < n; i++)
      once(s);
    took = now() - start;
    if (took / n < least)
      least = took / n;
    n = took < ROUND_NS ? n * 2 : n;
  }
  return least;
}

static void
profile(struct subject *s, const char *what)
{
  void (*once)(struct subject *) = strcmp(what, "compile") == 0    ? compile_once
                                   : strcmp(what, "evaluate") == 0 ? evaluate_once
                                                                   : match_once;
  double start = now(), took;
  long n = 0;

  do {
    for (int i = 0; i < 1000; i++, n++)
      once(s);
    took = now() - start;
  } while (took < 2e9);
  printf("%s: %.0f ns\n", what, took / (double)n);
}

static void
bench_line(struct span line, const char *what, double *ret_sum, int *ret_n)
{
  _cleanup_arena_ struct arena *keep = arena_new(CEIL_ARENA_REQUEST), *a = arena_new(CEIL_ARENA_REQUEST);
  struct kerr err = KERR_INIT;
  struct subject s = { .a = a };
  const char *id;
  struct json *r;

  if (json_parse(keep, line, NULL, &r, &err) < 0)
    die("record", &err);
  id = json_get_str_or(r, "id", "");
  s.expression = json_span(json_get(r, "expr"));
  s.device = json_get(r, "device");
  s.driver = json_get_str(s.device, "driver");
  if (cel_selector_compile(s.expression, &s.selector, &err) < 0 ||
      cel_device_new(keep, s.driver, s.device, &s.ready, &err) < 0)
    die(id, &err);
  for (size_t i = 0; i < ARRAY_SIZE(upstream); i++) {
    double compile, evaluate, match;

    if (strcmp(upstream[i].id, id) != 0)
      continue;
    if (what) {
      profile(&s, what);
      continue;
    }
    compile = best(&s, compile_once);
    evaluate = best(&s, evaluate_once);
    match = best(&s, match_once);
    printf("%-24s %9.2f us %6.0fx %9.0f ns %6.1fx %9.0f ns %6.0fx\n", id, compile / 1e3,
           upstream[i].compile * 1e3 / compile, evaluate, upstream[i].evaluate * 1e3 / evaluate, match,
           upstream[i].evaluate * 1e3 / match);
    fflush(stdout);
    *ret_sum += upstream[i].evaluate * 1e3 / evaluate;
    (*ret_n)++;
  }
  cel_selector_unref(s.selector);
}

int
main(int argc, char **argv)
{
  const char *shared = getenv("DRALAB_SHARED");
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  char path[4096];
  struct kerr err = KERR_INIT;
  double sum = 0;
  int n = 0;

  (void)snprintf(path, sizeof path, "%s/vectors/cel/bench.jsonl", shared ? shared : "../shared");
  if (fs_read(argc > 1 ? argv[1] : path, &text, &err) < 0)
    die("bench.jsonl", &err);
  printf("%-24s %12s %7s %12s %7s %12s %7s\n", "selector", "compile", "", "evaluate", "", "match", "");
  for (struct span rest = strbuf_view(&text); rest.n;) {
    struct span line = span_cut(rest, '\n', &rest);

    if (argc <= 2 || memmem(line.p, line.n, argv[2], strlen(argv[2])))
      bench_line(line, argc > 3 ? argv[3] : NULL, &sum, &n);
  }
  if (n)
    printf("mean of the evaluate ratios: %.1fx\n", sum / n);
  return 0;
}
