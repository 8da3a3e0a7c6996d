#include <string.h>

#include "cli_internal.h"

static void
offer(const char *word, size_t n, const char *typed, const char *help)
{
  if (n >= strlen(typed) && strncmp(word, typed, strlen(typed)) == 0)
    printf("%.*s\t%s\n", (int)n, word, help);
}

/* The next word of every command whose first words are those already typed. */
static void
offer_commands(const struct cli_program *p, int argc, char **argv, const char *typed)
{
  char seen[4096] = " ";

  for (size_t i = 0; i < p->n; i++) {
    const char *at = p->commands[i]->name;
    char key[80];
    int w = 0;

    if (p->commands[i]->hidden)
      continue;
    for (; w < argc; w++) {
      size_t n = strcspn(at, " ");

      if (strlen(argv[w]) != n || strncmp(at, argv[w], n) != 0 || !at[n])
        break;
      at += n + 1;
    }
    if (w < argc)
      continue;
    snprintf(key, sizeof key, " %.*s ", (int)strcspn(at, " "), at);
    if (strstr(seen, key) || strlen(seen) + strlen(key) >= sizeof seen)
      continue;
    snprintf(seen + strlen(seen) - 1, sizeof seen - strlen(seen) + 1, "%s", key);
    offer(at, strcspn(at, " "), typed, at[strcspn(at, " ")] ? "" : p->commands[i]->summary);
  }
}

static const struct cli_command *
command_of(const struct cli_program *p, int argc, char **argv)
{
  const struct cli_command *best = NULL;
  size_t most = 0;

  for (size_t i = 0; i < p->n; i++) {
    const char *at = p->commands[i]->name;
    size_t words = 0;

    while (*at && (int)words < argc && strlen(argv[words]) == strcspn(at, " ") &&
           strncmp(at, argv[words], strcspn(at, " ")) == 0) {
      at += strcspn(at, " ");
      at += strspn(at, " ");
      words++;
    }
    if (!*at && words > most) {
      most = words;
      best = p->commands[i];
    }
  }
  return best;
}

static void
offer_flags(const struct cli_command *c, const char *typed)
{
  char flag[80];

  for (const struct cli_option *o = c->options; o && o->name; o++) {
    snprintf(flag, sizeof flag, "--%s", o->name);
    offer(flag, strlen(flag), typed, o->help);
  }
  for (const struct cli_option *o = cli_common_options; o->name; o++) {
    snprintf(flag, sizeof flag, "--%s", o->name);
    offer(flag, strlen(flag), typed, o->help);
  }
}

int
cli_complete(const struct cli_program *p, int argc, char **argv)
{
  const char *typed = argc > 0 ? argv[argc - 1] : "";
  const char *before = argc > 1 ? argv[argc - 2] : "";
  const struct cli_command *c = command_of(p, argc > 0 ? argc - 1 : 0, argv);

  if (c && before[0] == '-') {
    const char *name = before + strspn(before, "-");
    const struct cli_option *o = cli_option_find(c, name, strlen(name));

    for (const char *const *w = o ? o->values : NULL; w && *w; w++)
      offer(*w, strlen(*w), typed, "");
    if (o && o->type != CLI_BOOL)
      return 0;
  }
  if (c && typed[0] == '-')
    offer_flags(c, typed);
  else
    offer_commands(p, argc > 0 ? argc - 1 : 0, argv, typed);
  return 0;
}
