/* snapshot: a cluster into one file, and a new cluster from it, on whatever store. */
#include <string.h>

#include "ceilings.h"
#include "cli.h"
#include "cluster_access.h"
#include "cluster_life.h"
#include "cluster_options.h"
#include "cluster_restore.h"
#include "codec.h"
#include "kind.h"
#include "resource_map.h"
#include "snapshot_file.h"

struct snapshot_options {
  const char *name, *store, *data_dir, *kubeconfig;
};

static int
one_file(struct cli *cli, struct kerr *reterr)
{
  return cli->n_args == 1 ? 0 : kerr_set(reterr, KERR_USAGE, NULL, "accepts 1 arg: FILE, received %zu", cli->n_args);
}

/* -- save -- */

struct saving {
  struct cli *cli;
  struct cluster_dir dir;
  struct cluster_config config;
  struct personality *personality;
  struct kclient *client;
  struct snapshot_writer *out;
  int64_t revision; /* everything is as it was at this one */
  size_t objects;
  struct json *seen; /* prefixes that are done: two groups may show the same objects */
};

static int
save_head(struct saving *s, struct kerr *reterr)
{
  struct arena *a = s->cli->arena;
  struct json *head = json_new_object(a);
  char now[CLOCK_TEXT_MAX];

  json_set_str(a, head, "apiVersion", "dralab.dev/v1alpha1");
  json_set_str(a, head, "kind", "Snapshot");
  json_set_int(a, head, "format", SNAPSHOT_FORMAT);
  json_set_str(a, head, "created", clock_rfc3339(clock_wall(s->cli->clock), false, now));
  json_set_int(a, head, "revision", s->revision);
  json_set(a, head, "cluster", cluster_config_to_json(a, &s->config));
  return snapshot_write(s->out, head, reterr);
}

static int
save_file(struct saving *s, const char *name, struct kerr *reterr)
{
  struct arena *a = s->cli->arena;
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE), base64 = STRBUF_INIT(2 * CEIL_SMALL_FILE);
  struct json *line = json_new_object(a);

  if (fs_read(cluster_dir_file(a, &s->dir, name), &text, reterr) < 0)
    return -(int)reterr->code;
  codec_base64(&base64, strbuf_view(&text));
  json_set_str(a, line, "file", name);
  json_set_str(a, line, "base64", base64.p);
  return snapshot_write(s->out, line, reterr);
}

/* Who the cluster is: with other keys, tokens and kubeconfigs of before would be worth nothing. */
static int
save_identity(struct saving *s, struct kerr *reterr)
{
  struct arena *a = s->cli->arena;
  char **names;
  size_t n;
  int r = fs_list(a, cluster_dir_file(a, &s->dir, "pki"), &names, &n, reterr);

  for (size_t i = 0; r == 0 && i < n; i++)
    r = save_file(s, arena_printf(a, "pki/%s", names[i]), reterr);
  return r < 0 ? r : save_file(s, "tokens.csv", reterr);
}

/* Below which key the objects of a collection are; NULL: they are not stored, or were there already. */
static const char *
prefix_of(struct saving *s, const struct kclient_resource *res)
{
  struct arena *a = s->cli->arena;
  const struct kind_resource *k = kind_resource_find(s->personality, res->group, res->version, res->resource);
  const char *prefix;

  if (k && (!*k->storage_version || !(k->verbs & KIND_VERB_LIST)))
    return NULL;
  prefix = k ? k->storage_prefix : arena_printf(a, "%s/%s", res->group, res->resource);
  if (json_get(s->seen, prefix))
    return NULL;
  json_set(a, s->seen, prefix, json_new_bool(a, true));
  return prefix;
}

static int
save_object(struct saving *s, struct arena *a, const struct kclient_resource *res, const char *prefix,
            struct record *record, struct kerr *reterr)
{
  const struct json *tree = record_tree(record);
  const char *ns = object_namespace(tree);
  struct json *line = json_new_object(a), *object = json_shallow(a, tree);

  json_set_str(a, object, "apiVersion",
               *res->group ? arena_printf(a, "%s/%s", res->group, res->version) : res->version);
  json_set_str(a, object, "kind", res->kind);
  json_set_str(a, line, "key",
               arena_printf(a, "/registry/%s/%s%s%s", prefix, res->namespaced ? ns : "", res->namespaced ? "/" : "",
                            object_name(tree)));
  json_set(a, line, "object", object);
  s->objects++;
  return snapshot_write(s->out, line, reterr);
}

