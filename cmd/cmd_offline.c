/* convert, validate: what a server would say, without a server. */
#include <string.h>

#include "batch.h"
#include "ceilings.h"
#include "kind.h"
#include "kind_batch.h"
#include "manifest.h"
#include "object.h"
#include "validate.h"

struct offline_options {
  const char *batch, *version;
  struct cli_list files;
  bool recursive;
};

#define BATCH_ROW                                                                \
  {                                                                              \
    "batch", 0, CLI_STRING, offsetof(struct offline_options, batch), "FILE",     \
        "recorded questions, one JSON object a line; - for standard input", NULL \
  }

/* -- convert -- */

static int
convert_line(struct arena *a, struct span line, struct strbuf *out, struct kerr *reterr)
{
  (void)reterr; /* what is wrong with a line is its answer */
  kind_batch_convert_line(a, line, out);
  return 0;
}

static int
convert_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct offline_options *o = options;

  (void)cli;
  if (!o->batch)
    return kerr_set(reterr, KERR_USAGE, NULL, "--batch is needed");
  return batch_run(o->batch, convert_line, reterr);
}

static const struct cli_option batch_rows[] = { BATCH_ROW, CLI_OPTIONS_END };

extern const struct cli_command cmd_convert, cmd_validate;
const struct cli_command cmd_convert = {
  .name = "convert",
  .summary = "Turn objects from JSON into Kubernetes protobuf and back",
  .options = batch_rows,
  .options_size = sizeof(struct offline_options),
  .run = convert_run,
};

/* -- validate -- */

static const struct cli_option validate_rows[] = {
  { "filename", 'f', CLI_FILES, offsetof(struct offline_options, files), "FILE",
    "a file, a folder, or - for standard input", NULL },
  { "recursive", 'R', CLI_BOOL, offsetof(struct offline_options, recursive), NULL,
    "folders with all that is below them", NULL },
  { "kubernetes-version", 0, CLI_STRING, offsetof(struct offline_options, version), "V",
    "the release that judges (default 1.37)", NULL },
  CLI_OPTIONS_END,
};

/* Upstream's words; nothing when the object is right. */
static const char *
judge(struct arena *a, struct json *o, const struct personality *p, int64_t now)
{
  struct field_errors errs = { .a = a };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *canonical;
  const struct kind *k;

  if (manifest_admit(a, o, p, now, &k, &canonical, &err) < 0)
    return arena_strdup(a, err.msg);
  validate_create(k, canonical, p, &errs);
  return errs.n ? field_errors_text(a, &errs) : NULL;
}

static int
validate_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct offline_options *o = options;
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  struct manifests m;
  int bad = 0, r = personality_new(o->version, NULL, NULL, &p, reterr);

  if (r == 0)
    r = manifests_read(cli->arena, &o->files, o->recursive, &m, reterr);
  if (r < 0)
    return r;
  for (size_t i = 0; i < m.n; i++) {
    struct json *object = m.list[i].object;
    const char *problem = judge(cli->arena, object, p, clock_wall(cli->clock));

    printf("%s: %s %s: %s\n", m.list[i].source, object_kind(object), object_name(object), problem ? problem : "ok");
    bad |= problem != NULL;
  }
  return bad;
}

const struct cli_command cmd_validate = {
  .name = "validate",
  .summary = "Say what an API server would object to, without one",
  .help = "Exit code 1 when anything is wrong.",
  .options = validate_rows,
  .options_size = sizeof(struct offline_options),
  .run = validate_run,
};
