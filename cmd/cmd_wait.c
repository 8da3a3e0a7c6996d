/* wait --for=...: until objects are as wanted, as kubectl wait. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ceilings.h"
#include "kube_target.h"

#define POLL_NS         (20 * CLOCK_MS)
#define DEFAULT_TIMEOUT (30 * CLOCK_SEC)

struct wait_options {
  struct kube_options kube;
  const char *condition, *labels, *fields;
  int64_t timeout;
  bool all;
};

static const struct cli_option wait_rows[] = {
  { "for", 0, CLI_STRING, offsetof(struct wait_options, condition), "WHAT",
    "condition=TYPE[=STATUS], jsonpath={.a.b}=VALUE, delete or create", NULL },
  { "timeout", 0, CLI_DURATION, offsetof(struct wait_options, timeout), "DURATION", "how long (default 30s)", NULL },
  { "selector", 'l', CLI_STRING, offsetof(struct wait_options, labels), "SELECTOR", "label selector", NULL },
  { "field-selector", 0, CLI_STRING, offsetof(struct wait_options, fields), "SELECTOR", "field selector", NULL },
  { "all", 0, CLI_BOOL, offsetof(struct wait_options, all), NULL, "everything of that type", NULL },
  KUBE_ALL_ROW(struct wait_options, kube),
  KUBE_ROWS(struct wait_options, kube),
  CLI_OPTIONS_END,
};

struct wish;
typedef bool wish_fn(const struct wish *w, const struct json *o); /* o NULL: it is not there */

struct wish {
  wish_fn *holds;
  const char *name, *value; /* condition type and status; path and value */
};

static bool
holds_condition(const struct wish *w, const struct json *o)
{
  const struct json *c = o ? object_condition(o, w->name) : NULL;

  return c && strcasecmp(json_get_str_or(c, "status", ""), w->value) == 0;
}

static bool
holds_deleted(const struct wish *w, const struct json *o)
{
  (void)w;
  return !o;
}

static bool
holds_created(const struct wish *w, const struct json *o)
{
  (void)w;
  return o != NULL;
}

/* `.status.phase`, with [N] for items of lists; that is as much of JSONPath as waiting needs. */
static const struct json *
follow(const struct json *v, const char *path)
{
  while (v && *path) {
    size_t n;

    if (*path == '.') {
      path++;
      n = strcspn(path, ".[");
      v = json_get_n(v, path, n);
      path += n;
    } else if (*path == '[') {
      char *end;
      unsigned long i = strtoul(path + 1, &end, 10);

      v = *end == ']' ? json_at(v, i) : NULL;
      path = *end == ']' ? end + 1 : "";
    } else {
      return NULL;
    }
  }
  return v;
}

static bool
holds_path(const struct wish *w, const struct json *o)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct json *v = o ? follow(o, w->name) : NULL;

  if (!v || !w->value)
    return v != NULL;
  return strcmp(json_str(v) ? json_str(v) : json_text(a, v, JSON_COMPACT), w->value) == 0;
}

static int
parse_path(struct arena *a, const char *text, struct wish *ret, struct kerr *reterr)
{
  const char *open = *text == '{' ? text + 1 : text, *close = strchr(open, *text == '{' ? '}' : '=');
  const char *eq = close ? strchr(close, '=') : NULL;

  if (*text == '{' && !close)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
                    "--for=jsonpath='{.status.readyReplicas}'");
  *ret = (struct wish){ .holds = holds_path,
                        .name = close ? arena_strndup(a, open, (size_t)(close - open)) : open,
                        .value = eq ? eq + 1 : NULL };
  return 0;
}

