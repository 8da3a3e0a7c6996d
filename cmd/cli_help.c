#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_internal.h"
#include "thread.h"

#define OPTION_COLUMN 34

static void
print_option(const struct cli_option *o, FILE *out)
{
  char left[80];
  int n = snprintf(left, sizeof left, "  %c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                   o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");

  if (n >= OPTION_COLUMN)
    fprintf(out, "%s\n%*s%s\n", left, OPTION_COLUMN + 1, "", o->help);
  else
    fprintf(out, "%-*s %s\n", OPTION_COLUMN, left, o->help);
}

void
cli_help_command(const struct cli_program *p, const struct cli_command *c, FILE *out)
{
  fprintf(out, "%s\n\nUsage:\n  %s %s%s%s [flags]\n", c->summary, p->self, c->name, c->args ? " " : "",
          c->args ? c->args : "");
  if (c->help)
    fprintf(out, "\n%s\n", c->help);
  fputs("\nFlags:\n", out);
  for (const struct cli_option *o = c->options; o && o->name; o++)
    print_option(o, out);
  for (const struct cli_option *o = cli_common_options; o->name; o++)
    print_option(o, out);
  fputs("  -h, --help                       this page\n", out);
}

void
cli_help_group(const struct cli_program *p, const char *group, FILE *out)
{
  size_t skip = strlen(group);

  if (*group)
    fprintf(out, "Usage:\n  %s %s COMMAND [flags]\n\nCommands:\n", p->self, group);
  else
    fprintf(out,
            "A Kubernetes cluster for Dynamic Resource Allocation on this machine, in well under a second.\n\n"
            "Usage:\n  %s COMMAND [flags]\n\nCommands:\n",
            p->self);
  for (size_t i = 0; i < p->n; i++) {
    const struct cli_command *c = p->commands[i];

    if (c->hidden || (skip && (strncmp(c->name, group, skip) != 0 || c->name[skip] != ' ')))
      continue;
    fprintf(out, "  %-22s %s\n", skip ? c->name + skip + 1 : c->name, c->summary);
  }
  fprintf(out, "\nUse \"%s COMMAND --help\" for more about a command.\n", p->self);
}

/* -- steps -- */

#define TICK_NS (80 * CLOCK_MS)

struct cli_step {
  char *text;
  bool terminal, quiet;
  pthread_t spinner;
  pthread_mutex_t lock;
  pthread_cond_t cond;
  bool done;
  struct clock *clock;
};

static void *
spin(void *arg)
{
  static const char *const frames[] = { "⠈⠁", "⠈⠑", "⠈⠱", "⠈⡱", "⢀⡱", "⢄⡱", "⢄⡱", "⢆⡱",
                                        "⢎⡱", "⢎⡰", "⢎⡠", "⢎⡀", "⢎⠁", "⠎⠁", "⠊⠁" };
  struct cli_step *s = arg;

  pthread_mutex_lock(&s->lock);
  for (size_t i = 0; !s->done; i++) {
    fprintf(stderr, "\r %s %s ", frames[i % ARRAY_SIZE(frames)], s->text);
    fflush(stderr);
    (void)clock_cond_wait(s->clock, &s->cond, &s->lock, clock_mono(s->clock) + TICK_NS);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

struct cli_step *
cli_step_begin(struct cli *cli, const char *text)
{
  struct cli_step *s = mem_alloc(sizeof *s);

  s->text = mem_strdup(text);
  s->quiet = cli->quiet;
  s->clock = cli->clock;
  s->terminal = !s->quiet && isatty(STDERR_FILENO);
  if (s->terminal) {
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->cond);
    thread_start(&s->spinner, "spinner", spin, s);
  } else if (!s->quiet) {
    fprintf(stderr, " • %s  ...\n", text);
  }
  return s;
}

void
cli_step_end(struct cli_step *s, bool good)
{
  if (!s)
    return;
  if (s->terminal) {
    pthread_mutex_lock(&s->lock);
    s->done = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->spinner, NULL);
    pthread_cond_destroy(&s->cond);
    pthread_mutex_destroy(&s->lock);
    fputs("\r\033[K", stderr);
  }
  if (!s->quiet)
    fprintf(stderr, " %s %s\n", good ? "✓" : "✗", s->text);
  free(s->text);
  free(s);
}

void
cli_note(struct cli *cli, const char *fmt, ...)
{
  va_list ap;

  if (cli->quiet)
    return;
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
}
