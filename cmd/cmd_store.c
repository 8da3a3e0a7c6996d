/*
 * store compact, store status: what etcdctl's `compact` and `endpoint status` are for, on whatever store.
 *
 * The store of a running cluster is its daemon's: it is asked through the API server (rest_store.h). An SQLite store at
 * rest is opened here.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "cluster_access.h"
#include "number.h"
#include "rest_store.h"
#include "status.h"
#include "store_status.h"

struct store_options {
  const char *name, *revision, *output;
};

struct looking {
  struct cli *cli;
  struct cluster_dir dir;
  struct cluster_config config;
  bool compacts;
  int64_t revision; /* to compact to; 0: the present */
};

/* -- where it is -- */

/* Bytes of a file of the cluster's; 0 when it is not there. */
static int64_t
file_size(const struct looking *l, const char *file)
{
  struct stat st;

  return stat(cluster_dir_file(l->cli->arena, &l->dir, file), &st) == 0 ? (int64_t)st.st_size : 0;
}

/* Bytes on this disk; -1: the store is not on it. */
static int64_t
size_on_disk(const struct looking *l)
{
  if (strcmp(l->config.store, "sqlite") == 0)
    return file_size(l, CLUSTER_STORE_FILE) + file_size(l, CLUSTER_STORE_FILE "-wal");
  if (strcmp(l->config.store, "etcd") == 0 && !l->config.etcd.endpoints)
    return file_size(l, CLUSTER_STORE_ETCD "/data/member/snap/db");
  return -1;
}

static void
add_place(const struct looking *l, struct json *status)
{
  struct arena *a = l->cli->arena;
  int64_t size = size_on_disk(l);

  if (l->config.etcd.endpoints)
    json_set_str(a, status, "endpoints", l->config.etcd.endpoints);
  if (size < 0)
    return;
  json_set_str(
      a, status, "path",
      cluster_dir_file(a, &l->dir, strcmp(l->config.store, "sqlite") == 0 ? CLUSTER_STORE_FILE : CLUSTER_STORE_ETCD));
  json_set_int(a, status, "sizeInBytes", size);
}

/* -- of a cluster that runs -- */

static int
ask_daemon(const struct looking *l, struct json **ret, struct kerr *reterr)
{
  struct arena *a = l->cli->arena;
  _cleanup_(kclient_freep) struct kclient *client = NULL;
  const struct cluster_target target = { .name = l->dir.name };
  const char *path = !l->compacts       ? REST_STORE_PATH
                     : l->revision == 0 ? REST_STORE_PATH "/compact"
                                        : arena_printf(a, REST_STORE_PATH "/compact?revision=%" PRId64, l->revision);
  struct kclient_reply reply;
  int r = cluster_access_client(l->cli, &target, &client, NULL, reterr);

  if (r == 0)
    r = kclient_raw(client, a, l->compacts ? "POST" : "GET", path, "application/json", NULL, SPAN(""), &reply, reterr);
  if (r == 0 && reply.status == 404)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL,
                    "cluster \"%s\" runs an older version of %s; stop and start it to use this one", l->dir.name,
                    l->cli->self);
  if (r == 0)
    r = json_parse(a, reply.body, NULL, ret, reterr);
  return r < 0 || reply.status == 200 ? r : status_to_kerr(*ret, reply.status, reterr);
}

/* -- of one that does not -- */

static int
can_be_opened(const struct looking *l, struct kerr *reterr)
{
  bool in_memory = strcmp(l->config.store, "memory") == 0;

  if (strcmp(l->config.store, "sqlite") == 0) {
    if (fs_exists(cluster_dir_file(l->cli->arena, &l->dir, CLUSTER_STORE_FILE)))
      return 0;
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "cluster \"%s\" has not run yet: it has no store", l->dir.name);
  }
  return kerr_set(reterr, KERR_UNAVAILABLE, NULL,
                  "cluster \"%s\" is not running%s; start it with: %s start cluster --name %s", l->dir.name,
                  in_memory ? ", and its store was in memory" : "", l->cli->self, l->dir.name);
}

static int
work_on_file(const struct looking *l, struct store *s, struct store_status *ret, struct kerr *reterr)
{
  int r;

  if (!l->compacts)
    return store_status_read(s, ret, reterr);
  r = store_status_compact(s, l->revision, ret, reterr);
  return r < 0 ? r : store_shrink(s, reterr);
}