static int
parse_wish(struct arena *a, const char *text, struct wish *ret, struct kerr *reterr)
{
  const char *eq;

  if (!text || !*text)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "--for is needed: condition=TYPE[=STATUS], jsonpath={.a.b}=VALUE, delete or create");
  if (strcmp(text, "delete") == 0 || strcmp(text, "create") == 0) {
    *ret = (struct wish){ .holds = *text == 'd' ? holds_deleted : holds_created };
    return 0;
  }
  if (strncmp(text, "condition=", 10) == 0) {
    eq = strchr(text + 10, '=');
    *ret = (struct wish){ .holds = holds_condition,
                          .name = eq ? arena_strndup(a, text + 10, (size_t)(eq - text - 10)) : text + 10,
                          .value = eq ? eq + 1 : "true" };
    return 0;
  }
  if (strncmp(text, "jsonpath=", 9) == 0)
    return parse_path(a, text + 9, ret, reterr);
  return kerr_set(reterr, KERR_USAGE, NULL, "unrecognized condition: \"%s\"", text);
}

static int
wait_one(struct cli *cli, struct kube *k, const struct resource_info *info, const char *ns, const char *name,
         const struct wish *wish, int64_t deadline, struct kerr *reterr)
{
  for (;;) {
    _cleanup_record_ struct record *r = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    int code = kclient_get(k->client, &info->res, ns, name, &r, &err);

    if (code < 0 && (err.code != KERR_NOT_FOUND || (wish->holds != holds_deleted && wish->holds != holds_created)))
      return kerr_move(reterr, &err);
    if (wish->holds(wish, r ? record_tree(r) : NULL)) {
      printf("%s/%s %s\n", info->subject, name, wish->holds == holds_deleted ? "deleted" : "condition met");
      fflush(stdout);
      return 0;
    }
    if (clock_mono(cli->clock) > deadline)
      return kerr_set(reterr, KERR_USAGE, NULL, "timed out waiting for the condition on %s/%s", info->res.resource,
                      name);
    clock_sleep(cli->clock, POLL_NS);
  }
}

static int
wait_listed(struct cli *cli, struct kube *k, const struct wait_options *o, const struct resource_info *info,
            const struct wish *wish, int64_t deadline, struct kerr *reterr)
{
  struct kclient_list list;
  int r = kclient_list(k->client, &info->res, kube_ns_of(k, info), kube_selectors(cli->arena, o->labels, o->fields),
                       &list, reterr);

  if (r < 0)
    return r;
  if (list.n == 0 && wish->holds != holds_deleted)
    r = kerr_set(reterr, KERR_USAGE, NULL, "no matching resources found");
  for (size_t i = 0; i < list.n && r == 0; i++) {
    const struct json *item = record_tree(list.items[i]);

    r = wait_one(cli, k, info, *object_namespace(item) ? object_namespace(item) : NULL, object_name(item), wish,
                 deadline, reterr);
  }
  kclient_list_release(&list);
  return r;
}

static int
wait_all(struct cli *cli, struct kube *k, const struct wait_options *o, struct kerr *reterr)
{
  int64_t deadline = clock_mono(cli->clock) + (o->timeout > 0 ? o->timeout : DEFAULT_TIMEOUT);
  struct kube_item *items;
  struct wish wish;
  size_t n;
  int r = parse_wish(cli->arena, o->condition, &wish, reterr);

  if (r == 0)
    r = kube_items(cli, k, &items, &n, reterr);
  for (size_t i = 0; r == 0 && i < n; i++)
    r = items[i].name
            ? wait_one(cli, k, items[i].info, kube_ns_of(k, items[i].info), items[i].name, &wish, deadline, reterr)
            : wait_listed(cli, k, o, items[i].info, &wish, deadline, reterr);
  return r;
}

static int
wait_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct wait_options *o = options;
  struct kube k = { .client = NULL };
  int r = kube_open(cli, &o->kube, &k, reterr);

  if (r == 0)
    r = wait_all(cli, &k, o, reterr);
  kube_close(&k);
  return r < 0 ? kube_fail(reterr) : 0;
}

extern const struct cli_command cmd_wait;
const struct cli_command cmd_wait = {
  .name = "wait",
  .args = "TYPE NAME... | TYPE --all",
  .summary = "Wait until objects are as wanted",
  .options = wait_rows,
  .options_size = sizeof(struct wait_options),
  .run = wait_run,
};
