/* serve: a cluster in the foreground, until SIGTERM. `create cluster` runs it in the background. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"
#include "cluster_options.h"
#include "cluster_run.h"
#include "fs.h"

/* One line for whoever waits on the pipe, which is then closed. */
static void
report(int64_t fd, const char *word, const char *text)
{
  _cleanup_free_ char *line = mem_printf("%s %s\n", word, text);

  if (fd <= 0)
    return;
  for (char *c = line; *c && c[1]; c++)
    if (*c == '\n')
      *c = ' ';
  (void)fs_write_all((int)fd, span_of(line));
  (void)close((int)fd);
}

/* Signals come through a descriptor, in the main thread; blocked before any other thread begins. */
static int
take_signals(int *ret_fd, struct kerr *reterr)
{
  sigset_t wanted;

  (void)signal(SIGPIPE, SIG_IGN);
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGHUP);
  if (sigprocmask(SIG_BLOCK, &wanted, NULL) < 0 || (*ret_fd = signalfd(-1, &wanted, SFD_CLOEXEC)) < 0)
    return kerr_errno(reterr, errno, "signals");
  return 0;
}

/* As many descriptors as the system allows: a watch has one. And few malloc arenas: threads here allocate little. */
static void
set_limits(void)
{
  struct rlimit files;

  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  (void)mallopt(M_ARENA_MAX, 2);
}

static int
prepare(struct cli *cli, const struct cluster_options *o, struct cluster_dir *d, struct cluster_config *c,
        struct kerr *reterr)
{
  int r = cluster_dir_of(cli->arena, cli_cluster_name(o->name), d, reterr);

  if (r < 0)
    return r;
  if (cluster_dir_exists(d))
    return cluster_dir_load(cli->arena, d, c, reterr);
  r = cluster_options_config(cli, o, c, reterr);
  if (r == 0)
    r = cluster_dir_make(cli->arena, d, o->data_dir, reterr);
  return r < 0 ? r : cluster_dir_save(cli->arena, d, c, reterr);
}

static void
wait_for_end(int signals, struct log *log)
{
  struct signalfd_siginfo info;

  while (read(signals, &info, sizeof info) < 0 && errno == EINTR)
    ;
  log_info(log, "serve", "stopping on %s", strsignal((int)info.ssi_signo));
}

static int
serve(struct cli *cli, const struct cluster_options *o, struct log *log, struct kerr *reterr)
{
  _cleanup_close_ int signals = -1, lock = -1;
  struct cluster_run *run;
  struct cluster_config c;
  struct cluster_dir d;
  int r = take_signals(&signals, reterr);

  set_limits();
  if (r == 0)
    r = prepare(cli, o, &d, &c, reterr);
  if (r == 0)
    r = cluster_dir_lock(cli->arena, &d, &lock, reterr);
  if (r == 0)
    r = cluster_run_start(&(struct cluster_run_config){ .dir = &d, .cluster = &c, .clock = cli->clock, .log = log },
                          &run, reterr);
  if (r < 0)
    return r;
  log_info(log, "serve", "cluster %s is ready at %s", d.name, cluster_run_server(run));
  report(o->ready_fd, "ready", cluster_run_server(run));
  wait_for_end(signals, log);
  cluster_run_stop(run);
  log_info(log, "serve", "cluster %s has stopped", d.name);
  return 0;
}

static int
serve_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct cluster_options *o = options;
  struct log *log = log_new(STDERR_FILENO, cli->verbosity > 0 ? LOG_DEBUG : LOG_INFO, NULL);
  int r = serve(cli, o, log, reterr);

  if (r < 0)
    report(o->ready_fd, "error", reterr->msg);
  log_free(log);
  return r;
}

extern const struct cli_command cmd_serve;
const struct cli_command cmd_serve = {
  .name = "serve",
  .summary = "Run a cluster in the foreground (for containers and debuggers); SIGTERM stops it",
  .help = "A cluster that does not exist is made first, from the same flags as `create cluster`.",
  .options = cluster_option_rows,
  .options_size = sizeof(struct cluster_options),
  .run = serve_run,
};
