/* apply -f: server-side apply of every object in the files, with kubectl's result lines. */
#include <string.h>

#include "ceilings.h"
#include "kube_target.h"
#include "manifest.h"
#include "manifest_hint.h"
#include "status.h"

static const char *const dry_runs[] = { "none", "server", NULL };
static const char *const validates[] = { "strict", "warn", "ignore", NULL };

struct apply_options {
  struct kube_options kube;
  struct cli_list files;
  bool recursive, force_conflicts;
  const char *dry_run, *validate, *manager;
};

static const struct cli_option apply_rows[] = {
  { "filename", 'f', CLI_FILES, offsetof(struct apply_options, files), "FILE",
    "a file, a folder, or - for standard input", NULL },
  { "recursive", 'R', CLI_BOOL, offsetof(struct apply_options, recursive), NULL, "folders with all that is below them",
    NULL },
  { "dry-run", 0, CLI_STRING, offsetof(struct apply_options, dry_run), "HOW", "server: everything but storing it",
    dry_runs },
  { "validate", 0, CLI_STRING, offsetof(struct apply_options, validate), "HOW",
    "unknown fields: strict (refuse, the default), warn or ignore", validates },
  { "field-manager", 0, CLI_STRING, offsetof(struct apply_options, manager), "NAME",
    "who owns the fields (default: dralab)", NULL },
  { "force-conflicts", 0, CLI_BOOL, offsetof(struct apply_options, force_conflicts), NULL,
    "take over fields that somebody else owns", NULL },
  KUBE_ROWS(struct apply_options, kube),
  CLI_OPTIONS_END,
};

struct apply {
  struct cli *cli;
  const struct apply_options *o;
  struct kube kube;
};

static int
find_info(struct apply *ap, const struct json *o, const struct resource_info **ret, struct kerr *reterr)
{
  if (!*object_api_version(o))
    return kerr_set(reterr, KERR_INVALID, NULL, "apiVersion not set");
  if (!*object_kind(o))
    return kerr_set(reterr, KERR_INVALID, NULL, "Object 'Kind' is missing in '%s'",
                    json_text(ap->cli->arena, o, JSON_COMPACT));
  return resource_map_of_kind(&ap->kube.map, object_api_version(o), object_kind(o), ret, reterr);
}

static const char *
ns_of(struct apply *ap, const struct resource_info *info, struct json *o)
{
  const char *own = object_namespace(o);

  if (!info->res.namespaced)
    return NULL;
  if (!*own)
    json_set_str(ap->cli->arena, json_ensure_object(ap->cli->arena, o, "metadata"), "namespace", ap->kube.ns);
  return *own ? arena_strdup(ap->cli->arena, own) : ap->kube.ns;
}

static int
patch(struct apply *ap, const struct resource_info *info, const char *ns, struct json *o, struct record **ret,
      struct kerr *reterr)
{
  static const struct {
    const char *word, *field_validation;
  } rows[] = { { "strict", "Strict" }, { "warn", "Warn" }, { "ignore", "Ignore" } };
  const char *validation = "Strict", *query;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (ap->o->validate && strcmp(ap->o->validate, rows[i].word) == 0)
      validation = rows[i].field_validation;
  query =
      arena_printf(ap->cli->arena, "fieldManager=%s&fieldValidation=%s%s%s", ap->o->manager ? ap->o->manager : "dralab",
                   validation, ap->o->force_conflicts ? "&force=true" : "",
                   ap->o->dry_run && strcmp(ap->o->dry_run, "server") == 0 ? "&dryRun=All" : "");
  return kclient_patch(ap->kube.client, &info->res, NULL, ns, object_name(o), KCLIENT_APPLY_PATCH, query, o, ret,
                       reterr);
}

/* generateName has no name to apply to: it is created each time. */
static int
create(struct apply *ap, const struct resource_info *info, const char *ns, struct json *o, struct record **ret,
       struct kerr *reterr)
{
  return kclient_create(ap->kube.client, &info->res, ns, o, ret, reterr);
}

static int
apply_one(struct apply *ap, struct json *o, struct kerr *reterr)
{
  _cleanup_record_ struct record *before = NULL, *after = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct resource_info *info;
  const char *ns, *what = "configured";
  int r = find_info(ap, o, &info, reterr);

  if (r < 0)
    return r;
  ns = ns_of(ap, info, o);
  if (!*object_name(o) && *json_get_str_or(json_get(o, "metadata"), "generateName", "")) {
    r = create(ap, info, ns, o, &after, reterr);
    what = "created";
  } else if (!*object_name(o)) {
    return kerr_set(reterr, KERR_INVALID, "metadata.name",
                    "metadata.name: Required value: name or generateName is required");
  } else {
    if (kclient_get(ap->kube.client, &info->res, ns, object_name(o), &before, &err) < 0 && err.code != KERR_NOT_FOUND)
      return kerr_move(reterr, &err);
    r = patch(ap, info, ns, o, &after, reterr);
    if (r == 0 && !before)
      what = "created";
    else if (r == 0 && record_revision(before) == record_revision(after))
      what = "unchanged";
  }
  if (r < 0)
    return r;
  printf("%s/%s %s%s\n", info->subject, object_name(record_tree(after)), what,
         ap->o->dry_run && strcmp(ap->o->dry_run, "server") == 0 ? " (server dry run)" : "");
  return 0;
}

/* Says what is wrong with one object, and how to mend it where that is known; the others are still applied. */
static void
complain(struct apply *ap, const struct manifest *m, struct kerr *err)
{
  const char *hint = manifest_hint(ap->cli->arena, m->object, &ap->kube.map);
  const char *source = m->source;

  if (err->code == KERR_INVALID || err->code == KERR_NOT_FOUND || err->code == KERR_BAD_REQUEST ||
      err->code == KERR_PARSE)
    (void)kerr_wrap(err, "error when applying \"%s\"", source);
  (void)kube_fail(err);
  if (hint)
    fprintf(stderr, "hint: %s\n", hint);
}

static int
apply_all(struct apply *ap, struct kerr *reterr)
{
  struct manifests m;
  int failed = 0, r = manifests_read(ap->cli->arena, &ap->o->files, ap->o->recursive, &m, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < m.n; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (apply_one(ap, m.list[i].object, &err) == 0)
      continue;
    complain(ap, &m.list[i], &err);
    failed = 1;
  }
  return failed;
}

static int
apply_run(struct cli *cli, void *options, struct kerr *reterr)
{
  struct apply ap = { .cli = cli, .o = options };
  int r = kube_open(cli, &ap.o->kube, &ap.kube, reterr);

  if (r == 0)
    r = apply_all(&ap, reterr);
  kube_close(&ap.kube);
  return r < 0 ? kube_fail(reterr) : r;
}

extern const struct cli_command cmd_apply;
const struct cli_command cmd_apply = {
  .name = "apply",
  .summary = "Apply manifests (server-side)",
  .help = "Objects that fail do not keep the others back; the exit code is 1 when any did.",
  .options = apply_rows,
  .options_size = sizeof(struct apply_options),
  .run = apply_run,
};
