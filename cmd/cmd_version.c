/* version, completion: about the program itself. */
#include <string.h>

#include "cli.h"
#include "gates.h"
#include "json.h"

#include "version.h"

struct version_options {
  const char *output;
};

static const struct cli_option version_rows[] = { CLI_OPTION_JSON(struct version_options, output), CLI_OPTIONS_END };

static int
version_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct version_options *o = options;
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  int r = personality_new(NULL, NULL, NULL, &p, reterr);

  if (r < 0)
    return r;
  if (o->output) {
    struct json *doc = json_new_object(cli->arena);

    json_set_str(cli->arena, doc, "version", DRALAB_VERSION);
    json_set_str(cli->arena, doc, "kubernetesVersion", personality_version(p));
    json_set_str(cli->arena, doc, "compiler", __VERSION__);
    puts(json_text(cli->arena, doc, JSON_INDENT2));
  } else {
    printf("dralab v%s (Kubernetes %s)\n", DRALAB_VERSION, personality_version(p));
  }
  return 0;
}

extern const struct cli_command cmd_version, cmd_completion;
const struct cli_command cmd_version = {
  .name = "version",
  .summary = "Print the version",
  .options = version_rows,
  .options_size = sizeof(struct version_options),
  .run = version_run,
};

/* The scripts are thin: they ask `dralab __complete WORDS...`, which answers from the command table. */
static const struct {
  const char *shell, *script;
} scripts[] = {
  { "bash", "_dralab() {\n"
            "  local IFS=$'\\n'\n"
            "  COMPREPLY=($(dralab __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null | cut -f1))\n"
            "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
            "}\n"
            "complete -F _dralab dralab\n" },
  { "zsh", "#compdef dralab\n"
           "_dralab() {\n"
           "  local -a lines\n"
           "  lines=(${(f)\"$(dralab __complete ${words[2,CURRENT]} 2>/dev/null | tr '\\t' ':')\"})\n"
           "  if (( $#lines )); then _describe 'dralab' lines; else _files; fi\n"
           "}\n"
           "compdef _dralab dralab\n" },
  { "fish", "complete -c dralab -a '(dralab __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'\n" },
  { "powershell", "Register-ArgumentCompleter -Native -CommandName dralab -ScriptBlock {\n"
                  "  param($word, $ast, $at)\n"
                  "  $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { \"$_\" })\n"
                  "  if ($word -eq '') { $words += '' }\n"
                  "  dralab __complete @words 2>$null | ForEach-Object { ($_ -split \"`t\")[0] }\n"
                  "}\n" },
};

static int
completion_run(struct cli *cli, void *options, struct kerr *reterr)
{
  (void)options;
  for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
    if (cli->n_args == 1 && strcmp(cli->args[0], scripts[i].shell) == 0) {
      fputs(scripts[i].script, stdout);
      return 0;
    }
  if (cli->n_args == 1)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "no completion for shell \"%s\": choose among bash, zsh, fish, powershell", cli->args[0]);
  return kerr_set(reterr, KERR_USAGE, NULL, "accepts 1 arg, received %zu: bash, zsh, fish or powershell", cli->n_args);
}

const struct cli_command cmd_completion = {
  .name = "completion",
  .args = "bash|zsh|fish|powershell",
  .summary = "Print a completion script for a shell",
  .help = "For bash: source <(dralab completion bash)",
  .run = completion_run,
};
