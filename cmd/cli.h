/*
 * cli - what every subcommand shares: one row per command, one row per option.
 *
 * A command is a `struct cli_command` in its own cmd_*.c file; main.c lists
 * them in one table. From the rows come parsing, --help, completion and the
 * suggestions for a misspelt word. Options are parsed into a struct of the
 * command's own, by offset.
 *
 * Habits follow kind: steps and errors on stderr, machine output on stdout,
 * exit code 0 or 1 (`ERROR: ...`), unless a command's help says more.
 */
#ifndef CMD_CLI_H
#define CMD_CLI_H

#include <stdio.h>

#include "arena.h"
#include "clock.h"
#include "kerr.h"

enum cli_type {
  CLI_BOOL,     /* bool */
  CLI_STRING,   /* const char * */
  CLI_INT,      /* int64_t */
  CLI_DURATION, /* int64_t, nanoseconds; text as Go's: 30s, 1m30s */
  CLI_LIST,     /* struct cli_list; given several times or with commas */
  CLI_FILES,    /* struct cli_list; given several times, commas are part of a name */
};

struct cli_list {
  const char **items;
  size_t n;
};

struct cli_option {
  const char *name; /* without dashes */
  char letter;      /* 0: none */
  enum cli_type type;
  size_t offset;   /* into the command's option struct */
  const char *arg; /* what the value is called in --help; NULL for a bool */
  const char *help;
  const char *const *values; /* NULL-terminated words for completion and checking, or NULL: anything */
};

/* What a running command is given. */
struct cli {
  struct arena *arena;
  struct clock *clock;
  const char *self;  /* the program, for messages */
  const char **args; /* what is left after options */
  size_t n_args;
  const struct cli_command *command;
  bool quiet;        /* -q: no steps */
  int64_t verbosity; /* -v N */
};

struct cli_command {
  const char *name;                 /* "create cluster", "version" */
  const char *args;                 /* "[NAME...]" for the usage line, or NULL: takes none */
  const char *summary;              /* one line */
  const char *help;                 /* paragraphs for --help, or NULL */
  const struct cli_option *options; /* ends with a row whose name is NULL */
  size_t options_size;              /* of the struct that options fill; zeroed before */
  /* `options` is that struct. The exit code, or a negative kerr code with reterr filled (printed as ERROR, exit 1). */
  int (*run)(struct cli *cli, void *options, struct kerr *reterr);
  bool raw;    /* everything behind the name is left to the command, options included */
  bool hidden; /* not in help: for the program's own use */
};

/* Runs the command that argv names; returns the exit code. */
int cli_main(const struct cli_command *const *commands, size_t n, int argc, char **argv);

/* KERR_USAGE with pflag's words. */
_must_check_ int cli_parse_duration(const char *text, int64_t *ret_ns, struct kerr *reterr);

/* How many letters must change to make one word of the other; SIZE_MAX for words of more than 63. */
size_t cli_distance(const char *x, const char *y);

/* -- the shared option rows -- */

/* Where the cluster's name comes from: the option, $DRALAB_CLUSTER_NAME, "dralab". */
const char *cli_cluster_name(const char *given);
#define CLI_OPTION_NAME(type, member)                                            \
  {                                                                              \
    "name", 0, CLI_STRING, offsetof(type, member), "NAME",                       \
        "the cluster's name (default: $DRALAB_CLUSTER_NAME or \"dralab\")", NULL \
  }
extern const char *const cli_output_json[]; /* values of -o where only json makes sense */
#define CLI_OPTION_JSON(type, member)                                                                   \
  {                                                                                                     \
    "output", 'o', CLI_STRING, offsetof(type, member), "FORMAT", "output format: json", cli_output_json \
  }
#define CLI_OPTIONS_END \
  {                     \
    .name = NULL        \
  }

/* -- steps on stderr: a spinner on a terminal, plain lines otherwise -- */

struct cli_step;
struct cli_step *cli_step_begin(struct cli *cli, const char *text);
/* Marks the end: a tick or a cross. NULL is fine. */
void cli_step_end(struct cli_step *step, bool good);
/* A line on stderr unless -q. */
void cli_note(struct cli *cli, const char *fmt, ...) _printf_(2, 3);

#endif