/* A daemon that starts meanwhile is told that the store is in use; so are we, if it was faster. */
static int
open_file(const struct looking *l, struct json **ret, struct kerr *reterr)
{
  struct cli *cli = l->cli;
  int64_t before = size_on_disk(l);
  struct store_status status;
  struct store *s = NULL;
  int r = can_be_opened(l, reterr);

  if (r == 0)
    r = store_open(&(struct store_config){ .backend = l->config.store,
                                           .path = cluster_dir_file(cli->arena, &l->dir, CLUSTER_STORE_FILE),
                                           .clock = cli->clock },
                   &s, reterr);
  if (r == 0)
    r = work_on_file(l, s, &status, reterr);
  store_free(s);
  if (r < 0)
    return r;
  if (l->compacts)
    cli_note(cli, "%s: %" PRId64 " bytes, now %" PRId64, CLUSTER_STORE_FILE, before, size_on_disk(l));
  *ret = store_status_json(cli->arena, &status);
  return 0;
}

/* -- the commands -- */

static int
prepare(struct looking *l, const struct store_options *o, struct kerr *reterr)
{
  struct cli *cli = l->cli;
  int r = cluster_dir_find(cli->arena, cli_cluster_name(o->name), &l->dir, reterr);

  if (r == 0)
    r = cluster_dir_load(cli->arena, &l->dir, &l->config, reterr);
  if (r == 0 && o->revision && (!number_int64(span_of(o->revision), &l->revision) || l->revision < 1))
    r = kerr_set(reterr, KERR_USAGE, NULL,
                 "invalid argument \"%s\" for \"--revision\" flag: must be a revision, a number from 1", o->revision);
  return r;
}

static void
print_status(struct arena *a, const struct json *status)
{
  for (json_each_member (m, status)) {
    const char *text = json_str(m->value);

    printf("%-12s %s\n", m->name, text ? text : json_text(a, m->value, JSON_COMPACT));
  }
}

static int
look(struct looking *l, const struct store_options *o, struct kerr *reterr)
{
  struct arena *a = l->cli->arena;
  struct json *status;
  int r = prepare(l, o, reterr);

  if (r == 0)
    r = cluster_dir_pid(&l->dir) > 0 ? ask_daemon(l, &status, reterr) : open_file(l, &status, reterr);
  if (r < 0)
    return r;
  add_place(l, status);
  if (o->output)
    puts(json_text(a, status, JSON_INDENT2));
  else if (l->compacts)
    printf("compacted at revision %" PRId64 "\n", json_get_int(status, "compacted", 0));
  else
    print_status(a, status);
  return 0;
}

static int
compact_run(struct cli *cli, void *options, struct kerr *reterr)
{
  return look(&(struct looking){ .cli = cli, .compacts = true }, options, reterr);
}

static int
status_run(struct cli *cli, void *options, struct kerr *reterr)
{
  return look(&(struct looking){ .cli = cli }, options, reterr);
}

static const struct cli_option compact_rows[] = {
  CLI_OPTION_NAME(struct store_options, name),
  { "revision", 0, CLI_STRING, offsetof(struct store_options, revision), "N",
    "what was overwritten or deleted before it is forgotten (default: the present revision)", NULL },
  CLI_OPTION_JSON(struct store_options, output),
  CLI_OPTIONS_END,
};
static const struct cli_option status_rows[] = { CLI_OPTION_NAME(struct store_options, name),
                                                 CLI_OPTION_JSON(struct store_options, output), CLI_OPTIONS_END };

extern const struct cli_command cmd_store_compact, cmd_store_status;
const struct cli_command cmd_store_compact = {
  .name = "store compact",
  .summary = "Make a cluster's store forget the past, as `etcdctl compact` does",
  .help =
      "Objects stay as they are, and watches go on. A running server still answers from the history it has in memory,\n"
      "five minutes of it, as kube-apiserver's watch cache does; from its next start on, a list at an older revision\n"
      "and a watch from one are answered 410 (Expired).\n"
      "\n"
      "The SQLite store of a cluster that does not run can be compacted too, and its file becomes smaller.",
  .options = compact_rows,
  .options_size = sizeof(struct store_options),
  .run = compact_run,
};
const struct cli_command cmd_store_status = {
  .name = "store status",
  .summary = "Say what a cluster's objects are kept in, how many there are, and at which revision",
  .options = status_rows,
  .options_size = sizeof(struct store_options),
  .run = status_run,
};
