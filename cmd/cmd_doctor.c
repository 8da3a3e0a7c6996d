/* doctor: can this machine run pods, and what to do when it cannot. sandbox-init: the helper that a pod's process
 * starts as. */
#include "doctor.h"

#include <string.h>

#include "cli.h"
#include "cluster_dir.h"
#include "container.h"
#include "fs.h"
#include "json.h"
#include "node_agent.h"

struct doctor_options {
  const char *output;
};

static const struct cli_option doctor_rows[] = { CLI_OPTION_JSON(struct doctor_options, output), CLI_OPTIONS_END };

static const char *const states[] = { [DOCTOR_OK] = "ok", [DOCTOR_LIMITED] = "limited", [DOCTOR_BROKEN] = "broken" };
static const char *const marks[] = { [DOCTOR_OK] = "✓", [DOCTOR_LIMITED] = "!", [DOCTOR_BROKEN] = "✗" };

static void
print_json(struct cli *cli, const struct doctor_finding *list, size_t n)
{
  struct json *all = json_new_array(cli->arena);

  for (size_t i = 0; i < n; i++) {
    struct json *o = json_append(cli->arena, all, json_new_object(cli->arena));

    json_set_str(cli->arena, o, "check", list[i].what);
    json_set_str(cli->arena, o, "state", states[list[i].state]);
    json_set_str(cli->arena, o, "detail", list[i].detail ? list[i].detail : "");
    if (list[i].advice)
      json_set_str(cli->arena, o, "advice", list[i].advice);
  }
  puts(json_text(cli->arena, all, JSON_INDENT2));
}

static int
doctor_cmd(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct doctor_options *o = options;
  struct doctor_finding *list;
  const char *home;
  size_t n, broken;
  int r = cluster_home(cli->arena, &home, reterr);

  if (r == 0)
    r = fs_mkdirs(home, 0700, reterr);
  if (r < 0)
    return r;
  broken = doctor_run(cli->arena, home, &list, &n);
  if (o->output)
    print_json(cli, list, n);
  for (size_t i = 0; !o->output && i < n; i++) {
    printf("%s %s: %s\n", marks[list[i].state], list[i].what, list[i].detail ? list[i].detail : "");
    if (list[i].advice)
      printf("    %s\n", list[i].advice);
  }
  return broken ? 1 : 0;
}

extern const struct cli_command cmd_doctor, cmd_sandbox_init;
const struct cli_command cmd_doctor = {
  .name = "doctor",
  .summary = "Check what this machine can do for pods, and say what to do where it cannot",
  .help = "Exit code 1 when something that pods need is missing.",
  .options = doctor_rows,
  .options_size = sizeof(struct doctor_options),
  .run = doctor_cmd,
};

static int
sandbox_run(struct cli *cli, void *options, struct kerr *reterr)
{
  (void)options;
  (void)cli;
  (void)reterr;
  return sandbox_init_main(CONTAINER_PLAN_FD);
}

const struct cli_command cmd_sandbox_init = {
  .name = "sandbox-init",
  .summary = "Start a container (for the node agent's own use)",
  .run = sandbox_run,
  .raw = true,
  .hidden = true,
};