static int
save_collection(struct saving *s, const struct kclient_resource *res, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  const char *prefix = prefix_of(s, res);
  struct kclient_list list = { .n = 0 };
  int r = 0;

  if (!prefix)
    return 0;
  r = kclient_list(s->client, res, NULL,
                   arena_printf(a, "resourceVersion=%lld&resourceVersionMatch=Exact", (long long)s->revision), &list,
                   reterr);
  for (size_t i = 0; r == 0 && i < list.n; i++)
    r = save_object(s, a, res, prefix, list.items[i], reterr);
  kclient_list_release(&list);
  return r < 0 ? kerr_wrap(reterr, "%s", res->resource) : 0;
}

static int
save_all(struct saving *s, struct kerr *reterr)
{
  struct kclient_list namespaces;
  struct resource_map map;
  int r = resource_map_load(s->cli->arena, s->client, &map, reterr);

  if (r == 0)
    r = kclient_list(s->client, &KC_NAMESPACES, NULL, NULL, &namespaces, reterr);
  if (r < 0)
    return r;
  s->revision = namespaces.revision;
  kclient_list_release(&namespaces);
  r = save_head(s, reterr);
  if (r == 0)
    r = save_identity(s, reterr);
  for (size_t i = 0; r == 0 && i < map.n; i++)
    r = save_collection(s, &map.list[i].res, reterr);
  return r;
}

static int
save_prepare(struct saving *s, const struct snapshot_options *o, struct kerr *reterr)
{
  struct arena *a = s->cli->arena;
  const struct cluster_target target = { .name = cli_cluster_name(o->name) };
  int r = cluster_dir_of(a, target.name, &s->dir, reterr);

  if (r == 0)
    r = cluster_dir_load(a, &s->dir, &s->config, reterr);
  if (r == 0 && cluster_dir_pid(&s->dir) <= 0)
    r = kerr_set(reterr, KERR_UNAVAILABLE, NULL,
                 "cluster \"%s\" is not running; start it with: %s start cluster --name %s", s->dir.name, s->cli->self,
                 s->dir.name);
  if (r == 0)
    r = personality_new(s->config.kubernetes_version, s->config.feature_gates, s->config.runtime_config,
                        &s->personality, reterr);
  if (r == 0)
    r = cluster_access_client(s->cli, &target, &s->client, NULL, reterr);
  return r;
}

static int
save_run(struct cli *cli, void *options, struct kerr *reterr)
{
  struct saving s = { .cli = cli, .seen = json_new_object(cli->arena) };
  int r = one_file(cli, reterr);

  if (r == 0)
    r = save_prepare(&s, options, reterr);
  if (r == 0)
    r = snapshot_writer_new(cli->args[0], &s.out, reterr);
  if (r == 0)
    r = save_all(&s, reterr);
  if (r == 0)
    r = snapshot_writer_finish(s.out, reterr);
  if (r == 0)
    cli_note(cli, "Saved %zu objects of cluster \"%s\" to %s", s.objects, s.dir.name, cli->args[0]);
  snapshot_writer_free(s.out);
  kclient_free(s.client);
  personality_unref(s.personality);
  return r < 0 ? kerr_wrap(reterr, "failed to save a snapshot") : 0;
}

/* -- restore -- */

static bool
is_plain_name(const char *file)
{
  return (strncmp(file, "pki/", 4) == 0 && file[4] != '.' && !strchr(file + 4, '/')) || strcmp(file, "tokens.csv") == 0;
}

struct restoring {
  struct cli *cli;
  struct cluster_dir dir;
};

static int
restore_file(void *payload, struct arena *a, const struct json *line, struct kerr *reterr)
{
  struct restoring *r = payload;
  const char *file = json_get_str(line, "file"), *base64 = json_get_str_or(line, "base64", "");
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);

  if (!file)
    return 0;
  if (!is_plain_name(file) || !codec_unbase64(&text, span_of(base64)))
    return kerr_set(reterr, KERR_PARSE, NULL, "'%s' is not a file of a cluster", file);
  return fs_write(cluster_dir_file(a, &r->dir, file), strbuf_view(&text), 0600, true, reterr);
}

/* The daemon reads it from the folder, so that a crash in between costs nothing. */
static int
copy_file(const char *from, const char *to, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf bytes = STRBUF_INIT(CEIL_REPLY);

  if (fs_read(from, &bytes, reterr) < 0)
    return -(int)reterr->code;
  return fs_write(to, strbuf_view(&bytes), 0600, true, reterr);
}

