/* delete TYPE NAME..., delete -f: and wait until it is gone, as kubectl delete. */
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "kube_target.h"
#include "manifest.h"

#define POLL_NS (20 * CLOCK_MS)

static const char *const cascades[] = { "background", "foreground", "orphan", NULL };

struct delete_options {
  struct kube_options kube;
  struct cli_list files;
  const char *labels, *fields, *grace, *cascade, *wait;
  int64_t timeout;
  bool all, force, now, ignore_not_found, recursive;
};

static const struct cli_option delete_rows[] = {
  { "filename", 'f', CLI_FILES, offsetof(struct delete_options, files), "FILE", "what a file, a folder or - names",
    NULL },
  { "recursive", 'R', CLI_BOOL, offsetof(struct delete_options, recursive), NULL, "folders with all that is below them",
    NULL },
  { "selector", 'l', CLI_STRING, offsetof(struct delete_options, labels), "SELECTOR", "what a label selector names",
    NULL },
  { "field-selector", 0, CLI_STRING, offsetof(struct delete_options, fields), "SELECTOR", "what a field selector names",
    NULL },
  { "all", 0, CLI_BOOL, offsetof(struct delete_options, all), NULL, "everything of that type", NULL },
  { "grace-period", 0, CLI_STRING, offsetof(struct delete_options, grace), "SECONDS",
    "time to end in; -1 leaves it to the object", NULL },
  { "force", 0, CLI_BOOL, offsetof(struct delete_options, force), NULL, "at once: a grace period of 0", NULL },
  { "now", 0, CLI_BOOL, offsetof(struct delete_options, now), NULL, "soon: a grace period of 1", NULL },
  { "cascade", 0, CLI_STRING, offsetof(struct delete_options, cascade), "HOW",
    "what becomes of dependents: background, foreground or orphan", cascades },
  { "ignore-not-found", 0, CLI_BOOL, offsetof(struct delete_options, ignore_not_found), NULL,
    "what is not there counts as deleted", NULL },
  { "wait", 0, CLI_STRING, offsetof(struct delete_options, wait), "BOOL", "wait until it is gone (default true)",
    NULL },
  { "timeout", 0, CLI_DURATION, offsetof(struct delete_options, timeout), "DURATION", "how long to wait; 0: for ever",
    NULL },
  KUBE_ALL_ROW(struct delete_options, kube),
  KUBE_ROWS(struct delete_options, kube),
  CLI_OPTIONS_END,
};

struct doomed {
  const struct resource_info *info;
  const char *ns, *name, *uid;
  struct doomed *next;
};

struct deletion {
  struct cli *cli;
  const struct delete_options *o;
  struct kube kube;
  struct doomed *gone, **last;
};

static struct json *
options_of(struct deletion *d)
{
  static const struct {
    const char *word, *policy;
  } rows[] = { { "background", "Background" }, { "foreground", "Foreground" }, { "orphan", "Orphan" } };
  struct json *o = json_new_object(d->cli->arena);

  json_set_str(d->cli->arena, o, "apiVersion", "v1");
  json_set_str(d->cli->arena, o, "kind", "DeleteOptions");
  json_set_str(d->cli->arena, o, "propagationPolicy", "Background");
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (d->o->cascade && strcmp(d->o->cascade, rows[i].word) == 0)
      json_set_str(d->cli->arena, o, "propagationPolicy", rows[i].policy);
  if (d->o->force || d->o->now)
    json_set_int(d->cli->arena, o, "gracePeriodSeconds", d->o->now);
  else if (d->o->grace && strtoll(d->o->grace, NULL, 10) >= 0)
    json_set_int(d->cli->arena, o, "gracePeriodSeconds", strtoll(d->o->grace, NULL, 10));
  return o;
}

static int
delete_one(struct deletion *d, const struct resource_info *info, const char *ns, const char *name, const char *uid,
           struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct doomed *gone = arena_new_of(d->cli->arena, struct doomed);
  int r = kclient_delete(d->kube.client, &info->res, ns, name, options_of(d), &err);

  if (r < 0 && err.code == KERR_NOT_FOUND && d->o->ignore_not_found)
    return 0;
  if (r < 0)
    return kerr_move(reterr, &err);
  printf("%s \"%s\" %sdeleted%s%s%s\n", info->subject, name, d->o->force ? "force " : "", ns ? " from " : "",
         ns ? ns : "", ns ? " namespace" : "");
  *gone = (struct doomed){ .info = info, .ns = ns, .name = name, .uid = uid };
  *d->last = gone;
  d->last = &gone->next;
  return 0;
}

