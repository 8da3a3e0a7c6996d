#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_internal.h"

const struct cli_option cli_common_options[] = {
  { "quiet", 'q', CLI_BOOL, offsetof(struct cli, quiet), NULL, "no progress on stderr, only errors", NULL },
  { "verbosity", 'v', CLI_INT, offsetof(struct cli, verbosity), "N", "how much to say: 0 is the default", NULL },
  CLI_OPTIONS_END,
};

static const struct cli_option *
find_in(const struct cli_option *rows, const char *name, size_t n)
{
  for (; rows && rows->name; rows++)
    if (strlen(rows->name) == n && memcmp(rows->name, name, n) == 0)
      return rows;
  return NULL;
}

const struct cli_option *
cli_option_find(const struct cli_command *c, const char *name, size_t n)
{
  const struct cli_option *o = find_in(c->options, name, n);

  return o ? o : find_in(cli_common_options, name, n);
}

static const struct cli_option *
find_letter(const struct cli_command *c, char letter)
{
  for (const struct cli_option *o = c->options; o && o->name; o++)
    if (o->letter == letter)
      return o;
  for (const struct cli_option *o = cli_common_options; o->name; o++)
    if (o->letter == letter)
      return o;
  return NULL;
}

int
cli_parse_duration(const char *text, int64_t *ret_ns, struct kerr *reterr)
{
  static const struct {
    const char *unit;
    double ns;
  } units[] = { { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 }, { "h", 3600e9 }, { "m", 60e9 }, { "s", 1e9 } };
  const char *at = text;
  double sum = 0;

  if (strcmp(text, "0") == 0) {
    *ret_ns = 0;
    return 0;
  }
  while (*at) {
    char *end;
    double v = strtod(at, &end);
    size_t u;

    if (end == at || v < 0)
      return kerr_set(reterr, KERR_USAGE, NULL, "time: invalid duration \"%s\"", text);
    for (u = 0; u < ARRAY_SIZE(units); u++)
      if (strncmp(end, units[u].unit, strlen(units[u].unit)) == 0)
        break;
    if (u == ARRAY_SIZE(units))
      return kerr_set(reterr, KERR_USAGE, NULL,
                      *end ? "time: unknown unit in duration \"%s\"" : "time: missing unit in duration \"%s\"", text);
    sum += v * units[u].ns;
    at = end + strlen(units[u].unit);
  }
  if (at == text || sum > 9e18)
    return kerr_set(reterr, KERR_USAGE, NULL, "time: invalid duration \"%s\"", text);
  *ret_ns = (int64_t)sum;
  return 0;
}

static void
list_add(struct arena *a, struct cli_list *list, const char *item, size_t n)
{
  const char **bigger = arena_array_of(a, const char *, list->n + 1);

  if (list->n)
    memcpy(bigger, list->items, list->n * sizeof *bigger);
  bigger[list->n] = arena_strndup(a, item, n);
  list->items = bigger;
  list->n++;
}

static int
check_word(const struct cli_option *o, const char *value, struct kerr *reterr)
{
  _cleanup_free_ char *all = NULL;

  if (!o->values)
    return 0;
  for (const char *const *w = o->values; *w; w++) {
    char *longer;

    if (strcmp(*w, value) == 0)
      return 0;
    longer = mem_printf("%s%s%s", all ? all : "", all ? ", " : "", *w);
    free(all);
    all = longer;
  }
  return kerr_set(reterr, KERR_USAGE, NULL, "invalid argument \"%s\" for \"--%s\" flag: must be one of %s", value,
                  o->name, all);
}

static int
set_list(struct arena *a, const struct cli_option *o, struct cli_list *list, const char *value, struct kerr *reterr)
{
  if (o->type == CLI_FILES) {
    list_add(a, list, value, strlen(value));
    return 0;
  }
  while (*value) {
    size_t n = strcspn(value, ",");
    char *item = arena_strndup(a, value, n);
    int r = n ? check_word(o, item, reterr) : 0;

    if (r < 0)
      return r;
    if (n)
      list_add(a, list, item, n);
    value += n + (value[n] == ',');
  }
  return 0;
}

