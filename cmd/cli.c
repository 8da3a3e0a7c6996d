#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "cli_internal.h"

const char *const cli_output_json[] = { "json", NULL };

/* Words of argv that name the command: "create cluster" takes two. 0: they do not name it. */
static size_t
name_match(const char *name, int argc, char **argv)
{
  size_t words = 0;
  const char *at = name;

  while (*at) {
    size_t n = strcspn(at, " ");

    if ((int)words >= argc || strlen(argv[words]) != n || memcmp(argv[words], at, n) != 0)
      return 0;
    words++;
    at += n;
    at += strspn(at, " ");
  }
  return words;
}

static const struct cli_command *
command_find(const struct cli_program *p, int argc, char **argv, size_t *ret_words)
{
  const struct cli_command *best = NULL;

  *ret_words = 0;
  for (size_t i = 0; i < p->n; i++) {
    size_t words = name_match(p->commands[i]->name, argc, argv);

    if (words > *ret_words) {
      *ret_words = words;
      best = p->commands[i];
    }
  }
  return best;
}

static int
fail(struct kerr *err)
{
  fprintf(stderr, "ERROR: %s\n", err->msg);
  kerr_release(err);
  return 1;
}

size_t
cli_distance(const char *x, const char *y)
{
  size_t row[64], n = strlen(y);

  if (n >= ARRAY_SIZE(row) || strlen(x) >= ARRAY_SIZE(row))
    return SIZE_MAX;
  for (size_t j = 0; j <= n; j++)
    row[j] = j;
  for (size_t i = 0; x[i]; i++) {
    size_t diagonal = row[0];

    row[0] = i + 1;
    for (size_t j = 0; j < n; j++) {
      size_t best = diagonal + (x[i] != y[j]);

      diagonal = row[j + 1];
      if (row[j] + 1 < best)
        best = row[j] + 1;
      if (row[j + 1] + 1 < best)
        best = row[j + 1] + 1;
      row[j + 1] = best;
    }
  }
  return row[n];
}

/* Says what the wrong word could have been; `before` are the words that were right. */
static int
unknown_command(const struct cli_program *p, const char *before, const char *word)
{
  const char *nearest = NULL;
  size_t least = 3;

  fprintf(stderr, "ERROR: unknown command \"%s\" for \"%s%s%s\"\n", word, p->self, *before ? " " : "", before);
  for (size_t i = 0; i < p->n; i++) {
    const char *name = p->commands[i]->name;
    size_t skip = strlen(before);
    _cleanup_free_ char *next = NULL;

    if (p->commands[i]->hidden || (skip && (strncmp(name, before, skip) != 0 || name[skip] != ' ')))
      continue;
    name += skip ? skip + 1 : 0;
    next = mem_strndup(name, strcspn(name, " "));
    if (cli_distance(word, next) < least) {
      least = cli_distance(word, next);
      nearest = name;
    }
  }
  if (nearest)
    fprintf(stderr, "\nDid you mean this?\n\t%.*s\n", (int)strcspn(nearest, " "), nearest);
  fprintf(stderr, "\nRun '%s --help' for usage.\n", p->self);
  return 1;
}

/* Words that begin some command ("create") without being one. */
static bool
is_group(const struct cli_program *p, const char *word)
{
  size_t n = strlen(word);

  for (size_t i = 0; i < p->n; i++)
    if (strncmp(p->commands[i]->name, word, n) == 0 && p->commands[i]->name[n] == ' ')
      return true;
  return false;
}

static bool
wants_help(int argc, char **argv)
{
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
      return true;
  return false;
}

static int
no_command(const struct cli_program *p, int argc, char **argv)
{
  const char *group = argc > 0 && is_group(p, argv[0]) ? argv[0] : "";
  int at = *group ? 1 : 0;

  if (argc > at && argv[at][0] != '-')
    return unknown_command(p, group, argv[at]);
  if (argc > at && !wants_help(argc, argv)) {
    fprintf(stderr, "ERROR: unknown flag: %s\n", argv[at]);
    return 1;
  }
  cli_help_group(p, group, stdout);
  return 0;
}

static int
run(const struct cli_program *p, const struct cli_command *c, int argc, char **argv)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_free_ void *options = mem_alloc(c->options_size);
  struct clock *clock = clock_new_real();
  struct cli cli = { .arena = a, .clock = clock, .self = p->self, .command = c };
  int r = 0;

  if (!c->raw && wants_help(argc, argv)) {
    cli_help_command(p, c, stdout);
  } else {
    r = c->raw ? 0 : cli_parse(&cli, c, argc, argv, options, &err);
    if (c->raw) {
      cli.args = (const char **)(void *)argv;
      cli.n_args = (size_t)argc;
    }
    if (r == 0 && !c->raw && !c->args && cli.n_args > 0)
      r = kerr_set(&err, KERR_USAGE, NULL, "unknown command \"%s\" for \"%s %s\"", cli.args[0], p->self, c->name);
    if (r == 0)
      r = c->run(&cli, options, &err);
    if (r < 0)
      r = fail(&err);
  }
  clock_free(clock);
  return r;
}

int
cli_main(const struct cli_command *const *commands, size_t n, int argc, char **argv)
{
  struct cli_program p = { .commands = commands, .n = n, .self = "dralab" };
  const struct cli_command *c;
  size_t words;

  argc--;
  argv++;
  if (argc > 0 && strcmp(argv[0], "help") == 0) {
    argc--;
    argv++;
    c = command_find(&p, argc, argv, &words);
    if (c) {
      cli_help_command(&p, c, stdout);
      return 0;
    }
    return no_command(&p, argc, argv);
  }
  if (argc > 0 && strcmp(argv[0], "__complete") == 0)
    return cli_complete(&p, argc - 1, argv + 1);
  c = command_find(&p, argc, argv, &words);
  if (!c)
    return no_command(&p, argc, argv);
  return run(&p, c, argc - (int)words, argv + words);
}

const char *
cli_cluster_name(const char *given)
{
  const char *env = getenv("DRALAB_CLUSTER_NAME");

  return given && *given ? given : env && *env ? env : "dralab";
}