static int
delete_listed(struct deletion *d, const struct resource_info *info, struct kerr *reterr)
{
  struct kclient_list list;
  struct arena *a = d->cli->arena;
  int r = kclient_list(d->kube.client, &info->res, kube_ns_of(&d->kube, info),
                       kube_selectors(a, d->o->labels, d->o->fields), &list, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < list.n && r == 0; i++) {
    const struct json *o = record_tree(list.items[i]);
    const char *ns = *object_namespace(o) ? arena_strdup(a, object_namespace(o)) : NULL;

    r = delete_one(d, info, ns, arena_strdup(a, object_name(o)), arena_strdup(a, object_uid(o)), reterr);
  }
  kclient_list_release(&list);
  return r;
}

static int
delete_items(struct deletion *d, struct kerr *reterr)
{
  struct kube_item *items;
  size_t n;
  int r = kube_items(d->cli, &d->kube, &items, &n, reterr);

  for (size_t i = 0; i < n && r == 0; i++) {
    if (items[i].name)
      r = delete_one(d, items[i].info, kube_ns_of(&d->kube, items[i].info), items[i].name, NULL, reterr);
    else if (d->o->all || d->o->labels || d->o->fields)
      r = delete_listed(d, items[i].info, reterr);
    else
      r = kerr_set(reterr, KERR_USAGE, NULL, "resource(s) were provided, but no name was specified");
  }
  return r;
}

static int
delete_files(struct deletion *d, struct kerr *reterr)
{
  struct manifests m;
  int r = manifests_read(d->cli->arena, &d->o->files, d->o->recursive, &m, reterr);

  for (size_t i = 0; r == 0 && i < m.n; i++) {
    const struct json *o = m.list[i].object;
    const struct resource_info *info;
    const char *ns;

    r = resource_map_of_kind(&d->kube.map, object_api_version(o), object_kind(o), &info, reterr);
    if (r < 0)
      return r;
    ns = !info->res.namespaced ? NULL : *object_namespace(o) ? object_namespace(o) : d->kube.ns;
    r = delete_one(d, info, ns, object_name(o), NULL, reterr);
  }
  return r;
}

static bool
is_there(struct deletion *d, const struct doomed *w)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (kclient_get(d->kube.client, &w->info->res, w->ns, w->name, &r, &err) < 0)
    return err.code != KERR_NOT_FOUND;
  return object_is_deleting(record_tree(r)) && (!w->uid || strcmp(object_uid(record_tree(r)), w->uid) == 0);
}

static int
wait_until_gone(struct deletion *d, struct kerr *reterr)
{
  int64_t deadline = d->o->timeout > 0 ? clock_mono(d->cli->clock) + d->o->timeout : CLOCK_NEVER;

  for (const struct doomed *w = d->gone; w; w = w->next)
    while (is_there(d, w)) {
      if (clock_mono(d->cli->clock) > deadline)
        return kerr_set(reterr, KERR_USAGE, NULL, "timed out waiting for the condition on %s/%s", w->info->res.resource,
                        w->name);
      clock_sleep(d->cli->clock, POLL_NS);
    }
  return 0;
}

static int
delete_run(struct cli *cli, void *options, struct kerr *reterr)
{
  struct deletion d = { .cli = cli, .o = options };
  int r = kube_open(cli, &d.o->kube, &d.kube, reterr);

  d.last = &d.gone;
  if (r == 0)
    r = d.o->files.n ? delete_files(&d, reterr) : delete_items(&d, reterr);
  fflush(stdout);
  if (r == 0 && !(d.o->wait && strcmp(d.o->wait, "false") == 0))
    r = wait_until_gone(&d, reterr);
  kube_close(&d.kube);
  return r < 0 ? kube_fail(reterr) : 0;
}

extern const struct cli_command cmd_kdelete;
const struct cli_command cmd_kdelete = {
  .name = "delete",
  .args = "TYPE NAME...",
  .summary = "Delete objects by name, selector or file",
  .options = delete_rows,
  .options_size = sizeof(struct delete_options),
  .run = delete_run,
};
