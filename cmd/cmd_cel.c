/* cel eval: an expression against a device, or a file of recorded questions. */
#include <string.h>

#include "batch.h"
#include "cel_batch.h"
#include "cel_inventory.h"
#include "kind.h"
#include "object.h"

struct cel_options {
  struct kube_options kube;
  const char *batch, *device;
};

static const struct cli_option eval_rows[] = {
  { "batch", 0, CLI_STRING, offsetof(struct cel_options, batch), "FILE",
    "recorded questions, one JSON object a line; - for standard input", NULL },
  { "device", 0, CLI_STRING, offsetof(struct cel_options, device), "DEVICE",
    "a file with a device {driver, attributes, capacity}, or DRIVER/POOL/DEVICE of the cluster", NULL },
  KUBE_ROWS(struct cel_options, kube),
  CLI_OPTIONS_END,
};

static int
eval_one(struct cli *cli, const struct cel_options *o, struct kerr *reterr)
{
  struct inventory_device d;
  struct cel_selector *s;
  struct cel_device *device;
  bool match = false;
  int r = inventory_one(cli, &o->kube, o->device, &d, reterr);

  if (r == 0)
    r = cel_selector_compile(span_of(cli->args[0]), &s, reterr);
  if (r < 0)
    return r;
  r = inventory_ready(cli->arena, &d, &device, reterr);
  if (r == 0)
    r = cel_selector_match(s, device, cli->arena, &match, reterr);
  if (r == 0) {
    const char *why = match ? "" : cel_selector_why_not(s, device, cli->arena);

    puts(match ? "true" : "false");
    if (*why)
      cli_note(cli, "because this is false: %s", why);
  }
  cel_selector_unref(s);
  return r;
}

/* Built-in kinds are known here: an object of one gets what the API server would make of it. */
static const struct json *
complete(struct arena *a, const struct json *object)
{
  const struct kind *k = kind_find_api_version(object_api_version(object), object_kind(object));
  struct kind_strictness strict = { .a = a };
  struct kerr err = KERR_INIT;
  struct json *out;

  if (k && kind_decode(a, k, object, &strict, &out, &err) == 0)
    return out;
  kerr_release(&err);
  return object;
}

static int
answer_line(struct arena *a, struct span line, struct strbuf *out, struct kerr *reterr)
{
  return cel_batch_line(a, line, complete, out, reterr);
}

static int
eval_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct cel_options *o = options;

  if (o->batch)
    return batch_run(o->batch, answer_line, reterr);
  if (cli->n_args != 1)
    return kerr_set(
        reterr, KERR_USAGE, NULL,
        "one expression is needed, as in: dralab cel eval 'device.driver == \"gpu.dralab.dev\"' --device FILE");
  return eval_one(cli, o, reterr);
}

extern const struct cli_command cmd_cel_eval;
const struct cli_command cmd_cel_eval = {
  .name = "cel eval",
  .args = "EXPRESSION",
  .summary = "Evaluate a device selector, as the scheduler does",
  .help = "Prints true or false; when it is false, the part that made it so on stderr.",
  .options = eval_rows,
  .options_size = sizeof(struct cel_options),
  .run = eval_run,
};
