/*
 * cli_internal - what the files of the command-line framework share: the table
 * of commands, the parser, the help pages and completion.
 */
#ifndef CMD_CLI_INTERNAL_H
#define CMD_CLI_INTERNAL_H

#include "cli.h"

struct cli_program {
  const struct cli_command *const *commands;
  size_t n;
  const char *self;
};

/* Rows every command has: -q, -v, -h. */
extern const struct cli_option cli_common_options[];

/* Options into `options`, the rest into cli->args. KERR_USAGE with pflag's words (`unknown flag: --x`). */
int cli_parse(struct cli *cli, const struct cli_command *c, int argc, char **argv, void *options, struct kerr *reterr);
const struct cli_option *cli_option_find(const struct cli_command *c, const char *name, size_t n);

void cli_help_command(const struct cli_program *p, const struct cli_command *c, FILE *out);
/* `group`: "create", or "" for all. */
void cli_help_group(const struct cli_program *p, const char *group, FILE *out);

/* Candidates for the last of the words, one a line: called by the completion scripts. */
int cli_complete(const struct cli_program *p, int argc, char **argv);

#endif