static int
set_int(const struct cli_option *o, int64_t *to, const char *value, struct kerr *reterr)
{
  char *end;

  errno = 0;
  *to = strtoimax(value, &end, 10);
  if (errno || end == value || *end)
    return kerr_set(reterr, KERR_USAGE, NULL, "invalid argument \"%s\" for \"--%s\" flag: not a whole number", value,
                    o->name);
  return 0;
}

/* A value for `o` into the struct at `base`. */
static int
set(struct arena *a, const struct cli_option *o, char *base, const char *value, struct kerr *reterr)
{
  void *to = base + o->offset;
  int r;

  switch (o->type) {
  case CLI_BOOL:
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
      return kerr_set(reterr, KERR_USAGE, NULL, "invalid argument \"%s\" for \"--%s\" flag: must be true or false",
                      value, o->name);
    *(bool *)to = strcmp(value, "true") == 0;
    return 0;
  case CLI_STRING:
    r = check_word(o, value, reterr);
    if (r == 0)
      *(const char **)to = value;
    return r;
  case CLI_INT:
    return set_int(o, to, value, reterr);
  case CLI_DURATION:
    r = cli_parse_duration(value, to, reterr);
    return r < 0 ? kerr_wrap(reterr, "invalid argument \"%s\" for \"--%s\" flag", value, o->name) : 0;
  case CLI_LIST:
  case CLI_FILES:
    return set_list(a, o, to, value, reterr);
  }
  return 0;
}

static bool
is_common(const struct cli_option *o)
{
  return o >= cli_common_options && o < cli_common_options + 2;
}

static int
parse_long(struct cli *cli, const struct cli_command *c, char *options, int argc, char **argv, int *i,
           struct kerr *reterr)
{
  const char *word = argv[*i] + 2, *eq = strchr(word, '=');
  size_t n = eq ? (size_t)(eq - word) : strlen(word);
  const struct cli_option *o = cli_option_find(c, word, n);
  const char *value;

  if (!o)
    return kerr_set(reterr, KERR_USAGE, NULL, "unknown flag: --%.*s", (int)n, word);
  if (eq)
    value = eq + 1;
  else if (o->type == CLI_BOOL)
    value = "true";
  else if (*i + 1 < argc)
    value = argv[++*i];
  else
    return kerr_set(reterr, KERR_USAGE, NULL, "flag needs an argument: --%s", o->name);
  return set(cli->arena, o, is_common(o) ? (char *)cli : options, value, reterr);
}

/* -abc, -oVALUE, -o VALUE, -o=VALUE */
static int
parse_short(struct cli *cli, const struct cli_command *c, char *options, int argc, char **argv, int *i,
            struct kerr *reterr)
{
  for (const char *at = argv[*i] + 1; *at; at++) {
    const struct cli_option *o = find_letter(c, *at);
    const char *value = "true";
    int r;

    if (!o)
      return kerr_set(reterr, KERR_USAGE, NULL, "unknown shorthand flag: '%c' in %s", *at, argv[*i]);
    if (o->type != CLI_BOOL) {
      if (at[1])
        value = at + 1 + (at[1] == '=');
      else if (*i + 1 < argc)
        value = argv[++*i];
      else
        return kerr_set(reterr, KERR_USAGE, NULL, "flag needs an argument: '%c' in %s", *at, argv[*i]);
    }
    r = set(cli->arena, o, is_common(o) ? (char *)cli : options, value, reterr);
    if (r < 0 || o->type != CLI_BOOL)
      return r;
  }
  return 0;
}

int
cli_parse(struct cli *cli, const struct cli_command *c, int argc, char **argv, void *options, struct kerr *reterr)
{
  const char **rest = arena_array_of(cli->arena, const char *, (size_t)argc + 1);
  size_t n = 0;
  int r = 0;

  for (int i = 0; i < argc && r == 0; i++) {
    if (strcmp(argv[i], "--") == 0) {
      while (++i < argc)
        rest[n++] = argv[i];
      break;
    }
    if (argv[i][0] == '-' && argv[i][1] == '-')
      r = parse_long(cli, c, options, argc, argv, &i, reterr);
    else if (argv[i][0] == '-' && argv[i][1])
      r = parse_short(cli, c, options, argc, argv, &i, reterr);
    else
      rest[n++] = argv[i];
  }
  cli->args = rest;
  cli->n_args = n;
  return r;
}
