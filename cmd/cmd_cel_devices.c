/* cel devices: which devices an expression selects, and why it does not select the others. */
#include <string.h>

#include "cel_inventory.h"

struct devices_options {
  struct kube_options kube;
  struct cli_list files;
  const char *output;
};

static const char *const outputs[] = { "name", "wide", NULL };

static const struct cli_option devices_rows[] = {
  { "filename", 'f', CLI_FILES, offsetof(struct devices_options, files), "FILE",
    "files with ResourceSlices; without any, those of the cluster", NULL },
  { "output", 'o', CLI_STRING, offsetof(struct devices_options, output), "FORMAT",
    "name: only the devices that match; wide: every device under its reason", outputs },
  KUBE_ROWS(struct devices_options, kube),
  CLI_OPTIONS_END,
};

/* Devices that do not match for the same reason. */
struct reason {
  const char *text;
  bool error;
  const struct inventory_device **devices;
  size_t n;
  struct reason *next;
};

struct question {
  struct cli *cli;
  const struct devices_options *o;
  const struct inventory *inv;
  struct cel_selector *selector;
  struct reason *reasons;
  size_t matches;
};

static void
add_reason(struct question *q, const char *text, bool error, const struct inventory_device *d)
{
  struct arena *a = q->cli->arena;
  struct reason **p = &q->reasons;

  while (*p && ((*p)->error != error || strcmp((*p)->text, text) != 0))
    p = &(*p)->next;
  if (!*p) {
    *p = arena_new_of(a, struct reason);
    (*p)->text = arena_strdup(a, text);
    (*p)->error = error;
    (*p)->devices = arena_array_of(a, const struct inventory_device *, q->inv->n);
  }
  (*p)->devices[(*p)->n++] = d;
}

static void
ask(struct question *q, const struct inventory_device *d, struct arena *scratch)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_device *ready;
  bool match = false;
  int r = inventory_ready(scratch, d, &ready, &err);

  if (r == 0)
    r = cel_selector_match(q->selector, ready, scratch, &match, &err);
  if (r < 0) {
    add_reason(q, err.msg, true, d);
  } else if (match) {
    printf("%s\n", inventory_name(q->cli->arena, d));
    q->matches++;
  } else {
    add_reason(q, cel_selector_why_not(q->selector, ready, scratch), false, d);
  }
  arena_reset(scratch);
}

/* -- reasons -- */

struct telling {
  struct arena *a;
  struct cel_device *device;
  struct strbuf *out;
};

/* `domain/id is VALUE` for what the reason reads. */
static void
tell_value(const struct cel_reference *r, void *arg)
{
  struct telling *t = arg;
  const char *value = r->id.p ? cel_show_reference(t->a, t->device, r) : NULL;

  if (r->id.p)
    strbuf_printf(t->out, "%s%.*s is %s", t->out->n ? ", " : "", SPAN_FMT(r->id), value ? value : "not there");
}

/* What the devices have instead: told of the first, and with -o wide of each. */
static void
tell_device(struct question *q, const struct reason *reason, const struct inventory_device *d)
{
  _cleanup_arena_ struct arena *a = arena_new((size_t)64 << 20);
  _cleanup_strbuf_ struct strbuf values = STRBUF_INIT(64 << 10);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct telling t = { .a = a, .out = &values };
  struct cel_selector *part;

  if (inventory_ready(a, d, &t.device, &err) == 0 && *reason->text && !reason->error &&
      cel_selector_compile(span_of(reason->text), &part, &err) == 0) {
    cel_show_references(part, tell_value, &t);
    cel_selector_unref(part);
  }
  printf("    %s%s%s\n", inventory_name(q->cli->arena, d), values.n ? ": " : "", values.p);
}

static void
tell_reason(struct question *q, const struct reason *r)
{
  bool wide = q->o->output && strcmp(q->o->output, "wide") == 0;
  size_t shown = wide || r->n <= 3 ? r->n : 2;

  printf("\n%zu %s because %s: %s\n", r->n, r->n == 1 ? "does not," : "do not,",
         r->error ? "of an error" : "this is false", *r->text ? r->text : "the whole expression");
  for (size_t i = 0; i < shown; i++)
    tell_device(q, r, r->devices[i]);
  if (shown < r->n)
    printf("    and %zu more (-o wide)\n", r->n - shown);
}

static int
devices_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct devices_options *o = options;
  _cleanup_arena_ struct arena *scratch = arena_new((size_t)256 << 20);
  struct inventory inv;
  struct question q = { .cli = cli, .o = o, .inv = &inv };
  int r;

  if (cli->n_args != 1)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "one expression is needed, as in: dralab cel devices 'device.driver == \"gpu.dralab.dev\"'");
  r = cel_selector_compile(span_of(cli->args[0]), &q.selector, reterr);
  if (r == 0 && (r = inventory_read(cli, &o->kube, &o->files, &inv, reterr)) < 0)
    cel_selector_unref(q.selector);
  if (r < 0)
    return r;
  for (size_t i = 0; i < inv.n; i++)
    ask(&q, &inv.list[i], scratch);
  cel_selector_unref(q.selector);
  if (o->output && strcmp(o->output, "name") == 0)
    return q.matches ? 0 : 1;
  printf("%s%zu of %zu devices match\n", q.matches ? "\n" : "", q.matches, inv.n);
  for (const struct reason *reason = q.reasons; reason; reason = reason->next)
    tell_reason(&q, reason);
  return q.matches ? 0 : 1;
}

extern const struct cli_command cmd_cel_devices;
const struct cli_command cmd_cel_devices = {
  .name = "cel devices",
  .args = "EXPRESSION",
  .summary = "List the devices that a selector matches, and why the others do not",
  .help =
      "Asks every device of the ResourceSlices in files or in the cluster. Of the others it says which part of the\n"
      "expression was false, and what the devices have instead. Exits with 1 when nothing matches.",
  .options = devices_rows,
  .options_size = sizeof(struct devices_options),
  .run = devices_run,
};
