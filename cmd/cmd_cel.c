/* cel eval: an expression against a device, or a file of recorded questions. */
#include <string.h>

#include "batch.h"
#include "ceilings.h"
#include "cel_batch.h"
#include "cel_dra.h"
#include "fs.h"
#include "kind.h"
#include "kube_target.h"
#include "object.h"
#include "yaml.h"

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
device_from_file(struct cli *cli, const char *path, const char **ret_driver, const struct json **ret,
                 struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  struct json *doc;
  int r = fs_read(path, &text, reterr);

  if (r == 0)
    r = yaml_parse(cli->arena, strbuf_view(&text), NULL, &doc, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "%s", path);
  *ret_driver = json_get_str_or(doc, "driver", "");
  *ret = doc;
  return 0;
}

/* DRIVER/POOL/DEVICE; a pool's name may hold slashes. */
static int
device_from_cluster(struct cli *cli, const struct cel_options *o, const char **ret_driver, const struct json **ret,
                    struct kerr *reterr)
{
  const char *first = strchr(o->device, '/'), *last = strrchr(o->device, '/');
  _cleanup_(kclient_freep) struct kclient *c = NULL;
  struct kclient_list slices;
  struct span pool;
  int r;

  if (!first || first == last)
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is neither a file nor DRIVER/POOL/DEVICE", o->device);
  *ret_driver = arena_strndup(cli->arena, o->device, (size_t)(first - o->device));
  pool = span_make(first + 1, (size_t)(last - first - 1));
  r = cluster_access_client(cli, &o->kube.target, &c, NULL, reterr);
  if (r == 0)
    r = kclient_list(c, &KC_RESOURCESLICES, NULL, NULL, &slices, reterr);
  if (r < 0)
    return r;
  *ret = NULL;
  for (size_t i = 0; i < slices.n; i++) {
    const struct json *spec = json_get(record_tree(slices.items[i]), "spec");

    if (strcmp(json_get_str_or(spec, "driver", ""), *ret_driver) != 0 ||
        !span_is(pool, json_get_str_or(json_get(spec, "pool"), "name", "")))
      continue;
    for (json_each_item (p, json_get(spec, "devices")))
      if (strcmp(json_get_str_or(*p, "name", ""), last + 1) == 0)
        *ret = json_copy(cli->arena, *p);
  }
  kclient_list_release(&slices);
  return *ret ? 0 : kerr_set(reterr, KERR_NOT_FOUND, NULL, "no slice has the device %s", o->device);
}

static int
eval_one(struct cli *cli, const struct cel_options *o, struct kerr *reterr)
{
  static const struct json nothing = { .type = JSON_OBJECT };
  const struct json *tree = &nothing;
  const char *driver = "";
  struct cel_selector *s;
  struct cel_device *device;
  bool match = false;
  int r = 0;

  if (o->device)
    r = fs_exists(o->device) || strcmp(o->device, "-") == 0 ? device_from_file(cli, o->device, &driver, &tree, reterr)
                                                            : device_from_cluster(cli, o, &driver, &tree, reterr);
  if (r == 0)
    r = cel_selector_compile(span_of(cli->args[0]), &s, reterr);
  if (r < 0)
    return r;
  r = cel_device_new(cli->arena, driver, tree, &device, reterr);
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
