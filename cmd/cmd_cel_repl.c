/* cel repl: type expressions, see values. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cel_inventory.h"
#include "ceilings.h"

#define LINE_MAX_BYTES ((ssize_t)1 << 20)

struct repl_options {
  struct kube_options kube;
  struct cli_list files;
  const char *device;
  bool live;
};

static const struct cli_option repl_rows[] = {
  { "filename", 'f', CLI_FILES, offsetof(struct repl_options, files), "FILE", "files with ResourceSlices", NULL },
  { "live", 0, CLI_BOOL, offsetof(struct repl_options, live), NULL, "the ResourceSlices of the cluster", NULL },
  { "device", 0, CLI_STRING, offsetof(struct repl_options, device), "DEVICE",
    "begin with this one: a file, or DRIVER/POOL/DEVICE", NULL },
  KUBE_ROWS(struct repl_options, kube),
  CLI_OPTIONS_END,
};

struct repl {
  struct cli *cli;
  const struct repl_options *o;
  struct inventory inv;
  struct inventory_device device;
  bool terminal, costs, done;
};

typedef void command_fn(struct repl *r, const char *arg);

/* -- commands -- */

static void
list_devices(struct repl *r, const char *arg)
{
  for (size_t i = 0; i < r->inv.n; i++) {
    const char *name = inventory_name(r->cli->arena, &r->inv.list[i]);

    if (strstr(name, arg))
      printf("%s\n", name);
  }
  if (!r->inv.n)
    printf("no devices: start with -f FILE or --live\n");
}

/* The first device whose name holds the text; none: a file or a device of the cluster. */
static void
choose_device(struct repl *r, const char *arg)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct inventory_device chosen;

  for (size_t i = 0; *arg && i < r->inv.n; i++) {
    const char *name = inventory_name(r->cli->arena, &r->inv.list[i]);

    if (!strstr(name, arg))
      continue;
    r->device = r->inv.list[i];
    printf("device is %s\n", name);
    return;
  }
  if (inventory_one(r->cli, &r->o->kube, *arg ? arg : NULL, &chosen, &err) < 0)
    printf("%s\n", err.msg);
  else
    r->device = chosen;
}

static void
switch_costs(struct repl *r, const char *arg)
{
  (void)arg;
  r->costs = !r->costs;
  printf("costs are %s\n", r->costs ? "shown" : "not shown");
}

static void
quit(struct repl *r, const char *arg)
{
  (void)arg;
  r->done = true;
}

/* -- completion: names of attributes and capacities, as expressions write them -- */

struct completing {
  struct arena *a;
  const char *prefix;
  const char *what;
  const char **found;
  size_t n, cap;
};

static void
complete_name(struct span domain, struct span id, void *arg)
{
  struct completing *c = arg;
  const char *text = arena_printf(c->a, "device.%s[\"%.*s\"].%.*s", c->what, SPAN_FMT(domain), SPAN_FMT(id));

  if (strncmp(text, c->prefix, strlen(c->prefix)) != 0)
    return;
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->found[i], text) == 0)
      return;
  if (c->n == c->cap) {
    const char **more = arena_array_of(c->a, const char *, c->cap ? c->cap * 2 : 16);

    if (c->n)
      memcpy(more, c->found, sizeof *more * c->n);
    c->found = more;
    c->cap = c->cap ? c->cap * 2 : 16;
  }
  c->found[c->n++] = text;
}

/* The expression's last word is what is completed, so that a whole line may be given. */
static void
complete(struct repl *r, const char *arg)
{
  static const char *const fields[] = { "device.driver", "device.allowMultipleAllocations" };
  const char *prefix = strrchr(arg, ' ') ? strrchr(arg, ' ') + 1 : arg;
  struct completing c = { .a = r->cli->arena, .prefix = prefix };
  struct inventory one = { .list = &r->device, .n = 1 };

  for (int capacity = 0; capacity < 2; capacity++) {
    c.what = capacity ? "capacity" : "attributes";
    inventory_names(r->inv.n ? &r->inv : &one, capacity, complete_name, &c);
  }
  for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
    if (strncmp(fields[i], prefix, strlen(prefix)) == 0)
      printf("%s\n", fields[i]);
  if (c.n)
    qsort(c.found, c.n, sizeof *c.found, text_order);
  for (size_t i = 0; i < c.n; i++)
    printf("%s\n", c.found[i]);
}

static command_fn help;