/* What the cluster was, under its new name, on its new store, at a port that is free. */
static int
restore_config(struct cli *cli, const struct snapshot_options *o, const struct json *head, struct cluster_config *c,
               struct kerr *reterr)
{
  cluster_config_default(cli->arena, c);
  c->n_nodes = 0;
  if (cluster_config_from_json(cli->arena, json_get(head, "cluster"), c, reterr) < 0)
    return kerr_wrap(reterr, "%s: cluster", cli->args[0]);
  if (o->name)
    c->name = o->name;
  if (o->store)
    c->store = o->store;
  c->etcd = (struct cluster_etcd){ .endpoints = NULL };
  c->port = 0;
  return cluster_config_finish(cli->arena, c, reterr);
}

static int
fill_folder(struct restoring *r, const struct snapshot_options *o, const struct cluster_config *c, struct kerr *reterr)
{
  struct arena *a = r->cli->arena;
  struct json *head;
  int code = cluster_dir_make(a, &r->dir, o->data_dir, reterr);

  if (code == 0)
    code = fs_mkdirs(cluster_dir_file(a, &r->dir, "pki"), 0700, reterr);
  if (code == 0)
    code = snapshot_read(r->cli->args[0], a, &head, restore_file, r, reterr);
  if (code == 0)
    code = copy_file(r->cli->args[0], cluster_dir_file(a, &r->dir, CLUSTER_RESTORE_FILE), reterr);
  return code < 0 ? code : cluster_dir_save(a, &r->dir, c, reterr);
}

static int
restore_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct snapshot_options *o = options;
  struct restoring r = { .cli = cli };
  struct cluster_config c;
  struct json *head;
  int code = one_file(cli, reterr);

  if (code == 0) /* all of it is right, before anything is done */
    code = snapshot_read(cli->args[0], cli->arena, &head, NULL, NULL, reterr);
  if (code == 0)
    code = restore_config(cli, o, head, &c, reterr);
  if (code == 0)
    code = cluster_dir_of(cli->arena, c.name, &r.dir, reterr);
  if (code == 0 && cluster_dir_exists(&r.dir))
    code = kerr_set(reterr, KERR_ALREADY_EXISTS, NULL,
                    "a cluster with the name \"%s\" exists already%s; delete it, or choose another --name", c.name,
                    cluster_dir_pid(&r.dir) > 0 ? " and is running" : "");
  if (code < 0)
    return kerr_wrap(reterr, "failed to restore a snapshot");
  cli_note(cli, "Restoring cluster \"%s\" from %s ...", c.name, cli->args[0]);
  code = fill_folder(&r, o, &c, reterr);
  if (code == 0)
    code = cluster_bring_up(cli, &r.dir, o->kubeconfig, reterr);
  if (code < 0) {
    cluster_take_back(cli, &r.dir);
    return kerr_wrap(reterr, "failed to restore a snapshot");
  }
  cli_note(cli, "Set kubectl context to \"dralab-%s\"", c.name);
  return 0;
}

static const struct cli_option save_rows[] = { CLI_OPTION_NAME(struct snapshot_options, name), CLI_OPTIONS_END };

static const struct cli_option restore_rows[] = {
  { "name", 0, CLI_STRING, offsetof(struct snapshot_options, name), "NAME",
    "the new cluster's name (default: as it was)", NULL },
  { "store", 0, CLI_STRING, offsetof(struct snapshot_options, store), "KIND",
    "memory, sqlite or etcd (default: as it was)", cluster_option_stores },
  { "data-dir", 0, CLI_STRING, offsetof(struct snapshot_options, data_dir), "DIR",
    "where the cluster lives (default: under $DRALAB_HOME)", NULL },
  { "kubeconfig", 0, CLI_STRING, offsetof(struct snapshot_options, kubeconfig), "FILE",
    "where to write access (default: $KUBECONFIG or ~/.kube/config)", NULL },
  CLI_OPTIONS_END,
};

extern const struct cli_command cmd_snapshot_save, cmd_snapshot_restore;
const struct cli_command cmd_snapshot_save = {
  .name = "snapshot save",
  .args = "FILE",
  .summary = "Save a running cluster, its objects and identity, to one file",
  .help =
      "Everything is as it was at one moment, whatever the store. The file holds the cluster's keys: keep it as you\n"
      "would keep them. `zcat FILE` shows what is in it, one line of JSON for each object.",
  .options = save_rows,
  .options_size = sizeof(struct snapshot_options),
  .run = save_run,
};
const struct cli_command cmd_snapshot_restore = {
  .name = "snapshot restore",
  .args = "FILE",
  .summary = "Make a cluster from a snapshot, on any store",
  .help = "The new cluster has the objects, keys and tokens of the old one, and a port of its own. Resource versions\n"
          "begin anew, so clients that watched the old one have to list again.",
  .options = restore_rows,
  .options_size = sizeof(struct snapshot_options),
  .run = restore_run,
};
