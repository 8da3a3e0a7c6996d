/*
 * cel_bench - selectors of the recorded workload, beside upstream's time.
 *
 *   cel_bench [-u TIMES] [FILE [ID [WHAT]]]
 *
 * FILE: bench.jsonl of the shared vectors; ID: a part of one selector's name; WHAT: compile, evaluate or match, for two
 * seconds, to be looked at with perf. TIMES: upstream's of this run, made by upstream-engines; for selectors that are
 * not in it the time recorded on another machine counts (README beside the vectors), marked "*".
 *
 * As upstream's figures are taken: "compile" is what the scheduler does with an expression it sees for the first time,
 * "evaluate" makes the device ready and asks one selector, as DeviceMatches does. "match" is the question alone, for a
 * device that is ready, which is what the allocator pays: it makes each device ready once for all selectors. Processor
 * time, the best of many rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cel_dra.h"
#include "ceilings.h"
#include "fs.h"

#define ROUNDS   120
#define ROUND_NS 3000000

struct upstream {
  const char *id;
  double compile, evaluate; /* nanoseconds */
};

static const struct upstream recorded[] = {
  { "bench/01-driver", 100e3, 4.18e3 },         { "bench/02-equality", 135e3, 4.37e3 },
  { "bench/03-and-chain", 537e3, 10.85e3 },     { "bench/04-quantity", 183e3, 8.41e3 },
  { "bench/05-semver", 143e3, 8.45e3 },         { "bench/06-has-guards", 363e3, 8.78e3 },
  { "bench/07-regex", 163e3, 7.92e3 },          { "bench/08-string-ops", 329e3, 10.88e3 },
  { "bench/09-list-attribute", 271e3, 24.8e3 }, { "bench/10-cel-bind", 364e3, 10.92e3 },
  { "bench/11-set-ops", 186e3, 9.40e3 },        { "bench/12-or-chain-50", 7746e3, 50.83e3 },
};

/* "id<TAB>compile<TAB>evaluate" of this run, or what was recorded. False: nobody knows. */
static bool
upstream_of(const char *times, const char *id, struct upstream *ret, bool *ret_recorded)
{
  size_t n = strlen(id);
  char *end;

  *ret_recorded = false;
  for (const char *line = times; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
    if (strncmp(line, id, n) == 0 && line[n] == '\t') {
      ret->compile = strtod(line + n + 1, &end);
      ret->evaluate = strtod(end, NULL);
      return true;
    }
  *ret_recorded = true;
  for (size_t i = 0; i < ARRAY_SIZE(recorded); i++)
    if (strcmp(recorded[i].id, id) == 0) {
      *ret = recorded[i];
      return true;
    }
  return false;
}

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

/* Smallest ratios of all selectors. */
struct least {
  double compile, evaluate;
};

static void
bench_selector(struct subject *s, const char *id, const char *times, struct least *least)
{
  double compile = best(s, compile_once), evaluate = best(s, evaluate_once), match = best(s, match_once);
  struct upstream theirs;
  bool old;

  if (!upstream_of(times, id, &theirs, &old)) {
    printf("%-24s %9.2f us %26.0f ns %26.0f ns\n", id, compile / 1e3, evaluate, match);
    return;
  }
  printf("%-24s%s %8.2f us %8.0f us %5.0fx %8.0f ns %8.0f ns %6.1fx %8.0f ns %5.0fx\n", id, old ? "*" : " ",
         compile / 1e3, theirs.compile / 1e3, theirs.compile / compile, evaluate, theirs.evaluate,
         theirs.evaluate / evaluate, match, theirs.evaluate / match);
  fflush(stdout);
  if (theirs.compile / compile < least->compile)
    least->compile = theirs.compile / compile;
  if (theirs.evaluate / evaluate < least->evaluate)
    least->evaluate = theirs.evaluate / evaluate;
}

static void
bench_line(struct span line, const char *what, const char *times, struct least *least)
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
  if (what)
    profile(&s, what);
  else
    bench_selector(&s, id, times, least);
  cel_selector_unref(s.selector);
}

int
main(int argc, char **argv)
{
  const char *shared = getenv("DRALAB_SHARED");
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE), times = STRBUF_INIT(CEIL_SMALL_FILE);
  struct least least = { 1e9, 1e9 };
  char path[4096];
  struct kerr err = KERR_INIT;

  if (argc > 2 && strcmp(argv[1], "-u") == 0) {
    if (fs_read(argv[2], &times, &err) < 0)
      die(argv[2], &err);
    argv += 2;
    argc -= 2;
  }
  (void)snprintf(path, sizeof path, "%s/vectors/cel/bench.jsonl", shared ? shared : "../shared");
  if (fs_read(argc > 1 ? argv[1] : path, &text, &err) < 0) {
    printf("# SKIP selectors: %s\n", err.msg);
    kerr_release(&err);
    return 0;
  }
  printf("%-24s %34s %37s %18s\n", "", "compile    upstream  ratio", "evaluate    upstream   ratio", "match  ratio");
  for (struct span rest = strbuf_view(&text); rest.n;) {
    struct span line = span_cut(rest, '\n', &rest);

    if (argc <= 2 || memmem(line.p, line.n, argv[2], strlen(argv[2])))
      bench_line(line, argc > 3 ? argv[3] : NULL, strbuf_view(&times).p, &least);
  }
  if (least.compile < 1e9)
    printf("smallest ratios: compile %.0fx, evaluate %.1fx\n", least.compile, least.evaluate);
  return 0;
}