static const struct {
  const char *name, *arg, *text;
  command_fn *run;
} commands[] = {
  { "complete", "TEXT", "names that begin so: device.attributes[\"", complete },
  { "costs", "", "show what each expression costs, and its type; again: do not", switch_costs },
  { "device", "NAME", "ask this device: part of a name, a file, or nothing for an empty one", choose_device },
  { "devices", "[TEXT]", "list devices", list_devices },
  { "help", "", "this", help },
  { "quit", "", "leave; so does the end of input", quit },
};

static void
help(struct repl *r, const char *arg)
{
  (void)r;
  (void)arg;
  printf("Type an expression over `device`, or\n");
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
    printf("  :%s %-*s %s\n", commands[i].name, 16 - (int)strlen(commands[i].name), commands[i].arg, commands[i].text);
}

/* -- lines -- */

static void
run_command(struct repl *r, const char *line)
{
  size_t n = strcspn(line, " ");
  const char *arg = line + n + strspn(line + n, " ");

  for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
    if (n && strncmp(commands[i].name, line, n) == 0 &&
        (!commands[i].name[n] || i + 1 == ARRAY_SIZE(commands) || strncmp(commands[i + 1].name, line, n) != 0)) {
      commands[i].run(r, arg);
      return;
    }
  }
  printf("no such command; :help lists them\n");
}

static void
run_expression(struct repl *r, struct span line)
{
  _cleanup_arena_ struct arena *a = arena_new(256 * MiB);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_device *ready;
  struct cel_shown shown;
  int rc = inventory_ready(a, &r->device, &ready, &err);

  if (rc == 0)
    rc = cel_show(a, line, ready, &shown, &err);
  if (rc < 0) {
    const char *text = strncmp(err.msg, "compilation failed: ", 20) == 0 ? err.msg + 20 : err.msg;

    printf("%s\n", text);
    return;
  }
  printf("%s%s\n", shown.error ? "error: " : "", shown.error ? shown.error : shown.value);
  if (!r->costs)
    return;
  printf("  %s, cost %" PRIu64, shown.type, shown.cost);
  if (shown.most == UINT64_MAX)
    printf(", without bound\n");
  else
    printf(", at most %" PRIu64 "%s\n", shown.most, shown.most > CEL_DRA_COST_MAX ? ": more than a selector may" : "");
}

static void
run_line(struct repl *r, struct span line)
{
  line = span_trim(line);
  if (!line.n || line.p[0] == '#')
    return;
  if (line.p[0] == ':')
    run_command(r, arena_strndup(r->cli->arena, line.p + 1, line.n - 1));
  else
    run_expression(r, line);
  (void)fflush(stdout);
}

static int
repl_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct repl_options *o = options;
  struct repl r = { .cli = cli, .o = o, .inv = { .a = cli->arena }, .terminal = isatty(STDIN_FILENO) };
  _cleanup_free_ char *line = NULL;
  size_t cap = 0;
  ssize_t n;
  int rc = 0;

  if (o->files.n || o->live)
    rc = inventory_read(cli, &o->kube, &o->files, &r.inv, reterr);
  if (rc == 0)
    rc = inventory_one(cli, &o->kube, o->device, &r.device, reterr);
  if (rc < 0)
    return rc;
  if (!o->device && r.inv.n)
    r.device = r.inv.list[0];
  if (r.terminal)
    printf("CEL over `device`%s%s; :help lists commands\n", *r.device.name ? ", which is " : "",
           *r.device.name ? inventory_name(cli->arena, &r.device) : "");
  while (!r.done) {
    if (r.terminal) {
      (void)fputs("> ", stdout);
      (void)fflush(stdout);
    }
    n = getline(&line, &cap, stdin);
    if (n < 0)
      break;
    if (n > LINE_MAX_BYTES)
      return kerr_set(reterr, KERR_TOO_LARGE, NULL, "a line of %zd bytes", n);
    run_line(&r, span_make(line, (size_t)n));
  }
  return 0;
}

extern const struct cli_command cmd_cel_repl;
const struct cli_command cmd_cel_repl = {
  .name = "cel repl",
  .summary = "Try CEL expressions on a device, line by line",
  .help = "Each line is an expression over `device`; its value is printed, or what is wrong with it. Lines that begin\n"
          "with a colon are commands: :help lists them. :complete TEXT prints the names that devices have.",
  .options = repl_rows,
  .options_size = sizeof(struct repl_options),
  .run = repl_run,
};
